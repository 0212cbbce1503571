"""Rules of train/: one reader of audio, one pool of processes, imports that point one way."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "train").rglob("*.py"))
ORDER = ("common", "data", "official_cocola", "evaluate", "fit", "probe")  # each imports only itself and those before


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def folder_of(module: str) -> str:
    """The folder of a module of train: those at the top, the recipes, count as one."""
    part = module.split(".")[1] if "." in module else "fit"
    return part if part in ORDER else "fit"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_one_way(path):
    here = ORDER.index(folder_of(name(path).removesuffix(".py").replace("/", ".")))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "train":
            names = [f"train.{alias.name}" for alias in node.names] if node.module == "train" else [node.module]
            for module in names:
                assert ORDER.index(folder_of(module)) <= here, f"{module} stands above"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_audio_is_read_and_processes_are_started_in_one_place(path):
    text = path.read_text()
    if path.name != "stems.py":
        inner = text if path.name != "render.py" else text.replace('sf.read(wav, dtype="float32"', "")  # its own output
        assert not re.search(r"\bsf\.(read|info|SoundFile)\b|\bread_at\(|\bopen_audio\(", inner), (
            "see train/data/stems.py"
        )
    if path.name != "processes.py":
        assert not re.search(r"ProcessPoolExecutor|multiprocessing|process_pool", text), "see train/common/processes.py"
    if path.name != "files.py":
        assert not re.search(r"\.r?glob\(\S*\*\.(npz|flac|wav|mid)|\.r?glob\(\S*song\.json", text), (
            "see common/files.py"
        )

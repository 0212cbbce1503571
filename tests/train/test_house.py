"""Rules of train/: one reader of audio, one pool of processes, one listing of files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "train").rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


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

"""The load of `bench --live`: it reaches the agent without any optional package of OSC, or says that it does not."""

import ast
import socket
from pathlib import Path

import pytest

from agent.verbs import bench_live, play
from agent.verbs.bench_load import Load, LoadError, load

AGENT = Path(__file__).parents[3] / "agent"


def free_ports() -> tuple[int, int]:
    return bench_live._free_port(socket.SOCK_DGRAM), bench_live._free_port(socket.SOCK_STREAM)


def test_what_it_sends_is_obeyed(stage, guide, tmp_path):
    osc_port, page_port = free_ports()
    with load(osc_port, page_port) as guest:
        sets = f"osc.port={osc_port}", f"page.port={page_port}", f'osc.subscribers=["127.0.0.1:{guest.port}"]'
        options = play.PlayOptions(input=str(guide), output=str(tmp_path / "out.wav"), osc=True, seconds=3.0)
        play.play(stage.settings(*sets, hop=0.25), options)
        guest.end()
    guest.check()
    assert 0 < guest.counts["obeyed"] <= guest.counts["sent"] and guest.counts["page"] > 0


def test_where_nobody_listens_it_says_so():
    with load(*free_ports()) as guest:
        guest.end()
    with pytest.raises(LoadError, match=r"could not make its load \(sent .*\), so that nothing is measured: see"):
        guest.check()
    assert guest.counts["obeyed"] == guest.counts["page"] == 0


@pytest.mark.parametrize("missing", ["sent", "obeyed", "page"])
def test_half_a_load_is_none(missing):
    guest = Load(None, 1)  # type: ignore[arg-type]
    guest.counts = {"sent": 9, "obeyed": 9, "page": 9} | {missing: 0}
    with pytest.raises(LoadError, match=f"{missing} 0"):
        guest.check()


def imports(text: str) -> set[str]:
    """Names of the modules that a program imports; none if the text is no program."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return set()
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", sorted(AGENT.rglob("*.py")), ids=lambda path: path.relative_to(AGENT).as_posix())
def test_no_program_hides_in_a_text(path):
    """What runs in a process of its own is a module, whose imports are seen; none needs the package python-osc."""
    text = path.read_text(encoding="utf-8")
    assert not any(name.split(".")[0] == "pythonosc" for name in imports(text))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not imports(node.value), f"line {node.lineno}"

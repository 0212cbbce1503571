"""The patches: written from the table of controls and current, lint-free, and with something for every control."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from agent.control.command import CONTROLS, REPORTS
from patches import make, sc, surface

py2max = pytest.importorskip("py2max", reason="py2max is not installed: pip install -e '.[dev]'")

HERE = Path(make.__file__).parent
MAX = sorted((HERE / "max").iterdir())
PD = sorted((HERE / "pd").glob("*.pd"))
HAND = [one for one in CONTROLS.values() if one.group in surface.GROUPS]  # what a surface offers


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with everything that is generated, made now."""
    folder = tmp_path_factory.mktemp("patches")
    make.write(folder)
    return folder


def test_the_files_are_those_the_table_gives(written):
    made = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert len(made) == 13
    stale = [str(path) for path in made if (HERE / path).read_bytes() != (written / path).read_bytes()]
    assert not stale, f"run python -m patches.make: {', '.join(stale)}"


def test_every_patch_has_its_help():
    assert {path.stem for path in MAX if path.suffix == ".maxpat"} == {p.stem for p in MAX if p.suffix == ".maxhelp"}
    names = {path.stem for path in PD}
    assert {f"{name}-help" for name in names if not name.endswith("-help")} <= names
    assert (HERE / "sc" / "Antiphon.schelp").is_file() and (HERE / "README.md").is_file()


@pytest.mark.parametrize("path", MAX, ids=lambda path: path.name)
def test_max_lint(path):
    done = subprocess.run([sys.executable, "-m", "py2max", "validate", path], capture_output=True, text=True)
    assert "no lint findings" in done.stdout and done.returncode == 0, done.stdout + done.stderr


def boxes(path: Path) -> list[dict]:
    return [one["box"] for one in json.loads(path.read_text(encoding="utf-8"))["patcher"]["boxes"]]


@pytest.mark.parametrize("name", ["antiphon.control.maxpat", "antiphon.player.maxpat"])
def test_nothing_overlaps_on_the_panel(name):
    shown = [box for box in boxes(HERE / "max" / name) if box.get("presentation") and box["maxclass"] != "panel"]
    assert len(shown) > 15
    for one, other in combinations(shown, 2):
        (x, y, w, h), (u, v, m, n) = one["presentation_rect"], other["presentation_rect"]
        apart = x + w <= u or u + m <= x or y + h <= v or v + n <= y
        assert apart or "comment" in (one["maxclass"], other["maxclass"]), (one, other)


def test_max_offers_every_control():
    texts = [str(box.get("text", "")) for box in boxes(HERE / "max" / "antiphon.control.maxpat")]
    for control in HAND:
        words = [text.split() for text in texts]
        assert any(control.address in line[:2] for line in words), control.name
    routed = next(text for text in texts if text.startswith("route /antiphon/heard"))
    assert set(routed.split()[1:]) == {about.address for about in REPORTS.values() if about.name != "pong"}


def test_max_keeps_the_ranges_of_the_table():
    found = boxes(HERE / "max" / "antiphon.control.maxpat")
    numbers = [(box["minimum"], box["maximum"]) for box in found if "minimum" in box]
    for control in HAND:
        for arg in control.args:
            if surface.kind_of(control) in ("fader", "number", "span"):
                assert (arg.low, arg.high) in numbers, control.name


def test_pd_offers_every_control():
    text = (HERE / "pd" / "antiphon-control.pd").read_text(encoding="utf-8")
    for control in HAND:
        path = control.name.replace("/", " ")
        assert re.search(rf"oscformat (-f \w+ )?antiphon {path};|antiphon {control.name} ", text), control.name


def canvases(text: str):
    """(number of boxes, [connections]) of each canvas of a Pd file, inner ones first."""
    open_ones: list[tuple[list[str], list[list[int]]]] = []
    for statement in re.split(r"(?<!\\);\n", text):
        words = statement.split()
        if words[:2] == ["#N", "canvas"]:
            open_ones.append(([], []))
        elif words[:2] == ["#X", "restore"]:
            yield open_ones.pop()
            open_ones[-1][0].append("pd")
        elif words[:2] == ["#X", "connect"]:
            open_ones[-1][1].append([int(word) for word in words[2:6]])
        elif words and words[1] != "coords":
            open_ones[-1][0].append(" ".join(words))
    yield open_ones.pop()
    assert not open_ones


@pytest.mark.parametrize("path", PD, ids=lambda path: path.name)
def test_pd_cords_have_two_ends(path):
    for found, cords in canvases(path.read_text(encoding="utf-8")):
        for source, _, target, _ in cords:
            assert source != target and 0 <= source < len(found) and 0 <= target < len(found)
        assert len({tuple(cord) for cord in cords}) == len(cords), "a cord is there twice"


def test_supercollider_has_a_method_for_every_control():
    text, page = sc.extension(), sc.help_page()
    for control in CONTROLS.values():
        if control.name not in sc.HIDDEN:
            assert f"\t{sc.method(control)} {{" in text and f"METHOD:: {sc.method(control)}\n" in page
    for about in REPORTS.values():
        assert f"\\{about.name} -> #[" in text and f"## {about.name} ||" in page
    assert text.count("{") == text.count("}") and text.count("(") == text.count(")")


def test_no_machine_is_named():
    for path in HERE.rglob("*"):
        if path.is_file() and path.suffix in (".maxpat", ".maxhelp", ".pd", ".sc", ".schelp", ".scd", ".mjs", ".md"):
            text = path.read_text(encoding="utf-8")
            assert not [place for place in ("/" + "home/", "/" + "work/", "/" + "root/", "/" + "tmp/") if place in text]

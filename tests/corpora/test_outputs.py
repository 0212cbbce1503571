"""An output that is an input is seen however its path is spelt, and nothing else is refused."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.outputs import refuse_overlap, refuse_unwritable
from corpora.whole_files import AudioError

NAMES = ("a", "b", "folder/a", "folder/deep/a", "new", "folder/new", "missing/new")
SPELLINGS = ("{}", "./{}", "folder/../{}", "{root}/{}", ".//{}", "folder/deep/../../{}", "linked/../{}", "here/{}")


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """A few files and folders, and links to them."""
    root = tmp_path_factory.mktemp("house")
    (root / "folder" / "deep").mkdir(parents=True)
    for name in NAMES[:4]:
        (root / name).write_text(name)
    (root / "linked").symlink_to("folder")
    (root / "here").symlink_to(".")
    (root / "soft").symlink_to("a")
    os.link(root / "b", root / "hard")
    return root


def overlap(path: Path, other: Path) -> str:
    """The sentence that refuses `path` as an output beside `other` as an input, "" if it is not refused."""
    try:
        refuse_overlap([("--read", other)], [("--write", path)])
    except AudioError as error:
        return str(error)
    return ""


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(SPELLINGS), st.sampled_from(SPELLINGS))
def test_only_the_file_counts_not_the_spelling(house, name, other, spelling, other_spelling):
    written, read = (house / form.format(one, root=house) for form, one in ((spelling, name), (other_spelling, other)))
    # The link is followed before the two dots, as the system does it: linked/.. is where the folder lies.
    said = overlap(written, read)
    assert bool(said) == (name == other)
    if said:
        assert f"--write '{written}' is the same as --read '{read}', which would be lost" in said


@pytest.mark.parametrize(
    ("written", "read", "relation"),
    [
        ("soft", "a", "is the same as"),
        ("a", "soft", "is the same as"),
        ("hard", "b", "is the same as"),
        ("linked", "folder", "is the same as"),
        ("folder/deep/new", "folder", "lies inside"),
        ("linked/new", "folder", "lies inside"),
        ("folder/new", "linked", "lies inside"),
        ("folder", "linked/deep/a", "contains"),
        ("linked", "folder/a", "contains"),
        (".", "a", "contains"),
        ("hard", "a", ""),
        ("soft", "b", ""),
        ("folder/deep/new", "folder/a", ""),
        ("folder2", "folder", ""),
        ("fold", "folder/a", ""),
    ],
)
def test_links_and_folders(house, written, read, relation):
    said = overlap(house / written, house / read)
    assert (relation in said) if relation else said == ""


def test_two_outputs(house):
    with pytest.raises(AudioError, match=r"--mix '.*' is the same as -o '.*', and both are written"):
        refuse_overlap([], [("-o", house / "a"), ("--mix", house / "soft")])
    refuse_overlap([], [("--log", house / "a"), ("--log", house / "a"), ("-o", house / "b")])  # parts of one output
    refuse_overlap([("--x", house / "a"), ("--y", house / "a")], [])  # two inputs may be one


@pytest.mark.parametrize("name", ["nul\0.wav", "x" * 300 + ".wav", "a/b.wav", "missing/b.wav", "folder"])
def test_where_nothing_can_be_written(house, name):
    before = sorted(house.rglob("*"))
    refuse_overlap([("--read", house / "a")], [("--write", house / name)] if name != "folder" else [])
    with pytest.raises(AudioError, match=": "):
        refuse_unwritable(house / name)
    assert sorted(house.rglob("*")) == before


def test_where_something_can_be_written(house):
    before = sorted(house.rglob("*"))
    for name in ("a", "new", "soft", "folder/new"):
        refuse_unwritable(house / name)
    assert sorted(house.rglob("*")) == before

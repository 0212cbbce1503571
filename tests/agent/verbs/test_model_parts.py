"""A model folder of one's own: whatever is missing is named, with the place where it belongs and what makes it."""

import json
import shutil
from itertools import combinations
from pathlib import Path

import pytest

from agent.performance.model_folder import ModelError, encoder_of
from agent.verbs.model_parts import parts

STEM = "k64_h0.50"
NEEDED = {  # part -> what stands in its remedy
    "model.json": '{"format": 1',
    "encoder": "antiphon train encoder DATA -o RUN",
    f"units/{STEM}.safetensors": "antiphon train units DATA -o RUN --encoder",
    f"decision/{STEM}": f"antiphon train decision RUN/tokens/{STEM} -o",
}
USEFUL = {f"decision/{STEM}/attributes": "antiphon train attributes RUN", "coherence": "antiphon train coherence DATA",
          "words": "antiphon train words DATA",
          "fill": "antiphon train fill SCORES"}  # fmt: skip


@pytest.fixture
def whole(tiny, tiny_coherence, tmp_path) -> Path:
    """The tiny model at 0.5 s alone, with all that it needs, words and a meter."""
    folder = tmp_path / "mine"
    for name in ("encoder", f"units/{STEM}.safetensors", f"decision/{STEM}", "words"):
        add(folder, tiny, name)
    shutil.copytree(tiny_coherence, folder / "coherence")
    (folder / "CARD.md").write_text("random weights")
    (folder / "model.json").write_text(json.dumps({"format": 1, "name": "mine", "hops": {"0.5": 64}}))
    return folder


def add(folder: Path, source: Path, name: str) -> None:
    """Copy a part into a model folder, as a user would."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    if (source / name).is_dir():
        shutil.copytree(source / name, folder / name)
    else:
        shutil.copy(source / name, folder / name)


def states(folder: Path) -> dict[str, str]:
    return {part.name: part.state for part in parts(folder)}


@pytest.mark.parametrize(
    "missing", [chosen for size in range(5) for chosen in combinations(NEEDED, size)], ids=lambda names: " ".join(names)
)
def test_exactly_what_is_missing_is_an_error(whole, missing):
    for name in missing:
        shutil.rmtree(whole / name) if (whole / name).is_dir() else (whole / name).unlink()
    assert {name for name, state in states(whole).items() if state == "error"} == set(missing)
    for part in parts(whole):
        if part.name in missing:
            assert NEEDED[part.name] in part.sentence and str(whole) in part.sentence


@pytest.mark.parametrize(
    "file",
    [
        "encoder/config.json",
        "encoder/model.safetensors",
        f"decision/{STEM}/decision.json",
        f"decision/{STEM}/decision.safetensors",
    ],
)
def test_a_part_that_lacks_a_file_is_missing(whole, file):
    (whole / file).unlink()
    (part,) = (part for part in parts(whole) if part.state == "error")
    assert file.startswith(part.name) and f"no {Path(file).name} in" in part.sentence


def test_what_only_some_need_is_a_note(whole):
    shutil.rmtree(whole / "coherence")
    shutil.rmtree(whole / "words")
    notes = {part.name: part.sentence for part in parts(whole) if part.state == "note"}
    assert set(notes) == set(USEFUL) and all(command in notes[name] for name, command in USEFUL.items())


def test_each_hop_needs_its_own_parts(whole):
    (whole / "model.json").write_text(json.dumps({"format": 1, "hops": {"0.5": 64, "0.25": 16}}))
    missing = {name for name, state in states(whole).items() if state == "error"}
    assert missing == {"units/k16_h0.25.safetensors", "decision/k16_h0.25"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "hops": {}}', '{"format": 9}'])
def test_a_model_json_that_cannot_be_used(whole, text):
    (whole / "model.json").write_text(text)
    assert states(whole)["model.json"] == "error"


def test_assembled_step_by_step_as_check_says(antiphon, whole, tiny, tmp_path, guide, memory):
    """An empty folder becomes a model that answers by adding what `antiphon check` calls missing, one after another."""
    mine = tmp_path / "new"
    mine.mkdir()
    for _ in range(6):
        said = antiphon("check", "--model", mine, "--json")
        found = json.loads(said.out)
        missing = [one["what"] for one in found["findings"] if one["state"] == "error"]
        assert found["ready"] == (not missing) and said.code == (0 if found["ready"] else 2)
        if not missing:
            break
        add(mine, whole, missing[0])
    assert set(found["hops"]) == {"0.5"}
    assert antiphon("respond", guide, "--memory", memory, "--model", mine, "-o", "out.wav").code == 0


def test_parts_that_do_not_belong_together(antiphon, whole, other):
    shutil.copy(other / "units" / f"{STEM}.safetensors", whole / "units")
    said = antiphon("check", "--model", whole)
    assert said.code == 2 and "ERROR model: " in said.out and "speaks alphabet" in said.out


def test_where_the_encoder_is(whole, tmp_path, monkeypatch):
    def named(name: object) -> object:
        about = json.loads((whole / "model.json").read_text())
        (whole / "model.json").write_text(json.dumps(about | {"encoder": name}))
        return encoder_of(whole)

    monkeypatch.chdir(tmp_path)
    assert encoder_of(whole) == named("") == whole / "encoder"
    shutil.copytree(whole / "encoder", "elsewhere")
    shutil.move(whole / "encoder", whole / "ear")
    assert named("ear") == whole / "ear" and named(str(whole / "ear")) == whole / "ear"
    assert named("elsewhere") == Path("elsewhere") and states(whole)["encoder"] == "ok"
    (Path("elsewhere") / "model.safetensors").rename(Path("elsewhere") / "pytorch_model.bin")
    assert states(whole)["encoder"] == "ok", "weights as many on the hub have them"
    (Path("elsewhere") / "pytorch_model.bin").unlink()
    assert states(whole)["encoder"] == "error"
    assert named("facebook/wav2vec2-base") == "facebook/wav2vec2-base" and states(whole)["encoder"] == "ok"
    (whole / "model.json").write_text("[]")
    with pytest.raises(ModelError):
        encoder_of(whole)

"""The grid of re-generation: its cells are those of single evaluations, each done once, whatever interrupts them."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from corpora.whole_files import write_files
from decision.model import Decision, DecisionConfig
from decision.sampling import CONSTRAINTS
from perception.units import Alphabet
from tests.conftest import melody, tree, write
from train.common.errors import TrainError
from train.data import hearing, shards, token_pairs
from train.data.tokenise import pitched_songs, tokenise
from train.evaluate import regeneration_grid
from train.evaluate import regeneration_grid_report as report
from train.evaluate.regeneration import regeneration
from train.evaluate.regeneration_audio import render
from train.evaluate.regeneration_grid import absent, grid

RATE = 16000
MODES = ("full", 2)
NAMES = ["k16_h0.25", "k16_h0.35", "k64_h0.50"]  # what the tiny model has, by K and hop
SETTINGS = {"modes": MODES, "pairs": 4, "seconds": 5.0, "examples": 1}
PATIENCE_S = 600.0  # for a process on a busy machine


@pytest.fixture(scope="module", autouse=True)
def _draw_once():
    """Pictures follow from the figures alone, and drawing them takes longer than a grid: the same are drawn once."""
    drawn: dict[str, dict[str, bytes]] = {}
    draw = report.figures

    def once(result):
        key = json.dumps(result["configurations"])
        if key not in drawn:
            drawn[key] = draw(result)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "figures", once)
        yield


@pytest.fixture(scope="module")
def stems(tmp_path_factory) -> Path:
    """Two songs of two parts and drums, 9 s each, the test split of some data."""
    folder = tmp_path_factory.mktemp("stems")
    for song in range(2):
        for number, part in enumerate(("bass", "keys", "drums")):
            path = folder / "test" / f"song{song}" / f"{part}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, melody(9, RATE, 10 * song + number), RATE)
    return folder


@pytest.fixture(scope="module")
def whole(stems, tiny, tmp_path_factory) -> Path:
    """The folder of a grid that was evaluated in one go."""
    out = tmp_path_factory.mktemp("whole") / "out"
    grid(stems, tiny, out, **SETTINGS)
    return out


@pytest.fixture
def tokens(tmp_path, tiny) -> Path:
    """A token cache for each configuration of the tiny model."""
    folder, rng = tmp_path / "tokens", np.random.default_rng(0)
    folder.mkdir()
    for name in NAMES:
        alphabet = Alphabet.load(tiny / "units" / f"{name}.safetensors")
        labels = {
            f"test/{song}/{part}": np.repeat(rng.integers(0, alphabet.units + 1, 30), 3)
            for song in range(2)
            for part in "ab"
        }
        token_pairs.save(folder / f"{name}", labels, alphabet.units, alphabet.hop, alphabet.hash)
    return folder


def read(out: Path) -> dict:
    return json.loads((out / "regeneration.json").read_text())


def results(out: Path) -> dict[str, bytes]:
    """What an evaluation found, without the note of how it was run; the sound of Ogg files, whose serial is random."""
    found = {name: content for name, content in tree(out).items() if name != "run.json"}
    return {name: sf.read(out / name)[0].tobytes() if name.endswith(".ogg") else found[name] for name in found}


# --- the law


def test_the_figures_of_a_cell_are_those_of_the_single_evaluation(whole, stems, tiny, tmp_path):
    result = read(whole)
    assert [c["name"] for c in result["configurations"]] == NAMES
    plain = {name: value for name, value in SETTINGS.items() if name != "examples"}
    for configuration in result["configurations"]:
        single = regeneration(
            stems, tiny, tmp_path / "single", units=configuration["units"], hop=configuration["hop"], **plain
        )
        assert single["configurations"] == [configuration]


@pytest.mark.slow
def test_another_time_gives_the_same_in_two_processes_and_another_seed_does_not(whole, stems, tiny, tmp_path):
    grid(stems, tiny, tmp_path / "again", jobs=2, **SETTINGS)
    assert results(tmp_path / "again") == results(whole)
    other = grid(stems, tiny, tmp_path / "other", hop=0.5, **SETTINGS, seed=1)
    assert other["configurations"][0]["answers"] != read(whole)["configurations"][2]["answers"]


@pytest.mark.slow
def test_a_cluster_gives_the_same(whole, stems, tiny, tmp_path):
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the extra [cluster]")
    nodes = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        grid(stems, tiny, tmp_path / "out", cluster=nodes.address, **SETTINGS)
    finally:
        nodes.shutdown()
    assert results(tmp_path / "out") == results(whole)


@pytest.mark.parametrize("after", [pytest.param(0, marks=pytest.mark.slow), 7])
def test_an_interrupted_grid_goes_on_to_the_same(whole, stems, tiny, tmp_path, monkeypatch, after):
    """Neither is a cell that is done done again, nor a stem labelled."""
    done: list[str] = []
    answer, label_stem = regeneration_grid.Configuration.answer, regeneration_grid.label_stem

    def answering(self, mode, constraint):
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(f"{self.units} {self.model.config.hop} {mode} {constraint}")
        return answer(self, mode, constraint)

    monkeypatch.setattr(regeneration_grid.Configuration, "answer", answering)
    with pytest.raises(KeyboardInterrupt):
        grid(stems, tiny, tmp_path / "out", **SETTINGS)
    assert not (tmp_path / "out" / "regeneration.json").exists()
    after = -1
    monkeypatch.setattr(regeneration_grid, "label_stem", lambda *_: pytest.fail("labelled twice"))
    grid(stems, tiny, tmp_path / "out", resume=True, **SETTINGS)
    assert len(done) == len(set(done)) == len(NAMES) * len(MODES) * len(CONSTRAINTS)
    grid(stems, tiny, tmp_path / "out", resume=True, **SETTINGS)
    assert len(done) == len(NAMES) * len(MODES) * len(CONSTRAINTS)
    assert results(tmp_path / "out") == results(whole)
    assert label_stem  # as it was


@pytest.mark.slow
def test_an_interrupted_labelling_goes_on(whole, stems, tiny, tmp_path, monkeypatch):
    label_stem, calls = regeneration_grid.label_stem, []

    def labelling(path, *rest):
        calls.append(path)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return label_stem(path, *rest)

    monkeypatch.setattr(regeneration_grid, "label_stem", labelling)
    with pytest.raises(KeyboardInterrupt):
        grid(stems, tiny, tmp_path / "out", **SETTINGS)
    grid(stems, tiny, tmp_path / "out", **SETTINGS)
    assert len(calls) == 1 + len(NAMES) * 4, "four stems at each hop, and the one that was interrupted"
    assert results(tmp_path / "out") == results(whole)


@pytest.mark.slow
def test_stems_that_took_the_place_of_others_are_labelled_again(whole, stems, tiny, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    shutil.copytree(stems, tmp_path / "stems")
    for path in (tmp_path / "out" / "cells").iterdir():
        path.unlink()
    write(tmp_path / "stems" / "test" / "song0" / "bass.flac", melody(9, RATE, 77), RATE)
    result = grid(tmp_path / "stems", tiny, tmp_path / "out", hop=0.5, **SETTINGS)
    assert (
        result["configurations"]
        == grid(tmp_path / "stems", tiny, tmp_path / "b", hop=0.5, **SETTINGS)["configurations"]
    )
    assert result["configurations"][0] != read(whole)["configurations"][2]


@pytest.mark.slow
def test_a_killed_grid_goes_on_and_gives_the_same(antiphon, tokens, tiny, tmp_path):
    words = ["evaluate", "regeneration", "tokens", "--grid", "--model", str(tiny), "--pairs", "4"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen([sys.executable, "-m", "agent.cli", *words, "-o", "out"], env=environment, cwd=tmp_path)
    end = time.monotonic() + PATIENCE_S
    while not list(tmp_path.glob("out/cells/*_*_*_*.json")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/cells/*.json")}
    assert before and not (tmp_path / "out/regeneration.json").exists()
    assert "--resume" in antiphon(*words, "-o", "out").sentence
    assert "seed = 0, now 2" in antiphon(*words, "-o", "out", "--resume", "--seed", 2).sentence
    assert antiphon(*words, "-o", "out", "--resume").code == 0
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/cells/*.json")}
    assert before.items() <= after.items(), "what was done is not done again"
    assert antiphon(*words, "-o", "whole", "--jobs", 2).code == 0
    assert results(tmp_path / "out") == results(tmp_path / "whole")


# --- which cells it has


@pytest.mark.slow
def test_a_grid_grows_with_the_model(tokens, tiny, tmp_path):
    """Cells of another hop, of another look-ahead and of a new decision come to those that are done."""
    model, out, settings = tmp_path / "model", tmp_path / "out", {"pairs": 4, "seconds": 5.0}
    shutil.copytree(tiny, model)
    shutil.move(model / "decision" / "k16_h0.35", tmp_path / "aside")
    assert [c["name"] for c in grid(tokens, model, out, hop=0.5, modes=[1], **settings)["configurations"]] == NAMES[2:]
    grid(tokens, model, out, resume=True, modes=[1, 2], **settings)
    shutil.move(tmp_path / "aside", model / "decision" / "k16_h0.35")
    result = grid(tokens, model, out, resume=True, modes=[1, 2], **settings)
    assert result["configurations"] == grid(tokens, model, tmp_path / "one", modes=[1, 2], **settings)["configurations"]
    assert (tmp_path / "one" / "regeneration.json").read_bytes() == (out / "regeneration.json").read_bytes()


def test_what_is_absent_is_said_with_what_makes_it(whole, tokens, tiny, tmp_path):
    result = read(whole)
    names = {f"k{k}_h{h:.2f}" for k in (16, 64, 256) for h in (0.25, 0.35, 0.5)}
    assert {row["name"] for row in result["absent"]} == names - set(NAMES)
    by_name = {row["name"]: row for row in result["absent"]}
    assert by_name["k64_h0.25"]["missing"] == ["decision"]  # whose alphabet the model has
    assert "--alphabets MODEL/units --units 64" in by_name["k64_h0.25"]["commands"][0]
    assert "-o MODEL/decision/k64_h0.25" in by_name["k64_h0.25"]["commands"][-1]
    assert by_name["k256_h0.50"]["missing"] == ["alphabet", "decision"]
    assert by_name["k256_h0.50"]["commands"][1] == "cp WORK/units/k256_h0.50.safetensors MODEL/units/"
    for name in by_name:
        assert name in (whole / "regeneration.md").read_text() and name in (whole / "regeneration.html").read_text()
    shutil.rmtree(tokens / "k16_h0.35")
    s = regeneration_grid.GridEvaluation(hop=0.35, units=16)
    (row,) = absent(tokens, tiny, [(16, 0.25), (64, 0.5)], s)
    assert row["missing"] == ["labels"] and "WORK/tokens --grid" in row["commands"][-1]


def test_one_token_cache_is_a_grid_of_one(antiphon, tokens, tiny, tmp_path):
    shutil.copytree(tokens / "k64_h0.50", tmp_path / "mine")
    said = antiphon("evaluate", "regeneration", "mine", "--grid", "--model", tiny, "-o", "out", "--pairs", 4)
    assert said.code == 0 and "12 cells." in said.out, said.err
    assert [c["name"] for c in read(tmp_path / "out")["configurations"]] == ["k64_h0.50"]
    who = {row["who"] for row in read(tmp_path / "out")["configurations"][0]["answers"]}
    assert {"model full", "model live 1", "model live 2", "model live 4", "uniform"} <= who


# --- what is heard and seen


def test_the_page_names_only_what_is_there_and_can_be_listened_to(whole):
    page = (whole / "regeneration.html").read_text()
    named = re.findall(r'src="([^"]+)"', page)
    assert all((whole / name).is_file() for name in named) and "http" not in page
    assert {name for name in named if name.startswith("figures/")} == {
        f"figures/{measure}_{constraint}.png" for measure in ("tpp", "lcp", "entropy") for constraint in CONSTRAINTS
    }
    heard = [name for name in named if name.startswith("audio/")]
    assert len(heard) == len(set(heard)) == len(NAMES) * (len(MODES) * len(CONSTRAINTS) + 1)
    assert {f"audio/{path.name}" for path in (whole / "audio").iterdir()} == set(heard)
    for name in heard:
        info = sf.info(whole / name)
        assert (info.channels, info.samplerate) == (2, RATE) and info.duration == pytest.approx(5, abs=0.36)
    assert page.count("<h3>") == len(NAMES)


def test_the_tables_name_every_cell(whole):
    table = (whole / "regeneration.md").read_text()
    for name in NAMES:
        for heard in ("full", "live 2"):
            for constraint in CONSTRAINTS:
                assert re.search(rf"\| {re.escape(name)} \| {heard} \| {constraint} \| \d", table)
    assert f"{len(NAMES) * 6} cells." in table


def test_without_stems_there_is_nothing_to_listen_to(tokens, tiny, tmp_path):
    grid(tokens, tiny, tmp_path / "out", hop=0.5, pairs=4, modes=[1])
    assert "<audio" not in (tmp_path / "out" / "regeneration.html").read_text()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cells", "figures", "regeneration.html", "regeneration.json", "regeneration.md", "run.json",
    ]  # fmt: skip


def test_the_true_labels_in_their_place_are_the_recording_itself(tmp_path):
    """And a label that the memory lacks is silence."""
    hop, memory = 0.25, np.arange(40)
    sound = write(tmp_path / "b.wav", 0.1 + 0.5 * np.abs(melody(10, RATE, 1)), RATE, "FLOAT")
    played, silence = sf.read(sound, dtype="float32")[0], 99
    heard = render(np.arange(4, 12), memory, sound, hop, silence, 0)
    attack = 80
    assert np.array_equal(heard[attack:], played[4 * 4000 : 12 * 4000][attack:])
    heard = render(np.array([5, 77, 77, silence, 9]), memory, sound, hop, silence, 0)
    assert np.abs(heard[:4000]).min() > 0 and not heard[2 * 4000 : 4 * 4000].any() and heard[-4000:].any()


# --- a decision that hears features


def test_a_decision_that_hears_features_is_given_them(whole, stems, tiny, tmp_path):
    """The same from stems and from the tokens and features that the recipe makes of them."""
    model = hearing_model(tiny, tmp_path / "model")
    result = grid(stems, model, tmp_path / "out", hop=0.5, **SETTINGS)
    single = regeneration(stems, model, tmp_path / "single", hop=0.5, modes=MODES, pairs=4, seconds=5.0)
    assert result["configurations"] == single["configurations"]
    assert result["configurations"][0]["answers"] != read(whole)["configurations"][2]["answers"]
    made = next(tokenise(pitched_songs(stems, "test"), model, [(64, 0.5)], "test"))
    labels = {f"test/{song}/{part}": row for song, parts in made.songs["test"].items() for part, row in parts.items()}
    token_pairs.save(tmp_path / "tokens" / "k64_h0.50", labels, 64, 0.5, made.alphabet)
    alphabet = Alphabet.load(model / "units" / "k64_h0.50.safetensors")
    features = tmp_path / "tokens" / hearing.store_name(0.5)
    hearing.begin(features, [alphabet], {"all": sorted(made.features)})
    shards.write_shard(features, "all", made.features)
    cached = regeneration(tmp_path / "tokens", model, tmp_path / "cached", modes=MODES, pairs=4, seconds=5.0)
    assert cached["configurations"] == result["configurations"]
    shards.write_shard(features, "all", {name: 0 * row for name, row in made.features.items()})
    deaf = regeneration(tmp_path / "tokens", model, tmp_path / "cached", modes=MODES, pairs=4, seconds=5.0)
    assert deaf["configurations"] != result["configurations"], "the features are heard"


def hearing_model(tiny: Path, folder: Path) -> Path:
    """A copy of the tiny model whose decision at 0.5 s hears features."""
    shutil.copytree(tiny, folder)
    alphabet = Alphabet.load(folder / "units" / "k64_h0.50.safetensors")
    about = DecisionConfig(
        units=64, hop=0.5, window=30, alphabet=alphabet.hash, dim=32, layers=1, heads=2, ff=64,
        key_dim=alphabet.projection.shape[1], extra_dim=3,
    )  # fmt: skip
    write_files(folder / "decision" / "k64_h0.50", Decision(about).files())
    return folder


# --- what cannot be done


def test_what_cannot_be_done_is_said_in_a_sentence(antiphon, tokens, tiny, stems, tmp_path):
    words = ("evaluate", "regeneration")

    def refused(*more) -> str:
        return antiphon(*words, *more).sentence

    grid_of = ("tokens", "--grid", "--model", tiny, "--pairs", 4, "--modes", 1)
    assert "belong to --grid" in refused("tokens", "--model", tiny, "-o", "x", "--resume")
    assert "belong to --grid" in refused("tokens", "--model", tiny, "-o", "x", "--jobs", 2)
    assert "no Ray cluster at 'nowhere'" in refused(*grid_of, "-o", "x", "--cluster", "nowhere")
    assert "jobs = 0" in refused(*grid_of, "-o", "x", "--jobs", 0)
    assert "nothing at 'nowhere'" in refused("nowhere", "--grid", "-o", "x")
    assert "share no such configuration" in refused(*grid_of, "-o", "x", "--units", 32)
    assert "share no such configuration" in refused("tokens", "--grid", "--model", "nosuch", "-o", "x")
    assert "expected full" in refused("tokens", "--grid", "--model", tiny, "-o", "x", "--modes", "half")
    (tmp_path / "empty").mkdir()
    assert "no song in 'empty'" in refused("empty", "--grid", "--model", tiny, "-o", "x")
    assert not (tmp_path / "x").exists()
    assert "no window of 900 s" in refused(*grid_of, "-o", "y", "--seconds", 900)
    assert not list((tmp_path / "y" / "cells").iterdir())
    shutil.copytree(tiny, tmp_path / "blunt")
    for path in (tmp_path / "blunt" / "units").iterdir():
        path.unlink()
    assert "no alphabet at" in refused(stems, "--grid", "--model", "blunt", "-o", "z")


def test_a_grid_of_something_else_is_not_gone_on_with(antiphon, tokens, tiny, other, tmp_path):
    words = ("evaluate", "regeneration", "tokens", "--grid", "--pairs", 4, "--modes", 1, "--hop", 0.5, "-o", "out")
    shutil.copytree(tiny, tmp_path / "model")
    assert antiphon(*words, "--model", "model").code == 0
    before = tree(tmp_path)
    assert "add --resume" in antiphon(*words, "--model", "model").sentence
    assert "top_p = 0.8, now 0.5" in antiphon(*words, "--model", "model", "--resume", "--top-p", 0.5).sentence
    assert "is of model" in antiphon(*words, "--model", tiny, "--resume").sentence
    shutil.copytree(tokens, tmp_path / "same")
    assert "is of data" in antiphon(*words[:2], "same", *words[3:], "--model", "model", "--resume").sentence
    shutil.rmtree(tmp_path / "same")
    assert tree(tmp_path) == before
    decision = Decision.load(tmp_path / "model" / "decision" / "k64_h0.50")
    decision.head.bias.data += 1
    write_files(tmp_path / "model" / "decision" / "k64_h0.50", decision.files())
    assert "another decision model" in antiphon(*words, "--model", "model", "--resume").sentence
    (tmp_path / "out" / "cells" / "k64_h0.50_live_1_none.json").write_text("[1]")
    assert "is damaged" in antiphon(*words, "--model", "model", "--resume").sentence


def test_a_full_disk_leaves_whole_cells_only(tokens, tiny, tmp_path, monkeypatch):
    replace, count = os.replace, []

    def full(*names):
        count.append(names)
        if len(count) == 5:
            raise OSError(28, "No space left on device")
        replace(*names)

    monkeypatch.setattr("corpora.whole_files.os.replace", full)
    with pytest.raises(ValueError, match="no room on the disk"):
        grid(tokens, tiny, tmp_path / "out", hop=0.5, pairs=4)
    monkeypatch.undo()
    assert not any(".part" in name for name in tree(tmp_path))
    for path in (tmp_path / "out" / "cells").iterdir():
        assert json.loads(path.read_text())["origin"]
    grid(tokens, tiny, tmp_path / "out", hop=0.5, pairs=4, resume=True)


def test_settings_are_checked():
    with pytest.raises(TrainError, match="examples = -1"):
        regeneration_grid.GridEvaluation(examples=-1)

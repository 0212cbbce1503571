"""antiphon evaluate coherence: eq. (4) by hand, fair batches, the changes as what they claim to be, and the whole."""

import itertools
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from agent.performance import model_folder
from perception.coherence import MODES, WINDOW_SAMPLES, Calibration, Coherence
from perception.evidence import MEASURES, EvidenceMeter, Joined
from perception.hpss import SAMPLERATE
from perception.time_embedding import TimeEmbedding
from tests.conftest import glide, melody, tree, write
from train.common.errors import TrainError
from train.data.evidence_pairs import DISPLACEMENTS_BEATS
from train.data.submixes import Pair
from train.evaluate.coherence import (
    FILES,
    CoherenceEvaluation,
    accuracies,
    coherence,
    draw_batches,
    main,
    share_below,
)
from train.evaluate.sensitivity import CHANGES, ELSEWHERE, STRANGER, TRUE, WindowOrigins, apply_change


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Three songs of 16 s, two stems each, in the split `test`."""
    top = tmp_path_factory.mktemp("data") / "duets"
    for number in range(3):
        (top / "test" / str(number)).mkdir(parents=True)
        for stem, make in (("melody", melody), ("drums", glide)):
            write(top / "test" / str(number) / f"{stem}.flac", make(16, SAMPLERATE, 3 * number), SAMPLERATE)
    return top


# --- classification


def test_accuracy_of_a_batch_worked_by_hand():
    table = np.array([[9.0, 1, 2], [3, 2, 8], [0, 5, 5]])  # 0 is right, 1 takes 2 for its partner, 2 is undecided
    share, seen = accuracies(table, np.array([[0, 1, 2]]))
    assert (share.tolist(), seen.tolist()) == ([1, 0, 0], [0, 1, 2])
    share, _ = accuracies(table, np.array([[0, 1], [1, 2], [0, 2]]))
    assert share.tolist() == [1, 0, 0.5], "window 2 is right against 0, undecided against 1; 1 prefers 0 and 2"
    table = np.array([[0.0, 1], [2, 0]])
    assert accuracies(table, np.array([[0, 1]]))[0].tolist() == [0, 0]


def test_strangers_are_right_by_chance():
    rng = np.random.default_rng(0)
    sounds = WindowOrigins(np.arange(100), np.zeros(100))
    for k in (2, 8, 16):
        batches = draw_batches(sounds, k, 2000, 0.5, rng)
        assert accuracies(rng.random((100, 100)), batches)[0].mean() == pytest.approx(1 / k, abs=0.05)
        assert accuracies(np.eye(100), batches)[0].tolist() == [1] * 100


def test_batches_are_of_different_songs_or_spread_over_them():
    rng = np.random.default_rng(0)
    sounds = WindowOrigins(np.repeat(np.arange(6), 30), np.tile(np.arange(0, 45, 1.5), 6))
    for batch in draw_batches(sounds, 5, 50, 0.5, rng):
        assert len(set(sounds.song[batch])) == 5
    for batch in draw_batches(sounds, 32, 50, 0.5, rng):
        assert len(set(batch)) == 32 and np.bincount(sounds.song[batch]).max() <= 6
        at = list(zip(sounds.song[batch], sounds.begin[batch], strict=True))
        for number, (song, begin) in enumerate(at):
            assert all(song != other or abs(begin - then) >= 2.5 for other, then in at[:number])
    assert draw_batches(sounds, 120, 5, 0.5, rng) is None, "45 s hold no 20 windows that share half at most"


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=20), st.lists(st.integers(-3, 3), min_size=1, max_size=20))
def test_the_mean_share_above_is_the_area_under_the_curve(partners, strangers):
    expected = roc_auc_score([1] * len(partners) + [0] * len(strangers), partners + strangers)
    assert share_below(np.array(partners), np.array(strangers)).mean() == pytest.approx(expected)


# --- changes


def pair_of(first: np.ndarray, second: np.ndarray, beat: float = 0.5) -> Pair:
    return Pair(first.astype(np.float32), second.astype(np.float32), 0, 10.0, beat)


def pitch(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax() * SAMPLERATE / len(sound))


WIDE = np.arange(WINDOW_SAMPLES + 2 * 25600) / SAMPLERATE


def test_a_transposed_answer_is_higher_by_so_much():
    tone = np.sin(2 * np.pi * 440 * WIDE)
    for kind, amount in CHANGES:
        if "transposed" in kind:
            first, second = apply_change(pair_of(tone, tone), (kind, amount))
            assert pitch(second) == pytest.approx(440 * 2 ** (amount / 12), rel=0.003)
            assert pitch(first) == pytest.approx(440 * 2 ** (amount / 12 * kind.startswith("both")), rel=0.003)
            assert len(first) == len(second) == WINDOW_SAMPLES and first.dtype == second.dtype == np.float32


def test_a_displaced_answer_comes_later_and_has_no_silence():
    ramp = WIDE.copy()
    for beats in (-2.0, -0.125, 0.5, 2.0):
        for beat in (0.41, 0.5, 0.8):
            first, second = apply_change(pair_of(ramp, ramp, beat), ("displaced", beats))
            assert len(second) == WINDOW_SAMPLES
            np.testing.assert_allclose(
                first - second, beats * beat, rtol=0, atol=1e-4, err_msg="what sounds now is late"
            )


def test_a_stretched_answer_leaves_its_beginning_in_place():
    glide = np.sin(2 * np.pi * np.cumsum(300 + 100 * WIDE) / SAMPLERATE)  # 100 Hz higher each second
    for kind, percent in CHANGES:
        if "stretched" in kind:
            first, second = apply_change(pair_of(glide, glide), (kind, percent))
            assert len(first) == len(second) == WINDOW_SAMPLES
            for begin in (0.0, 2.0, 4.5):
                excerpt = second[round(begin * SAMPLERATE) :][: SAMPLERATE // 2]
                time_s = (begin + 0.25) / (1 + percent / 100)
                assert pitch(excerpt) == pytest.approx(300 + 100 * (1.6 + time_s), abs=12), (kind, percent, begin)
            if not kind.startswith("both"):
                assert np.array_equal(first, glide[25600 : 25600 + WINDOW_SAMPLES].astype(np.float32))
            else:
                assert np.array_equal(first, second)


# --- the whole


@pytest.fixture(scope="module")
def evaluated(songs, tiny_coherence, tmp_path_factory, request):
    """(result, folder) of one run with two models, one of which neither separates nor is calibrated."""
    top = tmp_path_factory.mktemp("evaluated")
    (top / "plain").mkdir()
    for name, content in Coherence(separated=False).eval().files().items():
        (top / "plain" / name).write_bytes(content)
    words = [str(songs), "-o", str(top / "out"), "--model", str(tiny_coherence), "--model", str(top / "plain")]
    main([*words, "--windows", "9", "--pairs", "2", "--k", "2", "3", "64"])
    return json.loads((top / "out" / "coherence.json").read_text()), top / "out"


def test_what_is_written(evaluated):
    result, out = evaluated
    assert sorted(tree(out)) == sorted(FILES)
    assert (result["songs"], result["windows"], result["skipped"], result["of_different_songs"]) == (3, 9, [64], [2, 3])
    names = [model["name"] for model in result["models"]]
    assert len(set(names)) == 2 and names[1] == "plain"
    assert [(row["model"], row["mode"], row["k"]) for row in result["classification"]] == [
        (name, mode, k) for name, mode in [*((names[0], m) for m in MODES), ("plain", "both")] for k in (2, 3)
    ]
    for row in result["classification"]:
        assert 0 <= row["interval"][0] <= row["accuracy"] <= row["interval"][1] <= 100 and row["n"] == 9
    assert [(row["model"], row["mode"], row["by"]) for row in result["threshold"]] == [
        *((names[0], mode, by) for mode in MODES for by in ("score", "lead")), ("plain", "both", "score")
    ]  # fmt: skip
    for row in result["threshold"]:
        assert 0 <= row["interval"][0] <= row["area"] <= row["interval"][1] <= 100 and row["n"] == 9
    assert (out / "coherence.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "coherence.png").stat().st_size > 20000


def test_every_change_is_measured(evaluated):
    result, _ = evaluated
    rows = {(row["model"], row["mode"], row["kind"], row["amount"]): row for row in result["sensitivity"]}
    name = result["models"][0]["name"]
    assert len(rows) == 4 * (len(CHANGES) + 2)
    for change in (*CHANGES, ELSEWHERE, STRANGER):
        row = rows[(name, "both", *change)]
        if row["n"] == 0:  # songs are too short
            assert row["score"] is None
            continue
        assert row["n"] == row["score"]["songs"] == 2 or (change == ELSEWHERE and row["n"] <= 2)
        assert 0 <= row["position"]["mean"] <= 1 and 0 <= row["below"]["mean"] <= 100
        assert rows[("plain", "both", *change)]["position"] is None
    assert rows[(name, "both", *TRUE)]["below"]["mean"] == 0


def test_the_tables(evaluated):
    out = evaluated[1]
    table = (out / "coherence.md").read_text()
    assert "9 windows of 5 s from 3 songs" in table
    assert "| *paper, All with HPS* | *MUSDB18-HQ* | 93.87 | – | 54.33 |" in table
    assert "Too little music for K = 64" in table and "not comparable" in table
    assert len(re.findall(r"\| answer transposed [+-]\d semitones", table)) == 24
    assert "nan" not in table.lower().replace("resonan", "")


def test_the_same_seed_gives_the_same_figures(evaluated, songs, tiny_coherence, tmp_path):
    result, _ = evaluated
    main(
        [str(songs), "-o", str(tmp_path), "--model", str(tiny_coherence), "--windows", "9", "--pairs", "0", "--k", "2"]
    )
    again = json.loads((tmp_path / "coherence.json").read_text())
    assert again["sensitivity"] == []
    first = [{**row, "model": ""} for row in result["classification"] if row["k"] == 2][:3]
    assert [{**row, "model": ""} for row in again["classification"]] == first


@pytest.mark.slow
def test_a_meter_with_more_measures_is_judged_by_each_of_them_and_by_their_sum(songs, tiny_coherence, tmp_path):
    """Each has a row for K, one for each displacement, and one for whole files; librosa's chroma stands beside them."""
    joined = Joined(dict.fromkeys(MEASURES, 1.0), [0.0, 2.0, 4.0], [-1.0, 0.0, 1.0], "here")
    meter = EvidenceMeter(Coherence.load(tiny_coherence), TimeEmbedding().eval(), joined)
    result = coherence(songs, {"wide": meter}, tmp_path, windows=6, pairs=2, k=(2,), whole=True)
    measures = {*MEASURES, "joined"}
    modes = [(row["model"], row["mode"]) for row in result["classification"]]
    assert set(modes) == {*(("wide", mode) for mode in {*MODES, *measures} - {"cocola"}), ("chroma CQT", "harmony")}
    assert {(row["measure"], row["beats"]) for row in result["displaced"]} == set(
        itertools.product(measures, DISPLACEMENTS_BEATS)
    )
    assert {row["measure"] for row in result["whole_files"]} == measures
    for row in (*result["displaced"], *result["whole_files"]):
        assert 0 <= row["interval"][0] <= row["share"] <= row["interval"][1] <= 100 and row["n"] in (2, 3)
    table = (tmp_path / "coherence.md").read_text()
    assert "Displaced by some beats" in table and "Whole files" in table and "| wide | joined |" in table


@pytest.mark.slow
def test_a_cluster_gives_the_same(songs, tiny_coherence, tmp_path):
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the extra [cluster]")
    joined = Joined(dict.fromkeys(MEASURES, 1.0), [0.0, 2.0, 4.0], [-1.0, 0.0, 1.0], "here")
    meter = EvidenceMeter(Coherence.load(tiny_coherence), TimeEmbedding().eval(), joined)
    settings = {"windows": 6, "pairs": 2, "k": (2,), "whole": True}
    coherence(songs, {"wide": meter}, tmp_path / "here", **settings)
    nodes = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        coherence(songs, {"wide": meter}, tmp_path / "there", cluster=nodes.address, **settings)
    finally:
        nodes.shutdown()
    assert tree(tmp_path / "there") == tree(tmp_path / "here") and set(tree(tmp_path / "here")) == set(FILES)


def test_a_cluster_that_is_not_there_is_refused_at_once(antiphon, songs, tiny_coherence, tmp_path):
    words = ("evaluate", "coherence", songs, "--model", tiny_coherence, "-o", "out", "--cluster", "nowhere")
    assert "no Ray cluster at 'nowhere'" in antiphon(*words).sentence
    assert not (tmp_path / "out").exists()


def test_the_verb_finds_the_meter_of_a_model(antiphon, songs, tiny_coherence, tmp_path, monkeypatch):
    monkeypatch.setattr(model_folder, "EMBEDDED", tmp_path)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "model.json").write_text('{"format": 1, "hops": {}}')
    words = ("evaluate", "coherence", songs, "-o", "out", "--windows", 4, "--pairs", 0, "--k", 2)
    assert "model 'small' has no coherence meter" in antiphon(*words).sentence
    (tmp_path / "small" / "coherence").symlink_to(tiny_coherence)
    result = antiphon(*words)
    assert result.code == 0 and "`small`" in result.out


# --- mistakes


@pytest.mark.parametrize(
    "wrong",
    [{"k": (1,)}, {"k": ()}, {"windows": 1}, {"pairs": -1}, {"beat": float("nan")}, {"overlap": 2}, {"seed": -1}],
)
def test_settings_that_cannot_be(wrong):
    with pytest.raises(TrainError):
        CoherenceEvaluation(**wrong)


@pytest.mark.parametrize("data", ["nowhere", "empty", "file.wav", "alone", "short", "silent", "nan", "text"])
def test_data_that_cannot_be_evaluated(antiphon, tiny_coherence, tmp_path, data):
    write(tmp_path / "file.wav", melody(6, SAMPLERATE), SAMPLERATE)
    sounds = {"alone": melody(6, SAMPLERATE), "short": melody(3, SAMPLERATE), "silent": np.zeros(6 * SAMPLERATE)}
    sounds |= {"nan": np.full(6 * SAMPLERATE, np.nan), "empty": np.zeros(0), "text": np.zeros(9)}
    for name, audio in sounds.items():
        (tmp_path / name / "song").mkdir(parents=True)
        for stem in ("a",) if name == "alone" else ("a", "b") if name != "empty" else ():
            write(tmp_path / name / "song" / f"{stem}.wav", audio, SAMPLERATE, "FLOAT")
    (tmp_path / "text" / "song" / "b.wav").write_text("no music")
    before = tree(tmp_path)
    sentence = antiphon("evaluate", "coherence", data, "--model", tiny_coherence, "-o", "out").sentence
    assert data in sentence or "windows of 5 s in which two stems sound" in sentence
    assert tree(tmp_path) == before


@pytest.mark.parametrize("out", ["file", "file/out", "there"])
def test_results_that_cannot_be_written_are_refused_at_once(antiphon, tiny_coherence, songs, tmp_path, out):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "there" / "coherence.json").mkdir(parents=True)
    sentence = antiphon("evaluate", "coherence", songs, "--model", tiny_coherence, "-o", out).sentence
    assert f"'{out.split('/')[0]}" in sentence
    assert tree(tmp_path) == {"file": b"precious"}


def test_models_that_cannot_be_evaluated(antiphon, songs, tmp_path):
    (tmp_path / "official.ckpt").write_bytes(b"no checkpoint")
    for name in ("nosuch", tmp_path, "official.ckpt", "nosuch.ckpt"):
        result = antiphon("evaluate", "coherence", songs, "--model", name, "-o", "out")
        assert str(name) in result.sentence
    for words in (("--k", "1"), ("--k", "x"), ("--windows", "0"), ("--nosuch", 1)):
        result = antiphon("evaluate", "coherence", songs, "-o", "out", *words)
        assert result.code == 2 and "Traceback" not in result.err
    assert not (tmp_path / "out").exists()


def test_a_calibration_tells_positions_in_order():
    calibration = Calibration({"both": [5.0, 10, 15]}, {"both": [0.0, 5, 10]}, "x", 3)
    positions = [calibration.position(score) for score in (-9, 5, 7.5, 10, 99)]
    assert positions == sorted(positions) and (positions[0], positions[2], positions[-1]) == (0, 0.5, 1)

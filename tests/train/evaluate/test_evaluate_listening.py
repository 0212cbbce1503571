"""Musical fit: its figures are the judge's own, on what `respond` plays; it goes on where it was killed."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from agent.verbs import respond
from agent.verbs.evaluation_player import Responder
from tests.conftest import glide, melody, tree, write
from train.evaluate.listening import listening

librosa = pytest.importorskip("librosa")
RATE, SR, H, HALF = 16000, 22050, 512, 0.5
SECONDS = 11
PATIENCE_S = 600.0  # for a process on a busy machine


def clicks(seconds: float, beat: float) -> np.ndarray:
    """A drum on every beat: (n,) float32."""
    out, rng = np.zeros(round(seconds * RATE)), np.random.default_rng(0)
    for at in np.arange(0.3, seconds - 0.1, beat):
        part = out[round(at * RATE) :][:800]
        part += 0.5 * rng.standard_normal(len(part)) * np.exp(-np.arange(len(part)) / 100)
    return out.astype(np.float32)


@pytest.fixture(scope="module")
def band(tmp_path_factory) -> Path:
    """Two songs of two parts and drums, one song without a second part, and one without a beat."""
    folder = tmp_path_factory.mktemp("band")
    for song, beat in (("one", 0.5), ("two", 0.4)):
        for number, part in enumerate(("bass", "keys")):
            put(folder / song / f"{part}.flac", melody(SECONDS, RATE, 10 * number + len(song) + int(10 * beat)))
        put(folder / song / "drums.flac", clicks(SECONDS, beat))
    put(folder / "alone" / "bass.flac", melody(SECONDS, RATE, 5))
    put(folder / "alone" / "backing.flac", clicks(SECONDS, 0.6) + 0.3 * glide(SECONDS, RATE))
    put(folder / "beatless" / "bass.flac", melody(SECONDS, RATE, 6))
    put(folder / "beatless" / "keys.flac", melody(SECONDS, RATE, 7))
    return folder


def put(path: Path, audio: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    write(path, audio, RATE)


@pytest.fixture(scope="module")
def whole(band, tiny, tmp_path_factory) -> Path:
    """The folder of one evaluation of all that can be evaluated."""
    out = tmp_path_factory.mktemp("whole") / "out"
    listening(band, str(tiny), out, Responder, audio="all", pictures=True)
    return out


def read(out: Path) -> dict:
    return json.loads((out / "listening.json").read_text())


# --- the judge, written down a second time


def halves(y):
    chroma, n = librosa.feature.chroma_cqt(y=y, sr=SR, hop_length=H), int(len(y) / SR / HALF)
    level = [np.sqrt((y[int(i * HALF * SR) : int((i + 1) * HALF * SR)] ** 2).mean()) for i in range(n)]
    rows = [chroma[:, int(i * HALF * SR / H) : int((i + 1) * HALF * SR / H)].mean(1) for i in range(n)]
    rows = np.stack(rows) - np.mean(rows, axis=1, keepdims=True)
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9), np.array(level) > 10 ** (-45 / 20)


def harmony(a, b):
    n = min(len(a[0]), len(b[0]))
    both = a[1][:n] & b[1][:n]
    return (a[0][:n][both] * b[0][:n][both]).sum(1).mean()


def ghost(a, b):
    n = min(len(a[0]), len(b[0]))
    (A, a_on), (B, b_on) = ((x[0][:n] * x[1][:n, None], x[1][:n]) for x in (a, b))
    values = [(A * np.roll(B, k, 0)).sum() / max(1, (a_on & np.roll(b_on, k)).sum()) for k in range(n)]
    return (values[0] - np.mean(values[4:-4])) / (np.std(values[4:-4]) + 1e-9)


def timing(y, beats):
    envelope = librosa.onset.onset_strength(y=y, sr=SR, hop_length=H)
    frames = librosa.onset.onset_detect(onset_envelope=envelope, sr=SR, hop_length=H)
    at = librosa.frames_to_time(frames, sr=SR, hop_length=H)
    phase = np.interp(at, beats, np.arange(len(beats)), left=np.nan, right=np.nan)
    known = ~np.isnan(phase)
    weight = envelope[frames][known]
    return np.abs((weight * np.exp(4j * np.pi * phase[known])).sum()) / weight.sum()


def load(path):
    return librosa.load(path, sr=SR, mono=True)[0]


def test_the_figures_are_those_of_the_judge_on_what_respond_writes(whole, band, stage, tmp_path):
    row = next(row for row in read(whole)["rows"] if row["name"] == "one_bass_other")
    assert row["memory"] == "two/keys" and row["partner"] == "keys"
    settings = stage.settings(f"agent.memory={band / 'two' / 'keys.flac'}", "agent.seed=1")
    report = respond.respond(band / "one" / "bass.flac", tmp_path / "out.wav", settings)
    guide, answer, truth = (load(p) for p in (band / "one/bass.flac", tmp_path / "out.wav", band / "one/keys.flac"))
    beats = librosa.beat.beat_track(y=load(band / "one/drums.flac"), sr=SR, hop_length=H, units="time")[1]
    segments = np.array(report["segments"])
    runs = np.diff(np.r_[0, np.flatnonzero(np.diff(segments) != 1) + 1, len(segments)])
    expected = {
        "harmony": harmony(halves(guide), halves(answer)), "ghost": ghost(halves(guide), halves(answer)),
        "time": timing(answer, beats), "run": runs.mean() * report["hop"],
        "variety": len(set(segments[segments >= 0])) / (segments >= 0).sum(),
        "holes": (halves(guide)[1] & ~halves(answer)[1]).mean(),
    }  # fmt: skip
    for measure, value in expected.items():  # a file has 24 bits; a ghost is divided by a deviation of about 0.02
        tolerance = 1e-4 if measure == "ghost" else 1e-6
        assert row["who"]["answer"][measure] == pytest.approx(value, abs=tolerance), measure
    assert row["who"]["true partner"]["harmony"] == pytest.approx(harmony(halves(guide), halves(truth)), abs=1e-6)
    assert row["who"]["true partner"]["ghost"] == pytest.approx(ghost(halves(guide), halves(truth)), abs=1e-6)


# --- the whole


def test_every_pair_has_every_rival_and_what_cannot_be_used_is_named(whole):
    result = read(whole)
    assert {row["name"] for row in result["rows"]} == {
        f"{song}_{guide}_{kind}" for song in ("one", "two") for guide in ("bass", "keys") for kind in ("own", "other")
    }
    assert result["left_out"] == ["alone", "beatless"]
    for row in result["rows"]:
        assert list(row["who"]) == [
            "answer", "random runs", "chroma matcher", "chroma matcher, beats known", "true partner",
        ]  # fmt: skip
        for measured in row["who"].values():
            assert -1 <= measured["harmony"] <= 1 and 0 <= measured["holes"] <= 1
    for kind in ("own", "other"):
        low, high = result["summary"][kind]["who"]["answer"]["harmony"]["interval"]
        assert low <= result["summary"][kind]["who"]["answer"]["harmony"]["mean"] <= high


def test_the_page_names_only_what_is_there(whole):
    page = (whole / "listening.html").read_text()
    named = re.findall(r'src="([^"]+)"', page)
    assert len(named) == 2 * 2 * 2 * (4 + 1) and all((whole / name).is_file() for name in named)
    assert {Path(name).suffix for name in named} == {".ogg", ".png"}
    info = sf.info(next(whole / name for name in named if name.endswith(".ogg")))
    assert info.channels == 2 and info.duration == pytest.approx(SECONDS, abs=0.1)
    assert page.count("<h3>") == 8 and "http" not in page


def test_what_a_rival_does_not_have_is_left_open(whole):
    means = read(whole)["summary"]["own"]["who"]
    assert means["true partner"]["harmony"]["n"] == 4
    assert means["random runs"]["variety"] is None and means["chroma matcher"]["run"]["mean"] >= 0.5


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_and_gives_the_same(antiphon, whole, band, tiny, tmp_path):
    words = ["evaluate", "listening", str(band), "--model", str(tiny), "-o", "out"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen([sys.executable, "-m", "agent.cli", *words], env=environment, cwd=tmp_path)
    end = time.monotonic() + PATIENCE_S
    while not list(tmp_path.glob("out/pairs/*.json")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/pairs/*.json")}
    assert 0 < len(before) < 8 and not (tmp_path / "out/listening.json").exists()
    assert "--resume" in antiphon(*words).sentence
    assert "seed = 1, now 2" in antiphon(*words, "--resume", "--seed", "2").sentence
    result = antiphon(*words, "--resume", "--jobs", 2)
    assert result.code == 0 and "own memory, 4 pairs of 2 songs" in result.out, result.err
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/pairs/*.json")}
    assert before.items() <= after.items(), "what was done is not done again"
    assert read(tmp_path / "out")["rows"] == read(whole)["rows"]
    assert read(tmp_path / "out")["summary"] == read(whole)["summary"]
    assert not any(".part" in name for name in tree(tmp_path))


@pytest.mark.slow
def test_a_backing_track_and_solos_count_if_they_are_asked_for(antiphon, band, tiny, tmp_path):
    words = ("--model", tiny, "--audio", "none", "--kinds", "own")
    result = antiphon("evaluate", "listening", band, "-o", "a", "--backing", "true", "--songs", "alone", *words)
    assert result.code == 0, result.err
    assert {row["name"] for row in read(tmp_path / "a")["rows"]} == {"alone_bass_own", "alone_backing_own"}
    assert not list((tmp_path / "a" / "audio").iterdir())
    result = antiphon("evaluate", "listening", band / "beatless", "-o", "b", *words, "--kinds", "own", "other")
    assert result.code == 0, result.err
    rows = read(tmp_path / "b")["rows"]
    assert {(row["guide"], row["memory"]) for row in rows if row["kind"] == "other"} == {
        ("bass", "keys/keys"), ("keys", "bass/bass"),
    }  # fmt: skip
    assert all(row["who"]["answer"]["time"] is None and "true partner" not in row["who"] for row in rows)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--songs", "nobody"), "0 song"),
        (("--songs", "one"), "1 song"),
        (("--kinds", "mine"), "'mine'"),
        (("--limit", "-1"), "limit = -1"),
        (("--set", "decision.top_q=1"), "top_q"),
    ],
)
def test_what_cannot_be_done_is_reported_in_a_sentence(antiphon, band, tiny, words, names):
    result = antiphon("evaluate", "listening", band, "-o", "out", "--model", tiny, *words)
    assert names in result.sentence

"""antiphon score: the windows of two files, the gate, the curve, a calibration of one's own, and every mistake."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf

from agent.coherence import score_files
from corpora.audio import open_audio, read_at
from perception.coherence import MODES, WINDOW_SAMPLES, Calibration, Coherence, CoherenceError
from perception.scoring import batches, compare_pairs, embed_windows, parallel_map
from tests.agent.test_cli import bad_sounds, peak_of
from tests.conftest import glide, melody, noise, tree, write
from tests.tolerance import network_rounding
from train.data.submixes import MIN_PAIRS, beat_of, calibrate, draw_disjoint, pairs_of, submix_songs

RATE = 16000


@pytest.fixture(scope="module")
def meter(tiny_coherence):
    return Coherence.load(tiny_coherence)


@pytest.fixture
def two(tmp_path):
    """(A, B): 12.3 s at 48 kHz and at 22.05 kHz."""
    return write(tmp_path / "a.wav", melody(12.3, 48000, 1), 48000), write(
        tmp_path / "b.wav", noise(12.3, 22050, 2), 22050
    )


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Four songs of 9 s: three stems each, of other rates and kinds of file."""
    top = tmp_path_factory.mktemp("songs")
    for number in range(4):
        (top / f"song{number}").mkdir()
        for stem, (make, rate, ending) in enumerate(
            ((melody, 16000, "flac"), (melody, 32000, "wav"), (glide, 16000, "wav"))
        ):
            write(top / f"song{number}" / f"stem{stem}.{ending}", make(9, rate, 7 * number + stem), rate)
    return top


# --- many windows


def test_windows_of_a_file_are_those_of_the_whole(tmp_path):
    path = write(tmp_path / "a.wav", melody(21.7, 44100, 4), 44100)
    whole = read_at(path, RATE)
    for step in (0.3, 1.0, 2.345, 7.0, 30.0):
        with open_audio(path) as file:
            found = list(score_files.windows(file, step))
        begins = [round(n * step * RATE) for n in range(len(found))]
        assert len(found) == 1 + int((len(whole) - WINDOW_SAMPLES) / RATE / step + 1e-9)
        for begin, window in zip(begins, found, strict=True):
            assert np.array_equal(window, whole[begin : begin + WINDOW_SAMPLES])


def test_scores_of_many_are_those_of_each(meter):
    allowed = network_rounding(meter, scale=float(meter.similarity.detach().norm()))
    pairs = [(melody(5, RATE, n), (noise, melody, glide)[n % 3](5, RATE, 9 + n)) for n in range(6)]
    for found, (heard, spoken) in zip(compare_pairs(meter, iter(pairs)), pairs, strict=True):
        alone = meter.compare(heard, spoken)
        assert found.scores == pytest.approx(alone.scores, rel=0, abs=allowed)
        assert found.positions == pytest.approx(alone.positions, rel=0, abs=allowed)


def test_models_share_what_they_hear(meter):
    plain = Coherence(separated=False).fuse()
    windows = [melody(5, RATE, n) for n in range(3)]
    first, second = embed_windows([meter, plain], windows)
    assert {mode: h.shape for mode, h in first.items()} == dict.fromkeys(MODES, (3, 512))
    assert list(second) == ["both"] and second["both"].shape == (3, 512)
    assert embed_windows([meter], [])[0]["both"].shape == (0, 512)


def test_work_is_done_in_order_and_little_is_taken_ahead():
    taken = []

    def things():
        for n in range(50):
            taken.append(n)
            yield n

    for n, found in enumerate(parallel_map(lambda thing: 2 * thing, things(), workers=2)):
        assert found == 2 * n and len(taken) <= n + 6
    with pytest.raises(ZeroDivisionError):
        list(parallel_map(lambda thing: 1 / thing, [2, 1, 0, 5]))
    assert list(batches("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]


# --- the verb


def test_what_the_json_tells(antiphon, tiny_coherence, meter, two):
    found = json.loads(antiphon("score", *two, "--model", tiny_coherence, "--json").out)
    assert (found["heard"], found["spoken"]) == (str(two[0]), str(two[1]))
    assert (found["windows"], found["silent"], found["step"]) == (8, 0, 1)
    assert [row["time"] for row in found["curve"]] == [float(n) for n in range(8)]
    a, b = (read_at(path, RATE)[3 * RATE : 3 * RATE + WINDOW_SAMPLES] for path in two)
    row = found["curve"][3]
    expected = meter.compare(a, b)
    allowed = network_rounding(meter, scale=float(meter.similarity.detach().norm()))
    for mode, value in expected.scores.items():
        assert row[mode] == pytest.approx(value, rel=0, abs=allowed)
    assert row["position"] == pytest.approx(expected.positions["both"], rel=0, abs=allowed)
    for key in (*MODES, "position"):
        assert found[key] == pytest.approx(np.mean([row[key] for row in found["curve"]]))
    assert found["positions"]["both"] == pytest.approx(found["position"])
    assert found["calibration"] == {"source": "plucked notes and noise", "pairs": 9}
    assert found["notes"] == []


def test_the_order_is_heard_then_spoken(antiphon, tiny_coherence, two):
    words = ("--model", tiny_coherence, "--json", "--step", 4)
    there = json.loads(antiphon("score", *two, *words).out)["both"]
    back = json.loads(antiphon("score", *reversed(two), *words).out)["both"]
    assert there != pytest.approx(back, abs=1e-3)
    help = " ".join(antiphon("score", "--help").out.split())
    assert "A recording of the input: what the agent heard" in help and "the order matters" in help


def test_what_a_reader_sees(antiphon, tiny_coherence, two):
    told = antiphon("score", *two, "--model", tiny_coherence, "--step", 2).out
    assert "4 windows of 5 s, one each 2 s" in told
    assert "it fits" in told and "0: like strangers, 1: like partners" in told
    assert all(mode in told for mode in MODES) and "best from 0:0" in told
    same = antiphon("score", two[0], two[0], "--model", tiny_coherence, "--step", 4).out
    assert "as music that was played together does" in same


def test_silence_is_left_out_and_counted(antiphon, tiny_coherence, tmp_path):
    audio = melody(20, RATE, 1)
    audio[6 * RATE : 14 * RATE] = 0
    write(tmp_path / "a.wav", audio, RATE)
    write(tmp_path / "b.wav", melody(25, RATE, 2), RATE)
    found = json.loads(antiphon("score", "b.wav", "a.wav", "--model", tiny_coherence, "--json").out)
    times = [row["time"] for row in found["curve"]]
    assert found["silent"] + found["windows"] == 16 and found["silent"] >= 3
    assert not {6.0, 7.0, 8.0, 9.0} & set(times) and {0.0, 15.0} <= set(times)
    assert "the first 20.0 s are compared" in found["notes"][0] and "left out" in found["notes"][1]


def test_a_meter_without_calibration_says_how_to_make_one(antiphon, tiny_coherence, two, songs, tmp_path):
    bare = shutil.copytree(tiny_coherence, tmp_path / "bare")
    about = json.loads((bare / "coherence.json").read_text())
    (bare / "coherence.json").write_text(json.dumps(about | {"calibration": None}))
    found = json.loads(antiphon("score", *two, "--model", bare, "--step", 5, "--json").out)
    assert found["position"] is found["positions"] is found["calibration"] is None
    assert "--calibrate DATA" in found["notes"][-1]
    assert "it fits" not in antiphon("score", *two, "--model", bare, "--step", 5).out


def test_a_meter_that_does_not_separate(antiphon, two, tmp_path):
    for name, content in Coherence(separated=False).eval().files().items():
        (tmp_path / name).write_bytes(content)
    said = antiphon("score", *two, "--model", tmp_path, "--step", 5)
    assert said.code == 0 and "harmonic" not in said.out
    found = json.loads(antiphon("score", *two, "--model", tmp_path, "--step", 5, "--json").out)
    assert found["harmonic"] is found["percussive"] is None and found["both"] is not None


# --- calibration


def test_pairs_are_disjoint_audible_and_the_same_for_a_seed(songs):
    of = submix_songs(songs, "test")
    assert list(of) == [f"song{n}" for n in range(4)] and all(len(stems) == 3 for stems in of.values())
    pairs, again = (list(pairs_of(of, 6, 3)) for _ in range(2))
    numbers = [pair.song for pair in pairs]
    assert numbers == sorted(numbers) and sorted(np.bincount(numbers).tolist()) == [1, 1, 2, 2]
    for one, other in zip(pairs, again, strict=True):
        assert np.array_equal(one.first, other.first) and one.begin == other.begin
    assert [pair.begin for pair in pairs_of(of, 6, 4)] != [pair.begin for pair in pairs]
    rng = np.random.default_rng(0)
    seen = [draw_disjoint([1, 4, 6], rng) for _ in range(100)]
    assert all(one and other and not set(one) & set(other) for one, other in seen)
    assert {len(one) + len(other) for one, other in seen} == {2, 3}


def test_songs_as_the_usual_data_sets_keep_them(tmp_path):
    for name in (
        "musdb/one/mixture", "musdb/one/bass", "musdb/one/drums", "slakh/two/mix", "slakh/two/stems/S00",
        "slakh/two/stems/S01", "coco/three/stems_audio/1", "coco/three/stems_audio/2", "own/a", "own/b",
    ):  # fmt: skip
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = {top: {song: [p.stem for p in stems] for song, stems in submix_songs(tmp_path / top, "test").items()}
             for top in ("musdb", "slakh", "coco", "own")}  # fmt: skip
    assert found == {
        "musdb": {"one": ["bass", "drums"]}, "slakh": {"two": ["S00", "S01"]}, "coco": {"three": ["1", "2"]},
        "own": {"own": ["a", "b"]},
    }  # fmt: skip


def test_a_pair_is_the_sum_of_stems_at_its_place(songs):
    pair = next(pairs_of(submix_songs(songs, ""), 1, 0, margin=1.0))
    stems = [read_at(path, RATE) for path in submix_songs(songs, "")[f"song{pair.song}"]]
    begin = round((pair.begin - 1) * RATE)
    inner = slice(2000, -2000)  # what a resampler makes of the ends of a cut is its own affair

    def is_sum(sound):
        for which in range(1, 7):
            mix = sum(stem[begin : begin + len(sound)] for n, stem in enumerate(stems) if which >> n & 1)
            if any(np.abs(np.roll(mix, by) - sound)[inner].max() < 0.02 for by in (-1, 0, 1)):
                return which
        return 0

    one, other = is_sum(pair.first), is_sum(pair.second)
    assert one and other and not one & other
    assert pair.margin == RATE and [len(side) for side in pair.window] == [WINDOW_SAMPLES, WINDOW_SAMPLES]


def test_the_beat_of_a_song(tmp_path):
    assert beat_of(tmp_path, 0.7) == 0.7
    for text, expected in (
        ('{"bpm": 130}', 60 / 130), ('{"bpm": 65}', 60 / 130), ('{"bpm": 0}', 0.7), ('{"bpm": "x"}', 0.7), ("[1]", 0.7),
        (json.dumps({"chords": [[0, 1.2, 1], [1.2, 2.4, 2], [2.4, 4.8, 3], [4.8, 6, 1]]}), 0.6),
        (json.dumps({"chords": [[0, 9.0, 1]] * 4, "beats": [[0.1 + 0.45 * n, n % 4 == 0] for n in range(9)]}), 0.45),
        ('{"beats": [0, 0.3, 0.6, 0.9, 1.2]}', 0.6), ('{"beats": []}', 0.7),
    ):  # fmt: skip
        (tmp_path / "song.json").write_text(text)
        assert beat_of(tmp_path, 0.7) == pytest.approx(expected), text


def test_a_calibration_of_ones_own(antiphon, tiny_coherence, two, songs, tmp_path):
    (tmp_path / "same").mkdir()
    for number in range(4):  # stems of a song that are alike: what the random meter likes best
        (tmp_path / "same" / str(number)).mkdir()
        for stem in "xy":
            write(tmp_path / "same" / str(number) / f"{stem}.wav", melody(7, RATE, number), RATE)
    words = ("score", *two, "--model", tiny_coherence, "--calibrate", "same", "--pairs", 12, "--step", 3, "--json")
    found = json.loads(antiphon(*words, "-o", "own").out)
    assert found["calibration"] == {"source": "'same'", "pairs": 12}
    assert sorted(tree(tmp_path / "own")) == ["coherence.json", "coherence.safetensors"]
    kept = json.loads(antiphon("score", *two, "--model", "own", "--step", 3, "--json").out)
    assert kept["curve"] == found["curve"] and kept["calibration"] == found["calibration"]
    held = Coherence.load(tmp_path / "own").calibration
    assert isinstance(held, Calibration) and len(held.true["both"]) == 33
    assert np.median(held.true["both"]) > np.median(held.shuffled["both"])
    assert json.loads(antiphon(*words).out)["curve"] == found["curve"]


def test_what_cannot_calibrate(antiphon, meter, tiny_coherence, two, songs, tmp_path):
    (tmp_path / "silent" / "a").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for stem in "xy":
        write(tmp_path / "silent" / "a" / f"{stem}.wav", np.zeros(7 * RATE), RATE)
    use = ("score", *two, "--model", tiny_coherence)
    for data, said in (
        ("nowhere", "no folder"),
        ("empty", "no song"),
        ("silent", "too few to calibrate"),
        (two[0], "no folder"),
    ):
        sentence = antiphon(*use, "--calibrate", data, "-o", "own").sentence
        assert said in sentence and str(data) in sentence
    assert "256 is a good choice" in antiphon(*use, "--calibrate", songs, "--pairs", 3).sentence
    assert "seed = -1" in antiphon(*use, "--calibrate", songs, "--seed", -1).sentence
    assert "add --calibrate" in antiphon(*use, "-o", "own").sentence
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.wav").touch()
    (tmp_path / "notes").touch()
    for out, said in (
        ("full", "mine.wav"), ("notes", "a file, not a folder"), (two[0], "is the same as HEARD"),
        ("nowhere/own", "no folder 'nowhere'"),
    ):  # fmt: skip
        assert said in antiphon(*use, "--calibrate", songs, "-o", out).sentence
    assert not (tmp_path / "own").exists()
    with pytest.raises(CoherenceError, match="1 songs"):
        calibrate(meter, songs / "song0", pairs=MIN_PAIRS)


def test_a_calibration_by_two_kinds_of_music(meter, songs, tmp_path):
    """Strangers are of the same folder: that pop is no chorale is too easy to hear."""
    kinds = [tmp_path / "alike", tmp_path / "other"]
    for kind, make in zip(kinds, (melody, noise), strict=True):
        for number in range(2):
            (kind / str(number)).mkdir(parents=True)
            for stem in "xy":
                write(kind / str(number) / f"{stem}.wav", make(6, RATE, number), RATE)
    both = calibrate(meter, kinds, pairs=12)
    apart = [calibrate(meter, kind, pairs=8).shuffled["both"] for kind in kinds]
    assert both.source == "'alike', 'other'" and both.pairs == 12
    assert max(both.shuffled["both"]) <= max(map(max, apart)) + 3
    assert min(both.shuffled["both"]) >= min(map(min, apart)) - 3


def test_a_meter_that_prefers_strangers_gives_no_calibration(tiny_coherence, songs):
    upside = Coherence.load(tiny_coherence)
    for path in (songs / "song0").iterdir():
        assert path.is_file()
    upside.similarity.data = -upside.similarity.data
    alike = {name: stems[:1] * 2 for name, stems in submix_songs(songs, "").items()}
    from train.data import submixes

    placed = embed_windows([upside], (pair.window[0] for pair in pairs_of(alike, 8, 0)))[0]
    with pytest.raises(CoherenceError, match="cannot calibrate this meter"):
        submixes.calibration_of(upside, placed, placed, ~np.eye(8, dtype=bool), "it")


def test_a_stem_that_is_damaged(meter, songs, tmp_path):
    bad = shutil.copytree(songs, tmp_path / "bad")
    audio = melody(9, RATE, 1)
    audio[: 8 * RATE] = np.nan
    write(bad / "song1" / "stem1.wav", audio, RATE, "FLOAT")
    with pytest.raises(ValueError, match=r"stem1\.wav' holds a sample of nan at 0\.000 s"):
        calibrate(meter, bad, pairs=16)


# --- mistakes, and what is odd but sound


def test_a_sound_that_cannot_be_used(antiphon, tiny_coherence, two, tmp_path):
    expected = bad_sounds(tmp_path) | {"short.wav": "lasts 0.1 s, less than the 5 s"}
    for name in ("nan", "inf"):  # long enough to be read as far as there
        audio = np.concatenate([np.full(60000, 0.1), [{"nan": np.nan, "inf": np.inf}[name]], np.full(300000, 0.1)])
        write(tmp_path / f"{name}.wav", audio, 48000, "FLOAT")
    before = tree(tmp_path)
    for name, said in expected.items():
        for words in ((name, two[0]), (two[1], name)):
            sentence = antiphon("score", *words, "--model", tiny_coherence).sentence
            assert said in sentence, (name, sentence)
    assert tree(tmp_path) == before


def test_files_that_cannot_be_compared(antiphon, tiny_coherence, two, tmp_path):
    write(tmp_path / "short.wav", melody(4.9, RATE), RATE)
    write(tmp_path / "silent.wav", np.zeros(9 * RATE), RATE)
    for bad, said in (("short.wav", "lasts 4.9 s, less than the 5 s"), ("silent.wav", "is silent, below -50 dBFS")):
        for words in ((bad, two[0]), (two[0], bad)):
            sentence = antiphon("score", *words, "--model", tiny_coherence).sentence
            assert said in sentence and bad in sentence


@pytest.mark.parametrize("step", ["0", "-1", "nan", "inf", "1e9"])
def test_a_step_that_is_none(antiphon, tiny_coherence, two, step):
    assert f"--step {float(step):g}" in antiphon("score", *two, "--model", tiny_coherence, "--step", step).sentence


def test_a_model_that_is_none(antiphon, tiny_coherence, two, tmp_path):
    broken = shutil.copytree(tiny_coherence, tmp_path / "broken")
    (broken / "coherence.safetensors").write_bytes(b"no weights")
    listening = tmp_path / "listening"
    listening.mkdir()
    (listening / "model.json").write_text('{"format": 1, "hops": {}}')
    for model, said in (
        ("nosuch", "there is no model 'nosuch'"), (broken, "is no coherence model"),
        (listening, "has no coherence meter"),
    ):  # fmt: skip
        assert said in antiphon("score", *two, "--model", model).sentence
    shutil.copytree(tiny_coherence, listening / "coherence")
    assert antiphon("score", *two, "--model", listening, "--step", 5).code == 0


@pytest.mark.parametrize("kind", ["8 bit", "7 channels", "5 s", "192 kHz", "8 kHz", "loud"])
def test_an_odd_sound_is_scored(antiphon, tiny_coherence, tmp_path, kind):
    rate = {"192 kHz": 192000, "8 kHz": 8000}.get(kind, 44100)
    audio = melody(5 if kind == "5 s" else 6.2, rate, 2) * (40 if kind == "loud" else 1)
    if kind == "7 channels":
        audio = np.stack([audio * (1 - 0.1 * n) for n in range(7)], axis=1)
    write(tmp_path / "o.wav", audio, rate, "PCM_U8" if kind == "8 bit" else "FLOAT")
    write(tmp_path / "g.wav", melody(6, RATE, 3), RATE)
    for words in (("o.wav", "g.wav"), ("g.wav", "o.wav")):
        found = json.loads(antiphon("score", *words, "--model", tiny_coherence, "--json").out)
        assert found["windows"] == (1 if kind == "5 s" else 2) and np.isfinite(found["both"])


@pytest.mark.slow
def test_three_hours_take_no_more_memory_than_ten_seconds(tiny_coherence, tmp_path):
    block = melody(60, 8000, 1)
    with sf.SoundFile(tmp_path / "long.flac", "w", 8000, 1, "PCM_16") as file:
        for _ in range(180):
            file.write(block)
    write(tmp_path / "brief.wav", melody(10, 8000, 1), 8000)
    peaks = []
    for name in ("brief.wav", "long.flac"):
        words = ["score", name, name, "--model", str(tiny_coherence), "--step", "400" if name != "brief.wav" else "0.5"]
        peaks.append(peak_of(words, tmp_path))
    assert peaks[1] - peaks[0] < 60e6

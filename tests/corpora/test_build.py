"""Recordings become a corpus: every sample in its place, whatever the rates and lengths, or one sentence."""

import itertools
import math
import os
import resource
import subprocess
import tracemalloc
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.audio import AudioError, AudioWriter, open_audio
from corpora.build import build
from corpora.corpus import CorpusError, boundary, check, info, load
from corpora.demo import GUIDE, MEMORY, make_demo
from perception.tuning import tuning_of


@dataclass(frozen=True)
class FakeAlphabet:
    units: int = 8
    hop: float = 0.25
    hash: str = "k8-fake"


@dataclass
class FakeHearing:
    hops: int = 0
    sizes: list = field(default_factory=list)


@dataclass(frozen=True)
class FakeHeard:
    label: int
    feature: np.ndarray
    level: float
    chroma: np.ndarray | None = None


class FakeListener:
    """Names a hop after its level in steps of 6 dB, silence below -50 dBFS; strict about the size of a hop."""

    def __init__(self, samplerate, hop=0.25):
        self.samplerate, self.alphabet, self.heard = samplerate, FakeAlphabet(hop=hop), []

    def start(self):
        return FakeHearing()

    def step(self, hearing, audio):
        hop, rate = self.alphabet.hop, self.samplerate
        assert audio.dtype == np.float32
        assert audio.shape == (boundary(hearing.hops + 1, hop, rate) - boundary(hearing.hops, hop, rate),)
        hearing.hops += 1
        level = 10 * math.log10(float(np.mean(audio.astype(float) ** 2)) + 1e-12)
        label = self.alphabet.units if level < -50 else min(int(-level / 6), self.alphabet.units - 1)
        return FakeHeard(label, np.full(3, level), level)


def noise(seconds, rate, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def write(folder, name, sound, rate, subtype="FLOAT"):
    sf.write(folder / name, sound, rate, subtype=subtype)
    return folder / name


def test_two_files_one_after_the_other(tmp_path):
    a, b = noise(1.1, 8000), noise(0.5, 8000, 0.01, seed=1)
    files = [write(tmp_path, "a.wav", a, 8000), write(tmp_path, "b.wav", b, 8000)]
    seen = []
    made = build(files, FakeListener, tmp_path / "duo", licence="CC0", progress=lambda *at: seen.append(at))
    assert made.name == "duo" and made.licence == "CC0" and len(made) == 5 + 2
    assert [(s["file"], s["start"], s["seconds"]) for s in made.sources] == [
        (str(files[0]), 0, 1.1),
        (str(files[1]), 5, 0.5),
    ]
    expected = np.concatenate([a, np.zeros(10000 - len(a)), b])
    np.testing.assert_allclose(made.audio(), expected, atol=2**-22)
    for i in range(7):
        segment = expected[boundary(i, 0.25, 8000) : boundary(i + 1, 0.25, 8000)]
        assert made.rms[i] == pytest.approx(np.std(segment), abs=1e-5)  # without its mean
    assert list(made.labels) == [3, 3, 3, 3, 4, 6, 6]
    assert [done for done, _ in seen] == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, pytest.approx(1.6)]
    check(made, "k8-fake", 0.25)
    assert info(load(tmp_path / "duo"))["segments"] == 7
    assert sorted(os.listdir(tmp_path)) == ["a.wav", "b.wav", "duo"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(7800, 40000), min_size=1, max_size=4),
    hop=st.sampled_from([0.25, 0.35]),
    rate=st.sampled_from([22050, 11025, 8000]),
)
def test_files_begin_on_boundaries_and_no_sample_moves(tmp_path_factory, lengths, hop, rate):
    """At 22.05 kHz a hop of 0.35 s is 7717.5 samples: the file's own count and the corpus's differ by one."""
    folder = tmp_path_factory.mktemp("build")
    sounds = [noise(n / rate, rate, seed=i) for i, n in enumerate(lengths)]
    files = [write(folder, f"{i}.wav", sound, rate) for i, sound in enumerate(sounds)]
    made = build(files, lambda r: FakeListener(r, hop), folder / "duo")
    audio = made.audio()
    assert len(audio) == boundary(len(made), hop, rate)
    for sound, source in zip(sounds, made.sources, strict=True):
        start = boundary(source["start"], hop, rate)
        n = min(len(sound), len(audio) - start) - 1
        np.testing.assert_allclose(audio[start : start + n], sound[:n], atol=2**-22)


def test_highest_rate_wins_unless_told(tmp_path):
    files = [
        write(tmp_path, "a.wav", noise(1, 8000), 8000),
        write(tmp_path, "b.flac", noise(1, 16000), 16000, "PCM_16"),
    ]
    assert build(files, FakeListener, tmp_path / "x").samplerate == 16000
    told = build(files, FakeListener, tmp_path / "y", samplerate=11025, name="other")
    assert told.samplerate == 11025 and told.name == "other" and len(told) == 8
    with pytest.raises(CorpusError, match="samplerate = 10 Hz: a corpus may have"):
        build(files, FakeListener, tmp_path / "z", samplerate=10)


def test_stereo_and_8_bit_go_in(tmp_path):
    both = np.stack([noise(1, 8000), noise(1, 8000, seed=1)], axis=1)
    made = build([write(tmp_path, "a.wav", both, 8000, "PCM_U8")], FakeListener, tmp_path / "x")
    np.testing.assert_allclose(made.audio(), both.mean(axis=1), atol=1 / 64)


def test_more_than_full_scale_is_turned_down_not_clipped(tmp_path):
    loud, soft = noise(1, 8000, 1.0), noise(1, 8000, 0.1, seed=1)
    files = [write(tmp_path, "a.wav", loud, 8000), write(tmp_path, "b.wav", soft, 8000)]
    made = build(files, FakeListener, tmp_path / "x")
    peak = np.abs(loud).max()
    np.testing.assert_allclose(made.audio(), np.concatenate([loud, soft]) / peak, atol=2**-22)
    assert made.sources[0]["gain_db"] == made.sources[1]["gain_db"] == round(-20 * math.log10(peak), 2)


@pytest.mark.parametrize(
    ("name", "sound", "words"),
    [
        ("silent.wav", np.zeros(8000), r"all silence, its loudest segment has -120 dBFS: .*gate_db"),
        ("short.wav", noise(0.1, 8000), r"lasts 0\.1 s, less than one hop of 0\.25 s: give"),
        ("nan.wav", np.full(8000, np.nan), r"sample of nan at 0\.000 s in channel 1: repair"),
        ("empty.wav", np.zeros(0), "0 samples: record"),
    ],
)
def test_bad_recordings_leave_no_trace(tmp_path, name, sound, words):
    good, bad = write(tmp_path, "good.wav", noise(1, 8000), 8000), write(tmp_path, name, sound, 8000)
    with pytest.raises((AudioError, CorpusError), match=words) as error:
        build([bad] if "silent" in name else [good, bad], FakeListener, tmp_path / "duo")
    assert "\n" not in str(error.value)
    assert sorted(os.listdir(tmp_path)) == sorted(["good.wav", name])


def test_no_files_and_missing_files(tmp_path):
    with pytest.raises(CorpusError, match="no audio was given: name at least one"):
        build([], FakeListener, tmp_path / "x")
    with pytest.raises(AudioError, match="there is no file"):
        build([tmp_path / "none.wav"], FakeListener, tmp_path / "x")
    assert os.listdir(tmp_path) == []


def test_a_bug_or_ctrl_c_in_the_middle_leaves_the_old_corpus(tmp_path):
    file = write(tmp_path, "a.wav", noise(2, 8000), 8000)
    build([file], FakeListener, tmp_path / "duo", licence="old")

    def stop(done, _):
        if done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build([file], FakeListener, tmp_path / "duo", licence="new", progress=stop)
    assert load(tmp_path / "duo").licence == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.wav", "duo"]


def test_the_disk_fills_up(tmp_path, monkeypatch):
    file, disk = write(tmp_path, "a.wav", noise(20, 8000), 8000), tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    mounted = os.geteuid() == 0 and not subprocess.run(mount, capture_output=True, check=False).returncode
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, old[1]))
    try:
        with pytest.raises(AudioError, match=rf"{disk / 'duo'}/audio\.flac.*: (make|write)") as error:
            build([file], FakeListener, disk / "duo")
        assert ".part" not in str(error.value)
        assert os.listdir(disk) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


def test_out_of_place(tmp_path):
    file = write(tmp_path, "a.wav", noise(1, 8000), 8000)
    for out, words in (("a.wav", "is a file, not a folder"), ("a.wav/duo", "is not a folder"), ("", r"holds 'a\.wav'")):
        with pytest.raises(AudioError, match=words):
            build([file], FakeListener, tmp_path / out)
    assert os.listdir(tmp_path) == ["a.wav"]


def test_its_tuning_is_that_of_its_audio(tmp_path):
    """Stored = computed: only the 24 bits of the file are between, 2^-24 of full scale beside peaks of 1e-3."""
    time, rate = np.arange(8 * 11025) / 11025, 11025
    tones = [0.2 * np.sin(2 * np.pi * 440 * 2 ** (n / 12 + 13 / 1200) * time) for n in (0, 4, -5)]
    files = [write(tmp_path, f"{n}.wav", tone[: -n * 100 or None], rate) for n, tone in enumerate(tones)]
    made = build(files, lambda rate: FakeListener(rate, 0.35), tmp_path / "chord")
    anew = tuning_of(made.audio(), made.samplerate)
    assert made.tuning == load(tmp_path / "chord").tuning == pytest.approx(anew, abs=0.02)
    assert made.tuning[0] == pytest.approx(13, abs=0.5) and made.tuning[1] > 0.9


def test_beats_and_sections_of_several_recordings(tmp_path):
    """Each file counts from its own recording, which begins with a segment of the corpus."""
    lengths = {"a.wav": 4.1, "b.wav": 3, "c.wav": 2}
    files = [write(tmp_path, name, noise(seconds, 8000), 8000) for name, seconds in lengths.items()]
    (tmp_path / "a.txt").write_text("0.5\n1\n1.5\n4.05")
    (tmp_path / "c.txt").write_text("0.25\t0.25\tverse\n1.0\t1.5\tchorus\n")
    marks = {
        "beats": [tmp_path / "a.txt", None, tmp_path / "c.txt"],
        "labels": [tmp_path / "a.txt", None, tmp_path / "c.txt"],
    }
    made = build(files, FakeListener, tmp_path / "trio", **marks)
    assert [source["start"] for source in made.sources] == [0, 17, 29]
    assert made.beats.tolist() == pytest.approx([0.5, 1, 1.5, 4.05, 7.5, 8.25])
    assert [tuple(section) for section in made.sections] == [
        ("section 1", 0.5, 1), ("section 2", 1, 1.5), ("section 3", 1.5, pytest.approx(4.05)),
        ("section 4", pytest.approx(4.05), pytest.approx(4.1)), ("verse", 7.5, 8.25), ("chorus", 8.25, 8.75),
    ]  # fmt: skip
    same = load(tmp_path / "trio")
    assert same.sections == made.sections and np.array_equal(same.beats, made.beats)


def test_marks_that_cannot_be_read_leave_the_old_corpus(tmp_path):
    sound = write(tmp_path, "a.wav", noise(2, 8000), 8000)
    build([sound], FakeListener, tmp_path / "solo", licence="old")
    (tmp_path / "a.txt").write_text("0.5\nx")
    for marks in ({"beats": [tmp_path / "a.txt"]}, {"labels": [tmp_path / "none.txt"]}):
        with pytest.raises(CorpusError, match=r"line 2: 'x' is no time|cannot be read"):
            build([sound], FakeListener, tmp_path / "solo", **marks)
    assert load(tmp_path / "solo").licence == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "a.wav", "solo"]


@pytest.mark.slow
def test_an_hour_is_never_held(tmp_path):
    """14 MB as float32 at 1 kHz. Long hops, for tracemalloc makes each of them slow."""
    path = tmp_path / "long.flac"
    with AudioWriter(path, 1000, "PCM_16") as writer:
        for minute in range(60):
            writer.write(noise(60, 1000, 0.05, seed=minute % 3))
    tracemalloc.start()
    made = build([path], lambda rate: FakeListener(rate, 5.0), tmp_path / "duo")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(made) == 720 and info(made)["seconds"] == 3600

    assert peak < 5e6


def test_the_demonstration_is_what_its_readme_says():
    for path, seconds in ((GUIDE, 65.5), (MEMORY, 75.0)):
        with open_audio(path) as file:
            assert (file.samplerate, file.channels, file.seconds) == (44100, 1, seconds)
            assert np.abs(file.read()).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert GUIDE.stat().st_size + MEMORY.stat().st_size < 4e6


def test_the_demonstration_visits_all_triads_by_two_common_tones():
    chords = make_demo.chords()
    tones = [{c.root, (c.root + (3 if c.minor else 4)) % 12, (c.root + 7) % 12} for c in chords]
    assert len({(c.root, c.minor) for c in chords}) == 24
    assert all(len(a & b) == 2 for a, b in itertools.pairwise([*tones, tones[0]]))


def test_the_demonstration_strikes_after_the_beat():
    rng = np.random.default_rng(7)
    for notes in (make_demo.melody()[0], make_demo.improvisation(rng)[0]):
        written = sorted(notes, key=lambda note: (note.onset, note.pitch))
        late = [p.onset - w.onset * make_demo.BEAT for p, w in zip(make_demo.perform(notes, rng), written, strict=True)]
        assert min(late) >= 0.01 - 1e-9
        assert max(late) <= 0.06 + 1e-9
        assert all(12 <= note.velocity <= 127 and 21 <= note.pitch <= 108 for note in make_demo.perform(notes, rng))


def test_the_demonstration_has_an_answer_for_its_guide(tmp_path):
    """A corpus of it at every hop; the guide sounds and rests, the memory seldom rests."""
    made = build([MEMORY], lambda rate: FakeListener(rate, 0.5), tmp_path / "memory", licence="CC0-1.0")
    guide = build([GUIDE], lambda rate: FakeListener(rate, 0.5), tmp_path / "guide")
    assert len(made) == 150 and info(made)["silence"] < 0.02
    assert 0.05 < info(guide)["silence"] < 0.3

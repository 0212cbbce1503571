"""The corpus folder: what goes in comes out, nothing half-written, no damage that crashes."""

import json
import os
import subprocess

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora import corpus as module
from corpora.audio import AudioError, AudioWriter
from corpora.corpus import FILES, Corpus, CorpusError, Section, boundary, check, info, load

QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make(n=8, rate=8000, hop=0.25, units=16, dim=5, seed=0, **more) -> Corpus:
    rng = np.random.default_rng(seed)
    fields = {
        "name": "duo",
        "samplerate": rate,
        "hop": hop,
        "alphabet": "k16-3fa1",
        "units": units,
        "labels": rng.integers(0, units + 1, n),
        "rms": rng.random(n),
        "features": rng.normal(size=(n, dim)),
        "sources": [{"file": "take 1.wav", "start": 0, "seconds": n * hop}],
        "licence": "CC0",
        "recording": rng.uniform(-0.9, 0.9, boundary(n, hop, rate)).astype(np.float32),
    }
    return Corpus(**{**fields, **more})


def same(a: Corpus, b: Corpus) -> None:
    for key in ("name", "samplerate", "hop", "alphabet", "units", "sources", "licence"):
        assert getattr(a, key) == getattr(b, key)
    for key in ("labels", "rms", "features"):
        assert getattr(a, key).dtype == getattr(b, key).dtype
        np.testing.assert_array_equal(getattr(a, key), getattr(b, key))
    np.testing.assert_allclose(a.audio(), b.audio(), atol=2**-23)
    assert (a.tuning, a.sections) == (b.tuning, b.sections)
    assert (a.tatums is None) == (b.tatums is None)
    np.testing.assert_array_equal(a.beats, b.beats)
    if a.tatums is not None:
        np.testing.assert_array_equal(a.tatums, b.tatums)


@QUICK
@given(
    n=st.integers(1, 12),
    rate=st.sampled_from([8000, 11025, 22050, 44100]),
    hop=st.sampled_from([0.25, 0.35, 0.5]),
    units=st.sampled_from([1, 16, 256]),
    dim=st.integers(0, 9),
    name=st.text(max_size=8),
    seed=st.integers(0, 99),
)
def test_round_trip(tmp_path_factory, n, rate, hop, units, dim, name, seed):
    folder = tmp_path_factory.mktemp("corpus") / "duo"
    made = make(n, rate, hop, units, dim, seed, name=name)
    made.save(folder)
    read = load(folder)
    same(made, read)
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    assert len(read.audio()) == read.samples == boundary(n, hop, rate)
    assert [p.name for p in folder.parent.iterdir()] == ["duo"]


TIME = {
    "tatums": [[3.0, 25.0, 0.5], [0.0, 0.0, 0.0]],
    "tuning": (-7.125, 0.75),
    "beats": [0.0, 0.5, 1.125],
    "sections": [Section("verse", 0.0, 1.0), Section("Thème", 0.5, 2.0)],
}


@pytest.mark.parametrize("keys", [(), *((key,) for key in TIME), tuple(TIME)])
def test_what_it_knows_of_time_is_kept_and_may_be_absent(tmp_path, keys):
    made = make(**{key: TIME[key] for key in keys})
    made.save(tmp_path / "duo")
    same(load(tmp_path / "duo"), made)
    assert len(load(tmp_path / "duo").beats) == 3 * ("beats" in keys)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tatums": [[0.0, 1.0]]},
        {"tatums": [[0.0, -1.0, 0.5]]},
        {"tatums": [[0.0, 1.0, 2.0]]},
        {"tatums": [[0.0, np.nan, 0.5]]},
        {"tatums": [["a", "b", "c"]]},
        {"tuning": (51, 0.5)},
        {"tuning": (0.0, -1)},
        {"tuning": ("0", 1)},
        {"tuning": (True, 1)},
        {"tuning": (float("nan"), 1)},
        {"beats": [0.0, 0.0]},
        {"beats": [-1.0, 1.0]},
        {"beats": [1.0, 3.0]},
        {"beats": [[1.0, 2.0]]},
        {"beats": [np.inf]},
        {"sections": [Section("", 0.0, 1.0)]},
        {"sections": [Section("a\nb", 0.0, 1.0)]},
        {"sections": [Section(3, 0.0, 1.0)]},
        {"sections": [Section("a", 1.0, 1.0)]},
        {"sections": [Section("a", 0.0, 2.5)]},
        {"sections": [Section("a", "0", 1.0)]},
        {"sections": [Section("a", 0.0, float("nan"))]},
        {"sections": [Section("a", 0.0, 1.0), Section("a", 1.0, 2.0)]},
    ],
)
def test_what_it_cannot_know_of_time(wrong):
    with pytest.raises(CorpusError, match=r"corpus 'duo'.*: build it again"):
        make(**wrong)


@pytest.mark.parametrize(
    "changes",
    [
        {"tuning": 3},
        {"tuning": {"cents": 0}},
        {"tuning": {"cents": 10**400, "confidence": 1}},
        {"sections": 3},
        {"sections": [{"name": "a"}]},
        {"sections": [{"name": "a", "begin": 0, "end": 1, "more": 2}]},
        {"sections": [["a", 0, 1]]},
    ],
)
def test_a_header_that_is_wrong_about_time(tmp_path, changes):
    with pytest.raises(CorpusError, match="build it again"):
        load(edited(tmp_path / "duo", **changes))


def test_save_replaces_a_corpus_even_the_one_it_was_read_from(tmp_path):
    make().save(tmp_path / "duo")
    again = load(tmp_path / "duo")
    again.licence = "CC-BY-4.0"
    again.save(tmp_path / "duo")
    assert load(tmp_path / "duo").licence == "CC-BY-4.0"
    same(load(tmp_path / "duo"), again)
    assert os.listdir(tmp_path) == ["duo"]


def test_save_does_not_replace_other_people_s_files(tmp_path):
    (tmp_path / "take.wav").touch()
    with pytest.raises(AudioError, match=r"holds 'take\.wav', which would be lost"):
        make().save(tmp_path)
    assert os.listdir(tmp_path) == ["take.wav"]


@pytest.mark.parametrize("refuse", ["segments.npz", "corpus.json", "audio.flac"])
def test_a_failed_save_leaves_the_old_corpus(tmp_path, monkeypatch, refuse):
    old = make(seed=1)
    old.save(tmp_path / "duo")
    write, enter = module.atomic_write, AudioWriter.__enter__

    def full(path, data):
        if path.name == refuse:
            raise AudioError("no room on the disk: make room")
        write(path, data)

    def full_audio(self):
        if refuse == "audio.flac":
            raise AudioError("no room on the disk: make room")
        return enter(self)

    monkeypatch.setattr(module, "atomic_write", full)
    monkeypatch.setattr(AudioWriter, "__enter__", full_audio)
    with pytest.raises(AudioError, match="no room"):
        make(seed=2).save(tmp_path / "duo")
    same(load(tmp_path / "duo"), old)
    assert os.listdir(tmp_path) == ["duo"]


def test_a_full_disk_leaves_nothing(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk; the writer's own test does without")
    try:
        with pytest.raises(AudioError, match="no room on the disk"):
            make(n=40).save(tmp_path / "duo")
        assert os.listdir(tmp_path) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("place", ["nowhere/duo", "file/duo", "/proc/duo", "file"])
def test_unwritable_place(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match=": "):
        make().save(tmp_path / place)
    assert os.listdir(tmp_path) == ["file"]


# --- reading what is wrong


def edited(folder, **changes):
    make().save(folder)
    about = json.loads((folder / "corpus.json").read_text())
    about.update(changes)
    (folder / "corpus.json").write_text(json.dumps({k: v for k, v in about.items() if v is not ...}))
    return folder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "has format 2, this Antiphon reads 1: update Antiphon"),
        ({"format": 0}, "has format 0, no longer read: build it again"),
        ({"format": ...}, "is damaged .*: build it again"),
        ({"format": "1"}, "is damaged .*: build it again"),
        ({"hop": 0.5}, "is damaged .*do not follow"),
        ({"hop": float("nan")}, "hop = nan: expected 0.02 to 10"),
        ({"hop": "0.5"}, "hop = '0.5': expected float"),
        ({"samplerate": 44100}, "is damaged"),
        ({"samplerate": 10**12}, "samplerate = 1000000000000: expected"),
        ({"units": 2}, "has a label .*: expected 0 to 2"),
        ({"units": True}, "units = True: expected int"),
        ({"segments": 7}, "is damaged"),
        ({"sources": [3]}, "source 3"),
        ({"alphabet": ...}, "is damaged .*alphabet"),
    ],
)
def test_a_header_that_is_wrong(tmp_path, changes, words):
    with pytest.raises(CorpusError, match=words) as error:
        load(edited(tmp_path / "duo", **changes))
    assert "\n" not in str(error.value)


def test_no_corpus(tmp_path):
    with pytest.raises(CorpusError, match=r"there is no corpus .*: check its name"):
        load(tmp_path / "none")
    with pytest.raises(CorpusError, match=r"is not a corpus, it has no audio\.flac: make one"):
        load(tmp_path)
    (tmp_path / "x.wav").touch()
    with pytest.raises(CorpusError, match="is a file, not a corpus: make one with  antiphon corpus build"):
        load(tmp_path / "x.wav")


def test_pickle_is_never_read(tmp_path):
    folder, ran = edited(tmp_path / "duo"), []

    class Bomb:
        def __reduce__(self):
            return (ran.append, (1,))

    arrays = {key: np.zeros(8) for key in ("start", "label", "rms")}
    np.savez(folder / "segments.npz", feature=np.array([Bomb()], object), **arrays)
    with pytest.raises(CorpusError, match="is damaged"):
        load(folder)
    assert not ran


@pytest.mark.parametrize("key", ["start", "label", "rms", "feature"])
@pytest.mark.parametrize("value", [None, np.zeros(3), np.full(8, -1), np.full(8, np.nan), np.full((8, 5), np.inf), "x"])
def test_arrays_that_are_wrong(tmp_path, key, value):
    folder, good = edited(tmp_path / "duo"), make()
    arrays = {"start": np.arange(8) * 2000, "label": good.labels, "rms": good.rms, "feature": good.features}
    if value is None:
        del arrays[key]
    else:
        arrays[key] = np.asarray(value)
    np.savez(folder / "segments.npz", **arrays)
    try:
        assert key == "feature" and load(folder).features.shape == (8, 5)  # Inf is brought to the largest float16
    except (CorpusError, AssertionError):
        with pytest.raises(CorpusError):
            load(folder)


def test_other_audio_than_that_which_was_cut(tmp_path):
    folder = edited(tmp_path / "duo")
    sf.write(folder / "audio.flac", np.zeros(100), 8000)
    with pytest.raises(CorpusError, match=r"is damaged .*100 samples"):
        load(folder)
    (folder / "audio.flac").write_bytes(b"no audio")
    with pytest.raises(CorpusError, match=r"is damaged .*not audio"):
        load(folder)


@QUICK
@given(name=st.sampled_from(FILES), place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans())
def test_any_damage_is_a_corpus_or_a_sentence(tmp_path_factory, name, place, value, cut):
    folder = tmp_path_factory.mktemp("damage") / "duo"
    make().save(folder)
    data = bytearray((folder / name).read_bytes())
    place %= len(data)
    data[place] = value
    (folder / name).write_bytes(data[:place] if cut else data)
    try:
        assert np.isfinite(load(folder).audio()).all()
    except (CorpusError, AudioError) as error:
        assert "\n" not in str(error)


# --- what it says of itself


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": []},
        {"labels": [[1]]},
        {"labels": [-1] * 8},
        {"labels": [17] * 8},
        {"rms": np.ones(3)},
        {"rms": -np.ones(8)},
        {"rms": np.full(8, np.nan)},
        {"features": np.ones(8)},
        {"units": 0},
        {"hop": 0.0},
    ],
)
def test_parts_that_do_not_belong_together(wrong):
    with pytest.raises(CorpusError, match=r"corpus 'duo'.*(: |build)"):
        make(**wrong)


def test_audio_of_another_length():
    with pytest.raises(CorpusError, match="holds 3 samples of audio for 16000"):
        make(recording=np.zeros(3, np.float32)).audio()
    with pytest.raises(CorpusError, match="holds 0 samples"):
        make(recording=None).audio()


def test_another_alphabet_or_hop_is_refused_with_the_command_that_mends_it():
    made = make()
    check(made, "k16-3fa1", 0.25)
    both = r"alphabet k16-3fa1 at 0\.25 s, the model speaks {} at {} s\. "
    run = r"Run:  antiphon corpus build 'take 1\.wav' -o duo --model small"
    with pytest.raises(CorpusError, match=both.format("k64-9c02", r"0\.25") + run):
        check(made, "k64-9c02", 0.25, "duo", "small")
    with pytest.raises(CorpusError, match=both.format("k16-3fa1", r"0\.5") + run):
        check(made, "k16-3fa1", 0.5, "duo", "small")


def test_info():
    made = make(8, units=4, labels=[4, 0, 0, 1, 1, 1, 4, 4], rms=[0, 0.1, 0.1, 1, 1, 1, 0, 0])
    told = info(made)
    assert told["segments"] == 8 and told["seconds"] == 2.0 and told["labels_used"] == 2
    assert told["silence"] == 0.375 and told["self_repeat"] == round(4 / 7, 4)
    assert told["level_db"] == [-20.0, 0.0, 0.0]
    assert json.loads(json.dumps(told)) == told
    assert info(make(2, labels=[16, 16], rms=[0, 0]))["level_db"] is None

"""Data sets in the layouts in which they are published, with what is odd in them, and what is written of them."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import melody, tree
from train.common.errors import TrainError
from train.data.stems import read
from train.data.store import Store
from train.data.token_pairs import stem_pairs
from train.songs import datasets, pairs

RATE = 44100


def tone(path, seconds=2.0, number=1, rate=RATE, channels=2):
    """Write a sound, stereo as data sets are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = melody(seconds, rate, number)[: round(seconds * rate)]
    sf.write(path, np.repeat(audio[:, None], channels, axis=1), rate)
    return path


def moises(top, pieces=2, seconds=2.0):
    """MoisesDB: one folder of a provider, and the description of each piece beside folders of its stems."""
    for number in range(pieces):
        piece = top / "moisesdb_v0.1" / f"0{number}-uuid"
        stems = []
        for stem, kind, names in (
            ("guitar", "acoustic guitar", ["g1", "g2"]),
            ("bass", "bass guitar", ["b1"]),
            ("drums", "kick drum", ["d1"]),
            ("percussion", "pitched percussion (mallets, glockenspiel, ...)", ["m1"]),
            ("percussion", "a-tonal percussion (claps, shakers, congas, cowbell etc)", ["p1"]),
            ("other", "fx/processed sound, scratches, gun shots, explosions etc", ["x1"]),
        ):  # fmt: skip
            for name in names:
                tone(piece / stem / f"{name}.wav", seconds, number + len(name))
            tracks = [{"id": name, "trackType": kind, "extension": "wav", "has_bleed": False} for name in names]
            stems.append({"id": stem, "stemName": stem, "tracks": tracks})
        (piece / "data.json").write_text(json.dumps({"song": f"Song {number}", "artist": "A", "stems": stems}))
        (piece / ".DS_Store").write_bytes(b"\0")
    return top


def slakh(top, seconds=2.0):
    """Slakh2100: splits, metadata in YAML, and numbered stems."""
    for split, number in (("train", 1), ("train", 2), ("validation", 3), ("test", 4), ("omitted", 5)):
        piece = top / split / f"Track{number:05d}"
        stems = {
            "S00": ("Drums", True),
            "S01": ("Bass", True),
            "S02": ("Strings (continued)", True),
            "S03": ("Piano", False),
            "S04": ("Sound Effects", True),
            "S05": ("Chromatic Percussion", True),
        }
        text = "UUID: 1a\naudio_dir: stems\nnormalized: true\nstems:\n"
        for name, (kind, rendered) in stems.items():
            words = {"audio_rendered": rendered, "inst_class": kind, "is_drum": kind == "Drums"}
            text += f"  {name}:\n" + "".join(f"    {key}: {word!s}\n" for key, word in words.items())
            if rendered:
                tone(piece / "stems" / f"{name}.flac", seconds, number, channels=1)
        (piece / "metadata.yaml").write_text(text)
        tone(piece / "mix.flac", seconds)
        (piece / "MIDI").mkdir()
        (piece / "all_src.mid").write_bytes(b"MThd")
    return top


def coco(top, seconds=2.0):
    """CocoChorales: ensembles, audio and descriptions side by side."""
    for split, number in (("train", 1), ("train", 2), ("valid", 3), ("test", 4)):
        piece = top / split / f"string_track{number:06d}"
        for stem in ("1_violin", "2_violin", "3_viola", "4_cello"):
            tone(piece / "stems_audio" / f"{stem}.wav", seconds, number, 16000, 1)
        tone(piece / "mix.wav", seconds, number, 16000, 1)
        (piece / "metadata.yaml").write_text("instrument_name:\n  '1': violin\n")
        (piece / "stems_midi").mkdir()
    return top


def musdb(top, seconds=2.0):
    """MUSDB18-HQ: two splits."""
    for split, names in (("train", ["A - One", "B - Two", "C - Three"]), ("test", ["D - Four"])):
        for number, name in enumerate(names):
            for stem in ("bass", "drums", "other", "vocals", "mixture"):
                tone(top / split / name / f"{stem}.wav", seconds, number)
    return top


@pytest.mark.parametrize("make", [moises, slakh, coco, musdb])
def test_every_layout_is_known_by_itself(tmp_path, make):
    found = datasets.find([make(tmp_path / "data")])
    expected = {moises: "MoisesDB", slakh: "Slakh2100", coco: "CocoChorales", musdb: "MUSDB18-HQ"}
    assert found.layout == expected[make]
    assert all(len({part.name for part in piece.parts}) == len(piece.parts) for piece in found.pieces)


def test_moisesdb_sums_the_tracks_of_a_stem_and_knows_families_by_its_labels(tmp_path):
    found = datasets.find([moises(tmp_path / "data", 1)])
    parts = {part.name: part for part in found.pieces[0].parts}
    assert set(parts) == {"guitar", "bass", "drums", "mallets", "percussion", "effects"}
    whole = datasets.sound_of(parts["guitar"])
    alone = [read(source.path) for source in parts["guitar"].sources]
    assert len(alone) == 2
    np.testing.assert_allclose(whole, alone[0] + alone[1], atol=1e-6)


def test_slakh_says_what_is_rendered_and_what_it_omits(tmp_path):
    found = datasets.find([slakh(tmp_path / "data")])
    assert {piece.name for piece in found.pieces} == {f"Track{n:05d}" for n in (1, 2, 3, 4)}
    assert [part.name for part in found.pieces[0].parts] == [
        "drums_S00", "bass_S01", "strings_S02", "effects_S04", "chromatic_percussion_S05",
    ]  # fmt: skip
    whys = [why for _, why in found.left_out]
    assert whys.count("the data set did not render it") == 4
    assert "the data set omits it, as it is in it twice" in whys


def test_drums_percussion_and_effects_are_left_out_by_default_and_kept_where_asked(tmp_path):
    data, out = slakh(tmp_path / "data"), tmp_path / "out"
    result = pairs.take([data], out)
    assert {name: of["pieces"] for name, of in result["splits"].items()} == {"train": 2, "validation": 1, "test": 1}
    song = out / "train" / "Track00001"
    assert {path.stem for path in song.glob("*.flac")} == {"bass_S01", "strings_S02", "chromatic_percussion_S05"}
    assert ["Track00001/drums_S00", "family drums"] in result["left_out"]
    with_drums = pairs.take([data], tmp_path / "all", leave_out=())
    assert with_drums["families"]["drums"] == 4
    kept = {path.stem for path in (tmp_path / "all" / "train" / "Track00001").glob("*.flac")}
    assert "drums" in kept  # by the name that other recipes leave out
    assert not {"drums"} & {part for pair in stem_pairs(dict.fromkeys(kept, np.zeros(1))) for part in pair}


def test_what_is_written_is_what_training_reads(tmp_path):
    out = tmp_path / "out"
    pairs.take([coco(tmp_path / "data")], out, jobs=1)
    store = Store([out], "train")
    assert [song.name for song in store.songs] == ["string_track000001", "string_track000002"]
    assert all(song.recorded and song.seconds == pytest.approx(2.0) for song in store.songs)
    info = sf.info(out / "train" / "string_track000001" / "1_violin.flac")
    assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
    assert json.loads((out / "pairs.json").read_text())["layout"] == "CocoChorales"


def test_a_check_writes_nothing(tmp_path, antiphon):
    data = musdb(tmp_path / "data")
    before = tree(tmp_path)
    done = antiphon("train", "pairs", data, "--check")
    assert done.code == 0
    assert "MUSDB18-HQ" in done.out
    assert "left out, 4 times: family drums" in done.out
    assert tree(tmp_path) == before


def test_a_data_set_without_validation_lends_some_of_its_training(tmp_path):
    data = musdb(tmp_path / "data", 0.1)
    for number in range(18):
        (data / "train" / f"P{number}").mkdir()
        for stem in ("bass", "vocals"):
            shutil.copy(data / "train" / "A - One" / f"{stem}.wav", data / "train" / f"P{number}" / f"{stem}.wav")
    for name in ("A - One", "B - Two", "C - Three"):
        shutil.rmtree(data / "train" / name)
    result = pairs.take([data], None)
    assert sorted(result["pieces"]["train"] + result["pieces"]["validation"]) == sorted(f"P{n}" for n in range(18))
    assert len(result["pieces"]["validation"]) == 2
    assert result["pieces"]["test"] == ["D - Four"]


@given(st.integers(10, 200), st.integers(0, 2**32 - 1))
def test_pieces_are_divided_80_10_10_and_the_same_by_the_same_seed(count, seed):
    part = (datasets.Part("a", "a", ()), datasets.Part("b", "b", ()))
    taken = [pairs.Taken(datasets.Piece(f"p{n}", "", part), {"a": 1.0, "b": 1.0}) for n in range(count)]
    one, again = pairs.divide(taken, seed), pairs.divide(taken, seed)
    assert one == again
    names = {split: {each.piece.name for each in one if each.split == split} for split in pairs.SPLITS}
    assert sum(map(len, names.values())) == len(set().union(*names.values())) == count
    for split, (begin, end) in pairs.SPLITS.items():
        assert abs(len(names[split]) - (end - begin) * count) <= 1


def test_few_pieces_are_divided_in_time(tmp_path):
    one, other = tone(tmp_path / "sax.wav", 10.0, 1), tone(tmp_path / "piano.wav", 9.0, 2)
    out = tmp_path / "out"
    result = pairs.take([one, other], out, jobs=1)
    assert result["layout"] == "two files"
    lengths = {split: sf.info(out / split / "sax and piano" / "sax.flac").duration for split in pairs.SPLITS}
    assert lengths == pytest.approx({"train": 7.2, "validation": 0.9, "test": 0.9}, abs=1e-3)
    assert (
        not (out / "test" / "sax and piano" / "piano.flac").exists()
        or read(out / "test" / "sax and piano" / "piano.flac").any()
    )


def test_files_of_the_same_name_in_two_folders_belong_together(tmp_path):
    for name in ("take 1", "take 2"):
        tone(tmp_path / "Sax" / f"{name}.wav", 3.0, 1)
        tone(tmp_path / "Piano" / f"{name}.flac", 3.0, 2)
    tone(tmp_path / "Sax" / "alone.wav")
    found = datasets.find([tmp_path / "Sax", tmp_path / "Piano"])
    assert [piece.name for piece in found.pieces] == ["take 1", "take 2"]
    assert [part.name for part in found.pieces[0].parts] == ["Sax", "Piano"]
    assert "has no file of this name" in found.left_out[0][1]


def test_what_is_broken_is_named_and_the_rest_is_taken(tmp_path):
    data, out = moises(tmp_path / "data", 2), tmp_path / "out"
    pieces = sorted((data / "moisesdb_v0.1").iterdir())
    (pieces[0] / "bass" / "b1.wav").write_bytes(b"RIFFno")
    (pieces[1] / "guitar" / "g2.wav").unlink()
    broken = data / "moisesdb_v0.1" / "zz"
    broken.mkdir()
    (broken / "data.json").write_text("{")
    result = pairs.take([data], out, jobs=1)
    whys = {what: why for what, why in result["left_out"]}
    assert whys["00-uuid/bass"].startswith("broken")
    assert whys[str(pieces[1] / "guitar" / "g2.wav")] == "the file is missing"
    assert whys[str(broken / "data.json")].startswith("it is damaged")
    assert (out / "train" / "01-uuid" / "guitar.flac").exists()
    assert any("broken" in line for line in pairs.lines(result))


def test_going_on_makes_what_is_absent_and_refuses_another_division(tmp_path):
    data, out = coco(tmp_path / "data"), tmp_path / "out"
    first = pairs.take([data], out, jobs=1)
    written = tree(out)
    shutil.rmtree(out / "train" / "string_track000002")
    assert pairs.take([data], out, jobs=1) == first
    assert tree(out) == written
    with pytest.raises(TrainError, match="another seed"):
        pairs.take([data], out, seed=1)


@pytest.mark.parametrize(
    "words", [[], ["nowhere", "--check"], ["a.wav", "--check"], ["empty", "--check"], ["a.wav", "empty", "--check"]]
)
def test_what_cannot_be_taken_is_a_sentence(tmp_path, antiphon, words):
    tone(tmp_path / "a.wav")
    (tmp_path / "empty").mkdir()
    done = antiphon("train", "pairs", *[tmp_path / word if word[0] != "-" else word for word in words or ["empty"]])
    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_musdb18_in_one_file(tmp_path):
    """Five streams: the mixture, then drums, bass, other, vocals."""
    sounds = [tone(tmp_path / f"{n}.wav", 2.0, n) for n in range(5)]
    out = tmp_path / "data" / "train" / "A - One.stem.mp4"
    out.parent.mkdir(parents=True)
    inputs = [word for path in sounds for word in ("-i", str(path))]
    maps = [word for n in range(5) for word in ("-map", f"{n}:0")]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *maps, "-c:a", "aac", "-b:a", "256k", str(out)], check=True)
    found = datasets.find([tmp_path / "data"])
    assert found.layout == "MUSDB18"
    vocals = next(part for part in found.pieces[0].parts if part.name == "vocals")
    assert datasets.seconds_of(vocals) == pytest.approx(2.0, abs=0.1)
    sound, true = datasets.sound_of(vocals), read(sounds[4])
    n = min(len(sound), len(true))
    assert np.corrcoef(sound[:n], true[:n])[0, 1] > 0.98
    assert pairs.take([tmp_path / "data"], None)["families"] == {"bass": 1, "other": 1, "vocals": 1}

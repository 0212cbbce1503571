"""`antiphon fill`: one track more, the others as they were; and a sentence for each mistake."""

import json
import shutil

import numpy as np
import pytest
import torch

from agent.performance.missing_part import fill_folder
from agent.performance.model_folder import EMBEDDED
from corpora import midi_file
from corpora.whole_files import write_files
from decision.fill import Fill, FillConfig
from decision.instruction import STYLE_WORDS
from tests.conftest import tree
from tests.corpora.test_annotations import metre, midi, tempo, track

STYLES = tuple(dict.fromkeys(STYLE_WORDS.values()))
CONDUCTOR = track((0, tempo(100)), (0, metre(4, 2)))


def song(*parts, metres=(4, 2), form=1):
    """A file with parts of (channel, [(first beat, beats, pitch)])."""
    data = midi(track((0, tempo(100)), (0, metre(*metres))), form=form)
    for channel, notes in parts:
        table = np.array([(480 * at, 480 * (at + length), pitch, 80) for at, length, pitch in notes]).astype(int)
        data = midi_file.with_track(data, table, channel, None, f"part {channel}")
    return data


TUNE = (0, [(at, 1, 60 + (0, 4, 7, 5)[at % 4]) for at in range(32)])
CHORDS = (1, [(at, 4, pitch) for at in range(0, 32, 4) for pitch in (52, 55, 60)])


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder with song.mid and a random model in `model`, where the verb runs."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    write_files("model/fill", Fill(FillConfig(24, 1, 2, 80, STYLES)).files())
    (tmp_path / "song.mid").write_bytes(song(TUNE, CHORDS))
    return tmp_path


@pytest.mark.parametrize("part", ["bass", "drums", "chords"])
def test_a_song_gets_one_track_and_keeps_the_others(antiphon, small, part):
    done = antiphon("fill", "song.mid", "--part", part, "-o", "out.mid", "--model", "model", "--json")
    report, before, after = json.loads(done.out), (small / "song.mid").read_bytes(), (small / "out.mid").read_bytes()
    assert after[14 : len(before)] == before[14:] and (small / "song.mid").read_bytes() == song(TUNE, CHORDS)
    voices = midi_file.read_voices(after)
    assert [each["part"] for each in report["heard"]] == ["melody", "chords"]
    assert sum(len(voice.notes) for voice in voices[2:]) == report["notes"]
    assert all(voice.channel == (9 if part == "drums" else 2) for voice in voices[2:])
    again = antiphon("fill", "song.mid", "--part", part, "-o", "again.mid", "--model", "model")
    assert again.code == 0 and (small / "again.mid").read_bytes() == after and "heard part 0 (melody)" in again.out


@pytest.mark.parametrize("signature", [(3, 2), (5, 2), (7, 3), (6, 3), (11, 4), (1, 2)])
def test_every_metre(antiphon, small, signature):
    (small / "odd.mid").write_bytes(song(TUNE, metres=signature))
    done = antiphon("fill", "odd.mid", "--say", "busy bass", "-o", "out.mid", "--model", "model")
    assert done.code == 0 and midi_file.read((small / "out.mid").read_bytes()).metres == {0: signature}


def test_odd_files_that_are_songs(antiphon, small):
    files = {
        "one note": song((0, [(0, 1, 60)])), "drums alone": song((9, [(at, 1, 36) for at in range(8)])),
        "one track": midi(track((0, b"\x90\x3c\x40"), (480, b"\x3c\0")), form=0),
        "RMID": b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + song(TUNE), "high": song((0, [(at, 1, 127) for at in range(8)])),
    }  # fmt: skip
    for name, data in files.items():
        (small / "odd.mid").write_bytes(data)
        done = antiphon("fill", "odd.mid", "--part", "bass", "-o", "out.mid", "--model", "model")
        assert done.code == 0, name
        (small / "out.mid").unlink()


def bad_songs():
    """{name: (content, what is said)}"""
    return {
        "no tracks": (midi(), "has no notes"),
        "no notes": (midi(CONDUCTOR), "has no notes: give a song"),
        "three hours": (song((0, [(0, 1, 60), (3 * 60 * 120, 1, 60)])), "is longer than 15000 beats: cut it"),
        "empty": (b"", "is no MIDI file"),
        "text": (b"a song", "is no MIDI file"),
        "cut": (song(TUNE)[:-7], "is cut short"),
        "frames": (midi(CONDUCTOR, division=0xE728), "counts in SMPTE frames"),
        "one after the other": (midi(TUNE_TRACK, form=2), "one after the other"),
        "all channels": (song(*((n, TUNE[1]) for n in range(16))), "uses all 16 channels"),
    }  # fmt: skip


TUNE_TRACK = track((0, b"\x90\x3c\x40"), (480, b"\x3c\0"))


@pytest.mark.parametrize("name", bad_songs())
def test_a_song_that_cannot_be_filled(antiphon, small, name):
    content, said = bad_songs()[name]
    (small / "bad.mid").write_bytes(content)
    before = tree(small)
    refused = antiphon("fill", "bad.mid", "--part", "bass", "-o", "out.mid", "--model", "model").sentence
    assert said in refused and "bad.mid" in refused and tree(small) == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--say", ""), "--say is empty"), (("--say", "x" * 10_000), "has 10000 characters"), (("--say", "🥁"), "'🥁'"),
        (("--say", "quitar"), "the nearest known: guitar"), (("--part", "bas"), "did you mean bass?"),
        ((), "no part is named"),
        (("--part", "bass", "--model", "nowhere"), "no fill model in nowhere"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence_and_no_file(antiphon, small, flags, said):
    before = tree(small)
    given = flags if "--model" in flags else (*flags, "--model", "model")
    assert said in antiphon("fill", "song.mid", "-o", "out.mid", *given).sentence
    assert said in antiphon("fill", "song.mid", "-o", "out.mid", *given).sentence and tree(small) == before


def test_a_file_that_is_not_there(antiphon, small):
    for name in ("missing.mid", "model"):
        assert name in antiphon("fill", name, "--part", "bass", "-o", "out.mid", "--model", "model").sentence
    assert "no folder" in antiphon(
        "fill", "song.mid", "--part", "bass", "-o", "no/out.mid", "--model", "model"
    ).sentence  # fmt: skip


def test_what_is_there_already_is_said(antiphon, small):
    low = (3, [(at, 1, 36) for at in range(32)])
    (small / "full.mid").write_bytes(song(TUNE, low))
    done = antiphon("fill", "full.mid", "--part", "bass", "-o", "out.mid", "--model", "model")
    assert "there is a bass already (part 3)" in done.out
    free = np.random.default_rng(0).uniform(0, 60, 200)
    (small / "free.mid").write_bytes(song((0, [(at, 1, 60) for at in free])))
    done = antiphon("fill", "free.mid", "--part", "bass", "-o", "out.mid", "--model", "model")
    assert "its notes keep to no grid" in done.out


def test_the_embedded_model_knows_every_style_of_the_words(tmp_path):
    model = Fill.load(EMBEDDED / "small" / "fill")
    assert set(STYLE_WORDS.values()) <= set(model.config.styles)
    assert set(model.config.bounds["bass"]) == {"density", "register", "place", "length", "dynamics"}
    files = {path.name: path.stat().st_size for path in (EMBEDDED / "small" / "fill").iterdir()}
    assert sum(files.values()) < 10e6
    shutil.copytree(EMBEDDED / "small" / "fill", tmp_path / "fill")
    assert fill_folder(str(tmp_path)) == tmp_path / "fill" and fill_folder(str(tmp_path / "fill")).name == "fill"

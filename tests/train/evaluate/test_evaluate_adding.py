"""What is added is measured as it was played, beside the answer without words; the guide is the mix of all else."""

import json
import shutil
from dataclasses import dataclass

import numpy as np
import pytest

from agent.verbs.evaluation_player import Responder
from corpora.audio import read_at
from tests.conftest import melody, tree, write
from tests.perception.test_traits import strokes
from tests.train.evaluate.test_evaluate_listening import RATE, clicks
from train.common.errors import TrainError
from train.evaluate.adding import ASKED, GUIDE_RATE, adding

pytest.importorskip("librosa")
SPAN = (1.0, 13.0)
SETS = ("action.obey=2",)


@dataclass
class Played:
    audio: np.ndarray
    samplerate: int = RATE


class Obedient:
    """Plays what is asked for: strokes that are sparser, lower, softer and on the beat, or the opposite of one."""

    made: tuple = ()

    def __init__(self, model, sets):
        Obedient.made = (model, sets)
        self.heard = []

    def answer(self, guide, memory, seed, add=""):
        every, pitch, peak, late = 0.5, 57, 0.2, 0.0
        every = {"sparse": 1.0, "dense": 0.25}.get(add, every)
        pitch = {"low": 45, "high": 69}.get(add, pitch)
        peak = {"soft": 0.05, "loud": 0.5}.get(add, peak)
        late = {"on the beat": 0.3, "off the beat": 0.55}.get(add, 0.1) - SPAN[0] % 0.5
        audio = strokes(SPAN[1] - SPAN[0], every, pitch, peak, RATE)
        return Played(np.roll(audio, round(late * RATE)))


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    """A song of two parts and drums, and one of a part with a backing track that has all others."""
    folder = tmp_path_factory.mktemp("band")
    songs = {"one": ("bass", "keys", "drums"), "two": ("guitar", "backing")}
    for song, parts in songs.items():
        (folder / song).mkdir()
        for number, part in enumerate(parts):
            audio = clicks(14, 0.5) if part in ("drums", "backing") else melody(14, RATE, number)
            write(folder / song / f"{part}.flac", audio, RATE)
    return folder


@pytest.fixture(scope="module")
def whole(band, tmp_path_factory):
    """The folder of one evaluation of all three parts."""
    out = tmp_path_factory.mktemp("whole") / "out"
    adding(band, "small", out, Obedient, span=SPAN, set=SETS)
    return out


def test_every_attribute_is_measured_at_both_ends(whole):
    result = json.loads((whole / "adding.json").read_text())
    assert Obedient.made == ("small", SETS) and len(result["rows"]) == 3
    for name, one in result["attributes"].items():
        assert one["pairs"] == 3 and one["obeyed"] == 1 and one["low"] < one["high"], name
        assert name == "place" or one["low"] < one["free"] < one["high"], name
    attributes = result["attributes"]
    assert attributes["register"]["difference"]["difference"] == pytest.approx(24, abs=1.5)
    assert attributes["dynamics"]["difference"]["difference"] == pytest.approx(20, abs=0.5)
    assert attributes["density"]["low"] == pytest.approx(1, abs=0.3)
    assert attributes["density"]["high"] == pytest.approx(4, abs=0.6)
    assert attributes["place"]["low"] < -0.7 and attributes["place"]["high"] > 0.7
    text = (whole / "adding.md").read_text()
    assert all(f"| {name} |" in text for name in ASKED) and "100% of 3" in text


def test_a_guide_is_the_mix_of_all_but_the_part(whole, band):
    first, last = (round(end * GUIDE_RATE) for end in SPAN)
    for song, part, others in (("one", "bass", ("keys", "drums")), ("two", "guitar", ("backing",))):
        heard = read_at(whole / "guides" / f"{song}_{part}.wav", GUIDE_RATE)
        mix = sum(read_at(band / song / f"{other}.flac", GUIDE_RATE)[first:last] for other in others)
        assert np.corrcoef(heard, mix)[0, 1] > 0.9999


def test_it_goes_on_where_it_was_ended(whole, band, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    for path in (tmp_path / "out" / "pairs" / "one_keys.json", *(tmp_path / "out").glob("adding.*")):
        path.unlink()
    with pytest.raises(TrainError, match="holds an evaluation: add --resume"):
        adding(band, "small", tmp_path / "out", Obedient, span=SPAN, set=SETS)
    again = adding(band, "small", tmp_path / "out", Obedient, resume=True, span=SPAN, set=SETS)
    assert tree(tmp_path / "out") == tree(whole) and again == json.loads((whole / "adding.json").read_text())


def test_what_cannot_be_measured_is_refused(band, tmp_path):
    with pytest.raises(TrainError, match="has nothing but its bass from 100 s to 120 s"):
        adding(band, "small", tmp_path / "out", Obedient, span=(100.0, 120.0))
    with pytest.raises(TrainError, match="expected 0 or more"):
        adding(band, "small", tmp_path / "out", Obedient, span=(3.0, 2.0))


def test_the_agent_answers_with_what_is_asked_for(stage, band, tmp_path):
    responder = Responder(stage.model, ("live.hop=0.25",))
    files = band / "one" / "drums.flac", band / "one" / "keys.flac"
    plain, asked = (responder.answer(*files, 1, add=words).audio for words in ("", "sparse and low"))
    assert not np.array_equal(plain, asked) and np.array_equal(plain, responder.answer(*files, 1).audio)

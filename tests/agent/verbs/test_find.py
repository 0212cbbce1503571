"""`antiphon corpus find`: corpora and recordings below a folder, in the order of their fit, and what cannot be read."""

import json
import shutil

import numpy as np
import pytest

from agent.performance.model import Model
from agent.verbs import find
from corpora.build import build
from perception.words import FILE
from tests.conftest import glide, melody, noise, write


@pytest.fixture(scope="module")
def shelf(tiny, tmp_path_factory):
    """A folder with a corpus, recordings, one that is damaged, and what is not to be searched."""
    top = tmp_path_factory.mktemp("shelf")
    folder = top / "library"
    (folder / "songs" / "old").mkdir(parents=True)
    write(folder / "songs" / "one.wav", melody(25, 44100, 1), 44100)
    write(folder / "songs" / "old" / "two.flac", noise(12, 16000, 2), 16000)
    write(folder / "short.wav", glide(3, 16000, 2), 16000)
    (folder / "broken.wav").write_bytes(b"RIFF and no more")
    (folder / "notes.txt").write_text("no sound")
    write(folder / ".hidden.wav", noise(12, 16000, 2), 16000)
    write(top / "source.wav", np.concatenate([melody(15, 16000, 4), glide(15, 16000, 5)]), 16000)
    ear = Model.load(tiny, 0.25, decide=False)
    build([top / "source.wav"], lambda rate: ear.listener(rate, -50.0), folder / "corpus")
    return folder


@pytest.fixture
def library(shelf, tmp_path):
    """A copy of it, which may be changed."""
    return shutil.copytree(shelf, tmp_path / "library")


def test_the_best_moments_come_first_and_do_not_overlap(antiphon, tiny, library):
    said = antiphon("corpus", "find", "low piano", library, "--model", tiny, "--json")
    result = json.loads(said.out)
    assert (result["corpora"], result["recordings"]) == (1, 4) and result["unknown"] == ""
    assert [entry["file"] for entry in result["skipped"]] == [str(library / "broken.wav")]
    scores = [moment["score"] for moment in result["found"]]
    assert scores == sorted(scores, reverse=True) and len(scores) >= 4
    for one in result["found"]:
        assert 0 <= one["begin"] < one["end"] <= 30.01 and one["end"] - one["begin"] <= 10
        for other in result["found"]:
            assert one is other or one["file"] != other["file"] or abs(one["begin"] - other["begin"]) >= 10
    assert {moment["file"] for moment in result["found"]} == {
        str(library / name) for name in ("corpus", "songs/one.wav", "songs/old/two.flac", "short.wav")
    }


def test_a_corpus_is_found_by_what_it_holds_as_by_its_sound(tiny, library):
    """The stored features of an alphabet of the model, or the sound where it has another: nearly the same scores."""
    stored = find.search("low piano", library / "corpus", str(tiny))
    about = json.loads((library / "corpus" / "corpus.json").read_text())
    (library / "corpus" / "corpus.json").write_text(json.dumps(about | {"alphabet": "k16-0.25s-ffffff"}))
    heard = find.search("low piano", library / "corpus", str(tiny))
    for one, other in zip(stored["found"], heard["found"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=0.1)


def test_lines_say_where_and_what_was_not_understood(antiphon, tiny, library):
    said = antiphon("corpus", "find", "low pian", library / "songs", "--model", tiny, "--count", "2")
    lines = said.out.splitlines()
    assert len(lines) == 3 and " to 0:" in lines[0] and str(library / "songs") in lines[0]
    assert lines[2].startswith("'pian' (did you mean 'piano'?) is no word")
    assert find.clock(62.5) == "1:02.5"


def test_one_recording_may_be_named(antiphon, tiny, library):
    said = antiphon("corpus", "find", "fast", library / "songs" / "one.wav", "--model", tiny, "--json")
    assert json.loads(said.out)["recordings"] == 1


@pytest.mark.parametrize(
    ("words", "where", "flags", "said"),
    [
        ("", ".", (), "no words: say what it should sound like"),
        ("🎹", ".", (), "is no word that it has learned"),
        ("low", "nowhere", (), "there is no corpus and no recording below"),
        ("low", ".", ("--count", "0"), "--count 0: expected 1 to 1000"),
        ("low " * 2500, ".", (), "a text of 2500 words: say it in 32 or fewer"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(antiphon, tiny, library, words, where, flags, said):
    refused = antiphon("corpus", "find", words, library / where, "--model", tiny, *flags)
    assert said in refused.sentence


def test_a_model_without_words_says_so(antiphon, tiny, library, tmp_path):
    folder = tmp_path / "silent"
    shutil.copytree(tiny, folder)
    (folder / "words" / FILE).unlink()
    refused = antiphon("corpus", "find", "low", library, "--model", folder)
    assert "knows no words: learn some, python -m train.fit_words" in refused.sentence

"""What is odd about an input is said, whatever its name and whatever the terminal can show."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from corpora.audio import CANCELLED_DB, Mixdown
from tests.conftest import melody

NAME = os.fsdecode(b"caf\xe9 \xc3\xa9.wav")  # no UTF-8, as from an old disk, and a letter that ASCII lacks
MUSIC = melody(6, 16000, 3)


@pytest.fixture
def inputs(tmp_path) -> Path:
    """A folder with a good memory, a guide that cancels itself and one that nobody hears."""
    sf.write(tmp_path / "memory.wav", melody(8, 16000, 2), 16000)
    sf.write(tmp_path / "phase.wav", np.stack([MUSIC, -MUSIC], axis=1), 16000)
    sf.write(tmp_path / "quiet.wav", np.random.default_rng(0).normal(0, 1e-4, 96000), 16000, subtype="PCM_24")
    return tmp_path


# --- how the channels of a file cancel each other


@pytest.mark.parametrize("channels", [1, 2, 6, 64])
def test_channels_that_have_nothing_in_common_do_not_cancel(channels):
    mixdown = Mixdown()
    mixdown.mixed(np.random.default_rng(0).normal(0, 0.1, (20_000, channels)).astype(np.float32))
    assert not mixdown.cancels and abs(mixdown.loss_db - 10 * np.log10(channels)) < 1


@pytest.mark.parametrize("gain", [1.0, 0.9])
def test_channels_of_opposite_phase_cancel(gain):
    mixdown = Mixdown()
    for block in np.array_split(np.stack([MUSIC, -gain * MUSIC], axis=1), 7):
        np.testing.assert_allclose(mixdown.mixed(block), block.mean(axis=1), atol=1e-7)
    assert mixdown.cancels and mixdown.loss_db > CANCELLED_DB


def test_silence_does_not_cancel():
    mixdown = Mixdown()
    mixdown.mixed(np.zeros((100, 2), np.float32))
    assert not mixdown.cancels


# --- said by the verbs


@pytest.mark.parametrize(("file", "said"), [("phase.wav", "out of phase"), ("quiet.wav", "is silent: none of its")])
def test_an_input_that_cannot_be_heard(antiphon, inputs, tiny, file, said):
    with_model = ("--model", tiny)
    answered = antiphon(
        "respond", file, "--memory", "memory.wav", *with_model, "-o", "out.wav", "--report", "report.json"
    )
    assert answered.code == 0 and answered.err.count(said) == 1
    assert any(said in sentence for sentence in json.loads((inputs / "report.json").read_text())["warnings"])
    named = antiphon("tokens", file, *with_model, "--json")
    assert named.err.count(said) == 1 and any(said in sentence for sentence in json.loads(named.out)["warnings"])
    played = antiphon(
        "play", "--input", file, "--output", "out.wav", "--memory", "memory.wav", *with_model, "--speed", "0"
    )
    assert played.code == 0 and said in played.err
    refused = antiphon("corpus", "build", file, *with_model, "-o", "corpus")
    assert refused.code == 2 and "all silence" in refused.err


def test_an_input_like_any_other_is_not_remarked_on(antiphon, inputs, tiny):
    answered = antiphon(
        "respond", "memory.wav", "--memory", "memory.wav", "--model", tiny, "-o", "out.wav", "--report", "report.json"
    )
    assert answered.err == "" and json.loads((inputs / "report.json").read_text())["warnings"] == []


# --- names and terminals


def write(path: Path) -> None:
    """A file of music; libsndfile takes no such names itself."""
    with open(path, "wb") as file:
        sf.write(file, MUSIC, 16000, format="WAV")


def test_a_name_that_is_not_utf8_goes_through_every_verb(antiphon, inputs, tiny):
    write(inputs / NAME)
    out, log, corpus, model = "out " + NAME, NAME + ".jsonl", NAME + ".corpus", ("--model", tiny)
    assert antiphon("tokens", NAME, *model).code == 0
    assert antiphon("respond", NAME, "--memory", NAME, *model, "-o", out, "--report", NAME + ".json").code == 0
    assert json.loads((inputs / (NAME + ".json")).read_text())["guide"] == NAME
    built = antiphon("corpus", "build", NAME, *model, "-o", corpus)
    assert built.code == 0 and antiphon("corpus", "info", corpus, "--json").code == 0
    played = antiphon(
        "play", "--input", NAME, "--memory", corpus, *model, "--output", out, "--log", log, "--speed", "0"
    )
    assert played.code == 0
    rendered = antiphon("replay", log, "-o", "again.wav")
    assert rendered.code == 0, rendered.err
    assert (inputs / "again.wav").read_bytes() == (inputs / out).read_bytes()
    assert "did you mean" in antiphon("tokens", NAME[:-1], *model).sentence


@pytest.mark.parametrize("words", [[NAME, "--memory", NAME, "-o", "out" + NAME], ["no" + NAME, "-o", "out.wav"]])
def test_a_terminal_that_is_ascii(tmp_path, tiny, words):
    write(tmp_path / NAME)
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C", "PYTHONUTF8": "0",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    command = [sys.executable, "-m", "agent.cli", "respond", *words, "--model", str(tiny)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == (0 if words[0] == NAME else 2), done.stderr
    assert b"Error" not in done.stderr and b"caf\\udce9" in done.stdout + done.stderr
    assert (done.stdout + done.stderr).isascii()

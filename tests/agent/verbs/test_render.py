"""`antiphon render`: a part as long as the guide, the same for the same seed; and a sentence for each mistake."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.conftest import melody, samples, tree, write

FAST = ("--steps", "2", "--say", "a sparse bass")


@pytest.fixture
def song(tmp_path) -> Path:
    """3.1 s of melody at 44.1 kHz: two windows of the tiny voice."""
    return write(tmp_path / "song.wav", melody(3.1, 44100, 1), 44100)


@pytest.mark.parametrize("way", ["start", "condition"])
@pytest.mark.parametrize(
    ("rate", "channels", "frames", "count"), [(8000, 1, 2003, 1), (44100, 2, 180001, 3), (96000, 3, 25000, 1)]
)
def test_a_part_is_as_long_as_the_guide(antiphon, voices, tmp_path, way, rate, channels, frames, count):
    guide = np.stack([melody(frames / rate + 0.01, rate, seed)[:frames] for seed in range(3, channels + 3)], axis=1)
    write(tmp_path / "guide.wav", guide, rate)
    done = antiphon("render", "guide.wav", "--voice", voices[way], "-o", "part.flac", "--json", *FAST)
    report, about = json.loads(done.out), sf.info(tmp_path / "part.flac")
    assert (about.frames, about.samplerate, about.channels) == (frames, rate, min(channels, 2))
    assert report["experimental"] is True and report["pipeline"] == "StableAudioPipeline" and report["way"] == way
    assert (report["samples"], report["windows"], report["silent"], report["seed"]) == (frames, count, False, 0)
    assert report["strength"] == (0.5 if way == "start" else None) and report["say"] == "a sparse bass"
    assert 1e-3 < np.std(sf.read(tmp_path / "part.flac")[0]) < 1 and done.err == ""


@pytest.mark.parametrize("way", ["start", "condition"])
def test_same_seed_same_samples_and_all_else_matters(antiphon, voices, song, way):
    def part(*words, guide=song):
        done = antiphon("render", guide, "--voice", voices[way], "-o", "part.wav", *FAST, *words)
        assert done.code == 0 and "experimental" in done.out
        return samples(Path("part.wav"))

    first = part()
    np.testing.assert_array_equal(part("--seed", 0), first)
    others = [part("--seed", 1), part("--say", "bright drums")]
    others.append(part(guide=write(song.with_name("other.wav"), melody(3.1, 44100, 2), 44100)))
    others += [part("--strength", 0.3)] if way == "start" else []
    assert all(np.abs(other - first).max() > 1e-4 for other in others)


def test_no_join_clicks(antiphon, voices, song):
    """Where two windows meet, neighbouring samples differ no more than within a window, and the level holds."""
    assert antiphon("render", song, "--voice", voices["start"], "-o", "part.wav", *FAST).code == 0
    sound = samples(Path("part.wav"))
    steps, middle, quarter = np.abs(np.diff(sound)), len(sound) // 2, len(sound) // 4
    at_join = slice(middle - 16000, middle + 16000)  # the overlap and what is beside it
    inside = [slice(at - 16000, at + 16000) for at in (quarter, 3 * quarter)]
    assert steps[at_join].max() <= 1.2 * max(steps[each].max() for each in inside)
    levels = [np.std(sound[each]) for each in (at_join, *inside)]
    assert max(levels) < 1.5 * min(levels)


def test_a_silent_guide_is_told(antiphon, voices, tmp_path):
    write(tmp_path / "song.wav", np.zeros(16000, np.float32), 16000)
    done = antiphon("render", "song.wav", "--voice", voices["start"], "-o", "part.wav", *FAST)
    assert done.code == 0 and "'song.wav' is silent: the part follows the words alone" in done.out
    assert len(samples(tmp_path / "part.wav")) == 16000


MISTAKES = {  # flags in place of the right ones -> what is said
    "no words": (("--say", " "), "nothing is asked for: say what to play"),
    "many words": (("--say", "bass " * 9), "--say has 9 tokens, this voice reads 8"),
    "no steps": (("--steps", "1"), "--steps 1: expected 2 to 1000"),
    "weak": (("--strength", "0"), "--strength 0: expected 0.1"),
    "strong": (("--strength", "1.1"), "--strength 1.1: expected"),
    "no number": (("--strength", "nan"), "--strength nan: expected"),
    "no folder": (("--voice", "nowhere"), "'nowhere' is no diffusers pipeline"),
    "a file": (("--voice", "song.wav"), "'song.wav' is no diffusers pipeline"),
    "no name for sound": (("-o", "part.txt"), "name the output .wav"),
    "no place": (("-o", "no/part.wav"), "there is no folder 'no'"),
    "itself": (("-o", "song.wav"), "which would be lost"),
    "in the voice": (("-o", "voice/part.wav"), "lies inside --voice"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_a_sentence_and_no_file(antiphon, voices, song, name):
    words, said = MISTAKES[name]
    shutil.copytree(voices["start"], "voice")
    before = tree(song.parent)
    given = (
        dict(zip(FAST[::2], FAST[1::2], strict=True)) | {"--voice": "voice", "-o": "part.wav"} | {words[0]: words[1]}
    )
    assert said in antiphon("render", "song.wav", *(word for pair in given.items() for word in pair)).sentence
    assert tree(song.parent) == before


def test_a_guide_that_cannot_be_heard(antiphon, voices, tmp_path):
    write(tmp_path / "short.wav", melody(0.1, 16000), 16000)
    for guide, said in (("none.wav", "there is no file"), ("short.wav", "lasts 0.1 s")):
        assert said in antiphon("render", guide, "--voice", voices["start"], "-o", "part.wav", *FAST).sentence
    assert antiphon("render", "demo", "--voice", "nowhere", "-o", "part.wav", *FAST).sentence
    assert sorted(tree(tmp_path)) == ["short.wav"]


def rename(ending):
    """A damage: the weights of the transformer, under another ending."""
    return lambda folder: (weights := next((folder / "transformer").glob("*.safetensors"))).rename(
        weights.with_suffix(ending)
    )


def index(**changes):
    """A damage: other entries of model_index.json."""

    def damage(folder):
        about = json.loads((folder / "model_index.json").read_text())
        (folder / "model_index.json").write_text(json.dumps(about | changes))

    return damage


def weights(part, change):
    """A damage: the weights of a part, after `change`, a function of {name: tensor} that changes it."""

    def damage(folder):
        from safetensors.torch import load_file, save_file

        path = next((folder / part).glob("*.safetensors"))
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, {"format": "pt"})

    return damage


def cut(folder):
    """A damage: weights of the text encoder that end too early."""
    path = folder / "text_encoder" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-50])


DAMAGES = {  # what befell the folder -> (how, what is said)
    "no index": (lambda folder: (folder / "model_index.json").unlink(), "it has no model_index.json"),
    "no JSON": (lambda folder: (folder / "model_index.json").write_text("{"), "is damaged"),
    "a list": (lambda folder: (folder / "model_index.json").write_text("[]"), "is damaged"),
    "another class": (index(_class_name="MusicLDMPipeline"), "is a MusicLDMPipeline, which is given no mix here"),
    "code of its own": (index(_class_name=["mine", "Mine"]), "give a StableAudioPipeline"),
    "a part missing": (lambda folder: shutil.rmtree(folder / "vae"), "lacks its part vae"),
    "no weights": (rename(".txt"), "has no weights"),
    "a pickle": (rename(".bin"), "in a pickle, which may run any program"),
    "half a file": (cut, "cannot be loaded"),
    "a weight missing": (weights("transformer", dict.popitem), "lacks weights (transformer/"),
    "a word weight missing": (weights("text_encoder", dict.popitem), "lacks weights (text_encoder/"),
    "no number": (weights("vae", lambda tensors: next(iter(tensors.values())).fill_(np.nan)), "not finite"),
    "another size": (weights("vae", lambda tensors: tensors.update({k: v[:1] for k, v in tensors.items()})), "shape"),
    "no noise": (index(scheduler=["diffusers", "DDPMScheduler"]), "DDPMScheduler, whose noise cannot be set"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_voice_that_cannot_be_used(antiphon, voices, song, name):
    damage, said = DAMAGES[name]
    shutil.copytree(voices["start"], "voice")
    damage(Path("voice"))
    before = tree(song.parent)
    assert said in antiphon("render", "song.wav", "--voice", "voice", "-o", "part.wav", *FAST).sentence
    assert tree(song.parent) == before


def test_without_the_libraries_the_command_is_told(antiphon, voices, song, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    said = antiphon("render", song, "--voice", voices["start"], "-o", "part.wav", *FAST).sentence
    assert "needs diffusers" in said and said.endswith("pip install 'antiphon[voice]'")
    assert not Path("part.wav").exists()

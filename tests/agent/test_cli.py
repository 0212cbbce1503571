"""Whatever goes wrong at the command line: one sentence with the value and the remedy, exit code 2, nothing
half-written, nothing lost. And what is odd but sound plays."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from agent import cli
from agent.performance import model
from agent.performance.model_folder import EMBEDDED
from corpora.demo import GUIDE
from tests.conftest import damage_model, melody, samples, tree, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus(tiny, memory, tmp_path_factory):
    """A corpus folder at 0.5 s, labelled by the tiny model."""
    folder = tmp_path_factory.mktemp("corpora") / "duo"
    cli.main(["corpus", "build", str(memory), "-o", str(folder), "--model", str(tiny), "--licence", "CC0"])
    return folder


# --- sounds that cannot be used


def bad_sounds(folder: Path) -> dict[str, str]:
    """{name of a file that cannot be used: what its sentence must say}."""
    write(folder / "zero.wav", np.zeros(0, np.float32), 48000)
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is not audio")
    (folder / "folder.wav").mkdir()
    write(folder / "short.wav", melody(0.1, 48000), 48000)
    for name, value in (("nan", np.nan), ("inf", np.inf)):
        audio = melody(1.5, 48000)
        audio[60000] = value
        write(folder / f"{name}.wav", audio, 48000, "FLOAT")
    raw = (folder / "nan.wav").read_bytes()
    (folder / "header.wav").write_bytes(raw[:30])
    return {
        "zero.wav": "holds 0 samples", "empty.wav": "holds 0 samples", "text.wav": "is not audio that can be read",
        "folder.wav": "is not a file", "short.wav": "lasts 0.1 s, less than one hop", "nan.wav": "nan at 1.250 s",
        "inf.wav": "inf at 1.250 s", "header.wav": "header.wav", "missing.wav": "there is no file 'missing.wav'",
    }  # fmt: skip


def verbs(bad: object, tiny: Path, good: Path, memory: Path) -> dict[str, tuple]:
    """Every verb that hears a file, given a bad one."""
    use = ("--model", tiny)
    return {
        "respond": (
            "respond",
            bad,
            "--memory",
            memory,
            "-o",
            "out.wav",
            "--mix",
            "mix.wav",
            "--report",
            "r.json",
            *use,
        ),
        "offline": ("respond", bad, "--memory", memory, "-o", "out.wav", "--mode", "offline", *use),
        "memory": ("respond", good, "--memory", bad, "-o", "out.wav", "--mix", "mix.wav", *use),
        "play": (
            "play",
            "--input",
            bad,
            "--memory",
            memory,
            "--output",
            "out.wav",
            "--log",
            "S.jsonl",
            "--speed",
            0,
            *use,
        ),
        "tokens": ("tokens", bad, *use),
        "build": ("corpus", "build", good, bad, "-o", "corpus", *use),
    }


@pytest.mark.parametrize("verb", ["respond", "offline", "memory", "play", "tokens", "build"])
def test_a_sound_that_cannot_be_used(antiphon, tiny, guide, memory, tmp_path, verb):
    expected = bad_sounds(tmp_path)
    for name in ("out.wav", "mix.wav", "r.json", "S.jsonl"):
        (tmp_path / name).write_text("precious")
    before = tree(tmp_path)
    for name, said in expected.items():
        if verb == "memory" and name == "folder.wav":
            said = "'folder.wav' is not a corpus"
        sentence = antiphon(*verbs(name, tiny, guide, memory)[verb]).sentence
        assert said in sentence, (name, sentence)
        assert tree(tmp_path) == before, name
        assert not (tmp_path / "corpus").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(antiphon, tiny, guide, memory, tmp_path):
    write(tmp_path / "secret.wav", melody(1, 48000), 48000).chmod(0)
    for words in verbs("secret.wav", tiny, guide, memory).values():
        assert "permission" in antiphon(*words).sentence


# --- odd sounds that play


@pytest.mark.parametrize(
    "kind", ["8 bit", "7 channels", "one hop", "just over a hop", "8 kHz", "192 kHz", "loud", "quiet"]
)
def test_an_odd_sound_plays(antiphon, tiny, memory, tmp_path, kind):
    rate = {"8 kHz": 8000, "192 kHz": 192000}.get(kind, 44100)
    length = {"one hop": 22050, "just over a hop": 22051}.get(kind, round(1.7 * rate))
    audio = melody(2.0, rate, 2)[:length] * {"loud": 40, "quiet": 1e-4}.get(kind, 1)
    if kind == "7 channels":
        audio = np.stack([np.roll(audio, 100 * n) for n in range(7)], axis=1)
    write(tmp_path / "g.wav", audio, rate, "PCM_U8" if kind == "8 bit" else "FLOAT")
    words = ("--memory", memory, "--model", tiny, "--json")
    for mode in ("live", "offline"):
        found = json.loads(antiphon("respond", "g.wav", "-o", f"{mode}.wav", "--mode", mode, *words).out)
        assert found["samples"] == sf.info(tmp_path / f"{mode}.wav").frames == length
        assert sf.info(tmp_path / f"{mode}.wav").samplerate == rate
    assert json.loads(antiphon("tokens", "g.wav", "--model", tiny, "--json").out)["tokens"]


@pytest.mark.parametrize("kind", ["8 bit", "7 channels"])
def test_an_odd_memory_plays(antiphon, tiny, guide, tmp_path, kind):
    audio = melody(9.3, 32000, 2)
    sound = np.stack([audio] * 7, axis=1) if kind == "7 channels" else audio
    write(tmp_path / "m.wav", sound, 32000, "PCM_U8" if kind == "8 bit" else "PCM_16")
    assert antiphon("respond", guide, "-o", "a.wav", "--memory", "m.wav", "--model", tiny).code == 0
    assert antiphon("corpus", "build", "m.wav", "-o", "c", "--model", tiny).code == 0
    assert antiphon("respond", guide, "-o", "b.wav", "--memory", "c", "--model", tiny).code == 0
    assert np.abs(samples(tmp_path / "b.wav")).max() > 0.01


def test_a_part_is_added_from_the_memory_that_tells_it_is_one(antiphon, tiny, guide, tmp_path):
    for name, seed in (("keys", 3), ("Bass 2", 4)):
        write(tmp_path / f"{name}.wav", melody(6.0, 32000, seed), 32000, "PCM_16")
    words = ("respond", guide, "--memory", "keys.wav", "--memory", "Bass 2.wav", "--model", tiny)
    said = antiphon(*words, "-o", "a.wav", "--add", "a sparse, low bass", "--report", "r.json")
    assert said.code == 0 and "added bass from 'Bass 2': density low, register low" in said.out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["add"] == {"role": "bass", "asked": {"density": -1, "register": -1}, "memory": "Bass 2"}
    assert any(place["worth"] > 0 for places in report["places"] for place in places)
    alone = ("respond", guide, "--memory", "Bass 2.wav", "--model", tiny, "--set", "action.add=a sparse, low bass")
    assert antiphon(*alone, "-o", "b.wav").code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes(), "the other memory is not heard"
    assert antiphon(*words, "-o", "c.wav").code == 0
    assert (tmp_path / "a.wav").read_bytes() != (tmp_path / "c.wav").read_bytes()


def test_a_part_is_added_live_and_replayed(antiphon, tiny, guide, tmp_path):
    for name, seed in (("keys", 3), ("Bass 2", 4)):
        write(tmp_path / f"{name}.wav", melody(6.0, 32000, seed), 32000, "PCM_16")
    memories = ("--memory", "keys.wav", "--memory", "Bass 2.wav")
    use = ("play", "--input", guide, *memories, "--model", tiny, "--speed", "0", "--osc", "0")
    assert antiphon(*use, "--output", "a.wav", "--log", "a.jsonl", "--add", "a dense bass off the beat").code == 0
    assert antiphon("replay", "a.jsonl", "-o", "again.wav").code == 0
    assert np.array_equal(samples(tmp_path / "a.wav"), samples(tmp_path / "again.wav"))
    hops = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert {hop["memory"] for hop in hops if hop.get("segment", -1) >= 0} == {1}, "it began with the bass"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "--add is empty: say what to play, as in --add"),
        ("🥁", "--add: '🥁' is not understood; known are"),
        ("basss", "--add: 'basss' is not understood; the nearest known: bass"),
        ("low " * 2500, "--add has 10000 characters: say it in 400 or fewer"),
        ("drums", "action.add: by their names none of the memories is drums ('keys'): load one that is"),
    ],
)
def test_a_part_that_cannot_be_added_is_refused_in_a_sentence(antiphon, tiny, guide, tmp_path, words, said):
    write(tmp_path / "keys.wav", melody(3.0, 32000, 3), 32000, "PCM_16")
    before = tree(tmp_path)
    use = ("--memory", "keys.wav", "--model", tiny, "--add", words)
    assert said in antiphon("respond", guide, "-o", "a.wav", "--mix", "m.wav", *use).sentence
    assert said in antiphon("play", "--input", guide, "--output", "a.wav", "--log", "l.jsonl", *use).sentence
    assert tree(tmp_path) == before


@pytest.mark.slow
def test_three_hours_cost_time_but_no_memory(tiny, memory, tmp_path):
    """3 h at 8 kHz: named and answered by a process that may hold little more than one of ten seconds does."""
    block = melody(60, 8000, 1)
    with sf.SoundFile(tmp_path / "long.flac", "w", 8000, 1, "PCM_16") as file:
        for _ in range(180):
            file.write(block)
    write(tmp_path / "brief.wav", melody(10, 8000, 1), 8000)
    peaks = {}
    for name in ("brief.wav", "long.flac"):
        words = ["respond", name, "-o", "a.flac", "--memory", memory, "--model", tiny]
        peaks[name] = peak_of([str(word) for word in words], tmp_path)
    assert sf.info(tmp_path / "a.flac").frames == 3 * 3600 * 8000
    assert peaks["long.flac"] - peaks["brief.wav"] < 150e6, "the events of 21,600 hops, not three hours of audio"


def peak_of(words: list[str], folder: Path) -> int:
    """Peak resident bytes of a command of ours."""
    code = (
        "import resource, sys; from agent import cli; cli.main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) * 1024


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


# --- places that cannot be written


@pytest.mark.parametrize(
    "place", ["file/out.wav", "nowhere/out.wav", "there.wav", "out.txt", "out", "x" * 300 + ".wav"]
)
def test_a_place_that_cannot_be_written(antiphon, tiny, guide, memory, tmp_path, place):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "there.wav").mkdir()
    before, use = tree(tmp_path), ("--memory", memory, "--model", tiny)
    assert antiphon("respond", guide, "-o", place, *use).sentence
    assert antiphon("respond", guide, "-o", "fine.wav", "--mix", place, *use).sentence
    assert antiphon("play", "--input", guide, "--output", place, "--log", "S.jsonl", "--speed", 0, *use).sentence
    if not place.startswith("out"):
        assert antiphon("respond", guide, "-o", "fine.wav", "--report", place, *use).sentence
        assert antiphon("play", "--input", guide, "--output", "fine.wav", "--log", place, "--speed", 0, *use).sentence
    assert tree(tmp_path) == before


@pytest.mark.parametrize("place", ["file/corpus", "nowhere/corpus", "file", "full"])
def test_a_corpus_that_cannot_be_written(antiphon, tiny, guide, tmp_path, place):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    before = tree(tmp_path)
    assert antiphon("corpus", "build", guide, "-o", place, "--model", tiny).sentence
    assert tree(tmp_path) == before


def test_nothing_that_is_read_is_written_over(antiphon, tiny, guide, memory, tmp_path):
    shutil.copy(guide, tmp_path / "g.wav")
    shutil.copy(memory, tmp_path / "m.wav")
    os.link(tmp_path / "g.wav", tmp_path / "same.wav")
    os.symlink("g.wav", tmp_path / "link.wav")
    before, use = tree(tmp_path), ("--memory", "m.wav", "--model", tiny)
    play = ("play", "--input", "g.wav", "--speed", 0, *use)
    for words in (
        ("respond", "g.wav", "-o", "g.wav", *use), ("respond", "g.wav", "-o", "link.wav", *use),
        ("respond", "g.wav", "-o", "./m.wav", *use), ("respond", "g.wav", "-o", "o.wav", "--mix", "o.wav", *use),
        ("respond", "g.wav", "-o", "o.wav", "--report", "g.wav", *use), (*play, "--output", "g.wav"),
        (*play, "--output", "o.wav", "--log", "g.wav"), (*play, "--output", "o.wav", "--log", "o.wav"),
    ):  # fmt: skip
        assert "give it another name" in antiphon(*words).sentence
        assert tree(tmp_path) == before
    assert antiphon("play", *play[1:], "--output", "o.wav", "--log", "S.jsonl").code == 0
    before = tree(tmp_path)
    assert "give it another name" in antiphon("replay", "S.jsonl", "-o", "S.jsonl").sentence
    assert tree(tmp_path) == before


@pytest.fixture
def tiny_disk(tmp_path):
    """A folder on a disk of its own with 300 kB; skipped where it cannot be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "x", folder], capture_output=True).returncode
    ):
        pytest.skip("needs root and the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_no_room_on_the_disk(antiphon, tiny, memory, tiny_disk):
    (tiny_disk / "out.wav").write_text("precious")
    (tiny_disk / "out.flac").write_text("precious")
    (tiny_disk / "S.jsonl").write_text("precious")
    before = tree(tiny_disk)
    write(tiny_disk.parent / "g.wav", melody(20, 48000, 1), 48000)
    use = ("--memory", memory, "--model", tiny)
    for words in (
        ("respond", "g.wav", "-o", "disk/out.wav", *use),
        ("respond", "g.wav", "-o", "disk/out.flac", *use),
        ("respond", "g.wav", "-o", "here.wav", "--mix", "disk/out.wav", *use),
        ("play", "--input", "g.wav", "--output", "disk/out.flac", "--log", "disk/S.jsonl", "--speed", 0, *use),
        ("corpus", "build", memory, "-o", "disk/corpus", "--model", tiny),
    ):
        assert "no room on the disk" in antiphon(*words).sentence, words
        assert tree(tiny_disk) == before, words
        assert not (tiny_disk.parent / "here.wav").exists()


# --- models


@pytest.mark.parametrize("name", ["nosuch", "", "x" * 300, "file/model"])
def test_a_model_that_is_not_there(antiphon, guide, memory, tmp_path, name):
    (tmp_path / "file").touch()
    for words in (("respond", guide, "-o", "o.wav", "--memory", memory), ("tokens", guide),
                  ("corpus", "build", guide, "-o", "c"), ("play", "--input", guide, "--output", "o.wav")):  # fmt: skip
        sentence = antiphon(*words, "--model", name).sentence
        assert f"there is no model '{name}': give a folder with a model.json" in sentence
    assert sorted(tree(tmp_path)) == ["file"]


DAMAGES = {
    "model.json gone": "there is no model", "model.json cut": "is damaged", "model.json a list": "is damaged",
    "model.json without hops": "is damaged", "model.json of a later format": "update Antiphon",
    "encoder gone": "no encoder", "encoder cut": "no wav2vec 2.0 model", "units gone": "no alphabet",
    "units cut": "no alphabet, or damaged", "units changed": "is damaged", "units of another": "speaks alphabet",
    "decision gone": "no decision model", "decision cut": "do not belong together",
    "decision.json cut": "cannot be read",
    "decision of another": "speaks alphabet",
}  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_model(antiphon, tiny, other, guide, memory, tmp_path, how):
    shutil.copytree(tiny, tmp_path / "model")
    damage_model(tmp_path / "model", how, other)
    before = tree(tmp_path)
    sentence = antiphon("respond", guide, "-o", "o.wav", "--memory", memory, "--model", "model").sentence
    assert DAMAGES[how] in sentence
    assert tree(tmp_path) == before
    if not how.startswith(("decision", "units of")):
        antiphon("tokens", guide, "--model", "model").sentence  # noqa: B018, it asserts
        antiphon("corpus", "build", guide, "-o", "c", "--model", "model").sentence  # noqa: B018
    assert tree(tmp_path) == before


def test_a_hop_or_an_alphabet_the_model_has_not(antiphon, tiny, guide, memory, tmp_path):
    shutil.copytree(tiny, tmp_path / "model")
    about = json.loads((tmp_path / "model" / "model.json").read_text())
    del about["hops"]["0.25"]
    (tmp_path / "model" / "model.json").write_text(json.dumps(about))
    words = ("respond", guide, "-o", "o.wav", "--memory", memory, "--model", "model", "--set", "live.hop=0.25")
    assert "has not learned a hop of 0.25 s: set live.hop to 0.35 or 0.5" in antiphon(*words).sentence
    assert "no alphabet" in antiphon("tokens", guide, "--model", "model", "--units", 7).sentence
    assert json.loads(antiphon("tokens", guide, "--model", "model", "--units", 16, "--json").out)["units"] == 16


# --- corpora


def test_a_corpus_plays_as_its_recording_does(antiphon, tiny, corpus, guide, memory, tmp_path):
    for name, source in (("a.wav", corpus), ("b.wav", memory)):
        assert antiphon("respond", guide, "-o", name, "--memory", source, "--model", tiny).code == 0
    a, b = samples(tmp_path / "a.wav"), samples(tmp_path / "b.wav")
    assert np.abs(a - b).max() < 2**-22, "24 bits of FLAC against floats"


def test_what_a_corpus_tells(antiphon, corpus):
    found = json.loads(antiphon("corpus", "info", corpus, "--json").out)
    assert (found["name"], found["segments"], found["hop"], found["units"]) == ("duo", 48, 0.5, 64)
    assert found["alphabet"].startswith("k64-0.5s-")
    said = antiphon("corpus", "info", corpus)
    assert said.code == 0 and '"CC0"' in said.out
    assert 0 <= found["tuning"]["confidence"] <= 1 and abs(found["tuning"]["cents"]) <= 50
    assert re.search(r"^tuning: (A = 4[0-9.]+ Hz, |none that could be told)", said.out, re.M)
    assert re.search(r"^tempo: (free|[0-9]+ beats|[0-9]+ to [0-9]+ beats)", said.out, re.M)
    assert "beats: 0\nsections: none\n" in said.out


def test_beats_and_labels_of_a_corpus(antiphon, tiny, guide, memory, tmp_path):
    Path("beats.txt").write_text("\n".join(str(n * 0.5) for n in range(12)))
    Path("labels.txt").write_text("0\t3\tverse\n3\t20\tchorus\n")
    build = ("corpus", "build", "-o", "c", "--model", tiny)
    said = antiphon(*build, guide, "--beats", "beats.txt", "--labels", "labels.txt")
    assert "tempo: 120 beats a minute, by the beats given, in 85 % of the time" in said.out
    assert "beats: 12\nsections: verse (0:00.0 to 0:03.0), chorus (0:03.0 to 0:06.3)" in said.out
    assert antiphon("corpus", "info", "c").out == said.out
    said = antiphon(*build, memory, guide, "--labels", "none", "--labels", "labels.txt", "--json")
    assert [one["name"] for one in json.loads(said.out)["sections"]] == ["verse", "chorus"]
    shutil.copy("c/corpus.json", "no-beats.txt")
    before = tree(tmp_path)
    sentence = antiphon(*build, memory, guide, "--beats", "beats.txt").sentence
    assert "--beats was given 1 times for 2 recordings: give it once for each" in sentence
    assert "line 1" in antiphon(*build, guide, "--beats", "no-beats.txt").sentence
    assert "cannot be read" in antiphon(*build, guide, "--labels", "nothing.txt").sentence
    sentence = antiphon("corpus", "build", guide, "-o", "beats.txt", "--model", tiny, "--beats", "beats.txt").sentence
    assert "-o 'beats.txt' is the same as --beats" in sentence
    assert tree(tmp_path) == before


def test_a_corpus_of_another_alphabet(antiphon, corpus, other, guide, tiny, tmp_path):
    use = ("respond", guide, "-o", "o.wav", "--memory", corpus)
    sentence = antiphon(*use, "--model", other).sentence
    assert "was labelled with alphabet k64-0.5s-" in sentence and "Run:  antiphon corpus build" in sentence
    assert str(corpus) in sentence and str(other) in sentence
    sentence = antiphon(*use, "--model", tiny, "--set", "live.hop=0.25").sentence
    assert "at 0.5 s, the model speaks" in sentence
    assert not tree(tmp_path)


@pytest.mark.parametrize("file", ["audio.flac", "segments.npz", "corpus.json"])
@pytest.mark.parametrize("how", ["gone", "cut", "empty", "noise"])
def test_a_damaged_corpus(antiphon, corpus, tiny, guide, tmp_path, file, how):
    shutil.copytree(corpus, tmp_path / "c")
    path = tmp_path / "c" / file
    raw = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes({"cut": raw[: len(raw) // 2], "empty": b"", "noise": os.urandom(len(raw))}[how])
    before = tree(tmp_path)
    respond = ("respond", guide, "-o", "o.wav", "--memory", "c", "--model", tiny)
    for words in (("corpus", "info", "c"), respond):
        if file == "audio.flac" and how == "cut" and words[0] == "corpus":
            continue  # info does not decode the audio
        assert "'c" in antiphon(*words).sentence
        assert tree(tmp_path) == before


def test_what_is_no_corpus(antiphon, tmp_path, guide):
    for name in ("nowhere", tmp_path, guide):
        assert "corpus" in antiphon("corpus", "info", name).sentence


# --- settings


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "decision.temprature=1"], "did you mean 'decision.temperature'?"),
        (["--set", "top_p=0.5"], "did you mean 'decision.top_p'?"),
        (["--set", "decision.top_p=1.5"], "top_p = 1.5: expected a number from 0 to 1"),
        (["--set", "decision.top_p=nan"], "top_p = nan: expected"),
        (["--set", "decision.top_p=high"], "top_p = 'high': expected a number"),
        (["--set", "action.region=[0.9, 0.1]"], "region = [0.9, 0.1]: expected the first number to be smaller"),
        (["--set", "live.hop=0.3"], "hop = 0.3: expected 0.25, 0.35 or 0.5 s"),
        (["--set", "action.taboo"], "expected section.key=value"),
        (["--set", "decision.constraint=requier"], "did you mean 'require'?"),
        (["--seed", "-1"], "seed = -1: expected a whole number from 0"),
        (["--config", "nowhere.toml"], "there is no settings file 'nowhere.toml'"),
        (["--config", "bad.toml"], "is not TOML"),
        (["--config", "wrong.toml"], "wrong.toml [action]: no setting 'tabu'; did you mean 'taboo'?"),
        (["--set", "decision.best_of=4"], "no setting 'decision.best_of'; it is gone, as one plan is drawn"),
        (["--mode", "dead"], "invalid choice: 'dead'"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--loud"], "unrecognized arguments: --loud"),
    ],
)
def test_a_setting_that_cannot_be(antiphon, guide, memory, tiny, tmp_path, words, said):
    (tmp_path / "bad.toml").write_text("[action\n")
    (tmp_path / "wrong.toml").write_text("[action]\ntabu = 3\n")
    before = tree(tmp_path)
    assert said in antiphon("respond", guide, "-o", "o.wav", "--memory", memory, "--model", tiny, *words).sentence
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--block", "0"], "--block 0: expected 1 to"),
        (["--block", "-5"], "--block -5: expected 1 to"),
        (["--speed", "-1"], "--speed -1: expected 0"),
        (["--speed", "nan"], "--speed nan: expected 0"),
        (["--speed", "inf"], "--speed inf: expected 0"),
        (["--speed", "1e-9"], "--speed 1e-09: expected 0"),
        (["--speed", "0", "--seconds", "0"], "--seconds 0: expected more than 0"),
        (["--speed", "0", "--seconds", "nan"], "--seconds nan: expected more than 0"),
        (["--input", "no such device"], "sound input" if find_library("portaudio") else "PortAudio is absent"),
        (["--output", "no such device"], "sound output" if find_library("portaudio") else "PortAudio is absent"),
        (["--osc", "70000"], "port = 70000: expected"),
        (["--page", "-1"], "port = -1: expected"),
        (["--tui"], "--tui found no terminal"),
        (["--memory", "nowhere.wav"], "there is no file 'nowhere.wav'"),
    ],
)
def test_playing_with_a_value_out_of_range(antiphon, guide, memory, tiny, tmp_path, words, said):
    play = ("play", "--input", guide, "--output", "o.wav", "--memory", memory, "--model", tiny, "--speed", 0)
    assert said in antiphon(*play, *words).sentence
    assert not tree(tmp_path)


def test_tokens_with_a_value_out_of_range(antiphon, guide, tiny):
    assert "--block -5: expected" in antiphon("tokens", guide, "--model", tiny, "--block", -5).sentence
    assert "hop = 0.3: expected" in antiphon("tokens", guide, "--model", tiny, "--hop", 0.3).sentence


def test_settings_of_the_folder_are_read(antiphon, guide, memory, tiny, tmp_path):
    (tmp_path / "agent.toml").write_text(
        f'[agent]\nmodel = "{tiny}"\nmemory = "{memory}"\nseed = 5\n[live]\nhop = 0.25\n'
    )
    found = json.loads(antiphon("respond", guide, "-o", "a.wav", "--json").out)
    assert (found["seed"], found["hop"], found["model"]) == (5, 0.25, str(tiny))
    found = json.loads(antiphon("respond", guide, "-o", "a.wav", "--json", "--seed", 6, "--set", "live.hop=0.5").out)
    assert (found["seed"], found["hop"]) == (6, 0.5)


@pytest.mark.parametrize(
    "words", [(), ("sing",), ("corpus",), ("respond",), ("train",), ("train", "choir"), ("evaluate",)]
)
def test_a_verb_that_is_none(antiphon, words):
    assert "--help" in antiphon(*words).sentence


# --- training and evaluation


@pytest.mark.parametrize("part", ["encoder", "units", "decision"])
def test_training_without_data(antiphon, part, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("precious")
    for data in ("nowhere", "empty"):
        sentence = antiphon("train", part, data, "-o", "out").sentence
        assert data in sentence and ("make" in sentence or "train units" in sentence)
    said = antiphon("train", part, "empty", "-o", "file/out")
    assert said.code == 2 and "Traceback" not in said.err
    assert (tmp_path / "file").read_text() == "precious"
    for words in (("--no-such-setting", "1"), ("--seed", "x")):
        said = antiphon("train", part, "empty", "-o", "out", *words)
        assert said.code == 2 and words[0] in said.err


def test_training_on_a_cache_that_is_damaged(antiphon, tmp_path):
    (tmp_path / "tokens.npz").write_bytes(b"PK" + os.urandom(300))
    assert "is not a token cache" in antiphon("train", "decision", "tokens.npz", "-o", "out").sentence


@pytest.mark.parametrize("data", ["nowhere", "empty", "tokens.npz", "song.wav"])
def test_evaluating_what_cannot_be(antiphon, tiny, tmp_path, data):
    (tmp_path / "empty").mkdir()
    (tmp_path / "tokens.npz").write_bytes(os.urandom(300))
    write(tmp_path / "song.wav", melody(1, 16000), 16000)
    before = tree(tmp_path)
    assert data in antiphon("evaluate", "regeneration", data, "--model", tiny, "-o", "out").sentence
    assert tree(tmp_path) == before


def test_evaluating_without_a_model(antiphon, tmp_path):
    (tmp_path / "data").mkdir()
    assert antiphon("evaluate", "regeneration", "data", "--model", "nosuch", "-o", "out").code == 2
    said = antiphon("evaluate", "regeneration", "data", "-o", "out")
    assert said.code == 2 and "no song in 'data'" in said.err, "the embedded model is taken"


# --- the rest


def test_bench_cannot_write_or_has_no_model(antiphon, tiny, tmp_path):
    (tmp_path / "file").write_text("precious")
    assert antiphon("bench", "--model", "nosuch", "-o", "b.json").sentence
    assert antiphon("bench", "--model", tiny, "--hop", "0.3").sentence
    assert antiphon("bench", "--model", tiny, "-o", "file/b.json").sentence
    assert sorted(tree(tmp_path)) == ["file"]


def test_check_says_what_is_missing(antiphon, tiny):
    assert antiphon("check", "--model", tiny).code == 0
    said = antiphon("check", "--model", "nosuch")
    assert said.code == 2 and "Traceback" not in said.err and "nosuch" in said.out + said.err


def test_as_a_program_of_its_own(tiny, memory, guide, tmp_path):
    def program(*words):
        command = [sys.executable, "-m", "agent.cli", *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)

    done = program("respond", guide, "-o", "a.wav", "--memory", memory, "--model", tiny)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6.3 s, 12 hops" in done.stdout
    done = program("respond", "nowhere.wav", "-o", "b.wav", "--model", tiny)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "antiphon: there is no file 'nowhere.wav': check its name and folder\n"


def test_a_bug_of_ours_keeps_its_traceback(antiphon, guide, monkeypatch):
    monkeypatch.setattr(model, "find", lambda name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        antiphon("tokens", guide)


def test_the_peak_of_this_process_is_bounded():
    """All of the above, on files of seconds, in less than 4 GB."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4e6


# --- the embedded model


SMALL = EMBEDDED / "small"
needs_small = pytest.mark.skipif(not (SMALL / "model.json").is_file(), reason="agent/models/small is not built")


@needs_small
def test_the_embedded_model_does_not_say_on_which_machine_it_was_made():
    cards = [path for path in SMALL.rglob("*") if path.suffix in (".json", ".md")]
    assert cards and [path for path in cards if '"/' in path.read_text(encoding="utf-8")] == []


@needs_small
def test_the_embedded_model_is_whole_and_small():
    sizes = {path.relative_to(SMALL): path.stat().st_size for path in SMALL.rglob("*") if path.is_file()}
    played = [size for path, size in sizes.items() if path.parts[0] not in ("words", "fill")]
    assert sum(played) <= 40e6 and sum(sizes.values()) <= 50e6
    assert (SMALL / "CARD.md").read_text().strip()
    for hop in (0.25, 0.35, 0.5):
        loaded = model.Model.load("small", hop)
        assert loaded.decision.config.alphabet == loaded.alphabet.hash


@needs_small
def test_the_demo_is_answered(antiphon, tmp_path):
    assert antiphon("respond", "demo", "-o", "answer.wav", "--mix", "mix.wav").code == 0
    answer = samples(tmp_path / "answer.wav")
    assert len(answer) == len(samples(GUIDE))
    assert np.sqrt(np.mean(answer**2)) > 0.005 and np.abs(answer).max() <= 1

"""From scores to a folder that plays: every recipe in order, on a few made-up songs, as `make small` runs them."""

import json
import os
import shutil
import tarfile

import numpy as np
import pytest

from tests.conftest import melody, write
from tests.train.songs.test_scores import musicxml, note
from train import make_small
from train.songs import render

pretty_midi = pytest.importorskip("pretty_midi")
HAS_SYNTH = shutil.which("fluidsynth") is not None and any(render.Path(path).is_file() for path in render.SOUNDFONTS)
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CHORDS = ((0, 4, 7), (5, 9, 0), (7, 11, 2), (0, 4, 7))
BEAT = 0.5
QUICK = make_small.SmallModel(
    encoder_minutes=0.1, decision_minutes=0.1, attributes_steps=4, coherence_minutes=0.1, words_epochs=1,
    fill_minutes=0.1, songs=100, seconds=36.0, bands=4,
)  # fmt: skip


def song(folder, number: int, seconds: float = 40.0) -> None:
    """Chords, their roots below and one of their notes above, a bar each, in a key of their own; as POP909 has them."""
    rng, midi = np.random.default_rng(number), pretty_midi.PrettyMIDI()
    parts = {name: pretty_midi.Instrument(0, name=name) for name in ("MELODY", "BRIDGE", "PIANO")}
    chords = []
    for bar in range(int(seconds / (4 * BEAT))):
        chord = [(pitch + number) % 12 for pitch in CHORDS[bar % 4]]
        begin = 4 * BEAT * bar
        chords.append(f"{begin} {begin + 4 * BEAT} {NAMES[chord[0]]}:maj")
        for beat in range(4):
            at = begin + BEAT * beat
            for name, octave, pitches in (("MELODY", 72, [rng.choice(chord)]), ("BRIDGE", 48, chord[:1]),
                                          ("PIANO", 60, chord)):  # fmt: skip
                for pitch in pitches:
                    parts[name].notes.append(pretty_midi.Note(90, octave + int(pitch), at, at + 0.9 * BEAT))
    midi.instruments.extend(parts.values())
    folder.mkdir(parents=True)
    midi.write(str(folder / f"{folder.name}.mid"))
    (folder / "chord_midi.txt").write_text("\n".join(chords) + "\n")


@pytest.mark.slow
@pytest.mark.skipif(not HAS_SYNTH, reason="fluidsynth or its sound font is not installed")
def test_scores_become_a_model_that_plays(antiphon, tmp_path, monkeypatch):
    data, work = tmp_path / "data", tmp_path / "work"
    for number in (*range(1, 13), *range(800, 806), *range(855, 858)):
        song(tmp_path / "scores" / f"{number:03}", number)
    data.mkdir()
    with tarfile.open(data / "pop909.tgz", "w:gz") as archive:
        for folder in sorted((tmp_path / "scores").iterdir()):
            archive.add(folder, folder.name)
    (data / "openscore").mkdir()
    bars = [note("C5") + note("E5") + note("G5", 8), note("F4", 8) + note("A4", 8)] * 5
    for number in (11, 12, 18):
        musicxml(data / "openscore" / f"sq{number}.mxl", {"Violin 1": bars, "Violoncello": bars[::-1]})
    monkeypatch.setattr(make_small, "EMBEDDED", tmp_path / "models")
    (tmp_path / "models").mkdir()
    model = make_small.make(data, work, QUICK)

    assert {path.name for path in model.iterdir()} >= {
        "model.json",
        "encoder",
        "units",
        "decision",
        "coherence",
        "words",
        "fill",
    }
    assert list((work / "stems").rglob("*-band/drums.flac"))
    assert len(list((work / "stems" / "openscore" / "train").iterdir())) == 2
    assert all((folder / "attributes.safetensors").is_file() for folder in (model / "decision").iterdir())
    meter = json.loads((model / "coherence" / "coherence.json").read_text())
    assert "pop909" in meter["source"]
    times = {path: path.stat().st_mtime_ns for path in work.glob("*/**/*") if path.is_file()}
    assert make_small.make(data, work, QUICK) == model, "what is done is not done again"
    assert times == {path: path.stat().st_mtime_ns for path in work.glob("*/**/*") if path.is_file()}

    guide = write(tmp_path / "guide.wav", melody(12, 44100), 44100)
    recording = write(tmp_path / "memory.wav", melody(20, 44100, 1), 44100)
    for hop in make_small.HOPS:
        out = tmp_path / f"{hop}.wav"
        antiphon("respond", guide, "--memory", recording, "-o", out, "--model", model, "--set", f"live.hop={hop}")
        assert os.path.getsize(out) > 44100 * 12
    score = json.loads(antiphon("score", guide, out, "--model", model, "--json").out)
    assert np.isfinite(score["both"])

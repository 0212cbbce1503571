"""Solo recordings as songs with notes by pYIN, for the probe of an alphabet.

    python -m train.songs.solo_recordings AUDIO... -o FOLDER [--low G3] [--high E7]

Each file becomes FOLDER/test/<name>/ with melody.flac (16 kHz), notes.npz and song.json, the layout that
train/songs/render.py writes and `python -m train.probe.probe DATA --test FOLDER` reads. A note is a run of at least 60
ms on one semitone, voiced with probability 0.5 or more by pYIN (Mauch & Dixon, 2014), relative to the tuning of the
recording itself. For monophonic music only: of two simultaneous notes, pYIN gives one or none.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np

from corpora.audio import AudioWriter
from corpora.whole_files import atomic_folder
from train.common import command_line
from train.data.stems import read
from train.songs.render import SAMPLERATE

STEP_SAMPLES = 256  # step of pYIN, 16 ms
FILES = ("melody.flac", "notes.npz", "song.json")


def notes_of(audio: np.ndarray, low: str, high: str) -> tuple[np.ndarray, float]:
    """((n, 3) float32 notes [onset s, offset s, MIDI pitch], tuning in semitones) of a monophonic recording."""
    import librosa

    f0, _, voiced = librosa.pyin(
        audio, fmin=librosa.note_to_hz(low), fmax=librosa.note_to_hz(high), sr=SAMPLERATE, hop_length=STEP_SAMPLES
    )
    pitch = librosa.hz_to_midi(np.where(np.isfinite(f0), f0, 440.0))
    sure = np.isfinite(f0) & (voiced >= 0.5)
    tuning = float(np.angle(np.mean(np.exp(2j * np.pi * pitch[sure]))) / (2 * np.pi)) if sure.any() else 0.0
    names = np.where(sure, np.round(pitch - tuning), -1).astype(int)
    edges = np.flatnonzero(np.diff(np.r_[-2, names, -2]))
    step = STEP_SAMPLES / SAMPLERATE
    notes = [
        (start * step, end * step, names[start])
        for start, end in pairwise(edges)
        if names[start] >= 0 and (end - start) * step >= 0.06
    ]
    return np.array(notes, np.float32).reshape(-1, 3), tuning


def convert(path: Path, folder: Path, low: str, high: str) -> str:
    """Write the song's folder of one recording, whole or not at all; returns a line that describes it. AudioError."""
    audio = read(path)
    notes, tuning = notes_of(audio, low, high)
    seconds = len(audio) / SAMPLERATE
    with atomic_folder(folder, FILES) as new:
        with AudioWriter(new / "melody.flac", SAMPLERATE, "PCM_16") as writer:
            writer.write(audio)
        np.savez(new / "notes.npz", melody=notes)
        info = {"source": path.name, "seconds": seconds, "chords": [], "tuning": tuning}
        (new / "song.json").write_text(json.dumps(info))
    named = float(np.sum(notes[:, 1] - notes[:, 0]))
    return f"{path.name}: {len(notes)} notes, {named:.0f} of {seconds:.0f} s, tuned {100 * tuning:+.0f} cents"


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path, nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--low", default="G3", help="lowest note")
    parser.add_argument("--high", default="E7", help="highest note")
    given = parser.parse_args(argv)
    (given.out / "test").mkdir(parents=True, exist_ok=True)
    for path in given.audio:
        print(convert(path, given.out / "test" / path.stem, given.low, given.high))


if __name__ == "__main__":
    command_line.run(main)

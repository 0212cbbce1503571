"""Multitrack recordings as a training set: stems at 16 kHz, with notes and beats estimated by teachers.

    python -m train.songs.recordings STEMS -o DATA --notes NMP.onnx [--validation SONG ...] [--test SONG ...]

STEMS holds <song>/<part>.{flac,ogg,wav}. Each song becomes a folder as train/songs/render.py makes them:

    DATA/<split>/<song>/<part>.flac   16 kHz mono, at the level of all stems
    DATA/<split>/<song>/notes.npz     <part>: (n, 3) float32: onset s, offset s, MIDI pitch; drums have none
    DATA/<split>/<song>/song.json     source, seconds, beats [s, ...]; chords are empty

Notes are those of Basic Pitch (Bittner et al. 2022, arXiv:2203.09893; Apache-2.0), whose network is in the wheel of
`pip install --no-deps basic-pitch`. Beats are tracked by librosa on the drums, or on all parts together where none is
called drums: a band without its guitar has them inside. Existing folders are not made again.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from corpora.audio import resample
from corpora.whole_files import atomic_folder
from train.common import command_line
from train.common.errors import TrainError
from train.common.progress import progress
from train.data.stems import read, songs_below
from train.songs.render import SAMPLERATE, stem_of

TEACHER_RATE, FRAME_SAMPLES = 22050, 256  # of Basic Pitch
WINDOW_SAMPLES, WINDOW_FRAMES, EDGE_FRAMES = 43844, 172, 15  # edge frames of a window are less accurate
LOWEST_PITCH = 21  # MIDI note of the network's first row
NOTE_PROBABILITY, ONSET_PROBABILITY = 0.35, 0.5  # thresholds of active notes and of onsets
SHORTEST_FRAMES = 6  # 70 ms
UNPITCHED = ("drums", "percussion")


def activations(audio: np.ndarray, network: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n,) float32 at 16 kHz -> probabilities (frames, 88) of active notes, and of onsets, at 86 frames a second.

    TrainError if onnxruntime or the network is missing.
    """
    session = _session(network)
    sound = resample(audio, SAMPLERATE, TEACHER_RATE)
    step, edge = WINDOW_SAMPLES - 2 * EDGE_FRAMES * FRAME_SAMPLES, EDGE_FRAMES * FRAME_SAMPLES
    sound = np.pad(sound, (edge, WINDOW_SAMPLES)).astype(np.float32)
    inner, name = slice(EDGE_FRAMES, WINDOW_FRAMES - EDGE_FRAMES), session.get_inputs()[0].name
    heads = ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"]
    notes, onsets = [], []
    for begin in range(0, len(sound) - WINDOW_SAMPLES + 1, step):
        note, onset = session.run(heads, {name: sound[begin : begin + WINDOW_SAMPLES][None, :, None]})
        notes.append(note[0][inner])
        onsets.append(onset[0][inner])
    return np.concatenate(notes), np.concatenate(onsets)


def _session(network: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise TrainError("the note teacher needs onnxruntime: pip install onnxruntime") from None
    if not network.is_file():
        raise TrainError(
            f"no Basic Pitch network at '{network}': it is in the wheel of  pip install --no-deps basic-pitch"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])


def notes_of(sounds: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Probabilities (frames, 88) each -> (n, 3) float32 [onset s, offset s, MIDI pitch], by onset.

    A note lasts while its probability is above NOTE_PROBABILITY, and is split at local maxima of the onset probability
    above ONSET_PROBABILITY.
    """
    frame_s, notes = FRAME_SAMPLES / TEACHER_RATE, []
    padded = np.pad(sounds > NOTE_PROBABILITY, ((1, 1), (0, 0))).astype(np.int8)
    rises, falls = np.diff(padded, axis=0) == 1, np.diff(padded, axis=0) == -1
    before, after = np.roll(begins, 1, 0), np.roll(begins, -1, 0)
    cuts = (begins > ONSET_PROBABILITY) & (begins >= before) & (begins > after)
    for pitch in range(sounds.shape[1]):
        for first, stop in zip(np.flatnonzero(rises[:, pitch]), np.flatnonzero(falls[:, pitch]), strict=True):
            inner = first + SHORTEST_FRAMES + np.flatnonzero(cuts[first + SHORTEST_FRAMES : stop, pitch])
            bounds = [first, *inner, stop]
            notes += [
                (a * frame_s, b * frame_s, pitch + LOWEST_PITCH)
                for a, b in pairwise(bounds)
                if b - a >= SHORTEST_FRAMES
            ]
    return np.array(sorted(notes), np.float32).reshape(-1, 3)


def beats_of(sound: np.ndarray) -> list[float]:
    """Beats (s) of drums or of a band (n,) at 16 kHz, by librosa's offline tracker (Ellis 2007)."""
    from librosa.beat import beat_track

    _, times = beat_track(y=sound, sr=SAMPLERATE, units="time", tightness=100)
    return [round(float(time), 4) for time in times]


def make_song(stems: dict[str, Path], folder: Path, network: Path) -> None:
    """Write the folder of one song, whole or not at all. TrainError, AudioError."""
    sounds = {part: read(path) for part, path in stems.items()}
    seconds = max(map(len, sounds.values())) / SAMPLERATE
    levelled = {part: stem_of(audio, seconds) for part, audio in sounds.items()}
    notes: dict[str, Any] = {
        part: notes_of(*activations(audio, network)) for part, audio in levelled.items() if part not in UNPITCHED
    }
    beats = beats_of(levelled["drums"] if "drums" in levelled else np.sum([*levelled.values()], axis=0))
    info = {"source": folder.name, "seconds": seconds, "chords": [], "beats": beats}
    with atomic_folder(folder) as new:
        for part, audio in levelled.items():
            sf.write(new / f"{part}.flac", audio, SAMPLERATE, subtype="PCM_16")
        np.savez(new / "notes.npz", **notes)
        (new / "song.json").write_text(json.dumps(info))


def make(stems: Path, out: Path, network: Path, validation: list[str], test: list[str]) -> int:
    """Make every song of `stems` that `out` does not have yet; returns the number of songs.

    validation, test: names of the songs of these splits; all others are for training. TrainError, AudioError.
    """
    songs = {song: parts for song, parts in songs_below(stems, "").items() if len(parts) > 1}
    unknown = sorted({*validation, *test} - set(songs))
    if unknown:
        raise TrainError(f"there is no song '{unknown[0]}' in '{stems}': it has {', '.join(sorted(songs))}")
    for song, parts in progress(sorted(songs.items()), "recordings"):
        split = "validation" if song in validation else "test" if song in test else "train"
        folder = out / split / song
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            make_song(parts, folder, network)
    return len(songs)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stems", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--notes", dest="network", type=Path, required=True, help="basic_pitch_nmp.onnx")
    parser.add_argument("--validation", nargs="*", default=[], help="songs to validate on")
    parser.add_argument("--test", nargs="*", default=[], help="songs to report")
    given = parser.parse_args(argv)
    print(make(**vars(given)), "songs in", given.out)


if __name__ == "__main__":
    command_line.run(main)

"""Make the rooms and loudspeakers of train/songs/rooms.py from a library of impulse responses.

    python -m train.songs.make_rooms LIBRARY -o ROOMS

LIBRARY is the folder IR-Library of itsmusician (MIT). CHOICE gives the number of responses of each kind, taken evenly
among the files by name. A response is 16 kHz mono, begins with the direct sound and ends after a decay of 50 dB, after
1.2 s at most, or 0.12 s for a loudspeaker, which excludes the room it was measured in.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf

from corpora.whole_files import atomic_folder
from perception.wav2vec2 import SAMPLERATE
from train.common import command_line
from train.common.errors import TrainError
from train.common.files import visible
from train.data.stems import AUDIO_SUFFIXES, read
from train.songs.rooms import CABINET

LICENCE = "MIT, Copyright (c) 2022 Conner"
LONGEST_S, CABINET_S = 1.2, 0.12
DIRECT_DB, DECAYED_DB = -10.0, -50.0
BEFORE_DIRECT_S = 0.001
PEAK = 0.9


class Choice(NamedTuple):
    """`number` of the files that match a pattern, as rooms of a kind."""

    kind: str
    number: int
    pattern: str


CHOICE = (
    Choice("room", 12, "Rooms/Residential/*/*"),
    Choice("room", 5, "Rooms/Commercial/Shops/*/*"),
    Choice("room", 3, "Rooms/Commercial/Hotels/[BG]*/*room*"),
    Choice("room", 2, "Enclosed Spaces/Automobiles/*/*"),
    Choice("hall", 4, "Rooms/Historical/Shelters/*/*"),
    Choice("hall", 8, "Rooms/Public/*/*/*"),
    Choice("hall", 4, "Rooms/Historical/[LR]*/*/*"),
    Choice("hall", 1, "Rooms/Commercial/Parking Garages/*"),
    Choice("plate", 4, "Plates/*/* Sweeps/*"),
    Choice("spring", 4, "Springs/Reverb Amp 500/* Sweeps/*"),
    Choice("spring", 2, "Springs/HG Spring/*"),
    Choice("spring", 2, "Speakers/Amplifiers/*/JC-120 Spring 1s*"),
    Choice(CABINET, 4, "Speakers/Amplifiers/Practice Amps/*"),
    Choice(CABINET, 4, "Speakers/Amplifiers/Tiny T-Shirt Amplifier/*"),
    Choice(CABINET, 1, "Speakers/Amplifiers/*/JC-120 * Dry*"),
    Choice(CABINET, 4, "Speakers/Rotary/*/*"),
    Choice(CABINET, 1, "Speakers/Monitors/*"),
    Choice(CABINET, 2, "Speakers/Subwoofers/*/PA Switch*"),
    Choice(CABINET, 1, "Speakers/Computers/*/*"),
    Choice(CABINET, 1, "Speakers/Toys and Novelty/*"),
    Choice(CABINET, 1, "Hardware/Old Cabinet Gramophone/*"),
)


def chosen(library: Path) -> list[tuple[str, Path]]:
    """[(kind, file)] of a library, without files of the tail only. TrainError if it has none."""
    files_found = []
    for kind, number, pattern in CHOICE:
        files = [
            path
            for path in visible(library, pattern)
            if path.suffix.lower() in AUDIO_SUFFIXES and "Tail Only" not in path.name
        ]
        indices = np.unique(np.linspace(0, len(files) - 1, min(number, len(files))).round().astype(int))
        files_found += [(kind, files[index]) for index in indices]
    if not files_found:
        raise TrainError(f"'{library}' has no impulse responses of IR-Library: give the folder that holds 'Rooms'")
    return files_found


def trimmed(response: np.ndarray, longest: float) -> np.ndarray:
    """(n,) from the direct sound to DECAYED_DB, at most `longest` s; the last fifth is faded out."""
    size = np.abs(response)
    direct = int(np.argmax(size > size.max() * 10 ** (DIRECT_DB / 20)))
    response = response[max(0, direct - round(BEFORE_DIRECT_S * SAMPLERATE)) :][: round(longest * SAMPLERATE)]
    left = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]  # Schroeder's decay curve
    response = response[: max(1, int(np.sum(left > left[0] * 10 ** (DECAYED_DB / 10))))].astype(np.float32)
    fade = len(response) // 5
    response[len(response) - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    return response * np.float32(PEAK / np.abs(response).max())


def make(library: Path, out: Path) -> int:
    """Make the folder of rooms, whole or not at all; returns their number. TrainError, AudioError."""
    described = []
    with atomic_folder(out) as folder:
        for number, (kind, path) in enumerate(chosen(library)):
            response = read(path)
            if not np.abs(response).max(initial=0) > 0:
                continue
            file = f"{kind}_{number:02}.flac"
            short = trimmed(response, CABINET_S if kind == CABINET else LONGEST_S)
            sf.write(folder / file, short, SAMPLERATE, subtype="PCM_16")
            described.append({"name": path.stem, "kind": kind, "licence": LICENCE, "file": file})
        (folder / "rooms.json").write_text(json.dumps(described, indent=0))
    return len(described)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args(argv)
    print(make(**vars(given)), "rooms in", given.out)


if __name__ == "__main__":
    command_line.run(main)

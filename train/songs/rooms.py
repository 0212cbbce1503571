"""Rooms, halls, plates, springs and loudspeakers as impulse responses, and music as it sounds in them.

A folder of rooms, which python -m train.songs.make_rooms made, holds `rooms.json`, [{"name", "kind", "licence",
"file"}, ...], and a sound file each, 16 kHz mono, that begins with the direct sound.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.signal import fftconvolve

from train.common.errors import TrainError
from train.data.stems import read

CABINET = "cabinet"  # a loudspeaker: what comes through one has no dry part
KINDS = ("room", "hall", "plate", "spring", CABINET)
WET = (0.08, 0.7)  # of the energy, of what is not a cabinet
DRIVE_DB = (0.0, 36.0)  # gain before the tube of an amplifier


class Room(NamedTuple):
    """An impulse response, (n,) float32 at 16 kHz of energy 1, with its name and one of KINDS."""

    name: str
    kind: str
    response: np.ndarray


def load_rooms(folder: Path, kinds: Sequence[str] = KINDS) -> list[Room]:
    """The rooms of a folder that are of these kinds. TrainError if it is no such folder, AudioError for a file."""
    try:
        described = json.loads((folder / "rooms.json").read_text())
        chosen = [(room["name"], room["kind"], folder / room["file"]) for room in described if room["kind"] in kinds]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise TrainError(
            f"'{folder}' is no folder of rooms ({' '.join(str(error).split())[:120]}): make one with "
            "python -m train.songs.make_rooms LIBRARY -o ROOMS"
        ) from None
    return [Room(name, kind, unit_energy(read(file))) for name, kind, file in chosen]


def unit_energy(response: np.ndarray) -> np.ndarray:
    """(n,) scaled to energy 1, so that it changes how music sounds and not how loud it is."""
    return (response / (np.sqrt(np.sum(response.astype(np.float64) ** 2)) + 1e-9)).astype(np.float32)


def apply(audio: np.ndarray, rng: np.random.Generator, rooms: Sequence[Room]) -> np.ndarray:
    """(n,) float32 at 16 kHz as it sounds in one of the rooms, drawn at random: as long and as loud as it was.

    How much of the energy comes from the room is drawn from WET; through a cabinet all of it comes. With no rooms, or
    without a sound, `audio` comes back.
    """
    level = float(np.sqrt(np.mean(audio**2))) if len(audio) else 0.0
    if not rooms or not level:
        return audio
    room = rooms[int(rng.integers(len(rooms)))]
    wet = fftconvolve(audio, room.response)[: len(audio)]
    if room.kind != CABINET:
        share = rng.uniform(*WET)
        wet = np.sqrt(1 - share) * audio + np.sqrt(share) * wet * (level / (_rms(wet) + 1e-9))
    return (wet * (level / (_rms(wet) + 1e-9))).astype(np.float32)


def amplify(audio: np.ndarray, rng: np.random.Generator, rooms: Sequence[Room]) -> np.ndarray:
    """(n,) float32 as an amplifier plays it: driven from clean to hard, then through a cabinet of `rooms`, as loud.

    The curve is that of a tube, which bends one half of the wave earlier than the other and so adds even harmonics too.
    """
    level = _rms(audio) if len(audio) else 0.0
    if not level:
        return audio
    drive, bias = 10 ** (rng.uniform(*DRIVE_DB) / 20), rng.uniform(0, 0.4)
    driven = np.tanh(audio * (0.3 * drive / level) + bias) - np.tanh(bias)
    driven -= driven.mean()
    played = apply(driven.astype(np.float32), rng, [room for room in rooms if room.kind == CABINET])
    return (played * (level / (_rms(played) + 1e-9))).astype(np.float32)


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))

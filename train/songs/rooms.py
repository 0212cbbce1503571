"""Impulse responses of rooms, halls, plates, springs and loudspeakers, and convolution with them.

A folder of rooms, made by python -m train.songs.make_rooms, contains `rooms.json`, [{"name", "kind", "licence",
"file"}, ...], and the files, 16 kHz mono, beginning with the direct sound.
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

CABINET = "cabinet"  # a loudspeaker: its output has no dry part
KINDS = ("room", "hall", "plate", "spring", CABINET)
WET_SHARE = (0.08, 0.7)  # share of the energy, for all kinds but cabinets
DRIVE_DB = (0.0, 36.0)  # gain before an amplifier's tube


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
    """(n,) scaled to energy 1."""
    return (response / (np.sqrt(np.sum(response.astype(np.float64) ** 2)) + 1e-9)).astype(np.float32)


def apply(audio: np.ndarray, rng: np.random.Generator, rooms: Sequence[Room]) -> np.ndarray:
    """(n,) float32 at 16 kHz in a random one of the rooms, at the same length and RMS.

    The share of the energy from the room is drawn from WET_SHARE, or 1 for a cabinet. Without rooms, or for silence,
    `audio` is returned.
    """
    level = float(np.sqrt(np.mean(audio**2))) if len(audio) else 0.0
    if not rooms or not level:
        return audio
    room = rooms[int(rng.integers(len(rooms)))]
    wet = fftconvolve(audio, room.response)[: len(audio)]
    if room.kind != CABINET:
        share = rng.uniform(*WET_SHARE)
        wet = np.sqrt(1 - share) * audio + np.sqrt(share) * wet * (level / (_rms(wet) + 1e-9))
    return (wet * (level / (_rms(wet) + 1e-9))).astype(np.float32)


def amplify(audio: np.ndarray, rng: np.random.Generator, rooms: Sequence[Room]) -> np.ndarray:
    """(n,) float32 through an amplifier, from clean to overdriven, and a cabinet of `rooms`, at the same RMS.

    y = tanh(g x + b) - tanh(b), with a random gain g by DRIVE_DB and bias b: asymmetric as a tube, so that even
    harmonics are added too.
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

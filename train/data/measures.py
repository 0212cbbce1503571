"""What each stem is like, hop by hop: the attributes that can be asked for (decision/attributes.py), and its role.

The measures are those by which a memory is weighed when something is to be added (perception/traits.py): onsets a
second, semitones and dB of the two seconds about a hop; and, where beats are known, whether its onsets are off them.
Low and high are below and above the terciles of what the training parts of the role are like, as in train/fit_fill.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from decision.instruction import named
from perception.onsets import onsets_of
from perception.traits import onset_times, traits
from perception.wav2vec2 import SAMPLERATE
from train.common.errors import TrainError, reading
from train.common.progress import progress
from train.data import shards
from train.data.hearing import beats_of
from train.data.stems import read, stems_of
from train.data.store import song_folders
from train.data.token_pairs import SUBMIX_PREFIX, Tokens, pitched

LEVELLED = ("density", "register", "dynamics", "place")
ONSETS = 4  # column of the number of onsets whose place is known
FEWEST = 100  # windows of a role that its terciles are taken from; with fewer, those of all roles
Bounds = Mapping[str, Mapping[str, tuple[float, float]]]


class Stem(NamedTuple):
    """A stem. rows: (hops, 5) float32 density, register, dynamics, sum of the places of its onsets, their number."""

    role: str  # one of decision.roll.ROLES, "" if its name tells none
    rows: np.ndarray


def of_stems(tokens: Tokens, folders: Sequence[Path], store: Path) -> dict[str, Stem]:
    """ "<split>/<song>/<part>" -> what the stem is like, for all that can be played; TrainError if audio is missing.

    folders: of the stems that the tokens were made from, DATA/<split>/<song>/<part>. store: where it is kept.
    """
    songs = {
        f"{split}/{folder.name}-{song.name}": song
        for folder in folders
        for split in tokens.songs
        for song in song_folders([folder], split)
    }
    played = {
        f"{split}/{name}/{part}": (f"{split}/{name}", part)
        for split, of_split in tokens.songs.items()
        for name, song in of_split.items()
        for part in song
        if pitched(part) and not part.startswith(SUBMIX_PREFIX)
    }
    absent = sorted({song for song, _ in played.values()} - set(songs))
    if absent:
        raise TrainError(
            f"there are no stems of '{absent[0]}': give the folders of stems that the tokens were made from, after them"
        )
    about = {"holds": "measures", "hop": tokens.hop, "alphabet": tokens.alphabet}
    if shards.begin(store, about, {"all": sorted(played)}):
        arrays = {
            key: measured(songs[song], part, tokens.hop, len(tokens.songs[key.split("/")[0]][key.split("/")[1]][part]))
            for key, (song, part) in progress(sorted(played.items()), "measuring")
        }
        shards.write_shard(store, "all", arrays)
    rows = shards.Shards(store)
    return {key: Stem(role_of(songs[song], part), rows[key]) for key, (song, part) in played.items()}


def measured(song: Path, part: str, hop: float, hops: int) -> np.ndarray:
    """(hops, 5) float32: see `Stem`. AudioError if it cannot be read."""
    audio = read(stems_of(song)[part])
    size = round(hop * SAMPLERATE)
    sound = np.pad(audio, (0, max(0, hops * size - len(audio))))[: hops * size]
    rms = np.sqrt(np.square(sound.reshape(hops, size), dtype=np.float64).mean(1))
    onsets = onsets_of(sound, SAMPLERATE)
    of_hop = traits((np.arange(hops) + 0.5) * hop, sound, SAMPLERATE, onsets, rms, hop)
    place, count = np.zeros(hops), np.zeros(hops)
    beats = beats_of(song)
    times = onset_times(onsets, rms, hop)
    if len(beats) > 1:
        times = times[(times >= beats[0]) & (times < beats[-1])]
        phase = np.interp(times, beats, np.arange(len(beats), dtype=np.float64)) % 1
        at = np.minimum((times / hop).astype(int), hops - 1)
        np.add.at(place, at, -np.cos(2 * np.pi * phase))
        np.add.at(count, at, 1)
    return np.stack([*of_hop, place, count], 1).astype(np.float32)


def role_of(song: Path, part: str) -> str:
    """The role of a part, by the song.json of its song or by the words of its name; "" if neither tells."""
    roles: Mapping[str, str] = {}
    if (song / "song.json").exists():
        with reading(song):
            roles = json.loads((song / "song.json").read_text(encoding="utf-8")).get("roles", {})
    told = [roles[part]] if part in roles else [n[0] for word in re.findall(r"[^\W\d_]+", part) if (n := named(word))]
    return told[0] if told else ""


def like(rows: np.ndarray, sounds: np.ndarray) -> dict[str, float]:
    """{attribute: mean} over rows (n, 5) of a stem where it sounds, (n,) bool; what is not known is left out."""
    if not sounds.any():
        return {}
    means = rows[sounds].mean(0, dtype=np.float64)
    result = dict(zip(LEVELLED[:3], means[:3].tolist(), strict=True))
    if rows[:, ONSETS].sum() > 0:
        result["place"] = float(rows[:, 3].sum() / rows[:, ONSETS].sum())
    return result


def level_of(bounds: Bounds, role: str, seen: Mapping[str, float]) -> dict[str, int]:
    """{attribute: -1 below the lower tercile of the role, 1 above the upper} of what `like` returned."""
    of_role = bounds.get(role) or bounds.get("", {})
    return {
        attribute: -1 if value <= of_role[attribute][0] else 1
        for attribute, value in seen.items()
        if attribute in of_role and not of_role[attribute][0] < value < of_role[attribute][1]
    }


def bounds_of(windows: Sequence[tuple[str, Mapping[str, float]]]) -> dict[str, dict[str, tuple[float, float]]]:
    """{role: {attribute: (low, high)}}: the terciles of what windows (role, `like`) are like; "" is of all roles."""
    result: dict[str, dict[str, tuple[float, float]]] = {}
    for role in sorted({role for role, _ in windows} | {""}):
        of_role = [seen for each, seen in windows if role in ("", each)]
        if role and len(of_role) < FEWEST:
            continue
        values = {name: [seen[name] for seen in of_role if name in seen] for name in LEVELLED}
        result[role] = {
            name: (round(float(low), 4), round(float(high), 4))
            for name, known in values.items()
            if known
            for low, high in [np.quantile(known, (1 / 3, 2 / 3))]
        }
    return result

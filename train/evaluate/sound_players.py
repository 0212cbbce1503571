"""Pairs of stems to answer in sound, their answers, and the rivals that an answer must beat.

A pair is a window of A, the input, and the same window of B, which was played with it. All audio is 16 kHz mono, (n,)
float32, the rate of encoder and meter. The agent is a `Player`, passed in by the caller.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from perception.hpss import SAMPLERATE
from train.common.errors import TrainError
from train.data import token_pairs
from train.data.stems import GATE_DB, levels, read

MIN_ACTIVE_SHARE = 0.5  # share of the hops of a window, for A and for B
RAMP_S = 0.01  # half of the noise's transition from one level to the next
CACHED_MEMORIES = 3  # a pair needs its own and another pair's

TRUE, OWN, OTHER, RUNS, HOPS, NOISE, STRANGER = (
    "B itself", "own memory", "other memory", "random runs", "random hops", "noise", "another B",
)  # fmt: skip
RIVALS = {OWN: (TRUE, RUNS, HOPS, OTHER, NOISE, STRANGER), OTHER: (STRANGER,), TRUE: (STRANGER,)}  # who -> against whom
EXPLAINED = {
    TRUE: "what was really played with A",
    OWN: "our answer to A from B's whole recording, the window itself included, as in the paper's re-generation",
    OTHER: "our answer to A from the same part of another song, whole",
    RUNS: "our answer of `own memory` with its rests and the lengths of its runs kept, and each run begun at random "
    "at a place of B's recording that sounds; same crossfades",
    HOPS: "every hop at random from B's recording, where it sounds; same crossfades",
    NOISE: "white noise at the level of B, hop by hop, silent where B is",
    STRANGER: 'a window of that other part of another song, as it was played (the "Random" of the COCOLA paper)',
}


class Played(Protocol):
    """An answer as audio, with its labels and segments: see `agent.verbs.evaluation_player.Answer`."""

    @property
    def audio(self) -> np.ndarray:
        """(n,) float32 at 16 kHz, in [-1, 1]."""

    @property
    def labels(self) -> np.ndarray:
        """(hops,) int labels that were played, in [0, silence]."""

    @property
    def segments(self) -> np.ndarray:
        """(hops,) int segments of the memory that were played, -1 for silence."""

    @property
    def wanted(self) -> np.ndarray:
        """(hops,) int labels of the plan, -1 where it has none."""

    @property
    def why(self) -> Sequence[str]:
        """The action module's reason for each hop."""


class Player(Protocol):
    """An agent that answers stems: see `agent.verbs.evaluation_player.Player`.

    hop: s per label. silence: the label of a silent hop.
    """

    hop: float
    silence: int

    def remember(self, name: str, audio: np.ndarray) -> Any:
        """A memory of a recording, (n,) float32 at 16 kHz; name: the recording's, for its corpus."""

    def labels(self, memory: Any) -> np.ndarray:
        """(segments,) int labels of the segments of a memory."""

    def name(self, audio: np.ndarray) -> np.ndarray:
        """(hops,) int labels of (n,) float32 at 16 kHz."""

    def answer(self, memory: Any, guide: np.ndarray, mode: str | int, seed: int) -> Played:
        """The answer to a guide, (n,) float32, from a memory, of the same length.

        mode: "full", or hops of lookahead.
        """

    def sound(self, memory: Any, segments: np.ndarray, samples: int) -> Played:
        """`samples` samples: segments (hops,) of a memory, -1 for silence, rendered by the action module."""


@dataclass(frozen=True)
class Pair:
    """A window of parts A (`input`) and B (`played`). first: its first hop. guide, truth: audio of A and B."""

    song: str
    input: str
    played: str
    first: int
    path: Path  # of all of B
    guide: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class Sound:
    """One answer to a pair. audio (n,); labels (hops,); played: the player's answer, where a player made it."""

    audio: np.ndarray
    labels: np.ndarray
    played: Played | None = None


# Choice of pairs


def choose_pairs(
    songs: dict[str, dict[str, Path]], count: int, seconds: float, hop: float, rng: np.random.Generator
) -> list[Pair]:
    """`count` windows of `seconds` s in which both parts are active, from the songs in rotation, of any two parts.

    Sorted by the part of B. Fewer if there are no more; TrainError when they come from fewer than two songs.
    """
    result: list[Pair] = []
    before = -1
    while before < len(result) < count:
        before = len(result)
        for song in rng.permutation(sorted(songs)):
            if len(result) < count:
                taken = {(p.input, p.played, p.first) for p in result if p.song == song}
                result += _draw(str(song), songs[song], taken, seconds, hop, rng)
    if len({pair.song for pair in result}) < 2:
        raise TrainError(
            f"{len({pair.song for pair in result})} song has windows of {seconds:g} s in which two stems sound at "
            "least half of the time: give two songs or more, for one answers with the other's memory"
        )
    return sorted(result, key=lambda pair: pair.played)


def _draw(
    song: str, parts: dict[str, Path], taken: set, seconds: float, hop: float, rng: np.random.Generator
) -> list[Pair]:
    """One window of a song, or none."""
    stems: dict[str, np.ndarray] = {}
    hops, size = round(seconds / hop), round(hop * SAMPLERATE)
    for input, played in rng.permutation(token_pairs.stem_pairs(dict.fromkeys(parts, np.zeros(0)))).tolist():
        for part in (input, played):
            if part not in stems:
                stems[part] = read(parts[part])
        sounds = [np.cumsum(np.append(0, levels(stems[part], size) >= GATE_DB)) for part in (input, played)]
        length = min(map(len, sounds))
        shares = np.min([(s[hops:length] - s[: max(length - hops, 0)]) / hops for s in sounds], axis=0)
        there = [n for n in np.flatnonzero(shares >= MIN_ACTIVE_SHARE).tolist() if (input, played, n) not in taken]
        if there:
            first = there[rng.integers(len(there))]
            window = slice(first * size, (first + hops) * size)
            guide, truth = stems[input][window].copy(), stems[played][window].copy()
            return [Pair(song, input, played, first, parts[played], guide, truth)]
    return []


def donor_of_each(pairs: Sequence[Pair]) -> list[int]:
    """For each pair, the index of the pair whose B is its other memory: another song's, the same part if possible."""
    result = []
    for number, pair in enumerate(pairs):
        following = [(number + step) % len(pairs) for step in range(1, len(pairs))]
        others = [n for n in following if pairs[n].song != pair.song]
        result.append(next((n for n in others if pairs[n].played == pair.played), others[0]))
    return result


# Answers and rivals


class Memories:
    """A cache of the most recent memories, each made from its recording when it is first needed."""

    def __init__(self, player: Player):
        self.player = player
        self._cache: OrderedDict[Path, Any] = OrderedDict()

    def of(self, pair: Pair) -> Any:
        """The memory of the whole recording of B of a pair."""
        if pair.path not in self._cache:
            self._cache[pair.path] = self.player.remember(f"{pair.song}/{pair.played}", read(pair.path))
        self._cache.move_to_end(pair.path)
        while len(self._cache) > CACHED_MEMORIES:
            self._cache.popitem(last=False)
        return self._cache[pair.path]


def answer_pair(
    memories: Memories, pair: Pair, donor: Pair, modes: Sequence[str | int], seed: int
) -> tuple[np.ndarray, dict[tuple[str, str], Sound]]:
    """The true labels (hops,), and {(who, mode): sound}; mode is "" for those that do not depend on the input."""
    player, rng = memories.player, np.random.default_rng([seed, 1])
    own, other = memories.of(pair), memories.of(donor)
    labels, hops = player.labels(own), round(len(pair.truth) / SAMPLERATE / player.hop)
    truth = labels[pair.first : pair.first + hops]
    result: dict[tuple[str, str], Sound] = {(TRUE, ""): Sound(pair.truth, truth)}

    def add(who: str, mode: str, played: Played) -> None:
        result[who, mode] = Sound(played.audio, played.labels, played)

    for mode in modes:
        name = mode if isinstance(mode, str) else f"live {mode}"
        answer = player.answer(own, pair.guide, mode, seed)
        add(OWN, name, answer)
        add(OTHER, name, player.answer(other, pair.guide, mode, seed))
        add(RUNS, name, player.sound(own, shuffled_runs(answer.segments, labels, player.silence, rng), len(pair.guide)))
    active = np.flatnonzero(labels != player.silence)
    add(HOPS, "", player.sound(own, rng.choice(active, hops), len(pair.guide)))
    noise = noise_like(pair.truth, round(player.hop * SAMPLERATE), rng)
    result[NOISE, ""] = Sound(noise, player.name(noise))
    result[STRANGER, ""] = Sound(donor.truth, player.labels(other)[donor.first : donor.first + hops])
    return truth, result


def runs_of(segments: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first hop, length) of every contiguous run of segments (hops,); rests (-1) are in none."""
    begin = 0
    for hop in range(1, len(segments) + 1):
        if hop == len(segments) or segments[hop] < 0 or segments[hop] != segments[hop - 1] + 1 or segments[begin] < 0:
            if segments[begin] >= 0:
                yield begin, hop - begin
            begin = hop


def shuffled_runs(segments: np.ndarray, labels: np.ndarray, silence: int, rng: np.random.Generator) -> np.ndarray:
    """Segments with the same rests and run lengths, each run begun at random at a segment with a label but `silence`.

    segments (hops,), -1 for rests; labels (segments of the memory,).
    """
    result = np.full(len(segments), -1)
    for begin, length in runs_of(segments):
        starts = np.flatnonzero(labels[: len(labels) - length + 1] != silence)
        start = rng.choice(starts) if len(starts) else segments[begin]
        result[begin : begin + length] = start + np.arange(length)
    return result


def noise_like(audio: np.ndarray, hop: int, rng: np.random.Generator) -> np.ndarray:
    """White noise, (n,) float32 in [-1, 1], with the level of `audio` in every hop (samples), 0 where it is silent."""
    decibels = levels(audio, hop)
    level = np.where(decibels < GATE_DB, 0.0, 10 ** (decibels / 20))
    begin, ramp = np.arange(len(level)) * hop, round(RAMP_S * SAMPLERATE)
    edge = np.minimum(np.append(level[:1], level), np.append(level, level[-1:]))[
        :-1
    ]  # the lower one: rests stay silent
    edges_at = np.stack([begin, begin + ramp, begin + hop - ramp], axis=1).ravel()
    curve = np.interp(np.arange(len(audio)), edges_at, np.stack([edge, level, level], axis=1).ravel())
    return np.clip(curve * rng.standard_normal(len(audio)), -1, 1).astype(np.float32)

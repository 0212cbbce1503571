"""The next bar of a part that is played live: the fill model writes it before the others have played theirs.

A file holds the whole song, so its missing part is written with what the others do in the same bar. On stage that bar
is still to come. It is *foretold*: the others repeat together what they played some bars before, at the distance at
which they have just repeated themselves best. That needs no training, and songs repeat themselves; where they do not,
the part is late by as much as its players are surprising.

Written a bar at a time, a part is led by its own past more than in a file, where whole windows are drawn at once: an
error would be repeated for ever. So the model is shown only a bar of it.

All times are steps of a grid of four a beat (decision/roll.py). Nothing is remembered here.
"""

from __future__ import annotations

import numpy as np

from decision.fill import Fill, Instruction, Parts

OPEN = -1  # end of a note that still sounds
STEPS_PER_BEAT = 4
LONGEST_LAG_BARS = 32  # farthest repetition that is looked for
COMPARED_BARS = 2  # newest bars by which it is found
HISTORY_BARS = LONGEST_LAG_BARS + COMPARED_BARS  # bars that `foretold` reads
PITCHES = 128


def next_bar(
    model: Fill,
    parts: Parts,
    own: np.ndarray,
    instruction: Instruction,
    *,
    heard: int,
    begin: int,
    beats: int,
    seed: int = 0,
) -> np.ndarray:
    """(n, 4) int notes of the part in the bar that begins at step `begin`, a multiple of the bar.

    parts: what the others have played up to step `heard` <= begin; a note that sounds there ends at OPEN. own: the
    part's notes until `begin`; one that ends there and is held on comes back, with its new end. beats: in a bar, so
    many that two bars are shorter than the model's window. No note lasts beyond the bar. The same seed gives the same
    notes.
    """
    bar = beats * STEPS_PER_BEAT
    end, first = begin + bar, max(0, begin - bar)
    last = max(end, first + model.config.window)  # of windows that are shorter the model knows little
    context = [(role, _later(notes, first)) for role, notes in foretold(parts, heard, last, bar)]
    written = model.write(
        context, metre_of(last - first, beats), instruction, given=_later(own, first), begin=begin - first, seed=seed
    )
    written = written + np.array([first, first, 0, 0])
    written[:, 1] = np.minimum(written[:, 1], end)
    inside = (written[:, 0] >= begin) & (written[:, 0] < end)
    held = (written[:, 0] < begin) & (written[:, 1] > begin)
    return np.asarray(written[inside | held])


def with_bar(own: np.ndarray, notes: np.ndarray, begin: int) -> np.ndarray:
    """A part's notes so far (n, 4), with those that `next_bar` wrote for the bar at step `begin`."""
    own = own.copy()
    for first, end, pitch, _ in notes[notes[:, 0] < begin].tolist():
        own[(own[:, 0] == first) & (own[:, 2] == pitch), 1] = end
    return np.concatenate([own, notes[notes[:, 0] >= begin]])


def still_sounding(notes: np.ndarray, heard: int) -> np.ndarray:
    """(n, 4) notes that began before step `heard`, as they are known there: what sounds ends at OPEN."""
    known = notes[notes[:, 0] < heard].copy()
    known[known[:, 1] > heard, 1] = OPEN
    return known


def metre_of(steps: int, beats: int) -> np.ndarray:
    """(steps, 3) int metre of `decision.roll` from the beginning of a bar on, in sixteenths."""
    at = np.arange(steps)
    place, beat = at % STEPS_PER_BEAT * (12 // STEPS_PER_BEAT), at // STEPS_PER_BEAT % beats
    return np.column_stack([place, beat, np.full(steps, beats)])


def foretold(parts: Parts, heard: int, until: int, bar: int) -> Parts:
    """The parts until step `until`: the notes that began before `heard`, and those expected from there on.

    bar: its steps. Before a whole bar has been heard nothing is expected. A note that still sounds at `heard` lasts as
    long as the one that it repeats, else to the end of its bar.
    """
    lag = repetition(parts, heard, bar)
    return [(role, _repeated(np.asarray(notes, int), heard, until, lag, bar)) for role, notes in parts]


def repetition(parts: Parts, heard: int, bar: int) -> int:
    """The distance in steps, of whole bars, at which the parts until step `heard` repeat themselves best; 0: unknown.

    The mean of two F1, of onsets (step, pitch) and of sounding pitch classes, between the newest bars and those so much
    before; of equal ones the shortest distance.
    """
    begins = [int(notes[:, 0].min()) for _, notes in parts if len(notes)]
    if not begins or heard - min(begins) < bar:
        return 0
    first = max(min(begins), heard - HISTORY_BARS * bar)
    onsets, classes = _grids(parts, first, heard)
    compared = min(COMPARED_BARS * bar, heard - first - bar) or bar
    best, chosen = -1.0, bar
    for lag in range(bar, min(LONGEST_LAG_BARS * bar, heard - first - compared) + 1, bar):
        agreement = sum(_f1(grid[-compared:], grid[-compared - lag : -lag]) for grid in (onsets, classes))
        if agreement > best + 1e-9:
            best, chosen = agreement, lag
    return chosen


def _grids(parts: Parts, first: int, heard: int) -> tuple[np.ndarray, np.ndarray]:
    """Onsets (steps, 2 PITCHES) of pitched parts and drums, pitch classes (steps, 12) that sound, from `first` on."""
    onsets, classes = np.zeros((heard - first, 2 * PITCHES), bool), np.zeros((heard - first, 12), bool)
    for role, notes in parts:
        for begin, end, pitch, _ in notes.tolist():
            if begin >= first:
                onsets[begin - first, pitch + PITCHES * (role == "drums")] = True
            if role != "drums":
                classes[max(begin - first, 0) : heard - first if end == OPEN else max(end - first, 0), pitch % 12] = (
                    True
                )
    return onsets, classes


def _f1(new: np.ndarray, old: np.ndarray) -> float:
    return 2 * float((new & old).sum()) / max(1, int(new.sum() + old.sum()))


def _repeated(notes: np.ndarray, heard: int, until: int, lag: int, bar: int) -> np.ndarray:
    """(n, 4) notes of a part: the open ones get an end, then all are repeated `lag` steps later, unless that is 0."""
    ended = notes.copy()
    lengths = {(begin + lag, pitch): end - begin for begin, end, pitch, _ in notes.tolist() if end != OPEN}
    for number in np.flatnonzero(notes[:, 1] == OPEN).tolist():
        begin, _, pitch, _ = notes[number].tolist()
        length = lengths.get((begin, pitch), (begin // bar + 1) * bar - begin)
        ended[number, 1] = max(begin + length, heard + 1)
    if not lag:
        return ended
    newest = ended[ended[:, 0] >= heard - lag]
    copies = -(-(until - heard) // lag)
    repeated = [newest + np.array([lag * number, lag * number, 0, 0]) for number in range(1, copies + 1)]
    whole = np.concatenate([ended, *repeated])
    return whole[whole[:, 0] < until]


def _later(notes: np.ndarray, first: int) -> np.ndarray:
    """The notes that end after step `first`, counted from it."""
    return np.asarray(notes[notes[:, 1] > first] - np.array([first, first, 0, 0]))

"""How fast a memory is played so that it keeps the musician's tempo and stays on the beat between jumps.

Both keep to a grid, a straight line each: that of the musician (`agent.performance.target.grid`), and the tatum of the
memory. Their periods give the ratio. What is left of a difference in phase is made up for by small corrections of the
ratio: a phase-locked loop with bounds.
"""

from __future__ import annotations

import numpy as np

from action.stretch import MAX_RATIO, MIN_RATIO
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from perception.pulse import Beat
from perception.tatum import Tatum

MIN_CONFIDENCE = 0.25  # confidence of both beats before the tempo is followed; half of it is enough to go on doing so
PULL = 0.5  # share of a difference in phase that is made up for in one beat
MAX_CORRECTION = 0.04  # largest change of the ratio; a smaller change of tempo is not noticed as one
DEAD_ZONE = 0.01  # a nearer tempo counts as equal: it is played unchanged, and jumps alone keep it in time
SAME_TEMPO = (3.0, 1 / 3, 5.0, 1 / 5)  # and their octaves: ratios of two levels of one metre; the tempo is the same
SAME_TEMPO_ZONE = 0.005
OCTAVES = 2  # one grid may be up to 4 times finer than the other


def line(tatum: Tatum) -> Beat:
    """A tatum as a straight line in seconds of the sound whose onset envelope has it."""
    return Beat((tatum.frame - DELAY_FRAMES) / ONSET_RATE, tatum.period / ONSET_RATE, tatum.confidence)


def speeds(heard: Tatum, periods: np.ndarray, confidences: np.ndarray, otherwise: float) -> np.ndarray:
    """(n,) float64: `ratio` without its correction of the phase, for n tatums of a memory; `otherwise` for None.

    periods: (n,) in frames. confidences: (n,).
    """
    sure = (confidences >= MIN_CONFIDENCE) & (periods > 0)
    if heard.confidence < MIN_CONFIDENCE or heard.period <= 0:
        return np.full(len(periods), otherwise)
    speed, octaves = _relation(np.where(sure, periods, heard.period) / heard.period)
    speed = np.clip(speed, MIN_RATIO, MAX_RATIO)
    return np.where(sure & (np.abs(octaves) <= OCTAVES), speed, otherwise)


def _relation(periods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(speeds, octaves) for periods of a memory in periods heard: 1 where the tempo is the same.

    The octave is taken that changes the speed least, since both estimates may be on different metrical levels.
    """
    octaves = -np.rint(np.log2(periods))
    speed = periods * 2.0**octaves
    same = np.abs(speed - 1) < DEAD_ZONE
    for level in SAME_TEMPO:
        away = np.log2(speed / level)
        same |= np.abs(away - np.rint(away)) * np.log(2) < SAME_TEMPO_ZONE
    return np.where(same, 1.0, speed), octaves


def ratio(
    heard: Beat, recorded: Beat, *, heard_s: float, recorded_s: float, hop_s: float, follows: bool
) -> float | None:  # fmt: skip
    """Memory seconds per second of output, MIN_RATIO to MAX_RATIO, for the next hop; None if a beat is not certain.

    heard, recorded: the beats of musician and memory. heard_s, recorded_s: where the hop begins in each. hop_s: its
    length. follows: whether the memory has kept the musician's tempo until now.

    One beat of the memory may be half or a quarter of one that is heard, or the reverse; see `_relation`.
    The phases are then compared in the shorter of the two beats.

    >>> slow, fast = Beat(0.0, 0.6, 1.0), Beat(0.0, 0.5, 1.0)
    >>> ratio(fast, slow, heard_s=0.0, recorded_s=0.0, hop_s=0.5, follows=False)
    1.2
    """
    least = MIN_CONFIDENCE / 2 if follows else MIN_CONFIDENCE
    if min(heard.confidence, recorded.confidence) < least or min(heard.period_s, recorded.period_s) <= 0:
        return None
    found = _relation(np.array(recorded.period_s / heard.period_s))
    speed, octave = float(found[0]), float(found[1])  # 1: the memory has two beats for one that is heard
    if abs(octave) > OCTAVES:
        return None
    if speed == 1.0:
        return 1.0
    of_heard, of_recorded = 2.0 ** max(0, octave), 2.0 ** max(0, -octave)  # shorter beats in a beat
    behind = heard.phase_at(heard_s) * of_heard - recorded.phase_at(recorded_s) * of_recorded
    behind = (behind + 0.5) % 1.0 - 0.5
    beats_a_hop = hop_s * of_heard / heard.period_s
    correction = PULL * behind / max(1.0, beats_a_hop)
    speed *= 1.0 + min(MAX_CORRECTION, max(-MAX_CORRECTION, correction))
    return float(min(MAX_RATIO, max(MIN_RATIO, speed)))

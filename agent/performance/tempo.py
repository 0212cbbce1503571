"""How fast a memory is played so that it keeps the musician's tempo and stays on the beat between jumps.

Both beats are straight lines here: the musician's is predicted, that of the memory was found with hindsight. Their
periods give the ratio. What is left of a difference in phase is made up for by small corrections of the ratio: a
phase-locked loop with bounds.
"""

from __future__ import annotations

import numpy as np

from action.stretch import MAX_RATIO, MIN_RATIO
from perception.pulse import Beat, Beats

MIN_CONFIDENCE = 0.25  # of both beats, before the tempo is followed; half of it is enough to go on doing so
LOCAL_BEATS = 2  # before and after a beat, of whose periods the median is the local period
PULL = 0.5  # share of a difference in phase that is made up for in one beat
MAX_CORRECTION = 0.04  # of the ratio; a change of tempo by less is not noticed as one
DEAD_ZONE = 0.01  # a ratio nearer to 1 is 1, so that a memory of the same tempo is played unchanged


def local_beat(beats: Beats, at_s: float) -> Beat:
    """The beat of a recording at a moment, with the median period of the beats around it; no confidence outside."""
    number = int(np.searchsorted(beats.times_s, at_s, "right")) - 1
    if number < 0 or at_s > beats.times_s[number] + 2 * beats.periods_s[number]:
        return Beat(0.0, 0.0, 0.0)
    around = slice(max(0, number - LOCAL_BEATS), number + LOCAL_BEATS + 1)
    period = float(np.median(beats.periods_s[around]))
    return Beat(float(beats.times_s[number]), period, float(np.median(beats.confidence[around])))


def ratio(
    heard: Beat, recorded: Beat, *, heard_s: float, recorded_s: float, hop_s: float, follows: bool
) -> float | None:  # fmt: skip
    """Memory seconds per second of output, MIN_RATIO to MAX_RATIO, for the next hop; None if a beat is not certain.

    heard, recorded: the beats of musician and memory. heard_s, recorded_s: where the hop begins in each. hop_s: its
    length. follows: whether the memory has kept the musician's tempo until now.

    One beat of the memory may be half of one that is heard, or two: the octave is taken that changes the speed least.
    The phases are then compared in the shorter of the two beats.

    >>> slow, fast = Beat(0.0, 0.6, 1.0), Beat(0.0, 0.5, 1.0)
    >>> ratio(fast, slow, heard_s=0.0, recorded_s=0.0, hop_s=0.5, follows=False)
    1.2
    """
    least = MIN_CONFIDENCE / 2 if follows else MIN_CONFIDENCE
    if min(heard.confidence, recorded.confidence) < least or min(heard.period_s, recorded.period_s) <= 0:
        return None
    octave = -round(np.log2(recorded.period_s / heard.period_s))  # 1: the memory has two beats for one that is heard
    if abs(octave) > 1:
        return None
    speed = recorded.period_s / heard.period_s * 2.0**octave
    of_heard, of_recorded = 2.0 ** max(0, octave), 2.0 ** max(0, -octave)  # shorter beats in a beat
    behind = heard.phase_at(heard_s) * of_heard - recorded.phase_at(recorded_s) * of_recorded
    behind = (behind + 0.5) % 1.0 - 0.5
    beats_a_hop = hop_s * of_heard / heard.period_s
    correction = PULL * behind / max(1.0, beats_a_hop)
    speed *= 1.0 + min(MAX_CORRECTION, max(-MAX_CORRECTION, correction))
    speed = min(MAX_RATIO, max(MIN_RATIO, speed))
    return 1.0 if abs(speed - 1.0) < DEAD_ZONE else float(speed)

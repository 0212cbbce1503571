"""The fader: a linear ramp of 10 ms, a function of the sample number alone. Callback and replay share this code.

A change of gain is (at, target): `at` is the number of the first sample of the block in which the callback saw it.
With N = `ramp_length(samplerate)` samples and `origin` the gain of sample at - 1, the gain of sample n is

    n <  at          origin
    at <= n < at+N   origin + (target - origin) * (n - at + 1) / N      sample `at` has already made the first step
    n >= at+N-1      target, exactly

computed in float64, multiplied with the float32 sample in float64 and rounded once. A change that comes during a ramp
begins at the gain reached: origin = gain_at(at - 1, old at, old origin, old target, N). Nothing depends on where
blocks begin and end, so the list of all (at, target) is enough to replay a performance exactly.

The state, three numbers, in the callback:

    if target != new_target:                      # once a block, `position` is the number of its first sample
        origin = gain_at(position - 1, at, origin, target, n); at = position; target = new_target
    ramp(out, position, at, origin, target, n)    # out is mono (frames,) float32; or gain_at(...) per sample

A performance begins at gain 1: at = 0, origin = target = 1.
"""

from __future__ import annotations

import numpy as np

from action.compiled import compiled

RAMP_S = 0.01  # a fade without an audible click


def ramp_length(samplerate: int) -> int:
    """Samples of a ramp at `samplerate` (Hz): at least 1."""
    return max(1, round(RAMP_S * samplerate))


@compiled()
def gain_at(sample: int, at: int, origin: float, target: float, length: int) -> float:
    """Gain of sample number `sample`; the change to `target` began at sample `at` from gain `origin`."""
    done = sample - at + 1
    if done >= length:
        return target
    if done <= 0:
        return origin
    return origin + (target - origin) * (done / length)


@compiled()
def ramp(out: np.ndarray, position: int, at: int, origin: float, target: float, length: int) -> None:
    """Fade `out`, (frames,) float32 that begin at sample number `position`, in place."""
    if position - at + 1 >= length and target == 1.0:
        return
    for i in range(len(out)):
        out[i] = np.float32(out[i] * gain_at(position + i, at, origin, target, length))


class Fader:
    """The same for a whole performance: changes in the order they were made, then audio in order."""

    def __init__(self, samplerate: int):
        self.length = ramp_length(samplerate)
        self._state = (0, 1.0, 1.0)
        self._changes: list[tuple[int, float]] = []

    def change(self, at: int, target: float) -> None:
        """From sample `at` on, not before the last change, fade to `target`."""
        self._changes.append((at, target))

    def apply(self, out: np.ndarray, position: int) -> None:
        """Fade `out`, (frames,) float32 from sample `position` on, in place; never go back to an earlier one."""
        done, end = 0, position + len(out)
        while self._changes and self._changes[0][0] < end:
            at, target = self._changes.pop(0)
            stop = max(done, at - position)
            ramp(out[done:stop], position + done, *self._state, self.length)
            self._state = (at, gain_at(at - 1, *self._state, self.length), target)
            done = stop
        ramp(out[done:], position + done, *self._state, self.length)


def warm_up() -> None:
    """Compile before the first sound."""
    ramp(np.zeros(1, np.float32), 0, 0, 1.0, 0.5, 480)

"""The crossfade from one sound to another at the power it should have, whatever the correlation of the two.

Where the new sound begins, so that the two are in phase, is found before, by `action.concat`.

As in Fink, Holters & Zölzer, "Signal-matched power-complementary cross-fading", DAFx 2016.

At sample k of n, x = (pi / 2) (k + 1/2) / n goes from 0 to pi / 2, and the sum s (old cos x + new sin x) has the power
    s^2 (p cos^2 x + q sin^2 x + 2 c cos x sin x),
with the powers p and q of the two sounds and the mean c of their product. The wanted power is the one of uncorrelated
sounds, w = p cos^2 x + q sin^2 x, which goes from p to q and is constant where p = q. Hence
    s = sqrt(w / (w + 2 c cos x sin x)).
Without s, two equal sounds (c = p = q) would swell by 3 dB at x = pi / 4.

p, q and c are sums weighted by sin 2x = 2 cos x sin x, the weight that c has in the power. c is at least
-sqrt(p q) / 2: as w >= 2 sqrt(p q) cos x sin x, s^2 is then 2 at most, and opposed sounds are lifted by no more than
3 dB.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from action.compiled import compiled


class Powers(NamedTuple):
    """The weighted sums p, q and c of a crossfade."""

    old: float
    new: float
    product: float


@compiled()
def powers(old: np.ndarray, new: np.ndarray) -> Powers:
    """The powers of the sounds `old` (n,) and `new` (n,) over a crossfade of n samples."""
    fade = len(old)
    power_old, power_new, product = 1e-12, 1e-12, 0.0
    for k in range(fade):
        weight = np.sin(np.pi * (k + 0.5) / fade)
        power_old += weight * old[k] * old[k]
        power_new += weight * new[k] * new[k]
        product += weight * old[k] * new[k]
    return Powers(power_old, power_new, max(product, -0.5 * np.sqrt(power_old * power_new)))


@compiled()
def crossfade_part(old: np.ndarray, new: np.ndarray, done: int, fade: int, powers: Powers) -> None:
    """Overwrite `new` (n,) with the crossfade from `old` (n,) to it: samples `done` to `done` + n of `fade` samples."""
    for k in range(len(old)):
        x = 0.5 * np.pi * (done + k + 0.5) / fade
        gain_old, gain_new = np.cos(x), np.sin(x)
        wanted = powers.old * gain_old * gain_old + powers.new * gain_new * gain_new
        scale = np.sqrt(wanted / (wanted + 2.0 * powers.product * gain_old * gain_new))
        new[k] = np.float32((old[k] * gain_old + new[k] * gain_new) * scale)


@compiled()
def crossfade(old: np.ndarray, new: np.ndarray) -> None:
    """Overwrite `new` (n,) with the crossfade from `old` (n,) to it."""
    crossfade_part(old, new, 0, len(old), powers(old, new))

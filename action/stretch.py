"""Reads a memory faster or slower than it was recorded, and higher or lower, both independently and while it plays.

A memory can be read anywhere, so nothing is buffered and nothing comes late. A `Playhead` reads it at a step of
2 ** (semitones / 12) memory samples per output sample, which sets the pitch. A second position, `nominal`, moves at
`ratio` memory samples per output sample, which sets the tempo. The playhead drifts away from it by |step - ratio| per
sample. When it is `MAX_DRIFT_S` away, it moves in a crossfade to a position near `nominal` where the waveform resembles
the one it leaves: WSOLA (Verhelst & Roelands, ICASSP 1993), with splices only where they are needed. Between two
splices the memory is read as it was recorded. With ratio 1 and no transposition there is no splice: samples are
bit-identical.

Attacks are preserved: shortly before one the playhead moves to where it will meet the attack exactly when
`nominal` does, and until the attack has rung for `HOLD_S` there is no splice. So an attack is played once, at its time.

Positions, ratio and step are whole numbers of 1 / ONE samples, so that sums are exact and any partition of the output
into calls gives the same samples. Decisions are made on a grid of `TICK_S` of output that begins with the playhead.

Without a transposition positions are whole samples. Otherwise samples between those of the memory are computed by a
polyphase filter (`interpolation_filter`), which also removes what would lie above half the rate after a transposition
upwards.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from action.compiled import compiled
from action.crossfade import Powers, crossfade_part, powers

ONE = 1 << 24  # one sample, in the unit of positions: 1 cent is 9,688 units of a step, and 2^39 samples are 132 days
MIN_RATIO, MAX_RATIO = 0.7, 1.4
MAX_SEMITONES = 12

FADE_S = 0.012  # crossfade of a splice
TICK_S = 0.002  # time between two decisions whether to splice; also the resolution at which attacks are found
MAX_DRIFT_S = 0.015  # a splice bridges up to twice this, so it can match a period of 30 ms (33 Hz)
WINDOW_S = 0.02  # length of waveform that is compared
COARSE_HZ = 12_000  # rate at which waveforms are first compared
SILENT_ENERGY = 1e-9  # sum of squares of a waveform that resembles nothing
FINE_STRIDES = 3  # reach around the best place of the coarse comparison, searched at the full rate
DRIFT_PENALTY = 0.1  # correlation subtracted at the end of the range of places, in proportion from nearer ones
MIN_CORRELATION = 0.3  # correlation below which nothing is periodic, and the playhead goes to where it should be

HOLD_S = 0.015  # time after an attack without a splice
REFRACTORY_S = 0.05  # shortest time between two attacks
RISE = 4.0  # an attack has so many times the energy of the moments before it (6 dB)
RELEASE_S = 0.04  # time in which the energy to compare with falls to 1/e: the periods of a low tone are no attacks
FLOOR = 1e-6  # mean square of the first difference below which nothing is an attack (-60 dBFS)
LOOKBACK_TICKS = 50  # ticks before a playhead of which the energy is known
LOCKED_S = 0.001  # an attack that would come no further from its time needs no splice
UNKNOWN = -(1 << 62)

PHASES = 512  # phases of the polyphase filter; between two of them coefficients are interpolated linearly
HALF_TAPS = 16  # taps on either side
KAISER_BETA = 9.0  # sidelobes at -90 dB
CUTOFF = 0.92  # cutoff as a share of half the rate, where 6 dB are lost


class Lengths(NamedTuple):
    """The constants above in samples at one rate."""

    fade: int
    tick: int
    drift: int
    window: int
    stride: int
    hold: int
    refractory: int
    locked: int
    decay: float


class Source(NamedTuple):
    """What a playhead reads: a take, and what belongs to its rate."""

    audio: np.ndarray  # (n,) float32, the memory
    first: int  # sample at which the take begins
    stop: int  # sample after its end
    lengths: Lengths
    steps: np.ndarray  # (2 MAX_SEMITONES + 1,) int64: memory samples per output sample, in 1 / ONE, lowest pitch first
    filters: np.ndarray  # (2 MAX_SEMITONES + 1, PHASES + 1, 2 HALF_TAPS) float32, see `interpolation_filter`


class Fade(NamedTuple):
    """The sound that fades out after a splice. Nothing fades at `left` 0."""

    position: int = 0
    semitones: int = 0
    left: int = 0  # output samples of the crossfade still to come
    powers: Powers = Powers(0.0, 0.0, 0.0)


class Attacks(NamedTuple):
    """The attacks around a playhead, as far as they have been looked for."""

    scanned: int = UNKNOWN  # number of the tick of the memory up to which they are known
    envelope: float = 0.0  # energy of the first difference before it
    last: int = UNKNOWN  # position of the one before the playhead
    following: int = UNKNOWN  # and of the one after it, if one has been found


class Playhead(NamedTuple):
    """State of a reader: an immutable value. Positions are in 1 / ONE samples of the memory."""

    position: int  # read next
    nominal: int  # where the tempo alone would be
    semitones: int = 0  # by which it transposes now
    until_tick: int = 0  # output samples until the next decision
    fade: Fade = Fade()
    attacks: Attacks = Attacks()


@lru_cache(maxsize=8)
def lengths(rate: float) -> Lengths:
    """The constants for a rate in Hz."""
    tick = max(1, round(TICK_S * rate))
    return Lengths(
        fade=max(2, round(FADE_S * rate)),
        tick=tick,
        drift=max(2, round(MAX_DRIFT_S * rate)),
        window=max(2, round(WINDOW_S * rate)),
        stride=max(1, round(rate / COARSE_HZ)),
        hold=round(HOLD_S * rate),
        refractory=round(REFRACTORY_S * rate),
        locked=max(1, round(LOCKED_S * rate)),
        decay=float(np.exp(-tick / (RELEASE_S * rate))),
    )


def fixed(value: float) -> int:
    """A number of samples, or of samples per sample, in 1 / ONE."""
    return round(value * ONE)


def interpolation_filter(step: float) -> np.ndarray:
    """(PHASES + 1, 2 HALF_TAPS) float32: rows of a low-pass filter, one for each fraction of a sample.

    A sample at position i + f is the sum of audio[i - HALF_TAPS + 1 + t] h(f - (t - HALF_TAPS + 1)) over the taps t,
    with h(x) = c sinc(c x) times a Kaiser window over 2 HALF_TAPS samples. Read at `step` samples per sample, a
    frequency above rate / 2 / step would be folded back, so the cutoff is c = CUTOFF min(1, 1 / step) of half the
    rate. Each row is scaled to the sum 1, so that a constant is kept.
    """
    cutoff = CUTOFF * min(1.0, 1.0 / step)
    fraction = np.arange(PHASES + 1)[:, None] / PHASES
    x = fraction - (np.arange(2 * HALF_TAPS) - HALF_TAPS + 1)
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (x / HALF_TAPS) ** 2)))
    rows = np.sinc(cutoff * x) * window
    return np.ascontiguousarray(rows / rows.sum(1, keepdims=True), np.float32)


@lru_cache(maxsize=1)
def transpositions() -> tuple[np.ndarray, np.ndarray]:
    """The `steps` and `filters` of a `Source`."""
    steps = 2.0 ** (np.arange(-MAX_SEMITONES, MAX_SEMITONES + 1) / 12)
    return np.array([fixed(step) for step in steps], np.int64), np.stack([*map(interpolation_filter, steps)])


def start_at(sample: float, semitones: int) -> Playhead:
    """A playhead that begins at a sample of the memory; between samples only if it transposes."""
    at = fixed(sample) if semitones else round(sample) * ONE
    return Playhead(at, at, semitones)


def skipped(head: Playhead, samples: int, ratio: int) -> Playhead:
    """The playhead after so many output samples that were not rendered."""
    step = int(transpositions()[0][head.semitones + MAX_SEMITONES])
    return head._replace(position=head.position + samples * step, nominal=head.nominal + samples * ratio)


@compiled()
def _mirrored(source: Source, at: int) -> np.float32:
    """Sample `at` of the take, mirrored at its ends; further away than it is long, 0."""
    if at >= source.stop:
        at = 2 * source.stop - 1 - at
    elif at < source.first:
        at = 2 * source.first - 1 - at
    return source.audio[at] if source.first <= at < source.stop else np.float32(0.0)


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _filtered(audio: np.ndarray, row: np.ndarray, next_row: np.ndarray, between: float) -> np.float32:
    """Inner product of (taps,) samples and the coefficients that lie `between` two rows of a filter, 0 to 1."""
    total = np.float32(0.0)
    for t in range(len(row)):
        total += audio[t] * (row[t] + between * (next_row[t] - row[t]))
    return total


@compiled()
def _interpolate(source: Source, position: int, semitones: int, out: np.ndarray) -> None:
    """Write the take from `position` on, transposed, to `out` (n,)."""
    step, rows = source.steps[semitones + MAX_SEMITONES], source.filters[semitones + MAX_SEMITONES]
    taps = rows.shape[1]
    edge = np.empty(taps, np.float32)
    for k in range(len(out)):
        at = position + k * step
        whole = at >> 24
        phase = (at - (whole << 24)) * (PHASES / ONE)
        row, start = int(phase), whole - taps // 2 + 1
        samples = edge
        if start >= source.first and start + taps <= source.stop:
            samples = source.audio[start : start + taps]
        else:
            for t in range(taps):
                edge[t] = _mirrored(source, start + t)
        out[k] = _filtered(samples, rows[row], rows[row + 1], np.float32(phase - row))


@compiled()
def read(source: Source, position: int, semitones: int, out: np.ndarray) -> None:
    """Write what a playhead reads from `position` on without a splice to `out` (n,) float32.

    Beyond the ends of the take samples are mirrored.
    """
    if semitones != 0:
        _interpolate(source, position, semitones, out)
        return
    start, n = position >> 24, len(out)
    if start >= source.first and start + n <= source.stop:
        out[:] = source.audio[start : start + n]
    else:
        for k in range(n):
            out[k] = _mirrored(source, start + k)


# --- attacks


@compiled()
def _find_attack(source: Source, head: Playhead, until: int) -> Attacks:
    """The attacks around a playhead, looked for up to the memory position `until`, on the grid of ticks of the memory.

    The energy of each tick, of the first difference of the samples, is compared with the largest one before it, which
    falls off with `RELEASE_S`. An attack begins with the first tick that rises above it.
    """
    tick, refractory = source.lengths.tick, source.lengths.refractory
    here = (min(head.position, head.nominal) >> 24) // tick
    scanned, envelope, last, following = head.attacks
    if scanned < here - LOOKBACK_TICKS:
        scanned, envelope, following = here - LOOKBACK_TICKS, 0.0, UNKNOWN
        last = (here * tick - refractory + 1) << 24
    if following != UNKNOWN and following <= head.position:
        last, following = following, UNKNOWN
    while following == UNKNOWN and ((scanned * tick) << 24) < until:
        energy, start = 0.0, scanned * tick
        for at in range(max(start, source.first + 1), min(start + tick, source.stop)):
            difference = source.audio[at] - source.audio[at - 1]
            energy += difference * difference
        if start - (last >> 24) >= refractory and energy > RISE * envelope + FLOOR * tick:
            following = start << 24
        envelope = max(energy, envelope * source.lengths.decay)
        scanned += 1
    return Attacks(scanned, envelope, last, following)


# --- splices


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised correlation of (n,) and (n,), in [-1, 1]; 0 where one of them is silent."""
    product, power_a, power_b = np.float32(0.0), np.float32(SILENT_ENERGY), np.float32(SILENT_ENERGY)
    for k in range(len(a)):
        product += a[k] * b[k]
        power_a += a[k] * a[k]
        power_b += b[k] * b[k]
    return float(product / np.sqrt(power_a * power_b))


@compiled()
def _means(audio: np.ndarray, stride: int) -> np.ndarray:
    """(n // stride,) float32: the mean of every `stride` samples."""
    out = np.empty(len(audio) // stride, np.float32)
    for k in range(len(out)):
        total = np.float32(0.0)
        for t in range(stride):
            total += audio[k * stride + t]
        out[k] = total / np.float32(stride)
    return out


@compiled()
def _similar_place(source: Source, old: int, low: int, high: int, wanted: int) -> int:
    """The sample in [low, high] from which the audio resembles most what follows sample `old`.

    Of places that are alike the one nearest to `wanted` is taken, and `wanted` itself if none resembles. Places are
    compared at a lower rate first, then those around the best one at the full rate.
    """
    audio, window, stride = source.audio, source.lengths.window, source.lengths.stride
    coarse_old, coarse_new = _means(audio[old : old + window], stride), _means(audio[low : high + window], stride)
    best, best_score, n, span = wanted, MIN_CORRELATION, len(coarse_old), max(1, high - low)
    for k in range(len(coarse_new) - n + 1):
        place = low + k * stride
        score = _similarity(coarse_old, coarse_new[k : k + n]) - DRIFT_PENALTY * abs(place - wanted) / span
        if score > best_score:
            best, best_score = place, score
    if best_score == MIN_CORRELATION:
        return wanted
    middle, around, best_score = best, FINE_STRIDES * stride, -2.0
    for place in range(max(low, middle - around), min(high, middle + around) + 1):
        score = _similarity(audio[old : old + window], audio[place : place + window])
        if score > best_score:
            best, best_score = place, score
    return best


@compiled()
def _drift_target(source: Source, head: Playhead, ratio: int, reach: int) -> int:
    """Position for a playhead that has drifted too far; its own position if it may stay or cannot move.

    It is nowhere nearer to an attack that is to come than `reach`, and not before `HOLD_S` after the last one: else
    attacks would be left out or repeated.
    """
    lengths, step, attacks = source.lengths, source.steps[head.semitones + MAX_SEMITONES], head.attacks
    drift, limit = head.position - head.nominal, lengths.drift << 24
    clear = attacks.last + (lengths.hold << 24)
    if head.position < clear:
        return head.position
    if ratio > step and drift <= -limit:
        low, high = head.nominal - limit // 2, head.nominal + limit
        high = high if attacks.following == UNKNOWN else min(high, attacks.following - reach)
    elif ratio < step and drift >= limit:
        low, high = max(head.nominal - limit, clear), head.nominal + limit // 2
    else:
        return head.position
    here = head.position >> 24
    first, last = max(low >> 24, source.first), min(high >> 24, source.stop - lengths.window - 1)
    if here < source.first or here + lengths.window > source.stop or first > last:
        return head.position
    wanted = min(max(head.nominal >> 24, first), last)
    place = int(_similar_place(source, here, first, last, wanted))
    return head.position + ((place - here) << 24)


@compiled()
def _attack_target(source: Source, head: Playhead, ratio: int, reach: int) -> int:
    """Position from which the playhead meets the next attack when `nominal` does; its own if none is near."""
    attack = head.attacks.following
    if attack == UNKNOWN or max(head.position, head.nominal) + reach < attack:
        return head.position
    samples_left = (attack - head.nominal) / ratio
    target = attack - int(samples_left * source.steps[head.semitones + MAX_SEMITONES])
    if head.semitones == 0:
        target = ((target + ONE // 2) >> 24) << 24
    off = abs(target - head.position) > source.lengths.locked << 24
    return target if off and samples_left >= source.lengths.fade else head.position


@compiled()
def _splice(source: Source, head: Playhead, position: int, semitones: int) -> Playhead:
    """Move the playhead to a position and a transposition; what it read before fades out."""
    n = source.lengths.fade
    old, new = np.empty(n, np.float32), np.empty(n, np.float32)
    read(source, head.position, head.semitones, old)
    read(source, position, semitones, new)
    fade = Fade(head.position, head.semitones, n, powers(old, new))
    return Playhead(position, head.nominal, semitones, head.until_tick, fade, head.attacks)


@compiled()
def _decide(source: Source, head: Playhead, ratio: int, semitones: int) -> Playhead:
    """At a tick without a crossfade: the playhead, moved by a splice if it has to be."""
    if head.semitones != semitones:
        whole = ((head.position + ONE // 2) >> 24) << 24
        transposed: Playhead = _splice(source, head, head.position if semitones else whole, semitones)
        return transposed
    step, lengths = source.steps[semitones + MAX_SEMITONES], source.lengths
    if ratio == step:
        return head
    reach = 2 * (lengths.fade + lengths.tick) * max(ratio, step) + (lengths.tick << 24)  # a splice may just have begun
    until = max(head.position, head.nominal) + reach + (lengths.drift << 24)
    attacks = _find_attack(source, head, until)
    head = Playhead(head.position, head.nominal, head.semitones, head.until_tick, head.fade, attacks)
    target = _attack_target(source, head, ratio, reach)
    if target == head.position:
        target = _drift_target(source, head, ratio, reach)
    if target == head.position:
        return head
    moved: Playhead = _splice(source, head, target, semitones)
    return moved


@compiled()
def _advanced(source: Source, head: Playhead, samples: int, ratio: int) -> Playhead:
    """The playhead after so many output samples."""
    fade, steps = head.fade, source.steps
    fading = min(samples, fade.left)
    position = fade.position + fading * steps[fade.semitones + MAX_SEMITONES]
    return Playhead(
        head.position + samples * steps[head.semitones + MAX_SEMITONES],
        head.nominal + samples * ratio,
        head.semitones,
        head.until_tick - samples,
        Fade(position, fade.semitones, fade.left - fading, fade.powers),
        head.attacks,
    )


@compiled()
def render(source: Source, head: Playhead, ratio: int, semitones: int, out: np.ndarray) -> Playhead:
    """Write the next (n,) float32 samples of a take to `out`; return the playhead after them.

    ratio: memory samples per output sample, in 1 / ONE. semitones: the transposition wanted, +-MAX_SEMITONES.
    """
    done, n, length = 0, len(out), source.lengths.fade
    while done < n:
        if head.until_tick == 0:
            if head.fade.left == 0:
                head = _decide(source, head, ratio, semitones)
            tick = source.lengths.tick
            head = Playhead(head.position, head.nominal, head.semitones, tick, head.fade, head.attacks)
        part = min(n - done, head.until_tick)
        if head.fade.left > 0:
            part = min(part, head.fade.left)
        block = out[done : done + part]
        read(source, head.position, head.semitones, block)
        if head.fade.left > 0:
            old = np.empty(part, np.float32)
            read(source, head.fade.position, head.fade.semitones, old)
            crossfade_part(old, block, length - head.fade.left, length, head.fade.powers)
        head = _advanced(source, head, part, ratio)
        done += part
    return head

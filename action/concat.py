"""Segments as sound: a run plays as it was recorded, a jump is aligned and crossfaded at equal power.

Audio is mono float32; lengths are samples at the rate of the memory, which is the rate of the device.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from action.compiled import compiled

ATTACK_S = 0.005  # s to fade in from silence
RELEASE_S = 0.1  # s in which the limiter recovers to 1/e
MIN_CORRELATION = 0.3  # correlation below which alignment would only move the attack
SHIFT_PENALTY = 0.05  # correlation given up to shift by 0 rather than by `align`, so that the nearest period wins


@dataclass
class Voice:
    """What is sounding. `Concatenator.step` writes it."""

    segment: int = -1  # playing, -1 is silence
    head: int = 0  # next sample to read
    gain: float = 1.0  # at the end of the last hop
    limit: float = 1.0  # gain of the limiter, 1 when it is idle
    tail: np.ndarray | None = None  # (n,) float32: how a sound goes on that was left, see `Concatenator.detach`


@compiled()
def _read_mirrored(audio: np.ndarray, size: int, head: int, out: np.ndarray) -> None:
    """Read on from `head`; beyond the end of the memory its last samples return backwards, so that nothing breaks off.

    `size` samples are valid. A head already beyond the end has been faded out and reads as silence.
    """
    for k in range(len(out)):
        at = head + k
        if at >= size:
            at = 2 * size - 1 - at
        out[k] = audio[at] if head <= size and at >= 0 else 0.0


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _dot(a: np.ndarray, b: np.ndarray) -> np.float32:
    total = np.float32(0.0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@compiled()
def _best_shift(audio: np.ndarray, size: int, old: np.ndarray, start: int, frames: int, reach: int) -> int:
    """Shift within +-reach at which the memory from `start` on resembles `old` most: normalised cross-correlation.

    `frames` samples, no fewer than `old` has, can be read from the shifted start on.
    """
    fade = len(old)
    low, high = max(-reach, -start), min(reach, size - frames - start)
    energy_old = np.float64(_dot(old, old))
    if high < low or energy_old <= 1e-9:
        return 0
    best, score = 0, MIN_CORRELATION
    first = audio[start + low : start + low + fade]
    energy = np.float64(_dot(first, first))
    for shift in range(low, high + 1):
        at = start + shift
        if energy > 1e-9:
            alike = _dot(old, audio[at : at + fade]) / np.sqrt(energy_old * energy)
            alike -= SHIFT_PENALTY * abs(shift) / max(reach, 1)
            if alike > score:
                best, score = shift, alike
        if at + fade < size:
            energy += np.float64(audio[at + fade]) ** 2 - np.float64(audio[at]) ** 2
    return best


@compiled()
def _crossfade(old: np.ndarray, new: np.ndarray) -> None:
    """Write old * cos + new * sin into `new`, scaled so that the power goes from the one's to the other's in between.

    Two uncorrelated sounds keep their power by themselves; alike ones would swell by up to 3 dB. With powers p and q
    and correlation r, measured where both sound (weight sin 2x), the sum has the power
    p cos^2 + q sin^2 + 2 r sqrt(p q) cos sin, and only the first two terms are wanted.
    """
    fade = len(old)
    p, q, both = 1e-12, 1e-12, 0.0
    for k in range(fade):
        weight = np.sin(np.pi * (k + 0.5) / fade)
        p += weight * old[k] * old[k]
        q += weight * new[k] * new[k]
        both += weight * old[k] * new[k]
    both = max(both, -0.5 * np.sqrt(p * q))  # opposed sounds: lift by 3 dB at most
    for k in range(fade):
        x = 0.5 * np.pi * (k + 0.5) / fade
        fall, rise = np.cos(x), np.sin(x)
        wanted = p * fall * fall + q * rise * rise
        scale = np.sqrt(wanted / (wanted + 2.0 * both * fall * rise))
        new[k] = np.float32((old[k] * fall + new[k] * rise) * scale)


@compiled()
def _apply_gain(out: np.ndarray, gain_before: float, gain: float, limit: float, recovery: float) -> float:
    """Ramp the gain over the hop, keep |out| <= 1, in place; return the limiter's gain. At gain 1 it only watches."""
    n = len(out)
    moving = gain_before != 1.0 or gain != 1.0
    for k in range(n):
        x = np.float64(out[k])
        if moving:
            x *= gain_before + (gain - gain_before) * (k + 1) / n
        if limit < 1.0:
            limit = 1.0 - (1.0 - limit) * recovery
            if limit > 0.99999:
                limit = 1.0
        if abs(x) * limit > 1.0:
            limit = 1.0 / abs(x)
        if moving or limit < 1.0:
            out[k] = np.float32(max(-1.0, min(1.0, x * limit)))
    return limit


class Concatenator:
    """Plays segments of a memory, one hop after the other, into one stream.

    audio: (n,) float32 in [-1, 1], the memory. rate: Hz. hop: seconds per segment; segment i begins at sample
    round(i * hop * rate). crossfade: seconds a jump takes, from the boundary on: the old sound goes on beyond it while
    the new one comes in. align: seconds by which a jump may be early or late in the memory to meet the old sound in
    phase. room: seconds that `append` can add before it has to move the memory, which takes time on stage; without
    it a float32 array is used where it lies. What is learned is here, what has happened is in `Voice`.
    """

    def __init__(
        self,
        audio: np.ndarray,
        rate: float,
        hop: float,
        *,
        crossfade: float = 0.05,
        align: float = 0.01,
        room: float = 0.0,
    ):
        if rate <= 0 or hop <= 0:
            raise ValueError(f"rate {rate} Hz, hop {hop} s: expected more than 0 of each")
        if not 0 <= crossfade <= hop:
            raise ValueError(f"crossfade = {crossfade} s: expected 0 to one hop ({hop} s)")
        if not 0 <= align <= hop / 2:
            raise ValueError(f"align = {align} s: expected 0 to half a hop ({hop / 2} s)")
        self.rate, self.hop = float(rate), float(hop)
        self.fade, self.reach = round(crossfade * rate), round(align * rate)
        self.attack = min(self.fade, round(ATTACK_S * rate))
        self._recovery = float(np.exp(-1 / (RELEASE_S * rate)))
        self._audio, self._size = self._mono(audio), len(audio)
        self._joints: list[int] = []  # samples at which a take follows another
        self._lent = 0  # samples that a copy in the making still reads
        if room > 0:
            self._reserve(self._size + round(room * rate))

    def __len__(self) -> int:
        """Whole segments held."""
        whole = int(self._size / (self.hop * self.rate)) + 1
        while self.boundary(whole) > self._size:
            whole -= 1
        return whole

    @property
    def audio(self) -> np.ndarray:
        """(n,) float32 view of the memory."""
        return self._audio[: self._size]

    def boundary(self, segment: int) -> int:
        """Sample at which a segment begins."""
        return round(segment * self.hop * self.rate)

    def append(self, audio: np.ndarray) -> None:
        """Add (n,) float32 samples at the end of the memory; room doubles, so this is cheap on average."""
        new = self._mono(audio)
        need = self._size + len(new)
        if need > len(self._audio):
            self._reserve(max(need, 2 * len(self._audio)))
        elif self._size < self._lent:
            self._reserve(len(self._audio))
        self._audio[self._size : need] = new
        self._size = need

    def start_take(self) -> None:
        """What is appended from now on is another take: no sound reads on across this place."""
        if self._size and self._size not in self._joints[-1:]:
            self._joints.append(self._size)

    def truncate(self, samples: int) -> None:
        """Forget what lies beyond so many samples, 0 to all; a voice that sounds there has to `detach` first."""
        if not 0 <= samples <= self._size:
            raise ValueError(f"truncate to {samples} samples: the memory holds 0 to {self._size}")
        self._size = samples
        del self._joints[bisect_left(self._joints, samples) :]

    def frozen_view(self) -> np.ndarray:
        """(n,) float32 view of the memory that stays as it is, whatever is appended or truncated later."""
        self._lent = max(self._lent, self._size)
        return self.audio

    @contextmanager
    def as_of(self, samples: int) -> Iterator[None]:
        """In a `with` block: the memory as it was when it held so many samples, more or fewer than now.

        What was taken back is as it was until something is appended. ValueError: it never held so many.
        """
        if not 0 <= samples <= len(self._audio):
            raise ValueError(f"the memory never held {samples} samples")
        size, joints = self._size, self._joints
        self._size, self._joints = samples, [at for at in (*joints, size) if 0 < at < samples]
        try:
            yield
        finally:
            self._size, self._joints = size, joints

    @staticmethod
    def _mono(audio: np.ndarray) -> np.ndarray:
        """Writable float32 in C order: the one kind that is compiled for, so nothing compiles on stage."""
        mono = np.asarray(audio, np.float32)
        if mono.ndim != 1:
            raise ValueError(f"a memory is mono, got shape {mono.shape}: mix it to one channel first")
        return mono if mono.flags.carray else mono.copy()

    def _reserve(self, samples: int) -> None:
        larger = np.zeros(samples, np.float32)
        larger[: self._size] = self.audio
        self._audio, self._lent = larger, 0

    def start(self) -> Voice:
        """A voice that has played nothing."""
        return Voice()

    def detach(self, voice: Voice, size: int | None = None) -> Voice:
        """The same sound for another memory, or for what remains of this one: it carries along how it would go on.

        The next `step`, whatever it plays, crossfades from there. size: samples of the memory that could be read when
        it sounded, if it has been truncated since.
        """
        if voice.segment < 0 or voice.tail is not None:
            return replace(voice)
        tail = np.empty(self.fade, np.float32)
        _read_mirrored(self._audio, self._stretch(voice.segment, size)[1], voice.head, tail)
        return replace(voice, tail=tail)

    def _stretch(self, segment: int, size: int | None = None) -> tuple[int, int]:
        """[first, stop) samples of the take that holds a segment: the whole memory, unless takes were joined."""
        size = self._size if size is None else size
        if not self._joints:
            return 0, size
        place = bisect_right(self._joints, self.boundary(segment))
        first = self._joints[place - 1] if place else 0
        return first, self._joints[place] if place < len(self._joints) else size

    def step(self, voice: Voice, segment: int, frames: int, level: float | None = None) -> np.ndarray:
        """Play a segment for `frames` samples, (frames,) float32 in [-1, 1]; -1 fades out, then is silent.

        The segment after the one that sounds goes on where the read head is: samples of the memory, untouched. Any
        other is a jump. level: linear gain >= 0 to reach at the end of the hop (at once after silence), None is 1; at a
        gain of 1 samples are untouched.
        ValueError: a segment that begins beyond the memory, frames < 1, a level below 0.
        """
        if frames < 1 or (level is not None and not 0 <= level < np.inf):
            raise ValueError(f"frames {frames}, level {level}: expected 1 or more samples and a gain of 0 or more")
        if segment < -1 or (segment >= 0 and self.boundary(int(segment)) >= self._size):
            raise ValueError(f"segment {segment}: the memory holds 0 to {len(self) - 1}")
        segment, frames = int(segment), int(frames)
        gain = 1.0 if level is None else float(level)
        before = gain if voice.segment < 0 else voice.gain
        if segment < 0:
            out = self._fade_out(voice, frames)
        elif self._goes_on(voice, segment):
            out = self._read(voice.head, frames, self._stretch(segment)[1])
            voice.head += frames
        else:
            out = self._jump(voice, segment, frames)
        voice.segment, voice.tail = segment, None
        voice.limit = float(_apply_gain(out, before, gain, voice.limit, self._recovery))
        voice.gain = gain
        return out

    def _goes_on(self, voice: Voice, segment: int) -> bool:
        """Is it the segment after the one that sounds, and of the same take?"""
        if voice.segment < 0 or voice.tail is not None or segment != voice.segment + 1:
            return False
        return not self._joints or self.boundary(segment) not in self._joints

    def _read(self, head: int, frames: int, size: int) -> np.ndarray:
        """The memory from `head` on; where it ends, at `size`, the end is faded out."""
        if head + frames <= size:
            return self._audio[head : head + frames].copy()
        out = np.zeros(frames, np.float32)
        whole = max(0, min(frames, size - head) - self.fade)
        out[:whole] = self._audio[head : head + whole]
        fade = min(self.fade, frames - whole)
        if head <= size and fade:
            _read_mirrored(self._audio, size, head + whole, out[whole : whole + fade])
            _fade_out(out[whole : whole + fade])
        return out

    def _before(self, voice: Voice, fade: int) -> np.ndarray:
        """How what sounds would go on, (fade,) float32."""
        old = np.zeros(fade, np.float32)
        if voice.tail is not None:
            old[: len(voice.tail)] = voice.tail[:fade]
        elif voice.segment >= 0:
            _read_mirrored(self._audio, self._stretch(voice.segment)[1], voice.head, old)
        return old

    def _fade_out(self, voice: Voice, frames: int) -> np.ndarray:
        out = np.zeros(frames, np.float32)
        fade = min(self.fade, frames)
        if voice.segment >= 0 and fade:
            out[:fade] = self._before(voice, fade)
            _fade_out(out[:fade])
        return out

    def _jump(self, voice: Voice, segment: int, frames: int) -> np.ndarray:
        start, fade = self.boundary(segment), min(self.fade, frames)
        first, stop = self._stretch(segment)
        if voice.segment < 0 or not fade:
            out = self._read(start, frames, stop)
            rise = min(self.attack, frames)
            out[:rise] *= np.sin((np.arange(rise, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(rise, 1)))
        else:
            old = self._before(voice, fade)
            take = self._audio[first:]
            start += int(_best_shift(take, stop - first, old, start - first, frames, self.reach))
            out = self._read(start, frames, stop)
            _crossfade(old, out[:fade])
        voice.head = start + frames
        return out


def _fade_out(out: np.ndarray) -> None:
    """Fade (n,) out at equal power, in place."""
    out *= np.cos((np.arange(len(out), dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / len(out)))


def warm_up() -> None:
    """Compile what a performance calls, before it begins."""
    player = Concatenator(np.zeros(64, np.float32), 64.0, 0.25)
    voice = player.start()
    for segment in (0, 1, 3, 2, -1):
        player.step(voice, segment, 16)

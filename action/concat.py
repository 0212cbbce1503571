"""Concatenative synthesis: segments that follow each other play as recorded, jumps are aligned and crossfaded.

A voice may play faster or slower, higher or lower than the memory was recorded (`action.stretch`).

Audio is mono float32. Lengths are in samples at the rate of the memory, which is the rate of the device. A segment is
one hop of a memory. A take is one uninterrupted recording; a memory holds one take or several, end to end.

Alignment, `_best_shift`: the old sound continues for the length of the crossfade while the new segment fades in. The
new segment may start up to `align` seconds earlier or later, where its waveform resembles that continuation most, as
in WSOLA (Verhelst & Roelands, ICASSP 1993). Then periodic sounds meet in phase.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from action import stretch
from action.compiled import compiled
from action.crossfade import crossfade
from action.stretch import MAX_RATIO, MAX_SEMITONES, MIN_RATIO, ONE, Playhead, Source

ATTACK_S = 0.005  # duration of the fade-in after silence
RELEASE_S = 0.1  # time in which the limiter's gain reduction falls to 1/e
MIN_CORRELATION = 0.3  # correlation below which the sounds are not periodic alike: a shift would only move the attack
SHIFT_PENALTY = 0.05  # correlation subtracted from the largest shift, in proportion from others: nearest period wins
SILENT_ENERGY = 1e-9  # sum of squares below which a waveform counts as silent and is not aligned


@dataclass
class Voice:
    """State of the player after a hop. `Concatenator.step` writes it."""

    segment: int = -1  # segment played last, -1 for silence
    head: Playhead = field(default_factory=lambda: stretch.start_at(0, 0))  # which reads the memory next
    ratio: float = 1.0  # memory samples per sample of the last hop
    lead: int = 0  # how far the read position has drifted from `segment` at ratios other than 1, in 1 / ONE samples
    shift: int = 0  # samples by which the run was asked to begin after the boundary of its segment, or before it
    gain: float = 1.0  # linear, >= 0, at the end of the last hop
    limiter_gain: float = 1.0  # linear, in (0, 1]; 1 while the limiter is idle
    continuation: np.ndarray | None = None  # (fade_samples,) float32 that follows the last sample, if it was detached

    @property
    def next_sample(self) -> int:
        """Sample of the memory that follows the last one played."""
        return self.head.position // ONE


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _dot(a: np.ndarray, b: np.ndarray) -> np.float32:
    """Inner product of (n,) and (n,); fastmath lets the compiler sum in several lanes at once."""
    total = np.float32(0.0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@compiled()
def _best_shift(audio: np.ndarray, size: int, old: np.ndarray, start: int, frames: int, max_shift: int) -> int:
    """Shift in samples, at most +-max_shift, at which audio[start + shift:] resembles `old` most.

    With n samples of `old` o and of the audio a, the resemblance at shift d is the normalised cross-correlation
    r(d) = sum o[k] a[start + d + k] / sqrt(sum o[k]^2 sum a[start + d + k]^2), 0 <= k < n, in [-1, 1]. For a tone, r is
    nearly equal at shifts one period apart, so r(d) - SHIFT_PENALTY |d| / max_shift is maximised; the shift is 0 where
    that is MIN_CORRELATION or less. The numerator costs n operations a shift. The energy of the audio costs two: from
    d to d + 1 the first sample leaves the sum and one enters.

    size: valid samples of the audio. frames: samples, n or more, that must be readable from the shifted start.
    """
    fade = len(old)
    low, high = max(-max_shift, -start), min(max_shift, size - frames - start)
    energy_old = np.float64(_dot(old, old))
    if high < low or energy_old <= SILENT_ENERGY:
        return 0
    best, best_score = 0, MIN_CORRELATION
    first = audio[start + low : start + low + fade]
    energy = np.float64(_dot(first, first))
    for shift in range(low, high + 1):
        at = start + shift
        if energy > SILENT_ENERGY:
            score = _dot(old, audio[at : at + fade]) / np.sqrt(energy_old * energy)
            score -= SHIFT_PENALTY * abs(shift) / max(max_shift, 1)
            if score > best_score:
                best, best_score = shift, score
        if at + fade < size:
            energy += np.float64(audio[at + fade]) ** 2 - np.float64(audio[at]) ** 2
    return best


@compiled()
def _apply_gain(out: np.ndarray, gain_before: float, gain: float, limit: float, recovery: float) -> float:
    """Apply a linear gain ramp to `out` (n,) and limit it to [-1, 1], in place; return the limiter's gain.

    gain_before, gain: at the beginning and at the end of the hop. limit: the limiter's gain before the hop, in (0, 1].
    Its reduction 1 - limit falls by the factor `recovery` at each sample. While all three gains are 1, samples stay as
    they are.
    """
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
    """Plays segments of a memory, one per hop, as one continuous stream.

    audio: (n,) float32 in [-1, 1], the memory. rate: Hz. hop: seconds per segment; segment i begins at sample
    round(i * hop * rate). crossfade: seconds of a jump's crossfade, 0 to one hop; it begins at the segment boundary.
    align: seconds by which a jump may be early or late in the memory, 0 to half a hop. room: seconds that `append` can
    add before it must copy the memory to a larger array, which takes time during a performance. With room 0 a float32
    array is used without a copy. The state of a performance is in `Voice`. ValueError: an argument out of its range.
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
        self.fade_samples, self.max_shift_samples = round(crossfade * rate), round(align * rate)
        self.attack_samples = min(self.fade_samples, round(ATTACK_S * rate))
        self._recovery = float(np.exp(-1 / (RELEASE_S * rate)))
        self._audio, self._size = self._mono(audio), len(audio)
        self._take_starts: list[int] = []  # first sample of each take but the first
        self._frozen_samples = 0  # samples that views of `frozen_view` read: they must not be overwritten
        if room > 0:
            self._reserve(self._size + round(room * rate))

    def __len__(self) -> int:
        """Number of whole segments in the memory."""
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
        """Add (n,) float32 samples at the end of the memory; the array doubles when full, so the mean cost is O(n)."""
        new = self._mono(audio)
        need = self._size + len(new)
        if need > len(self._audio):
            self._reserve(max(need, 2 * len(self._audio)))
        elif self._size < self._frozen_samples:
            self._reserve(len(self._audio))
        self._audio[self._size : need] = new
        self._size = need

    def start_take(self) -> None:
        """Begin another take at the present end of the memory: no voice reads across that boundary."""
        if self._size and self._size not in self._take_starts[-1:]:
            self._take_starts.append(self._size)

    def truncate(self, samples: int) -> None:
        """Keep the first `samples` samples, 0 to all of them; a voice that reads beyond must `detach` first."""
        if not 0 <= samples <= self._size:
            raise ValueError(f"truncate to {samples} samples: the memory holds 0 to {self._size}")
        self._size = samples
        del self._take_starts[bisect_left(self._take_starts, samples) :]

    def frozen_view(self) -> np.ndarray:
        """(n,) float32 view of the memory that no later `append` or `truncate` changes."""
        self._frozen_samples = max(self._frozen_samples, self._size)
        return self.audio

    @contextmanager
    def as_of(self, samples: int) -> Iterator[None]:
        """In a `with` block, the memory as it was when it held `samples` samples, more or fewer than now.

        Truncated samples remain in the array until something is appended. ValueError: it never held so many.
        """
        if not 0 <= samples <= len(self._audio):
            raise ValueError(f"the memory never held {samples} samples")
        size, joints = self._size, self._take_starts
        self._size, self._take_starts = samples, [at for at in (*joints, size) if 0 < at < samples]
        try:
            yield
        finally:
            self._size, self._take_starts = size, joints

    @staticmethod
    def _mono(audio: np.ndarray) -> np.ndarray:
        """Writable float32 in C order: the kernels are compiled for this type only, and none compiles while playing."""
        mono = np.asarray(audio, np.float32)
        if mono.ndim != 1:
            raise ValueError(f"a memory is mono, got shape {mono.shape}: mix it to one channel first")
        return mono if mono.flags.carray else mono.copy()

    def _reserve(self, samples: int) -> None:
        """Copy the memory to a new array with place for `samples` samples."""
        larger = np.zeros(samples, np.float32)
        larger[: self._size] = self.audio
        self._audio, self._frozen_samples = larger, 0

    def start(self) -> Voice:
        """A voice that has played nothing."""
        return Voice()

    def detach(self, voice: Voice, size: int | None = None) -> Voice:
        """A copy of the voice that no longer reads this memory: it holds the samples that would follow.

        The next `step`, in any memory, crossfades from these. size: samples the memory had when the voice last played,
        if it has been truncated since.
        """
        if voice.segment < 0 or voice.continuation is not None:
            return replace(voice)
        bounds = self._take_bounds(voice.segment, size)
        return replace(voice, continuation=self._following_samples(voice, self.fade_samples, bounds))

    def _take_bounds(self, segment: int, size: int | None = None) -> tuple[int, int]:
        """(first, stop) of the take that contains a segment, in samples. size: samples of the memory, now if None."""
        size = self._size if size is None else size
        if not self._take_starts:
            return 0, size
        take = bisect_right(self._take_starts, self.boundary(segment))
        first = self._take_starts[take - 1] if take else 0
        return first, self._take_starts[take] if take < len(self._take_starts) else size

    def following(self, voice: Voice) -> int:
        """The segment that goes on from the last one played, though it may lie beyond the memory; -1 after silence.

        It is the next one where the memory plays at its own speed. Faster, one is left out now and then; slower, one
        comes twice.
        """
        if voice.segment < 0:
            return -1
        return voice.segment + 1 + round(voice.lead / (ONE * self.hop * self.rate))

    def starts_at(self, voice: Voice, segment: int, shift: int = 0) -> float:
        """Sample of the memory at which `step` would begin to play a segment, before a jump is aligned."""
        if shift == voice.shift and self._continues(voice, segment):
            return voice.head.nominal / ONE
        return float(self._jumps_to(segment, shift))

    def _jumps_to(self, segment: int, shift: int) -> int:
        """Sample at which a jump to a segment begins before it is aligned, within its take."""
        first, stop = self._take_bounds(segment)
        return min(max(self.boundary(segment) + shift, first), stop)

    def step(
        self, voice: Voice, segment: int, frames: int, level: float | None = None, shift: int = 0,
        *, ratio: float = 1.0, semitones: int = 0,
    ) -> np.ndarray:  # fmt: skip
        """Play a segment for `frames` samples, (frames,) float32 in [-1, 1]; -1 fades out, then is silent.

        The segment that is `following`, with the same `shift` as before, goes on without a seam, and at ratio 1 without
        a transposition it is read unchanged. Anything else is a jump. level: linear gain >= 0 at the end of the hop,
        reached by a ramp, or at once after silence; None is 1. shift: samples by which a jump begins after the
        segment's boundary, or before it if negative; within its take. ratio: memory samples per output sample,
        MIN_RATIO to MAX_RATIO: above 1 the memory plays faster, at the same pitch. semitones: the transposition,
        within +-MAX_SEMITONES. ValueError: a segment that begins beyond the memory, frames < 1, a level below 0 or not
        finite, a ratio or transposition out of range.
        """
        if frames < 1 or (level is not None and not 0 <= level < np.inf):
            raise ValueError(f"frames {frames}, level {level}: expected 1 or more samples and a gain of 0 or more")
        if segment < -1 or (segment >= 0 and self.boundary(int(segment)) >= self._size):
            raise ValueError(f"segment {segment}: the memory holds 0 to {len(self) - 1}")
        if not MIN_RATIO <= ratio <= MAX_RATIO or not abs(semitones) <= MAX_SEMITONES:
            raise ValueError(
                f"ratio {ratio}, semitones {semitones}: expected {MIN_RATIO:g} to {MAX_RATIO:g} and at most "
                f"{MAX_SEMITONES} either way"
            )
        segment, frames, shift = int(segment), int(frames), int(shift) if segment >= 0 else 0
        gain = 1.0 if level is None else float(level)
        before = gain if voice.segment < 0 else voice.gain
        if segment < 0:
            out = self._fade_out(voice, frames)
        elif shift == voice.shift and self._continues(voice, segment):
            voice.lead -= (self.boundary(segment) - self.boundary(voice.segment + 1)) * ONE
            out, voice.head = self._play(voice.head, frames, self._take_bounds(segment), ratio, int(semitones))
        else:
            voice.lead = 0
            out = self._jump(voice, segment, frames, shift, ratio, int(semitones))
        voice.lead += frames * (stretch.fixed(ratio) - ONE)
        voice.segment, voice.shift, voice.ratio, voice.continuation = segment, shift, float(ratio), None
        voice.limiter_gain = float(_apply_gain(out, before, gain, voice.limiter_gain, self._recovery))
        voice.gain = gain
        return out

    def _continues(self, voice: Voice, segment: int) -> bool:
        """Whether `segment` goes on from the one played last, in the same take."""
        if voice.segment < 0 or voice.continuation is not None or segment != self.following(voice):
            return False
        return self._take_bounds(segment) == self._take_bounds(voice.segment)

    def _source(self, bounds: tuple[int, int]) -> Source:
        """The take between `bounds`, as a playhead reads it."""
        return Source(self._audio, *bounds, stretch.lengths(self.rate), *stretch.transpositions())

    def _play(
        self, head: Playhead, frames: int, bounds: tuple[int, int], ratio: float, semitones: int
    ) -> tuple[np.ndarray, Playhead]:
        """(frames,) float32 from a playhead on, and the playhead after them; a take that ends before is faded out."""
        out, speed, end = np.zeros(frames, np.float32), stretch.fixed(ratio), bounds[1] * ONE
        left = (end - head.nominal) // speed  # samples
        whole = frames if left >= frames else max(0, left - self.fade_samples)
        sounding = min(frames, whole + self.fade_samples) if head.nominal <= end else 0
        if sounding:
            head = Playhead(*stretch.render(self._source(bounds), head, speed, semitones, out[:sounding]))
        if whole < sounding:
            _fade_out(out[whole:sounding])
        return out, stretch.skipped(head, frames - sounding, speed)

    def _following_samples(self, voice: Voice, samples: int, bounds: tuple[int, int]) -> np.ndarray:
        """The (samples,) float32 that a voice would play next, mirrored at the end of its take."""
        out, head = np.zeros(samples, np.float32), voice.head
        if samples and head.nominal <= bounds[1] * ONE:
            stretch.render(self._source(bounds), head, stretch.fixed(voice.ratio), head.semitones, out)
        return out

    def _continuation(self, voice: Voice, fade: int) -> np.ndarray:
        """The (fade,) float32 samples that would follow the last one played."""
        if voice.continuation is None and voice.segment >= 0:
            return self._following_samples(voice, fade, self._take_bounds(voice.segment))
        old = np.zeros(fade, np.float32)
        if voice.continuation is not None:
            old[: len(voice.continuation)] = voice.continuation[:fade]
        return old

    def _fade_out(self, voice: Voice, frames: int) -> np.ndarray:
        """(frames,) float32: what the voice plays fades out, silence follows."""
        out = np.zeros(frames, np.float32)
        fade = min(self.fade_samples, frames)
        if voice.segment >= 0 and fade:
            out[:fade] = self._continuation(voice, fade)
            _fade_out(out[:fade])
        return out

    def _jump(
        self, voice: Voice, segment: int, frames: int, shift: int, ratio: float, semitones: int
    ) -> np.ndarray:  # fmt: skip
        """(frames,) float32: the segment, aligned and crossfaded with what sounded, or faded in after silence."""
        bounds, start, fade = self._take_bounds(segment), self._jumps_to(segment, shift), min(self.fade_samples, frames)
        old = self._continuation(voice, fade) if voice.segment >= 0 and fade else None
        if old is None:
            head = stretch.start_at(start, semitones)
        else:
            head = self._aligned(old, start, frames, semitones, bounds)
        out, voice.head = self._play(head, frames, bounds, ratio, semitones)
        if old is not None:
            crossfade(old, out[:fade])
        else:
            attack = min(self.attack_samples, frames)
            out[:attack] *= np.sin((np.arange(attack, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(attack, 1)))
        return out

    def _aligned(
        self, old: np.ndarray, start: int, frames: int, semitones: int, bounds: tuple[int, int]
    ) -> Playhead:  # fmt: skip
        """A playhead that begins near a sample, by `max_shift_samples` at most, where it resembles `old` (n,) most."""
        (first, stop), reach = bounds, self.max_shift_samples
        if not semitones:
            shift = int(_best_shift(self._audio[first:], stop - first, old, start - first, frames, reach))
            return stretch.start_at(start + shift, 0)
        around, source = np.empty(len(old) + 2 * reach, np.float32), self._source(bounds)
        step = int(source.steps[semitones + MAX_SEMITONES])
        stretch.read(source, start * ONE - reach * step, semitones, around)
        shift = int(_best_shift(around, len(around), old, reach, len(old), reach))
        position = max(start * ONE + shift * step, first * ONE)
        return Playhead(position, position, semitones)


def _fade_out(out: np.ndarray) -> None:
    """Multiply `out` (n,) by a quarter of a cosine, in place: the falling half of an equal-power crossfade."""
    out *= np.cos((np.arange(len(out), dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / len(out)))


def warm_up() -> None:
    """Compile every kernel that a performance calls, or load it from the cache, before the performance begins."""
    player = Concatenator(np.zeros(64, np.float32), 64.0, 0.25)
    voice = player.start()
    for segment, semitones in ((0, 0), (1, 0), (3, 0), (2, 1), (-1, 0)):
        player.step(voice, segment, 16, semitones=semitones)

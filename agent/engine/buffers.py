"""The memory that the audio callback and the decision loop share: no Python object, no lock, no allocation.

The callback is one Numba function. PortAudio calls it through a C pointer (`AudioBuffers.callback`), files and tests
call the same code through `AudioBuffers.process`. Whatever the sizes of the blocks, the same happens.

There is one clock, the sample counter. Sample n of the input and sample n of the output have the same number. Hop h of
the answer begins at output sample boundary(h) + slack. At its first sample the callback decides, once and for all: if
the decision loop has published hop h, it plays; else the *fallback* goes on, which was published with the last answered
hop for this case, until an answered hop begins. The decision loop reads this decision (`answered`) before it accepts a
hop, so an answer that came too late is dropped whole.

Who writes what: the decision loop writes answers, fallbacks and the fader's goal, the callback all the rest. A word
that says "this is ready" is written after what it speaks of, with a fence between: x86 keeps stores in order by itself,
the fence keeps the compiler, and other processors, from changing it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from agent.engine.audio_callback import (
    ANSWERS,
    BASE,
    BLOCK,
    CALLBACKS,
    CHAIN,
    CHAIN_FOR,
    CHAINS,
    CHANGES,
    CLOSING,
    COUNT,
    DECIDED,
    ENDS,
    FADED,
    FADES,
    FED,
    FEED,
    FEEDING,
    FRAMES,
    FROM,
    GOAL,
    HEAD,
    HEAR,
    HEARD,
    HOP,
    IN,
    LASTS,
    LATER,
    LENGTH,
    MISSED,
    NANS,
    ORIGIN,
    OUT,
    PUBLISHED,
    RAMP,
    RATE,
    READY,
    SECONDS,
    SIZE,
    SLACK,
    SPEAK,
    SPOKEN,
    STEP,
    TAKEN,
    TARGET,
    TOTAL,
    WAIT,
    XRUNS,
    callback,
    process,
    release,
)
from agent.engine.fader import length


class AudioBuffers:
    """The memory, and the mind's hand on it.

    hop: s. samplerate: Hz. slack: samples between the end of a hop and the beginning of its answer, less than a hop.
    wait: the callback waits for the answer (files, freewheel), so nothing is ever missed. channels_in, channels_out:
    of the interleaved blocks. chain: s that can sound without the mind. seconds: of sound that is kept.
    """

    def __init__(
        self,
        hop: float,
        samplerate: int,
        slack: int,
        *,
        wait: bool = False,
        channels_in: int = 1,
        channels_out: int = 1,
        chain: float = 3.0,
        seconds: float = 30.0,
    ):
        self.hop, self.samplerate = float(hop), int(samplerate)
        self.size = max(round(seconds * samplerate), 4 * STEP)
        self.frames = int(np.ceil(hop * samplerate)) + 1
        self.length = int(np.ceil(chain / hop)) * self.frames
        floats = 3 * self.size + ANSWERS * self.frames + CHAINS * self.length
        self._block = np.zeros(HEAD + -(-floats // 2), np.int64)
        self._head = self._block[:HEAD]
        self._real = self._head.view(np.float64)
        self._floats = self._block.view(np.float32)[2 * HEAD :]
        cut = np.cumsum([self.size, self.size, self.size, ANSWERS * self.frames])
        self._heard, self._spoken, self._feed, self._answers, self._chains = np.split(self._floats, cut)
        head, real = self._head, self._real
        head[[SIZE, FRAMES, LENGTH, RAMP]] = self.size, self.frames, self.length, length(self.samplerate)
        head[TOTAL] = 2 * len(self._block)
        real[[SECONDS, RATE, ORIGIN, TARGET]] = self.hop, self.samplerate, 1.0, 1.0
        head[[WAIT, HOP, BASE, GOAL, FADED, READY]] = wait, -1, -2, 1, 1, True
        head[PUBLISHED : PUBLISHED + ANSWERS] = -1
        head[TAKEN : TAKEN + DECIDED] = -2
        head[PUBLISHED] = 0  # hop 0 is silence: nothing has been heard before it
        self.slack = slack
        self.set_channels(channels_in, channels_out)

    # --- before the stream opens

    @property
    def slack(self) -> int:
        """Samples between the end of a hop and the beginning of its answer; to be set before anything is heard."""
        return int(self._head[SLACK])

    @slack.setter
    def slack(self, samples: int) -> None:
        """ValueError if it is not 0 to less than a hop, or too late."""
        if self.samples_in:
            raise ValueError("the slack cannot change once something has been heard")
        if not 0 <= samples < self.boundary(1):
            raise ValueError(f"slack of {samples} samples: expected 0 to less than one hop ({self.boundary(1)})")
        self._head[SLACK] = self._head[ENDS] = samples

    @property
    def ready(self) -> bool:
        """Has the piece begun? Until then a device gets silence, nothing is heard, and `block` tells its blocks."""
        return bool(self._head[READY])

    @ready.setter
    def ready(self, yes: bool) -> None:
        """Begin."""
        self._head[READY] = yes

    def set_channels(
        self,
        channels_in: int,
        channels_out: int,
        hear: Sequence[int] | None = None,
        speak: Sequence[int] | None = None,
    ) -> None:
        """Channels of the blocks to come; which to hear (their mean) and to speak to, counted from 0, None is all."""
        for name, channels, chosen in (("hear", channels_in, hear), ("speak", channels_out, speak)):
            if not 0 <= channels <= 62 or any(not 0 <= c < channels for c in chosen or ()):
                raise ValueError(f"channels to {name}: {chosen} of {channels}, expected 0 to {channels - 1}")
        masks = [sum(1 << c for c in set(range(n) if chosen is None else chosen))
                 for n, chosen in ((channels_in, hear), (channels_out, speak))]  # fmt: skip
        self._head[[IN, OUT, HEAR, SPEAK]] = channels_in, channels_out, *masks
        self.channels_in, self.channels_out = channels_in, channels_out

    @cached_property
    def callback(self):
        """C pointer to the callback, for `sounddevice._StreamBase`: float32, interleaved, any block size."""
        return callback.cffi

    @cached_property
    def userdata(self):
        """C pointer to this memory: keep the object as long as the stream is open."""
        import cffi

        return cffi.FFI().cast("void *", self._block.ctypes.data)

    def process(self, inp: np.ndarray, out: np.ndarray, flags: int = 0) -> None:
        """What the callback does, without a device: inp (n, channels_in), out (n, channels_out) float32, C order.

        (n,) will do for one channel. The interpreter is free meanwhile.
        """
        frames = max(len(inp), len(out))
        for name, block, channels in (("inp", inp, self.channels_in), ("out", out, self.channels_out)):
            if block.size != frames * channels or block.dtype != np.float32 or not block.flags.c_contiguous:
                raise ValueError(f"{name} {block.shape} {block.dtype}: expected ({frames}, {channels}) float32")
        process(self._head, self._real, self._floats, inp.reshape(-1), out.reshape(-1), frames, int(flags))

    # --- what the callback has counted

    samples_in = property(lambda self: int(self._head[HEARD]), doc="Samples heard so far.")
    samples_out = property(lambda self: int(self._head[SPOKEN]), doc="Samples spoken so far.")
    xruns = property(lambda self: int(self._head[XRUNS]), doc="Callbacks told that sound was lost.")
    missed = property(lambda self: int(self._head[MISSED]), doc="Hops whose answer was not there in time.")
    nans = property(lambda self: int(self._head[NANS]), doc="Samples heard that were no sound, taken as 0.")
    callbacks = property(lambda self: int(self._head[CALLBACKS]), doc="Blocks so far.")
    longest_block = property(lambda self: int(self._head[BLOCK]), doc="Longest block so far, samples.")
    current_hop = property(
        lambda self: int(self._head[HOP]), doc="Hop of the answer that is sounding, -1 before hop 0."
    )
    waits = property(lambda self: bool(self._head[WAIT]), doc="Does the callback wait for the mind?")

    def boundary(self, hop: int) -> int:
        """Input sample at which a hop begins."""
        return round(hop * self.hop * self.samplerate)

    def output_start(self, hop: int) -> int:
        """Output sample at which the answer of a hop begins."""
        return self.boundary(hop) + self.slack

    # --- the mind

    def read_input(self, start: int, stop: int) -> np.ndarray:
        """Input samples [start, stop), (n,) float32; silence for what is no longer, or not yet, there."""
        return self._copy(self._heard, self.samples_in, start, stop)

    def read_output(self, start: int, stop: int) -> np.ndarray:
        """Output samples [start, stop), (n,) float32, as they went to the device; as `read_input`."""
        return self._copy(self._spoken, self.samples_out, start, stop)

    def _copy(self, ring: np.ndarray, now: int, start: int, stop: int) -> np.ndarray:
        out = np.zeros(stop - start, np.float32)
        oldest = now - self.size + STEP  # the callback may be writing the next STEP
        first, last = max(start, oldest, 0), min(stop, now)
        while first < last:
            at = first % self.size
            n = min(last - first, self.size - at)
            out[first - start : first - start + n] = ring[at : at + n]
            first += n
        return out

    def publish(self, hop: int, audio: np.ndarray, chain: Iterable[np.ndarray] = ()) -> None:
        """The answer of a hop, and the sound of the hops after it should the mind be late.

        audio: (boundary(hop + 1) - boundary(hop),) float32; chain: the same for the hops that follow. Every hop
        published before must have been decided.
        """
        head, slot = self._head, hop % ANSWERS
        frames = self.boundary(hop + 1) - self.boundary(hop)
        if audio.shape != (frames,):
            raise ValueError(f"the answer of hop {hop} has {frames} samples, got {audio.shape}")
        if not np.isfinite(audio).all():
            raise ValueError(f"the answer of hop {hop} holds NaN or Inf: it must not reach a loudspeaker")
        pending = int(head[PUBLISHED : PUBLISHED + ANSWERS].max())
        if self.answered(pending) is None:
            raise ValueError(f"hop {pending} has been published and not been decided")
        other = 1 - int(head[CHAIN])  # the callback is, or may come to be, in the one of the last answered hop
        at = other * self.length
        for part in chain:
            if at + len(part) > (other + 1) * self.length:
                raise ValueError(f"a chain of more than {self.length} samples")
            self._chains[at : at + len(part)] = part
            at += len(part)
        head[FROM + other], head[LASTS + other] = self.output_start(hop + 1), at - other * self.length
        self._answers[slot * self.frames : slot * self.frames + frames] = audio
        head[CHAIN_FOR + slot] = other
        release(head, PUBLISHED + slot, hop)

    def answered(self, hop: int) -> bool | None:
        """True: the answer of this hop was played; False: the chain went on; None: it has not begun."""
        word = int(self._head[TAKEN + hop % DECIDED])
        if word >> 1 == hop:
            return bool(word & 1)
        return False if hop < self.current_hop - DECIDED // 2 else None  # nobody answers for so long ago

    def fade(self, goal: int, at: int = 0) -> None:
        """Fade to silence (0) or back (1) in 10 ms, from the next block on, or from output sample `at` > 0 on.

        A goal for later is forgotten when another one is set; one for the next block is not. One thread at a time.
        """
        head = self._head
        if at > 0:
            head[LATER] = (int(at) << 1) | bool(goal)  # one word: nobody sees half of it
        else:
            head[LATER] = 0
            head[GOAL] = ((int(head[GOAL]) >> 1) + 1 << 1) | bool(goal)

    def fades(self, since: int = 0) -> list[tuple[int, int]]:
        """(output sample, goal) of each change of the fader, from number `since` on; the last FADES are kept."""
        count = int(self._head[COUNT])
        rows = range(max(since, count - FADES + 1, 0), count)
        return [tuple(int(x) for x in self._head[CHANGES + 2 * (k % FADES) :][:2]) for k in rows]  # type: ignore

    def close(self) -> None:
        """The callback waits for nobody any more."""
        self._head[CLOSING] = 1

    # --- sound from elsewhere than the device

    def feed(self, audio: np.ndarray) -> int:
        """Let (n,) float32 be heard instead of the device's input; return how many samples there was room for."""
        head = self._head
        n = min(len(audio), self.size - STEP - self.input_pending)
        done = int(head[FEED])
        for first in range(0, n, self.size):
            part = audio[first : min(n, first + self.size)]
            at = (done + first) % self.size
            cut = min(len(part), self.size - at)
            self._feed[at : at + cut] = part[:cut]
            self._feed[: len(part) - cut] = part[cut:]
        release(head, FEED, done + n)
        head[FEEDING] = 1
        return n

    @property
    def input_pending(self) -> int:
        """Samples fed that have not been heard yet."""
        return int(self._head[FEED] - self._head[FED])

    def wait_for(self, samples: int, timeout: float = 10.0) -> bool:
        """Sleep until so many samples have been spoken; False if that took longer than `timeout` (s)."""
        until = time.monotonic() + timeout
        while self.samples_out < samples:
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        return True


def warm_up() -> None:
    """Compile before the stream opens."""
    buffers = AudioBuffers(0.25, 8000, 0)
    buffers.process(np.zeros(3000, np.float32), np.zeros(3000, np.float32))
    buffers.publish(2, np.zeros(2000, np.float32))
    _ = buffers.callback

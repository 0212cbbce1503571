"""The buffers that the audio callback and the decision loop share, as the decision loop uses them.

The callback (audio_callback.py) is one Numba function. PortAudio calls it through a C pointer
(`AudioBuffers.callback`), files and tests call the same code through `AudioBuffers.process`. The result does not depend
on the sizes of the blocks.

There is one clock, the sample counter. Sample n of the input and sample n of the output have the same number. Hop h of
the answer begins at output sample boundary(h) + slack. At its first sample the callback decides, once and for all: if
the decision loop has published hop h, it plays; else the *fallback*, published with the last answered hop for this
case, plays on until an answered hop begins. The decision loop reads this decision (`answered`) before it accepts a
hop, so an answer that came too late is dropped whole.

The decision loop writes answers, fallbacks and the fader's goal; the callback writes all the rest. A ready flag is
written after its data, with a fence between: x86 keeps stores in order by itself, the fence prevents the compiler and
other processors from reordering them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from agent.engine.audio_callback import (
    ANSWER_SLOTS,
    ANSWER_TIMEOUT_S,
    DECISION_SLOTS,
    FADE_SLOTS,
    FALLBACK_SLOTS,
    HEADER,
    HEADER_FLOATS,
    MAX_STEP,
    boundary,
    callback,
    process,
    publish_answer,
    publish_feed,
)
from agent.engine.fader import ramp_length

MAX_CHANNELS = 62  # channels of a device: they are bits of one word


class AudioBuffers:
    """The shared memory, and what the rest of the program does with it.

    hop: s. samplerate: Hz. slack: samples between the end of a hop and the beginning of its answer, less than a hop.
    wait: the callback waits for the answer (files, freewheel), `answer_timeout_s` for one hop at most. channels_in,
    channels_out: of the interleaved blocks. fallback_s: s that can sound without the decision loop. kept_s: s of input
    and output that can be read.
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
        fallback_s: float = 3.0,
        kept_s: float = 30.0,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ):
        self.hop, self.samplerate = float(hop), int(samplerate)
        self.ring_size = max(round(kept_s * samplerate), 4 * MAX_STEP)
        self._hop_frames = int(np.ceil(hop * samplerate)) + 1
        self._fallback_frames = int(np.ceil(fallback_s / hop)) * self._hop_frames
        sizes = (self.ring_size,) * 3 + (ANSWER_SLOTS * self._hop_frames, FALLBACK_SLOTS * self._fallback_frames)
        self._block = np.zeros(HEADER.itemsize // 8 + -(-sum(sizes) // 2), np.int64)
        self._header = self._block[: HEADER.itemsize // 8].view(HEADER)
        self._floats = self._block.view(np.float32)[HEADER_FLOATS:]
        parts = np.split(self._floats, np.cumsum(sizes))
        self._input, self._output, self._feed, self._answers, self._fallbacks = parts[:5]
        self._head = self._header[0]
        self._fill_header(wait, answer_timeout_s)
        self.slack = slack
        self.set_channels(channels_in, channels_out)

    def _fill_header(self, wait: bool, answer_timeout_s: float) -> None:
        for name, value in {
            "ring_size": self.ring_size, "hop_frames": self._hop_frames, "fallback_frames": self._fallback_frames,
            "ramp_frames": ramp_length(self.samplerate), "total_floats": 2 * len(self._block),
            "hop_s": self.hop, "samplerate": self.samplerate, "answer_timeout_s": answer_timeout_s,
            "fade_origin": 1.0, "fade_target": 1.0, "goal": 1, "goal_seen": 1,
            "wait": wait, "ready": True, "current_hop": -1, "answered_hop": -2, "published": -1, "decisions": -2,
        }.items():  # fmt: skip
            self._head[name] = value
        self._head["published"][0] = 0  # hop 0 is silence: there is no input before it

    # --- before the stream opens

    @property
    def slack(self) -> int:
        """Samples between the end of a hop and the beginning of its answer; to be set before the first input."""
        return int(self._head["slack"])

    @slack.setter
    def slack(self, samples: int) -> None:
        """ValueError if it is not 0 to less than a hop, or too late."""
        if self.samples_in:
            raise ValueError("the slack cannot change once something has been heard")
        if not 0 <= samples < self.boundary(1):
            raise ValueError(f"slack of {samples} samples: expected 0 to less than one hop ({self.boundary(1)})")
        self._head["slack"] = self._head["hop_end"] = samples

    @property
    def ready(self) -> bool:
        """Whether the performance has begun.

        Before, a device gets silence, input is ignored, and `block` shows its blocks.
        """
        return bool(self._head["ready"])

    @ready.setter
    def ready(self, yes: bool) -> None:
        """Begin."""
        self._head["ready"] = yes

    def set_channels(
        self,
        channels_in: int,
        channels_out: int,
        inputs: Sequence[int] | None = None,
        outputs: Sequence[int] | None = None,
    ) -> None:
        """Channels of the blocks to come; which of them to hear (their mean) and to play on, from 0 on; None is all."""
        for name, channels, chosen in (("hear", channels_in, inputs), ("play on", channels_out, outputs)):
            if not 0 <= channels <= MAX_CHANNELS or any(not 0 <= c < channels for c in chosen or ()):
                raise ValueError(f"channels to {name}: {chosen} of {channels}, expected 0 to {channels - 1}")
        self._head["channels_in"], self._head["channels_out"] = channels_in, channels_out
        self._head["input_mask"], self._head["output_mask"] = _mask(channels_in, inputs), _mask(channels_out, outputs)
        self.channels_in, self.channels_out = channels_in, channels_out

    @cached_property
    def callback(self):
        """C pointer to the callback, for `sounddevice._StreamBase`: float32, interleaved, any block size."""
        return callback.cffi

    @cached_property
    def userdata(self):
        """C pointer to these buffers: keep the object as long as the stream is open."""
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
        process(self._header, self._floats, inp.reshape(-1), out.reshape(-1), frames, int(flags))

    # --- what the callback has counted, for any thread

    samples_in = property(lambda self: int(self._head["samples_in"]), doc="Samples of input so far.")
    samples_out = property(lambda self: int(self._head["samples_out"]), doc="Samples of output so far.")
    xruns = property(lambda self: int(self._head["xruns"]), doc="Callbacks told that sound was lost.")
    missed = property(lambda self: int(self._head["missed"]), doc="Hops whose answer was not there in time.")
    nans = property(lambda self: int(self._head["nans"]), doc="Samples of input that were no sound, taken as 0.")
    callbacks = property(lambda self: int(self._head["callbacks"]), doc="Blocks so far.")
    longest_block = property(lambda self: int(self._head["longest_block"]), doc="Samples of the longest block so far.")
    current_hop = property(
        lambda self: int(self._head["current_hop"]), doc="Hop of the answer that is sounding, -1 before hop 0."
    )
    waits = property(lambda self: bool(self._head["wait"]), doc="Does the callback wait for the decision loop?")

    def boundary(self, hop: int) -> int:
        """Input sample at which a hop begins."""
        return int(boundary(self.hop, float(self.samplerate), hop))

    def output_start(self, hop: int) -> int:
        """Output sample at which the answer of a hop begins."""
        return self.boundary(hop) + self.slack

    # --- for the decision loop

    def read_input(self, start: int, stop: int) -> np.ndarray:
        """Input samples [start, stop), (n,) float32; silence for what is no longer, or not yet, there."""
        return self._copy(self._input, self.samples_in, start, stop)

    def read_output(self, start: int, stop: int) -> np.ndarray:
        """Output samples [start, stop), (n,) float32, as they went to the device; as `read_input`."""
        return self._copy(self._output, self.samples_out, start, stop)

    def _copy(self, ring: np.ndarray, now: int, start: int, stop: int) -> np.ndarray:
        out = np.zeros(stop - start, np.float32)
        oldest = now - self.ring_size + MAX_STEP  # the callback may be writing the next MAX_STEP samples
        first, last = max(start, oldest, 0), min(stop, now)
        while first < last:
            at = first % self.ring_size
            n = min(last - first, self.ring_size - at)
            out[first - start : first - start + n] = ring[at : at + n]
            first += n
        return out

    def publish(self, hop: int, audio: np.ndarray, fallback: Iterable[np.ndarray] = ()) -> None:
        """Publish the answer of a hop, and the fallback for the hops after it, in case their answers are late.

        audio: (boundary(hop + 1) - boundary(hop),) float32; fallback: the same for the hops that follow. The callback
        must have decided on every hop published before. From the decision thread.
        """
        head, slot = self._head, hop % ANSWER_SLOTS
        frames = self.boundary(hop + 1) - self.boundary(hop)
        if audio.shape != (frames,):
            raise ValueError(f"the answer of hop {hop} has {frames} samples, got {audio.shape}")
        if not np.isfinite(audio).all():
            raise ValueError(f"the answer of hop {hop} holds NaN or Inf: it must not reach a loudspeaker")
        pending = int(head["published"].max())
        if self.answered(pending) is None:
            raise ValueError(f"hop {pending} has been published and not been decided")
        head["fallback_of"][slot] = self._write_fallback(hop + 1, fallback)
        self._answers[slot * self._hop_frames : slot * self._hop_frames + frames] = audio
        publish_answer(self._header, hop)

    def _write_fallback(self, hop: int, parts: Iterable[np.ndarray]) -> int:
        """Write what sounds from `hop` on into the slot that the callback is not in, and return that slot."""
        slot = 1 - int(self._head["fallback"])
        first = slot * self._fallback_frames
        at, end = first, first + self._fallback_frames
        for part in parts:
            if at + len(part) > end:
                raise ValueError(f"a fallback of more than {self._fallback_frames} samples")
            self._fallbacks[at : at + len(part)] = part
            at += len(part)
        self._head["fallback_start"][slot], self._head["fallback_length"][slot] = self.output_start(hop), at - first
        return slot

    def answered(self, hop: int) -> bool | None:
        """True: the answer of this hop was played; False: the fallback went on; None: it has not begun."""
        word = int(self._head["decisions"][hop % DECISION_SLOTS])
        if word >> 1 == hop:
            return bool(word & 1)
        return False if hop < self.current_hop - DECISION_SLOTS // 2 else None  # so old that no answer is due

    def fade(self, goal: int, at: int = 0) -> None:
        """Fade to silence (0) or back (1) in 10 ms, from the next block on, or from output sample `at` > 0 on.

        A goal for later is forgotten when another one is set; one for the next block is not. One thread at a time.
        """
        head = self._head
        if at > 0:
            head["later_goal"] = (int(at) << 1) | bool(goal)  # one word: nobody sees half of it
        else:
            head["later_goal"] = 0
            head["goal"] = ((int(head["goal"]) >> 1) + 1 << 1) | bool(goal)

    def fades(self, since: int = 0) -> list[tuple[int, int]]:
        """(output sample, goal) of each change of the fader, from number `since` on; the last FADE_SLOTS are kept."""
        count = int(self._head["fade_count"])
        numbers = range(max(since, count - FADE_SLOTS + 1, 0), count)
        return [(int(at), int(goal)) for at, goal in (self._head["fades"][n % FADE_SLOTS] for n in numbers)]

    def close(self) -> None:
        """End the callback's waiting for answers. From any thread."""
        self._head["closing"] = 1

    # --- sound from elsewhere than the device

    def feed(self, audio: np.ndarray) -> int:
        """Feed (n,) float32 instead of the device's input; returns the number of samples accepted.

        From one thread.
        """
        n = min(len(audio), self.ring_size - MAX_STEP - self.input_pending)
        written = int(self._head["feed_written"])
        for first in range(0, n, self.ring_size):
            part = audio[first : min(n, first + self.ring_size)]
            at = (written + first) % self.ring_size
            cut = min(len(part), self.ring_size - at)
            self._feed[at : at + cut] = part[:cut]
            self._feed[: len(part) - cut] = part[cut:]
        publish_feed(self._header, written + n)
        return n

    @property
    def input_pending(self) -> int:
        """Samples fed that have not been processed yet."""
        return int(self._head["feed_written"] - self._head["feed_read"])

    def wait_for(self, samples_out: int, timeout_s: float = 10.0) -> bool:
        """Sleep until the output has so many samples; False if that took longer than `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while self.samples_out < samples_out:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True


def _mask(channels: int, chosen: Sequence[int] | None) -> int:
    """Bit c is 1 where channel c is chosen."""
    return sum(1 << c for c in set(range(channels) if chosen is None else chosen))


def warm_up() -> None:
    """Compile before the stream opens."""
    buffers = AudioBuffers(0.25, 8000, 0)
    buffers.process(np.zeros(3000, np.float32), np.zeros(3000, np.float32))
    buffers.publish(2, np.zeros(2000, np.float32))
    _ = buffers.callback

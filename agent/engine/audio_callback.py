"""The audio callback, compiled: no Python object, no lock, no allocation.

`agent.engine.buffers` describes its contract and shares one block of RAM with it: a `HEADER`, then the float32 rings of
input, output and feed, the answers and the fallbacks.

It counts the samples, the only clock. Where an answer is late it plays the fallback that was published with the last
one (`agent.performance.session.Session.fallback` renders it).

All functions here run in the audio thread, except `publish_answer` and `publish_feed`.
"""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from action.compiled import compiled, compiled_callback
from agent.engine.fader import gain_at

LOUDEST = 1000.0  # full scales: beyond it a sample is no sound, and counts as NaN does
ANSWER_SLOTS, FALLBACK_SLOTS = 4, 2
DECISION_SLOTS, FADE_SLOTS = 1024, 256
MAX_STEP = 4096  # frames treated at once; a longer block is cut
POLL_US = 50  # time between two looks of a callback that waits for an answer
ANSWER_TIMEOUT_S = 10.0  # it waits for one hop at most, by default
XRUN_FLAGS = 0b1111  # PortAudio's flags for under- and overflow, in and out; 0b10000 is priming

_WORDS = (
    # counters of the callback
    "samples_in", "samples_out", "xruns", "missed", "nans", "callbacks", "longest_block",
    "current_hop",  # of the answer that sounds
    "hop_end",  # output sample at which the next hop begins
    "answered_hop",  # the last one whose answer was played
    "fallback",  # slot that goes on after it
    "goal_seen", "later_goal_seen",  # `goal` and `later_goal`, as they were when the fader took them up
    "fade_start",  # output sample at which the fader began to move
    "feed_read",  # samples
    # settings and requests
    "channels_in", "channels_out",
    "input_mask", "output_mask",  # bit c: channel c is used
    "wait",  # the callback waits for answers
    "closing",  # ... and no longer does
    "ready",  # the performance has begun; before, the device gets silence
    "slack",  # samples
    "goal",  # 2 * number + open: a new number is a new request, from the next block on
    "later_goal",  # 2 * output sample + open: a request from that sample on, 0 is none
    "feeding",  # the feed is the input instead of the device
    "feed_written",  # samples
    # sizes
    "ring_size",  # samples of each ring
    "hop_frames",  # samples of an answer's slot
    "fallback_frames",  # samples of a fallback's slot
    "ramp_frames",  # samples in which the fader moves
    "total_floats",  # float32 of the whole block, header included
    "fade_count",  # changes of the fader so far
)  # fmt: skip
_REALS = ("hop_s", "samplerate", "answer_timeout_s", "fade_origin", "fade_target")
HEADER = np.dtype(
    [(name, np.int64) for name in _WORDS]
    + [(name, np.float64) for name in _REALS]
    + [
        ("published", np.int64, (ANSWER_SLOTS,)),  # hop that an answer's slot holds
        ("fallback_of", np.int64, (ANSWER_SLOTS,)),  # fallback's slot that goes with it
        ("fallback_start", np.int64, (FALLBACK_SLOTS,)),  # output sample at which a fallback begins
        ("fallback_length", np.int64, (FALLBACK_SLOTS,)),  # samples it has
        ("decisions", np.int64, (DECISION_SLOTS,)),  # 2 * hop + answered, at hop % DECISION_SLOTS
        ("fades", np.int64, (FADE_SLOTS, 2)),  # (output sample, goal), at number % FADE_SLOTS
    ],
    align=True,
)
HEADER_FLOATS = HEADER.itemsize // 4  # float32 that the header takes


def _typed_fence(typing_context):
    def make(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(), make


_fence: Any = intrinsic(_typed_fence)  # what was written before it is seen before what is written after

if sys.platform == "win32":
    _sleep_ms: Any = types.ExternalFunction("Sleep", types.int32(types.uint32))
    _tick_ms: Any = types.ExternalFunction("GetTickCount64", types.uint64())

    @compiled()
    def _sleep():
        _sleep_ms(1)

    @compiled()
    def monotonic_s():
        """The monotonic clock, s."""
        return _tick_ms() / 1e3
else:
    _usleep: Any = types.ExternalFunction("usleep", types.int32(types.uint32))

    def _typed_clock(typing_context):
        """clock_gettime(CLOCK_MONOTONIC), on the stack."""
        long = ir.IntType(8 * ctypes.sizeof(ctypes.c_long))

        def make(context, builder, signature, arguments):
            timespec = cgutils.alloca_once(builder, ir.LiteralStructType([long, long]))
            signature_c = ir.FunctionType(ir.IntType(32), [ir.IntType(32), timespec.type])
            call = cgutils.get_or_insert_function(builder.module, signature_c, "clock_gettime")
            builder.call(call, [ir.Constant(ir.IntType(32), time.CLOCK_MONOTONIC), timespec])
            seconds, nanoseconds = (
                builder.sitofp(builder.load(cgutils.gep_inbounds(builder, timespec, 0, part)), ir.DoubleType())
                for part in (0, 1)
            )
            return builder.fadd(seconds, builder.fmul(nanoseconds, ir.Constant(ir.DoubleType(), 1e-9)))

        return types.float64(), make

    _clock: Any = intrinsic(_typed_clock)

    @compiled()
    def _sleep():
        _usleep(POLL_US)

    @compiled()
    def monotonic_s():
        """The monotonic clock, s."""
        return _clock()


@compiled()
def boundary(hop_s, samplerate, hop):
    """Sample at which a hop begins, as `perception.stream.boundary`."""
    return np.int64(np.rint(hop * hop_s * samplerate))


@compiled()
def _read_input(head, ring, feed, inp, first, frames):
    """Take `frames` frames from `first` on into the ring of the input: the mean of the channels asked for."""
    at, channels, size = head.samples_in, head.channels_in, head.ring_size
    chosen = 0
    for c in range(channels):
        chosen += (head.input_mask >> c) & 1
    for i in range(frames):
        x = np.float32(0.0)
        if head.feeding:
            if head.feed_read < head.feed_written:
                x = feed[head.feed_read % size]
                head.feed_read += 1
        elif chosen:
            for c in range(channels):
                if (head.input_mask >> c) & 1:
                    x += inp[(first + i) * channels + c]
            if chosen > 1:
                x /= np.float32(chosen)
        if not abs(x) <= LOUDEST:  # False for NaN too
            x = np.float32(0.0)
            head.nans += 1
        ring[(at + i) % size] = x
    _fence()
    head.samples_in = at + frames


@compiled()
def _wait_for_answer(head, hop):
    """Sleep until a hop has been published, the answers have ended, or the time is over."""
    deadline = monotonic_s() + head.answer_timeout_s
    while head.published[hop % ANSWER_SLOTS] != hop and not head.closing and monotonic_s() < deadline:
        _sleep()
        _fence()


@compiled()
def _begin_hop(head):
    """At the first sample of a hop: play its answer if it is there, else let the fallback go on; write it down."""
    hop = head.current_hop + 1
    slot = hop % ANSWER_SLOTS
    if head.wait:
        _wait_for_answer(head, hop)
    answered = head.published[slot] == hop
    _fence()
    if answered:
        head.answered_hop = hop
        head.fallback = head.fallback_of[slot]
    elif not head.closing:
        head.missed += 1
    head.current_hop = hop
    head.hop_end = boundary(head.hop_s, head.samplerate, hop + 1) + head.slack
    _fence()
    head.decisions[hop % DECISION_SLOTS] = 2 * hop + answered


@compiled()
def _set_fade(head, at, goal):
    """The fader moves to `goal` from output sample `at` on."""
    if np.float64(goal) == head.fade_target:
        return
    head.fade_origin = gain_at(at - 1, head.fade_start, head.fade_origin, head.fade_target, head.ramp_frames)
    head.fade_start = at
    head.fade_target = np.float64(goal)
    count = head.fade_count
    head.fades[count % FADE_SLOTS, 0] = at
    head.fades[count % FADE_SLOTS, 1] = goal
    _fence()
    head.fade_count = count + 1


@compiled()
def _follow_goal(head, at, end):
    """Take up what the fader is to do at sample `at`; return the sample, `end` at most, at which to ask again."""
    now, later = head.goal, head.later_goal
    if now != head.goal_seen:
        head.goal_seen = now
        _set_fade(head, at, now & 1)
    if later != head.later_goal_seen:
        if later >> 1 > at:
            return min(later >> 1, end)
        head.later_goal_seen = later
        if later:
            _set_fade(head, at, later & 1)
    return end


@compiled()
def _sample(head, answers, fallbacks, at):
    """Output sample number `at` of the hop that is playing, before the fader."""
    if head.answered_hop == head.current_hop:
        start = boundary(head.hop_s, head.samplerate, head.current_hop) + head.slack
        return answers[(head.current_hop % ANSWER_SLOTS) * head.hop_frames + at - start]
    slot = head.fallback
    k = at - head.fallback_start[slot]
    return fallbacks[slot * head.fallback_frames + k] if k < head.fallback_length[slot] else np.float32(0.0)


@compiled()
def _write_output(head, ring, answers, fallbacks, out, first, frames):
    """Write `frames` frames from `first` on, to the device and to the ring of the output."""
    at, end, channels = head.samples_out, head.samples_out + frames, head.channels_out
    while at < end:
        if at == head.hop_end:
            _begin_hop(head)
        stop = _follow_goal(head, at, min(end, head.hop_end))
        for n in range(at, stop):
            x = _sample(head, answers, fallbacks, n)
            if head.fade_target != 1.0 or n - head.fade_start < head.ramp_frames:
                gain = gain_at(n, head.fade_start, head.fade_origin, head.fade_target, head.ramp_frames)
                x = np.float32(x * gain)
            ring[n % head.ring_size] = x
            place = (first + frames - (end - n)) * channels
            for c in range(channels):
                out[place + c] = x if (head.output_mask >> c) & 1 else np.float32(0.0)
        at = stop
        _fence()
        head.samples_out = at


@compiled()
def process(header, floats, inp, out, frames, flags):
    """The whole audio thread: `frames` interleaved frames in and out.

    header (1,) `HEADER`; floats: the float32 after it; inp, out: (frames * channels,) float32; flags: PortAudio's.
    """
    head = header[0]
    size = head.ring_size
    answers = 3 * size
    fallbacks = answers + ANSWER_SLOTS * head.hop_frames
    if head.ready and flags & XRUN_FLAGS != 0:  # while a stream is being opened nothing can be lost
        head.xruns += 1
    head.longest_block = max(head.longest_block, frames)
    done = np.int64(0)
    if not head.ready:
        out[:] = 0.0
        done = frames
    while done < frames:
        n = min(MAX_STEP, frames - done)
        _read_input(head, floats[:size], floats[2 * size : answers], inp, done, n)
        _write_output(head, floats[size : 2 * size], floats[answers:fallbacks], floats[fallbacks:], out, done, n)
        done += n
    head.callbacks += 1


@compiled_callback(types.intc(types.voidptr, types.voidptr, types.ulong, types.voidptr, types.ulong, types.voidptr))
def callback(inp, out, frames, time, status, shared):
    """PaStreamCallback; `shared` points to the block that begins with the header."""
    n = np.int64(frames)
    header = carray(shared, 1, HEADER)
    floats = carray(shared, header[0].total_floats, np.float32)[HEADER_FLOATS:]
    process(
        header, floats, carray(inp, n * header[0].channels_in, np.float32),
        carray(out, n * header[0].channels_out, np.float32), n, np.int64(status),
    )  # fmt: skip
    return 0


@compiled()
def publish_answer(header, hop):
    """Say that the answer of a hop is there, after all that was written before. From the decision thread."""
    _fence()
    header[0].published[hop % ANSWER_SLOTS] = hop


@compiled()
def publish_feed(header, samples):
    """Say that so many samples of the feed have been written, after all that was written before."""
    _fence()
    header[0].feed_written = samples
    header[0].feeding = 1

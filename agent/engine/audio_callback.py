"""The audio callback, compiled: no Python object, lock or allocation.

`agent.engine.buffers` says what it is for and shares its memory with it.

The memory is one block: a row of HEAD int64 (counters, settings, sizes, tables; four of them hold float64), then the
float32 of the buffers `heard`, `spoken` and `feed`, the answers and the chains.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

from agent.engine.fader import gain_at

LOUDEST = 1000.0  # full scales: beyond it a sample is no sound, and counts as NaN does
ANSWERS, CHAINS, DECIDED, FADES = 4, 2, 1024, 256  # slots
STEP = 4096  # frames treated at once; a longer block is cut
NAP = 50  # µs the callback sleeps in `wait` mode
PATIENCE = 10.0  # s it waits there for one hop
XRUN = 0b1111  # PortAudio's flags for under- and overflow, in and out; 0b10000 is priming

# One row of int64. The callback's counters, then settings, sizes and tables.
HEARD, SPOKEN, XRUNS, MISSED, NANS, CALLBACKS, BLOCK = range(7)
HOP, ENDS, BASE, CHAIN, FADED, FADE_AT, FED = range(7, 14)
IN, OUT, HEAR, SPEAK, WAIT, CLOSING, SLACK, GOAL, FEEDING, FEED, READY = range(14, 25)
LATER, OPENED = range(25, 27)
SIZE, FRAMES, LENGTH, RAMP, TOTAL = range(27, 32)
SECONDS, RATE, ORIGIN, TARGET = range(32, 36)  # float64, in the same row
PUBLISHED = 40  # hop that answer slot k holds
CHAIN_FOR = PUBLISHED + ANSWERS  # chain slot that goes with it
FROM = CHAIN_FOR + ANSWERS  # output sample at which chain k begins
LASTS = FROM + CHAINS  # samples it has
TAKEN = LASTS + CHAINS  # 2 * hop + answered, at hop % DECIDED
COUNT = TAKEN + DECIDED  # changes of the fader so far
CHANGES = COUNT + 1  # (sample, goal) of each, at 2 * (number % FADES)
HEAD = CHANGES + 2 * FADES


def _typed_fence(typing_context):
    def make(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(), make


_fence: Any = intrinsic(_typed_fence)  # what was written before it is seen before what is written after

if sys.platform == "win32":
    _sleep_ms: Any = types.ExternalFunction("Sleep", types.int32(types.uint32))

    @njit(cache=True, nogil=True)
    def _nap():
        _sleep_ms(1)
else:
    _usleep: Any = types.ExternalFunction("usleep", types.int32(types.uint32))

    @njit(cache=True, nogil=True)
    def _nap():
        _usleep(NAP)


@njit(cache=True, nogil=True)
def boundary(seconds, rate, hop):
    """As `perception.stream.boundary`."""
    return np.int64(np.rint(hop * seconds * rate))


@njit(cache=True, nogil=True)
def _listen(head, heard, feed, inp, first, frames):
    """Take `frames` frames from `first` on into the ring `heard`: the mean of the channels asked for."""
    at, channels, size = head[HEARD], head[IN], head[SIZE]
    chosen = 0
    for c in range(channels):
        chosen += (head[HEAR] >> c) & 1
    for i in range(frames):
        x = np.float32(0.0)
        if head[FEEDING]:
            if head[FED] < head[FEED]:
                x = feed[head[FED] % size]
                head[FED] += 1
        elif chosen:
            for c in range(channels):
                if (head[HEAR] >> c) & 1:
                    x += inp[(first + i) * channels + c]
            if chosen > 1:
                x /= np.float32(chosen)
        if not abs(x) <= LOUDEST:  # False for NaN too
            x = np.float32(0.0)
            head[NANS] += 1
        heard[(at + i) % size] = x
    _fence()
    head[HEARD] = at + frames


@njit(cache=True, nogil=True)
def _begin(head, real):
    """The first sample of a hop: its answer if it is here, else the chain goes on. Recorded for the mind."""
    hop = head[HOP] + 1
    slot = hop % ANSWERS
    naps = np.int64(0)
    while head[WAIT] and head[PUBLISHED + slot] != hop and not head[CLOSING] and naps < PATIENCE * 1e6 / NAP:
        _nap()
        _fence()
        naps += 1
    answered = head[PUBLISHED + slot] == hop
    _fence()
    if answered:
        head[BASE], head[CHAIN] = hop, head[CHAIN_FOR + slot]
    elif not head[CLOSING]:
        head[MISSED] += 1
    head[HOP] = hop
    head[ENDS] = boundary(real[SECONDS], real[RATE], hop + 1) + head[SLACK]
    _fence()
    head[TAKEN + hop % DECIDED] = 2 * hop + answered


@njit(cache=True, nogil=True)
def _turn(head, real, at, goal):
    """The fader has a goal from sample `at` on."""
    if np.float64(goal) == real[TARGET]:
        return
    real[ORIGIN] = gain_at(at - 1, head[FADE_AT], real[ORIGIN], real[TARGET], head[RAMP])
    head[FADE_AT], real[TARGET] = at, np.float64(goal)
    count = head[COUNT]
    head[CHANGES + 2 * (count % FADES)] = at
    head[CHANGES + 2 * (count % FADES) + 1] = goal
    _fence()
    head[COUNT] = count + 1


@njit(cache=True, nogil=True)
def _fade(head, real, at, end):
    """Take up what the fader is to do at sample `at`; return the sample, `end` at most, at which to ask again."""
    now, later = head[GOAL], head[LATER]
    if now != head[FADED]:
        head[FADED] = now
        _turn(head, real, at, now & 1)
    if later != head[OPENED]:
        if later >> 1 > at:
            return min(later >> 1, end)
        head[OPENED] = later
        if later:
            _turn(head, real, at, later & 1)
    return end


@njit(cache=True, nogil=True)
def _sound(head, real, answers, chains, at):
    """Output sample number `at` of the hop that is playing."""
    if head[BASE] == head[HOP]:
        start = boundary(real[SECONDS], real[RATE], head[HOP]) + head[SLACK]
        return answers[(head[HOP] % ANSWERS) * head[FRAMES] + at - start]
    k = at - head[FROM + head[CHAIN]]
    return chains[head[CHAIN] * head[LENGTH] + k] if k < head[LASTS + head[CHAIN]] else np.float32(0.0)


@njit(cache=True, nogil=True)
def _speak(head, real, spoken, answers, chains, out, first, frames):
    """Write `frames` frames from `first` on, and keep them in the ring `spoken`."""
    at, end, channels = head[SPOKEN], head[SPOKEN] + frames, head[OUT]
    while at < end:
        if at == head[ENDS]:
            _begin(head, real)
        stop = _fade(head, real, at, min(end, head[ENDS]))
        for n in range(at, stop):
            x = _sound(head, real, answers, chains, n)
            if real[TARGET] != 1.0 or n - head[FADE_AT] < head[RAMP]:
                x = np.float32(x * gain_at(n, head[FADE_AT], real[ORIGIN], real[TARGET], head[RAMP]))
            spoken[n % head[SIZE]] = x
            place = (first + frames - (end - n)) * channels
            for c in range(channels):
                out[place + c] = x if (head[SPEAK] >> c) & 1 else np.float32(0.0)
        at = stop
        _fence()
        head[SPOKEN] = at


@njit(cache=True, nogil=True)
def process(head, real, floats, inp, out, frames, flags):
    """The whole audio thread: `frames` interleaved frames in and out."""
    size = head[SIZE]
    answers = 3 * size
    chains = answers + ANSWERS * head[FRAMES]
    if head[READY] and flags & XRUN != 0:  # while a stream is being opened nothing can be lost
        head[XRUNS] += 1
    head[BLOCK] = max(head[BLOCK], frames)
    done = np.int64(0)
    if not head[READY]:
        out[:] = 0.0
        done = frames
    while done < frames:
        n = min(STEP, frames - done)
        _listen(head, floats[:size], floats[2 * size : answers], inp, done, n)
        _speak(head, real, floats[size : 2 * size], floats[answers:chains], floats[chains:], out, done, n)
        done += n
    head[CALLBACKS] += 1


@cfunc(types.intc(types.voidptr, types.voidptr, types.ulong, types.voidptr, types.ulong, types.voidptr), cache=True)
def callback(inp, out, frames, time, status, shared):
    """PaStreamCallback; `shared` points to the row of int64, after which the float32 come."""
    n = np.int64(frames)
    head = carray(shared, HEAD, np.int64)
    real = carray(shared, HEAD, np.float64)
    floats = carray(shared, head[TOTAL], np.float32)[2 * HEAD :]
    process(
        head, real, floats, carray(inp, n * head[IN], np.float32), carray(out, n * head[OUT], np.float32), n,
        np.int64(status),
    )  # fmt: skip
    return 0


@njit(cache=True, nogil=True)
def release(head, place, value):
    """Say that something is ready: after all that was written before."""
    _fence()
    head[place] = value

"""The callback and its memory: every sample in its place whatever the blocks, decisions once and for all, no stall."""

import os
import subprocess
import sys
import threading
import time

import cffi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engine import audio_callback
from agent.engine.audio_callback import ANSWER_TIMEOUT_S
from agent.engine.buffers import AudioBuffers
from agent.engine.fader import Fader
from perception.stream import boundary

BLOCKS = (1, 64, 256, 480, 1000, 1999)
RATE, HOP = 8000, 0.25  # 2000 samples a hop: 1999 is just less
SOME = settings(max_examples=25)
FFI = cffi.FFI()


def by_pointer(buffers, inp, out, flags=0):
    """As PortAudio calls it."""
    call = FFI.cast("int (*)(void *, void *, unsigned long, void *, unsigned long, void *)", buffers.callback)
    assert call(FFI.cast("void *", inp.ctypes.data), FFI.cast("void *", out.ctypes.data),
                max(len(inp), len(out)), FFI.NULL, flags, buffers.userdata) == 0  # fmt: skip


def by_method(buffers, inp, out, flags=0):
    buffers.process(inp, out, flags)


def sizes(total, blocks):
    """Lengths of blocks, the last ones repeated, that make `total`."""
    done, n = 0, 0
    while done < total:
        size = min(blocks[min(n, len(blocks) - 1)], total - done)
        yield done, done + size
        done, n = done + size, n + 1


def hop_sound(buffers, hop, kind=0.0):
    """A sound that says which hop and which sample it is."""
    n = buffers.boundary(hop + 1) - buffers.boundary(hop)
    return ((hop + 1 + kind) / 1000 + np.arange(n) / 1e7).astype(np.float32)


class Answerer:
    """Publishes, as soon as hop h - 1 has been heard, the answer of each hop h that is not in `late`."""

    def __init__(self, buffers, late=(), fallback=3):
        self.buffers, self.late, self.fallback, self.next = buffers, set(late), fallback, 1

    def think(self):
        buffers = self.buffers
        while buffers.samples_in >= buffers.boundary(self.next) and buffers.answered(self.next - 1) is not None:
            if self.next not in self.late:
                after = [hop_sound(buffers, self.next + 1 + k, 0.5) for k in range(self.fallback)]
                buffers.publish(self.next, hop_sound(buffers, self.next), after)
            self.next += 1


def expected(buffers, total, late, fallback):
    """What is to sound, said another way: hop by hop."""
    out = [np.zeros(buffers.slack, np.float32)]
    hop = base = 0
    while sum(map(len, out)) < total:
        if hop and hop not in late:
            base = hop
            out.append(hop_sound(buffers, hop))
        elif base and hop - base <= fallback:
            out.append(hop_sound(buffers, hop, 0.5))
        else:
            out.append(np.zeros(buffers.boundary(hop + 1) - buffers.boundary(hop), np.float32))
        hop += 1
    return np.concatenate(out)[:total]


def play(buffers, audio, blocks, answerer, run=by_method):
    """Blocks no longer than the slack, the answerer thinking between them: (n,) spoken."""
    out = np.zeros(len(audio), np.float32)
    for start, stop in sizes(len(audio), blocks):
        run(buffers, audio[start:stop], out[start:stop])
        answerer.think()
    return out


@pytest.mark.parametrize("run", [by_method, by_pointer])
@pytest.mark.parametrize("block", BLOCKS)
def test_every_sample_has_its_place_whatever_the_block(block, run):
    audio = np.random.default_rng(1).uniform(-1, 1, 20_000).astype(np.float32)
    buffers = AudioBuffers(HOP, RATE, min(block + 1, 1999))
    out = play(buffers, audio, [block], Answerer(buffers), run)
    np.testing.assert_array_equal(buffers.read_input(0, 20_000), audio)
    np.testing.assert_array_equal(out, expected(buffers, 20_000, (), 3))
    np.testing.assert_array_equal(buffers.read_output(0, 20_000), out)
    assert (buffers.samples_in, buffers.samples_out, buffers.missed, buffers.nans, buffers.xruns) == (
        20_000,
        20_000,
        0,
        0,
        0,
    )
    assert buffers.callbacks == -(-20_000 // block) and buffers.longest_block == block


@SOME
@given(
    hop=st.sampled_from([0.25, 0.35, 0.5]),
    rate=st.sampled_from([8000, 11025, 22050]),
    late=st.sets(st.integers(1, 12)),
    fallback=st.integers(0, 4),
    blocks=st.lists(st.integers(1, 1500), min_size=1, max_size=20),
    pointer=st.booleans(),
)
def test_a_late_answer_is_the_fallback_and_nothing_of_itself(hop, rate, late, fallback, blocks, pointer):
    buffers = AudioBuffers(hop, rate, 1500)
    total = boundary(14, hop, rate)
    out = play(
        buffers,
        np.zeros(total, np.float32),
        blocks,
        Answerer(buffers, late, fallback),
        (by_method, by_pointer)[pointer],
    )
    np.testing.assert_array_equal(out, expected(buffers, total, late, fallback))
    begun = buffers.current_hop
    assert buffers.missed == len([h for h in late if h <= begun])
    assert [buffers.answered(h) for h in range(begun + 1)] == [h not in late for h in range(begun + 1)]
    assert buffers.answered(begun + 1) is None


@SOME
@given(hop=st.sampled_from([0.25, 0.35, 0.5]), rate=st.sampled_from([8000, 22050, 44100, 48000, 96000]))
def test_the_callback_counts_hops_as_the_ear_does(hop, rate):
    assert [int(audio_callback.boundary(hop, float(rate), h)) for h in range(3000)] == [
        boundary(h, hop, rate) for h in range(3000)
    ]


def test_a_decision_is_made_once():
    """Published one sample too late is dropped whole; one sample before it is played."""
    for early in (True, False):
        buffers = AudioBuffers(HOP, RATE, 100)
        silence = np.zeros(2100, np.float32)
        buffers.process(silence, silence.copy())
        out = np.zeros(4000, np.float32)
        if early:
            buffers.publish(1, hop_sound(buffers, 1))
        buffers.process(out[:1].copy(), out[:1])
        assert buffers.answered(1) is early and buffers.current_hop == 1
        if not early:
            buffers.publish(1, hop_sound(buffers, 1))
        buffers.process(out[1:].copy(), out[1:])
        assert buffers.answered(1) is early and buffers.missed == (1 if early else 2)
        np.testing.assert_array_equal(out[:2000], hop_sound(buffers, 1) if early else 0)


def test_after_the_fallback_there_is_silence_for_ever_and_then_an_answer():
    buffers = AudioBuffers(HOP, RATE, 1500)
    answerer = Answerer(buffers, set(range(2, 3000)), fallback=3)
    out = play(buffers, np.zeros(RATE * 700, np.float32), [1499, 480], answerer)
    np.testing.assert_array_equal(out[: 8 * 2000], expected(buffers, 8 * 2000, answerer.late, 3))
    assert not out[8 * 2000 :].any()
    assert (
        buffers.answered(1) is False or buffers.answered(1) is True
    )  # so long ago that nobody asks, yet it says something
    answerer.late, answerer.next = set(), buffers.current_hop + 1
    again = play(buffers, np.zeros(3 * 2000, np.float32), [64], answerer)
    assert again.any()


@SOME
@given(
    channels_in=st.integers(1, 6),
    channels_out=st.integers(1, 6),
    data=st.data(),
    bad=st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -6010.0]), max_size=5),
    pointer=st.booleans(),
)
def test_channels_and_what_is_no_sound(channels_in, channels_out, data, bad, pointer):
    hear = data.draw(st.sets(st.integers(0, channels_in - 1), min_size=1))
    speak = data.draw(st.sets(st.integers(0, channels_out - 1)))
    buffers = AudioBuffers(HOP, RATE, 300)
    buffers.set_channels(channels_in, channels_out, sorted(hear), sorted(speak))
    inp = np.random.default_rng(0).uniform(-1, 1, (3000, channels_in)).astype(np.float32)
    places = np.random.default_rng(1).choice(3000, len(bad), replace=False)
    for place, value in zip(places, bad, strict=True):
        inp[place, min(hear)] = value
    out, answerer = np.full((3000, channels_out), 9, np.float32), Answerer(buffers)
    for start, stop in sizes(3000, [299, 17]):
        (by_method, by_pointer)[pointer](buffers, inp[start:stop], out[start:stop])
        answerer.think()
    mean = np.zeros(3000, np.float32)
    for c in sorted(hear):
        mean += inp[:, c]
    mean = mean / np.float32(len(hear)) if len(hear) > 1 else mean
    mean[places] = 0
    np.testing.assert_array_equal(buffers.read_input(0, 3000), mean)
    assert buffers.nans == len(bad)
    for c in range(channels_out):
        np.testing.assert_array_equal(out[:, c], expected(buffers, 3000, (), 3) if c in speak else 0)


def test_input_alone_and_output_alone():
    buffers = AudioBuffers(HOP, RATE, 300)
    buffers.set_channels(1, 0)
    audio = np.linspace(0, 1, 256, dtype=np.float32)
    by_pointer(buffers, audio, np.zeros((0,), np.float32))
    np.testing.assert_array_equal(buffers.read_input(0, 256), audio)
    buffers = AudioBuffers(HOP, RATE, 300)
    buffers.set_channels(0, 2)
    assert buffers.feed(audio) == 256
    out = np.ones((300, 2), np.float32)
    by_pointer(buffers, np.zeros((0,), np.float32), out)
    assert not out.any()
    np.testing.assert_array_equal(buffers.read_input(0, 300), np.concatenate([audio, np.zeros(44, np.float32)]))
    with pytest.raises(ValueError, match="channels to play on"):
        buffers.set_channels(1, 2, None, [2])
    with pytest.raises(ValueError, match=r"inp \(3,\) float64"):
        buffers.process(np.zeros(3), np.zeros((3, 2), np.float32))


@SOME
@given(chunks=st.lists(st.integers(0, 5000), min_size=1, max_size=9), block=st.sampled_from(BLOCKS[2:]))
def test_what_is_fed_is_heard_in_order(chunks, block):
    buffers = AudioBuffers(HOP, RATE, 300, kept_s=2)
    audio = np.random.default_rng(2).uniform(-1, 1, sum(chunks)).astype(np.float32)
    buffers.feed(audio[:0])
    at, out = 0, np.zeros(block, np.float32)
    for chunk in chunks:
        left = chunk
        while left:
            n = buffers.feed(audio[at : at + left])
            at, left = at + n, left - n
            while buffers.input_pending >= block:
                buffers.process(out, out.copy())
    rest = buffers.input_pending
    buffers.process(out[:rest], out[:rest].copy())
    kept = min(len(audio), buffers.ring_size - audio_callback.MAX_STEP)
    np.testing.assert_array_equal(buffers.read_input(len(audio) - kept, len(audio)), audio[len(audio) - kept :])


@SOME
@given(
    changes=st.lists(st.tuples(st.integers(0, 3000), st.booleans(), st.integers(0, 2500)), max_size=12),
    blocks=st.lists(st.integers(1, 999), min_size=1, max_size=20),
)
def test_the_fader_is_a_function_of_its_list_of_changes(changes, blocks):
    """The spoken sound again from the sound without fades and from what `fades` tells, bit for bit."""
    buffers, answerer = AudioBuffers(HOP, RATE, 999), None
    answerer = Answerer(buffers)
    total = 24_000
    out, waiting = np.zeros(total, np.float32), sorted(changes)
    at = 0
    for start, stop in sizes(total, blocks):
        while waiting and at <= start:
            wait, goal, ahead = waiting.pop(0)
            buffers.fade(goal, start + ahead if ahead > 1000 else 0)
            at = start + wait
        buffers.process(np.zeros(stop - start, np.float32), out[start:stop])
        answerer.think()
    again, fader = expected(buffers, total, (), 3), Fader(RATE)
    for sample, goal in buffers.fades():
        fader.change(sample, goal)
    fader.apply(again, 0)
    np.testing.assert_array_equal(out, again)
    goals = [goal for _, goal in buffers.fades()]
    assert all(a != b for a, b in zip([1, *goals], goals, strict=False)), "only real changes are listed"


def test_panic_is_silence_in_ten_milliseconds():
    buffers = AudioBuffers(HOP, RATE, 100)
    answerer = Answerer(buffers)
    play(buffers, np.zeros(5000, np.float32), [50], answerer)
    buffers.fade(0)
    out = play(buffers, np.zeros(2000, np.float32), [50], answerer)
    assert out[:79].all() and not out[79:].any()
    assert np.all(np.diff(out[:80]) < 0)
    assert buffers.fades() == [(5000, 0)] and buffers.fades(1) == []


@pytest.mark.parametrize("block", [64, 1999, 20_000])
def test_waiting_for_the_answer(block):
    """Time is samples: however slow the answers, however long the blocks, nothing is missed, even without slack."""
    buffers = AudioBuffers(HOP, RATE, 0, wait=True)
    answerer, over = Answerer(buffers), threading.Event()

    def think():
        while not over.is_set():
            answerer.think()
            time.sleep(0.002)

    thread = threading.Thread(target=think)
    thread.start()
    out = np.zeros(20_000, np.float32)
    for start, stop in sizes(20_000, [block]):
        buffers.process(np.zeros(stop - start, np.float32), out[start:stop])
    over.set()
    thread.join()
    np.testing.assert_array_equal(out, expected(buffers, 20_000, (), 3))
    assert buffers.missed == 0


def test_nobody_waits_for_an_answerer_that_is_gone():
    buffers = AudioBuffers(HOP, RATE, 0, wait=True)
    buffers.close()
    began = time.monotonic()
    buffers.process(np.zeros(50_000, np.float32), np.zeros(50_000, np.float32))
    assert time.monotonic() - began < ANSWER_TIMEOUT_S and buffers.missed == 0, "24 hops would each wait so long"


def test_the_callback_reads_a_clock_that_nobody_sets():
    before = time.monotonic()
    for _ in range(100):
        now = audio_callback.monotonic_s()
        assert before - 1e-3 <= now <= time.monotonic() + 1e-3
        before = now


@pytest.mark.parametrize(("timeout_s", "hops"), [(3.0, 1), (0.3, 3)])
def test_a_timeout_is_time_and_no_number_of_naps(timeout_s, hops):
    """How long a sleep really takes is the system's affair: at least so long, and not some three times as long.

    Naps that were counted took 2.6 times the timeout, 4.8 s more in the first case; a loaded machine may be 3 s late.
    """
    buffers = AudioBuffers(HOP, RATE, 0, wait=True, answer_timeout_s=timeout_s)
    began = time.monotonic()
    silence = np.zeros(2000 * (hops + 1), np.float32)  # hop 0 needs no answer
    buffers.process(silence, silence.copy())
    assert hops * timeout_s - 1e-3 <= time.monotonic() - began < hops * timeout_s + 3.0
    assert buffers.missed == hops


NO_ALLOCATION = """
from agent.engine.audio_callback import callback
code = callback.inspect_llvm()
assert "usleep" in code, "all that it calls is in it"
print([word for word in ("NRT_Allocate", "NRT_MemInfo_alloc", "malloc", "PyList_New") if word in code])
"""


def test_the_callback_allocates_nothing(tmp_path):
    """Compiled anew, for what comes from the cache cannot be looked at."""
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", NO_ALLOCATION], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_xruns_are_counted_by_the_flags_of_the_device():
    buffers, block = AudioBuffers(HOP, RATE, 300), np.zeros(64, np.float32)
    for flags in (0, 1, 2, 4, 8, 6, 16, 17):
        by_pointer(buffers, block, block.copy(), flags)
    assert buffers.xruns == 6, "16 is priming and not a fault"


def test_what_is_long_gone_reads_as_silence():
    buffers = AudioBuffers(HOP, RATE, 0, kept_s=1)
    for n in range(40):
        buffers.process(np.full(1000, (n + 1) / 64, np.float32), np.zeros(1000, np.float32))
    kept = buffers.read_input(0, 41_000)
    assert not kept[:20_000].any() and not kept[40_000:].any()
    assert kept[39_999] == 40 / 64 and kept[39_000] == 40 / 64 and kept[38_999] == 39 / 64


def test_what_the_decision_loop_may_not_do():
    buffers = AudioBuffers(HOP, RATE, 300)
    with pytest.raises(ValueError, match="not been decided"):
        buffers.publish(1, hop_sound(buffers, 1))
    buffers.process(np.zeros(300, np.float32), np.zeros(300, np.float32))
    buffers.process(np.zeros(1, np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="2000 samples"):
        buffers.publish(1, np.zeros(1999, np.float32))
    with pytest.raises(ValueError, match="NaN"):
        buffers.publish(1, np.full(2000, np.nan, np.float32))
    with pytest.raises(ValueError, match="fallback of more"):
        buffers.publish(1, hop_sound(buffers, 1), [np.zeros(2000, np.float32)] * 100)
    buffers.publish(1, hop_sound(buffers, 1))
    with pytest.raises(ValueError, match="hop 1 has been published"):
        buffers.publish(2, hop_sound(buffers, 2))
    with pytest.raises(ValueError, match="slack cannot change"):
        buffers.slack = 10
    with pytest.raises(ValueError, match="slack of 2000"):
        AudioBuffers(HOP, RATE, 2000)


def test_the_callback_works_as_long_as_its_block_whatever_has_passed():
    """Its work grows with the frames of a block and not with the hop, the slack or the hours; ratios of one run."""

    def cost(hop_s, block, hops_passed=0):
        """Least processor time of a call, s: what else runs only adds to it."""
        buffers, block = AudioBuffers(hop_s, 48_000, 1920), np.zeros(block, np.float32)
        for _ in range(round(hops_passed * hop_s * 48_000 / len(block)) + 1):
            buffers.process(block, block)
        least = np.inf
        for _ in range(300):
            began = time.thread_time()
            buffers.process(block, block)
            least = min(least, time.thread_time() - began)
        return least

    plain = cost(0.5, 256)
    assert cost(0.5, 2560) < 40 * plain and cost(2.0, 256) < 4 * plain and cost(0.5, 256, hops_passed=60) < 4 * plain


def test_before_the_piece_begins_the_device_gets_silence():
    buffers, block = AudioBuffers(HOP, RATE, 10), np.ones(64, np.float32)
    buffers.ready = False
    for _ in range(5):
        by_pointer(buffers, block, block)
    assert not block.any() and (buffers.samples_in, buffers.samples_out, buffers.current_hop) == (0, 0, -1)
    assert (buffers.longest_block, buffers.callbacks) == (64, 5)
    buffers.slack = 65
    buffers.ready = True
    by_method(buffers, block, block)
    assert buffers.samples_in == 64

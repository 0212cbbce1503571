"""The physics of concatenation: runs are the recording, jumps keep their energy and do not click, nothing clips."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action import stretch
from action.concat import Concatenator, _apply_gain, _best_shift, warm_up
from action.crossfade import crossfade

RATE, HOP, SECONDS = 16_000, 0.25, 6
FRAMES = round(HOP * RATE)
SEGMENTS = round(SECONDS / HOP)
FADE = 800  # samples, 50 ms
law = settings(max_examples=100)  # the first example compiles


def sine(hertz, amplitude=0.5, seconds=SECONDS, rate=RATE):
    """(n,) float32 pure tone."""
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(amplitude=0.1, seconds=SECONDS, seed=0):
    """(n,) float32 white noise with standard deviation `amplitude`."""
    return (amplitude * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def play(player, segments, frames=FRAMES, levels=None):
    """(len(segments), frames) float32."""
    voice = player.start()
    levels = levels or [None] * len(segments)
    return np.array([player.step(voice, s, frames, level) for s, level in zip(segments, levels, strict=True)])


def decibels(power):
    """Power to dB."""
    return 10 * np.log10(power)


jumps = st.lists(st.integers(0, SEGMENTS - 1), min_size=2, max_size=12)
inner = st.lists(st.integers(1, SEGMENTS - 2), min_size=2, max_size=12)  # with room to align on both sides


# Runs


@law
@given(st.integers(0, SEGMENTS - 2), st.integers(0, 99))
def test_a_run_is_bit_identical_to_the_recording(first, seed):
    audio = noise(seed=seed)
    player = Concatenator(audio, RATE, HOP)
    played = play(player, range(first, SEGMENTS)).ravel()
    attack = player.attack_samples
    assert np.array_equal(played[attack:], audio[first * FRAMES + attack :])


@law
@given(jumps)
def test_after_a_jump_the_run_is_the_recording_within_the_alignment(starts):
    audio = noise()
    player = Concatenator(audio, RATE, HOP)
    voice = player.start()
    for first in starts:
        played = player.step(voice, first, FRAMES)
        shift = voice.next_sample - FRAMES - player.boundary(first)
        assert abs(shift) <= player.max_shift_samples
        start = first * FRAMES + shift
        assert np.array_equal(played[FADE:], audio[start + FADE : start + FRAMES])
        if first + 1 < SEGMENTS and voice.next_sample + FRAMES <= len(audio):
            following = player.step(voice, first + 1, FRAMES)
            assert np.array_equal(following, audio[start + FRAMES : start + 2 * FRAMES])


@law
@given(st.integers(2, SEGMENTS - 4), st.integers(-2 * FRAMES, 2 * FRAMES), st.integers(0, 99))
def test_a_shifted_jump_begins_there_and_its_run_is_the_recording(first, shift, seed):
    audio = noise(seed=seed)
    player = Concatenator(audio, RATE, HOP, align=0)
    voice, start = player.start(), first * FRAMES + shift
    played = np.concatenate([player.step(voice, first + n, FRAMES, shift=shift) for n in range(2)])
    attack = player.attack_samples
    assert np.array_equal(played[attack:], audio[start + attack : start + 2 * FRAMES])
    back = player.step(voice, first + 2, FRAMES)
    unshifted = audio[(first + 2) * FRAMES : (first + 3) * FRAMES]
    assert np.array_equal(back[FADE:], unshifted[FADE:]), "another shift is a jump"


@law
@given(st.integers(0, SEGMENTS - 1), st.integers(-10 * FRAMES, 10 * FRAMES))
def test_a_shift_beyond_the_memory_ends_at_its_ends(segment, shift):
    player = Concatenator(noise(), RATE, HOP)
    played = player.step(player.start(), segment, FRAMES, shift=shift)
    assert len(played) == FRAMES
    assert np.isfinite(played).all()


def test_boundaries_do_not_drift_at_awkward_rates():
    audio, rate, hop = noise(), 22_050, 0.35
    player = Concatenator(audio, rate, hop)
    voice, played = player.start(), []
    for i in range(len(player)):
        played.append(player.step(voice, i, player.boundary(i + 1) - player.boundary(i)))
    played = np.concatenate(played)
    assert np.array_equal(played[player.attack_samples :], audio[player.attack_samples : len(played)])
    assert len(player) == int(len(audio) / (rate * hop)) and voice.next_sample == round(len(player) * hop * rate)


# Jumps


@pytest.mark.parametrize("hertz", [55.0, 110.3, 441.7, 1234.5])
@law
@given(inner)
def test_a_pure_tone_stays_a_pure_tone_across_jumps(hertz, segments):
    played = play(Concatenator(sine(hertz), RATE, HOP), segments).ravel()
    window = round(RATE / hertz) * max(1, round(hertz * 0.01))  # whole periods, 10 ms or more
    power = np.convolve(played.astype(np.float64) ** 2, np.ones(window) / window, "valid")[FADE:]
    assert np.abs(decibels(power / 0.125)).max() < 1.0


def test_noise_keeps_its_power_across_jumps():
    rng, bumps = np.random.default_rng(2), []
    player = Concatenator(noise(0.1), RATE, HOP)
    played = play(player, rng.integers(0, SEGMENTS - 1, 400))[1:]
    for part in range(5):  # each fifth of the crossfade by itself, averaged over 400 jumps
        stretch = played[:, part * FADE // 5 : (part + 1) * FADE // 5].astype(np.float64)
        bumps.append(decibels(np.mean(stretch**2) / 0.01))
    assert np.abs(bumps).max() < 0.3


def test_a_jump_between_loud_and_soft_passes_through_the_levels_between():
    audio = np.concatenate([sine(220, 0.8, 3), sine(220, 0.08, 3)])
    played = play(Concatenator(audio, RATE, HOP), [2, 20])[1]
    peaks = np.abs(played[: FADE // 80 * 80].reshape(-1, 80)).max(axis=1)
    assert peaks.max() <= 0.81 and peaks[-1] < 0.15
    assert np.all(np.diff(peaks) < 0.02)


@law
@given(st.lists(st.integers(-1, SEGMENTS - 1), min_size=1, max_size=16), st.booleans())
def test_smooth_material_never_clicks(segments, end_early):
    audio = (sine(97) + sine(350, 0.3)).astype(np.float32)
    audio = audio[: len(audio) - 1234] if end_early else audio  # the last segment is cut short
    steepest = np.abs(np.diff(audio)).max()
    played = play(Concatenator(audio, RATE, HOP), segments).ravel()
    assert np.abs(np.diff(np.concatenate([[0.0], played]))).max() < 1.5 * steepest


def test_without_crossfade_the_cut_is_where_the_boundary_is():
    audio = noise()
    played = play(Concatenator(audio, RATE, HOP, crossfade=0, align=0), [4, 9, 2])
    assert np.array_equal(played, audio.reshape(-1, FRAMES)[[4, 9, 2]])


def test_alignment_moves_like_material_and_leaves_the_rest_in_time():
    player = Concatenator(sine(123.4), RATE, HOP)
    voice = player.start()
    player.step(voice, 1, FRAMES)
    player.step(voice, 7, FRAMES)
    shift = voice.next_sample - 8 * FRAMES
    phase = (2 * FRAMES - 7 * FRAMES - shift) * 123.4 / RATE
    assert abs(phase - round(phase)) < 123.4 / RATE, "in phase to a sample"
    assert abs(shift) <= RATE / 123.4 / 2 + 1, "the nearest period, not the first"
    player = Concatenator(noise(), RATE, HOP)
    voice = player.start()
    for segment in (3, 11, 6):
        player.step(voice, segment, FRAMES)
        assert voice.next_sample == (segment + 1) * FRAMES


# Silence and ends


def test_silence_fades_within_the_crossfade_and_is_exact():
    player = Concatenator(sine(200), RATE, HOP)
    played = play(player, [3, -1, -1, 5])
    assert np.abs(played[1][:FADE]).max() > 0.3
    assert (played[1][FADE:] == 0).all() and (played[2] == 0).all()
    assert np.array_equal(
        played[3][player.attack_samples :], player.audio[5 * FRAMES + player.attack_samples : 6 * FRAMES]
    )


def test_beyond_the_end_there_is_a_fade_and_then_nothing():
    audio = sine(200)[:-1000]
    played = play(Concatenator(audio, RATE, HOP), [SEGMENTS - 2, SEGMENTS - 1, 0])
    whole = FRAMES - 1000
    assert np.array_equal(played[1][: whole - FADE], audio[-whole:-FADE])
    assert (played[1][whole:] == 0).all()
    assert np.abs(played[2][:100]).max() < 0.15, "what was faded out does not come back"


def test_a_memory_may_grow_while_it_sounds():
    audio = noise()
    player = Concatenator(audio[: 2 * FRAMES], RATE, HOP)
    voice, played = player.start(), []
    for i in range(SEGMENTS):
        assert len(player) == min(i + 2, SEGMENTS)
        played.append(player.step(voice, i, FRAMES))
        player.append(audio[(i + 2) * FRAMES : (i + 3) * FRAMES])
    assert np.array_equal(np.concatenate(played)[player.attack_samples :], audio[player.attack_samples :])


# From one memory to another, and takes


@law
@given(inner, st.integers(0, 9))
def test_leaving_carries_the_sound_on_as_a_jump_would(segments, seed):
    """Two players of one recording, taken in turns, are one player: the continuation is all that has to be carried."""
    audio = noise(seed=seed)
    one, two = Concatenator(audio, RATE, HOP, align=0), Concatenator(audio.copy(), RATE, HOP, align=0)
    voice, other = one.start(), one.start()
    for number, segment in enumerate([*segments, -1, segments[0]]):
        if segment == voice.segment + 1:
            continue
        before, after = (one, two) if number % 2 else (two, one)
        other = before.detach(other)
        assert np.array_equal(after.step(other, segment, FRAMES), one.step(voice, segment, FRAMES))
        assert other.continuation is None


def test_what_was_left_does_not_go_on_but_crossfades():
    player = Concatenator(noise(), RATE, HOP)
    voice = player.start()
    player.step(voice, 4, FRAMES)
    left = player.detach(player.detach(voice))
    assert np.array_equal(left.continuation, player.audio[5 * FRAMES : 5 * FRAMES + FADE])
    assert player.detach(player.start()).continuation is None
    going_on, faded = player.step(voice, 5, FRAMES), player.step(left, 5, FRAMES)
    assert np.allclose(going_on, faded, atol=1e-6), "the crossfade of a sound with itself is that sound"


def test_a_joint_is_jumped_over_and_not_read_across():
    first, second = sine(100, seconds=1), -sine(100, seconds=1)
    player = Concatenator(first, RATE, HOP)
    player.start_take()
    player.append(second)
    steepest = np.abs(np.diff(first)).max()
    for segments in ([2, 3, 4, 5], [3, 0], [3, 7, 4], [3, -1], [4, 3, 4], [7, 3]):
        played = play(player, [*segments, -1]).ravel()
        assert np.abs(np.diff(np.concatenate([[0.0], played]))).max() < 1.5 * steepest
    with_in = play(player, [5, 6, 7])
    assert np.array_equal(with_in[1:].ravel(), second[2 * FRAMES :]), "within a take it is the recording"


def test_a_truncated_memory_is_the_memory_it_was():
    audio = noise()
    player, plain = Concatenator(audio.copy(), RATE, HOP, room=4), Concatenator(audio.copy(), RATE, HOP, room=4)
    player.start_take()
    player.append(noise(seed=4))
    player.truncate(len(audio))
    assert np.array_equal(player.audio, audio) and len(player) == SEGMENTS
    assert np.array_equal(play(player, [22, 23, 3, 23, 0]), play(plain, [22, 23, 3, 23, 0]))
    with pytest.raises(ValueError, match="truncate to 999999 samples: the memory holds 0 to 96000"):
        player.truncate(999_999)


def test_what_is_lent_stays_whatever_is_recorded():
    player = Concatenator(noise(), RATE, HOP, room=60)
    lent = player.frozen_view()
    before = lent.copy()
    player.append(noise(seed=3))
    assert np.shares_memory(player.audio, lent), "adding moves nothing"
    player.truncate(RATE)
    player.append(noise(seed=5))
    assert np.array_equal(lent, before) and not np.shares_memory(player.audio, lent)
    assert np.array_equal(player.audio[RATE:], noise(seed=5))


def test_a_memory_is_recalled_as_it_was():
    """For a replay: what was rendered before the memory grew or shrank sounds the same after."""
    player = Concatenator(noise(seconds=2), RATE, HOP, room=10)
    voice = player.start()
    player.step(voice, 7, FRAMES)
    held, ending = len(player.audio), player.step(replace(voice), -1, FRAMES)
    player.append(noise(seed=8))
    assert not np.array_equal(player.step(replace(voice), -1, FRAMES), ending), "the test has something to show"
    with player.as_of(held):
        assert np.array_equal(player.step(replace(voice), -1, FRAMES), ending)
    assert len(player.audio) == held + SECONDS * RATE
    player.truncate(RATE)
    with player.as_of(held):
        assert np.array_equal(player.step(replace(voice), -1, FRAMES), ending)
    with pytest.raises(ValueError, match="never held"), player.as_of(10**9):
        pass


# Level and limiter


@law
@given(st.lists(st.tuples(st.integers(-1, SEGMENTS - 1), st.floats(0, 50)), min_size=1, max_size=10))
def test_nothing_is_ever_above_full_scale(events):
    segments, levels = zip(*events, strict=True)
    played = play(Concatenator(noise(0.5), RATE, HOP), segments, levels=list(levels))
    assert np.abs(played).max() <= 1.0


def test_full_scale_is_untouched_and_only_what_exceeds_it_is_held():
    loud = noise(0.2)
    loud /= np.abs(loud).max()
    player = Concatenator(loud, RATE, HOP)
    assert np.array_equal(play(player, range(SEGMENTS)).ravel()[player.attack_samples :], loud[player.attack_samples :])
    over = sine(500, 0.5)
    over[2 * FRAMES : 3 * FRAMES] *= 4
    played = play(Concatenator(over, RATE, HOP), range(SEGMENTS))
    assert 0.95 < np.abs(played[2]).max() <= 1.0
    assert np.array_equal(played[8:].ravel(), over[8 * FRAMES :]), "the limiter lets go"


def test_level_glides_over_the_hop_and_returns():
    flat = np.full(SECONDS * RATE, 0.5, np.float32)
    played = play(Concatenator(flat, RATE, HOP), range(6), levels=[None, 0.2, 0.2, None, None, 1.0])
    assert np.abs(np.diff(played[1:].ravel())).max() < 0.5 * 0.8 / FRAMES * 1.01
    assert played[1][-1] == pytest.approx(0.1) and (played[2] == pytest.approx(0.1))
    assert np.array_equal(played[4:].ravel(), flat[: 2 * FRAMES])


def test_after_silence_the_level_is_there_at_once():
    flat = np.full(SECONDS * RATE, 0.5, np.float32)
    player = Concatenator(flat, RATE, HOP)
    assert play(player, [3], levels=[0.2])[0][player.attack_samples :] == pytest.approx(0.1)


# The contract


def test_the_memory_is_used_where_it_lies_and_moved_only_without_room():
    audio = noise()
    player, roomy = Concatenator(audio, RATE, HOP), Concatenator(audio, RATE, HOP, room=1.0)
    assert np.shares_memory(player.audio, audio)
    before = roomy.audio
    roomy.append(audio[:RATE])
    assert np.shares_memory(roomy.audio, before) and len(roomy.audio) == 7 * RATE
    player.append(audio[:RATE])
    assert np.array_equal(player.audio, roomy.audio) and np.array_equal(audio, noise())


def test_nothing_compiles_after_the_warm_up():
    warm_up()
    kernels = (stretch.render, stretch.read, _best_shift, crossfade, _apply_gain)
    before = [len(kernel.signatures) for kernel in kernels]
    frozen = noise().astype(np.float64)[::2]
    frozen.flags.writeable = False
    player = Concatenator(frozen, RATE // 2, 1 / 4)
    voice, faster = player.start(), {"ratio": np.float32(1.25), "semitones": np.int64(-2)}
    for segment, level in ((np.int64(2), 1), (9, 0.5), (4, np.float32(0.5)), (5, None), (-1, None), (1, 0)):
        for more in ({}, faster):
            player.step(voice, segment, np.int32(FRAMES // 2), level, **more)
    assert before == [len(kernel.signatures) for kernel in kernels] == [1] * len(kernels)


def test_the_same_steps_give_the_same_samples():
    segments = np.random.default_rng(3).integers(-1, SEGMENTS, 30)
    assert np.array_equal(*(play(Concatenator(noise(), RATE, HOP), segments) for _ in range(2)))


@pytest.mark.parametrize(
    "wrong, told",
    [
        (lambda p: p.step(p.start(), SEGMENTS, FRAMES), f"segment {SEGMENTS}: the memory holds 0 to {SEGMENTS - 1}"),
        (lambda p: p.step(p.start(), -2, FRAMES), "segment -2"),
        (lambda p: p.step(p.start(), 0, 0), "frames 0"),
        (lambda p: p.step(p.start(), 0, FRAMES, -1.0), "level -1.0"),
        (lambda p: p.append(np.zeros((2, 8))), "mono"),
        (lambda p: Concatenator(p.audio, 0, HOP), "rate 0 Hz"),
        (lambda p: Concatenator(p.audio, RATE, HOP, crossfade=0.3), "crossfade = 0.3 s: expected 0 to one hop"),
        (lambda p: Concatenator(p.audio, RATE, HOP, align=0.2), "align = 0.2 s"),
    ],
)
def test_errors_name_the_value_and_the_range(wrong, told):
    with pytest.raises(ValueError) as error:
        wrong(Concatenator(sine(100), RATE, HOP))
    assert told in str(error.value)

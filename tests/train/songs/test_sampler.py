"""A bank of notes plays what is written: in tune, on the sample, as loud as its velocity, and the same again."""

import json

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from train.common.errors import TrainError
from train.songs import sampler
from train.songs.sampler import SAMPLERATE, Instrument

SAMPLED = np.arange(40.0, 81.0, 4.0)
STRUCK = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0.01, 1), st.floats(45, 75), st.integers(1, 127)), min_size=1, max_size=12
)


def hertz(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


def tone(pitch, seconds=2.0, decay=0.0):
    """Six harmonics below 7 kHz, from their zero crossing on."""
    time = np.arange(int(seconds * SAMPLERATE)) / SAMPLERATE
    partials = [np.sin(2 * np.pi * n * hertz(pitch) * time) / n for n in range(1, 7) if n * hertz(pitch) < 7000]
    return (np.sum(partials, axis=0) * np.exp(-decay * time)).astype(np.float32)


def instrument(sustained=True, release=0.05, roles=("melody",), layers=(50, 110), decay=0.0, pitches=SAMPLED):
    places = [(pitch, velocity) for pitch in pitches for velocity in layers]
    samples = [tone(pitch, decay=decay) * velocity / 127 for pitch, velocity in places]
    even = sampler.equalised(samples, np.arange(len(samples)))
    return Instrument(roles, sustained, release, *np.array(places, float).T, even)


BANK = {"held": instrument(), "struck": instrument(False, 0.1, ("chords",), decay=3.0)}


def play(notes, name="held", seed=0, detune=0.0, bank=BANK):
    return sampler.render_notes(np.array(notes, float), name, bank, np.random.default_rng(seed), detune)


def pitch_of(audio):
    """Pitch of the strongest harmonic comb, in semitones, by the spectrum."""
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    peak = np.argmax(spectrum) * SAMPLERATE / size
    return 69 + 12 * np.log2(peak / 440)


@settings(max_examples=40)
@given(st.floats(36, 84), st.floats(-30, 30), st.sampled_from(["held", "struck"]))
def test_every_pitch_is_in_tune_with_its_detuning(pitch, cents, name):
    audio = play([[0, 1.5, pitch, 100]], name, detune=cents)
    assert abs(pitch_of(audio[1600:24000]) - pitch - cents / 100) < 0.03


def test_a_sample_that_sounds_between_the_semitones_is_brought_to_the_note():
    bank = {"flat": instrument(pitches=SAMPLED - 0.37)}
    assert abs(pitch_of(play([[0, 1.5, 60, 100]], "flat", bank=bank)[1600:24000]) - 60) < 0.03


@pytest.mark.parametrize("pitch", [57, 60, 61.5, 64])
def test_a_held_note_outlasts_its_sample_in_tune_and_without_a_break(pitch):
    audio = play([[0, 7, pitch, 100]])
    assert abs(pitch_of(audio[-48000:-4000]) - pitch) < 0.1
    rms = np.sqrt(np.mean(audio[800 : 800 + 68 * 1600].reshape(-1, 1600) ** 2, axis=1))
    assert rms.min() > 0.6 * np.median(rms) and rms.max() < 1.4 * np.median(rms)


@settings(max_examples=25)
@given(STRUCK)
def test_a_note_begins_at_its_sample_and_the_whole_is_the_sum_of_its_notes(drawn):
    notes = np.array([(onset, onset + length, pitch, velocity) for onset, length, pitch, velocity in drawn])
    together = play(notes, "struck")
    alone = np.zeros_like(together)
    for note in notes:
        alone_note = play(note[None], "struck")
        first = round(note[0] * SAMPLERATE)
        assert not alone_note[:first].any() and np.abs(alone_note[first : first + 8]).max() > 0
        alone[: len(alone_note)] += alone_note
    np.testing.assert_allclose(together, alone, atol=1e-5)


@settings(max_examples=25)
@given(st.floats(0, 5), st.floats(0.02, 4))
def test_the_sound_ends_with_the_release_or_with_the_sample(onset, length):
    note = play([[onset, onset + length, 60, 90]])
    assert abs(len(note) - (round(onset * SAMPLERATE) + round(length * SAMPLERATE) + 800)) <= 1
    struck = play([[onset, onset + length, 60, 90]], "struck")
    longest = min(round(length * SAMPLERATE) + 1600, 2 * SAMPLERATE)
    assert abs(len(struck) - round(onset * SAMPLERATE) - longest) <= 1
    assert np.abs(note[-8:]).max() < 0.01 * np.abs(note).max()


@pytest.mark.parametrize("name", ["held", "struck"])
def test_louder_notes_have_more_energy_across_all_layers(name):
    energy = [np.sum(play([[0, 0.4, 62, velocity]], name).astype(float) ** 2) for velocity in range(1, 128)]
    assert (np.diff(energy) > 0).all()


def test_takes_are_drawn_by_the_generator_alone():
    takes = instrument(layers=(100, 100, 100))
    for n, sample in enumerate(takes.samples):
        sample[2000:] *= n % 3
    notes = [[0.2 * n, 0.2 * n + 0.2, 60, 100] for n in range(20)]
    first, again, other = (play(notes, "takes", seed, bank={"takes": takes}) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_would_alias_is_not_there():
    high = np.sin(2 * np.pi * 7200 * np.arange(32000) / SAMPLERATE).astype(np.float32)
    out = np.zeros(20000, np.float32)
    sampler.add_shifted(out, high, 2 ** (5 / 12), 1e9, 1.0, 1.0)
    assert np.std(out[500:-500]) < 0.02


KIT = Instrument(
    ("drums",), False, None, np.array([36.0, 42, 46]), np.array([100.0, 100, 100]),
    [tone(40, 0.5), tone(80, 0.5), tone(70, 2.0)],
)  # fmt: skip


def test_a_drum_rings_out_whatever_its_offset_and_is_never_transposed():
    bank = {"kit": KIT}
    assert len(play([[0, 0.1, 36, 90]], "kit", bank=bank)) == SAMPLERATE // 2
    np.testing.assert_array_equal(play([[0, 1, 36, 90]], "kit", bank=bank), play([[0, 1, 34, 90]], "kit", bank=bank))


def test_a_closed_hihat_ends_the_open_one():
    audio = play([[0, 0.1, 46, 90], [0.5, 0.6, 42, 90]], "kit", bank={"kit": KIT})
    assert len(audio) == SAMPLERATE
    assert len(play([[0, 0.1, 46, 90]], "kit", bank={"kit": KIT})) == 2 * SAMPLERATE


def test_a_kit_keeps_its_proportions_and_other_notes_are_equally_strong():
    samples = [tone(50) * gain for gain in (1.0, 0.5, 0.1)]
    rms = [np.sqrt(np.mean(s[:8000] ** 2)) for s in sampler.equalised(samples, np.arange(3))]
    np.testing.assert_allclose(rms, sampler.SAMPLE_RMS, rtol=1e-3)
    kit = [np.sqrt(np.mean(s[:8000] ** 2)) for s in sampler.equalised(samples, np.array([1, 1, 2]), True)]
    np.testing.assert_allclose(kit, np.array([1.0, 1.0, 0.1]) * sampler.SAMPLE_RMS, rtol=1e-3)


@pytest.mark.parametrize("timing", [0.0, 0.02])
def test_a_person_deviates_about_as_much_as_is_asked_and_notes_keep_their_lengths(timing):
    notes = np.array([[1 + 0.25 * n, 1.2 + 0.25 * n, 60, 80] for n in range(2000)])
    played = sampler.humanised(notes, np.random.default_rng(0), timing, 5.0)
    late = played[:, 0] - notes[:, 0]
    assert abs(np.std(late) - timing) < 0.2 * timing + 1e-4 and abs(np.std(played[:, 3] - 80) - 5) < 1
    np.testing.assert_allclose(played[:, 1] - played[:, 0], 0.2, atol=1e-3)
    np.testing.assert_array_equal(notes[0], [1, 1.2, 60, 80])
    assert (sampler.humanised(notes - [1, 1, 0, 0], np.random.default_rng(0), 0.5)[:, 0] >= 0).all()


def test_those_who_can_play_a_part_have_its_role_and_reach_its_notes():
    assert sampler.able(BANK, "melody", np.array([40, 84])) == ["held"]
    assert sampler.able(BANK, "melody", np.array([30, 60])) == []
    assert sampler.able(BANK, "drums", np.array([36])) == []


def test_a_bank_is_read_as_it_is_described(tmp_path):
    sf.write(tmp_path / "a.flac", tone(60) * 0.1, SAMPLERATE)
    entry = {"roles": ["melody"], "sustained": True, "release": 0.1, "notes": [[60.1, 100, "a.flac"]]}
    (tmp_path / "bank.json").write_text(json.dumps({"a": entry}))
    bank = sampler.load_bank(tmp_path)
    assert bank["a"].pitches.tolist() == [60.1] and len(bank["a"].samples[0]) == 2 * SAMPLERATE
    assert len(play([[0, 1, 60, 100]], "a", bank=bank)) == round(1.1 * SAMPLERATE)


def test_mistakes_are_reported_with_their_remedy(tmp_path):
    with pytest.raises(TrainError, match=r"no bank of notes.*make_bank"):
        sampler.load_bank(tmp_path)
    with pytest.raises(TrainError, match="did you mean 'held'"):
        play([[0, 1, 60, 100]], "heldd")
    with pytest.raises(TrainError, match=r"expected \(n, 4\)"):
        play([[0, 1, 60]])
    for note in ([-1, 1, 60, 100], [2, 1, 60, 100], [0, np.nan, 60, 100]):
        with pytest.raises(TrainError, match="a note begins"):
            play([note])
    assert len(sampler.render_notes(np.zeros((0, 4)), "held", BANK, np.random.default_rng(0))) == 0

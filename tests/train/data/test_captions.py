"""Captions: what is said is true of the notes, a swap is false, and every word is one that the model learns."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.words import tokens
from train.data import captions
from train.data.captions import FALSE, NAMED, NUMBER, TOPIC_OF, TOPICS, TRUE, VALUES, Caption

law = settings(max_examples=60)
SEEDS = st.integers(0, 2**32 - 1)


def drawn_notes(seed, count, low=30, high=95):
    rng = np.random.default_rng(seed)
    begins = np.sort(rng.uniform(0, 9, count))
    return np.column_stack([begins, begins + rng.uniform(0.02, 1.5, count), rng.integers(low, high, count)])


def drawn_truth(seed):
    """The truth of a random excerpt: some topics are not known, of instruments several are true."""
    rng, true = np.random.default_rng(seed), {}
    for topic, values in TOPICS.items():
        if rng.random() < 0.8:
            many = rng.integers(1, 4) if topic == "instruments" else 1
            true[topic] = rng.choice(list(values), min(many, len(values)), replace=False).tolist()
    return captions.truth(true)


# --- what is true of notes


@law
@given(SEEDS, st.integers(3, 120))
def test_what_is_said_of_notes_holds_by_counting_anew(seed, count):
    notes = drawn_notes(seed, count)
    true = {topic: values[0] for topic, values in captions.of_notes(notes, 10.0).items()}
    begins = sorted(notes[:, 0])
    onsets = 1 + sum(b - a > captions.CHORD_S for a, b in pairwise(begins))
    assert (true["density"] == "sparse") == (onsets <= 15) and (true["density"] == "dense") == (onsets >= 40)
    length = notes[:, 1] - notes[:, 0]
    mean = (length * notes[:, 2]).sum() / length.sum()
    assert (true["register"] == "low") == (mean <= 50) and (true["register"] == "high") == (mean >= 73)
    assert (true["articulation"] == "short") == (np.median(length) <= 0.2)
    clock = np.arange(0, 12, 0.001)
    at_once = ((notes[:, :1] <= clock) & (clock < notes[:, 1:2])).sum(0)
    if true["polyphony"] == "line":
        assert at_once[at_once > 0].mean() < 1.15
    if true["polyphony"] == "chords":
        assert at_once[at_once > 0].mean() > 2.25


@law
@given(SEEDS, st.integers(3, 60), st.integers(-12, 12))
def test_transposing_notes_transposes_the_key_alone(seed, count, semitones):
    notes = drawn_notes(seed, count, 50, 70)
    moved = notes + np.array([0, 0, semitones])
    one, other = captions.of_notes(notes, 10.0), captions.of_notes(moved, 10.0)
    for topic in ("density", "span", "articulation", "polyphony", "mode"):
        assert one.get(topic) == other.get(topic)
    if "key" in one:
        at = captions.PITCHES.index(one["key"][0])
        assert other["key"] == [captions.PITCHES[(at + semitones) % 12]]


@pytest.mark.parametrize(("scale", "mode"), [((0, 2, 4, 5, 7, 9, 11), "major"), ((0, 2, 3, 5, 7, 8, 10), "minor")])
@pytest.mark.parametrize("tonic", range(12))
def test_a_scale_about_its_triad_has_its_key(scale, mode, tonic):
    triad = [scale[0], scale[2], scale[4]]
    pitches = [*scale, *triad, *triad, scale[0], scale[0]]
    notes = np.array([[n / 2, n / 2 + 0.4, 60 + tonic + pitch] for n, pitch in enumerate(pitches)])
    assert captions.key_of(notes) == {"key": [captions.PITCHES[tonic]], "mode": [mode]}


def test_noise_has_no_key_and_strokes_have_no_pitch():
    chromatic = np.array([[n / 4, n / 4 + 0.2, 48 + n] for n in range(36)])
    assert captions.key_of(chromatic) == {}
    strokes = np.column_stack([np.arange(0, 10, 0.2), np.arange(0, 10, 0.2) + 0.05, np.full(50, -1)])
    assert captions.of_notes(strokes, 10.0) == {"density": ["dense"]}
    assert captions.of_notes(np.zeros((0, 3)), 10.0) == {"density": ["sparse"]}


@pytest.mark.parametrize(("bpm", "tempo"), [(60, "slow"), (82, ""), (100, "moderate"), (120, ""), (150, "fast")])
def test_tempo_is_that_of_the_beats(bpm, tempo):
    assert captions.of_beats(np.arange(0, 10, 60 / bpm)) == {"tempo": [tempo]}
    assert captions.of_beats(np.arange(3) * 60 / bpm) == {}


def test_levels_say_how_loud_it_is_and_where_it_goes():
    assert captions.of_levels(np.full(20, -30.0)) == {"dynamics": ["soft"], "motion": ["even"]}
    assert captions.of_levels(np.linspace(-40, -5, 20)) == {"dynamics": ["loud"], "motion": ["growing"]}
    assert captions.of_levels(np.linspace(-10, -40, 20))["motion"] == ["fading"]
    assert captions.of_levels(np.full(20, -np.inf))["dynamics"] == ["soft"]


def test_instruments_are_those_of_the_name_else_of_the_program():
    assert captions.instruments_of("headroom_piano") == ("piano",)
    assert captions.instruments_of("cello_synth", 42) == ("strings", "synthesizer")
    assert captions.instruments_of("", 40) == ("strings", "violin")
    assert captions.instruments_of("backing") == () == captions.instruments_of("", 127)
    known = set(TOPICS["instruments"])
    assert all(set(captions.instruments_of("", program)) <= known for program in range(128))
    assert all(set(names) <= known for names in captions._NAMES.values())


# --- captions


@law
@given(SEEDS, st.integers(1, 6))
def test_a_view_is_true_and_says_every_value_of_it(seed, size):
    truth, rng = drawn_truth(seed), np.random.default_rng(seed)
    view = captions.view(truth, size, rng)
    assert len(view) == min(size, len(captions.named(truth))) == len(set(view))
    caption = Caption(view, seed)
    assert (truth[list(view)] == TRUE).all() and caption.is_true_of(truth[None]).all()
    said = tokens(caption.text)
    for number in view:
        topic, value = VALUES[number]
        assert any(all(word in said for word in tokens(words)) for _, words in TOPICS[topic][value])
    topics = [TOPIC_OF[number] for number in view]
    if len(set(topics)) < len(topics):  # a topic is named twice only where there are no others
        assert {TOPIC_OF[number] for number in captions.named(truth)} == set(topics)


@law
@given(SEEDS, st.integers(1, 5))
def test_a_swap_is_false_and_differs_in_one_value(seed, size):
    truth, rng = drawn_truth(seed), np.random.default_rng(seed)
    caption = Caption(captions.view(truth, size, rng), seed)
    for wrong in captions.swapped(caption, truth, rng):
        (at,) = (n for n, number in enumerate(caption.values) if wrong.values[n] != number)
        assert TOPIC_OF[wrong.values[at]] == TOPIC_OF[caption.values[at]]
        assert truth[wrong.values[at]] == FALSE and not wrong.may_be_true_of(truth[None]).any()
        assert wrong.text != caption.text and wrong.seed == caption.seed


def test_every_word_of_every_caption_is_learned():
    words, glue, topics = captions.vocabulary()
    assert len(set(words)) == len(words) and set(glue) <= set(words)
    for number in NAMED:
        texts = {Caption((number,), seed).text for seed in range(60)} | {Caption((number,)).text}
        assert {word for text in texts for word in tokens(text)} <= set(words)
        assert VALUES[number][0] in topics
    assert NUMBER["tempo", "slow"] == 0


def test_a_caption_is_the_same_for_the_same_seed():
    values = (NUMBER["tempo", "slow"], NUMBER["instruments", "piano"], NUMBER["mode", "minor"])
    assert Caption(values, 5).text == Caption(values, 5).text
    assert len({Caption(values, seed).text for seed in range(50)}) > 25
    assert Caption(values).text == "slow, piano, minor"

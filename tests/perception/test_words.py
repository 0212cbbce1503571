"""Music and words in one space: rows of any hop, what a text says, and the file."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.onsets import DELAY_FRAMES
from perception.words import (
    FILE,
    LEVEL,
    MAX_WORDS,
    ONSETS_PER_STEP,
    WINDOW_STEPS,
    Words,
    WordsConfig,
    WordsError,
    rows_of,
    tokens,
)
from tests.conftest import TOPICS, WORDS

law = settings(max_examples=30)
CONFIG = WordsConfig(WORDS, "an encoder", 6, ("a", "in"), TOPICS, 16, 2, 2, 16)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return Words(CONFIG).eval()


def hops(count, hop, seed=0):
    rng = np.random.default_rng(seed)
    onsets = rng.random(round(count * hop * 100) + DELAY_FRAMES).astype(np.float32)
    return rng.standard_normal((count, 6)).astype(np.float32), rng.uniform(-60, -10, count), onsets


# --- rows


def test_hops_of_a_step_are_taken_as_they_are():
    features, levels, onsets = hops(30, 0.5)
    rows = rows_of(features, levels, onsets, 0.5)
    assert rows.shape == (30, CONFIG.row_dim)
    assert np.allclose(rows[:, :6], features, atol=1e-5) and np.allclose(rows[:, LEVEL], levels, atol=1e-4)
    envelope = onsets[DELAY_FRAMES:].reshape(30, ONSETS_PER_STEP, 5).mean(2)
    assert np.allclose(rows[:, LEVEL + 1 :], envelope, atol=1e-6)


@law
@given(st.sampled_from((0.25, 0.35, 0.5)), st.integers(1, 60), st.integers(0, 1000))
def test_a_step_has_the_mean_of_its_hops_by_the_time_they_share(hop, count, seed):
    """Against a sum over thousandths of a second."""
    features, levels, onsets = hops(count, hop, seed)
    rows = rows_of(features, levels, onsets, hop)
    assert len(rows) == max(1, int(count * hop / 0.5 + 1e-6))
    fine = np.arange(round(count * hop * 1000))
    of = np.minimum(((fine + 0.5) / 1000 / hop).astype(int), count - 1)
    for number, row in enumerate(rows):
        inside = of[(fine >= 500 * number) & (fine < 500 * (number + 1))]
        assert np.allclose(row[:6], features[inside].mean(0), atol=2e-2)
        assert abs(row[LEVEL] - 10 * np.log10((10 ** (levels[inside] / 10)).mean())) < 0.1


def test_silence_and_a_missing_envelope_are_numbers():
    rows = rows_of(np.zeros((4, 6)), np.full(4, -np.inf), np.zeros(0), 0.5)
    assert np.isfinite(rows).all() and (rows[:, LEVEL] == -80).all()


# --- windows


@pytest.mark.parametrize("steps", [1, 7, WINDOW_STEPS, WINDOW_STEPS + 1, WINDOW_STEPS + 2, 301])
def test_windows_cover_a_recording_and_the_last_one_ends_with_it(model, steps):
    rows = np.random.default_rng(0).standard_normal((steps, CONFIG.row_dim)).astype(np.float32)
    begins, placed = model.windows(rows)
    assert len(begins) == len(placed) and begins[0] == 0
    assert begins[-1] == max(0, steps - WINDOW_STEPS) and (np.diff(begins) <= 2).all() and (np.diff(begins) > 0).all()
    assert np.allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)
    alone = model.windows(np.resize(rows, (max(steps, WINDOW_STEPS), rows.shape[1]))[begins[-1] :][:WINDOW_STEPS])[1]
    assert np.allclose(alone[0], placed[-1], atol=1e-5)


def test_a_text_is_the_same_beside_longer_ones(model):
    rows = torch.tensor([[1, 5, 0, 0, 0], [2, 3, 4, 6, 1]])
    with torch.no_grad():
        assert torch.allclose(model.embed_text(rows)[0], model.embed_text(rows[:1, :2])[0], atol=1e-5)
    assert np.allclose(model.place([1, 5]), model.embed_text(rows)[0].detach(), atol=1e-5)


# --- what a text says


def test_known_words_are_read_in_their_order(model):
    assert model.read("A LOW, slow piano!") == ([7, 3, 1, 5], "")


def test_an_unknown_word_is_told_with_the_nearest_and_the_rest_is_read(model):
    known, sentence = model.read("low pian")
    assert known == [3]
    assert sentence == (
        "'pian' (did you mean 'piano'?) is no word that it has learned: it knows words such as slow, low, piano"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no words: say"),
        (" ,.; ", "no words: say"),
        ("in a", "'in a' describes nothing: it knows words such as slow"),
        ("fpano", "'fpano' (did you mean 'piano'?) is no word"),
        ("тихо и медленно", "'тихо', 'и', 'медленно' are no words that it has learned"),
        ("静かなピアノ", "is no word that it has learned"),
        ("🎹 🥁", "'🎹', '🥁' are no words"),
        ("a b c d e f", "'b', 'c', 'd' and 2 more are no words"),
        ("low " * (MAX_WORDS + 1), f"a text of {MAX_WORDS + 1} words: say it in {MAX_WORDS} or fewer"),
        ("x" * 10_000, "x…' is no word"),
        ("low piano " * 1000, "a text of 2000 words"),
        ("lo\0piano\n\x1b[31m", "'?', '31m' are no words"),
    ],
)
def test_what_says_nothing_is_refused_in_a_sentence(model, text, said):
    with pytest.raises(WordsError) as error:
        model.read(text)
    assert said in str(error.value) and len(str(error.value)) < 300 and str(error.value).isprintable()


@law
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(model, text):
    """Whatever is typed: no word is passed over without a sentence."""
    try:
        known, sentence = model.read(text)
    except WordsError as error:
        assert str(error).isprintable()
        return
    assert len(known) == len(tokens(text)) or sentence


# --- the file


def test_the_file_gives_back_the_model(model, tmp_path):
    (tmp_path / FILE).write_bytes(model.to_bytes())
    loaded = Words.load(tmp_path / FILE, "an encoder")
    assert loaded.config == CONFIG
    rows = np.random.default_rng(0).standard_normal((40, CONFIG.row_dim)).astype(np.float32)
    assert np.allclose(loaded.windows(rows)[1], model.windows(rows)[1], atol=1e-2)
    assert loaded.to_bytes() == model.to_bytes()
    with pytest.raises(WordsError, match=r"learned with encoder an encod, this model has another: learn them again, "):
        Words.load(tmp_path / FILE, "another")


@pytest.mark.parametrize("damage", ["gone", "cut", "empty", "text", "of a later format", "not finite", "other words"])
def test_a_damaged_file_is_refused_in_a_sentence(model, tmp_path, damage):
    raw, path = model.to_bytes(), tmp_path / FILE
    if damage == "not finite":
        other = Words(CONFIG)
        other.mean.fill_(float("nan"))
        raw = other.to_bytes()
    if damage == "other words":
        header = raw[8 : 8 + int.from_bytes(raw[:8], "little")]
        about = json.loads(header)
        about["__metadata__"]["config"] = about["__metadata__"]["config"].replace('"flute", "a"', '"a"')
        header = json.dumps(about).encode()
        raw = len(header).to_bytes(8, "little") + header + raw[8 + int.from_bytes(raw[:8], "little") :]
    content = {"cut": raw[:-40], "empty": b"", "text": b"words", "of a later format":
               raw.replace(rb'\"format\": 1', rb'\"format\": 2')}.get(damage, raw)  # fmt: skip
    if damage != "gone":
        path.write_bytes(content)
    with pytest.raises(WordsError) as error:
        Words.load(path, "an encoder")
    assert str(path) in str(error.value) and ": " in str(error.value)

"""The laws of being asked: nothing asked is, bit for bit, a model without tokens; kernel and forward agree."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch

from corpora.whole_files import write_files
from decision.attributes import NAMES, Asked, AttributesConfig, AttributesError, AttributeTokens, names_of, weights_of
from decision.instruction import mentioned, read_sound
from decision.model import Decision
from decision.models import DecisionModels
from tests.decision.test_model import CONFIG, LENGTH, greedy, tolerance

KEYED = dataclasses.replace(CONFIG, key_dim=5, extra_dim=2)
ASKED = ("density low", "register high", "bass")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    made = Decision(KEYED)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.15 * torch.randn_like(p))
    made.set_centroids(np.random.default_rng(4).standard_normal((KEYED.units, 5)))
    return made.eval()


def tokens_for(decision: str = "", seed: int = 5) -> AttributeTokens:
    """Tokens that matter."""
    torch.manual_seed(seed)
    tokens = AttributeTokens(
        AttributesConfig(decision, KEYED.vocab, KEYED.layers, KEYED.heads, KEYED.dim // KEYED.heads)
    )
    with torch.no_grad():
        tokens.keys_values.copy_(torch.randn_like(tokens.keys_values))
        tokens.counted.copy_(torch.randn_like(tokens.counted))
    return tokens.eval()


@pytest.fixture(scope="module")
def tokens():
    return tokens_for()


@pytest.fixture(scope="module")
def piece():
    rng = np.random.default_rng(2)
    heard, played = rng.integers(KEYED.vocab, size=(2, LENGTH))
    return heard, played, rng.standard_normal((LENGTH, 7)).astype(np.float32)


def rows(models: DecisionModels, piece, asks=None, first=0):
    """Logits, queries and greedy plans, hop by hop. asks: {hop: (names, guidance)}."""
    state, found, queries, plans = models.start(), [], [], []
    for t, (heard, played, features) in enumerate(zip(*piece, strict=True)):
        if t in (asks or {}):
            models.ask(state, *asks[t])
        plans.append(models.plan(state, greedy, 4))
        found.append(models.logits(state))
        queries.append(models.query(state))
        models.commit(state, played)
        models.hear(state, heard, features)
    return np.array(found), np.array(queries), plans


@pytest.mark.parametrize("asks", [{}, {0: (ASKED, 0.0)}, {0: ((), 4.0)}, {3: (ASKED, 2.0), 9: ((), 2.0)}])
def test_nothing_asked_is_a_model_without_tokens_bit_for_bit(model, tokens, piece, asks):
    """Also once it is asked nothing any more: what was asked before leaves no trace."""
    plain, asking = DecisionModels(model), DecisionModels(model, None, (tokens, None))
    expected, found = rows(plain, piece), rows(asking, piece, asks)
    since = 9 if 9 in asks else 0
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one[since:], other[since:])
    if since:
        assert not np.array_equal(expected[0][3:9], found[0][3:9])


@pytest.mark.parametrize("guidance", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("begins", [0, 13])
def test_a_row_of_the_kernel_is_a_row_of_forward(model, tokens, piece, guidance, begins):
    """Asked from a hop on, the rows before saw no token: in one pass as on stage, with the window sliding."""
    heard, played, features = piece
    double, mine = copy.deepcopy(model).double(), copy.deepcopy(tokens).double()
    seen = torch.zeros(2, LENGTH, len(NAMES), dtype=torch.bool)
    seen[1, begins:] = torch.from_numpy(tokens.seen(ASKED))
    both = (torch.from_numpy(np.stack([part, part])) for part in (heard, played))
    with torch.no_grad():
        expected = double.both_heads(
            *both, 1, features=torch.from_numpy(np.stack([features] * 2)).double(),
            asked=Asked(mine.tokens(model.unrotated), seen),
        )  # fmt: skip
    found = rows(DecisionModels(model, None, (tokens, None)), piece, {begins: (ASKED, guidance)})
    leaning = (
        tokens.counted[torch.from_numpy(tokens.seen(ASKED))].sum(0).double() * (np.arange(LENGTH) >= begins)[:, None]
    )
    for whole, each, added in zip(expected, found, (leaning, 0.0), strict=False):
        guided = (whole[0] + guidance * (whole[1] - whole[0] + added)).numpy()
        assert np.abs(each - guided).max() < (1 + 2 * guidance) * tolerance(guided)
    assert (expected[0][0] - expected[0][1])[begins:].abs().max() > 0.1, "the tokens matter"


def test_generation_is_asked_as_forward_is(model, tokens, piece):
    heard, _, features = piece
    seen = torch.from_numpy(tokens.seen(ASKED)).expand(1, LENGTH, -1)
    asked, logits = Asked(tokens.tokens(model.unrotated).detach(), seen), []

    def likeliest(t, row):
        logits.append(row)
        return row.argmax(-1)

    given = torch.from_numpy(heard)[None], torch.from_numpy(features)[None]
    labels = model.generate(given[0], likeliest, 1, features=given[1], asked=asked)
    with torch.no_grad():
        expected, _ = model.both_heads(given[0], labels, 1, features=given[1], asked=asked)
    assert (torch.stack(logits, 1) - expected).abs().max() < 2 * tolerance(expected.numpy())


def test_a_change_is_as_if_it_had_been_asked_first(model, tokens, piece):
    """Asked for one thing and then for another, and for it at once: from there on the same bits."""
    models = DecisionModels(model, None, (tokens, None))
    changed = rows(models, piece, {4: (("dynamics low",), 2.0), 11: (ASKED, 2.0)})
    at_once = rows(models, piece, {11: (ASKED, 2.0)})
    again = rows(models, piece, {11: (ASKED, 1.0), 12: (ASKED, 2.0)})
    for one, other, third in zip(changed, at_once, again, strict=True):
        assert np.array_equal(one[11:], other[11:])
        assert np.array_equal(other[12:], third[12:]), "a turn of guidance keeps the row"


def test_asking_again_for_the_same_keeps_the_row(model, tokens, piece):
    models = DecisionModels(model, None, (tokens, None))
    once = rows(models, piece, {2: (ASKED, 2.0)})
    again = rows(models, piece, dict.fromkeys(range(2, LENGTH), (ASKED, 2.0)))
    for one, other in zip(once, again, strict=True):
        assert np.array_equal(one, other)


def test_a_batch_is_asked_row_by_row(model, tokens, piece):
    """Every sequence of a batch as if it were alone."""
    heard, played, features = piece
    asked = tokens.asking(ASKED, model.unrotated)
    together, alone = model.start(batch=2), [model.start(), model.start()]
    for state in (together, *alone):
        model.ask(state, *asked, 3.0)
    for t in range(12):
        both = model.logits(together)
        for n, state in enumerate(alone):
            assert np.array_equal(both[n], model.logits(state))
            model.commit(state, played[t + n])
            model.hear(state, heard[t + n], features[t + n])
        model.commit(together, played[[t, t + 1]])
        model.hear(together, heard[[t, t + 1]], features[[t, t + 1]])


def test_a_second_model_without_tokens_is_asked_nothing(model, tokens, piece):
    both = DecisionModels(model, model, (tokens, None))
    state = both.start()
    both.ask(state, ASKED, 4.0)
    first = both.logits(state)
    state.deciding = 1
    assert np.array_equal(both.logits(state), model.logits(model.start())) and not np.array_equal(
        first, both.logits(state)
    )


# --- files


@pytest.fixture
def folder(model, tmp_path):
    """A decision and its tokens."""
    write_files(tmp_path, model.files(dtype=torch.float32))
    made = tokens_for(weights_of(tmp_path))
    made.card = {"steps": 3}
    write_files(tmp_path, made.files())
    return tmp_path


def test_tokens_are_what_was_saved_and_small(folder):
    loaded, saved = AttributeTokens.load(folder), tokens_for()
    assert loaded.card == {"steps": 3} and loaded.config.names == NAMES
    assert torch.equal(loaded.keys_values, saved.keys_values.half().float())
    assert torch.equal(loaded.counted, saved.counted.half().float())
    size = sum((folder / f"attributes.{end}").stat().st_size for end in ("json", "safetensors"))
    assert size < 2 * (saved.keys_values.numel() + saved.counted.numel()) + 4000
    assert not any(weights.requires_grad and weights.grad is not None for weights in loaded.parameters())


def test_a_decision_without_tokens_has_none(model, tmp_path):
    write_files(tmp_path, model.files())
    assert AttributeTokens.load(tmp_path) is None


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "attributes.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "attributes.safetensors").unlink(), "attributes.safetensors is missing"),
        (lambda f: (f / "attributes.json").unlink(), "attributes.json is missing"),
        (lambda f: (f / "attributes.safetensors").write_bytes(b"x" * 99), "do not belong together"),
        (lambda f: (f / "decision.safetensors").write_bytes(b"other"), "belong to another decision"),
        (lambda f: resized(f, layers=2), "is damaged"),
        (lambda f: resized(f, names=[]), "must be above 0"),
        (lambda f: resized(f, colour=1), "is damaged"),
    ],
)
def test_damaged_tokens_are_a_sentence_with_the_remedy(folder, damage, said):
    damage(folder)
    with pytest.raises(AttributesError, match=said) as refused:
        AttributeTokens.load(folder)
    assert "\n" not in str(refused.value) and "python -m train.fit_attributes" in str(refused.value)


def resized(folder, **sizes):
    """Change sizes in attributes.json."""
    header = json.loads((folder / "attributes.json").read_text())
    header["config"] |= sizes
    (folder / "attributes.json").write_text(json.dumps(header))


# --- words


def test_names_of_words():
    assert names_of(read_sound("a sparse, loud bass off the beat", "add").instruction) == (
        "density low", "dynamics high", "place high", "bass",
    )  # fmt: skip
    assert names_of(read_sound("drums", "add").instruction) == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sparse low piano, minor", ("density low", "register low", "chords")),
        ("a busy, sparse thing of colours", ("density high",)),
        ("", ()), ("…, - !", ()), ("x" * 10_000, ()), ("Ω 低い 🎸", ()), ("off the beat", ("place high",)),
    ],
)  # fmt: skip
def test_what_is_said_is_asked_as_far_as_it_is_known(text, names):
    assert names_of(mentioned(text)) == names

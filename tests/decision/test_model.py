"""The laws of the decision model: cached = uncached, causality, a plan changes nothing, hours cost what minutes do."""

import copy
import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch
from numba import njit
from safetensors.torch import save

from corpora.whole_files import write_files
from decision import kernel
from decision.model import PAPER, SMALL, Decision, DecisionConfig, DecisionError
from tests.tolerance import float32_step, rounding

CONFIG = DecisionConfig(units=11, hop=1.5, window=10, dim=32, layers=3, heads=2, ff=48, alphabet="k11-test")
LENGTH = 35  # more than three windows
# Sums in a row: 13 a layer (3 norms, 6 products, 2 attentions of 2 sums each), norm and product of what is heard, and
# the last norm and the head.
STEPS = 3 * 13 + 2 + 2


@pytest.fixture(scope="module")
def model():
    """A model whose every weight matters: what starts at zero is moved away from it."""
    torch.manual_seed(1)
    made = Decision(CONFIG)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.15 * torch.randn_like(p))
    return made.eval()


@pytest.fixture(scope="module")
def piece():
    rng = np.random.default_rng(2)
    return rng.integers(CONFIG.vocab, size=(2, 3, LENGTH))  # heard and played, (batch 3, LENGTH)


def whole(model, heard, played, lookahead, origin=0):
    """(B, T, vocab) by `forward`."""
    with torch.no_grad():
        return model(torch.from_numpy(heard), torch.from_numpy(played), lookahead, origin=origin).numpy()


def exact(model, heard, played, lookahead, origin=0):
    """(B, T, vocab) by `forward` in float64."""
    return whole(copy.deepcopy(model).double(), heard, played, lookahead, origin)


def tolerance(logits):
    """How far rounding may take logits computed in float32 from these."""
    return rounding(steps=STEPS, terms=max(CONFIG.ff, CONFIG.dim, 2 * CONFIG.window), scale=np.abs(logits).max())


def played_step_by_step(model, heard, played, lookahead, origin=0):
    """(T, vocab): hop by hop as on stage; lookahead None hears as far ahead as it may."""
    state, rows = model.start(origin=origin), []
    for t in range(len(played)):
        known = t - lookahead + 1 if lookahead else min(len(heard), t + model.config.window)
        while state.heard - origin < known:
            model.hear(state, heard[state.heard - origin])
        rows.append(model.logits(state))
        model.commit(state, played[t])
    return np.array(rows)


def greedy(logits):
    return int(logits.argmax())


@pytest.fixture(scope="module")
def querying(piece):
    """A model with keys and a query, and features (3, LENGTH, feature dim) of the piece."""
    torch.manual_seed(3)
    made = Decision(dataclasses.replace(CONFIG, key_dim=5, extra_dim=2))
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.15 * torch.randn_like(p))
    made.set_centroids(np.random.default_rng(4).standard_normal((CONFIG.units, 5)))
    return made.eval(), torch.randn(3, LENGTH, 7)


@pytest.mark.parametrize("lookahead", [None, 1, 2, 4])
def test_logits_and_queries_row_by_row_equal_those_of_forward(querying, piece, lookahead):
    model, features = querying
    heard, played = (torch.from_numpy(part) for part in piece)
    with torch.no_grad():
        logits, queries = copy.deepcopy(model).double().both_heads(heard, played, lookahead, features=features.double())
    state, window = model.start(batch=3, origin=0), CONFIG.window
    for t in range(LENGTH):
        known = t - lookahead + 1 if lookahead else min(LENGTH, t + window)
        while state.heard < known:
            model.hear(state, piece[0][:, state.heard], features[:, state.heard].numpy())
        for found, expected in ((model.logits(state), logits[:, t]), (model.query(state), queries[:, t])):
            assert np.abs(found - expected.numpy()).max() < tolerance(expected.numpy())
        model.commit(state, piece[1][:, t])


def test_generation_hears_features_as_forward_does(querying, piece):
    model, features = querying
    heard, rows = torch.from_numpy(piece[0]), []

    def likeliest(t, logits):
        rows.append(logits)
        return logits.argmax(-1)

    labels = model.generate(heard, likeliest, 1, features=features)
    with torch.no_grad():
        expected = model(heard, labels, 1, features=features)
    assert (torch.stack(rows, 1) - expected).abs().max() < 2 * tolerance(expected.numpy())


def test_an_untrained_query_asks_for_what_was_heard_last(piece):
    model = Decision(dataclasses.replace(CONFIG, key_dim=5)).eval()
    with torch.no_grad():
        model.query_head.weight.zero_()
        model.gate_head.weight.zero_()
        features = torch.nn.functional.normalize(torch.randn(3, LENGTH, 5), dim=-1)
        _, queries = model.both_heads(*(torch.from_numpy(part) for part in piece), 1, features=features)
    sharpness = float(model.log_sharpness.exp().detach())
    assert torch.allclose(queries[:, 1:], sharpness * features[:, :-1], atol=float32_step(sharpness))
    assert not queries[:, 0].any()


@pytest.mark.parametrize("origin", [0, 100_003])
@pytest.mark.parametrize("lookahead", [None, 1, 2, 4])
def test_cached_equals_uncached_beyond_the_window_and_after_hours(model, piece, lookahead, origin):
    heard, played = piece[:, :1]
    expected = exact(model, heard, played, lookahead)[0]
    found = played_step_by_step(model, heard[0], played[0], lookahead, origin)
    assert np.abs(found - expected).max() < tolerance(expected) / 2  # one of the two is exact


def test_only_distances_are_seen(model, piece):
    """The same piece begun 100,000 hops (a day at 1 s) later is the same piece."""
    expected = exact(model, *piece, 1)
    assert np.abs(exact(model, *piece, 1, origin=100_000) - expected).max() < tolerance(expected)  # angles are float32


def test_the_logits_depend_on_all_that_should_matter(model, piece):
    """Otherwise the other laws would hold for a model that ignores its input."""
    heard, played = piece
    base = whole(model, heard, played, 1)
    for changed in ((heard + 1) % CONFIG.vocab, played), (heard, (played + 1) % CONFIG.vocab):
        assert np.abs(whole(model, *changed, 1) - base)[:, 2:].max(-1).min() > 1e-3


@pytest.mark.parametrize("lookahead", [1, 2, 4])
def test_live_sees_no_later_than_lookahead_allows(model, piece, lookahead):
    heard, played = piece
    base = exact(model, heard, played, lookahead)
    for s in (0, 7, 20):
        other = heard.copy()
        other[:, s] = (other[:, s] + 1) % CONFIG.vocab
        difference = np.abs(exact(model, other, played, lookahead) - base).max((0, 2))
        assert difference[: s + lookahead].max() < float32_step(np.abs(base).max())
        assert difference[s + lookahead] > 1e-4


def test_a_row_sees_played_labels_before_it_only(model, piece):
    heard, played = piece
    base = exact(model, heard, played, None)
    other = played.copy()
    other[:, 12] = (other[:, 12] + 1) % CONFIG.vocab
    difference = np.abs(exact(model, heard, other, None) - base).max((0, 2))
    assert difference[:13].max() < float32_step(np.abs(base).max())
    assert difference[13] > 1e-4


def test_nothing_outside_the_windows_is_seen(model):
    """One layer looks one window back and, offline, less than one ahead; layers add up over what was played."""
    torch.manual_seed(0)
    one = Decision(DecisionConfig(**{**CONFIG.__dict__, "layers": 1})).eval()
    rng, window = np.random.default_rng(0), CONFIG.window
    heard, played = rng.integers(CONFIG.vocab, size=(2, 1, LENGTH))
    base = exact(one, heard, played, None)
    unseen = float32_step(np.abs(base).max())
    other_heard, other_played = heard.copy(), played.copy()
    other_heard[:, 15], other_played[:, 15] = (heard[:, 15] + 1) % CONFIG.vocab, (played[:, 15] + 1) % CONFIG.vocab
    moved = np.abs(exact(one, other_heard, played, None) - base).max((0, 2)) > unseen
    assert np.flatnonzero(moved).tolist() == list(range(15 - window + 1, 15 + window))
    moved = np.abs(exact(one, heard, other_played, None) - base).max((0, 2)) > unseen
    assert np.flatnonzero(moved).tolist() == list(range(16, 16 + window))


def test_a_plan_changes_nothing_and_is_what_then_happens(model, piece):
    heard, played = piece[:, 0]
    state = model.start()
    for t in range(LENGTH - 6):
        model.hear(state, heard[t])
        model.commit(state, played[t])
    before = copy.deepcopy(state)
    plan = model.plan(state, greedy, 6)
    window = CONFIG.window
    assert (state.caches.own[..., :window, :] == before.caches.own[..., :window, :]).all()
    assert (state.caches.heard == before.caches.heard).all()
    assert (state.heard, state.played, state.last.tolist()) == (before.heard, before.played, before.last.tolist())
    assert model.plan(state, greedy, 6) == plan
    for label in plan:  # nothing more heard: playing the plan gives the logits it was made from
        assert greedy(model.logits(before)) == label
        model.commit(before, label)


def test_what_was_played_is_remembered_not_what_was_planned(model, piece):
    heard, played = piece[:, 0]
    planned, plain = model.start(), model.start()
    for t in range(LENGTH):
        model.plan(planned, greedy, 4)
        for state in (planned, plain):
            model.commit(state, played[t])
            model.hear(state, heard[t])
    assert (model.logits(planned) == model.logits(plain)).all()


def test_two_pieces_of_one_model_do_not_touch(model, piece):
    alone = played_step_by_step(model, piece[0, 0], piece[1, 0], 1)
    states = [model.start(), model.start()]
    for t in range(LENGTH):
        assert (model.logits(states[0]) == alone[t]).all()
        for i, state in enumerate(states):
            model.plan(state, greedy, 2)
            model.commit(state, piece[1, i, t])
            model.hear(state, piece[0, i, t])


def test_a_batch_is_its_pieces(model, piece):
    heard, played = piece
    state = model.start(batch=3)
    for t in range(LENGTH):
        logits = model.logits(state)
        model.commit(state, played[:, t])
        model.hear(state, heard[:, t])
        assert logits.shape == (3, CONFIG.vocab)
    for i in range(3):
        alone = played_step_by_step(model, heard[i], played[i], 1)[-1]
        assert np.abs(alone - logits[i]).max() < tolerance(alone)


def test_two_hours_are_flat_in_memory_and_work(model, monkeypatch):
    """The kernel's work is the slots it visits; they and the state stay what they are after one window."""
    state, work = model.start(), []
    decode = kernel._decode_row

    def counted(weights, caches, at, *more):
        own, heard = kernel._visible_slots(at, weights.window)
        work.append((len(own), len(heard), caches.own.nbytes + caches.heard.nbytes))
        return decode(weights, caches, at, *more)

    monkeypatch.setattr(kernel, "_decode_row", counted)
    for t in range(round(7200 / CONFIG.hop)):
        model.commit(state, t % CONFIG.vocab)
        model.hear(state, t % 7)
    window = CONFIG.window
    assert set(work[window:]) == {(window, window - 1, work[0][2])}
    arrays = [*state.caches, *(v for v in vars(state).values() if isinstance(v, np.ndarray))]
    assert sum(a.nbytes for a in arrays) < 2 * 3 * 2 * 32 * 4 * 2 * window + 1000


def test_weights_played_are_those_learned_last(model, piece):
    changing = copy.deepcopy(model)
    before = played_step_by_step(changing, piece[0, 0], piece[1, 0], 1)
    changing.train()
    with pytest.raises(RuntimeError, match="call eval"):
        changing.start()
    with torch.no_grad():
        changing.head.bias.add_(1.0)
    changing.eval()
    after = played_step_by_step(changing, piece[0, 0], piece[1, 0], 1)
    assert np.abs(after - (before + 1)).max() <= 2 * float32_step(np.abs(after).max())  # both are rounded once more


def test_save_and_load_round_trip(model, piece, tmp_path):
    write_files(tmp_path / "m", model.files({"steps": 3}))
    loaded = Decision.load(tmp_path / "m")
    assert loaded.config == CONFIG and loaded.card == {"steps": 3} and not loaded.training
    for name, value in model.state_dict().items():
        assert (loaded.state_dict()[name] == value.half().float()).all()
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    expected, got = whole(model, *piece, 1), whole(loaded, *piece, 1)
    assert 0 < np.abs(got - expected).max() < 0.05
    write_files(tmp_path / "again", loaded.files())
    names = "decision.json", "decision.safetensors"
    assert all((tmp_path / "m" / n).read_bytes() == (tmp_path / "again" / n).read_bytes() for n in names)
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == sorted(names)


def test_eight_bits_round_by_half_a_step_of_their_row(model, piece, tmp_path, monkeypatch):
    """And what is loaded from them is float16 numbers, which the kernel reads as such and a file keeps."""
    monkeypatch.setattr("decision.saved.LARGE", 1)
    small, half = model.files(dtype=torch.int8), model.files()
    assert len(small["decision.safetensors"]) < 0.62 * len(half["decision.safetensors"])  # its vectors stay float16
    write_files(tmp_path / "m", small)
    loaded = Decision.load(tmp_path / "m")
    for name, value in model.state_dict().items():
        got = loaded.state_dict()[name]
        assert torch.equal(got, got.half().float())
        if value.ndim > 1:
            step = value.abs().flatten(1).amax(1).view(-1, *[1] * (value.ndim - 1)) / 127
            assert ((got - value).abs() <= 0.5 * step + 2**-10 * value.abs() + 1e-7).all(), name
    assert 0 < np.abs(whole(loaded, *piece, 1) - whole(model, *piece, 1)).max() < 0.5
    write_files(tmp_path / "again", loaded.files())
    again = Decision.load(tmp_path / "again").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in loaded.state_dict().items())
    header, weights = small["decision.json"], save({"head.weight": torch.zeros(1, 1, dtype=torch.int8)})
    damaged = json.loads(header) | {"weights": hashlib.sha256(weights).hexdigest()}
    write_files(tmp_path / "m", {"decision.json": json.dumps(damaged).encode(), "decision.safetensors": weights})
    with pytest.raises(DecisionError, match="is damaged"):
        Decision.load(tmp_path / "m")


def test_a_save_that_fails_leaves_the_old_model(model, tmp_path):
    write_files(tmp_path, model.files({"steps": 1}))
    with pytest.raises(TypeError):
        write_files(tmp_path, model.files({"steps": object()}))
    assert Decision.load(tmp_path).card == {"steps": 1}


def test_load_says_what_is_wrong(model, tmp_path):
    def refused(says):
        with pytest.raises(DecisionError, match=says):
            Decision.load(tmp_path)

    refused("decision.json is missing.*antiphon train decision")
    write_files(tmp_path, model.files())
    about, weights = tmp_path / "decision.json", tmp_path / "decision.safetensors"
    right, tensors = about.read_text(), weights.read_bytes()
    about.write_text(right[:50])
    refused("cannot be read")
    about.write_text(json.dumps({**json.loads(right), "format": 9}))
    refused("is of format 9, this program reads 2")
    wrong = json.loads(right)
    wrong["config"]["dim"] = 64
    about.write_text(json.dumps(wrong))
    refused("is damaged")
    about.write_text(right)
    weights.write_bytes(tensors[:-4])
    refused("do not belong together")
    weights.unlink()
    refused("decision.safetensors is missing")


def test_another_alphabet_or_hop_is_refused_with_the_remedy(model):
    model.check("k11-test", 1.5)
    with pytest.raises(DecisionError, match=r"speaks alphabet k11-test, not k64-9c02.*train decision"):
        model.check("k64-9c02", 1.5)
    with pytest.raises(DecisionError, match=r"hop of 1.5 s, not 0.5 s"):
        model.check("k11-test", 0.5)


def test_misuse_is_told(model):
    state = model.start()
    for label in (-1, CONFIG.vocab, CONFIG.start, np.array([1, 2])):
        with pytest.raises(DecisionError, match=r"expected 1 of 0 to 11 \(11 is silence\)"):
            model.hear(state, label)
        with pytest.raises(DecisionError, match="expected 1 of 0 to 11"):
            model.commit(state, label)
    for horizon in (0, CONFIG.window + 1):
        with pytest.raises(DecisionError, match="expected 1 to 10 labels"):
            model.plan(state, greedy, horizon)
    for _ in range(CONFIG.window):
        model.hear(state, 0)
    with pytest.raises(DecisionError, match="ahead of what is played"):
        model.hear(state, 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"window": 9}, "expected 15 s or more, 10 labels"),
        ({"dim": 36}, "multiple of 4 \\* heads = 8"),
        ({"layers": 0}, "above 0"),
        ({"dropout": 1.0}, "dropout = 1.0"),
        ({"lookaheads": (0,)}, "1 hop or more"),
    ],
)
def test_impossible_models_are_refused(wrong, says):
    with pytest.raises(DecisionError, match=says):
        DecisionConfig(**{**CONFIG.__dict__, **wrong})


@pytest.mark.parametrize("size", [SMALL, PAPER])
def test_both_sizes_can_be_configured(size):
    config = DecisionConfig(units=64, hop=0.25, window=60, **size)
    assert config.vocab == 65 and config.start == 65


def test_weights_kept_in_half_the_room_are_the_same_numbers(model, piece, tmp_path):
    """What float16 holds is kept as float16; a row of it is the row of the same weights in float32."""
    write_files(tmp_path, model.files())
    loaded = Decision.load(tmp_path)
    halves = loaded.packed_weights()
    assert halves.layers.dtype == halves.head.dtype == np.uint16
    assert model.packed_weights().layers.dtype == np.float32, "weights that float16 would round stay as they are"
    heard, played = piece[:, 0]
    short = played_step_by_step(loaded, heard, played, 1)
    floats = {name: getattr(halves, name).view(np.float16).astype(np.float32) for name in ("layers", "head")}
    loaded._weights = halves._replace(**floats)
    assert np.abs(played_step_by_step(loaded, heard, played, 1) - short).max() < tolerance(short)


@njit
def widened_by_integers(bits):
    out = np.empty(len(bits), np.float32)
    for i in range(len(bits)):
        out[i] = kernel._widened_by_integers(bits[i])
    return out


def test_every_number_of_float16_is_read_exactly():
    """Subnormals, both zeros and both signs: with an instruction for it, where there is one, and without."""
    every = np.arange(1 << 16, dtype=np.uint16)
    every = every[np.isfinite(every.view(np.float16))]
    assert np.array_equal(widened_by_integers(every), every.view(np.float16).astype(np.float32))
    flat, one = np.concatenate([every, np.zeros(len(every), np.uint16)]), np.ones((1, 1), np.float32)
    out = np.empty((1, len(every)), np.float32)
    kernel._linear(one, flat, 0, out)
    assert np.array_equal(out[0], every.view(np.float16).astype(np.float32))


def test_packing_loses_nothing_or_is_not_done():
    exact = np.array([1.5, -(2.0**-24), 65504, 0], np.float32)
    assert np.array_equal(kernel.packed(exact).view(np.float16).astype(np.float32), exact)
    for weight in (0.1, 1e9, 2.0**-26):
        assert kernel.packed(np.array([weight], np.float32)).dtype == np.float32

"""Re-generation: the measures by hand, the rivals' expectations exactly, the whole from tokens and from stems."""

import dataclasses
import json
import math

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Wav2Vec2Model

from corpora.whole_files import write_files
from decision.model import Decision, DecisionConfig, DecisionError
from decision.sampling import CONSTRAINTS, sample, sample_rows
from perception.units import Alphabet
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder, music_config
from tests.tolerance import network_rounding
from train.common.errors import TrainError
from train.data import token_pairs
from train.data.tokenise import pitched_songs
from train.evaluate import metrics
from train.evaluate.baselines import LabelStatistics
from train.evaluate.regeneration import RegenerationEvaluation, main, regeneration
from train.evaluate.regeneration_grid import grid
from train.evaluate.rollout import model_cross_entropy, model_labels, roll
from train.evaluate.windows import Windows, choose_windows, windows_of

FILES = ["regeneration.json", "regeneration.md", "regeneration.png"]
K, HOP = 6, 0.5
PLAYED = st.integers(1, 12).flatmap(
    lambda t: st.lists(st.lists(st.integers(0, 3), min_size=t, max_size=t), min_size=1, max_size=5)
)


# The measures


def test_tpp_and_lcp_of_a_window_worked_by_hand():
    truth = np.array([[1, 1, 2, 3, 3, 0]])
    answer = np.array([[1, 2, 2, 3, 0, 0]])
    assert metrics.tpp(answer, truth) == pytest.approx([400 / 6])
    assert metrics.lcp(answer, truth).tolist() == [[1, 0, 2, 1, 0, 1]]  # the last is right, and the window ends there


def test_where_b_sounds_a_player_who_never_plays_scores_nothing():
    truth = np.array([[9, 9, 1, 2, 9], [1, 1, 1, 1, 9]])
    answer = np.array([[9, 9, 9, 9, 9], [1, 1, 9, 2, 3]])
    assert metrics.active_tpp(answer, truth, 9).tolist() == [0.0, 50.0]
    with pytest.raises(ValueError, match="silent throughout"):
        metrics.active_tpp(answer, np.full((2, 5), 9), 9)


def test_what_was_played_itself_is_right_everywhere():
    truth = np.random.default_rng(0).integers(0, 9, (4, 30))
    assert metrics.tpp(truth, truth).tolist() == [100.0] * 4
    assert (metrics.lcp(truth, truth) == 30 - np.arange(30)).all()


@settings(max_examples=60)
@given(PLAYED, st.randoms(use_true_random=False))
def test_lcp_is_the_definition_and_agrees_with_tpp(played, random):
    truth = np.array(played)
    answer = np.array([[random.choice([label, 0]) for label in row] for row in played])
    prefixes, n = metrics.lcp(answer, truth), truth.shape[1]
    for s, t, row in zip(answer, truth, prefixes, strict=True):
        for i in range(n):
            assert row[i] == max(
                length for length in range(n - i + 1) if (s[i : i + length] == t[i : i + length]).all()
            )
    assert metrics.tpp(answer, truth) == pytest.approx(100 * (prefixes > 0).mean(axis=1))
    assert (metrics.lcp(truth, answer) == prefixes).all()


def test_entropy_and_silence():
    labels = np.array([[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 3, 3]])
    assert metrics.entropy(labels).tolist() == [0.0, 2.0, 1.0]
    assert metrics.silence_share(labels, 3).tolist() == [0.0, 0.25, 0.5]


def test_windows_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="expected both"):
        metrics.tpp(np.zeros((1, 3)), np.zeros((1, 4)))


def test_the_interval_draws_songs_and_not_windows():
    songs = np.repeat([0, 1, 2, 3], 100)
    values = songs.astype(float)  # windows of a song all alike: 400 of them say no more than 4
    low, high = metrics.interval(values, songs, np.random.default_rng(0))
    assert low < 0.7 and high > 2.3
    assert metrics.interval(values[:100], songs[:100], np.random.default_rng(0)) is None


def test_compare_tells_better_from_equal():
    rng, songs = np.random.default_rng(0), np.arange(60) % 6
    ours = rng.normal(size=60)
    same = metrics.compare(ours, ours, songs, rng)
    assert (same["p"], same["superiority"], same["difference"]) == (pytest.approx(1.0), 0.5, 0.0)
    better = metrics.compare(ours + 3, ours, songs, rng)
    assert better["p"] < 1e-4 and better["superiority"] > 0.9 and better["interval"] == pytest.approx((3.0, 3.0))


# Drawing, for many rows at once


class Given:
    """An rng that says the numbers it was given."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def random(self):
        return self.numbers.pop(0)


@settings(max_examples=80)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(CONSTRAINTS),
    st.sampled_from([0.0, 0.3, 0.8, 0.999, 1.0]),
    st.sampled_from([0.0, 1.0, 8.0]),
)
def test_many_rows_are_drawn_as_one_is(seed, constraint, top_p, spread):
    rng = np.random.default_rng(seed)
    rows, vocab = 20, 9
    logits = (rng.normal(size=(rows, vocab)).round(1) * spread).astype(np.float32)  # rounded: with ties
    logits[rng.random(logits.shape) < 0.1] = -np.inf
    allowed = rng.random((rows, vocab)) < 0.4
    allowed[np.arange(rows), logits.argmax(1)] |= not allowed.any(1).all()
    allowed[:, 0], logits[:, 0] = True, 0.0
    uniform = np.append(rng.random(rows - 2), [0.0, np.nextafter(1, 0)])
    drawn = sample_rows(logits, allowed, uniform, top_p=top_p, constraint=constraint)
    for i in range(rows):
        single = sample(logits[i], allowed[i], Given(uniform[i]), top_p=top_p, constraint=constraint)
        assert drawn[i] == single


def test_an_unknown_constraint_is_named():
    with pytest.raises(ValueError, match="'maybe'"):
        sample_rows(np.zeros((1, 2)), np.ones((1, 2), bool), np.zeros(1), constraint="maybe")


# The rivals

VOCAB = 4


def known_windows() -> Windows:
    """A says what B answers at the same hop (its label + 1), B is 0 in half of all places."""
    rng = np.random.default_rng(1)
    input = rng.choice([3, 0, 1, 2], p=[0.5, 0.3, 0.1, 0.1], size=(400, 30))
    return Windows(input, (input + 1) % VOCAB, np.arange(400) % 8)


def mean_tpp(name: str, constraint: str = "none", top_p: float = 1.0) -> float:
    known = known_windows()
    statistics = LabelStatistics.of(known, VOCAB, len(known.song))
    scores, own = statistics.players(known.input)[name]
    uniform = np.random.default_rng(2).random(known.played.shape)
    answer = roll(scores, known.allowed(VOCAB), uniform, top_p=top_p if own is None else own, constraint=constraint)
    return metrics.tpp(answer, known.played).mean()


def test_rivals_are_right_as_often_as_chance_says():
    share = np.bincount(known_windows().played.ravel(), minlength=VOCAB) / 12000
    assert mean_tpp("uniform") == pytest.approx(100 / VOCAB, abs=1.5)  # 12,000 labels: sd 0.4
    assert mean_tpp("marginal") == pytest.approx(100 * (share**2).sum(), abs=1.5)
    assert mean_tpp("commonest") == pytest.approx(100 * share.max(), abs=1e-9)
    assert mean_tpp("given A") > 99.5
    assert mean_tpp("hold") == pytest.approx(100 * (share**2).sum(), abs=5)  # one draw a window: 400 of them
    for name in ("given A before", "after own"):  # neighbouring hops know nothing of each other here
        assert mean_tpp(name) == pytest.approx(100 * (share**2).sum(), abs=1.5)


def test_within_what_is_allowed_the_uniform_rival_has_one_chance_in_so_many():
    known = known_windows()
    expected = (100 / known.allowed(VOCAB).sum(1)).mean()
    assert mean_tpp("uniform", "require") == pytest.approx(expected, abs=1.5)
    assert mean_tpp("uniform", "prefer") == pytest.approx(expected, abs=1.5)


def test_what_is_allowed_belongs_to_the_window_and_not_to_the_batch():
    windows = Windows(np.zeros((2, 3), np.int64), np.array([[0, 0, 1], [2, 2, 2]]), np.zeros(2, np.int64))
    assert windows.allowed(4).tolist() == [[True, True, False, False], [False, False, True, False]]


def test_cross_entropies_of_the_rivals():
    known = known_windows()
    nats = {k: v.mean() for k, v in LabelStatistics.of(known, VOCAB, 400).cross_entropies(known).items()}
    share = np.bincount(known.played.ravel(), minlength=VOCAB) / 12000
    entropy = -(share * np.log(share)).sum()
    assert nats["uniform"] == pytest.approx(math.log(4))
    assert nats["marginal"] == pytest.approx(entropy, abs=1e-4)
    assert nats["after own"] == pytest.approx(entropy, abs=5e-3)
    assert nats["given A"] < 0.01


def test_a_song_is_never_served_by_what_it_taught_itself():
    played = np.array([[0] * 10, [1] * 10, [1] * 10])
    windows = Windows(played, played, np.array([0, 1, 2]))
    statistics = LabelStatistics.leaving_out(windows, 3, np.array([0, 2]))
    assert statistics.marginal.shape == (2, 3) and statistics.which.tolist() == [0, 1]
    assert np.exp(statistics.marginal[0]) == pytest.approx(np.array([0.5, 20.5, 0.5]) / 21.5)
    assert np.exp(statistics.marginal[1]) == pytest.approx(np.array([10.5, 10.5, 0.5]) / 21.5)


# The model


def tiny_model(window: int = 30, hop: float = HOP, alphabet: str = "k6-test") -> Decision:
    torch.manual_seed(0)
    config = DecisionConfig(units=K, hop=hop, window=window, dim=16, layers=2, heads=2, ff=32, alphabet=alphabet)
    model = Decision(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)  # sharp enough that what is heard changes what is drawn
    return model.eval()


def some_windows(n: int = 70, length: int = 30) -> Windows:
    rng = np.random.default_rng(3)
    return Windows(*rng.integers(0, K + 1, (2, n, length)), np.arange(n) % 5)


@pytest.mark.parametrize("mode", ["full", 1, 3])
@pytest.mark.parametrize("length", [30, 40])  # 40: longer than the window, so full mode cannot hear all at once
def test_the_model_generates_as_its_forward_pass_predicts(mode, length):
    model, windows = tiny_model(), some_windows(length=length)
    uniform = np.random.default_rng(4).random(windows.played.shape)
    answer = model_labels(model, windows, uniform, mode, top_p=0.8, constraint="prefer")
    with torch.no_grad():
        input, played = torch.from_numpy(windows.input), torch.from_numpy(answer)
        logits = model(input, played, None if mode == "full" else mode).numpy()
    allowed = windows.allowed(K + 1)
    for t in range(length):
        expected = sample_rows(logits[:, t], allowed, uniform[:, t], top_p=0.8, constraint="prefer")
        assert (expected == answer[:, t]).mean() > 0.98  # equal but for rounding where two labels tie


def test_required_labels_are_those_of_the_window():
    model, windows = tiny_model(), some_windows()
    uniform = np.random.default_rng(4).random(windows.played.shape)
    answer = model_labels(model, windows, uniform, 1, top_p=0.8, constraint="require")
    assert np.take_along_axis(windows.allowed(K + 1), answer, axis=1).all()


def test_a_live_model_does_not_hear_what_has_not_ended():
    model, windows = tiny_model(), some_windows()
    later = Windows(windows.input.copy(), windows.played, windows.song)
    later.input[:, 12:] = 0
    uniform = np.random.default_rng(4).random(windows.played.shape)
    for mode, equal in ((1, 13), (3, 15)):
        a, b = (model_labels(model, w, uniform, mode, top_p=1.0, constraint="none") for w in (windows, later))
        assert (a[:, :equal] == b[:, :equal]).all() and (a[:, equal:] != b[:, equal:]).any()
    a, b = (model_labels(model, w, uniform, "full", top_p=1.0, constraint="none") for w in (windows, later))
    assert (a[:, 0] != b[:, 0]).any()


def test_the_cross_entropy_is_that_of_the_forward_pass():
    model, windows = tiny_model(), some_windows()
    with torch.no_grad():
        logits = model(torch.from_numpy(windows.input), torch.from_numpy(windows.played), 1)
    expected = -logits.log_softmax(-1).gather(2, torch.from_numpy(windows.played)[..., None]).mean((1, 2)).numpy()
    allowed = network_rounding(model, scale=float(logits.abs().max()), window=model.config.window)
    assert model_cross_entropy(model, windows, 1) == pytest.approx(expected, rel=0, abs=allowed)


# The whole


def stems(seed: int, split: str, songs: int, length: int = 70) -> dict[str, np.ndarray]:
    rng, labels = np.random.default_rng(seed), {}
    for song in range(songs):
        a = np.repeat(rng.integers(0, K + 1, length), 3)[:length]
        labels[f"{split}/s{song}/melody"], labels[f"{split}/s{song}/piano"] = a, (a + 1) % (K + 1)
        labels[f"{split}/s{song}/drums"] = a
        labels[f"{split}/s{song}/mix-melody+piano"] = a
    return labels


@pytest.fixture
def workspace(tmp_path):
    """A folder with a token cache and a decision model that belong together."""
    token_pairs.save(tmp_path / "k6_h0.50", stems(0, "train", 4) | stems(1, "test", 3), K, HOP, "k6-test")
    write_files(tmp_path / "decision", tiny_model().files())
    return tmp_path


def run(workspace, **more):
    return regeneration(workspace / "k6_h0.50", workspace / "decision", workspace / "out", **{"pairs": 12, **more})


def test_windows_are_pairs_both_ways_without_drums_and_submixes(workspace):
    windows = windows_of(token_pairs.load(workspace / "k6_h0.50"), "test", 15.0)
    assert windows.input.shape == windows.played.shape == (3 * 2 * 3, 30)  # songs, ways, places 0, 20 and 40
    assert windows.song.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    up = (windows.input + 1) % (K + 1) == windows.played
    assert up.all(axis=1).sum() == 9 and not up.all()


def test_a_window_whose_b_rests_more_than_four_fifths_is_left_out():
    rests, sounds = np.full(30, K), np.full(30, K)
    rests[:5], sounds[:6] = 0, 0
    cache = token_pairs.Tokens(K, HOP, "", {"test": {"s": {"a": rests, "b": sounds}}})
    assert windows_of(cache, "test", 15.0).played.tolist() == [sounds.tolist()]


def test_every_song_is_chosen_from_about_equally():
    song = np.repeat([0, 1, 2], [100, 10, 3])
    windows = Windows(np.zeros((113, 2)), np.zeros((113, 2)), song)
    chosen = choose_windows(windows, 21, np.random.default_rng(0))
    assert np.bincount(chosen.song).tolist() == [9, 9, 3]
    assert len(choose_windows(windows, 0, np.random.default_rng(0)).song) == 113


def test_a_whole_evaluation(workspace):
    result = run(workspace)
    assert sorted(p.name for p in (workspace / "out").iterdir()) == FILES
    assert json.loads((workspace / "out" / "regeneration.json").read_text()) == result
    assert (workspace / "out" / "regeneration.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    (c,) = result["configurations"]
    assert (c["name"], c["windows"], c["songs"], c["labels_per_window"]) == ("k6_h0.50", 12, 3, 30)
    assert c["rivals_learned_from"] == {"what": "the training split", "windows": 24, "songs": 4}
    who = {"model full", "model live 1", "uniform", "marginal", "commonest", "hold", "after own"}
    who |= {"given A", "given A before", "copy of A"}
    assert {(a["who"], a["constraint"]) for a in c["answers"]} == {(w, con) for w in who for con in CONSTRAINTS}
    for a in c["answers"]:
        assert a["tpp"]["n"] == a["lcp"]["n"] == a["entropy"]["n"] == a["tpp_sounding"]["n"] == 12
        assert a["tpp"]["mean"] == pytest.approx(np.mean(a["tpp_by_window"]), abs=1e-3)
        assert a["lcp"]["mean"] == pytest.approx(np.mean(a["lcp"]["mean_by_place"]))
        assert len(a["lcp"]["sd_by_place"]) == 30
    assert len(c["comparisons"]) == 2 * 8 * 3
    assert set(c["cross_entropy"]) == who - {"commonest", "hold", "copy of A"}
    table = (workspace / "out" / "regeneration.md").read_text()
    assert "**model live 1**" in table and "k6_h0.50" in table and "given A before" in table


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(workspace):
    run(workspace)
    first = [(workspace / "out" / name).read_bytes() for name in FILES]
    run(workspace)
    assert first == [(workspace / "out" / name).read_bytes() for name in FILES]
    run(workspace, seed=1)
    assert first[0] != (workspace / "out" / FILES[0]).read_bytes()


def test_one_mode_alone_gives_the_numbers_it_gives_beside_another(workspace):
    both, alone = run(workspace), run(workspace, modes=[1])
    rows = [{(a["who"], a["constraint"]): a for a in r["configurations"][0]["answers"]} for r in (both, alone)]
    assert all(rows[0][key] == value for key, value in rows[1].items())


@pytest.mark.slow
def test_without_a_training_split_the_other_songs_teach_the_rivals(workspace):
    token_pairs.save(workspace / "real", stems(1, "test", 3), K, HOP, "k6-test")
    result = regeneration(workspace / "real", workspace / "decision", workspace / "out", pairs=6)
    assert result["configurations"][0]["rivals_learned_from"]["what"] == "the other songs of this split"
    taught = regeneration(
        workspace / "real", workspace / "decision", workspace / "out", pairs=6, corpus=workspace / "k6_h0.50"
    )
    assert taught["configurations"][0]["rivals_learned_from"]["songs"] == 4


def test_the_grid_evaluates_what_both_sides_have(workspace):
    tokens, model = workspace / "tokens", workspace / "model"
    tokens.mkdir()
    for hop, name in ((0.5, "k6_h0.50"), (0.25, "k6_h0.25"), (0.35, "k6_h0.35")):
        length = int(40 / hop)
        token_pairs.save(tokens / f"{name}", stems(1, "test", 2, length), K, hop, "k6-test")
        if hop != 0.35:
            write_files(model / "decision" / name, tiny_model(math.ceil(15 / hop), hop).files())
    result = grid(tokens, model, workspace / "grid", modes=("full", 1), pairs=4)
    assert [c["name"] for c in result["configurations"]] == ["k6_h0.25", "k6_h0.50"]
    only = regeneration(tokens, model, workspace / "out", hop=0.5, pairs=4)
    assert only["configurations"] == result["configurations"][1:]
    with pytest.raises(TrainError, match=r"it has k6_h0\.25, k6_h0\.50"):
        regeneration(tokens, model, workspace / "out", hop=0.35)


def tiny_encoder(folder, hop: float) -> Wav2Vec2Encoder:
    """A music front end of random weights, saved as a real one is."""
    torch.manual_seed(0)
    Wav2Vec2Model(music_config(pitches=12, dim=32, layers=1, heads=2)).save_pretrained(folder)
    return Wav2Vec2Encoder.load(folder, hop)


def test_stems_are_encoded_by_the_models_own_encoder(tmp_path):
    folder, rng = tmp_path / "model", np.random.default_rng(0)
    encoder = tiny_encoder(folder / "encoder", 0.5)
    alphabet = Alphabet(np.zeros(encoder.dim), np.eye(encoder.dim), rng.normal(size=(K, encoder.dim)), 0.5)
    alphabet = dataclasses.replace(alphabet, projection=alphabet.projection.astype(np.float32))
    (folder / "units").mkdir()
    (folder / "units" / "k6_h0.50.safetensors").write_bytes(alphabet.to_bytes())
    hash_ = Alphabet.load(folder / "units" / "k6_h0.50.safetensors").hash
    write_files(folder / "decision" / "k6_h0.50", tiny_model(alphabet=hash_).files())
    for song in ("one", "two"):
        (tmp_path / "music" / song).mkdir(parents=True)
        for number, part in enumerate(("voice.flac", "synth.wav", "drums.flac")):
            tone = 0.2 * np.sin(np.arange(48000 * 16) * 0.02 * (number + 1)) * (rng.random(48000 * 16) < 0.9)
            sf.write(tmp_path / "music" / song / part, np.stack([tone, tone], 1), 48000)
    result = regeneration(tmp_path / "music", folder, tmp_path / "out")
    (c,) = result["configurations"]
    assert (c["alphabet"], c["windows"], c["songs"]) == (hash_, 4, 2)
    assert pitched_songs(tmp_path / "music" / "one", "test").keys() == {"one"}
    silent = np.zeros(SAMPLERATE * 16)
    for part in ("voice", "synth"):
        sf.write(tmp_path / f"{part}.wav", silent, SAMPLERATE)
    with pytest.raises(TrainError, match="no window of 15 s"):  # below the gate: all silence, nothing to answer
        regeneration(tmp_path, folder, tmp_path / "out2")
    assert not (tmp_path / "out2").exists()


def test_mistakes_are_reported_with_the_remedy(workspace, capsys):
    cache, decision = workspace / "k6_h0.50", workspace / "decision"
    with pytest.raises(TrainError, match="nothing at"):
        regeneration(workspace / "nowhere", decision, workspace / "out")
    with pytest.raises(TrainError, match=r"no decision model.*antiphon train decision"):
        regeneration(cache, workspace / "nowhere", workspace / "out")
    with pytest.raises(TrainError, match="splits here: test, train"):
        run(workspace, split="validation")
    with pytest.raises(TrainError, match="expected full, or how many"):
        RegenerationEvaluation(modes=("half",))
    with pytest.raises(TrainError, match="top_p = 2"):
        run(workspace, top_p=2.0)
    with pytest.raises(TrainError, match="has no encoder"):
        regeneration(workspace / "decision", decision, workspace / "out")
    token_pairs.save(workspace / "other", stems(1, "test", 3), K, HOP, "k6-other")
    with pytest.raises(DecisionError, match="speaks alphabet"):
        regeneration(workspace / "other", decision, workspace / "out")
    with pytest.raises(TrainError, match="written in alphabet"):
        run(workspace, corpus=workspace / "other")
    hearing = Decision(dataclasses.replace(tiny_model().config, key_dim=4))
    write_files(workspace / "hearing", hearing.files())
    with pytest.raises(TrainError, match="hears features"):
        regeneration(cache, workspace / "hearing", workspace / "out")
    assert not (workspace / "out").exists()
    with pytest.raises(TrainError, match="no window"):
        main([str(cache), "--model", str(decision), "-o", str(workspace / "out"), "--split", "nine"])


def test_a_disk_that_refuses_leaves_nothing_half_written(workspace, monkeypatch):
    run(workspace)
    before = {name: (workspace / "out" / name).read_bytes() for name in FILES}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("corpora.whole_files.os.replace", full)
    with pytest.raises(ValueError, match="no room on the disk"):
        run(workspace, seed=5)
    assert {p.name: p.read_bytes() for p in (workspace / "out").iterdir()} == before


def test_the_command_line(workspace, capsys):
    arguments = [str(workspace / "k6_h0.50"), "--model", str(workspace / "decision"), "-o", str(workspace / "out")]
    main([*arguments, "--pairs", "4", "--modes", "1", "2"])
    assert "**model live 2**" in capsys.readouterr().out

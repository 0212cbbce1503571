"""Training the decision model: what can be learned is, runs resume exactly, what does not fit is told."""

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from decision.model import Decision, DecisionError
from decision.sampling import CONSTRAINTS
from perception.units import fit_alphabet
from train import fit_decision, fit_units
from train.common.errors import TrainError
from train.common.settings import parse_recipe
from train.data import hearing, shards, token_pairs
from train.evaluate.rollout import model_labels
from train.evaluate.windows import Windows
from train.fit_decision import Batch, DecisionTraining, roll_out

UNITS = 7
fit_decision.SIZES["tiny"] = {"dim": 32, "layers": 2, "heads": 2, "ff": 64}  # trains in seconds
TINY = DecisionTraining(
    size="tiny", steps=12, batch=8, window=15.0, evaluate=4, crops=16, warmup=3, dropout=0.1, precision="float32"
)


def fit(tokens, out, settings=None, resume=False):
    return fit_decision.fit([tokens], out, resume, settings)


def echo(rng, length, behind):
    """A is a random walk over labels, B answers (A + 2) `behind` hops later, one label in five at random."""
    a = rng.integers(UNITS, size=length)
    b = np.where(rng.random(length) < 0.2, rng.integers(UNITS, size=length), (np.roll(a, behind) + 2) % UNITS)
    return a, b


def cache(path, behind=1, songs=30, alphabet="k7-test"):
    """Token cache of songs with mix-a (heard) and b (played): only A -> B can be drawn, so the optimum is known."""
    rng, stems = np.random.default_rng(0), {}
    for i in range(songs):
        split = "validation" if i % 6 == 0 else "train"
        a, b = echo(rng, 90, behind)
        stems[f"{split}/{i:03d}/mix-a+a2"], stems[f"{split}/{i:03d}/b"] = a, b
    token_pairs.save(path, stems, UNITS, 1.0, alphabet)
    return path


def optimum():
    """Cross-entropy, nats, of the perfect answer to `echo`."""
    hit, miss = 0.8 + 0.2 / UNITS, 0.2 / UNITS
    return -hit * math.log(hit) - (UNITS - 1) * miss * math.log(miss)


def test_an_answer_that_depends_on_the_input_is_learned(tmp_path):
    settings = dataclasses.replace(TINY, steps=260, batch=24, evaluate=130, rate=3e-3, noise=0.0, best="ce")
    card = fit(cache(tmp_path / "t"), tmp_path / "run", settings)
    scores, baselines = card["scores"]["validation"], card["scores"]["baselines"]
    assert abs(baselines["marginal_ce"] - math.log(UNITS)) < 0.05
    for name in ("live_ce", "full_ce"):
        assert optimum() - 0.1 < scores[name] < 0.75 * baselines["marginal_ce"]
    assert scores["unpaired_ce"] > 1.2 * scores["live_ce"]
    model = Decision.load(tmp_path / "run")
    assert model.config.alphabet == "k7-test" and model.card == json.loads(json.dumps(card))
    state, outputs = model.start(), []
    model.commit(state, UNITS)  # the hop in which there is nothing to answer yet
    inputs = np.random.default_rng(9).integers(UNITS, size=40)
    for label in inputs:
        model.hear(state, label)
        outputs.append(int(model.logits(state).argmax()))
        model.commit(state, outputs[-1])
    assert np.mean(np.array(outputs) == (inputs + 2) % UNITS) > 0.8


@pytest.mark.slow
def test_what_lies_ahead_helps_the_full_mask_only(tmp_path):
    """B answers a hop before A plays: a live model must not know, or the evaluation would flatter it."""
    settings = dataclasses.replace(TINY, steps=260, batch=24, evaluate=260, rate=3e-3, noise=0.0, own=0.0)
    card = fit(cache(tmp_path / "t", behind=-1), tmp_path / "run", settings)
    scores = card["scores"]["validation"]
    assert scores["full_ce"] < 0.8 * math.log(UNITS)
    assert scores["live_ce"] > 0.97 * math.log(UNITS)


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path, monkeypatch):
    tokens = cache(tmp_path / "t")
    settings = dataclasses.replace(TINY, save=0.0, own=1.0, own_share=1.0)
    whole = fit(tokens, tmp_path / "whole", settings)
    update = fit_decision._Trainer._update

    def interrupted(trainer):
        if trainer.run.step == 7:
            raise KeyboardInterrupt
        return update(trainer)

    with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
        m.setattr(fit_decision._Trainer, "_update", interrupted)
        fit(tokens, tmp_path / "cut", settings)
    torch.manual_seed(12345)
    resumed = fit(tokens, tmp_path / "cut", resume=True)
    uninterrupted, continued = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "cut"))
    assert uninterrupted.keys() == continued.keys() and all(
        torch.equal(uninterrupted[k], continued[k]) for k in uninterrupted
    )
    assert any(k.startswith("optimizer/") and k.endswith("exp_avg_sq") for k in uninterrupted)
    weights = [(tmp_path / name / "decision.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]
    for card in (whole, resumed):
        card.pop("seconds")
    assert whole == resumed
    steps = [json.loads(line)["step"] for line in (tmp_path / "cut" / "log.jsonl").read_text().splitlines()]
    assert steps == [4, 8, 12]


SCRIPT = """
import json, sys
from pathlib import Path
from tests.train.test_fit_decision import DecisionTraining, fit
fit(Path(sys.argv[1]), Path(sys.argv[2]), DecisionTraining(**json.loads(sys.argv[3])))
"""


def begin(tokens, out, settings, *launcher):
    """The recipe in a process of its own, or in those of a launcher."""
    script = out.with_suffix(".py")
    script.write_text(SCRIPT)
    words = [sys.executable, *launcher, str(script), str(tokens), str(out), json.dumps(dataclasses.asdict(settings))]
    found = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(words, env=os.environ | {"PYTHONPATH": found})


def curve(out):
    """The log of a run without what the clock says."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("minutes", "seconds")} for line in lines]


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_same_curve(tmp_path):
    tokens, settings = cache(tmp_path / "t"), dataclasses.replace(TINY, steps=18, evaluate=6, crops=4, save=0.0)
    process, end = begin(tokens, tmp_path / "cut", settings), time.monotonic() + 120
    while not (tmp_path / "cut" / "log.jsonl").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 0 < len(curve(tmp_path / "cut")) < 3
    cards = fit(tokens, tmp_path / "whole", settings), fit(tokens, tmp_path / "cut", settings, resume=True)
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert cards[0]["scores"] == cards[1]["scores"] and cards[0]["best_step"] == cards[1]["best_step"]
    weights = [(tmp_path / name / "decision.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


def hearing_cache(folder):
    """The cache with features of the input beside it, so that the query learns too. Returns the cache."""
    tokens = cache(folder / f"k{UNITS}_h1.00")
    rng, songs = np.random.default_rng(1), token_pairs.load(tokens).songs
    alphabet = fit_alphabet(rng.standard_normal((200, 12)).astype(np.float32), UNITS, 1.0)
    token_pairs.save(tokens, stems_of(songs), UNITS, 1.0, alphabet.hash)
    features = {
        key: hearing.heard_features(
            alphabet.keys(rng.standard_normal((len(labels), 12))),
            np.full(len(labels), -20.0),
            np.full(len(labels), 0.5),
        ).astype(np.float16)
        for key, labels in stems_of(songs).items()
    }
    store = folder / hearing.store_name(1.0)
    hearing.begin(store, [alphabet], {"all": sorted(features)})
    shards.write_shard(store, "all", features)
    return tokens


def stems_of(songs):
    return {
        f"{song.name}/{part}": labels for of in songs.values() for song in of.values() for part, labels in song.items()
    }


EXACT = dataclasses.replace(TINY, steps=8, dropout=0.0, batch=10, pool=2)  # whose loss depends on no mask of its own


def assert_alike(one, other):
    """Two runs with the same curve and weights, up to the rounding of sums in another order."""
    for line, like in zip(curve(one), curve(other), strict=True):
        assert line.keys() == like.keys() and line["step"] == like["step"]
        for name in ("loss", "full_ce", "live_ce", "live_query"):
            assert line[name] == pytest.approx(like[name], abs=2e-3)
    weights = [load_file(out / "checkpoint.safetensors") for out in (one, other)]
    for name, value in weights[0].items():
        if name.startswith("weight/"):
            assert torch.allclose(value, weights[1][name], atol=2e-4), name


def test_a_batch_learned_in_parts_is_the_batch(tmp_path):
    tokens = hearing_cache(tmp_path)
    fit(tokens, tmp_path / "whole", EXACT)
    fit(tokens, tmp_path / "parts", dataclasses.replace(EXACT, accumulate=3))
    assert_alike(tmp_path / "whole", tmp_path / "parts")
    with pytest.raises(TrainError, match="batch = 10: 5 crops are too few for 6 parts"):
        fit(tokens, tmp_path / "few", dataclasses.replace(EXACT, accumulate=6))


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path):
    pytest.importorskip("accelerate")
    tokens = hearing_cache(tmp_path)
    fit(tokens, tmp_path / "one", EXACT)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    assert begin(tokens, tmp_path / "two", EXACT, *launcher).wait(180) == 0
    assert_alike(tmp_path / "one", tmp_path / "two")
    assert written(tmp_path / "two") == written(tmp_path / "one")


def test_the_paper_is_a_preset_that_flags_change(tmp_path):
    asked = parse_recipe("", DecisionTraining, ["t", "-o", "o", "--preset", "paper", "--batch", "2"])
    settings = DecisionTraining(**asked.given)
    assert (settings.size, settings.batch, settings.rate, settings.decay) == ("paper", 2, 1e-6, 1e-5)
    assert "preset" not in asked.given and parse_recipe("", DecisionTraining, ["t", "-o", "o"]).given == {}
    few = {"size": "tiny", "steps": 2, "batch": 2, "crops": 4, "precision": "float32"}
    card = fit(cache(tmp_path / "t"), tmp_path / "run", DecisionTraining(**asked.given | few))
    assert card["steps"] == 2 and Decision.load(tmp_path / "run").config.lookaheads == ()


def written(run):
    """Names of the files of a run, without those of TensorBoard, which are there where it is installed."""
    return sorted(path.name for path in run.iterdir() if not path.name.startswith("events.out."))


def test_log_checkpoint_and_model_are_written(tmp_path):
    card = fit(cache(tmp_path / "t"), tmp_path / "run", TINY)
    assert written(tmp_path / "run") == [
        "checkpoint.safetensors",
        "decision.json",
        "decision.safetensors",
        "log.jsonl",
    ]
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"step", "loss", "full_ce", "live_ce", "full_top1", "live_top1", "seconds"} <= lines[0].keys()
    assert min(line["live_none_tpp"] for line in lines) >= 0 and max(line["full_silence"] for line in lines) <= 1
    assert card["data"] == {"songs": 25, "stems": 50, "hours": 1.25, "validation_songs": 5}


def test_the_checkpoint_kept_is_the_best_by_what_was_asked(tmp_path, monkeypatch):
    tokens, scores = (
        cache(tmp_path / "t"),
        iter([(5.0, 2.0), (9.0, 3.0), (7.0, 1.0)] * 2 + [(9.0, 1.0)] * 2 + [(7.0, 3.0)]),
    )
    monkeypatch.setattr(fit_decision, "free_running", lambda *_: {})

    def scored(*_):
        hits, nats = next(scores)
        return {"live_none_tpp": 0.0, "live_none_sounding": hits, "live_ce": nats, "full_ce": nats, "unpaired_ce": 0.0}

    monkeypatch.setattr(fit_decision, "evaluate", scored)
    assert fit(tokens, tmp_path / "tpp", TINY)["best_step"] == 8
    assert fit(tokens, tmp_path / "ce", dataclasses.replace(TINY, best="ce"))["best_step"] == 12
    assert fit(tokens, tmp_path / "last", dataclasses.replace(TINY, best="last"))["best_step"] == 12


def test_what_is_rolled_out_is_what_the_agent_would_play(tmp_path):
    fit(cache(tmp_path / "t"), tmp_path / "run", TINY)
    model, rng = Decision.load(tmp_path / "run"), np.random.default_rng(5)
    inputs, played = rng.integers(UNITS + 1, size=(2, 6, 25))
    windows = Windows(inputs, played, np.arange(6))
    truth = torch.from_numpy(played)
    batch = Batch(torch.from_numpy(inputs), truth, None, None)
    for lookahead in (None, 1, 4):
        mode = lookahead or "full"
        for constraint in CONSTRAINTS:
            draw = model_labels(
                model, windows, np.random.default_rng(1).random((6, 25)), mode, top_p=0.8, constraint=constraint
            )
            rolled = roll_out(model, batch, lookahead, 1.0, constraint, 0.8, np.random.default_rng(1))
            assert (rolled.numpy() == draw).all()
    assert (roll_out(model, batch, 1, 0.0, "none", 0.8, rng) == truth).all()


@pytest.mark.slow
def test_a_bounded_loss_makes_units_surer_and_rests_no_commoner():
    """Labels drawn from one distribution: what is learned of it, by q."""
    p = torch.tensor([0.4, 0.2, 0.2, 0.2])  # the last is silence
    labels, learned = torch.multinomial(p, 40000, replacement=True, generator=torch.manual_seed(0)), {}
    for bound in (0.0, 0.5):
        logits = torch.zeros(4, requires_grad=True)
        optimizer = torch.optim.Adam([logits], lr=0.05)
        for _ in range(300):
            optimizer.zero_grad()
            fit_decision.bounded_nats(logits.expand(len(labels), 4), labels, bound).backward()
            optimizer.step()
        learned[bound] = logits.detach().softmax(0)
    assert torch.allclose(learned[0.0], p, atol=0.01)
    sharp = p[:3] ** 2 / (p[:3] ** 2).sum() * 0.8  # temperature 1 - q = 0.5
    assert torch.allclose(learned[0.5], torch.cat([sharp, p[3:]]), atol=0.02)


def test_a_run_ends_by_the_clock_or_by_patience(tmp_path):
    tokens = cache(tmp_path / "t")
    card = fit(tokens, tmp_path / "clock", dataclasses.replace(TINY, steps=10**6, minutes=0.01))
    assert card["steps"] < 10**5 and card["seconds"] < 5
    impatient = dataclasses.replace(TINY, steps=10**4, evaluate=1, patience=2, rate=1e-12)
    card = fit(tokens, tmp_path / "patience", impatient)
    assert card["steps"] < 200 and card["steps"] - card["best_step"] == 2


def test_runs_that_do_not_fit_are_refused(tmp_path):
    tokens = cache(tmp_path / "t")
    fit(tokens, tmp_path / "run", TINY)
    with pytest.raises(TrainError, match="already holds a run: add --resume"):
        fit(tokens, tmp_path / "run", TINY)
    with pytest.raises(TrainError, match="has alphabet = k7-test, now it would be k7-other"):
        fit(cache(tmp_path / "o", alphabet="k7-other"), tmp_path / "run", resume=True)
    with pytest.raises(TrainError, match=r"window = 15.0, now 20.0"):
        fit(tokens, tmp_path / "run", dataclasses.replace(TINY, window=20.0), resume=True)
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"no")
    with pytest.raises(TrainError, match="is damaged"):
        fit(tokens, tmp_path / "run", resume=True)


def test_command_line(tmp_path, capsys):
    cache(tmp_path / "t")
    begin = [str(tmp_path), "-o", str(tmp_path / "run")]
    few = ["--size", "tiny", "--steps", "2", "--batch", "2", "--crops", "4", "--window", "15", "--precision", "float32"]
    fit_decision.main([*begin, *few])
    assert "live_ce" in json.loads(capsys.readouterr().out)["validation"]
    with pytest.raises(TrainError, match="--resume"):
        fit_decision.main([*begin, *few])
    fit_decision.main([*begin, "--resume", "--steps", "4"])
    assert "steps = 4, before 2" in capsys.readouterr().err
    with pytest.raises(TrainError, match="antiphon train units"):
        fit_decision.main([str(tmp_path / "none"), "-o", str(tmp_path / "x")])
    with pytest.raises(TrainError, match="size = 'huge'"):
        fit_decision.main([*begin, "--size", "huge"])


# The token cache and the pairs


def test_cache_round_trip(tmp_path):
    stems = {"train/1/piano": np.array([0, 3, 7]), "test/2/bass": np.array([7])}
    token_pairs.save(tmp_path / "k7_h0.50", stems, 7, 0.5, "k7-a")
    tokens = token_pairs.load(tmp_path)
    assert (tokens.units, tokens.hop, tokens.alphabet) == (7, 0.5, "k7-a")
    assert tokens.songs["train"]["1"]["piano"].tolist() == [0, 3, 7]
    assert tokens.songs["test"]["2"]["bass"].dtype == np.int16
    assert [p.name for p in tmp_path.iterdir()] == ["k7_h0.50"]


def test_a_cache_of_before_is_read_under_either_name(tmp_path):
    meta = json.dumps({"units": 7, "hop": 0.5, "alphabet": "k7-a", "shapes": 0, "version": 1}).encode()
    labels = {"train/1/piano": np.array([0, 3, 7], np.int16)}
    np.savez(tmp_path / "k7_h0.50.npz", meta=np.frombuffer(meta, np.uint8), **labels)
    for path in (tmp_path, tmp_path / "k7_h0.50.npz", tmp_path / "k7_h0.50"):
        tokens = token_pairs.load(path)
        assert tokens.alphabet == "k7-a" and tokens.songs["train"]["1"]["piano"].tolist() == [0, 3, 7]
    token_pairs.save(tmp_path / "k7_h0.50", labels, 7, 0.5, "k7-b")
    assert token_pairs.load(tmp_path).alphabet == "k7-b", "a store comes before the file whose place it takes"


def test_caches_that_are_none_are_refused(tmp_path):
    with pytest.raises(TrainError, match=r"no token cache at.*antiphon train units"):
        token_pairs.load(tmp_path)
    (tmp_path / "a.npz").write_bytes(b"PK nonsense")
    with pytest.raises(TrainError, match="is not a token cache"):
        token_pairs.load(tmp_path)
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    with pytest.raises(TrainError, match=r"holds several.*a.npz, b.npz"):
        token_pairs.load(tmp_path)
    with pytest.raises(TrainError, match="is not a token cache"):
        token_pairs.load(tmp_path / "b.npz")
    with pytest.raises(TrainError, match="other than labels 0 to 7"):
        token_pairs.save(tmp_path / "c", {"train/1/x": np.array([8])}, 7, 0.5, "k7-a")
    with pytest.raises(TrainError, match="expected <split>/<song>/<part>"):
        token_pairs.save(tmp_path / "c", {"train/x": np.array([1])}, 7, 0.5, "k7-a")
    newer = np.frombuffer(json.dumps({"units": 7, "hop": 1, "alphabet": "", "version": 2}).encode(), np.uint8)
    np.savez(tmp_path / "d.npz", meta=newer)
    with pytest.raises(TrainError, match="of version 2, this is 1"):
        token_pairs.load(tmp_path / "d.npz")


def test_more_music_can_be_named_with_alphabets_that_exist(tmp_path, monkeypatch):
    rng, song = np.random.default_rng(0), fit_units.Song("train/a", tmp_path)
    given, arrays = {}, {}
    for hop in fit_units.HOPS:
        given[hop] = fit_alphabet(rng.standard_normal((200, 6)).astype(np.float32), 4, hop)
        (tmp_path / f"k4_h{hop:.2f}.safetensors").write_bytes(given[hop].to_bytes())
        arrays[f"train/a/b/f{hop}"] = rng.standard_normal((30, 6)).astype(np.float16)
        arrays[f"train/a/b/l{hop}"] = np.full(30, -20.0)
    shards.begin(tmp_path / "features", {"encoder": "x"}, {"train-00000": ["train/a"]})
    shards.write_shard(tmp_path / "features", "train-00000", arrays)
    monkeypatch.setattr(fit_units, "encode", lambda *_: [song])
    settings = fit_units.UnitsTraining(units="4", alphabets=str(tmp_path), jobs=1)
    report = fit_units.fit([tmp_path], tmp_path, False, settings)
    for hop, alphabet in given.items():
        tokens = token_pairs.load(tmp_path / "tokens" / f"k4_h{hop:.2f}")
        assert tokens.alphabet == alphabet.hash == report[f"k4_h{hop:.2f}"]["hash"]
        labels = alphabet.quantize(arrays[f"train/a/b/f{hop}"].astype(np.float32))
        assert (tokens.songs["train"]["a"]["b"] == labels).all()


def test_pairs_leave_out_drums_and_answers_to_oneself():
    labels = np.zeros(3, np.int16)
    song = dict.fromkeys(["piano", "bass", "Drums", "drums2", "fx", "mix-bass+piano", "mix-bass+sax", "sax"], labels)
    drawn = token_pairs.stem_pairs(song | {"mix-drums+sax": labels})
    singles = {(a, b) for a in ("piano", "bass", "sax") for b in ("piano", "bass", "sax") if a != b}
    assert set(drawn) == singles | {("mix-bass+piano", "sax"), ("mix-bass+sax", "piano")}
    assert len(drawn) == len(set(drawn))


def test_crops_are_aligned_and_seldom_silent():
    rng = np.random.default_rng(0)
    a = rng.integers(UNITS, size=400)
    b = np.where(np.arange(400) < 300, UNITS, (a + 1) % UNITS)  # silent for its first 300 labels
    inputs, played = token_pairs.draw_crops([{"mix-a+x": a, "b": b}], 20, 200, rng, UNITS)
    assert inputs.shape == played.shape == (200, 20) and inputs.dtype == played.dtype == np.int64
    active = played != UNITS
    assert ((inputs + 1) % UNITS == played)[active].all()
    assert active.sum(1).min() >= 4 and active.sum(1).min() < 20
    assert len({tuple(row) for row in inputs}) > 50


def test_songs_too_short_are_reported():
    short = {"a": np.zeros(5, np.int16), "b": np.zeros(5, np.int16)}
    with pytest.raises(TrainError, match="no crop of 20 labels found in 1 songs"):
        token_pairs.draw_crops([short], 20, 1, np.random.default_rng(0), UNITS)


def test_without_a_validation_split_the_last_songs_are_held_out(tmp_path):
    def load(songs):
        stems = {f"train/{i:02d}/{part}": np.arange(3) for i in range(songs) for part in ("a", "b", "drums")}
        token_pairs.save(tmp_path / "t", stems, 7, 0.5, "k7-a")
        return token_pairs.load(tmp_path / "t")

    songs, validation = load(30).split_for_training()
    assert (len(songs), len(validation)) == (27, 3)
    with pytest.raises(TrainError, match="too few songs"):
        load(1).split_for_training()


def test_baselines_are_the_entropies_of_what_was_counted():
    b = np.tile([0, 1], 5000)
    got = token_pairs.baseline_cross_entropies([{"a": b, "b": b}], b[None, :1000], 2)
    assert abs(got["marginal_ce"] - math.log(2)) < 1e-3 and got["bigram_ce"] < 2e-3


def test_transposition_is_a_circle_that_leaves_the_rest_alone():
    labels = np.arange(65)[None]
    for semitones in range(12):
        moved = token_pairs.transpose(labels, semitones, 5)
        assert (np.sort(moved) == labels).all(), "no two labels become one"
        assert (moved[:, 60:] == labels[:, 60:]).all(), "units that do not turn, and silence"
        assert (token_pairs.transpose(moved, 12 - semitones, 5) == labels).all()
    assert (token_pairs.transpose(labels, 3, 5)[0, :12] == (np.arange(12) + 3) % 12).all()


def test_crops_stay_in_their_key_where_none_is_transposed(tmp_path):
    """B plays unit 0 throughout: only a transposition makes another label of it."""
    stems = {f"{split}/x/{part}": np.zeros(60, np.int16) for split in ("train", "validation") for part in ("a", "b")}
    token_pairs.save(tmp_path / "t", stems, UNITS + 17, 1.0, "k24-test", shapes=2)

    def moved(share):
        settings = dataclasses.replace(TINY, transposed=share)
        trainer = fit_decision._Trainer(tmp_path / "t", tmp_path / f"{share:g}", settings, False)
        return (trainer._crops(15, 256, np.random.default_rng(0)).played[:, 0] != 0).float().mean().item()

    assert moved(0.0) == 0.0
    assert moved(0.5) == pytest.approx(0.5 * 11 / 12, abs=0.1)
    assert moved(1.0) == pytest.approx(11 / 12, abs=0.1)


def test_shapes_survive_the_cache(tmp_path):
    stems = {"train/a/x": np.zeros(9, np.int16), "train/a/y": np.ones(9, np.int16)}
    token_pairs.save(tmp_path / "t", stems, 64, 0.5, "k64-0.5s-abcdef", shapes=5)
    assert token_pairs.load(tmp_path / "t").shapes == 5


def test_fine_tuning_begins_where_the_other_model_ended(tmp_path):
    tokens = cache(tmp_path / "t")
    fit(tokens, tmp_path / "first", dataclasses.replace(TINY, steps=4, seed=3))
    again = dataclasses.replace(TINY, steps=1, rate=0.0, start=str(tmp_path / "first"))
    fit(tokens, tmp_path / "second", again)
    first, second = (load_file(tmp_path / name / "decision.safetensors") for name in ("first", "second"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert str(tmp_path) not in (tmp_path / "second" / "decision.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_newest_layers_alone_learn_where_asked(tmp_path):
    tokens = cache(tmp_path / "t")
    fit(tokens, tmp_path / "first", dataclasses.replace(TINY, steps=1))
    some = dataclasses.replace(TINY, steps=40, rate=3e-3, best="ce", layers=1, start=str(tmp_path / "first"))
    assert fit(tokens, tmp_path / "second", some)["best_step"] > 0
    first, second = (load_file(tmp_path / name / "decision.safetensors") for name in ("first", "second"))
    moved = {name for name in first if not torch.equal(first[name], second[name])}
    assert moved and all(name.startswith(("blocks.1.", "norm.", "head.")) for name in moved)


@pytest.mark.slow
def test_fine_tuning_keeps_nothing_that_is_worse(tmp_path):
    tokens = cache(tmp_path / "t")
    fit(tokens, tmp_path / "first", dataclasses.replace(TINY, steps=40, evaluate=20, rate=3e-3))
    ruin = dataclasses.replace(TINY, steps=8, rate=10.0, warmup=0, start=str(tmp_path / "first"))
    assert fit(tokens, tmp_path / "second", ruin)["best_step"] == 0
    first, second = (load_file(tmp_path / name / "decision.safetensors") for name in ("first", "second"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_fine_tuning_refuses_a_model_of_another_alphabet(tmp_path):
    fit(cache(tmp_path / "t"), tmp_path / "first", dataclasses.replace(TINY, steps=1))
    other = cache(tmp_path / "u", alphabet="k7-other")
    with pytest.raises(DecisionError, match="k7-test"):
        fit(other, tmp_path / "second", dataclasses.replace(TINY, start=str(tmp_path / "first")))
    renamed = dataclasses.replace(TINY, steps=1, rate=0.0, start=str(tmp_path / "first"), renamed=True)
    fit(other, tmp_path / "third", renamed)
    assert Decision.load(tmp_path / "third").config.alphabet == "k7-other"
    first, third = (load_file(tmp_path / name / "decision.safetensors") for name in ("first", "third"))
    assert all(torch.equal(first[name], third[name]) for name in first)

"""Best of n: the same dice as ever where n is 1, the best of the candidates where it is not, and nothing committed."""

import copy
import json
import os
import shutil

import numpy as np
import pytest

from agent.control.command import CommandError
from agent.performance import rerank
from agent.performance.controls import apply
from agent.performance.model import Model
from agent.performance.model_folder import ModelError
from agent.performance.session import _Sounding
from agent.records.replay import replay
from agent.settings.config import ConfigError, change
from agent.verbs import respond
from agent.verbs.evaluation_player import Player
from corpora.audio import read_at
from corpora.whole_files import write_files
from perception.proxy import Proxy, ProxyError
from tests.agent.performance.test_session import run, tune
from tests.conftest import melody, noise, play_files
from tests.tolerance import network_rounding
from train import fit_proxy
from train.common.errors import TrainError
from train.fit_units import UnitsTraining, encode

RATE = 48000


def proxy_for(model, seed=0, context=4, rank=8):
    """A proxy of random weights."""
    rng, dim = np.random.default_rng(seed), len(model.alphabet.mean)

    def normal(*shape):
        return rng.normal(0, 0.3, shape).astype(np.float32)

    parts = normal(context * dim, rank), normal(rank), normal(dim, rank), normal(rank)
    return Proxy(model.alphabet.mean, *parts, model.alphabet.hash)


@pytest.fixture(scope="module")
def plain(stage):
    """A session that has nothing to compare plans by."""
    return stage.session(hop=0.5)


@pytest.fixture(scope="module")
def four(plain):
    """The same with a proxy, and four plans a hop."""
    session = copy.copy(plain)
    session.reward = rerank.ProxyReward(proxy_for(plain.model), plain.decision)
    session.config = replaced(plain.config, best_of=4)
    return session


def replaced(config, **values):
    for name, value in values.items():
        config = change(config, f"decision.{name}", value)
    return config


@pytest.fixture(scope="module")
def guide():
    return np.concatenate([melody(8, RATE, 2), noise(4, RATE, 3), np.zeros(RATE, np.float32), melody(3, RATE, 5)])


class Counting:
    """Calls any candidate as good as another, or the last one best, and remembers what it was asked."""

    needs_audio = False

    def __init__(self, last=False):
        self.last, self.asked = last, []

    def scores(self, repertoire, state, candidates):
        self.asked.append([one.choice.segment for one in candidates])
        return [float(self.last and n == len(candidates) - 1) for n in range(len(candidates))]


def with_reward(session, judge):
    made = copy.copy(session)
    made.reward = judge
    return made


# --- one plan: as before


def test_one_plan_is_what_it_was(plain, four, guide):
    """No dice more, no reward asked, the same samples; whatever reward is loaded."""
    judge = Counting(last=True)
    known, (spoken, events, state) = run(plain, guide, 5), run(with_reward(plain, judge), guide, 5)
    assert not judge.asked
    assert events == known[1]
    assert np.concatenate(spoken).tobytes() == np.concatenate(known[0]).tobytes()
    assert state.rng.bit_generator.state == known[2].rng.bit_generator.state
    assert all((event.candidates, event.reward) == (1, None) for event in events)
    dice, counted = np.random.default_rng(5), len(events) * plain.config.decision.horizon
    dice.random(counted + -(-len(events) // 8))  # and one for density, every phrase
    assert state.rng.bit_generator.state == dice.bit_generator.state


def test_the_first_plan_is_that_of_one(plain, four, guide):
    """The others take their dice after it: where no candidate is better, the first hop is the same."""
    one = run(plain, guide[:RATE], 7)[1][0]
    first = run(with_reward(four, Counting()), guide[:RATE], 7)[1][0]
    assert (first.plan, first.segment) == (one.plan, one.segment)


# --- the best of them


def test_the_best_is_played(four, guide):
    """What sounds is the argmax of the candidates, each of them a choice of the oracle; several hops have a choice."""
    judge = Counting(last=True)
    chosen_by_labels = with_reward(four, judge)
    chosen_by_labels.config = change(four.config, "action.choice", "match")
    _, events, _ = run(chosen_by_labels, guide, 3)
    compared = [event for event in events if event.reward is not None]
    assert len(compared) > 5
    assert [event.candidates for event in compared] == [len(found) for found in judge.asked]
    assert [event.segment for event in compared] == [found[-1] for found in judge.asked]
    assert all(len(set(found)) == len(found) > 1 for found in judge.asked), "a segment is compared once"


def test_of_equals_the_first(four, guide):
    judge = Counting()
    _, events, _ = run(with_reward(four, judge), guide, 3)
    compared = [event for event in events if event.reward is not None]
    assert [event.segment for event in compared] == [found[0] for found in judge.asked]


def test_a_reward_that_is_no_number_never_wins(four, guide):
    class Broken(Counting):
        def scores(self, repertoire, state, candidates):
            return [float("nan"), *[-1.0 for _ in candidates[1:]]]

    judge = Broken()
    events = [event for event in run(with_reward(four, judge), guide, 3)[1] if event.reward is not None]
    assert {event.reward for event in events} == {-1.0}


def test_the_proxy_decides(four, guide):
    """The reward of the event is the proxy's for the segment played, and no other candidate had more."""
    seen = []

    class Watched(rerank.ProxyReward):
        def scores(self, repertoire, state, candidates):
            found = super().scores(repertoire, state, candidates)
            segments = [one.choice.segment for one in candidates]
            scores = four.decision.logits(state.decision)
            likely = scores - np.logaddexp.reduce(scores)
            seen.append(
                (list(state.history.heard_features), segments, found, [likely[one.choice.label] for one in candidates])
            )
            return found

    _, events, _ = run(with_reward(four, Watched(four.reward.proxy, four.decision)), guide, 1)
    compared = [event for event in events if event.reward is not None]
    for event, (heard, segments, found, likely) in zip(compared, seen, strict=True):
        assert event.reward == max(found)
        assert event.segment == segments[int(np.argmax(found))]
        stored = four.repertoire[0]
        features = [stored.feature(n) if n >= 0 and stored.labels[n] != four.silence else None for n in segments]
        assert found == (np.array(likely) + four.reward.proxy.scores(heard, features)).tolist()


def test_candidates_leave_no_trace(four, guide):
    """Proposing moves the dice and nothing else, with any number of plans and a rendering to their end."""
    state = four.start(2)
    for number in range(6):
        hop = guide[number * RATE // 2 : (number + 1) * RATE // 2]
        heard = four.perceive(state, hop)
        four.hear(state, heard, hop)
        known = copy.deepcopy(state)
        four.propose(state)
        for plan in ((3, 4, 5), (1, 1, 1, 1), (7,)):
            rerank.rendered_plan(four.repertoire, state, plan)
        assert state.rng.bit_generator.state != known.rng.bit_generator.state
        for navigation, was in zip(state.navigations, known.navigations, strict=True):
            assert np.array_equal(navigation.state, was.state) and np.array_equal(navigation.history, was.history)
            assert np.array_equal(navigation.played_at[: len(was.played_at)], was.played_at)
        assert (state.hop, state.recent_labels, state.recent_segments, state.voice) == (
            known.hop,
            known.recent_labels,
            known.recent_segments,
            known.voice,
        )
        assert (state.decision.played, state.decision.heard) == (known.decision.played, known.decision.heard)
        caches, were = state.decision.states[0].caches, known.decision.states[0].caches
        assert np.array_equal(caches.heard, were.heard)
        window = four.decision.config.window
        assert np.array_equal(caches.own[..., :window, :], were.own[..., :window, :])
        four.accept(state, four.propose(state))


def test_what_lies_ahead_is_what_would_be_played(four, guide):
    """Hop by hop the same sound as if the plan were really played."""
    state = run(four, guide[: 4 * RATE], 3)[2]
    label = int(four.repertoire[0].labels[7])
    plan = (label, label, int(four.repertoire[0].labels[8]))
    hops = rerank.rendered_plan(four.repertoire, state, plan)
    played = copy.deepcopy(state)
    for number in range(len(plan)):
        choice = four.repertoire.choose(played, plan[number:])
        before = _Sounding(voice=played.voice, memory=played.sounding_memory)
        made = four._render(played, before, played.hop, choice, 0, plan, {})
        four.accept(played, made)
        assert made.audio.tobytes() == hops[number].tobytes()


def test_a_seed_decides_everything(four, guide):
    first, again, changed = (run(four, guide, seed) for seed in (3, 3, 4))
    assert first[1] == again[1] != changed[1]
    assert np.concatenate(first[0]).tobytes() == np.concatenate(again[0]).tobytes()


def test_scenarios_and_rests_are_not_compared(four, guide):
    judge = Counting(last=True)
    session = with_reward(four, judge)
    run(session, guide[: 5 * RATE], 1, lambda state, n: tune(state, "decision.density=0.0"))
    assert not judge.asked

    def ask(state, n):
        state.scenario = {hop: 3 for hop in range(40)}

    run(session, guide[: 5 * RATE], 1, ask)
    assert not judge.asked


# --- the settings


def test_it_is_a_control_of_the_stage(plain, four):
    state = four.start()
    assert apply(four, state, "best_of", (8,)) == ""
    assert state.config.decision.best_of == 8
    deaf = plain.start()
    with pytest.raises(CommandError, match=r"has no proxy .*: set decision\.best_of to 1"):
        apply(plain, deaf, "best_of", (2,))
    assert deaf.config.decision.best_of == 1


def test_without_a_proxy_it_says_so_at_once(stage):
    with pytest.raises(ModelError, match=r"has no proxy .*: set decision\.best_of to 1"):
        stage.session("decision.best_of=4")


def test_on_stage_there_is_no_time_for_cocola(stage, tmp_path):
    from agent.verbs import play

    options = play.PlayOptions(input="osc", output=str(tmp_path / "out.wav"), seconds=0.1)
    with pytest.raises(ConfigError, match=r"'cocola' is too slow .*: set it to 'proxy'"):
        play.play(stage.settings("decision.reward=cocola", "osc.port=0"), options)


# --- from files: law 2, the log, COCOLA


@pytest.fixture(scope="module")
def furnished(tiny, tiny_coherence, tmp_path_factory):
    """The tiny model with a proxy and a meter."""
    folder = tmp_path_factory.mktemp("furnished") / "tiny"
    shutil.copytree(tiny, folder)
    shutil.copytree(tiny_coherence, folder / "coherence")
    write_files(folder / "proxy", {"k64_h0.50.safetensors": proxy_for(Model.load(tiny, 0.5)).to_bytes()})
    return folder


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    from tests.conftest import write

    return write(tmp_path_factory.mktemp("song") / "song.wav", melody(6.3, RATE, 1), RATE, "PCM_24")


def test_live_is_the_file_whatever_the_block_and_the_log_replays(furnished, stage, song, tmp_path):
    config = stage.settings(f"agent.model={furnished}", "decision.best_of=4")
    report = respond.respond(song, tmp_path / "file.wav", config)
    for block in (256, 1000):
        play_files(song, tmp_path / "live.wav", config, speed=0, block=block, log=tmp_path / "log.jsonl")
        assert (tmp_path / "live.wav").read_bytes() == (tmp_path / "file.wav").read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    hops = [line for line in lines if "segment" in line]
    assert any(line["candidates"] > 1 and line["reward"] is not None for line in hops)
    assert report["hops"] == len(hops)
    replay(tmp_path / "log.jsonl", tmp_path / "again.wav")
    assert np.array_equal(read_at(tmp_path / "again.wav"), read_at(tmp_path / "live.wav"))
    old = [{k: v for k, v in line.items() if k not in ("candidates", "reward")} for line in lines]  # as before this
    del old[0]["config"]["decision"]["best_of"], old[0]["config"]["decision"]["reward"]
    (tmp_path / "old.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    replay(tmp_path / "old.jsonl", tmp_path / "old.wav")
    assert (tmp_path / "old.wav").read_bytes() == (tmp_path / "again.wav").read_bytes()


@pytest.mark.parametrize("mode", [1, pytest.param("full", marks=pytest.mark.slow)])
def test_cocola_decides_by_sound(furnished, memory, song, mode):
    """The reward is the score of the last 5 s heard and of those spoken, the candidate after them."""
    sets = [f"agent.model={furnished}", "decision.best_of=3", "decision.reward=cocola", "decision.horizon=2",
            "action.choice=match"]  # fmt: skip
    player = Player(furnished, 0.5, 16000, sets)
    held, guide, seen = player.remember("memory", read_at(memory, 16000)), read_at(song, 16000)[:40000], []

    class Watched(rerank.CocolaReward):
        def scores(self, repertoire, state, candidates):
            found = super().scores(repertoire, state, candidates)
            heard, spoken = (np.concatenate([np.zeros(80000, np.float32), *side]) for side in
                             (state.history.heard_audio, state.history.spoken_audio))  # fmt: skip
            for one, score in zip(candidates, found, strict=True):
                after = np.concatenate([spoken, *rerank.rendered_plan(repertoire, state, one.plan)])[-80000:]
                allowed = network_rounding(self.model, scale=float(self.model.similarity.detach().norm()))
                assert self.model.score(heard[-80000:], after)["both"] == pytest.approx(score, rel=0, abs=allowed)
            seen.append((state.hop, len(heard) - 80000, found))
            return found

    held.reward = Watched(held.reward.model)
    answer = player.answer(held, guide, mode, 1)
    assert len(seen) > 2 and len(answer.audio) == len(guide)
    for hop, known, _ in seen:  # heard: live what has sounded; offline as far as the plan reaches
        assert known == min(8000 * (hop if mode == 1 else hop + 2), len(guide))


# --- the proxy itself


def test_the_proxy_survives_the_disk(load, tmp_path):
    model = load(0.5, 64)
    made = proxy_for(model)
    write_files(tmp_path / "proxy", {"one.safetensors": made.to_bytes()})
    found = Proxy.load(tmp_path / "proxy" / "one.safetensors", model.alphabet.hash)
    heard = list(model.alphabet.mean + np.random.default_rng(1).normal(size=(5, len(model.alphabet.mean))))
    assert found.scores(heard, heard) == pytest.approx(made.scores(heard, heard), rel=0.02, abs=0.02)
    assert found.context == 4
    assert np.array_equal(found.scores(heard, heard[:2]), found.scores(heard[-4:], heard[:2])), "only the newest count"
    assert np.array_equal(found.scores(heard[:1], heard), found.scores([None] * 3 + heard[:1], heard))
    assert found.scores([], [None]).shape == (1,)


@pytest.mark.parametrize("how", ["cut", "another alphabet", "no numbers", "not together", "gone"])
def test_a_damaged_proxy_is_told_in_a_sentence(load, tmp_path, how):
    model, path = load(0.5, 64), tmp_path / "one.safetensors"
    made = proxy_for(model)
    if how == "no numbers":
        made.segment[0, 0] = np.nan
    if how == "not together":
        object.__setattr__(made, "heard_bias", made.heard_bias[:-1])
    path.write_bytes(made.to_bytes())
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    if how == "gone":
        os.remove(path)
    with pytest.raises(ProxyError, match=r"copy it again|delete it") as error:
        Proxy.load(path, "k64-0.5s-000000" if how == "another alphabet" else model.alphabet.hash)
    assert len(str(error.value).splitlines()) == 1


def test_the_recipe_learns_which_segment_was_played(tiny, tmp_path):
    """Two parts that follow each other: the proxy finds the partner's next hop far more often than by chance."""
    import soundfile as sf

    for split, seeds in (("train", (1, 2, 3)), ("validation", (4,))):
        for seed in seeds:
            folder = tmp_path / "songs" / split / str(seed)
            folder.mkdir(parents=True)
            rng, time = np.random.default_rng(seed), np.arange(8000) / 16000
            notes = rng.integers(0, 3, 80)
            for part, octave in (("low", 1), ("high", 3)):
                shifted = notes if part == "low" else np.roll(notes, 1)  # it answers what was just heard
                audio = [0.2 * np.sin(2 * np.pi * 110 * octave * 1.7**note * time) for note in shifted]
                sf.write(folder / f"{part}.flac", np.concatenate(audio), 16000)
    settings = UnitsTraining(encoder=str(tiny / "encoder"))
    encode([tmp_path / "songs"], tmp_path / "units", settings)
    model = tmp_path / "model"
    shutil.copytree(tiny, model)
    (model / "model.json").write_text(json.dumps({"format": 1, "hops": {"0.5": 64}}))
    settings = fit_proxy.ProxyTraining(steps=200, songs=4, context=2, rank=8)
    report = fit_proxy.fit([tmp_path / "units"], model, False, settings)
    assert report["k64_h0.50"]["validation"]["of 4"] > 0.4
    assert Model.load(model, 0.5).proxy.context == 2
    with pytest.raises(TrainError, match="no features below"):
        fit_proxy.fit([tmp_path], model, False, settings)


@pytest.mark.slow
def test_the_evaluation_compares_pair_by_pair(furnished, tmp_path, antiphon):
    """Every reward against one plan on the same pairs; what is written is what is told."""
    import soundfile as sf

    for number, song in enumerate("ab"):
        folder = tmp_path / "songs" / "test" / song
        folder.mkdir(parents=True)
        for part in ("low", "high"):
            sf.write(folder / f"{part}.flac", melody(12, 16000, 7 * number + len(part)), 16000)
    said = antiphon("evaluate", "best-of", tmp_path / "songs", "--model", furnished, "-o", tmp_path / "out",
                    "--sound", 2, "--seconds", 5, "--plans", 2)  # fmt: skip
    assert said.code == 0, said.err
    assert said.out.strip() == (tmp_path / "out" / "best_of.md").read_text().strip()
    found = json.loads((tmp_path / "out" / "best_of.json").read_text())
    assert [(row["memory"], row["who"]) for row in found["rows"]] == [
        (memory, who) for memory in ("own", "other") for who in ("1", "2 proxy", "2 cocola")
    ]
    for one in found["comparisons"]:
        rows = {row["who"]: row for row in found["rows"] if row["memory"] == one["memory"]}
        difference = np.subtract(rows[one["who"]]["tpp by pair"], rows["1"]["tpp by pair"])
        assert one["tpp"]["difference"] == pytest.approx(difference.mean(), abs=1e-3)
    assert "2 to 16" in antiphon("evaluate", "best-of", tmp_path / "songs", "--model", furnished, "-o", tmp_path,
                                 "--plans", 1).sentence  # fmt: skip

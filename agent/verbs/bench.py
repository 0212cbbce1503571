"""`antiphon bench`: how long each stage of a hop takes on this machine, and how much less than the naive way.

Every target is a ratio or a percentile (`agent.verbs.measure`). The result says how busy the machine was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from action import concat, cost, oracle, selection
from action.search import NEVER, STEP, Played
from agent.performance import loading
from agent.performance.repertoire import COST_HORIZON, FRESH_COST, JOIN_COST
from agent.performance.session import Session
from agent.settings.config import DEMO, Config, change
from agent.verbs import bench_loop, bench_memory, bench_rivals
from agent.verbs.console import ShowProgress
from agent.verbs.measure import DEVICE_SAMPLERATE_HZ, in_turns, load_average, machine, spread
from corpora.audio import read_at
from corpora.whole_files import atomic_write
from perception.chroma import FRAME_RATE, ChromaTrack

MEASURED_HOPS = 240  # hops of the decision loop that are timed


def run(
    model: str | None, hop: float, progress: ShowProgress | None = None, *, deep: bool = False, large: bool = False
) -> dict:
    """Measure every stage with a model (None: the one of the settings) at a hop (s); `lines` formats the result.

    deep: also measure the working memory of `respond`, which takes some minutes. large: also measure the decision loop
    with the largest models. ModelError or AudioError if the model or the demo are absent.
    """
    description, load = machine(), load_average()
    name = model or Config().agent.model
    steps: list[tuple[str, Callable[[], object]]] = [
        ("mind", lambda: bench_loop.decision_loop(open_demo(name, hop), MEASURED_HOPS)),
        ("encoder", lambda: bench_rivals.encoders(name, hop)),
        ("decision", lambda: {size: bench_rivals.decision(size, hop) for size in ("small", "paper")}),
        ("oracle", lambda: [oracle_times(count) for count in (10_000, 14_400, 144_000)]),
        ("cost", lambda: [cost_times(segments, hop) for segments in (2_400, 100_000)]),
        ("stretch", lambda: stretch_times(hop)),
        ("coherence", bench_rivals.coherence),
    ]
    if large:
        steps.append(("large", lambda: bench_loop.largest(hop, MEASURED_HOPS)))
    if deep:
        steps.append(("respond", lambda: bench_memory.run(name, hop)))
    result: dict = {"machine": description, "model": name, "hop": hop}
    for number, (key, measure) in enumerate(steps):
        result[key] = measure()
        if progress:
            progress(number + 1, len(steps))
    result["machine"] |= {"load_before": load, "load_after": load_average()}
    result["bars"] = bars(result)
    return result


def open_demo(name: str, hop: float) -> tuple[Session, np.ndarray]:
    """A session on the demo memory at `DEVICE_SAMPLERATE_HZ`, compiled, and the demo guide, (n,) float32."""
    config = change(change(Config(), "live.hop", hop), "agent.model", name)
    session, _ = loading.open_session(config, DEVICE_SAMPLERATE_HZ)
    session.warm_up()
    return session, read_at(DEMO / "guide.flac", DEVICE_SAMPLERATE_HZ)


def oracle_times(count: int, repeat: float = 0.98, queries: int = 300) -> dict:
    """Time building an oracle of `count` labels, and choosing from it, ms.

    repeat: share of labels that equal the label before them. Returns {"labels", "self_repeat", "build", "query"}.
    """
    rng, vocab = np.random.default_rng(0), 65
    labels = _repeating(rng, count, vocab, repeat)
    wanted = _repeating(rng, queries + 8, vocab, 0.5)
    selection.warm_up()
    began = time.perf_counter()
    factor_oracle = oracle.FactorOracle(vocab, labels)
    build_ms, navigation, times = 1e3 * (time.perf_counter() - began), selection.Navigation(0), []
    for query in range(queries):
        plan = wanted[query : query + 4]
        began = time.perf_counter()
        choice = selection.choose(
            factor_oracle, navigation, plan, max_continuity=16, taboo=8, region=(0, count), neighbours=None
        )
        times.append(1e3 * (time.perf_counter() - began))
        selection.commit(factor_oracle, navigation, choice)
    return {"labels": count, "self_repeat": repeat, "build": round(build_ms, 3), "query": spread(times)}


def cost_times(segments: int, hop: float, queries: int = 300) -> dict:
    """Time a choice by cost in a memory of so many segments of `hop` s, ms: {"segments", "query"}.

    Its keys are random chords of half a second, every place fits some query, in five transpositions.
    """
    rng, per_hop = np.random.default_rng(0), round(hop * FRAME_RATE)
    frames = segments * per_hop
    keys = ChromaTrack(hop, np.repeat(rng.random((frames // 8 + 1, 12), np.float32), 8, axis=0)[:frames]).keys
    segment = np.minimum(np.arange(len(keys)) / per_hop + 0.5, segments - 1).astype(np.int32)
    silent, label = np.zeros(len(keys), np.float32), rng.integers(0, 64, segments).astype(np.int32)[segment]
    places = cost.Places(keys, label, silent, segment, rng.random((frames, 12), np.float32))
    coarse = cost.boundaries(places, per_hop)
    rules = cost.Rules(
        first=0, stop=len(keys), may_go_on=True, taboo=8, cut=Config().action.cut_cost, fresh=FRESH_COST, join=JOIN_COST
    )
    played = Played(np.array([0, 1, 0, 0]), np.zeros(16, np.int32), np.full(segments, NEVER, np.int64))
    times = []
    for query in range(queries + 1):
        chords, planned = (
            keys[rng.integers(0, len(keys), COST_HORIZON)],
            label[rng.integers(0, len(keys), COST_HORIZON)],
        )
        wanted, *others = [
            cost.Query(
                np.ascontiguousarray(np.roll(chords, -shift, axis=1)), planned, 0.1, 1.0, shift, 0.1 * abs(shift)
            )
            for shift in (0, 1, -1, 2, -2)
        ]
        began = time.perf_counter()
        cost.choose(wanted, places, per_hop, query * per_hop, played, rules, None, coarse, others)
        times.append(1e3 * (time.perf_counter() - began))
        played.state[STEP] += 1
    return {"segments": segments, "query": spread(times[1:])}  # the first one may compile


def stretch_times(hop: float, rounds: int = 40) -> dict[str, dict[str, float]]:
    """Time rendering a hop (s) as recorded, faster, and transposed, by turns: {way: {"wall", "cpu"}}, medians, ms."""
    audio = read_at(DEMO / "memory.flac", DEVICE_SAMPLERATE_HZ)
    player, frames = concat.Concatenator(audio, DEVICE_SAMPLERATE_HZ, hop), round(hop * DEVICE_SAMPLERATE_HZ)
    ways: dict[str, dict] = {
        "as recorded": {},
        "1.25 times faster": {"ratio": 1.25},
        "2 semitones up": {"semitones": 2},
    }
    voices = {way: player.start() for way in ways}
    concat.warm_up()

    def play(way: str) -> None:
        following = player.following(voices[way])
        player.step(voices[way], following if 0 <= following < len(player) else 0, frames, **ways[way])

    return in_turns({way: partial(play, way) for way in ways}, rounds)


def _repeating(rng: np.random.Generator, count: int, vocab: int, repeat: float) -> np.ndarray:
    """(count,) int32 labels below vocab - 1, of which the share `repeat` equals the label before."""
    fresh = rng.random(count) >= repeat
    fresh[0] = True
    newest = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
    return rng.integers(0, vocab - 1, count)[newest].astype(np.int32)


def bars(result: dict) -> list[dict]:
    """Compare a result with what two quiet cores should reach: [{"what", "value", "bar", "least", "met"}].

    bar: the target. least: whether the value must be at least the target; else it must be at most the target.
    """
    hop_ms = result["mind"]["stages"]["mind"]
    most = [
        ("decision loop p50, ms", hop_ms["p50"], 8.0),
        ("decision loop p99, ms", hop_ms["p99"], 25.0),
        *((f"decision at minute 60 / minute 1, {size}", times["ratio"], 1.1)
          for size, times in result["decision"].items()),
        *((f"oracle of {times['labels']} labels, query p99, ms", times["query"]["p99"], 1.0)
          for times in result["oracle"]),
        *((f"choice by cost of {times['segments']} segments, p99, ms", times["query"]["p99"], 1.0)
          for times in result["cost"]),
    ]  # fmt: skip
    if "large" in result:
        loop_ms = result["large"]["recompute"]["stages"]["mind"]
        most += [("largest models, decision loop p50, ms", loop_ms["p50"], 45.0),
                 ("largest models, decision loop p99, ms", loop_ms["p99"], 75.0)]  # fmt: skip
    if "respond" in result:
        short, long = (result["respond"]["peak_mib"][f"guide_{minutes}_min"] for minutes in (1, 3))
        most += [("respond, peak memory, MiB", long, 1536.0), ("respond, growth from 1 to 3 min", long / short, 1.05)]
    least = [(f"naive / {way}, {kind}", times[f"ratio_{way}"], 5.0)
             for kind, times in result["encoder"].items() if kind != "model"
             for way in ("step", "fast", "int8", "recompute") if f"ratio_{way}" in times]  # fmt: skip
    for name, ratio in result.get("coherence", {}).get("ratios", {}).items():
        least.append((f"official / our {name} of coherence", ratio, 5.0))
    return [
        {"what": what, "value": round(value, 3), "bar": bar, "least": targets is least,
         "met": bool(value >= bar if targets is least else value <= bar)}
        for targets in (most, least) for what, value, bar in targets
    ]  # fmt: skip


def write(result: dict, path: str | Path | None) -> None:
    """Write a result as JSON to `path`, if one is given; AudioError if it cannot be written."""
    if path:
        atomic_write(path, json.dumps(result, indent=1) + "\n")


def lines(result: dict) -> list[str]:
    """The lines that a terminal shows for the result of `run`."""
    return [*_decision_loop_lines(result), *_rival_lines(result), *map(_bar_line, result["bars"])]


def _decision_loop_lines(result: dict) -> list[str]:
    description, stages = result["machine"], result["mind"]["stages"] | {"processor": result["mind"]["cpu"]}
    stages = {"decision loop" if stage == "mind" else stage: ms for stage, ms in stages.items()}  # the sum of all
    return [
        f"{description['cpu']}, {description['cores']} cores, {description['threads']} threads, "
        f"torch {description['torch']}; load {description['load_before']} before, {description['load_after']} after",
        f"model {result['model']}, hop {result['hop']:g} s, {result['mind']['hops']} hops; ms p50, p99, max:",
        *(f"  {stage:<14}{ms['p50']:9.2f}{ms['p99']:9.2f}{ms['max']:9.2f}" for stage, ms in stages.items()),
    ]


def _rival_lines(result: dict) -> list[str]:
    shown = []
    for kind, times in result["encoder"].items():
        ways = ", ".join(f"{way} {times[way]['cpu']:.1f}" for way in ("naive", *bench_rivals.ways(1.0)) if way in times)
        size = f"{times['parameters'] / 1e6:.0f} M, {times['window']:g} s"
        shown.append(f"encoder, {kind} ({size}): {ways} ms of processor")
    for way, loop in result.get("large", {}).items():
        ms = loop["stages"]
        of_stages = ", ".join(f"{stage} {ms[stage]['p50']:.1f}" for stage in ms if stage != "mind")
        shown.append(
            f"largest models, {way}: p50 {ms['mind']['p50']:.1f}, p99 {ms['mind']['p99']:.1f} ms ({of_stages})"
        )
    for times in result["oracle"]:
        build, query = times["build"], times["query"]["max"]
        shown.append(f"oracle, {times['labels']} labels: built in {build:.1f} ms, longest query {query:.3f} ms")
    for times in result["cost"]:
        query = times["query"]
        shown.append(f"choice by cost, {times['segments']} segments: {query['p50']:.3f} ms, p99 {query['p99']:.3f}")
    if "stretch" in result:
        ways = ", ".join(f"{way} {ms['cpu']:.2f}" for way, ms in result["stretch"].items())
        shown.append(f"rendering a hop: {ways} ms of processor")
    parts = [f"{name} {ms['cpu']:.1f}" for name, ms in result.get("coherence", {}).items() if name != "ratios"]
    return shown + ([f"coherence of 5 s: {'; '.join(parts)} ms of processor"] if parts else [])


def _bar_line(bar: dict) -> str:
    target = f"{'at least' if bar['least'] else 'at most'} {bar['bar']:g}"
    return f"{'yes' if bar['met'] else 'NO ':<4}{bar['what']}: {bar['value']:g} ({target})"

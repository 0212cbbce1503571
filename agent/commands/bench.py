"""`antiphon bench`: what a hop costs on this machine, stage by stage, and against the naive way.

Every bar is a ratio or a percentile (`agent.commands.measure`), and the result says how busy the machine was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from action import oracle, selection
from agent.commands import bench_memory, bench_rivals
from agent.commands.console import ShowProgress
from agent.commands.measure import DEVICE_SAMPLERATE_HZ, load_average, machine, spread
from agent.performance import loading, report
from agent.performance.session import Session
from agent.settings.config import Config, change
from corpora.audio import read_at
from corpora.disk import atomic_write

HOPS = 240  # measured for the decision loop


def run(model: str | None, hop: float, progress: ShowProgress | None = None, *, deep: bool = False) -> dict:
    """Everything below for a model (None: the settings' own) at a hop (s); `lines` tells it.

    deep: also the memory that `respond` takes, which needs some minutes. ModelError or AudioError if the model or the
    demo are not there.
    """
    began, load = machine(), load_average()
    name = model or Config().agent.model
    steps: list[tuple[str, Callable[[], object]]] = [
        ("mind", lambda: mind(open_demo(name, hop), HOPS)),
        ("encoder", lambda: bench_rivals.encoders(name, hop)),
        ("decision", lambda: {size: bench_rivals.decision(size, hop) for size in ("small", "paper")}),
        ("oracle", lambda: [memory(count) for count in (10_000, 14_400, 144_000)]),
        ("coherence", bench_rivals.coherence),
    ]
    if deep:
        steps.append(("respond", lambda: bench_memory.run(name, hop)))
    found: dict = {"machine": began, "model": name, "hop": hop}
    for number, (key, measure) in enumerate(steps):
        found[key] = measure()
        if progress:
            progress(number + 1, len(steps))
    found["machine"] |= {"load_before": load, "load_after": load_average()}
    found["bars"] = bars(found)
    return found


def open_demo(name: str, hop: float) -> tuple[Session, np.ndarray]:
    """A session on the demo memory at `RATE`, warm, and the demo guide, (n,) float32."""
    config = change(change(Config(), "live.hop", hop), "agent.model", name)
    session, _ = loading.open_session(config, DEVICE_SAMPLERATE_HZ)
    session.warm_up()
    return session, read_at(loading.DEMO / "guide.flac", DEVICE_SAMPLERATE_HZ)


def mind(opened: tuple[Session, np.ndarray], hops: int) -> dict:
    """Each stage of a hop, ms: {"hops", "stages": {stage: {"p50", "p99", "max"}}, "cpu": of the whole}."""
    session, guide = opened
    state, events, worked, at = session.start(), [], [], 0
    for _ in range(hops):
        wanted = session.listener.next_hop_samples(state.hearing)
        if at + wanted > len(guide):
            at = 0
        began = time.process_time()
        events.append(session.step(state, guide[at : at + wanted])[1])
        worked.append(1e3 * (time.process_time() - began))
        at += wanted
    return {"hops": hops, "stages": report.timings(events), "cpu": spread(worked)}


def memory(count: int, repeat: float = 0.98, queries: int = 300) -> dict:
    """Building an oracle of `count` labels of which `repeat` equal the one before, and choosing from it, ms."""
    rng, vocab = np.random.default_rng(0), 65
    labels = _repeating(rng, count, vocab, repeat)
    wanted = _repeating(rng, queries + 8, vocab, 0.5)
    selection.warm_up()
    began = time.perf_counter()
    built = oracle.FactorOracle(vocab, labels)
    build, played, times = 1e3 * (time.perf_counter() - began), selection.Navigation(0), []
    for query in range(queries):
        plan = wanted[query : query + 4]
        began = time.perf_counter()
        choice = selection.choose(built, played, plan, max_continuity=16, taboo=8, region=(0, count), neighbours=None)
        times.append(1e3 * (time.perf_counter() - began))
        selection.commit(built, played, choice)
    return {"labels": count, "self_repeat": repeat, "build": round(build, 3), "query": spread(times)}


def _repeating(rng: np.random.Generator, count: int, vocab: int, repeat: float) -> np.ndarray:
    fresh = rng.random(count) >= repeat
    fresh[0] = True
    newest = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
    return rng.integers(0, vocab - 1, count)[newest].astype(np.int32)


def bars(found: dict) -> list[dict]:
    """What two quiet cores should do: [{"what", "value", "bar", "least", "met"}]; least: or more, else or less."""
    stages = found["mind"]["stages"]["mind"]
    most = [
        ("mind p50, ms", stages["p50"], 8.0),
        ("mind p99, ms", stages["p99"], 25.0),
        *((f"decision at minute 60 / minute 1, {size}", one["ratio"], 1.1) for size, one in found["decision"].items()),
        *((f"oracle of {one['labels']} labels, query p99, ms", one["query"]["p99"], 1.0) for one in found["oracle"]),
    ]
    if "respond" in found:
        short, long = (found["respond"]["peak_mib"][f"guide_{minutes}_min"] for minutes in (1, 3))
        most += [("respond, peak memory, MiB", long, 1536.0), ("respond, growth from 1 to 3 min", long / short, 1.05)]
    least = [(f"naive / step, {kind}", one.get("ratio_fast", one["ratio_step"]), 5.0)
             for kind, one in found["encoder"].items() if kind != "model"]  # fmt: skip
    for name, ratio in found.get("coherence", {}).get("ratios", {}).items():
        least.append((f"official / our {name} of coherence", ratio, 5.0))
    return [
        {"what": what, "value": round(value, 3), "bar": bar, "least": many is least,
         "met": bool(value >= bar if many is least else value <= bar)}
        for many in (most, least) for what, value, bar in many
    ]  # fmt: skip


def write(result: dict, path: str | Path | None) -> None:
    """Keep a result as JSON at `path`, if one is given; AudioError."""
    if path:
        atomic_write(path, json.dumps(result, indent=1) + "\n")


def lines(found: dict) -> list[str]:
    """The report for a terminal."""
    about, mind_ms = found["machine"], found["mind"]["stages"] | {"processor": found["mind"]["cpu"]}
    told = [
        f"{about['cpu']}, {about['cores']} cores, {about['threads']} threads, torch {about['torch']}; "
        f"load {about['load_before']} before, {about['load_after']} after",
        f"model {found['model']}, hop {found['hop']:g} s, {found['mind']['hops']} hops; ms p50, p99, max:",
    ]
    told += [f"  {stage:<12}{ms['p50']:9.2f}{ms['p99']:9.2f}{ms['max']:9.2f}" for stage, ms in mind_ms.items()]
    for kind, one in found["encoder"].items():
        times = ", ".join(f"{key} {one[key]['cpu']:.1f}" for key in ("naive", "step", "fast") if key in one)
        told.append(f"encoder, {kind} ({one['parameters'] / 1e6:.0f} M, {one['window']:g} s): {times} ms of processor")
    for one in found["oracle"]:
        build, query = one["build"], one["query"]["max"]
        told.append(f"oracle, {one['labels']} labels: built in {build:.1f} ms, longest query {query:.3f} ms")
    coherent = [f"{key} {ms['cpu']:.1f}" for key, ms in found.get("coherence", {}).items() if key != "ratios"]
    told += [f"coherence of 5 s: {'; '.join(coherent)} ms of processor"] if coherent else []
    for one in found["bars"]:
        asked = f"{'at least' if one['least'] else 'at most'} {one['bar']:g}"
        told.append(f"{'yes' if one['met'] else 'NO ':<4}{one['what']}: {one['value']:g} ({asked})")
    return told

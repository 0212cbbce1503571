"""What a hop costs on this machine, stage by stage, and against the naive way.

Machines are noisy: rivals take turns in one run, every figure is a median and every bar a ratio or a percentile, and
the report says how busy the machine was meanwhile. Beside the time that passed (wall) stands the time the processor
worked on it (cpu), which other programs disturb less.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from action import oracle, selection
from agent.performance import loading, report
from agent.performance.model_folder import find
from agent.performance.session import Session
from agent.settings.config import Config, change
from corpora.audio import AudioWriter, read_at
from corpora.disk import atomic_write
from decision.model import PAPER, SMALL, Decision, DecisionConfig
from perception.coherence import EMBEDDING_DIM, MODES, WINDOW_SAMPLES, Coherence, mask_channel
from perception.efficientnet import FEATURE_DIM
from perception.hpss import FFT_SIZE, FRAME_STEP, MEL_BANDS, MEL_HIGH_HZ, MEL_LOW_HZ, WINDOW_SIZE
from perception.transformer import reference_hidden_states, torch_threads
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder

RATE = 48000  # Hz, of the device pretended
HOPS = 240  # measured for the mind
WATCHED = """
import resource, sys
from pathlib import Path
from agent.cli import main
main(sys.argv[1:])
status = Path("/proc/self/status")
if status.is_file():  # getrusage would count the program that started this one
    peak = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
print(peak)
"""  # runs antiphon, then prints its peak in KiB
LAYER_NORM = {
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}  # robust, large
Rival = Callable[[], object]


def run(model: str | None, hop: float, progress: loading.Progress | None = None, *, deep: bool = False) -> dict:
    """Everything below for a model (None: the settings' own) at a hop (s); `lines` tells it.

    deep: also the memory that `respond` takes, which needs some minutes. ModelError or AudioError if the model or the
    demo are not there.
    """
    began, load = machine(), _load()
    name = model or Config().agent.model
    steps: list[tuple[str, Callable[[], object]]] = [
        ("mind", lambda: mind(open_demo(name, hop), HOPS)),
        ("encoder", lambda: encoders(name, hop)),
        ("decision", lambda: {size: decision(size, hop) for size in ("small", "paper")}),
        ("oracle", lambda: [memory(count) for count in (10_000, 14_400, 144_000)]),
        ("coherence", coherence),
    ]
    if deep:
        steps.append(("respond", lambda: respond(name, hop)))
    found: dict = {"machine": began, "model": name, "hop": hop}
    for number, (key, measure) in enumerate(steps):
        found[key] = measure()
        if progress:
            progress(number + 1, len(steps))
    found["machine"] |= {"load_before": load, "load_after": _load()}
    found["bars"] = bars(found)
    return found


def machine() -> dict:
    """The machine in words and numbers."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "threads": torch_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "numpy", "numba")},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _load() -> float | None:
    """Programs that wanted a core during the last minute, on average; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def spread(ms: Sequence[float] | np.ndarray) -> dict[str, float]:
    """{"p50", "p99", "max"} of times in ms."""
    return {"p50": round(float(np.percentile(ms, 50)), 3), "p99": round(float(np.percentile(ms, 99)), 3),
            "max": round(float(np.max(ms)), 3)}  # fmt: skip


def in_turns(rivals: dict[str, Rival], rounds: int, warm: int = 2) -> dict[str, dict[str, float]]:
    """Call each rival once a round, so that a busy moment meets them all: {name: {"wall", "cpu"}} medians, ms."""
    wall: dict[str, list[float]] = {name: [] for name in rivals}
    cpu: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(warm + rounds):
        for name, call in rivals.items():
            began, worked = time.perf_counter(), time.process_time()
            call()
            if number >= warm:
                cpu[name].append(1e3 * (time.process_time() - worked))
                wall[name].append(1e3 * (time.perf_counter() - began))
    return {name: {"wall": round(float(np.median(wall[name])), 3), "cpu": round(float(np.median(cpu[name])), 3)}
            for name in rivals}  # fmt: skip


def open_demo(name: str, hop: float) -> tuple[Session, np.ndarray]:
    """A session on the demo memory at `RATE`, warm, and the demo guide, (n,) float32."""
    config = change(change(Config(), "live.hop", hop), "agent.model", name)
    session, _ = loading.open_session(config, RATE)
    session.warm_up()
    return session, read_at(loading.DEMO / "guide.flac", RATE)


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


def encoders(name: str, hop: float) -> dict:
    """A step against `transformers` re-encoding the whole window: of the model, and of base size (95 M, 2 s)."""
    folder = find(name) / "encoder"
    small = Wav2Vec2Model.from_pretrained(folder, use_safetensors=True).float().eval()
    found = {"model": _against_naive(small, Wav2Vec2Encoder.load(folder, hop), rounds=40)}
    for kind, config in (("base", Wav2Vec2Config()), ("base, layer norm", Wav2Vec2Config(**LAYER_NORM))):
        naive = Wav2Vec2Model(config).eval()
        step = Wav2Vec2Encoder(copy.deepcopy(naive), hop, context=2.0)
        fast = Wav2Vec2Encoder(step.model, hop, context=2.0, bfloat16=True)
        found[kind] = _against_naive(naive, step, fast, rounds=6)
    return found


def _against_naive(
    naive: Wav2Vec2Model, step: Wav2Vec2Encoder, fast: Wav2Vec2Encoder | None = None, rounds: int = 10
) -> dict:
    rng = np.random.default_rng(0)
    heard = rng.standard_normal(step.hop).astype(np.float32) / 5
    window = rng.standard_normal((step.window - 1) * step.stride + step.support).astype(np.float32) / 5
    frames = step.start()
    rivals: dict[str, Rival] = {
        "naive": lambda: reference_hidden_states(naive, window),
        "step": lambda: step.step(frames, heard),
    }
    if fast:
        quick, hurry = fast.start(), fast
        rivals["fast"] = lambda: hurry.step(quick, heard)
    found: dict = dict(in_turns(rivals, rounds))
    parameters = sum(one.numel() for one in naive.parameters())
    ratios = {f"ratio_{name}": _ratio(found["naive"], found[name]) for name in rivals if name != "naive"}
    return {"parameters": parameters, "window": round(len(window) / SAMPLERATE, 3), **found, **ratios}


def _ratio(more: dict[str, float], less: dict[str, float]) -> float:
    """Of processor times: the same whatever else runs."""
    return round(more["cpu"] / less["cpu"], 3)


def decision(size: str, hop: float) -> dict:
    """A plan of 4 labels after 1 and after 60 minutes, ms; the hour itself is skipped by the hop it is said to be."""
    shape: dict[str, Any] = {"small": SMALL, "paper": PAPER}[size]
    config = DecisionConfig(units=64, hop=hop, window=int(np.ceil(15 / hop - 1e-6)), **shape)
    model = Decision(config).eval()
    begun = {f"minute_{minute}": _at_minute(model, minute) for minute in (1, 60)}

    def play(state) -> None:
        model.hear(state, state.heard % config.vocab)
        plan = model.plan(state, lambda logits: int(logits.argmax()), 4)
        model.commit(state, plan[0])

    rivals: dict[str, Rival] = {name: partial(play, state) for name, state in begun.items()}
    found = in_turns(rivals, 60 if size == "small" else 20)
    return {**found, "ratio": _ratio(found["minute_60"], found["minute_1"])}


def _at_minute(model: Decision, minute: int):
    """A state with a full window behind it that believes to be so many minutes into the piece."""
    config = model.config
    origin = round(60 * minute / config.hop) - config.window
    state = model.start(origin=max(origin, 0))
    for label in range(config.window):
        model.hear(state, label % config.vocab)
        model.logits(state)
        model.commit(state, label % config.vocab)
    return state


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


def coherence(rounds: int = 7) -> dict:
    """Of two windows of 5 s: the picture and the place of one, the three scores of both; medians, ms, of one thread.

    One thread is what the meter on stage and each worker of `antiphon score` have. Beside them the official way, where
    librosa and efficientnet_pytorch are installed. Weights are random: they cost the same. {name: {"wall", "cpu"},
    "ratios": {name: official / ours}}.
    """
    rng = np.random.default_rng(0)
    heard, spoken = (0.1 * rng.standard_normal((2, WINDOW_SAMPLES))).astype(np.float32)
    model = Coherence().fuse()
    rivals: dict[str, Rival] = {
        "features": lambda: model.features(heard),
        "embed": lambda: model.embed([heard]),
        "score": lambda: model.score(heard, spoken),
    }
    if find_spec("librosa"):
        rivals["features, official"] = lambda: _official_features(heard)
        if find_spec("efficientnet_pytorch"):
            rivals["score, official"] = partial(_official_scores, _official_network(), heard, spoken)
    before = torch_threads()
    with threadpool_limits(1):
        torch_threads(1)
        try:
            found: dict = dict(in_turns(rivals, rounds))
        finally:
            torch_threads(before)
    both = [name for name in rivals if f"{name}, official" in rivals]
    return found | {"ratios": {name: _ratio(found[f"{name}, official"], found[name]) for name in both}}


def _official_features(audio: np.ndarray) -> np.ndarray:
    """What the official COCOLA code does."""
    import librosa
    from librosa.decompose import hpss

    mel = {"sr": SAMPLERATE, "fmin": MEL_LOW_HZ, "fmax": MEL_HIGH_HZ, "n_mels": MEL_BANDS}
    parts = hpss(librosa.stft(audio, n_fft=FFT_SIZE, win_length=WINDOW_SIZE, hop_length=FRAME_STEP))
    powers = [librosa.feature.melspectrogram(S=np.abs(part) ** 2, **mel) for part in parts]
    return np.stack([librosa.power_to_db(power, ref=np.max) for power in powers])


def _official_network() -> nn.Module:
    """The official backbone and what follows it: pictures -> embeddings."""
    from efficientnet_pytorch import EfficientNet

    backbone = EfficientNet.from_name("efficientnet-b0", include_top=False, in_channels=2)
    head = nn.Linear(FEATURE_DIM, EMBEDDING_DIM), nn.LayerNorm(EMBEDDING_DIM), nn.Tanh()
    return nn.Sequential(backbone, nn.Flatten(), *head).eval()


@torch.inference_mode()
def _official_scores(network: nn.Module, heard: np.ndarray, spoken: np.ndarray) -> list[float]:
    """Features once, then one pass for each mode; the bilinear form costs nothing and is left out."""
    pictures = torch.from_numpy(np.stack([_official_features(heard), _official_features(spoken)]))
    return [float(torch.dot(*network(mask_channel(pictures, mode)))) for mode in MODES]


def respond(name: str, hop: float, minutes: float = 30.0) -> dict:
    """Peak resident memory of `antiphon respond`, MiB: guides of 1 and 3 minutes, a memory of so many minutes."""
    with tempfile.TemporaryDirectory() as folder:
        held = _write_notes(Path(folder) / "memory.wav", 60 * minutes, 44100)
        peaks = {}
        for long in (1, 3):
            guide = _write_notes(Path(folder) / f"guide{long}.wav", 60 * long, RATE)
            peaks[f"guide_{long}_min"] = _peak(name, hop, guide, held)
    return {"memory_minutes": minutes, "peak_mib": peaks}


def _write_notes(path: Path, seconds: float, rate: int) -> Path:
    """Notes of a second with silences between, so that labels and levels vary."""
    rng, time_ = np.random.default_rng(int(seconds)), np.arange(rate) / rate
    with AudioWriter(path, rate) as writer:
        for _ in range(int(seconds)):
            tone = np.sin(2 * np.pi * 110 * 2 ** (rng.integers(0, 36) / 12) * time_) * np.exp(-3 * time_)
            writer.write((rng.uniform(0, 0.5) * tone).astype(np.float32))
    return path


def _peak(name: str, hop: float, guide: Path, held: Path) -> float:
    """Of one run in a process of its own."""
    words = ["respond", str(guide), "--memory", str(held), "--model", str(find(name)), "--set", f"live.hop={hop}"]
    words += ["-o", str(guide.with_suffix(".out.wav"))]
    done = subprocess.run([sys.executable, "-c", WATCHED, *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"antiphon {' '.join(words)}: {done.stderr}")
    return round(int(done.stdout.split()[-1]) / 1024, 1)


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

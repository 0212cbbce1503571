"""Times the decision loop for `antiphon bench`: with a model, and with the largest ones.

The largest are an encoder of base size (95 M parameters) that reads 2 s, and a decision model of the paper's size (6
layers of 768). Their weights are random, which changes no time. The alphabet names each hop by the nearest of 64 hops
of the demo, so that labels change as the music does.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from agent.performance import loading, report
from agent.performance.model import Model
from agent.performance.session import Session
from agent.settings.config import DEMO, Config, change
from agent.verbs import bench_rivals
from agent.verbs.measure import DEVICE_SAMPLERATE_HZ, spread
from corpora.audio import read_at
from decision.heard import EXTRA_DIM
from perception.transformer import torch_threads
from perception.units import Alphabet, pca_projection
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder

UNITS, KEY_DIM = 64, 24
THREADS = 2  # as `Model.load` gives an encoder of this size


def decision_loop(opened: tuple[Session, np.ndarray], hops: int) -> dict:
    """Time each stage of a hop, ms: {"hops", "stages": {stage: {"p50", "p99", "max"}}, "cpu": of the whole hop}.

    opened: session and guide, (n,) float32 at the session's rate; it begins again when it is shorter than `hops`.
    """
    session, guide = opened
    return decision_loops({"": session}, guide, hops)[""]


def decision_loops(sessions: dict[str, Session], guide: np.ndarray, hops: int) -> dict[str, dict]:
    """The same for several sessions, each hop by all of them in turn: {name of a session: as `decision_loop`}."""
    states = {name: session.start() for name, session in sessions.items()}
    events: dict[str, list] = {name: [] for name in sessions}
    cpu_ms: dict[str, list[float]] = {name: [] for name in sessions}
    position = 0
    for _ in range(hops):
        for name, session in sessions.items():
            samples = session.listener.next_hop_samples(states[name].hearing)
            if position + samples > len(guide):
                position = 0
            began = time.process_time()
            events[name].append(session.step(states[name], guide[position : position + samples])[1])
            cpu_ms[name].append(1e3 * (time.process_time() - began))
        position += samples
    return {
        name: {"hops": hops, "stages": report.timings(events[name]), "cpu": spread(cpu_ms[name])} for name in sessions
    }


def largest(hop: float, hops: int) -> dict[str, dict]:
    """The same for the largest models, for each way of `bench_rivals.ways` but float32, in turn.

    hop: s. AudioError if the demo is absent.
    """
    before = torch_threads()
    torch_threads(THREADS)
    try:
        return decision_loops(*_sessions(hop), hops)
    finally:
        torch_threads(before)


def _sessions(hop: float) -> tuple[dict[str, Session], np.ndarray]:
    """A session for each way, on the demo memory, and the demo guide."""
    encoders = bench_rivals.base_encoders(hop)
    del encoders["step"]
    alphabet = demo_alphabet(encoders["recompute"], hop)
    decision = bench_rivals.random_decision("paper", hop, alphabet=alphabet.hash, key_dim=KEY_DIM, extra_dim=EXTRA_DIM)
    model = Model(Path("largest"), encoders["recompute"], alphabet, decision)
    config = change(Config(), "live.hop", hop)
    memory = loading.load_memory("demo", model, DEVICE_SAMPLERATE_HZ, config.perception.gate_db)
    sessions = {
        way: Session(replace(model, encoder=encoder), memory.corpus, config, DEVICE_SAMPLERATE_HZ, memory.audio)
        for way, encoder in encoders.items()
    }
    for session in sessions.values():
        session.warm_up()
    return sessions, read_at(DEMO / "guide.flac", DEVICE_SAMPLERATE_HZ)


def demo_alphabet(encoder: Wav2Vec2Encoder, hop: float) -> Alphabet:
    """The features of as many hops of the demo as there are units, spread over it, as centroids."""
    guide = read_at(DEMO / "guide.flac", SAMPLERATE)
    hops = guide[: len(guide) // encoder.hop * encoder.hop].reshape(-1, encoder.hop)
    state = encoder.start()
    features = np.stack([encoder.step(state, hops[i]) for i in np.linspace(0, len(hops) - 1, UNITS).astype(int)])
    mean, projection = features.mean(0), pca_projection(features, KEY_DIM)
    return Alphabet(mean, projection, (features - mean) @ projection, hop)

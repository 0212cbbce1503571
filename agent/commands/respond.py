"""Answer a recording with another: `antiphon respond`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agent.performance.hops import live_hops, offline_hops
from agent.performance.loading import Progress, open_session
from agent.performance.report import summarise, true_positive_percentage
from agent.performance.state import Event
from agent.settings.config import Config
from corpora.audio import AudioWriter, open_audio


def respond(
    guide: str | Path,
    out: str | Path,
    config: Config,
    *,
    offline: bool = False,
    mix: str | Path | None = None,
    truth: str | Path | None = None,
    progress: Progress | None = None,
) -> dict:
    """Answer a recording with another: write `out` (and `mix`), as long as the guide to the sample; return the report.

    Streams: memory use does not depend on the guide's length. truth: the B that was really played, for its TPP.
    """
    with open_audio(guide, at_least=config.live.hop) as file:
        session, _ = open_session(config, file.samplerate)
        piece = session.start(offline=offline)
        events: list[Event] = []
        with AudioWriter(out, file.samplerate, seconds=file.seconds) as writer:
            blending = AudioWriter(mix, file.samplerate, channels=2, seconds=file.seconds) if mix else None
            hops = offline_hops(session, piece, file) if offline else live_hops(session, piece, file.blocks())
            with blending or _Nothing():
                for heard, spoken, event in hops:
                    writer.write(spoken)
                    if blending:
                        blending.write(_side_by_side(heard, spoken))
                    if event:
                        events.append(event)
                    if progress:
                        progress(min(writer.frames / file.samplerate, file.seconds), file.seconds)
        report = summarise(session, events, writer.frames)
    report |= {"guide": str(guide), "memory": config.agent.memory, "model": config.agent.model}
    report |= {"mode": "offline" if offline else "live", "seed": config.agent.seed, "hop": config.live.hop}
    if truth:
        report["tpp"] = true_positive_percentage(session, events, truth)
    return report


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _side_by_side(heard: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """(n, 2) float32: the guide a little to the left, the answer to the right; each side at most full scale."""
    near, far = np.float32(0.75), np.float32(0.25)
    return np.stack([near * heard + far * spoken, far * heard + near * spoken], axis=1)

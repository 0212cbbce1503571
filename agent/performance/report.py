"""Makes the report of a performance: labels, segments and reasons, runs, and how long each stage took."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from pathlib import Path

import numpy as np

from agent.performance.session import Session
from agent.performance.state import Event
from corpora.audio import open_audio, regroup
from perception.stream import hop_sizes


def summarise(session: Session, events: list[Event], samples: int) -> dict:
    """The report of a performance: input labels, plan and choices with reasons; times of each stage in ms.

    Entry i of the lists `heard`, `plan`, `segments`, `labels` and `why` is of hop `first_hop` + i. `silence` is the
    label of silence, and -1 its segment. `asked`: hops for which a label was planned; `matched`: those that got it.
    """
    runs = np.array(_run_lengths(events), np.int64)
    planned = [event for event in events if event.plan]
    silence = session.silence
    return {
        "samplerate": session.samplerate,
        "samples": samples,
        "hops": len(events),
        "silence": silence,
        "first_hop": events[0].hop if events else 0,
        "heard": [event.heard for event in events],
        "plan": [list(event.plan) for event in events],
        "segments": [event.segment for event in events],
        "labels": [event.label for event in events],
        "why": [event.why for event in events],
        "shifts": [event.shift for event in events],
        "places": [list(event.places) for event in events],
        "reasons": dict(Counter(event.why for event in events)),
        "asked": len(planned),
        "matched": sum(event.plan[0] == event.label for event in planned),
        "runs": {"count": len(runs), "mean": round(float(np.mean(runs)), 3) if len(runs) else 0.0,
                 "longest": int(max(runs, default=0)),
                 "histogram": {int(k): v for k, v in sorted(Counter(runs.tolist()).items())}},
        "timings_ms": timings(events),
    }  # fmt: skip


def _run_lengths(events: list[Event]) -> list[int]:
    """Hops of each stretch that was played as it was recorded; where it is played faster, segments are left out."""
    return [
        event.run
        for event, after in zip_longest(events, events[1:])
        if event.segment >= 0 and (after is None or after.run <= 1)
    ]


def timings(events: list[Event]) -> dict[str, dict[str, float]]:
    """{stage: {"p50", "p99", "max"}} in ms; "mind" is the sum of the stages of a hop, the decision loop."""
    stages = {stage for event in events for stage in event.times}
    columns = {stage: np.array([event.times.get(stage, 0.0) for event in events]) for stage in sorted(stages)}
    if columns:
        columns["mind"] = np.sum(list(columns.values()), axis=0)
    return {
        stage: {"p50": round(float(np.percentile(ms, 50)), 3), "p99": round(float(np.percentile(ms, 99)), 3),
                "max": round(float(ms.max()), 3)}
        for stage, ms in columns.items()
    }  # fmt: skip


def true_positive_percentage(session: Session, events: list[Event], truth: str | Path) -> float:
    """Percentage of hops of the recording `truth` whose label was played (TPP; Bujard et al., 2025, eq. 5)."""
    with open_audio(truth, at_least=session.hop) as file:
        listener = session.model.listener(file.samplerate, session.config.perception.gate_db)
        hearing, labels = listener.start(), []
        for audio in regroup(file.blocks(), hop_sizes(session.hop, file.samplerate)):
            if len(audio) == listener.next_hop_samples(hearing):
                labels.append(listener.step(hearing, audio).label)
    hits = sum(labels[e.hop] == e.label for e in events if e.hop < len(labels))
    return round(100 * hits / max(1, len(labels)), 3)

"""`antiphon respond`: answers a recording from a recorded memory."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from agent.performance import adding
from agent.performance.hops import live_hops, offline_hops
from agent.performance.loading import open_full_session, open_session
from agent.performance.report import summarise, true_positive_percentage
from agent.performance.state import Event
from agent.settings.config import Config
from agent.verbs.console import ShowProgress, input_warnings
from corpora.audio import AudioWriter, open_audio, warn_if_silent
from corpora.whole_files import atomic_write, together


def respond(
    guide: str | Path,
    out: str | Path,
    config: Config,
    *,
    offline: bool = False,
    mix: str | Path | None = None,
    truth: str | Path | None = None,
    report_file: str | Path | None = None,
    progress: ShowProgress | None = None,
) -> dict:
    """Answer a guide and write the answer to `out`, exactly as long as the guide; return the report.

    mix: file for guide and answer together, stereo. truth: what was really played with the guide, from which the
    report's "tpp" is computed. report_file: file for the report, as JSON. All files appear together or not at all. The
    guide is streamed, so the working memory does not grow with its length. AudioError, CorpusError or ModelError.
    """
    with together():
        report = _answer(guide, out, config, offline, mix, truth, progress)
        if report_file:
            atomic_write(report_file, json.dumps(report) + "\n")
    return report


def _answer(
    guide: str | Path, out: str | Path, config: Config, offline: bool, mix: str | Path | None,
    truth: str | Path | None, progress: ShowProgress | None,
) -> dict:  # fmt: skip
    """Write answer and mix; return the report."""
    with open_audio(guide, at_least=config.live.hop) as file:
        session, _ = (open_full_session if config.action.add else open_session)(config, file.samplerate)
        state = session.start(offline=offline)
        events: list[Event] = []
        with AudioWriter(out, file.samplerate, seconds=file.seconds) as writer:
            mix_writer = AudioWriter(mix, file.samplerate, channels=2, seconds=file.seconds) if mix else None
            hops = offline_hops(session, state, file) if offline else live_hops(session, state, file.blocks())
            with mix_writer or nullcontext():
                for heard, spoken, event in hops:
                    writer.write(spoken)
                    if mix_writer:
                        mix_writer.write(_side_by_side(heard, spoken))
                    if event:
                        events.append(event)
                    if progress:
                        progress(min(writer.frames / file.samplerate, file.seconds), file.seconds)
        report = summarise(session, events, writer.frames)
    report |= {"guide": str(guide), "memory": config.agent.memory, "model": config.agent.model}
    report |= {"mode": "offline" if offline else "live", "seed": config.agent.seed, "hop": config.live.hop}
    if config.action.add:
        instruction = adding.read(config.action.add).instruction
        memory = session.repertoire[state.selected_memory].name
        report["add"] = {"role": instruction.role, "asked": dict(instruction.asked or {}), "memory": memory}
    if truth:
        report["tpp"] = true_positive_percentage(session, events, truth)
    warn_if_silent(guide, report["heard"], session.silence, config.perception.gate_db)
    return report | {"warnings": input_warnings()}


def lines(report: dict, out: str | Path, mix: str | Path | None) -> list[str]:
    """The lines that a terminal shows for a report."""
    seconds, runs = report["samples"] / report["samplerate"], report["runs"]
    answer = (f"{out}: {seconds:.1f} s, {report['hops']} hops; {report['matched']} of {report['asked']} labels as "
              f"wanted, {runs['count']} runs of {runs['mean']:.1f} segments")  # fmt: skip
    added = [f"added {_added(report['add'])}"] if "add" in report else []
    return [answer, *added, f"{mix}: the guide and its answer"] if mix else [answer, *added]


def _added(what: dict) -> str:
    """What was to be added and from where, in words."""
    asked = ", ".join(f"{attribute} {'high' if level > 0 else 'low'}" for attribute, level in what["asked"].items())
    role = what["role"] or "a part"
    return f"{role} from '{what['memory']}'" + (f": {asked}" if asked else "")


def _side_by_side(heard: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """(n, 2) float32: the guide panned left, the answer right; the gains of a side add up to 1."""
    near, far = np.float32(0.75), np.float32(0.25)
    return np.stack([near * heard + far * spoken, far * heard + near * spoken], axis=1)

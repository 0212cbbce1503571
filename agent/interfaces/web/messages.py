"""The messages between the stage page and the agent, as JSON; agent/interfaces/web/server.py has the protocol."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict
from typing import Any, TypedDict

from agent.control.command import CONTROLS, REPORTS, CommandError
from agent.control.presets import Presets
from agent.engine.engine import Engine
from agent.settings.config import FIELDS

logger = logging.getLogger("antiphon.web")


class MemoryEntry(TypedDict):
    """One memory that can be chosen."""

    name: str
    segments: int
    seconds: float
    growing: bool  # it is being recorded
    sections: list[str]  # names of those that can be chosen


class Loaded(TypedDict):
    """What an engine plays with. The keys are those of the page's protocol."""

    shapes: int  # of the alphabet: labels that are a pitch class with a shape of sound
    silence: int  # the label of silence
    hop: float  # s
    samplerate: int  # Hz
    memories: list[MemoryEntry]


class Waveform(TypedDict):
    """A picture of a memory, from its beginning to its end."""

    peaks: list[float]  # 0 to 1
    labels: list[int]


def parse_message(message: str | bytes) -> tuple[str, tuple[str | int | float, ...]]:
    """A message of a page, ["name", argument...], as name and arguments; CommandError says what is wrong."""
    if not isinstance(message, str):
        raise CommandError("the page spoke in bytes: it has to be JSON text")
    refusal = CommandError(f'not a command: {message[:60]!r}; expected JSON like ["temperature", 1.2]')
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        raise refusal from None
    if not (isinstance(content, list) and content and isinstance(content[0], str)):
        raise refusal
    if not all(isinstance(item, (str, int, float)) for item in content):
        raise refusal
    try:  # half a surrogate pair is no text that could be written to a file or sent on
        (message + "".join(item for item in content if isinstance(item, str))).encode()
    except UnicodeEncodeError:
        raise refusal from None
    return content[0], tuple(content[1:])


def table() -> dict[str, Any]:
    """What the page builds itself from: {"controls": {name: {...}}, "reports": ...}, settings with default."""
    controls = {name: asdict(control) for name, control in CONTROLS.items()}
    for entry in controls.values():
        entry["reach"] = entry.pop("fader_range")  # the protocol's word for it
        if entry["setting"]:
            entry["default"] = FIELDS[entry["setting"]].default
    return {"controls": controls, "reports": {name: asdict(report) for name, report in REPORTS.items()}}


def loaded(engine: Engine) -> Loaded:
    """What the engine plays with."""
    session = engine.session
    return {
        "shapes": int(session.model.alphabet.shapes),
        "silence": int(session.silence),
        "hop": float(session.hop),
        "samplerate": int(session.samplerate),
        "memories": [
            {"name": str(memory.name), "segments": len(memory), "seconds": round(len(memory) * session.hop, 2),
             "growing": bool(memory.growing), "sections": [section.name for section in memory.sections]}
            for memory in session.repertoire
        ],
    }  # fmt: skip


def preset_names(engine: Engine) -> list[str]:
    """The names of the presets; none if their file cannot be read, which is reported when a preset is asked for."""
    try:
        return Presets(engine.session.config.live.presets).names()
    except CommandError as error:
        logger.warning("%s", error)
        return []


def waveform(engine: Engine, memory: int, points: int) -> Waveform:
    """Peaks and labels of a memory, by its number, `points` of each."""
    peaks = [round(float(peak), 4) for peak in engine.waveform(memory, points)]
    labels = engine.session.repertoire[memory].labels
    return {
        "peaks": peaks,
        "labels": [int(labels[i * len(labels) // points]) for i in range(points if len(labels) else 0)],
    }


def as_json(value: Any) -> str:
    """JSON as a browser reads it: no NaN, no infinity, no numpy."""
    return json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(content) for key, content in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (int, float)) else str(value)

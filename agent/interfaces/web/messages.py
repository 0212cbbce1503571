"""What the stage page and the agent say to each other, as JSON: see agent/interfaces/web/server.py."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from agent.control import command
from agent.control.presets import Presets
from agent.settings.config import FIELDS


def words(message: str | bytes) -> tuple[str, tuple]:
    """What a page said, ["name", argument...], as name and arguments; ValueError says why not."""
    if not isinstance(message, str):
        raise ValueError("the page spoke in bytes: it has to be JSON text")
    try:
        said = json.loads(message)
        message.encode()
        if not (isinstance(said, list) and said and isinstance(said[0], str)):
            raise ValueError(said)
        args = tuple(said[1:])
        if not all(isinstance(arg, (str, int, float)) for arg in args):
            raise ValueError(args)
        "".join(arg for arg in said if isinstance(arg, str)).encode()
    except (ValueError, RecursionError):
        raise ValueError(f'not a command: {message[:60]!r}; expected JSON like ["temperature", 1.2]') from None
    return said[0], args


def table() -> dict[str, Any]:
    """What the page builds itself from: {"controls": {name: {...}}, "reports": ...}, settings with default."""
    controls = {name: asdict(one) for name, one in command.CONTROLS.items()}
    for one in controls.values():
        one["reach"] = one.pop("fader_range")  # the protocol's word for it
        if one["setting"]:
            one["default"] = FIELDS[one["setting"]].default
    return {"controls": controls, "reports": {name: asdict(one) for name, one in command.REPORTS.items()}}


def about(engine: Any) -> dict[str, Any]:
    """What is loaded: {"silence", "shapes" (of the alphabet), "hop" (s), "samplerate" (Hz), "memories"}."""
    session = engine.session
    return {
        "shapes": int(session.model.alphabet.shapes),
        "silence": int(session.silence),
        "hop": float(session.hop),
        "samplerate": int(session.samplerate),
        "memories": [
            {"name": str(one.name), "segments": len(one), "seconds": round(len(one) * session.hop, 2),
             "growing": bool(one.growing)}
            for one in session.repertoire
        ],
    }  # fmt: skip


def presets(engine: Any) -> list[str]:
    """Names of the presets there are."""
    with suppress(ValueError):  # a file that cannot be read has its sentence when a preset is asked for
        return Presets(engine.session.config.live.presets).names()
    return []


def waveform(engine: Any, number: int, points: int) -> dict[str, list]:
    """{"peaks": [0..1], "labels": [label]}, `points` of each, from the memory's beginning to its end."""
    peaks = [round(float(peak), 4) for peak in engine.waveform(number, points)]
    labels = engine.session.repertoire[number].labels
    return {
        "peaks": peaks,
        "labels": [int(labels[i * len(labels) // points]) for i in range(points if len(labels) else 0)],
    }


def as_json(value: Any) -> str:
    """JSON as a browser reads it: no NaN, no infinity, no numpy."""
    return json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (int, float)) else str(value)

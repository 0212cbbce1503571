"""Gathers the files and folders that a verb reads and writes from its flags and settings; refuses an overlap.

Each flag that takes a path is declared in `agent.verbs.parser` as an input or an output of some kind. A kind turns
the value of the flag into the files and folders that are really read or written.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from agent.performance.model_folder import ModelError, encoder_of, named_folder
from agent.settings.config import DEMO, FIELDS, Config
from corpora.outputs import Named, refuse_overlap, refuse_unwritable

AUDIO_SUFFIXES = {
    ".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64", ".opus", ".snd",
}  # fmt: skip
NO_MARKS = "none"  # given instead of a file with beats or labels
SETTINGS_FILE = "agent.toml"  # where none is given
SETTINGS_THAT_ARE_PATHS = {  # setting -> kind; `live.input` and `live.output` are checked with --input and --output
    name: field.names for name, field in FIELDS.items() if field.names
}


def endpoint_kind(name: str) -> Literal["osc", "file", "device"]:
    """The kind of an input or output name: "osc", a file (by its suffix, or because it exists), else a device."""
    if name == "osc":
        return "osc"
    is_file = Path(name).suffix.lower() in AUDIO_SUFFIXES or os.path.isfile(name)
    return "file" if is_file else "device"


def settings_file(given: str | None) -> str | None:
    """The settings file: the one of --config, `~` expanded, else agent.toml where the command runs, else None."""
    return os.path.expanduser(given) if given else (SETTINGS_FILE if Path(SETTINGS_FILE).is_file() else None)


def guide_path(name: str) -> Path:
    """The file of a guide: the one of the demo for "demo", else the file of that name."""
    return DEMO / "guide.flac" if name == "demo" else Path(name)


def check_paths(given: argparse.Namespace, config: Config | None = None) -> None:
    """Raise AudioError if an output of this command is an input, overlaps another output, or cannot be written.

    given: the parsed flags. config: the settings that the verb uses, None if it uses none. LogError if a session log
    cannot be read.
    """
    inputs = [*_named(given, role="input"), *(_named_settings(config) if config else ())]
    outputs = list(_named(given, role="output"))
    if outputs:
        refuse_overlap(inputs, outputs)
        for flag in given.paths:
            if flag.role == "output" and flag.kind in ("file", "endpoint", "log written"):
                for value in _values(getattr(given, flag.dest)):
                    for path in KINDS[flag.kind](value)[:1]:  # the log itself; its folder of takes may never be made
                        refuse_unwritable(path)


def _named(given: argparse.Namespace, role: str) -> Iterator[Named]:
    """Yield (flag, path) for every path that the flags of a role stand for."""
    for flag in given.paths:
        if flag.role == role:
            for value in _values(getattr(given, flag.dest)):
                yield from ((flag.name, path) for path in KINDS[flag.kind](value))


def _named_settings(config: Config) -> Iterator[Named]:
    """Yield (setting, path) for every path in the settings, and the settings file itself."""
    if Path(SETTINGS_FILE).is_file():
        yield "the settings", Path(SETTINGS_FILE)
    for name, kind in SETTINGS_THAT_ARE_PATHS.items():
        section, key = name.split(".")
        for value in _values(getattr(getattr(config, section), key)):
            yield from ((name, path) for path in KINDS[kind](value))


def _values(value: str | list[str] | tuple[str, ...] | None) -> list[str]:
    if value is None:
        return []
    values = [value] if isinstance(value, str) else list(value)
    return [path for path in values if path]


def _plain(value: str) -> list[Path]:
    return [Path(value)]


def _settings(value: str) -> list[Path]:
    return [Path(os.path.expanduser(value))]


def _recording(value: str) -> list[Path]:
    return [guide_path(value)]


def _memory(value: str) -> list[Path]:
    return [DEMO / "memory.flac" if value == "demo" else Path(value)]


def _model(value: str) -> list[Path]:
    """The model folder, and the folder of its encoder if that is another."""
    folder = named_folder(value)
    with suppress(ModelError):  # reported where the model is loaded
        encoder = Path(encoder_of(folder))
        return [folder, encoder] if os.path.exists(encoder) else [folder]
    return [folder]


def _endpoint(value: str) -> list[Path]:
    return [Path(value)] if endpoint_kind(value) == "file" else []


def _log_written(value: str) -> list[Path]:
    from agent.records.session_log import takes_folder

    return [Path(value), takes_folder(Path(value))]


def _log_read(value: str) -> list[Path]:
    """The log, its folder of takes, and the memories that it names."""
    from agent.records.session_log import read

    header, _ = read(value)
    memories = [path for name in _memory_names(header) for path in _memory(name)]
    return [*_log_written(value), *memories]


def _memory_names(header: dict) -> list[str]:
    """Names of the memories in the first line of a log that are files; a growing memory is not."""
    memories = header.get("memories")
    listed = memories if isinstance(memories, list) else []  # a damaged line is reported by `replay`
    return [
        str(memory["name"])
        for memory in listed
        if isinstance(memory, dict) and memory.get("name") and not memory.get("growing")
    ]


def _marks(value: str) -> list[Path]:
    return [] if value == NO_MARKS else [Path(value)]


def _record(value: str) -> list[Path]:
    return [Path(value) / "heard.wav", Path(value) / "spoken.wav"]


KINDS: dict[str, Callable[[str], list[Path]]] = {
    "file": _plain,
    "settings": _settings,
    "folder": _plain,
    "recording": _recording,
    "memory": _memory,
    "model": _model,
    "endpoint": _endpoint,
    "log written": _log_written,
    "log read": _log_read,
    "record": _record,
    "marks": _marks,
}

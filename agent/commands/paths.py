"""Which files and folders a verb reads and writes: gathered from its flags and settings, and kept from overlapping.

Each flag that takes a path is declared in `agent.commands.parser` as an input or an output of some kind. A kind turns
the value of the flag into the files and folders that are really read or written.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from agent.settings.config import FIELDS, Config
from corpora.outputs import Named, refuse_overlap, refuse_unwritable

AUDIO_SUFFIXES = {
    ".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64", ".opus", ".snd",
}  # fmt: skip
SETTINGS_FILE = "agent.toml"  # where none is given
SETTINGS_THAT_ARE_PATHS = {  # setting -> its kind; `live.input` and `live.output` are those of --input and --output
    name: field.names for name, field in FIELDS.items() if field.names
}


def endpoint_kind(name: str) -> Literal["osc", "file", "device"]:
    """What an input or output name means: "osc", a file (by its suffix, or because it exists) or else a device."""
    if name == "osc":
        return "osc"
    is_file = Path(name).suffix.lower() in AUDIO_SUFFIXES or os.path.isfile(name)
    return "file" if is_file else "device"


def settings_file(given: str | None) -> str | None:
    """The settings file of --config, `~` expanded, else agent.toml where the command runs; None if there is none."""
    return os.path.expanduser(given) if given else (SETTINGS_FILE if Path(SETTINGS_FILE).is_file() else None)


def check_paths(given: argparse.Namespace, config: Config | None = None) -> None:
    """AudioError if an output of this command is one of its inputs, or overlaps another output, or cannot be written.

    given: the parsed flags; config: the settings that the verb uses, None if it uses none. LogError if a session log
    that is to be read cannot be.
    """
    inputs = [*_named(given, role="input"), *(_named_settings(config) if config else ())]
    outputs = list(_named(given, role="output"))
    if outputs:
        refuse_overlap(inputs, outputs)
        for flag in given.paths:
            if flag.role == "output" and flag.kind in ("file", "endpoint", "log written"):
                for value in _values(getattr(given, flag.dest)):
                    for path in KINDS[flag.kind](value)[:1]:  # the log itself; what is recorded beside it may not come
                        refuse_unwritable(path)


def _named(given: argparse.Namespace, role: str) -> Iterator[Named]:
    """(flag, path) of everything that the flags of a role stand for."""
    for flag in given.paths:
        if flag.role == role:
            for value in _values(getattr(given, flag.dest)):
                yield from ((flag.name, path) for path in KINDS[flag.kind](value))


def _named_settings(config: Config) -> Iterator[Named]:
    """The same of the settings, and the settings file itself."""
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
    return [one for one in values if one]


def _plain(value: str) -> list[Path]:
    return [Path(value)]


def _settings(value: str) -> list[Path]:
    return [Path(os.path.expanduser(value))]


def _recording(value: str) -> list[Path]:
    from agent.performance.loading import DEMO

    return [DEMO / "guide.flac" if value == "demo" else Path(value)]


def _memory(value: str) -> list[Path]:
    from agent.performance.loading import DEMO

    return [DEMO / "memory.flac" if value == "demo" else Path(value)]


def _model(value: str) -> list[Path]:
    """The model folder, and the folder of its encoder where that is another."""
    from agent.performance.model_folder import ModelError, encoder_of, named_folder

    folder = named_folder(value)
    with suppress(ModelError):  # is told where the model is loaded
        encoder = Path(encoder_of(folder))
        return [folder, encoder] if os.path.exists(encoder) else [folder]
    return [folder]


def _endpoint(value: str) -> list[Path]:
    return [Path(value)] if endpoint_kind(value) == "file" else []


def _log_written(value: str) -> list[Path]:
    from agent.records.session_log import takes_folder

    return [Path(value), takes_folder(Path(value))]


def _log_read(value: str) -> list[Path]:
    """The log, what was recorded beside it, and the memories it was played with."""
    from agent.records.session_log import read

    header, _ = read(value)
    memories = [path for name in _memory_names(header) for path in _memory(name)]
    return [*_log_written(value), *memories]


def _memory_names(header: dict) -> list[str]:
    """Of the memories in a log's first line that were not recorded while it was played."""
    memories = header.get("memories")
    listed = memories if isinstance(memories, list) else []  # a damaged line is told where the log is replayed
    return [str(one["name"]) for one in listed if isinstance(one, dict) and one.get("name") and not one.get("growing")]


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
}

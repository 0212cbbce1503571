"""The settings of a recipe: one dataclass whose fields are flags of the command line, saved with every run.

    @dataclass(frozen=True)
    class EncoderTraining:
        minutes: float = setting(36.0, "minutes of training", may_change=True)
        batch: int = setting(48, "examples per step")

`--resume` uses the saved settings. A flag given with it must have the saved value, unless the setting may change during
a run (`may_change`); such a change is announced.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from corpora.outputs import refuse_run_folder
from train.common.errors import TrainError

T = TypeVar("T")
TRUE, FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def setting(
    default: T, help: str, *, may_change: bool = False, choices: tuple[Any, ...] = (), repeat: bool = False
) -> T:
    """A field of a settings dataclass.

    help: one sentence, with the unit. may_change: a resumed run may have another value. choices: the allowed values;
    (): any. repeat: a tuple whose flag is given once for each item, rather than once with all items.
    """
    meta = {"help": help, "may_change": may_change, "choices": choices, "repeat": repeat}
    return dataclasses.field(default=default, metadata=meta)  # type: ignore[no-any-return]


def boolean(text: str) -> bool:
    """Parse true, yes, on, 1 or false, no, off, 0; ArgumentTypeError for any other word."""
    if text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    raise argparse.ArgumentTypeError(f"'{text}' is neither true nor false")


def label(text: str) -> str | int:
    """An int if the text is all digits, else the text: "full", 1."""
    return int(text) if text.isdigit() else text


def add_arguments(parser: argparse.ArgumentParser, settings_class: type, without: tuple[str, ...] = ()) -> None:
    """Add a --flag for each field of the settings dataclass except those in `without`.

    A flag that is not given is absent from the namespace, so that it differs from one given with its default.
    """
    for field in dataclasses.fields(settings_class):
        if field.name not in without:
            _add_argument(parser, field)


def _add_argument(parser: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    default, meta = field.default, field.metadata
    first = default[0] if isinstance(default, tuple) and default else default
    kinds = {type(item) for item in default} if isinstance(default, tuple) else {type(default)}
    kind: Any = label if kinds == {str, int} else boolean if kinds == {bool} else str if not kinds else type(first)
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    words: dict[str, Any] = {"type": kind, "default": argparse.SUPPRESS}
    words["help"] = f"{meta.get('help', '')} (default: {shown or 'none'})".replace("%", "%%").strip()
    if meta.get("choices"):
        words["choices"] = meta["choices"]
    else:
        words["metavar"] = "true|false" if kind is boolean else kind.__name__.upper()
    if isinstance(default, tuple):
        words |= {"action": "append"} if meta.get("repeat") else {"nargs": "+"}
    parser.add_argument(f"--{field.name.replace('_', '-')}", **words)


def parse_arguments(parser: argparse.ArgumentParser, argv: list[str] | None = None) -> argparse.Namespace:
    """Parse a command line with -o OUT, which may be absent where the parser allows it.

    AudioError if OUT is one of its inputs, that is, any value that names a path.
    """
    given = parser.parse_args(argv)
    inputs = []
    for action in parser._actions:
        values = getattr(given, action.dest, None) if action.dest != "out" and not action.choices else None
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if isinstance(value, (str, Path)) and str(value) and os.path.exists(value):
                inputs.append((action.option_strings[0] if action.option_strings else action.dest.upper(), value))
    if given.out is not None:
        refuse_run_folder(inputs, "-o", given.out)
    return given


class Recipe(NamedTuple):
    """The parsed command line of a recipe."""

    data: list[Path]
    out: Path
    resume: bool
    given: dict[str, Any]  # settings whose flags were given


def parse_recipe(doc: str, settings_class: type, argv: list[str] | None = None) -> Recipe:
    """DATA... -o OUT [--resume] and the flags of the settings dataclass. doc: the recipe's own docstring.

    Where the dataclass has PRESETS, name -> {setting: value}, one can be named with --preset; flags come before it.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="folders or files to learn from")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in OUT")
    presets: Mapping[str, Mapping[str, Any]] = getattr(settings_class, "PRESETS", {})
    if presets:
        text = "settings to begin with instead of the defaults; other flags change them"
        parser.add_argument("--preset", choices=tuple(presets), help=text)
    add_arguments(parser, settings_class)
    given = vars(parse_arguments(parser, argv))
    preset = presets.get(given.pop("preset", None) or "", {})
    return Recipe(given.pop("data"), given.pop("out"), given.pop("resume"), {**preset, **given})


def frozen(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with lists as tuples, as a frozen dataclass must hold them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def changes(saved: Mapping[str, Any], now: Any) -> dict[str, tuple[Any, Any]]:
    """{field: (saved value, value now)} of the settings dataclass `now` where both are known and differ."""
    fields = {field.name: getattr(now, field.name) for field in dataclasses.fields(now)}
    before = frozen(saved)
    return {name: (before[name], value) for name, value in fields.items() if name in before and before[name] != value}


def check_resume(out: Path, saved: Mapping[str, Any], now: Any) -> None:
    """Check that the settings `now` may resume the run in `out`; print those that change and may.

    TrainError names each setting that differs from the saved one and must not change during a run.
    """
    changed = changes(saved, now)
    may = {field.name for field in dataclasses.fields(now) if field.metadata.get("may_change")}
    refused = [f"{name} = {old!r}, now {new!r}" for name, (old, new) in changed.items() if name not in may]
    if refused:
        raise TrainError(
            f"the run in '{out}' began with other settings ({'; '.join(refused)}): leave these flags out to go on with "
            "it, or begin another run in another folder"
        )
    for name, (old, new) in changed.items():
        print(f"going on with {name} = {new!r}, before {old!r}", file=sys.stderr)

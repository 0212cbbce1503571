"""The settings of a recipe as flags of its command line."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path


def settings_from_flags(doc: str, settings_class: type, argv: list[str] | None = None):
    """(data folders, out folder, resume, settings): one --flag for each field of the settings dataclass."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in OUT")
    for field in fields(settings_class):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    given = vars(parser.parse_args(argv))
    data, out, resume = given.pop("data"), given.pop("out"), given.pop("resume")
    return data, out, resume, settings_class(**given)

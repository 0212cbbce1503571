"""An evaluation that writes each part when it is done, and goes on after it was interrupted or killed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from corpora.whole_files import atomic_write
from train.common.errors import TrainError
from train.common.files import visible
from train.common.settings import check_resume

RUN_FILE = "run.json"  # what is evaluated, and the settings


def begin(out: Path, folders: tuple[str, ...], run: Mapping[str, Any], settings: Any, resume: bool) -> None:
    """Make OUT and its folders, or go on in them.

    folders: in OUT; in the first is a JSON file of each part that is done. run: "data", "model", whatever else must not
    change, and the settings. TrainError if OUT was begun with others of them, or holds a part and `resume` is not set.
    """
    for name in folders:
        (out / name).mkdir(parents=True, exist_ok=True)
        for killed in (out / name).glob(".antiphon-*.part"):  # by a run that could not remove it
            with suppress(OSError):
                killed.unlink()
    if (out / RUN_FILE).exists() and visible(out / folders[0], "*.json"):
        if not resume:
            raise TrainError(f"'{out}' holds an evaluation: add --resume to go on with it, or choose another folder")
        saved = read_part(out / RUN_FILE)
        for name in set(run) - set(vars(settings)):
            if saved.get(name) != run[name]:
                raise TrainError(
                    f"the evaluation in '{out}' is of {name} '{saved.get(name)}', not '{run[name]}': choose another "
                    "folder with -o"
                )
        check_resume(out, saved, settings)
    atomic_write(out / RUN_FILE, json.dumps(run) + "\n")


def write_part(path: Path, content: dict[str, Any]) -> None:
    """Write what `read_part` reads, whole or not at all, with null for NaN, which JSON lacks. AudioError."""
    atomic_write(path, json.dumps(_without_nan(content)) + "\n")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def read_part(path: Path) -> dict[str, Any]:
    """The content of a JSON file of an evaluation; TrainError if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        content, why = None, " ".join(str(error).split())[:120]
    else:
        why = "not what an evaluation writes"
    if not isinstance(content, dict):
        raise TrainError(f"'{path}' is damaged ({why}): delete it, and what it held is evaluated again")
    return content

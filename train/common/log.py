"""The log of a recipe: OUT/log.jsonl, one JSON object a line, the same first keys everywhere.

Where tensorboard is installed its event files lie beside it, with the same numbers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from corpora.whole_files import atomic_write

FILE = "log.jsonl"


class Log:
    """Appends lines to log.jsonl in the folder `out`; on a terminal they are shown too."""

    def __init__(self, out: Path):
        self.path = out / FILE
        self._events: Any = None  # once something is logged: a SummaryWriter, or False without tensorboard
        self._purged: int | None = None  # events from this step on are void

    def write(self, step: int, spent: float, values: Mapping[str, float | str]) -> None:
        """Append one line: the step, `spent` s of learning so far (logged as minutes and seconds), and named values."""
        line: dict[str, float | str] = {"step": step, "minutes": round(spent / 60, 2), "seconds": round(spent, 1)}
        line |= {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
        with open(self.path, "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        if sys.stderr.isatty():
            print("  ".join(f"{key} {value}" for key, value in line.items()), file=sys.stderr)
        self._write_events(step, values)

    def _write_events(self, step: int, values: Mapping[str, float | str]) -> None:
        if self._events is None:
            self._events = _event_writer(self.path.parent, self._purged)
        if self._events:
            for key, value in values.items():
                if not isinstance(value, str):
                    self._events.add_scalar(key, value, step)
            self._events.flush()

    def keep_until(self, step: int) -> None:
        """Remove the lines logged after a step, which a resumed run logs again, and a line that was cut short."""
        self._purged = step + 1
        if not self.path.exists():
            return
        lines = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    lines.append(line)
            except (ValueError, KeyError, TypeError):
                continue
        atomic_write(self.path, "".join(f"{line}\n" for line in lines))


def _event_writer(out: Path, purged: int | None) -> Any:
    """A writer of event files in `out`, or False where tensorboard is not installed, which is said on a terminal."""
    if find_spec("tensorboard") is None:
        if sys.stderr.isatty():
            print(f"no curves for TensorBoard, only {out / FILE}: pip install tensorboard", file=sys.stderr)
        return False
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(out), purge_step=purged)

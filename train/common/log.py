"""The log of a recipe: OUT/log.jsonl, one JSON object a line, the same first keys everywhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from corpora.disk import atomic_write

FILE = "log.jsonl"


class Log:
    """Appends lines to log.jsonl in the folder `out`; on a terminal they are shown too."""

    def __init__(self, out: Path):
        self.path = out / FILE

    def write(self, step: int, spent: float, values: Mapping[str, float | str]) -> None:
        """Append one line: the step, `spent` s of learning so far (logged as minutes and seconds), and named values."""
        line: dict[str, float | str] = {"step": step, "minutes": round(spent / 60, 2), "seconds": round(spent, 1)}
        line |= {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
        with open(self.path, "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        if sys.stderr.isatty():
            print("  ".join(f"{key} {value}" for key, value in line.items()), file=sys.stderr)

    def keep_until(self, step: int) -> None:
        """Remove the lines logged after a step, which a resumed run logs again, and a line that was cut short."""
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

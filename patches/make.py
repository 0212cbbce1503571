"""Writes the files that follow from the tables in agent/control/table.py: python -m patches.make [FOLDER]

They are the patches for Max and Pd, the SuperCollider class with its help, and the table that the Node script reads. A
test compares the files with what this module would write.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.control.command import CONTROLS, REPORTS, ROOT
from patches import max_control, max_help, max_player, pd_control, pd_help, pd_player, sc

HERE = Path(__file__).parent


def table() -> dict[str, Any]:
    """Controls and reports as JSON, for scripts that cannot read Python."""
    controls = {
        control.name: {
            "meaning": control.meaning,
            "toggle": control.toggle,
            "args": [asdict(arg) for arg in control.args],
        }
        for control in CONTROLS.values()
    }
    reports = {
        report.name: {"meaning": report.meaning, "fields": [asdict(field) for field in report.fields]}
        for report in REPORTS.values()
    }
    return {"root": ROOT, "controls": controls, "reports": reports}


def write(folder: Path) -> None:
    """Write all generated files below `folder`."""
    for part in ("max", "pd", "sc", "node"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    max_control.control().save(folder / "max" / "antiphon.control.maxpat")
    max_player.player().save(folder / "max" / "antiphon.player.maxpat")
    max_help.control().save(folder / "max" / "antiphon.control.maxhelp")
    max_help.player().save(folder / "max" / "antiphon.player.maxhelp")
    pd_control.control().save(folder / "pd" / "antiphon-control.pd")
    pd_player.player().save(folder / "pd" / "antiphon-player.pd")
    pd_player.slot().save(folder / "pd" / "antiphon-slot.pd")
    pd_help.control().save(folder / "pd" / "antiphon-control-help.pd")
    pd_help.player().save(folder / "pd" / "antiphon-player-help.pd")
    pd_help.slot().save(folder / "pd" / "antiphon-slot-help.pd")
    (folder / "sc" / "Antiphon.sc").write_text(sc.extension(), encoding="utf-8")
    (folder / "sc" / "Antiphon.schelp").write_text(sc.help_page(), encoding="utf-8")
    text = json.dumps(table(), indent=1, ensure_ascii=False) + "\n"
    (folder / "node" / "table.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)

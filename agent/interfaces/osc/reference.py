"""Makes the OSC reference from the tables in agent/control/table.py: a page (agent/OSC.md) and data for patches."""

from __future__ import annotations

from typing import Any

from agent.control.command import CONTROLS, REPORTS, Arg, Control, ReportSpec
from agent.interfaces.osc.server import RATE_LIMIT_PER_S, TIME_TAG_HORIZON_S

GROUPS = {
    "stage": "On stage",
    "choice": "What comes next",
    "memory": "Memories",
    "settings": "Settings",
    "presets": "Presets",
    "scenario": "Scenarios",
    "pulse": "The beat",
    "hear": "Hearing by OSC",
    "midi": "MIDI",
    "fill": "The missing part, over MIDI",
    "osc": "Between you and the agent",
}
HEAD = """# Antiphon over OSC

Made by `antiphon osc`; change agent/control/table.py instead.

UDP, OSC 1.0, to port 9000 ([osc] port) of this machine; other machines need [osc] host and allow. Types: `i` whole
number, `f` number, `s` text; `...` as many as you like, `[ ]` may be left out. 3 is taken for 3.0 and 3.0 for 3.
What takes no value may be sent the 1 and 0 of a button: 1 does it, 0 does nothing.
Addresses are compared as they are: no wildcards. A bundle with a timetag waits for its time, {horizon:.0f} s at most.
What is refused is answered by `/antiphon/error` and changes nothing. {rate} messages a second are read, a long one
counts as several; the rest is lost.

Reports go to 127.0.0.1:9001 ([osc] subscribers) and to whoever sends `/antiphon/subscribe`.
"""
DATE = """
A date is three whole numbers, `iii`: day since 1 January 1970, second of that day (UTC), microsecond; each is exact in
the 32 bit floats of Pd, where seconds since 1970 are a minute off. Unix time is day * 86400 + second + micro / 1e6.
`lead` is simpler: seconds from now, when the packet leaves, until it sounds.
"""


def markdown() -> str:
    """The page agent/OSC.md, in Markdown."""
    lines = [HEAD.format(horizon=TIME_TAG_HORIZON_S, rate=RATE_LIMIT_PER_S)]
    for group, title in GROUPS.items():
        lines += [f"## {title}\n", "| address | values | meaning |", "|---|---|---|"]
        lines += [_row(control) for control in CONTROLS.values() if control.group == group]
        lines.append("")
    lines += ["## Reports", DATE, "| address | types | values | meaning |", "|---|---|---|---|"]
    lines += [_report_row(report) for report in REPORTS.values()]
    return "\n".join(lines) + "\n"


def table() -> dict[str, Any]:
    """The same as data: {"controls": [...], "reports": [...]}."""
    return {
        "controls": [
            {
                "address": control.address,
                "alias": control.alias or None,
                "group": control.group,
                "key": control.key or None,
                "toggle": control.toggle,
                "reach": control.fader_range,
                "meaning": control.meaning,
                "args": [vars(arg) for arg in control.args],
            }
            for control in CONTROLS.values()
        ],
        "reports": [
            {
                "address": report.address,
                "types": report.types,
                "asked": report.asked,
                "meaning": report.meaning,
                "fields": [vars(field) for field in report.fields],
            }
            for report in REPORTS.values()
        ],
    }


def _row(control: Control) -> str:
    address = f"`{control.address}`" + (f" or `{control.alias}`" if control.alias else "")
    meaning = control.meaning + ("; without a value it turns over" if control.toggle else "")
    if control.key:
        meaning += f" (key {control.key})"
    return f"| {address} | {'<br>'.join(map(_arg, control.args)) or '–'} | {meaning} |"


def _arg(arg: Arg) -> str:
    types = {"is": "i or s"}.get(arg.kind, arg.kind) + ("..." if arg.many else "")
    text = f"`{types}` {arg.name}: {arg.expected}"
    return f"[ {text} ]" if arg.optional else text


def _report_row(report: ReportSpec) -> str:
    values = ", ".join(
        field.name + (" (date)" if field.kind == "d" else f" ({field.unit})" if field.unit else "")
        for field in report.fields
    )
    meaning = report.meaning + ("; only to those who name it in `subscribe`" if report.asked else "")
    return f"| `{report.address}` | `{report.types or ' '}` | {values or '–'} | {meaning} |"

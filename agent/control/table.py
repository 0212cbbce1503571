"""The tables of controls and reports: everything that can be said to the agent, and everything it says.

The OSC server, the documentation (agent/OSC.md), the patches, the page and the tests are made from them. What a setting
may be stands in agent/settings/config.py and is taken from there.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.settings.config import FIELDS, Field

MAX_TEXT_LENGTH = 200  # characters
ROOT = "/antiphon/"


@dataclass(frozen=True)
class Arg:
    """One value of a control."""

    name: str
    kind: str  # "i" whole number, "f" number, "s" text, "is" a number or a name
    low: float | None = None  # both are allowed values
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    optional: bool = False
    many: bool = False  # any number of values of this kind
    plain: bool = False  # text: a file is named after it

    @property
    def expected(self) -> str:
        """The values that it may have, in words."""
        if self.choices:
            return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
        if self.kind == "s":
            return (
                "a name of letters, digits, spaces, . - and _"
                if self.plain
                else f"a text of at most {MAX_TEXT_LENGTH} letters"
            )
        if self.kind == "i" and (self.low, self.high) == (0, 1):
            return "0 or 1"
        what = {"i": "a whole number", "f": "a number", "is": "a name or a number"}[self.kind]
        span = "" if self.low is None else f" from {self.low:.10g} to {self.high:.10g}"
        return what + span + (f" {self.unit}" if self.unit else "")


@dataclass(frozen=True)
class Control:
    """A control: something that can be asked of the agent. Its OSC address is /antiphon/ and its name."""

    name: str
    group: str
    meaning: str
    args: tuple[Arg, ...] = ()
    setting: str | None = None  # "section.key" of the setting it changes
    key: str = ""  # on the keyboard
    alias: str = ""  # a second name that does the same
    fader_range: tuple[float, float] | None = None  # of a fader, where the whole range would be no use
    toggle: bool = False  # takes 0 or 1; without a value it turns over
    osc: bool = False  # it concerns one OSC peer and is no command for the engine

    @property
    def address(self) -> str:
        """Its OSC address."""
        return ROOT + self.name


@dataclass(frozen=True)
class ReportField:
    """One value of a report."""

    name: str
    kind: str  # as in Arg; "d" a date, s since 1970 UTC; "v" a value of any kind
    unit: str = ""
    many: bool = False


@dataclass(frozen=True)
class ReportSpec:
    """A report: something that the agent says. On the bus its values come in the order of `fields`."""

    name: str
    meaning: str
    fields: tuple[ReportField, ...] = ()
    asked: bool = False  # over OSC only to those who ask for it by its prefix

    @property
    def address(self) -> str:
        """Its OSC address."""
        return ROOT + self.name

    @property
    def types(self) -> str:
        """Its OSC types; a date goes out as three whole numbers, ... stands for any number more."""
        letters = {"d": "iii", "v": "?"}
        return "".join(letters.get(field.kind, field.kind) + ("..." if field.many else "") for field in self.fields)


LABELS = Arg("label", "i", -1, 4096, many=True)
NAME = Arg("name", "s", plain=True)

_FADER_RANGES = {  # where the whole range of a setting would be no use on a fader
    "temperature": (0.2, 2.0),
    "top_k": (0, 64),
    "repetition_penalty": (1.0, 3.0),
    "horizon": (1, 16),
    "lookahead": (1, 8),
    "max_continuity": (1, 64),
    "taboo": (0, 64),
    "gain_db": (-40.0, 12.0),
    "gate_db": (-80.0, -20.0),
}
_ALIASES = {"max_continuity": "continuity", "gain_db": "gain", "gate_db": "gate"}


def _toggle(name: str, key: str, meaning: str) -> Control:
    return Control(name, "stage", meaning, (Arg("on", "i", 0, 1, optional=True),), key=key, toggle=True)


def _settings() -> list[Control]:
    """A control for every setting that may change while playing."""
    controls = []
    for name, field in FIELDS.items():
        if field.live:
            key = name.split(".")[1]
            controls.append(
                Control(key, "settings", field.meaning, _args(key, field), name,
                        alias=_ALIASES.get(key, ""), fader_range=_FADER_RANGES.get(key))
            )  # fmt: skip
    return controls


def _args(key: str, field: Field) -> tuple[Arg, ...]:
    if field.kind is tuple:
        return tuple(Arg(end, "f", field.low, field.high, unit=field.unit) for end in ("from", "to"))
    kind = {int: "i", float: "f", str: "s"}[field.kind]
    return (Arg(key, kind, field.low, field.high, tuple(map(str, field.choices)), field.unit),)


_CONTROLS = [
    Control("play", "stage", "begins a piece; after an error, too", key="p"),
    Control("stop", "stage", "fades out and rests; it goes on listening", key="s"),
    _toggle("mute", "m", "decides as before, but is not heard"),
    _toggle("hold", "h", "goes on with what sounds as it was recorded, without deciding"),
    _toggle("listen", "l", "listens and remembers, but does not answer"),
    Control("panic", "stage", "is silent within 10 ms, and stops", key="escape"),
    Control("quit", "stage", "fades out and ends the program", key="q"),
    Control("jump", "choice", "the next hop may not go on from this one", key="j"),
    Control("like", "choice", "keeps this place and these settings", key="k"),
    Control("back", "choice", "returns to the place liked last; again: to the one before", key="b"),
    Control("change", "choice", "leaves what was played lately for another place", key="c"),
    Control("memory", "memory", "plays with this memory from the next hop on",
            (Arg("memory", "is", 0, 1023),), key="1-9"),
    Control("record", "memory", "appends what is heard, or what is played, to the memory 'live'",
            (Arg("source", "s", choices=("input", "self", "off")),), key="r"),
    Control("undo", "memory", "takes the last take out of the memory 'live'", key="u"),
    Control("save", "memory", "writes the memory 'live' to a corpus folder of this name", (NAME,)),
    Control("preset/save", "presets", "keeps all settings under a name", (NAME,)),
    Control("preset/recall", "presets", "brings the settings of that name back", (NAME,)),
    Control("scenario", "scenario", "labels to play from an answered hop on; -1 is a free choice",
            (Arg("hop", "i", 0, 2**31 - 1), LABELS)),
    Control("scenario/next", "scenario", "labels to play from the next hop on; -1 is a free choice", (LABELS,)),
    Control("scenario/clear", "scenario", "forgets the labels still to come"),
    *_settings(),
    Control("beat", "pulse", "a beat is now"),
    Control("tempo", "pulse", "the tempo of the beats that are sent",
            (Arg("bpm", "f", 20, 400, unit="beats a minute"),)),
    Control("tap", "pulse", "a beat is now, by hand; from the second on it leads", key="t"),
    Control("beat/stop", "pulse", "the beats that were sent have ended"),
    Control("beat/double", "pulse", "the beat that leads is twice as fast", key="+"),
    Control("beat/half", "pulse", "the beat that leads is half as fast", key="-"),
    Control("hear/label", "hear", "a patch has heard one hop; with --input osc",
            (Arg("label", "i", 0, 4096), Arg("level", "f", -120, 24, unit="dBFS", optional=True))),
    Control("hear/feature", "hear", "a patch has heard one hop and sends its features; with --input osc",
            (Arg("feature", "f", -1e6, 1e6, many=True),)),
    Control("midi/learn", "midi", "binds this control to the next pedal, key or fader that moves",
            (Arg("control", "s"), Arg("value", "s", optional=True, many=True))),
    Control("midi/forget", "midi", "unbinds this control from all pedals, keys and faders", (Arg("control", "s"),)),
    Control("subscribe", "osc", "reports go to this port of yours; prefixes choose which, like 'event'",
            (Arg("port", "i", 1, 65535), Arg("prefix", "s", optional=True, many=True)), osc=True),
    Control("unsubscribe", "osc", "ends the reports to this port of yours", (Arg("port", "i", 1, 65535),), osc=True),
    Control("ping", "osc", "answers pong to where it came from", (Arg("value", "is", optional=True),), osc=True),
    Control("state", "osc", "answers every setting as 'changed' to where it came from", osc=True),
]  # fmt: skip

CONTROLS: dict[str, Control] = {control.name: control for control in _CONTROLS}
ALIASES: dict[str, str] = {control.alias: control.name for control in _CONTROLS if control.alias}

_field = ReportField
_HOP = _field("hop", "i")
_LABEL = _field("label", "i")
_REPORTS = [
    ReportSpec("heard", "a hop was heard", (_HOP, _LABEL, _field("level", "f", "dBFS"), _field("time", "d"))),
    ReportSpec("plan", "the labels wanted from this hop on", (_HOP, _field("label", "i", many=True))),
    ReportSpec("event", "what is played at a hop, and why; again, with what sounded instead, if it came too late",
                (_HOP, _field("why", "s"), _field("segment", "i"), _LABEL, _field("match", "i", "hops"),
                 _field("run", "i", "hops"), _field("position", "f", "s"), _field("duration", "f", "s"),
                 _field("gain", "f"), _field("memory", "s"), _field("lead", "f", "s"), _field("time", "d"))),
    ReportSpec("pulse", "the beat that leads, ahead: s until its next beat",
                (_field("lead", "f", "s"), _field("bpm", "f"), _field("phase", "f"), _field("confidence", "f"),
                 _field("source", "s"), _field("time", "d"))),
    ReportSpec("meter", "levels, 20 a second", (_field("in", "f", "dBFS"), _field("out", "f", "dBFS")), asked=True),
    ReportSpec("status", "heartbeat, once a second",
                (_field("state", "s"), _HOP, _field("mind_p50", "f", "ms"), _field("mind_p99", "f", "ms"),
                 _field("missed", "i", "hops"), _field("xruns", "i"), _field("memory", "s"))),
    ReportSpec("latency", "time from a sound to its answer, part by part",
                tuple(_field(part, "f", "ms") for part in ("hop", "slack", "in", "out", "total"))),
    ReportSpec("xruns", "the device lost audio", (_field("total", "i"),)),
    ReportSpec("missed", "an answer came too late", (_field("total", "i"), _HOP)),
    ReportSpec("coherence", "how well the last 5 s fit: 0 like strangers, 1 like partners, -1 unknown",
                tuple(_field(part, "f") for part in ("position", "both", "harmonic", "percussive"))),
    ReportSpec("fit", "how well the last 10 s fit, as measured: in tune, 0 as much as at any other moment; in time, "
                "0 anywhere, 1 all onsets on the half beats; -1 unknown",
                (_field("in_tune", "f"), _field("in_time", "f"))),
    ReportSpec("changed", "a control has this value now", (_field("name", "s"), _field("value", "v", many=True))),
    ReportSpec("memory", "a memory that can be chosen",
                (_field("name", "s"), _field("segments", "i"), _field("seconds", "f", "s"))),
    ReportSpec("section", "a section of a memory that can be chosen",
                (_field("memory", "s"), _field("name", "s"), _field("begin", "f", "s"), _field("end", "f", "s")),
                asked=True),
    ReportSpec("device", "the sound device was lost or is open", (_field("state", "s"), _field("name", "s"))),
    ReportSpec("midi", "a pedal, key or fader was learned", (_field("message", "s"), _field("control", "s"))),
    ReportSpec("error", "something went wrong, and what to do", (_field("sentence", "s"),)),
    ReportSpec("pong", "answer to ping, with its value", (_field("value", "v", many=True),), asked=True),
]  # fmt: skip

REPORTS: dict[str, ReportSpec] = {report.name: report for report in _REPORTS}

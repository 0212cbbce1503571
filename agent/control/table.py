"""The tables of controls and reports, the whole vocabulary of the agent's interfaces.

The OSC server, the documentation (agent/OSC.md), the patches, the page and the tests are made from them. The ranges of
settings come from agent/settings/config.py.
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
    """A control of the agent. Its OSC address is /antiphon/ and its name."""

    name: str
    group: str
    meaning: str
    args: tuple[Arg, ...] = ()
    setting: str | None = None  # "section.key" of the setting it changes
    key: str = ""  # on the keyboard
    alias: str = ""  # a second name that does the same
    fader_range: tuple[float, float] | None = None  # of a fader, where the whole range is too wide
    toggle: bool = False  # takes 0 or 1; without a value it toggles
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
    """A report of the agent. On the bus its values come in the order of `fields`."""

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

_FADER_RANGES = {  # where the whole range of a setting is too wide for a fader
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
    Control("play", "stage", "begins, also after an error", key="p"),
    Control("stop", "stage", "fades out and rests; listening continues", key="s"),
    _toggle("mute", "m", "silences the output; decisions continue"),
    _toggle("hold", "h", "continues the memory as recorded, without decisions"),
    _toggle("listen", "l", "listens, but does not answer"),
    Control("panic", "stage", "silences the output within 10 ms, and stops", key="escape"),
    Control("quit", "stage", "fades out and ends the program", key="q"),
    Control("jump", "choice", "the next hop must not continue this one", key="j"),
    Control("like", "choice", "stores this position of the memory and these settings", key="k"),
    Control("back", "choice", "returns to the position liked last; again: to the one before", key="b"),
    Control("change", "choice", "jumps away from what was played recently", key="c"),
    Control("memory", "memory", "plays from this memory from the next hop on",
            (Arg("memory", "is", 0, 1023),), key="1-9"),
    Control("record", "memory", "appends the input, or the output, to the memory 'live'",
            (Arg("source", "s", choices=("input", "self", "off")),), key="r"),
    Control("undo", "memory", "removes the last take from the memory 'live'", key="u"),
    Control("save", "memory", "writes the memory 'live' to a corpus folder of this name", (NAME,)),
    Control("preset/save", "presets", "stores all settings under a name", (NAME,)),
    Control("preset/recall", "presets", "restores the settings of that name", (NAME,)),
    Control("scenario", "scenario", "labels to play from a given hop on; -1: free choice",
            (Arg("hop", "i", 0, 2**31 - 1), LABELS)),
    Control("scenario/next", "scenario", "labels to play from the next hop on; -1: free choice", (LABELS,)),
    Control("scenario/clear", "scenario", "deletes the labels that are not played yet"),
    *_settings(),
    Control("beat", "pulse", "a beat is now"),
    Control("tempo", "pulse", "the tempo of the beats that are sent",
            (Arg("bpm", "f", 20, 400, unit="beats a minute"),)),
    Control("tap", "pulse", "a beat is now, by hand; from the second on it leads", key="t"),
    Control("beat/stop", "pulse", "the beats that were sent have ended"),
    Control("beat/double", "pulse", "the beat that leads is twice as fast", key="+"),
    Control("beat/half", "pulse", "the beat that leads is half as fast", key="-"),
    Control("hear/label", "hear", "the label of one hop, from a patch; with --input osc",
            (Arg("label", "i", 0, 4096), Arg("level", "f", -120, 24, unit="dBFS", optional=True))),
    Control("hear/feature", "hear", "the features of one hop, from a patch; with --input osc",
            (Arg("feature", "f", -1e6, 1e6, many=True),)),
    Control("midi/learn", "midi", "binds this control to the next pedal, key or fader that moves",
            (Arg("control", "s"), Arg("value", "s", optional=True, many=True))),
    Control("midi/forget", "midi", "unbinds this control from all pedals, keys and faders", (Arg("control", "s"),)),
    Control("fill/part", "fill", "the part that is missing, like drums, from the next bar on; with --fill",
            (Arg("part", "s"),)),
    Control("fill/say", "fill", "how it is to be played, from the next bar on; empty: as the model likes",
            (Arg("words", "s"),)),
    Control("subscribe", "osc", "sends reports to this port of the sender; prefixes select them, like 'event'",
            (Arg("port", "i", 1, 65535), Arg("prefix", "s", optional=True, many=True)), osc=True),
    Control("unsubscribe", "osc", "ends the reports to this port of the sender", (Arg("port", "i", 1, 65535),),
            osc=True),
    Control("ping", "osc", "replies with pong to the sender", (Arg("value", "is", optional=True),), osc=True),
    Control("state", "osc", "replies with every setting as 'changed', to the sender", osc=True),
]  # fmt: skip

CONTROLS: dict[str, Control] = {control.name: control for control in _CONTROLS}
ALIASES: dict[str, str] = {control.alias: control.name for control in _CONTROLS if control.alias}

_field = ReportField
_HOP = _field("hop", "i")
_LABEL = _field("label", "i")
_REPORTS = [
    ReportSpec("heard", "a hop of the input, with its label",
                (_HOP, _LABEL, _field("level", "f", "dBFS"), _field("time", "d"))),
    ReportSpec("plan", "the labels wanted from this hop on", (_HOP, _field("label", "i", many=True))),
    ReportSpec("event", "the segment played at a hop, and why; again, with what was played instead, if it was late",
                (_HOP, _field("why", "s"), _field("segment", "i"), _LABEL, _field("match", "i", "hops"),
                 _field("run", "i", "hops"), _field("position", "f", "s"), _field("duration", "f", "s"),
                 _field("gain", "f"), _field("memory", "s"), _field("lead", "f", "s"), _field("time", "d"))),
    ReportSpec("pulse", "the leading beat, ahead of time: s until its next beat",
                (_field("lead", "f", "s"), _field("bpm", "f"), _field("phase", "f"), _field("confidence", "f"),
                 _field("source", "s"), _field("time", "d"))),
    ReportSpec("meter", "levels, 20 a second", (_field("in", "f", "dBFS"), _field("out", "f", "dBFS")), asked=True),
    ReportSpec("status", "heartbeat, once a second",
                (_field("state", "s"), _HOP, _field("mind_p50", "f", "ms"), _field("mind_p99", "f", "ms"),
                 _field("missed", "i", "hops"), _field("xruns", "i"), _field("memory", "s"))),
    ReportSpec("latency", "time from a sound to its answer, part by part",
                tuple(_field(part, "f", "ms") for part in ("hop", "slack", "in", "out", "total"))),
    ReportSpec("xruns", "the device lost audio", (_field("total", "i"),)),
    ReportSpec("missed", "an answer was late", (_field("total", "i"), _HOP)),
    ReportSpec("coherence", "coherence of the last 5 s: 0 as mismatched parts, 1 as true partners, -1 unknown",
                tuple(_field(part, "f") for part in ("position", "both", "harmonic", "percussive"))),
    ReportSpec("fit", "fit of the last 10 s: in tune, 0 as at a random moment; in time, "
                "0 at random, 1 all onsets on half beats; -1 unknown",
                (_field("in_tune", "f"), _field("in_time", "f"))),
    ReportSpec("changed", "the new value of a control", (_field("name", "s"), _field("value", "v", many=True))),
    ReportSpec("memory", "a memory that can be chosen",
                (_field("name", "s"), _field("segments", "i"), _field("seconds", "f", "s"))),
    ReportSpec("section", "a section of a memory that can be chosen",
                (_field("memory", "s"), _field("name", "s"), _field("begin", "f", "s"), _field("end", "f", "s")),
                asked=True),
    ReportSpec("device", "the sound device was lost or is open", (_field("state", "s"), _field("name", "s"))),
    ReportSpec("midi", "a pedal, key or fader was learned", (_field("message", "s"), _field("control", "s"))),
    ReportSpec("fill", "a bar of the missing part was written, so many beats before it begins",
                (_field("bar", "i"), _field("notes", "i"), _field("took", "f", "ms"), _field("lead", "f", "beats"))),
    ReportSpec("error", "what went wrong, and what to do", (_field("sentence", "s"),)),
    ReportSpec("pong", "answer to ping, with its value", (_field("value", "v", many=True),), asked=True),
]  # fmt: skip

REPORTS: dict[str, ReportSpec] = {report.name: report for report in _REPORTS}

"""Writes the player for Max, antiphon.player.maxpat; it works like the slot of the Pd player."""

from __future__ import annotations

from typing import Any

from agent.control.command import REPORTS, ROOT
from patches.max_canvas import MaxCanvas
from patches.surface import AGENT_PORT, HOST, PLAYER_PORT

FADE_MS = 50  # as action.crossfade_ms
CONTINUE_MS = 250  # for which a memory continues after its last event
BUFFER = "antiphon.memory"


def player() -> MaxCanvas:
    """The patcher: each event waits for its `lead`; then the memory continues, jumps or stops."""
    canvas = MaxCanvas(1500, 1200, 740)
    canvas.comment("ANTIPHON - player for: antiphon play --output osc", (10, 8, 460, 24), fontsize=16.0)
    canvas.row()
    canvas.comment(
        "1 open the memory the agent plays with   2 turn the sound on   3 start the agent", (10, 34, 600, 20)
    )
    event = _receive(canvas)
    due = _wait(canvas, event)
    voice_outlets = _choose(canvas, due)
    _sound(canvas, due, voice_outlets)
    return canvas


def _receive(canvas: MaxCanvas) -> dict[str, tuple[Any, int]]:
    """Subscribe to the events and display their values; return the (box, outlet) of each value by name."""
    canvas.row()
    load, metro, out = canvas.add("loadmess 1"), canvas.add("metro 1000"), canvas.add(f"udpsend {HOST} {AGENT_PORT}")
    ask = canvas.add(f"message {ROOT}subscribe {PLAYER_PORT} event changed status", wide=330)
    canvas.connect(load, metro, ask, out)
    canvas.row()
    fields = [field for field in REPORTS["event"].fields if field.kind != "d"]
    receive, route = canvas.add(f"udpreceive {PLAYER_PORT}"), canvas.add(f"route {ROOT}event {ROOT}changed")
    parts = canvas.add("unpack " + " ".join({"s": "s", "i": "0"}.get(field.kind, "0.") for field in fields))
    canvas.connect(receive, route, parts)
    outlets: dict[str, tuple[Any, int]] = {field.name: (parts, n) for n, field in enumerate(fields)} | {
        "changed": (route, 1)
    }
    canvas.row()
    for n, name in enumerate(("hop", "why", "segment", "position", "gain", "lead", "memory")):
        at = (10.0 + 86 * n, 200.0)
        canvas.comment(name, (*at, 80, 20), 60)
        if name in ("why", "memory"):
            display = canvas.add("message", (at[0], 222, 96 if name == "memory" else 80, 22), 60)
            canvas.connect(outlets[name], canvas.add("prepend set"), display)
        else:
            display = canvas.add("number" if name in ("hop", "segment") else "flonum", (at[0], 222, 78, 22), 50)
            canvas.connect(outlets[name], display)
    return outlets


def _wait(canvas: MaxCanvas, event: dict[str, tuple[Any, int]]) -> dict[str, tuple[Any, int]]:
    """Delay the event until it sounds, and check whether it is of this memory; return outlets of its values."""
    canvas.row()
    canvas.comment("ITS MEMORY: the name in the field, or any")
    canvas.row()
    name = canvas.add("textedit", (150, 64, 170, 22), 120, keymode=1, lines=1, label="any")
    canvas.comment("its name for the agent, or any", (324, 66, 220, 20), 160)
    clean, both = canvas.add("tosymbol"), canvas.add("t s s")
    canvas.connect(name, canvas.add("route text"), clean, both)
    canvas.connect(canvas.add("loadmess any"), both)
    canvas.row()
    same, free = canvas.add("sel any"), canvas.add("sel any")
    canvas.connect_inlet(both, 1, same, 1)
    canvas.connect(both, free)
    canvas.row()
    marks = [canvas.add(f"message {n}") for n in (1, 0, 1, 0)]
    either = canvas.add("expr ($i1 + $i2) > 0", numinlets=2)
    for mark, source, inlet in zip(marks, ((free, 0), (free, 1), (same, 0), (same, 1)), (1, 1, 0, 0), strict=True):
        canvas.connect(source, mark)
        canvas.connect_inlet(mark, 0, either, inlet)
    canvas.connect(event["memory"], same)
    canvas.row()
    canvas.comment("ITS TIME: an event comes `lead` s ahead; if late, it begins as much later in the memory")
    canvas.row()
    milli = canvas.add("expr $f1 * 1000.")
    wait, late = canvas.add("maximum 0."), canvas.add("expr ($f1 < 0.) * $f1 * -0.001")
    canvas.connect(event["lead"], milli, wait)
    canvas.connect(milli, late)
    canvas.row()
    names = ("segment", "position", "duration", "late", "gain", "mine")
    pack = canvas.add("pack 0 0. 0. 0. 0. 0")
    pipe = canvas.add("pipe 0 0. 0. 0. 0. 0 0", numinlets=7, numoutlets=6)
    sources = {**event, "late": (late, 0), "mine": (either, 0)}
    for inlet, value in enumerate(names):
        canvas.connect_inlet(*sources[value], pack, inlet)
    canvas.connect(pack, pipe)
    canvas.connect_inlet(wait, 0, pipe, 6)
    return {value: (pipe, n) for n, value in enumerate(names)} | {"changed": event["changed"]}


def _choose(canvas: MaxCanvas, due: dict[str, tuple[Any, int]]) -> dict[str, tuple[Any, int]]:
    """Choose 0 rest, 1 continue or 2 jump; a voice that is there already continues without a fade."""
    canvas.row()
    canvas.comment("GO ON OR JUMP: 0 rest, 1 the sounding voice is there already, 2 jump ($f5 = where it will be)")
    canvas.row()
    near = "($f2 - $f5 < 0.003) * ($f5 - $f2 < 0.003)"
    what = canvas.add(f"expr ($f1 >= 0.) * ($f4 > 0.) * (2 - {near})", numinlets=5)
    which = canvas.add("sel 0 1 2")
    for inlet, name in ((0, "segment"), (1, "position"), (3, "mine")):
        canvas.connect_inlet(*due[name], what, inlet)
    canvas.connect(what, which)
    canvas.row()
    f_end, f_span = _ends(canvas, due)
    go_on, watch = canvas.add("t b b"), canvas.add("delay 1000")
    canvas.connect((which, 1), go_on, f_end)
    canvas.connect((go_on, 1), f_span, watch)
    canvas.connect_inlet(f_end, 0, what, 4)
    canvas.connect_inlet(canvas.add("loadmess -1."), 0, what, 4)
    canvas.row()
    rest, stop, nowhere, silent = (
        canvas.add("t b b b"),
        canvas.add("message stop"),
        canvas.add("message -1."),
        canvas.add("message 2"),
    )
    canvas.connect((which, 0), rest, silent)
    canvas.connect(watch, rest)
    canvas.connect((rest, 1), nowhere)
    canvas.connect_inlet(nowhere, 0, what, 4)
    canvas.connect((rest, 2), stop, watch)
    jump, voice, flip = canvas.add("t b b"), canvas.add("f 0"), canvas.add("== 0")
    canvas.connect((which, 2), jump, voice, flip)
    canvas.connect_inlet(flip, 0, voice, 1)
    canvas.connect((jump, 1), go_on)
    canvas.row()
    voice_number = canvas.add("t i i")
    canvas.connect(voice, voice_number)
    canvas.connect(silent, voice_number)
    return {"voice": (voice_number, 1)}


def _ends(canvas: MaxCanvas, due: dict[str, tuple[Any, int]]) -> tuple[Any, Any]:
    """Compute where the voice will be after this event (s), and when it fades if no event follows (ms)."""
    end, span = canvas.add("expr $f1 + $f2"), canvas.add(f"expr ($f1 - $f2) * 1000. + {CONTINUE_MS}")
    f_end, f_span = canvas.add("f"), canvas.add("f")
    canvas.connect_inlet(*due["position"], end, 0)
    canvas.connect_inlet(*due["duration"], end, 1)
    canvas.connect_inlet(*due["duration"], span, 0)
    canvas.connect_inlet(*due["late"], span, 1)
    canvas.connect_inlet(end, 0, f_end, 1)
    canvas.connect_inlet(span, 0, f_span, 1)
    return f_end, f_span


def _sound(canvas: MaxCanvas, due: dict[str, tuple[Any, int]], chosen: dict[str, tuple[Any, int]]) -> None:
    """The buffer, and its two voices with equal-power fades. chosen: outlet with the number of the voice to begin."""
    canvas.row()
    canvas.comment("SOUND: two voices; where one begins the other fades (sine: equal power)")
    canvas.row()
    load = canvas.add("textbutton", (10, 62, 130, 26), 90, label="open memory...")
    buffer = canvas.add(f"buffer~ {BUFFER}")
    canvas.connect(load, canvas.add("message replace"), buffer)
    wave = canvas.add("waveform~", (10, 94, 600, 90), 120, buffername=BUFFER)
    canvas.connect((buffer, 1), canvas.add(f"message set {BUFFER}"), wave)
    canvas.row()
    start, rate = canvas.add("expr ($f1 + $f2) * 1000."), canvas.add("sig~ 1.")
    canvas.connect_inlet(*due["position"], start, 0)
    canvas.connect_inlet(*due["late"], start, 1)
    mixed = []
    for number in range(2):
        canvas.row()
        own_number, position = canvas.add(f"sel {number}"), canvas.add("f")
        canvas.connect(chosen["voice"], own_number)
        canvas.connect_inlet(start, 0, position, 1)
        read = canvas.add(f"groove~ {BUFFER}")
        canvas.connect(rate, read)
        order, rise, fall = (
            canvas.add("t b b"),
            canvas.add(f"message 1. {FADE_MS}"),
            canvas.add(f"message 0. {FADE_MS}"),
        )
        canvas.connect(own_number, order, rise)
        canvas.connect((order, 1), position, read)
        canvas.connect((own_number, 1), fall)
        canvas.row()
        ramp, shape, voice = (
            canvas.add("line~"),
            [canvas.add(t) for t in ("+~ -1.", "*~ 0.25", "cos~")],
            canvas.add("*~"),
        )
        canvas.connect(rise, ramp)
        canvas.connect(fall, ramp, *shape)
        canvas.connect_inlet(shape[-1], 0, voice, 1)
        canvas.connect(read, voice)
        mixed.append(voice)
    _master(canvas, due, mixed)


def _master(canvas: MaxCanvas, due: dict[str, tuple[Any, int]], mixed: list[Any]) -> None:
    """The gain of the events, the mute of the agent, the volume of this patch and the loudspeakers."""
    canvas.row()
    gain, mute, volume = canvas.add("*~"), canvas.add("*~"), canvas.add("live.gain~", (630, 62, 48, 180), 60)
    for voice in mixed:
        canvas.connect(voice, gain)
    canvas.connect(gain, mute, volume)
    canvas.connect_inlet(mute, 0, volume, 1)
    speakers = canvas.add("ezdac~", (560, 20, 40, 40), 45, 45)
    canvas.connect(volume, speakers)
    canvas.connect_inlet(volume, 1, speakers, 1)
    canvas.row(45)
    level, both, milli = canvas.add("line~ 1."), canvas.add("pack 1. 0."), canvas.add("expr $f1 * 1000.")
    canvas.connect_inlet(*due["duration"], milli, 0)
    canvas.connect_inlet(milli, 0, both, 1)
    loud = canvas.add("f 1.")
    again = canvas.add("t b")
    canvas.connect_inlet(*due["gain"], loud, 1)
    canvas.connect(due["segment"], again, loud, both, level)
    canvas.connect_inlet(level, 0, gain, 1)
    canvas.row()
    shut = canvas.add("line~ 1.")
    canvas.connect(due["changed"], canvas.add("route mute"), canvas.add("== 0"), canvas.add("message $1 10"), shut)
    canvas.connect_inlet(shut, 0, mute, 1)

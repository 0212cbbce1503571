"""The player for Max: antiphon.player.maxpat, box for box the twin of the Pd player's slot."""

from __future__ import annotations

from typing import Any

from agent.control.command import REPORTS, ROOT
from patches.max_canvas import MaxCanvas
from patches.surface import AGENT_PORT, HOST, PLAYER_PORT

FADE, ON = 50, 250  # ms: as action.crossfade_ms; how long a memory goes on where no event has come
BUFFER = "antiphon.memory"


def player() -> MaxCanvas:
    """Events in, sound out: each waits for its `lead`, then the memory goes on, jumps or falls silent."""
    canvas = MaxCanvas(1500, 1200, 740)
    canvas.comment("ANTIPHON - player for: antiphon play --output osc", (10, 8, 460, 24), fontsize=16.0)
    canvas.row()
    canvas.comment(
        "1 open the memory the agent plays with   2 turn the sound on   3 start the agent", (10, 34, 600, 20)
    )
    parts = _hear(canvas)
    play = _wait(canvas, parts)
    turn = _choose(canvas, play)
    _sound(canvas, play, turn)
    return canvas


def _hear(canvas: MaxCanvas) -> dict[str, tuple[Any, int]]:
    """Subscribe to the events; returns where each of their values comes out."""
    canvas.row()
    load, metro, out = canvas.add("loadmess 1"), canvas.add("metro 1000"), canvas.add(f"udpsend {HOST} {AGENT_PORT}")
    ask = canvas.add(f"message {ROOT}subscribe {PLAYER_PORT} event changed status", wide=330)
    canvas.connect(load, metro, ask, out)
    canvas.row()
    fields = [one for one in REPORTS["event"].fields if one.kind != "d"]
    hear, route = canvas.add(f"udpreceive {PLAYER_PORT}"), canvas.add(f"route {ROOT}event {ROOT}changed")
    parts = canvas.add("unpack " + " ".join({"s": "s", "i": "0"}.get(one.kind, "0.") for one in fields))
    canvas.connect(hear, route, parts)
    out_of: dict[str, tuple[Any, int]] = {one.name: (parts, n) for n, one in enumerate(fields)} | {
        "changed": (route, 1)
    }
    canvas.row()
    for n, name in enumerate(("hop", "why", "segment", "position", "gain", "lead", "memory")):
        at = (10.0 + 86 * n, 200.0)
        canvas.comment(name, (*at, 80, 20), 60)
        if name in ("why", "memory"):
            show = canvas.add("message", (at[0], 222, 96 if name == "memory" else 80, 22), 60)
            canvas.connect(out_of[name], canvas.add("prepend set"), show)
        else:
            show = canvas.add("number" if name in ("hop", "segment") else "flonum", (at[0], 222, 78, 22), 50)
            canvas.connect(out_of[name], show)
    return out_of


def _wait(canvas: MaxCanvas, told: dict[str, tuple[Any, int]]) -> dict[str, tuple[Any, int]]:
    """Is it of this memory, and when: the values of the event, at the time they sound."""
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
    canvas.connect(told["memory"], same)
    canvas.row()
    canvas.comment("ITS TIME: an event is told `lead` seconds ahead; if late, it begins as much later in the memory")
    canvas.row()
    milli = canvas.add("expr $f1 * 1000.")
    wait, late = canvas.add("maximum 0."), canvas.add("expr ($f1 < 0.) * $f1 * -0.001")
    canvas.connect(told["lead"], milli, wait)
    canvas.connect(milli, late)
    canvas.row()
    names = ("segment", "position", "duration", "late", "gain", "mine")
    pack = canvas.add("pack 0 0. 0. 0. 0. 0")
    pipe = canvas.add("pipe 0 0. 0. 0. 0. 0 0", numinlets=7, numoutlets=6)
    sources = {**told, "late": (late, 0), "mine": (either, 0)}
    for inlet, one in enumerate(names):
        canvas.connect_inlet(*sources[one], pack, inlet)
    canvas.connect(pack, pipe)
    canvas.connect_inlet(wait, 0, pipe, 6)
    return {one: (pipe, n) for n, one in enumerate(names)} | {"changed": told["changed"]}


def _choose(canvas: MaxCanvas, play: dict[str, tuple[Any, int]]) -> dict[str, tuple[Any, int]]:
    """0 rest, 1 go on, 2 jump: what was recorded whole is left whole."""
    canvas.row()
    canvas.comment("GO ON OR JUMP: 0 rest, 1 the sounding voice is there already, 2 jump ($f5 = where it will be)")
    canvas.row()
    near = "($f2 - $f5 < 0.003) * ($f5 - $f2 < 0.003)"
    what = canvas.add(f"expr ($f1 >= 0.) * ($f4 > 0.) * (2 - {near})", numinlets=5)
    which = canvas.add("sel 0 1 2")
    for inlet, name in ((0, "segment"), (1, "position"), (3, "mine")):
        canvas.connect_inlet(*play[name], what, inlet)
    canvas.connect(what, which)
    canvas.row()
    f_end, f_span = _ends(canvas, play)
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
    turn = canvas.add("t i i")
    canvas.connect(voice, turn)
    canvas.connect(silent, turn)
    return {"turn": (turn, 1)}


def _ends(canvas: MaxCanvas, play: dict[str, tuple[Any, int]]) -> tuple[Any, Any]:
    """Where the sounding voice will be after this event (s), and when to fade if no other has come (ms)."""
    end, span = canvas.add("expr $f1 + $f2"), canvas.add(f"expr ($f1 - $f2) * 1000. + {ON}")
    f_end, f_span = canvas.add("f"), canvas.add("f")
    canvas.connect_inlet(*play["position"], end, 0)
    canvas.connect_inlet(*play["duration"], end, 1)
    canvas.connect_inlet(*play["duration"], span, 0)
    canvas.connect_inlet(*play["late"], span, 1)
    canvas.connect_inlet(end, 0, f_end, 1)
    canvas.connect_inlet(span, 0, f_span, 1)
    return f_end, f_span


def _sound(canvas: MaxCanvas, play: dict[str, tuple[Any, int]], chosen: dict[str, tuple[Any, int]]) -> None:
    """The buffer, its two voices with equal-power fades, gain, mute, volume."""
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
    canvas.connect_inlet(*play["position"], start, 0)
    canvas.connect_inlet(*play["late"], start, 1)
    mixed = []
    for number in range(2):
        canvas.row()
        mine, place = canvas.add(f"sel {number}"), canvas.add("f")
        canvas.connect(chosen["turn"], mine)
        canvas.connect_inlet(start, 0, place, 1)
        read = canvas.add(f"groove~ {BUFFER}")
        canvas.connect(rate, read)
        order, rise, fall = canvas.add("t b b"), canvas.add(f"message 1. {FADE}"), canvas.add(f"message 0. {FADE}")
        canvas.connect(mine, order, rise)
        canvas.connect((order, 1), place, read)
        canvas.connect((mine, 1), fall)
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
    _master(canvas, play, mixed)


def _master(canvas: MaxCanvas, play: dict[str, tuple[Any, int]], mixed: list[Any]) -> None:
    """Gain of the events, the agent's mute, the volume of this patch, the loudspeakers."""
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
    canvas.connect_inlet(*play["duration"], milli, 0)
    canvas.connect_inlet(milli, 0, both, 1)
    loud = canvas.add("f 1.")
    again = canvas.add("t b")
    canvas.connect_inlet(*play["gain"], loud, 1)
    canvas.connect(play["segment"], again, loud, both, level)
    canvas.connect_inlet(level, 0, gain, 1)
    canvas.row()
    shut = canvas.add("line~ 1.")
    canvas.connect(play["changed"], canvas.add("route mute"), canvas.add("== 0"), canvas.add("message $1 10"), shut)
    canvas.connect_inlet(shut, 0, mute, 1)

"""The player for Max: antiphon.player.maxpat, box for box the twin of the Pd player's slot."""

from __future__ import annotations

from typing import Any

from agent.control.command import REPORTS, ROOT
from patches.maxboard import Board
from patches.surface import HOST, PLAYER, SEND

FADE, ON = 50, 250  # ms: as action.crossfade_ms; how long a memory goes on where no event has come
BUFFER = "antiphon.memory"


def player() -> Board:
    """Events in, sound out: each waits for its `lead`, then the memory goes on, jumps or falls silent."""
    board = Board(1500, 1200, 740)
    board.say("ANTIPHON - player for: antiphon play --output osc", (10, 8, 460, 24), fontsize=16.0)
    board.row()
    board.say("1 open the memory the agent plays with   2 turn the sound on   3 start the agent", (10, 34, 600, 20))
    parts = _hear(board)
    play = _wait(board, parts)
    turn = _choose(board, play)
    _sound(board, play, turn)
    return board


def _hear(board: Board) -> dict[str, tuple[Any, int]]:
    """Subscribe to the events; returns where each of their values comes out."""
    board.row()
    load, metro, out = board.add("loadmess 1"), board.add("metro 1000"), board.add(f"udpsend {HOST} {SEND}")
    ask = board.add(f"message {ROOT}subscribe {PLAYER} event changed status", wide=330)
    board.wire(load, metro, ask, out)
    board.row()
    fields = [one for one in REPORTS["event"].fields if one.kind != "d"]
    hear, route = board.add(f"udpreceive {PLAYER}"), board.add(f"route {ROOT}event {ROOT}changed")
    parts = board.add("unpack " + " ".join({"s": "s", "i": "0"}.get(one.kind, "0.") for one in fields))
    board.wire(hear, route, parts)
    out_of: dict[str, tuple[Any, int]] = {one.name: (parts, n) for n, one in enumerate(fields)} | {
        "changed": (route, 1)
    }
    board.row()
    for n, name in enumerate(("hop", "why", "segment", "position", "gain", "lead", "memory")):
        at = (10.0 + 86 * n, 200.0)
        board.say(name, (*at, 80, 20), 60)
        if name in ("why", "memory"):
            show = board.add("message", (at[0], 222, 96 if name == "memory" else 80, 22), 60)
            board.wire(out_of[name], board.add("prepend set"), show)
        else:
            show = board.add("number" if name in ("hop", "segment") else "flonum", (at[0], 222, 78, 22), 50)
            board.wire(out_of[name], show)
    return out_of


def _wait(board: Board, told: dict[str, tuple[Any, int]]) -> dict[str, tuple[Any, int]]:
    """Is it of this memory, and when: the values of the event, at the time they sound."""
    board.row()
    board.say("ITS MEMORY: the name in the field, or any")
    board.row()
    name = board.add("textedit", (150, 64, 170, 22), 120, keymode=1, lines=1, label="any")
    board.say("its name for the agent, or any", (324, 66, 220, 20), 160)
    clean, both = board.add("tosymbol"), board.add("t s s")
    board.wire(name, board.add("route text"), clean, both)
    board.wire(board.add("loadmess any"), both)
    board.row()
    same, free = board.add("sel any"), board.add("sel any")
    board.join(both, 1, same, 1)
    board.wire(both, free)
    board.row()
    marks = [board.add(f"message {n}") for n in (1, 0, 1, 0)]
    either = board.add("expr ($i1 + $i2) > 0", numinlets=2)
    for mark, source, inlet in zip(marks, ((free, 0), (free, 1), (same, 0), (same, 1)), (1, 1, 0, 0), strict=True):
        board.wire(source, mark)
        board.join(mark, 0, either, inlet)
    board.wire(told["memory"], same)
    board.row()
    board.say("ITS TIME: an event is told `lead` seconds ahead; if late, it begins as much later in the memory")
    board.row()
    milli = board.add("expr $f1 * 1000.")
    wait, late = board.add("maximum 0."), board.add("expr ($f1 < 0.) * $f1 * -0.001")
    board.wire(told["lead"], milli, wait)
    board.wire(milli, late)
    board.row()
    names = ("segment", "position", "duration", "late", "gain", "mine")
    pack = board.add("pack 0 0. 0. 0. 0. 0")
    pipe = board.add("pipe 0 0. 0. 0. 0. 0 0", numinlets=7, numoutlets=6)
    sources = {**told, "late": (late, 0), "mine": (either, 0)}
    for inlet, one in enumerate(names):
        board.join(*sources[one], pack, inlet)
    board.wire(pack, pipe)
    board.join(wait, 0, pipe, 6)
    return {one: (pipe, n) for n, one in enumerate(names)} | {"changed": told["changed"]}


def _choose(board: Board, play: dict[str, tuple[Any, int]]) -> dict[str, tuple[Any, int]]:
    """0 rest, 1 go on, 2 jump: what was recorded whole is left whole."""
    board.row()
    board.say("GO ON OR JUMP: 0 rest, 1 the sounding voice is there already, 2 jump ($f5 = where it will be)")
    board.row()
    near = "($f2 - $f5 < 0.003) * ($f5 - $f2 < 0.003)"
    what = board.add(f"expr ($f1 >= 0.) * ($f4 > 0.) * (2 - {near})", numinlets=5)
    which = board.add("sel 0 1 2")
    for inlet, name in ((0, "segment"), (1, "position"), (3, "mine")):
        board.join(*play[name], what, inlet)
    board.wire(what, which)
    board.row()
    f_end, f_span = _ends(board, play)
    go_on, watch = board.add("t b b"), board.add("delay 1000")
    board.wire((which, 1), go_on, f_end)
    board.wire((go_on, 1), f_span, watch)
    board.join(f_end, 0, what, 4)
    board.join(board.add("loadmess -1."), 0, what, 4)
    board.row()
    rest, stop, nowhere, silent = (
        board.add("t b b b"),
        board.add("message stop"),
        board.add("message -1."),
        board.add("message 2"),
    )
    board.wire((which, 0), rest, silent)
    board.wire(watch, rest)
    board.wire((rest, 1), nowhere)
    board.join(nowhere, 0, what, 4)
    board.wire((rest, 2), stop, watch)
    jump, voice, flip = board.add("t b b"), board.add("f 0"), board.add("== 0")
    board.wire((which, 2), jump, voice, flip)
    board.join(flip, 0, voice, 1)
    board.wire((jump, 1), go_on)
    board.row()
    turn = board.add("t i i")
    board.wire(voice, turn)
    board.wire(silent, turn)
    return {"turn": (turn, 1)}


def _ends(board: Board, play: dict[str, tuple[Any, int]]) -> tuple[Any, Any]:
    """Where the sounding voice will be after this event (s), and when to fade if no other has come (ms)."""
    end, span = board.add("expr $f1 + $f2"), board.add(f"expr ($f1 - $f2) * 1000. + {ON}")
    f_end, f_span = board.add("f"), board.add("f")
    board.join(*play["position"], end, 0)
    board.join(*play["duration"], end, 1)
    board.join(*play["duration"], span, 0)
    board.join(*play["late"], span, 1)
    board.join(end, 0, f_end, 1)
    board.join(span, 0, f_span, 1)
    return f_end, f_span


def _sound(board: Board, play: dict[str, tuple[Any, int]], chosen: dict[str, tuple[Any, int]]) -> None:
    """The buffer, its two voices with equal-power fades, gain, mute, volume."""
    board.row()
    board.say("SOUND: two voices; where one begins the other fades (sine: equal power)")
    board.row()
    load = board.add("textbutton", (10, 62, 130, 26), 90, label="open memory...")
    buffer = board.add(f"buffer~ {BUFFER}")
    board.wire(load, board.add("message replace"), buffer)
    wave = board.add("waveform~", (10, 94, 600, 90), 120, buffername=BUFFER)
    board.wire((buffer, 1), board.add(f"message set {BUFFER}"), wave)
    board.row()
    start, rate = board.add("expr ($f1 + $f2) * 1000."), board.add("sig~ 1.")
    board.join(*play["position"], start, 0)
    board.join(*play["late"], start, 1)
    mixed = []
    for number in range(2):
        board.row()
        mine, place = board.add(f"sel {number}"), board.add("f")
        board.wire(chosen["turn"], mine)
        board.join(start, 0, place, 1)
        read = board.add(f"groove~ {BUFFER}")
        board.wire(rate, read)
        order, rise, fall = board.add("t b b"), board.add(f"message 1. {FADE}"), board.add(f"message 0. {FADE}")
        board.wire(mine, order, rise)
        board.wire((order, 1), place, read)
        board.wire((mine, 1), fall)
        board.row()
        ramp, shape, voice = board.add("line~"), [board.add(t) for t in ("+~ -1.", "*~ 0.25", "cos~")], board.add("*~")
        board.wire(rise, ramp)
        board.wire(fall, ramp, *shape)
        board.join(shape[-1], 0, voice, 1)
        board.wire(read, voice)
        mixed.append(voice)
    _master(board, play, mixed)


def _master(board: Board, play: dict[str, tuple[Any, int]], mixed: list[Any]) -> None:
    """Gain of the events, the agent's mute, the volume of this patch, the loudspeakers."""
    board.row()
    gain, mute, volume = board.add("*~"), board.add("*~"), board.add("live.gain~", (630, 62, 48, 180), 60)
    for voice in mixed:
        board.wire(voice, gain)
    board.wire(gain, mute, volume)
    board.join(mute, 0, volume, 1)
    speakers = board.add("ezdac~", (560, 20, 40, 40), 45, 45)
    board.wire(volume, speakers)
    board.join(volume, 1, speakers, 1)
    board.row(45)
    level, both, milli = board.add("line~ 1."), board.add("pack 1. 0."), board.add("expr $f1 * 1000.")
    board.join(*play["duration"], milli, 0)
    board.join(milli, 0, both, 1)
    loud = board.add("f 1.")
    again = board.add("t b")
    board.join(*play["gain"], loud, 1)
    board.wire(play["segment"], again, loud, both, level)
    board.join(level, 0, gain, 1)
    board.row()
    shut = board.add("line~ 1.")
    board.wire(play["changed"], board.add("route mute"), board.add("== 0"), board.add("message $1 10"), shut)
    board.join(shut, 0, mute, 1)

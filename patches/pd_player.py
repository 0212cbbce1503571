"""Writes the player for Pure Data, which plays the events of `--output osc` from its own copy of the memory."""

from __future__ import annotations

from agent.control.command import REPORTS
from patches.pd_network import network
from patches.pd_patch import BLUE, Patch
from patches.surface import PLAYER_PORT

FADE_MS = 50  # as action.crossfade_ms
SLOTS = 4  # memories that can be loaded at once
CONTINUE_MS = 250  # for which a memory continues after its last event
SUBSCRIBED_REPORTS = ("event", "changed", "status", "memory")


def player() -> Patch:
    """The patch: each event waits for its `lead`, then the slot of its memory plays it and the others stop."""
    patch = Patch(900, 560)
    patch.text(10, 8, "ANTIPHON - player for: antiphon play --output osc")
    patch.text(10, 28, "Load the memory the agent plays with (WAV or AIFF), then start the agent.")
    patch.toggle(620, 14, 20, "connected", "", "$0-connected")
    patch.panel(10, 56, 560, 40 + 42 * SLOTS, "memories (a name, or any)", "#d0f0d0")
    slots = [patch.obj(18, 86 + 42 * n, f"antiphon-slot {n + 1} {'any' if n == 0 else 'none'}") for n in range(SLOTS)]
    patch.panel(590, 56, 290, 208, "playing", BLUE)
    for n, (name, kind) in enumerate(
        [("hop", 0), ("why", 1), ("segment", 0), ("position", 0), ("gain", 0), ("lead", 0)]
    ):
        patch.text(600, 80 + 24 * n, name)
        (patch.symbol if kind else patch.number)(680, 80 + 24 * n, 12, f"$0-{name}")
    patch.text(600, 232, "memory")
    patch.symbol(680, 232, 26, "$0-memory")
    _output(patch, slots)
    play = patch.obj(18, 300, "r $0-play")
    for slot_box in slots:
        patch.connect_inlet(play, 0, slot_box, 0)
    patch.sub(18, 520, network(PLAYER_PORT, SUBSCRIBED_REPORTS, "$0-in"))
    patch.sub(110, 520, _events())
    patch.text(200, 522, "[r~ antiphon-player] is the sound, for your own patches ; [pd events] is where time is kept")
    return patch


def _output(patch: Patch, slots: list[int]) -> None:
    """The gain of the events, the mute of the agent, the volume of this patch and the loudspeakers."""
    gain, mute, volume = patch.obj(18, 400, "*~"), patch.obj(18, 430, "*~"), patch.obj(18, 460, "*~")
    for slot_box in slots:
        patch.connect_inlet(slot_box, 0, gain, 0)
    patch.connect(gain, mute, volume, speakers := patch.obj(18, 490, "dac~ 1 2"))
    patch.connect_inlet(volume, 0, speakers, 1)
    patch.connect(volume, patch.obj(100, 490, "s~ antiphon-player"))
    level, ramp = patch.obj(110, 370, "r $0-gain-ramp"), patch.obj(110, 400, "vline~")
    patch.connect(level, ramp)
    patch.connect_inlet(ramp, 0, gain, 1)
    reports = patch.obj(240, 340, "r $0-in")
    shut = patch.obj(240, 430, "vline~")
    muted = patch.obj(480, 340, "route mute")
    patch.connect(reports, patch.obj(310, 340, "route changed"), patch.obj(420, 340, "list"), muted)
    patch.connect(muted, patch.obj(580, 340, "== 0"), patch.msg(580, 370, "$1 10"), shut)
    patch.connect_inlet(shut, 0, mute, 1)
    smooth = patch.obj(330, 460, "vline~")
    patch.slider(600, 290, (0, 1), False, "$0-volume", "$0-volume-set")
    patch.text(770, 290, "volume")
    patch.connect(patch.obj(600, 430, "r $0-volume"), patch.msg(600, 460, "$1 20"), smooth)
    patch.connect_inlet(smooth, 0, volume, 1)
    full, start = patch.msg(620, 370, "1"), patch.obj(760, 400, "loadbang")
    patch.connect(start, patch.msg(760, 430, "; pd dsp 1"))
    patch.connect(start, patch.msg(700, 480, "set 1"), patch.obj(700, 505, "s $0-volume-set"))
    patch.connect(start, full, ramp)
    patch.connect(full, shut)
    patch.connect(full, smooth)


def _events() -> Patch:
    """The subpatch that delays an event by its `lead` (s); a late event begins as much later in the memory."""
    patch = Patch(1000, 520, "events")
    fields = [field for field in REPORTS["event"].fields if field.kind != "d"]
    parts = patch.obj(10, 60, "unpack " + " ".join("s" if field.kind == "s" else "0" for field in fields))
    patch.connect(patch.obj(10, 10, "r $0-in"), patch.obj(100, 10, "route event"), patch.obj(210, 10, "list"), parts)
    outlets = {field.name: (parts, n) for n, field in enumerate(fields)}
    for n, name in enumerate(("hop", "why", "segment", "position", "gain", "memory", "lead")):
        patch.connect(outlets[name], patch.obj(10 + 130 * n, 100, f"s $0-{name}"))
    pack = patch.obj(10, 200, "pack 0 0 0 0 0 s")
    pipe = patch.obj(10, 240, "pipe 0 0 0 0 0 s 0")
    patch.connect(outlets["segment"], pack, pipe)
    for inlet, name in ((1, "position"), (2, "duration"), (4, "gain"), (5, "memory")):
        patch.connect_inlet(*outlets[name], pack, inlet)
    milli, late = patch.obj(560, 140, "expr int($f1 * $f2 + 0.5) * 1000 / $f2"), patch.obj(700, 200, "* -0.001")
    patch.text(560, 60, "in ms, to the sample: between samples the memory would be read blurred")
    rate = patch.obj(700, 110, "samplerate~")
    patch.connect(patch.obj(700, 85, "loadbang"), rate)
    patch.connect_inlet(rate, 0, milli, 1)
    wait, behind = patch.obj(560, 200, "max 0"), patch.obj(700, 170, "min 0")
    patch.connect(outlets["lead"], milli, wait)
    patch.connect(milli, behind, late)
    patch.connect_inlet(late, 0, pack, 3)
    patch.connect_inlet(wait, 0, pipe, 6)
    again = patch.obj(10, 280, "pack 0 0 0 0 0 s")
    for n in range(6):
        patch.connect_inlet(pipe, n, again, n)
    patch.text(160, 280, "segment position duration late gain memory, at the time they sound")
    patch.connect(again, order := patch.obj(10, 310, "t a a"), patch.obj(10, 400, "s $0-play"))
    ramp = patch.obj(160, 340, "unpack 0 0 0 0 0 s")
    patch.connect_inlet(order, 1, ramp, 0)
    both = patch.obj(160, 370, "pack 0 0")
    patch.text(420, 340, "the gain is reached at the end of the hop")
    milli = patch.obj(330, 370, "* 1000")
    patch.connect((ramp, 2), milli)
    patch.connect_inlet(milli, 0, both, 1)
    target = patch.obj(420, 370, "f")
    patch.connect_inlet(ramp, 4, target, 1)
    patch.connect((ramp, 0), patch.obj(500, 370, "t b"), target, both, patch.obj(160, 400, "s $0-gain-ramp"))
    return patch


def slot() -> Patch:
    """The patch antiphon-slot NUMBER NAME: one memory, its two voices, and its line on the panel of the player."""
    patch = Patch(1100, 700)
    patch.bang(4, 6, 20, "open", "$0-open")
    patch.symbol(70, 6, 22, "$0-name-set", "$0-name")
    patch.number(240, 6, 7, "$0-seconds")
    patch.text(296, 6, "s")
    patch.symbol(316, 6, 26, "$0-file-shown")
    patch.toggle(516, 6, 20, "", "", "$0-sounds")
    patch.text(4, 60, "an event: segment position duration late gain memory")
    inlet = patch.obj(4, 85, "inlet")
    patch.connect(inlet, split := patch.obj(4, 110, "unpack 0 0 0 0 0 s"))
    pack = patch.obj(4, 200, "pack 0 0 0 0 0 0")
    _is_mine(patch, split, pack)
    for n in range(4):
        patch.connect_inlet(split, n, pack, n)
    patch.connect(pack, patch.sub(4, 260, _choose()))
    patch.sub(4, 300, _load())
    mix = patch.obj(4, 460, "outlet~")
    for n in range(2):
        patch.connect(patch.sub(4 + 120 * n, 400, _voice(n)), mix)
    patch.obj(300, 400, "table $0-memory 100")
    patch.graph_on_parent(546, 34)
    return patch


def _is_mine(patch: Patch, split: int, pack: int) -> None:
    """Send 1 to the last inlet of `pack` if the slot has the name of the event's memory or takes any, else 0."""
    same, named = patch.obj(200, 140, "sel none"), patch.obj(420, 85, "r $0-name")
    load, first = patch.obj(560, 60, "loadbang"), patch.obj(560, 85, "symbol $2")
    patch.connect(load, first)
    order = patch.obj(420, 110, "t s s")
    patch.connect(named, order)
    patch.connect(first, patch.obj(560, 110, "s $0-name-set"))
    patch.connect_inlet(order, 0, same, 1)
    any_name = patch.obj(480, 140, "sel any")
    whole = patch.obj(420, 200, "||")
    patch.connect((order, 1), any_name)
    patch.connect_inlet(any_name, 0, yes := patch.msg(480, 170, "1"), 0)
    patch.connect_inlet(any_name, 1, no := patch.msg(530, 170, "0"), 0)
    patch.connect_inlet(yes, 0, whole, 1)
    patch.connect_inlet(no, 0, whole, 1)
    patch.connect_inlet(split, 5, same, 0)
    for outlet, value in ((0, "1"), (1, "0")):
        message = patch.msg(300 + 40 * outlet, 170, value)
        patch.connect((same, outlet), message, whole)
    patch.connect_inlet(whole, 0, pack, 5)


def _choose() -> Patch:
    """The subpatch that chooses rest, continue or jump; a voice that continues plays on without a fade."""
    patch = Patch(900, 560, "choose")
    patch.text(
        10, 8, "segment position duration late - mine, and where the sounding voice will be: 0 rest, 1 go on, 2 jump"
    )
    inlet = patch.obj(10, 35, "inlet")
    order = patch.obj(10, 60, "t a a")
    expected = patch.obj(560, 150, "r $0-expected")
    what = patch.obj(10, 180, "expr if($f1 < 0 || $f6 == 0, 0, if(abs($f2 - $f7) < 0.003, 1, 2))")
    values = patch.obj(10, 120, "unpack 0 0 0 0 0 0")
    patch.connect(inlet, order, values)
    late = patch.obj(300, 90, "unpack 0 0 0 0 0 0")
    patch.connect_inlet(order, 1, late, 0)
    patch.connect((late, 3), patch.obj(500, 120, "s $0-late"))
    patch.connect((late, 2), patch.obj(420, 120, "s $0-duration"))
    patch.connect((late, 1), patch.obj(340, 120, "s $0-position"))
    for n in range(6):
        patch.connect_inlet(values, n, what, n)
    patch.connect_inlet(expected, 0, what, 6)
    which = patch.obj(10, 210, "sel 0 1 2")
    patch.connect(what, which)
    rest, go_on = patch.obj(10, 250, "s $0-rest"), patch.obj(110, 250, "t b")
    patch.connect((which, 0), rest)
    patch.connect((which, 1), go_on)
    patch.connect((which, 2), jump := patch.obj(220, 250, "t b b"), go_on)
    patch.connect((jump, 1), patch.obj(330, 250, "s $0-jump"))
    end = patch.obj(110, 310, "expr $f2 + $f3")
    patch.connect(go_on, again := patch.obj(110, 280, "t b b"), end, patch.obj(110, 340, "s $0-expected"))
    for n, name in ((1, "position"), (2, "duration")):
        patch.connect_inlet(patch.obj(180 + 120 * n, 290, f"r $0-{name}"), 0, end, n)
    watch = patch.obj(500, 400, "delay 1000")
    span = patch.obj(500, 340, f"expr 1000 * ($f2 - $f3) + {CONTINUE_MS}")
    for n, name in ((1, "duration"), (2, "late")):
        patch.connect_inlet(patch.obj(560 + 120 * n, 310, f"r $0-{name}"), 0, span, n)
    patch.connect((again, 1), span, watch, patch.obj(500, 430, "s $0-rest"))
    patch.text(500, 455, f"no event for {CONTINUE_MS} ms after the end of the last: fade")
    _choose_voice(patch, watch)
    return patch


def _choose_voice(patch: Patch, watch: int) -> None:
    """Send $0-turn: 0 or 1 is the voice that begins while the other fades, 2 fades both."""
    patch.connect(patch.obj(10, 400, "r $0-rest"), stop := patch.obj(10, 425, "t b b"), patch.msg(10, 450, "-1"),
               patch.obj(10, 480, "s $0-expected"))  # fmt: skip
    patch.connect(patch.obj(10, 520, "loadbang"), patch.msg(90, 520, "-1"), patch.obj(140, 520, "s $0-expected"))
    patch.connect((stop, 1), patch.msg(80, 450, "stop"), watch)
    patch.connect(stop, patch.msg(160, 450, "2"), patch.obj(160, 480, "s $0-turn"))
    patch.connect(
        patch.obj(300, 400, "r $0-jump"), voice := patch.obj(300, 425, "f 0"), flip := patch.obj(350, 425, "== 0")
    )
    patch.connect_inlet(flip, 0, voice, 1)
    patch.connect(voice, patch.obj(300, 480, "s $0-turn"))


def _voice(number: int) -> Patch:
    """The subpatch of one voice: it begins when $0-turn is its number, and fades at any other number."""
    patch = Patch(760, 460, f"voice{number + 1}")
    begin_voice = patch.obj(10, 10, "r $0-turn")
    own_number = patch.obj(10, 40, f"sel {number}")
    patch.connect(begin_voice, own_number)
    fade_in, fade_out = patch.msg(150, 100, f"1 {FADE_MS}"), patch.msg(230, 100, f"0 {FADE_MS}")
    envelope = patch.obj(150, 140, "vline~")
    patch.connect((own_number, 1), fade_out, envelope)
    patch.connect(own_number, order := patch.obj(10, 70, "t b b"), fade_in, envelope)
    patch.text(250, 140, "sine of it: equal power")
    shape = [patch.obj(150, 170, "-~ 1"), patch.obj(150, 195, "*~ 0.25"), patch.obj(150, 220, "cos~")]
    patch.connect(envelope, *shape)
    begin = patch.obj(10, 250, "expr int(($f2 + $f3) * $f4 + 0.5)")
    for n, name in ((1, "position"), (2, "late"), (3, "rate")):
        patch.connect_inlet(patch.obj(300 + 110 * n, 200, f"r $0-{name}"), 0, begin, n)
    patch.connect((order, 1), begin, start := patch.obj(10, 280, "t f f"))
    left = patch.obj(10, 310, "expr max($f2 - $f1, 0); 1000 * max($f2 - $f1, 0) / $f3")
    for n, name in ((1, "samples"), (2, "rate")):
        patch.connect_inlet(patch.obj(380 + 110 * n, 280, f"r $0-{name}"), 0, left, n)
    pair, index = patch.obj(10, 340, "pack 0 0"), patch.obj(10, 400, "vline~")
    patch.connect(start, left, pair, patch.msg(10, 370, "0, $1 $2"), index)
    patch.connect_inlet(left, 1, pair, 1)
    read, out = patch.obj(150, 400, "tabread4~ $0-memory"), patch.obj(150, 425, "*~")
    patch.connect_inlet(start, 1, read, 1)
    patch.connect(index, read, out, patch.obj(250, 425, "outlet~"))
    patch.connect_inlet(shape[-1], 0, out, 1)
    return patch


def _load() -> Patch:
    """The subpatch that reads a file into the table, by the button or by [s antiphon-slot-1-file] (2, 3, 4)."""
    patch = Patch(760, 400, "load")
    path = patch.obj(10, 70, "t s s")
    patch.connect(patch.obj(10, 10, "r $0-open"), patch.obj(10, 40, "openpanel"), path)
    patch.connect(patch.obj(120, 10, "r antiphon-slot-$1-file"), path)
    patch.connect(patch.obj(320, 10, "r antiphon-slot-$1-name"), patch.obj(320, 40, "s $0-name-set"))
    patch.connect((path, 1), patch.obj(120, 70, "s $0-file-shown"))
    file = patch.obj(10, 160, "soundfiler")
    patch.connect(path, patch.obj(10, 100, "list prepend read -resize -maxsize 5e+08"),
               patch.obj(10, 120, "list append $0-memory"), patch.obj(10, 140, "list trim"), file)  # fmt: skip
    rate = patch.obj(160, 190, "unpack 48000")
    seconds = patch.obj(10, 240, "/ 48000")
    patch.connect(file, count := patch.obj(10, 190, "t f f"), seconds, patch.obj(10, 270, "s $0-seconds"))
    patch.connect_inlet(count, 1, patch.obj(90, 220, "s $0-samples"), 0)
    patch.connect_inlet(file, 1, rate, 0)
    patch.connect(rate, both := patch.obj(160, 220, "t f f"), patch.obj(230, 250, "s $0-rate"))
    patch.connect_inlet(both, 1, seconds, 1)
    patch.text(10, 310, "The table holds the first channel. Pd reads WAV, AIFF and CAF; for FLAC see README.md.")
    return patch

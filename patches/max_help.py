"""Writes the help pages of the Max patches."""

from __future__ import annotations

from agent.control.command import CONTROLS, REPORTS, ROOT
from patches.max_canvas import MaxCanvas
from patches.pd_help import example
from patches.surface import AGENT_PORT, PLAYER_PORT, SURFACE_PORT

CONTROL = (
    "1. Start the agent: antiphon play --input ... --output ... (or let it start later).",
    "2. Open antiphon.control.maxpat. The light 'connected' follows the agent's heartbeat.",
    f"3. Move anything. Commands leave by udpsend for port {AGENT_PORT}, "
    f"reports come by udpreceive on port {SURFACE_PORT}.",
    "In your own patches: leave the surface open and use s antiphon (messages below) and r antiphon.in (reports).",
    "Node for Max: node.script antiphon.mjs (see ../node) knows the same names and needs no surface.",
)
PLAYING = (
    "With --output osc the agent makes no sound: it tells what to play, and when, and this patch plays it.",
    "1. Open the memory the agent plays with (buffer~ reads WAV, AIFF and FLAC).   2. Turn the sound on.",
    "3. Start the agent: antiphon play --input ... --output osc --memory THE-SAME-FILE",
    f"It subscribes to the reports event, changed and status on port {PLAYER_PORT}.",
    "With several memories: one player each, the memory's name in its field instead of any, a port of its own.",
    "A jump fades from voice to voice in 50 ms with equal power; a memory that continues is not changed.",
    "An event that comes late begins as much later in the memory. No event: the memory continues for 250 ms and fades.",
    "Time is as exact as Max's scheduler: turn Overdrive and Scheduler in Audio Interrupt on.",
    "What the agent records while playing (memory live) exists in the agent only: those events are silent here.",
)


def control() -> MaxCanvas:
    """antiphon.control.maxhelp"""
    canvas = _page("antiphon.control - hears and steers the agent", CONTROL, 1560)
    canvas.comment("MESSAGES: click, or copy them into your patch", fontface=1)
    canvas.row()
    out = canvas.add("s antiphon")
    for entry in CONTROLS.values():
        if entry.group in ("osc", "hear", "midi"):
            continue
        canvas.row()
        values = " ".join(example(arg) for arg in entry.args)
        message = canvas.add(f"message {ROOT}{entry.name} {values}".rstrip(), wide=270)
        canvas.connect(message, out)
        canvas.comment(entry.meaning)
    canvas.row()
    canvas.comment("REPORTS: r antiphon.in, then route /antiphon/event /antiphon/heard ...", fontface=1)
    for report in REPORTS.values():
        canvas.row()
        fields = " ".join(field.name for field in report.fields if field.kind != "d")
        canvas.comment(f"{report.address} {fields} - {report.meaning}")
    return canvas


def player() -> MaxCanvas:
    """antiphon.player.maxhelp"""
    return _page("antiphon.player - sounds for antiphon play --output osc", PLAYING, 400)


def _page(title: str, words: tuple[str, ...], height: int) -> MaxCanvas:
    canvas = MaxCanvas(1900, height, 800, panel=False)
    canvas.comment(title, fontsize=18.0, wide=600, tall=28)
    canvas.row(28)
    for line in words:
        canvas.comment(line)
        canvas.row()
    return canvas

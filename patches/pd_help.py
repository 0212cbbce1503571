"""Writes the help pages of the Pd patches: first steps, and every control and report of the tables."""

from __future__ import annotations

from agent.control.command import CONTROLS, REPORTS, Arg
from patches.pd_patch import BLUE, Patch
from patches.surface import AGENT_PORT, PLAYER_PORT, SURFACE_PORT

CONTROL = (
    "1. Start the agent: antiphon play --input ... --output ... (or let it start later).",
    "2. Open antiphon-control.pd. The field connected lights up with the agent's heartbeat.",
    f"3. Move anything. Commands leave for port {AGENT_PORT}, "
    f"reports come to port {SURFACE_PORT}; both stand in [pd network].",
    "In your own patches: leave the surface open, or put [antiphon-control] into your patch, and use",
    "   [s antiphon] with messages such as the ones below, and [r antiphon-in] for all reports of the agent.",
)
PLAYING = (
    "With --output osc the agent makes no sound: it tells what to play, and when, and this patch plays it.",
    "1. Open the memory the agent plays with (WAV, AIFF or CAF; for FLAC see README.md) with the button of slot 1.",
    "2. Start the agent: antiphon play --input ... --output osc --memory THE-SAME-FILE",
    f"It subscribes to the reports event, changed, status and memory on port {PLAYER_PORT}.",
    "Slot 1 plays any memory. With several memories, write each one's name (as shown under memory) into its slot.",
    "A jump fades from voice to voice in 50 ms with equal power; a memory that continues is not changed.",
    "An event that comes late begins as much later in the memory. No event: the memory continues for 250 ms and fades.",
    "What the agent records while playing (memory live) exists in the agent only: those events are silent here.",
    "[r~ antiphon-player] is the sound, for your own patches.",
)


def control() -> Patch:
    """antiphon-control-help.pd"""
    patch, y = _page("antiphon-control: hears and steers the agent", CONTROL, 900)
    patch.text(10, y, "MESSAGES: click, or copy them into your patch")
    shown = [entry for entry in CONTROLS.values() if entry.group not in ("osc", "hear", "midi")]
    for n, entry in enumerate(shown):
        values = " ".join(example(arg) for arg in entry.args)
        row = y + 26 + 26 * (n % 20)
        patch.msg(10 + 640 * (n // 20), row, f"; antiphon {entry.name} {values}".rstrip())
        patch.text(290 + 640 * (n // 20), row, entry.meaning, 48)
    y += 30 + 26 * 20
    patch.text(10, y, "REPORTS: [r antiphon-in] -> [route event heard ...]")
    for n, report in enumerate(REPORTS.values()):
        fields = " ".join(field.name for field in report.fields if field.kind != "d")
        patch.text(10, y + 24 + 22 * n, f"{report.name} {fields}  - {report.meaning}", 150)
    return patch


def player() -> Patch:
    """antiphon-player-help.pd"""
    patch, y = _page("antiphon-player: sounds for antiphon play --output osc", PLAYING, 420)
    patch.text(10, y, "From a script: pd -open antiphon-player.pd -send followed by one of these in quotes")
    patch.msg(10, y + 26, "; antiphon-slot-1-file symbol /path/of/memory.wav")
    patch.msg(10, y + 52, "; antiphon-slot-2-name symbol live")
    return patch


def slot() -> Patch:
    """antiphon-slot-help.pd"""
    words = (
        "One memory of [antiphon-player]: its table and its two voices. Arguments: number; name, any or none.",
        "Inlet: segment, position (s), duration (s), late (s), gain, memory: at the time it is to sound.",
        "Outlet: the sound, without gain.",
    )
    patch, y = _page("antiphon-slot", words, 320)
    patch.connect(
        patch.msg(10, y, "0 1.5 0.5 0 1 demo"), patch.obj(10, y + 30, "antiphon-slot 9 any"),
        patch.obj(10, y + 80, "*~ 0.3"), patch.obj(10, y + 110, "dac~ 1"),
    )  # fmt: skip
    patch.msg(200, y, "; pd dsp 1")
    return patch


def _page(title: str, words: tuple[str, ...], height: int) -> tuple[Patch, int]:
    patch = Patch(1300, height)
    patch.panel(4, 4, 800, 26, title, BLUE)
    for n, line in enumerate(words):
        patch.text(10, 40 + 22 * n, line, 130)
    return patch, 54 + 22 * len(words)


def example(arg: Arg) -> str:
    """An example of a value, as text."""
    if arg.choices:
        return arg.choices[0]
    if arg.kind == "s":
        return "verse"
    if arg.many:
        return "3 3 -1 7"
    return {"from": "0", "to": "0.5", "hop": "40"}.get(arg.name, "1")

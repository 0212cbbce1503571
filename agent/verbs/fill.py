"""`antiphon fill`: writes the missing part of a song in a MIDI file, as one more track."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from agent.performance.missing_part import ALONE, fill_folder, role_of
from agent.verbs.console import ShowProgress
from corpora import midi_file, midi_grid
from corpora.midi_file import DRUM_CHANNEL, MidiFileError, Voice
from corpora.midi_grid import Grid
from corpora.whole_files import AudioError, atomic_write
from decision import instruction
from decision.fill import Fill


def fill(
    song: str | Path,
    out: str | Path,
    model: str = "small",
    *,
    part: str | None = None,
    say: str | None = None,
    seed: int = 0,
    progress: ShowProgress | None = None,
) -> dict[str, Any]:
    """Write `song` to `out` with one more track; the bytes of the others stay as they are.

    part: a role of decision/roll.py. say: what to play, in plain words (decision/instruction.py); either may name it.
    The same seed gives the same notes. Returns {"part", "notes", "channel", "program", "bars", "steps_per_beat",
    "swing", "asked", "heard": [{"name", "part", "notes"}], "warnings"}. AudioError, FillError or ModelError.
    """
    asked = instruction.read(say, part)
    data = Path(song).read_bytes()
    network = Fill.load(fill_folder(model))
    role = asked.instruction.role
    try:
        voices = midi_file.read_voices(data)
        if not voices:
            raise MidiFileError("has no notes: give a song with at least one part")
        channel = _channel(midi_file.used_channels(data), role == "drums")
        time = midi_file.read(data)
        grid = midi_grid.grid_of(time, np.concatenate([voice.notes for voice in voices]))
        midi_file.with_track(data, np.zeros((0, 4), int), channel, None, "")  # refused before any work
    except MidiFileError as error:
        raise AudioError(f"'{song}' {error}") from None
    parts = [(role_of(voice), grid.in_steps(voice.notes)) for voice in voices]
    heard = [each for each in parts if not (each[0] == role and role in ALONE)]
    seconds = time.seconds(float(grid.ticks[-1]))
    steps = network.write(
        heard, grid.metre, asked.instruction, seed=seed,
        progress=None if progress is None else lambda share: progress(share * seconds, seconds),
    )  # fmt: skip
    program = None if channel == DRUM_CHANNEL else asked.program
    written = midi_file.with_track(data, grid.in_ticks(steps), channel, program, f"{role} (Antiphon)")
    atomic_write(out, written)
    return {
        "part": role, "notes": len(steps), "channel": channel + 1,
        "program": None if program is None else program + 1, "bars": grid.bars, "steps_per_beat": grid.steps_per_beat,
        "swing": round(grid.swing, 3), "style": asked.instruction.style, "asked": dict(asked.instruction.asked or {}),
        "heard": [
            {"name": voice.name, "part": played, "notes": len(notes)}
            for voice, (played, notes) in zip(voices, parts, strict=True)
        ],
        "warnings": _warnings(grid, voices, parts, role),
    }  # fmt: skip


def lines(result: dict[str, Any], out: str | Path) -> list[str]:
    """What a terminal shows of `fill`."""
    names = [f"{each['name'] or 'a track'} ({each['part']})" for each in result["heard"]]
    grid = "in triplets" if result["steps_per_beat"] == 3 else "in sixteenths"
    swing = f", swung {result['swing']:.2f}" if result["swing"] != 0.5 else ""
    return [
        f"heard {', '.join(names)}; {result['bars']} bars, counted {grid}{swing}",
        f"{result['part']}: {result['notes']} notes on channel {result['channel']}, in {out}",
        *result["warnings"],
    ]


def _channel(used: set[int], drums: bool) -> int:
    """A channel that no track uses; that of drums, whoever uses it."""
    if drums:
        return DRUM_CHANNEL
    free = [channel for channel in range(16) if channel != DRUM_CHANNEL and channel not in used]
    if not free:
        raise MidiFileError("uses all 16 channels: free one for the new part")
    return free[0]


def _warnings(grid: Grid, voices: list[Voice], parts: list[tuple[str, np.ndarray]], role: str) -> list[str]:
    found = []
    if not grid.keeps_time:
        found.append("its notes keep to no grid: the part follows the beats of the file, and may not be with them")
    if role in ALONE and any(played == role for played, _ in parts):
        name = next(voice.name for voice, (played, _) in zip(voices, parts, strict=True) if played == role)
        found.append(
            f"there is a {role} already ({name or 'without a name'}): it was not listened to, mute one of them"
        )
    return found

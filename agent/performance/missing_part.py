"""The missing part, bar by bar: hears what others play over a MIDI clock and writes the next bar before it begins.

`MissingPart` holds the fill model, `PartState` what has happened since the song began. Time is a position in the song,
counted in MIDI clocks, 24 a quarter note; whoever calls knows the real time. A bar is a function of the notes that
began before the moment at which it is written, so it does not depend on when their messages were read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.performance.model_folder import named_folder
from corpora.midi_file import CLOCKS_PER_BEAT, DRUM_CHANNEL, Voice
from decision.fill import Fill, Instruction, Parts
from decision.next_bar import HISTORY_BARS, OPEN, STEPS_PER_BEAT, next_bar, repetition, with_bar

CLOCKS_PER_STEP = CLOCKS_PER_BEAT // STEPS_PER_BEAT
LOW_PITCH, BASS_PROGRAMS = 48, (*range(32, 40), 43, 58)  # median of a bass without such a program; General MIDI, from 0
PAD_PROGRAMS = (*range(48, 53), *range(88, 96))
CHORD_SHARE = 0.35  # share of the notes begun together with another, from which on a voice plays chords
ALONE = ("bass", "drums")  # parts that are not written beside another of their kind
SILENT_BARS = 2  # bars without a note of the others after which it rests, too
NOTE_OFF, NOTE_ON, PROGRAM = 0x80, 0x90, 0xC0


@dataclass
class HeardNote:
    """A note that was heard: where it began and ended in clocks; `end` is None while it sounds."""

    begin: float
    end: float | None
    pitch: int
    velocity: int


@dataclass
class PartState:
    """What has happened since the song began: the notes of each channel (0 to 15), and the part's own notes so far.

    own: (n, 4) int in steps, of the part `role`. next_bar: the bar that is written next.
    """

    heard: dict[int, list[HeardNote]] = field(default_factory=dict)
    programs: dict[int, int] = field(default_factory=dict)
    own: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), int))
    role: str = ""
    next_bar: int = 0


@dataclass(frozen=True)
class Bar:
    """A bar that is to be written, with all that it depends on. Steps as in decision/next_bar.py."""

    number: int
    parts: Parts
    own: np.ndarray
    instruction: Instruction
    heard: int
    begin: int


class MissingPart:
    """Writes one part of a performance. beats: in a bar. lead: beats before a bar at which it is written."""

    def __init__(self, model: Fill, *, beats: int = 4, lead: float = 1.0, seed: int = 0):
        self.model, self.beats, self.lead, self.seed = model, beats, lead, seed

    @property
    def bar_clocks(self) -> int:
        """Clocks in a bar."""
        return self.beats * CLOCKS_PER_BEAT

    def hear(self, state: PartState, message: bytes, clock: float) -> None:
        """A MIDI message of another player, at a clock of the song; all but notes and programs are left aside."""
        if len(message) < 2 or message[0] >= 0xF0:
            return
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == PROGRAM:
            state.programs[channel] = message[1]
        if kind not in (NOTE_ON, NOTE_OFF) or len(message) < 3:
            return
        notes = state.heard.setdefault(channel, [])
        for note in notes:  # a key that is struck again ends its note, too
            if note.end is None and note.pitch == message[1]:
                note.end = clock
        if kind == NOTE_ON and message[2]:
            notes.append(HeardNote(clock, None, message[1], message[2]))

    def due(self, state: PartState) -> float:
        """The clock at which the next bar is to be written."""
        return state.next_bar * self.bar_clocks - self.lead * CLOCKS_PER_BEAT

    def catch_up(self, state: PartState, clock: float) -> None:
        """Leave out the bars that have begun by now."""
        state.next_bar = max(state.next_bar, math.ceil(clock / self.bar_clocks))

    def order(self, state: PartState, instruction: Instruction) -> Bar:
        """The next bar, with what has been heard until it is due; quick. Notes that began later are not known yet."""
        if instruction.role != state.role:  # another part has another past
            state.role, state.own = instruction.role, state.own[:0]
        due = max(0.0, self.due(state))
        _forget(state, due - HISTORY_BARS * self.bar_clocks)
        return Bar(
            state.next_bar, self._parts(state, due, instruction.role), state.own.copy(), instruction,
            math.ceil(due / CLOCKS_PER_STEP), state.next_bar * self.beats * STEPS_PER_BEAT,
        )  # fmt: skip

    def write(self, bar: Bar) -> np.ndarray:
        """(n, 4) int notes [first step, end step, pitch, velocity] of a bar; takes the model's time, in any thread.

        A note of the bar before that is held on comes back with its new end. It rests until the others have played for
        a bar, and when they have been silent for SILENT_BARS.
        """
        steps = self.beats * STEPS_PER_BEAT
        sounding = any(
            (notes[:, 0] >= bar.heard - SILENT_BARS * steps).any() or (notes[:, 1] == OPEN).any()
            for _, notes in bar.parts
        )
        if not sounding or not repetition(bar.parts, bar.heard, steps):
            return np.zeros((0, 4), int)
        return next_bar(
            self.model, bar.parts, bar.own, bar.instruction, heard=bar.heard, begin=bar.begin, beats=self.beats,
            seed=(self.seed << 20) + bar.number,
        )  # fmt: skip

    def take(self, state: PartState, bar: Bar, notes: np.ndarray) -> None:
        """The notes of a bar become the part's past; the bar after it is next."""
        state.own = with_bar(state.own, notes, bar.begin)
        state.next_bar = bar.number + 1

    def take_back(self, state: PartState, step: int, pitch: int) -> None:
        """A note of the part that begins at a step was not played: it is not its past."""
        state.own = state.own[(state.own[:, 0] != step) | (state.own[:, 2] != pitch)]

    def _parts(self, state: PartState, heard: float, role: str) -> Parts:
        """The others' parts up to the clock `heard`, in steps; none that plays what only one may play."""
        parts = []
        for channel, played in sorted(state.heard.items()):
            notes = _in_steps(played, heard)
            if len(notes):
                ends = np.where(notes[:, 1] == OPEN, notes[:, 0] + 1, notes[:, 1])
                voice = Voice(
                    "", channel, state.programs.get(channel, 0), np.column_stack([notes[:, 0], ends, notes[:, 2:]])
                )
                if not ((known := role_of(voice)) == role and role in ALONE):
                    parts.append((known, notes))
        return parts


def _in_steps(played: list[HeardNote], heard: float) -> np.ndarray:
    """(n, 4) int notes that began before the clock `heard`, each at least a step long; OPEN if they sound there."""
    notes = []
    for note in played:
        if note.begin < heard:
            first = min(round(note.begin / CLOCKS_PER_STEP), math.ceil(heard / CLOCKS_PER_STEP) - 1)
            sounds = note.end is None or note.end >= heard
            end = OPEN if sounds else max(first + 1, round((note.end or 0) / CLOCKS_PER_STEP))
            notes.append((first, end, note.pitch, note.velocity))
    return np.array(notes, int).reshape(-1, 4)


def _forget(state: PartState, before: float) -> None:
    """Leave out what ended before a clock, so that a long evening costs no more than a short one."""
    for channel, notes in state.heard.items():
        state.heard[channel] = [note for note in notes if note.end is None or note.end > before]
    state.own = state.own[state.own[:, 1] > before / CLOCKS_PER_STEP]


def fill_folder(model: str) -> Path:
    """The folder of a fill model: `model` itself, or fill/ in the model of that name; ModelError."""
    folder = named_folder(model)
    return folder if (folder / "fill.json").is_file() else folder / "fill"


def role_of(voice: Voice) -> str:
    """What a voice seems to play, a role of decision/roll.py: by its channel, program and notes."""
    if voice.channel == DRUM_CHANNEL:
        return "drums"
    pitches, onsets = voice.notes[:, 2], voice.notes[:, 0]
    _, of, together = np.unique(onsets, return_inverse=True, return_counts=True)
    if (together[of] > 1).mean() >= CHORD_SHARE:
        return "pad" if voice.program in PAD_PROGRAMS else "chords"
    if np.median(pitches) < LOW_PITCH or (voice.program in BASS_PROGRAMS and np.median(pitches) < LOW_PITCH + 7):
        return "bass"
    return "melody"

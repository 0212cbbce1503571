"""Rolls: what each part of a song plays in each step of a grid, as arrays that a model reads and writes.

A *part* is (n, 4) int notes [first step, end step, MIDI pitch, velocity]; the key of a drum stands for its pitch. A
*roll* is (steps, ROWS) uint8 of OFF, ONSET and HOLD: 88 rows for the pitches of a piano, then one for each kind of
drum, of which only onsets are known. *Metre* is (steps, 3) int: the place in the beat in twelfths, the beat in the bar,
and the beats in the bar.

Pitched rolls are read in one key: `key_shift` says by how many semitones a context is moved, so that a model that has
seen one key knows twelve.
"""

from __future__ import annotations

import numpy as np

LOWEST, PITCHES = 21, 88  # A0 to C8
DRUM_KEYS = (36, 37, 38, 42, 44, 46, 43, 47, 50, 49, 51, 54)  # General MIDI: the key that stands for each kind
KINDS = {  # other keys of the same kind; what is in neither is percussion, the last kind
    35: 36, 39: 37, 40: 38, 22: 42, 26: 46, 41: 43, 45: 43, 58: 43, 48: 47, 52: 49, 55: 49, 57: 49, 53: 51, 59: 51,
}  # fmt: skip
ROWS = PITCHES + len(DRUM_KEYS)
OFF, ONSET, HOLD = 0, 1, 2

ROLES = ("bass", "chords", "pad", "riff", "melody", "answer", "drums")  # what a part can be
MONOPHONIC = ("bass", "riff", "melody", "answer")
CHANNELS = {"bass": 0, "chords": 1, "pad": 1, "riff": 2, "melody": 2, "answer": 2, "drums": 3}  # where a model hears it
CONTEXT_WIDTH = 3 * 2 * PITCHES + len(DRUM_KEYS) + 12  # numbers of a step: onsets, holds, drums, pitch classes

# What can be asked of a part; each is measured in it. Drums have neither register nor length.
ATTRIBUTES = ("density", "register", "place", "length", "dynamics")
PITCHED = ("register", "length")

KEY_PROFILE = np.array([1.3, 0, 1, 0, 1.3, 1, 0, 1.3, 0, 1.2, 0, 0.8])  # C major and A minor in one


def row_of(pitches: np.ndarray, drums: bool) -> np.ndarray:
    """Rows (n,) of MIDI pitches or, for drums, keys; pitches beyond the piano are moved by octaves."""
    pitches = np.asarray(pitches, int)
    if drums:
        last = len(DRUM_KEYS) - 1
        kinds = [DRUM_KEYS.index(k) if (k := KINDS.get(key, key)) in DRUM_KEYS else last for key in pitches.tolist()]
        return PITCHES + np.array(kinds, int)
    high = LOWEST + PITCHES - 1
    folded = np.where(pitches < LOWEST, pitches + 12 * -(-(LOWEST - pitches) // 12), pitches)
    return np.where(folded > high, folded - 12 * -(-(folded - high) // 12), folded) - LOWEST


def pitch_of(row: int) -> int:
    """The MIDI pitch or key of a row."""
    return LOWEST + row if row < PITCHES else DRUM_KEYS[row - PITCHES]


def roll_of(part: np.ndarray, first: int, steps: int, drums: bool, shift: int = 0) -> np.ndarray:
    """(steps, ROWS) uint8: a part from step `first` on, transposed by `shift` semitones unless it is drums.

    A note that began before is held from the first step on.
    """
    roll = np.zeros((steps, ROWS), np.uint8)
    inside = part[(part[:, 1] > first) & (part[:, 0] < first + steps)]
    begin, end = inside[:, 0] - first, np.minimum(inside[:, 1] - first, steps)
    rows = row_of(inside[:, 2] + (0 if drums else shift), drums)
    if not drums:
        change = np.zeros((steps + 1, ROWS), np.int16)
        np.add.at(change, (np.maximum(np.minimum(begin + 1, steps), 0), rows), 1)
        np.add.at(change, (np.maximum(end, np.minimum(begin + 1, steps)), rows), -1)
        roll[np.cumsum(change[:-1], 0) > 0] = HOLD
    roll[begin[begin >= 0], rows[begin >= 0]] = ONSET
    return roll


def notes_of(roll: np.ndarray, velocity: np.ndarray, shift: int = 0, first: int = 0) -> np.ndarray:
    """(n, 4) int notes of a roll that begins at step `first` and was transposed by `shift`; by onset, then pitch.

    velocity: (steps, ROWS) of each onset. A hold that follows no onset is silent.
    """
    notes = []
    for step, row in np.argwhere(roll == ONSET).tolist():
        end = step + 1
        while row < PITCHES and end < len(roll) and roll[end, row] == HOLD:
            end += 1
        pitch = pitch_of(row) - (shift if row < PITCHES else 0)
        notes.append((first + step, first + end, min(max(pitch, 0), 127), int(velocity[step, row])))
    return np.array(notes, int).reshape(-1, 4)


def chroma_of(parts: list[tuple[str, np.ndarray]]) -> np.ndarray:
    """(12,) steps for which each pitch class sounds in pitched parts, [(role, notes)]."""
    total = np.zeros(12)
    for role, part in parts:
        if role != "drums":
            np.add.at(total, part[:, 2] % 12, part[:, 1] - part[:, 0])
    return total


def key_shift(chroma: np.ndarray) -> int:
    """Semitones, -5 to 6, by which music with these pitch classes (12,) is moved to C major or A minor."""
    tonic = int(np.argmax([KEY_PROFILE @ np.roll(chroma, -tonic) for tonic in range(12)]))
    return (-tonic + 5) % 12 - 5


def context_of(parts: list[tuple[str, np.ndarray]], first: int, steps: int, shift: int) -> np.ndarray:
    """(steps, CONTEXT_WIDTH) uint8: what sounds in each step, all parts [(role, notes)] of one channel together."""
    rolls = np.zeros((4, steps, ROWS), np.uint8)
    for role, part in parts:
        heard, roll = rolls[CHANNELS[role]], roll_of(part, first, steps, role == "drums", shift)
        np.copyto(heard, roll, where=(roll == ONSET) | (heard == OFF))
    pitched = rolls[:3, :, :PITCHES]
    sounding = np.pad((pitched > OFF).any(0), ((0, 0), (LOWEST % 12, -(PITCHES + LOWEST) % 12)))
    chroma = sounding.reshape(steps, -1, 12).any(1)
    drums = rolls[3, :, PITCHES:] == ONSET
    return np.concatenate([*(pitched == ONSET), *(pitched == HOLD), drums, chroma], 1).astype(np.uint8)


def window_parts(parts: list[tuple[str, np.ndarray]], first: int, steps: int) -> list[tuple[str, np.ndarray]]:
    """The same parts with the notes alone that sound in these steps."""
    return [(role, part[(part[:, 1] > first) & (part[:, 0] < first + steps)]) for role, part in parts]


def measured(part: np.ndarray, metre: np.ndarray, first: int, drums: bool) -> dict[str, float]:
    """What a part is like in the steps of `metre` (steps, 3), which begin at step `first`; {} without an onset there.

    density: onsets a beat, of any number of notes. register: mean pitch. place: share of the onsets off the beat.
    length: mean length of a note in beats. dynamics: mean velocity.
    """
    inside = part[(part[:, 0] >= first) & (part[:, 0] < first + len(metre))]
    if not len(inside):
        return {}
    onsets = np.unique(inside[:, 0]) - first
    beats = max(1, int((metre[:, 0] == 0).sum()))
    result = {
        "density": len(onsets) / beats,
        "place": float((metre[onsets, 0] != 0).mean()),
        "dynamics": float(inside[:, 3].mean()),
    }
    if not drums:
        result["register"] = float(inside[:, 2].mean())
        result["length"] = float((inside[:, 1] - inside[:, 0]).mean()) * beats / len(metre)
    return result

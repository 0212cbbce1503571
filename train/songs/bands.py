"""Band arrangements by rule: bass, chords, riffs, melodies, answers and drums over given chords and beats.

They have what piano arrangements of pop songs lack: repeated lines and riffs, guitar and bass in octaves, melodies that
are doubled, answered in their rests or traded between two players, parts that rest for a section, breaks, swing, and
human timing. A song has one style, tempo and set of players; a section of four or eight bars has figures of its own,
which return with the section.

    band = write_band(chords, beats, melody, random.Random(1))
    band.parts["bass"].notes, band.beats, band.downbeats
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from train.songs import figures, grooves
from train.songs.figures import Note
from train.songs.lead_sheet import Bar, Chord, Sheet, in_dotted_beats, in_tempo, invented_song, tempo_of
from train.songs.takes import Take

__all__ = ["MIN_BEATS", "STYLES", "Band", "Chord", "Part", "Style", "invented_song", "write_band"]

ROLES = {"bass": "bass", "comp": "chords", "comp2": "chords", "pad": "pad", "riff": "riff", "lead": "melody",
         "second": "melody", "answer": "melody", "drums": "drums"}  # fmt: skip
ALWAYS = {"bass", "comp", "lead"}  # players of every song
LATE_S = (-0.004, 0.014)  # range of a player's constant delay
JITTER_S = 0.015  # largest deviation of a stroke
MIN_BEATS = 16


@dataclass(frozen=True)
class Style:
    """Parameters of a style. tempo: range, beats per minute; lines, comps: names in figures.py.

    swing: possible positions of the offbeat, as a share of the swung unit; swung: 1 eighths, 2 sixteenths. riffs,
    power, locked: shares of sections; dense: share of a riff's eighths. jitter_s: range of the standard deviation of
    onsets.
    """

    tempo: tuple[float, float]
    lines: tuple[str, ...]
    comps: tuple[str, ...]
    swing: tuple[float, ...] = (0.5,)
    swung: int = 1
    riffs: float = 0.3
    dense: float = 0.6
    power: float = 0.0
    locked: float = 0.2
    jitter_s: tuple[float, float] = (0.003, 0.008)


STYLES = {
    "rock": Style((95, 165), ("root eighths", "octave eighths", "push", "dotted", "root fifth"),
                  ("strum", "strum eighths", "eighths", "whole", "push", "stabs"), riffs=0.4, power=0.4, locked=0.3),
    "metal": Style((100, 200), ("gallop", "root eighths", "pedal sixteenths", "push"), ("whole", "eighths", "stabs"),
                   riffs=0.6, dense=0.8, power=0.8, locked=0.4, jitter_s=(0.003, 0.006)),
    "funk": Style((88, 118), ("funk", "funk rests", "slap", "sixteenths"), ("scratch", "stabs", "strum sixteenths"),
                  (0.5, 0.54, 0.58), 2, riffs=0.5, dense=0.7, locked=0.3, jitter_s=(0.003, 0.007)),
    "jazz": Style((110, 200), ("walking", "walking", "walking", "two beat"), ("charleston", "comp", "comp", "quarters"),
                  (0.58, 0.62, 0.66), riffs=0.15, dense=0.5, locked=0.0, jitter_s=(0.005, 0.010)),
    "bossa": Style((110, 160), ("bossa", "bossa", "dotted"), ("bossa", "bossa", "comp", "whole"),
                   riffs=0.1, locked=0.0, jitter_s=(0.004, 0.009)),
    "ballad": Style((60, 84), ("whole", "half", "dotted", "root fifth"), ("whole", "half", "strum", "quarters"),
                    (0.5, 0.5, 0.6), 2, riffs=0.1, dense=0.4, locked=0.1, jitter_s=(0.004, 0.010)),
    "reggae": Style((68, 96), ("one drop", "reggae", "dotted"), ("skank", "skank eighths", "bubble"),
                    (0.5, 0.56, 0.6), 2, riffs=0.3, dense=0.5, locked=0.1),
    "electronic": Style((110, 176), ("off beats", "sixteenths", "tresillo", "octave eighths", "pedal sixteenths"),
                        ("house", "off beats", "stabs", "whole"), riffs=0.5, dense=0.7, jitter_s=(0.001, 0.003)),
    "folk": Style((90, 170), ("two beat", "root fifth", "dotted"), ("oom pah", "strum", "strum eighths", "off beats"),
                  (0.5, 0.5, 0.6), riffs=0.2, locked=0.0, jitter_s=(0.004, 0.010)),
    "blues": Style((70, 150), ("walking", "boogie", "dotted", "root eighths"), ("charleston", "stabs", "off beats"),
                   (0.6, 0.64, 0.67), riffs=0.5, dense=0.6, power=0.2, locked=0.1, jitter_s=(0.004, 0.010)),
}  # fmt: skip


class Part(NamedTuple):
    """One player's part. notes: (n, 4) float32, onset s, offset s, MIDI pitch (key for drums), velocity; by onset.

    role: "bass", "chords", "melody", "riff", "pad" or "drums".
    """

    notes: np.ndarray
    role: str


@dataclass(frozen=True)
class Band:
    """An arrangement of a song in its own tempo. sheet: its chords, beats and swing."""

    parts: dict[str, Part]
    sheet: Sheet
    style: str

    @property
    def chords(self) -> list[Chord]:
        """The chords, in s of the band's tempo."""
        return self.sheet.chords

    @property
    def beats(self) -> np.ndarray:
        """(n,) times of the beats, s."""
        return self.sheet.beats[:, 0]

    @property
    def downbeats(self) -> np.ndarray:
        """(k,) times of the downbeats, s."""
        return self.beats[self.sheet.beats[:, 1] > 0]

    @property
    def seconds(self) -> float:
        """End of the last beat, s."""
        return self.sheet.end


def write_band(
    chords: list[Chord],
    beats: np.ndarray,
    melody: np.ndarray | None,
    rng: random.Random,
    style: str | None = None,
    takes: Sequence[Take] = (),
) -> Band:
    """Arrange chords and beats for a band, in a style (random unless given) and at a usual tempo of it.

    beats: (n, 2) [s, 1 on a downbeat else 0], n >= 16, times rising. melody: (m, 4) notes [onset s, offset s, pitch,
    velocity] of the lead, or None; where it rests for a section, a tune is generated. takes: of real drummers, used in
    most sections where meter and swing fit. Deterministic in `rng`. ValueError for fewer than MIN_BEATS beats.
    """
    if len(beats) < MIN_BEATS:
        raise ValueError(f"{len(beats)} beats are too few for a band: it needs {MIN_BEATS}")
    name = style or rng.choice(sorted(STYLES))
    sheet, factor = _sheet(chords, beats, melody is None, STYLES[name], rng)
    given = [] if melody is None else _in_beats(sheet, melody, factor)
    takes = [take for take in takes if _fits(take, sheet)]
    played: dict[str, list[Note]] = defaultdict(list)
    members, seed = _members(STYLES[name], rng), rng.random()
    form = _form(sheet.bars, rng)
    for number, (kind, bars) in enumerate(form):
        begin, end = bars[0].first, bars[-1].first + bars[-1].beats
        inside = [note for note in given if begin <= note.position < end]
        section = play(sheet, bars, name, inside, random.Random(f"{seed} {kind}"), takes)
        active = _active(members, number, rng)
        if number == len(form) - 1:  # nobody who is always there rests for the whole song
            active |= ALWAYS - played.keys()
        energy = rng.uniform(0.75, 1.1)
        if rng.random() < 0.15 and len(bars) >= 4:
            _break(section, bars[-rng.choice((1, 2)) :], rng)
        for part in active & section.keys():
            loud = [n._replace(velocity=round(n.velocity * energy)) for n in section[part] if begin <= n.position < end]
            played[part] += [n._replace(length=min(n.length, end - n.position)) for n in loud]
    parts = {part: Part(_performed(sheet, played[part], part, STYLES[name], rng), ROLES[part])
             for part in ROLES if len(played[part]) >= 4}  # fmt: skip
    return Band(_bass_below(parts), sheet, name)


def _sheet(chords: list[Chord], beats: np.ndarray, free: bool, style: Style, rng: random.Random) -> tuple[Sheet, float]:
    """(sheet in a tempo of the style, factor applied to all times).

    free: without a melody, so triplets are possible.
    """
    beats = np.array(beats, float)
    if not beats[:, 1].any():
        beats[::4, 1] = 1
    tempo = float(np.exp(rng.uniform(*np.log(style.tempo))))
    compound = Sheet([], beats).bar_beats == 6
    if compound:
        beats = in_dotted_beats(beats)
        factor = float(np.clip(tempo_of(beats) / min(max(tempo, 45), 110), 0.6, 1.6))
        beats = beats * [factor, 1]
    else:
        beats, factor = in_tempo(beats, tempo)
    triplets = compound or (free and style.tempo[0] <= 70 and style.swung == 1 and rng.random() < 0.3)
    swing = 0.5 if triplets else rng.choice(style.swing)
    moved = [chord._replace(start=chord.start * factor, end=chord.end * factor) for chord in chords]
    return Sheet(moved, beats, 3 if triplets else 4, swing, style.swung), factor


def _in_beats(sheet: Sheet, melody: np.ndarray, factor: float) -> list[Note]:
    """(m, 4) notes in s -> notes in beats, not quantised."""
    times = sheet.position(melody[:, :2] * factor)
    return [
        Note(float(a), float(max(b - a, 0.1)), int(pitch), int(np.clip(velocity, 60, 110)))
        for (a, b), (pitch, velocity) in zip(times, melody[:, 2:4], strict=True)
    ]


def _form(bars: list[Bar], rng: random.Random) -> list[tuple[str, list[Bar]]]:
    """[(kind, bars)]: sections of four or eight bars; kinds recur."""
    kinds = rng.choice(("AABABCB", "ABABCAB", "AABB", "ABACA", "AABA", "ABCABC"))
    at, size, result = 0, rng.choice((4, 8, 8)), list[tuple[str, list[Bar]]]()
    while at < len(bars):
        length = size if len(bars) - at >= 2 * size else len(bars) - at
        result.append((kinds[len(result) % len(kinds)], bars[at : at + length]))
        at += length
    return result


def _members(style: Style, rng: random.Random) -> set[str]:
    """The players of a song: always bass, chords and lead; the others at random."""
    chance = {"drums": 0.9, "comp2": 0.4, "pad": 0.35, "riff": 0.3 + style.riffs, "second": 0.5, "answer": 0.6}
    return ALWAYS | {part for part, share in chance.items() if rng.random() < share}


def _active(members: set[str], number: int, rng: random.Random) -> set[str]:
    """The players of section `number`: a random subset of at least two, smaller in the first section."""
    share = rng.choice((0.5, 0.8, 0.95)) if number else 0.6
    ordered = sorted(members)
    active = {part for part in ordered if rng.random() < (max(share, 0.85) if part in ("bass", "drums") else share)}
    return active if len(active - {"drums"}) >= 2 else active | set(rng.sample(sorted(members - {"drums"}), 2))


def play(
    sheet: Sheet, bars: list[Bar], name: str, melody: list[Note], rng: random.Random, takes: Sequence[Take]
) -> dict[str, list[Note]]:
    """{player: notes} of a section, for all players. melody: notes of the lead there, in beats."""
    style, result = STYLES[name], {}
    groove = grooves.draw_groove(name, sheet.bar_beats, rng)
    result["drums"] = drummed(sheet, bars, groove, rng)
    if rng.random() < style.locked and grooves.KICK in groove:
        result["bass"] = figures.locked(sheet, bars, groove[grooves.KICK], rng)
    else:
        result["bass"] = figures.bass_line(sheet, bars, rng.choice(style.lines), rng)
    if rng.random() < style.power:
        pattern = rng.choice(
            ("X.x.x.x.X.x.x.x.", "X.xxX.xxX.xxX.xx", "X.....X.....X...", "XxxxXxxxX.x.X.x.", "X.......X.......")
        )
        result["comp"] = figures.power_chords(sheet, bars, pattern, rng)
    else:
        result["comp"] = figures.comping(sheet, bars, rng.choice(style.comps), rng)
    second = figures.arpeggio(sheet, bars, rng) if rng.random() < 0.5 else None
    result["comp2"] = second or figures.comping(sheet, bars, rng.choice(style.comps), rng)
    result["pad"] = figures.pad(sheet, bars, rng)
    result["riff"] = figures.riff(sheet, bars, figures.draw_riff(style.dense, rng), rng)
    if rng.random() < style.riffs:  # the whole band on one figure
        result["bass"] = figures.octave_below(result["riff"])
    if takes and rng.random() < 0.8:
        result["drums"] = taken(sheet, bars, rng.choice(takes), rng)
    return result | _tunes(sheet, bars, melody, rng)


def _tunes(sheet: Sheet, bars: list[Bar], melody: list[Note], rng: random.Random) -> dict[str, list[Note]]:
    """Notes of lead, second (doubling or counter-melody) and answer."""
    texture = rng.choice(("song", "song", "call", "call", "trade"))
    end = float(bars[-1].first + bars[-1].beats)
    if texture == "trade":
        lead, reply = figures.trading(sheet, bars, rng)
    else:
        tune = figures.calls if texture == "call" else figures.tune
        lead = melody if len(melody) >= 4 else tune(sheet, bars, rng)
        reply = figures.answer(sheet, lead, end, rng)
    kind = rng.choice(("unison", "octave", "thirds", "counter", "counter"))
    against = figures.counter_melody(sheet, bars, rng) if kind == "counter" else figures.doubling(sheet, lead, kind)
    return {"lead": lead, "answer": reply, "second": against}


def drummed(sheet: Sheet, bars: list[Bar], groove: dict[int, str], rng: random.Random) -> list[Note]:
    """The groove in these bars, without some quiet strokes, with a fill at the end and a crash at the beginning."""
    fill = rng.choice((0, 1, 2, 2)) if bars[-1].beats > 2 else rng.choice((0, 1))
    end = bars[-1].first + bars[-1].beats
    result = [
        Note(stroke.position, 0.1, key, stroke.velocity)
        for key, pattern in groove.items()
        for stroke in figures.placed(pattern, sheet, bars)
        if stroke.position < end - fill and (stroke.velocity > 60 or rng.random() < 0.9)
    ]
    if fill:
        hits = grooves.draw_fill(fill, sheet.steps, rng)
        result += [Note(end - fill + at, 0.1, key, velocity) for at, key, velocity in hits]
    return result + ([Note(bars[0].first, 0.1, grooves.CRASH, 105)] if rng.random() < 0.5 else [])


def _fits(take: Take, sheet: Sheet) -> bool:
    """Whether a take fits a sheet: four beats a bar, no triplets, and the same swing."""
    swing = sheet.swing if sheet.swung == 1 else 0.5
    return sheet.bar_beats == 4 and sheet.steps == 4 and abs(take.swing - swing) < 0.06


def taken(sheet: Sheet, bars: list[Bar], take: Take, rng: random.Random) -> list[Note]:
    """Random consecutive bars of a take, repeated where the take is shorter than `bars`."""
    count = min(len(bars), take.bars)
    first = rng.randrange(take.bars - count + 1)
    result = []
    for number, bar in enumerate(bars):
        at = take.hits[:, 0] - 4 * (first + number % count)
        for beat, key, velocity in zip(at, take.hits[:, 1], take.hits[:, 2], strict=True):
            if -0.1 < beat < bar.beats - 0.1:
                position = max(bar.first + float(beat), bars[0].first)
                result.append(Note(sheet.unswung(position), 0.1, int(key), int(velocity)))
    return result


def _break(section: dict[str, list[Note]], bars: list[Bar], rng: random.Random) -> None:
    """Stop time: in these bars all players but one play the first beat only. Changes `section`."""
    begin, firsts = bars[0].first, {bar.first for bar in bars}
    alone = rng.choice(("lead", "drums", "bass", "riff"))
    for part in section.keys() - {alone}:
        section[part] = [
            note._replace(length=min(note.length, 0.5)) if note.position >= begin
            else note._replace(length=min(note.length, begin - note.position))
            for note in section[part]
            if note.position < begin or note.position in firsts
        ]  # fmt: skip


def _performed(sheet: Sheet, notes: list[Note], part: str, style: Style, rng: random.Random) -> np.ndarray:
    """Notes in beats -> (n, 4) with human timing and dynamics, by onset, all within the song."""
    notes = sorted(notes) if ROLES[part] in ("chords", "pad", "drums") else figures.monophonic(notes)
    late, off = rng.uniform(*LATE_S), rng.uniform(*style.jitter_s)
    hand = {note.position: min(max(rng.gauss(0, off), -JITTER_S), JITTER_S) for note in notes}
    moved = np.array([late + hand[note.position] + note.spread for note in notes])
    onset = sheet.seconds(np.array([note.position for note in notes])) + moved
    offset = sheet.seconds(np.array([note.position + note.length for note in notes])) + moved
    if ROLES[part] in ("bass", "melody", "riff"):  # the next note ends the one before
        offset[:-1] = np.minimum(offset[:-1], np.maximum(onset[1:], onset[:-1] + 0.03))
    onset = np.clip(onset, 0, sheet.end - 0.05)
    offset = np.clip(np.maximum(offset, onset + 0.04), 0, sheet.end)
    phrase = 6 * np.sin(
        2 * np.pi * np.array([note.position for note in notes]) / (4 * sheet.bar_beats) + rng.uniform(0, 6)
    )
    loud = [note.velocity + rng.gauss(0, 5) for note in notes]
    velocity = np.clip(np.round(np.array(loud) + phrase), 20, 127)
    table = np.column_stack([onset, offset, [note.pitch for note in notes], velocity]).astype(np.float32)
    return table[np.argsort(table[:, 0], kind="stable")]


def _bass_below(parts: dict[str, Part]) -> dict[str, Part]:
    """The parts with bass notes an octave lower wherever they are above a note of the chords."""
    chords = [part.notes for part in parts.values() if part.role == "chords"]
    if "bass" not in parts or not chords:
        return parts
    above, bass = np.concatenate(chords), parts["bass"].notes.copy()
    for note in bass:
        overlapping = above[(above[:, 0] < note[1]) & (above[:, 1] > note[0]), 2]
        while len(overlapping) and note[2] >= overlapping.min() and note[2] - 12 >= figures.BASS_PITCHES[0]:
            note[2] -= 12
    return parts | {"bass": Part(bass, "bass")}

"""Figures of one player over a few bars: bass lines, comping, riffs, melodies, and answers to them.

Each function takes a sheet and bars, and returns notes in beats; swing and human timing are added by bands.py. All
random choices come from the generator given.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from functools import lru_cache
from itertools import pairwise
from operator import sub
from typing import NamedTuple

import numpy as np

from train.songs.grooves import Stroke, strokes
from train.songs.lead_sheet import Bar, Chord, Sheet, Span


class Note(NamedTuple):
    """A note in beats. spread: delay of its onset, s, as of the strings of a strum."""

    position: float
    length: float
    pitch: int
    velocity: int
    spread: float = 0.0


# Lowest and highest MIDI pitch.
BASS_PITCHES = (28, 48)
CHORD_PITCHES = (52, 77)
POWER_ROOT_PITCHES = (40, 52)  # range of the roots of power chords
TUNE_PITCHES = (60, 84)

# A bass line: pattern, degrees of its strokes in rotation (r root, 5 fifth, 8 octave, 3 third, p a neighbour in the
# scale, '<' an approach to the next chord), and note length as a share of the stroke's.
LINES: dict[str, tuple[str, str, float]] = {
    "root fifth": ("X.......x.......", "r5", 0.9),
    "dotted": ("X.....x.x...x...", "rr5<", 0.9),
    "root eighths": ("X.x.x.x.X.x.x.x.", "rrrrrrr<", 0.85),
    "octave eighths": ("X.x.X.x.X.x.X.x.", "r8r8r8r8", 0.8),
    "push": ("X.....x.x.....x.", "rr5r", 0.8),
    "tresillo": ("X..x..x.X..x..x.", "r58r58", 0.8),
    "funk": ("X..x..x...xx..x.", "r8pr58", 0.45),
    "funk rests": ("X.....xx..x...x.X...x..x......xx", "r8r5pr8p5r", 0.5),
    "slap": ("X.x..x.x..x.x.x.", "r8r85p<", 0.4),
    "one drop": ("X..x..x.....x...", "r35r", 0.7),
    "reggae": ("......x.x.x...x.X.....x.x.......", "5rr3r5r", 0.75),
    "whole": ("X...............", "r", 0.95),
    "half": ("X.......x.......", "rr", 0.95),
    "bossa": ("X.....x.X.....x.", "rr55", 0.9),
    "off beats": ("..X...X...X...X.", "r", 0.8),
    "sixteenths": ("X.xxX.xxX.xxX.xx", "rrrrrrrr8rr<", 0.7),
    "gallop": ("X.xxX.xxX.xxX.xx", "r", 0.8),
    "pedal sixteenths": ("XxxxXxxxXxxxXxxx", "r", 0.9),
    "two beat": ("X.......X.......", "r5", 0.6),
    "boogie": ("X...x...x...x...", "r356", 0.9),
}
# Comping: pattern, chord length as a share of the stroke's, and the spread of its notes, s.
COMPS: dict[str, tuple[str, float, float]] = {
    "whole": ("X...............", 0.95, 0.012),
    "half": ("X.......x.......", 0.95, 0.012),
    "quarters": ("X...x...X...x...", 0.7, 0.006),
    "eighths": ("X.x.x.x.X.x.x.x.", 0.6, 0.006),
    "strum": ("X...x.x...x.x.x.", 0.9, 0.028),
    "strum eighths": ("X.x.X.xxx.x.X.x.", 0.8, 0.022),
    "strum sixteenths": ("X.xxx.xxX.xxx.xx", 0.7, 0.014),
    "scratch": ("..xx.x.X..x..xX.", 0.35, 0.006),
    "stabs": ("X.....x.....x...", 0.25, 0.004),
    "skank": ("....X.......X...", 0.3, 0.008),
    "skank eighths": ("..X...X...X...X.", 0.4, 0.008),
    "bubble": ("..x.xx....x.xx..", 0.4, 0.0),
    "charleston": ("X.....x.........", 0.35, 0.004),
    "comp": ("..x...x.........X.....x.......x.", 0.4, 0.004),
    "bossa": ("X.....x...x...x.....x.....x..x..", 0.7, 0.01),
    "off beats": ("..X...X...X...X.", 0.45, 0.0),
    "house": ("X..x..x...x..x..", 0.45, 0.0),
    "oom pah": ("....x.......x...", 0.4, 0.006),
    "push": ("X.....x.x.......", 0.9, 0.02),
}


def nearest(classes: Collection[int], pitch: float, low: int = 0, high: int = 127) -> int:
    """The pitch from low to high nearest to `pitch` whose class is in `classes`."""
    around = range(max(low, int(pitch) - 12), min(high, int(pitch) + 13) + 1)
    candidates = [p for p in around if p % 12 in classes] or [p for p in range(low, high + 1) if p % 12 in classes]
    return min(candidates, key=lambda p: (abs(p - pitch), p))


def placed(pattern: str, sheet: Sheet, bars: list[Bar]) -> list[Stroke]:
    """The strokes of a pattern that begins with the first of these bars, at positions of the sheet."""
    result = []
    for stroke in strokes(pattern, sheet.bar_beats, len(bars), sheet.steps):
        bar = bars[int(stroke.position // sheet.bar_beats)]
        inside = stroke.position % sheet.bar_beats
        if inside < bar.beats:
            length = min(stroke.length, bar.beats - inside) if bar is bars[-1] else stroke.length
            result.append(stroke._replace(position=bar.first + inside, length=length))
    return result


# Bass


def bass_line(sheet: Sheet, bars: list[Bar], line: str, rng: random.Random) -> list[Note]:
    """The bass line `line` of LINES, or "walking", without some of its unaccented strokes."""
    if line == "walking":
        return walking(sheet, bars, rng)
    pattern, degrees, gate = LINES[line]
    ghosts = rng.choice((0.0, 0.0, 0.05, 0.12))
    result = []
    for stroke in placed(pattern, sheet, bars):
        chord = sheet.chord_at(stroke.position)
        if chord.tones and (stroke.velocity > 100 or rng.random() >= ghosts):
            following = sheet.chord_at(stroke.position + stroke.length)
            pitch = _degree(
                degrees[stroke.number % len(degrees)], chord, following, sheet.scale_at(stroke.position), rng
            )
            result.append(Note(stroke.position, gate * stroke.length, pitch, stroke.velocity))
    return result


def _degree(name: str, chord: Chord, following: Chord, scale: frozenset[int], rng: random.Random) -> int:
    root = nearest([chord.lowest], BASS_PITCHES[0] + 5, BASS_PITCHES[0], BASS_PITCHES[0] + 11)
    if name == "<" and following.tones and following.lowest != chord.lowest:
        return approach(root, following.lowest, rng)
    if name in "r<" or (chord.lowest != chord.root and name != "8"):
        return root
    if name == "8":
        return root + 12 if root + 12 <= BASS_PITCHES[1] else root
    if name in "36":
        return nearest(chord.tones[1:2] if name == "3" else scale, root + (4 if name == "3" else 9), *BASS_PITCHES)
    if name == "5":
        return nearest(chord.tones[-1:] if len(chord.tones) < 4 else chord.tones[2:3], root + 4, *BASS_PITCHES)
    return nearest(scale, root + rng.choice((-2, 2, 3, 10)), *BASS_PITCHES)


def approach(pitch: int, target: int, rng: random.Random) -> int:
    """A passing tone one or two semitones from the nearest pitch of class `target`, on the side of `pitch`."""
    goal = nearest([target], pitch, *BASS_PITCHES)
    return min(max(goal + (1 if pitch > goal else -1) * rng.choice((1, 1, 2)), BASS_PITCHES[0]), BASS_PITCHES[1])


def walking(sheet: Sheet, bars: list[Bar], rng: random.Random) -> list[Note]:
    """A note per beat: the root of each new chord, steps through its tones and scale, an approach to the next."""
    result, pitch, before = [], 38, None
    for bar in bars:
        for beat in range(bar.first, bar.first + bar.beats):
            chord, following = sheet.chord_at(beat), sheet.chord_at(beat + 1)
            if not chord.tones:
                continue
            if chord is not before or (beat == bar.first and rng.random() < 0.6):
                pitch = nearest([chord.lowest], pitch, *BASS_PITCHES)
            elif following is not chord and following.tones:
                pitch = approach(pitch, following.lowest, rng)
            else:
                way = (
                    rng.choice((-1, 1))
                    if BASS_PITCHES[0] + 5 < pitch < BASS_PITCHES[1] - 5
                    else 1
                    if pitch < 38
                    else -1
                )
                classes = chord.tones if rng.random() < 0.6 else sheet.scale_at(beat)
                pitch = nearest(classes, pitch + way * rng.choice((2, 3, 4)), *BASS_PITCHES)
            before = chord
            result.append(Note(beat, 0.9, pitch, rng.randint(78, 98)))
            if rng.random() < 0.08:  # a skip before the next beat
                result.append(Note(beat + (0.5 if sheet.steps == 4 else 2 / 3), 0.25, pitch, 60))
    return result


def locked(sheet: Sheet, bars: list[Bar], kick: str, rng: random.Random) -> list[Note]:
    """A bass line in the rhythm `kick` of the bass drum, on the root, sometimes its fifth or octave."""
    result = []
    for stroke in placed(kick, sheet, bars):
        chord = sheet.chord_at(stroke.position)
        if chord.tones:
            name = "r" if stroke.velocity > 100 else rng.choice("rrr58p")
            pitch = _degree(name, chord, chord, sheet.scale_at(stroke.position), rng)
            result.append(Note(stroke.position, 0.8 * min(stroke.length, 2), pitch, stroke.velocity))
    return result


# Chords


def voicing(chord: Chord, before: list[int], voices: int) -> list[int]:
    """The close position of `voices` tones of a chord within CHORD_PITCHES that moves least from `before`."""
    tones = chord.tones if len(chord.tones) <= voices else chord.tones[1:]  # four tones leave the root to the bass
    if len(before) != voices:
        before = voices * [64]
    return list(min(positions(tones, voices), key=lambda pitches: sum(map(abs, map(sub, pitches, before)))))


@lru_cache(1024)
def positions(tones: tuple[int, ...], voices: int) -> list[tuple[int, ...]]:
    """The close positions of a chord within CHORD_PITCHES, lowest note first."""
    inside = [pitch for pitch in range(CHORD_PITCHES[0], CHORD_PITCHES[1] + 13) if pitch % 12 in tones]
    candidates = [tuple(inside[n : n + voices]) for n in range(len(tones))]
    return [pitches for pitches in candidates if pitches[-1] <= CHORD_PITCHES[1]] or candidates[:1]


def comping(sheet: Sheet, bars: list[Bar], kind: str, rng: random.Random) -> list[Note]:
    """Chords of three to five notes in a rhythm of COMPS, with voice leading; strummed down on beats, up off them."""
    pattern, gate, spread = COMPS[kind]
    voices = rng.choice((3, 3, 4) if spread < 0.02 else (4, 5))
    before: list[int] = []
    result: list[Note] = []
    spans = sheet.spans(bars)
    for stroke in placed(pattern, sheet, bars):
        chord = sheet.chord_at(stroke.position)
        if chord.tones:
            before = voicing(chord, before, voices)
            length = gate * min(stroke.length, _rest_of(spans, stroke.position))
            down = (stroke.position * 2) % 2 < 0.5
            for number, pitch in enumerate(before if down else before[::-1]):
                late = spread * number / voices
                result.append(Note(stroke.position, length, pitch, stroke.velocity - 3 * number, late))
    return result


def _rest_of(spans: list[Span], position: float) -> float:
    """Beats from `position` to the end of its chord."""
    return next((span.end - position for span in spans if span.begin <= position < span.end), 0.5)


def power_chords(sheet: Sheet, bars: list[Bar], pattern: str, rng: random.Random) -> list[Note]:
    """Power chords, root, fifth and octave in a low register: accents ring, other strokes are palm-muted."""
    result, spans, octave = [], sheet.spans(bars), rng.random() < 0.5
    for stroke in placed(pattern, sheet, bars):
        chord = sheet.chord_at(stroke.position)
        if chord.tones:
            muted = stroke.velocity < 100
            length = min(stroke.length, _rest_of(spans, stroke.position)) * (0.45 if muted else 0.95)
            fifth = next((tone for tone in chord.tones if (tone - chord.tones[0]) % 12 in (6, 7, 8)), chord.tones[0])
            root = nearest(chord.tones[:1], POWER_ROOT_PITCHES[0], *POWER_ROOT_PITCHES)
            pitches = [root, nearest([fifth], root + 7, root + 5, root + 12), root + 12][: 3 if octave else 2]
            result += [Note(stroke.position, length, p, stroke.velocity, 0.003 * n) for n, p in enumerate(pitches)]
    return result


def arpeggio(sheet: Sheet, bars: list[Bar], rng: random.Random) -> list[Note]:
    """Arpeggios of the chords, in one random order and rate."""
    step = rng.choice((0.5, 0.5, 0.25)) if sheet.steps == 4 else 1 / 3
    order = rng.choice(((0, 1, 2, 3), (0, 2, 1, 3), (0, 1, 2, 3, 2, 1), (3, 2, 1, 0), (0, 2, 3, 2)))
    ring = rng.choice((1.0, 2.0, 4.0))
    before: list[int] = []
    result: list[Note] = []
    for span in sheet.spans(bars):
        before = voicing(span.chord, before, 4)
        for number in range(round((span.end - span.begin) / step)):
            at = span.begin + number * step
            accent = 92 if number % len(order) == 0 else 74
            result.append(Note(at, min(ring * step, span.end - at), before[order[number % len(order)]], accent))
    return result


def pad(sheet: Sheet, bars: list[Bar], rng: random.Random) -> list[Note]:
    """Chords sustained until the next chord."""
    voices = rng.choice((3, 4))
    before: list[int] = []
    result: list[Note] = []
    for span in sheet.spans(bars):
        before = voicing(span.chord, before, voices)
        result += [Note(span.begin, span.end - span.begin, pitch, 70) for pitch in before]
    return result


# Riffs


class Riff(NamedTuple):
    """A figure of one or two bars: its rhythm, and for each stroke the scale step above the chord's root."""

    pattern: str
    steps: tuple[int, ...]
    pedal: bool  # on the root of the first chord throughout


def draw_riff(dense: float, rng: random.Random) -> Riff:
    """A random riff with a stroke on the first beat. dense: share of the eighths with a stroke."""
    signs = ["x" if rng.random() < (dense if step % 2 == 0 else dense / 3) else "." for step in range(16)]
    signs[0] = "X"
    if rng.random() < 0.5:  # a second bar with another ending
        signs += [*signs[:8], *rng.sample(signs[8:], 8)]
    pattern, at, steps = "".join(signs), 0, []
    for sign in pattern:
        if sign != ".":
            at = 0 if sign == "X" else min(max(at + rng.choice((-2, -1, 0, 0, 1, 1, 2)), -2), 5)
            steps.append(0 if rng.random() < 0.25 else at)
    return Riff(pattern, tuple(steps), rng.random() < 0.3)


def riff(sheet: Sheet, bars: list[Bar], figure: Riff, rng: random.Random) -> list[Note]:
    """The figure repeated over the chords in a low register; the last beat of each fourth bar varies."""
    result = []
    starts = [sheet.chord_at(bar.first) for bar in bars if sheet.chord_at(bar.first).tones]
    pedal = starts[0] if starts and figure.pedal else None
    varied = {beat for bar in bars[3::4] for beat in range(bar.first + bar.beats - 1, bar.first + bar.beats)}
    for stroke in placed(figure.pattern, sheet, bars):
        chord = pedal or sheet.chord_at(stroke.position)
        if not chord.tones or (int(stroke.position) in varied and rng.random() < 0.4):
            continue
        root = nearest(chord.tones[:1], POWER_ROOT_PITCHES[0] + 5, *POWER_ROOT_PITCHES)
        scale = {*chord.tones, (root + 10) % 12} if pedal else sheet.scale_at(stroke.position)
        ladder = [p for p in range(root - 12, root + 25) if p % 12 in scale]
        at = ladder.index(root) + figure.steps[stroke.number % len(figure.steps)]
        at += rng.choice((-1, 1)) if int(stroke.position) in varied else 0
        result.append(Note(stroke.position, 0.8 * min(stroke.length, 1.5), ladder[at], stroke.velocity))
    return result


def octave_below(notes: list[Note]) -> list[Note]:
    """The lowest of each group of simultaneous notes, an octave lower, within BASS_PITCHES."""
    lowest = {note.position: note for note in sorted(notes, key=lambda note: -note.pitch)}
    return [
        n._replace(pitch=nearest([n.pitch % 12], n.pitch - 12, *BASS_PITCHES), spread=0.0)
        for _, n in sorted(lowest.items())
    ]


# Tunes

MOTIFS = (
    "X...x...x.x.x...", "X.x.x...x.x.x...", "X.....x.x.......", "..x.x.x.X.......", "X..x..x.X...x...",
    "X.......x.x.x.x.",     "x.x.x.x.X.......", "....x.x.X.x.x...", "X.xxx.x.x.......", "X...x.....x.x.x.",
    "..x...x...x.X...", "X...........x.x.",
)  # fmt: skip


def tune(sheet: Sheet, bars: list[Bar], rng: random.Random, centre: int = 70) -> list[Note]:
    """A generated melody around `centre`: the rhythm of a one-bar motif repeated, another motif in each fourth bar."""
    motif, other = rng.choice(MOTIFS), rng.choice(MOTIFS)
    ways = [rng.choice((-2, -1, -1, 0, 1, 1, 2)) for _ in range(16)]
    result, pitch = [], centre + rng.randint(-4, 4)
    for number, bar in enumerate(bars):
        if number % 4 == 0:
            pitch = centre + (pitch - centre) // 2
        for count, stroke in enumerate(placed(other if number % 4 == 3 else motif, sheet, [bar])):
            scale = sheet.scale_at(stroke.position)
            if not sheet.chord_at(stroke.position).tones:
                continue
            strong = stroke.position % 1 == 0
            classes = sheet.chord_at(stroke.position).tones if strong else scale
            pitch = nearest(
                classes,
                pitch + 2 * ways[count],
                max(TUNE_PITCHES[0] - 8, centre - 12),
                min(TUNE_PITCHES[1], centre + 12),
            )
            arch = round(10 * np.sin(np.pi * (number % 4 + 0.5) / 4))
            length = min(stroke.length, 2.0) * 0.9
            result.append(Note(stroke.position, length, pitch, min(stroke.velocity + arch - 6, 120)))
    return result


def phrases(notes: list[Note], rest: float = 1.0) -> list[list[Note]]:
    """The notes split into phrases at rests of `rest` beats or more."""
    result: list[list[Note]] = []
    end = -np.inf
    for note in sorted(notes):
        if note.position - end >= rest or not result:
            result.append([])
        result[-1].append(note)
        end = max(end, note.position + note.length)
    return result


def answer(sheet: Sheet, caller: list[Note], end: float, rng: random.Random) -> list[Note]:
    """Answers in the caller's rests: each phrase repeated, transposed, as far as the rest allows, up to `end` (beats).

    An answer begins on the next half beat, or beat with triplets, after the phrase. Its pitches are moved into the
    scale of the current chord; in a quarter of the cases it is inverted.
    """
    caller_phrases, result = phrases(caller), []
    if not caller_phrases:
        return []
    direction, shift = rng.choice((1, 1, 1, -1)), rng.choice((-12, -5, 0, 3, 5, 7))
    unit = 0.5 if sheet.steps == 4 else 1.0
    begins = [*(phrase[0].position for phrase in caller_phrases[1:]), end]
    for phrase, until in zip(caller_phrases, begins, strict=True):
        over = max(note.position + note.length for note in phrase)
        start = unit * np.ceil(over / unit)
        if until - start < 1.5:
            continue
        late = start - unit * np.floor(phrase[0].position / unit)
        for note in phrase:
            at = note.position + late
            length = min(note.length, until - 0.25 - at)
            if at < start or length < 0.1 or not sheet.chord_at(at).tones:
                continue
            pitch = phrase[0].pitch + direction * (note.pitch - phrase[0].pitch) + shift
            result.append(note._replace(position=at, length=length, pitch=nearest(sheet.scale_at(at), pitch, 48, 88)))
    return result


def calls(sheet: Sheet, bars: list[Bar], rng: random.Random) -> list[Note]:
    """Generated phrases of one or two bars, each followed by a rest of the same length."""
    length = rng.choice((1, 1, 2))
    spoken = [bar for number, bar in enumerate(bars) if number % (2 * length) < length]
    ends = {bar.first: bar.first + bar.beats - 0.5 for bar in spoken}
    notes = tune(sheet, spoken, rng)
    limit = [max(first for first in ends if first <= note.position) for note in notes]
    return [
        n._replace(length=min(n.length, max(ends[first] - n.position, 0.2)))
        for n, first in zip(notes, limit, strict=True)
    ]


def trading(sheet: Sheet, bars: list[Bar], rng: random.Random) -> tuple[list[Note], list[Note]]:
    """Two players that alternate every two or four bars."""
    length = rng.choice((2, 2, 4))
    player_bars = [[bar for n, bar in enumerate(bars) if n // length % 2 == player] for player in (0, 1)]
    first, second = (tune(sheet, own_bars, rng, centre) for own_bars, centre in zip(player_bars, (72, 67), strict=True))
    return first, second


def doubling(sheet: Sheet, notes: list[Note], kind: str) -> list[Note]:
    """The melody in "unison", an "octave" below, or in "thirds" below within the key."""
    if kind != "thirds":
        return [note._replace(pitch=note.pitch - (12 if kind == "octave" else 0)) for note in notes]
    result = []
    for note in notes:
        below = [
            p
            for p in range(note.pitch - 6, note.pitch)
            if p % 12 in sheet.key | set(sheet.chord_at(note.position).tones)
        ]
        tones = sheet.scale_at(note.position)
        result.append(note._replace(pitch=nearest([p % 12 for p in below if p % 12 in tones] or [note.pitch % 12],
                                                  note.pitch - 3.5, note.pitch - 7, note.pitch)))  # fmt: skip
    return result


def counter_melody(sheet: Sheet, bars: list[Bar], rng: random.Random) -> list[Note]:
    """A slow voice below the melody: chord tones in small steps, one per bar or half bar, of whole beats."""
    step, pitch, result = -(-sheet.bar_beats // rng.choice((1, 2))), rng.randint(58, 66), []
    for span in sheet.spans(bars):
        at = span.begin
        while at < span.end:
            lasting = min(step, span.end - at)
            chosen = [p for p in range(54, 73) if p % 12 in span.chord.tones]
            pitch = rng.choice(sorted(chosen, key=lambda p: (abs(p - pitch), p))[:3])
            result.append(Note(at, 0.97 * lasting, pitch, 74))
            at += lasting
    return result


def monophonic(notes: list[Note]) -> list[Note]:
    """The notes without overlaps, at most one per position: each ends at the latest when the next begins."""
    ordered = sorted({note.position: note for note in notes}.values())
    cut = [a._replace(length=min(a.length, b.position - a.position)) for a, b in pairwise(ordered)]
    return cut + ordered[-1:]

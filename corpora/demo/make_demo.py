"""Composes, plays and records the demonstration: `guide.flac` and `memory.flac`, mono FLAC, 16 bit.

    python -m corpora.demo.make_demo [-o FOLDER] [--seed 7]

The same seed, FluidSynth and sound font give the same files. It needs fluidsynth, FluidR3_GM.sf2 and pretty_midi.

guide   a flute alone: seven phrases, written out below, in D dorian, G dorian, B aeolian and D dorian again,
        with rests of 1 to 1.5 s between them in which an answer can be heard.
memory  a piano alone: the 24 major and minor triads, each tied to the next by two common tones (the chain of relatives
        C Am F Dm Bb Gm ..., known from the scherzo of Beethoven's ninth), 3 s each in one of seven textures.

Both keep a beat of 0.5 s, and nothing is struck before the beat: notes begin 10 to 60 ms after it. So a memory cut at
every 0.5 or 0.25 s keeps its attacks, and pieces of it put together anew stay in time.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf
from scipy.signal import butter, fftconvolve, sosfilt

from corpora.audio import AudioWriter

SAMPLERATE = 44100
BEAT = 0.5  # s
LATE = 0.03  # s after the beat at which a note begins on average
PEAK = 10 ** (-1 / 20)  # -1 dBFS
CEILING = 9_000  # Hz; above it lie less than -46 dB of the energy, and a tenth of the file
SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
PIANO, FLUTE = 0, 73  # General MIDI programs, from 0
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

# One phrase a line: pitch:beats, r is a rest.
MELODY = """
r:1 A4:2 D5:3 C5:1 B4:1 A4:1 G4:1.5 A4:0.5 F4:2 E4:1 D4:3 r:3
D4:1 F4:1 A4:1 C5:2 B4:1 G4:1 B4:1 D5:1 E5:3 D5:0.5 C5:0.5 A4:3 r:3
D5:1.5 C5:0.5 Bb4:2 A4:1 G4:1 F4:1 G4:1 Bb4:1.5 C5:0.5 D5:2 F5:3 r:2
F5:1 Eb5:1 D5:1 C5:1 Bb4:1.5 C5:0.5 D5:1 Bb4:1 G4:2 A4:1 Bb4:1 A4:4 r:3
E4:0.5 F#4:0.5 G4:1 B4:1 E5:3 D5:1 C#5:1 B4:2 A4:0.5 B4:0.5 C#5:1 F#4:3 r:2
F#4:1 A4:1 C#5:1 E5:1 G5:3 F#5:1 E5:1 D5:1.5 E5:0.5 C#5:1 A4:1 B4:3 r:2
A4:2 D5:3 C5:1 B4:1 A4:1 G4:1.5 A4:0.5 F4:1 E4:1 G4:1 E4:1 D4:5 r:2
"""
PHRASE_LEVEL = (66, 74, 82, 78, 88, 100, 70)  # velocity each phrase is centred on

# One chord each, from soft to loud and back, twice; see the functions of these names.
FORM = ["hymn", "broken", "broken", "duet", "ripple", "broken", "run", "syncopated", "ripple", "run", "bells", "hymn"]
FORM += ["duet", "broken", "bells", "ripple", "syncopated", "run", "broken", "ripple", "run", "duet", "hymn", "bells"]
FORM_LEVEL = (44, 50, 56, 60, 68, 72, 80, 84, 92, 88, 62, 48, 56, 62, 52, 70, 82, 92, 84, 98, 90, 66, 52, 44)
SPAN = 6  # beats a chord lasts


class Note(NamedTuple):
    """A note as played: onset and offset in beats, MIDI pitch, velocity 1 to 127."""

    onset: float
    offset: float
    pitch: int
    velocity: float


class Chord(NamedTuple):
    """A triad: root pitch class, minor or not, where it begins in beats, how loud it is meant."""

    root: int
    minor: bool
    start: float
    level: float

    def tones(self, low: int, high: int) -> list[int]:
        """Its tones from `low` to `high`, ascending MIDI pitches."""
        third = 3 if self.minor else 4
        return [p for p in range(low, high + 1) if (p - self.root) % 12 in (0, third, 7)]

    def scale(self, low: int, high: int) -> list[int]:
        """Its scale, dorian if minor, else major, from `low` to `high`."""
        steps = (0, 2, 3, 5, 7, 9, 10) if self.minor else (0, 2, 4, 5, 7, 9, 11)
        return [p for p in range(low, high + 1) if (p - self.root) % 12 in steps]

    def bass(self) -> int:
        """Its root between A1 and G#2: low enough to carry, too high to growl."""
        return 33 + (self.root - 9) % 12


# --- the guide


def melody() -> tuple[list[Note], list[tuple[float, float]]]:
    """The flute's notes, and its breath: (beat, 0..127) points of MIDI expression."""
    notes, breath, now = [], [], 0.0
    for line, level in zip(MELODY.split("\n")[1:-1], PHRASE_LEVEL, strict=True):
        words = [word.split(":") for word in line.split()]
        length, begun = sum(float(beats) for name, beats in words if name != "r"), 0.0
        for name, text in words:
            beats = float(text)
            if name != "r":
                arch = np.sin(np.pi * min((begun + beats / 2) / length * 0.9 + 0.1, 1))  # phrases rise, then yield
                velocity = level - 10 + 18 * arch
                notes.append(
                    Note(now, now + beats + (0.02 if begun + beats < length else -0.3), _pitch(name), velocity)
                )
                breath += _swell(now, beats, 70 + 45 * arch)
                begun += beats
            now += beats
    return notes, breath


def _pitch(name: str) -> int:
    """'Bb4' -> 70."""
    return 12 * (int(name[-1]) + 1) + STEPS[name[0]] + name.count("#") - name[1:].count("b")


def _swell(start: float, beats: float, top: float) -> list[tuple[float, float]]:
    """A long note grows and recedes, a short one keeps its level."""
    points = np.linspace(0, 1, max(int(beats * 8), 2), endpoint=False)
    depth = min(beats / 3, 1) * 28
    return [(start + beats * x, top - depth * (1 - np.sin(np.pi * min(x * 0.8 + 0.15, 1)))) for x in points]


# --- the memory


def chords() -> list[Chord]:
    """All 24 triads, from C major to E minor, each sharing two tones with the next."""
    chain, root = [], 0
    for number, level in enumerate(FORM_LEVEL):
        minor = number % 2 == 1
        root = (root - 3) % 12 if minor else (root if number == 0 else (root - 4) % 12)
        chain.append(Chord(root, minor, float(number * SPAN), float(level)))
    return chain


def lead(chord: Chord, before: list[int], centre: int) -> list[int]:
    """The chord in close position, whichever inversion moves the three voices least and stays near `centre`."""
    tones = chord.tones(centre - 14, centre + 14)
    closed = [tones[i : i + 3] for i in range(len(tones) - 2)]
    return min(closed, key=lambda v: sum(abs(a - b) for a, b in zip(v, before, strict=True)) + 0.4 * abs(v[1] - centre))


def line(chord: Chord, rhythm: list[float], rng: np.random.Generator, low: int, high: int, start: int) -> list[Note]:
    """A melody over the chord: chord tones on the beat, steps of the scale between, turning back at its limits."""
    scale, tones = chord.scale(low, high), set(chord.tones(low, high))
    place = int(np.argmin([abs(p - start) for p in scale]))
    way, now, notes = int(rng.choice((-1, 1))), chord.start, []
    for beats in rhythm:
        if (now - chord.start) % 1 == 0 and scale[place] not in tones:
            near = [i for i in (place + way, place - way) if 0 <= i < len(scale) and scale[i] in tones]
            place = near[0] if near else place
        accent = 6 if (now - chord.start) % 3 == 0 else 2 if (now - chord.start) % 1 == 0 else -4
        velocity = chord.level + 10 + accent + 0.35 * (scale[place] - 72)
        notes.append(Note(now, now + beats * 0.97, scale[place], velocity))
        now += beats
        way = -way if rng.random() < 0.25 or not 1 < place + 2 * way < len(scale) - 2 else way
        place = int(np.clip(place + way * rng.choice((1, 1, 1, 2)), 0, len(scale) - 1))
    return notes


def pick(rng: np.random.Generator, *rhythms: list[float]) -> list[float]:
    """One of the rhythms, in beats."""
    return rhythms[rng.integers(len(rhythms))]


def hymn(chord: Chord, voices: list[int], rng: np.random.Generator) -> list[Note]:
    """Four soft parts; the middle ones are held, the top one moves at the end."""
    notes = [Note(chord.start, chord.start + 5.9, chord.bass() + 12, chord.level)]
    for begin, end in ((0, 2.95), (3, 5.9)):
        notes += [Note(chord.start + begin, chord.start + end, p, chord.level - 4) for p in voices]
    rhythm = pick(rng, [2, 1, 2, 1], [3, 1, 2], [1, 2, 1.5, 0.5, 1])
    return notes + line(chord, rhythm, rng, voices[2] + 2, voices[2] + 14, voices[2] + 5)


def broken(chord: Chord, voices: list[int], rng: np.random.Generator) -> list[Note]:
    """The left hand breaks the chord over a tenth in eighths, the right hand sings."""
    low = chord.tones(chord.bass(), chord.bass() + 20)
    order = [[0, 2, 3, 4, 3, 2], [0, 2, 4, 3, 4, 2], [0, 3, 2, 4, 2, 3]][rng.integers(3)]
    notes = []
    for half in range(12):
        accent = 4 if half % 6 == 0 else -10
        notes.append(
            Note(chord.start + half / 2, chord.start + half / 2 + 0.9, low[order[half % 6]], chord.level + accent)
        )
    rhythm = pick(rng, [1.5, 0.5, 1, 2, 0.5, 0.5], [1, 0.5, 0.5, 1, 1.5, 0.5, 1], [2, 0.5, 0.5, 0.5, 0.5, 2])
    return notes + line(chord, rhythm, rng, 66, 88, voices[2] + 7)


def duet(chord: Chord, voices: list[int], rng: np.random.Generator) -> list[Note]:
    """Two voices: the upper one a melody, the lower one in contrary motion, and a bare bass."""
    rhythm = pick(rng, [1, 1, 1, 1, 1, 1], [1.5, 0.5, 1, 1, 0.5, 0.5, 1], [0.5, 0.5, 1, 1, 0.5, 0.5, 2])
    upper = line(chord, rhythm, rng, 67, 86, voices[2] + 4)
    lower, tones = [], chord.scale(48, 66)
    for note in upper:
        mirror = 2 * 66 - note.pitch
        pitch = min(tones, key=lambda p: abs(p - mirror - 4) + 9 * ((note.pitch - p) % 12 not in (3, 4, 8, 9, 7, 0)))
        lower.append(note._replace(pitch=pitch, velocity=note.velocity - 12))
    return [Note(chord.start, chord.start + 5.8, chord.bass(), chord.level - 6), *upper, *lower]


def ripple(chord: Chord, voices: list[int], rng: np.random.Generator) -> list[Note]:
    """Sixteenths through three octaves of the chord, up and down, over an octave in the bass."""
    tones = chord.tones(voices[0] - 12, voices[0] + 27)
    wave = list(range(len(tones))) + list(range(len(tones) - 2, 0, -1))
    first = int(rng.integers(len(wave)))
    notes = [Note(chord.start, chord.start + 5.8, chord.bass() + up, chord.level) for up in (0, 12)]
    for step in range(24):
        accent = 8 if step % 4 == 0 else -6 + 3 * np.sin(step / 24 * np.pi)
        onset = chord.start + step / 4
        notes.append(Note(onset, onset + 0.35, tones[wave[(first + step) % len(wave)]], chord.level + accent))
    return notes


def run(chord: Chord, voices: list[int], rng: np.random.Generator) -> list[Note]:
    """Quick scales that end on long notes, over a chord struck twice."""
    notes = []
    for begin in (0, 3):
        low = [chord.bass(), *[p - 12 for p in voices]]
        notes += [Note(chord.start + begin, chord.start + begin + 2.8, p, chord.level - 8) for p in low]
    rhythm = pick(
        rng, [0.25] * 8 + [1] + [0.25] * 8 + [1], [0.5] + [0.25] * 10 + [1.5, 0.5, 1], [0.25] * 12 + [0.5, 0.5, 2]
    )
    return notes + line(chord, rhythm, rng, 62, 93, int(rng.integers(68, 84)))


def syncopated(chord: Chord, voices: list[int], rng: np.random.Generator) -> list[Note]:
    """Bass on the beat, short chords off it, a melody above."""
    notes = []
    for beat, pitch in ((0, 0), (1.5, 7), (3, 12), (4.5, 7)):
        notes.append(Note(chord.start + beat, chord.start + beat + 1.2, chord.bass() + pitch, chord.level + 6))
    for beat in [[0.5, 2, 2.5, 3.5, 5], [0.5, 1.5, 2.5, 4, 5.5]][rng.integers(2)]:
        notes += [Note(chord.start + beat, chord.start + beat + 0.35, p, chord.level - 2) for p in voices]
    rhythm = pick(rng, [1, 0.5, 1.5, 1, 0.5, 1.5], [0.5, 0.5, 0.5, 1.5, 0.5, 0.5, 2])
    return notes + line(chord, rhythm, rng, 70, 91, voices[2] + 10)


def bells(chord: Chord, voices: list[int], rng: np.random.Generator) -> list[Note]:
    """High and sparse, octaves far above an open fifth."""
    notes = [Note(chord.start, chord.start + 5.9, chord.bass() + 12 + up, chord.level - 6) for up in (0, 7)]
    high = chord.tones(79, 98)
    onsets = [[0.5, 2, 3, 4.5], [1, 1.5, 3, 4, 5], [0, 2, 2.5, 4]][rng.integers(3)]
    for onset in onsets:
        pitch = int(rng.choice(high))
        for up in (0, -12):
            notes.append(Note(chord.start + onset, chord.start + onset + 1.6, pitch + up, chord.level + up / 3))
    return notes


TEXTURES = {f.__name__: f for f in (hymn, broken, duet, ripple, run, syncopated, bells)}


def improvisation(rng: np.random.Generator) -> tuple[list[Note], list[tuple[float, float]]]:
    """The piano's notes and its pedal, (beat, 0 or 127): renewed with every chord, and half-way where notes run."""
    notes, pedal, voices = [], [], [60, 64, 67]
    for chord, texture in zip(chords(), FORM, strict=True):
        voices = lead(chord, voices, 63)
        notes += TEXTURES[texture](chord, voices, rng)
        renewed = (0, 1.5, 3, 4.5) if texture in ("run", "syncopated", "duet") else (0, 3)
        for beat in renewed:
            pedal += [(chord.start + beat, 0), (chord.start + beat + 0.2, 127)]
    end = len(FORM) * SPAN
    for pitch, velocity in ((28, 50), (40, 48), (59, 42), (67, 44), (76, 50), (88, 40)):  # E minor, and no more
        notes.append(Note(end, end + 5.5, pitch, velocity))
    return notes, [*pedal, (end, 0), (end + 0.2, 127), (end + 5.8, 0)]


# --- the room


def perform(notes: list[Note], rng: np.random.Generator) -> list[Note]:
    """From beats to seconds, as hands would: late by 10 to 60 ms, chords rolled upwards, no two velocities alike."""
    played = []
    for note in sorted(notes, key=lambda n: (n.onset, n.pitch)):
        roll = 0.006 * sum(1 for other in notes if other.onset == note.onset and other.pitch < note.pitch)
        late = float(np.clip(LATE + rng.normal(0, 0.007) + min(roll, 0.02), 0.01, 0.06))
        velocity = float(np.clip(note.velocity + rng.normal(0, 3), 12, 120))
        onset = note.onset * BEAT + late
        played.append(Note(onset, max(note.offset * BEAT + late, onset + 0.08), note.pitch, velocity))
    return played


def synthesise(notes: list[Note], program: int, control: int, curve: list[tuple[float, float]]) -> np.ndarray:
    """Notes in s, one MIDI controller as (beat, value) -> dry (samples,) float32 at SAMPLERATE."""
    import pretty_midi

    midi, instrument = pretty_midi.PrettyMIDI(resolution=960), pretty_midi.Instrument(program)
    for note in notes:
        instrument.notes.append(pretty_midi.Note(round(note.velocity), note.pitch, note.onset, note.offset))
    for beat, value in curve:
        at = max(beat * BEAT + LATE - 0.01, 0)
        instrument.control_changes.append(pretty_midi.ControlChange(control, int(np.clip(value, 0, 127)), at))
    midi.instruments.append(instrument)
    with tempfile.TemporaryDirectory() as folder:
        score, wav = f"{folder}/score.mid", f"{folder}/out.wav"
        midi.write(score)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-R", "0", "-C", "0", "-r", str(SAMPLERATE), "-F", wav]
        subprocess.run([*command, SOUNDFONT, score], check=True, capture_output=True)
        rendered: np.ndarray = sf.read(wav, dtype="float32", always_2d=True)[0]
    mono: np.ndarray = rendered.mean(axis=1)
    return mono


def room(dry: np.ndarray, seconds: float, wet: float, rng: np.random.Generator) -> np.ndarray:
    """A small room: six early reflections, then noise that decays by 60 dB in `seconds`, its treble twice as fast.

    wet: RMS of the room's answer against that of the dry sound.
    """
    n = int(seconds * SAMPLERATE)
    time = np.arange(n) / SAMPLERATE
    noise = rng.standard_normal(n)
    dark = sosfilt(butter(1, 1800, fs=SAMPLERATE, output="sos"), noise)
    answer = 2 * dark * 10 ** (-3 * time / seconds) + 0.25 * (noise - dark) * 10 ** (-6 * time / seconds)
    answer *= np.clip((time - 0.015) / 0.02, 0, 1)  # the room takes a moment
    for delay in (0.0071, 0.0113, 0.0167, 0.0233, 0.0291, 0.0373):
        answer[int(delay * SAMPLERATE)] += 12 * np.exp(-delay * 30) * rng.choice((-1, 1))
    answer = sosfilt(butter(2, 120, "high", fs=SAMPLERATE, output="sos"), answer)  # no boom
    echo: np.ndarray = fftconvolve(dry, answer)
    echo *= wet * np.sqrt(np.mean(dry**2) / np.mean(echo**2))
    echo[: len(dry)] += dry
    return echo


def finish(sound: np.ndarray, seconds: float) -> np.ndarray:
    """Cut to `seconds`, faded over the last one, nothing above CEILING, peak at -1 dBFS."""
    sound = sosfilt(butter(6, CEILING, fs=SAMPLERATE, output="sos"), sound)
    sound = np.pad(sound, (0, max(0, int(seconds * SAMPLERATE) - len(sound))))[: int(seconds * SAMPLERATE)]
    fade = np.clip(np.arange(len(sound), 0, -1) / SAMPLERATE, 0, 1)
    sound = sound * np.sin(fade * np.pi / 2) ** 2
    finished: np.ndarray = (sound * (PEAK / np.abs(sound).max())).astype(np.float32)
    return finished


def make(seed: int = 7) -> dict[str, np.ndarray]:
    """{"guide": ..., "memory": ...}, (samples,) float32 at SAMPLERATE; whole beats long."""
    rng = np.random.default_rng(seed)
    sung, breath = melody()
    guide = synthesise(perform(sung, rng), FLUTE, 11, breath)
    played, pedal = improvisation(rng)
    memory = synthesise(perform(played, rng), PIANO, 64, pedal)
    seconds = sum(float(word.split(":")[1]) for word in MELODY.split()) * BEAT
    return {
        "guide": finish(room(guide, 1.0, 0.2, rng), seconds),
        "memory": finish(room(memory, 0.9, 0.16, rng), (len(FORM) * SPAN + 6) * BEAT),
    }


def main() -> None:
    """Command line of this script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent, help="folder for the two files")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    for name, sound in make(given.seed).items():
        with AudioWriter(given.out / f"{name}.flac", SAMPLERATE, "PCM_16") as writer:
            writer.write(sound)
        print(f"{given.out / name}.flac: {len(sound) / SAMPLERATE:.1f} s")


if __name__ == "__main__":
    main()

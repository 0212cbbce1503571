"""Render scores with parts as aligned stems.

    python -m train.songs.render SCORES -o DATA [--transpose] [--seconds 120] [--excerpts 1] [--jobs 2]
        [--bands 0 [--groove FOLDER]] [--bank BANK] [--rooms ROOMS] [--soundfonts A.sf2 B.sf2]

SCORES is a folder of MIDI files or MusicXML (train/songs/scores.py), or POP909 as published (folder or .tgz, with its
chord annotations).
Each song becomes a folder, and a folder that exists is not rendered again:

    DATA/<split>/<song>/<part>.flac   16 kHz mono, one instrument drawn at random per song and part
    DATA/<split>/<song>/notes.npz     <part>: (n, 3) float32: onset s, offset s, MIDI pitch
    DATA/<split>/<song>/song.json     source, programs, transposition, chords [[start s, end s, root 0-11], ...],
                                      beats [[s, 1 on a downbeat else 0], ...]

The instrument is drawn per song, as in Slakh (Manilow et al., 2019), so that timbre does not identify a part. Parts of
MusicXML have the instrument they are written for in 6 of 10 cases.

--bands N adds N band arrangements to the training split (train/songs/bands.py): two of three of songs of SCORES with
chords, as <song>-band, the others of generated songs, as band-<n>. Their song.json also has roles, style and bpm, and
in notes.npz drums have pitch -1. --groove adds takes of real drummers (train/songs/takes.py).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile as sf

from corpora.whole_files import atomic_folder
from train.common import command_line
from train.common.errors import TrainError
from train.common.files import visible
from train.common.processes import in_processes
from train.songs.bands import MIN_BEATS, STYLES, Band, invented_song, write_band
from train.songs.grooves import KITS
from train.songs.lead_sheet import Chord, tempo_of
from train.songs.rooms import CABINET, KINDS, Room, amplify, apply, load_rooms
from train.songs.sampler import Bank, able, humanised, load_bank, render_notes
from train.songs.scores import MUSICXML, read_score, splits_of
from train.songs.takes import draw_takes

SAMPLERATE = 16000
SOUNDFONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/soundfonts/FluidR3_GM.sf2")
STEM_RMS = 0.08  # level of every stem: dynamics within a stem remain, loudness does not identify a part

# General MIDI programs (from 0) for parts of scores.
SUSTAINED = [16, 17, 18, 19, 20, 21, 22, 40, 41, 42, 44, 48, 49, 50, 51, 52, 53, 54, 56, 57, 58, 59, 60, 61, 64, 65]
SUSTAINED += [66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 78, 79, 80, 81, 82, 84, 85, 88, 89, 90, 91, 94]
STRUCK = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 24, 25, 26, 27, 28, 29, 30, 45, 46, 104, 105, 106, 107, 108]
LOW = [32, 33, 34, 35, 36, 37, 38, 39, 43, 42, 58, 70, 57]

# What parts of OpenScore's quartets and songs are called, pattern -> General MIDI programs and instruments of the bank.
AS_WRITTEN = {
    "violin": ([40, 40, 40, 48], ["violin", "violins"]),
    "viola": ([41], ["violin", "cello"]),
    "cell": ([42], ["cello", "cellos"]),
    "piano|klavier": ([0, 1, 2, 3], ["grand_piano", "headroom_piano"]),
    "voice|stimme|gesang|chant|canto|soprano|alto|tenor|bass": ([52, 53, 54, 85, 91], []),
}
WRITTEN = 0.6  # share of such parts that are played by the instrument they are written for

# Programs for roles in a band; OF_STYLE has preferred ones of a style.
OF_ROLE = {
    "bass": [32, 33, 34, 35, 36, 37, 38, 39, 58],
    "chords": [0, 1, 2, 3, 4, 5, 6, 7, 11, 16, 17, 18, 21, 22, 24, 25, 26, 27, 28, 29, 30, 62],
    "riff": [4, 5, 7, 17, 24, 25, 26, 27, 28, 29, 30, 62, 66, 80, 81, 84, 87],
    "pad": [16, 18, 19, 48, 49, 50, 51, 52, 88, 89, 90, 91, 92, 94, 95],
    "melody": [0, 4, 11, 21, 22, 25, 26, 27, 29, 30, *SUSTAINED],
}
OF_STYLE = {
    "metal": {"chords": [28, 29, 30], "riff": [28, 29, 30], "melody": [29, 30, 53, 81], "bass": [33, 34]},
    "rock": {"chords": [25, 27, 28, 29, 30, 18], "riff": [27, 29, 30], "bass": [33, 34]},
    "funk": {"chords": [4, 7, 27, 28, 62], "riff": [7, 27, 28, 62], "bass": [33, 36, 37, 38]},
    "jazz": {"chords": [0, 1, 4, 11, 26], "bass": [32], "melody": [0, 26, 56, 57, 64, 65, 66, 71, 11]},
    "bossa": {"chords": [0, 4, 24, 24], "bass": [32, 33], "melody": [24, 57, 65, 66, 71, 73]},
    "reggae": {"chords": [0, 16, 17, 27, 28], "bass": [33, 35, 38]},
    "electronic": {
        "chords": [5, 80, 81, 50, 62, 63],
        "riff": [80, 81, 87, 84],
        "bass": [38, 39],
        "melody": [80, 81, 84],
    },
    "folk": {"chords": [24, 25, 21, 105, 106, 15], "bass": [32, 58, 33], "melody": [21, 22, 40, 73, 74, 110, 25]},
    "blues": {"chords": [0, 3, 17, 18, 26, 27], "riff": [27, 28, 29, 66], "melody": [22, 26, 27, 29, 65, 66]},
}


def find_soundfont(given: str | None = None) -> Path:
    """Path of the sound font given, else of FluidR3_GM (MIT); TrainError if it does not exist."""
    for path in [given] if given else SOUNDFONTS:
        if Path(path).is_file():
            return Path(path)
    raise TrainError(
        f"no sound font at {given or SOUNDFONTS[0]}: install it (Debian: apt-get install fluid-soundfont-gm) "
        "or give one with --soundfont FILE.sf2"
    )


def fluidsynth(
    notes: np.ndarray, program: int, soundfont: Path, samplerate: int = SAMPLERATE, drums: bool = False
) -> np.ndarray:
    """Render (n, 3|4) notes [onset s, offset s, pitch, velocity=80] with one program: (samples,) float32, dry.

    drums: the program is a kit, pitches are its keys. The result includes the instrument's release. TrainError if
    fluidsynth is not installed.
    """
    import pretty_midi

    if shutil.which("fluidsynth") is None:
        raise TrainError("the program fluidsynth is not installed (Debian: apt-get install fluidsynth)")
    midi, instrument = pretty_midi.PrettyMIDI(resolution=960), pretty_midi.Instrument(int(program), drums)
    for onset, offset, pitch, *velocity in notes:
        note = pretty_midi.Note(int(velocity[0]) if velocity else 80, int(pitch), float(onset), float(offset))
        note.end = max(note.end, note.start + 0.03)
        instrument.notes.append(note)
    # Some sounds of the font never end, and fluidsynth would wait for them.
    last = max(note.end for note in instrument.notes)
    instrument.control_changes.append(pretty_midi.ControlChange(120, 0, last + 2.0))
    midi.instruments.append(instrument)
    with tempfile.TemporaryDirectory() as folder:
        score, wav = f"{folder}/score.mid", f"{folder}/out.wav"
        midi.write(score)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-R", "0", "-C", "0", "-r", str(samplerate), "-F", wav]
        subprocess.run([*command, str(soundfont), score], check=True, capture_output=True, timeout=120)
        return sf.read(wav, dtype="float32", always_2d=True)[0].mean(axis=1)


def as_written(part: str, notes: np.ndarray, studio: Studio, rng: random.Random) -> Instrument | None:
    """The instrument that a part is written for, by its name, of the bank with probability `studio.real`; or None."""
    programs, real = next((of for pattern, of in AS_WRITTEN.items() if re.search(pattern, part)), ([], []))
    if not programs or rng.random() >= WRITTEN:
        return None
    instrument = Instrument(rng.choice(programs))
    if studio.bank is None or rng.random() >= studio.real:
        return instrument
    bank = _bank(studio.bank)
    names = [name for name in real if name in bank and name in able(bank, bank[name].roles[0], notes[:, 2])]
    return instrument._replace(real=rng.choice(names)) if names else instrument


def draw_program(part: str, notes: np.ndarray, rng: random.Random) -> int:
    """A random program for a part: low parts get low instruments, "piano" parts mostly struck ones."""
    if np.median(notes[:, 2]) < 48:
        return rng.choice(LOW)
    return rng.choice(rng.choices([SUSTAINED, STRUCK], weights=(1, 2) if "piano" in part else (2, 1))[0])


class Excerpt(NamedTuple):
    """An excerpt of a score: from `begin` s on, `length` s, transposed by `shift` semitones."""

    begin: float
    length: float
    shift: int

    def notes(self, notes: np.ndarray) -> np.ndarray:
        """(n, 4) notes of the score -> those that begin in the excerpt, timed from its beginning, transposed."""
        inside = notes[(notes[:, 0] >= self.begin) & (notes[:, 0] < self.begin + self.length)].copy()
        inside[:, :2] = np.clip(inside[:, :2] - self.begin, 0, self.length)
        inside[:, 2] += self.shift
        return inside

    def chords(self, chords: list[Chord]) -> list[list[float]]:
        """Chords of the score -> [[start s, end s, root]] of those that sound in the excerpt, likewise."""
        end = self.begin + self.length
        return [
            [chord.start - self.begin, chord.end - self.begin, (chord.root + self.shift) % 12]
            for chord in chords
            if chord.root is not None and chord.end > self.begin and chord.start < end
        ]

    def beats(self, beats: np.ndarray) -> list[list[float]]:
        """(n, 2) beats of the score -> [[s, 1 on a downbeat else 0]] of those in the excerpt, timed likewise."""
        inside = (beats[:, 0] >= self.begin) & (beats[:, 0] < self.begin + self.length)
        return [[float(when) - self.begin, int(first)] for when, first in beats[inside]]


class Instrument(NamedTuple):
    """A program of the sound font, with `drums` that of a kit; real: the name of an instrument of the bank, or ""."""

    program: int
    drums: bool = False
    real: str = ""


class Studio(NamedTuple):
    """The sources of sound: a sound font and, optionally, a bank of sampled notes and rooms.

    real: share of the parts with an instrument of the bank, where one fits. Half of the parts are rendered in a room.
    """

    soundfont: Path
    bank: Path | None = None
    rooms: Path | None = None
    real: float = 0.5


DETUNED_CENTS = 30.0  # largest detuning of an instrument of the bank, either way
SAMPLED_AS = {"riff": ("chords", "melody"), "pad": ("chords",)}  # role in a band -> roles in the bank


@lru_cache(2)
def _bank(folder: Path) -> Bank:
    return load_bank(folder)


@lru_cache(2)
def _rooms(folder: Path) -> tuple[list[Room], list[Room]]:
    """(rooms of all kinds but cabinets, cabinets)."""
    return load_rooms(folder, [kind for kind in KINDS if kind != CABINET]), load_rooms(folder, [CABINET])


def played_for_real(
    notes: np.ndarray, instrument: Instrument, role: str, studio: Studio, rng: random.Random
) -> Instrument:
    """The instrument or, with probability `studio.real`, one of the bank with this role and range."""
    if studio.bank is None or rng.random() >= studio.real:
        return instrument
    names = [name for each in SAMPLED_AS.get(role, (role,)) for name in able(_bank(studio.bank), each, notes[:, 2])]
    return instrument._replace(real=rng.choice(sorted(set(names)))) if names else instrument


def instrument_for(role: str, rng: random.Random, style: str = "") -> Instrument:
    """A random instrument for a role in a band, mostly one of the style. role: see `bands.Part`."""
    usual = rng.random() < 0.7
    if role == "drums":
        return Instrument(rng.choice(KITS[style] if style in KITS and usual else sum(KITS.values(), ())), drums=True)
    return Instrument(rng.choice(OF_STYLE.get(style, {}).get(role, OF_ROLE[role]) if usual else OF_ROLE[role]))


def sound_of(notes: np.ndarray, instrument: Instrument, studio: Studio, rng: random.Random) -> np.ndarray:
    """(samples,) float32 at SAMPLERATE: (n, 4) notes of an instrument, from 0 s on, in half of the cases in a room."""
    drawn = np.random.default_rng(rng.getrandbits(32))
    if instrument.real and studio.bank is not None:
        cents = 0.0 if instrument.drums else rng.uniform(-DETUNED_CENTS, DETUNED_CENTS)
        dry = render_notes(notes, instrument.real, _bank(studio.bank), drawn, cents)
    else:
        dry = fluidsynth(notes, instrument.program, studio.soundfont, drums=instrument.drums)
    if studio.rooms is None or rng.random() < 0.5:
        return dry
    rooms, cabinets = _rooms(studio.rooms)
    if "guitar" in instrument.real and cabinets and rng.random() < 0.6:
        dry = amplify(dry, drawn, cabinets)
    return apply(dry, drawn, rooms)


def draw_excerpt(end: float, transpose: bool, seconds: float | None, rng: random.Random) -> Excerpt:
    """A random excerpt of `seconds` s (None: all) of a score of `end` s; transposed by -5 to 6 semitones or 0."""
    begin = rng.uniform(0, end - seconds) if seconds and end > seconds else 0.0
    return Excerpt(begin, min(end - begin, seconds) if seconds else end, rng.randint(-5, 6) if transpose else 0)


def render_song(path: Path, folder: Path, studio: Studio, transpose: bool, seconds: float | None) -> str:
    """Render the folder of one song, whole or not at all; none if fewer than two parts have four notes or more.

    Random by the name of the folder. Returns why there is none, "" if there is one.
    """
    rng = random.Random(folder.name)
    try:
        score = read_score(path)
    except TrainError as error:
        return str(error)
    if len(score.parts) < 2:
        return f"'{path}' has fewer than two parts"
    excerpt = draw_excerpt(max(float(notes[:, 1].max()) for notes in score.parts.values()), transpose, seconds, rng)
    parts = {}
    for part, written in score.parts.items():
        every = written
        if transpose and rng.random() < 0.7:  # human timing, in training songs only
            every = humanised(every, np.random.default_rng(rng.getrandbits(32)))
        notes = excerpt.notes(every)
        if len(notes) >= 4:
            role = "chords" if "piano" in part else "bass" if np.median(notes[:, 2]) < 48 else "melody"
            instrument = as_written(part, notes, studio, rng) if path.suffix in MUSICXML else None
            if instrument is None:
                drawn = Instrument(draw_program(part, notes, rng))
                instrument = played_for_real(notes, drawn, role, studio, rng)
            parts[part] = notes, instrument
    if len(parts) >= 2:
        info: dict[str, Any] = {
            "source": path.name,
            "chords": excerpt.chords(score.chords),
            "beats": excerpt.beats(score.beats),
        }
        write_song(folder, parts, excerpt, info, studio, rng)
        return ""
    return f"'{path}' has fewer than two parts that play in the excerpt"


def band_of(path: Path | None, rng: random.Random, groove: Path | None = None) -> Band | None:
    """The band arrangement of a score, or of a generated song where path is None; None for a score without chords.

    groove: folder of takes of real drummers.
    """
    style = rng.choice(sorted(STYLES))
    takes = draw_takes(groove, style, rng) if groove else []
    if path is None:
        return write_band(*invented_song(rng), None, rng, style, takes)
    score = read_score(path)
    if len(score.beats) < MIN_BEATS or not any(chord.tones for chord in score.chords):
        return None
    return write_band(score.chords, score.beats, score.parts.get("melody"), rng, style, takes)


def render_band(
    path: Path | None,
    folder: Path,
    studio: Studio,
    transpose: bool,
    seconds: float | None,
    groove: Path | None = None,
) -> None:
    """Render the folder of a band arrangement, whole or not at all; none for a score without chords."""
    rng = random.Random(f"band {folder.name}")
    band = band_of(path, rng, groove)
    if band is None:
        return
    excerpt = draw_excerpt(band.seconds, transpose, seconds, rng)
    parts, roles = {}, {}
    for name, part in band.parts.items():
        instrument = instrument_for(part.role, rng, band.style)
        notes = (excerpt._replace(shift=0) if instrument.drums else excerpt).notes(part.notes)
        if len(notes) >= 4:
            parts[name] = notes, played_for_real(notes, instrument, part.role, studio, rng)
            roles[name] = part.role
    if len(parts) >= 2:
        info: dict[str, Any] = {"source": path.name if path else "invented", "style": band.style, "roles": roles}
        info |= {"bpm": tempo_of(band.sheet.beats), "chords": excerpt.chords(band.chords)}
        write_song(folder, parts, excerpt, info | {"beats": excerpt.beats(band.sheet.beats)}, studio, rng)


def write_song(
    folder: Path,
    parts: dict[str, tuple[np.ndarray, Instrument]],
    excerpt: Excerpt,
    info: dict[str, Any],
    studio: Studio,
    rng: random.Random,
) -> None:
    """Render each part, (n, 4) notes and their instrument, and write the song's folder, whole or not at all."""
    stems = {part: stem_of(sound_of(*played, studio, rng), excerpt.length) for part, played in parts.items()}
    info |= {"transposed": excerpt.shift, "seconds": excerpt.length}
    info["programs"] = {part: instrument.program for part, (_, instrument) in parts.items()}
    info["instruments"] = {part: instrument.real for part, (_, instrument) in parts.items() if instrument.real}
    written_notes: dict[str, Any] = {part: notes[:, :3] for part, (notes, _) in parts.items()}
    for part, (notes, instrument) in parts.items():
        if instrument.drums:  # without pitch
            written_notes[part] = np.column_stack([notes[:, :2], np.full(len(notes), -1, np.float32)])
    with atomic_folder(folder) as new:
        for part, audio in stems.items():
            sf.write(new / f"{part}.flac", audio, SAMPLERATE, subtype="PCM_16")
        np.savez(new / "notes.npz", **written_notes)
        (new / "song.json").write_text(json.dumps(info))


def stem_of(dry: np.ndarray, length: float) -> np.ndarray:
    """Rendered audio (n,) float32 -> a stem of `length` s at STEM_RMS, clipped to [-1, 1]."""
    stem = np.zeros(int(length * SAMPLERATE), np.float32)
    dry = dry[: len(stem)]
    stem[: len(dry)] = dry * (STEM_RMS / (np.sqrt(np.mean(dry**2)) + 1e-9))
    return np.clip(stem, -1, 1)


def render(
    scores: Path,
    out: Path,
    transpose: bool = False,
    seconds: float | None = None,
    soundfonts: Sequence[str] = (),
    jobs: int = 2,
    only: Sequence[str] = (),
    bands: int = 0,
    groove: Path | None = None,
    bank: Path | None = None,
    rooms: Path | None = None,
    excerpts: int = 1,
) -> int:
    """Render every score below `scores` that is not rendered yet; returns the number of songs in `out`.

    transpose: by -5 to 6 semitones, random per song. seconds: of a random excerpt per song, and excerpts: how many of
    them. These in the train split only, so that validation and test are the scores as written; but of MusicXML, whose
    quartets last half an hour, they are excerpts of `seconds`, too. only: these splits. bands: number of band
    arrangements in the train split. soundfonts: one is drawn per song. groove: takes of real drummers for bands. bank,
    rooms: see `Studio`. TrainError, AudioError.
    """
    fonts = [find_soundfont(font) for font in soundfonts] or [find_soundfont()]

    def studio(name: str) -> Studio:
        return Studio(random.Random(f"font {name}").choice(fonts), bank, rooms)

    with tempfile.TemporaryDirectory() as unpacked:
        if scores.is_file():
            with tarfile.open(scores) as archive:
                archive.extractall(unpacked, filter="data")
            scores = Path(unpacked)
        waiting: list[tuple[Any, ...]] = []
        training_scores = []
        for path, split in splits_of(scores):
            training_scores += [path] if split == "train" else []
            training = split == "train"
            cut = seconds if training or path.suffix in MUSICXML else None
            for name in [path.stem, *(f"{path.stem}-{n}" for n in range(2, 1 + (excerpts if training else 1)))]:
                if not (out / split / name).exists() and (not only or split in only):
                    (out / split).mkdir(parents=True, exist_ok=True)
                    waiting.append((path, out / split / name, studio(name), transpose and training, cut))
        for why in filter(None, in_processes(render_song, waiting, jobs)):
            print(f"left out: {why}", file=sys.stderr)
        if bands and (not only or "train" in only):
            folders = {out / "train" / name: path for name, path in band_songs(training_scores, bands).items()}
            new = [
                (path, folder, studio(folder.name), transpose, seconds, groove)
                for folder, path in folders.items()
                if not folder.exists()
            ]
            (out / "train").mkdir(parents=True, exist_ok=True)
            in_processes(render_band, new, jobs)
    return len(visible(out, "*/*/song.json"))


def band_songs(scores: list[Path], count: int) -> dict[str, Path | None]:
    """{name: score, or None for a generated song} of `count` band arrangements; a smaller count gives a prefix."""
    drawn = iter(random.Random("bands").sample(scores, len(scores)))
    result: dict[str, Path | None] = {}
    for number in range(count):
        path = next(drawn, None) if number % 3 < 2 else None
        result[f"{path.stem}-band" if path else f"band-{number}"] = path
    return result


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--transpose", action="store_true", help="transpose training songs by -5..6 semitones")
    parser.add_argument("--seconds", type=float, help="excerpt of so many seconds of each training song")
    parser.add_argument("--excerpts", type=int, default=1, help="excerpts of each training song (default: 1)")
    parser.add_argument(
        "--soundfonts", nargs="*", default=(), metavar="SF2", help="sound fonts to draw from (default: FluidR3_GM.sf2)"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--bands", type=int, default=0, help="songs played by a band to add to the train split")
    parser.add_argument("--groove", type=Path, help="folder of the Groove MIDI Dataset: real drummers for bands")
    parser.add_argument("--bank", type=Path, help="folder of real notes that train.songs.make_bank made")
    parser.add_argument("--rooms", type=Path, help="folder of rooms that train.songs.make_rooms made")
    parser.add_argument("--only", nargs="*", default=(), help="splits to render: train validation test")
    given = parser.parse_args(argv)
    print(render(**vars(given)), "songs in", given.out)


if __name__ == "__main__":
    command_line.run(main)

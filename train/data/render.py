"""Scores with parts -> aligned stems: the recordings of people playing together that we may make ourselves.

    python -m train.data.render SCORES -o DATA [--transpose] [--seconds 120] [--jobs 2]

SCORES is a folder of MIDI files, or POP909 as published (folder or .tgz, with its chord annotations).
Each song becomes a folder, and a folder that exists is not rendered again:

    DATA/<split>/<song>/<part>.flac   16 kHz mono, one instrument drawn at random per song and part
    DATA/<split>/<song>/notes.npz     <part>: (n, 3) float32: onset s, offset s, MIDI pitch
    DATA/<split>/<song>/song.json     source, programs, transposition, chords [[start s, end s, root 0-11], ...]

The instrument is drawn per song, as Slakh does (Manilow et al., 2019), or timbre would give the answer away.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile as sf

from corpora.disk import atomic_folder
from train.common import command_line
from train.common.errors import TrainError
from train.common.files import visible
from train.common.processes import in_processes

SAMPLERATE = 16000
SOUNDFONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/soundfonts/FluidR3_GM.sf2")
LEVEL = 0.08  # RMS every stem is brought to: dynamics within a stem survive, loudness tells no part from another

# General MIDI programs (from 0) that can carry a role, whatever the part is called.
SUSTAINED = [16, 17, 18, 19, 20, 21, 22, 40, 41, 42, 44, 48, 49, 50, 51, 52, 53, 54, 56, 57, 58, 59, 60, 61, 64, 65]
SUSTAINED += [66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 78, 79, 80, 81, 82, 84, 85, 88, 89, 90, 91, 94]
STRUCK = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 24, 25, 26, 27, 28, 29, 30, 45, 46, 104, 105, 106, 107, 108]
LOW = [32, 33, 34, 35, 36, 37, 38, 39, 43, 42, 58, 70, 57]

ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def find_soundfont(given: str | None = None) -> Path:
    """Path of FluidR3_GM (MIT), or of the sound font given; TrainError if there is none."""
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

    drums: the program is a kit, pitches are its keys. The result is as long as the instrument rings; TrainError if
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
    # A few sounds of the font never end by themselves, and fluidsynth would wait for them.
    last = max(note.end for note in instrument.notes)
    instrument.control_changes.append(pretty_midi.ControlChange(120, 0, last + 2.0))
    midi.instruments.append(instrument)
    with tempfile.TemporaryDirectory() as folder:
        score, wav = f"{folder}/score.mid", f"{folder}/out.wav"
        midi.write(score)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-R", "0", "-C", "0", "-r", str(samplerate), "-F", wav]
        subprocess.run([*command, str(soundfont), score], check=True, capture_output=True, timeout=120)
        return sf.read(wav, dtype="float32", always_2d=True)[0].mean(axis=1)


def read_score(path: Path) -> tuple[dict[str, np.ndarray], list]:
    """({part: (n, 4) notes}, chords) of a MIDI file; drums and parts of fewer than ten notes are left out."""
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(str(path))
    parts = {}
    for number, instrument in enumerate(midi.instruments):
        if instrument.is_drum or len(instrument.notes) < 10:
            continue
        name = instrument.name.strip().lower().replace("/", "-") or f"voice{number + 1}"
        parts[name if name not in parts else f"{name}{number + 1}"] = np.array(
            [(n.start, n.end, n.pitch, n.velocity) for n in instrument.notes], np.float32
        )
    annotation = path.with_name("chord_midi.txt")
    chords = []
    for line in annotation.read_text().splitlines() if annotation.exists() else []:
        start, end, name = line.split()[:3]
        if name[0] in ROOTS:
            accidental = {"#": 1, "b": -1}.get(name[1:2], 0)
            chords.append([float(start), float(end), (ROOTS[name[0]] + accidental) % 12])
    return parts, chords


def split_of(path: Path, names: list[str]) -> str:
    """POP909: 001-799 train, 800-854 validation, 855-909 test. Elsewhere by number, the last 50 are the test."""
    if path.with_name("chord_midi.txt").exists():
        number = int(path.stem)
        return "train" if number < 800 else "validation" if number < 855 else "test"
    place = names.index(path.stem)
    return "test" if place >= len(names) - 50 else "validation" if place >= len(names) - 100 else "train"


def draw_program(part: str, notes: np.ndarray, rng: random.Random) -> int:
    """An instrument that can play these notes: low parts get low instruments, chords seldom a solo voice."""
    if np.median(notes[:, 2]) < 48:
        return rng.choice(LOW)
    return rng.choice(rng.choices([SUSTAINED, STRUCK], weights=(1, 2) if "piano" in part else (2, 1))[0])


class Excerpt(NamedTuple):
    """The part of a score that is rendered: from `begin` s on, `length` s, transposed by `shift` semitones."""

    begin: float
    length: float
    shift: int

    def notes(self, notes: np.ndarray) -> np.ndarray:
        """(n, 4) notes of the score -> those that begin in the excerpt, timed from its beginning, transposed."""
        inside = notes[(notes[:, 0] >= self.begin) & (notes[:, 0] < self.begin + self.length)].copy()
        inside[:, :2] = np.clip(inside[:, :2] - self.begin, 0, self.length)
        inside[:, 2] += self.shift
        return inside

    def chords(self, chords: list[Any]) -> list[list[float]]:
        """[[start s, end s, root]] of the score -> those that sound in the excerpt, likewise."""
        end = self.begin + self.length
        return [
            [s - self.begin, e - self.begin, (r + self.shift) % 12] for s, e, r in chords if e > self.begin and s < end
        ]


def render_song(path: Path, folder: Path, soundfont: Path, transpose: bool, seconds: float | None) -> None:
    """Write one song's folder, whole or not at all; nothing if fewer than two of its parts have notes to render."""
    rng = random.Random(path.stem)
    parts, chords = read_score(path)
    if len(parts) < 2:
        return
    end = max(float(notes[:, 1].max()) for notes in parts.values())
    begin = rng.uniform(0, end - seconds) if seconds and end > seconds else 0.0
    length = min(end - begin, seconds) if seconds else end
    excerpt = Excerpt(begin, length, rng.randint(-5, 6) if transpose else 0)
    stems, notes, programs = {}, {}, {}
    for part, every in parts.items():
        notes_here = excerpt.notes(every)
        if len(notes_here) >= 4:
            programs[part] = draw_program(part, notes_here, rng)
            stems[part] = stem_of(fluidsynth(notes_here, programs[part], soundfont), length)
            notes[part] = notes_here[:, :3]
    if len(stems) < 2:
        return
    info = {"source": path.name, "programs": programs, "transposed": excerpt.shift, "seconds": length}
    with atomic_folder(folder) as new:
        for part, audio in stems.items():
            sf.write(new / f"{part}.flac", audio, SAMPLERATE, subtype="PCM_16")
        kept: dict[str, Any] = notes
        np.savez(new / "notes.npz", **kept)
        (new / "song.json").write_text(json.dumps(info | {"chords": excerpt.chords(chords)}))


def stem_of(dry: np.ndarray, length: float) -> np.ndarray:
    """Rendered sound (n,) float32 -> a stem of `length` s at the level of all stems, in [-1, 1]."""
    stem = np.zeros(int(length * SAMPLERATE), np.float32)
    dry = dry[: len(stem)]
    stem[: len(dry)] = dry * (LEVEL / (np.sqrt(np.mean(dry**2)) + 1e-9))
    return np.clip(stem, -1, 1)


def render(
    scores: Path,
    out: Path,
    transpose: bool = False,
    seconds: float | None = None,
    soundfont: str | None = None,
    jobs: int = 2,
    only: list[str] | None = None,
) -> int:
    """Render every score below `scores` that is not rendered yet; returns how many songs `out` then holds.

    transpose: by -5 to 6 semitones drawn per song. seconds: an excerpt drawn per song. Both in the train split only, so
    that validation and test are the pieces as written. only: these splits. TrainError, AudioError for what the user can
    mend.
    """
    font = find_soundfont(soundfont)
    with tempfile.TemporaryDirectory() as unpacked:
        if scores.is_file():
            with tarfile.open(scores) as archive:
                archive.extractall(unpacked, filter="data")
            scores = Path(unpacked)
        waiting = []
        for path, split in _splits(scores):
            folder, training = out / split / path.stem, split == "train"
            if not folder.exists() and (not only or split in only):
                folder.parent.mkdir(parents=True, exist_ok=True)
                waiting.append((path, folder, font, transpose and training, seconds if training else None))
        in_processes(render_song, waiting, jobs)
    return len(visible(out, "*/*/song.json"))


def _splits(scores: Path) -> Iterator[tuple[Path, str]]:
    """(MIDI file, its split) of all scores in a folder. TrainError if there is none."""
    files = sorted(visible(scores, "**/*.mid"), key=lambda path: (len(path.stem), path.stem))
    if not files:
        raise TrainError(f"no .mid file below {scores}")
    names = [path.stem for path in files]
    for path in files:
        yield path, split_of(path, names)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--transpose", action="store_true", help="transpose training songs by -5..6 semitones")
    parser.add_argument("--seconds", type=float, help="excerpt of so many seconds of each training song")
    parser.add_argument("--soundfont", help="sound font (default: FluidR3_GM.sf2)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="splits to render: train validation test")
    given = parser.parse_args(argv)
    print(render(**vars(given)), "songs in", given.out)


if __name__ == "__main__":
    command_line.run(main)

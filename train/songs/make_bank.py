"""Make a bank of single notes for train/songs/sampler.py from free sample libraries.

    python -m train.songs.make_bank LIBRARIES... -o BANK [--format flac] [--jobs 2]

LIBRARIES are folders of libraries under the names of their repositories, such as karoryfer.meatbass. RECIPES lists the
instruments: .sfz instruments are rendered by pysfizz at a few pitches and velocities, samples named by their note are
copied. Notes that a library lacks are left out and counted.

A note is 16 kHz mono, begins with its attack, and ends when it is inaudible, after 3 s at most if it is sustained, else
4 s. Its pitch is measured, because the names in libraries are often an octave off, and never exact to the cent.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from corpora.audio import resample
from corpora.whole_files import AudioError, atomic_folder
from perception.wav2vec2 import SAMPLERATE
from train.common import command_line
from train.common.errors import TrainError
from train.common.files import visible
from train.common.processes import in_processes
from train.data.stems import AUDIO_SUFFIXES, read
from train.songs.sampler import DRUMS

SFZ_SAMPLERATE = 48000  # Hz
LONGEST_S = {True: 3.0, False: 4.0}  # sustained -> s
VORBIS_LEVEL = (
    0.3  # of compression, 0 the best, to 1: half the size of the lossless file, its error 32 dB below the music
)
IN_MEMORY = "<control> hint_ram_based=1\n"  # else a sample is cut off where the disk was slower than the player
SILENCE_PEAK = 1e-3  # peak below which the library lacks the note
ATTACK_DB = {True: -14.0, False: -28.0}  # sustained -> begin of a note, below its peak: a bow or a breath rises slowly
RISE_S = {True: 0.008, False: 0.0015}
DIED_DB, FELL_DB = -52.0, -14.0  # end of a struck note below its peak, of a sustained one below its median
BEFORE_ATTACK_S = 0.003
PEAK = 0.25  # peak of a pitched note in its file: two bits fewer, and the lossless file is an eighth smaller
DRUMS_PEAK = 0.7  # peak of a kit's loudest hit
FRAGMENT, NEIGHBOURS = 0.35, 7  # a note shorter than this share of its neighbours in pitch is a fragment
HIGHEST_PITCH = 96.0  # up to which the pitch is measurable at 16 kHz without the name
MISNAMED_SEMITONES = 0.6, 4.0  # distance of name and measurement; beyond the second, the measurement is wrong
MAX_ATTEMPTS = 6  # attempts to render a note whose round robins lack a file
NAMED = re.compile(r"([a-g])(sharp|flat)?(-?\d)(_.*)?$", re.IGNORECASE)
STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}

CC0, PD, BY, MIT = "CC0 1.0", "public domain", "CC BY 4.0", "MIT, the samples CC0 1.0 or public domain"


@dataclass(frozen=True)
class Recipe:
    """The recipe of one instrument of a bank.

    path: LIBRARY/....sfz, or LIBRARY/folder with samples named by note; folders: several, by velocity or drum key.
    release: s, None: undamped. keys: rendered from an .sfz. takes: samples per key and velocity. controls: MIDI
    controller -> value. switch: the key of an articulation. defines: definitions that the .sfz needs. also: further
    drum keys -> the key whose samples they use.
    """

    name: str
    path: str
    licence: str
    roles: tuple[str, ...]
    sustained: bool
    release: float | None
    keys: Iterable[int] = ()
    velocities: tuple[int, ...] = (60, 110)
    takes: int = 1
    controls: Mapping[int, int] = field(default_factory=dict)
    switch: int | None = None
    defines: str = ""
    folders: Mapping[int, str] = field(default_factory=dict)
    also: Mapping[int, int] = field(default_factory=dict)

    @property
    def library(self) -> str:
        """Name of the library's folder."""
        return self.path.partition("/")[0]


BASS, SOLO, ANY, CHORDS = ("bass",), ("melody",), ("melody", "chords"), ("chords",)
BAINTER = "samples-alex-bainter/samples"
SHINY: dict[str, Any] = {"licence": CC0, "keys": range(33, 85, 4), "defines": "#define $sample_dir ../Samples\n"}
SHINY["path"] = "karoryfer.shinyguitar/Programs/main.sfz"
GENERAL_MIDI = {  # key of General MIDI -> nearest key of the kit
    35: 36, 39: 37, 40: 38, 43: 41, 44: 42, 50: 48, 54: 42, 69: 42, 70: 42, 82: 42, 56: 53, 58: 37, 75: 37,
}  # fmt: skip
BRUSHED = {
    35: 36, 37: 38, 39: 38, 40: 38, 42: 51, 44: 51, 46: 51, 49: 51, 57: 51, 43: 41, 45: 41, 47: 41, 48: 41, 50: 41,
}  # fmt: skip
RECIPES = (
    Recipe("electric_bass", "karoryfer.growlybass/growlybass_clean.sfz", CC0, BASS, False, 0.08, range(37, 85, 3)),
    Recipe("staccato_bass", "karoryfer.growlybass/growlybass_vicious.sfz", CC0, BASS, False, 0.06, range(37, 81, 4)),
    Recipe("double_bass", "karoryfer.meatbass/Programs/04_pizz.sfz", CC0, BASS, False, 0.12, range(24, 65, 3)),
    Recipe(
        "plucked_rubner",
        "dsmolken.double-bass/d_smolken_rubner_bass_pizz.sfz",
        CC0,
        BASS,
        False,
        0.12,
        range(24, 62, 4),
    ),
    Recipe(
        "bowed_double_bass",
        "karoryfer.meatbass/Programs/02_arco_3vel.sfz",
        CC0,
        ("bass", "melody"),
        True,
        0.12,
        range(24, 66, 4),
    ),
    Recipe("emily_guitar", "karoryfer.emilyguitar/emily_clean.sfz", CC0, ANY, False, 0.08, range(37, 90, 3), takes=2),
    Recipe("archtop_guitar", roles=ANY, sustained=False, release=0.1, **SHINY),
    Recipe("archtop_acoustic", roles=ANY, sustained=False, release=0.1, controls={100: 127}, **SHINY),
    Recipe("muted_guitar", roles=ANY, sustained=False, release=0.06, controls={110: 64}, **SHINY),
    Recipe("acoustic_guitar", f"{BAINTER}/acoustic-guitar", MIT, ANY, False, 0.15),
    Recipe("grand_piano", "SplendidGrandPiano/Splendid Grand Piano.sfz", PD, ANY, False, 0.2, range(24, 104, 5)),
    Recipe(
        "headroom_piano", "BengtNilsson.HeadroomPiano/Headroom Piano (NoFX).sfz", BY, ANY, False, 0.2, range(24, 104, 5)
    ),
    Recipe(
        "baritone_sax",
        "karoryfer.bear-sax/Programs/2-solo-poly.sfz",
        CC0,
        ("melody", "bass"),
        True,
        0.08,
        range(36, 69, 3),
    ),
    Recipe("alto_sax", "karoryfer.weresax/Programs/Sax.sfz", CC0, SOLO, True, 0.08, range(49, 81, 3)),
    Recipe("tenor_sax", f"{BAINTER}/vcsl-tenor-sax-vib", MIT, SOLO, True, 0.1),
    Recipe(
        "war_tuba", "karoryfer.war-tuba/Programs/2-solo-poly.sfz", CC0, BASS, True, 0.1, range(28, 63, 4), switch=26
    ),
    Recipe("orchestral_tuba", f"{BAINTER}/vsco2-tuba-sus-mf", MIT, BASS, True, 0.12),
    Recipe("trombone", f"{BAINTER}/vsco2-trombone-sus-mf", MIT, SOLO, True, 0.1),
    Recipe(
        "trumpet",
        f"{BAINTER}/vsco2-trumpet-sus-f",
        MIT,
        SOLO,
        True,
        0.08,
        folders={70: "vsco2-trumpet-sus-mf", 115: "vsco2-trumpet-sus-f"},
    ),
    Recipe("flute", f"{BAINTER}/vsco2-flute-susvib", MIT, SOLO, True, 0.1),
    Recipe("violin", f"{BAINTER}/vsco2-violin-arcvib", MIT, SOLO, True, 0.12),
    Recipe("violins", f"{BAINTER}/vsco2-violins-susvib", MIT, ANY, True, 0.25),
    Recipe("cello", f"{BAINTER}/vsco2-cello-susvib-f", MIT, ("melody", "bass"), True, 0.15),
    Recipe("cellos", f"{BAINTER}/vsco2-cellos-susvib-mp", MIT, ("chords", "bass"), True, 0.25),
    Recipe("contrabass", f"{BAINTER}/vsco2-contrabass-susvib", MIT, BASS, True, 0.15),
    Recipe(
        "cello_synth", "karoryfer.string-cyborgs/Programs/Blackheart.sfz", CC0, ANY, True, 0.2, range(36, 97, 6), (100,)
    ),
    Recipe(
        "bass_synth", "karoryfer.string-cyborgs/Programs/Ironface.sfz", CC0, ANY, True, 0.1, range(36, 97, 6), (100,)
    ),
    Recipe("harp", f"{BAINTER}/vsco2-harp", MIT, ANY, False, 1.2),
    Recipe("vibraphone", f"{BAINTER}/vcsl-vibraphone-soft-mallets-mp", MIT, ANY, False, 0.4),
    Recipe("marimba", f"{BAINTER}/vsco2-marimba", MIT, ANY, False, 0.6),
    Recipe("glockenspiel", f"{BAINTER}/vsco2-glock", MIT, SOLO, False, 1.5),
    Recipe(
        "rock_kit",
        "DrumGizmo.MuldjordKit/DrumGizmo/MuldjordKit/Stereo/DrumGizmo MuldjordKit.sfz",
        BY,
        (DRUMS,),
        False,
        None,
        (36, 37, 38, 41, 42, 45, 46, 47, 48, 49, 51, 52, 53, 55, 57, 59),
        (40, 75, 110),
        2,
        also=GENERAL_MIDI,
    ),
    Recipe(
        "brushes",
        f"{BAINTER}/snare-brush-hit-p",
        MIT,
        (DRUMS,),
        False,
        None,
        folders={36: "vcsl-bassdrum-hit-f", 38: "snare-brush-hit-p", 51: "ride-brush-p", 41: "vcsl-tom"},
        also=BRUSHED,
    ),
)

Note = tuple[float, int, np.ndarray]  # pitch, velocity, (n,) float32 at 16 kHz


def notes_of(recipe: Recipe, library: Path) -> list[Note]:
    """All notes of one instrument, trimmed, with their measured pitches; notes of a kit keep their relative levels.

    library: its folder. TrainError without any note, or without pysfizz where it is needed; AudioError for a file.
    """
    path = library.parent / library.name / Path(*Path(recipe.path).parts[1:])
    raw = list(_played(recipe, path) if path.suffix == ".sfz" else _named(recipe, path))
    notes = [(pitch, velocity, trimmed(audio, recipe.sustained)) for pitch, velocity, audio in raw]
    if not notes:
        raise TrainError(f"nothing sounds in '{path}': is the library complete?")
    if DRUMS in recipe.roles:
        loudest = max(float(np.abs(audio).max()) for *_, audio in notes)
        return [(key, velocity, audio * (DRUMS_PEAK / loudest)) for key, velocity, audio in notes]
    notes = _whole(notes)
    pitches = measured([pitch for pitch, *_ in notes], [audio for *_, audio in notes], path.suffix != ".sfz")
    return [
        (pitch, velocity, audio * np.float32(PEAK / np.abs(audio).max()))
        for pitch, (_, velocity, audio) in zip(pitches, notes, strict=True)
    ]


def _whole(notes: list[Note]) -> list[Note]:
    """Notes without fragments, such as the key noise that remains where a library lacks a file."""
    pitches = np.array([pitch for pitch, *_ in notes])
    lengths = np.array([len(audio) for *_, audio in notes])
    usual = [np.median(lengths[np.argsort(np.abs(pitches - pitch), kind="stable")[:NEIGHBOURS]]) for pitch in pitches]
    return [
        note for note, length, of_others in zip(notes, lengths, usual, strict=True) if length > FRAGMENT * of_others
    ]


def _played(recipe: Recipe, path: Path) -> Iterator[Note]:
    """Each key, velocity and take of an .sfz above SILENCE_PEAK."""
    synth = _synth(recipe, path)
    seconds = LONGEST_S[recipe.sustained] + 0.3
    for key in recipe.keys:
        for velocity in recipe.velocities:
            takes: list[np.ndarray] = []
            for _ in range(MAX_ATTEMPTS):
                if len(takes) == recipe.takes:
                    break
                audio = np.asarray(synth.render_note(key, velocity, seconds, seconds)).mean(axis=0)
                synth._synth.all_sound_off()
                new = all(len(audio) != len(take) or not np.allclose(audio, take, atol=1e-4) for take in takes)
                if np.abs(audio).max(initial=0) > SILENCE_PEAK and new:
                    takes.append(audio)
            for take in takes:
                yield float(key), velocity, resample(take, SFZ_SAMPLERATE, SAMPLERATE)


def _synth(recipe: Recipe, path: Path) -> Any:
    """pysfizz with the instrument loaded and its controls set."""
    try:
        from pysfizz.synth import Synth
    except ImportError:
        raise TrainError(f"'{path}' is played with pysfizz, which is not installed: pip install pysfizz") from None
    synth = Synth(SFZ_SAMPLERATE)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".sfz") as wrapper:  # beside what it includes
        wrapper.write((IN_MEMORY + recipe.defines).encode() + path.read_bytes())
        wrapper.flush()
        loaded = synth.load_sfz_file(wrapper.name)
    if not loaded:
        raise TrainError(f"'{path}' has no instrument that pysfizz can play")
    for control, value in recipe.controls.items():
        synth._synth.cc(0, control, value)
    if recipe.switch is not None:
        synth.render_note(recipe.switch, 100, 0.1, 0.2)
    return synth


def _named(recipe: Recipe, path: Path) -> Iterator[Note]:
    """The samples of a folder, their pitches by their names; or of several folders, by velocity or by drum key."""
    drums = DRUMS in recipe.roles
    for number, folder in (recipe.folders or {100: path.name}).items():
        for file in visible(path.with_name(folder), "*"):
            name = NAMED.match(file.stem)
            if file.suffix.lower() in AUDIO_SUFFIXES and (drums or name):
                pitch = number if drums or name is None else _pitch(name)
                yield float(pitch), 100 if drums else number, read(file)


def _pitch(name: re.Match[str]) -> int:
    letter, accidental, octave, _ = name.groups()
    return STEPS[letter.lower()] + {"sharp": 1, "flat": -1}.get((accidental or "").lower(), 0) + 12 * (int(octave) + 1)


def trimmed(audio: np.ndarray, sustained: bool) -> np.ndarray:
    """(n,) of one note, from its attack until it is inaudible or LONGEST_S long, with faded ends."""
    block = SAMPLERATE // 500
    level = np.abs(audio[: len(audio) // block * block]).reshape(-1, block).max(axis=1)
    peak = level.max()
    attack = int(np.argmax(level > peak * 10 ** (ATTACK_DB[sustained] / 20))) * block
    audio = audio[max(0, attack - round(BEFORE_ATTACK_S * SAMPLERATE)) :][: round(LONGEST_S[sustained] * SAMPLERATE)]
    blocks = np.array_split(audio, max(1, len(audio) // (SAMPLERATE // 50)))
    rms = np.array([np.sqrt(np.mean(part**2)) for part in blocks])
    least = np.median(rms) * 10 ** (FELL_DB / 20) if sustained else rms.max() * 10 ** (DIED_DB / 20)
    last = np.flatnonzero(rms > least)[-1] + 1
    audio = np.concatenate(blocks[:last]).astype(np.float32)
    rise, fall = (
        min(int(RISE_S[sustained] * SAMPLERATE), len(audio) // 4),
        min(int((0.03 if sustained else 0.15) * SAMPLERATE), len(audio) // 4),
    )
    audio[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    audio[len(audio) - fall :] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32)) ** 2
    return audio


def measured(named: list[float], samples: list[np.ndarray], by_hand: bool = True) -> list[float]:
    """Measured pitches of samples, in semitones, to a few cents, given their nominal pitches.

    An instrument is off by the same octaves in all its notes, so the octave error is the median over them. A note that
    deviates by some semitones beyond that has a wrong name, if `by_hand`. Cents are measured note by note.
    """
    import librosa

    pitches = np.array(
        [
            librosa.hz_to_midi(
                np.median(librosa.yin(_steady(audio), fmin=25, fmax=3900, sr=SAMPLERATE, frame_length=2048))
            )
            for audio in samples
        ]
    )
    expected = np.array(named) + 12 * np.median(np.round((pitches - named) / 12))
    apart = np.abs(pitches - expected)
    wrong = (apart > MISNAMED_SEMITONES[0]) & (apart < MISNAMED_SEMITONES[1]) & (expected < HIGHEST_PITCH) & by_hand
    begin = np.where(wrong, pitches, expected)
    return [round(_tuned(float(pitch), audio), 3) for pitch, audio in zip(begin, samples, strict=True)]


def _steady(audio: np.ndarray) -> np.ndarray:
    """The second after the attack of a note, (n,), padded to at least 2048 samples."""
    begin = min(int(0.06 * SAMPLERATE), len(audio) // 4)
    excerpt = audio[begin : begin + SAMPLERATE]
    return np.pad(excerpt, (0, max(0, 2048 - len(excerpt))))


def _tuned(pitch: float, audio: np.ndarray) -> float:
    """The pitch within 80 cents of `pitch` whose harmonics are strongest in the spectrum."""
    size = 1 << 18
    excerpt = _steady(audio)
    spectrum = np.abs(np.fft.rfft(excerpt * np.hanning(len(excerpt)), size))
    cents = np.arange(-80, 81)
    f0 = 440 * 2 ** ((pitch + cents / 100 - 69) / 12)
    harmonics = np.arange(1, 7)
    bins = np.round(np.outer(harmonics, f0) * size / SAMPLERATE).astype(int)
    strength = np.where(bins < len(spectrum), spectrum[np.minimum(bins, len(spectrum) - 1)], 0.0)
    best = int(np.argmax(strength.sum(axis=0)))
    return pitch + (cents[best] / 100 if 0 < best < len(cents) - 1 else 0.0)


def write_instrument(recipe: Recipe, library: Path, folder: Path, suffix: str) -> dict[str, Any]:
    """Write the notes of one instrument into a folder; returns its entry of bank.json."""
    notes, written = notes_of(recipe, library), []
    takes: dict[tuple[int, int], int] = {}
    for pitch, velocity, audio in notes:
        note = (round(pitch), velocity)
        takes[note] = takes.get(note, 0) + 1
        file = f"{recipe.name}_{note[0]}_{velocity}_{takes[note]}.{suffix}"
        if suffix == "flac":
            sf.write(folder / file, audio, SAMPLERATE, subtype="PCM_16")
        else:
            sf.write(folder / file, audio, SAMPLERATE, format="OGG", subtype="VORBIS", compression_level=VORBIS_LEVEL)
        written.append([pitch, velocity, file])
    for key, like in recipe.also.items():
        written += [[key, velocity, file] for pitch, velocity, file in written if pitch == like]
    wanted = len(list(recipe.keys)) * len(recipe.velocities) * recipe.takes
    return {
        "source": recipe.path,
        "licence": recipe.licence,
        "roles": list(recipe.roles),
        "sustained": recipe.sustained,
        "release": recipe.release,
        "left_out": max(0, wanted - len(notes)),
        "notes": written,
    }


def make(
    libraries: list[Path], out: Path, suffix: str = "flac", jobs: int = 2, recipes: Iterable[Recipe] = RECIPES
) -> dict[str, Any]:
    """Make a bank of all instruments of the libraries, whole or not at all; returns its bank.json.

    suffix: "flac" or "ogg". TrainError, AudioError.
    """
    by_name = {library.name: library for library in (path.resolve() for path in libraries)}
    known = {recipe.library for recipe in recipes}
    for name, library in by_name.items():
        if name not in known:
            raise TrainError(f"no instrument is known of a library '{name}'; known are {', '.join(sorted(known))}")
        if not library.is_dir():
            raise AudioError(f"'{library}' is no folder: check its name")
    with atomic_folder(out) as folder:
        work = [(recipe, by_name[recipe.library], folder, suffix) for recipe in recipes if recipe.library in by_name]
        bank = dict(zip((recipe.name for recipe, *_ in work), in_processes(write_instrument, work, jobs), strict=True))
        (folder / "bank.json").write_text(json.dumps(bank, indent=0))
    return bank


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", type=Path, nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--format", choices=("flac", "ogg"), default="flac", help="lossless, or half the size")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(argv)
    for name, entry in make(given.libraries, given.out, given.format, given.jobs).items():
        missing = f", {entry['left_out']} not in the library" if entry["left_out"] else ""
        print(f"{name}: {len(entry['notes'])} notes{missing}")


if __name__ == "__main__":
    command_line.run(main)

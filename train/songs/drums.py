"""Drums for rendered songs, since scores like POP909 have none.

    python -m train.songs.drums STEMS -o DATA [--share 0.6] [--jobs 2]

STEMS is a folder that train/songs/render.py made, with chords in its songs. DATA becomes a copy of it in which a share
of the songs has one stem more, <split>/<song>/drums.flac. The other files are linked, not copied, where the disk can.
notes.npz has the hits with pitch -1. A song that DATA has already is not made again.

Beats are derived from the chord changes. A song has one kit and one swing; a section of eight bars has a random groove
of its own, and ends with a fill. Drums carry the timing of the music, not its notes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import soundfile as sf

from corpora.whole_files import atomic_folder
from train.common import command_line
from train.common.errors import TrainError, reading
from train.common.files import visible
from train.common.processes import in_processes
from train.data.submixes import beat_of
from train.songs.render import SAMPLERATE, find_soundfont, fluidsynth, stem_of

BAR_BEATS = 4
STEPS_PER_BEAT = 4
SECTION_BARS = 8

# General MIDI: kits by program, hits by key; grooves by the sixteenths of a bar.
KITS = (0, 8, 16, 24, 25, 26, 32, 40)
KICK, STICK, SNARE, CLAP, OPEN, CRASH = 36, 37, 38, 39, 46, 49
TOMS = (50, 48, 45, 43)
CLOCKS = (42, 42, 42, 44, 51, 54, 70, 82)  # hi-hats, ride, tambourine, maracas, shaker: what keeps time
KICKS = ((0, 8), (0, 10), (0, 6, 8), (0, 7, 10), (0, 4, 8, 12), (0, 3, 8, 11), (0, 8, 14), (0,))
SNARES = ((4, 12), (4, 12), (4, 12), (4, 12, 15), (8,), (12,), ())
TICKS = (range(0, 16, 4), range(0, 16, 2), range(0, 16, 2), range(16), range(2, 16, 4), ())


def beats_of(chords: list, beat: float) -> tuple[np.ndarray, int]:
    """(times of the beats (n,), s; index of the first downbeat, 0 to 3, by where most chords change).

    chords: [[start s, end s, root], ...] in order, as song.json has them. beat: its length, s.
    """
    times: list[float] = []
    changes: list[int] = []
    ends = [*(start for start, *_ in chords[1:]), chords[-1][1]]
    for (start, *_), end in zip(chords, ends, strict=True):
        changes.append(len(times))
        times += [start + n * beat for n in range(max(1, round((end - start) / beat)))]
    return np.array(times), int(np.bincount(np.array(changes) % BAR_BEATS, minlength=BAR_BEATS).argmax())


def draw_groove(rng: random.Random) -> list[tuple[int, int, int]]:
    """A bar: (sixteenth, key, velocity) of each hit."""
    clock, backbeat = rng.choice(CLOCKS), rng.choice((SNARE, SNARE, SNARE, CLAP, STICK))
    hits = [(step, KICK, 100) for step in rng.choice(KICKS)]
    hits += [(step, backbeat, 100 if step % 4 == 0 else 50) for step in rng.choice(SNARES)]
    hits += [(step, clock, 80 if step % 4 == 0 else 60) for step in rng.choice(TICKS)]
    return hits + ([(14, OPEN, 70)] if rng.random() < 0.25 else [])


def draw_fill(rng: random.Random) -> list[tuple[int, int, int]]:
    """A fill: (sixteenth, key, velocity) in the last one or two beats of a bar."""
    begin, drums = rng.choice((8, 12)), (SNARE, *TOMS)
    steps = [step for step in range(begin, 16) if rng.random() < 0.8]
    return [(step, drums[(step - begin) * len(drums) // (16 - begin)], 70 + 2 * step) for step in steps]


def drum_hits(times: np.ndarray, downbeat: int, beat: float, rng: random.Random) -> np.ndarray:
    """(n, 4) float32 hits of a whole song, [onset s, offset s, key, velocity].

    times (n,): beats, s. downbeat: index of the first one. beat: its length, s.
    """
    swing, loose = rng.choice((0.0, 0.0, 0.0, 0.2, 0.33)), rng.uniform(0.003, 0.012)  # of a step; s
    pattern, result = draw_groove(rng), []
    for bar, first in enumerate(range(downbeat - BAR_BEATS, len(times), BAR_BEATS)):
        if bar % SECTION_BARS == 0:
            pattern = draw_groove(rng) if rng.random() < 0.6 else pattern
        hits = list(pattern)
        if bar % SECTION_BARS == SECTION_BARS - 1:
            ending = draw_fill(rng)
            hits = [hit for hit in hits if hit[0] < min((step for step, *_ in ending), default=16)] + ending
        elif bar % SECTION_BARS == 0:
            hits.append((0, CRASH, 90))
        for step, key, velocity in hits:
            at = first + step // STEPS_PER_BEAT
            if 0 <= at < len(times):
                late = (step % STEPS_PER_BEAT + swing * (step % 2)) / STEPS_PER_BEAT * beat + rng.uniform(-loose, loose)
                loud = min(max(velocity + rng.gauss(0, 8), 20), 127)
                result.append((times[at] + late, times[at] + late + 0.1, key, int(loud)))
    return np.array(sorted(result), np.float32).reshape(-1, 4)


def add_drums(song: Path, folder: Path, soundfont: Path, share: float) -> None:
    """Copy a song's folder, with a drum stem with probability `share`; whole or not at all."""
    rng = random.Random(f"drums {song.name}")
    with reading(song):
        info = json.loads((song / "song.json").read_text())
        chords, seconds = info.get("chords", []), float(info["seconds"])
        with np.load(song / "notes.npz", allow_pickle=False) as archive:
            notes = dict(archive)
    drummed = rng.random() < share and len(chords) >= 4 and not (song / "drums.flac").exists()
    with atomic_folder(folder) as new:
        for path in visible(song, "*"):
            if not (drummed and path.name in ("notes.npz", "song.json")):
                _link(path, new / path.name)
        if drummed:
            beat, kit = beat_of(song, 0.5), rng.choice(KITS)
            hits = drum_hits(*beats_of(chords, beat), beat, rng)
            hits = hits[(hits[:, 0] >= 0) & (hits[:, 0] < seconds)]
            stem = stem_of(fluidsynth(hits, kit, soundfont, drums=True), seconds)
            sf.write(new / "drums.flac", stem, SAMPLERATE, subtype="PCM_16")
            notes["drums"] = np.column_stack([hits[:, :2], np.full(len(hits), -1, np.float32)])
            np.savez(new / "notes.npz", **notes)
            (new / "song.json").write_text(json.dumps(info | {"programs": info.get("programs", {}) | {"drums": kit}}))


def _link(path: Path, new: Path) -> None:
    try:
        os.link(path, new)
    except OSError:  # another disk, or one that has no links
        shutil.copy2(path, new)


def make(stems: Path, out: Path, share: float = 0.6, soundfont: str | None = None, jobs: int = 2) -> int:
    """Make every song of `stems` that `out` does not have yet; returns the number of songs with drums in `out`.

    TrainError, AudioError, OSError.
    """
    font = find_soundfont(soundfont)
    new = {path.parent: out / path.parent.relative_to(stems) for path in visible(stems, "*/*/song.json")}
    if not new:
        raise TrainError(f"no song in '{stems}': give a folder that python -m train.songs.render made")
    for parent in {folder.parent for folder in new.values()}:
        parent.mkdir(parents=True, exist_ok=True)
    missing = [(song, folder, font, share) for song, folder in new.items() if not folder.exists()]
    in_processes(add_drums, missing, jobs)
    return len(visible(out, "*/*/drums.flac"))


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stems", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.6, help="of the songs that get drums; default %(default)s")
    parser.add_argument("--soundfont", help="sound font (default: FluidR3_GM.sf2)")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(argv)
    print(make(**vars(given)), "songs with drums in", given.out)


if __name__ == "__main__":
    command_line.run(main)

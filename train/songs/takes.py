"""Real drummers for bands: takes of the Groove MIDI Dataset (Gillick et al., 2019; CC BY 4.0), laid onto other beats.

A folder of it holds files <number>_<style>-<more>_<tempo>_beat_4-4.mid, played to a click from the first downbeat on.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import numpy as np

from train.common.errors import reading
from train.common.files import visible
from train.songs.grooves import BELL, CRASH, HAT, OPEN, RIDE, SNARE, STICK, TOMS

STYLES_OF = {  # ours: theirs, as their file names begin
    "rock": ("rock", "pop"), "metal": ("punk", "rock"), "funk": ("funk", "hiphop", "soul"), "jazz": ("jazz",),
    "bossa": ("latin",), "ballad": ("pop", "soul", "gospel"), "reggae": ("reggae",), "electronic": ("hiphop", "dance"),
    "folk": ("country", "neworleans"), "blues": ("blues", "jazz", "neworleans", "funk-purdie"),
}  # fmt: skip
KEYS = {22: HAT, 26: OPEN, 40: SNARE, 58: TOMS[3], 55: CRASH, 57: CRASH, 52: CRASH, 59: RIDE, 53: BELL, 37: STICK}
LEAST_BARS = 4


class Take(NamedTuple):
    """hits: (n, 3) [position in beats of four a bar, key, velocity], in order; bars: how many whole ones."""

    hits: np.ndarray
    bars: int

    @property
    def swing(self) -> float:
        """Where the second half of a beat falls, 0.5 straight, by the hits around it."""
        place = self.hits[:, 0] % 1
        found = place[(place > 0.42) & (place < 0.72)]
        return float(np.median(found)) if len(found) >= 8 else 0.5


def draw_takes(folder: Path, style: str, rng: random.Random, count: int = 2) -> list[Take]:
    """So many takes of a style, of four bars or more; fewer where the folder has fewer."""
    files = sorted(visible(folder, "**/*_beat_4-4.mid"))
    fitting = [path for path in files if path.name.partition("_")[2].startswith(STYLES_OF[style])]
    takes = [read_take(path) for path in rng.sample(fitting, min(count, len(fitting)))]
    return [take for take in takes if take.bars >= LEAST_BARS]


def read_take(path: Path) -> Take:
    """A take by its file, whose name has its tempo. TrainError where it is damaged."""
    import pretty_midi

    with reading(path):
        tempo = float(path.stem.split("_")[2])
        notes = [note for instrument in pretty_midi.PrettyMIDI(str(path)).instruments for note in instrument.notes]
    rows = sorted((note.start * tempo / 60, KEYS.get(note.pitch, note.pitch), note.velocity) for note in notes)
    hits = np.array(rows, np.float64).reshape(-1, 3)
    return Take(hits, int(hits[-1, 0] + 0.5) // 4 if len(hits) else 0)

"""Takes of real drummers, from the Groove MIDI Dataset (Gillick et al., 2019; CC BY 4.0), in beats.

Its folders contain <number>_<style>-<more>_<tempo>_beat_4-4.mid, played to a click from the first downbeat on.
"""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from train.common.errors import reading
from train.common.files import visible
from train.songs.grooves import BELL, CRASH, HAT, OPEN, RIDE, SNARE, STICK, TOMS

STYLES_OF = {  # our style -> prefixes of theirs in file names
    "rock": ("rock", "pop"), "metal": ("punk", "rock"), "funk": ("funk", "hiphop", "soul"), "jazz": ("jazz",),
    "bossa": ("latin",), "ballad": ("pop", "soul", "gospel"), "reggae": ("reggae",), "electronic": ("hiphop", "dance"),
    "folk": ("country", "neworleans"), "blues": ("blues", "jazz", "neworleans", "funk-purdie"),
}  # fmt: skip
KEYS = {22: HAT, 26: OPEN, 40: SNARE, 58: TOMS[3], 55: CRASH, 57: CRASH, 52: CRASH, 59: RIDE, 53: BELL, 37: STICK}
MIN_BARS = 4


class Take(NamedTuple):
    """hits: (n, 3) [position in beats of four a bar, key, velocity], in order; bars: number of whole bars."""

    hits: np.ndarray
    bars: int

    @property
    def swing(self) -> float:
        """Median position of the offbeat eighth within its beat, 0.5 straight; 0.5 with fewer than 8 hits there."""
        phase = self.hits[:, 0] % 1
        swung = phase[(phase > 0.42) & (phase < 0.72)]
        return float(np.median(swung)) if len(swung) >= 8 else 0.5


def draw_takes(folder: Path, style: str, rng: random.Random, count: int = 2) -> list[Take]:
    """`count` random takes of a style, without those below MIN_BARS; fewer where the folder has fewer."""
    files = sorted(visible(folder, "**/*_beat_4-4.mid"))
    fitting = [path for path in files if path.name.partition("_")[2].startswith(STYLES_OF[style])]
    takes = [read_take(path) for path in rng.sample(fitting, min(count, len(fitting)))]
    return [take for take in takes if take.bars >= MIN_BARS]


@lru_cache(1024)
def read_take(path: Path) -> Take:
    """Read a take from a MIDI file whose name gives its tempo; kept for the next song. TrainError where damaged."""
    import pretty_midi

    with reading(path):
        tempo = float(path.stem.split("_")[2])
        notes = [note for instrument in pretty_midi.PrettyMIDI(str(path)).instruments for note in instrument.notes]
    rows = sorted((note.start * tempo / 60, KEYS.get(note.pitch, note.pitch), note.velocity) for note in notes)
    hits = np.array(rows, np.float64).reshape(-1, 3)
    return Take(hits, int(hits[-1, 0] + 0.5) // 4 if len(hits) else 0)

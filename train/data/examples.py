"""Examples for the encoder: windows of stored stems, transposed, mixed and degraded on the training device, with notes.

The notes of a part are a piano roll of 100 columns a second with two bits per pitch: active, onset. A second roll holds
the chord roots of a song. The notes of recordings come from a teacher (train/songs/recordings.py), in notes.npz.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder
from train.common.errors import TrainError
from train.data.augment import degrade
from train.data.store import Store

LOWEST_PITCH, HIGHEST_PITCH = 24, 97  # MIDI notes that are taught: C1 to C7; the second is exclusive
PITCHES = HIGHEST_PITCH - LOWEST_PITCH
COLUMNS_PER_S = 100
ACTIVE_BIT, ONSET_BIT = 1, 2  # bits of a roll
DRUMS_PREFIX = "drums"  # beginning of the names of parts without a pitch
UNKNOWN_ROOT = -100  # root of a frame
MAX_TRANSPOSITION_SEMITONES = 3  # either way
MAX_DETUNING_SEMITONES = 0.3  # either way, beside it: the note that is taught remains the nearest
VIBRATO_SHARE = 0.25  # of the examples
VIBRATO_HZ, VIBRATO_SEMITONES = (4.0, 7.0), (0.1, 0.5)  # lowest and highest rate, and excursion to either side
MIN_LEVEL_DB = -45.0  # dBFS of a window


class Examples(NamedTuple):
    """audio (n, samples) float32.

    active, onset (n, frames, PITCHES) bool; root (n, frames) int64, 0-11 or UNKNOWN_ROOT; harmony (n, frames, 12) bool:
    pitch classes that sound in any part of the song, heard in the example or not.
    """

    audio: Tensor
    active: Tensor
    onset: Tensor
    root: Tensor
    harmony: Tensor


class ExampleMaker:
    """Draws examples of `samples` samples for an encoder from the parts of a store whose notes are known.

    recorded: share of the examples from recordings, where the store has both. TrainError where no part has notes.
    """

    def __init__(self, store: Store, encoder: Wav2Vec2Encoder, samples: int, *, recorded: float = 0.25):
        self.store, self.encoder, self.samples = store, encoder, samples
        self.frames = (samples - encoder.support) // encoder.stride + 1
        self.parts = np.array(
            [
                number
                for song in store.songs
                for part, number in song.parts.items()
                if part in song.notes and not part.startswith(DRUMS_PREFIX)
            ],
            np.int64,
        )
        if not len(self.parts):
            raise TrainError("no stem has notes that are known: render scores with python -m train.songs.render")
        self.weights = self._weights(recorded)
        self.unpitched = [
            number for song in store.songs for part, number in song.parts.items() if part.startswith(DRUMS_PREFIX)
        ]
        self.rolls, self.roll_begin = self._rolls()
        self.roots, self.song_begin = self._root_rolls()
        self.harmony = self._harmony_rolls()

    def _weights(self, recorded: float) -> np.ndarray:
        """Probability of each of `parts`: proportional to its length, with the given share of recordings."""
        song = self.store.song[self.parts]
        is_recorded = np.array([self.store.songs[number].recorded for number in song])
        seconds = self.store.length[self.parts].astype(np.float64)
        weights = seconds / seconds.sum()
        if is_recorded.any() and not is_recorded.all():
            weights[is_recorded] *= recorded / weights[is_recorded].sum()
            weights[~is_recorded] *= (1 - recorded) / weights[~is_recorded].sum()
        return weights / weights.sum()

    def _rolls(self) -> tuple[Tensor, np.ndarray]:
        """(columns, PITCHES) uint8 of all parts end to end, and where each of the store's parts begins in it, or -1."""
        columns = -(-self.store.length * COLUMNS_PER_S // SAMPLERATE) + 1
        begins = np.full(len(columns), -1, np.int64)
        begins[self.parts] = np.concatenate([[0], np.cumsum(columns[self.parts])])[:-1]
        rolls = np.zeros((int(columns[self.parts].sum()), PITCHES), np.uint8)
        for song in self.store.songs:
            for part, number in song.parts.items():
                if begins[number] >= 0:
                    roll = rolls[begins[number] : begins[number] + columns[number]]
                    mark(roll, song.notes[part])
        return torch.from_numpy(rolls).to(self.store.device), begins

    def _root_rolls(self) -> tuple[Tensor, np.ndarray]:
        """(columns,) int8 chord roots of all songs end to end, and where each song begins in it."""
        columns = np.array([int(song.seconds * COLUMNS_PER_S) + 2 for song in self.store.songs])
        begins = np.concatenate([[0], np.cumsum(columns)])[:-1]
        roots = np.full(int(columns.sum()), UNKNOWN_ROOT, np.int8)
        for begin, count, song in zip(begins, columns, self.store.songs, strict=True):
            of_song = roots[begin : begin + count]
            for start, end, root in song.chords:
                if 0 <= root < 12:
                    of_song[max(0, round(start * COLUMNS_PER_S)) : max(0, round(end * COLUMNS_PER_S))] = int(root)
        return torch.from_numpy(roots).to(self.store.device), begins

    def _harmony_rolls(self) -> Tensor:
        """(columns, 12) bool pitch classes of all parts of all songs, whose songs begin as those of `roots` do."""
        ends = np.append(self.song_begin[1:], len(self.roots))
        harmony = torch.zeros(len(self.roots), 12, dtype=torch.bool, device=self.store.device)
        for begin, end, song in zip(self.song_begin, ends, self.store.songs, strict=True):
            for number in (number for number in song.parts.values() if self.roll_begin[number] >= 0):
                count = min(int(end - begin), -(-int(self.store.length[number]) * COLUMNS_PER_S // SAMPLERATE))
                roll = self.rolls[int(self.roll_begin[number]) :][:count]
                harmony[begin : begin + count] |= pitch_classes((roll & ACTIVE_BIT) > 0)
        return harmony

    def draw(
        self, count: int, rng: np.random.Generator, *, clean: bool = False, rooms: Tensor | None = None
    ) -> Examples:
        """`count` examples.

        clean: neither transposed, nor mixed, nor degraded. rooms (r, length): impulse responses.
        """
        part, begin_s = self._draw_windows(count, rng)
        speed, vibrato = np.ones(count), None
        if not clean:
            semitones = rng.integers(-MAX_TRANSPOSITION_SEMITONES, MAX_TRANSPOSITION_SEMITONES + 1, count)
            speed = 2 ** ((semitones + rng.uniform(-MAX_DETUNING_SEMITONES, MAX_DETUNING_SEMITONES, count)) / 12)
            vibrato = _draw_vibrato(count, rng)
        audio = self._audio(part, begin_s, speed, vibrato)
        active, onset = self._notes(part, begin_s, speed)
        root, harmony = self._harmony(part, begin_s, speed)
        if not clean:
            generator = torch.Generator(self.store.device).manual_seed(int(rng.integers(2**62)))
            audio, active, onset = self._mix(audio, active, onset, part, begin_s, speed, rng)
            audio = degrade(audio, generator, rooms)
        chordal = active.sum(2).amax(1) > 1  # one voice alone does not say which chord it belongs to
        root = torch.where(chordal[:, None], root, UNKNOWN_ROOT)
        return Examples(audio, active, onset, root, harmony)

    def _draw_windows(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(part, begin s) of windows: of three drawn for each, the first above MIN_LEVEL_DB."""
        part = rng.choice(self.parts, (3, count), p=self.weights)
        room = np.maximum(self.store.length[part] - self.samples, 1)
        begin = (rng.random((3, count)) * room).astype(np.int64)
        loud = np.stack(
            [self.store.level_db(p, b, self.samples) > MIN_LEVEL_DB for p, b in zip(part, begin, strict=True)]
        )
        chosen = loud.argmax(0), np.arange(count)
        return part[chosen], begin[chosen] / SAMPLERATE

    def _audio(
        self, part: np.ndarray, begin_s: np.ndarray, speed: np.ndarray, vibrato: np.ndarray | None = None
    ) -> Tensor:
        """(n, samples) of parts from begin_s (n,) on, read at `speed` (n,), by linear interpolation.

        vibrato (3, n): see `_draw_vibrato`.
        """
        longest = int(self.samples * 2 ** ((MAX_TRANSPOSITION_SEMITONES + MAX_DETUNING_SEMITONES) / 12)) + 2
        longest += 0 if vibrato is None else 2 * math.ceil(vibrato[1].max())
        windows = self.store.windows(np.column_stack([part, (begin_s * SAMPLERATE).astype(np.int64)]), longest)
        rate = torch.from_numpy(speed).to(windows)
        time = torch.arange(self.samples, device=windows.device)
        at = time * rate[:, None]
        if vibrato is not None:
            frequency, excursion, phase = torch.from_numpy(vibrato).to(windows)[:, :, None]
            at = at + excursion * (1 + torch.sin(2 * math.pi * frequency / SAMPLERATE * time + phase))
        first = at.long()
        share = at - first
        return windows.gather(1, first) * (1 - share) + windows.gather(1, first + 1) * share

    def _columns(self, begin_s: np.ndarray, speed: np.ndarray) -> np.ndarray:
        """(n, frames) column of the roll at the centre of each frame."""
        frames_s = (self.encoder.centre + self.encoder.stride * np.arange(self.frames)) / SAMPLERATE
        return np.rint((begin_s[:, None] + frames_s * speed[:, None]) * COLUMNS_PER_S).astype(np.int64)

    def _notes(self, part: np.ndarray, begin_s: np.ndarray, speed: np.ndarray) -> tuple[Tensor, Tensor]:
        """(active, onset (n, frames, PITCHES) bool) of parts, transposed by `speed`."""
        device, columns = self.store.device, self._columns(begin_s, speed)
        shift = np.rint(12 * np.log2(speed)).astype(np.int64)
        known = self.roll_begin[part] >= 0
        last = -(-self.store.length[part] * COLUMNS_PER_S // SAMPLERATE)
        at = np.where(known[:, None], self.roll_begin[part][:, None] + np.minimum(columns, last[:, None]), 0)
        at_device = torch.from_numpy(at).to(device)
        bits = self.rolls[at_device] | (self.rolls[(at_device + 1).clamp(max=len(self.rolls) - 1)] & ONSET_BIT)
        bits = bits * torch.from_numpy(known).to(device)[:, None, None]
        source = torch.arange(PITCHES, device=device) - torch.from_numpy(shift).to(device)[:, None]  # (n, PITCHES)
        inside = (source >= 0) & (source < PITCHES)
        source = source.clamp(0, PITCHES - 1)[:, None].expand(-1, self.frames, -1)
        bits = bits.gather(2, source) * inside[:, None]
        return (bits & ACTIVE_BIT) > 0, (bits & ONSET_BIT) > 0

    def _harmony(self, part: np.ndarray, begin_s: np.ndarray, speed: np.ndarray) -> tuple[Tensor, Tensor]:
        """(root (n, frames) int64, harmony (n, frames, 12) bool) of the songs of parts, transposed by `speed`."""
        device, columns = self.store.device, self._columns(begin_s, speed)
        shift = torch.from_numpy(np.rint(12 * np.log2(speed)).astype(np.int64)).to(device)
        song = self.store.song[part]
        ends = np.append(self.song_begin[1:], len(self.roots))[song]
        at = torch.from_numpy(np.minimum(self.song_begin[song][:, None] + columns, ends[:, None] - 1)).to(device)
        root = self.roots[at].long()
        source = (torch.arange(12, device=device) - shift[:, None]) % 12  # (n, 12)
        harmony = self.harmony[at].gather(2, source[:, None].expand(-1, self.frames, -1))
        return torch.where(root >= 0, (root + shift[:, None]) % 12, UNKNOWN_ROOT), harmony

    def _mix(
        self,
        audio: Tensor,
        active: Tensor,
        onset: Tensor,
        part: np.ndarray,
        begin_s: np.ndarray,
        speed: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Add another part of the same song to a third of the examples, and drums of any song to a tenth."""
        count, device = len(part), self.store.device
        other = part.copy()
        for n in np.flatnonzero(rng.random(count) < 0.35):
            song = self.store.songs[self.store.song[part[n]]]
            choices = [number for number in song.parts.values() if self.roll_begin[number] >= 0]
            other[n] = choices[rng.integers(len(choices))]
        second = torch.from_numpy(other != part).to(device)
        gain = torch.from_numpy(10 ** rng.uniform(-0.4, 0.4, count)).to(audio)
        audio = audio + self._audio(other, begin_s, speed) * (gain * second)[:, None]
        more_active, more_onset = self._notes(other, begin_s, speed)
        active, onset = active | (more_active & second[:, None, None]), onset | (more_onset & second[:, None, None])
        if self.unpitched:
            drums = np.array(self.unpitched)[rng.integers(len(self.unpitched), size=count)]
            at_s = rng.random(count) * np.maximum(self.store.length[drums] - 2 * self.samples, 1) / SAMPLERATE
            loud = torch.from_numpy((rng.random(count) < 0.1) * 10 ** rng.uniform(-1.0, 0.0, count)).to(audio)
            audio = audio + self._audio(drums, at_s, speed) * loud[:, None]
        return audio, active, onset


def _draw_vibrato(count: int, rng: np.random.Generator) -> np.ndarray:
    """(3, count): Hz, samples by which reading runs ahead and falls behind, and phase; no samples where there is none.

    Reading at t + e (1 + sin(2 pi f t)) is faster by up to 2 pi f e: an excursion of `semitones` has e = (2^(semitones
    / 12) - 1) / (2 pi f), 8 samples for 0.3 semitones at 5.5 Hz, too few to move a note.
    """
    frequency = rng.uniform(*VIBRATO_HZ, count)
    faster = 2 ** (rng.uniform(*VIBRATO_SEMITONES, count) / 12) - 1
    sounds = rng.random(count) < VIBRATO_SHARE
    excursion = sounds * faster * SAMPLERATE / (2 * math.pi * frequency)
    return np.stack([frequency, excursion, rng.uniform(0, 2 * math.pi, count)])


def mark(roll: np.ndarray, notes: np.ndarray) -> None:
    """Write notes (n, 3 or more) [onset s, offset s, pitch] into a roll (columns, PITCHES)."""
    onsets = np.rint(notes[:, 0] * COLUMNS_PER_S).astype(int)
    offsets = np.maximum(np.rint(notes[:, 1] * COLUMNS_PER_S).astype(int), onsets + 1)
    for onset, offset, pitch in zip(onsets, offsets, notes[:, 2].astype(int) - LOWEST_PITCH, strict=True):
        if 0 <= pitch < roll.shape[1] and 0 <= onset < len(roll):
            roll[onset:offset, pitch] |= ACTIVE_BIT
            roll[onset, pitch] |= ONSET_BIT


def pitch_classes(active: Tensor) -> Tensor:
    """(..., PITCHES) bool -> (..., 12) bool; LOWEST_PITCH is a C."""
    padded = torch.nn.functional.pad(active, (0, math.ceil(PITCHES / 12) * 12 - PITCHES))
    return padded.unflatten(-1, (-1, 12)).any(-2)

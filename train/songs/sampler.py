"""Sample player: a bank of notes of real instruments, and the rendering of notes with it.

A bank is a folder made by python -m train.songs.make_bank: `bank.json` and a sound file per note, 16 kHz mono,

    {"emily_guitar": {"source": ..., "licence": ..., "roles": ["melody", "chords"], "sustained": false, "release": 0.12,
                      "notes": [[pitch, velocity, file], ...]}, ...}

pitch is the measured pitch of the recording, in semitones and fractions. A drum kit (role "drums") has General MIDI
keys as pitches. Several notes of one pitch and velocity are takes, one of which is drawn for each note played.

A note is the nearest sample, resampled to its pitch by band-limited interpolation (Smith & Gossett, 1984): a windowed
sinc, whose cut-off is lowered where the sample is read faster, against aliasing.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from perception.wav2vec2 import SAMPLERATE
from train.common.errors import TrainError
from train.data.stems import read

DRUMS = "drums"
MAX_SHIFT_SEMITONES = 5  # largest shift of a sample; beyond, it no longer resembles the instrument
EQUAL_S = 0.5  # beginning of a sample whose RMS is equalised; long enough for a bowed attack
SAMPLE_RMS = 0.1  # RMS of that beginning at velocity 127
VELOCITY_EXPONENT = 2.0  # exponent of the amplitude, as in the sound fonts of General MIDI: 40 log10
RING_S = 4.0  # longest ring of a drum, and of undamped instruments
CHOKES = {46: (42, 44, 46), 42: (42, 44, 46), 44: (42, 46)}  # hits that end the ring of a hi-hat
CHOKE_S = 0.03
CROSSINGS, PHASES = 12, 128  # of the sinc: zero crossings on each side, tabulated phases per sample


class Instrument(NamedTuple):
    """A sampled instrument: (n,) pitches and velocities, and the samples, each (m,) float32 at 16 kHz.

    roles: of "bass", "chords", "melody", "drums". sustained: notes last as long as written, else they decay. release: s
    from the end of a note to silence; None: undamped.
    """

    roles: tuple[str, ...]
    sustained: bool
    release: float | None
    pitches: np.ndarray
    velocities: np.ndarray
    samples: list[np.ndarray]


Bank = dict[str, Instrument]


def load_bank(folder: Path) -> Bank:
    """{name: instrument} of a bank's folder. TrainError if it is none, AudioError for a damaged file."""
    try:
        described = json.loads((folder / "bank.json").read_text())
        return {name: _instrument(folder, entry) for name, entry in described.items()}
    except (OSError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise TrainError(
            f"'{folder}' is no bank of notes ({' '.join(str(error).split())[:120]}): make one with "
            "python -m train.songs.make_bank LIBRARIES -o BANK"
        ) from None


def _instrument(folder: Path, entry: dict[str, Any]) -> Instrument:
    files = {file: read(folder / file) for file in {file for _, _, file in entry["notes"]}}
    pitches, velocities = (np.array([note[n] for note in entry["notes"]], np.float64) for n in (0, 1))
    samples = [files[file] for _, _, file in entry["notes"]]
    drums = DRUMS in entry["roles"]
    return Instrument(
        tuple(entry["roles"]), bool(entry["sustained"]), entry["release"], pitches, velocities,
        equalised(samples, np.round(pitches) if drums else np.arange(len(samples)), drums),
    )  # fmt: skip


def equalised(samples: list[np.ndarray], keys: np.ndarray, keep_balance: bool = False) -> list[np.ndarray]:
    """Samples scaled to an RMS of SAMPLE_RMS over their first EQUAL_S, so that velocity alone sets a note's level.

    keys: (n,) the key of each sample. keep_balance: keys keep their relative levels, as in a kit; the loudest key has
    SAMPLE_RMS.
    """
    count = round(EQUAL_S * SAMPLERATE)
    rms = np.array([np.sqrt(np.sum(sample[:count].astype(np.float64) ** 2) / count) + 1e-9 for sample in samples])
    balance = np.ones(len(samples))
    if keep_balance:
        balance = np.array([rms[keys == key].max() for key in keys])
        balance /= balance.max()
    return [
        (sample * scale).astype(np.float32) for sample, scale in zip(samples, SAMPLE_RMS * balance / rms, strict=True)
    ]


def able(bank: Bank, role: str, pitches: np.ndarray) -> list[str]:
    """Names of the instruments with this role and a range that includes all of (n,) pitches, sorted."""
    low, high = (float(np.min(pitches)), float(np.max(pitches))) if len(pitches) else (60.0, 60.0)
    return sorted(
        name
        for name, instrument in bank.items()
        if role in instrument.roles
        and (
            role == DRUMS
            or (
                instrument.pitches.min() - MAX_SHIFT_SEMITONES <= low
                and high <= instrument.pitches.max() + MAX_SHIFT_SEMITONES
            )
        )
    )


def humanised(notes: np.ndarray, rng: np.random.Generator, timing: float = 0.012, velocity: float = 8.0) -> np.ndarray:
    """(n, 4) notes with human deviations of onsets and velocities; note lengths are unchanged.

    timing: standard deviation of the onsets, s. velocity: that of the velocities. Half of the variance is a drift over
    about eight notes (AR(1)), half is white.
    """
    notes = np.array(notes, np.float64).reshape(-1, 4)
    order = np.argsort(notes[:, 0], kind="stable")
    late, loud = (_wander(len(notes), rng) * spread for spread in (timing, velocity))
    late = np.maximum(late, -notes[order, 0])
    notes[order, 0] += late
    notes[order, 1] += late
    notes[order, 3] = np.clip(notes[order, 3] + loud, 1, 127)
    return notes.astype(np.float32)


def _wander(n: int, rng: np.random.Generator, correlation: float = 0.88) -> np.ndarray:
    """(n,) of variance 1: half white, half an autoregressive drift."""
    drift, white = rng.standard_normal(n), rng.standard_normal(n)
    for i in range(1, n):
        drift[i] = correlation * drift[i - 1] + np.sqrt(1 - correlation**2) * drift[i]
    return np.sqrt(0.5) * (drift + white)


def render_notes(
    notes: np.ndarray, instrument: str, bank: Bank, rng: np.random.Generator, detune_cents: float = 0.0
) -> np.ndarray:
    """Render notes with an instrument of the bank: (samples,) float32 at 16 kHz, dry, to the end of the last release.

    notes: (n, 4) [onset s >= 0, offset s, pitch, velocity 1-127] in any order; a pitch may lie between semitones.
    detune_cents: of the whole instrument, upwards. rng: draws among the takes of a note. TrainError for an unknown
    instrument, or notes of another form.
    """
    notes = _checked(notes)
    playing = _find(bank, instrument)
    if not len(notes):
        return np.zeros(0, np.float32)
    drums = DRUMS in playing.roles
    notes = notes[np.argsort(notes[:, 0], kind="stable")]
    chosen = [_choose(playing, pitch, velocity, rng) for pitch, velocity in notes[:, 2:]]
    begins = np.round(notes[:, 0] * SAMPLERATE).astype(np.int64)
    holds, fades = _durations(notes, playing)
    shift = np.zeros(len(notes)) if drums else notes[:, 2] - playing.pitches[chosen]
    rates = 2.0 ** ((shift + detune_cents / 100) / 12)
    samples = [playing.samples[n] for n in chosen]
    if playing.sustained:
        samples = [
            sustain(sample, int((hold + fade) * rate) + 2 * CROSSINGS)
            for sample, hold, fade, rate in zip(samples, holds, fades, rates, strict=True)
        ]
    lengths = [
        min(int(hold + fade), int(len(sample) / rate))
        for sample, hold, fade, rate in zip(samples, holds, fades, rates, strict=True)
    ]
    out = np.zeros(int(np.max(begins + lengths)), np.float32)
    gains = (notes[:, 3] / 127) ** VELOCITY_EXPONENT
    for n, sample in enumerate(samples):
        add_shifted(out[begins[n] : begins[n] + lengths[n]], sample, rates[n], holds[n], fades[n], gains[n])
    return out


def _checked(notes: np.ndarray) -> np.ndarray:
    notes = np.asarray(notes, np.float64)
    if notes.ndim != 2 or notes.shape[1] != 4:
        raise TrainError(f"notes of the form {notes.shape}: expected (n, 4), [onset s, offset s, pitch, velocity]")
    if not np.isfinite(notes).all() or (notes[:, 0] < 0).any() or (notes[:, 1] < notes[:, 0]).any():
        raise TrainError("a note begins before 0 s or ends before it begins: shift or mend the notes first")
    return notes


def _find(bank: Bank, name: str) -> Instrument:
    if name not in bank:
        near = get_close_matches(name, bank, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(sorted(bank)) or 'none'}"
        raise TrainError(f"the bank has no instrument '{name}'; {hint}")
    return bank[name]


def _choose(playing: Instrument, pitch: float, velocity: float, rng: np.random.Generator) -> int:
    """Index of a random take of the nearest pitch and, among its samples, the nearest velocity."""
    keys = np.round(playing.pitches)
    near = np.flatnonzero(keys == _nearest(keys, round(pitch)))
    layers = playing.velocities[near]
    near = near[layers == _nearest(layers, velocity)]
    return int(near[rng.integers(len(near))])


def _nearest(values: np.ndarray, wanted: float) -> float:
    """The value nearest to `wanted`, the lower of two equally near."""
    apart = np.abs(values - wanted)
    return float(values[apart == apart.min()].min())


def _durations(notes: np.ndarray, playing: Instrument) -> tuple[np.ndarray, np.ndarray]:
    """((n,) length of each note at full gain, (n,) length of its fade), in samples."""
    if playing.release is not None:
        holds, fades = notes[:, 1] - notes[:, 0], np.full(len(notes), playing.release)
    else:
        holds, fades = np.full(len(notes), RING_S), np.full(len(notes), CHOKE_S)
    for key, ends in CHOKES.items() if DRUMS in playing.roles else ():
        ending = notes[np.isin(notes[:, 2], ends), 0]
        mine = np.flatnonzero(notes[:, 2] == key)
        after = np.searchsorted(ending, notes[mine, 0], side="right")
        stopped = after < len(ending)
        holds[mine[stopped]] = np.minimum(RING_S, ending[after[stopped]] - notes[mine[stopped], 0])
    return np.round(holds * SAMPLERATE), np.maximum(np.round(fades * SAMPLERATE), 1)


def sustain(sample: np.ndarray, length: int) -> np.ndarray:
    """A sustained note (n,) extended to `length` samples or more: its middle is looped with a crossfade.

    A sample that is long enough is returned unchanged. The loop begins where the waveform before it correlates most
    with the waveform before the end of the loop, so that the phases of the partials agree.
    """
    if length <= len(sample):
        return sample
    end, blend = int(len(sample) * 0.9), min(int(0.06 * SAMPLERATE), len(sample) // 8)
    if blend < 1:
        return sample
    first, last = int(len(sample) * 0.3), int(len(sample) * 0.6)
    before_end = sample[end - blend : end].astype(np.float64)
    candidates = np.lib.stride_tricks.sliding_window_view(sample[first:last], blend)
    energy = np.sqrt(np.convolve(sample[first:last].astype(np.float64) ** 2, np.ones(blend), "valid") + 1e-9)
    begin = first + int(np.argmax(candidates @ before_end / energy)) + blend
    ramp = np.linspace(0, 1, blend, dtype=np.float32)
    loop = sample[begin:end].copy()
    loop[-blend:] = loop[-blend:] * (1 - ramp) + sample[begin - blend : begin] * ramp
    repeats = -(-(length - begin) // len(loop))
    return np.concatenate([sample[:begin], np.tile(loop, repeats)])


@njit(cache=True, nogil=True, fastmath=True)
def _kernels(cut: float) -> np.ndarray:
    """(PHASES + 1, taps) windowed sincs, one per fraction of a sample. cut: cut-off, 1 = the Nyquist frequency."""
    half_width = int(np.ceil(CROSSINGS / cut))
    kernels = np.zeros((PHASES + 1, 2 * half_width), np.float32)
    for phase in range(PHASES + 1):
        for tap in range(2 * half_width):
            at = (tap - half_width + 1 - phase / PHASES) * cut
            if abs(at) < CROSSINGS:
                sinc = np.sin(np.pi * at) / (np.pi * at) if abs(at) > 1e-9 else 1.0
                kernels[phase, tap] = cut * sinc * (0.5 + 0.5 * np.cos(np.pi * at / CROSSINGS))
    return kernels


@njit(cache=True, nogil=True, fastmath=True)
def add_shifted(out: np.ndarray, sample: np.ndarray, rate: float, hold: float, fade: float, gain: float) -> None:
    """Add to (n,) `out` the sample read at `rate`, times `gain`; after `hold` samples it fades over `fade` samples.

    The fade is a raised cosine. Both arrays are float32.
    """
    kernels = _kernels(min(1.0, 1.0 / rate))
    half_width = kernels.shape[1] // 2
    for n in range(len(out)):
        at = n * rate
        middle = int(at)
        part = (at - middle) * PHASES
        phase = int(part)
        left, right = kernels[phase], kernels[phase + 1]
        first = middle - half_width + 1
        low, high = max(0, -first), min(2 * half_width, len(sample) - first)
        lower, upper = np.float32(0), np.float32(0)
        for tap in range(low, high):
            lower += sample[first + tap] * left[tap]
            upper += sample[first + tap] * right[tap]
        over = n - hold
        strength = 1.0 if over <= 0 else 0.0 if over >= fade else 0.5 + 0.5 * np.cos(np.pi * over / fade)
        out[n] += np.float32((lower + (part - phase) * (upper - lower)) * gain * strength)

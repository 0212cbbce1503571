"""The memories of a session: recorded ones, and one that grows during the performance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soxr

from action import oracle
from action.concat import Concatenator, Voice
from action.cost import Boundaries, Places, boundaries
from corpora.build import completed, lengthened
from corpora.corpus import Corpus, Section
from perception.chroma import FRAME_RATE, SAMPLERATE, ChromaStream, ChromaTrack
from perception.level import rms
from perception.onsets import DELAY_FRAMES, ONSET_RATE, OnsetStream, OnsetTrack
from perception.tatum import BeatTrack, TatumTrack
from perception.traits import Traits
from perception.tuning import Tuning, tuning_of

GROWING = "live"  # name of the memory that records the performance
SHOWN_SECTIONS = 12  # sections named in a sentence
CAPACITY_S = 1800.0  # up to which it grows without being copied, which takes 0.1 s


class Memory:
    """A memory ready to be played: its labels as an oracle, its audio at the device rate.

    name: unique in its session. corpus: its labels, levels and features; None for a growing memory. neighbours:
    (vocab, vocab) int32, see `action.selection.choose`. chroma: (frames, 12) of its audio; None: it has no places.
    onsets: (frames,) of its audio. edits: how many takes were removed from it. tatums: the grid to which it keeps.
    windows: its music among words, see `agent.performance.wording`; None where there are no words. traits: of its
    places, see `agent.performance.adding`; None where it grows.
    """

    growing = False
    edits = 0
    windows: tuple[np.ndarray, np.ndarray] | None = None
    traits: Traits | None = None

    def __init__(
        self, name: str, corpus: Corpus | None, vocab: int, sound: Concatenator, neighbours: np.ndarray,
        chroma: np.ndarray | None = None, onsets: np.ndarray | None = None,
    ):  # fmt: skip
        self.name, self.corpus, self.sound, self.neighbours = name, corpus, sound, neighbours
        self.oracle = oracle.FactorOracle(vocab, () if corpus is None else corpus.labels)
        self.chroma, self.onsets = ChromaTrack(sound.hop, chroma), OnsetTrack(onsets)
        self.tatums = _grids(corpus, onsets)
        self._places: tuple[tuple[int, int, int], Places] | None = None
        self._boundaries: Boundaries | None = None
        self._sections: dict[str, Section] | None = None
        self._tuning: tuple[tuple[int, int], Tuning] | None = None

    def __len__(self) -> int:
        """Number of segments."""
        return len(self.oracle)

    @property
    def places(self) -> Places:
        """Positions at which a jump may begin: the frames of its chroma that a whole hop follows.

        Cached until the memory changes.
        """
        key = len(self), len(self.chroma), self.edits
        if self._places is None or self._places[0] != key:
            hop = self.sound.hop * FRAME_RATE  # frames
            count = min(len(self.chroma.keys), int((len(self) - 1) * hop) + 1) if len(self) else 0
            segment = np.minimum(np.arange(count) / hop + 0.5, max(0, len(self) - 1)).astype(np.int32)
            label = self.labels[segment]
            silent = (label == self.oracle.vocab - 1).astype(np.float32)
            self._places = key, Places(self.chroma.keys[:count], label, silent, segment, self.chroma.frames)
            self._boundaries = boundaries(self._places[1], hop) if count else None
        return self._places[1]

    @property
    def boundaries(self) -> Boundaries | None:
        """The places at the boundaries of its segments, None while it has none."""
        return self._boundaries if len(self.places.segment) else None

    @property
    def tuning(self) -> Tuning:
        """How high it is tuned; computed at the first call if its corpus does not say so."""
        if self._tuning is None or self._tuning[0] != (len(self), self.edits):
            kept = None if self.corpus is None else self.corpus.tuning
            found = tuning_of(self.sound.audio, round(self.sound.rate)) if kept is None else Tuning(*kept)
            self._tuning = (len(self), self.edits), found
        return self._tuning[1]

    @property
    def sections(self) -> list[Section]:
        """The parts of it that have a name, in the order of their beginnings."""
        return [] if self.corpus is None else self.corpus.sections

    def section(self, name: str) -> Section | None:
        """The section of this name, in capital letters or not, None if there is none."""
        if self._sections is None:
            self._sections = {section.name.casefold(): section for section in reversed(self.sections)}
            self._sections |= {section.name: section for section in self.sections}
        return self._sections.get(name) or self._sections.get(name.casefold())

    def no_section(self, name: str) -> str:
        """The sentence for a section that it has not got, with the names that are nearest."""
        names = [section.name for section in self.sections]
        if not names:
            return f"the memory '{self.name}' has no sections: build it with  antiphon corpus build ... --labels FILE"
        folded = {other.casefold(): other for other in names}
        near = [folded[other] for other in get_close_matches(name[:64].casefold(), folded, 3)]
        near = near or [other for other in names if name and name.casefold() in other.casefold()][:3]
        if near:
            return f"the memory '{self.name}' has no section '{name[:60]}': did you mean {_or(near)}?"
        more = f" and {len(names) - SHOWN_SECTIONS} more" if len(names) > SHOWN_SECTIONS else ""
        return (
            f"the memory '{self.name}' has no section '{name[:60]}': it has {', '.join(names[:SHOWN_SECTIONS])}{more}"
        )

    @property
    def seconds(self) -> float:
        """Length of its audio in seconds."""
        return len(self.sound.audio) / self.sound.rate

    @property
    def labels(self) -> np.ndarray:
        """(n,) int32 view: the label of each segment."""
        return self.oracle.labels

    @property
    def rms(self) -> np.ndarray:
        """(n,) float32: the level of each segment, full scale = 1."""
        assert self.corpus is not None
        return self.corpus.rms

    def level(self, segment: int) -> float:
        """Root mean square of a segment, full scale = 1."""
        return float(self.rms[segment])

    def feature(self, segment: int) -> np.ndarray:
        """(dim,) features of a segment."""
        assert self.corpus is not None
        return self.corpus.features[segment]


def _or(names: list[str]) -> str:
    """Names as they may be chosen from in a sentence: 'a', 'b' or 'c'."""
    *first, last = [f"'{name}'" for name in names]
    return f"{', '.join(first)} or {last}" if first else last


def _grids(corpus: Corpus | None, onsets: np.ndarray | None) -> TatumTrack:
    """The grid of a memory at every moment: half the beats that were given with it, else its tatum, stored or found."""
    if corpus is None or onsets is None:
        return TatumTrack(onsets)
    stored = None if corpus.onsets is None else corpus.tatums  # of other onsets, if these are not stored
    if not len(corpus.beats):
        return TatumTrack(onsets, stored)
    starts = {source["start"] for source in corpus.sources if source.get("start") in range(len(corpus))}
    edges = np.array([*sorted({0, *starts}), len(corpus)]) * corpus.hop
    spans = [(a, b) for a, b in pairwise(edges) if ((corpus.beats >= a) & (corpus.beats < b)).sum() > 1]
    return BeatTrack(onsets, stored, _frames(corpus.beats), [(_frames(a), _frames(b)) for a, b in spans])


def _frames(seconds: Any) -> Any:
    """Where in the onset envelope something of a moment of the audio, s, is to be found."""
    return seconds * ONSET_RATE + DELAY_FRAMES


@dataclass(frozen=True, kw_only=True)
class MemorySnapshot:
    """A growing memory at one moment. It shares the audio; `corpus` and `save` may run in any thread."""

    name: str
    samplerate: int  # Hz
    hop: float  # s
    alphabet: str  # hash
    units: int
    labels: np.ndarray  # (segments,) int32
    rms: tuple[float, ...]  # level of each segment, full scale = 1
    features: tuple[np.ndarray, ...]  # (dim,) float16 of each segment
    chroma: np.ndarray  # (frames, 12) float32
    onsets: np.ndarray  # (frames,) float32
    audio: np.ndarray  # (samples,) float32, whole segments

    def corpus(self) -> Corpus:
        """The same as a corpus; CorpusError if nothing was recorded."""
        return completed(self._corpus())

    def _corpus(self) -> Corpus:
        return Corpus(
            name=self.name,
            samplerate=self.samplerate,
            hop=self.hop,
            alphabet=self.alphabet,
            units=self.units,
            labels=self.labels,
            rms=np.array(self.rms, np.float32),
            features=np.stack(self.features) if self.features else np.zeros((0, 1)),
            sources=[{"file": f"{self.name} (recorded on stage)", "start": 0, "seconds": len(self.labels) * self.hop}],
            licence="recorded on stage",
            recording=self.audio,
            chroma=lengthened(self.chroma, len(self.labels), self.hop, FRAME_RATE),
            onsets=lengthened(self.onsets, len(self.labels), self.hop, ONSET_RATE),
        )

    def save(self, folder: str | Path) -> None:
        """Write a corpus folder, completely or not at all. CorpusError or AudioError."""
        self.corpus().save(folder)


TakeListener = Callable[[str, "np.ndarray | None"], None]  # "take", "grow" with (n,) float32, "done" or "undo"


class TakeListeners:
    """The functions that follow a growing memory, called in the thread that records."""

    def __init__(self) -> None:
        self._listeners: list[TakeListener] = []

    def subscribe(self, listener: TakeListener) -> Callable[[], None]:
        """Call `listener` from now on; return a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def notify(self, event: str, audio: np.ndarray | None = None) -> None:
        """Call every listener with an event and its audio, see `TakeListener`."""
        for listener in tuple(self._listeners):
            listener(event, audio)


class Memories(Protocol):
    """Memories by their number: a repertoire, or a list."""

    def __getitem__(self, number: int, /) -> Memory: ...


class GrowingMemory(Memory):
    """A memory that records: each hop comes with its label and features, so nothing is analysed again.

    Takes follow each other; `undo` removes the newest. The samples are stored unchanged. A take begins on a segment
    boundary of the memory. If a hop is not a whole number of samples, hops and segments may differ by up to two
    samples, so such a take begins with two samples of silence and never lacks a sample.
    """

    growing = True

    def __init__(
        self, name: str, vocab: int, sound: Concatenator, neighbours: np.ndarray, alphabet: tuple[str, int],
        listeners: TakeListeners | None = None,
    ):  # fmt: skip
        super().__init__(name, None, vocab, sound, neighbours)
        self._listeners = listeners or TakeListeners()
        self.oracle = oracle.FactorOracle(vocab, capacity=max(1, round(CAPACITY_S / sound.hop)))
        self.alphabet, self.units = alphabet
        self.takes: list[int] = []  # first segment of each take
        self._rms: list[float] = []
        self._features: list[np.ndarray] = []
        self._left_over = np.zeros(0, np.float32)  # samples of the last hop that belong to the next segment
        self._streams, self._resampler = (ChromaStream(), OnsetStream()), self._new_resampler()

    def _new_resampler(self) -> soxr.ResampleStream:
        return soxr.ResampleStream(self.sound.rate, SAMPLERATE, 1, "float32", "HQ")

    @property
    def rms(self) -> np.ndarray:
        """(n,) float32: the level of each segment, full scale = 1."""
        return np.array(self._rms, np.float32)

    def level(self, segment: int) -> float:
        """Root mean square of a segment, full scale = 1."""
        return self._rms[segment]

    def feature(self, segment: int) -> np.ndarray:
        """(dim,) features of a segment."""
        return self._features[segment]

    def begin(self) -> None:
        """Begin a new take."""
        self.takes.append(len(self))
        self.sound.start_take()
        self._streams, self._resampler = (ChromaStream(), OnsetStream()), self._new_resampler()
        missing = round(len(self) * self.sound.hop * FRAME_RATE) - len(self.chroma)
        self.chroma.append(np.zeros((max(0, missing), 12), np.float32))
        missing = round(len(self) * self.sound.hop * ONSET_RATE) - len(self.onsets)
        self._add_onsets(np.zeros(max(0, missing), np.float32))
        self._left_over = np.zeros(0 if (self.sound.hop * self.sound.rate).is_integer() else 2, np.float32)
        self._listeners.notify("take")

    def append(self, audio: np.ndarray, label: int, feature: np.ndarray) -> None:
        """Add one hop, (frames,) float32 at the device rate, as a segment with its label and features (dim,)."""
        samples = np.concatenate([self._left_over, audio])
        size = self.sound.boundary(self.oracle.append(label) + 1) - len(self.sound.audio)
        self._left_over = samples[size:]
        self.sound.append(samples[:size])
        resampled, (chroma, onsets) = self._resampler.resample_chunk(samples[:size]), self._streams
        self.chroma.append(chroma.hear(resampled))
        self._add_onsets(onsets.hear(resampled))
        self._rms.append(float(np.float32(rms(audio))))
        self._features.append(np.asarray(feature, np.float16))
        self._listeners.notify("grow", audio)

    def _add_onsets(self, frames: np.ndarray) -> None:
        self.onsets.append(frames)
        self.tatums.append(frames)

    def end(self) -> None:
        """End the take; a take without a segment is removed."""
        if self.takes and self.takes[-1] == len(self):
            self.takes.pop()
        self._listeners.notify("done")

    def undo(self) -> int:
        """Remove the newest take; return how many segments remain. IndexError if there is no take."""
        segments = self.takes.pop()
        self.oracle.truncate(segments)
        self.sound.truncate(self.sound.boundary(segments))
        self.chroma.truncate(round(segments * self.sound.hop * FRAME_RATE))
        self.onsets.truncate(round(segments * self.sound.hop * ONSET_RATE))
        self.tatums.truncate(len(self.onsets))
        del self._rms[segments:], self._features[segments:]
        self.edits += 1
        self._listeners.notify("undo")
        return segments

    def snapshot(self) -> MemorySnapshot:
        """The memory as it is now; labels are copied, audio is shared."""
        sound, audio = self.sound, self.sound.frozen_view()
        return MemorySnapshot(
            name=self.name,
            samplerate=round(sound.rate),
            hop=sound.hop,
            alphabet=self.alphabet,
            units=self.units,
            labels=self.labels.copy(),
            rms=tuple(self._rms),
            features=tuple(self._features),
            chroma=self.chroma.frames.copy(),
            onsets=self.onsets.frames.copy(),
            audio=audio,
        )


def render_segment(
    memories: Memories,
    voice: Voice,
    sounding_memory: int,
    memory: int,
    segment: int,
    frames: int,
    gain: float | None,
    shift: int = 0,
    *,
    ratio: float = 1.0,
    semitones: int = 0,
) -> tuple[np.ndarray, Voice]:
    """Render a segment of a memory: (frames,) float32 in [-1, 1], and the voice after it. `voice` is not changed.

    sounding_memory: number of the memory that `voice` plays. From one memory to another there is a crossfade, as at a
    jump.
    """
    next_voice = replace(voice) if sounding_memory == memory else memories[sounding_memory].sound.detach(voice)
    sound = memories[memory].sound
    return sound.step(next_voice, segment, frames, gain, shift, ratio=ratio, semitones=semitones), next_voice


def voice_after_truncation(memory: Memory, voice: Voice, samples: int) -> Voice:
    """The voice after its memory was truncated from `samples`; it is detached if its segment was removed.

    Call it before anything is appended, because the removed sound is still read from its old position.
    """
    sound = memory.sound
    removed = voice.segment >= 0 and sound.boundary(voice.segment) >= len(sound.audio)
    return sound.detach(voice, samples) if removed and samples > len(sound.audio) else voice

"""From recordings to a corpus: each file is streamed once to see that it is sound, and once to be cut and named."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpora.annotations import named_apart, read_beats, read_sections
from corpora.audio import AudioWriter, open_audio, regroup
from corpora.corpus import RATES, Corpus, CorpusError, Section, corpus_folder, load, write_segments
from perception import chroma, onsets
from perception.level import rms
from perception.tatum import TatumTrack
from perception.tuning import TuningMeter, tuning_of

if TYPE_CHECKING:  # the type alone: who only reads corpora need not wait for torch
    from perception.stream import LabelledHop, Listener

Progress = Callable[[float, float], None]  # seconds done, seconds in all


@dataclass(frozen=True)
class _Source:
    path: Path
    samplerate: int
    seconds: float
    peak: float


def lengthened(frames: np.ndarray, segments: int, hop: float, rate: float, earlier: int = 0) -> np.ndarray:
    """(n, ...) frames, the last one repeated until they and so many `earlier` ones last as long as the segments."""
    missing = round(segments * hop * rate) - earlier - len(frames)
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)]) if missing > 0 else frames


@dataclass
class _Segments:
    """What is kept of every segment; a few hundred bytes each, the audio itself goes straight to the disk."""

    labels: list[int]
    rms: list[float]
    features: list[np.ndarray]
    chroma: list[np.ndarray]  # (frames, 12) float16 of each segment, as many as end in it
    onsets: list[np.ndarray]  # (frames,) float16, likewise

    def add(self, audio: np.ndarray, heard: LabelledHop) -> None:
        if heard.chroma is not None and heard.onsets is not None:
            self.chroma.append(heard.chroma.astype(np.float16))
            self.onsets.append(heard.onsets.astype(np.float16))
        self.labels.append(int(heard.label))
        self.rms.append(float(rms(audio)))
        self.features.append(np.asarray(heard.feature, np.float16))

    def fill(self, hop: float) -> None:
        """Repeat the last frames of a source, where its segments are no whole number of frames long."""
        for parts, rate in ((self.chroma, chroma.FRAME_RATE), (self.onsets, onsets.ONSET_RATE)):
            if parts:
                earlier = sum(map(len, parts[:-1]))
                parts[-1] = lengthened(parts[-1], len(self.labels), hop, rate, earlier)


def build(
    files: Sequence[str | Path],
    listen: Callable[[int], Listener],
    out: str | Path,
    *,
    samplerate: int | None = None,
    name: str | None = None,
    licence: str = "",
    beats: Sequence[str | Path | None] = (),
    labels: Sequence[str | Path | None] = (),
    progress: Progress | None = None,
) -> Corpus:
    """Cut `files` into segments of one hop, name them, write the corpus folder `out` and return it.

    listen: makes a Listener for a sample rate in Hz; its alphabet gives hop and labels. The files follow each other,
    each padded with silence to whole segments. samplerate: of the corpus, Hz; None takes the highest of the files.
    name: the folder's if None. beats, labels: files with the beats and the sections of each recording, see
    `corpora.annotations`; None for a recording without, () if there are none at all. AudioError or CorpusError in one
    sentence; then nothing is written, and a corpus that was at `out` is still there. Recordings above full scale are
    turned down together, so none is clipped.
    """
    if not files:
        raise CorpusError("no audio was given: name at least one file, like  antiphon corpus build take.wav -o DIR")
    inspected = [_inspect(Path(file)) for file in files]
    rate = samplerate or max(source.samplerate for source in inspected)
    if not RATES[0] <= rate <= RATES[1]:
        raise CorpusError(f"samplerate = {rate} Hz: a corpus may have {RATES[0]} to {RATES[1]} Hz, 48000 is usual")
    listener = listen(rate)
    hop, gain = listener.alphabet.hop, min(1.0, 1 / max(source.peak for source in inspected))
    total = sum(source.seconds for source in inspected)
    _refuse_short(inspected, hop)
    marks = _read_marks(inspected, beats, labels)
    with corpus_folder(out) as folder:
        segments, sources, starts, meter = _Segments([], [], [], [], []), list[dict[str, Any]](), [], TuningMeter(rate)
        with AudioWriter(folder / "audio.flac", rate) as writer:
            for source in inspected:
                starts.append(len(segments.labels))
                entry = {"file": str(source.path), "start": starts[-1], "seconds": round(source.seconds, 6)}
                sources.append({**entry, "gain_db": round(20 * math.log10(gain), 2)} if gain < 1 else entry)
                for seconds in _add(source, listener, rate, gain, segments, writer, meter):
                    if progress:
                        progress(min(seconds, total), total)
        meter.hear(np.zeros(0, np.float32), last=True)
        about = {
            "sources": sources, "licence": licence, "tuning": meter.tuning,
            **_placed(marks, [start * hop for start in (*starts, len(segments.labels))]),
        }  # fmt: skip
        write_segments(folder, _corpus(segments, listener, rate, name or Path(out).resolve().name, **about))
    return load(out)


def _read_marks(
    sources: Sequence[_Source], beats: Sequence[str | Path | None], labels: Sequence[str | Path | None]
) -> list[tuple[np.ndarray, list[Section]]]:
    """Beats and sections of each recording, in s from its beginning."""
    none = [None] * len(sources)
    return [
        (
            np.zeros(0) if beat_file is None else read_beats(beat_file, source.seconds),
            [] if label_file is None else read_sections(label_file, source.seconds),
        )
        for source, beat_file, label_file in zip(sources, beats or none, labels or none, strict=True)
    ]


def _placed(
    marks: Sequence[tuple[np.ndarray, list[Section]]], begins_s: Sequence[float]
) -> dict[str, np.ndarray | list[Section]]:
    """The same in s of the corpus. begins_s: where each recording begins, and where the last one ends."""
    beats, sections = [np.zeros(0)], list[Section]()
    for (some, named), begin, end in zip(marks, begins_s[:-1], begins_s[1:], strict=True):
        beats.append((some + begin)[some + begin < end])
        sections += [
            Section(section.name, begin + section.begin, min(begin + section.end, end))
            for section in named
            if begin + section.begin < end
        ]
    return {"beats": np.concatenate(beats), "sections": named_apart(sections)}


def completed(corpus: Corpus) -> Corpus:
    """A corpus with its tatums and tuning, computed as `build` does it if an older one lacks them."""
    if corpus.tatums is not None and corpus.tuning is not None:
        return corpus
    tuning = corpus.tuning or tuning_of(corpus.audio(), corpus.samplerate)
    envelope = onsets.onsets_of(corpus.audio(), corpus.samplerate) if corpus.onsets is None else corpus.onsets
    return replace(corpus, tuning=tuning, onsets=envelope, tatums=TatumTrack(envelope.astype(np.float16)).rows)


def label(audio: np.ndarray, name: str, listener: Listener, progress: Progress | None = None) -> Corpus:
    """Name the segments of a recording held in memory, (whole segments,) float32 at the listener's rate.

    For a memory given as an audio file: nothing is written. CorpusError if there is nothing to play in it.
    """
    hearing, segments, start = listener.start(), _Segments([], [], [], [], []), 0
    while start < len(audio):
        size = listener.next_hop_samples(hearing)
        segment = audio[start : start + size]
        segments.add(segment, listener.step(hearing, segment))
        start += size
        if progress:
            progress(start / listener.samplerate, len(audio) / listener.samplerate)
    tuning = tuning_of(audio, listener.samplerate)
    return _corpus(segments, listener, listener.samplerate, name, recording=audio, tuning=tuning)


def _corpus(segments: _Segments, listener: Listener, samplerate: int, name: str, **more: Any) -> Corpus:
    """The corpus of these segments; CorpusError if all of them are silence."""
    known = len(segments.onsets) == len(segments.labels)
    envelope = np.concatenate(segments.onsets) if known else None
    corpus = Corpus(
        name=name,
        samplerate=samplerate,
        hop=listener.alphabet.hop,
        alphabet=listener.alphabet.hash,
        units=listener.alphabet.units,
        labels=np.array(segments.labels),
        rms=np.array(segments.rms),
        features=np.stack(segments.features),
        chroma=np.concatenate(segments.chroma) if len(segments.chroma) == len(segments.labels) else None,
        onsets=envelope,
        tatums=None if envelope is None else TatumTrack(envelope).rows,
        **more,
    )
    _refuse_silence(corpus)
    return corpus


def _inspect(path: Path) -> _Source:
    """Read the whole file once, so that a bad sample in its third hour is found before anything is written."""
    with open_audio(path) as file:
        peak, frames = 1e-9, 0
        for block in file.blocks():
            peak, frames = max(peak, float(np.abs(block).max())), frames + len(block)
        return _Source(path, file.samplerate, frames / file.samplerate, peak)


def _refuse_short(sources: Sequence[_Source], hop: float) -> None:
    for source in sources:
        open_audio(source.path, at_least=hop).close()


def _add(
    source: _Source, listener: Listener, rate: int, gain: float, segments: _Segments, writer: AudioWriter,
    meter: TuningMeter,
) -> Iterator[float]:  # fmt: skip
    """Append one file, yielding the seconds of corpus after each segment.

    The listener counts its hops from the start of the file, the corpus from its own; where a hop is no whole number of
    samples the two counts cut one sample apart. The audio is written as it is heard, and the file ends one sample
    earlier or later, so that the next one begins on a boundary of the corpus. The last sample waits for that.
    """
    from perception.stream import boundary, hop_sizes

    def append(samples: np.ndarray) -> None:
        writer.write(samples)
        meter.hear(samples)

    hop, hearing = listener.alphabet.hop, listener.start()
    waiting = np.zeros(0, np.float32)
    with open_audio(source.path) as file:
        for size, audio in zip(
            hop_sizes(hop, rate), regroup(file.blocks(rate=rate), hop_sizes(hop, rate)), strict=False
        ):
            audio = np.pad(audio * np.float32(gain), (0, size - len(audio)))
            segments.add(audio, listener.step(hearing, audio))
            append(np.concatenate([waiting, audio[:-1]]))
            waiting = audio[-1:]
            yield len(segments.labels) * hop
    segments.fill(hop)
    room = boundary(len(segments.labels), hop, rate) - writer.frames
    append(np.pad(waiting[:room], (0, max(room - len(waiting), 0))))


def _refuse_silence(corpus: Corpus) -> None:
    if (corpus.labels != corpus.units).any():
        return
    loudest = 20 * math.log10(max(float(corpus.rms.max()), 1e-6))
    raise CorpusError(
        f"corpus '{corpus.name}' would be all silence, its loudest segment has {loudest:.0f} dBFS: "
        "record it louder, or lower the gate with  --set perception.gate_db=-80"
    )

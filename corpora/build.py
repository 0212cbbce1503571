"""From recordings to a corpus: each file is streamed once to see that it is sound, and once to be cut and named."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpora.audio import AudioWriter, open_audio, regroup
from corpora.corpus import RATES, Corpus, CorpusError, corpus_folder, load, write_segments
from perception import chroma, onsets
from perception.level import rms

if TYPE_CHECKING:  # the type alone: who only reads corpora need not wait for torch
    from perception.stream import LabelledHop, Listener

Progress = Callable[[float, float], None]  # seconds done, seconds in all


@dataclass(frozen=True)
class _Source:
    path: Path
    samplerate: int
    seconds: float
    peak: float


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
            missing = round(len(self.labels) * hop * rate) - sum(map(len, parts))
            if parts and missing > 0:
                parts[-1] = np.concatenate([parts[-1], np.repeat(parts[-1][-1:], missing, axis=0)])


def build(
    files: Sequence[str | Path],
    listen: Callable[[int], Listener],
    out: str | Path,
    *,
    samplerate: int | None = None,
    name: str | None = None,
    licence: str = "",
    progress: Progress | None = None,
) -> Corpus:
    """Cut `files` into segments of one hop, name them, write the corpus folder `out` and return it.

    listen: makes a Listener for a sample rate in Hz; its alphabet gives hop and labels. The files follow each other,
    each padded with silence to whole segments. samplerate: of the corpus, Hz; None takes the highest of the files.
    name: the folder's if None. AudioError or CorpusError in one sentence; then nothing is written, and a corpus
    that was at `out` is still there. Recordings above full scale are turned down together, so none is clipped.
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
    with corpus_folder(out) as folder:
        segments, sources = _Segments([], [], [], [], []), []
        with AudioWriter(folder / "audio.flac", rate) as writer:
            for source in inspected:
                entry = {"file": str(source.path), "start": len(segments.labels), "seconds": round(source.seconds, 6)}
                sources.append({**entry, "gain_db": round(20 * math.log10(gain), 2)} if gain < 1 else entry)
                for seconds in _add(source, listener, rate, gain, segments, writer):
                    if progress:
                        progress(min(seconds, total), total)
        name = name or Path(out).resolve().name
        write_segments(folder, _corpus(segments, listener, rate, name, sources=sources, licence=licence))
    return load(out)


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
    return _corpus(segments, listener, listener.samplerate, name, recording=audio)


def _corpus(segments: _Segments, listener: Listener, samplerate: int, name: str, **more: Any) -> Corpus:
    """The corpus of these segments; CorpusError if all of them are silence."""
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
        onsets=np.concatenate(segments.onsets) if len(segments.onsets) == len(segments.labels) else None,
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
    source: _Source, listener: Listener, rate: int, gain: float, segments: _Segments, writer: AudioWriter
) -> Iterator[float]:
    """Append one file, yielding the seconds of corpus after each segment.

    The listener counts its hops from the start of the file, the corpus from its own; where a hop is no whole number of
    samples the two counts cut one sample apart. The audio is written as it is heard, and the file ends one sample
    earlier or later, so that the next one begins on a boundary of the corpus. The last sample waits for that.
    """
    from perception.stream import boundary, hop_sizes

    hop, hearing = listener.alphabet.hop, listener.start()
    waiting = np.zeros(0, np.float32)
    with open_audio(source.path) as file:
        for size, audio in zip(
            hop_sizes(hop, rate), regroup(file.blocks(rate=rate), hop_sizes(hop, rate)), strict=False
        ):
            audio = np.pad(audio * np.float32(gain), (0, size - len(audio)))
            segments.add(audio, listener.step(hearing, audio))
            writer.write(np.concatenate([waiting, audio[:-1]]))
            waiting = audio[-1:]
            yield len(segments.labels) * hop
    segments.fill(hop)
    room = boundary(len(segments.labels), hop, rate) - writer.frames
    writer.write(np.pad(waiting[:room], (0, max(room - len(waiting), 0))))


def _refuse_silence(corpus: Corpus) -> None:
    if (corpus.labels != corpus.units).any():
        return
    loudest = 20 * math.log10(max(float(corpus.rms.max()), 1e-6))
    raise CorpusError(
        f"corpus '{corpus.name}' would be all silence, its loudest segment has {loudest:.0f} dBFS: "
        "record it louder, or lower the gate with  --set perception.gate_db=-80"
    )

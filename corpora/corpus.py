"""The corpus: a recorded memory cut into segments of one hop, each with its label.

A folder holds it: `audio.flac` (24 bit, mono), `segments.npz` (start, label, rms, feature; chroma and onset of its
frames, tatum of its onsets, beat if its beats were given) and `corpus.json` (format, hop, sample rate, alphabet,
sources, licence, tuning, sections). What an older corpus lacks is computed when it becomes
a memory (`agent.performance.repertoire.Repertoire.add`). Nothing is read by
pickle; a folder is written whole or not.
Segment i covers the samples boundary(i) to boundary(i + 1), see `boundary`.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from corpora.audio import AudioError, AudioWriter, atomic_folder, atomic_write, open_audio

FORMAT = 1  # version of the folder; raised when an older Antiphon could not read it
FILES = ("audio.flac", "segments.npz", "corpus.json")
NAME_LENGTH = 200  # letters of the name of a section
RATES = (1000, 655_350)  # Hz, what FLAC holds
_FIELDS = {"name": str, "samplerate": int, "hop": float, "alphabet": str, "units": int, "sources": list, "licence": str}
_TUNING = ("cents", "confidence")  # keys of the tuning in corpus.json


def boundary(i: int, hop: float, rate: float) -> int:
    """First sample of segment `i`; hop in s, rate in Hz. Rounded from 0, not added up, so that nothing drifts."""
    return round(i * hop * rate)


class CorpusError(ValueError):
    """A corpus that cannot be read, written or used; the message says what to do."""


class Section(NamedTuple):
    """A stretch of a corpus that has a name."""

    name: str  # unlike that of any other section, printable, NAME_LENGTH letters at most
    begin: float  # s
    end: float  # s


@dataclass(kw_only=True)
class Corpus:
    """A recorded memory of n segments. Labels are 0..units-1, and `units` for silence.

    recording is the audio itself, (samples,) float32, or the file that holds it; ask `audio()` for it.
    CorpusError if the parts do not belong together.
    """

    name: str
    samplerate: int  # Hz
    hop: float  # s, length of a segment
    alphabet: str  # hash of the alphabet that gave the labels
    units: int  # labels without silence
    labels: np.ndarray  # (n,) int32 in [0, units]
    rms: np.ndarray  # (n,) float32, full scale = 1
    features: np.ndarray  # (n, dim) float16
    sources: list[dict[str, Any]] = field(default_factory=list)  # {"file", "start": first segment, "seconds"}
    licence: str = ""
    recording: np.ndarray | Path | None = field(default=None, repr=False)
    chroma: np.ndarray | None = field(default=None, repr=False)  # (frames, 12) float16, see `perception.chroma`
    onsets: np.ndarray | None = field(default=None, repr=False)  # (frames,) float16, see `perception.onsets`
    tatums: np.ndarray | None = field(default=None, repr=False)  # (blocks, 3) float64, see `perception.tatum`
    tuning: tuple[float, float] | None = None  # cents above A = 440 Hz, confidence; see `perception.tuning`
    beats: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)  # (n,) float64 s, rising; if given
    sections: list[Section] = field(default_factory=list)  # in the order of their beginnings

    def __post_init__(self) -> None:
        _check_header(self)
        self.labels = np.asarray(self.labels, np.int32)
        self.rms = np.asarray(self.rms, np.float32)
        largest = np.finfo(np.float16).max
        self.features = np.clip(np.asarray(self.features), -largest, largest).astype(np.float16)
        if self.chroma is not None:
            self.chroma = np.clip(np.asarray(self.chroma), 0, largest).astype(np.float16)
        if self.onsets is not None:
            self.onsets = np.clip(np.asarray(self.onsets), 0, largest).astype(np.float16)
        _check_segments(self)
        _check_time(self)

    def __len__(self) -> int:
        """Number of segments."""
        return len(self.labels)

    @property
    def samples(self) -> int:
        """Length of the audio in samples; always whole segments."""
        return boundary(len(self), self.hop, self.samplerate)

    def audio(self) -> np.ndarray:
        """(samples,) float32 mono at `samplerate`, read from the disk at the first call and kept."""
        if isinstance(self.recording, Path):
            with open_audio(self.recording) as file:
                self.recording = file.read()
        if self.recording is None or len(self.recording) != self.samples:
            recorded = 0 if self.recording is None else len(self.recording)
            raise CorpusError(
                f"corpus '{self.name}' holds {recorded} samples of audio for {self.samples} samples of segments: "
                "build it again with  antiphon corpus build"
            )
        return self.recording

    def save(self, folder: str | Path) -> None:
        """Write the folder, replacing a corpus that is there; whole or not at all. CorpusError or AudioError."""
        with corpus_folder(folder) as temporary:
            with AudioWriter(temporary / FILES[0], self.samplerate) as writer:
                writer.write(self.audio())
            write_segments(temporary, self)


def corpus_folder(folder: str | Path) -> AbstractContextManager[Path]:
    """`with corpus_folder(DIR) as temporary:` gives a folder that becomes the corpus DIR when the block ends well."""
    return atomic_folder(folder, replaces=FILES)


def write_segments(folder: Path, corpus: Corpus) -> None:
    """Write all but the audio of a corpus into `folder`."""
    n = len(corpus)
    start = np.array([boundary(i, corpus.hop, corpus.samplerate) for i in range(n)], np.int64)
    npz = io.BytesIO()
    analysis = {"chroma": corpus.chroma, "onset": corpus.onsets, "tatum": corpus.tatums}
    if len(corpus.beats):
        analysis["beat"] = corpus.beats
    more: dict[str, Any] = {key: value for key, value in analysis.items() if value is not None}
    np.savez(npz, start=start, label=corpus.labels, rms=corpus.rms, feature=corpus.features, **more)
    atomic_write(folder / FILES[1], npz.getvalue())
    header = {"format": FORMAT, "segments": n, **{key: getattr(corpus, key) for key in _FIELDS}}
    if corpus.tuning is not None:
        header["tuning"] = dict(zip(_TUNING, corpus.tuning, strict=True))
    if corpus.sections:
        header["sections"] = [section._asdict() for section in corpus.sections]
    atomic_write(folder / FILES[2], json.dumps(header, indent=1) + "\n")


def load(folder: str | Path) -> Corpus:
    """Read a corpus; its audio is only opened and measured, see `Corpus.audio`. CorpusError says what is wrong."""
    folder = Path(folder)
    header = _read_header(folder)
    arrays = _read_arrays(folder)
    try:
        corpus = Corpus(
            **{key: header[key] for key in _FIELDS},
            labels=_integers(arrays["label"]),
            rms=arrays["rms"],
            features=arrays["feature"],
            chroma=arrays.get("chroma"),
            onsets=arrays.get("onset"),
            tatums=arrays.get("tatum"),
            tuning=tuple(header["tuning"][key] for key in _TUNING) if "tuning" in header else None,
            beats=arrays.get("beat", np.zeros(0)),
            sections=[Section(**section) for section in header.get("sections", [])],
            recording=folder / FILES[0],
        )
        _check_audio(folder, corpus, arrays["start"], header["segments"])
    except (KeyError, TypeError, ValueError, OverflowError, AudioError) as error:
        raise _damaged(folder, error) from None
    return corpus


def check(corpus: Corpus, alphabet: str, hop: float, folder: str | Path = "DIR", model: str | Path = "DIR") -> None:
    """CorpusError unless the corpus was labelled with this alphabet at this hop; names both and the way out."""
    if corpus.alphabet == alphabet and abs(corpus.hop - hop) < 1e-9:
        return
    files = " ".join(f"'{source['file']}'" for source in corpus.sources) or "AUDIO..."
    raise CorpusError(
        f"corpus '{corpus.name}' was labelled with alphabet {corpus.alphabet} at {corpus.hop:g} s, the model speaks "
        f"{alphabet} at {hop:g} s. Run:  antiphon corpus build {files} -o {folder} --model {model}"
    )


def info(corpus: Corpus) -> dict[str, Any]:
    """The JSON of `antiphon corpus info`: shares of all segments, levels in dBFS RMS of those that are not silence."""
    audible = corpus.labels != corpus.units
    level = 20 * np.log10(np.maximum(corpus.rms[audible], 1e-7))
    repeats = corpus.labels[1:] == corpus.labels[:-1]
    return {
        "name": corpus.name,
        "segments": len(corpus),
        "seconds": round(len(corpus) * corpus.hop, 3),
        "hop": corpus.hop,
        "samplerate": corpus.samplerate,
        "alphabet": corpus.alphabet,
        "units": corpus.units,
        "labels_used": len(np.unique(corpus.labels[audible])),
        "silence": round(float(1 - audible.mean()), 4),
        "self_repeat": round(float(repeats.mean()), 4) if len(repeats) else 0.0,
        "level_db": [round(float(q), 1) for q in np.percentile(level, (0, 50, 100))] if len(level) else None,
        "sources": corpus.sources,
        "licence": corpus.licence,
    }


def _check_header(corpus: Corpus) -> None:
    for key, kind in _FIELDS.items():
        value = getattr(corpus, key)
        if kind is float and type(value) is int:
            value = float(value)
            setattr(corpus, key, value)
        if type(value) is not kind:
            raise CorpusError(f"corpus '{corpus.name}': {key} = {value!r}: expected {kind.__name__}")
    for key, value, low, high in (
        ("samplerate", corpus.samplerate, *RATES),
        ("hop", corpus.hop, 0.02, 10.0),
        ("units", corpus.units, 1, 65536),
    ):
        if not low <= value <= high:
            raise CorpusError(f"corpus '{corpus.name}': {key} = {value}: expected {low} to {high}")
    for source in corpus.sources:
        if type(source) is not dict or not isinstance(source.get("file"), str):
            raise CorpusError(f"corpus '{corpus.name}': source {source!r}: expected file, start, seconds")


def _check_segments(corpus: Corpus) -> None:
    n = len(corpus.labels) if corpus.labels.ndim == 1 else -1
    if n <= 0:
        raise CorpusError(f"corpus '{corpus.name}' has no segments: build it from at least one hop of audio")
    if corpus.rms.shape != (n,) or corpus.features.ndim != 2 or len(corpus.features) != n:
        raise CorpusError(
            f"corpus '{corpus.name}' has {n} labels, {corpus.rms.shape} levels and {corpus.features.shape} features: "
            "expected one of each per segment; build it again"
        )
    if corpus.labels.min() < 0 or corpus.labels.max() > corpus.units:
        wrong = corpus.labels[(corpus.labels < 0) | (corpus.labels > corpus.units)][0]
        raise CorpusError(f"corpus '{corpus.name}' has a label {wrong}: expected 0 to {corpus.units}; build it again")
    chroma = corpus.chroma
    if chroma is not None and (chroma.ndim != 2 or chroma.shape[1:] != (12,) or not np.isfinite(chroma).all()):
        raise CorpusError(f"corpus '{corpus.name}' has a chroma {chroma.shape} of no use: build it again")
    if corpus.onsets is not None and (corpus.onsets.ndim != 1 or not np.isfinite(corpus.onsets).all()):
        raise CorpusError(f"corpus '{corpus.name}' has onsets {corpus.onsets.shape} of no use: build it again")
    if not (np.isfinite(corpus.rms).all() and (corpus.rms >= 0).all() and np.isfinite(corpus.features).all()):
        raise CorpusError(f"corpus '{corpus.name}' has levels or features that are no numbers: build it again")


def _check_time(corpus: Corpus) -> None:
    """CorpusError unless tatums, tuning, beats and sections are what they should be."""
    again, seconds = "of no use: build it again", len(corpus) * corpus.hop
    if corpus.tatums is not None:
        tatums = corpus.tatums = _numbers(corpus, "tatums", corpus.tatums)
        if tatums.shape[1:] != (3,) or (tatums[:, 1] < 0).any() or (np.abs(tatums[:, 2] - 0.5) > 0.5).any():
            raise CorpusError(f"corpus '{corpus.name}' has tatums {tatums.shape} {again}")
    if corpus.tuning is not None:
        if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in corpus.tuning):
            raise CorpusError(f"corpus '{corpus.name}' has a tuning {corpus.tuning!r} {again}")
        cents, confidence = corpus.tuning = (float(corpus.tuning[0]), float(corpus.tuning[1]))
        if not (-50 <= cents <= 50 and 0 <= confidence <= 1):
            raise CorpusError(
                f"corpus '{corpus.name}' has a tuning of {cents:g} cents, sure by {confidence:g}, {again}"
            )
    beats = corpus.beats = _numbers(corpus, "beats", corpus.beats)
    if beats.ndim != 1 or (np.diff(beats) <= 0).any() or (len(beats) and not 0 <= beats[0] <= beats[-1] <= seconds):
        raise CorpusError(f"corpus '{corpus.name}' has beats that do not follow each other: build it again")
    for section in corpus.sections:
        name, *times = section
        if type(name) is not str or not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
            raise CorpusError(f"corpus '{corpus.name}' has a section without a name that can be told: build it again")
        if not all(type(time) in (int, float) for time in times) or not 0 <= times[0] < times[1] <= seconds:
            raise CorpusError(
                f"corpus '{corpus.name}' has a section '{name}' of {times} s in {seconds:g} s: build it again"
            )
    if len({section.name for section in corpus.sections}) < len(corpus.sections):
        raise CorpusError(f"corpus '{corpus.name}' has two sections of one name: build it again")


def _numbers(corpus: Corpus, what: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise CorpusError(f"corpus '{corpus.name}' has {what} that are no numbers: build it again")
    return values.astype(np.float64)


def _read_header(folder: Path) -> dict[str, Any]:
    if folder.is_file():
        raise CorpusError(f"'{folder}' is a file, not a corpus: make one with  antiphon corpus build '{folder}' -o DIR")
    if not folder.is_dir():
        raise CorpusError(f"there is no corpus '{folder}': check its name, or make one with  antiphon corpus build")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise CorpusError(
            f"'{folder}' is not a corpus, it has no {missing[0]}: make one with  antiphon corpus build AUDIO -o DIR"
        )
    try:
        header: dict[str, Any] = json.loads((folder / FILES[2]).read_text(encoding="utf-8"))
        version = header["format"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder, error) from None
    if type(version) is not int:
        raise _damaged(folder, ValueError(f"format {version!r}"))
    if version > FORMAT:
        raise CorpusError(
            f"corpus '{folder}' has format {version}, this Antiphon reads {FORMAT}: update Antiphon, or build it again"
        )
    if version < FORMAT:
        raise CorpusError(f"corpus '{folder}' has format {version}, no longer read: build it again")
    return header


def _read_arrays(folder: Path) -> dict[str, np.ndarray]:
    try:
        with open(folder / FILES[1], "rb") as file, np.load(file, allow_pickle=False) as arrays:
            optional = [key for key in ("chroma", "onset", "tatum", "beat") if key in arrays.files]
            return {key: np.asarray(arrays[key]) for key in ("start", "label", "rms", "feature", *optional)}
    except (OSError, ValueError, KeyError, EOFError, MemoryError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, SyntaxError, OverflowError) as error:
        raise _damaged(folder, error) from None


def _integers(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "iu":
        raise ValueError(f"labels are {values.dtype}")
    if values.size and (values.min() < 0 or values.max() > 65536):
        raise ValueError("labels out of range")
    return values.astype(np.int32)


def _check_audio(folder: Path, corpus: Corpus, start: np.ndarray, segments: int) -> None:
    expected = [boundary(i, corpus.hop, corpus.samplerate) for i in range(len(corpus))]
    if segments != len(corpus) or not np.array_equal(start, expected):
        raise ValueError("its segments do not follow each other")
    with open_audio(folder / FILES[0], warn=False) as file:  # an error says it all
        if (file.samplerate, file.frames, file.channels) != (corpus.samplerate, corpus.samples, 1):
            raise ValueError(f"its audio has {file.frames} samples at {file.samplerate} Hz")


def _damaged(folder: Path, error: Exception) -> CorpusError:
    why = " ".join(str(error).split()) or type(error).__name__  # one line, whatever the library wrote
    return CorpusError(f"corpus '{folder}' is damaged ({why[:160]}): build it again with  antiphon corpus build")

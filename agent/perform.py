"""From files to files: what `respond`, `play` and `replay` have in common.

The performance is one generator of hops over one `Session`; who asks for the next hop, and when, is the only
difference between rendering a file and playing it in time.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Protocol

import numpy as np

from action.selection import run_lengths
from agent.config import SETTINGS, Config
from agent.model import Model
from agent.session import Event, Piece, Session
from corpora import corpus as corpora
from corpora.audio import AudioWriter, open_audio, read_at, regroup
from corpora.build import label
from corpora.disk import AudioError, beside, told
from perception.stream import boundary

DEMO = Path(corpora.__file__).parent / "demo"
LENGTHS = SETTINGS["live.hop"].choices  # s
Progress = Callable[[float, float], None]  # seconds done, seconds in all
Hop = tuple[np.ndarray, np.ndarray, Event | None]  # heard, spoken (equally long), what was decided


class Guide(Protocol):
    """A sound that can be read from its beginning as often as one likes."""

    def blocks(self) -> Iterator[np.ndarray]:
        """Its samples, (n,) float32 each."""


@dataclass
class Memory:
    """A memory ready for a session: its corpus, and its audio at the device rate."""

    name: str  # as it was asked for, made absolute where it is a path
    corpus: corpora.Corpus
    audio: np.ndarray


def load_memory(name: str, model: Model, samplerate: int, gate: float, progress: Progress | None = None) -> Memory:
    """'demo', a corpus folder, or an audio file, which is then labelled on the spot.

    CorpusError or AudioError if it cannot be used, or if its labels are of another alphabet.
    """
    if _is_folder(Path(name)) and name != "demo":
        corpus = corpora.load(name)
        corpora.check(corpus, model.alphabet.hash, model.alphabet.hop, name, model.folder)
        path, audio = recording(name, samplerate, model.alphabet.hop)
    else:
        path, audio = recording(name, samplerate, model.alphabet.hop)
        corpus = label(audio, path.stem, model.listener(samplerate, gate), progress)
    return Memory(name if name == "demo" else str(path.resolve()), corpus, audio)


def recording(name: str, samplerate: int, hop: float) -> tuple[Path, np.ndarray]:
    """Where a memory lies, and its audio at the device rate, (n,) float32, whole segments long; AudioError."""
    path = DEMO / "memory.flac" if name == "demo" else Path(name)
    if _is_folder(path):
        return path, read_at(path / "audio.flac", samplerate)
    with open_audio(path, at_least=hop) as file:
        audio = file.read(samplerate)
    segments = 1 + int((len(audio) - 1) / (hop * samplerate))
    missing = boundary(segments, hop, samplerate) - len(audio)
    return path, np.pad(audio, (0, missing)) if missing > 0 else audio  # half an hour is 345 MB: no copy without need


def _is_folder(path: Path) -> bool:
    with suppress(OSError, ValueError):  # too long a name has its sentence where it is opened
        return path.is_dir()
    return False


def open_session(config: Config, samplerate: int, progress: Progress | None = None) -> tuple[Session, str]:
    """A session on the model and memory that the settings name, and the memory's name for the log."""
    model = Model.load(config.agent.model, config.live.hop)
    memory = load_memory(config.agent.memory, model, samplerate, config.perception.gate_db, progress)
    return Session(model, memory.corpus, config, samplerate, memory.audio), memory.name


def open_stage(config: Config, samplerate: int, progress: Progress | None = None) -> tuple[Session, list[str]]:
    """The same with all the memories that the settings name, the first one being played first."""
    session, name = open_session(config, samplerate, progress)
    names = [name]
    for other in config.agent.memories:
        memory = load_memory(other, session.model, samplerate, config.perception.gate_db, progress)
        session.add(memory.corpus, memory.audio, Path(memory.name).stem)
        names.append(memory.name)
    return session, names


def refuse_overlap(read: dict[str, str | Path | None], written: dict[str, str | Path | None]) -> None:
    """AudioError if a file to be written is one that is read, or is to be written twice, or cannot be written at all.

    Both: {flag: path}, None where the flag is not given. Asked before the work begins, so that a slip in the last flag
    costs neither a recording nor an hour.
    """
    taken = {os.path.realpath(path): flag for flag, path in read.items() if path}
    for flag, path in written.items():
        if not path:
            continue
        known = taken.setdefault(os.path.realpath(path), flag)
        if known != flag:
            raise AudioError(f"{flag} '{path}' is the same file as {known}, which would be lost: give it another name")
        with told(Path(path)):
            temporary = beside(Path(path))[1]
            temporary.touch(exist_ok=False)
            temporary.unlink()


def hop_sizes(hop: float, samplerate: int) -> Iterator[int]:
    """Samples of hop 0, 1, ...: whole boundaries, so they differ by one where a hop is no whole number."""
    return (boundary(n + 1, hop, samplerate) - boundary(n, hop, samplerate) for n in count())


def live_hops(session: Session, piece: Piece, blocks: Iterable[np.ndarray]) -> Iterator[Hop]:
    """The performance over an input cut in any way: each hop is answered from the hops before it.

    The last hop may be shorter than the others; what is spoken is always as long as what is heard.
    """
    before = None
    for heard in regroup(blocks, hop_sizes(session.hop, session.samplerate)):
        if before is None:
            yield heard, np.zeros(len(heard), np.float32), None
        else:
            spoken, event = session.step(piece, before)
            yield heard, spoken[: len(heard)], event
        before = heard


def offline_hops(session: Session, piece: Piece, file: Guide) -> Iterator[Hop]:
    """The same when the whole guide is known: heard to the end first, then answered hop by hop from its beginning."""
    known = []
    for heard in regroup(file.blocks(), hop_sizes(session.hop, session.samplerate)):
        wanted = session.listener.expected(piece.hearing)
        known.append(session.listener.step(piece.hearing, np.pad(heard, (0, wanted - len(heard)))))
    ahead, window = 0, session.decision.config.window
    sounds, coming = regroup(file.blocks(), hop_sizes(session.hop, session.samplerate)), deque[np.ndarray]()
    for number in range(len(known)):
        while ahead < min(len(known), number + window):
            session.decision.hear(piece.decision, known[ahead].label)
            ahead += 1
        session.notice(piece, known[number])
        for sound in islice(sounds, max(0, piece.config.decision.horizon - len(coming))):  # as far as a plan reaches
            session.overhear(piece, sound)
            coming.append(sound)
        spoken, event = session.answer(piece)
        heard = coming.popleft()
        yield heard, spoken[: len(heard)], event


def respond(
    guide: str | Path,
    out: str | Path,
    config: Config,
    *,
    offline: bool = False,
    mix: str | Path | None = None,
    truth: str | Path | None = None,
    progress: Progress | None = None,
) -> dict:
    """Answer a recording with another: write `out` (and `mix`), as long as the guide to the sample; return the report.

    Streams: memory use does not depend on the guide's length. truth: the B that was really played, for its TPP.
    """
    with open_audio(guide, at_least=config.live.hop) as file:
        session, _ = open_session(config, file.samplerate)
        piece = session.start(offline=offline)
        events: list[Event] = []
        with AudioWriter(out, file.samplerate, seconds=file.seconds) as writer:
            blending = AudioWriter(mix, file.samplerate, channels=2, seconds=file.seconds) if mix else None
            hops = offline_hops(session, piece, file) if offline else live_hops(session, piece, file.blocks())
            with blending or _Nothing():
                for heard, spoken, event in hops:
                    writer.write(spoken)
                    if blending:
                        blending.write(_side_by_side(heard, spoken))
                    if event:
                        events.append(event)
                    if progress:
                        progress(min(writer.frames / file.samplerate, file.seconds), file.seconds)
        report = summarise(session, events, writer.frames)
    report |= {"guide": str(guide), "memory": config.agent.memory, "model": config.agent.model}
    report |= {"mode": "offline" if offline else "live", "seed": config.agent.seed, "hop": config.live.hop}
    if truth:
        report["tpp"] = _tpp(session, events, truth)
    return report


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _side_by_side(heard: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """(n, 2) float32: the guide a little to the left, the answer to the right; each side at most full scale."""
    near, far = np.float32(0.75), np.float32(0.25)
    return np.stack([near * heard + far * spoken, far * heard + near * spoken], axis=1)


def _tpp(session: Session, events: list[Event], truth: str | Path) -> float:
    """True positive percentage of the labels really played against the labels of `truth` (paper, eq. 5)."""
    with open_audio(truth, at_least=session.hop) as file:
        listener = session.model.listener(file.samplerate, session.config.perception.gate_db)
        hearing, labels = listener.start(), []
        for audio in regroup(file.blocks(), hop_sizes(session.hop, file.samplerate)):
            if len(audio) == listener.expected(hearing):
                labels.append(listener.step(hearing, audio).label)
    hits = sum(labels[e.hop] == e.label for e in events if e.hop < len(labels))
    return round(100 * hits / max(1, len(labels)), 3)


def summarise(session: Session, events: list[Event], samples: int) -> dict:
    """What a report holds: what was heard, wanted, chosen and why, and how long each stage took (ms)."""
    runs = run_lengths([event.segment for event in events])
    asked = [event for event in events if event.plan]
    silence = session.silence
    return {
        "samplerate": session.samplerate,
        "samples": samples,
        "hops": len(events),
        "silence": silence,
        "first_hop": events[0].hop if events else 0,
        "heard": [event.heard for event in events],
        "plan": [list(event.plan) for event in events],
        "segments": [event.segment for event in events],
        "labels": [event.label for event in events],
        "why": [event.why for event in events],
        "reasons": dict(Counter(event.why for event in events)),
        "asked": len(asked),
        "matched": sum(event.plan[0] == event.label for event in asked),
        "runs": {"count": len(runs), "mean": round(float(np.mean(runs)), 3) if len(runs) else 0.0,
                 "longest": int(max(runs, default=0)),
                 "histogram": {int(k): v for k, v in sorted(Counter(runs.tolist()).items())}},
        "timings_ms": timings(events),
    }  # fmt: skip


def timings(events: list[Event]) -> dict[str, dict[str, float]]:
    """{stage: {"p50", "p99", "max"}} in ms, and "mind", their sum per hop."""
    stages = {stage for event in events for stage in event.times}
    columns = {stage: np.array([event.times.get(stage, 0.0) for event in events]) for stage in sorted(stages)}
    if columns:
        columns["mind"] = np.sum(list(columns.values()), axis=0)
    return {
        stage: {"p50": round(float(np.percentile(ms, 50)), 3), "p99": round(float(np.percentile(ms, 99)), 3),
                "max": round(float(ms.max()), 3)}
        for stage, ms in columns.items()
    }  # fmt: skip


def play(
    source: str | Path,
    out: str | Path,
    config: Config,
    *,
    speed: float = 1.0,
    block: int = 256,
    log: str | Path | None = None,
    progress: Progress | None = None,
) -> dict:
    """Play files in time: `source` is heard in blocks at `speed` x real time (0: as fast as it goes).

    A hop whose answer is not ready `slack_ms` after it has ended is counted as a missed deadline; the file written
    is the same whatever the speed.
    """
    from agent import concert

    wishes = concert.Wishes(str(source), str(out), log=str(log) if log else None, speed=speed, block=block)
    return concert.play(config, wishes, progress=progress)

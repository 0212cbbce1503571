"""Loads what a session needs: its model folder and its memories."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.performance import adding, wording
from agent.performance.model import Model
from agent.performance.session import Session
from agent.settings.config import DEMO, Config, ConfigError
from corpora import corpus as corpora
from corpora.audio import open_audio, read_at
from corpora.build import label
from decision.fill import FillError
from perception.stream import boundary
from perception.words import WordsError, shown

Progress = Callable[[float, float], None]  # seconds done, seconds in all


@dataclass
class LoadedMemory:
    """A memory ready for a session: its corpus, and its audio at the device rate."""

    name: str  # "demo", or an absolute path
    corpus: corpora.Corpus
    audio: np.ndarray  # (n,) float32


def load_memory(
    name: str, model: Model, samplerate: int, gate_db: float, progress: Progress | None = None
) -> LoadedMemory:
    """Load a memory at a device rate (Hz). name: "demo", a corpus folder, or an audio file, which is labelled here.

    gate_db: dBFS; quieter hops of an audio file are labelled silence. progress: called with seconds labelled and
    seconds in all. CorpusError or AudioError if it cannot be used, or if its labels are of another alphabet.
    """
    if _is_folder(Path(name)) and name != "demo":
        corpus = corpora.load(name)
        corpora.check(corpus, model.alphabet.hash, model.alphabet.hop, name, model.folder)
        path, audio = load_recording(name, samplerate, model.alphabet.hop)
    else:
        path, audio = load_recording(name, samplerate, model.alphabet.hop)
        corpus = label(audio, path.stem, model.listener(samplerate, gate_db), progress)
    return LoadedMemory(name if name == "demo" else str(path.resolve()), corpus, audio)


def load_recording(name: str, samplerate: int, hop: float) -> tuple[Path, np.ndarray]:
    """Path and audio of a memory, (n,) float32 at `samplerate` Hz, padded to whole segments of `hop` s; AudioError."""
    path = DEMO / "memory.flac" if name == "demo" else Path(name)
    if _is_folder(path):
        return path, read_at(path / "audio.flac", samplerate)
    with open_audio(path, at_least=hop) as file:
        audio = file.read(samplerate)
    segments = 1 + int((len(audio) - 1) / (hop * samplerate))
    missing = boundary(segments, hop, samplerate) - len(audio)
    return path, np.pad(
        audio, (0, missing)
    ) if missing > 0 else audio  # half an hour is 345 MB, so it is copied only if needed


def _is_folder(path: Path) -> bool:
    with suppress(OSError, ValueError):  # a name that is too long is refused when it is opened
        return path.is_dir()
    return False


def open_session(config: Config, samplerate: int, progress: Progress | None = None) -> tuple[Session, str]:
    """A session on the model and memory that the settings name, and the name of the memory for the log."""
    session, name = _open(config, samplerate, progress)
    _check_names(session)
    return session, name


def _open(config: Config, samplerate: int, progress: Progress | None) -> tuple[Session, str]:
    model = Model.load(config.agent.model, config.live.hop, perception=config.perception)
    if config.agent.second_model:
        model.load_second(config.agent.second_model)
    elif config.decision.model == "second":
        raise ConfigError("decision.model = 'second': there is no second model; name one in agent.second_model")
    memory = load_memory(config.agent.memory, model, samplerate, config.perception.gate_db, progress)
    return Session(model, memory.corpus, config, samplerate, memory.audio), memory.name


def open_full_session(config: Config, samplerate: int, progress: Progress | None = None) -> tuple[Session, list[str]]:
    """A session with all memories that the settings name, and their names for the log. The first is selected."""
    session, name = _open(config, samplerate, progress)
    names = [name]
    for other in config.agent.memories:
        memory = load_memory(other, session.model, samplerate, config.perception.gate_db, progress)
        session.repertoire.add(memory.corpus, memory.audio, Path(memory.name).stem)
        names.append(memory.name)
    _check_names(session)
    return session, names


def _check_names(session: Session) -> None:
    """ConfigError if the settings name a section or part that no memory has, or words that the model does not know."""
    name, said = session.config.action.section, session.config.action.say
    if name and all(memory.section(name) is None for memory in session.repertoire):
        raise ConfigError(f"action.section = {name!r}: {session.repertoire[0].no_section(name)}")
    if adds := session.config.action.add:
        try:
            adding.memory_for(session.repertoire, adds, 0, "action.add")
        except FillError as error:
            raise ConfigError(str(error)) from None
    try:
        _, unknown = wording.read(session.model, said) if said else ([], "")
    except WordsError as error:
        unknown = str(error)
    if unknown:
        raise ConfigError(f"action.say = {shown(said)!r}: {unknown}")

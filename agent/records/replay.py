"""Renders a session log: the same samples that were played, without hearing or deciding anything.

What a log holds is said in `agent.records.session_log`.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from action.concat import Concatenator
from action.stretch import MAX_RATIO, MAX_SEMITONES, MIN_RATIO
from agent.engine.fader import Fader
from agent.performance.loading import load_recording
from agent.performance.memories import GrowingMemory, Memory, render_segment, voice_after_truncation
from agent.records import midi_replay, session_log
from agent.records.session_log import LogError
from agent.settings.config import FIELDS, Config, ConfigError, from_table, without_gone
from corpora.audio import AudioWriter
from corpora.interruption import deferred
from corpora.whole_files import write_files
from perception.stream import boundary

MAX_SAMPLERATE_HZ = 1_000_000
HOPS_S = FIELDS["live.hop"].choices
NO_FEATURES, NO_NEIGHBOURS = np.zeros(1, np.float16), np.zeros((1, 1), np.int32)  # a replay does not choose
Progress = Callable[[float, float], None]  # seconds done, seconds in all


@dataclass(frozen=True, kw_only=True)
class Header:
    """The first line of a log, checked."""

    config: Config
    samplerate: int  # Hz
    hop: float  # s
    first: int  # number of the first hop that was decided: 0 or 1
    slack: int  # samples of silence before hop 0
    memories: tuple[tuple[str, str, bool], ...]  # name, fingerprint, whether it grows


def replay(
    log: str | Path, out: str | Path, progress: Progress | None = None, *, midi: str | Path | None = None
) -> dict:
    """Render a session log to the file `out`: all samples that the device or file got; return the report.

    progress: called with the seconds rendered. midi: file for the notes of a missing part. Both files appear, or
    neither. LogError if the log or a recorded take is damaged, or a memory has
    changed. AudioError if a memory cannot be read or `out` cannot be written.
    """
    header = _checked_header(log, session_log.read(log)[0])
    notes, counts = midi_replay.file_of(log) if midi else (b"", {})
    hops = 0
    with ExitStack() as stack:
        writer = stack.enter_context(AudioWriter(out, header.samplerate))
        for audio in sounds(log):
            writer.write(audio)
            hops += 1
            if progress:
                progress(writer.frames / header.samplerate, 0.0)
        with deferred():
            if midi:
                write_files(Path(midi).parent, {Path(midi).name: notes})
            stack.close()
    names = [name for name, *_ in header.memories]
    report = {"samples": writer.frames, "samplerate": header.samplerate, "memory": names[0], "memories": names}
    return {"hops": hops - 1} | report | ({"midi": counts} if midi else {})


def lines(report: dict, log: str | Path, out: str | Path, midi: str | Path | None = None) -> list[str]:
    """The lines that a terminal shows for a report."""
    shown = [f"{out}: {report['samples'] / report['samplerate']:.1f} s from {report['hops']} hops of {log}"]
    if midi:
        notes = report["midi"]
        shown.append(f"{midi}: {notes['notes']} notes, beside {notes['heard']} heard, at {notes['bpm']:g} bpm")
    return shown


def sounds(log: str | Path) -> Iterator[np.ndarray]:
    """Yield the silence before the first hop, then each hop, (n,) float32: all that was played; LogError."""
    first_line, lines = session_log.read(log)
    header = _checked_header(log, first_line)
    fader, end = Fader(header.samplerate), None
    for line in lines:  # the line of a fader may come after the hop that it belongs to
        if "fader" in line:
            fader.change(line["at"], line["fader"])
        end = line.get("end", end)
    position = 0
    for audio in _hops(Path(log), header):
        audio = audio[: max(0, end - position)] if end is not None else audio
        fader.apply(audio, position)
        position += len(audio)
        yield audio


def _hops(log: Path, header: Header) -> Iterator[np.ndarray]:
    """Yield the same before the fader, up to the end of the last hop."""
    yield np.zeros(header.slack + boundary(header.first, header.hop, header.samplerate), np.float32)
    replayer, hop = _Replayer(log, header), header.first
    for number, line in enumerate(session_log.read(log)[1], 2):
        try:
            audio = replayer.follow(line, hop)
        except LineError as error:
            raise LogError(f"'{log}' is damaged in line {number}: {error}") from None
        if audio is not None:
            hop += 1
            yield audio


class LineError(Exception):
    """A line of a log contradicts the lines before it."""


class _Replayer:
    """The memories and the voice, changed by the lines of a log."""

    def __init__(self, log: Path, header: Header):
        self._log, self._header = log, header
        self._memories = [self._load(*memory) for memory in header.memories]
        self._sounding_memory = 0
        self._rendered_voice = self._voice = self._memories[0].sound.start()  # `_voice`: after takes were undone

    def follow(self, line: dict, number: int) -> np.ndarray | None:
        """Apply a line; return its sound if it is a hop, else None.

        number: of the hop that is due. LineError if the line cannot follow the lines before it.
        """
        if "segment" in line:
            return self._hop(line, number)
        if "grow" in line:
            self._grow(self._growing(line["grow"]), line)
        elif "take" in line:
            self._growing(line["take"]).begin()
        elif "done" in line:
            self._growing(line["done"]).end()
        elif "undo" in line:
            self._undo(self._growing(line["undo"]))
        return None

    def _hop(self, line: dict, number: int) -> np.ndarray:
        header = self._header
        start, stop = (boundary(n, header.hop, header.samplerate) for n in (number, number + 1))
        if line["hop"] != number or line["frames"] != stop - start:
            raise LineError("its hops do not follow each other")
        memory = line.get("memory", 0)
        if type(memory) is not int or not 0 <= memory < len(self._memories):
            raise LineError(f"there is no memory {memory!r}")
        stored = self._memories[memory]
        samples = line.get("held", len(stored.sound.audio))
        # The fallback after a late answer was rendered earlier, perhaps before a take was undone.
        voice = self._rendered_voice if samples > len(stored.sound.audio) else self._voice
        with _as_of(stored.sound, samples):
            _check_playable(stored.sound, line)
            audio, self._rendered_voice = render_segment(
                self._memories, voice, self._sounding_memory, memory, line["segment"], line["frames"], line["gain"],
                line.get("shift", 0), ratio=line.get("ratio", 1.0), semitones=line.get("semitones", 0),
            )  # fmt: skip
        self._voice = voice_after_truncation(stored, self._rendered_voice, samples)
        self._sounding_memory = memory
        return audio

    def _growing(self, number: int) -> GrowingMemory:
        if number == len(self._memories):
            self._memories.append(self._empty_memory(""))
        if not 0 <= number < len(self._memories) or not isinstance(growing := self._memories[number], GrowingMemory):
            raise LineError(f"memory {number} does not grow")
        return growing

    def _undo(self, growing: GrowingMemory) -> None:
        if not growing.takes:
            raise LineError("nothing was recorded that could be undone")
        samples = len(growing.sound.audio)
        growing.undo()
        if self._memories[self._sounding_memory] is growing:
            self._voice = voice_after_truncation(growing, self._voice, samples)

    def _grow(self, growing: GrowingMemory, line: dict) -> None:
        path = session_log.takes_folder(self._log) / Path(line["file"]).name
        try:
            with open(path, "rb") as file:  # libsndfile does not open every name
                audio, _ = sf.read(file, line["samples"], line["from"], dtype="float32")
        except (OSError, sf.SoundFileError):
            audio = np.zeros(0, np.float32)
        if audio.shape != (line["samples"],) or not len(audio):
            raise LogError(f"'{path}', recorded while '{self._log}' was written, is missing or cut: put it back")
        growing.append(audio, 0, NO_FEATURES)

    def _load(self, name: str, expected: str, growing: bool) -> Memory:
        if growing:
            return self._empty_memory(name)
        _, audio = load_recording(name, self._header.samplerate, self._header.hop)
        if session_log.fingerprint(audio) != expected:
            raise LogError(f"the memory '{name}' is not what '{self._log}' was played with: put the old file back")
        return Memory(name, None, 1, self._sound(audio), NO_NEIGHBOURS)

    def _empty_memory(self, name: str) -> GrowingMemory:
        return GrowingMemory(name, 1, self._sound(np.zeros(0, np.float32)), NO_NEIGHBOURS, ("", 0))

    def _sound(self, audio: np.ndarray) -> Concatenator:
        action, header = self._header.config.action, self._header
        fade, align = action.crossfade_ms / 1000, action.align_ms / 1000
        return Concatenator(audio, header.samplerate, header.hop, crossfade=fade, align=align)


@contextmanager
def _as_of(sound: Concatenator, samples: int) -> Iterator[None]:
    """Shorten a memory to its first `samples` during the block; LineError if it never had so many."""
    with ExitStack() as stack:
        try:
            stack.enter_context(sound.as_of(samples))
        except ValueError as error:
            raise LineError(str(error)) from None
        yield


def _check_playable(sound: Concatenator, line: dict) -> None:
    """LineError if the memory has no such segment, or gain, ratio or transposition are out of range."""
    segment, gain = line["segment"], line["gain"]
    ratio, semitones = line.get("ratio", 1.0), line.get("semitones", 0)
    if not MIN_RATIO <= ratio <= MAX_RATIO or abs(semitones) > MAX_SEMITONES:
        raise LineError(f"ratio {ratio}, semitones {semitones}: expected {MIN_RATIO} to {MAX_RATIO}, {MAX_SEMITONES}")
    if segment < -1 or (segment >= 0 and sound.boundary(segment) >= len(sound.audio)):
        raise LineError(f"segment {segment}: the memory holds 0 to {len(sound) - 1}")
    if gain is not None and not 0 <= gain < np.inf:
        raise LineError(f"gain {gain}: expected 0 or more")


def _checked_header(log: str | Path, line: dict) -> Header:
    """The header in the first line of a log; LogError if it is damaged."""
    numbers: dict[str, Any] = {key: line.get(key) for key in ("samplerate", "hop", "first", "slack")}
    samplerate, hop, first, slack = numbers.values()
    memories: Any = line.get("memories")
    table: Any = line.get("config")
    valid = type(samplerate) is int and 1 <= samplerate <= MAX_SAMPLERATE_HZ and hop in HOPS_S
    valid = valid and first in (0, 1) and type(slack) is int and 0 <= slack <= samplerate
    if not valid or type(table) is not dict or not _are_memories(memories):
        values = ", ".join(f"{key} {reprlib.repr(value)}" for key, value in numbers.items())
        raise LogError(f"the first line of '{log}' is damaged ({values}): it cannot be replayed")
    try:
        config = from_table(without_gone(table), f"'{log}'")
    except ConfigError as error:
        raise LogError(f"the first line of '{log}' is damaged ({error}): it cannot be replayed") from None
    checked = tuple((memory["name"], memory["fingerprint"], bool(memory.get("growing"))) for memory in memories)
    return Header(config=config, samplerate=samplerate, hop=float(hop), first=first, slack=slack, memories=checked)


def _are_memories(value: Any) -> bool:
    """Whether `value` is a list of at least one memory, each with its name and fingerprint."""
    return isinstance(value, list) and bool(value) and all(
        isinstance(memory, dict) and all(isinstance(memory.get(key), str) for key in ("name", "fingerprint"))
        for memory in value
    )  # fmt: skip

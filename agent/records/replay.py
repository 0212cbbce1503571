"""A session log as sound again: sample for sample what was played, without hearing or deciding anything."""

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
from agent.engine.fader import Fader
from agent.performance.loading import load_recording
from agent.performance.memories import GrowingMemory, Memory, render_segment, voice_after_truncation
from agent.records import session_log
from agent.records.session_log import LogError
from agent.settings.config import FIELDS, Config, ConfigError, from_table
from corpora.audio import AudioWriter
from perception.stream import boundary

MAX_SAMPLERATE = 1_000_000  # Hz
LENGTHS = FIELDS["live.hop"].choices  # s
NOTHING, NEIGHBOURS = np.zeros(1, np.float16), np.zeros((1, 1), np.int32)  # a replay knows no labels and features
Progress = Callable[[float, float], None]  # seconds done, seconds in all


@dataclass(frozen=True, kw_only=True)
class About:
    """What the first line of a log says, checked."""

    config: Config
    samplerate: int  # Hz
    hop: float  # s
    first: int  # hop of the answer that is the first one decided
    slack: int  # samples of silence before hop 0
    memories: tuple[tuple[str, str, bool], ...]  # name, fingerprint, does it grow


def replay(log: str | Path, out: str | Path, progress: Progress | None = None) -> dict:
    """Render a session log: what the device, or the file, was given, from its first sample on.

    LogError if the log, what was recorded beside it, or a memory is not what it was.
    """
    about = _about(log, session_log.read(log)[0])
    hops = 0
    with AudioWriter(out, about.samplerate) as writer:
        for audio in sounds(log):
            writer.write(audio)
            hops += 1
            if progress:
                progress(writer.frames / about.samplerate, 0.0)
    names = [name for name, *_ in about.memories]
    report = {"samples": writer.frames, "samplerate": about.samplerate, "memory": names[0], "memories": names}
    return {"hops": hops - 1} | report


def lines(report: dict, log: str | Path, out: str | Path) -> list[str]:
    """The report in one line for a terminal."""
    return [f"{out}: {report['samples'] / report['samplerate']:.1f} s from {report['hops']} hops of {log}"]


def sounds(log: str | Path) -> Iterator[np.ndarray]:
    """The silence before the first hop, then each hop, (n,) float32: all that was played; LogError."""
    header, lines = session_log.read(log)
    about = _about(log, header)
    fader, end = Fader(about.samplerate), None
    for line in lines:  # they were written when they were known, which may be after the hop they belong to
        if "fader" in line:
            fader.change(line["at"], line["fader"])
        end = line.get("end", end)
    position = 0
    for audio in _hops(Path(log), about):
        audio = audio[: max(0, end - position)] if end is not None else audio
        fader.apply(audio, position)
        position += len(audio)
        yield audio


def _hops(log: Path, about: About) -> Iterator[np.ndarray]:
    """The same before the fader, and to the end of the last hop."""
    yield np.zeros(about.slack + boundary(about.first, about.hop, about.samplerate), np.float32)
    replayer, number = _Replayer(log, about), about.first
    for at, line in enumerate(session_log.read(log)[1], 2):
        try:
            audio = replayer.follow(line, number)
        except LineError as error:
            raise LogError(f"'{log}' is damaged in line {at}: {error}") from None
        if audio is not None:
            number += 1
            yield audio


class LineError(Exception):
    """A line of a log that cannot follow what came before it."""


class _Replayer:
    """The memories and what sounds, led by the lines of a log."""

    def __init__(self, log: Path, about: About):
        self._log, self._about = log, about
        self._memories = [self._load(*one) for one in about.memories]
        self._sounding = 0
        self._played = self._voice = self._memories[0].sound.start()  # as rendered, and after what was taken back

    def follow(self, line: dict, number: int) -> np.ndarray | None:
        """Do what a line says; the sound if it is a hop, which must be hop `number`. LineError if it cannot be."""
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
        about = self._about
        start, stop = (boundary(n, about.hop, about.samplerate) for n in (number, number + 1))
        if line["hop"] != number or line["frames"] != stop - start:
            raise LineError("its hops do not follow each other")
        memory = line.get("memory", 0)
        if type(memory) is not int or not 0 <= memory < len(self._memories):
            raise LineError(f"there is no memory {memory!r}")
        stored = self._memories[memory]
        held = line.get("held", len(stored.sound.audio))
        # The fallback that sounds after a late answer was rendered earlier, perhaps before a take was taken back.
        voice = self._played if held > len(stored.sound.audio) else self._voice
        with _as_of(stored.sound, held):
            _check_playable(stored.sound, line["segment"], line["gain"])
            audio, self._played = render_segment(
                self._memories, voice, self._sounding, memory, line["segment"], line["frames"], line["gain"]
            )
        self._voice, self._sounding = voice_after_truncation(stored, self._played, held), memory
        return audio

    def _growing(self, number: int) -> GrowingMemory:
        if number == len(self._memories):
            self._memories.append(self._grows(""))
        if not 0 <= number < len(self._memories) or not isinstance(growing := self._memories[number], GrowingMemory):
            raise LineError(f"memory {number} does not grow")
        return growing

    def _undo(self, growing: GrowingMemory) -> None:
        if not growing.takes:
            raise LineError("nothing was recorded that could be undone")
        held = len(growing.sound.audio)
        growing.undo()
        if self._memories[self._sounding] is growing:
            self._voice = voice_after_truncation(growing, self._voice, held)

    def _grow(self, growing: GrowingMemory, line: dict) -> None:
        path = session_log.takes_folder(self._log) / Path(line["file"]).name
        try:
            with open(path, "rb") as file:  # libsndfile does not take any name
                audio, _ = sf.read(file, line["samples"], line["from"], dtype="float32")
        except (OSError, sf.SoundFileError):
            audio = np.zeros(0, np.float32)
        if audio.shape != (line["samples"],) or not len(audio):
            raise LogError(f"'{path}', recorded while '{self._log}' was written, is missing or cut: put it back")
        growing.append(audio, 0, NOTHING)

    def _load(self, name: str, expected: str, growing: bool) -> Memory:
        if growing:
            return self._grows(name)
        _, audio = load_recording(name, self._about.samplerate, self._about.hop)
        if session_log.fingerprint(audio) != expected:
            raise LogError(f"the memory '{name}' is not what '{self._log}' was played with: put the old file back")
        return Memory(name, None, 1, self._sound(audio), NEIGHBOURS)

    def _grows(self, name: str) -> GrowingMemory:
        return GrowingMemory(name, 1, self._sound(np.zeros(0, np.float32)), NEIGHBOURS, ("", 0))

    def _sound(self, audio: np.ndarray) -> Concatenator:
        action, about = self._about.config.action, self._about
        fade, align = action.crossfade_ms / 1000, action.align_ms / 1000
        return Concatenator(audio, about.samplerate, about.hop, crossfade=fade, align=align)


@contextmanager
def _as_of(sound: Concatenator, held: int) -> Iterator[None]:
    """The memory as it was when it held so many samples; LineError if it never did."""
    with ExitStack() as stack:
        try:
            stack.enter_context(sound.as_of(held))
        except ValueError as error:
            raise LineError(str(error)) from None
        yield


def _check_playable(sound: Concatenator, segment: int, gain: float | None) -> None:
    if segment < -1 or (segment >= 0 and sound.boundary(segment) >= len(sound.audio)):
        raise LineError(f"segment {segment}: the memory holds 0 to {len(sound) - 1}")
    if gain is not None and not 0 <= gain < np.inf:
        raise LineError(f"gain {gain}: expected 0 or more")


def _about(log: str | Path, header: dict) -> About:
    """The header of a log, checked; LogError."""
    numbers: dict[str, Any] = {key: header.get(key) for key in ("samplerate", "hop", "first", "slack")}
    samplerate, hop, first, slack = numbers.values()
    memories: Any = header.get("memories")
    table: Any = header.get("config")
    well = type(samplerate) is int and 1 <= samplerate <= MAX_SAMPLERATE and hop in LENGTHS
    well = well and first in (0, 1) and type(slack) is int and 0 <= slack <= samplerate
    if not well or type(table) is not dict or not _are_memories(memories):
        what = ", ".join(f"{key} {reprlib.repr(value)}" for key, value in numbers.items())
        raise LogError(f"the first line of '{log}' is damaged ({what}): it cannot be replayed")
    try:
        config = from_table(table, f"'{log}'")
    except ConfigError as error:
        raise LogError(f"the first line of '{log}' is damaged ({error}): it cannot be replayed") from None
    names = tuple((one["name"], one["fingerprint"], bool(one.get("growing"))) for one in memories)
    return About(config=config, samplerate=samplerate, hop=float(hop), first=first, slack=slack, memories=names)


def _are_memories(found: Any) -> bool:
    """Does the header name one memory at least, each with its fingerprint?"""
    return isinstance(found, list) and bool(found) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("fingerprint"), str)
        for one in found
    )  # fmt: skip

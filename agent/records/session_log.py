"""The session log: one JSON line for everything that decides what sounds, enough to render the performance again.

The first line describes the session. Then, in the order in which it happened, a line for each
- hop that was played, missed hops too: `agent.performance.session.Event`
- {"control": name, "args": [...], "source": who, "hop": next hop}: a control that was done; a replay does not need it.
  Of beats also "at", the sample of the input at which they came
- {"beat": s, "period": s, "confidence": 0 to 1, "from": source, "hop": next hop}: the leading beat, by its last
  beat on the input's clock; a replay does not need it
- {"fader": gain, "at": sample}: the fader moves to a linear gain from that sample of the output on (fader.py)
- {"take": memory, "hop": next hop}, {"grow": memory, "file": name, "from": sample, "samples": n, "hop": next hop},
  {"done": memory, ...}, {"undo": memory, ...}: a memory begins a take, grows by a hop, ends the take, removes the
  last take. The sound is in the folder beside the log, `S.takes/take-1.wav` for `S.jsonl`
- {"coherence": {"position": .., "both": .., ..., "seconds": it took}, "hop": what sounded}: how well input and output
  fitted in the last 5 s, "in_tune" and "in_time" in the last 10 s where known (agent/coherence/meter.py); a replay does
  not need it
- {"midi": hex, "from": "part" or "others", "clock": position in the song, "at": sample}: a MIDI message that the
  missing part sent, or heard from others; `clock` in MIDI clocks. midi_replay.py reads it, the sound does not need it
- {"end": samples}: the performance ended as it should; samples: length of the output
A log that a crash cut off replays to its last complete line. Format 1 had one memory, and only hops and the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from agent.control.bus import Bus
from agent.performance.session import Event, Session
from agent.records.background_writer import BackgroundWriter
from agent.records.recorder import SYNC_EVERY_S, SafeWav, set_aside
from agent.settings import config
from corpora.interruption import deferred
from corpora.whole_files import AudioError, disk_errors, reason
from perception.pulse import Beat

LOG_FORMAT = 2
PART, OTHERS = "part", "others"  # who sent a MIDI message


class LogError(ValueError):
    """A session log cannot be read or replayed; the sentence says why and what to do."""


def fingerprint(audio: np.ndarray) -> str:
    """Short hash of a memory at the device rate, so that a replay of another memory is refused."""
    return hashlib.sha256(np.ascontiguousarray(audio, "<f4").tobytes()).hexdigest()[:16]


def takes_folder(path: Path) -> Path:
    """The folder beside the log at `path` that has the recorded takes."""
    return path.with_suffix(".takes")


class SessionLog:
    """Writes a session log, in a thread of its own; use it in a `with` block. AudioError if it cannot begin.

    memories: the names of the session's memories, paths made absolute. slack: samples before the first hop sounds. An
    older log of this name is renamed to `S~.jsonl`. bus: None for a performance from file to file: if the log cannot be
    written, the next call raises AudioError and the older log gets its name back; else the older log is deleted at the
    end. With a bus, as in live performance, a log that cannot be written gives one report `error`, the performance
    continues, and no file is ever deleted.
    """

    def __init__(
        self,
        path: str | Path,
        session: Session,
        memories: str | Sequence[str],
        offline: bool = False,
        slack: int = 0,
        bus: Bus | None = None,
    ):
        self.path, self.samplerate = Path(path), session.samplerate
        self._bus, self._sync_time = bus, 0.0
        self._take: SafeWav | None = None
        self._takes, self._next = 0, 0 if offline else 1
        self._session = session
        self._old: dict[Path, Path] = {}
        if self.path.is_file() or not self.path.exists():
            self._old = set_aside(self.path, takes_folder(self.path))
        try:
            with disk_errors(self.path):
                self._file = open(self.path, "w", encoding="utf-8")  # noqa: SIM115, closed by __exit__
                self._put_lines([_header(session, memories, offline, slack)])
        except AudioError:
            self._close_file()
            self._restore_old()
            raise
        self._writer = BackgroundWriter("log", self._write, self._failed)
        self._unsubscribe = session.repertoire.take_listeners.subscribe(self._take_changed)

    @property
    def error(self) -> AudioError | None:
        """The error after which nothing more is written, None while all is well."""
        return self._writer.error

    def hop(self, event: Event) -> None:
        """Add a hop that was played."""
        self._next = event.hop + 1
        self._put(event)

    def control(self, name: str, args: Sequence, source: str, hop: int, at: int | None = None) -> None:
        """Add a control that was done before `hop` was decided; at: sample of the input at which it came."""
        line = {"control": name, "args": list(args), "source": source, "hop": hop}
        self._put(line if at is None else line | {"at": int(at)})

    def beat(self, beat: Beat, source: str, hop: int) -> None:
        """Add the beat that leads, as known before `hop` was decided."""
        known = {"beat": beat.time_s, "period": beat.period_s, "confidence": beat.confidence}
        self._put(known | {"from": source, "hop": hop})

    def fader(self, gain: float, at: int) -> None:
        """Add a fader that moves to `gain` (linear) from sample `at` of the output on."""
        self._put({"fader": float(gain), "at": int(at)})

    def coherence(self, scores: dict[str, float], hop: int) -> None:
        """Add how well input and output fitted in the last 5 s, measured while `hop` sounded."""
        self._put({"coherence": scores, "hop": int(hop)})

    def midi(self, message: bytes, clock: float, at: int, *, sent: bool) -> None:
        """Add a MIDI message that the missing part sent, or heard, at a clock of the song and sample `at`."""
        self._put({"midi": message.hex(), "from": PART if sent else OTHERS, "clock": round(clock, 3), "at": int(at)})

    def end(self, samples: int) -> None:
        """Add the end of the performance; samples: length of the output."""
        self._put({"end": int(samples)})

    def settle(self) -> None:
        """Wait until everything added so far is written."""
        self._writer.settle()
        self._raise()

    def __enter__(self) -> SessionLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with deferred():
            self._end(kind)

    def _end(self, kind: type[BaseException] | None) -> None:
        self._unsubscribe()
        self._writer.close()
        self._close_file()
        if self._bus is not None:
            return
        if self.error is not None or (kind is not None and issubclass(kind, (AudioError, KeyboardInterrupt))):
            self._restore_old()
        elif kind is None:
            self._delete_old()
        if kind is None:
            self._raise()

    def _put(self, item: Any) -> None:
        self._raise()
        self._writer.put(item)

    def _raise(self) -> None:
        if self._bus is None and self.error is not None:
            raise self.error

    def _take_changed(self, what: str, audio: np.ndarray | None) -> None:
        number = next(n for n, stored in enumerate(self._session.repertoire) if stored.growing)
        line = {what: number, "hop": self._next}
        self._put(line if audio is None else (line, np.array(audio, np.float32)))

    # --- in the thread

    def _write(self, items: list) -> None:
        try:
            self._put_lines([self._line(item) for item in items])
            if time.monotonic() > self._sync_time + SYNC_EVERY_S:
                os.fsync(self._file.fileno())
                self._sync_time = time.monotonic()
        except OSError as error:
            if self._bus is None:
                with disk_errors(self.path):
                    raise
            raise AudioError(f"'{self.path}' takes no more ({reason(error)}): make room, or log elsewhere") from None

    def _line(self, item: Any) -> dict:
        if isinstance(item, Event):
            line = asdict(item)
            line["times"] = {stage: round(ms, 3) for stage, ms in item.times.items()}
            return line
        if isinstance(item, tuple):
            return self._grown(*item)
        if "take" in item:
            self._take = None
        return item

    def _grown(self, line: dict, audio: np.ndarray) -> dict:
        """Write the sound of a hop to the file of its take; return the line that names it, to be written after."""
        if self._take is None:
            takes_folder(self.path).mkdir(exist_ok=True)
            self._takes += 1
            self._take = SafeWav(takes_folder(self.path) / f"take-{self._takes}.wav", self.samplerate)
        start = self._take.frames
        self._take.append(audio)
        return line | {"file": self._take.path.name, "from": start, "samples": len(audio)}

    def _put_lines(self, lines: list[dict]) -> None:
        self._file.write("".join(json.dumps(line, separators=(",", ":"), default=_plain) + "\n" for line in lines))
        self._file.flush()

    def _failed(self, error: AudioError) -> None:
        if self._bus is not None:
            self._bus.publish("error", f"the log has ended, play goes on: {error}")

    # --- the older log of this name

    def _close_file(self) -> None:
        with suppress(OSError, AttributeError):  # a full disk is reported already; there may be no file
            self._file.close()

    def _restore_old(self) -> None:
        """Delete this log and give the older one its name back."""
        with suppress(OSError):
            self.path.unlink()
        if self._takes:
            shutil.rmtree(takes_folder(self.path), ignore_errors=True)
        for path, old in self._old.items():
            with suppress(OSError):
                os.replace(old, path)

    def _delete_old(self) -> None:
        for old in self._old.values():
            with suppress(OSError):
                shutil.rmtree(old) if old.is_dir() else old.unlink()


def _header(session: Session, memories: str | Sequence[str], offline: bool, slack: int) -> dict:
    names = iter([memories] if isinstance(memories, str) else memories)
    described = [
        {
            "name": stored.name if stored.growing else next(names, stored.name),
            "growing": stored.growing,
            "fingerprint": fingerprint(stored.sound.audio),
        }
        for stored in session.repertoire
    ]
    return {
        "antiphon": LOG_FORMAT,
        "samplerate": session.samplerate,
        "hop": session.hop,
        "model": str(session.model.folder),
        "alphabet": session.model.alphabet.hash,
        "memories": described,
        "slack": int(slack),
        "first": 0 if offline else 1,
        "config": config.as_table(session.config),
    }


def _plain(value: Any) -> Any:
    """A value that JSON does not know, such as a number of NumPy, as one that it knows."""
    return value.item() if isinstance(value, np.generic) else str(value)


# --- reading


def read(path: str | Path) -> tuple[dict, Iterator[dict]]:
    """(header, lines) of a session log; LogError. An incomplete last line is left out.

    The header of an older format is converted to the present one.
    """
    path = Path(path)
    if "\0" in str(path):
        raise LogError(f"the session log {str(path)!r} cannot be read: check its name")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise LogError(f"'{path}' is not a session log: make one with  antiphon play --log {path}") from None
    except OSError as error:
        raise LogError(f"the session log '{path}' cannot be read ({reason(error)}): check its name") from None
    header = _parsed(lines[0])
    if not isinstance(header, dict) or "antiphon" not in header:
        raise LogError(f"'{path}' is not a session log: make one with  antiphon play --log {path}")
    version = header["antiphon"]
    if version not in (1, LOG_FORMAT):
        raise LogError(
            f"session log '{path}' has format {version}, this Antiphon replays 1 to {LOG_FORMAT}: update Antiphon"
        )
    if version == 1:
        header["memories"] = [{"name": header.get("memory"), "fingerprint": header.get("fingerprint")}]
        header["slack"] = 0
    return header, _lines(path, lines[1:])


def _parsed(text: str) -> Any:
    """The value of a line of JSON; None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # broken, too deep, or a number of thousands of digits
        return None


def _lines(path: Path, lines: list[str]) -> Iterator[dict]:
    for number, text in enumerate(lines, 2):
        if not text:
            continue
        line = _parsed(text)
        if line is None and number > len(lines):  # the last one, cut off
            return
        if not _is_valid(line):
            raise LogError(f"'{path}' is damaged in line {number}: nothing after it can be replayed")
        yield line


LINE_KINDS: dict[str, tuple[str, ...]] = {  # key of a kind of line -> keys whose values are whole numbers from 0 on
    "end": ("end",),
    "control": (),
    "coherence": (),
    "beat": (),
    "midi": ("at",),
    "fader": ("at",),
    "take": ("take",),
    "grow": ("grow", "from", "samples"),
    "done": ("done",),
    "undo": ("undo",),
}


def _is_valid(line: Any) -> bool:
    """Whether a line has all that a replay needs."""
    if not isinstance(line, dict):
        return False
    for kind, numbers in LINE_KINDS.items():
        if kind in line:
            valid = all(type(line.get(key)) is int and line[key] >= 0 for key in numbers)
            if kind == "fader":
                valid = valid and isinstance(line["fader"], (int, float)) and 0 <= line["fader"] <= 1000
            return valid and (kind != "grow" or isinstance(line.get("file"), str))
    valid = all(type(line.get(key, 0)) is int for key in ("held", "memory", "shift", "semitones"))
    valid = valid and type(line.get("ratio", 1.0)) in (int, float)
    valid = valid and all(type(line.get(key)) is int for key in ("hop", "segment", "frames"))
    return valid and "gain" in line and isinstance(line["gain"], (int, float, type(None)))

"""The engine: one thread in which the mind works, and the one door for commands. It knows no device and no file.

A device's callback, or a loop over files (file_transport.py), moves the sound. Whoever shows something taps the bus or
asks for a `snapshot`.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from agent.control.bus import Bus
from agent.control.command import CONTROLS, Command, CommandError
from agent.control.presets import Presets
from agent.engine import buffers, fader
from agent.engine.buffers import Rings
from agent.engine.decision_loop import Log, Mind, Records
from agent.engine.remote_listener import Patch
from agent.performance.memories import Stored
from agent.performance.session import Session
from agent.settings.config import FIELDS, ConfigError
from corpora.corpus import CorpusError
from corpora.disk import AudioError

ROOM = 10_000  # commands that may wait for the next hop
SWITCH = 0.0005  # s after which the interpreter lets another thread have its turn
NAP = 0.001  # s
FLOOR = -120.0  # dBFS
REFUSED = (CommandError, ConfigError, AudioError, CorpusError)  # the sentences of these are for the musician


class Engine:
    """Plays on a session. `start`, move sound through `rings`, `stop`.

    samplerate: Hz, the session's. slack_ms: between the end of a hop and the beginning of its answer. bus: where all
    that happens is told. wait: the callback waits for the mind, for files and freewheel. source: an ear elsewhere,
    `Patch`. log, recorder: where what is played is kept, `Journal` and `Recorder` of
    agent/records; they may also be set before `start`.
    """

    def __init__(
        self,
        session: Session,
        *,
        samplerate: int,
        slack_ms: float,
        bus: Bus,
        wait: bool = False,
        source: Patch | None = None,
        log: Log | None = None,
        recorder: Records | None = None,
    ):
        if samplerate != session.samplerate:
            raise ValueError(f"samplerate = {samplerate}: the session was opened at {session.samplerate} Hz")
        self.session, self.samplerate, self.bus = session, int(samplerate), bus
        self.source, self.log, self.recorder = source, log, recorder
        self.rings = Rings(session.hop, samplerate, round(slack_ms * samplerate / 1000), wait=wait)
        self.mind = Mind(session, self.rings, bus, None, None, source)
        self.over = threading.Event()  # someone has asked for the end
        self._handlers: dict[str, Callable[[Command], None]] = {}  # of controls that belong to others, like midi/learn
        self.latency = (0.0, 0.0)  # s that the device adds, in and out
        self.meter: Any = None  # says how well both fit, `agent.coherence.meter.Meter`
        self._commands: deque[Command] = deque()
        self.naps = 0  # times the mind had nothing to do
        self._lock = threading.Lock()  # of the fader's goal
        self._muted = self._closed = self._failed = False
        self.failure: Exception | None = None  # the newest of the mind's
        self._opens = 0  # output sample from which on the fader may be open
        self._ended = threading.Event()
        self._metered = (0, 0)
        self._paced, self._spread = 0.0, {"p50": 0.0, "p99": 0.0}
        self._thread = threading.Thread(target=self._run, name="antiphon-mind", daemon=True)
        self._clerk = ThreadPoolExecutor(1, "antiphon-clerk")  # writes and reads files, so that the mind need not

    # --- begin and end

    def warm_up(self) -> None:
        """Compile and touch everything, before a stream opens."""
        self.session.warm_up()
        fader.warm_up()
        buffers.warm_up()

    def start(self) -> None:
        """Let the mind work. No garbage is collected from here on but between hops."""
        self.mind.log, self.mind.records = self.log, self.recorder
        self.mind.latency_out = self.latency[1]
        self._before = (sys.getswitchinterval(), gc.isenabled())
        sys.setswitchinterval(SWITCH)
        gc.collect()
        gc.freeze()
        gc.disable()
        for stored in self.session.memories:
            self.bus.publish("memory", stored.name, len(stored), stored.seconds)
        self._thread.start()

    def stop(self) -> None:
        """The mind ends; what was played is written down. Close the stream first."""
        if self._ended.is_set():
            return
        self.rings.close()
        self._ended.set()
        self._thread.join()
        self._clerk.shutdown()
        sys.setswitchinterval(self._before[0])
        gc.unfreeze()
        if self._before[1]:
            gc.enable()

    def fade_out(self) -> None:
        """Silence within 10 ms of the next block, and no more answers: before the stream is closed."""
        with self._lock:
            self._closed = True
            self._set_fader()

    # --- commands, from any thread

    def command(self, command: Command) -> None:
        """Mute, stop and panic at once, all else at the next hop, in order. CommandError if it cannot even be kept."""
        name = command.name
        if name in ("hear/label", "hear/feature"):
            if self.source is None:
                raise CommandError(f"{name}: the ear listens to sound: start with  --input osc")
            self.source.put(command)
            return
        if name in self._handlers:
            self._handlers[name](command)
            return
        if len(self._commands) >= ROOM:
            raise CommandError(f"{name}: {ROOM} commands are waiting already: send fewer")
        if name in ("mute", "stop", "panic"):
            with self._lock:
                if name == "mute":
                    self._muted = bool(command.args[0]) if command.args else not self._muted
                    command = Command(name, (int(self._muted),), command.source)
                else:
                    self._closed = True
                self._set_fader()
        self._commands.append(command)
        if name == "quit":
            self.fade_out()
            self.over.set()

    def add_handler(self, name: str, handler: Callable[[Command], None]) -> None:
        """Let `handler` carry out the control `name`, in the thread that sends it; it may raise CommandError."""
        self._handlers[name] = handler

    def _set_fader(self) -> None:
        """Where mute, stop and error want it; call it with the lock held."""
        open_now = not (self._muted or self._closed)
        self.rings.fade(open_now, self._opens if open_now and self._opens > self.rings.spoken else 0)

    # --- in the mind's thread

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                if self.mind.between:
                    self._obey_all()
                worked = self.mind.turn()
            except Exception as error:
                self._fail(error)
                worked = False
            if not worked:
                self.naps += 1
                self._idle()
        for task in (self._obey_all, self.mind.finish):
            try:
                task()
            except Exception as error:
                self._fail(error)

    def _idle(self) -> None:
        """Sleep until the next hop, not so long that a command would wait."""
        if self.rings.waits:
            time.sleep(NAP / 5)
            return
        left = self.mind.until()
        if left > 0.02 and gc.get_count()[0] > 5000:
            gc.collect(1)
        time.sleep(min(max(left - 2 * NAP, NAP / 2), 5 * NAP))

    def _fail(self, error: Exception) -> None:
        """An error of ours: fade out, say so, keep the stream; `play` tries again."""
        if not self._failed:
            told = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            self.bus.publish("error", f"the mind has failed ({told}): it is silent now, play begins anew")
        self.failure, self._failed = error, True
        self.mind.give_up()
        self.fade_out()

    def _obey_all(self) -> None:
        commands = self._commands
        while commands:
            command, follows = commands[0], commands[1] if len(commands) > 1 else None
            try:
                if not (follows and follows.name == command.name and CONTROLS[command.name].setting):
                    self._obey(command)  # of a fader that moves, where it has come to is what counts
            except REFUSED as error:
                self.bus.publish("error", str(error))
            except Exception as error:
                told = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                self.bus.publish("error", f"{command.name} failed ({told}): nothing was changed")
            commands.popleft()

    def _obey(self, command: Command) -> None:
        """Carry out one command between two hops, tell everyone, and write it down."""
        name, args = command.name, command.args
        piece, said = self.mind.piece, ""
        if name == "play":
            self._play()
        elif name in ("stop", "panic"):
            self.session.apply(piece, "stop")
        elif name in ("save", "preset/save", "preset/recall"):
            self._hand_over(command)
            return
        elif name not in ("mute", "quit"):
            said = self.session.apply(piece, name, args)
        if self.log:
            self.log.control(name, args, command.source, piece.hop)
        if said:
            self.bus.publish("error", said)
        self.bus.publish("changed", name, *self._value(name, args))
        if name == "back":
            for key in LIVE:
                self.bus.publish("changed", key, *self._value(key, ()))

    def _play(self) -> None:
        """A new piece from the next hop on; if it was silent, the fader opens where that hop begins."""
        self.mind.begin()
        self.session.apply(self.mind.piece, "play", ())
        with self._lock:
            if self._closed:
                self._opens = self.rings.sounds_at(self.mind.piece.hop)
            self._closed = self._failed = False
            self._set_fader()

    def _value(self, name: str, args: tuple) -> tuple:
        """What a control stands at now."""
        piece = self.mind.piece
        toggles = {"hold": piece.holding, "listen": piece.listening, "mute": self._muted}
        if name in toggles:
            return (int(toggles[name]),)
        if full := CONTROLS[name].setting:
            section, key = full.split(".")
            value = getattr(getattr(piece.config, section), key)
            return tuple(value) if isinstance(value, tuple) else (value,)
        if name == "memory":
            return (self.session.memories[piece.memory].name,)
        return args

    def _hand_over(self, command: Command) -> None:
        """What touches the disk is done by the clerk, with copies."""
        name, (what,), config = command.name, command.args, self.mind.piece.config
        presets = Presets(self.session.config.live.presets)
        if name == "preset/save":
            self._ask(command, lambda: presets.save(what, config))
        elif name == "preset/recall":
            self._ask(command, lambda: self._commands.extend(presets.recall(what)))
        elif any(stored.growing and len(stored) for stored in self.session.memories):
            snapshot = self.session.snapshot()
            self._ask(command, lambda: snapshot.save(what))
        else:
            raise CommandError("save: nothing has been recorded yet: begin with record")

    def _ask(self, command: Command, task: Callable[[], Any]) -> None:
        hop = self.mind.piece.hop

        def work() -> None:
            try:
                task()
            except REFUSED as error:
                self.bus.publish("error", str(error))
            except Exception as error:
                self.bus.publish("error", f"{command.name} failed ({type(error).__name__}: {error}): try again")
            else:
                self.bus.publish("changed", command.name, *command.args)
                if self.log:
                    self.log.control(command.name, command.args, command.source, hop)

        self._clerk.submit(work)

    # --- what is going on, for any thread

    @property
    def state(self) -> str:
        """playing, listening, held, muted, stopped or error."""
        piece = self.mind.piece
        for name, yes in (("error", self._failed), ("stopped", self._closed or piece.stopped),
                          ("muted", self._muted), ("listening", piece.listening), ("held", piece.holding)):  # fmt: skip
            if yes:
                return name
        return "playing"

    def snapshot(self) -> dict[str, Any]:
        """All there is to show; the levels are peaks since the last call, in dBFS."""
        ring, mind, piece = self.rings, self.mind, self.mind.piece
        heard, spoken = ring.heard, ring.spoken
        levels = [_peak(ring.hear(max(self._metered[0], heard - self.samplerate), heard)),
                  _peak(ring.said(max(self._metered[1], spoken - self.samplerate), spoken))]  # fmt: skip
        self._metered = heard, spoken
        memory, newest = self.session.memories[piece.memory], mind.newest
        position = -1.0
        if newest is not None and newest.segment >= 0:
            position = self.session.memories[newest.memory].sound.boundary(newest.segment) / self.samplerate
        hop, slack = 1e3 * self.session.hop, 1e3 * ring.slack / self.samplerate
        come, go = (1e3 * seconds for seconds in self.latency)
        return {
            "state": self.state,
            "hop": max(ring.playing, 0),
            "seconds": round(heard / self.samplerate, 3),
            "xruns": ring.xruns,
            "missed": ring.missed,
            "nan": ring.nans,
            "in_db": levels[0],
            "out_db": levels[1],
            "mind": self._pace(),
            "meter": self.meter.every if self.meter else 0.0,
            "memory": memory.name,
            "settings": {key: list(v) if len(v := self._value(key, ())) > 1 else v[0] for key in LIVE},
            "latency": {"hop": hop, "slack": slack, "in": come, "out": go, "total": hop + slack + come + go},
            "region": list(piece.config.action.region),
            "position": position,
            "recording": piece.recording,
            "toggles": {"mute": int(self._muted), "hold": int(piece.holding), "listen": int(piece.listening)},
        }  # fmt: skip

    def _pace(self) -> dict[str, float]:
        """{"p50", "p99"} of what a hop takes the mind, ms; reckoned once a second, however often it is asked for."""
        now, times = time.monotonic(), self.mind.times
        if times and (now > self._paced + 1 or self._ended.is_set()):
            spread = np.percentile(np.fromiter(tuple(times), np.float64), (50, 99))
            self._paced, self._spread = now, {"p50": round(float(spread[0]), 3), "p99": round(float(spread[1]), 3)}
        return self._spread

    def waveform(self, memory: int, points: int) -> list[float]:
        """(points,) peaks of a memory, 0 to 1, for a picture of it."""
        stored: Stored = self.session.memories[memory]
        audio = stored.sound.audio
        edges = np.linspace(0, len(audio), max(1, points) + 1).astype(int)[:-1]
        if not len(audio):
            return [0.0] * max(1, points)
        return [float(peak) for peak in np.maximum.reduceat(np.abs(audio), np.minimum(edges, len(audio) - 1))]


LIVE = [name.split(".")[1] for name, about in FIELDS.items() if about.live]


def _peak(audio: np.ndarray) -> float:
    """dBFS."""
    peak = float(np.abs(audio).max()) if len(audio) else 0.0
    return round(max(20 * np.log10(peak), FLOOR), 2) if peak > 0 else FLOOR

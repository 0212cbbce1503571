"""The engine: the decision thread, the one door for commands, and a `snapshot` of all that can be shown.

It knows no device and no file: a device's callback, or a loop over files (file_transport.py), moves the sound.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from agent.control.bus import Bus
from agent.control.command import CONTROLS, Command, CommandError
from agent.control.presets import Presets
from agent.engine import buffers as audio_buffers
from agent.engine import fader, scheduling
from agent.engine.buffers import AudioBuffers
from agent.engine.command_queue import URGENT, CommandQueue
from agent.engine.decision_loop import DecisionLoop, Log, Recorder
from agent.engine.remote_listener import RemoteListener
from agent.engine.snapshot import Latency, Pulse, ResponseTimes, Snapshot
from agent.performance import controls
from agent.performance.memories import Memory
from agent.performance.session import Session
from agent.settings.config import FIELDS, ConfigError
from corpora.corpus import CorpusError
from corpora.whole_files import AudioError
from perception.pulse import Beat

logger = logging.getLogger("antiphon.engine")

THREAD_SWITCH_S = 0.0005  # time after which the interpreter lets another thread run
IDLE_SLEEP_S = 0.001
SPREAD_EVERY_S = 1.0  # the response times are summed up that often
SILENT_DB = -120.0  # dBFS, what digital silence is shown as
REFUSALS = (CommandError, ConfigError, AudioError, CorpusError)  # the sentences of these are for the musician
OPENED_BY = {"midi": "--midi PORT", "fill": "--midi PORT --fill PORT"}  # interfaces with controls of their own
BEATS = [control.name for control in CONTROLS.values() if control.group == "pulse"]  # they count from when they came
LIVE_SETTINGS = [name.split(".")[1] for name, about in FIELDS.items() if about.live]


class Engine:
    """Plays on a session. `start`, move sound through `buffers`, `stop`.

    samplerate: Hz, the session's. slack_ms: between the end of a hop and the beginning of its answer. bus: for all
    reports. wait: the callback waits for the decision loop, for files and freewheel. remote: labels of a remote
    listener, instead of the input's sound.
    """

    def __init__(
        self,
        session: Session,
        *,
        samplerate: int,
        slack_ms: float,
        bus: Bus,
        wait: bool = False,
        remote: RemoteListener | None = None,
    ):
        if samplerate != session.samplerate:
            raise ValueError(f"samplerate = {samplerate}: the session was opened at {session.samplerate} Hz")
        self.session, self.samplerate, self.bus = session, int(samplerate), bus
        self.buffers = AudioBuffers(session.hop, samplerate, round(slack_ms * samplerate / 1000), wait=wait)
        self.decision_loop = DecisionLoop(session, self.buffers, bus, remote=remote)
        self.over = threading.Event()  # someone has asked for the end
        self.failure: Exception | None = None  # the newest of the decision loop
        self.idle_count = 0  # times the decision loop had nothing to do
        self._remote = remote
        self._handlers: dict[str, Callable[[Command], None]] = {}
        self._device_latency_s = (0.0, 0.0)
        self._coherence_interval_s = 0.0
        self._commands = CommandQueue()
        self._fader_lock = threading.Lock()
        self._muted = self._closed = self._failed = False
        self._opens_at = 0  # output sample from which on the fader may be open
        self._ended = threading.Event()
        self._levels_read = (0, 0)  # samples of input and output whose peaks were shown
        self._spread_time, self._spread = 0.0, ResponseTimes(p50=0.0, p99=0.0)
        self._thread = threading.Thread(target=self._run, name="antiphon-decision", daemon=True)
        # the decision loop never waits for the disk, nor for whoever encodes what goes there
        self._file_worker = ThreadPoolExecutor(1, "antiphon-files", scheduling.ordinary)

    # --- begin and end, from the thread that owns the engine

    def warm_up(self) -> None:
        """Compile and touch everything, before a stream opens."""
        self.session.warm_up()
        fader.warm_up()
        audio_buffers.warm_up()

    def set_device_latency(self, input_s: float, output_s: float) -> None:
        """What the device adds, as its driver claims; before `start`."""
        self._device_latency_s = (input_s, output_s)

    def add_handler(self, name: str, handler: Callable[[Command], None]) -> None:
        """Let `handler` carry out the control `name`, in the thread that sends it; it may raise CommandError."""
        self._handlers[name] = handler

    def start(self, log: Log | None = None, recorder: Recorder | None = None) -> None:
        """Begin to decide. From here on garbage is collected between hops only.

        log, recorder: `SessionLog` and `Recorder` of agent/records.
        """
        self.decision_loop.start(log, recorder, self._device_latency_s[1])
        self._before = (sys.getswitchinterval(), gc.isenabled())
        sys.setswitchinterval(THREAD_SWITCH_S)
        gc.collect()
        gc.freeze()
        gc.disable()
        for stored in self.session.repertoire:
            self.bus.publish("memory", stored.name, len(stored), stored.seconds)
            for section in stored.sections:
                self.bus.publish("section", stored.name, *section)
        self._thread.start()

    def stop(self) -> None:
        """End the decision thread; what was played is written down. Close the stream first."""
        if self._ended.is_set():
            return
        self.buffers.close()
        self._ended.set()
        self._thread.join()
        self._file_worker.shutdown()
        sys.setswitchinterval(self._before[0])
        gc.unfreeze()
        if self._before[1]:
            gc.enable()

    def fade_out(self) -> None:
        """Silence within 10 ms of the next block, until `play`. From any thread."""
        with self._fader_lock:
            self._closed = True
            self._set_fader()

    # --- commands, from any thread

    def command(self, command: Command) -> None:
        """Carry out a command: mute, stop, panic and quit at once, all others before the next hop is proposed.

        A hop that is proposed already is not changed. Commands are carried out in the order in which they came.

        CommandError if it cannot be carried out, or too many commands wait; an urgent one is never refused.
        """
        if command.at is None and command.name in BEATS:
            command = replace(command, at=self.sample_at(time.monotonic()))
        if command.name in ("hear/label", "hear/feature"):
            if self._remote is None:
                raise CommandError(f"{command.name}: the ear listens to sound: start with  --input osc")
            self._remote.put(command)
        elif command.name in self._handlers:
            self._handlers[command.name](command)
        elif flags := OPENED_BY.get(command.name.partition("/")[0]):
            raise CommandError(f"{command.name}: nobody is here to do it: start with  {flags}")
        elif command.name in URGENT:
            self._act_at_once(command)
        else:
            self._commands.put(command)

    def sample_at(self, monotonic_s: float) -> int:
        """The sample of the input at a monotonic time, s; for beats that come with a time of their own."""
        return self.decision_loop.sample_at(monotonic_s)

    @property
    def commands_waiting(self) -> int:
        """Commands that have not been carried out yet."""
        return len(self._commands)

    def _act_at_once(self, command: Command) -> None:
        """Move the fader now; the decision loop learns of it at the next hop."""
        with self._fader_lock:
            if command.name == "mute":
                self._muted = bool(command.args[0]) if command.args else not self._muted
                command = Command("mute", (int(self._muted),), command.source)
            else:
                self._closed = True
            self._set_fader()
            self._commands.put(command)
        if command.name == "quit":
            self.over.set()

    def _set_fader(self) -> None:
        """Set the fader as mute, stop and error require; call it with the lock held."""
        open_now = not (self._muted or self._closed)
        self.buffers.fade(open_now, self._opens_at if open_now and self._opens_at > self.buffers.samples_out else 0)

    # --- in the decision thread

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                if self.decision_loop.accepts_controls:
                    self._commands.drain(self._carry_out)
                worked = self.decision_loop.step()
            except Exception as error:
                self._fail(error)
                worked = False
            if not worked:
                self.idle_count += 1
                self._idle()
        for task in (lambda: self._commands.drain(self._carry_out), self.decision_loop.finish):
            try:
                task()
            except Exception as error:
                self._fail(error)

    def _idle(self) -> None:
        """Sleep until the next hop, not so long that a command would wait."""
        if self.buffers.waits:
            time.sleep(IDLE_SLEEP_S / 5)
            return
        left = self.decision_loop.seconds_until_due()
        if left > 0.02 and gc.get_count()[0] > 5000:
            gc.collect(1)
        time.sleep(min(max(left - 2 * IDLE_SLEEP_S, IDLE_SLEEP_S / 2), 5 * IDLE_SLEEP_S))

    def _fail(self, error: Exception) -> None:
        """Our own error: fade out, report it, keep the stream open; `play` tries again."""
        if not self._failed:
            logger.exception("the decision loop has failed at hop %d", self.decision_loop.state.hop)
            self.bus.publish(
                "error", f"the decision has failed ({_short(error)}): the agent is silent now, play begins anew"
            )
        self.failure, self._failed = error, True
        self.decision_loop.suspend()
        self.fade_out()

    def _carry_out(self, command: Command) -> None:
        try:
            self._apply(command)
        except REFUSALS as error:
            self.bus.publish("error", str(error))
        except Exception as error:
            logger.exception("the command %s %s has failed", command.name, command.args)
            self.bus.publish("error", f"{command.name} failed ({_short(error)}): nothing was changed")

    def _apply(self, command: Command) -> None:
        """Carry out one command between two hops, report it, and write it down."""
        name, args = command.name, command.args
        state, partly = self.decision_loop.state, ""
        if name == "play":
            self._play()
        elif name in ("stop", "panic"):
            self.fade_out()  # once more: a `play` may have been under way
            controls.apply(self.session, state, "stop")
        elif name in ("save", "preset/save", "preset/recall"):
            self._apply_with_file(command)
            return
        elif name not in ("mute", "quit"):
            partly = controls.apply(self.session, state, name, args, command.source, command.at)
        self.decision_loop.log_control(name, args, command.source, state.hop, command.at)
        if partly:
            self.bus.publish("error", partly)
        self.bus.publish("changed", name, *self._value(name, args))
        for key in LIVE_SETTINGS if name == "back" else ("section",) if name == "region" else ():
            self.bus.publish("changed", key, *self._value(key, ()))

    def _play(self) -> None:
        """Begin a new performance at the next hop; after silence, the fader opens where that hop begins."""
        self.decision_loop.resume()
        controls.apply(self.session, self.decision_loop.state, "play", ())
        with self._fader_lock:
            if self._closed:
                self._opens_at = self.buffers.output_start(self.decision_loop.state.hop)
            self._closed = self._failed = False
            self._set_fader()

    def _value(self, name: str, args: tuple) -> tuple:
        """What a control stands at now."""
        state = self.decision_loop.state
        toggles = {"hold": state.holding, "listen": state.listening, "mute": self._muted}
        if name in toggles:
            return (int(toggles[name]),)
        if full := CONTROLS[name].setting:
            section, key = full.split(".")
            value = getattr(getattr(state.config, section), key)
            return tuple(value) if isinstance(value, tuple) else (value,)
        if name == "memory":
            return (self.session.repertoire[state.selected_memory].name,)
        return args

    def _apply_with_file(self, command: Command) -> None:
        """Let the file thread do what touches the disk, with copies."""
        name, (what,), config = command.name, command.args, self.decision_loop.state.config
        presets = Presets(self.session.config.live.presets)
        if name == "preset/save":
            self._in_file_thread(command, lambda: presets.save(what, config))
        elif name == "preset/recall":
            self._in_file_thread(command, lambda: self._commands.put_all(presets.recall(what)))
        elif any(stored.growing and len(stored) for stored in self.session.repertoire):
            snapshot = self.session.repertoire.snapshot()
            self._in_file_thread(command, lambda: snapshot.save(what))
        else:
            raise CommandError("save: nothing has been recorded yet: begin with record")

    def _in_file_thread(self, command: Command, task: Callable[[], None]) -> None:
        hop = self.decision_loop.state.hop

        def work() -> None:
            try:
                task()
            except REFUSALS as error:
                self.bus.publish("error", str(error))
            except Exception as error:
                logger.exception("the command %s %s has failed", command.name, command.args)
                self.bus.publish("error", f"{command.name} failed ({_short(error)}): try again")
            else:
                self.bus.publish("changed", command.name, *command.args)
                self.decision_loop.log_control(command.name, command.args, command.source, hop)

        self._file_worker.submit(work)

    # --- coherence, from the meter's thread

    def set_coherence_interval(self, seconds: float) -> None:
        """A meter scores input against output at most that often; 0: none does any more."""
        self._coherence_interval_s = seconds

    def log_coherence(self, scores: dict[str, float], hop: int) -> None:
        """Write scores of the time up to `hop` into the log, if there is one."""
        self.decision_loop.log_coherence(scores, hop)

    def log_midi(self, message: bytes, clock: float, time_s: float, *, sent: bool) -> None:
        """Write a MIDI message of the missing part, or heard beside it, into the log. From the part's thread."""
        self.decision_loop.log_midi(message, clock, time_s, sent=sent)

    # --- what is going on, from any thread

    @property
    def state(self) -> str:
        """playing, listening, held, muted, stopped or error."""
        state = self.decision_loop.state
        for name, yes in (("error", self._failed), ("stopped", self._closed or state.stopped),
                          ("muted", self._muted), ("listening", state.listening), ("held", state.holding)):  # fmt: skip
            if yes:
                return name
        return "playing"

    def snapshot(self) -> Snapshot:
        """All there is to show; the levels are peaks since the last call, in dBFS."""
        buffers, state = self.buffers, self.decision_loop.state
        input_db, output_db = self._levels()
        return {
            "state": self.state,
            "hop": max(buffers.current_hop, 0),
            "seconds": round(buffers.samples_in / self.samplerate, 3),
            "xruns": buffers.xruns,
            "missed": buffers.missed,
            "nan": buffers.nans,
            "in_db": input_db,
            "out_db": output_db,
            "mind": self._response_times(),
            "meter": self._coherence_interval_s,
            "memory": self.session.repertoire[state.selected_memory].name,
            "settings": {key: list(v) if len(v := self._value(key, ())) > 1 else v[0] for key in LIVE_SETTINGS},
            "latency": self._latency(),
            "region": list(self.session.repertoire.shares(state, state.selected_memory)),
            "position": self._position(),
            "recording": state.recording,
            "pulse": self._pulse(),
            "toggles": {"mute": int(self._muted), "hold": int(state.holding), "listen": int(state.listening)},
        }

    def _levels(self) -> tuple[float, float]:
        """Peaks of input and output since the last call, of a second at most, dBFS."""
        buffers = self.buffers
        before_in, before_out = self._levels_read
        samples_in, samples_out = self._levels_read = buffers.samples_in, buffers.samples_out
        heard = buffers.read_input(max(before_in, samples_in - self.samplerate), samples_in)
        spoken = buffers.read_output(max(before_out, samples_out - self.samplerate), samples_out)
        return _peak_db(heard), _peak_db(spoken)

    def _position(self) -> float:
        """Where in its memory the hop played last begins, s; -1 where it was silence."""
        event = self.decision_loop.last_event
        if event is None or event.segment < 0:
            return -1.0
        start = self.session.repertoire[event.memory].sound.boundary(event.segment) + event.shift
        return start / self.samplerate

    def beat_at(self, sample: int) -> Beat:
        """The beat that leads at a sample of the input, NO_BEAT if there is none; for any thread."""
        return self.decision_loop.state.beat_at(sample)

    def _pulse(self) -> Pulse:
        """The beat that leads now."""
        state, sample = self.decision_loop.state, self.buffers.samples_in
        beat, source = state.beat_at(sample), state.beat_source_at(sample)
        bpm = 60 / beat.period_s if beat.period_s else 0.0
        return {"source": source, "bpm": round(bpm, 2), "confidence": round(beat.confidence, 3)}

    def _latency(self) -> Latency:
        """Latency from input to answer, part by part, ms: see `Latency`."""
        lookahead = self.decision_loop.state.config.decision.lookahead
        hop, slack = 1e3 * self.session.hop * lookahead, 1e3 * self.buffers.slack / self.samplerate
        before, after = (1e3 * seconds for seconds in self._device_latency_s)
        return {"hop": hop, "slack": slack, "in": before, "out": after, "total": hop + slack + before + after}

    def _response_times(self) -> ResponseTimes:
        """Times of the newest answers, computed once a second."""
        now, times = time.monotonic(), self.decision_loop.response_ms
        if times and (now > self._spread_time + SPREAD_EVERY_S or self._ended.is_set()):
            spread = np.percentile(np.fromiter(tuple(times), np.float64), (50, 99))
            self._spread_time = now
            self._spread = ResponseTimes(p50=round(float(spread[0]), 3), p99=round(float(spread[1]), 3))
        return self._spread

    def waveform(self, memory: int, points: int) -> list[float]:
        """(points,) peaks of a memory, 0 to 1, for a picture of it."""
        stored: Memory = self.session.repertoire[memory]
        audio = stored.sound.audio
        edges = np.linspace(0, len(audio), max(1, points) + 1).astype(int)[:-1]
        if not len(audio):
            return [0.0] * max(1, points)
        return [float(peak) for peak in np.maximum.reduceat(np.abs(audio), np.minimum(edges, len(audio) - 1))]


def _short(error: Exception) -> str:
    """An error in a line, for a report."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _peak_db(audio: np.ndarray) -> float:
    """dBFS of the loudest sample of (n,) float32."""
    peak = float(np.abs(audio).max()) if len(audio) else 0.0
    return round(max(20 * np.log10(peak), SILENT_DB), 2) if peak > 0 else SILENT_DB

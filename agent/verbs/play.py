"""`antiphon play`: a performance, whose parts are opened in order and closed in reverse order.

Input and output may each be a device, a file or OSC. A device sets the clock; without one a loop counts samples.
Optional parts (page, terminal, MIDI, OSC, recording) are loaded only when they are asked for.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.coherence.meter import open_meter
from agent.control.bus import Bus
from agent.devices import audio_device
from agent.engine import file_transport, scheduling
from agent.engine.decision_loop import Log, Recorder
from agent.engine.engine import Engine
from agent.engine.remote_listener import RemoteListener
from agent.interfaces.launcher import Interfaces
from agent.performance import loading
from agent.performance import report as performance_report
from agent.performance.state import Event
from agent.settings.config import Config, ConfigError, change
from agent.verbs.console import ShowProgress
from agent.verbs.paths import endpoint_kind
from corpora.audio import AudioFile, AudioWriter, open_audio, warn_if_silent
from corpora.interruption import Interrupted, deferred
from perception.pulse import Beat

DEFAULT_SAMPLERATE_HZ = 48000  # where neither a device nor a file has one
SLACK_MARGIN_S = 0.01  # slack beyond one block of the device
CALLBACKS_UNTIL_BLOCK_KNOWN = 4  # callbacks after which the block size of the device is known
DEVICE_START_TIMEOUT_S = 3.0  # time within which these callbacks must come
DEVICE_START_POLL_S = 0.005
FADE_OUT_S = 0.01
FREEWHEEL_DEVICE_TIMEOUT_S = 30.0  # without a callback; the callback waits for decisions, so gaps are long
MANY_MISSED = 0.1  # share of late answers from which on the settings are to blame
Say = Callable[[str], None]  # prints a sentence for the person at the terminal


@dataclass(frozen=True, kw_only=True)
class PlayOptions:
    """The options of one performance beyond the settings: where sound comes from and goes, and what is written."""

    input: str = ""  # device ("" is the system's own), audio file or "osc"
    output: str = ""
    log: str | None = None  # session log to write
    record: str | None = None  # folder for heard.wav and spoken.wav
    osc: bool = False  # open OSC also from file to file
    terminal: bool = False  # show the terminal view
    freewheel: bool = False  # the sound waits for the decision
    speed: float = 1.0  # of files, times real time; 0: as fast as possible
    block: int = 256  # samples at a time where there is no device
    seconds: float | None = None  # stop after this time
    settings_file: str | None = None  # the file the settings came from, where learned pedals are written

    def __post_init__(self) -> None:
        """Raise ConfigError if a value is out of range; the sentence names its flag."""
        if not (self.speed == 0 or 0.01 <= self.speed <= 1000):  # NaN fails too
            raise ConfigError(
                f"--speed {self.speed:g}: expected 0 (as fast as possible) or 0.01 to 1000 times real time"
            )
        if self.seconds is not None and not 0 < self.seconds <= 1e6:
            raise ConfigError(f"--seconds {self.seconds:g}: expected more than 0")

    @property
    def from_file_to_file(self) -> bool:
        """Are input and output both files?"""
        return endpoint_kind(self.input) == endpoint_kind(self.output) == "file"


def play(
    config: Config, options: PlayOptions, say: Say = lambda sentence: None, progress: ShowProgress | None = None
) -> dict:
    """Play until the file or `seconds` end, or until `quit` or a signal; return the report.

    From file to file the answer waits for the decision and has no slack: it is as long as the input, and the same at
    any speed. Errors are raised as by `respond`. Live, an error is reported and the performance continues.
    """
    source, sink = endpoint_kind(options.input), endpoint_kind(options.output)
    files = options.from_file_to_file
    if sink == "osc":  # a patch plays its memory as it was recorded
        config = change(change(config, "action.stretch", "off"), "action.match_key", "off")
    with ExitStack() as stack:
        pair = _choose_devices(config, options, source, sink) if "device" in (source, sink) else None
        file = stack.enter_context(open_audio(options.input, config.live.hop)) if source == "file" else None
        rate = _samplerate(config, pair, file)
        wait = files or options.freewheel or (pair is None and options.speed == 0)
        session, memory_names = loading.open_full_session(config, rate)
        bus, remote = Bus(), RemoteListener(session, clock=wait and pair is None) if source == "osc" else None
        slack_ms = 0.0 if files else config.live.slack_ms
        engine = Engine(session, samplerate=rate, slack_ms=slack_ms, bus=bus, wait=wait, remote=remote)
        engine.warm_up()
        real_time = not wait and config.live.scheduling == "realtime"
        granted = stack.enter_context(scheduling.real_time()) if real_time else False
        meter = open_meter(engine, config, stack, say) if pair and not remote else None
        interfaces = Interfaces(
            engine, config, stack, say, terminal=options.terminal, settings_file=options.settings_file
        )
        stream = _open_device(engine, pair, config, stack, say) if pair else None
        events, log, recorder = _open_records(engine, options, memory_names, stack, files)
        length = file.seconds if file else None
        writer = stack.enter_context(AudioWriter(options.output, rate, seconds=length)) if sink == "file" else None
        interfaces.open(osc=options.osc or not files)
        engine.start(log, recorder)
        stack.callback(engine.stop)
        began = time.monotonic()
        if stream:
            _run_with_device(engine, stream, file.blocks(rate=rate) if file else None, writer, options, interfaces)
        else:
            watch = _progress_watcher(file.seconds, rate, progress) if file and progress else None
            _run_without_device(engine, file, remote, writer, options, interfaces, watch)
        if meter:
            meter.close()
        engine.stop()
        with deferred():  # either all files that were written appear, or none
            stack.close()
        if files:
            return _file_report(engine, events, memory_names, config, options)
        report = _stage_report(engine, memory_names, time.monotonic() - began)
        report["scheduling"] = "realtime" if granted else "normal"
        return report | ({"coherence": meter.summary()} if meter else {})


def _choose_devices(config: Config, options: PlayOptions, source: str, sink: str) -> audio_device.DevicePair:
    return audio_device.choose(
        options.input if source == "device" else None, options.output if sink == "device" else None,
        config.live.samplerate, config.live.client,
    )  # fmt: skip


def _samplerate(config: Config, pair: audio_device.DevicePair | None, file: AudioFile | None) -> int:
    """Sample rate of the performance, Hz: of the device, else of the file, else of the settings."""
    if pair:
        return pair.samplerate
    return file.samplerate if file else config.live.samplerate or DEFAULT_SAMPLERATE_HZ


def _progress_watcher(seconds: float, samplerate: int, progress: ShowProgress) -> Callable[[int], None]:
    """A function that reports the number of samples played to `progress`, in seconds."""
    return lambda samples: progress(min(samples / samplerate, seconds), seconds)


class _EventLog:
    """A log that keeps the events of all hops for the report and passes every entry on to the session log, if any."""

    def __init__(self, log: Log | None):
        self.events: list[Event] = []
        self._log = log

    def hop(self, event: Event) -> None:
        self.events.append(event)
        if self._log:
            self._log.hop(event)

    def fader(self, gain: float, at: int) -> None:
        if self._log:
            self._log.fader(gain, at)

    def control(self, name: str, args: Any, source: str, hop: int, at: int | None = None) -> None:
        if self._log:
            self._log.control(name, args, source, hop, at)

    def beat(self, beat: Beat, source: str, hop: int) -> None:
        if self._log:
            self._log.beat(beat, source, hop)

    def coherence(self, scores: dict[str, float], hop: int) -> None:
        if self._log:
            self._log.coherence(scores, hop)

    def midi(self, message: bytes, clock: float, at: int, *, sent: bool) -> None:
        if self._log:
            self._log.midi(message, clock, at, sent=sent)

    def end(self, samples: int) -> None:
        if self._log:
            self._log.end(samples)


def _open_records(
    engine: Engine, options: PlayOptions, memory_names: list[str], stack: ExitStack, files: bool
) -> tuple[list[Event], Log | None, Recorder | None]:
    """Open the session log and the recording; also return the list that fills with events from file to file.

    From file to file a log that cannot be written is an error; live, it is reported and the performance continues.
    """
    log: Log | None = None
    recorder: Recorder | None = None
    if options.log:
        from agent.records.session_log import SessionLog

        bus, slack = None if files else engine.bus, engine.buffers.slack
        with deferred():
            log = stack.enter_context(SessionLog(options.log, engine.session, memory_names, slack=slack, bus=bus))
    if options.record:
        from agent.records import recorder as recording

        recorder = stack.enter_context(recording.Recorder(options.record, engine.samplerate, engine.bus))
    event_log = _EventLog(log)
    return event_log.events, event_log if files else log, recorder


def _open_device(
    engine: Engine, pair: audio_device.DevicePair, config: Config, stack: ExitStack, say: Say
) -> audio_device.Stream:
    """Open the stream, which neither hears nor plays yet; measure its block size and read its latency."""
    buffers = engine.buffers
    hear = audio_device.channels(config.live.input_channels, pair.input, "input")
    speak = audio_device.channels(config.live.output_channels, pair.output, "output")
    buffers.set_channels(max(hear, default=-1) + 1, max(speak, default=-1) + 1, hear, speak)
    buffers.ready = False
    stream = audio_device.Stream(buffers, pair)
    stream.start()
    stack.callback(stream.close)
    deadline = time.monotonic() + DEVICE_START_TIMEOUT_S
    while buffers.callbacks < CALLBACKS_UNTIL_BLOCK_KNOWN and time.monotonic() < deadline:
        time.sleep(DEVICE_START_POLL_S)
    info = stream.info()
    engine.set_device_latency(info.input_latency_s, info.output_latency_s)
    _fit_slack_to_block(engine, pair, config, say)
    return stream


def _fit_slack_to_block(engine: Engine, pair: audio_device.DevicePair, config: Config, say: Say) -> None:
    """Raise the slack to a little more than a block of the device, since an answer cannot start within one."""
    buffers = engine.buffers
    block = max(buffers.longest_block, pair.block)
    if buffers.waits or buffers.slack > block:
        return
    slack = block + round(SLACK_MARGIN_S * buffers.samplerate)
    if slack >= buffers.boundary(1):
        raise ConfigError(f"'{pair.name}' has blocks of {block} samples, longer than a hop: choose shorter ones")
    say(f"slack_ms = {config.live.slack_ms:g} is less than a block of '{pair.name}' ({block} samples): "
        f"{1000 * slack / buffers.samplerate:.1f} ms are used")  # fmt: skip
    buffers.slack = slack


def _run_with_device(
    engine: Engine, stream: audio_device.Stream, blocks: Iterator[np.ndarray] | None, writer: AudioWriter | None,
    options: PlayOptions, interfaces: Interfaces,
) -> None:  # fmt: skip
    """Play with a device as the clock: its callback does the work; this thread serves files and waits for the end.

    blocks: of an input file, at the device rate; None: the input is the device.
    """
    buffers = engine.buffers
    feeder = file_transport.Feeder(buffers, blocks) if blocks is not None else None
    drain = file_transport.Drain(buffers, writer.write) if writer else None
    timeout = [FREEWHEEL_DEVICE_TIMEOUT_S] if buffers.waits else []
    keeper = audio_device.StreamWatchdog(stream, engine.bus.publish, *timeout)
    buffers.ready = True
    keeper.start()
    engine.bus.publish("device", "open", stream.pair.name)

    def is_over() -> bool:
        if drain:
            drain.pull()
        if feeder and feeder.error:
            raise feeder.error
        end = None if options.seconds is None else round(options.seconds * buffers.samplerate)
        if feeder and feeder.finished and end is None:
            end = feeder.samples_fed + buffers.slack
        return end is not None and buffers.samples_out >= end

    try:
        with _signals(engine.over):
            interfaces.run_until(is_over)
    finally:
        if feeder:
            feeder.close()
        engine.fade_out()
        buffers.wait_for(buffers.samples_out + round(FADE_OUT_S * buffers.samplerate) + 2 * buffers.longest_block, 0.5)
        keeper.end()
        stream.close()
    if drain:
        drain.pull()


def _run_without_device(
    engine: Engine, file: AudioFile | None, remote: RemoteListener | None, writer: AudioWriter | None,
    options: PlayOptions, interfaces: Interfaces, watch: Callable[[int], None] | None,
) -> None:  # fmt: skip
    """Play with a loop as the clock. It takes blocks of a file or of silence, or waits for the labels of a patch."""
    waits, buffers, files = engine.buffers.waits, engine.buffers, options.from_file_to_file
    if file is not None:
        blocks = file.blocks(options.block)
        if options.seconds is not None:
            blocks = file_transport.limited_blocks(blocks, round(options.seconds * buffers.samplerate))
    elif waits and remote:
        blocks = file_transport.blocks_by_label(engine, remote, options.seconds)
    else:
        blocks = file_transport.silent_blocks(buffers, options.block, options.seconds)
    speed = 0.0 if waits and not files else options.speed
    loop = file_transport.BlockLoop(engine, blocks, speed, writer.write if writer else None, strict=files)

    def is_over() -> bool:
        if watch:
            watch(buffers.samples_out)
        return False

    try:
        with _signals(engine.over) if not files else nullcontext():
            interfaces.run_until(is_over)
        if watch:
            watch(buffers.samples_out)
    finally:
        engine.over.set()
        loop.close()
    if loop.error:
        raise loop.error


@contextmanager
def _signals(over: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and `kill` end the performance instead of the program; a second one interrupts the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        if over.is_set():
            raise Interrupted(number)
        over.set()

    previous = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _file_report(
    engine: Engine, events: list[Event], memory_names: list[str], config: Config, options: PlayOptions
) -> dict:
    """The report from file to file: that of `respond`, and how many hops would have been late live."""
    limit_ms = config.live.slack_ms
    late = sum(sum(event.times.values()) > limit_ms for event in events) if options.speed else 0
    report = performance_report.summarise(engine.session, events, engine.buffers.samples_out)
    warn_if_silent(options.input, report["heard"], engine.session.silence, config.perception.gate_db)
    return report | {"missed": late, "speed": options.speed, "memory": memory_names[0]}


def _stage_report(engine: Engine, memory_names: list[str], elapsed_s: float) -> dict:
    """The report of a live performance: how much was played and what the engine missed."""
    snapshot, buffers = engine.snapshot(), engine.buffers
    return {
        "samplerate": buffers.samplerate,
        "samples": buffers.samples_out,
        "seconds": round(elapsed_s, 3),
        "hops": max(0, engine.decision_loop.state.hop - 1),
        "state": snapshot["state"] if engine.failure else "stopped",
        "mind_ms": snapshot["mind"],
        "latency_ms": snapshot["latency"],
        **{key: snapshot[key] for key in ("missed", "xruns", "nan")},
        "memory": memory_names[0],
        "memories": memory_names,
    }


def lines(report: dict, options: PlayOptions) -> list[str]:
    """The report in one line for a terminal."""
    seconds = report["samples"] / report["samplerate"]
    if options.from_file_to_file:
        loop_ms = report["timings_ms"].get("mind", {"p50": 0, "p99": 0})
        return [f"{options.output}: {seconds:.1f} s, {report['hops']} hops, "
                f"{report['missed']} late; decision loop p50 {loop_ms['p50']} ms, p99 {loop_ms['p99']} ms"]  # fmt: skip
    loop_ms, coherence = report["mind_ms"], report.get("coherence", {})
    score = coherence.get("position", coherence.get("both"))
    shown = "" if score is None else f"; coherence {score:.2f}"
    shown_lines = [f"{seconds:.1f} s, {report['hops']} hops, {report['missed']} missed, {report['xruns']} xruns; "
                   f"decision loop p50 {loop_ms['p50']} ms, p99 {loop_ms['p99']} ms{shown}"]  # fmt: skip
    if report["missed"] > MANY_MISSED * report["hops"]:
        shown_lines.append(
            f"{report['missed']} of {report['hops']} answers came too late: they take longer than "
            f"live.slack_ms = {report['latency_ms']['slack']:g}; raise it (to 200 at most), or live.hop, or set "
            "perception.recompute; antiphon check says how long an answer takes here"
        )
    if report["missed"] and report["scheduling"] == "normal":
        shown_lines.append("other programs may have kept it waiting: antiphon check says how to let it run before them")
    return shown_lines

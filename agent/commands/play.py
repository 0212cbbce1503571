"""A performance on stage: everything that takes part is opened in order and closed in the reverse one.

Input and output may each be a device, a file or OSC. Devices set the clock; without one the sample counter of a loop
does. What is optional (page, terminal, MIDI, OSC, recording) is loaded only when it is asked for.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.coherence.meter import opened
from agent.control.bus import Bus
from agent.engine import file_transport
from agent.engine.decision_loop import Log, Recorder
from agent.engine.engine import Engine
from agent.engine.remote_listener import RemoteListener
from agent.interfaces.launcher import Interfaces
from agent.performance import loading, report
from agent.performance.state import Event
from agent.settings.config import Config, ConfigError
from corpora.audio import AudioWriter, open_audio
from corpora.interruption import Interrupted, deferred

SOUNDS = {".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64", ".opus", ".snd"}
RATE = 48000  # Hz, where neither a device nor a file says
MARGIN = 0.01  # s of slack beyond a block of the device
FIRST = 4  # callbacks after which the device's block is known
PATIENCE = 3.0  # s for them to come
FADE = 0.01  # s
POLL = 0.02  # s


@dataclass(frozen=True)
class Wishes:
    """What is asked for besides the settings."""

    input: str = ""  # device, file or "osc"
    output: str = ""
    log: str | None = None
    record: str | None = None  # folder
    osc: bool = False  # also from file to file
    tui: bool = False
    freewheel: bool = False  # the sound waits for the mind
    speed: float = 1.0  # of files; 0: as fast as it goes
    block: int = 256  # samples, without a device
    seconds: float | None = None  # stop after so many
    settings: str | None = None  # the file they came from, where learned pedals are written


def kind(name: str) -> str:
    """ "osc", "file" or "device"."""
    if name == "osc":
        return "osc"
    return "file" if Path(name).suffix.lower() in SOUNDS or (name and Path(name).is_file()) else "device"


Progress = Callable[[float, float], None]  # seconds done, seconds in all


def play(
    config: Config, wishes: Wishes, say: Callable[[str], None] = lambda sentence: None, progress: Progress | None = None
) -> dict:
    """Perform until the end of the file or of `seconds`, `quit` or a signal; return the report.

    say: is told what a person should read. From file to file the answer waits for the mind and has no slack: it is as
    long as what is heard, the same whatever the speed, and what goes wrong is raised as from `respond`.
    """
    source, out = kind(wishes.input), kind(wishes.output)
    files = source == out == "file"
    with ExitStack() as stack:
        pair = _devices(config, wishes, source, out) if "device" in (source, out) else None
        file = stack.enter_context(open_audio(wishes.input, config.live.hop)) if source == "file" else None
        rate = pair.samplerate if pair else file.samplerate if file else config.live.samplerate or RATE
        wait = files or wishes.freewheel or (pair is None and wishes.speed == 0)
        if not wait and config.decision.reward == "cocola":
            raise ConfigError("decision.reward = 'cocola' is too slow for the stage: set it to 'proxy'")
        session, names = loading.open_stage(config, rate)
        bus, patch = Bus(), RemoteListener(session, clock=wait and pair is None) if source == "osc" else None
        engine = Engine(
            session, samplerate=rate, slack_ms=0.0 if files else config.live.slack_ms, bus=bus, wait=wait, remote=patch
        )
        meter = opened(engine, config, stack, say) if pair and not patch else None
        engine.warm_up()
        show = Interfaces(engine, config, wishes, stack, say)
        stream = _open_device(engine, pair, config, stack, say) if pair else None
        kept, log, recorder = _open_records(engine, wishes, names, stack, files)
        length = file.seconds if file else None
        writer = stack.enter_context(AudioWriter(wishes.output, rate, seconds=length)) if out == "file" else None
        show.open(osc=wishes.osc or not files)
        engine.start(log, recorder)
        stack.callback(engine.stop)
        began = time.monotonic()
        if pair:
            _with_device(engine, stream, file.blocks(rate=rate) if file else None, writer, wishes, show)
        else:
            blocks = file.blocks(wishes.block) if file else None
            watch = _watcher(file.seconds, rate, progress) if file and progress else None
            _without_device(engine, blocks, patch, writer, wishes, show, files, watch)
        if meter:
            meter.close()
        engine.stop()
        with deferred():  # all that was written appears, or nothing
            stack.close()
        if files:
            late = sum(sum(e.times.values()) > config.live.slack_ms for e in kept.events) if wishes.speed else 0
            about = {"missed": late, "speed": wishes.speed, "memory": names[0]}
            return report.summarise(session, kept.events, engine.buffers.samples_out) | about
        return _report(engine, names, time.monotonic() - began) | ({"coherence": meter.summary()} if meter else {})


def _devices(config: Config, wishes: Wishes, source: str, out: str) -> Any:
    from agent.devices import audio_device

    return audio_device.choose(
        wishes.input if source == "device" else None, wishes.output if out == "device" else None,
        config.live.samplerate, config.live.client,
    )  # fmt: skip


def _watcher(seconds: float, rate: int, progress: Progress) -> Callable[[int], None]:
    return lambda samples: progress(min(samples / rate, seconds), seconds)


class _Kept:
    """A log that keeps the events for the report, and passes all on to the log proper."""

    def __init__(self, log: Any = None):
        self.events: list[Event] = []
        self._log = log

    def hop(self, event: Event) -> None:
        self.events.append(event)
        if self._log:
            self._log.hop(event)

    def fader(self, gain: float, at: int) -> None:
        if self._log:
            self._log.fader(gain, at)

    def control(self, name: str, args: Any, source: str, hop: int) -> None:
        if self._log:
            self._log.control(name, args, source, hop)

    def coherence(self, found: dict[str, float], hop: int) -> None:
        if self._log:
            self._log.coherence(found, hop)

    def end(self, samples: int) -> None:
        if self._log:
            self._log.end(samples)


def _open_records(
    engine: Engine, wishes: Wishes, names: list[str], stack: ExitStack, files: bool
) -> tuple[_Kept, Log | None, Recorder | None]:
    """The log and the recording. From file to file a log that cannot be written is an error, on stage a report."""
    log, recorder, kept = None, None, _Kept()
    if wishes.log:
        from agent.records.session_log import SessionLog

        bus = None if files else engine.bus
        with deferred():
            log = stack.enter_context(
                SessionLog(wishes.log, engine.session, names, slack=engine.buffers.slack, bus=bus)
            )
        kept = _Kept(log)
    if wishes.record:
        from agent.records import recorder as recording

        recorder = stack.enter_context(recording.Recorder(wishes.record, engine.samplerate, engine.bus))
    return kept, kept if files else log, recorder


def _open_device(engine: Engine, pair: Any, config: Config, stack: ExitStack, say: Callable[[str], None]) -> Any:
    """Open the stream, silent and deaf at first, and learn what it adds to the latency."""
    from agent.devices import audio_device

    buffers = engine.buffers
    hear = audio_device.channels(config.live.input_channels, pair.input, "input")
    speak = audio_device.channels(config.live.output_channels, pair.output, "output")
    buffers.set_channels(max(hear, default=-1) + 1, max(speak, default=-1) + 1, hear, speak)
    buffers.ready = False
    stream = audio_device.Stream(buffers, pair)
    stream.start()
    stack.callback(stream.close)
    until = time.monotonic() + PATIENCE
    while buffers.callbacks < FIRST and time.monotonic() < until:
        time.sleep(0.005)
    about = stream.info()
    engine.set_device_latency(about["latency_in"], about["latency_out"])
    block = max(buffers.longest_block, pair.block)
    if buffers.slack <= block and not buffers.waits:
        slack = block + round(MARGIN * buffers.samplerate)
        if slack >= buffers.boundary(1):
            raise ConfigError(f"'{pair.name}' has blocks of {block} samples, longer than a hop: choose shorter ones")
        say(f"slack_ms = {config.live.slack_ms:g} is less than a block of '{pair.name}' ({block} samples): "
            f"{1000 * slack / buffers.samplerate:.1f} ms are used")  # fmt: skip
        buffers.slack = slack
    return stream


def _with_device(engine: Engine, stream: Any, blocks: Any, writer: Any, wishes: Wishes, show: Interfaces) -> None:
    """The callback does the work; here is only looked after files and the end."""
    from agent.devices import audio_device

    buffers = engine.buffers
    feeder = file_transport.Feeder(buffers, blocks) if blocks is not None else None
    drain = file_transport.Drain(buffers, writer.write) if writer else None
    keeper = audio_device.StreamWatchdog(stream, engine.bus.publish, *([30.0] if buffers.waits else []))
    buffers.ready = True
    keeper.start()
    engine.bus.publish("device", "open", stream.pair.name)

    def step() -> bool:
        if drain:
            drain.pull()
        if feeder and feeder.error:
            raise feeder.error
        end = None if wishes.seconds is None else round(wishes.seconds * buffers.samplerate)
        if feeder and feeder.finished and end is None:
            end = feeder.fed + buffers.slack
        return end is not None and buffers.samples_out >= end

    try:
        with _signals(engine.over):
            show.go_on(step)
    finally:
        if feeder:
            feeder.close()
        engine.fade_out()
        buffers.wait_for(buffers.samples_out + round(FADE * buffers.samplerate) + 2 * buffers.longest_block, 0.5)
        keeper.end()
        stream.close()
    if drain:
        drain.pull()


def _without_device(
    engine: Engine, blocks: Any, patch: RemoteListener | None, writer: Any, wishes: Wishes, show: Interfaces,
    files: bool, watch: Callable[[int], None] | None,
) -> None:  # fmt: skip
    """A loop is the clock: a patch's labels, or blocks in real time."""
    waits, buffers = engine.buffers.waits, engine.buffers
    if blocks is None and waits and patch:
        blocks = file_transport.by_labels(engine, patch, wishes.seconds)
    elif blocks is None:
        blocks = file_transport.silence(buffers, wishes.block, wishes.seconds)
    elif wishes.seconds is not None:
        blocks = file_transport.at_most(blocks, round(wishes.seconds * buffers.samplerate))
    speed = 0.0 if waits and not files else wishes.speed
    loop = file_transport.BlockLoop(engine, blocks, speed, writer.write if writer else None, strict=files)

    def step() -> bool:
        if watch:
            watch(buffers.samples_out)
        return False

    try:
        with _signals(engine.over) if not files else nullcontext():
            show.go_on(step)
        if watch:
            watch(buffers.samples_out)
    finally:
        engine.over.set()
        loop.close()
    if loop.error:
        raise loop.error


@contextmanager
def _signals(over: threading.Event) -> Iterator[None]:
    """Ctrl-C and `kill` end the piece instead of the program; a second Ctrl-C does what it always does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        if over.is_set():
            raise Interrupted(number)
        over.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(engine: Engine, names: list[str], elapsed: float) -> dict:
    """How it went."""
    now, buffers = engine.snapshot(), engine.buffers
    return {
        "samplerate": buffers.samplerate,
        "samples": buffers.samples_out,
        "seconds": round(elapsed, 3),
        "hops": max(0, engine.decision_loop.piece.hop - 1),
        "state": now["state"] if engine.failure else "stopped",
        "mind_ms": now["mind"],
        "latency_ms": now["latency"],
        **{key: now[key] for key in ("missed", "xruns", "nan")},
        "memory": names[0],
        "memories": names,
    }


def told(report: dict) -> str:
    """The same in a line."""
    fit = report.get("coherence", {})
    shown = fit.get("position", fit.get("both"))
    return (
        f"{report['samples'] / report['samplerate']:.1f} s, {report['hops']} hops, {report['missed']} missed, "
        f"{report['xruns']} xruns; mind p50 {report['mind_ms']['p50']} ms, p99 {report['mind_ms']['p99']} ms"
    ) + (f"; coherence {shown:.2f}" if shown is not None else "")


def aloud(sentence: str) -> None:
    """Say it where a person reads."""
    print(sentence, file=sys.stderr, flush=True)

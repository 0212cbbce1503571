"""The launcher: opens what controls and shows a performance (OSC, MIDI, page, terminal), as far as it is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from agent.control.command import CONTROLS, Command, CommandError
from agent.engine.engine import Engine
from agent.interfaces.monitor import Monitor
from agent.settings.config import Config

if TYPE_CHECKING:  # rich, which the terminal view needs, and the fill model are loaded with them alone
    from agent.interfaces.part_player import PartPlayer
    from agent.interfaces.terminal.app import Terminal

POLL_INTERVAL_S = 0.02
JOIN_TIMEOUT_S = 2.0


class Interfaces:
    """The interfaces of one performance; `stack` closes them in the reverse order.

    say: called with each sentence for the user. terminal: open the terminal view, which then needs the main thread.
    settings_file: for learned MIDI messages; None: they last until the end.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        stack: ExitStack,
        say: Callable[[str], None],
        *,
        terminal: bool = False,
        settings_file: str | None = None,
    ):
        self.engine, self.config, self.stack, self.say = engine, config, stack, say
        self._show_terminal, self._settings_file, self._tap = terminal, settings_file, engine.bus.tap()
        self.terminal: Terminal | None = None
        self.failure: Exception | None = None

    def open(self, osc: bool) -> None:
        """Open them before the engine starts, so that no report is lost. osc: also OSC, if it has a port."""
        monitor = Monitor(self.engine, self.engine.bus).start()
        self.stack.callback(monitor.close)
        if osc and self.config.osc.port:
            self._open_osc()
        if self.config.midi.port:
            self._open_midi()
        if self.config.pulse.link == "on":
            self._open_link()
        if self.config.page.port:
            self._open_page(monitor)
        if self._show_terminal:
            from agent.interfaces.terminal.app import Terminal

            self.terminal = Terminal(self.engine, monitor)

    def _open_osc(self) -> None:
        from agent.interfaces.osc.server import OscServer

        server = OscServer(self.engine.command, self.engine.bus, self.config)
        server.start()
        self.stack.callback(server.stop)
        self.say(f"OSC on port {server.port} of {self.config.osc.host}")

    def _open_midi(self) -> None:
        from agent.devices.midi_clock import MidiClock
        from agent.devices.midi_port import MidiPort
        from agent.interfaces.midi_mapping import MidiMapping

        engine = self.engine
        mapping = MidiMapping(engine.command, engine.bus, self.config, self._settings_file)
        for name in ("midi/learn", "midi/forget"):
            engine.add_handler(name, mapping.handle)
        clock = MidiClock(lambda what, value, time_s: _tell_beat(engine, "midi clock", what, value, time_s))

        player = self._open_part_player() if self.config.fill.port else None

        def receive(message: bytes) -> None:
            now_s = time.monotonic()
            if player:
                player.receive(message, now_s)
            if not clock.receive(message, now_s):
                mapping.receive(message)

        port = MidiPort(self.config.midi.port, receive, engine.bus, self.config.live.client)
        self.stack.callback(port.close)

    def _open_part_player(self) -> PartPlayer:
        from agent.devices.midi_port import MidiOutput
        from agent.interfaces.part_player import PartPlayer
        from agent.performance.missing_part import MissingPart, fill_folder
        from decision.fill import Fill

        fill, engine, agent = self.config.fill, self.engine, self.config.agent
        part = MissingPart(Fill.load(fill_folder(agent.model)), beats=fill.beats, lead=fill.lead, seed=agent.seed)
        output = MidiOutput("fill.port", fill.port, engine.bus, f"{self.config.live.client}-fill")
        self.stack.callback(output.close)
        player = PartPlayer(
            part, output.send, engine.bus, name=fill.part, say=fill.say, channel=fill.channel,
            is_silenced=lambda: engine.state in ("muted", "stopped"), log=engine.log_midi,
        )  # fmt: skip
        self.stack.callback(player.close)
        for name in ("fill/part", "fill/say"):
            engine.add_handler(name, player.handle)
        self.say(f"the {fill.part} goes to MIDI '{output.name}', in time with the clock of '{self.config.midi.port}'")
        return player

    def _open_link(self) -> None:
        from agent.devices.link import LinkClock

        clock = LinkClock(lambda what, value, time_s: _tell_beat(self.engine, "link", what, value, time_s))
        self.stack.callback(clock.close)
        self.say("Ableton Link is on: it follows the network's beat while others are there")

    def _open_page(self, monitor: Monitor) -> None:
        from agent.interfaces.web.server import PageServer

        page = self.config.page
        server = PageServer(self.engine, monitor, port=page.port, host=page.host, allow=page.allow).start()
        self.stack.callback(server.close)
        self.say(f"stage page on {server.address}")

    def print_reports(self) -> None:
        """Pass errors and lost devices on to `say`, unless the terminal view shows them."""
        for name, values in self._tap.drain():
            if name in ("error", "device") and self.terminal is None:
                self.say(" ".join(map(str, values)))

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Call `is_over` every 20 ms until it returns True or the engine's `over` is set; raises what it raises.

        The terminal view, if there is one, has the main thread meanwhile, for its signals.
        """
        over = self.engine.over

        def watch() -> None:
            try:
                while not over.wait(POLL_INTERVAL_S):
                    self.print_reports()
                    if is_over():
                        break
            except Exception as error:
                self.failure = error
            over.set()
            self.print_reports()

        if self.terminal is None:
            watch()
        else:
            thread = threading.Thread(target=watch, name="antiphon-watch", daemon=True)
            thread.start()
            self.terminal.run()
            over.set()
            thread.join(JOIN_TIMEOUT_S)
        if self.failure:
            raise self.failure


def _tell_beat(engine: Engine, source: str, what: str, value: float, time_s: float) -> None:
    """Pass on a report of a clock at a monotonic time. Raises nothing: a refused beat is lost."""
    low, high = CONTROLS["tempo"].args[0].low or 0.0, CONTROLS["tempo"].args[0].high or 0.0
    if what == "tempo" and not low <= value <= high:
        return
    with suppress(CommandError):
        engine.command(Command(what, (value,) if what == "tempo" else (), source, engine.sample_at(time_s)))

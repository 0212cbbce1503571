"""Those who play, show and are told on stage: OSC, MIDI, page and terminal, each loaded only if asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from agent.engine.engine import Engine
from agent.settings.config import Config

POLL = 0.02  # s


class Interfaces:
    """Opens them on an engine, has them closed with `stack`, and tells `say` what a person should read.

    terminal: whether the stage is shown in this terminal. settings_file: where learned pedals are written.
    """

    def __init__(
        self, engine: Engine, config: Config, stack: ExitStack, say: Callable[[str], None], *,
        terminal: bool = False, settings_file: str | None = None,
    ):  # fmt: skip
        self.engine, self.config, self.stack, self.say = engine, config, stack, say
        self._tui, self._settings, self._tap = terminal, settings_file, engine.bus.tap()
        self.terminal: Any = None
        self.failure: Exception | None = None

    def open(self, osc: bool) -> None:
        """Before the engine starts, so that nothing it tells is lost."""
        from agent.interfaces.monitor import Monitor

        engine, config, stack = self.engine, self.config, self.stack
        monitor = Monitor(engine, engine.bus).start()
        stack.callback(monitor.close)
        if osc and config.osc.port:
            self._open_osc()
        if config.midi.port:
            self._open_midi()
        if config.page.port:
            from agent.interfaces.web import server as web

            where = config.page
            page = web.PageServer(
                engine, engine.bus, monitor, port=where.port, host=where.host, allow=where.allow
            ).start()  # fmt: skip
            stack.callback(page.close)
            self.say(f"stage page on {page.address}")
        if self._tui:
            from agent.interfaces.terminal import app

            self.terminal = app.Terminal(engine, engine.bus, monitor, engine.over)

    def _open_osc(self) -> None:
        from agent.interfaces.osc import server as osc

        server = osc.OscServer(self.engine.command, self.engine.bus, self.config)
        server.start()
        self.stack.callback(server.stop)
        self.say(f"OSC on port {server.port} of {self.config.osc.host}")

    def _open_midi(self) -> None:
        from agent.devices.midi_port import MidiPort
        from agent.interfaces.midi_mapping import MidiMapping

        engine = self.engine
        mapping = MidiMapping(engine.command, engine.bus, self.config, self._settings)
        for name in ("midi/learn", "midi/forget"):
            engine.add_handler(name, mapping.handle)
        port = MidiPort(self.config.midi.port, mapping.receive, engine.bus, self.config.live.client)
        self.stack.callback(port.close)

    def tell(self) -> None:
        """Say what a person should read, unless the terminal shows it."""
        for name, values in self._tap.drain():
            if name in ("error", "device") and self.terminal is None:
                self.say(" ".join(map(str, values)))

    def go_on(self, step: Callable[[], bool]) -> None:
        """Call `step` again and again until it says that it is over, or someone else does.

        The terminal, if there is one, has the main thread, for its signals.
        """
        over = self.engine.over

        def watch() -> None:
            try:
                while not over.wait(POLL):
                    self.tell()
                    if step():
                        break
            except Exception as error:
                self.failure = error
            over.set()
            self.tell()

        if self.terminal is None:
            watch()
        else:
            thread = threading.Thread(target=watch, name="antiphon-watch", daemon=True)
            thread.start()
            self.terminal.run()
            over.set()
            thread.join(2)
        if self.failure:
            raise self.failure

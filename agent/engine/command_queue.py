"""Commands on their way to the decision loop: a bounded queue, and a slot for each urgent one that is never full."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from agent.control.command import CONTROLS, Command, CommandError

COMMAND_QUEUE_SIZE = 10_000  # commands that may wait for the next hop
URGENT = ("mute", "stop", "panic", "quit")  # never refused, and carried out before all others
STOPPING = ("stop", "panic", "quit")  # a `play` that still waits is overruled by these


class CommandQueue:
    """`put` from any thread, `drain` from one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Command] = deque()
        self._urgent: dict[str, Command] = {}  # the newest of each name: a flood of them needs no room
        self._current: Command | None = None

    def __len__(self) -> int:
        """Commands that wait, the one being carried out included."""
        return len(self._waiting) + len(self._urgent) + (self._current is not None)

    def put(self, command: Command) -> None:
        """Let a command wait; CommandError if too many do, unless it is urgent."""
        with self._lock:
            if command.name in STOPPING:
                self._waiting = deque(other for other in self._waiting if other.name != "play")
            if command.name in URGENT:
                self._urgent.pop(command.name, None)
                self._urgent[command.name] = command
                return
            if len(self._waiting) >= COMMAND_QUEUE_SIZE:
                raise CommandError(f"{command.name}: {COMMAND_QUEUE_SIZE} commands are waiting already: send fewer")
            self._waiting.append(command)

    def put_all(self, commands: Iterable[Command]) -> None:
        """Let commands wait that belong together, like those of a preset: all of them, however many wait."""
        with self._lock:
            self._waiting.extend(commands)

    def drain(self, carry_out: Callable[[Command], None]) -> None:
        """Carry out all that waits, urgent commands first; of a fader that moves, only its last position."""
        while (command := self._next()) is not None:
            carry_out(command)

    def _next(self) -> Command | None:
        with self._lock:
            self._current = None
            if self._urgent:
                self._current = self._urgent.pop(next(iter(self._urgent)))
            elif self._waiting:
                self._current = self._waiting.popleft()
                while self._waiting and _replaces(self._waiting[0], self._current):
                    self._current = self._waiting.popleft()
            return self._current


def _replaces(later: Command, earlier: Command) -> bool:
    return later.name == earlier.name and bool(CONTROLS[later.name].setting)

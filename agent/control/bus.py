"""The bus, by which reports reach OSC, page, terminal and log. Its queues are bounded, and publishing never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

TAP_CAPACITY = 4096  # reports; a listener that leaves more unread loses the oldest

Report = tuple[str, tuple[Any, ...]]  # name, as in agent.control.command.REPORTS, and its values


class Tap:
    """The queue of reports of one listener."""

    def __init__(self, capacity: int = TAP_CAPACITY):
        self._queue: deque[Report] = deque(maxlen=capacity)

    def put(self, report: Report) -> None:
        """Add a report; a full queue loses its oldest."""
        self._queue.append(report)

    def drain(self) -> Iterator[Report]:
        """All that has come since the last time, oldest first; ends where the queue is empty."""
        while self._queue:
            try:
                yield self._queue.popleft()
            except IndexError:  # the queue lost its oldest in between
                return


class Bus:
    """Every report to every tap. `publish` may be called from any thread and costs one append per tap."""

    def __init__(self) -> None:
        self._taps: tuple[Tap, ...] = ()

    def tap(self, capacity: int = TAP_CAPACITY) -> Tap:
        """A new listener; it gets what is published from now on."""
        tap = Tap(capacity)
        self._taps = (*self._taps, tap)
        return tap

    def leave(self, tap: Tap) -> None:
        """Take a listener off the bus."""
        self._taps = tuple(other for other in self._taps if other is not tap)

    def publish(self, name: str, *values: Any) -> None:
        """Give a report to every listener."""
        for tap in self._taps:
            tap.put((name, values))

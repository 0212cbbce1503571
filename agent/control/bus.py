"""How what happens on stage reaches those who show it: OSC, page, terminal, log. Bounded, and it never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

ROOM = 4096  # reports that a slow listener may leave unread; of more, the oldest are lost to it

Report = tuple[str, tuple[Any, ...]]  # name, as in agent.control.command.REPORTS, and its values


class Tap:
    """One listener's own queue of reports."""

    def __init__(self, room: int = ROOM):
        self._queue: deque[Report] = deque(maxlen=room)

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

    def tap(self, room: int = ROOM) -> Tap:
        """A new listener; it hears what is published from now on."""
        tap = Tap(room)
        self._taps = (*self._taps, tap)
        return tap

    def leave(self, tap: Tap) -> None:
        """This listener has gone."""
        self._taps = tuple(other for other in self._taps if other is not tap)

    def publish(self, name: str, *values: Any) -> None:
        """Tell every listener."""
        for tap in self._taps:
            tap.put((name, values))

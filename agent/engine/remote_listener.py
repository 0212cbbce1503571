"""A remote listener: labels or features that a patch sends, one per hop, instead of sound."""

from __future__ import annotations

from collections import deque

import numpy as np

from agent.control.command import Command, CommandError
from agent.performance.session import Session
from perception.stream import LabelledHop

SILENT_DB = -120.0  # dBFS of a silent hop
DEFAULT_DB = -20.0  # dBFS of any other, unless the patch sends a level


class RemoteListener:
    """Labels or features of a patch, received over OSC, one per hop.

    Its clock differs from ours: of labels that come too fast the oldest are dropped, and where none has come the last
    one is repeated once, then there is silence. If they are the clock, each one counts.
    """

    MAX_WAITING = 2  # labels that are not too many

    def __init__(self, session: Session, clock: bool = False):
        self.received = 0
        self._clock = clock
        self._alphabet, self._silence = session.model.alphabet, session.silence
        self._queue: deque[LabelledHop] = deque(maxlen=4096)
        self._last, self._repeated = self._silent_hop(), 0

    def _silent_hop(self) -> LabelledHop:
        return LabelledHop(self._silence, np.zeros(len(self._alphabet.mean), np.float32), SILENT_DB)

    def put(self, command: Command) -> None:
        """hear/label or hear/feature; CommandError."""
        alphabet, nothing = self._alphabet, self._silent_hop()
        if command.name == "hear/label":
            label, level = (*command.args, None)[:2]
            if label > self._silence:
                raise CommandError(f"hear/label = {label}: expected 0 to {self._silence}, which is silence")
            default = SILENT_DB if label == self._silence else DEFAULT_DB
            self._queue_hop(LabelledHop(int(label), nothing.feature, float(default if level is None else level)))
            return
        feature = np.array(command.args, np.float32)
        if feature.shape != alphabet.mean.shape:
            raise CommandError(
                f"hear/feature: {len(feature)} values, expected {len(alphabet.mean)}, as the encoder has"
            )
        self._queue_hop(LabelledHop(int(alphabet.quantize(feature)[0]), feature, DEFAULT_DB))

    def _queue_hop(self, heard: LabelledHop) -> None:
        self._queue.append(heard)
        self.received += 1

    def next(self) -> LabelledHop:
        """The label, level and features of the last hop."""
        while not self._clock and len(self._queue) > self.MAX_WAITING:
            self._queue.popleft()
        if self._queue:
            self._last, self._repeated = self._queue.popleft(), 0
        else:
            self._repeated += 1
        return self._last if self._repeated <= 1 else self._silent_hop()

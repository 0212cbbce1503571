"""What a running engine shows of itself at one moment; as JSON this is the page's report `snapshot`."""

from __future__ import annotations

from typing import TypedDict

SettingValue = float | int | str | list[float] | list[int] | list[str]  # a list where a setting has several values

Latency = TypedDict("Latency", {"hop": float, "slack": float, "in": float, "out": float, "total": float})
"""From the first sample of a hop to that of its answer, part by part, ms.

"hop": the hops of `lookahead`; "slack": time to decide; "in" and "out": what the device adds.
"""


class ResponseTimes(TypedDict):
    """Percentiles of what an answer takes the decision loop, ms."""

    p50: float
    p99: float


class Toggles(TypedDict):
    """The controls that are on (1) or off (0)."""

    mute: int
    hold: int
    listen: int


class Pulse(TypedDict):
    """The beat that leads."""

    source: str  # "midi", "link", "osc", "tap" or "audio"; "" without a beat
    bpm: float  # 0 without a beat
    confidence: float  # 0 to 1


class Snapshot(TypedDict):
    """State, counters, levels and settings. The keys are those of the page's protocol."""

    state: str  # playing, listening, held, muted, stopped or error
    hop: int  # that sounds now, from 0
    seconds: float  # of input so far
    xruns: int  # times the device lost audio
    missed: int  # answers that were late; their events say `late`
    nan: int  # samples of the input that were no numbers
    in_db: float  # peaks since the last snapshot, dBFS
    out_db: float
    mind: ResponseTimes  # of the decision loop
    meter: float  # s between two coherence scores, 0 without a meter
    memory: str  # name of the memory played from
    settings: dict[str, SettingValue]  # every setting that may change while playing, by its key
    latency: Latency
    region: list[float]  # [from, to] of the memory, 0 to 1
    position: float  # where the newest hop played begins in its memory, s; -1 in silence
    recording: str  # "off", "input" or "self"
    pulse: Pulse
    toggles: Toggles

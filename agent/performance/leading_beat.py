"""The beat of a performance: by source (audio, MIDI clock, Link, OSC, taps), and which of them leads.

All times are seconds of the input's sample clock, so that a performance has the same beats live, from a file and in a
replay. The other sources come as controls (`agent.performance.controls` calls `tell_beat` and `tell_tempo`), with the
sample at which they came.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from perception.pulse import FASTEST_BPM, NO_BEAT, SLOWEST_BPM, Beat, PulseState, PulseTracker

SOURCES = ("midi", "link", "osc", "tap", "audio")  # the first that is there leads, unless another is chosen
HELD_BEATS = {"midi": 4, "link": 16, "osc": 16, "tap": 64}  # without news a source is there for so many beats
LONGEST_FIT = {"midi": 4, "link": 2, "osc": 8, "tap": 8}  # beats that the line of a source is fitted to
LOST_PHASE = 0.25  # distance of a beat from its line, in periods, from which on a new line begins
OCTAVE = 2**0.5  # a given tempo limits that of the audio to within this factor


@dataclass
class ExternalBeat:
    """The beats of one source."""

    beat: Beat = NO_BEAT
    beats: int = 0  # that the line is fitted to
    newest_s: float = -math.inf  # time of its last message; before the first there is no distance to it
    period_s: float = 0.0  # of a given tempo; 0: from the beats
    multiple: float = 1.0  # 2 after `double`


@dataclass
class BeatState:
    """The beats of a performance so far, by source."""

    samplerate: int  # Hz, of the input
    heard: PulseState  # the tracker's own
    now_s: float = 0.0  # end of the newest input hop
    heard_beat: Beat = NO_BEAT  # as of `now_s`
    external: dict[str, ExternalBeat] = field(default_factory=dict)

    def source(self, chosen: str, time_s: float) -> str:
        """The source that leads at a moment; chosen: one of SOURCES, "auto" or "none". "": there is no beat."""
        wanted = SOURCES if chosen == "auto" else (chosen,)
        return next((name for name in wanted if self._beat_of(name, time_s).period_s > 0), "")

    def beat(self, chosen: str, time_s: float) -> Beat:
        """The leading beat, by its last beat at or before a moment; NO_BEAT if there is none."""
        return before(self._beat_of(self.source(chosen, time_s), time_s), time_s)

    def _beat_of(self, source: str, time_s: float) -> Beat:
        if source == "audio":
            return self.heard_beat
        external = self.external.get(source)
        if external is None or not external.beat.period_s:
            return NO_BEAT
        if time_s - external.newest_s > HELD_BEATS[source] * external.beat.period_s:
            return NO_BEAT
        return external.beat._replace(period_s=external.beat.period_s / external.multiple)


def before(beat: Beat, time_s: float) -> Beat:
    """The same line, by its last beat at or before a moment."""
    if not beat.period_s:
        return beat
    return beat._replace(time_s=time_s - beat.phase_at(time_s) * beat.period_s)


def beats_within(beat: Beat, begin_s: float, end_s: float) -> Iterator[float]:
    """Times of the beats of a line in [begin_s, end_s)."""
    if beat.period_s:
        time_s = before(beat, begin_s).time_s
        while time_s < end_s:
            if time_s >= begin_s:
                yield time_s
            time_s += beat.period_s


# --- other sources


def tell_beat(state: BeatState, source: str, time_s: float) -> None:
    """A source has a beat at this moment. Two beats, or one and a tempo, make a line; more are fitted to it."""
    external = state.external.setdefault(source, ExternalBeat())
    since, external.newest_s = time_s - external.newest_s, time_s
    period = external.period_s or external.beat.period_s
    if period:
        beats = max(1, round((time_s - external.beat.time_s) / period))
        error = time_s - external.beat.time_s - beats * period
        if external.beats and abs(error) < LOST_PHASE * period:
            _fit(external, source, beats, error)
            return
    external.beats = 1
    longest = 60 / SLOWEST_BPM
    period_now = external.period_s or (since if 60 / FASTEST_BPM / 2 <= since <= 1.5 * longest else 0.0)
    external.beat = Beat(time_s, period_now, 1.0 if period_now else 0.0)


def _fit(external: ExternalBeat, source: str, beats: int, error: float) -> None:
    """Least squares of a growing line up to its longest, as in perception.pulse; a given period is not changed."""
    external.beats = n = min(external.beats + 1, LONGEST_FIT[source])
    period = external.period_s or external.beat.period_s + error / beats * 6 / (n * (n + 1))
    gain = 2 * (2 * n - 1) / (n * (n + 1))
    external.beat = Beat(
        external.beat.time_s + beats * (external.period_s or external.beat.period_s) + gain * error, period, 1.0
    )


def tell_tempo(state: BeatState, source: str, bpm: float, time_s: float) -> None:
    """Set the tempo of a source: continue its line, if it has a beat, else limit the tempo of the audio."""
    external = state.external.setdefault(source, ExternalBeat())
    external.newest_s, external.period_s = time_s, 60 / bpm
    if external.beats:
        external.beat = Beat(before(external.beat, time_s).time_s, 60 / bpm, 1.0)
    else:
        narrow(state, bpm)


def forget(state: BeatState, source: str) -> None:
    """Remove the beats of a source that has stopped."""
    state.external.pop(source, None)


def narrow(state: BeatState, bpm: float) -> None:
    """Limit the tempo of the audio to the octave around this one, if the state space contains it."""
    low, high = max(SLOWEST_BPM, bpm / OCTAVE), min(FASTEST_BPM, bpm * OCTAVE)
    if low < high:
        PulseTracker.set_range(state.heard, (low, high))


def scale_tempo(state: BeatState, chosen: str, factor: float) -> None:
    """The source that leads now has `factor` times its tempo, 2 or 1/2."""
    source = state.source(chosen, state.now_s)
    if source == "audio":
        PulseTracker.scale_tempo(state.heard, factor)
        state.heard_beat = state.heard_beat._replace(period_s=state.heard_beat.period_s / factor)
    elif source:
        state.external[source].multiple *= factor

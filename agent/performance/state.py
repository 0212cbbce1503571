"""The state of a performance (`PerformanceState`), and a hop of the answer (`Proposal`, `Event`).

`agent.performance.session.Session` has everything that was learned or loaded. Everything that changes while playing is
here, so that two performances of one session do not affect each other.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from action import concat, selection
from agent.performance.leading_beat import BeatState
from agent.settings.config import Config
from decision.models import DecisionStates
from perception.chroma import FRAME_RATE, ChromaTrack
from perception.onsets import ONSET_RATE, OnsetTrack
from perception.pulse import Beat
from perception.stream import LabelledHop, ListenerState
from perception.tatum import TatumState
from perception.tatum import hear as hear_tatum

RECENT_HOPS = 16  # whose labels the repetition penalty counts, and whose segments `change` avoids


class HeardHop(NamedTuple):
    """The decision's input of a hop: its label and, for models that use them, its features, see `decision.heard`."""

    label: int
    features: np.ndarray | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """What was decided for one hop, and why; one line of the session log."""

    hop: int  # of the answer, counted from the beginning of the performance
    heard: int  # newest input label, -1 if none yet
    level: float  # dBFS of the newest input hop
    plan: tuple[int, ...]  # labels wanted from this hop on
    segment: int  # of the memory, -1 is silence
    label: int  # really played
    why: str  # one of action.selection.WHY
    match: int  # labels of the plan that follow each other in the memory from this segment on
    run: int  # length of the contiguous run so far, in segments
    gain: float | None  # linear, reached at the end of the hop; None: played unchanged
    frames: int  # samples of the answer
    times: dict[str, float] = field(default_factory=dict, compare=False)  # ms by stage
    memory: int = 0  # number of the memory in the session
    held: int = 0  # length of that memory in samples when the hop was rendered
    ratio: float = 1.0  # seconds of the memory per second
    semitones: int = 0  # by which it was transposed
    shift: int = 0  # samples after the boundary of the segment at which its run begins, or before it
    places: tuple[dict[str, float], ...] = ()  # chosen by cost: terms of the place played and of the second best


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One hop of the answer, ready to be played. It changes no state until it is accepted."""

    event: Event
    audio: np.ndarray  # (frames,) float32 in [-1, 1]
    choice: selection.Choice
    voice: concat.Voice  # after this hop
    memory: int  # number of the memory
    late_hops: int = 0  # hops in a row without a decision, this one included; 0: it was decided
    phrase: int = -1  # the phrase for which density has decided
    resting: bool = False  # whether it rests
    requests_met: tuple[bool, int] = (False, -1)  # `jump_requested` and `goto_segment` when it was proposed


@dataclass(frozen=True)
class Bookmark:
    """A segment that was liked, with the number of its memory and the settings at that moment."""

    memory: int
    segment: int
    config: Config
    key_shift: int = 0  # semitones by which it was moved to what was heard


@dataclass
class PerformanceState:
    """What has happened since the performance began, and the controls in force."""

    hearing: ListenerState
    decision: DecisionStates
    voice: concat.Voice
    config: Config  # may change while playing
    seed: int
    heard_chroma: ChromaTrack  # of all input hops
    pulse: BeatState
    heard_onsets: OnsetTrack = field(default_factory=OnsetTrack)
    heard_hops: int = 0  # that both cover
    tatum: TatumState = field(default_factory=TatumState)  # of the onsets that the decision may know
    rng: np.random.Generator = field(init=False)
    navigations: list[selection.Navigation] = field(default_factory=list)  # one per memory, see `navigation_of`
    delayed_hops: deque[HeardHop] = field(default_factory=deque)  # input still delayed by `lookahead`
    recent_labels: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT_HOPS))  # played
    recent_segments: deque[tuple[int, int]] = field(
        default_factory=lambda: deque(maxlen=RECENT_HOPS)
    )  # (memory, segment)
    newest_heard: LabelledHop | None = None
    output_delay: int = 0  # samples after the beginning of a hop of the input at which its answer sounds
    silent_hops: int = 0  # of the input, in a row
    hop: int = 0  # number of the next hop to be answered
    late_hops: int = 0  # hops in a row that were not decided
    phrase: int = -1  # the phrase for which density has decided
    resting: bool = False  # whether it rests
    mask_cache: tuple = ()  # (key, mask) of the allowed labels, see `Repertoire.allowed`
    said: tuple = ()  # (key, places, boundaries) by what was said and is to be added, see `wording.places`
    selected_memory: int = 0  # from which the next hop is chosen
    sounding_memory: int = 0  # which `voice` plays
    stopped: bool = False
    holding: bool = False
    listening: bool = False
    jump_requested: bool = False  # the next hop may not continue what sounds
    goto_segment: int = -1  # segment of `selected_memory` to be played next, -1: to be decided
    goto_key_shift: int = 0  # semitones by which it is then moved, beyond those that are set
    recording: str = "off"  # "input" or "self"
    scenario: dict[int, int] = field(default_factory=dict)  # label by hop of the answer
    bookmarks: list[Bookmark] = field(default_factory=list)
    bookmarks_revisited: int = 0  # how many were gone back to since the last was set

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Reset the random generator and the navigations to the beginning of a performance."""
        self.rng = np.random.default_rng(self.seed)
        self.navigations = [selection.Navigation(self.seed)]

    def add_heard(self, chroma: np.ndarray | None, onsets: np.ndarray | None, hops: int) -> None:
        """Add chroma and onsets of the input up to hop `hops`; missing hops were silent."""
        hop_s, self.heard_hops = self.config.live.hop, hops
        for track, frames, rate, empty in (
            (self.heard_chroma, chroma, FRAME_RATE, np.zeros((1, 12), np.float32)),
            (self.heard_onsets, onsets, ONSET_RATE, np.zeros(1, np.float32)),
        ):
            missing = round(hops * hop_s * rate) - len(track) - (0 if frames is None else len(frames))
            track.append(np.repeat(empty, max(0, missing), axis=0))
            if frames is not None:
                track.append(frames)

    def follow_tatum(self, hops: int) -> None:
        """Estimate the tatum of the input's onsets up to hop `hops`."""
        known, taken_in = round(hops * self.config.live.hop * ONSET_RATE), self.tatum.frames + len(self.tatum.recent)
        if known > taken_in:
            hear_tatum(self.tatum, self.heard_onsets.frames[taken_in:known])

    def beat_at(self, sample: float) -> Beat:
        """The leading beat at a sample of the input, past or to come: NO_BEAT, whose period is 0, if there is none.

        Its `time_s` is the last beat at or before that sample, in s since the performance began.
        """
        return self.pulse.beat(self.config.pulse.beat_source, sample / self.pulse.samplerate)

    def beat_source_at(self, sample: float) -> str:
        """Whose beat `beat_at` gives: one of `agent.performance.leading_beat.SOURCES`, "" without a beat."""
        return self.pulse.source(self.config.pulse.beat_source, sample / self.pulse.samplerate)

    @property
    def navigation(self) -> selection.Navigation:
        """The navigation of the memory that sounds."""
        return self.navigation_of(self.sounding_memory)

    def navigation_of(self, memory: int) -> selection.Navigation:
        """The navigation of a memory. All memories share one history of labels: their segments follow each other."""
        while len(self.navigations) <= memory:
            navigation = selection.Navigation(self.seed)
            navigation.history = self.navigations[0].history
            self.navigations.append(navigation)
        return self.navigations[memory]

    def advance(self, proposal: Proposal) -> None:
        """Update counters, scenario and requests after a hop that was played."""
        event = proposal.event
        self.recent_labels.append(event.label)
        if event.segment >= 0:
            self.recent_segments.append((event.memory, event.segment))
        self.late_hops, self.hop = proposal.late_hops, event.hop + 1
        self.scenario.pop(event.hop, None)
        if not proposal.late_hops:
            self.phrase, self.resting = proposal.phrase, proposal.resting
            jumped, went_to = proposal.requests_met
            self.jump_requested = self.jump_requested and not jumped
            self.goto_segment = -1 if self.goto_segment == went_to else self.goto_segment

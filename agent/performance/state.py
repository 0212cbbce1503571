"""What has happened since a piece began, what was decided for one of its hops, and what is proposed for the next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from action import concat, selection
from agent.performance.rerank import Past
from agent.settings.config import Config
from decision.model import DecisionState
from perception.stream import LabelledHop, ListenerState

RECENT = 16  # labels the repetition penalty looks back on, and hops whose places `change` leaves


@dataclass(frozen=True)
class Event:
    """What was decided for one hop, and why; one line of the session log."""

    hop: int  # of the answer, counted from the beginning of the piece
    heard: int  # newest label heard, -1 if none yet
    level: float  # dBFS of the newest hop heard
    plan: tuple[int, ...]  # labels wanted from this hop on
    segment: int  # of the memory, -1 is silence
    label: int  # really played
    why: str  # one of action.selection.WHY
    match: int  # labels of the plan the memory bears from here on
    run: int  # length of the contiguous run so far, in segments
    gain: float | None  # linear, reached at the end of the hop; None leaves the memory untouched
    frames: int  # samples of the answer
    times: dict[str, float] = field(default_factory=dict, compare=False)  # ms by stage
    memory: int = 0  # number of the memory in the session
    held: int = 0  # samples of that memory that could be read
    candidates: int = 1  # segments that the plans drawn came to
    reward: float | None = None  # of the one played, None where nothing was compared


@dataclass(frozen=True)
class Proposal:
    """One hop of the answer, ready to be played. Nothing has happened until it is accepted."""

    event: Event
    audio: np.ndarray  # (frames,) float32 in [-1, 1]
    choice: selection.Choice
    voice: concat.Voice  # as it is after this hop
    memory: int
    late: int = 0  # hops the mind is late with this one; 0: it was decided
    phrase: int = -1  # the phrase for which density has decided
    resting: bool = False  # and what
    obeyed: tuple[bool, int] = (False, -1)  # `jump` and `goto` of the piece, as they were


@dataclass(frozen=True)
class Bookmark:
    """A place that was liked: memory and segment, and the settings it was reached with."""

    memory: int
    segment: int
    config: Config


@dataclass
class Piece:
    """What has happened since the piece began."""

    hearing: ListenerState
    decision: DecisionState
    voice: concat.Voice
    config: Config  # may change while playing
    seed: int
    rng: np.random.Generator = field(init=False)
    navigations: list[selection.Navigation] = field(default_factory=list)  # one per memory, see `navigation_of`
    waiting: deque = field(default_factory=deque)  # labels heard that `lookahead` still holds back
    recent: deque = field(default_factory=lambda: deque(maxlen=RECENT))  # labels played
    trail: deque = field(default_factory=lambda: deque(maxlen=RECENT))  # (memory, segment) played, silence left out
    heard: LabelledHop | None = None
    past: Past = field(default_factory=Past)  # what a reward knows
    pause: int = 0  # silent hops heard in a row
    hop: int = 0  # number of the next hop to be answered
    late: int = 0  # hops in a row that were not decided
    phrase: int = -1  # the phrase for which density has decided
    resting: bool = False  # and what
    allowed: tuple = ()  # what the mask was made for, and the mask
    memory: int = 0  # to be played from the next hop on
    sounding: int = 0  # whose segments `voice` plays
    stopped: bool = False
    holding: bool = False
    listening: bool = False
    jump: bool = False  # the next hop may not go on with what sounds
    goto: int = -1  # segment of `memory` to be played next, -1: as it is decided
    recording: str = "off"  # "input" or "self"
    scenario: dict[int, int] = field(default_factory=dict)  # label by hop of the answer
    bookmarks: list[Bookmark] = field(default_factory=list)
    returned: int = 0  # bookmarks gone back to since the last one was set

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Dice and navigation as at the beginning of a piece."""
        self.rng = np.random.default_rng(self.seed)
        self.navigations = [selection.Navigation(self.seed)]

    @property
    def navigation(self) -> selection.Navigation:
        """Of the memory that sounds."""
        return self.navigation_of(self.sounding)

    def navigation_of(self, memory: int) -> selection.Navigation:
        """What has been played of a memory. The labels of the past are common to all: they were heard in a row."""
        while len(self.navigations) <= memory:
            made = selection.Navigation(self.seed)
            made.history = self.navigations[0].history
            self.navigations.append(made)
        return self.navigations[memory]

    def played(self, proposal: Proposal) -> None:
        """Count a hop that was played."""
        event = proposal.event
        self.recent.append(event.label)
        if event.segment >= 0:
            self.trail.append((event.memory, event.segment))
        self.late, self.hop = proposal.late, event.hop + 1
        self.scenario.pop(event.hop, None)
        if not proposal.late:
            self.phrase, self.resting = proposal.phrase, proposal.resting
            jumped, went = proposal.obeyed
            self.jump = self.jump and not jumped
            self.goto = -1 if self.goto == went else self.goto

"""The controls of the stage vocabulary as far as they touch the music; agent/control/spec.py lists them all.

Each takes effect from the next hop proposed, so the same controls at the same hops give the same samples. What belongs
to the device (mute, panic) or to files (save, presets) is the engine's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from action import selection
from agent.control.command import ALIASES, CONTROLS, CommandError, printable
from agent.performance.memories import settled
from agent.performance.rerank import missing
from agent.performance.state import Bookmark, Piece
from agent.settings.config import FIELDS, change

if TYPE_CHECKING:
    from agent.performance.session import Session

AROUND = 8  # segments on either side of what was played that `change` leaves
BOOKMARKS = 256  # kept, the newest
FAR = 4096  # labels a scenario may hold


def instead(session: Session, piece: Piece) -> selection.Choice | None:
    """What a control says the next hop shall be; None where it is to be decided."""
    if piece.stopped or piece.listening:
        return selection.silent_choice(session.memories[piece.memory].oracle)
    if piece.goto >= 0:
        label = int(session.memories[piece.memory].labels[piece.goto])
        return selection.Choice(piece.goto, label, selection.WHY[selection.JUMP], 0, 1)
    return _held(session, piece) if piece.holding and not piece.jump else None


def _held(session: Session, piece: Piece) -> selection.Choice:
    """The next segment as it was recorded; from the region's end back to its beginning. Silence stays silent."""
    memory, last = session.memories[piece.sounding].oracle, piece.navigation.last
    first, stop = session._region(piece, piece.sounding)
    if last < 0 or first >= stop:
        return selection.silent_choice(memory, selection.HOLD)
    inside = first <= last + 1 < stop
    segment, run = (last + 1, piece.navigation.run + 1) if inside else (first, 1)
    return selection.Choice(segment, int(memory.labels[segment]), selection.WHY[selection.HOLD], 0, run)


def apply(session: Session, piece: Piece, name: str, args: tuple = ()) -> str:
    """Do what a control asks, see `Session.apply`; `args` have passed `agent.control.command.parse_command`."""
    name = ALIASES.get(name, name)
    if name in _ACTS:
        return _ACTS[name](session, piece, *args) or ""
    about = CONTROLS.get(name)
    if about is None or about.setting is None:
        raise CommandError(f"'{printable(name)}' is nothing that the session can do: see  antiphon osc")
    value = args if len(args) > 1 else args[0]
    if FIELDS[about.setting].kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    return _tune(session, piece, change(piece.config, about.setting, value, "stage"))


def _tune(session: Session, piece: Piece, config: Any) -> str:
    """These settings from now on."""
    if config.decision.best_of > 1 and session.reward is None:
        raise CommandError(missing(session.model))
    piece.config = config
    session.catch_up(piece)
    return ""


def _toggle(field: str) -> Callable[..., str]:
    def act(session: Session, piece: Piece, on: int | None = None) -> str:
        setattr(piece, field, not getattr(piece, field) if on is None else bool(on))
        return ""

    return act


def _play(session: Session, piece: Piece) -> str:
    """A new piece: nothing was played before. Hearing, settings, memories and the count of hops go on."""
    decision, known = session.decision, piece.decision.heard
    origin = max(0, min(piece.hop - 1, known))
    piece.decision = decision.start(origin=origin)
    for _ in range(origin, piece.hop):
        decision.commit(piece.decision, session.silence)
    for _ in range(origin, known):  # one at most, the hop just heard
        decision.hear(piece.decision, piece.heard.label if piece.heard else session.silence)
    piece.refresh()
    piece.recent.clear()
    piece.trail.clear()
    piece.stopped, piece.jump, piece.goto = False, False, -1
    piece.phrase, piece.resting, piece.late = -1, False, 0
    return ""


def _stop(session: Session, piece: Piece) -> str:
    piece.stopped = True
    return ""


def _jump(session: Session, piece: Piece) -> str:
    piece.jump = True
    return ""


def _like(session: Session, piece: Piece) -> str:
    if not piece.trail:
        raise CommandError("like: nothing has been played yet, so there is no place to keep")
    memory, segment = piece.trail[-1]
    piece.bookmarks.append(Bookmark(memory, segment, piece.config))
    del piece.bookmarks[:-BOOKMARKS]
    piece.returned = 0
    return ""


def _back(session: Session, piece: Piece) -> str:
    if not piece.bookmarks:
        raise CommandError("back: no place was kept: press like where it pleases")
    piece.returned = min(piece.returned + 1, len(piece.bookmarks))
    place = piece.bookmarks[-piece.returned]
    piece.memory, piece.goto, piece.jump = place.memory, place.segment, False
    return _tune(session, piece, place.config)


def _change(session: Session, piece: Piece) -> str:
    for memory, segment in piece.trail:
        piece.navigation_of(memory).make_taboo(session.memories[memory].oracle, segment, AROUND)
    return _jump(session, piece)


def _memory(session: Session, piece: Piece, which: int | str) -> str:
    names = [stored.name for stored in session.memories]
    number = names.index(which) if which in names else which
    if not isinstance(number, int) or not 0 <= number < len(names):
        raise CommandError(
            f"there is no memory {printable(which)}: there are {', '.join(f'{n} {x}' for n, x in enumerate(names))}"
        )
    if not len(session.memories[number]):
        raise CommandError(f"the memory '{names[number]}' is empty: record something first")
    if number != piece.memory:
        piece.memory, piece.goto = number, -1
    return ""


def _record(session: Session, piece: Piece, source: str) -> str:
    if source == piece.recording:
        return ""
    if piece.recording != "off":
        session.growing().end()
    if source != "off":
        session.growing().begin()
    piece.recording = source
    return ""


def _undo(session: Session, piece: Piece) -> str:
    """The take that runs, or the last one, has never been."""
    growing = next((stored for stored in session.memories if stored.growing), None)
    if growing is None or not session.growing().takes:
        raise CommandError("undo: nothing was recorded: begin with record")
    empty = session.growing().takes[-1] == len(growing)  # it has just begun, and ends here
    _record(session, piece, "off")
    if empty:
        return ""
    number, held = session.memories.index(growing), len(growing.sound.audio)
    left = session.growing().undo()
    if piece.sounding == number:
        piece.voice = settled(growing, piece.voice, held)
    piece.navigation_of(number).truncate(left)
    piece.bookmarks = [b for b in piece.bookmarks if b.memory != number or b.segment < left]
    piece.returned = min(piece.returned, len(piece.bookmarks))
    kept = [place for place in piece.trail if place[0] != number or place[1] < left]
    piece.trail.clear()
    piece.trail.extend(kept)
    if piece.memory == number and piece.goto >= left:
        piece.goto = -1
    return ""


def _scenario(session: Session, piece: Piece, hop: int, *labels: int) -> str:
    wrong = [label for label in labels if not -1 <= label <= session.silence]
    if wrong:
        raise CommandError(f"scenario: label {wrong[0]}: expected 0 to {session.silence}, or -1 for a free choice")
    begun = min(max(0, piece.hop - hop), len(labels))
    if begun == len(labels):
        raise CommandError(f"scenario: hop {hop + begun - 1} has begun already, the next one is {piece.hop}")
    kept = {at: label for at, label in piece.scenario.items() if at < hop}
    if len(kept) + len(labels) > FAR:
        raise CommandError(f"scenario: more than {FAR} labels to come: send the later ones later")
    piece.scenario = kept | {hop + n: label for n, label in enumerate(labels) if n >= begun and label >= 0}
    return f"scenario: hops {hop} to {piece.hop - 1} have begun already and were left out" if begun else ""


def _next(session: Session, piece: Piece, *labels: int) -> str:
    return _scenario(session, piece, piece.hop, *labels)


def _clear(session: Session, piece: Piece) -> str:
    piece.scenario.clear()
    return ""


_ACTS: dict[str, Callable[..., str]] = {
    "play": _play,
    "stop": _stop,
    "hold": _toggle("holding"),
    "listen": _toggle("listening"),
    "jump": _jump,
    "like": _like,
    "back": _back,
    "change": _change,
    "memory": _memory,
    "record": _record,
    "undo": _undo,
    "scenario": _scenario,
    "scenario/next": _next,
    "scenario/clear": _clear,
}

"""Applies the controls that change the music; agent/control/table.py lists all controls.

Each takes effect from the next hop proposed, so the same controls at the same hops give the same samples. While a hop
is being proposed the engine carries out none of them (`DecisionLoop.accepts_controls`). It applies the controls of the
device (mute, stop, panic, quit) and of files (save, presets) itself.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.control.command import ALIASES, CONTROLS, CommandError, printable
from agent.performance import adding, leading_beat, wording
from agent.performance.memories import Memory, voice_after_truncation
from agent.performance.session import Session
from agent.performance.state import Bookmark, PerformanceState
from agent.settings.config import FIELDS, Config, change
from decision.fill import FillError
from perception.words import WordsError

TABOO_RADIUS = 8  # segments that `change` forbids on either side of a segment played
MAX_BOOKMARKS = 256  # newest positions that are stored
MAX_SCENARIO_LABELS = 4096


def apply(
    session: Session, state: PerformanceState, name: str, args: tuple = (), source: str = "", at: int | None = None
) -> str:
    """Apply a control; it takes effect from the next hop proposed.

    args: as `agent.control.command.parse_command` returns them. source: who sent it. at: sample of the input at which
    it came, None is the end of the newest hop; only beats need it. Returns a sentence if only a part could be done,
    else "". CommandError or ConfigError if nothing was done, with the reason.
    """
    name = ALIASES.get(name, name)
    if name in _BEATS:
        _BEATS[name](state, source, state.pulse.now_s if at is None else at / state.pulse.samplerate, *args)
        return ""
    if name in _CONTROLS:
        return _CONTROLS[name](session, state, *args) or ""
    control = CONTROLS.get(name)
    if control is None or control.setting is None:
        raise CommandError(f"'{printable(name)}' is no control of the session: see  antiphon osc")
    value = args if len(args) > 1 else args[0]
    memory, partly = session.repertoire[state.selected_memory], ""
    if name == "section":
        _check_section(memory, str(value))
    if name == "say" and value:
        partly = _read_words(session, str(value)) or _weighs_nothing(state, name, memory, memory.windows)
    number = state.selected_memory
    if name == "add" and value:
        number, partly = _memory_to_add(session, state, str(value))
    if name == "guidance" and value and not session.decision.can_be_asked:
        partly = "guidance: this model cannot be asked: see  antiphon check --model"
    if FIELDS[control.setting].kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    config = change(state.config, control.setting, value, "stage")
    if name == "region":  # what was asked for last counts
        config = change(config, "action.section", "", "stage")
    partly = _configure(session, state, config) or partly
    if number != state.selected_memory:
        _memory(session, state, number)
    return partly


def _memory_to_add(session: Session, state: PerformanceState, text: str) -> tuple[int, str]:
    """The number of the memory that plays it, and a sentence if that is uncertain or in vain; CommandError."""
    try:
        number, believed = adding.memory_for(session.repertoire, text, state.selected_memory)
    except FillError as error:
        raise CommandError(str(error)) from None
    memory = session.repertoire[number]
    return number, believed or _weighs_nothing(state, "add", memory, memory.traits)


def _weighs_nothing(state: PerformanceState, name: str, memory: Memory, measured: object) -> str:
    """A sentence if the words of a control weigh nothing as things stand, else "".

    measured: what they are compared with; None in a memory that is recorded as it plays.
    """
    if state.config.action.choice != "cost":
        return f"{name}: words weigh only where choice is cost: send  choice cost"
    if measured is None:
        return f"{name}: words weigh nothing in '{memory.name}', which is recorded as it plays: choose another memory"
    return ""


def _read_words(session: Session, text: str) -> str:
    """A sentence about the words that are not known; CommandError if none is."""
    try:
        _, sentence = wording.read(session.model, text)
    except WordsError as error:
        raise CommandError(f"say: {error}") from None
    return sentence and f"say: {sentence}"


def _check_section(memory: Memory, name: str) -> None:
    if name and memory.section(name) is None:
        raise CommandError(f"section: {memory.no_section(printable(name))}")


def _configure(session: Session, state: PerformanceState, config: Config) -> str:
    """Use these settings from now on."""
    if config.decision.model == "second" and len(session.decision) < 2:
        raise CommandError("model: there is no second model to compare with: name one in agent.second_model")
    if config.pulse.tempo_range != state.config.pulse.tempo_range:
        session.tracker.set_range(state.pulse.heard, config.pulse.tempo_range)
    state.config = config
    session.ask(state)
    session.release_delayed(state)
    return ""


def _toggle(field: str) -> Callable[..., str]:
    def act(session: Session, state: PerformanceState, on: int | None = None) -> str:
        setattr(state, field, not getattr(state, field) if on is None else bool(on))
        return ""

    return act


def _play(session: Session, state: PerformanceState) -> str:
    """Begin a new performance without a past of its own. Input labels, settings, memories and hop number remain."""
    decision, heard, newest = session.decision, state.decision.heard, state.newest_heard
    origin = max(0, min(state.hop - 1, heard))
    state.decision = decision.start(origin=origin)
    session.ask(state)
    for _ in range(origin, state.hop):
        decision.commit(state.decision, session.silence)
    for _ in range(origin, heard):  # at most one, the last input hop
        decision.hear(state.decision, *(session.heard_hop(state, newest) if newest else (session.silence, None)))
    state.restart()
    state.recent_labels.clear()
    state.recent_segments.clear()
    state.stopped, state.jump_requested, state.goto_segment = False, False, -1
    state.phrase, state.resting, state.late_hops = -1, False, 0
    return ""


def _stop(session: Session, state: PerformanceState) -> str:
    state.stopped = True
    return ""


def _jump(session: Session, state: PerformanceState) -> str:
    state.jump_requested = True
    return ""


def _like(session: Session, state: PerformanceState) -> str:
    if not state.recent_segments:
        raise CommandError("like: nothing has been played yet, so there is no segment to keep")
    memory, segment = state.recent_segments[-1]
    state.bookmarks.append(Bookmark(memory, segment, state.config, state.navigation_of(memory).key_shift))
    del state.bookmarks[:-MAX_BOOKMARKS]
    state.bookmarks_revisited = 0
    return ""


def _back(session: Session, state: PerformanceState) -> str:
    if not state.bookmarks:
        raise CommandError("back: nothing was liked yet: press like when you like what sounds")
    state.bookmarks_revisited = min(state.bookmarks_revisited + 1, len(state.bookmarks))
    bookmark = state.bookmarks[-state.bookmarks_revisited]
    state.selected_memory, state.goto_segment, state.jump_requested = bookmark.memory, bookmark.segment, False
    state.goto_key_shift = bookmark.key_shift
    return _configure(session, state, bookmark.config)


def _change(session: Session, state: PerformanceState) -> str:
    for memory, segment in state.recent_segments:
        state.navigation_of(memory).make_taboo(session.repertoire[memory].oracle, segment, TABOO_RADIUS)
    return _jump(session, state)


def _memory(session: Session, state: PerformanceState, which: int | str) -> str:
    names = [stored.name for stored in session.repertoire]
    number = names.index(which) if which in names else which
    if not isinstance(number, int) or not 0 <= number < len(names):
        raise CommandError(
            f"there is no memory {printable(which)}: there are {', '.join(f'{n} {x}' for n, x in enumerate(names))}"
        )
    if not len(session.repertoire[number]):
        raise CommandError(f"the memory '{names[number]}' is empty: record something first")
    if number != state.selected_memory:
        state.selected_memory, state.goto_segment = number, -1
    return ""


def _record(session: Session, state: PerformanceState, source: str) -> str:
    if source == state.recording:
        return ""
    if state.recording != "off":
        session.repertoire.growing().end()
    if source != "off":
        session.repertoire.growing().begin()
    state.recording = source
    return ""


def _undo(session: Session, state: PerformanceState) -> str:
    """Remove the take that is being recorded, or the last one, as if it had never been recorded."""
    growing = next((stored for stored in session.repertoire if stored.growing), None)
    if growing is None or not session.repertoire.growing().takes:
        raise CommandError("undo: nothing was recorded: begin with record")
    empty = session.repertoire.growing().takes[-1] == len(growing)  # a take without a segment is dropped when it ends
    _record(session, state, "off")
    if empty:
        return ""
    number, samples = session.repertoire.index(growing), len(growing.sound.audio)
    segments_left = session.repertoire.growing().undo()
    if state.sounding_memory == number:
        state.voice = voice_after_truncation(growing, state.voice, samples)
    state.navigation_of(number).truncate(segments_left)
    state.bookmarks = [b for b in state.bookmarks if b.memory != number or b.segment < segments_left]
    state.bookmarks_revisited = min(state.bookmarks_revisited, len(state.bookmarks))
    remaining = [played for played in state.recent_segments if played[0] != number or played[1] < segments_left]
    state.recent_segments.clear()
    state.recent_segments.extend(remaining)
    if state.selected_memory == number and state.goto_segment >= segments_left:
        state.goto_segment = -1
    return ""


def _scenario(session: Session, state: PerformanceState, hop: int, *labels: int) -> str:
    wrong = [label for label in labels if not -1 <= label <= session.silence]
    if wrong:
        raise CommandError(f"scenario: label {wrong[0]}: expected 0 to {session.silence}, or -1 for a free choice")
    begun = min(max(0, state.hop - hop), len(labels))
    if begun == len(labels):
        raise CommandError(f"scenario: hop {hop + begun - 1} has begun already, the next one is {state.hop}")
    earlier = {at: label for at, label in state.scenario.items() if at < hop}
    if len(earlier) + len(labels) > MAX_SCENARIO_LABELS:
        raise CommandError(f"scenario: more than {MAX_SCENARIO_LABELS} labels to come: send the later ones later")
    state.scenario = earlier | {hop + n: label for n, label in enumerate(labels) if n >= begun and label >= 0}
    return f"scenario: hops {hop} to {state.hop - 1} have begun already and were left out" if begun else ""


def _next(session: Session, state: PerformanceState, *labels: int) -> str:
    return _scenario(session, state, state.hop, *labels)


def _clear(session: Session, state: PerformanceState) -> str:
    state.scenario.clear()
    return ""


def _beat(state: PerformanceState, source: str, time_s: float) -> None:
    leading_beat.tell_beat(state.pulse, beat_source(source), time_s)


def _tap(state: PerformanceState, source: str, time_s: float) -> None:
    """A tap. From the third in time on, the tempo of the audio is limited to its neighbourhood."""
    leading_beat.tell_beat(state.pulse, "tap", time_s)
    tapped = state.pulse.external["tap"]
    if tapped.beats >= 2:
        leading_beat.narrow(state.pulse, 60 / tapped.beat.period_s)


def _tempo(state: PerformanceState, source: str, time_s: float, bpm: float) -> None:
    leading_beat.tell_tempo(state.pulse, beat_source(source), bpm, time_s)


def _beat_stop(state: PerformanceState, source: str, time_s: float) -> None:
    leading_beat.forget(state.pulse, beat_source(source))


def _double(state: PerformanceState, source: str, time_s: float) -> None:
    leading_beat.scale_tempo(state.pulse, state.config.pulse.beat_source, 2.0)


def _half(state: PerformanceState, source: str, time_s: float) -> None:
    leading_beat.scale_tempo(state.pulse, state.config.pulse.beat_source, 0.5)


def beat_source(sender: str) -> str:
    """Which source of beats a sender is: "midi clock" is midi, "link" is link, all others count as osc."""
    return {"midi clock": "midi", "link": "link"}.get(sender, "osc")


_BEATS: dict[str, Callable[..., None]] = {
    "beat": _beat,
    "tap": _tap,
    "tempo": _tempo,
    "beat/stop": _beat_stop,
    "beat/double": _double,
    "beat/half": _half,
}
_CONTROLS: dict[str, Callable[..., str]] = {
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

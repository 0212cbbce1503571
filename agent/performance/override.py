"""Choices that a control makes instead of the decision: silence, a liked segment, or the memory as it was recorded."""

from __future__ import annotations

from action import selection
from agent.performance.repertoire import Repertoire
from agent.performance.state import PerformanceState


def overriding_choice(repertoire: Repertoire, state: PerformanceState) -> selection.Choice | None:
    """The choice that stop, listen, back or hold makes for the next hop; None if the hop is to be decided."""
    memory = repertoire[state.selected_memory]
    if state.stopped or state.listening:
        return selection.silent_choice(memory.oracle)
    if state.goto_segment >= 0:
        label = int(memory.labels[state.goto_segment])
        why, key_shift = selection.WHY[selection.JUMP], state.goto_key_shift
        return selection.Choice(state.goto_segment, label, why, 0, 1, key_shift=key_shift)
    return _next_as_recorded(repertoire, state) if state.holding and not state.jump_requested else None


def _next_as_recorded(repertoire: Repertoire, state: PerformanceState) -> selection.Choice:
    """The segment after the one that sounds; after the end of the region its first one. Silence stays silent."""
    oracle, navigation = repertoire[state.sounding_memory].oracle, state.navigation
    last = navigation.last
    first, stop = repertoire.region(state, state.sounding_memory)
    if last < 0 or first >= stop:
        return selection.silent_choice(oracle, selection.HOLD)
    in_region = first <= last + 1 < stop
    segment, run, shift = (last + 1, navigation.run + 1, navigation.shift) if in_region else (first, 1, 0)
    label, why = int(oracle.labels[segment]), selection.WHY[selection.HOLD]
    return selection.Choice(segment, label, why, 0, run, shift, navigation.key_shift)

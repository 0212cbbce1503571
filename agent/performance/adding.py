"""What is to be added (`action.add`): "a sparse bass off the beat", as a term of the worth of places, and of rhythm.

The words are those of `antiphon fill`. A role chooses the memory, and those parts of it whose names tell that they are
of it. Low or high of an attribute is worth something at the places whose traits have it, measured when the memory is
loaded (`perception.traits`); on or off the beat moves cuts to where the onsets of a place fall there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from agent.performance.memories import Memory
from agent.performance.state import PerformanceState
from agent.settings.config import ActionSection
from corpora.corpus import Corpus
from decision.attributes import names_of
from decision.fill import FillError
from decision.instruction import Asked, mentioned, named, read_sound
from perception.chroma import FRAME_RATE
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from perception.tatum import NO_TATUM, Tatum
from perception.traits import Traits, traits

CONTRAST = {
    "density": 2.0,
    "register": 12.0,
    "dynamics": 10.0,
}  # difference that earns the full weight: onsets a second, semitones, dB
QUANTILES = (0.05, 0.95)  # quantiles of a trait within a memory that count as low and high
OTHER_ROLE_COST = 3.0  # cost of a place whose name tells another role
SHOWN_NAMES = 6  # most names in a sentence

Part = tuple[float, float, str]  # beginning and end, s, and name


@lru_cache(64)
def read(text: str, flag: str = "add") -> Asked:
    """What a text asks for; FillError, which names the flag."""
    return read_sound(text, flag)


def traits_of(corpus: Corpus, onsets: np.ndarray, audio: np.ndarray, samplerate: int) -> Traits:
    """The traits of the places of a corpus. onsets: (frames,), of its audio, (samples,) float32 at `samplerate` Hz."""
    moments_s = np.arange(round(len(corpus) * corpus.hop * FRAME_RATE)) / FRAME_RATE + corpus.hop / 2
    return traits(moments_s, audio, samplerate, onsets, corpus.rms, corpus.hop)


def memory_for(memories: Iterable[Memory], text: str, selected: int, flag: str = "add") -> tuple[int, str]:
    """The number of the memory that plays what a text asks for, and a sentence if that has to be believed.

    It is the selected one if its name, or that of a part of it, tells the role, or if no role is asked for; else the
    first that tells it; else the selected one, if it tells none. FillError if all memories are something else.
    """
    asked, memories = read(text, flag), list(memories)
    role = asked.instruction.role
    if not role:
        return selected, ""
    told = [_all_told(memory) for memory in memories]
    fits = [any(_is(asked, *each) for each in names) for names in told]
    if any(fits):
        return (selected if fits[selected] else fits.index(True)), ""
    if told[selected] and all(told):
        names = [f"'{memory.name}'" for memory in memories if not memory.growing]
        more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
        raise FillError(
            f"{flag}: by their names none of the memories is {_word(text)} ({', '.join(names[:SHOWN_NAMES])}{more}): "
            "load one that is, or rename it"
        )
    number = selected if not told[selected] else told.index(set())
    return number, f"{flag}: nothing tells what '{memories[number].name}' is: it is taken for {_word(text)}"


def worth(action: ActionSection, memory: Memory) -> np.ndarray:
    """(places,) what each place of a recorded memory is worth by what is to be added."""
    assert memory.traits is not None
    asked, audible = read(action.add), memory.places.silent == 0
    total = np.zeros(len(audible))
    for attribute, level in (asked.instruction.asked or {}).items():
        if attribute in CONTRAST:
            trait = getattr(memory.traits, attribute)[: len(audible)]
            total += audible * _fits(trait, audible, level, CONTRAST[attribute])
    parts = [part for part in _parts(memory) if any(_is(asked, *each) for each in _told(part[2]))]
    if asked.instruction.role and parts:
        moments = np.arange(len(audible)) / FRAME_RATE
        inside = np.any([(moments >= begin) & (moments < end) for begin, end, _ in parts], axis=0)
        total -= OTHER_ROLE_COST * ~inside
    return np.asarray(action.obey * total)


def attributes(action: ActionSection) -> tuple[str, ...]:
    """The names of the attribute tokens by which the decision is asked for what is to be added, or else was said."""
    if action.add:
        return names_of(read(action.add).instruction)
    return names_of(mentioned(action.say)) if action.say and action.words else ()


def _fits(trait: np.ndarray, audible: np.ndarray, level: int, contrast: float) -> np.ndarray:
    """(n,) from 0 where a trait is least what is asked for, to 1 at most. audible: (n,) bool, that count."""
    if not audible.any():
        return np.zeros(len(trait))
    low, high = np.quantile(trait[audible], QUANTILES)
    from_end = trait - low if level > 0 else high - trait
    return np.asarray(np.clip(from_end / max(float(high - low), contrast), 0, 1))


def beats(state: PerformanceState, time_s: float) -> Tatum:
    """Where onsets are wanted about a moment, s since the performance began: on the beat or off it, if that is asked.

    Its confidence is that of the beat, times `action.obey`; its frames are those of the onset envelope.
    """
    action = state.config.action
    level = (read(action.add).instruction.asked or {}).get("place") if action.add and action.obey else None
    beat = state.beat_at(time_s * state.pulse.samplerate)
    if level is None or not beat.period_s:
        return NO_TATUM
    late = beat.period_s / 2 if level > 0 else 0.0
    return Tatum(
        (beat.time_s + late) * ONSET_RATE + DELAY_FRAMES, beat.period_s * ONSET_RATE, action.obey * beat.confidence
    )


def _all_told(memory: Memory) -> set[tuple[str, int | None]]:
    """What the names of a memory and its parts tell; of what is recorded as it plays, that it is nothing asked for."""
    if memory.growing:
        return {("", None)}
    return set[tuple[str, int | None]]().union(*map(_told, (memory.name, *(name for _, _, name in _parts(memory)))))


def _parts(memory: Memory) -> list[Part]:
    """The recordings and sections of a memory, with their names."""
    corpus = memory.corpus
    if corpus is None:
        return []
    known = [source for source in corpus.sources if source.get("start") in range(len(corpus))]
    edges = [*(source["start"] * corpus.hop for source in known), len(corpus) * corpus.hop]
    names = [re.split(r"[/\\]", source["file"])[-1] for source in known]
    recordings = zip(edges, edges[1:], names, strict=False)
    return [*recordings, *((section.begin, section.end, section.name) for section in corpus.sections)]


def _told(name: str) -> set[tuple[str, int | None]]:
    """Roles, with their General MIDI programs, that the words of a name tell."""
    return {told for word in re.findall(r"[^\W\d_]+", name) if (told := named(word))}


def _is(asked: Asked, role: str, program: int | None) -> bool:
    """Is what a name tells what is asked for? A piano is a part of chords, and no guitar."""
    return asked.instruction.role == role and (asked.program is None or program in (None, asked.program))


def _word(text: str) -> str:
    """The word of a text that names the role."""
    return next(word for word in re.findall(r"[^\W\d_]+", text.lower()) if named(word))

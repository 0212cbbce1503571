"""Captions that are true of their music: what can be said of some seconds of notes, and the words for it.

What can be said are *values* of *topics*: slow, moderate or fast of the tempo; piano, organ and more, several at once,
of the instruments. A value is true or false of an excerpt, or not known, as a tempo without beats. Some values have no
words: they lie between two others, where a listener would take either ("" in `TOPICS`), so what is said is clearly
true.

A caption names a *view*, a few of the true values, in synonyms and one of some forms of a sentence (`Caption.text`).
Without a language model, what it says is known exactly: whether it is true of another excerpt too, and what it becomes
when a value is swapped for a false one (`swapped`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perception.words import tokens

ADJECTIVE, NOUN, PHRASE = "adjective", "noun", "phrase"
PITCHES = ("c", "c sharp", "d", "d sharp", "e", "f", "f sharp", "g", "g sharp", "a", "a sharp", "b")
FLATS = {"c sharp": "d flat", "d sharp": "e flat", "f sharp": "g flat", "g sharp": "a flat", "a sharp": "b flat"}
DRUMS = "drums"

Synonyms = list[tuple[str, str]]  # (kind, words); the first one is the tag


def _adjectives(*words: str, phrases: Sequence[str] = (), nouns: Sequence[str] = ()) -> Synonyms:
    return [(kind, word) for kind, some in ((ADJECTIVE, words), (PHRASE, phrases), (NOUN, nouns)) for word in some]


def _nouns(*words: str, phrases: Sequence[str] = ()) -> Synonyms:
    return [(kind, word) for kind, some in ((NOUN, words), (PHRASE, phrases)) for word in some]


def _key(pitch: str) -> Synonyms:
    names = [pitch, *([FLATS[pitch]] if pitch in FLATS else [])]
    return [(PHRASE, f"{how} {name}") for how in ("in", "in the key of") for name in names]


TOPICS: dict[str, dict[str, Synonyms]] = {  # topic -> value -> its words; no words: between two others
    "tempo": {
        "slow": _adjectives("slow", phrases=("at a slow tempo", "played slowly")),
        "moderate": _adjectives("moderate", phrases=("at a moderate tempo", "at a medium tempo")),
        "fast": _adjectives("fast", "quick", phrases=("at a fast tempo", "played fast")),
        "": [],
    },
    "key": {pitch: _key(pitch) for pitch in PITCHES},
    "mode": {
        "major": _adjectives("major", phrases=("in a major key", "in major")),
        "minor": _adjectives("minor", phrases=("in a minor key", "in minor")),
    },
    "density": {
        "sparse": _adjectives("sparse", phrases=("with few notes", "with much space")),
        "dense": _adjectives("dense", "busy", phrases=("with many notes",)),
        "": [],
    },
    "register": {
        "low": _adjectives("low", "deep", phrases=("in a low register",)),
        "middle": _adjectives("middle", phrases=("in the middle register",)),
        "high": _adjectives("high", phrases=("in a high register",)),
        "": [],
    },
    "span": {
        "narrow": _adjectives("narrow", phrases=("within a narrow range",)),
        "wide": _adjectives("wide", phrases=("over a wide range",)),
        "": [],
    },
    "dynamics": {
        "soft": _adjectives("soft", "quiet", phrases=("played softly",)),
        "loud": _adjectives("loud", "strong", phrases=("played loudly",)),
        "": [],
    },
    "motion": {
        "growing": _adjectives("growing", phrases=("getting louder", "with a crescendo")),
        "fading": _adjectives("fading", phrases=("getting softer", "with a diminuendo")),
        "even": _adjectives("even", phrases=("at an even level",)),
        "": [],
    },
    "articulation": {
        "short": _adjectives("staccato", "short", phrases=("with short notes",)),
        "long": _adjectives("sustained", "long", phrases=("with long notes", "with held notes")),
        "": [],
    },
    "polyphony": {
        "line": _nouns("single line", "melody", phrases=("one note at a time",)) + _adjectives("monophonic"),
        "chords": _nouns("chords", phrases=("in chords",)) + _adjectives("polyphonic"),
        "": [],
    },
    "parts": {
        "solo": _nouns("solo", phrases=("alone",)),
        "duo": _nouns("duo", "two parts"),
        "trio": _nouns("trio", "three parts"),
        "band": _nouns("band", "ensemble"),
    },
    "instruments": {
        "piano": _nouns("piano"),
        "electric piano": _nouns("electric piano"),
        "harpsichord": _nouns("harpsichord", "clavinet"),
        "mallets": _nouns("mallets", "bells"),
        "vibraphone": _nouns("vibraphone", "vibes"),
        "marimba": _nouns("marimba"),
        "organ": _nouns("organ"),
        "accordion": _nouns("accordion"),
        "guitar": _nouns("guitar"),
        "distorted guitar": _nouns("distorted guitar", "overdriven guitar"),
        "plucked": _nouns("plucked strings", "strings plucked"),
        "harp": _nouns("harp"),
        "bass": _nouns("bass", "bass line"),
        "strings": _nouns("strings", "bowed strings"),
        "violin": _nouns("violin"),
        "cello": _nouns("cello"),
        "choir": _nouns("choir", "voices"),
        "voice": _nouns("voice", "singing"),
        "brass": _nouns("brass", "horns"),
        "trumpet": _nouns("trumpet"),
        "trombone": _nouns("trombone"),
        "tuba": _nouns("tuba"),
        "saxophone": _nouns("saxophone", "sax"),
        "reeds": _nouns("reeds", "woodwinds"),
        "flute": _nouns("flute"),
        "synthesizer": _nouns("synthesizer", "synth"),
        DRUMS: _nouns("drums", "percussion", phrases=("with a beat",)),
    },
}
VALUES: list[tuple[str, str]] = [(topic, value) for topic, values in TOPICS.items() for value in values]
NUMBER = {pair: number for number, pair in enumerate(VALUES)}
NAMED = [number for number, (topic, value) in enumerate(VALUES) if TOPICS[topic][value]]
TOPIC_OF = np.array([list(TOPICS).index(topic) for topic, _ in VALUES])
TRUE, FALSE, UNKNOWN = 1, 0, -1
True_ = Mapping[str, Sequence[str]]  # topic -> its true values; a topic that is missing is not known

# --- what is true of an excerpt

SLOW_BPM, MODERATE_BPM, FAST_BPM = 78.0, (88.0, 112.0), 125.0
SPARSE, DENSE = 1.5, 4.0  # onsets a second; notes within CHORD_S are one
LOW, MIDDLE, HIGH = 50.0, (57.0, 67.0), 73.0  # MIDI, mean pitch by duration
NARROW, WIDE = 8.0, 26.0  # semitones, between the 5th and the 95th percentile of all notes
SHORT_S, LONG_S = 0.2, 0.7  # median duration
LINE, CHORDS = 1.1, 2.3  # notes at once, while any sounds
SOFT_DB, LOUD_DB = -23.0, -17.0  # dBFS
SWELL_DB, EVEN_DB = 6.0, 1.5  # from the first to the last third; the spread of seconds, up to which it is even
CHORD_S = 0.05
LEAST_NOTES, LEAST_KEY_NOTES = 3, 8
KEY_FIT, KEY_LEAD = 0.75, 0.05  # correlation with the profile of a key, and its lead on that of any other
# of Krumhansl & Kessler (1982): how well the twelve pitch classes fit a key on the first
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def _between(x: float, **bounds: tuple[float, float]) -> list[str]:
    """The name of the bounds in which x lies, "" if in none."""
    return [next((name for name, (low, high) in bounds.items() if low <= x <= high), "")]


def of_notes(notes: np.ndarray, seconds: float) -> dict[str, list[str]]:
    """What is true of notes (n, 3) [onset s, offset s, MIDI pitch, below 0: a stroke], of `seconds`; see `TOPICS`."""
    notes = notes[np.argsort(notes[:, 0], kind="stable")]
    far = np.inf
    onsets = 1 + int((np.diff(notes[:, 0]) > CHORD_S).sum()) if len(notes) else 0
    known = {"density": _between(onsets / seconds, sparse=(0.0, SPARSE), dense=(DENSE, far))}
    pitched = notes[notes[:, 2] >= 0]
    if len(pitched) < LEAST_NOTES:
        return known
    length = np.maximum(pitched[:, 1] - pitched[:, 0], 1e-3)
    mean, (low, high) = np.average(pitched[:, 2], weights=length), np.percentile(pitched[:, 2], (5, 95))
    known["register"] = _between(mean, low=(-far, LOW), middle=MIDDLE, high=(HIGH, far))
    known["span"] = _between(high - low, narrow=(0, NARROW), wide=(WIDE, far))
    known["articulation"] = _between(float(np.median(length)), short=(0, SHORT_S), long=(LONG_S, far))
    known["polyphony"] = _between(length.sum() / _sounding(pitched), line=(0, LINE), chords=(CHORDS, far))
    return known | key_of(pitched)


def _sounding(notes: np.ndarray) -> float:
    """Seconds in which any of the notes sounds, which are in the order of their onsets."""
    ends = np.maximum.accumulate(notes[:, 1])
    gaps = np.maximum(0, notes[1:, 0] - ends[:-1]).sum()
    return max(1e-3, float(ends[-1] - notes[0, 0] - gaps))


def key_of(notes: np.ndarray) -> dict[str, list[str]]:
    """Key and mode of notes with a pitch, (n, 3); nothing where they are not clear."""
    if len(notes) < LEAST_KEY_NOTES:
        return {}
    heard = np.bincount(notes[:, 2].astype(int) % 12, np.minimum(notes[:, 1] - notes[:, 0], 2.0), 12)
    fits = np.array(
        [[np.corrcoef(np.roll(profile, tonic), heard)[0, 1] for tonic in range(12)] for profile in (MAJOR, MINOR)]
    )
    best, second = np.argsort(fits, None)[::-1][:2]
    if not fits.flat[best] >= max(KEY_FIT, fits.flat[second] + KEY_LEAD):
        return {}
    mode, tonic = divmod(int(best), 12)
    return {"key": [PITCHES[tonic]], "mode": [("major", "minor")[mode]]}


def of_beats(beats: np.ndarray) -> dict[str, list[str]]:
    """What is true of the beats (n,) s within an excerpt; nothing of fewer than four."""
    if len(beats) < 4:
        return {}
    bpm, far = 60 / float(np.median(np.diff(beats))), np.inf
    return {"tempo": _between(bpm, slow=(0, SLOW_BPM), moderate=MODERATE_BPM, fast=(FAST_BPM, far))}


def of_levels(level_db: np.ndarray) -> dict[str, list[str]]:
    """What is true of the levels (n,) dBFS of equal steps of an excerpt."""
    power = 10 ** (level_db / 10)
    third = max(1, len(level_db) // 3)
    rise = 10 * np.log10((power[-third:].mean() + 1e-9) / (power[:third].mean() + 1e-9))
    steady = "even" if np.std(np.maximum(level_db, -60)) <= EVEN_DB else ""
    return {
        "dynamics": _between(10 * np.log10(power.mean() + 1e-9), soft=(-np.inf, SOFT_DB), loud=(LOUD_DB, np.inf)),
        "motion": [_between(rise, growing=(SWELL_DB, np.inf), fading=(-np.inf, -SWELL_DB))[0] or steady],
    }


# General MIDI programs from 0, and how names of samples and of recorded parts begin or end, -> instruments
_PROGRAMS: dict[range, tuple[str, ...]] = {
    range(4): ("piano",), range(4, 6): ("electric piano",), range(6, 8): ("harpsichord",),
    range(8, 11): ("mallets",), range(11, 12): ("mallets", "vibraphone"), range(12, 13): ("mallets", "marimba"),
    range(13, 16): ("mallets",), range(16, 21): ("organ",), range(21, 24): ("accordion",), range(24, 29): ("guitar",),
    range(29, 31): ("guitar", "distorted guitar"), range(32, 38): ("bass",), range(38, 40): ("bass", "synthesizer"),
    range(40, 41): ("strings", "violin"), range(41, 42): ("strings",), range(42, 43): ("strings", "cello"),
    range(43, 45): ("strings",), range(45, 46): ("plucked",), range(46, 47): ("harp", "plucked"),
    range(48, 50): ("strings",), range(50, 52): ("strings", "synthesizer"), range(52, 54): ("choir",),
    range(54, 55): ("choir", "synthesizer"), range(56, 57): ("brass", "trumpet"), range(57, 58): ("brass", "trombone"),
    range(58, 59): ("brass", "tuba"), range(59, 60): ("brass", "trumpet"), range(60, 62): ("brass",),
    range(62, 64): ("brass", "synthesizer"), range(64, 68): ("saxophone",), range(68, 72): ("reeds",),
    range(72, 80): ("flute",), range(80, 104): ("synthesizer",), range(104, 108): ("plucked",),
    range(108, 109): ("mallets",),
}  # fmt: skip
_NAMES: dict[str, tuple[str, ...]] = {
    "cello_synth": ("strings", "synthesizer"), "bass_synth": ("bass", "synthesizer"), "piano": ("piano",),
    "archtop": ("guitar",), "guitar": ("guitar",), "harp": ("harp", "plucked"), "marimba": ("mallets", "marimba"),
    "vibraphone": ("mallets", "vibraphone"), "kit": (DRUMS,), "brushes": (DRUMS,), "drums": (DRUMS,),
    "sax": ("saxophone",), "violin": ("strings", "violin"), "viola": ("strings",), "contrabass": ("bass",),
    "bass": ("bass",), "rubner": ("bass",), "cello": ("strings", "cello"), "flute": ("flute",),
    "trumpet": ("brass", "trumpet"), "trombone": ("brass", "trombone"), "tuba": ("brass", "tuba"),
    "organ": ("organ",), "choir": ("choir",), "voice": ("voice",), "vocals": ("voice",), "synth": ("synthesizer",),
    "strings": ("strings",),
}  # fmt: skip


def instruments_of(name: str, program: int | None = None) -> tuple[str, ...]:
    """The instruments that a name of a sample or part, or else a program, stands for; () if they are not known."""
    for word, instruments in _NAMES.items():
        if word in name.casefold():
            return instruments
    return next((found for programs, found in _PROGRAMS.items() if program in programs), ())


def parts_of(count: int) -> dict[str, list[str]]:
    """What is true of so many parts that sound."""
    return {"parts": [("solo", "duo", "trio")[count - 1] if count <= 3 else "band"]} if count else {}


def truth(true: True_) -> np.ndarray:
    """(values,) int8: TRUE, FALSE or UNKNOWN, in the order of `VALUES`."""
    return np.array(
        [(TRUE if value in true[topic] else FALSE) if topic in true else UNKNOWN for topic, value in VALUES], np.int8
    )


# --- captions

_OPENINGS = ("", "a ", "some ", "play ", "something ")
_MUSIC = ("music", "passage", "part", "playing")


@dataclass(frozen=True)
class Caption:
    """Some values (numbers in `VALUES`) in words. seed: which synonyms, in which form; None: the tags, with commas."""

    values: tuple[int, ...]
    seed: int | None = None

    @property
    def text(self) -> str:
        """The caption: the same one for the same values and seed."""
        if self.seed is None:
            return ", ".join(_synonyms(number)[0][1].removeprefix("in ") for number in self.values)
        rng = np.random.default_rng(self.seed)
        chosen = [_synonyms(number) for number in self.values]
        terms = [some[int(rng.random() * len(some))] for some in chosen]
        terms = [terms[n] for n in rng.permutation(len(terms))]
        adjectives, nouns, phrases = (
            [words for kind, words in terms if kind == wanted] for wanted in (ADJECTIVE, NOUN, PHRASE)
        )
        form, opening = rng.integers(4), str(rng.choice(_OPENINGS))
        music = str(rng.choice(_MUSIC))
        if form == 0:  # a slow low piano in minor
            return opening + " ".join([*adjectives, " and ".join(nouns) or music, *phrases])
        if form == 1:  # piano, slow and low, in minor
            return ", ".join([" with ".join(nouns) or music, *([" and ".join(adjectives)] if adjectives else []),
                              *phrases])  # fmt: skip
        if form == 2:  # slow music with piano, in minor
            of = [f"{music} with {' and '.join(nouns)}" if nouns else music]
            return opening + ", ".join([" ".join([*adjectives, *of]), *phrases])
        return ", ".join(words for _, words in terms)

    def is_true_of(self, truths: np.ndarray) -> np.ndarray:
        """(n,) bool: certainly true of excerpts (n, values)."""
        return np.asarray((truths[:, list(self.values)] == TRUE).all(1))

    def may_be_true_of(self, truths: np.ndarray) -> np.ndarray:
        """(n,) bool: true of excerpts (n, values), as far as is known."""
        return np.asarray((truths[:, list(self.values)] != FALSE).all(1))


def _synonyms(number: int) -> Synonyms:
    topic, value = VALUES[number]
    return TOPICS[topic][value]


def named(of: np.ndarray) -> list[int]:
    """The true values of an excerpt, (values,), that have words."""
    return [number for number in NAMED if of[number] == TRUE]


def view(of: np.ndarray, size: int, rng: np.random.Generator) -> tuple[int, ...]:
    """So many true values of an excerpt (values,), or all if there are fewer, each of another topic, if there are."""
    known = rng.permutation(named(of))
    topics, first, others = set[int](), list[int](), list[int]()
    for number in known.tolist():
        (others if TOPIC_OF[number] in topics else first).append(number)
        topics.add(int(TOPIC_OF[number]))
    return tuple((first + others)[:size])


def swapped(caption: Caption, of: np.ndarray, rng: np.random.Generator) -> Iterator[Caption]:
    """For each value of a caption, if there is one: the caption with another of its topic that is false of the
    excerpt (values,) and has words."""
    for at, number in enumerate(caption.values):
        false = [n for n in NAMED if TOPIC_OF[n] == TOPIC_OF[number] and of[n] == FALSE]
        if false:
            changed = (*caption.values[:at], int(rng.choice(false)), *caption.values[at + 1 :])
            yield replace(caption, values=changed)


def vocabulary() -> tuple[list[str], list[str], dict[str, list[str]]]:
    """All words of the captions, those that say nothing by themselves, and one or more words of each topic."""
    glue = {"a", "some", "play", "something", "and", "with", "in", "the", "at", "an", "of", "over", "within", "one",
            "key", "tempo", "register", "range", "level", "notes", "note", "time", "played", "getting", "much", "two",
            "three", *_MUSIC}  # fmt: skip
    topics = {
        topic: list(dict.fromkeys(word for some in values.values() for _, words in some for word in tokens(words)))
        for topic, values in TOPICS.items()
    }
    topics = {topic: [word for word in words if word not in glue] for topic, words in topics.items()}
    words = dict.fromkeys(word for some in topics.values() for word in some)
    return [*words, *sorted(glue - set(words))], sorted(glue - set(words)), topics

"""The instruction of a part, read from plain words: "a sparse, low jazz bass off the beat".

A word is known or refused, with the nearest known ones: what is not understood is not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Container
from difflib import get_close_matches
from typing import NamedTuple

from decision.fill import FillError, Instruction
from decision.roll import PITCHED, ROLES

LONGEST_TEXT = 400  # characters
LOW, HIGH = -1, 1
LEVELS: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("sparse", "few", "thin", "open", "simple", "calm"), ("density", LOW)),
    **dict.fromkeys(("dense", "busy", "many", "full", "driving", "fast"), ("density", HIGH)),
    **dict.fromkeys(("low", "deep", "dark"), ("register", LOW)),
    **dict.fromkeys(("high", "bright"), ("register", HIGH)),
    **dict.fromkeys(("straight", "onbeat"), ("place", LOW)),
    **dict.fromkeys(("syncopated", "offbeat", "offbeats"), ("place", HIGH)),
    **dict.fromkeys(("short", "staccato", "tight"), ("length", LOW)),
    **dict.fromkeys(("long", "legato", "sustained"), ("length", HIGH)),
    **dict.fromkeys(("soft", "quiet", "gentle"), ("dynamics", LOW)),
    **dict.fromkeys(("loud", "hard", "strong"), ("dynamics", HIGH)),
}
PHRASES = {
    "on the beat": "onbeat", "off the beat": "offbeat", "off beat": "offbeat", "on beat": "onbeat",
    "call and response": "answer", "bass guitar": "bass", "synth bass": "bass", "hip hop": "electronic",
    "bossa nova": "bossa",
}  # fmt: skip
ROLE_WORDS: dict[str, tuple[str, int | None]] = {  # word -> role, General MIDI program (from 0) or that of the role
    **{role: (role, None) for role in ROLES},
    **dict.fromkeys(("comping", "accompaniment", "chord", "harmony"), ("chords", None)),
    **dict.fromkeys(("drum", "beats", "groove", "percussion"), ("drums", None)),
    **dict.fromkeys(("lead", "tune", "solo"), ("melody", None)),
    **dict.fromkeys(("response", "reply", "answers"), ("answer", None)),
    **dict.fromkeys(("riffs", "ostinato"), ("riff", None)),
    "piano": ("chords", 0), "guitar": ("chords", 27), "organ": ("chords", 16), "strings": ("pad", 48),
    "pads": ("pad", None), "upright": ("bass", 32), "keys": ("chords", 0), "keyboard": ("chords", 0),
    "choir": ("pad", 52), "synth": ("pad", 90), "voice": ("melody", 53), "vocals": ("melody", 53),
    "violin": ("melody", 40), "flute": ("melody", 73), "sax": ("melody", 65), "trumpet": ("melody", 56),
}  # fmt: skip
STYLE_WORDS = {
    "rock": "rock", "punk": "rock", "metal": "metal", "funk": "funk", "funky": "funk", "soul": "funk", "jazz": "jazz",
    "jazzy": "jazz", "walking": "jazz", "swing": "jazz", "bossa": "bossa", "latin": "bossa", "ballad": "ballad",
    "reggae": "reggae", "electronic": "electronic", "dance": "electronic", "house": "electronic", "folk": "folk",
    "country": "folk", "blues": "blues", "bluesy": "blues", "pop": "pop",
}  # fmt: skip
UNMEASURED = ("style", "length")  # what the measures of a recording do not tell
SHOWN_LEVELS = ("sparse", "dense", "low", "high", "on the beat", "off the beat", "short", "long", "soft", "loud")
SILENT = {
    "a", "an", "the", "and", "with", "in", "of", "to", "for", "add", "play", "write", "make", "give", "me", "please",
    "some", "line", "part", "notes", "style", "track", "insert", "put", "that", "is", "it", "very",
}  # fmt: skip
PROGRAMS = {"bass": 33, "chords": 0, "pad": 48, "riff": 27, "melody": 73, "answer": 65, "drums": 0}


class Asked(NamedTuple):
    """What the words ask for, and the General MIDI program (from 0) that should play it.

    Read by `read_sound` the role may be "", any, and the program None, any.
    """

    instruction: Instruction
    program: int | None


class _Parsed(NamedTuple):
    role: str | None
    program: int | None
    style: str
    asked: dict[str, int]  # level by attribute
    said: dict[str, str]  # attribute, "role" or "style" -> the word that said it


def read(text: str | None, part: str | None = None) -> Asked:
    """The instruction of a text, None for none, and of `part`, a role; one of them names the role. FillError."""
    if part is not None and part not in ROLES:
        near = get_close_matches(part, ROLES, 1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(ROLES)}"
        raise FillError(f"--part '{_shown(part)}': {hint}")
    role, program, style, asked, _ = _parsed(text, part, "--say")
    if role is None:
        raise FillError(f"no part is named: add --part with one of {', '.join(ROLES)}")
    return Asked(Instruction(role, style, asked), PROGRAMS[role] if program is None else program)


def read_sound(text: str, flag: str) -> Asked:
    """The instruction of a text about recorded sound, of any role if it names none; FillError, which names the flag.

    Style and length of the notes cannot be heard in a recording by its measures, so they are refused.
    """
    role, program, style, asked, said = _parsed(text, None, flag, UNMEASURED)
    for what in UNMEASURED:
        if what in said:
            raise FillError(f"{flag}: '{said[what]}' cannot be measured in a recording: leave it out")
    return Asked(Instruction(role or "", style, asked), program)


def mentioned(text: str) -> Instruction:
    """What a text says of a part in words that are known here; all others, and what contradicts a word before, are
    passed over: for texts that were understood elsewhere."""
    role, asked = "", dict[str, int]()
    for word in _split(text):
        if word in LEVELS:
            asked.setdefault(*LEVELS[word])
        elif word in ROLE_WORDS:
            role = role or ROLE_WORDS[word][0]
    return Instruction(role, "", asked)


def named(word: str) -> tuple[str, int | None] | None:
    """Role and General MIDI program (None: any) of a word in the name of a recording, in any case; None: of none."""
    lower = word.casefold()
    return ROLE_WORDS.get(lower) or ROLE_WORDS.get(lower.removesuffix("s"))


def _parsed(text: str | None, part: str | None, flag: str, without: Container[str] = ()) -> _Parsed:
    """What a text says. without: attributes, and "style", of which a sentence about unknown words does not speak."""
    role, program, style = part, None, ""
    asked: dict[str, int] = {}
    said: dict[str, str] = {}
    for word in _words(text, flag) if text is not None else ():
        if word in SILENT:
            continue
        if word in LEVELS:
            attribute, level = LEVELS[word]
            _refuse_both(flag, said, attribute, word, asked.get(attribute, level) != level)
            asked[attribute] = level
        elif word in STYLE_WORDS:
            _refuse_both(flag, said, "style", word, style not in ("", STYLE_WORDS[word]))
            style = STYLE_WORDS[word]
        elif word in ROLE_WORDS:
            meant, own = ROLE_WORDS[word]
            if part is not None and meant != part:
                raise FillError(f"{flag} names the {word}, --part the {part}: name one of them")
            _refuse_both(flag, said, "role", word, role not in (None, meant))
            role, program = meant, program if own is None else own
        else:
            raise FillError(_unknown(word, flag, without))
    for attribute in PITCHED:
        if role == "drums" and attribute in asked:
            raise FillError(f"'{said[attribute]}' says nothing about drums: leave it out")
    return _Parsed(role, program, style, asked, said)


def _words(text: str, flag: str) -> list[str]:
    """The words of a text in lower case, phrases as one word; FillError if there is none, or too many."""
    if len(text) > LONGEST_TEXT:
        raise FillError(f"{flag} has {len(text)} characters: say it in {LONGEST_TEXT} or fewer")
    words = _split(text)
    if not words:
        raise FillError(f'{flag} is empty: say what to play, as in {flag} "sparse and low", or leave it out')
    return words


def _split(text: str) -> list[str]:
    """The words of a text in lower case, phrases as one word."""
    lower = " ".join(re.findall(r"[^\s,.;:!?\"()/-]+", text.lower()))
    for phrase, word in PHRASES.items():
        lower = re.sub(rf"\b{phrase}\b", word, lower)
    return lower.split()


def _refuse_both(flag: str, said: dict[str, str], what: str, word: str, contradicts: bool) -> None:
    if contradicts:
        raise FillError(f"{flag} asks for '{said[what]}' and '{word}': say one of them")
    said.setdefault(what, word)


def _unknown(word: str, flag: str, without: Container[str]) -> str:
    levels = [known for known, (attribute, _) in LEVELS.items() if attribute not in without]
    styles = [] if "style" in without else list(STYLE_WORDS)
    near = get_close_matches(word, [*levels, *ROLE_WORDS, *styles], 3, 0.6)
    shown = [name for name in SHOWN_LEVELS if PHRASES.get(name, name) in levels]
    hint = f"the nearest known: {', '.join(near)}" if near else (
        "known are " + ", ".join([*shown, *dict.fromkeys(STYLE_WORDS[style] for style in styles), *ROLES])
    )  # fmt: skip
    return f"{flag}: '{_shown(word)}' is not understood; {hint}"


def _shown(word: str) -> str:
    return word if len(word) <= 40 else word[:40] + "…"

"""The notes of a session log as a MIDI file: what the missing part played, and what it heard.

They lie where they sounded, so the file and the sound that `replay` renders begin together. One tempo, the median of
the session's, holds for the whole file: it is a recording, with all that the players did, and not a score.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agent.records import session_log
from agent.records.session_log import OTHERS, PART, LogError
from corpora.midi_file import CLOCKS_PER_BEAT, empty, with_track

TICKS = 480  # in a quarter note
DEFAULT_BPM = 120.0
NOTE_OFF, NOTE_ON = 0x80, 0x90
NAMES = {PART: "missing part", OTHERS: "others"}


def file_of(log: str | Path) -> tuple[bytes, dict[str, float]]:
    """The notes of a session log as the bytes of a MIDI file, and {"notes": sent, "heard": by the part, "bpm"}.

    LogError if the log is damaged or has no notes of a part.
    """
    header, lines = session_log.read(log)
    messages = [line for line in lines if "midi" in line]
    if not any(line.get("from") == PART for line in messages):
        raise LogError(
            f"'{log}' has no notes of a missing part: it plays them with  antiphon play --midi PORT --fill PORT"
        )
    rate = header.get("samplerate")
    if type(rate) is not int or rate < 1:
        raise LogError(f"the first line of '{log}' is damaged (samplerate {rate!r}): it cannot be replayed")
    bpm = _tempo(messages, rate)
    data, counts = empty(bpm, TICKS), {}
    for who, name in NAMES.items():
        notes = _notes([line for line in messages if line.get("from") == who], log, bpm * TICKS / 60 / rate)
        for channel in sorted(notes):
            data = with_track(data, np.array(notes[channel], int), channel, None, name)
        counts[who] = sum(map(len, notes.values()))
    return data, {"notes": counts[PART], "heard": counts[OTHERS], "bpm": round(bpm, 3)}


def _notes(messages: list[dict], log: str | Path, ticks_a_sample: float) -> dict[int, list[list[int]]]:
    """{channel: notes [first tick, end tick, pitch, velocity]}; what still sounds ends with the last message."""
    notes: dict[int, list[list[int]]] = {}
    sounding: dict[tuple[int, int], list[int]] = {}
    tick = 0
    for line in messages:
        message, tick = _message(line, log), round(line["at"] * ticks_a_sample)
        if message[0] & 0xF0 not in (NOTE_OFF, NOTE_ON) or len(message) < 3:
            continue
        channel, pitch, velocity = message[0] & 0x0F, message[1], message[2]
        if note := sounding.pop((channel, pitch), None):
            note[1] = tick
        if message[0] & 0xF0 == NOTE_ON and velocity:
            note = sounding[channel, pitch] = [tick, tick, pitch, velocity]
            notes.setdefault(channel, []).append(note)
    for note in sounding.values():
        note[1] = tick
    return notes


def _message(line: dict, log: str | Path) -> bytes:
    try:
        message = bytes.fromhex(line["midi"])
    except (TypeError, ValueError):
        message = b""
    if not message or not message[0] & 0x80 or any(byte & 0x80 for byte in message[1:]):
        raise LogError(f"'{log}' is damaged: {line['midi']!r} is no MIDI message")
    return message


def _tempo(messages: list[dict], rate: int) -> float:
    """Quarter notes a minute: the median slope of messages half of them apart (Theil and Sen)."""
    points = np.array([(line.get("clock", 0.0), line["at"]) for line in messages], float)
    apart = max(1, len(points) // 2)
    clocks, samples = (points[apart:] - points[:-apart]).T
    ahead = (clocks > 0) & (samples > 0)
    if not ahead.any():
        return DEFAULT_BPM
    return float(np.clip(60 * rate * np.median(clocks[ahead] / samples[ahead]) / CLOCKS_PER_BEAT, 4, 1000))

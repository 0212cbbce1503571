"""The notes of a session log as a MIDI file: none is lost, each lies where it was played, and what hangs ends."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.records import midi_replay, replay
from agent.records.session_log import LOG_FORMAT, LogError
from corpora import midi_file

RATE = 48000
HEADER = {"antiphon": LOG_FORMAT, "samplerate": RATE, "memories": []}


def written(folder, lines, header=HEADER):
    log = folder / "s.jsonl"
    log.write_text("\n".join(json.dumps(line) for line in [header, *lines]) + "\n")
    data, counts = midi_replay.file_of(log)
    return counts, data


def line(message, at, bpm, who="part"):
    return {"midi": bytes(message).hex(), "from": who, "clock": 24 * at / RATE * bpm / 60, "at": at}


RANGES = (0, 15), (0, 127), (1, 127), (0, 60 * RATE), (RATE // 50, RATE)  # channel, pitch, velocity, begin, length
notes = st.lists(
    st.tuples(*(st.integers(low, high) for low, high in RANGES)),
    min_size=1, max_size=12, unique_by=lambda note: note[:2],
)  # fmt: skip


@given(notes, notes, st.floats(40, 240))
def test_every_note_lies_where_it_was_played(tmp_path_factory, part, others, bpm):
    lines = []
    for who, played in (("part", part), ("others", others)):
        for channel, pitch, velocity, begin, length in played:
            lines.append(line((0x90 | channel, pitch, velocity), begin, bpm, who))
            lines.append(line((0x80 | channel, pitch, 0), begin + length, bpm, who))
    lines.sort(key=lambda entry: entry["at"])
    counts, data = written(tmp_path_factory.mktemp("log"), lines)
    assert (counts["notes"], counts["heard"]) == (len(part), len(others))
    assert counts["bpm"] == pytest.approx(bpm, rel=1e-3)
    times = midi_file.read(data)
    for who, played in (("part", part), ("others", others)):
        found = sorted(
            (voice.channel, pitch, velocity, times.seconds(first), times.seconds(end))
            for voice in midi_file.read_voices(data) if voice.name == midi_replay.NAMES[who]
            for first, end, pitch, velocity in voice.notes.tolist()
        )  # fmt: skip
        expected = sorted((c, p, v, begin / RATE, (begin + length) / RATE) for c, p, v, begin, length in played)
        assert [note[:3] for note in found] == [note[:3] for note in expected]
        tick = 60 / 40 / midi_replay.TICKS
        assert np.allclose([n[3:] for n in found], [n[3:] for n in expected], atol=1.01 * tick, rtol=1e-5)


def test_a_note_that_hangs_ends_with_the_log(tmp_path):
    counts, data = written(tmp_path, [line((0x90, 60, 80), 0, 120), line((0x90, 64, 80), RATE, 120)])
    assert counts["notes"] == 2
    (voice,) = midi_file.read_voices(data)
    assert voice.notes[0].tolist() == [0, 960, 60, 80]


def test_what_cannot_be_a_file_is_a_sentence(tmp_path):
    with pytest.raises(LogError, match="has no notes of a missing part: it plays them with"):
        written(tmp_path, [line((0x90, 60, 80), 0, 120, "others")])
    with pytest.raises(LogError, match="'zz' is no MIDI message"):
        written(tmp_path, [{"midi": "zz", "from": "part", "clock": 0.0, "at": 0}])
    with pytest.raises(LogError, match="samplerate None"):
        written(tmp_path, [line((0x90, 60, 80), 0, 120)], HEADER | {"samplerate": None})
    with pytest.raises(LogError, match="damaged in line 2"):
        written(tmp_path, [{"midi": "903c50", "from": "part", "at": -1}])


def test_sound_and_notes_appear_together_or_not_at_all(tmp_path):
    written(tmp_path, [line((0x90, 60, 80), 0, 120)])
    with pytest.raises(LogError, match="cannot be replayed"):  # the notes could be written, the sound cannot
        replay.replay(tmp_path / "s.jsonl", tmp_path / "s.wav", midi=tmp_path / "s.mid")
    assert {path.name for path in tmp_path.iterdir()} == {"s.jsonl"}

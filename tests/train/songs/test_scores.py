"""Scores: every note at the time and pitch that is written, in the time that playback has, and the splits."""

import zipfile

import numpy as np
import pytest

from train.common.errors import TrainError
from train.songs.render import Excerpt
from train.songs.scores import UNMARKED_BPM, read_score, split_of, splits_of

pretty_midi = pytest.importorskip("pretty_midi")
PIANO = 0


def score(path, names=("Melody", "Piano"), notes=12, seed=0):
    """Write a MIDI file: a part per name, each of so many notes of 0.4 s, one every half second."""
    rng, midi = np.random.default_rng(seed), pretty_midi.PrettyMIDI()
    for name in names:
        part = pretty_midi.Instrument(PIANO, is_drum=name == "Drums", name=name)
        for number in range(notes):
            pitch = int(rng.integers(55, 75))
            part.notes.append(pretty_midi.Note(90, pitch, 0.5 * number, 0.5 * number + 0.4))
        midi.instruments.append(part)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.write(str(path))
    return path


def test_a_score_is_read_by_its_parts(tmp_path):
    path = score(tmp_path / "song.mid", ("Melody", "Piano", "Melody", "Drums"))
    parts, chords, _ = read_score(path)
    assert list(parts) == ["melody", "piano", "melody3"] and chords == []
    assert parts["melody"].shape == (12, 4)
    np.testing.assert_allclose(parts["melody"][:, 0], 0.5 * np.arange(12), atol=2e-3)
    (tmp_path / "chord_midi.txt").write_text("0.0 1.0 C:maj\n1.0 2.0 Bb:min7\n2.0 3.0 F#:maj\n3.0 4.0 N\n")
    chords = read_score(path).chords
    assert [(chord.start, chord.end, chord.root) for chord in chords] == [
        (0, 1, 0),
        (1, 2, 10),
        (2, 3, 6),
        (3, 4, None),
    ]


def test_a_score_says_its_beats_in_the_time_of_the_excerpt(tmp_path):
    """By its annotation, else by its time signature; timed from where the excerpt begins, as its notes are."""
    path = score(tmp_path / "song.mid")
    np.testing.assert_allclose(read_score(path).beats[:5], [[0, 1], [0.5, 0], [1, 0], [1.5, 0], [2, 1]])
    (tmp_path / "beat_midi.txt").write_text("".join(f"{0.1 + 0.5 * n} {n % 2}.0 {n % 3 == 1:.1f}\n" for n in range(9)))
    beats = read_score(path).beats
    np.testing.assert_allclose(beats, [[0.1 + 0.5 * n, n % 3 == 1] for n in range(9)])
    beats_found = Excerpt(1.0, 2.0, 3).beats(beats)
    np.testing.assert_allclose(beats_found, [[0.1 + 0.5 * n - 1.0, n % 3 == 1] for n in range(2, 6)])


def test_a_part_of_a_few_notes_is_left_out(tmp_path):
    assert read_score(score(tmp_path / "song.mid", notes=9))[0] == {}


def test_splits_are_the_published_ones(tmp_path):
    for number, split in ((1, "train"), (799, "train"), (800, "validation"), (854, "validation"), (855, "test")):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        (folder / "chord_midi.txt").touch()
        assert split_of(folder / f"{number:03}.mid", []) == split
    names = [f"{n}" for n in range(200)]
    splits = [split_of(tmp_path / f"{name}.mid", names) for name in names]
    assert [splits.count(split) for split in ("train", "validation", "test")] == [100, 50, 50]


# --- MusicXML

DIVISIONS = 4  # of a quarter


def note(pitch="C4", length=4, more="", tie=""):
    """A note of so many divisions; more: "chord" or "grace"; tie: "start" or "stop"."""
    sounds = f"<duration>{length}</duration>" if more != "grace" else ""
    before = f"<{more}/>" if more else ""
    tied = f'<tie type="{tie}"/>' if tie else ""
    step, octave = pitch[0], pitch[-1]
    alter = f"<alter>{ {'#': 1, 'b': -1}[pitch[1]] }</alter>" if len(pitch) == 3 else ""
    return (f"<note>{before}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>{sounds}{tied}"
            "<voice>1</voice><type>quarter</type></note>")  # fmt: skip


def tempo(bpm):
    """What playback has from here on, quarters a minute."""
    return f'<direction><direction-type><words>x</words></direction-type><sound tempo="{bpm}"/></direction>'


def dynamics(mark):
    return f"<direction><direction-type><dynamics><{mark}/></dynamics></direction-type></direction>"


def musicxml(path, parts, meter=(4, 4)):
    """Write {name: [content of each measure]} in so many beats of such a unit."""
    head = "".join(f'<score-part id="P{n}"><part-name>{name}</part-name></score-part>' for n, name in enumerate(parts))
    attributes = (f"<attributes><divisions>{DIVISIONS}</divisions><time><beats>{meter[0]}</beats>"
                  f"<beat-type>{meter[1]}</beat-type></time></attributes>")  # fmt: skip
    body = ""
    for number, measures in enumerate(parts.values()):
        inside = "".join(f'<measure number="{at}">{attributes if at == 1 else ""}{measure}</measure>'
                         for at, measure in enumerate(measures, 1))  # fmt: skip
        body += f'<part id="P{number}">{inside}</part>'
    text = f'<?xml version="1.0"?><score-partwise version="3.1"><part-list>{head}</part-list>{body}</score-partwise>'
    if path.suffix == ".mxl":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("META-INF/container.xml", '<container><rootfiles><rootfile full-path="score.xml"/>'
                             "</rootfiles></container>")  # fmt: skip
            archive.writestr("score.xml", text)
    else:
        path.write_text(text, encoding="utf-8")
    return path


BAR = note("C4") + note("D4") + note("E4") + note("F#4")


@pytest.mark.parametrize("suffix", [".mxl", ".musicxml"])
def test_notes_of_musicxml_have_the_time_that_playback_has(tmp_path, suffix):
    """120 quarters a minute for a bar, then 60; half a beat later in the other part, whose name is made a file's."""
    violin = [tempo(120) + BAR, tempo(60) + BAR, BAR]
    piano = [note("C3", 8) + note("E3", 8)] * 3 + [note("C3", 16)] * 4
    path = musicxml(tmp_path / f"song{suffix}", {"Violin\n1": violin, "Piano/Pianoforte": piano})
    parts, chords, beats = read_score(path)
    assert list(parts) == ["violin 1", "piano-pianoforte"] and chords == []
    times = np.concatenate([0.5 * np.arange(4), 2 + np.arange(8)])
    np.testing.assert_allclose(parts["violin 1"][:, 0], times, atol=1e-5)
    np.testing.assert_allclose(parts["violin 1"][:, 1], [*times[1:], 10], atol=1e-5)
    np.testing.assert_array_equal(parts["violin 1"][:, 2], [60, 62, 64, 66] * 3)
    np.testing.assert_allclose(parts["piano-pianoforte"][:4, 0], [0, 1, 2, 4], atol=1e-5)
    np.testing.assert_allclose(beats[:12], np.column_stack([times, [1, 0, 0, 0] * 3]), atol=1e-5)


def test_tied_notes_are_one_and_grace_notes_none(tmp_path):
    first = note("C4", 12) + note("G4", 4, tie="start")
    second = note("G4", 8, tie="stop") + note("B3", 0, "grace") + note("C5", 8) + note("Eb5", 8, "chord")
    path = musicxml(tmp_path / "song.musicxml", {"Voice": [first, second, *[BAR] * 3]})
    notes = read_score(path).parts["voice"][:4]
    quarter = 60 / UNMARKED_BPM
    np.testing.assert_allclose(notes[:, :2] / quarter, [[0, 3], [3, 6], [6, 8], [6, 8]], atol=1e-5)
    np.testing.assert_array_equal(notes[:, 2], [60, 67, 72, 75])


def test_dynamics_count_until_the_next(tmp_path):
    path = musicxml(tmp_path / "song.musicxml", {"Voice": [BAR, dynamics("p") + BAR, dynamics("ff") + BAR]})
    np.testing.assert_array_equal(read_score(path).parts["voice"][:, 3], [80] * 4 + [58] * 4 + [108] * 4)


@pytest.mark.parametrize(
    ("meter", "beats_in_quarters", "count"),
    [((3, 4), 1.0, 3), ((6, 8), 1.5, 2), ((2, 2), 2.0, 2), ((9, 8), 1.5, 3), ((3, 8), 0.5, 3), ((5, 4), 1.0, 5)],
)
def test_beats_are_those_of_the_meter(tmp_path, meter, beats_in_quarters, count):
    """A compound meter is counted in dotted beats; what comes before the first bar counts as the end of a bar."""
    length = DIVISIONS * 4 * meter[0] // meter[1]
    bars = [note("C4", length // 3), *[note("C4", 2) * (length // 2)] * 4]
    notes_before = length // 3 / DIVISIONS
    beats = read_score(musicxml(tmp_path / "song.musicxml", {"Voice": bars}, meter)).beats / [60 / UNMARKED_BPM, 1]
    downbeats = notes_before + np.arange(4) * length / DIVISIONS
    np.testing.assert_allclose(beats[beats[:, 1] > 0, 0], downbeats, atol=1e-5)
    inside = beats[beats[:, 0] >= notes_before - 1e-6]
    np.testing.assert_allclose(inside[:, 0], notes_before + np.arange(4 * count) * beats_in_quarters, atol=1e-5)


def test_what_is_no_musicxml_has_its_sentence(tmp_path):
    for name, content in (("a.mxl", b"no archive"), ("b.musicxml", b"<score-partwise><part"), ("c.musicxml", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TrainError, match=rf"{name}' cannot be read as MusicXML"):
            read_score(tmp_path / name)


def test_scores_of_openscore_are_divided_by_their_number(tmp_path):
    for number in range(20):
        (tmp_path / f"sq71{number:02}.mxl").touch()
    splits = {path.stem: split for path, split in splits_of(tmp_path)}
    assert splits["sq7109"] == splits["sq7119"] == "test" and splits["sq7108"] == splits["sq7118"] == "validation"
    assert list(splits.values()).count("train") == 16

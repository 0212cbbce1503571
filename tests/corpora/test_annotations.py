"""Beats and sections from other programs: what each format says is what is read, and anything else is a sentence."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora import midi_file
from corpora.annotations import SAME_S, SHORTEST_BEAT_S, named_apart, read_beats, read_sections
from corpora.corpus import NAME_LENGTH, CorpusError, Section

LAW = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
SECONDS = 60.0


def file(folder, content):
    path = folder / "marks"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def beats(folder, content, seconds=SECONDS):
    return read_beats(file(folder, content), seconds).tolist()


def sections(folder, content, seconds=SECONDS):
    return [tuple(section) for section in read_sections(file(folder, content), seconds)]


def refused(read, folder, content):
    with pytest.raises(CorpusError, match=": ") as error:
        read(folder, content)
    assert "\n" not in str(error.value) and "marks" in str(error.value) and len(str(error.value)) < 500
    return str(error.value)


# --- text


AUDACITY = "1.000000\t1.000000\t1\n1.500000\t1.500000\t2\n\\\t100.0\t2000.0\n2,250000\t2,250000\n"


@pytest.mark.parametrize(
    "text",
    [
        AUDACITY,
        AUDACITY.replace("\n", "\r\n"),
        "\ufeff" + AUDACITY,
        AUDACITY.encode("utf-16"),
        AUDACITY.replace("\t1\n", "\tcafé\n").encode("latin-1"),
        "1\n1.5\n2.25\n",
        "1,0\r\n\r\n1,5\r\n2,25",
        "# beats\n1\n1.5\n2.25",
        "2.25\n1\n1.5\n1.5\n1.5000001\n",
        "-3\n1\n1.5\n2.25\n60\n1e3",
        "0:01\n0:01.5\n0:02.250",
        "0:00:01.0\n0:00:01,5\n00:00:02.25",
        "00:00:01:00\n0:01.5\n0:02.250",
        "1.0000e+00\n1.5000e+00\n2.2500e+00\n",
        "#,Name,Start,End,Length\nM1,,1.000,,\nM2,,1.500,,\nM3,,2.250,,\nR1,Verse,5.0,9.0,4.0\n",
        "#,Name,Start,End,Length,Color\r\nR1,a,0:01.000,0:01.500,\r\nR2,b,0:01.500,0:02,\r\nR3,c,0:02.250,0:03,\r\n",
        '#;Name;Start;End;Length\nM1;"x;y";1,0;;\nM2;;1,5;;\nM3;;2,25;;\n',
    ],
)
def test_beats_of_every_kind(tmp_path, text):
    assert beats(tmp_path, text) == pytest.approx([1, 1.5, 2.25])


def test_sections_of_a_label_track(tmp_path):
    text = (
        "30.0\t40.0\tChorus\n0.0\t10.0\tintro  and\tmore\n50\t50\tEnd\n20\t20\tVerse\n-2\t70\tall\n\\\t1\t2\n"
        "30.0\t40.0\tChorus\n"
    )
    assert sections(tmp_path, text) == [
        ("all", 0, 60), ("intro  and\tmore", 0, 10), ("Verse", 20, 30), ("Chorus", 30, 40), ("End", 50, 60),
    ]  # fmt: skip


def test_sections_of_reaper(tmp_path):
    text = '#,Name,Start,End,Length\nR1,"Verse, slow",0:05.000,0:15.500,0:10.500\nM1,Solo,0:30.000,,\nM2,,0:40.000,,\n'
    assert sections(tmp_path, text) == [("Verse, slow", 5, 15.5), ("Solo", 30, 40), ("", 40, 60)]


@LAW
@given(
    st.lists(st.floats(0, 59.7), min_size=2, max_size=30),
    st.sampled_from(["{:.6f}", "{:.6f}\t{:.6f}\tx", "M1,{:.6f}"]),
    st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_what_was_marked_is_what_is_read(tmp_path, times, form, end, comma, mark):
    apart = sorted({round(time / 0.2) * 0.2 for time in times})
    lines = [form.format(time, time) for time in random.Random(1).sample(apart, len(apart))]
    text = end.join(lines)
    if form.startswith("M1"):
        text = "#,Start" + end + text
    elif comma:
        text = text.replace(".", ",")
    found = b"\xef\xbb\xbf" * mark + text.encode()
    if len(apart) < 2:
        assert "at least two are needed" in refused(beats, tmp_path, found)
        return
    assert beats(tmp_path, found) == pytest.approx(apart, abs=1e-6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (b"\xef\xbb\xbf\n", "has no times"),
        ("# nothing\n", "has no times"),
        ("#,Name,Start,End,Length\n", "has no times"),
        (bytes(range(256)), "is no text"),
        (b"RIFF\0\0\0\0WAVEfmt ", "is no text"),
        ("verse\n", "line 1: 'verse' is no time: expected seconds"),
        ("1\n2\n\nnan\n", "line 4: 'nan' is no time"),
        ("1\n1e400\n", "'1e400' is no time"),
        ("1\n0:75\n", "'0:75' is no time"),
        ("1\n1_000\n", "is no time"),
        ("1\n٣\n", "is no time"),
        ("x" * 1000, "is no time"),
        ("#,Name,Start,End,Length\nM1,a,,,\n", "line 2: '' is no time"),
        ("#,Name,Start,End,Length\nR1,a,5.1.00,9.1.00,4.0.00\n", "in measures and beats: set the ruler's unit"),
        ("#,Name,Start,End,Length\nR1,a,0:00:05:12,9,4\n", "counts frames, and nothing says how many a second"),
        ("3\t2\tx\n", "line 1: it begins at 3 s and ends at 2 s: exchange them"),
        ("100\n200\n", "has no time within the 60.0 s of its recording"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_sentence(tmp_path, content, words):
    assert words in refused(beats, tmp_path, content)
    assert words in refused(sections, tmp_path, content)


def test_what_cannot_be_beats(tmp_path):
    assert "has one beat" in refused(beats, tmp_path, "3\n")
    assert "has no time within" in refused(beats, tmp_path, "-1\n-2\n")
    assert "has beats at 3.000 and 3.100 s: expected 0.15 s" in refused(beats, tmp_path, "1\n3\n3.1\n")
    for path in (tmp_path / "none", tmp_path, "a\0b"):
        with pytest.raises(CorpusError, match=r"cannot be read .*: check its name"):
            read_beats(path, 9)


def test_what_lies_outside_is_told(tmp_path, caplog):
    assert beats(tmp_path, "1\n2\n61\n") == [1, 2]
    assert "1 of 3 times lie outside of the 60.0 s" in caplog.text


def test_a_million_lines(tmp_path):
    assert len(beats(tmp_path, "".join(f"{n * 0.2:.3f}\n" for n in range(30_000)), 1e6)) == 30_000
    many = "".join(f"{n}\n" for n in range(1_000_000))
    assert "more than 300000 times" in refused(beats, tmp_path, many)
    some = "".join(many.splitlines(keepends=True)[:10_001])
    assert "10001 labels, 10000 at most" in refused(lambda *at: sections(*at, 1e6), tmp_path, some)
    assert "more than 32 MB" in refused(beats, tmp_path, b"1\n" * (1 << 24) + b"1")


@LAW
@given(st.binary(max_size=200) | st.text('0123456789.,:;#\t\n\\"MRe-+StartEndName ', max_size=200).map(str.encode))
def test_no_bytes_do_harm(tmp_path, content):
    for read in (beats, sections):
        for data in (
            content,
            b"#,Name,Start,End\n" + content,
            b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk\0\0\0\xff" + content,
        ):
            try:
                found = read(tmp_path, data)
            except CorpusError as error:
                assert "\n" not in str(error)
                continue
            if read is beats:
                assert np.diff(found).min() >= SHORTEST_BEAT_S and 0 <= found[0] <= found[-1] < SECONDS
            else:
                assert all(0 <= begin < end <= SECONDS for _, begin, end in found)


@LAW
@given(
    st.lists(st.sampled_from(["verse", "Verse", "verse 2", " verse\n", "", "\0", "x" * 300, "section 2"]), max_size=12)
)
def test_every_section_gets_a_name_of_its_own(names):
    named = [section.name for section in named_apart([Section(name, n, n + 1) for n, name in enumerate(names)])]
    assert len(set(named)) == len(names)
    assert all(0 < len(name) <= NAME_LENGTH and name.isprintable() and name == name.strip() for name in named)
    for name, given_name in zip(named, names, strict=True):
        assert name.startswith(" ".join(given_name.replace("\0", "").split())[:150])


# --- MIDI files


def variable(number):
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(number & 0x7F | 0x80)
    return bytes(reversed(found))


def track(*events):
    """(delta, bytes) each, as a chunk."""
    body = b"".join(variable(delta) + event for delta, event in events) + b"\0\xff\x2f\0"
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def midi(*tracks, division=480, form=1):
    head = [number.to_bytes(2, "big") for number in (form, len(tracks), division)]
    return b"MThd\0\0\0\x06" + b"".join(head) + b"".join(tracks)


def tempo(bpm):
    return b"\xff\x51\x03" + round(6e7 / bpm).to_bytes(3, "big")


def metre(numerator, exponent):
    return bytes([0xFF, 0x58, 4, numerator, exponent, 24, 8])


def marker(text):
    return b"\xff\x06" + variable(len(text.encode())) + text.encode()


NOTES = track(
    (0, b"\x90\x3c\x40"), (480, b"\x3c\0"), (0, b"\xf0\x03\x01\x02\xf7"), (10, b"\xc0\x05"), (5, b"\xe0\0\x40")
)


def test_the_beats_of_a_tempo_map(tmp_path):
    song = midi(track((0, tempo(120)), (960, tempo(60)), (480, tempo(240))), NOTES)
    assert beats(tmp_path, song, 3.6) == pytest.approx([0, 0.5, 1, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5])
    assert beats(tmp_path, midi(NOTES), 2) == pytest.approx([0, 0.5, 1, 1.5]), "120 where nothing is said"
    assert beats(tmp_path, b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + midi(NOTES), 1.2) == pytest.approx([0, 0.5, 1])


def test_the_beats_of_a_time_signature(tmp_path):
    song = midi(track((0, metre(4, 2)), (4 * 480, metre(6, 3)), (1440, metre(2, 1)), (1920, metre(3, 3))), NOTES)
    expected = [0, 0.5, 1, 1.5, 2, 2.75, 3.5, 4.5, 5.5, 5.75, 6, 6.25]
    assert beats(tmp_path, song, 6.4) == pytest.approx(expected)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 4000), st.floats(30, 300)), max_size=12),
    st.integers(1, 960), st.booleans(),
)  # fmt: skip
def test_a_tempo_map_is_what_another_reader_says(tmp_path, changes, division, apart):
    """pretty_midi, which a recipe uses, counts quarter notes in the same way."""
    import io

    pretty_midi = pytest.importorskip("pretty_midi")
    conductor = [(delta, tempo(bpm)) for delta, bpm in changes]
    song = midi(track(*conductor), NOTES, division=division) if apart else midi(track(*conductor, (9, b"\x90\x3c\x40")))
    other, ours = pretty_midi.PrettyMIDI(io.BytesIO(song)), midi_file.read(song)
    for tick in (0, 1, 479, 1000, 5000, 20_000):
        if tick < other._PrettyMIDI__tick_to_time.size:
            assert ours.seconds(tick) == pytest.approx(other.tick_to_time(tick), abs=1e-6)


def test_sections_are_the_markers_of_a_midi_file(tmp_path):
    song = midi(track((0, tempo(60)), (0, marker("Intro")), (480 * 8, marker("Thème"))), NOTES)
    assert sections(tmp_path, song, 20) == [("Intro", 0, 8), ("Thème", 8, 20)]
    assert "has no markers" in refused(sections, tmp_path, midi(NOTES))


@pytest.mark.parametrize(
    ("song", "words"),
    [
        (midi(NOTES, division=0xE728), "counts in SMPTE frames and knows no beats: export it with ticks"),
        (midi(NOTES, division=0), "has no ticks in a quarter note"),
        (b"MThd", "is no MIDI file"),
        (b"RIFF\0\0\0\0RMIDdata", "is no MIDI file"),
    ],
)
def test_midi_files_of_no_use(tmp_path, song, words):
    assert words in refused(beats, tmp_path, song) and words in refused(sections, tmp_path, song)


def test_beats_too_fast_to_be_any(tmp_path):
    assert "has more than 20 beats a second" in refused(beats, tmp_path, midi(track((0, b"\xff\x51\x03\0\0\x01"))))
    assert "expected 0.15 s at least" in refused(beats, tmp_path, midi(track((0, tempo(900)))))


@LAW
@given(st.integers(0, 400), st.binary(max_size=3))
def test_a_damaged_midi_file_says_what_it_still_can(tmp_path, cut, dirt):
    song = midi(track((0, tempo(100)), (960, tempo(80)), (0, marker("A"))), NOTES)
    content = song[:cut] + dirt + song[cut + len(dirt) :]
    try:
        assert np.diff(beats(tmp_path, content)).min() >= SHORTEST_BEAT_S > SAME_S
    except CorpusError as error:
        assert "\n" not in str(error)

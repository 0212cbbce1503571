"""A band of ours: in time, in the chords, one below the other, together where it says so, and the same again."""

import json
import random
import shutil
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from train.songs import bands, figures, grooves, lead_sheet, render, takes
from train.songs.bands import STYLES, invented_song, write_band
from train.songs.lead_sheet import Chord, Sheet

pretty_midi = pytest.importorskip("pretty_midi")
HAS_SYNTH = shutil.which("fluidsynth") is not None and any(render.Path(path).is_file() for path in render.SOUNDFONTS)
needs_synth = pytest.mark.skipif(not HAS_SYNTH, reason="fluidsynth or its sound font is not installed")
SEEDS = st.integers(0, 10**6)
UNTIMED = settings(max_examples=50)
SLACK_S = bands.JITTER_S + max(bands.LATE_S) + 0.001  # what a hand may be off by


def song(seed, seconds=30.0):
    """An invented song and the generator it was drawn from."""
    rng = random.Random(seed)
    return (*invented_song(rng, seconds), rng)


def band_of(seed, style=None, melody=None):
    chords, beats, rng = song(seed)
    return write_band(chords, beats, melody, rng, style)


def sheet_of(bars=16, bar_beats=4, steps=4, roots=(0, 9, 5, 7)):
    """A major sheet at 120 beats a minute, a chord a bar."""
    beats = np.column_stack([0.5 * np.arange(bars * bar_beats), np.arange(bars * bar_beats) % bar_beats == 0])
    qualities, bar = {9: "min"}, 0.5 * bar_beats
    chords = [Chord(n * bar, (n + 1) * bar, root, qualities.get(root, "maj"), root)
              for n, root in enumerate(roots[n % len(roots)] for n in range(bars))]  # fmt: skip
    return Sheet(chords, beats, steps)


def grid(band):
    """s of each place where the style puts a note: sixteenths or triplets, swung."""
    steps = np.arange(band.sheet.steps * len(band.beats)) / band.sheet.steps
    return band.sheet.seconds(np.unique(np.concatenate([steps, steps // 1 + 2 / 3])))


# --- the whole band


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=3)
@given(seed=SEEDS)
@example(seed=221745)  # in a ballad and in reggae, whose bass or lead rested in every section
@example(seed=892884)  # in rock, whose bass and lead did
def test_a_band_plays_within_its_song_and_register(style, seed):
    band = band_of(seed, style)
    assert len(band.parts) >= 3 and band.style == style
    assert {part.role for part in band.parts.values()} <= {"bass", "chords", "melody", "riff", "pad", "drums"}
    for part in band.parts.values():
        notes = part.notes
        assert notes.dtype == np.float32 and notes.shape[1] == 4 and np.isfinite(notes).all()
        assert (np.diff(notes[:, 0]) >= 0).all() and (notes[:, 1] > notes[:, 0]).all()
        assert notes[:, 0].min() >= 0 and notes[:, 1].max() <= band.seconds + 1e-3
        assert notes[:, 2].min() >= 24 and notes[:, 2].max() <= 108
        assert notes[:, 3].min() >= 20 and notes[:, 3].max() <= 127


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=3)
@given(seed=SEEDS)
@example(seed=17411)  # blues in three beats, with a counter-melody of two notes a bar
def test_a_band_is_on_the_grid_of_its_style(style, seed):
    """All onsets are within a hand's looseness of a place where the style puts notes; strums spread behind theirs."""
    band = band_of(seed, style)
    places = grid(band)
    for name, part in band.parts.items():
        after = part.notes[:, 0, None] - places[None]
        spread = 0.03 if part.role == "chords" else 0.0
        near = ((after > -SLACK_S) & (after < SLACK_S + spread)).any(axis=1)
        assert near.all(), f"{name} of {style}"


@settings(max_examples=25)
@given(seed=SEEDS)
def test_chords_sound_as_the_sheet_says_and_the_bass_below_them(seed):
    band = band_of(seed)
    for part in band.parts.values():
        if part.role in ("chords", "pad"):
            inside = [int(pitch) % 12 in band.sheet.chord_at(band.sheet.position(onset + SLACK_S)).tones
                      for onset, _, pitch, _ in part.notes]  # fmt: skip
            assert np.mean(inside) >= 0.9
    chords = [part.notes for part in band.parts.values() if part.role == "chords"]
    for onset, offset, pitch, _ in band.parts["bass"].notes if "bass" in band.parts and chords else ():
        every = np.concatenate(chords)
        above = every[(every[:, 0] < offset) & (every[:, 1] > onset), 2]
        assert not len(above) or pitch < above.min()


@settings(max_examples=10)
@given(seed=SEEDS)
def test_a_band_is_the_same_again_and_another_by_another_seed(seed):
    first, again, other = band_of(seed), band_of(seed), band_of(seed + 1)
    assert first.parts.keys() == again.parts.keys() and first.style == again.style
    for name, part in first.parts.items():
        np.testing.assert_array_equal(part.notes, again.parts[name].notes)
    assert any(
        name not in other.parts or not np.array_equal(part.notes, other.parts[name].notes)
        for name, part in first.parts.items()
    )


@settings(max_examples=10)
@given(seed=SEEDS)
def test_the_drums_mark_the_downbeats(seed):
    """Beats are where the drums are: most bars in which they play have a hit on their first beat."""
    band = band_of(seed, "rock")
    if "drums" in band.parts:
        hits = band.parts["drums"].notes[:, 0]
        edges = [*band.downbeats, band.seconds]
        played = [a for a, b in pairwise(edges) if ((hits > a - SLACK_S) & (hits < b - SLACK_S)).any()]
        assert np.mean([np.abs(hits - first).min() < SLACK_S for first in played]) > 0.9


def test_tempi_cover_what_bands_play():
    """Bands are from slow to fast, and parts rest for a section or more."""
    written = [band_of(seed) for seed in range(40)]
    tempi = [lead_sheet.tempo_of(band.sheet.beats) for band in written]
    assert min(tempi) < 75 and max(tempi) > 160
    resting = [np.diff(part.notes[:, 0]).max() > 3 * np.diff(band.downbeats).max()
               for band in written for part in band.parts.values()]  # fmt: skip
    assert np.mean(resting) > 0.2
    assert len({band.style for band in written}) >= 7


def test_a_melody_that_is_given_is_played_in_the_tempo_of_the_band():
    """Its notes keep their pitch and their place in the beats, whatever the tempo; the rest is trading."""
    coincides = []
    for seed in range(12):
        chords, beats, rng = song(seed)
        melody = np.column_stack(
            [beats[:, 0], beats[:, 0] + 0.2, 60 + np.arange(len(beats)) % 24, 0 * beats[:, 0] + 80]
        )
        band = write_band(chords, beats, melody, rng)
        factor, loose = band.chords[0].start / chords[0].start, 0.2 * np.diff(band.beats).max()
        for onset, _, pitch, _ in band.parts["lead"].notes if "lead" in band.parts else ():
            same = melody[melody[:, 2] == pitch, 0] * factor
            coincides.append(bool(len(same)) and np.abs(same - onset).min() < SLACK_S + loose)
    assert len(coincides) > 200 and np.mean(coincides) > 0.6


def test_too_few_beats_have_their_sentence():
    with pytest.raises(ValueError, match="8 beats are too few for a band: it needs 16"):
        write_band([], np.zeros((8, 2)), None, random.Random(0))


# --- figures


@UNTIMED
@given(seed=SEEDS, steps=st.sampled_from((3, 4)))
def test_riffs_repeat(seed, steps):
    """A bar of a riff, or two, comes again with its rhythm and its notes; only the end of each fourth bar varies."""
    rng = random.Random(seed)
    sheet = sheet_of(roots=(0,), steps=steps)
    figure = figures.draw_riff(0.6, rng)
    period = 4 * len(figure.pattern) // 16
    periods = defaultdict(dict)
    for note in figures.riff(sheet, sheet.bars, figure, rng):
        if int(note.position) % 16 != 15:
            periods[int(note.position // period)][round(note.position % period, 3)] = note.pitch
    for at in set.union(*(set(period_notes) for period_notes in periods.values())):
        pitches = {
            period_notes[at]
            for number, period_notes in periods.items()
            if at in period_notes and (number * period + at) % 16 < 15
        }
        assert len(pitches) == 1, "the same note at the same place"
    assert len(periods) == 64 // period


@UNTIMED
@given(seed=SEEDS)
def test_bass_and_guitar_are_in_octaves(seed):
    rng = random.Random(seed)
    sheet = sheet_of()
    riff = figures.riff(sheet, sheet.bars, figures.draw_riff(0.6, rng), rng)
    bass = figures.octave_below(riff)
    assert [note.position for note in bass] == sorted({note.position for note in riff})
    assert all((a.pitch - b.pitch) % 12 == 0 and a.pitch >= b.pitch for a, b in zip(sorted(riff), bass, strict=True))


def test_a_caller_who_rests_throughout_is_not_answered():
    assert figures.answer(sheet_of(), [], 64.0, random.Random(0)) == []


@UNTIMED
@given(seed=SEEDS, bar_beats=st.sampled_from((2, 3, 4)))
def test_an_answer_comes_in_the_callers_rest(seed, bar_beats):
    """No note of an answer begins or sounds while the caller does, and there are answers to calls."""
    rng = random.Random(seed)
    sheet = sheet_of(bar_beats=bar_beats)
    caller = figures.calls(sheet, sheet.bars, rng)
    reply = figures.answer(sheet, caller, 16.0 * bar_beats, rng)
    assert reply or bar_beats == 2, "an answer to somebody who leaves a bar"
    for note in reply:
        end = note.position + note.length
        assert not any(c.position < end - 1e-6 and note.position < c.position + c.length - 1e-6 for c in caller)
        assert note.pitch % 12 in sheet.scale_at(note.position)


@UNTIMED
@given(seed=SEEDS)
def test_two_who_trade_do_not_play_at_once(seed):
    sheet = sheet_of()
    first, second = figures.trading(sheet, sheet.bars, random.Random(seed))
    bars = [{int(note.position // 4) for note in notes} for notes in (first, second)]
    assert bars[0] and bars[1] and not bars[0] & bars[1]


@pytest.mark.parametrize("kind", figures.COMPS)
@pytest.mark.parametrize("steps", [3, 4])
def test_voices_move_little_and_stay_in_their_register(kind, steps):
    sheet = sheet_of(steps=steps)
    notes = figures.comping(sheet, sheet.bars, kind, random.Random(0))
    chords = defaultdict(list)
    for note in notes:
        assert note.pitch % 12 in sheet.chord_at(note.position).tones
        assert figures.CHORD_PITCHES[0] <= note.pitch <= figures.CHORD_PITCHES[1] + 4
        chords[note.position].append(note.pitch)
    for a, b in pairwise(chords.values()):
        assert abs(np.mean(a) - np.mean(b)) <= 5


@pytest.mark.parametrize("line", ["walking", *figures.LINES])
@settings(max_examples=5)
@given(seed=SEEDS)
def test_a_bass_says_the_root(line, seed):
    """Within its register, and the root of the chord, which it is there to tell, again and again."""
    sheet = sheet_of()
    notes = figures.bass_line(sheet, sheet.bars, line, random.Random(seed))
    assert notes and all(figures.BASS_PITCHES[0] <= note.pitch <= figures.BASS_PITCHES[1] for note in notes)
    above = [(note.pitch - sheet.chord_at(note.position).lowest) % 12 for note in notes]
    assert above.count(0) >= 0.2 * len(above)


@UNTIMED
@given(seed=SEEDS, kind=st.sampled_from(("unison", "octave", "thirds")))
def test_a_doubling_goes_with_the_melody(seed, kind):
    sheet = sheet_of()
    lead = figures.tune(sheet, sheet.bars, random.Random(seed))
    double = figures.doubling(sheet, lead, kind)
    assert [n.position for n in double] == [n.position for n in lead]
    below = {a.pitch - b.pitch for a, b in zip(lead, double, strict=True)}
    assert below <= {"unison": {0}, "octave": {12}, "thirds": set(range(8))}[kind]


# --- grooves


@pytest.mark.parametrize("style", grooves.GROOVES)
def test_grooves_are_whole_bars(style):
    for groove in grooves.GROOVES[style]:
        for pattern in groove.values():
            assert len(pattern) % 16 == 0 and set(pattern) <= {*grooves.VELOCITIES, "."}
            assert len(grooves.in_triplets(pattern)) == len(pattern) * 3 // 4
    assert style in STYLES and style in grooves.KITS


@pytest.mark.parametrize(("bar_beats", "expected"), [(4, [0, 2, 4, 6]), (3, [0, 2, 3, 5]), (2, [0, 2])])
def test_a_pattern_is_cut_to_the_bar(bar_beats, expected):
    """Bars of three take the first three beats of four; bars of two go on in the pattern."""
    strokes = grooves.strokes("X.......x.......", bar_beats, 2)
    assert [stroke.position for stroke in strokes] == expected
    assert sum(stroke.length for stroke in strokes) == 2 * bar_beats


# --- sheets


@pytest.mark.parametrize(
    ("name", "root", "tones", "lowest"),
    [
        ("C:maj", 0, {0, 4, 7}, 0),
        ("Bb:min7/b7", 10, {10, 1, 5, 8}, 8),
        ("F#:sus4(b7)", 6, {6, 11, 1, 4}, 6),
        ("D:maj/3", 2, {2, 6, 9}, 6),
        ("N", None, set(), 0),
    ],
)
def test_chords_are_read_by_their_names(name, root, tones, lowest):
    chord = lead_sheet.read_chord(0, 1, name)
    assert (chord.root, set(chord.tones), chord.lowest) == (root, tones, lowest)


@UNTIMED
@given(st.floats(60, 200), st.integers(2, 4), st.floats(60, 200))
def test_a_tempo_is_reached_and_bars_stay_bars(tempo, bar_beats, wanted):
    """Beats counted twice or half as fast are still beats: as many in each bar, downbeats where downbeats were."""
    count = 12 * bar_beats
    beats = np.column_stack([1 + 60 / tempo * np.arange(count), np.arange(count) % bar_beats == 0])
    new, factor = lead_sheet.in_tempo(beats, wanted)
    assert 0.55 <= factor <= 1.8
    assert lead_sheet.tempo_of(new) == pytest.approx(wanted, rel=0.12 if bar_beats == 4 else 0.9)
    old = beats[:, 0] * factor
    firsts = new[new[:, 1] > 0, 0]
    assert np.diff(np.flatnonzero(new[:, 1])).tolist() == [bar_beats] * (len(firsts) - 1)
    inside = firsts[np.isin(np.round(firsts, 6), np.round(old, 6))]
    assert len(inside) >= len(firsts) // 2


@UNTIMED
@given(SEEDS)
def test_songs_of_our_own_have_chords_on_all_their_beats(seed):
    chords, beats, _ = song(seed)
    assert (np.diff(beats[:, 0]) > 0).all() and beats[0, 1] == 1 and beats[0, 0] > 0
    assert all(a.end == b.start for a, b in pairwise(chords)) and chords[0].start == beats[0, 0]
    assert all(chord.tones for chord in chords)
    starts = Sheet(chords, beats).position(np.array([chord.start for chord in chords]))
    np.testing.assert_allclose(starts * 2, np.round(starts * 2), atol=1e-6)


@UNTIMED
@given(st.floats(0.5, 0.67), st.sampled_from((1, 2)))
def test_swing_moves_what_is_between_beats_and_never_a_beat(swing, swung):
    straight, late = sheet_of(2), Sheet([], sheet_of(2).beats, 4, swing, swung)
    at = np.arange(0, 8, 1 / 8)
    assert (np.diff(late.seconds(at)) > 0).all()
    np.testing.assert_allclose(late.seconds(at[::8]), straight.seconds(at[::8]))
    assert late.seconds(0.5 / swung) == pytest.approx(swing * 0.5 / swung)


# --- real drummers


def take_file(path, swing=0.5, bars=6):
    """A take as the Groove MIDI Dataset has them: a kick on each beat, the second half of each on the hi-hat."""
    midi, kit = pretty_midi.PrettyMIDI(), pretty_midi.Instrument(0, True)
    for beat in range(4 * bars):
        for late, key in ((0.0, grooves.KICK), (swing, 22)):
            kit.notes.append(pretty_midi.Note(90, key, 0.6 * (beat + late), 0.6 * (beat + late) + 0.05))
    midi.instruments.append(kit)
    midi.write(str(path))
    return path


@pytest.mark.parametrize("swing", [0.5, 0.6, 0.66])
@settings(max_examples=5)
@given(seed=SEEDS)
def test_a_drummers_take_is_laid_on_the_beats_of_the_band(tmp_path_factory, swing, seed):
    """Wherever it is cut, its beats are the band's, and its own swing is kept."""
    take = takes.read_take(take_file(tmp_path_factory.mktemp("groove") / "1_jazz-swing_100_beat_4-4.mid", swing))
    assert take.bars == 6 and take.swing == pytest.approx(swing, abs=0.01)
    sheet = Sheet([], sheet_of().beats, 4, swing)
    hits = bands.taken(sheet, sheet.bars[4:12], take, random.Random(seed))
    when = {key: sheet.seconds(np.array([n.position for n in hits if n.pitch == key])) for key in (36, grooves.HAT)}
    np.testing.assert_allclose(np.sort(when[36]), sheet.beats[16:48, 0], atol=0.004)
    np.testing.assert_allclose(np.sort(when[grooves.HAT]), sheet.beats[16:48, 0] + swing / 2, atol=0.004)


def test_takes_are_drawn_by_style(tmp_path):
    for name in ("1_rock_100_beat_4-4", "2_jazz-swing_100_beat_4-4", "3_rock_100_fill_4-4", "4_rock_90_beat_3-4"):
        take_file(tmp_path / f"{name}.mid")
    assert len(takes.draw_takes(tmp_path, "rock", random.Random(0))) == 1
    assert len(takes.draw_takes(tmp_path, "jazz", random.Random(0))) == 1
    assert takes.draw_takes(tmp_path, "reggae", random.Random(0)) == []
    assert takes.STYLES_OF.keys() == STYLES.keys()


# --- rendered


@needs_synth
def test_bands_are_songs_beside_the_others(tmp_path):
    """Files, roles, beats and notes of a band's song agree, and beats are where its drums hit."""
    folder, font = tmp_path / "train" / "band-2", render.find_soundfont()
    folder.parent.mkdir()
    render.render_band(None, folder, render.Studio(font), True, 12.0)
    info = json.loads((folder / "song.json").read_text())
    with np.load(folder / "notes.npz", allow_pickle=False) as archive:
        notes = dict(archive)
    names = set(notes)
    assert names == set(info["roles"]) == set(info["programs"]) == {path.stem for path in folder.glob("*.flac")}
    beats = np.array(info["beats"])
    assert set(beats[:, 1]) <= {0, 1} and (np.diff(beats[:, 0]) > 0).all() and beats.min() >= 0 and beats.max() < 12
    assert all(0 <= root < 12 for _, _, root in info["chords"])
    for name, role in info["roles"].items():
        assert notes[name].shape[1] == 3 and (notes[name][:, 2] == -1).all() == (role == "drums")
        assert notes[name][:, :2].min() >= 0 and notes[name][:, :2].max() <= 12


def test_which_songs_bands_play_does_not_change_with_their_number(tmp_path):
    scores = [tmp_path / f"{n:03}" / f"{n:03}.mid" for n in range(20)]
    few, many = render.band_songs(scores, 9), render.band_songs(scores, 60)
    assert len(few) == 9 and len(many) == 60 and few.items() <= many.items()
    assert sum(path is not None for path in few.values()) == 6
    assert sum(path is not None for path in many.values()) == 20, "each score once"


@pytest.mark.parametrize("style", STYLES)
def test_every_role_has_an_instrument(style):
    for role in ("bass", "chords", "riff", "pad", "melody", "drums"):
        for seed in range(10):
            instrument = render.instrument_for(role, random.Random(seed), style)
            assert 0 <= instrument.program < 128 and instrument.drums == (role == "drums")

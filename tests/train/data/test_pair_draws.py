"""Laws of drawing pairs: disjoint sub-mixtures of one window, outputs displaced, a score that goes along."""

import json

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.coherence import WINDOW_SAMPLES
from train.common.errors import TrainError
from train.data.pair_draws import ONSET_BIT, DrawSettings, apply_rooms, draw_pairs, mix_audio, score_bits, score_rolls
from train.data.store import Store
from train.data.submixes import draw_disjoint

RATE = 16000
BEAT = 0.5


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """Six rendered songs with beats and notes, two recorded ones; each part a tone that changes on its notes."""
    root, rng = tmp_path_factory.mktemp("stems"), np.random.default_rng(0)
    for number in range(8):
        song = root / "train" / str(number)
        song.mkdir(parents=True)
        notes = {}
        for octave, part in enumerate(("low", "middle", "high")):
            begins = BEAT * np.arange(60)
            pitches = 48 + 12 * octave + rng.integers(0, 12, 60)
            notes[part] = np.stack([begins, begins + BEAT, pitches], 1).astype(np.float32)
            hz = np.repeat(440 * 2 ** ((pitches - 69) / 12), round(BEAT * RATE))
            sf.write(song / f"{part}.flac", 0.1 * np.sin(2 * np.pi * np.cumsum(hz) / RATE), RATE)
        if number < 6:
            (song / "song.json").write_text(json.dumps({"beats": (BEAT * np.arange(60)).tolist()}))
            np.savez(song / "notes.npz", **notes)
    return Store([root], "train")


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_submixtures_are_disjoint_and_not_empty(stems, seed):
    first, second = draw_disjoint(list(range(stems)), np.random.default_rng(seed))
    assert len(first) and len(second) and not set(first) & set(second)
    assert set(first) | set(second) <= set(range(stems))


def test_every_pair_of_single_stems_and_every_mixture_occurs():
    rng = np.random.default_rng(0)
    drawn = {tuple(frozenset(part) for part in draw_disjoint([0, 1, 2], rng)) for _ in range(400)}
    assert len(drawn) == 12  # of 3 stems: 6 ordered pairs of one and one, 3 of one and two, 3 of two and one


@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.sampled_from([0.0, 0.5]))
def test_a_draw_is_of_disjoint_parts_of_windows_apart_and_of_outputs_displaced(store, seed, pairs, overlap):
    draw = draw_pairs(store, DrawSettings(pairs, overlap=overlap), np.random.default_rng(seed))
    assert len(draw.song) == pairs and len(draw.speed) == 3 * pairs
    begins: dict[int, list[int]] = {}
    for pair, song in enumerate(draw.song):
        parts, begin = [], []
        for row in (pair, pairs + pair, 2 * pairs + pair):
            mine = draw.picks[draw.row == row]
            assert len(mine) and (store.song[mine[:, 0]] == song).all() and len(set(mine[:, 1])) == 1
            parts.append(set(mine[:, 0].tolist()))
            begin.append(int(mine[0, 1]))
        assert not parts[0] & parts[1] and parts[1] == parts[2] and begin[0] == begin[1]
        late = abs(begin[2] - begin[0]) / RATE
        if len(store.songs[song].beats):
            assert min(abs(late - BEAT * share) for share in (0.125, 0.25, 0.5, 1, 2)) < 1e-4
        else:
            assert 0.059 < late < 1.001
        assert draw.late[pair] == pytest.approx((begin[2] - begin[0]) / 320 / draw.speed[pair])
        samples = int(WINDOW_SAMPLES * draw.speed[pair])
        assert all(abs(begin[0] - other) >= (1 - overlap) * samples for other in begins.get(song, []))
        begins.setdefault(song, []).append(begin[0])
        assert draw.speed[pair] == draw.speed[pairs + pair] == draw.speed[2 * pairs + pair]


def test_recorded_songs_give_their_share(store):
    draw = draw_pairs(store, DrawSettings(20, recorded=0.5, overlap=0.5), np.random.default_rng(0))
    assert 6 <= sum(not store.songs[song].notes for song in draw.song) <= 14


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_the_sound_of_a_row_is_its_parts_at_its_speed(store, seed):
    """At speed 1 sample by sample; else the pitch rises by as much as the music is faster."""
    s = DrawSettings(2, gain=0.0, semitones=0.0)
    draw = draw_pairs(store, s, np.random.default_rng(seed))
    mixed = mix_audio(store, draw)
    meant = torch.zeros(6, WINDOW_SAMPLES)
    for row, window in zip(draw.row, store.windows(draw.picks, WINDOW_SAMPLES), strict=True):
        meant[row] += window
    assert (mixed - meant).abs().max() < 1e-5


def test_the_score_of_a_row_is_that_of_its_notes(store):
    """Each frame of a drawn row shows the pitch classes of its notes, higher by as much as it is faster."""
    draw = draw_pairs(store, DrawSettings(4, recorded=0.5), np.random.default_rng(3))
    rolls, bits = score_rolls(store, score_bits(store), draw), score_bits(store)
    assert int(bits.max()) < 1 << (ONSET_BIT + 1)
    for row in range(12):
        mine = draw.picks[draw.row == row]
        song = store.songs[store.song[mine[0, 0]]]
        if not song.notes:
            assert (rolls[row] == -1).all()
            continue
        higher = round(12 * np.log2(draw.speed[row]))
        names = {number: name for name, number in song.parts.items()}
        for frame in (5, 100, 245):
            at = mine[0, 1] / RATE + 0.02 * frame * draw.speed[row]
            notes_there = [n for part in mine[:, 0] for n in song.notes[names[part]] if n[0] + 0.02 < at < n[1] - 0.02]
            if len(notes_there) == len(mine):
                classes = {(int(note[2]) + higher) % 12 for note in notes_there}
                assert set(np.flatnonzero(rolls[row, frame, :12]).tolist()) == classes


def test_silent_music_is_reported(tmp_path):
    song = tmp_path / "train" / "song"
    song.mkdir(parents=True)
    for part in ("one", "other"):
        sf.write(song / f"{part}.flac", np.zeros(10 * RATE), RATE)
    with pytest.raises(TrainError, match="is it silent"):
        draw_pairs(Store([tmp_path], "train"), DrawSettings(2), np.random.default_rng(0))


def test_a_room_that_is_none_changes_nothing_and_another_keeps_the_beginning_in_place():
    click = torch.zeros(2, WINDOW_SAMPLES)
    click[:, 1000] = 1
    dry = apply_rooms(click, 0.0, 0.0, 0.0, torch.Generator().manual_seed(0))
    assert (dry - click).abs().max() < 1e-4
    wet = apply_rooms(click, 1.0, 1.5, 0.0, torch.Generator().manual_seed(0))
    assert (wet.abs().argmax(1) - 1000).abs().max() <= 1 and float(wet[:, 2000:].square().sum()) > 1e-3

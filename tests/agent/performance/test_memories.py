"""The memory that grows while it is played is the memory that would have been built at once, and takes back exactly."""

import json
import shutil
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action.concat import Concatenator
from agent.performance import leading_beat, tempo
from agent.performance.controls import apply
from agent.performance.loading import load_memory, load_recording
from agent.performance.memories import GROWING, GrowingMemory, Memory, render_segment, voice_after_truncation
from agent.performance.model import Model
from agent.performance.repertoire import Repertoire
from agent.settings.config import Config
from corpora.audio import read_at
from corpora.build import build, completed, label
from corpora.corpus import CorpusError, boundary, load
from perception.chroma import FRAME_RATE
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from perception.tatum import TatumTrack
from tests.conftest import glide, melody, noise

VOCAB = 5
law = settings(max_examples=60)


def empty(rate=16000, hop=0.25, **more):
    """A growing memory that holds nothing."""
    sound = Concatenator(np.zeros(0, np.float32), rate, hop, **more)
    return GrowingMemory(GROWING, VOCAB, sound, np.zeros((VOCAB, VOCAB), np.int32), ("k4", VOCAB - 1))


def recorded(sound):
    """A memory that does not grow."""
    return Memory("still", None, VOCAB, sound, np.zeros((VOCAB, VOCAB), np.int32))


def tables(stored):
    """The oracle, as far as it is valid."""
    t, n = stored.oracle.tables, len(stored)
    rows = (
        t.labels[:n], t.suffix_link[: n + 1], t.root_edge, t.first_edge[: n + 1], t.previous[:n], t.newest, t.rank[:n],
        t.repeats[:n],
    )  # fmt: skip
    return [row.tolist() for row in rows]


def contents(stored):
    """Everything a growing memory holds, to compare."""
    features = [feature.tolist() for feature in stored._features]
    return (*tables(stored), stored.sound.audio.tobytes(), stored.rms.tolist(), features, list(stored.takes))


def grow(stored, first, hops, seed=0):
    """Record hops number `first`, ... of a performance as one take; the audio as it was heard."""
    rng, rate, hop = np.random.default_rng(seed), stored.sound.rate, stored.sound.hop
    stored.begin()
    heard = []
    for n in range(first, first + hops):
        audio = rng.uniform(-0.5, 0.5, boundary(n + 1, hop, rate) - boundary(n, hop, rate)).astype(np.float32)
        stored.append(audio, int(rng.integers(VOCAB)), rng.random(3))
        heard.append(audio)
    stored.end()
    return np.concatenate(heard) if heard else np.zeros(0, np.float32)


@pytest.mark.parametrize("hop, rate", [(0.25, 48000), (0.35, 44100), (0.35, 22050)])
def test_what_grew_while_it_played_is_what_is_built_at_once(stage, hop, rate):
    """Also at 22.05 kHz, where a hop is no whole number of samples and the ear counts from elsewhere."""
    session, audio = stage.session(hop=hop, rate=rate), np.concatenate([melody(6, rate, 2), noise(3, rate, 3)])
    state, start = session.start(1), 0
    apply(session, state, "record", ("input",))
    while start + session.listener.next_hop_samples(state.hearing) <= len(audio):
        size = session.listener.next_hop_samples(state.hearing)
        session.step(state, audio[start : start + size])
        start += size
        if len(session.repertoire.growing()) == 9:
            apply(session, state, "memory", (GROWING,))  # played while it grows
    apply(session, state, "record", ("off",))
    live, built = session.repertoire[1], label(audio[:start], "at once", session.listener)
    shift = 2 * int(hop * rate != round(hop * rate))
    assert len(live) == len(built) == state.hearing.hops
    assert live.labels.tolist() == built.labels.tolist()
    assert np.array_equal(live.sound.audio[shift:], audio[: start - shift]), (
        "a take may begin with two samples of silence"
    )
    assert len(live.sound.audio) == boundary(len(live), hop, rate) == start
    np.testing.assert_array_equal(live.rms, built.rms)
    np.testing.assert_array_equal(live.snapshot().corpus().features, built.features)


@law
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=6), st.sampled_from([16000, 22050]))
def test_undo_restores_exactly(takes, rate):
    stored, before = empty(rate, 0.35), []
    for seed, (first, hops) in enumerate(takes):
        before.append(contents(stored))
        size = len(stored.takes)
        grow(stored, first, hops, seed)
        assert len(stored.takes) == size + bool(hops)
        assert len(stored.sound.audio) == boundary(len(stored), 0.35, rate)
        if len(stored.takes) == size:
            assert contents(stored) == before.pop()
    while before:
        stored.undo()
        assert contents(stored) == before.pop()


def test_takes_after_an_undo_are_as_if_it_had_not_been():
    one, two = empty(), empty()
    grow(one, 0, 4, 1)
    grow(two, 0, 4, 1)
    grow(one, 9, 7, 2)
    one.undo()
    grow(one, 20, 5, 3)
    grow(two, 20, 5, 3)
    assert contents(one) == contents(two) and one.edits == 1


# --- saving


def test_a_snapshot_is_of_its_moment_and_costs_no_copy(tmp_path):
    stored = empty(room=60)
    first = grow(stored, 0, 8, 1)
    snap = stored.snapshot()
    assert np.shares_memory(snap.audio, stored.sound.audio)
    grow(stored, 8, 3, 2)
    stored.undo()
    stored.undo()
    grow(stored, 0, 12, 5)  # written over what the snapshot still reads, if it were not lent
    assert np.array_equal(snap.audio, first)
    snap.save(tmp_path / "take")
    corpus = load(tmp_path / "take")
    assert corpus.labels.tolist() == snap.labels.tolist() and corpus.alphabet == "k4"
    np.testing.assert_allclose(read_at(tmp_path / "take" / "audio.flac"), first, atol=2**-23)


def test_nothing_recorded_is_no_corpus():
    with pytest.raises(CorpusError, match="no segments"):
        empty().snapshot().corpus()


def test_a_saved_memory_is_played_again(stage, tmp_path):
    session = stage.session(hop=0.25)
    state = session.start()
    apply(session, state, "record", ("self",))
    for hop in melody(6, 48000, 4).reshape(-1, 12000):
        session.step(state, hop)
    session.repertoire.snapshot().save(tmp_path / "mine")
    corpus = load(tmp_path / "mine")
    number = session.repertoire.add(corpus, corpus.audio(), "mine")
    apply(session, state, "memory", ("mine",))
    for hop in melody(3, 48000, 5).reshape(-1, 12000):
        event = session.step(state, hop)[1]
        assert event.memory == number == state.sounding_memory and event.segment < len(corpus)


# --- from one memory to another


def test_a_switch_keeps_the_power_and_does_not_click():
    """From each memory to the other, at once and after a rest: like a jump within one."""
    rate, hop = 16000, 0.25
    tone = [(0.4 * np.sin(2 * np.pi * hz * np.arange(6 * rate) / rate)).astype(np.float32) for hz in (110, 163)]
    sounds = [Concatenator(audio, rate, hop) for audio in tone]
    memories = [recorded(sound) for sound in sounds]
    voice, now, out, rng = sounds[0].start(), 0, [], np.random.default_rng(0)
    for _ in range(200):
        memory = int(rng.integers(2))
        audio, voice = render_segment(memories, voice, now, memory, int(rng.integers(1, 22)), 4000, None)
        now = memory
        out.append(audio)
    out = np.concatenate(out)[100:]
    steepest = max(np.abs(np.diff(audio)).max() for audio in tone)
    assert np.abs(np.diff(out)).max() < 1.5 * steepest
    power = np.convolve(out.astype(np.float64) ** 2, np.ones(800) / 800, "valid")
    assert np.abs(10 * np.log10(power / 0.08)).max() < 1.5


def test_noise_keeps_its_power_from_one_memory_to_another():
    rate, rng = 16000, np.random.default_rng(1)
    sounds = [Concatenator((0.1 * rng.standard_normal(6 * rate)).astype(np.float32), rate, 0.25) for _ in range(2)]
    memories = [recorded(sound) for sound in sounds]
    voice, out = sounds[0].start(), []
    for n in range(400):
        audio, voice = render_segment(memories, voice, (n - 1) % 2, n % 2, int(rng.integers(0, 23)), 4000, None)
        out.append(audio)
    fades = np.array(out[1:])[:, :800].astype(np.float64).reshape(399, 5, 160)
    assert np.abs(10 * np.log10(np.mean(fades**2, axis=(0, 2)) / 0.01)).max() < 0.3


@law
@given(st.lists(st.tuples(st.sampled_from("abxr"), st.integers(0, 30)), max_size=40), st.integers(0, 9))
def test_growing_and_taking_back_never_clicks(steps, seed):
    """A tone is recorded and taken back while it and another memory sound: no step larger than the tones have."""
    rate, rng = 16000, np.random.default_rng(seed)
    tone = (0.4 * np.sin(2 * np.pi * 110 * np.arange(20 * rate) / rate)).astype(np.float32)
    still, stored = Concatenator(tone[: 4 * rate], rate, 0.25), empty(rate)
    memories = [recorded(still), stored]
    voice, sounding, at, recording, out = still.start(), 0, 0, False, []
    for what, number in steps:
        if what == "r":
            (stored.end if recording else stored.begin)()
            recording, at = not recording, int(rng.integers(50_000))
        if what == "x" and stored.takes:
            held, recording = len(stored.sound.audio), False
            stored.end()
            if stored.takes:
                stored.undo()
                voice = voice_after_truncation(stored, voice, held) if sounding else voice
        if recording:
            stored.append(tone[at : at + 4000], number % VOCAB, np.zeros(3))
            at += 4000
        memory = 1 if what == "b" and len(stored) else sounding if what == "r" and (len(stored) or not sounding) else 0
        n = len(memories[memory].sound)
        going = memory == sounding and voice.continuation is None and 0 <= voice.segment < n - 1 and number % 2
        segment = voice.segment + 1 if going else number % n if number % 5 else -1
        audio, voice = render_segment(memories, voice, sounding, memory, segment, 4000, None)
        sounding = memory
        out.append(audio)
    if out:
        played = np.concatenate([[0.0], *out])
        assert np.abs(np.diff(played)).max() < 1.6 * np.abs(np.diff(tone)).max()


def test_no_sound_reads_on_from_one_take_into_the_next():
    rate, stored = 16000, empty()
    tone = (0.4 * np.sin(2 * np.pi * 100.3 * np.arange(4 * rate) / rate)).astype(np.float32)
    for shift in (0, 117):  # cut anywhere
        stored.begin()
        for n in range(4):
            stored.append(tone[n * 4000 + shift : (n + 1) * 4000 + shift], 0, np.zeros(3))
        stored.end()
    raw = np.abs(np.diff(stored.sound.audio)).max()
    voice, out = stored.sound.start(), []
    for segment in (2, 3, 4, 5, 3, 4, 7, -1):
        out.append(stored.sound.step(voice, segment, 4000))
    assert np.abs(np.diff(np.concatenate(out))).max() < 1.5 * np.abs(np.diff(tone)).max() < raw


def test_names_are_unique(stage):
    session = stage.session(hop=0.25)
    corpus, audio = session.repertoire[0].corpus, session.repertoire[0].sound.audio
    session.repertoire.add(corpus, audio)
    session.repertoire.add(corpus, audio, GROWING)
    session.repertoire.growing()
    names = [stored.name for stored in session.repertoire]
    assert names == [corpus.name, f"{corpus.name} 2", f"{GROWING} 2", GROWING]
    assert session.repertoire.growing() is session.repertoire[3]


def test_a_glide_survives_self_recording(stage):
    """What is played is remembered with the labels it was played for, and nothing is heard twice."""
    session = stage.session("decision.rests=never", hop=0.25)
    state, spoken, events = session.start(2), [], []
    apply(session, state, "record", ("self",))
    for hop in glide(8, 48000, 1)[: 32 * 12000].reshape(-1, 12000):
        audio, event = session.step(state, hop)
        spoken.append(audio)
        events.append(event)
    apply(session, state, "record", ("off",))
    live = session.repertoire[1]
    assert np.array_equal(live.sound.audio, np.concatenate(spoken))
    assert live.labels.tolist() == [event.label for event in events]


def test_a_recording_is_labelled_alike_each_time(tiny, memory):
    """By an ear that is loaded anew too; so the tests may keep what a session opens."""
    audio = load_recording(str(memory), 48000, 0.5)[1]
    first, again = (label(audio, "memory", Model.load(tiny, 0.5).listener(48000, -50.0)) for _ in range(2))
    for part in fields(first):
        np.testing.assert_array_equal(getattr(first, part.name), getattr(again, part.name), part.name)


def test_a_corpus_of_before_chroma_and_onsets_is_completed(tiny, memory, tmp_path):
    """What an older corpus lacks is computed when it is loaded, and is then nearly what a new one holds."""
    model = Model.load(tiny, 0.5)
    build([memory], lambda rate: model.listener(rate, -50.0), tmp_path / "new")
    shutil.copytree(tmp_path / "new", tmp_path / "old")
    with np.load(tmp_path / "old" / "segments.npz") as held:
        np.savez(tmp_path / "old" / "segments.npz", **{key: held[key] for key in ("start", "label", "rms", "feature")})
    stored = []
    for name in ("new", "old"):
        loaded = load_memory(str(tmp_path / name), model, 48000, -50.0)
        repertoire = Repertoire(model, Config(), 48000)
        repertoire.add(loaded.corpus, loaded.audio)
        lacks = [getattr(loaded.corpus, key) is None for key in ("chroma", "onsets", "tatums")]
        assert lacks == 3 * [name == "old"]
        stored.append(repertoire[0])
    new, old = stored
    assert abs(len(new.places.segment) - len(old.places.segment)) <= 1
    count = min(len(new.chroma.keys), len(old.chroma.keys))
    agreement = (new.chroma.keys[:count] * old.chroma.keys[:count]).sum(axis=1)
    assert np.median(agreement) > 0.9, "noise and glides among it"
    count = min(len(new.onsets), len(old.onsets))
    assert np.corrcoef(new.onsets.frames[:count], old.onsets.frames[:count])[0, 1] > 0.95


def kept_in(repertoire, model, folder, samplerate=48000):
    """The memory of a corpus folder or an audio file."""
    loaded = load_memory(str(folder), model, samplerate, -50.0)
    return repertoire[repertoire.add(loaded.corpus, loaded.audio)]


def test_tatum_and_tuning_that_are_stored_are_those_computed_anew(tiny, memory, tmp_path):
    """Of a corpus, of one that lacks them, of an audio file, and of what was recorded on stage and saved."""
    model = Model.load(tiny, 0.5)
    build([memory], lambda rate: model.listener(rate, -50.0), tmp_path / "new")
    shutil.copytree(tmp_path / "new", tmp_path / "old")
    with np.load(tmp_path / "old" / "segments.npz") as held:
        np.savez(tmp_path / "old" / "segments.npz", **{key: held[key] for key in held.files if key != "tatum"})
    about = json.loads((tmp_path / "old" / "corpus.json").read_text())
    del about["tuning"]
    (tmp_path / "old" / "corpus.json").write_text(json.dumps(about))
    repertoire = Repertoire(model, Config(), 48000)
    new, old, named = (kept_in(repertoire, model, path) for path in (tmp_path / "new", tmp_path / "old", memory))
    assert new.corpus.tatums is not None and old.corpus.tatums is None and old.corpus.tuning is None
    for stored in (new, named):
        np.testing.assert_array_equal(stored.tatums.rows, TatumTrack(stored.onsets.frames).rows)
        np.testing.assert_array_equal(stored.tatums.rows, old.tatums.rows)
        np.testing.assert_allclose(stored.tuning, old.tuning, atol=0.02)
        np.testing.assert_allclose(completed(old.corpus).tuning, stored.corpus.tuning, atol=0.02)
    np.testing.assert_array_equal(completed(old.corpus).tatums, new.corpus.tatums)


def test_what_was_recorded_on_stage_knows_its_tatum_and_tuning(stage, tmp_path):
    session = stage.session(hop=0.25)
    live, state = session.repertoire.growing(), session.start()
    assert live.tuning == (0, 0)
    apply(session, state, "record", ("input",))
    for hop in melody(6, 48000, 3).reshape(-1, 12000):
        session.step(state, hop)
    apply(session, state, "record", ("off",))
    tuning = live.tuning
    assert tuning.confidence > 0.5 and abs(tuning.cents) < 3 and live.tuning is tuning
    session.repertoire.snapshot().save(tmp_path / "take")
    again = load(tmp_path / "take")
    assert again.tuning == tuning
    np.testing.assert_array_equal(again.tatums, TatumTrack(again.onsets).rows)
    np.testing.assert_allclose(again.onsets[: len(live.onsets)], live.onsets.frames, rtol=1e-3, atol=1e-6)
    assert len(again.chroma) == 6 * FRAME_RATE and len(again.onsets) == 6 * ONSET_RATE
    apply(session, state, "undo")
    assert live.tuning == (0, 0)


def test_beats_that_were_given_lead_the_grid(stage, memory, tmp_path):
    """Their half beats are what the memory is stretched by, whatever its onsets are; without, its tatum."""
    session = stage.session("decision.rests=never", hop=0.25)
    given = np.concatenate([np.arange(0.3, 9, 0.5), np.arange(9.3, 23, 0.58)])
    (tmp_path / "beats.txt").write_text("\n".join(map(str, given)))
    corpus = build(
        [memory, memory], lambda rate: session.listener, tmp_path / "two", beats=[tmp_path / "beats.txt", None]
    )
    number = session.repertoire.add(corpus, np.tile(read_at(memory), 2))
    stored = session.repertoire[number]
    for begin, period in ((4.3, 0.5), (9.88, 0.58)):
        grid = tempo.line(stored.tatums.at((begin + 0.1) * ONSET_RATE + DELAY_FRAMES))
        assert grid.period_s == pytest.approx(period / 2) and grid.confidence == 1
        assert abs((grid.time_s - begin) / grid.period_s % 1 - 0.5) == pytest.approx(0.5)
    tatum = TatumTrack(stored.onsets.frames)
    assert all(stored.tatums.at(frame) == tatum.at(frame) for frame in range(2420, 4800, 100))
    state = session.start()
    state.selected_memory = number
    for n in range(16):  # beats of 0.45 s: each half beat of the memory is played in 0.225 s
        leading_beat.tell_beat(state.pulse, "tap", n * 0.45)
    state.pulse.now_s, state.hop = 7.0, 28
    assert session.repertoire.ratio(state, number, 4.3 * 48000, 28) == pytest.approx(0.5 / 0.45, rel=0.05)
    assert session.repertoire.ratio(state, number, 12.3 * 48000, 28) == pytest.approx(0.58 / 0.45, rel=0.05)
    assert session.repertoire._speeds(state, stored)[8] == pytest.approx(0.5 / 0.45)

"""Re-generation in sound: answers are those of `respond`, rivals are what they are said to be, scores the meter's."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from agent.verbs import respond
from agent.verbs.evaluation_player import Player
from perception.coherence import WINDOW_SAMPLES, Coherence
from tests.conftest import KINDS, melody, write
from tests.tolerance import network_rounding
from train.common.errors import TrainError
from train.data.token_pairs import save
from train.data.tokenise import levels
from train.evaluate import regeneration as evaluate
from train.evaluate import sound_players
from train.evaluate.sound import scores

RATE, HOP = 16000, 0.5
SIZE = round(RATE * HOP)
SUFFIXES = ("json", "md", "png")


@pytest.fixture(scope="module")
def player(tiny) -> Player:
    return Player(tiny, HOP, RATE)


@pytest.fixture(scope="module")
def music(tmp_path_factory) -> Path:
    """Two songs of two parts, 14 s each, the test split of some data."""
    folder = tmp_path_factory.mktemp("music")
    for song, (first, second) in enumerate((("melody", "glide"), ("melody", "melody"))):
        for number, (part, kind) in enumerate((("voice", first), ("synth", second))):
            path = folder / "test" / f"song{song}" / f"{part}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, KINDS[kind](14, RATE, 10 * song + number), RATE)
    return folder


@pytest.fixture
def evaluated(antiphon, music, tiny, tiny_coherence, tmp_path):
    def run(*more: object, out: str = "out"):
        words = ("--model", tiny, "-o", out, "--sound", 2, "--seconds", 5, "--coherence", tiny_coherence, *more)
        return antiphon("evaluate", "regeneration", music, *words), tmp_path / out

    return run


# --- the player


@pytest.mark.parametrize("mode", ["full", 1])
def test_an_answer_is_what_respond_writes(player, stage, tmp_path, mode):
    guide, recording = melody(6.3, RATE, 1), melody(9.8, RATE, 2)
    write(tmp_path / "guide.wav", guide, RATE, "FLOAT")
    memory = write(tmp_path / "memory.wav", recording, RATE, "FLOAT")
    settings = stage.settings(f"agent.memory={memory}", "agent.seed=5")
    said = respond.respond(tmp_path / "guide.wav", tmp_path / "out.wav", settings, offline=mode == "full")
    answer = player.answer(player.remember("it", recording), guide, mode, 5)
    first = said["first_hop"]
    assert answer.labels[first:].tolist() == said["labels"] and answer.segments[first:].tolist() == said["segments"]
    assert answer.why[first:] == tuple(said["why"]) and len(answer.audio) == len(guide)
    assert (answer.wanted[first:] == answer.labels[first:]).sum() == said["matched"]
    np.testing.assert_allclose(answer.audio, sf.read(tmp_path / "out.wav")[0], atol=2**-22)


def test_a_lookahead_and_the_seed_are_heeded(player):
    memory, guide = player.remember("it", melody(12, RATE, 2)), melody(8, RATE, 1)
    answers = [player.answer(memory, guide, *asked) for asked in ((1, 0), (1, 0), (4, 0), (1, 1))]
    same, later, other = (np.array_equal(answers[0].audio, answer.audio) for answer in answers[1:])
    assert same and not later and not other


def test_a_memory_played_in_order_is_the_recording(player):
    recording = melody(6.2, RATE, 3)
    memory = player.remember("it", recording)
    played = player.sound(memory, np.arange(2, 13), round(5.2 * RATE))
    assert len(played.audio) == round(5.2 * RATE)
    np.testing.assert_array_equal(played.audio[SIZE:-SIZE], recording[3 * SIZE : round(6.2 * RATE) - SIZE])
    assert played.labels.tolist() == player.labels(memory)[2:13].tolist()
    assert player.name(recording).tolist() == player.labels(memory)[:12].tolist()


def test_rests_are_silent(player):
    memory = player.remember("it", melody(6, RATE, 3))
    played = player.sound(memory, np.array([3, -1, -1, 5]), 4 * SIZE)
    assert played.cut.tolist() == [True] * 4
    assert player.sound(memory, np.array([3, 4, 7, 8]), 4 * SIZE).cut.tolist() == [True, False, True, False]
    assert played.labels[[1, 2]].tolist() == [player.silence] * 2
    assert not played.audio[2 * SIZE : 3 * SIZE].any() and played.audio[3 * SIZE :].any()


# --- the rivals


def test_runs_are_found_and_rests_belong_to_none():
    segments = np.array([-1, 4, 5, 6, 2, 3, -1, -1, 4, 4])
    assert list(sound_players.runs_of(segments)) == [(1, 3), (4, 2), (8, 1), (9, 1)]
    assert list(sound_players.runs_of(np.array([-1, -1]))) == []


def test_random_runs_keep_rests_and_lengths_and_begin_where_it_sounds():
    rng = np.random.default_rng(0)
    segments, held = np.array([-1, 4, 5, 6, 2, 3, -1, 0, 1]), np.where(np.arange(40) % 3, 1, 9)
    starts = set()
    for _ in range(200):
        walk = sound_players.shuffled_runs(segments, held, 9, rng)
        assert ((walk < 0) == (segments < 0)).all() and walk.max() < 40
        for begin, length in sound_players.runs_of(segments):
            assert (np.diff(walk[begin : begin + length]) == 1).all() and held[walk[begin]] != 9
            starts.add(int(walk[begin]))
    assert len(starts) > 20


def test_noise_has_the_level_of_b_and_its_silence():
    sound = melody(10, RATE, 4)
    sound[2 * SIZE : 4 * SIZE] = 0
    noise = sound_players.noise_like(sound, SIZE, np.random.default_rng(0))
    there, made = levels(sound, SIZE), levels(noise, SIZE)
    loud = there > -50
    assert not noise[2 * SIZE : 4 * SIZE].any() and (made[~loud] < -50).all()
    assert np.abs(there - made)[loud].max() < 1.0


def test_the_other_memory_is_of_another_song_and_the_same_part_if_there_is_one():
    def pair(song, played):
        return sound_players.Pair(song, "a", played, 0, Path(), np.zeros(1), np.zeros(1))

    pairs = [pair("x", "bass"), pair("x", "bass"), pair("y", "bass"), pair("z", "voice")]
    assert sound_players.donor_of_each(pairs) == [2, 2, 0, 0]


def test_pairs_come_from_every_song_and_sound(music):
    songs = {song: {path.stem: path for path in (music / "test" / song).iterdir()} for song in ("song0", "song1")}
    pairs = sound_players.choose_pairs(songs, 4, 5.0, HOP, np.random.default_rng(0))
    assert sorted(pair.song for pair in pairs) == ["song0", "song0", "song1", "song1"]
    for pair in pairs:
        assert pair.input != pair.played and len(pair.guide) == len(pair.truth) == 5 * RATE
        whole = sf.read(pair.path)[0]
        np.testing.assert_allclose(pair.truth, whole[pair.first * SIZE :][: 5 * RATE], atol=1e-4)
        assert all((levels(sound, SIZE) >= -50).mean() >= 0.5 for sound in (pair.guide, pair.truth))
    few = sound_players.choose_pairs(songs, 10**6, 13.5, HOP, np.random.default_rng(0))
    assert len({(p.song, p.input, p.played, p.first) for p in few}) == len(few) <= 8


# --- the scores


def test_scores_are_the_meters_and_silence_has_none(tiny_coherence):
    meter = Coherence.load(tiny_coherence)
    allowed = network_rounding(meter, scale=float(meter.similarity.detach().norm()))
    heard, spoken = melody(7.5, RATE, 1), melody(7.5, RATE, 2)
    spoken[:WINDOW_SAMPLES] = 0
    sounds = {("x", ""): spoken, ("y", ""): heard}
    for found, expected in zip(scores(meter, heard, sounds), meter.compare(heard[40000:], spoken[40000:]), strict=True):
        for mode, value in expected.items():
            assert np.isnan(found["x", ""][mode][0])
            assert found["x", ""][mode][1] == pytest.approx(value, rel=0, abs=allowed)
    uncalibrated, meter.calibration = scores(meter, heard, sounds)[0], None
    again, positions = scores(meter, heard, sounds)
    assert positions == {} and again.keys() == uncalibrated.keys()
    heard[:] = 0
    assert np.isnan(scores(meter, heard, {("x", ""): spoken})[0]["x", ""]["both"]).all()


# --- the whole


def test_a_whole_evaluation(evaluated):
    said, out = evaluated("--keep")
    assert said.code == 0, said.err
    result = json.loads((out / "regeneration_sound.json").read_text())
    assert (out / "regeneration_sound.md").read_text().strip() == said.out.strip()
    assert (out / "regeneration_sound.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    modes = ("full", "live 1")
    rows = {(row["who"], row["mode"]): row for row in result["rows"]}
    expected = {(who, mode) for who in (sound_players.OWN, sound_players.OTHER, sound_players.RUNS) for mode in modes}
    others = (sound_players.TRUE, sound_players.HOPS, sound_players.NOISE, sound_players.STRANGER)
    expected |= {(who, "") for who in others}
    assert set(rows) == expected and all(f"{who}" in said.out for who, _ in expected)
    assert rows[sound_players.TRUE, ""]["tpp"]["mean"] == 100
    for row in rows.values():
        assert set(row["score"]) == set(row["position"]) == {"both", "harmonic", "percussive"}
        assert row["windows"] == 2 and 0 <= row["skipped"] < 2 and row["peak"] <= 1
        assert all(0 <= about["mean"] <= 1 for about in row["position"].values())
    for mode, asked in zip(modes, (20, 18), strict=True):
        row = rows[sound_players.OWN, mode]
        assert row["asked"] == sum(row["why"].values()) == asked and 0 <= row["matched"] <= asked
    (folder, _) = sorted((out / "kept").iterdir())
    assert len(list(folder.iterdir())) == len(expected)
    assert sf.info(folder / "own_memory_live_1.flac").channels == 2
    assert sf.info(folder / "own_memory_live_1.flac").frames == 5 * RATE
    assert not list(out.glob("**/.*"))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_settings_count(evaluated):
    first, again, other = (
        evaluated("--modes", 1, *more, out=out)[1]
        for more, out in (((), "a"), ((), "b"), (("--set", "action.max_continuity=1"), "c"))
    )
    for suffix in SUFFIXES:
        name = f"regeneration_sound.{suffix}"
        assert (first / name).read_bytes() == (again / name).read_bytes() != (other / name).read_bytes()


def test_mistakes_are_told_with_the_remedy(antiphon, evaluated, music, tiny, tiny_coherence, tmp_path):
    save(tmp_path / "k64_h0.50", {"test/s/a": np.zeros(30), "test/s/b": np.zeros(30)}, 64, HOP, "k64-x")

    def refused(data, *words) -> str:
        return antiphon("evaluate", "regeneration", data, "--model", tiny, "-o", "out", *words).sentence

    assert "--sound needs stems" in refused(tmp_path / "k64_h0.50", "--sound", 2)
    assert "--sound needs stems" in refused(tmp_path, "--sound", 2)
    assert "has no coherence meter" in refused(music, "--sound", 2)
    assert "is no coherence model" in refused(music, "--sound", 2, "--coherence", tmp_path)
    assert "add --sound 40" in refused(music, "--keep")
    meter = ("--coherence", tiny_coherence)
    assert "two songs" in refused(music / "test" / "song0", "--sound", 2, "--seconds", 5, *meter)
    assert "two songs" in refused(music, "--sound", 2, "--seconds", 60, *meter)
    for words in (
        ("--sound", 1),
        ("--sound", 2, "--seconds", 4),
        ("--sound", 2, "--grid"),
        ("--sound", 2, "--hop", 0.3),
    ):
        assert refused(music, *words, *meter)
    assert "no setting 'decision.topp'" in refused(music, "--sound", 2, "--set", "decision.topp=1", *meter)
    assert not (tmp_path / "out").exists()


def test_without_the_agent_it_says_how_to_run_it(music, tiny, tmp_path, capsys):
    with pytest.raises(TrainError, match="antiphon evaluate regeneration"):
        evaluate.main([str(music), "--model", str(tiny), "-o", str(tmp_path / "out"), "--sound", "2"])


def test_a_folder_that_is_not_there_is_named(antiphon, tiny, tmp_path):
    said = antiphon("evaluate", "regeneration", "nowhere", "--model", tiny, "-o", "out", "--sound", 2)
    assert "nowhere" in said.sentence


def test_settings_are_checked():
    from train.evaluate.sound import SoundEvaluation

    with pytest.raises(TrainError, match="sound = 0"):
        SoundEvaluation(0)

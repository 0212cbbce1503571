"""Live = file: what is heard, decided and spoken does not depend on how the input is cut into blocks."""

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action.concat import Concatenator
from agent.engine import audio_callback
from agent.performance.hops import live_hops
from corpora import corpus
from corpora.audio import regroup
from perception import stream
from perception.stream import boundary, hop_sizes
from tests.conftest import KINDS, samples, write

BLOCKS = (1, 64, 256, 480, 1000, 1999)
HOPS = (0.25, 0.35, 0.5)
RATES = (22050, 44100, 48000)


@pytest.fixture(scope="module")
def sessions(stage):
    """`sessions(hop, rate)`, each made once."""
    return cache(lambda hop, rate: stage.session("action.follow_level=0.5", hop=hop, rate=rate))


def cut(audio: np.ndarray, sizes) -> list[np.ndarray]:
    """The samples in blocks of such sizes, the last size repeated to the end."""
    blocks, at = [], 0
    for size in sizes:
        blocks.append(audio[at : at + size])
        at += size
    return blocks + [audio[i : i + sizes[-1]] for i in range(at, len(audio), sizes[-1])]


def perform_blocks(session, blocks):
    """(spoken, events without their timings) of a performance over blocks."""
    hops = list(live_hops(session, session.start(), blocks))
    heard = np.concatenate([heard for heard, _, _ in hops])
    np.testing.assert_array_equal(heard, np.concatenate(blocks))
    return np.concatenate([spoken for _, spoken, _ in hops]), [event for _, _, event in hops if event]


@settings(max_examples=20)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    seed=st.integers(0, 1000),
    hop=st.sampled_from(HOPS),
    rate=st.sampled_from(RATES),
    seconds=st.floats(0.8, 2.0),
    ragged=st.lists(st.integers(1, 30000), min_size=1, max_size=12),
)
def test_live_is_file(sessions, kind, seed, hop, rate, seconds, ragged):
    session, audio = sessions(hop, rate), KINDS[kind](seconds, rate, seed)
    spoken, events = perform_blocks(session, [audio])
    assert len(spoken) == len(audio)
    for sizes in [*([block] for block in BLOCKS), ragged]:
        again, decided = perform_blocks(session, cut(audio, sizes))
        assert [e.heard for e in decided] == [e.heard for e in events], sizes
        assert decided == events, sizes
        assert again.tobytes() == spoken.tobytes(), sizes


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("hop", HOPS)
def test_the_answer_comes_from_the_past_alone(sessions, kind, hop):
    """What is spoken in a hop is decided by the hops before it."""
    rate = 44100
    session, audio = sessions(hop, rate), KINDS[kind](3.0, rate, 5)
    spoken, events = perform_blocks(session, [audio])
    for known in (1, 2, 5):
        at = boundary(known, hop, rate)
        other = np.concatenate([audio[:at], KINDS["noise"](3.0, rate, 77)[at:]])
        changed, decided = perform_blocks(session, [other])
        until = boundary(known + 1, hop, rate)
        assert changed[:until].tobytes() == spoken[:until].tobytes()
        assert decided[:known] == events[:known]


@settings(max_examples=30)
@given(
    length=st.integers(0, 5000),
    sizes=st.lists(st.integers(1, 900), min_size=1, max_size=8),
    wanted=st.lists(st.integers(1, 900), min_size=1, max_size=8),
)
def test_regrouping_keeps_every_sample(length, sizes, wanted):
    audio = np.arange(length, dtype=np.float32)
    asked = (wanted * (length // min(wanted) + 1)) or [1]
    made = list(regroup(cut(audio, sizes), asked))
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.float32), *made]), audio)
    assert all(len(block) == size for block, size in zip(made[:-1], asked, strict=False))


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
@pytest.mark.parametrize("hop", HOPS)
def test_hop_sizes_follow_the_clock_of_samples(hop, rate):
    sizes = [size for size, _ in zip(hop_sizes(hop, rate), range(2000), strict=False)]
    assert np.cumsum(sizes).tolist() == [boundary(n, hop, rate) for n in range(1, 2001)]


@pytest.mark.parametrize(
    "kind", [kind if kind == "glide" else pytest.param(kind, marks=pytest.mark.slow) for kind in sorted(KINDS)]
)
def test_the_commands_agree_whatever_the_block(antiphon, tiny, memory, kind, tmp_path):
    """`respond`, `play` at full speed in blocks of any size, and `tokens`, on files."""
    guide = write(tmp_path / "guide.wav", KINDS[kind](2.9, 44100, 3), 44100, "FLOAT")
    words = ("--model", tiny, "--memory", memory, "--set", "live.hop=0.35", "--json")
    answer = json.loads(antiphon("respond", guide, "-o", "answer.wav", *words).out)
    expected = (tmp_path / "answer.wav").read_bytes()
    assert len(samples(tmp_path / "answer.wav")) == answer["samples"] == round(2.9 * 44100)
    tokens = json.loads(antiphon("tokens", guide, "--model", tiny, "--hop", 0.35, "--json").out)["tokens"]
    assert tokens == answer["heard"]
    for block in BLOCKS if kind == "melody" else (64, 1999):
        found = antiphon("play", "--input", guide, "--output", "p.wav", "--speed", 0, "--block", block, *words)
        played = json.loads(found.out)
        for key in ("heard", "plan", "segments", "labels", "why"):
            assert played[key] == answer[key], (block, key)
        assert (tmp_path / "p.wav").read_bytes() == expected, block
        named = antiphon("tokens", guide, "--model", tiny, "--hop", 0.35, "--block", block, "--json")
        assert json.loads(named.out)["tokens"] == tokens, block


def test_playing_in_time_gives_the_same_file(antiphon, tiny, memory, tmp_path):
    guide = write(tmp_path / "guide.wav", KINDS["melody"](2.2, 48000, 3), 48000)
    words = ("--model", tiny, "--memory", memory, "--json")
    assert antiphon("respond", guide, "-o", "answer.wav", *words).code == 0
    found = json.loads(antiphon("play", "--input", guide, "--output", "p.wav", "--speed", 4, *words).out)
    assert (tmp_path / "p.wav").read_bytes() == (tmp_path / "answer.wav").read_bytes()
    assert found["speed"] == 4 and found["missed"] >= 0


@given(
    st.sampled_from([0.25, 0.35, 0.5]),
    st.sampled_from([16000, 22050, 44100, 48000]),
    st.one_of(st.integers(0, 2000), st.integers(0, 10**6)),
)
def test_hops_and_segments_begin_at_the_same_samples_everywhere(hop, rate, number):
    """Four rooms that may not import each other count in the same way, and none of them drifts."""
    at = stream.boundary(number, hop, rate)
    assert abs(at - number * hop * rate) <= 0.5
    assert corpus.boundary(number, hop, rate) == at
    assert Concatenator(np.zeros(1, np.float32), rate, hop).boundary(number) == at
    assert audio_callback.boundary(hop, rate, number) == at

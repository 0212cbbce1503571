"""A memory is moved to the key that is heard, if that is near; what fits about as well changes nothing."""

import numpy as np
import pytest

from agent.performance.key import HEARD_S, LEAST_S, MARGIN, REACH, semitones
from perception.chroma import FRAME_RATE

MAJOR = np.array([3, 0, 1, 0, 2, 1, 0, 2, 0, 1, 0, 1], np.float32)


def heard(shift, seconds=HEARD_S, noise=0.0):
    """(frames, 12) chroma of a scale, transposed."""
    frames = np.tile(np.roll(MAJOR, shift), (round(seconds * FRAME_RATE), 1))
    return frames + noise * np.random.default_rng(0).random(frames.shape).astype(np.float32)


@pytest.mark.parametrize("shift", range(-REACH, REACH + 1))
def test_the_key_that_is_heard_is_found_in_noise(shift):
    for now in range(-REACH, REACH + 1):
        assert semitones(heard(shift, noise=2.0), MAJOR[None], now) == shift


def test_until_enough_was_heard_nothing_changes():
    assert semitones(heard(2, LEAST_S - 0.1), MAJOR[None], 1) == 1
    silence = np.zeros((1000, 12), np.float32)
    assert semitones(silence, MAJOR[None], -1) == -1 and semitones(silence[:0], MAJOR[None], 0) == 0


def test_what_hardly_fits_better_changes_nothing():
    """Halfway between two keys the memory stays in the one that it is in."""
    between = (heard(0) + heard(1)) / 2
    assert [semitones(between, MAJOR[None], now) for now in (0, 1)] == [0, 1]
    c = np.corrcoef(MAJOR, np.roll(MAJOR, 1))[0, 1]  # a mixture 1/2 - e, 1/2 + e fits one key better by:
    lean = MARGIN * np.sqrt((1 + c) / 2) / (2 * (1 - c))  # 2 e (1 - c) / its length
    for e, found in ((0.9 * lean, 0), (1.2 * lean, 1)):
        assert semitones(heard(0) * (0.5 - e) + heard(1) * (0.5 + e), MAJOR[None], 0) == found

"""A long answer out of windows: nothing of it is lost, doubled or louder than it should be, and nothing clicks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from action import windows


def blocks(sound, size=777):
    """The sound, some samples at a time."""
    return [sound[at : at + size] for at in range(0, len(sound), size)]


def rendered(sound, spans, renderer):
    """(channels, n) of a whole."""
    return np.concatenate(list(windows.render(blocks(sound), spans, renderer)), axis=1)


@given(st.integers(3, 10**7), st.floats(0, 30), st.floats(0, 1 / 3))
def test_windows_cover_all_and_overlap(longest, times, share):
    frames, overlap = max(1, int(times * longest)), int(longest * share)
    found = windows.spans(frames, longest, overlap)
    assert found[0][0] == 0 and found[-1][1] == frames
    lengths = {end - begin for begin, end in found}
    assert len(lengths) == 1 and max(lengths) <= longest
    for before, after in pairwise(found):
        assert max(0, overlap - 1) <= before[1] - after[0]
    for before, after in zip(found, found[2:], strict=False):
        assert before[1] <= after[0], "no three windows at once"
    needed = len(found) - 1
    assert needed == 0 or needed * (longest - overlap) + overlap < frames, "no window too many"


@pytest.mark.parametrize(("frames", "longest", "overlap"), [(0, 10, 0), (10, 10, 4), (10, 10, -1)])
def test_windows_that_cannot_be(frames, longest, overlap):
    with pytest.raises(ValueError, match="windows"):
        windows.spans(frames, longest, overlap)


@pytest.mark.parametrize("frames", [1, 999, 4000, 4001, 20011])
def test_what_is_rendered_as_it_was_heard_stays_as_it_was(frames):
    """Two equal sounds are crossfaded into the same sound: no join is heard, and no sample moves."""
    sound = np.random.default_rng(0).standard_normal(frames).astype(np.float32)
    found = rendered(sound, windows.spans(frames, 4000, 1000), lambda context: np.stack([context, -context]))
    np.testing.assert_allclose(found, [sound, -sound], atol=1e-5)


def test_sounds_that_have_nothing_in_common_keep_their_power():
    rng, spans = np.random.default_rng(1), windows.spans(100_000, 30_000, 10_000)
    found = rendered(np.zeros(100_000, np.float32), spans, lambda _: rng.standard_normal((2, spans[0][1])))
    power = np.square(found).reshape(2, -1, 2000).mean(-1)
    assert np.all(np.abs(10 * np.log10(power)) < 0.6), "dB, in each 2000 samples"


def test_each_window_is_heard_alone_where_no_other_is():
    spans = windows.spans(10_000, 4000, 1000)
    numbers = iter(range(1, 99))
    found = rendered(np.zeros(10_000, np.float32), spans, lambda context: np.full((1, len(context)), next(numbers)))
    for number, (_, end) in enumerate(spans):
        first = spans[number - 1][1] if number else 0
        last = spans[number + 1][0] if number + 1 < len(spans) else end
        assert np.all(found[0, first:last] == number + 1)
    assert np.abs(np.diff(found)).max() < 0.01, "nothing clicks"


def test_a_stream_that_is_too_short_and_a_renderer_that_is():
    spans = windows.spans(100, 40, 10)
    with pytest.raises(ValueError, match="ends at sample 99, before 100"):
        rendered(np.zeros(99, np.float32), spans, lambda context: context[None])
    with pytest.raises(ValueError, match="were rendered for"):
        rendered(np.zeros(100, np.float32), spans, lambda context: context[None, 1:])

"""What an alphabet is taught: harmony that parts share, in a space in which labels can be transposed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

from perception.units import fit_alphabet, fit_transposable_alphabet
from train.data.projection import (
    NO_MOMENT,
    TaughtHops,
    filtered,
    harmony_of,
    pairs_of_parts,
    shared_weights,
    taught_projection,
)

UNKNOWN = np.full((3000, 12), np.nan)


def test_a_taught_alphabet_finds_the_pitch_class_that_timbre_hides():
    rng = np.random.default_rng(0)
    pitch = rng.integers(0, 12, 3000)
    features = np.hstack([np.eye(12)[pitch], 20 * rng.standard_normal((3000, 20))]) @ rng.standard_normal((32, 32))
    hops = TaughtHops(features.astype(np.float32), np.eye(12)[pitch], UNKNOWN, np.full(3000, NO_MOMENT))
    projection = taught_projection(hops)
    assert projection.shape == (32, 12), "no chord was known, so none is taught"
    labels = fit_alphabet(hops.features, 12, 0.5, projection).quantize(hops.features)
    guess = fit_alphabet(hops.features, 12, 0.5).quantize(hops.features)
    assert normalized_mutual_info_score(pitch, labels) > 0.9 > 0.2 > normalized_mutual_info_score(pitch, guess)


def test_without_scores_nothing_is_taught():
    hops = TaughtHops(np.ones((3000, 4), np.float32), UNKNOWN, UNKNOWN, np.arange(3000))
    assert taught_projection(hops) is None


def test_labels_of_two_parts_agree_on_what_they_share():
    """Two instruments of other timbre play notes of one chord: labels name the chord, not the instrument or note."""
    rng = np.random.default_rng(1)
    chord = np.repeat(rng.integers(0, 12, 1500), 2)  # a moment has two parts
    note = (chord + rng.choice([0, 4, 7], 3000)) % 12
    part = np.tile([0, 1], 1500)
    triads = np.array([[float(p in (r, (r + 4) % 12, (r + 7) % 12)) for p in range(12)] for r in range(12)])
    sound = np.hstack([np.eye(12)[note], 0.7 * triads[chord], 3 * np.eye(2)[part]]) + 0.2 * rng.standard_normal(
        (3000, 26)
    )
    features = (sound @ rng.standard_normal((26, 26))).astype(np.float32)
    hops = TaughtHops(features, triads[chord] / 3**0.5, UNKNOWN, np.repeat(np.arange(1500), 2))
    taught = fit_transposable_alphabet(features, 16, 0.5, taught_projection(hops)).quantize(features)
    plain = fit_alphabet(features, 16, 0.5).quantize(features)

    def shared(labels):
        return adjusted_mutual_info_score(labels[::2], labels[1::2])

    assert shared(taught) > 0.7 > 0.4 > shared(plain)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(0, 11))
def test_what_is_balanced_can_still_be_transposed(seed, steps):
    """Filtering a rotated block is rotating the filtered one."""
    rng = np.random.default_rng(seed)
    projection, weights = rng.standard_normal((5, 24)), rng.random((2, 7))

    def turned(matrix):
        return np.roll(matrix.reshape(5, 2, 12), steps, axis=2).reshape(5, 24)

    assert np.allclose(filtered(turned(projection), weights), turned(filtered(projection, weights)))


def test_weights_make_variances_equal_where_nothing_is_known_of_other_parts():
    rng = np.random.default_rng(2)
    projected = rng.standard_normal((4000, 24)) @ np.kron(np.diag([1.0, 5.0]), np.eye(12))
    weights = shared_weights(projected, np.zeros((0, 2), np.int64))
    variances = (np.abs(np.fft.rfft(filtered(projected, weights).reshape(-1, 2, 12), axis=2)) ** 2).mean(0)
    assert np.allclose(variances, 1)


def test_what_parts_do_not_share_counts_less():
    rng = np.random.default_rng(3)
    common, own = rng.standard_normal((2000, 12)), rng.standard_normal((4000, 12))
    projected = np.hstack([np.repeat(common, 2, axis=0), own])
    weights = shared_weights(projected, np.arange(4000).reshape(-1, 2))
    assert weights[0].min() > 2 * weights[1].max()


@settings(max_examples=50)
@given(moment=st.lists(st.integers(NO_MOMENT, 6), max_size=30), seed=st.integers(0, 99))
def test_pairs_are_of_one_moment(moment, seed):
    moment = np.array(moment, np.int64)
    pairs = pairs_of_parts(moment, np.random.default_rng(seed))
    assert (pairs[:, 0] != pairs[:, 1]).all() and (moment[pairs[:, 0]] == moment[pairs[:, 1]]).all()
    several = {m for m in moment.tolist() if m != NO_MOMENT and (moment == m).sum() > 1}
    assert sorted(moment[pairs[:, 0]].tolist()) == sorted(several)


def test_the_harmony_of_a_hop_is_that_of_all_parts_around_it():
    bass, tune = np.zeros((4, 12)), np.zeros((4, 12))
    bass[0, 0], tune[1, 7] = 1, 1
    harmony = harmony_of([bass, tune], 4)
    assert np.allclose(harmony[0], harmony[1]) and np.allclose(harmony[0, [0, 7]], 0.5**0.5)
    assert np.allclose(harmony[2], np.eye(12)[7]) and np.isnan(harmony[3]).all()
    assert np.isnan(harmony_of([], 2)).all()

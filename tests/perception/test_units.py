"""The alphabet: its names are the nearest centroids, its fingerprint tells two apart, and damage is found out."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from perception.units import (
    Alphabet,
    AlphabetError,
    file_stem,
    fit_alphabet,
    fit_transposable_alphabet,
    pca_projection,
    transposed,
)

SOME = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 12)) * 4
    return (centres[rng.integers(0, 20, 800)] + rng.normal(size=(800, 12))).astype(np.float32)


@pytest.fixture(scope="module")
def alphabet(features):
    return fit_alphabet(features, 16, 0.5, pca_projection(features, 8))


def test_what_it_is(alphabet):
    assert (alphabet.units, alphabet.silence, alphabet.hop) == (16, 16, 0.5)
    assert [part.dtype for part in (alphabet.mean, alphabet.projection, alphabet.centroids)] == [np.float32] * 3
    assert alphabet.projection.shape == (12, 8) and alphabet.centroids.shape == (16, 8)
    assert alphabet.hash.startswith("k16-0.5s-") and len(alphabet.hash) == len("k16-0.5s-") + 6


def test_a_name_is_the_nearest_centroid(alphabet, features):
    placed = (features - alphabet.mean) @ alphabet.projection
    nearest = ((placed[:, None] - alphabet.centroids) ** 2).sum(2).argmin(1)
    names = alphabet.quantize(features)
    assert names.dtype == np.int32
    np.testing.assert_array_equal(names, nearest)
    assert alphabet.quantize(features[3]) == nearest[3:4], "one feature without its axis"
    assert set(names) == set(range(16)), "every unit is used by what it was fitted to"


def test_fitting_twice_gives_the_same_alphabet(alphabet, features):
    assert fit_alphabet(features, 16, 0.5, pca_projection(features, 8)).hash == alphabet.hash
    assert fit_alphabet(features, 16, 0.5, pca_projection(features, 8), seed=1).hash != alphabet.hash
    assert fit_alphabet(features, 16, 0.25, pca_projection(features, 8)).hash != alphabet.hash


def test_whitening_makes_all_directions_alike(features):
    for power in (0.0, 1.0):
        spread = fit_alphabet(features, 16, 0.5, pca_projection(features, 12, power)).project(features).std(0)
        assert (spread.max() / spread.min() < 1.05) == (power == 1.0)


def test_too_few_hops_are_refused(features):
    with pytest.raises(AlphabetError, match="159 hops are too few for 16 units: give at least 160"):
        fit_alphabet(features[:159], 16, 0.5)


def test_every_bit_counts_in_the_hash(alphabet):
    for name in ("mean", "projection", "centroids"):
        changed = getattr(alphabet, name).copy()
        changed.flat[-1] = np.nextafter(changed.flat[-1], np.float32(np.inf))
        parts = {"mean": alphabet.mean, "projection": alphabet.projection, "centroids": alphabet.centroids}
        assert Alphabet(**(parts | {name: changed}), hop=0.5).hash != alphabet.hash


def test_saved_is_loaded(alphabet, features, tmp_path):
    path = tmp_path / f"{file_stem(16, 0.5)}.safetensors"
    path.write_bytes(alphabet.to_bytes())
    assert path.name == "k16_h0.50.safetensors"
    loaded = Alphabet.load(path)
    assert loaded.hash == alphabet.hash and loaded.hop == 0.5
    np.testing.assert_array_equal(loaded.quantize(features), alphabet.quantize(features))
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "no temporary file is left"
    assert file_stem(64, 0.35) == "k64_h0.35"


@SOME
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_changed_byte_is_found_out(alphabet, tmp_path, place, flip):
    (tmp_path / "a.safetensors").write_bytes(alphabet.to_bytes())
    raw = bytearray((tmp_path / "a.safetensors").read_bytes())
    raw[int(place * len(raw))] ^= flip
    (tmp_path / "b.safetensors").write_bytes(raw)
    try:
        loaded = Alphabet.load(tmp_path / "b.safetensors")
    except AlphabetError as error:
        assert "b.safetensors" in str(error) and "\n" not in str(error) and ": " in str(error)
    else:
        assert loaded.hash == alphabet.hash, "only what does not matter may change unseen"


@SOME
@given(length=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_is_found_out(alphabet, tmp_path, length):
    (tmp_path / "a.safetensors").write_bytes(alphabet.to_bytes())
    raw = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "b.safetensors").write_bytes(raw[: int(length * len(raw))])
    with pytest.raises(AlphabetError, match=r"b\.safetensors' is no alphabet, or damaged .*: copy or fit it again"):
        Alphabet.load(tmp_path / "b.safetensors")


def test_what_is_no_alphabet_is_refused(alphabet, tmp_path):
    with pytest.raises(AlphabetError, match=r"no such file.*: make one with"):
        Alphabet.load(tmp_path / "nowhere.safetensors")
    with pytest.raises(AlphabetError, match="is a directory"):
        Alphabet.load(tmp_path)
    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(AlphabetError, match="is no alphabet, or damaged"):
        Alphabet.load(tmp_path / "model.safetensors")
    (tmp_path / "a.safetensors").write_bytes(alphabet.to_bytes())
    tensors = load_file(tmp_path / "a.safetensors")
    save_file(tensors, tmp_path / "b.safetensors", {"hop": "0.25", "hash": alphabet.hash})
    with pytest.raises(AlphabetError, match=r"it is k16-0\.25s-.* and says k16-0\.5s-.*: copy or fit it again"):
        Alphabet.load(tmp_path / "b.safetensors")
    save_file({key: value for key, value in tensors.items() if key != "mean"}, tmp_path / "c.safetensors",
              {"hop": "0.5", "hash": alphabet.hash})  # fmt: skip
    with pytest.raises(AlphabetError, match="mean"):
        Alphabet.load(tmp_path / "c.safetensors")


@pytest.fixture(scope="module")
def chords():
    """Hops as two blocks of pitch classes: major triads and fifths on every root, and noise."""
    rng = np.random.default_rng(1)
    roots, kinds = rng.integers(0, 12, 2000), rng.integers(0, 2, 2000)
    blocks = np.zeros((2000, 2, 12), np.float32)
    for n, (root, kind) in enumerate(zip(roots, kinds, strict=True)):
        blocks[n, 0, [(root + step) % 12 for step in ((0, 4, 7) if kind else (0, 7))]] = 1
        blocks[n, 1, root] = 1
    return (blocks + 0.1 * rng.standard_normal(blocks.shape)).reshape(2000, 24).astype(np.float32), roots


def test_an_alphabet_that_turns_names_a_transposition_by_turning_the_name(chords):
    features, _ = chords
    alphabet = fit_transposable_alphabet(features, 28, 0.5, np.eye(24))
    assert (alphabet.units, alphabet.shapes) == (28, 2)
    centred = Alphabet(np.zeros(24, np.float32), alphabet.projection, alphabet.centroids, 0.5, 2)
    names = centred.quantize(features)
    for steps in range(12):
        moved = transposed(features.reshape(-1, 2, 12), np.full(len(features), steps)).reshape(-1, 24)
        expected = np.where(names < 24, names // 12 * 12 + (names + steps) % 12, names)
        np.testing.assert_array_equal(centred.quantize(moved), expected)


def test_the_shapes_of_an_alphabet_that_turns_are_what_sounds(chords):
    features, roots = chords
    names = fit_transposable_alphabet(features, 28, 0.5, np.eye(24)).quantize(features)
    pitched = names < 24
    assert pitched.mean() > 0.95
    offsets = (names[pitched] - roots[pitched]) % 12
    for shape in range(2):
        mine = offsets[names[pitched] // 12 == shape]
        assert np.bincount(mine, minlength=12).max() > 0.95 * len(mine), "one shape, one place of the root within it"


def test_turning_is_a_circle():
    blocks = np.random.default_rng(0).standard_normal((5, 3, 12))
    np.testing.assert_array_equal(transposed(transposed(blocks, np.full(5, 7)), np.full(5, 5)), blocks)
    np.testing.assert_array_equal(transposed(blocks, np.array([1] * 5))[:, :, 1:], blocks[:, :, :-1])


def test_an_alphabet_begun_as_that_of_another_encoder_keeps_its_names(chords):
    """The other encoder's features are these turned, so a projection that undoes it leads to the same space."""
    features = chords[0]
    before = fit_transposable_alphabet(features, 28, 0.5, np.eye(24), seed=1)
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(24, 24)))[0]
    kept, new = (
        fit_transposable_alphabet(features @ turn, 28, 0.5, turn.T, rounds=3, seed=seed, begin=begin)
        for seed, begin in ((2, before), (3, None))
    )
    assert (kept.quantize(features @ turn) == before.quantize(features)).mean() > 0.97
    assert (new.quantize(features @ turn) == before.quantize(features)).mean() < 0.9
    with pytest.raises(AlphabetError, match="is no beginning"):
        fit_transposable_alphabet(features, 16, 0.5, np.eye(24), begin=before)


def test_only_12_s_plus_4_units_can_turn(chords):
    with pytest.raises(AlphabetError, match=r"units = 30.*12 s"):
        fit_transposable_alphabet(chords[0], 30, 0.5, np.eye(24))


def test_shapes_survive_the_disk(chords, tmp_path):
    alphabet = fit_transposable_alphabet(chords[0], 16, 0.5, np.eye(24))
    (tmp_path / "a.safetensors").write_bytes(alphabet.to_bytes())
    assert Alphabet.load(tmp_path / "a.safetensors").shapes == 1

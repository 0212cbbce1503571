"""The recipe of the words: its loss against a plain one, masked swaps, and a run from songs to a file and a report."""

import json
import math

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.wav2vec2 import weights_hash
from perception.words import FILE, LEVEL, Words, WordsError
from tests.conftest import melody
from train import fit_words
from train.common.errors import TrainError
from train.data import captions, described
from train.evaluate import words as evaluation
from train.fit_words import WordsTraining, contrast, swap_share

law = settings(max_examples=40)
SEEDS = st.integers(0, 2**32 - 1)


def unit(rng, n):
    vectors = rng.standard_normal((n, 8))
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).float()


# --- the loss


@law
@given(SEEDS, st.integers(2, 7), st.integers(0, 5), st.floats(0.03, 1.0))
def test_the_loss_is_infonce_by_hand(seed, n, m, temperature):
    """-log of the share of the true one among all, in both directions; further texts count for music alone."""
    rng = np.random.default_rng(seed)
    music, text, hard = unit(rng, n), unit(rng, n), unit(rng, m)
    ignored = rng.random((n, m)) < 0.5
    total = 0.0
    for i in range(n):
        exps = [math.exp(float(music[i] @ other) / temperature) for other in text]
        further = [math.exp(float(music[i] @ hard[k]) / temperature) for k in range(m) if not ignored[i, k]]
        total -= math.log(exps[i] / (sum(exps) + sum(further)))
        backwards = [math.exp(float(text[i] @ other) / temperature) for other in music]
        total -= math.log(backwards[i] / sum(backwards))
    loss = contrast(music, text, temperature, hard, torch.from_numpy(ignored))
    assert float(loss) == pytest.approx(total / (2 * n), rel=1e-3, abs=1e-3)


def test_an_ignored_text_teaches_nothing():
    rng = np.random.default_rng(0)
    music, text, hard = unit(rng, 3), unit(rng, 3), unit(rng, 2).requires_grad_()
    ignored = torch.tensor([[True, False]] * 3)
    contrast(music, text, 0.03, hard, ignored).backward()
    assert not hard.grad[0].any() and hard.grad[1].any()


def test_swaps_begin_after_five_epochs_and_reach_their_share_after_twenty_more():
    shares = [swap_share(epoch, WordsTraining()) for epoch in range(40)]
    assert shares[:6] == [0.0] * 6 and shares[15] == pytest.approx(0.075) and set(shares[25:]) == {0.15}
    assert not any(swap_share(epoch, WordsTraining(text="views")) for epoch in range(40))


# --- songs


PARTS = {"piano": 0, "flute": 73, "drums": 0}


@pytest.fixture(scope="session")
def songs(tmp_path_factory):
    """A data folder of eight songs of two parts and strokes, 26 s each, with their notes; one of them is recorded."""
    data = tmp_path_factory.mktemp("songs")
    for number in range(8):
        split = "validation" if number in (6, 7) else "train"
        folder = data / split / f"{number:03d}"
        folder.mkdir(parents=True)
        rng, notes = np.random.default_rng(number), {}
        for part in PARTS:
            begins = np.sort(rng.uniform(0, 25, 60))
            pitch = np.full(60, -1) if part == "drums" else rng.integers(40, 90, 60)
            notes[part] = np.column_stack([begins, begins + 0.3, pitch]).astype(np.float32)
            sf.write(folder / f"{part}.flac", melody(26, 16000, 10 * number + len(part)), 16000)
        np.savez(folder / "notes.npz", **notes)
        info = {"source": f"{number}.mid", "chords": [], "beats": [[0.5 * n, 0] for n in range(50)], "programs": PARTS}
        if number == 7:
            info = {"source": "recording", "chords": [], "beats": [0.5 * n for n in range(50)]}
        (folder / "song.json").write_text(json.dumps(info))
    return data


def of_encoder(tiny, **more):
    small = {"epochs": 2, "batch": 8, "stretches": 2, "held_out": 0, "warmup": 1, "views": 3}
    return WordsTraining(encoder=str(tiny / "encoder"), **(small | more))


@pytest.fixture(scope="session")
def learned(songs, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return out, fit_words.fit([songs], out, False, of_encoder(tiny))


def test_a_run_leaves_words_of_its_encoder(learned, tiny):
    out, about = learned
    model = Words.load(out / FILE, weights_hash(tiny / "encoder"))
    assert about["excerpts"] > 20 and about["validation"] > 10 and about["words"] == len(model.config.words)
    assert model.config.dim == 32 and model.read("slow low piano, minor")[1] == ""
    with pytest.raises(WordsError, match="learned with encoder"):
        Words.load(out / FILE, "0" * 64)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_also_after_an_interruption(songs, learned, tiny, tmp_path):
    out, _ = learned
    features = str(out / "features")
    fit_words.fit([songs], tmp_path / "again", False, of_encoder(tiny, features=features))
    assert (tmp_path / "again" / FILE).read_bytes() == (out / FILE).read_bytes()
    run = fit_words.Run.tick
    steps = []

    def interrupted(self, *args):
        run(self, *args)
        steps.append(self.step)
        if len(steps) == 4:
            self.save()
            raise KeyboardInterrupt

    fit_words.Run.tick = interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            fit_words.fit([songs], tmp_path / "two", False, of_encoder(tiny, features=features))
    finally:
        fit_words.Run.tick = run
    fit_words.fit([songs], tmp_path / "two", True, of_encoder(tiny, features=features))
    assert (tmp_path / "two" / FILE).read_bytes() == (out / FILE).read_bytes()
    fit_words.fit([songs], tmp_path / "two", True, of_encoder(tiny, features=features))  # nothing is left to do
    assert (tmp_path / "two" / FILE).read_bytes() == (out / FILE).read_bytes()
    other = fit_words.fit([songs], tmp_path / "other", False, of_encoder(tiny, features=features, text="tags"))
    assert other["excerpts"] > 0 and (tmp_path / "other" / FILE).read_bytes() != (out / FILE).read_bytes()


def test_windows_are_described_by_their_own_notes(songs, learned, tiny):
    out, _ = learned
    found = described.songs_of([songs], "train", out / "features")
    excerpts = described.described(found)
    assert set(excerpts.scores) == {f"{n}.mid" for n in range(6)} and not excerpts.recorded.any()
    for song in found:
        for stretch in described.stretches(song, 2, 0):
            notes = dict(np.load(song.folder / "notes.npz"))
            true = described.true_of(list(stretch.parts), notes, song.info, stretch.begin)
            assert true["parts"] == captions.parts_of(len(stretch.parts))["parts"] and true["tempo"] == [""]
            assert ("drums" in true["instruments"]) == ("drums" in stretch.parts)
            if stretch.parts == ("drums",):
                assert "register" not in true and "density" in true
    assert np.isfinite(excerpts.rows).all() and (excerpts.rows[:, :, LEVEL] <= 0).all()


def test_recordings_without_notes_say_what_is_known():
    info = {"beats": []}
    true = described.true_of(["backing"], {"backing": np.zeros((0, 3))}, info, 0.0)
    assert "instruments" not in true and true["density"] == ["sparse"] and true["parts"] == ["solo"]
    unwritten = described.true_of(["backing", "guitar"], {"guitar": np.zeros((0, 3))}, info, 0.0)
    assert set(unwritten) == {"parts"}
    assert described.instrument_of("drumkit 1", info) == ("drums",)


def test_a_swap_that_may_be_true_of_another_is_no_negative_of_it(songs, learned, tiny):
    out, _ = learned
    excerpts = described.described(described.songs_of([songs], "train", out / "features"))
    model = Words.load(out / FILE, weights_hash(tiny / "encoder"))
    texts = fit_words.Texts(excerpts, model, of_encoder(tiny))
    rng = np.random.default_rng(1)
    chosen = rng.permutation(len(excerpts))[:20]
    _, drawn = texts.draw(chosen, rng)
    numbers, ignored = texts.swaps(chosen, drawn, 1.0, np.random.default_rng(2))
    assert numbers.shape[0] == ignored.shape[1] > 20 and ignored.any() and not ignored.all()
    again, rng = [], np.random.default_rng(2)
    rng.random(20)
    for row, n in enumerate(chosen):
        for wrong in captions.swapped(texts.captions[n][drawn[row]], excerpts.truths[n], rng):
            again.append([all(t[v] != captions.FALSE for v in wrong.values) for t in excerpts.truths[chosen]])
            assert not again[-1][row]
    assert np.array_equal(ignored.numpy(), np.array(again).T)
    none = texts.swaps(chosen, drawn, 0.0, rng)
    assert none[0].shape[0] == 0 and none[1].shape == (20, 0)


def test_captions_of_ones_own_bring_their_words(songs, learned, tiny, tmp_path):
    sf.write(tmp_path / "mine.wav", melody(21, 44100, 5), 44100)
    (tmp_path / "mine.csv").write_text('file,caption\nmine.wav,"murky, low tones"\nmine.wav,a murmur\n')
    settings_ = of_encoder(tiny, captions=str(tmp_path / "mine.csv"), features=str(learned[0] / "features"))
    fit_words.fit([songs], tmp_path / "run", False, settings_)
    model = Words.load(tmp_path / "run" / FILE, weights_hash(tiny / "encoder"))
    assert model.read("a murky murmur")[1] == "" and "did you mean 'murky'" in model.read("low murkj")[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("file,caption\n", "names no recording of 10 s or more"),
        ("mine.wav\n", "line 1: expected  file,caption"),
        ("mine.wav,a,b\n", "line 1: expected  file,caption"),
        ("mine.wav,\n", "line 1: expected  file,caption"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_list_of_captions_is_refused_in_a_sentence(songs, learned, tiny, tmp_path, content, said):
    if content is not None:
        (tmp_path / "mine.csv").write_text(content)
    given = of_encoder(tiny, captions=str(tmp_path / "mine.csv"), features=str(learned[0] / "features"))
    with pytest.raises(TrainError, match=said):
        fit_words.fit([songs], tmp_path / "run", False, given)
    assert not (tmp_path / "run" / FILE).exists()


def test_what_cannot_be_learned_from_is_refused_in_a_sentence(songs, learned, tiny, tmp_path):
    with pytest.raises(TrainError, match="no song below"):
        fit_words.fit([tmp_path], tmp_path / "run", False, of_encoder(tiny))
    given = of_encoder(tiny, features=str(learned[0] / "features"))
    with pytest.raises(TrainError, match="are of another encoder, number or seed"):
        fit_words.fit([songs], tmp_path / "run", False, fit_words.WordsTraining(**vars(given) | {"seed": 5}))
    with pytest.raises(TrainError, match="leave nothing to learn from"):
        fit_words.fit([songs], tmp_path / "run", False, fit_words.WordsTraining(**vars(given) | {"held_out": 1}))
    with pytest.raises(TrainError, match="batch 2 or more"):
        of_encoder(tiny, batch=1)


# --- the evaluation


@law
@given(SEEDS, st.integers(1, 30), st.integers(1, 5))
def test_ranks_and_what_is_found_are_those_of_sorting(seed, n, levels):
    """By hand, with ties: the mean of all places that an excerpt may have."""
    scores = np.random.default_rng(seed).integers(0, levels, (n, n)).astype(float)
    ranked = evaluation.ranks(scores)
    found = evaluation.found(ranked, (scores == np.diagonal(scores)[:, None]).sum(1))
    for i in range(n):
        above, same = (scores[i] > scores[i, i]).sum(), (scores[i] == scores[i, i]).sum()
        places = [above + k + 1 for k in range(same)]
        assert ranked[i] == pytest.approx(np.mean(places))
        assert found[i] == pytest.approx(np.mean([place <= 10 for place in places]))


def test_the_report_has_every_model_beside_the_ceiling(songs, learned, tiny, tmp_path, capsys):
    out, _ = learned
    evaluation.main(
        [str(songs), "-o", str(tmp_path / "report"), "--model", str(tiny), "--words", f"mine={out / FILE}",
         "--features", str(out / "features"), "--stretches", "2", "--held-out", "0", "--gallery", "12",
         "--galleries", "3"]
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "Rendered: " in said and "Recorded: " in said and "| oracle |" in said and "| mine |" in said
    result = json.loads((tmp_path / "report" / "words.json").read_text())
    for row in result["rendered"]["search"]:
        ceiling = next(other for other in result["rendered"]["search"]
                       if other["model"] == "oracle" and other["named"] == row["named"])  # fmt: skip
        assert row["r@10"]["mean"] <= ceiling["r@10"]["mean"] + 1e-6 or row["model"] != "oracle"
    assert {row["topic"] for row in result["rendered"]["swaps"]} >= {"all", "parts", "instruments"}

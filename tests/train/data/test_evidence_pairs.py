"""Laws of measured pairs: outputs late by what they say, strangers that are strangers, and a sum that tells them."""

import numpy as np
import pytest
import torch

from perception.coherence import WINDOW_SAMPLES, Coherence, CoherenceError
from perception.evidence import MEASURES, EvidenceMeter
from perception.hpss import SAMPLERATE
from perception.time_embedding import TimeEmbedding
from tests.conftest import glide, melody, write
from train.data.evidence_pairs import DISPLACEMENTS_BEATS, displaced, join_evidence, measured_pairs
from train.data.submixes import Pair, submix_songs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three songs of 16 s; their drums strike where their melody begins a tone."""
    top = tmp_path_factory.mktemp("data") / "duets"
    for number in range(3):
        folder = top / "validation" / str(number)
        folder.mkdir(parents=True)
        sound = melody(16, SAMPLERATE, 3 * number)
        write(folder / "melody.flac", sound, SAMPLERATE)
        write(folder / "other.flac", 0.5 * sound + 0.02 * glide(16, SAMPLERATE, number), SAMPLERATE)
    return top


@pytest.fixture(scope="module")
def meter() -> EvidenceMeter:
    torch.manual_seed(0)
    return EvidenceMeter(Coherence().eval(), TimeEmbedding().eval())


@pytest.mark.parametrize("beats", DISPLACEMENTS_BEATS)
def test_a_displaced_output_plays_what_sounded_before(beats):
    ramp = np.arange(WINDOW_SAMPLES + 2 * 25600, dtype=np.float32)
    pair = Pair(ramp, ramp, 0, 1.6, 0.5)
    assert (pair.window[1] - displaced(pair, beats) == round(beats * 0.5 * SAMPLERATE)).all()


def test_pairs_are_measured_with_their_strangers_and_late_outputs(data, meter):
    measured = measured_pairs(meter, submix_songs(data, "validation"), 6, 0, (-0.5, 0.25))
    assert len(measured.song) == 6 and set(measured.late) == {-0.5, 0.25}
    other, elsewhere = measured.strangers()
    assert (other == (measured.song[:, None] != measured.song)).all() and not (other & elsewhere).any()
    true = meter.measure(measured.inputs, measured.outputs)
    onsets = MEASURES.index("onsets")
    for late in measured.late.values():
        assert (true[:, onsets] > meter.measure(measured.inputs, late)[:, onsets]).float().mean() > 0.8


def test_what_joins_the_measures_puts_partners_above(data, meter):
    joined = join_evidence(meter, [data], pairs=9)
    assert np.median(joined.true) > np.median(joined.shuffled) and joined.source == "duets"
    assert min(joined.weights.values()) >= 0


def test_too_few_pairs_are_reported(data, meter):
    with pytest.raises(CoherenceError, match="too few to join"):
        join_evidence(meter, [data], pairs=3)

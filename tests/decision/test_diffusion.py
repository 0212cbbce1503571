"""A voice hears the mix in its own way: as the noisy latent that it begins with, or beside each noisy latent."""

import numpy as np
import pytest
import torch

from decision.diffusion import CEILING, Diffusion, DiffusionError
from tests.conftest import melody

RATE = 16000
MIX, OTHER = melody(1.5, RATE, 1), melody(1.5, RATE, 2)
ASK = {"text": "a sparse bass", "seed": 3, "steps": 3}


@pytest.fixture(scope="module")
def models(voices):
    """{way: voice}"""
    return {way: Diffusion.load(folder) for way, folder in voices.items()}


def inputs(model, context, **options) -> list[torch.Tensor]:
    """What the transformer gets in each step, with words: (channels, latent frames)."""
    found = []
    watch = model._pipe.transformer.register_forward_hook(lambda _, given, out: found.append(given[0][-1]))
    try:
        model.render(context, **ASK | options)
    finally:
        watch.remove()
    return found


@pytest.mark.parametrize("way", ["start", "condition"])
def test_a_voice_is_described(models, way):
    model = models[way]
    assert (model.way, model.pipeline, model.samplerate, model.channels) == (way, "StableAudioPipeline", RATE, 2)
    assert model.frames == 256 * 128


@pytest.mark.parametrize("way", ["start", "condition"])
def test_same_seed_same_samples_and_all_else_matters(models, way):
    model = models[way]
    sound = model.render(MIX, **ASK)
    assert sound.shape == (2, len(MIX)) and sound.dtype == np.float32 and np.std(sound) > 1e-3
    np.testing.assert_array_equal(model.render(MIX, **ASK), sound)
    others = [model.render(OTHER, **ASK)]
    for change in ({"seed": 4}, {"seed": -3}, {"text": "bright drums"}, {"steps": 4}):
        others.append(model.render(MIX, **ASK | change))
    assert all(np.abs(other - sound).max() > 1e-4 for other in others)
    np.testing.assert_array_equal(model.render(MIX, **ASK), sound), "nothing is remembered"


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_the_part_begins_as_the_mix_with_noise(models, strength):
    """The first input is z + sigma n, scaled to unit variance; sigma goes from 0.3 to 500 with the strength."""
    model = models["start"]
    sigma = 0.3 ** (1 - strength) * 500**strength
    wanted = (model._latent(MIX)[0] + sigma * model._noise(3, 0)[0]) / (sigma**2 + 1) ** 0.5
    torch.testing.assert_close(inputs(model, MIX, strength=strength)[0], wanted, atol=1e-4, rtol=1e-4)


def test_less_strength_leaves_more_of_the_mix(models):
    model = models["start"]
    coded = model._pipe.vae.decode(model._latent(MIX)).sample[0, :, : len(MIX)].detach().numpy()
    away = [np.abs(model.render(MIX, **ASK, strength=s) - coded).mean() for s in (0.1, 0.3, 1.0)]
    assert away[0] < away[1] < away[2]


def test_the_mix_stands_below_each_noisy_latent(models):
    model = models["condition"]
    latent, steps = model._latent(MIX)[0], inputs(model, MIX)
    assert len(steps) == 3 and all(step.shape == (16, 256) for step in steps)
    for step in steps:
        torch.testing.assert_close(step[8:], latent)
    torch.testing.assert_close(steps[0][:8], model._noise(3, 0)[0], atol=1e-4, rtol=1e-4)
    with pytest.raises(DiffusionError, match="--strength is for a voice that begins with the mix"):
        model.check("bass", 0.5)


def test_windows_begin_as_the_same_noise_where_they_overlap(models):
    model, silence = models["condition"], np.zeros(9000, np.float32)
    first, later = (inputs(model, silence, at=at)[0][:8] for at in (0, 100 * 128 + 5))
    torch.testing.assert_close(first[:, 100:], later[:, :156])
    assert abs(float(first.mean())) < 0.1 and abs(float(first.std()) - 1) < 0.1
    assert float((first[:, :156] * later[:, :156]).mean()) < 0.1


def test_what_is_too_loud_is_turned_down_and_no_number_is_refused(voices):
    model = Diffusion.load(voices["start"])
    last = model._pipe.vae.decoder.conv2.weight_g
    quiet = model.render(MIX, **ASK)
    last.data *= 100
    loud = model.render(MIX, **ASK)
    assert np.abs(quiet).max() < CEILING and np.abs(loud).max() == pytest.approx(CEILING)
    np.testing.assert_allclose(loud / loud.max(), quiet / quiet.max(), atol=1e-4)
    last.data *= np.inf
    with pytest.raises(DiffusionError, match="NaN or Inf: try"):
        model.render(MIX, **ASK)


def test_a_voice_of_half_precision_is_computed_in_full(models, voices, tmp_path):
    from diffusers import StableAudioPipeline

    StableAudioPipeline.from_pretrained(voices["start"], torch_dtype=torch.float16).save_pretrained(tmp_path)
    np.testing.assert_allclose(
        Diffusion.load(tmp_path).render(MIX, **ASK), models["start"].render(MIX, **ASK), atol=0.01
    )


def test_what_a_voice_takes_at_most(models):
    model = models["start"]
    assert model.render(np.zeros(model.frames, np.float32), **ASK).shape == (2, model.frames)
    with pytest.raises(ValueError, match="at most"):
        model.render(np.zeros(model.frames + 1, np.float32), **ASK)
    model.check("a sparse low bass", 0.5)
    with pytest.raises(DiffusionError, match="--say has 9 tokens, this voice reads 8"):
        model.check("a sparse low bass a sparse low bass bass", None)

"""The missing part as sound: a latent diffusion model of the user's own renders it, from a mix and words. Experimental.

No such model can be trained here, so none is embedded. This is the place for one: a folder in which a pipeline of the
library `diffusers` was saved, StableAudioPipeline (Evans et al., "Stable Audio Open", 2024, arXiv:2407.14358). A mix
is heard in one of two ways:

- "condition": the transformer has twice as many channels as a latent. It was trained subtractively (Villa-Renteria et
  al., "Subtractive Training for Music Stem Insertion using Latent Diffusion Models", 2024), and in each step gets the
  latent of the mix below the noisy one, as InstructPix2Pix orders them (Brooks et al. 2023, arXiv:2211.09800). The part
  begins as noise. What was taken away is what should have been learned (their section 3.2): a model that learned the
  whole mix, as theirs of drums did, renders one.
- "start": any other. The part begins as the latent of the mix with noise of deviation sigma (SDEdit, Meng et al. 2022,
  arXiv:2108.01073; the baseline of the paper above). The pipeline alone adds noise of its sigma_max, 500 where a latent
  has about 1, which leaves nothing of the mix; here the strength s, above 0 and up to 1, chooses it:
      sigma = sigma_min ** (1 - s) * sigma_max ** s.
  What comes is a mix that was changed, rather than a part alone: the less noise, the more so.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

PIPELINES = ("StableAudioPipeline",)
PICKLED = {".bin", ".ckpt", ".pt", ".pth"}
REMEDY = "copy the folder again, or save the pipeline again with save_pretrained(..., safe_serialization=True)"
INSTALL = "pip install 'antiphon[voice]'"
STRENGTH = 0.5  # where none is asked for; sigma is 12 in Stable Audio. Chosen by no measurement
STRENGTHS, STEPS = (0.1, 1.0), (2, 1000)  # ranges; below them a schedule has one level of noise, the least
CEILING = 0.98  # full scale = 1; a louder window is turned down to it

ShowShare = Callable[[float], None]  # share done, 0 to 1


class DiffusionError(ValueError):
    """A pipeline that cannot be loaded, or cannot do what is asked; the message has the remedy."""


class Diffusion:
    """A pipeline, ready to render. pipeline: its class · samplerate: Hz · channels · frames: most samples at once."""

    def __init__(self, pipe: Any):
        self.pipeline, self._pipe, self._scheduler = type(pipe).__name__, pipe, pipe.scheduler
        latent = int(pipe.vae.config.decoder_input_channels)
        self.way: Literal["condition", "start"] = (
            "condition" if pipe.transformer.config.in_channels == 2 * latent else "start"
        )
        self._shape = (1, latent, int(pipe.transformer.config.sample_size))
        self.samplerate, self.channels = int(pipe.vae.config.sampling_rate), int(pipe.vae.config.audio_channels)
        self._hop = int(pipe.vae.hop_length)
        self.frames = min(self._shape[2] * self._hop, int(pipe.projection_model.config.max_value * self.samplerate))

    @classmethod
    def load(cls, folder: str | Path) -> Diffusion:
        """The pipeline that was saved in a folder, in float32, on the GPU if there is one; DiffusionError."""
        folder = Path(folder)
        _check_folder(folder)
        try:
            pipe, lacking = _loaded(folder)
        except ImportError as error:
            raise DiffusionError(f"a voice needs diffusers and torchsde ({_told(error)}): {INSTALL}") from None
        except (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, SafetensorError) as error:
            raise DiffusionError(f"the pipeline in '{folder}' cannot be loaded ({_told(error)}): {REMEDY}") from None
        for name, part in pipe.components.items():
            if isinstance(part, nn.Module):
                lacking += [f"{name}/{key}" for key, weights in part.named_parameters() if weights.is_meta]
                if not lacking and not all(weights.isfinite().all() for weights in part.parameters()):
                    raise DiffusionError(f"the {name} in '{folder}' holds numbers that are not finite: {REMEDY}")
        if lacking:
            raise DiffusionError(f"'{folder}' lacks weights ({lacking[0]}, {len(lacking)} in all): {REMEDY}")
        if "sigma_max" not in signature(type(pipe.scheduler).__init__).parameters:
            raise DiffusionError(
                f"'{folder}' has a {type(pipe.scheduler).__name__}, whose noise cannot be set: save it with a "
                "CosineDPMSolverMultistepScheduler"
            )
        return cls(pipe.to("cuda" if torch.cuda.is_available() else "cpu"))

    def check(self, text: str, strength: float | None) -> None:
        """DiffusionError if the text is longer than the model reads, or a strength says nothing to it."""
        tokens, most = len(self._pipe.tokenizer(text).input_ids), int(self._pipe.tokenizer.model_max_length)
        if tokens > most:
            raise DiffusionError(f"--say has {tokens} tokens, this voice reads {most}: say it in fewer words")
        if self.way == "condition" and strength is not None:
            raise DiffusionError(
                "--strength is for a voice that begins with the mix, this one is told it: leave it out"
            )

    @torch.inference_mode()
    def render(
        self, context: np.ndarray, text: str, *, seed: int, steps: int, strength: float | None = None, at: int = 0,
        progress: ShowShare | None = None,
    ) -> np.ndarray:  # fmt: skip
        """(channels, n) float32, a part for a context of (n,) float32 at `samplerate` Hz, n at most `frames`.

        The same seed gives the same samples on the same machine. strength: of the noise, None: `STRENGTH`; "condition"
        has none. at: the sample of a longer context at which this begins; the parts of such windows begin as the same
        noise where they overlap. A sound beyond full scale is turned down. DiffusionError if the model answers with no
        number, or with an error.
        """
        pipe, scheduler = self._pipe, self._scheduler
        latent, generator = self._latent(context), torch.Generator().manual_seed((seed + (at << 20)) % 2**63)
        noise = self._noise(seed, at).to(latent)
        if self.way == "start":
            share, settings = STRENGTH if strength is None else strength, scheduler.config
            sigma = settings.sigma_min ** (1 - share) * settings.sigma_max**share
            scheduler = type(scheduler).from_config(settings, sigma_max=sigma)
            noise = (latent + sigma * noise) / scheduler.init_noise_sigma
        pipe.scheduler = scheduler
        condition = latent if self.way == "condition" else None
        try:
            with _quiet(), _conditioned(pipe.transformer, condition):
                latents = pipe(
                    text, audio_end_in_s=len(context) / self.samplerate, num_inference_steps=steps,
                    generator=generator, latents=noise, output_type="latent",
                    callback=lambda step, *_: progress((step + 1) / steps) if progress else None,
                ).audios  # fmt: skip
                sound: np.ndarray = pipe.vae.decode(latents).sample[0, :, : len(context)].float().cpu().numpy()
        except (RuntimeError, ValueError) as error:  # such as no memory
            raise DiffusionError(f"the voice failed ({_told(error)}): free memory, or check the pipeline") from None
        if not np.isfinite(sound).all():
            raise DiffusionError("the voice rendered no sound but NaN or Inf: try other words, or more --steps")
        return sound * np.float32(CEILING / max(CEILING, float(np.abs(sound).max())))

    def _noise(self, seed: int, at: int) -> Tensor:
        """Noise of deviation 1 in the shape of a latent that begins at a sample, a cut of one endless noise."""
        _, channels, frames = self._shape
        first = round(at / self._hop)
        endless = np.random.default_rng(seed % 2**63)
        return torch.from_numpy(endless.standard_normal((first + frames, channels), np.float32)[None, first:]).mT

    def _latent(self, context: np.ndarray) -> Tensor:
        """The mean latent of a context, (1, latent channels, latent frames); silence follows its end."""
        if len(context) > self.frames:
            raise ValueError(f"a context of {len(context)} samples, {self.frames} at most")
        vae = self._pipe.vae
        padded = torch.zeros(1, self.channels, self._shape[2] * self._hop, device=vae.device)
        padded[..., : len(context)] = torch.from_numpy(np.asarray(context, np.float32))
        with _quiet():
            latent: Tensor = vae.encode(padded).latent_dist.mode()
        return latent


def _loaded(folder: Path) -> tuple[Any, list[str]]:
    """The pipeline, and the weights of its text encoder that are not in the folder: transformers makes them up."""
    with _quiet():
        from diffusers import StableAudioPipeline
        from transformers import T5EncoderModel

        how: dict[str, Any] = {"use_safetensors": True, "local_files_only": True}
        text_encoder, about = T5EncoderModel.from_pretrained(
            folder / "text_encoder", output_loading_info=True, dtype=torch.float32, **how
        )
        pipe = StableAudioPipeline.from_pretrained(folder, text_encoder=text_encoder, torch_dtype=torch.float32, **how)
    pipe.set_progress_bar_config(disable=True)
    return pipe, [f"text_encoder/{key}" for key in about["missing_keys"]]


def _told(error: Exception) -> str:
    """What a library says of an error, on one line."""
    return " ".join(str(error).split())[:200]


@contextmanager
def _conditioned(transformer: nn.Module, latent: Tensor | None) -> Iterator[None]:
    """In the block the transformer gets a latent below each noisy one, those without words too; None: it gets none."""
    if latent is None:
        yield
        return

    def below(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return torch.cat([given[0], latent.expand(len(given[0]), -1, -1)], 1), *given[1:]

    handle = transformer.register_forward_pre_hook(below)
    try:
        yield
    finally:
        handle.remove()


def _check_folder(folder: Path) -> None:
    """DiffusionError unless a folder holds a known pipeline and all its weights as safetensors."""
    index = folder / "model_index.json"
    try:
        about = json.loads(index.read_bytes())
        name = about["_class_name"]
        parts = [part for part, kind in about.items() if isinstance(kind, list) and kind and kind[0] is not None]
    except (FileNotFoundError, NotADirectoryError):
        raise DiffusionError(
            f"'{folder}' is no diffusers pipeline, it has no model_index.json: give a folder that save_pretrained wrote"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DiffusionError(f"'{index}' is damaged ({_told(error)}): copy the folder again") from None
    if name not in PIPELINES:
        raise DiffusionError(
            f"'{folder}' is a {str(name)[:80]}, which is given no mix here: give a {' or '.join(PIPELINES)}"
        )
    for part in parts:
        endings = {path.suffix for path in (folder / part).glob("*")}
        if not endings:
            raise DiffusionError(f"'{folder}' lacks its part {part}: copy the folder again, with all that is in it")
        if (folder / part / "config.json").is_file() and ".safetensors" not in endings:
            if endings & PICKLED:
                raise DiffusionError(
                    f"'{folder / part}' has its weights in a pickle, which may run any program and is not read: save "
                    "the pipeline again with save_pretrained(..., safe_serialization=True)"
                )
            raise DiffusionError(f"'{folder / part}' has no weights: copy the folder again, with its .safetensors")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the libraries print of their own, bars and advice for programmers, off the terminal."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

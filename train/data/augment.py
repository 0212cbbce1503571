"""Augmentation of batches: random reverberation, spectral tilt, noise and level, as recordings have them."""

from __future__ import annotations

import torch
from torch import Tensor

from perception.wav2vec2 import SAMPLERATE

MIN_POWER = 1e-12  # mean square, lower bound of divisors


def uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Numbers drawn evenly from [low, high), float32, on the generator's device."""
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def degrade(audio: Tensor, generator: torch.Generator, rooms: Tensor | None = None) -> Tensor:
    """(n, samples) float32 at 16 kHz with reverberation, tilt and noise, each in half of the rows, at a random level.

    In a tenth of the rows the beginning is silenced, up to 3/4 of the row. rooms (r, length): impulse responses to draw
    from beside artificial ones. generator: on the device of `audio`.
    """
    count = len(audio)
    reverberant = _chance(generator, 0.5, count)
    audio = torch.where(reverberant, reverberate(audio, generator, rooms), audio)
    audio = torch.where(
        _chance(generator, 0.5, count), _tilted(audio, uniform(generator, -0.85, 0.85, count, 1)), audio
    )
    level = audio.square().mean(1, keepdim=True).clamp(min=MIN_POWER).sqrt()
    noise = _coloured_noise(audio.shape, generator) * level * 10 ** (-uniform(generator, 10, 45, count, 1) / 20)
    audio = audio + noise * _chance(generator, 0.5, count)
    begins = uniform(generator, 0, 0.75, count, 1) * audio.shape[1] * _chance(generator, 0.1, count)
    audio = audio * (torch.arange(audio.shape[1], device=audio.device) >= begins)
    return audio * 10 ** uniform(generator, -1.3, 0.3, count, 1) * 0.1 / (level + 1e-6)


def reverberate(audio: Tensor, generator: torch.Generator, rooms: Tensor | None = None) -> Tensor:
    """(n, samples), each in a room of its own: half of them in one of `rooms` (r, length), if there are any.

    An artificial room is noise that falls by 60 dB in 0.1 to 1 s. The sound of the room has 5 to 70 % of the level of
    the direct sound.
    """
    count, samples = audio.shape
    time_s = torch.arange(SAMPLERATE, device=audio.device) / SAMPLERATE
    decay_s = uniform(generator, 0.1, 1.0, count, 1)
    response = torch.randn(count, SAMPLERATE, generator=generator, device=audio.device) * torch.exp(
        -6.9 * time_s / decay_s
    )
    if rooms is not None:
        drawn = rooms[torch.randint(len(rooms), (count,), generator=generator, device=audio.device)][:, :SAMPLERATE]
        drawn = torch.nn.functional.pad(drawn, (0, SAMPLERATE - drawn.shape[1]))
        response = torch.where(_chance(generator, 0.5, count), drawn, response)
    size = 1 << (samples + SAMPLERATE - 2).bit_length()
    wet = torch.fft.irfft(torch.fft.rfft(audio, size) * torch.fft.rfft(response, size), size)[:, :samples]
    share = uniform(generator, 0.05, 0.7, count, 1)
    power, wet_power = audio.square().mean(1, keepdim=True), wet.square().mean(1, keepdim=True)
    return audio + wet * share * (power / (wet_power + MIN_POWER)).sqrt()


def _chance(generator: torch.Generator, share: float, count: int) -> Tensor:
    """(count, 1) bool, each True with probability `share`."""
    return torch.rand(count, 1, generator=generator, device=generator.device) < share


def _tilted(audio: Tensor, tilt: Tensor) -> Tensor:
    """Filter (1 + tilt z^-1) / (1 + |tilt|), tilt (n, 1): attenuates highs where positive, lows where negative."""
    before = torch.nn.functional.pad(audio, (1, 0))[:, :-1]
    return (audio + tilt * before) / (1 + tilt.abs())


def _coloured_noise(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """(n, samples) of unit power: noise through one pole at 0 to 0.98, shaped in the frequency domain."""
    white = torch.fft.rfft(torch.randn(shape, generator=generator, device=generator.device))
    angle = torch.linspace(0, torch.pi, white.shape[1], device=generator.device)
    pole = uniform(generator, 0, 0.98, shape[0], 1)
    white = white / (1 - 2 * pole * torch.cos(angle) + pole**2).sqrt()
    noise = torch.fft.irfft(white, shape[1])
    return noise / noise.square().mean(1, keepdim=True).clamp(min=MIN_POWER).sqrt()

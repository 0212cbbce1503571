"""`antiphon render`: a part that fits a recording, rendered by a diffusion model of the user's own. Experimental."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from action import windows
from agent.verbs.console import ShowProgress, input_warnings
from corpora.audio import AudioWriter, open_audio, resample
from decision.diffusion import STEPS, STRENGTH, STRENGTHS, Diffusion, DiffusionError
from perception.level import level_db

OVERLAP_S = 2.0  # of two windows; a quarter of a window at most
SHORTEST_S = 0.25  # of a guide
SILENT_DB = -60.0  # dBFS; a guide below that in every window is called silent


def render(
    guide: str | Path,
    out: str | Path,
    voice: str | Path,
    say: str,
    *,
    seed: int = 0,
    steps: int = 100,
    strength: float | None = None,
    progress: ShowProgress | None = None,
) -> dict[str, Any]:
    """Render what `say` asks for, as a part that fits a guide, to `out`: its sample rate and exact length; the report.

    voice: folder of a pipeline (decision/diffusion.py). A guide of one channel gets a part of one, any other of two; it
    is heard as the mean of its channels. What is longer than the voice renders at once is rendered in windows that
    overlap, and begin as the same noise where they do. The same seed gives the same samples. AudioError,
    DiffusionError.
    """
    _check_flags(say, steps, strength)
    with open_audio(guide, at_least=SHORTEST_S) as file:
        channels = min(file.channels, 2)
        writer = AudioWriter(out, file.samplerate, channels=channels, seconds=file.seconds)
        model = Diffusion.load(voice)
        model.check(say, strength)
        longest = int((model.frames - 1) * file.samplerate / model.samplerate)  # one less: resampling rounds
        spans = windows.spans(file.frames, longest, min(round(OVERLAP_S * file.samplerate), longest // 4))
        levels: list[float] = []  # of the windows so far, dBFS

        def rendered(context: np.ndarray) -> np.ndarray:
            number = len(levels)
            levels.append(float(level_db(context)))

            def show(share: float) -> None:
                if progress:
                    progress((number + 0.99 * share) / len(spans) * file.seconds, file.seconds)

            heard = resample(context, file.samplerate, model.samplerate)
            at = round(spans[number][0] * model.samplerate / file.samplerate)
            sound = model.render(heard, say, seed=seed, steps=steps, strength=strength, at=at, progress=show)
            return _fitted(sound, model.samplerate, file.samplerate, channels, len(context))

        with writer:
            for piece in windows.render(file.blocks(), spans, rendered):
                writer.write(piece.T)
    if progress:
        progress(file.seconds, file.seconds)
    return {
        "experimental": True, "guide": str(guide), "voice": str(voice), "pipeline": model.pipeline, "way": model.way,
        "say": say, "strength": None if model.way == "condition" else STRENGTH if strength is None else strength,
        "steps": steps, "seed": seed, "samplerate": file.samplerate, "channels": channels, "samples": writer.frames,
        "windows": len(spans), "silent": max(levels) < SILENT_DB, "warnings": input_warnings(),
    }  # fmt: skip


def lines(report: dict[str, Any], out: str | Path) -> list[str]:
    """What a terminal shows of `render`."""
    seconds, count = report["samples"] / report["samplerate"], report["windows"]
    way = "told the mix" if report["strength"] is None else f"begun with the mix, strength {report['strength']:g}"
    told = [
        f"{out}: {seconds:.1f} s in {count} {'window' if count == 1 else 'windows'} by the {report['pipeline']} in "
        f"'{report['voice']}', {way}",
        "experimental: what a voice renders is as good as its weights; listen before you use it",
    ]
    silent = f"'{report['guide']}' is silent: the part follows the words alone"
    return [*told, silent] if report["silent"] else told


def _check_flags(say: str, steps: int, strength: float | None) -> None:
    if not say.strip():
        raise DiffusionError('nothing is asked for: say what to play, as in  --say "a sparse, low bass"')
    if not STEPS[0] <= steps <= STEPS[1]:
        raise DiffusionError(f"--steps {steps}: expected {STEPS[0]} to {STEPS[1]}")
    if strength is not None and not STRENGTHS[0] <= strength <= STRENGTHS[1]:
        raise DiffusionError(
            f"--strength {strength:g}: expected {STRENGTHS[0]:g}, much of the mix, to {STRENGTHS[1]:g}, none of it"
        )


def _fitted(sound: np.ndarray, rate: int, to_rate: int, channels: int, frames: int) -> np.ndarray:
    """(c, n) at `rate` Hz -> (channels, frames) at `to_rate`: resampled, mixed down or doubled, cut or padded."""
    if channels == 1:
        sound = sound.mean(axis=0, keepdims=True)
    out = np.zeros((channels, frames), np.float32)
    for channel in range(channels):
        resampled = resample(np.ascontiguousarray(sound[channel % len(sound)]), rate, to_rate)[:frames]
        out[channel, : len(resampled)] = resampled
    return out

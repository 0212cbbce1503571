"""Train the fill model: the missing part of a song, given the others and an instruction (decision/fill.py).

    python -m train.fit_fill SCORES -o RUN [--groove FOLDER] [--minutes 28]

    SCORES     POP909 as published (folder or .tgz); songs 001-799 train, 800-854 validate
    RUN        fill.safetensors and fill.json; songs.npz, the parts learned from; log.jsonl

Subtractive: of eight bars of a song one part is taken away, the others, a random choice of them, are the context, and
what the part was like is the instruction. Songs are POP909 as written (its piano as bass and chords) and bands of our
own over its chords and over generated ones (train/songs/arrangements.py), with takes of real drummers where --groove
names a folder of them. Notes are moved to one key by the context alone. In a tenth of the examples bars are cut to 7/8,
3/4, 5/8, 2/4, 5/4 or 7/4, which the songs do not have.

Half of the examples teach the rhythm, half the cells, in the order in which the model writes; half of them give the
beginning of the part, as a window does that continues another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from corpora.whole_files import write_files
from decision import roll
from decision.fill import GIVEN, MASK, Fill, FillConfig, Instruction, metre_index, rows_of, state_of
from decision.roll import ATTRIBUTES, MONOPHONIC, ONSET, ROLES
from train.common import command_line
from train.common.errors import TrainError
from train.common.run import Run
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.songs.arrangements import STYLE_NAMES, WRITTEN, Arrangement, gather, load, save

SPLITS = ("train", "validation")
SONGS = "songs.npz"
CUTS = {  # steps kept of each of two bars of sixteen, and whether they become one bar
    "7/8": ((14, 14), False), "3/4": ((12, 12), False), "5/8": ((10, 10), False), "2/4": ((8, 8), False),
    "5/4": ((16, 4), True), "7/4": ((16, 12), True),
}  # fmt: skip
NO_TARGETS = ("second",)  # it doubles the lead, so that its absence means nothing
LONGEST_REST = {"bass": 32, "chords": 32, "drums": 32}  # steps without onset in a target, for others 64


@dataclass(frozen=True)
class FillTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    minutes: float = setting(28.0, "minutes of learning", may_change=True)
    steps: int = setting(0, "updates after which to stop; 0: by the clock alone", may_change=True)
    batch: int = setting(24, "examples per update")
    rate: float = setting(2.5e-3, "highest learning rate of AdamW")
    decay: float = setting(1e-2, "of the weights, decoupled")
    warmup: int = setting(40, "updates until the learning rate is highest")
    dim: int = setting(128, "width of the model")
    layers: int = setting(3, "layers of the model")
    heads: int = setting(4, "heads of its attention")
    bands: int = setting(1, "band arrangements of each song")
    groove: str = setting("", "folder of takes of real drummers, the Groove MIDI Dataset")
    written: float = setting(0.35, "share of the examples from scores as written")
    odd: float = setting(0.1, "share of the examples with bars cut to other metres")
    unsaid: float = setting(0.15, "share of the examples without any instruction")
    validate: int = setting(100, "updates between two validations", may_change=True)
    jobs: int = setting(1, "processes that read the scores", may_change=True)
    seed: int = setting(0, "of weights and examples")


class Example(NamedTuple):
    """One window, all arrays of (T, ...): what is heard, the part before masking, and what is masked and learned."""

    context: np.ndarray  # (T, CONTEXT_WIDTH) uint8
    rhythm: np.ndarray  # (T,) uint8 with MASK
    cells: np.ndarray  # (T, ROWS) uint8 with MASK
    true: np.ndarray  # (T, ROWS) uint8
    loud: np.ndarray  # (T, ROWS) float32, velocity in 127ths of the onsets
    metre: np.ndarray  # (T, 4) int64
    words: np.ndarray  # (2 + attributes,) int64
    rhythmic: bool  # it teaches the rhythm; else the cells


def draw_window(song: Arrangement, window: int, rng: np.random.Generator) -> tuple[str, int] | None:
    """(name of a part to take away, first step), at a bar line; None if nothing fits in a few trials."""
    bars = np.flatnonzero((song.metre[:, 0] == 0) & (song.metre[:, 1] == 0))
    bars = bars[bars + window <= len(song.metre)]
    names = [name for name in song.parts if name not in NO_TARGETS]
    for _ in range(6 if len(bars) and len(song.parts) > 1 else 0):
        name, first = names[rng.integers(len(names))], int(rng.choice(bars))
        role, part = song.parts[name]
        begins = part[:, 0][(part[:, 0] >= first) & (part[:, 0] < first + window)]
        rests = np.diff(np.concatenate([[first], np.sort(begins), [first + window]]))
        if len(begins) >= 4 and rests.max() <= LONGEST_REST.get(role, 64):
            return name, first
    return None


def example(
    model: Fill, song: Arrangement, name: str, first: int, settings: FillTraining, rng: np.random.Generator
) -> Example:
    """An example of a part of a song that is taken away from step `first` on."""
    window, (role, part), drums = model.config.window, song.parts[name], song.parts[name][0] == "drums"
    others = [other for other in song.parts if other != name and not (name == "lead" and other in NO_TARGETS)]
    kept = [other for other in others if rng.random() < 0.7] or [others[rng.integers(len(others))]]
    one = song.style == WRITTEN and role not in ("bass", "chords") and rng.random() < 0.5  # a piano is one part
    heard = [("chords", song.parts[other][1]) if one and other == "bass" else song.parts[other] for other in kept]
    heard = roll.window_parts(heard, first, window)
    shift = roll.key_shift(roll.chroma_of(heard))
    true = roll.roll_of(part, first, window, drums, shift)
    loud = np.zeros(true.shape, np.float32)
    inside = part[(part[:, 0] >= first) & (part[:, 0] < first + window)]
    loud[inside[:, 0] - first, roll.row_of(inside[:, 2] + (0 if drums else shift), drums)] = inside[:, 3] / 127
    known = (0, GIVEN, int(rng.integers(window - 16)))[rng.choice(3, p=[0.5, 0.4, 0.1])]
    rhythmic = bool(rng.random() < 0.5)
    rhythm, cells = (true == ONSET).any(1).astype(np.uint8), true.copy()
    masked = rng.random(cells.shape if role not in MONOPHONIC else (window, 1)) < rng.random()
    if rhythmic:
        rhythm[known:][rng.random(window - known) < np.sqrt(rng.random())] = MASK
        masked = np.ones_like(masked)
    masked = np.broadcast_to(masked, cells.shape).copy()
    masked[:known] = False
    cells[:, rows_of(drums)][masked[:, rows_of(drums)]] = MASK
    metre = song.metre[first : first + window]
    words = words_of(model, song.style, role, roll.measured(part, metre[known:], first + known, drums), settings, rng)
    context = roll.context_of(heard, first, window, shift)
    return Example(context, rhythm, cells, true, loud, metre_index(metre), words, rhythmic)


def words_of(
    model: Fill, style: str, role: str, like: dict[str, float], settings: FillTraining, rng: np.random.Generator
) -> np.ndarray:
    """The instruction to which a part that is `like` this answers, of which half of the words are left out."""
    if rng.random() < settings.unsaid:
        return model.words_of(Instruction(role))
    levels = level_of((model.config.bounds or {}).get(role, {}), like)
    asked = {attribute: level for attribute, level in levels.items() if rng.random() < 0.5}
    return model.words_of(Instruction(role, style if rng.random() < 0.5 else "", asked))


def level_of(bounds: Any, like: dict[str, float]) -> dict[str, int]:
    """{attribute: -1 below the lower tercile, 1 above the upper} of what `roll.measured` returned; others left out."""
    return {
        attribute: -1 if value <= bounds[attribute][0] else 1
        for attribute, value in like.items()
        if attribute in bounds and not bounds[attribute][0] < value < bounds[attribute][1]
    }


def bounds_of(songs: list[Arrangement], window: int, rng: np.random.Generator, draws: int = 6000) -> dict[str, Any]:
    """{role: {attribute: (low, high)}}: the terciles of what random windows of each role are like."""
    seen: dict[str, dict[str, list[float]]] = {role: {each: [] for each in ATTRIBUTES} for role in ROLES}
    for _ in range(draws):
        song = songs[rng.integers(len(songs))]
        if drawn := draw_window(song, window, rng):
            role, part = song.parts[drawn[0]]
            metre = song.metre[drawn[1] : drawn[1] + window]
            for attribute, value in roll.measured(part, metre, drawn[1], role == "drums").items():
                seen[role][attribute].append(value)
    return {
        role: {each: [round(float(q), 4) for q in np.quantile(v, (1 / 3, 2 / 3))] for each, v in of.items() if v}
        for role, of in seen.items()
    }


def cut(song: Arrangement, name: str) -> Arrangement:
    """A song with its bars of four beats and sixteen steps cut to another metre, one of CUTS; others are left out."""
    (first, second), joined = CUTS[name]
    starts = np.flatnonzero((song.metre[:, 0] == 0) & (song.metre[:, 1] == 0))
    whole = starts[np.diff(starts, append=len(song.metre)) == 16]
    keep = np.zeros(len(song.metre), bool)
    metre = []
    for number, start in enumerate(whole[: len(whole) // 2 * 2].tolist()):
        steps = second if number % 2 else first
        keep[start : start + steps] = True
        beat = np.arange(steps) // 4 + (first // 4 if joined and number % 2 else 0)
        beats = -(-(first + second if joined else steps) // 4)
        metre.append(np.column_stack([3 * (np.arange(steps) % 4), beat, np.full(steps, beats)]))
    place = np.concatenate([[0], np.cumsum(keep)])
    parts = {}
    for part, (role, notes) in song.parts.items():
        notes = notes[keep[notes[:, 0]]].copy()
        notes[:, 0] = place[notes[:, 0]]
        notes[:, 1] = np.maximum(place[np.minimum(notes[:, 1], len(keep))], notes[:, 0] + 1)
        parts[part] = role, notes
    return Arrangement(song.name, song.style, parts, np.concatenate(metre or [song.metre[:0]]))


class Examples:
    """Draws examples of songs, endlessly."""

    def __init__(self, songs: list[Arrangement], settings: FillTraining, seed: int):
        self.settings, self.rng = settings, np.random.default_rng(seed)
        self.written = [song for song in songs if song.style == WRITTEN]
        self.bands = [song for song in songs if song.style != WRITTEN] or self.written
        self.written = self.written or self.bands

    def draw(self, model: Fill) -> Example:
        """One example."""
        while True:
            songs = self.written if self.rng.random() < self.settings.written else self.bands
            song = songs[self.rng.integers(len(songs))]
            if self.rng.random() < self.settings.odd:
                song = cut(song, str(self.rng.choice(list(CUTS))))
            if drawn := draw_window(song, model.config.window, self.rng):
                return example(model, song, *drawn, self.settings, self.rng)

    def batch(self, model: Fill, size: int) -> list[Tensor]:
        """The fields of `size` examples, stacked."""
        return stack([self.draw(model) for _ in range(size)])


def stack(examples: list[Example]) -> list[Tensor]:
    """Examples as tensors, field by field."""
    return [torch.from_numpy(np.stack(field)) for field in zip(*examples, strict=True)]


def losses_of(model: Fill, batch: list[Tensor]) -> dict[str, Tensor]:
    """Nats a masked step of rhythm, nats a step of masked cells, and mean square error of the velocity."""
    context, rhythm, cells, true, loud, metre, words, rhythmic = batch
    state = torch.from_numpy(state_of(rhythm.numpy(), cells.numpy()))
    begins, logits, velocity = model(context.float(), state, metre, words)
    onset = true == ONSET
    unknown = rhythm == MASK
    masked = (cells == MASK) & ~rhythmic[:, None, None]
    nats = F.cross_entropy(logits[masked].float(), true[masked].long(), reduction="sum")
    sounding = onset & ~rhythmic[:, None, None]
    begun = onset.any(-1)[unknown].float()
    surprise = F.binary_cross_entropy_with_logits(begins[unknown].float(), begun, reduction="sum")
    return {  # a batch may have none of a kind
        "rhythm": surprise / unknown.sum().clamp(min=1),
        "cells": nats / masked.any(-1).sum().clamp(min=1),
        "velocity": (velocity[sounding].float() - loud[sounding]).square().sum() / sounding.sum().clamp(min=1),
    }


def total(losses: dict[str, Tensor]) -> Tensor:
    """The sum that is learned."""
    return losses["rhythm"] + losses["cells"] + 5 * losses["velocity"]


@torch.inference_mode()
def validate(model: Fill, batches: list[list[Tensor]]) -> dict[str, float]:
    """Mean losses in fixed batches."""
    model.eval()
    found = [{name: float(loss) for name, loss in losses_of(model, batch).items()} for batch in batches]
    model.train()
    return {f"validation {name}": float(np.mean([each[name] for each in found])) for name in found[0]}


def songs_of(data: list[Path], out: Path, settings: FillTraining) -> dict[str, list[Arrangement]]:
    """The songs of both splits, read once for a run."""
    if len(data) != 1:
        raise TrainError(f"{len(data)} paths: give the scores, one folder or .tgz")
    if not (out / SONGS).is_file():
        out.mkdir(parents=True, exist_ok=True)
        groove = Path(settings.groove) if settings.groove else None
        save(out / SONGS, gather(data[0], SPLITS, settings.bands, groove, settings.jobs))
    return load(out / SONGS)


def fit(data: list[Path], out: Path, resume: bool, settings: FillTraining) -> dict[str, Any]:
    """Train a fill model; returns its card. TrainError."""
    songs = songs_of(data, out, settings)
    torch.manual_seed(settings.seed)
    sizes = FillConfig(settings.dim, settings.layers, settings.heads, styles=STYLE_NAMES)
    bounds = bounds_of(songs["train"], sizes.window, np.random.default_rng(settings.seed))
    model = Fill(FillConfig(settings.dim, settings.layers, settings.heads, styles=STYLE_NAMES, bounds=bounds))
    optimizer = torch.optim.AdamW(model.parameters(), settings.rate, (0.9, 0.98), weight_decay=settings.decay)
    run = Run(out, settings, model, optimizer, resume)
    learned = Examples(songs["train"], settings, settings.seed + 1 + run.step)
    fixed = Examples(songs["validation"], settings, settings.seed)
    batches = [fixed.batch(model, settings.batch) for _ in range(8)]
    while run.share(settings.minutes, settings.steps) < 1:
        with run.clock():
            done = run.share(settings.minutes, settings.steps)
            set_rate(optimizer, settings.rate * cosine(run.step, done, warmup=settings.warmup))
            losses = losses_of(model, learned.batch(model, settings.batch))
            optimizer.zero_grad()
            total(losses).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        last = run.share(settings.minutes, settings.steps) >= 1
        judged = last or run.step % settings.validate == settings.validate - 1
        if judged:
            run.state = validate(model, batches)
        run.tick({name: float(loss.detach()) for name, loss in losses.items()}, run.state if judged else None)
    run.save()
    card = {
        "steps": run.step, "minutes": round(run.spent / 60, 1),
        "songs": {split: len(of) for split, of in songs.items()},
        "parameters": sum(p.numel() for p in model.parameters()), "scores": run.state,
    }  # fmt: skip
    write_files(out, model.files(card))
    return card


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    command_line.recipe(__doc__ or "", FillTraining, fit, argv)


if __name__ == "__main__":
    command_line.run(main)

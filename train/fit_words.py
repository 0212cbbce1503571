"""Train the model of words: music and captions in one space, by contrast (perception/words.py).

    python -m train.fit_words DATA... -o OUT --encoder DIR [--captions MINE.csv] [--text swaps|views|captions|tags]

    OUT/features/<split>/<song>.npz   encoded excerpts; --features names a folder that is shared by several runs
    OUT/words.safetensors             the model with the lowest validation loss: copy it to words/ of the model folder

The recipe is that of Manco, Salamon & Nieto ("Augment, Drop & Swap", ISMIR 2024), with an ear of our own and captions
that are made of notes (train/data/captions.py): cosine and InfoNCE, temperature .03, Adam with decoupled weight decay,
a warm-up of five epochs and one cosine. --text says how far the recipe goes, for comparison:

    tags       all true values, with commas
    captions   one sentence with all of them
    views      Augmented View Dropout: ten sentences, each with two to four of them, one of which is drawn each time
    swaps      TextSwap too: of a random part of the captions, versions with one word swapped are further negatives

A swapped caption may be true of another example of the batch, and is no negative of that one. It need not be so for
the others: captions are drawn as often as they are true, and then the optimum of InfoNCE is how much more likely a
caption is of this music than of any, whether or not it is true of others too. Swaps are not drawn so.
One score in `held_out` is kept for validation, with the songs of that split.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from corpora.whole_files import write_files
from perception.transformer import has_bfloat16
from perception.wav2vec2 import Wav2Vec2Encoder, weights_hash
from perception.words import FILE, MAX_WORDS, STEP_S, Words, WordsConfig, tokens
from train.common import command_line
from train.common.errors import TrainError
from train.common.run import Run
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data import captions, described
from train.data.captions import Caption
from train.data.described import Described

TEXTS = ("tags", "captions", "views", "swaps")
VIEW_SIZES = (2, 3, 4)  # values that a view names
CHECKED_BATCHES = 8  # most batches of a validation
SWAP_FROM, SWAP_RISE = 5, 20  # epochs after which captions are swapped, and in which their share rises


@dataclass(frozen=True)
class WordsTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    encoder: str = setting("", "folder of the encoder")
    captions: str = setting("", "CSV file of your own recordings, a line  file,caption  each; paths from its folder")
    features: str = setting("", "folder of the encoded excerpts; OUT/features if there is none", may_change=True)
    stretches: int = setting(3, "excerpts of each song, of 22 s")
    songs: int = setting(100_000, "songs of each split and data folder, at most")
    held_out: int = setting(10, "one score in so many is for validation; 0: only those of that split")
    text: str = setting("swaps", "how far the recipe goes", choices=TEXTS)
    views: int = setting(10, "captions of each excerpt")
    swap: float = setting(0.15, "largest share of the captions that are swapped")
    epochs: int = setting(30, "times that all excerpts are learned from", may_change=True)
    batch: int = setting(128, "excerpts in a batch")
    size: int = setting(256, "numbers that stand for music or a text")
    rate: float = setting(1e-3, "highest learning rate")
    warmup: int = setting(5, "epochs until the rate is highest")
    decay: float = setting(0.05, "of the weights, decoupled")
    temperature: float = setting(0.03, "by which cosines are divided")
    dropout: float = setting(0.1, "share of activations that are dropped")
    noise: float = setting(0.1, "standard deviation of noise on the music, in units of its own")
    seed: int = setting(0, "of excerpts, weights, captions and batches")

    def __post_init__(self) -> None:
        if min(self.stretches, self.views, self.epochs, self.batch - 1) < 1 or self.temperature <= 0:
            raise TrainError("stretches, views and epochs must be 1 or more, batch 2 or more, temperature above 0")
        if not 0 <= self.swap <= 1 or not 0 <= self.dropout < 1:
            raise TrainError("swap and dropout are shares: expected 0 to 1")


def contrast(music: Tensor, text: Tensor, temperature: float, hard: Tensor, ignored: Tensor) -> Tensor:
    """InfoNCE in both directions of n pairs (n, d) of length 1, with further texts (m, d) that no music is paired with.

    ignored: (n, m) bool, further texts that are no negatives of that music, as they may be true of it.
    """
    pairs = torch.arange(len(music))
    scores = music @ text.T / temperature
    further = (music @ hard.T / temperature).masked_fill(ignored, -math.inf)
    of_music = F.cross_entropy(torch.cat([scores, further], 1), pairs)
    return (of_music + F.cross_entropy(scores.T, pairs)) / 2


class Texts:
    """The captions of excerpts, in numbers of words."""

    def __init__(self, excerpts: Described, model: Words, settings: WordsTraining):
        self.excerpts, self.model, self.settings = excerpts, model, settings
        self.captions = [self._of(n) for n in range(len(excerpts))]
        self.numbers = [[self.read(caption.text) for caption in some] for some in self.captions]
        self.numbers = [
            [self.read(text) for text in own] or numbers
            for own, numbers in zip(excerpts.texts, self.numbers, strict=True)
        ]

    def _of(self, n: int) -> list[Caption]:
        """The captions of an excerpt: one, or as many as there are views."""
        s, truth = self.settings, self.excerpts.truths[n]
        rng = np.random.default_rng([s.seed, 1, n])
        if s.text == "tags":
            return [Caption(tuple(captions.named(truth)))]
        if s.text == "captions":
            return [Caption(tuple(captions.named(truth)), int(rng.integers(2**31)))]
        sizes = rng.choice(VIEW_SIZES, s.views)
        return [Caption(captions.view(truth, size, rng), int(rng.integers(2**31))) for size in sizes]

    def read(self, text: str) -> list[int]:
        """The numbers of the words of a caption, MAX_WORDS at most; of an empty one that of no word in particular."""
        known = [self.model.numbers[word] for word in tokens(text) if word in self.model.numbers][:MAX_WORDS]
        return known or [self.model.numbers["music"]]

    def draw(self, chosen: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, list[int]]:
        """Word numbers (n, longest) of one caption of each excerpt chosen, and which ones were drawn."""
        drawn = [int(rng.integers(len(self.numbers[n]))) for n in chosen]
        return padded([self.numbers[n][k] for n, k in zip(chosen, drawn, strict=True)]), drawn

    def swaps(
        self, chosen: np.ndarray, drawn: list[int], share: float, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Swapped versions of a share of the captions drawn, (m, longest), and (n, m) bool: may be true of it."""
        truths, numbers, may = self.excerpts.truths[chosen], [], []
        for row in np.flatnonzero(rng.random(len(chosen)) < share):
            n = chosen[row]
            if self.excerpts.texts[n]:
                continue  # nobody knows what would be false
            for wrong in captions.swapped(self.captions[n][drawn[row]], truths[row], rng):
                numbers.append(self.read(wrong.text))
                may.append(wrong.may_be_true_of(truths))
        ignored = torch.from_numpy(np.stack(may, 1)) if may else torch.zeros(len(chosen), 0, dtype=torch.bool)
        return padded(numbers), ignored


def padded(numbers: list[list[int]]) -> Tensor:
    """Rows of word numbers as one array, filled with 0."""
    longest = max(map(len, numbers), default=1)
    return torch.tensor([row + [0] * (longest - len(row)) for row in numbers], dtype=torch.long).view(-1, longest)


def swap_share(epoch: int, settings: WordsTraining) -> float:
    """Share of the captions that are swapped in an epoch, counted from 0."""
    if settings.text != "swaps":
        return 0.0
    return settings.swap * min(1.0, max(0, epoch - SWAP_FROM) / SWAP_RISE)


def loss_of(
    model: Words, excerpts: Described, texts: Texts, chosen: np.ndarray, share: float, noise: float,
    rng: np.random.Generator,
) -> Tensor:  # fmt: skip
    """The loss of a batch of excerpts, with one caption drawn for each."""
    rows = torch.from_numpy(excerpts.rows[chosen].astype(np.float32))
    if noise:
        rows = rows + noise * model.scale * torch.from_numpy(rng.standard_normal(rows.shape, np.float32))
    numbers, drawn = texts.draw(chosen, rng)
    swapped, ignored = texts.swaps(chosen, drawn, share, rng)
    width = max(numbers.shape[1], swapped.shape[1])
    both = torch.cat([F.pad(some, (0, width - some.shape[1])) for some in (numbers, swapped)])
    with torch.autocast("cpu", torch.bfloat16, has_bfloat16()):
        placed, music = model.embed_text(both), model.embed_music(rows)
    return contrast(
        music, placed[: len(chosen)], texts.settings.temperature, placed[len(chosen) :], ignored
    )  # fmt: skip


def read_excerpts(
    data: list[Path], folder: Path, encoder: Wav2Vec2Encoder, settings: WordsTraining
) -> tuple[Described, Described]:
    """(training, validation) excerpts of all songs, encoded where they are not yet. TrainError, AudioError."""
    songs = described.songs_of(data, "train", folder, settings.songs)
    if not songs:
        raise TrainError(
            f"no song below {data[0]}: expected folders train/<song>/<part>.flac with notes.npz and song.json, such as "
            "python -m train.songs.render makes"
        )
    learned = [song for song in songs if not described.is_held_out(song, settings.held_out)]
    kept = [song for song in songs if described.is_held_out(song, settings.held_out)]
    kept += described.songs_of(data, "validation", folder, settings.songs)
    if not learned or not kept:
        raise TrainError(
            f"{len(songs)} songs leave nothing to {'validate on' if learned else 'learn from'}: give more, or another "
            "--held-out"
        )
    described.encode(learned + kept, encoder, settings.stretches, settings.seed)
    training = [described.described(learned)]
    if settings.captions:
        training.append(described.own(Path(settings.captions), encoder))
    return described.joined(*training), described.described(kept)


def fit(data: list[Path], out: Path, resume: bool, settings: WordsTraining) -> dict[str, Any]:
    """Train on songs, and leave the best model in `out`; returns what it was made of, and its loss.

    TrainError, AudioError, EncoderError.
    """
    encoder = Wav2Vec2Encoder.load(settings.encoder, STEP_S)
    features = Path(settings.features) if settings.features else out / "features"
    fingerprint = weights_hash(settings.encoder)
    described.check_features(features, fingerprint, settings.stretches, settings.seed)
    training, validation = read_excerpts(data, features, encoder, settings)
    torch.manual_seed(settings.seed)
    model = Words(config_of(training, fingerprint, encoder.dim, settings.size), settings.dropout)
    sample = training.rows.reshape(-1, training.rows.shape[2])
    model.mean.copy_(torch.from_numpy(sample.mean(0)))
    model.scale.copy_(torch.from_numpy(sample.std(0) + 1e-3))
    texts, checked = Texts(training, model, settings), Texts(validation, model, settings)
    optimizer = torch.optim.AdamW(model.parameters(), settings.rate, weight_decay=settings.decay)
    facts = {"encoder": fingerprint, "excerpts": len(training)}
    run = Run(out, settings, model, optimizer, resume, facts=facts)
    steps = max(1, len(training) // settings.batch)
    while run.step < steps * settings.epochs:
        with run.clock():
            loss = _update(model, optimizer, training, texts, settings, run.step, steps)
        scores = _validated(model, validation, checked, settings, run, out) if (run.step + 1) % steps == 0 else None
        run.tick({"loss": loss}, scores)
    run.save()
    return {"excerpts": len(training), "validation": len(validation), "words": len(model.config.words)} | run.state


def config_of(excerpts: Described, encoder: str, dim: int, size: int) -> WordsConfig:
    """The shape of the model, with the words of all captions, those of somebody's own too."""
    words, glue, topics = captions.vocabulary()
    own = {word for some in excerpts.texts for text in some for word in tokens(text)}
    words += sorted(own - set(words))
    return WordsConfig(tuple(words), encoder, dim, tuple(glue), topics, size, inner=size)


def _update(
    model: Words, optimizer: torch.optim.Optimizer, excerpts: Described, texts: Texts, settings: WordsTraining,
    step: int, steps: int,
) -> float:  # fmt: skip
    """Learn from the batch of a step; all its randomness follows from seed and step."""
    epoch, at = divmod(step, steps)
    order = np.random.default_rng([settings.seed, 2, epoch]).permutation(len(excerpts))
    rng = np.random.default_rng([settings.seed, 3, step])
    torch.manual_seed(int(rng.integers(2**31)))
    total = steps * settings.epochs
    set_rate(optimizer, settings.rate * cosine(step, step / total, warmup=settings.warmup * steps))
    chosen = order[at * settings.batch : (at + 1) * settings.batch]
    model.train()
    loss = loss_of(model, excerpts, texts, chosen, swap_share(epoch, settings), settings.noise, rng)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def _validated(
    model: Words, excerpts: Described, texts: Texts, settings: WordsTraining, run: Run, out: Path
) -> dict[str, float]:
    """The validation loss, always on the same batches; the model is written if none was lower before."""
    model.eval()
    rng = np.random.default_rng([settings.seed, 4])
    order = rng.permutation(len(excerpts))
    size = min(settings.batch, len(order))
    batches = [order[begin : begin + size] for begin in range(0, len(order) - size + 1, size)][:CHECKED_BATCHES]
    loss = float(np.mean([float(loss_of(model, excerpts, texts, batch, 0.0, 0.0, rng)) for batch in batches]))
    if loss < run.state.get("validation_loss", math.inf):
        run.state |= {"validation_loss": round(loss, 4), "step": run.step + 1}
        write_files(out, {FILE: model.to_bytes()})
    return {"validation": loss}


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    command_line.recipe(__doc__ or "", WordsTraining, fit, argv)


if __name__ == "__main__":
    command_line.run(main)

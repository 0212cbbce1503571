"""The coherence meter: which two sub-mixtures belong to the same 5 s of music (Ciranni et al., 2024, §III and §IV).

    python -m train.fit_coherence DATA... -o OUT [--minutes 120] [--resume]       (antiphon train coherence is the same)
    python -m train.fit_coherence --import COCOLA.ckpt -o OUT                     a checkpoint of the official code

    OUT/model/coherence.json + .safetensors     the model so far; its calibration once the time is over
    OUT/log.jsonl, OUT/checkpoint.safetensors   see train/common/run.py

DATA holds stems, <split>/<song>/<stem>.flac, as train/data/render.py makes them; drums are welcome. The recipe is the
paper's: batches of 32 windows of 5 s that overlap by half at most, two random disjoint sub-mixtures of each, noise of
1e-3, one channel or none of both masked by chance, Adam, dropout 0.1. What is added:

- A musical teacher: where the scores are known, what the network sees in each third of a second tells which pitch
  classes sound and whether a note begins. The contrastive loss alone had learned nothing in the first 150 steps.
- Nothing is masked in the first part of the time, `easy`. A masked channel is so unlike a heard one that pairs of
  another mask were all that was told apart.
- After it a batch holds several windows of each of its songs, or it would be enough to know the song by.
- In the easy part half of each picture is shown, which costs half.
- Stems are mixed at random levels, and each picture is tilted by some dB from low to high, as another room or
  microphone would: our stems are rendered, and music should not be known by its timbre.
- The rate follows a cosine down to zero.

Pictures cost as much as learning from them. So they are kept: of each batch `32 / uses` pairs are new, the others are
drawn from those made before. A run that goes on after a stop draws other pairs than it would have without it.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from corpora.disk import atomic_folder, atomic_write
from perception.coherence import WINDOW_S, WINDOW_SAMPLES, Coherence, CoherenceError, audible
from perception.efficientnet import FEATURE_DIM
from perception.hpss import RANGE_DB, SAMPLERATE
from train.common import command_line
from train.common.errors import TrainError, reading
from train.common.files import visible
from train.common.run import Run, refuse_to_overwrite
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data.stems import duration, excerpt, stems_of
from train.data.submixes import calibrate, draw_disjoint
from train.official_cocola.import_checkpoint import main as import_main

VALIDATE = 100  # steps between two validations
TRIES = 1000  # windows that may be silent
SLOTS = 15  # of the teacher, a third of a second each: as many as the encoder leaves of 501 frames
STRIDE = 32  # frames for one slot
FIRST = 64  # batches of pairs before the first step


@dataclass(frozen=True)
class CoherenceTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    minutes: float = setting(120.0, "minutes of learning, over all resumptions", may_change=True)
    batch: int = setting(32, "pairs per step, K")
    rate: float = setting(2e-3, "highest learning rate of Adam")
    dropout: float = setting(0.1, "share of the projection that is dropped")
    noise: float = setting(1e-3, "standard deviation of the noise that is added")
    overlap: float = setting(0.5, "share of a window that another of its song in the batch may have too, at most")
    together: int = setting(4, "windows of a song in a batch, after the easy part")
    gain: float = setting(6.0, "dB by which a stem may be louder or softer")
    tilt: float = setting(6.0, "dB between the lowest and the highest band, at most")
    separated: bool = setting(True, "separate harmonic from percussive sound; else one mel picture")
    masked: float = setting(0.5, "share of pairs of which a channel is masked, after the easy part")
    easy: float = setting(0.65, "share of the time in which nothing is masked and half a picture is shown")
    teacher: float = setting(3.0, "weight of the loss of pitch classes and onsets")
    uses: float = setting(4.0, "how often a pair is used before as many new ones have been made")
    kept: int = setting(6000, "pairs in memory, 0.25 MB each", may_change=True)
    held: int = setting(256, "pairs of the validation split")
    calibrated: int = setting(256, "pairs of the validation split that make the calibration")
    threads: int = setting(2, "of PyTorch and of making pairs", may_change=True)
    seed: int = setting(0, "of weights and pairs")


@dataclass(frozen=True)
class Pair:
    """Two pictures, (2, channels, 64, 501) float16, and the song and second they were cut from.

    score (2, 15, 13) int8: for each picture and each of its slots in time the pitch classes that sound and whether a
    note begins; -1 where the score is not known.
    """

    pictures: np.ndarray
    score: np.ndarray
    song: int
    begin: float


class StemWindows:
    """The songs of a split, with two stems or more, of which windows are cut."""

    def __init__(self, data: list[Path], split: str, settings: CoherenceTraining, model: Coherence):
        folders = [song for folder in data for song in visible(folder, f"{split}/*") if song.is_dir()]
        songs = (list(stems_of(folder).values()) for folder in folders)
        self.songs = [stems for stems in songs if len(stems) > 1 and duration(stems[0]) >= WINDOW_S]
        if not self.songs:
            raise TrainError(f"no song of {WINDOW_S:g} s with two stems in the split '{split}' of {data[0]}: "
                             "make some with python -m train.data.render")  # fmt: skip
        self.settings, self.model = settings, model

    def window(self, song: int, begin: int) -> dict[Path, np.ndarray]:
        """The stems of a song from a sample (at 16 kHz) on, those that can be heard, each (80000,) float32."""
        sounds = {stem: excerpt(stem, begin / SAMPLERATE, WINDOW_SAMPLES) for stem in self.songs[song]}
        return {stem: audio for stem, audio in sounds.items() if audible(audio)}

    def pair(self, rng: np.random.Generator) -> Pair:
        """Two disjoint sub-mixtures of a window of any song, both of which can be heard."""
        for _ in range(TRIES):
            song = int(rng.integers(len(self.songs)))
            begin = int(rng.integers(round(duration(self.songs[song][0]) * SAMPLERATE) - WINDOW_SAMPLES + 1))
            stems = self.window(song, begin)
            if len(stems) > 1:
                chosen = draw_disjoint(list(stems), rng)
                pictures = np.stack([self.picture([stems[stem] for stem in part], rng) for part in chosen])
                score = np.stack([score_of(part, begin / SAMPLERATE) for part in chosen])
                return Pair(pictures, score, song, begin / SAMPLERATE)
        raise TrainError(f"in {TRIES} windows there was none in which two stems sound: is the music silent?")

    def picture(self, stems: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """What the model is shown of a sub-mixture: (channels, 64, 501) float16."""
        gains = 10 ** (rng.uniform(-self.settings.gain, self.settings.gain, len(stems)) / 20)
        mixed = np.tensordot(gains, stems, 1) + self.settings.noise * rng.standard_normal(WINDOW_SAMPLES)
        return self.model.features(mixed.astype(np.float32)).numpy().astype(np.float16)


def score_of(stems: list[Path], begin: float) -> np.ndarray:
    """(15, 13) int8 of the notes of some stems of a song in the window that begins at `begin` s: see `Pair`.

    Hits of drums have pitch -1.
    """
    known = stems[0].with_name("notes.npz")
    if not known.is_file():
        return np.full((SLOTS, 13), -1, np.int8)
    with reading(known.parent), np.load(known, allow_pickle=False) as held:
        parts = {name: held[name].reshape(-1, 3) for name in held.files}
    if not all(stem.stem in parts for stem in stems):
        return np.full((SLOTS, 13), -1, np.int8)
    notes = np.concatenate([parts[stem.stem] for stem in stems])
    edges, score = begin + WINDOW_S * np.arange(SLOTS + 1) / SLOTS, np.zeros((SLOTS, 13), np.int8)
    sounds = (notes[:, :1] < edges[1:]) & (notes[:, 1:2] > edges[:-1])
    begins = (notes[:, :1] >= edges[:-1]) & (notes[:, :1] < edges[1:])
    for pitch, slots in zip(notes[:, 2].astype(int), sounds, strict=True):
        if pitch >= 0:
            score[slots, pitch % 12] = 1
    score[:, 12] = begins.any(0)
    return score


class PairBuffer:
    """Pairs in memory for further use; the newest replace the oldest."""

    def __init__(self, stems: StemWindows, settings: CoherenceTraining, pool: ThreadPoolExecutor):
        self.stems, self.settings, self.pool = stems, settings, pool
        self.pairs: list[Pair] = []
        self.made = 0

    def make(self, count: int, rng: np.random.Generator) -> None:
        """Add `count` new pairs."""
        for pair in self.pool.map(self.stems.pair, rng.spawn(count)):
            if len(self.pairs) < self.settings.kept:
                self.pairs.append(pair)
            else:
                self.pairs[self.made % self.settings.kept] = pair
            self.made += 1

    def batch(self, rng: np.random.Generator, together: int = 1) -> list[Pair]:
        """K pairs of which no two overlap by more than allowed; if it can be, `together` of a song."""
        places: dict[int, list[int]] = {}
        for place in rng.permutation(len(self.pairs)).tolist():
            places.setdefault(self.pairs[place].song, []).append(place)
        turns = [(turn // together, song) for song in places for turn in range(len(places[song]))]
        chosen: list[Pair] = []
        for _, song in sorted(turns, key=lambda each: each[0]):
            pair = self.pairs[places[song].pop()]
            if all(self.apart(pair, other) for other in chosen):
                chosen.append(pair)
            if len(chosen) == self.settings.batch:
                return chosen
        raise TrainError(f"too little music for {self.settings.batch} windows that do not overlap: lower --batch")

    def apart(self, pair: Pair, other: Pair) -> bool:
        """Whether both may be in a batch."""
        return pair.song != other.song or abs(pair.begin - other.begin) >= (1 - self.settings.overlap) * WINDOW_S


def batch_of(pairs: list[Pair]) -> tuple[Tensor, Tensor]:
    """Pictures (2, K, channels, 64, 501) float32 and scores (2, K, 15, 13) float32."""
    pictures, score = np.stack([p.pictures for p in pairs], 1), np.stack([p.score for p in pairs], 1)
    return torch.from_numpy(pictures).float(), torch.from_numpy(score).float()


def crop_half(pictures: Tensor, score: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Half of the pictures and of their score, from the same slot on in all, so that partners stay together."""
    slots = SLOTS // 2
    first = int(torch.randint(SLOTS - slots + 1, (), generator=generator))
    frames = pictures.shape[-1] - STRIDE * (SLOTS - slots)
    return pictures[..., STRIDE * first :][..., :frames], score[..., first : first + slots, :]


def tilt_bands(pictures: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Each picture (..., channels, 64, frames) in dB with its bands raised along a line, its maximum 0 again."""
    by = most * (2 * torch.rand(*pictures.shape[:-3], 1, 1, 1, generator=generator) - 1)
    line = torch.linspace(-0.5, 0.5, pictures.shape[-2])[:, None]
    result = pictures + by * line
    top = pictures.amax((-2, -1), keepdim=True)  # 0 where the channels are separated
    return (result - result.amax((-2, -1), keepdim=True)).clamp_min(-RANGE_DB) + top


def mask_randomly(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """(2, K, 2, 64, frames): of a `share` of the pairs one of the channels is set to 0, in both pictures."""
    draw = torch.rand(pictures.shape[1], generator=generator)
    kept = torch.stack([draw >= share / 2, draw < 1 - share / 2], 1)
    return pictures * kept[None, :, :, None, None]


class Teacher(nn.Module):
    """Reads pitch classes and onsets off what the encoder found."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(FEATURE_DIM, 13)

    def forward(self, maps: Tensor, score: Tensor) -> Tensor:
        """maps (n, 1280, height, 15), score (n, 15, 13), -1 where unknown -> mean binary cross-entropy."""
        logits, known = self.read(maps.mean(2).transpose(1, 2)), score >= 0
        if not known.any():
            return logits.sum() * 0
        return F.binary_cross_entropy_with_logits(logits[known].float(), score[known])


def contrastive_loss(model: Coherence, features: Tensor) -> tuple[Tensor, Tensor]:
    """Loss (3), a mean over K, and accuracy (4) of the paper. features: (2 K, 1280), all first, then all second."""
    first, second = model.project_features(features).float().chunk(2)
    scores, same = model.similarities(first, second), torch.arange(len(first), device=features.device)
    return F.cross_entropy(scores, same), (scores.argmax(1) == same).float().mean()


@torch.inference_mode()
def validate(model: Coherence, held: list[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Loss and accuracy over batches of the validation split, nothing masked or tilted."""
    model.eval()
    device = next(model.parameters()).device
    result = [contrastive_loss(model, model.encoder(pictures.flatten(0, 1).to(device))) for pictures, _ in held]
    model.train()
    loss, accuracy = torch.tensor([[float(value) for value in batch] for batch in result]).mean(0).tolist()
    return {"valid_loss": loss, "valid_accuracy": accuracy}


def fit(data: list[Path], out: Path, resume: bool, settings: CoherenceTraining) -> dict[str, float]:
    """Learn for `settings.minutes`; leaves the model in OUT/model. Returns the last validation.

    TrainError, AudioError for data and runs that cannot be used.
    """
    refuse_to_overwrite(out, resume)
    torch.set_num_threads(settings.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, teacher = new_model(settings).to(device), Teacher().to(device)
    learned = nn.ModuleDict({"model": model, "teacher": teacher})
    optimizer = torch.optim.Adam(learned.parameters(), settings.rate)
    with ThreadPoolExecutor(settings.threads) as pool:
        validation = _validation(data, settings, model, pool)
        run = Run(out, settings, learned, optimizer, resume)
        model.train()
        _learn_pairs(run, Learning(model, teacher, optimizer, settings), data, validation, pool)
    scores = validate(model, validation)
    run.save()
    model.source = ", ".join(folder.resolve().name for folder in data)
    with suppress(CoherenceError):  # too little music, or nothing learned: a model without a scale
        model.calibration = calibrate(model.cpu().eval(), data, "validation", settings.calibrated, source=model.source)
    save_model(model, out / "model")
    return scores


class Learning(NamedTuple):
    """What a step needs: the model, its musical teacher, the optimizer of both and the settings."""

    model: Coherence
    teacher: Teacher
    optimizer: torch.optim.Optimizer
    settings: CoherenceTraining


def _learn_pairs(
    run: Run, learning: Learning, data: list[Path], validation: list[tuple[Tensor, Tensor]], pool: ThreadPoolExecutor
) -> None:
    """Steps until the time is spent; the model is kept at every validation."""
    s = learning.settings
    if run.share(s.minutes) >= 1:
        return
    buffer = PairBuffer(StemWindows(data, "train", s, learning.model), s, pool)
    buffer.make(min(FIRST * s.batch, s.kept), np.random.default_rng([s.seed, 2, run.step]))
    while run.share(s.minutes) < 1:
        with run.clock():
            rng = np.random.default_rng([s.seed, run.step])
            buffer.make(round(s.batch / s.uses), rng)
            together = s.together if run.share(s.minutes) >= s.easy else 1
            losses = _update(learning, batch_of(buffer.batch(rng, together)), run)
        due = run.step % VALIDATE == VALIDATE - 1
        if due:
            save_model(learning.model, run.out / "model")
        run.tick(losses, validate(learning.model, validation) if due else None)


def new_model(settings: CoherenceTraining) -> Coherence:
    """A new model, made for short runs.

    Its W is near a multiple of the identity: what looks alike scores higher from the first step on, where the normal
    one of the official code (standard deviation 0.05) scores by chance and had learned nothing after 150 steps. Running
    means follow ten times faster than the official ones, which after 150 steps were still those of the beginning.
    """
    torch.manual_seed(settings.seed)
    model = Coherence(settings.separated, settings.dropout)
    with torch.no_grad():
        model.similarity.mul_(0.1).add_(0.05 * torch.eye(len(model.similarity)))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    return model


def _validation(
    data: list[Path], s: CoherenceTraining, model: Coherence, pool: ThreadPoolExecutor
) -> list[tuple[Tensor, Tensor]]:
    buffer = PairBuffer(StemWindows(data, "validation", s, model), s, pool)
    rng = np.random.default_rng([s.seed, 1])
    buffer.make(s.held, rng)
    return [batch_of(buffer.batch(rng)) for _ in range(s.held // s.batch)]


def _update(learning: Learning, batch: tuple[Tensor, Tensor], run: Run) -> dict[str, float]:
    """One step of the optimizer; its losses and accuracy."""
    model, teacher, optimizer, s = learning
    done = run.share(s.minutes)
    set_rate(optimizer, s.rate * cosine(run.step, done, warmup=50))
    generator, device = torch.Generator().manual_seed(s.seed + run.step), next(model.parameters()).device
    pictures, score = batch
    if done < s.easy:
        pictures, score = crop_half(pictures, score, generator)
    pictures = tilt_bands(pictures, s.tilt, generator)
    if s.separated and done >= s.easy:
        pictures = mask_randomly(pictures, s.masked, generator)
    with torch.autocast(device.type, torch.bfloat16):
        maps = model.encoder.feature_maps(pictures.flatten(0, 1).to(device))
        taught = teacher(maps, score.flatten(0, 1).to(device))
        loss, accuracy = contrastive_loss(model, maps.mean((2, 3)))
    optimizer.zero_grad(set_to_none=True)
    (loss + s.teacher * taught).backward()
    optimizer.step()
    return {"loss": float(loss.detach()), "accuracy": float(accuracy), "taught": float(taught.detach())}


def save_model(model: Coherence, folder: Path) -> None:
    """Write the model as it is now, whole or not at all."""
    files = model.files()
    with atomic_folder(folder, replaces=files) as new:
        for name, content in files.items():
            atomic_write(new / name, content)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe, and of the conversion of official checkpoints (--import)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if any(word == "--import" or word.startswith("--import=") for word in words):
        import_main(words)
        return
    command_line.recipe(__doc__ or "", CoherenceTraining, fit, words)


if __name__ == "__main__":
    command_line.run(main)

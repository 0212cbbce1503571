"""Train the coherence meter: COCOLA, whether two sub-mixtures belong to the same 5 s of music (Ciranni et al., 2024,
§III and §IV), and a time-keeping embedding.

    python -m train.fit_coherence DATA... -o OUT [--minutes 15] [--resume]        (antiphon train coherence is the same)
    python -m train.fit_coherence --import COCOLA.ckpt -o OUT                     a checkpoint of the official code

    OUT/model/coherence.json + .safetensors     the model so far; its calibration at the end of the run
    OUT/model/time_embedding.safetensors        the time-keeping embedding (perception/time_embedding.py)
    OUT/model/evidence.json                     weights that join its measures (perception/evidence.py)
    OUT/log.jsonl, OUT/checkpoint.safetensors   see train/common/run.py

DATA holds stems, <split>/<song>/<stem>.flac, rendered (song.json names programs) or recorded, drums included. All are
loaded into RAM, or GPU memory where there is a GPU, where windows are mixed, changed and turned into pictures.

The recipe is the paper's: windows of 5 s that overlap by half at most, two random disjoint sub-mixtures of each, noise,
one of both channels or none masked at random, Adam, dropout 0.1. Additions:

- Hard negatives: a batch holds several windows of each of its songs, and each output also displaced by 1/8 to 2 beats.
- A musical teacher: where the notes are known, linear heads predict the active pitch classes and onsets of each third
  of a second. The contrastive loss alone had learned nothing in the first 150 steps.
- Nothing is masked in the first share of the time, `easy`: with masks from the start, only pairs of different masks
  were distinguished.
- Stems are mixed at random levels. Each sub-mixture gets a room and a spectral tilt of its own, so that timbre does not
  identify a song; a song is resampled by up to three semitones, in all its windows alike.
- The rate follows a cosine down to zero.

COCOLA's mean over time hides displacement. Therefore a time-keeping embedding learns from the same batches: its c(0)
must exceed that of the outputs of all other pairs and of the displaced output, and c(l) of the displaced output must be
highest at the lag of its displacement (`time_loss`).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from corpora.whole_files import atomic_folder, atomic_write
from perception import hpss
from perception.coherence import WINDOW_S, Coherence, CoherenceError
from perception.efficientnet import FEATURE_DIM
from perception.evidence import FILE as EVIDENCE_FILE
from perception.evidence import EvidenceMeter, Joined, joined_file
from perception.time_embedding import HIDDEN, TimeEmbedding, agreement, agreement_by_lag, tone_spectrum
from train.common import command_line
from train.common.errors import TrainError
from train.common.files import visible
from train.common.run import Run, refuse_to_overwrite
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data import device_hpss
from train.data.evidence_pairs import join_evidence
from train.data.pair_draws import Draw, DrawSettings, apply_rooms, draw_pairs, mix_audio, score_bits, score_rolls
from train.data.store import Store
from train.data.submixes import calibrate
from train.official_cocola.import_checkpoint import main as import_main

VALIDATE_EVERY_STEPS = 200
SLOTS = 15  # slots of COCOLA's teacher, 1/3 s each: the encoder's output frames for 501 input frames
LAG_RANGE_FRAMES = (3, 100)  # nearest and farthest lag that competes with the true one, in frames of 20 ms
PREFETCH_BATCHES = 4  # drawn ahead of need
INITIAL_SHARPNESS = 10.0  # sharpness of the softmax over values of c


@dataclass(frozen=True)
class CoherenceTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    minutes: float = setting(120.0, "minutes of learning, over all resumptions", may_change=True)
    batch: int = setting(32, "pairs per step, K (128 or more on a GPU)")
    rate: float = setting(1e-3, "highest learning rate of Adam")
    dropout: float = setting(0.1, "share of the projection that is dropped")
    noise: float = setting(1e-3, "standard deviation of the noise that is added")
    overlap: float = setting(0.5, "share of a window that another of its song in the batch may have too, at most")
    together: int = setting(4, "windows of a song in a batch")
    recorded: float = setting(0.3, "share of pairs from recordings")
    gain: float = setting(6.0, "dB by which a stem may be louder or softer")
    tilt: float = setting(1.5, "dB per octave by which a microphone may be brighter or darker")
    rooms: float = setting(0.5, "share of sub-mixtures that are heard in a room")
    semitones: float = setting(3.0, "by which a song may be played faster and higher, or slower and lower")
    separated: bool = setting(True, "separate harmonic from percussive sound; else one mel picture")
    masked: float = setting(0.5, "share of pairs of which a channel is masked, after the easy part")
    easy: float = setting(0.3, "share of the time in which nothing is masked")
    teacher: float = setting(1.0, "weight of the losses of pitch classes and onsets")
    displaced: float = setting(0.5, "weight of COCOLA's loss of displaced outputs")
    time_only: bool = setting(False, "learn the time-keeping embedding alone; COCOLA stays what --init names")
    uses: int = setting(1, "steps for each batch that is made, its pairs mixed with kept ones (6 where no GPU is)")
    kept: int = setting(40, "batches in memory for further use", may_change=True)
    init: str = setting("", "folder of a coherence model to begin with")
    held: int = setting(128, "pairs of the validation split")
    calibrated: int = setting(256, "pairs of the validation split that make the calibration")
    threads: int = setting(2, "of PyTorch, of decoding and of drawing pairs", may_change=True)
    seed: int = setting(0, "of weights and pairs")

    def draws(self, pairs: int) -> DrawSettings:
        """How batches of so many pairs are drawn."""
        return DrawSettings(pairs, self.together, self.overlap, self.recorded, self.gain, self.semitones)


class Batch(NamedTuple):
    """The 3 K rows of a step: inputs, outputs, displaced outputs.

    pictures (3 K, channels, 64, 501): input of COCOLA, dB; mel (3 K, 2, 64, 501): harmonic and percussive, the same
    tensor where COCOLA is separated; tones (3 K, 120, 126); score (3 K, 251, 13), -1 where unknown; late (3 K,): frames
    of 20 ms by which the displaced output of a pair is early, equal in its three rows.
    """

    pictures: Tensor
    mel: Tensor
    tones: Tensor
    score: Tensor
    late: Tensor


class PairBatches:
    """Batches of one split. Batch n depends on the seed and n alone."""

    def __init__(self, data: list[Path], split: str, s: CoherenceTraining, pairs: int, device: str):
        self.store = Store(data, split, device, fewest_parts=2, shortest_s=WINDOW_S, threads=max(s.threads, 1))
        self.bits, self.settings, self.draws = score_bits(self.store), s, s.draws(pairs)

    def drawn(self, pool: ThreadPoolExecutor, start: int) -> Generator[tuple[int, Draw]]:
        """Endless (number, draw) from batch `start` on, drawn by the pool PREFETCH_BATCHES ahead."""
        waiting = deque((n, pool.submit(self.draw, n)) for n in range(start, start + PREFETCH_BATCHES))
        for n in count(start + PREFETCH_BATCHES):
            number, draw = waiting.popleft()
            yield number, draw.result()
            waiting.append((n, pool.submit(self.draw, n)))

    def draw(self, number: int) -> Draw:
        """The draw of batch `number`."""
        return draw_pairs(self.store, self.draws, np.random.default_rng([self.settings.seed, number]))

    @torch.no_grad()
    def batch(self, number: int, draw: Draw) -> Batch:
        """The batch of a draw, on the device."""
        s = self.settings
        generator = torch.Generator(self.store.device).manual_seed(s.seed + number)
        audio = apply_rooms(mix_audio(self.store, draw), s.rooms, s.tilt, s.noise, generator)
        mel = separated(audio)
        pictures = mel if s.separated else device_hpss.mel_spectrogram(audio)
        late = torch.from_numpy(np.tile(draw.late, 3)).float().to(audio.device)
        return Batch(pictures, mel, tone_spectrum(audio), score_rolls(self.store, self.bits, draw), late)


def separated(audio: Tensor) -> Tensor:
    """(n, samples) -> (n, 2, 64, frames) dB; on a CPU by `perception.hpss`, which is faster there."""
    if audio.device.type == "cpu":
        return torch.stack([torch.from_numpy(hpss.harmonic_percussive(sound)) for sound in audio.numpy()])
    return device_hpss.harmonic_percussive(audio)


def mask_randomly(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """(3, K, 2, 64, frames) with one channel set to 0 in a `share` of the pairs, the same in all pictures of a pair."""
    draw = torch.rand(pictures.shape[1], generator=generator)
    unmasked = torch.stack([draw >= share / 2, draw < 1 - share / 2], 1).to(pictures.device)
    return pictures * unmasked[None, :, :, None, None]


class BatchPool:
    """Past batches, whose pairs are recombined where making pictures costs more than a training step."""

    def __init__(self, settings: CoherenceTraining):
        self.settings = settings
        self.batches: list[Batch] = []

    def batch(self, pairs: PairBatches, draws: Generator[tuple[int, Draw]], step: int) -> Batch:
        """A new batch every `uses` steps, else K pairs of the stored ones."""
        if step % self.settings.uses and self.batches:
            return self.mixed(step)
        batch = pairs.batch(*next(draws))
        if self.settings.uses > 1:
            self.batches = [*self.batches, batch][-self.settings.kept :]
        return batch

    def mixed(self, step: int) -> Batch:
        """K different pairs of the stored batches."""
        pairs = len(self.batches[0].mel) // 3
        rng = np.random.default_rng([self.settings.seed, 2, step])
        chosen = [divmod(int(n), pairs) for n in rng.choice(pairs * len(self.batches), pairs, replace=False)]
        parts = [[field.unflatten(0, (3, -1)) for field in batch] for batch in self.batches]
        fields = range(len(Batch._fields))
        return Batch(*(torch.stack([parts[b][f][:, pair] for b, pair in chosen], 1).flatten(0, 1) for f in fields))


class Teachers(nn.Module):
    """Linear heads that predict pitch classes and onsets from the features of both networks."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = nn.Linear(FEATURE_DIM, 13)
        self.frames = nn.Linear(HIDDEN, 13)

    def forward(self, maps: Tensor, hidden: Tensor, score: Tensor) -> Tensor:
        """maps (n, 1280, height, 15), hidden (n, 64, 251), score (n, 251, 13), -1 where unknown -> mean of both losses.

        The target of a slot is the union of its frames.
        """
        known = score[:, 0, 0] >= 0
        by_slot = self.slots(maps.mean(2).transpose(1, 2))
        by_frame = self.frames(hidden.transpose(1, 2))
        if not known.any():
            return (by_slot.sum() + by_frame.sum()) * 0
        slots = F.adaptive_max_pool1d(score.transpose(1, 2), by_slot.shape[1]).transpose(1, 2)
        losses = [
            F.binary_cross_entropy_with_logits(logits[known].float(), target[known])
            for logits, target in ((by_slot, slots), (by_frame, score))
        ]
        return sum(losses, torch.zeros((), device=maps.device))


class Learning(nn.Module):
    """The trained modules: COCOLA, the time-keeping embedding with its sharpness, and the teachers of both."""

    def __init__(self, model: Coherence):
        super().__init__()
        self.model, self.time, self.teachers = model, TimeEmbedding(), Teachers()
        self.sharpness = nn.Parameter(torch.tensor(INITIAL_SHARPNESS).log())


def contrastive_loss(model: Coherence, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(loss, eq. 3; accuracy, eq. 4; (K,) margin of each pair over its displaced one).

    features: (3 K, 1280), inputs, outputs, displaced outputs.
    """
    first, second, late = model.project_features(features).float().chunk(3)
    table, same = model.similarities(first, second), torch.arange(len(first), device=features.device)
    ahead = table.diagonal() - ((first @ model.similarity) * late).sum(1)
    return F.cross_entropy(table, same), (table.argmax(1) == same).float().mean(), ahead


def time_loss(embedded: Tensor, sharpness: Tensor, late: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(loss; accuracy among K; (K,) margin of each pair over its displaced one) of embeddings (3 K, frames, 32).

    c(0) of a pair competes with c(0) of the outputs of all other pairs and of its displaced output, from the side of
    the input and of the output. c(l) of the displaced output at its true lag, -late (K,) frames, competes with all lags
    60 ms or more away. (The other lags of the undisplaced output would teach nothing: the distance of a frame from the
    edge of the window would suffice there.)
    """
    first, second, moved = embedded.chunk(3)
    table, same = agreement(first, second), torch.arange(len(first), device=embedded.device)
    displaced = (first * moved).sum(2).mean(1)
    losses = [
        F.cross_entropy(sharpness.exp() * torch.cat([each, displaced[:, None]], 1), same) for each in (table, table.T)
    ]
    nearest, farthest = LAG_RANGE_FRAMES
    by_lag = sharpness.exp() * agreement_by_lag(first, moved, farthest)
    away = (torch.arange(-farthest, farthest + 1, device=late.device) + late[:, None]).abs()
    fits = by_lag.masked_fill(away > 1, -torch.inf).amax(1)
    others = by_lag.masked_fill(away < nearest, -torch.inf)
    lost = torch.logsumexp(torch.cat([fits[:, None], others], 1), 1) - fits
    loss = (losses[0] + losses[1] + lost.mean()) / 3
    return loss, (table.argmax(1) == same).float().mean(), table.diagonal() - displaced


@torch.inference_mode()
def validate(learning: Learning, batches: list[Batch], time_only: bool = False) -> dict[str, float]:
    """Unmasked losses and accuracies of both networks, and the shares of pairs above their displaced ones, by log key.

    time_only: of the time-keeping embedding only.
    """
    learning.eval()
    model, time = learning.model, learning.time
    rows: list[dict[str, Tensor]] = []
    for batch in batches:
        values: dict[str, Tensor] = {}
        if not time_only:
            loss, accuracy, ahead = contrastive_loss(model, model.encoder(batch.pictures))
            values = {"valid_loss": loss, "valid_accuracy": accuracy, "valid_displaced": (ahead > 0).float().mean()}
        slow, right, apart = time_loss(time(batch.mel, batch.tones), learning.sharpness, batch.late.chunk(3)[0])
        values |= {"time_valid_loss": slow, "time_valid_accuracy": right}
        rows.append(values | {"time_valid_displaced": (apart > 0).float().mean()})
    learning.train()
    return {name: float(np.mean([float(values[name]) for values in rows])) for name in rows[0]}


def fit(data: list[Path], out: Path, resume: bool, settings: CoherenceTraining) -> dict[str, float]:
    """Train for `settings.minutes` and leave the model in OUT/model; returns the last validation, by log key.

    TrainError, AudioError for data and runs that cannot be used.
    """
    refuse_to_overwrite(out, resume)
    torch.set_num_threads(settings.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    learning = Learning(new_model(settings))
    if settings.init and (known := TimeEmbedding.load(settings.init)):
        learning.time.load_state_dict(known.state_dict())
    learning.to(device)
    if device == "cuda":  # where bfloat16 convolutions are faster so
        learning.model.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(learning.parameters(), settings.rate)
    validation_pairs = PairBatches(data, "validation", settings, min(settings.batch, settings.held), device)
    validation = [
        validation_pairs.batch(n, validation_pairs.draw(n))
        for n in range(max(1, settings.held // validation_pairs.draws.pairs))
    ]
    run = Run(out, settings, learning, optimizer, resume)
    learning.train()
    if run.share(settings.minutes) < 1:
        _learn_pairs(run, learning, PairBatches(data, "train", settings, settings.batch, device), validation)
    result = validate(learning, validation, settings.time_only)
    run.save()
    learning.cpu().eval()
    learning.model.source = ", ".join(folder.resolve().name for folder in data)
    save_model(learning, out / "model")
    judged = [folder for folder in data if visible(folder, "validation/*")]
    save_model(learning, out / "model", _scale(learning, judged, settings.calibrated))
    return result


def _scale(learning: Learning, data: list[Path], pairs: int) -> Joined | None:
    """Calibrate the model on validation songs, and fit the weights that join its measures with the others.

    None, and no calibration, where there is too little music or nothing was learned.
    """
    model = learning.model
    with suppress(CoherenceError):
        model.calibration = calibrate(model, data, "validation", pairs, source=model.source)
        if model.separated:
            return join_evidence(EvidenceMeter(model, learning.time), data, "validation", pairs)
    return None


def _learn_pairs(run: Run, learning: Learning, pairs: PairBatches, validation: list[Batch]) -> None:
    """Train until the time is spent; saves the model at every validation."""
    minutes, alone, pool = pairs.settings.minutes, pairs.settings.time_only, BatchPool(pairs.settings)
    with ThreadPoolExecutor(pairs.settings.threads) as threads, closing(pairs.drawn(threads, run.step)) as draws:
        while run.share(minutes) < 1:
            with run.clock():
                losses = _update(learning, pool.batch(pairs, draws, run.step), run)
            due = run.step % VALIDATE_EVERY_STEPS == VALIDATE_EVERY_STEPS - 1
            if due:
                save_model(learning, run.out / "model")
            run.tick(losses, validate(learning, validation, alone) if due else None)


def new_model(settings: CoherenceTraining) -> Coherence:
    """The model of `settings.init`, or a new one, initialised for short runs. TrainError where `separated` differs.

    W is near a multiple of the identity, so that similar pictures score higher from the first step on; the normal
    initialisation of the official code (standard deviation 0.05) had learned nothing after 150 steps. Batch norm's
    momentum is ten times the official one, whose running means had not left their initial values after 150 steps.
    """
    torch.manual_seed(settings.seed)
    model = Coherence(settings.separated, settings.dropout)
    with torch.no_grad():
        model.similarity.mul_(0.1).add_(0.05 * torch.eye(len(model.similarity)))
    if settings.init:
        known = Coherence.load(settings.init, fuse=False)
        if known.separated != settings.separated:
            raise TrainError(f"'{settings.init}' has separated = {known.separated}: give --separated {known.separated}")
        model.load_state_dict(known.state_dict())
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    return model


def _update(learning: Learning, batch: Batch, run: Run) -> dict[str, float]:
    """One step of the optimizer; its losses and accuracies."""
    s, model, optimizer = run.settings, learning.model, run.optimizer
    done = run.share(s.minutes)
    set_rate(optimizer, s.rate * cosine(run.step, done, warmup=50))
    if s.time_only:
        return _update_time(learning, batch, run)
    pictures = batch.pictures
    if s.separated and done >= s.easy:
        generator = torch.Generator().manual_seed(s.seed + run.step)
        pictures = mask_randomly(pictures.unflatten(0, (3, -1)), s.masked, generator).flatten(0, 1)
    with torch.autocast(pictures.device.type, torch.bfloat16):
        maps = model.encoder.feature_maps(pictures)
        hidden = learning.time.hidden(batch.mel, batch.tones)
        taught = learning.teachers(maps, hidden, batch.score)
    loss, accuracy, ahead = contrastive_loss(model, maps.float().mean((2, 3)))  # scores of 40 need more than 8 bits
    late = F.softplus(-ahead).mean()
    slow, right, apart = time_loss(
        learning.time.embed_hidden(hidden.float()), learning.sharpness, batch.late.chunk(3)[0]
    )
    optimizer.zero_grad(set_to_none=True)
    (loss + s.displaced * late + slow + s.teacher * taught).backward()
    optimizer.step()
    values = {"loss": loss, "accuracy": accuracy, "displaced": (ahead > 0).float().mean(), "taught": taught}
    values |= {"time_loss": slow, "time_accuracy": right, "time_displaced": (apart > 0).float().mean()}
    numbers = torch.stack([value.detach().float() for value in values.values()]).tolist()
    return dict(zip(values, numbers, strict=True))


def _update_time(learning: Learning, batch: Batch, run: Run) -> dict[str, float]:
    """One step of the time-keeping embedding alone."""
    embedded = learning.time(batch.mel, batch.tones)
    slow, right, apart = time_loss(embedded, learning.sharpness, batch.late.chunk(3)[0])
    run.optimizer.zero_grad(set_to_none=True)
    slow.backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()
    values = {"time_loss": slow, "time_accuracy": right, "time_displaced": (apart > 0).float().mean()}
    return {name: float(value.detach()) for name, value in values.items()}


def save_model(learning: Learning, folder: Path, joined: Joined | None = None) -> None:
    """Write the model as it is now, whole or not at all."""
    files = learning.model.files() | learning.time.files() | (joined_file(joined) if joined else {})
    with atomic_folder(folder, replaces={*files, EVIDENCE_FILE}) as new:
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

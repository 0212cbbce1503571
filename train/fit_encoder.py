"""Train the embedded encoder: wav2vec 2.0 on stems we rendered, with a musical teacher.

    python -m train.fit_encoder DATA... -o DIR [--minutes 40] [--resume]      (antiphon train encoder is the same)

DATA: folders made by train/data/render.py. Two losses share the masked context network: the contrastive loss of
wav2vec 2.0 (Baevski et al., 2020, eq. 2-4), and the notes themselves: pitch classes, pitches and, where the score
names its chords, the chord root, predicted at masked and unmasked frames alike. The filter bank of the first
layer stays as it was made; everything above it learns. Augmentation (tuning and transposition by resampling, gain,
a second stem, noise, tilt, room) is what should carry it from rendered notes to recordings.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2ForPreTraining
from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

from perception.wav2vec2 import SAMPLERATE, LongConv, Wav2Vec2Encoder, music_config, music_filters
from train.common import command_line
from train.common.errors import TrainError, reading
from train.common.files import visible
from train.common.run import Run, refuse_to_overwrite
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data.augment import degrade
from train.data.stems import excerpt, stems_of

PITCHES = (24, 97)  # MIDI notes the teacher names
AHEAD = 4  # batches prepared before they are needed
VALIDATE = 250  # steps between two validations
HELD_OUT = 96  # examples to validate on


@dataclass(frozen=True)
class EncoderTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    minutes: float = setting(36.0, "minutes of learning, over all resumptions", may_change=True)
    dim: int = setting(256, "width of the context network")
    layers: int = setting(4, "layers of the context network")
    heads: int = setting(4, "attention heads of each layer")
    pitches: int = setting(168, "filters of the front end, quarter tones from C1")
    batch: int = setting(48, "examples per step")
    seconds: float = setting(1.28, "s of context of the encoder, and of an example")
    rate: float = setting(1e-3, "highest learning rate of AdamW")
    contrastive: float = setting(0.3, "weight of the wav2vec 2.0 loss")
    pitch_class: float = setting(3.0, "weight of the loss of pitch classes")
    pitch: float = setting(3.0, "weight of the loss of pitches")
    root: float = setting(0.5, "weight of the loss of chord roots")
    masked: float = setting(0.4, "share of frames that are masked, in spans of 5")
    seed: int = setting(0, "of weights and examples")
    threads: int = setting(2, "of PyTorch", may_change=True)


class Teacher(nn.Module):
    """Linear readings of the context network: (B, T, dim) -> pitch classes (12), pitches (73), chord root (12)."""

    def __init__(self, dim: int):
        super().__init__()
        self.pitch_class = nn.Linear(dim, 12)
        self.pitch = nn.Linear(dim, PITCHES[1] - PITCHES[0])
        self.root = nn.Linear(dim, 12)


class Score(NamedTuple):
    """What is known of a song. notes: part -> (n, 3) float32 [onset s, offset s, MIDI pitch]; chords (c, 3) float32
    [start s, end s, root]; seconds: its length; stems: part -> file."""

    notes: dict[str, np.ndarray]
    chords: np.ndarray
    seconds: float
    stems: dict[str, Path]


class Songs:
    """Rendered songs of one split; draws augmented examples.

    sample(rng) -> audio (samples,) float32, pitches (frames, 73) bool, root (frames,) int64 (-100: not known).
    """

    def __init__(self, folders: list[Path], split: str, samples: int, encoder: Wav2Vec2Encoder):
        self.songs = sorted(song.parent for folder in folders for song in visible(folder, f"{split}/*/song.json"))
        if not self.songs:
            raise TrainError(f"no song below {folders[0]}/{split}: make them with python -m train.data.render")
        self.samples, self.encoder = samples, encoder
        self.frames = (samples - encoder.support) // encoder.stride + 1
        self.known: dict[Path, Score] = {}

    def score(self, song: Path) -> Score:
        """The score of a song and the files of its stems, read once."""
        if song not in self.known:
            stems = stems_of(song)
            with reading(song):
                info = json.loads((song / "song.json").read_text())
                chords, seconds = np.array(info["chords"], np.float32).reshape(-1, 3), float(info["seconds"])
                with np.load(song / "notes.npz") as held:
                    notes = {part: held[part] for part in held.files if part in stems}
            if not notes:
                raise TrainError(f"song '{song}' has no stem whose notes are known: render it again")
            self.known[song] = Score(notes, chords, seconds, stems)
        return self.known[song]

    def sample(self, rng: np.random.Generator, augment: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One example; see the class. Examples that are silent throughout are drawn again."""
        while True:
            song = self.songs[rng.integers(len(self.songs))]
            notes, chords, seconds, stems = self.score(song)
            speed = 2 ** (rng.uniform(-3.5, 3.5) / 12) if augment else 1.0
            length = int(self.samples * speed) + 2
            begin = rng.uniform(0, max(0.01, seconds - length / SAMPLERATE))
            chosen = [str(rng.choice(list(notes)))]
            if augment and rng.random() < 0.35:
                chosen = list(dict.fromkeys([*chosen, str(rng.choice(list(notes)))]))
            sounds = [excerpt(stems[part], begin, length) for part in chosen]
            audio = np.sum([sound * 10 ** rng.uniform(-0.4, 0.4) for sound in sounds], axis=0)
            if np.sqrt(np.mean(audio**2)) > 3e-3:
                break
        audio = np.interp(np.arange(self.samples) * speed, np.arange(length), audio).astype(np.float32)
        pitches = np.zeros((self.frames, PITCHES[1] - PITCHES[0]), bool)
        for part in chosen:
            self._mark(pitches, notes[part], begin, speed)
        chordal = pitches.sum(1).max(initial=0) > 1  # one voice alone does not say which chord it belongs to
        root = self._roots(chords, begin, speed) if chordal else np.full(self.frames, -100)
        return (degrade(audio, rng) if augment else audio), pitches, root

    def _places(self, times: np.ndarray, begin: float, speed: float) -> np.ndarray:
        """Seconds in the song -> frame whose centre is nearest, in the example played at `speed`."""
        samples = (times - begin) / speed * SAMPLERATE - self.encoder.support / 2
        return np.clip(np.round(samples / self.encoder.stride), 0, self.frames).astype(int)

    def _mark(self, pitches: np.ndarray, notes: np.ndarray, begin: float, speed: float) -> None:
        shift = round(12 * math.log2(speed)) - PITCHES[0]
        onsets, offsets = self._places(notes[:, 0], begin, speed), self._places(notes[:, 1], begin, speed)
        for onset, offset, pitch in zip(onsets, offsets, notes[:, 2].astype(int) + shift, strict=True):
            if offset > onset and 0 <= pitch < pitches.shape[1]:
                pitches[onset:offset, pitch] = True

    def _roots(self, chords: np.ndarray, begin: float, speed: float) -> np.ndarray:
        roots = np.full(self.frames, -100)
        starts, ends = self._places(chords[:, 0], begin, speed), self._places(chords[:, 1], begin, speed)
        for start, end, root in zip(starts, ends, chords[:, 2].astype(int), strict=True):
            roots[start:end] = (root + round(12 * math.log2(speed))) % 12
        return roots


def batches(songs: Songs, settings: EncoderTraining, start: int) -> Iterator[list[Tensor]]:
    """Endless batches, prepared by a thread ahead of need. Batch n depends on the seed and n alone.

    What goes wrong in the thread is raised here.
    """

    def made(number: int) -> list[Tensor]:
        rng = np.random.default_rng([settings.seed, number])
        columns = zip(*(songs.sample(rng) for _ in range(settings.batch)), strict=True)
        return [torch.from_numpy(np.stack(column)) for column in columns]

    pool = ThreadPoolExecutor(1)
    try:
        waiting = deque(pool.submit(made, start + n) for n in range(AHEAD))
        for number in itertools.count(start + AHEAD):
            yield waiting.popleft().result()
            waiting.append(pool.submit(made, number))
    finally:
        pool.shutdown(cancel_futures=True)


def losses(model, teacher: Teacher, batch, settings: EncoderTraining, rng: np.random.Generator, masked=True) -> dict:
    """The four losses of a batch, each a scalar tensor; see the head of this file."""
    audio, pitches, root = batch
    wav2vec = model.wav2vec2
    with torch.no_grad():
        spectrum = wav2vec.feature_extractor.conv_layers[0](audio[:, None])
    collected = wav2vec.feature_extractor.conv_layers[1](spectrum)
    for layer in wav2vec.feature_extractor.conv_layers[2:]:
        collected = layer(collected)
    hidden, extracted = wav2vec.feature_projection(collected.transpose(1, 2))
    shape = hidden.shape[:2]
    out = {}
    if masked:
        np.random.seed(int(rng.integers(2**31)))  # transformers draws its masks from numpy's global generator
        mask = torch.from_numpy(_compute_mask_indices(tuple(shape), settings.masked, 5)).to(audio.device)
        hidden = torch.where(mask[..., None], wav2vec.masked_spec_embed.to(hidden.dtype), hidden)
    context = wav2vec.encoder(hidden).last_hidden_state
    if masked:
        out["contrastive"] = contrastive(model, context, extracted, mask)
    context = context.float()
    classes = torch.stack([pitches[..., c::12].any(-1) for c in range(12)], -1)  # PITCHES[0] is a C
    out["pitch_class"] = F.binary_cross_entropy_with_logits(teacher.pitch_class(context), classes.float())
    out["pitch"] = F.binary_cross_entropy_with_logits(teacher.pitch(context), pitches.float()) * 3
    known = root >= 0
    logits = teacher.root(context)[known]
    out["root"] = F.cross_entropy(logits, root[known]) if known.any() else logits.sum() * 0
    return out


def contrastive(model, context: Tensor, extracted: Tensor, mask: Tensor) -> Tensor:
    """wav2vec 2.0 eq. 3 + alpha * eq. 4, per masked frame; distractors are all other masked frames of the example."""
    quantized, perplexity = model.quantizer(model.dropout_features(extracted), mask_time_indices=mask)
    targets = F.normalize(model.project_q(quantized.to(model.project_q.weight.dtype)).float(), dim=-1)
    guesses = F.normalize(model.project_hid(context).float(), dim=-1)
    likeness = guesses @ targets.transpose(1, 2) / model.config.contrastive_logits_temperature  # (B, T, T)
    with torch.no_grad():
        same = targets @ targets.transpose(1, 2) > 1 - 1e-5
        itself = torch.eye(same.shape[1], dtype=torch.bool, device=same.device)
        hidden = (same | ~mask[:, None, :]) & ~itself
    logits = likeness.masked_fill(hidden, float("-inf"))[mask]
    loss = F.cross_entropy(logits, itself.int().argmax(1).expand(mask.shape)[mask])
    codes = model.config.num_codevectors_per_group * model.config.num_codevector_groups
    return loss + model.config.diversity_loss_weight * (codes - perplexity) / codes


@torch.inference_mode()
def validate(model, teacher: Teacher, batch, settings: EncoderTraining) -> dict:
    """Unmasked losses, and the F1 of pitch classes, on fixed examples of the validation songs, clean."""
    model.eval()
    rng = np.random.default_rng(0)
    collected = {k: round(float(v), 4) for k, v in losses(model, teacher, batch, settings, rng, False).items()}
    model.train()
    return {f"valid_{key}": value for key, value in collected.items()}


def new_model(settings: EncoderTraining) -> tuple[Wav2Vec2ForPreTraining, Teacher]:
    """A new model with the music front end, and its teacher."""
    torch.manual_seed(settings.seed)
    config = music_config(settings.pitches, settings.dim, settings.layers, settings.heads)
    config.context = settings.seconds
    model = Wav2Vec2ForPreTraining(config)
    first: Any = model.wav2vec2.feature_extractor.conv_layers[0]
    with torch.no_grad():
        first.conv.weight.copy_(torch.from_numpy(music_filters(config.conv_dim[0] // 4))[:, None])
        first.conv.bias.zero_()
    LongConv.replace(model.wav2vec2)
    for parameter in first.parameters():
        parameter.requires_grad_(False)
    return model, Teacher(config.hidden_size)


def fit(data: list[Path], out: Path, resume: bool, settings: EncoderTraining) -> dict[str, float]:
    """Train until `settings.minutes` are spent; leaves config.json + model.safetensors (fp16) in `out`.

    Returns the last validation losses. The clock sets the learning rate, so two runs of as many minutes are alike but
    not equal. TrainError, AudioError for data and runs that cannot be used.
    """
    refuse_to_overwrite(out, resume)
    torch.set_num_threads(settings.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, teacher = new_model(settings)
    learned = nn.ModuleDict({"model": model, "teacher": teacher}).to(device)
    encoder = Wav2Vec2Encoder(Wav2Vec2ForPreTraining(model.config).wav2vec2, 0.25, settings.seconds)
    samples = (round(settings.seconds * SAMPLERATE / encoder.stride) - 1) * encoder.stride + encoder.support
    songs = Songs(data, "train", samples, encoder)
    validation = _validation(Songs(data, "validation", samples, encoder), device)
    parameters = [p for p in learned.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, settings.rate, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run(out, settings, learned, optimizer, resume)
    model.train()
    for batch in batches(songs, settings, run.step):
        if run.share(settings.minutes) >= 1:
            break
        with run.clock():
            report = _update(model, teacher, optimizer, [part.to(device) for part in batch], run, settings)
        due = run.step % VALIDATE == VALIDATE - 1
        run.tick(report, validate(model, teacher, validation, settings) if due else None)
    scores = validate(model, teacher, validation, settings)
    run.save()
    save_encoder(model, out)
    return scores


def _validation(songs: Songs, device: str) -> list[Tensor]:
    """The same clean examples each time: audio, pitches and roots."""
    examples = [songs.sample(np.random.default_rng([1, n]), augment=False) for n in range(HELD_OUT)]
    return [torch.from_numpy(np.stack(part)).to(device) for part in zip(*examples, strict=True)]


def _update(
    model: Wav2Vec2ForPreTraining,
    teacher: Teacher,
    optimizer: torch.optim.Optimizer,
    batch: list[Tensor],
    run: Run,
    settings: EncoderTraining,
) -> dict[str, float]:
    """One step of the optimizer; the losses, by name."""
    set_rate(optimizer, settings.rate * cosine(run.step, run.share(settings.minutes), warmup=100))
    model.set_gumbel_temperature(max(2 * 0.999**run.step, 0.5))
    rng = np.random.default_rng([settings.seed, 1, run.step])
    with torch.autocast(batch[0].device.type, torch.bfloat16):
        by_name = losses(model, teacher, batch, settings, rng)
    weights = {name: getattr(settings, name) for name in ("contrastive", "pitch_class", "pitch", "root")}
    optimizer.zero_grad(set_to_none=True)
    sum(weights[name] * loss for name, loss in by_name.items()).backward()
    for group in optimizer.param_groups:
        nn.utils.clip_grad_norm_(group["params"], 1.0)
    optimizer.step()
    return {name: float(loss.detach()) for name, loss in by_name.items()}


def save_encoder(model: Wav2Vec2ForPreTraining, out: Path) -> None:
    """Write the encoder alone as `transformers` reads it, in fp16."""
    model.wav2vec2.half().save_pretrained(out, safe_serialization=True)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    command_line.recipe(__doc__ or "", EncoderTraining, fit, argv)


if __name__ == "__main__":
    command_line.run(main)

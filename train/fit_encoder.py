"""Train the embedded encoder: wav2vec 2.0 on stems, with a musical teacher.

    python -m train.fit_encoder DATA... -o DIR [--minutes 40] [--resume]      (antiphon train encoder is the same)
    torchrun --nproc-per-node N -m train.fit_encoder ...      on N GPUs, whose examples make one batch of --batch
    python -m train.fit_encoder --import CHECKPOINT.pt -o DIR                 (train/import_fairseq.py)

DATA: folders made by train/songs/render.py, and of recordings (train/songs/recordings.py). Two losses share the masked
context network: the contrastive loss of wav2vec 2.0 (Baevski et al., 2020, eq. 2-4), and the prediction of notes at
masked and unmasked frames: pitch classes, pitches, onsets, pitch classes of all parts of the song (what two parts
share) and, where the score has chords, the chord root. A label is of the mean of a hop's frames, so that mean is
taught, too: for how much of the hop each pitch class sounds, of the part and of all parts. The filter bank of the first
layer is frozen. Stems are loaded once, and examples made on the training device (train.data.examples). Transposition by
resampling, detuning, vibrato, a second stem, drums, rooms, noise, tilt and level are to generalise from rendered notes
to recordings.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2ForPreTraining

from perception.wav2vec2 import SAMPLERATE, LongConv, Wav2Vec2Encoder, music_config, music_filters
from train import import_fairseq
from train.common import command_line
from train.common.errors import TrainError
from train.common.ranks import Ranks
from train.common.run import Run, refuse_to_overwrite
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data.examples import PITCHES, ExampleMaker, Examples, pitch_classes
from train.data.store import Store
from train.songs.rooms import load_rooms

VALIDATE_EVERY_STEPS = 250
VALIDATION_EXAMPLES = 96
MASK_SPAN_FRAMES = 5
HOP_FRAMES = (12, 25)  # of the hops whose means are taught, 0.25 and 0.5 s
READ_LOSSES_EVERY_STEPS = 10  # reading makes the device wait


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
    start: str = setting("", "folder of an encoder of this shape whose weights to begin with")
    contrastive: float = setting(0.3, "weight of the wav2vec 2.0 loss")
    pitch_class: float = setting(3.0, "weight of the loss of pitch classes")
    pitch: float = setting(3.0, "weight of the loss of pitches")
    onset: float = setting(1.0, "weight of the loss of onsets")
    root: float = setting(0.5, "weight of the loss of chord roots")
    harmony: float = setting(1.0, "weight of the loss of the pitch classes of all parts")
    hop_shares: float = setting(1.0, "weight of the loss of how long pitch classes sound in a hop")
    recorded: float = setting(0.25, "share of the examples from recordings, where there are any")
    rooms: str = setting("", "folder of impulse responses")
    masked: float = setting(0.4, "share of frames that are masked, in spans of 5")
    seed: int = setting(0, "of weights and examples")
    threads: int = setting(2, "of PyTorch on a CPU", may_change=True)
    device: str = setting("auto", "cpu, cuda or auto", may_change=True)


class Teacher(nn.Module):
    """Linear heads on the context network (B, T, dim): 12 pitch classes, notes and onsets (PITCHES), 12 roots, and 12
    pitch classes of all parts; on the means of hops: 12 pitch classes of the part, and 12 of all parts."""

    def __init__(self, dim: int):
        super().__init__()
        self.pitch_class = nn.Linear(dim, 12)
        self.pitch = nn.Linear(dim, PITCHES)
        self.onset = nn.Linear(dim, PITCHES)
        self.root = nn.Linear(dim, 12)
        self.harmony = nn.Linear(dim, 12)
        self.hop_shares = nn.Linear(dim, 24)


def losses(
    model: Any, teacher: Teacher, batch: Examples, settings: EncoderTraining, generator: torch.Generator | None
) -> dict[str, Tensor]:
    """The losses of a batch by name, scalar tensors; see the module.

    generator: None masks nothing, no contrastive loss.
    """
    wav2vec = model.wav2vec2
    with torch.no_grad():
        collected = wav2vec.feature_extractor.conv_layers[0](batch.audio[:, None])
    for layer in wav2vec.feature_extractor.conv_layers[1:]:
        collected = layer(collected)
    hidden, extracted = wav2vec.feature_projection(collected.transpose(1, 2))
    out = {}
    if generator is not None:
        mask = span_mask(hidden.shape[:2], settings.masked, generator)
        hidden = torch.where(mask[..., None], wav2vec.masked_spec_embed.to(hidden.dtype), hidden)
    context = wav2vec.encoder(hidden).last_hidden_state
    if generator is not None:
        out["contrastive"] = contrastive(model, context, extracted, mask)
    context = context.float()
    out["pitch_class"] = F.binary_cross_entropy_with_logits(
        teacher.pitch_class(context), pitch_classes(batch.active).float()
    )
    out["pitch"] = F.binary_cross_entropy_with_logits(teacher.pitch(context), batch.active.float()) * 3
    out["onset"] = F.binary_cross_entropy_with_logits(teacher.onset(context), batch.onset.float()) * 10
    logits = teacher.root(context).flatten(0, 1)
    root = F.cross_entropy(logits, batch.root.flatten(), ignore_index=-100, reduction="sum")
    out["root"] = root / (batch.root >= 0).sum().clamp(min=1)
    out["harmony"] = F.binary_cross_entropy_with_logits(teacher.harmony(context), batch.harmony.float())
    sounding = torch.stack([pitch_classes(batch.active), batch.harmony], 2).float()
    out["hop_shares"] = torch.stack(
        [hop_shares_loss(teacher, context, sounding, frames) for frames in HOP_FRAMES]
    ).mean()
    return out


def hop_shares_loss(teacher: Teacher, context: Tensor, sounding: Tensor, frames: int) -> Tensor:
    """Cross-entropy of the pitch classes of hops of so many frames, from the mean of their frames; nats, a scalar.

    context: (B, T, dim). sounding: (B, T, 2, 12), 1 where a pitch class sounds in the part, and in any part. The target
    is each class's share of what sounds. A loss of single frames leaves a mean that says little of durations: one frame
    that is sure of a class can outweigh three that are less sure of another. 0 where no hop fits, or nothing sounds.
    """
    hops = context.shape[1] // frames
    newest = slice(context.shape[1] - hops * frames, None)  # the last hop is the one that is heard live
    mean, shares = (each[:, newest].unflatten(1, (hops, frames)).mean(2) for each in (context, sounding))
    heard = shares.sum(-1)
    log_p = F.log_softmax(teacher.hop_shares(mean).unflatten(-1, (2, 12)), -1)
    nats = -(shares * log_p).sum(-1) / heard.clamp(min=1e-6)
    return nats.sum() / (heard > 0).sum().clamp(min=1)


def span_mask(shape: tuple[int, int] | torch.Size, share: float, generator: torch.Generator) -> Tensor:
    """(B, T) bool, about `share` masked in spans of MASK_SPAN_FRAMES frames, at least one span in each row."""
    batch, frames = shape
    starts = max(1, round(share * frames / MASK_SPAN_FRAMES))
    begins = torch.randint(frames - MASK_SPAN_FRAMES + 1, (batch, starts), generator=generator, device=generator.device)
    at = torch.arange(frames, device=generator.device)
    inside = (at >= begins[..., None]) & (at < begins[..., None] + MASK_SPAN_FRAMES)
    return inside.any(1)


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
def validate(model: Any, teacher: Teacher, batch: Examples, settings: EncoderTraining) -> dict[str, float]:
    """Unmasked losses on fixed clean examples of the validation songs, by name."""
    model.eval()
    scores = {f"valid_{name}": round(float(v), 4) for name, v in losses(model, teacher, batch, settings, None).items()}
    model.train()
    return scores


def new_model(settings: EncoderTraining) -> tuple[Wav2Vec2ForPreTraining, Teacher]:
    """A new model with the music front end, its first layer frozen, and its teacher."""
    torch.manual_seed(settings.seed)
    config = music_config(settings.pitches, settings.dim, settings.layers, settings.heads)
    config.context = settings.seconds
    model = Wav2Vec2ForPreTraining(config)
    first: Any = model.wav2vec2.feature_extractor.conv_layers[0]
    with torch.no_grad():
        first.conv.weight.copy_(torch.from_numpy(music_filters(settings.pitches))[:, None])
        first.conv.bias.zero_()
    if settings.start:
        _begin_with(Path(settings.start), model.wav2vec2)
    LongConv.replace(model.wav2vec2)
    for parameter in first.parameters():
        parameter.requires_grad_(False)
    return model, Teacher(config.hidden_size)


def _begin_with(folder: Path, wav2vec: nn.Module) -> None:
    """Load the weights of the encoder in a folder. TrainError, EncoderError where it has another shape."""
    known = Wav2Vec2Encoder.load(folder, 0.25).model.state_dict()
    try:
        wav2vec.load_state_dict(known)
    except RuntimeError as error:
        raise TrainError(
            f"the encoder in '{folder}' has another shape ({str(error).splitlines()[1].strip()})"
        ) from None


def fit(data: list[Path], out: Path, resume: bool, settings: EncoderTraining) -> dict[str, float]:
    """Train until `settings.minutes` are spent; leaves config.json + model.safetensors (fp16) in `out`.

    Returns the last validation losses. The clock sets the learning rate, so two runs of as many minutes are not equal.
    TrainError, AudioError for data and runs that cannot be used.
    """
    refuse_to_overwrite(out, resume)
    torch.set_num_threads(settings.threads)
    ranks = Ranks(settings.device)
    device = ranks.device
    model, teacher = new_model(settings)
    learned = nn.ModuleDict({"model": model, "teacher": teacher}).to(device)
    encoder = Wav2Vec2Encoder(Wav2Vec2ForPreTraining(model.config).wav2vec2, 0.25, settings.seconds)
    samples = (round(settings.seconds * SAMPLERATE / encoder.stride) - 1) * encoder.stride + encoder.support
    maker = ExampleMaker(Store(data, "train", device), encoder, samples, recorded=settings.recorded)
    validation_maker = ExampleMaker(Store(data, "validation", device), encoder, samples)
    validation = validation_maker.draw(VALIDATION_EXAMPLES, np.random.default_rng(1), clean=True)
    rooms = responses(Path(settings.rooms)).to(device) if settings.rooms else None
    parameters = [p for p in learned.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, settings.rate, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run(out, settings, learned, optimizer, resume, ranks=ranks)
    (own,) = ranks.parts(settings.batch)
    if own.stop == own.start:
        raise TrainError(f"batch = {settings.batch}: expected at least as many examples as processes, {ranks.count}")
    model.train()
    while run.share(settings.minutes) < 1:
        with run.clock():
            seed = [settings.seed, run.step, *([ranks.rank] if ranks.rank else [])]
            batch = maker.draw(own.stop - own.start, np.random.default_rng(seed), rooms=rooms)
            report = _update(model, teacher, optimizer, batch, run, settings)
        due = run.step % VALIDATE_EVERY_STEPS == VALIDATE_EVERY_STEPS - 1
        run.tick(report, validate(model, teacher, validation, settings) if due and ranks.first else None)
    scores = validate(model, teacher, validation, settings)
    run.save()
    if ranks.first:
        save_encoder(model, out)
    return scores


def responses(folder: Path) -> Tensor:
    """(rooms, SAMPLERATE) float32 impulse responses of a folder of rooms, cut or filled up to a second."""
    rooms = [torch.from_numpy(room.response[:SAMPLERATE]) for room in load_rooms(folder)]
    return torch.stack([F.pad(response, (0, SAMPLERATE - len(response))) for response in rooms])


def _update(
    model: Wav2Vec2ForPreTraining,
    teacher: Teacher,
    optimizer: torch.optim.Optimizer,
    batch: Examples,
    run: Run,
    settings: EncoderTraining,
) -> dict[str, float] | None:
    """One step of the optimizer; returns the losses by name every READ_LOSSES_EVERY_STEPS steps, else None."""
    set_rate(optimizer, settings.rate * cosine(run.step, run.share(settings.minutes), warmup=100))
    model.set_gumbel_temperature(max(2 * 0.999**run.step, 0.5))
    device = batch.audio.device
    generator = torch.Generator(device).manual_seed(settings.seed * 1_000_003 + run.step + (run.ranks.rank << 32))
    with torch.autocast(device.type, torch.bfloat16):
        by_name = losses(model, teacher, batch, settings, generator)
    total = torch.stack([getattr(settings, name) * loss for name, loss in by_name.items()]).sum()
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    run.ranks.mean_gradients(run.learned)
    for group in optimizer.param_groups:
        nn.utils.clip_grad_norm_(group["params"], 1.0)
        for parameter in group["params"]:  # a batch with a NaN loss changes nothing
            if parameter.grad is not None:
                torch.nan_to_num_(parameter.grad, 0.0, 0.0, 0.0)
    optimizer.step()
    if (run.step + 1) % READ_LOSSES_EVERY_STEPS:
        return None
    return {name: float(loss.detach()) for name, loss in by_name.items()}


def save_encoder(model: Wav2Vec2ForPreTraining, out: Path) -> None:
    """Write the encoder alone as `transformers` reads it, in fp16."""
    model.wav2vec2.half().save_pretrained(out, safe_serialization=True)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe, and of the conversion of fairseq's checkpoints (--import)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if any(word == "--import" or word.startswith("--import=") for word in words):
        import_fairseq.main(words)
        return
    command_line.recipe(__doc__ or "", EncoderTraining, fit, words)


if __name__ == "__main__":
    command_line.run(main)

"""Train the embedded encoder: wav2vec 2.0 on stems we rendered, with a musical teacher.

    python -m train.fit_encoder DATA... -o DIR [--minutes 40] [--resume]      (antiphon train encoder is the same)

DATA: folders made by train/data/render.py. Two losses share the masked context network: the contrastive loss of
wav2vec 2.0 (Baevski et al., 2020, eq. 2-4), and the notes themselves: pitch classes, pitches and, where the score
names its chords, the chord root, predicted at masked and unmasked frames alike. The filter bank of the first
layer stays as it was made; everything above it learns. Augmentation (tuning and transposition by resampling, gain,
a second stem, noise, tilt, room) is what should carry it from rendered notes to recordings.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import torch
import torch.nn.functional as F
from scipy.signal import fftconvolve, lfilter
from torch import Tensor, nn
from transformers import Wav2Vec2ForPreTraining
from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

from perception.wav2vec2 import SAMPLERATE, LongConv, Wav2Vec2Encoder, music_config, music_filters
from train.common.errors import TrainError, told
from train.common.run import Run
from train.common.settings import settings_from_flags

PITCHES = (24, 97)  # MIDI notes the teacher names


@dataclass(frozen=True)
class Settings:
    """What a run of this recipe can change; saved with it."""

    minutes: float = 36.0  # of training, over all resumptions
    dim: int = 256  # of the context network
    layers: int = 4
    heads: int = 4
    pitches: int = 168  # of the filter bank, quarter tones from C1
    batch: int = 48
    seconds: float = 1.28  # context of the encoder, and length of a training example
    rate: float = 1e-3  # peak learning rate (AdamW, one cosine)
    contrastive: float = 0.3  # weight of the wav2vec 2.0 loss
    pitch_class: float = 3.0
    pitch: float = 3.0
    root: float = 0.5
    masked: float = 0.4  # share of frames masked, in spans of 5
    seed: int = 0
    threads: int = 2


class Teacher(nn.Module):
    """Linear readings of the context network: (B, T, dim) -> pitch classes (12), pitches (73), chord root (12)."""

    def __init__(self, dim: int):
        super().__init__()
        self.pitch_class = nn.Linear(dim, 12)
        self.pitch = nn.Linear(dim, PITCHES[1] - PITCHES[0])
        self.root = nn.Linear(dim, 12)


class Songs:
    """Rendered songs of one split; draws augmented examples.

    sample(rng) -> audio (samples,) float32, pitches (frames, 73) bool, root (frames,) int64 (-100: not known).
    """

    def __init__(self, folders: list[Path], split: str, samples: int, encoder: Wav2Vec2Encoder):
        self.songs = sorted(song.parent for folder in folders for song in folder.glob(f"{split}/*/song.json"))
        if not self.songs:
            raise TrainError(f"no song below {folders[0]}/{split}: make them with python -m train.data.render")
        self.samples, self.encoder = samples, encoder
        self.frames = (samples - encoder.support) // encoder.stride + 1
        self.known: dict[Path, tuple] = {}

    def score(self, song: Path) -> tuple[dict, np.ndarray, float]:
        """({part: (n, 3) notes}, (c, 3) chords, seconds) of a song, read once."""
        if song not in self.known:
            with told(song):
                about = json.loads((song / "song.json").read_text())
                with np.load(song / "notes.npz") as notes:
                    parts = {part: notes[part] for part in notes.files}
                self.known[song] = parts, np.array(about["chords"], np.float32).reshape(-1, 3), about["seconds"]
        return self.known[song]

    def sample(self, rng: np.random.Generator, augment: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One example; see the class. Examples that are silent throughout are drawn again."""
        while True:
            song = self.songs[rng.integers(len(self.songs))]
            parts, chords, seconds = self.score(song)
            speed = 2 ** (rng.uniform(-3.5, 3.5) / 12) if augment else 1.0
            length = int(self.samples * speed) + 2
            begin = rng.uniform(0, max(0.01, seconds - length / SAMPLERATE))
            chosen = [str(rng.choice(list(parts)))]
            if augment and rng.random() < 0.35:
                chosen = list(dict.fromkeys([*chosen, str(rng.choice(list(parts)))]))
            stems = [self._read(song / f"{part}.flac", begin, length) for part in chosen]
            audio = np.sum([stem * 10 ** rng.uniform(-0.4, 0.4) for stem in stems], axis=0)
            if np.sqrt(np.mean(audio**2)) > 3e-3:
                break
        audio = np.interp(np.arange(self.samples) * speed, np.arange(length), audio).astype(np.float32)
        pitches = np.zeros((self.frames, PITCHES[1] - PITCHES[0]), bool)
        for part in chosen:
            self._mark(pitches, parts[part], begin, speed)
        chordal = pitches.sum(1).max(initial=0) > 1  # one voice alone does not say which chord it belongs to
        root = self._roots(chords, begin, speed) if chordal else np.full(self.frames, -100)
        return (worsen(audio, rng) if augment else audio), pitches, root

    @staticmethod
    def _read(path: Path, begin: float, length: int) -> np.ndarray:
        with told(path.parent), sf.SoundFile(path) as file:
            file.seek(min(int(begin * SAMPLERATE), max(0, file.frames - 1)))
            stem = file.read(length, dtype="float32")
        return np.pad(stem, (0, length - len(stem)))

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


def worsen(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What lies between a rendered stem and a recording: room, tilt of the spectrum, noise, level."""
    if rng.random() < 0.5:
        decay = rng.uniform(0.1, 1.0)
        time_ = np.arange(int(decay * SAMPLERATE)) / SAMPLERATE
        room = rng.standard_normal(len(time_)) * np.exp(-6.9 * time_ / decay)
        wet = fftconvolve(audio, room.astype(np.float32))[: len(audio)]
        audio = audio + wet * rng.uniform(0.05, 0.7) * np.sqrt(np.mean(audio**2) / (np.mean(wet**2) + 1e-12))
    if rng.random() < 0.5:
        tilt = rng.uniform(-0.85, 0.85)
        audio = lfilter([1.0, tilt], [1.0 + abs(tilt)], audio)
    level = np.sqrt(np.mean(audio**2))
    if rng.random() < 0.5:
        noise = lfilter([1.0], [1.0, -rng.uniform(0, 0.98)], rng.standard_normal(len(audio)))
        audio = audio + noise * level / np.sqrt(np.mean(noise**2)) * 10 ** (-rng.uniform(10, 45) / 20)
    if rng.random() < 0.1:  # a piece begins: silence before it
        audio[: rng.integers(len(audio) * 3 // 4)] = 0
    return (audio * 10 ** rng.uniform(-1.3, 0.3) * 0.1 / (level + 1e-6)).astype(np.float32)


def batches(songs: Songs, settings: Settings, start: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless batches, prepared by a thread ahead of need; batch n depends on the seed and n alone."""
    ready: queue.Queue = queue.Queue(maxsize=4)

    def work() -> None:
        for number in range(start, 1 << 40):
            rng = np.random.default_rng([settings.seed, number])
            audio, pitches, root = zip(*(songs.sample(rng) for _ in range(settings.batch)), strict=True)
            ready.put([torch.from_numpy(np.stack(part)) for part in (audio, pitches, root)])

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield ready.get()


def losses(model, teacher: Teacher, batch, settings: Settings, rng: np.random.Generator, masked=True) -> dict:
    """The four losses of a batch, each a scalar tensor; see the head of this file."""
    audio, pitches, root = batch
    wav2vec = model.wav2vec2
    with torch.no_grad():
        spectrum = wav2vec.feature_extractor.conv_layers[0](audio[:, None])
    found = wav2vec.feature_extractor.conv_layers[1](spectrum)
    for layer in wav2vec.feature_extractor.conv_layers[2:]:
        found = layer(found)
    hidden, extracted = wav2vec.feature_projection(found.transpose(1, 2))
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
def validate(model, teacher: Teacher, batch, settings: Settings) -> dict:
    """Unmasked losses, and the F1 of pitch classes, on fixed examples of the validation songs, clean."""
    model.eval()
    rng = np.random.default_rng(0)
    found = {k: round(float(v), 4) for k, v in losses(model, teacher, batch, settings, rng, False).items()}
    model.train()
    return {f"valid_{key}": value for key, value in found.items()}


def build(settings: Settings) -> tuple[Wav2Vec2ForPreTraining, Teacher]:
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


def fit(data: list[Path], out: Path, resume: bool, settings: Settings) -> dict:
    """Train until `settings.minutes` are spent; leaves config.json + model.safetensors (fp16) in `out`.

    Returns the last validation losses. A run that was cut off goes on from its last checkpoint with `resume`. The
    clock sets the learning rate, so two runs of as many minutes are alike but not equal.
    """
    torch.set_num_threads(settings.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, teacher = build(settings)
    whole = nn.ModuleDict({"model": model, "teacher": teacher}).to(device)
    encoder = Wav2Vec2Encoder(Wav2Vec2ForPreTraining(model.config).wav2vec2, 0.25, settings.seconds)
    samples = (round(settings.seconds * SAMPLERATE / encoder.stride) - 1) * encoder.stride + encoder.support
    learned = [p for p in whole.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, settings.rate, betas=(0.9, 0.98), weight_decay=0.01)
    songs = Songs(data, "train", samples, encoder)
    held = Songs(data, "validation", samples, encoder)
    examples = [held.sample(np.random.default_rng([1, n]), augment=False) for n in range(96)]
    fixed = [torch.from_numpy(np.stack(part)).to(device) for part in zip(*examples, strict=True)]
    run = Run(out, settings, whole, optimizer, resume)
    weights = {k: getattr(settings, k) for k in ("contrastive", "pitch_class", "pitch", "root")}
    model.train()
    for batch in batches(songs, settings, run.step):
        if run.spent >= settings.minutes * 60:
            break
        began = time.monotonic()
        part = run.spent / (settings.minutes * 60)
        rate = settings.rate * min(1, (run.step + 1) / 100) * max(0.01, 0.5 * (1 + math.cos(math.pi * part)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.set_gumbel_temperature(max(2 * 0.999**run.step, 0.5))
        rng = np.random.default_rng([settings.seed, 1, run.step])
        with torch.autocast(device, torch.bfloat16):
            found = losses(model, teacher, [part.to(device) for part in batch], settings, rng)
        loss = sum(weights[key] * value for key, value in found.items())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        run.spent += time.monotonic() - began
        report = {key: float(value.detach()) for key, value in found.items()}
        if run.step % 250 == 249:
            report |= validate(model, teacher, fixed, settings)
        run.tick(report)
    scores = validate(model, teacher, fixed, settings)
    run.save()
    keep(model, out)
    return scores


def keep(model: Wav2Vec2ForPreTraining, out: Path) -> None:
    """Write the encoder alone as `transformers` reads it, in fp16."""
    model.wav2vec2.half().save_pretrained(out, safe_serialization=True)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    data, out, resume, settings = settings_from_flags(__doc__, Settings, argv)
    print(json.dumps({**fit(data, out, resume, settings), "settings": asdict(settings)}))


if __name__ == "__main__":
    main()

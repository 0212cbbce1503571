"""What the tests share: a tiny model built once, three kinds of music, and a hand for the command line.

The model is random and small, yet of every part it has the real one: a wav2vec 2.0 encoder saved by `transformers`,
alphabets fitted by k-means, decision models. Nothing is mocked.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import hypothesis
import numpy as np
import pytest
import soundfile as sf
import torch

from agent import cli
from agent.performance import loading
from agent.performance.model import Model
from agent.performance.session import Session
from agent.settings import config
from agent.verbs import play
from corpora.audio import read_at
from corpora.build import Progress, label
from corpora.corpus import Corpus
from corpora.whole_files import write_files
from decision.fill import Fill, FillConfig
from decision.model import Decision, DecisionConfig
from perception.coherence import SAMPLERATE, WINDOW_S, Calibration, Coherence
from perception.stream import Listener
from perception.units import file_stem, fit_alphabet, pca_projection
from perception.wav2vec2 import Wav2Vec2Encoder, Wav2Vec2Model, music_config, weights_hash
from perception.words import FILE, Words, WordsConfig

torch.set_num_threads(1)
hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one is no fault of ours
hypothesis.settings.load_profile("any machine")

HOPS = {0.25: 16, 0.35: 16, 0.5: 64}  # s -> K of the decision model
SIZES = (16, 64)  # K of the alphabets at every hop
TOPICS = {"tempo": ["slow", "fast"], "register": ["low", "high"], "instruments": ["piano", "flute"]}
VOICE_WORDS = ("<pad>", "</s>", "<unk>", "a", "sparse", "low", "bright", "bass", "drums")
WORDS = ("slow", "fast", "low", "high", "piano", "flute", "a", "in")


@pytest.fixture(scope="session", autouse=True)
def _what_was_imported_is_old() -> Iterator[None]:
    """An engine collects garbage when it begins; 700,000 objects of imports and tests took 0.4 s of each beginning."""
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("freeze", "unfreeze"):  # by which an engine would mix them with what a test has made
            patch.setattr(gc, name, lambda: None)
        yield


# --- music


def melody(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """Plucked notes with overtones and, now and then, a rest: (n,) float32."""
    rng, n = np.random.default_rng(seed), round(seconds * rate)
    out, at = np.zeros(n), 0
    while at < n:
        length = min(int(rate * rng.uniform(0.12, 0.7)), n - at)
        time = np.arange(length) / rate
        pitch = min(55 * 2 ** (rng.integers(0, 48) / 12), rate / 8)
        if rng.random() > 0.2:
            wave = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in (1, 2, 3))
            out[at : at + length] = rng.uniform(0.05, 0.3) * wave * np.exp(-3 * time)
        at += length
    return out.astype(np.float32)


def noise(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """Noise that swells and dies below the gate: (n,) float32."""
    rng, n = np.random.default_rng(seed), round(seconds * rate)
    time = np.arange(n) / rate
    level = 10 ** (-1 - 2.5 * (0.5 + 0.5 * np.sin(2 * np.pi * time / rng.uniform(1.5, 4))))
    return (level * rng.uniform(-1, 1, n)).astype(np.float32)


def glide(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """A tone that never holds its pitch, clicks, and holes of digital silence: (n,) float32."""
    rng, n = np.random.default_rng(seed), round(seconds * rate)
    pitch = np.interp(np.arange(n), np.linspace(0, n, 12), rng.uniform(60, min(2000, rate / 8), 12))
    out = 0.2 * np.sin(2 * np.pi * np.cumsum(pitch) / rate)
    out[rng.integers(0, n, 5)] += 0.5
    hole = int(rng.integers(0, n))
    out[hole : hole + rate] = 0
    return out.astype(np.float32)


KINDS = {"melody": melody, "noise": noise, "glide": glide}


def write(path: Path, audio: np.ndarray, rate: int, subtype: str | None = None) -> Path:
    """Write an audio file and return its path."""
    sf.write(path, audio, rate, subtype=subtype)
    return path


# --- the tiny model


def make_model(folder: Path, seed: int = 0) -> Path:
    """A model folder (agent/performance/model_folder.py); `seed` decides the alphabets and the decision models."""
    (folder / "units").mkdir(parents=True)
    torch.manual_seed(7)
    Wav2Vec2Model(music_config(pitches=24, dim=32, layers=1, heads=2)).save_pretrained(folder / "encoder")
    sound = np.concatenate([make(100, 16000, 3 + n) for n, make in enumerate(KINDS.values())])
    for hop, spoken in HOPS.items():
        features = np.tile(Wav2Vec2Encoder.load(folder / "encoder", hop).batch(sound)[0], (2, 1))
        for units in SIZES:
            alphabet = fit_alphabet(features, units, hop, pca_projection(features, 16), seed)
            (folder / "units" / f"{file_stem(units, hop)}.safetensors").write_bytes(alphabet.to_bytes())
            if units == spoken:
                torch.manual_seed(seed)
                about = DecisionConfig(
                    units=units, hop=hop, window=int(np.ceil(15 / hop - 1e-6)), alphabet=alphabet.hash,
                    dim=32, layers=1, heads=2, ff=64,
                )  # fmt: skip
                write_files(folder / "decision" / file_stem(units, hop), Decision(about).files())
    torch.manual_seed(3)
    words = Words(WordsConfig(WORDS, weights_hash(folder / "encoder"), 32, ("a", "in"), TOPICS, 16, 1, 2, 16))
    write_files(folder / "words", {FILE: words.to_bytes()})
    about = {"format": 1, "name": folder.name, "hops": {f"{hop:g}": units for hop, units in HOPS.items()}}
    (folder / "model.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Folder of a tiny random model for hops of 0.25, 0.35 and 0.5 s. Read only: copy it to damage it."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def other(tmp_path_factory) -> Path:
    """Another model: the same encoder, other alphabets."""
    return make_model(tmp_path_factory.mktemp("models") / "other", seed=1)


@pytest.fixture(scope="session")
def tiny_coherence(tmp_path_factory) -> Path:
    """Folder of a random coherence model, calibrated on itself. Read only: copy it to damage it.

    Its normalizations have seen some sound, so that unlike sounds get unlike scores, and what is alike fits best.
    """
    torch.manual_seed(7)
    model = Coherence()
    model.similarity.data = 0.2 * model.similarity.data + 0.1 * torch.eye(len(model.similarity))
    sounds = [make(WINDOW_S, SAMPLERATE, 50 + n) for make in KINDS.values() for n in range(3)]
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.inference_mode():
        model.train()(torch.stack([model.features(sound) for sound in sounds]))
    model.eval()
    kept: dict = {"true": {}, "shuffled": {}, "strangers": {}}
    for mode in model.modes:
        placed = model.embed(sounds, mode).clone()
        scores = model.similarities(placed, placed).detach()
        leads = scores - scores.mean(1, keepdim=True)
        same = torch.eye(len(sounds), dtype=torch.bool)
        kept["strangers"][mode] = placed.mean(0).tolist()
        for name, which in (("true", same), ("shuffled", ~same)):
            kept[name][mode] = np.quantile(leads[which].numpy(), np.linspace(0, 1, 9)).tolist()
    model.calibration, model.source = Calibration(**kept, source="plucked notes and noise", pairs=9), "random weights"
    folder = tmp_path_factory.mktemp("coherence") / "coherence"
    folder.mkdir()
    for name, content in model.files().items():
        (folder / name).write_bytes(content)
    return folder


def make_voice(folder: Path, condition: bool) -> Path:
    """A random Stable Audio pipeline of two channels at 16 kHz, 2 s at once, which knows VOICE_WORDS.

    condition: its transformer takes the latent of a mix beside the noisy one.
    """
    from diffusers import (
        AutoencoderOobleck,
        CosineDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    torch.manual_seed(5)
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(VOICE_WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    latent, dim, heads = 8, 16, 2
    vae = AutoencoderOobleck(
        encoder_hidden_size=2 * latent, downsampling_ratios=[4, 4, 8], channel_multiples=[1, 2, 4],
        decoder_channels=4, decoder_input_channels=latent, audio_channels=2, sampling_rate=16000,
    )  # fmt: skip
    for name, weights in vae.named_parameters():  # a mix, not a constant, is what is in a latent and comes out again
        if name.endswith("bias"):
            weights.data.zero_()
    vae.encoder.conv2.weight_g.data *= 200  # of deviation 1, about
    vae.decoder.conv2.weight_g.data *= 2
    StableAudioPipeline(
        vae=vae,
        text_encoder=T5EncoderModel(
            T5Config(vocab_size=len(VOICE_WORDS), d_model=dim, d_kv=8, d_ff=32, num_layers=1, num_heads=heads)
        ),
        projection_model=StableAudioProjectionModel(dim, dim, 0, 32),
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=8
        ),
        transformer=StableAudioDiTModel(
            sample_size=256, in_channels=latent * (2 if condition else 1), out_channels=latent, num_layers=1,
            attention_head_dim=dim // heads, num_attention_heads=heads, num_key_value_attention_heads=heads,
            cross_attention_dim=dim, cross_attention_input_dim=dim, global_states_input_dim=2 * dim, time_proj_dim=8,
        ),
        scheduler=CosineDPMSolverMultistepScheduler(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def voices(tmp_path_factory) -> dict[str, Path]:
    """{way in which it hears a mix (decision/diffusion.py): folder of a tiny random voice}. Copy one to damage it."""
    folder = tmp_path_factory.mktemp("voices")
    return {way: make_voice(folder / way, way == "condition") for way in ("start", "condition")}


@pytest.fixture(scope="session")
def memory(tmp_path_factory) -> Path:
    """An audio file to play with: 24 s of all three kinds, 48 kHz."""
    sound = np.concatenate([make(8, 48000, 20 + n) for n, make in enumerate(KINDS.values())])
    return write(tmp_path_factory.mktemp("memory") / "memory.wav", sound, 48000, "FLOAT")


@pytest.fixture(scope="session")
def guide(tmp_path_factory) -> Path:
    """An audio file to answer: 6.3 s of melody at 48 kHz, no whole number of hops."""
    return write(tmp_path_factory.mktemp("guide") / "guide.wav", melody(6.3, 48000, 1), 48000, "PCM_24")


@dataclass(frozen=True)
class Stage:
    """Makes sessions on the tiny model."""

    model: Path
    memory: Path

    def settings(self, *sets: str, hop: float = 0.5) -> config.Config:
        """Settings of such a session; `sets` as after --set."""
        return config.read(None, [f"agent.model={self.model}", f"agent.memory={self.memory}", f"live.hop={hop}", *sets])

    def session(self, *sets: str, hop: float = 0.5, rate: int = 48000) -> Session:
        """A session at a device rate (Hz)."""
        return loading.open_session(self.settings(*sets, hop=hop), rate)[0]


@pytest.fixture(scope="session")
def stage(tiny, memory) -> Stage:
    """Sessions on the tiny model and the shared memory."""
    return Stage(tiny, memory)


@pytest.fixture(scope="session")
def load(tiny):
    """`load(hop, units=None)` -> the tiny model's ear (no decision), loaded once per hop and K."""
    known: dict = {}

    def ear(hop: float, units: int | None = None) -> Model:
        if (hop, units) not in known:
            known[hop, units] = Model.load(tiny, hop, units, decide=False)
        return known[hop, units]

    return ear


@pytest.fixture(scope="session", autouse=True)
def _label_once() -> Iterator[None]:
    """What a session opens is labelled by the first that opens it: the rest would wait for it, not learn from it.

    That a recording gets the same labels each time is a law of its own, see tests/agent/performance/test_memories.py.
    """
    known: dict[str, Corpus] = {}

    def once(audio: np.ndarray, name: str, listener: Listener, progress: Progress | None = None) -> Corpus:
        if progress or not isinstance(listener.encoder, Wav2Vec2Encoder):
            return label(audio, name, listener, progress)
        encoder, alphabet = listener.encoder, listener.alphabet
        how = (encoder.hop, encoder.window, encoder.fresh, encoder.precision, encoder.normalise)
        about = repr((name, listener.samplerate, listener.gate_db, alphabet.hash, alphabet.hop, *how))
        key = hashlib.sha256(about.encode() + audio.tobytes())
        for weights in encoder.model.parameters():
            key.update(weights.detach().numpy().tobytes())
        if key.hexdigest() not in known:
            known[key.hexdigest()] = replace(label(audio, name, listener), recording=None)
        return replace(deepcopy(known[key.hexdigest()]), recording=audio)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "label", once)
        yield


# --- a part that is missing


@pytest.fixture(scope="session")
def busy_fill() -> Fill:
    """A tiny random fill model that plays in every bar, of a window of five bars. Read only."""
    torch.manual_seed(3)
    model = Fill(FillConfig(24, 1, 2, 80))
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
        model.rhythm.bias += 2
    return model.eval()


# --- a disk that is soon full


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[str], Path]]:
    """`disk("100k")` -> `tmp_path / "disk"`, a disk of that size; the test is skipped where none can be mounted."""
    folder = tmp_path / "disk"

    def mounted(size: str) -> Path:
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "x", folder]
        if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("needs root and the right to mount")
        return folder

    yield mounted
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)


# --- signals


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Signals have their usual handlers: a shell that starts the tests in its background ignores SIGINT for them."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


# --- the command line


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one sentence of a refusal; fails if there was more or less."""
        assert self.code == 2, f"exit code {self.code}: {self.err}"
        assert "Traceback" not in self.err
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert ": " in lines[0].removeprefix("antiphon: "), f"no remedy in: {lines[0]}"
        assert len(lines[0]) < 700
        return lines[0]


@pytest.fixture
def antiphon(capsys, monkeypatch, tmp_path):
    """`antiphon(*words)` runs the command line in this process, in an empty folder, and tells what it answered."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Said:
        capsys.readouterr()
        code = 0
        try:
            cli.main([str(word) for word in words])
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


def play_files(source: Path, out: Path, config: config.Config, *, log: Path | None = None, **options: Any) -> dict:
    """`antiphon play` from file to file; `options` are those of `agent.verbs.play.PlayOptions`. The report."""
    log_name = str(log) if log else None
    return play.play(config, play.PlayOptions(input=str(source), output=str(out), log=log_name, **options))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, with its contents."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def samples(path: Path) -> np.ndarray:
    """(n,) float32 of an audio file."""
    return read_at(path)


def damage_model(folder: Path, how: str, other: Path) -> None:
    """Damage a copy of the tiny model at 0.5 s; `how` is a part and what befalls it."""
    about, alphabet = folder / "model.json", folder / "units" / "k64_h0.50.safetensors"
    decision, encoder = folder / "decision" / "k64_h0.50", folder / "encoder" / "model.safetensors"
    files = {"model.json": about, "units": alphabet, "encoder": encoder, "decision": decision / "decision.safetensors",
             "decision.json": decision / "decision.json"}  # fmt: skip
    part, fate = how.split(" ", 1)
    file = files[part]
    if fate == "gone":
        if part == "encoder":
            shutil.rmtree(file.parent)
        else:
            file.unlink()
    elif fate == "cut":
        file.write_bytes(file.read_bytes()[:-20])
    elif fate == "a list":
        file.write_text("[]")
    elif fate == "without hops":
        file.write_text('{"format": 1}')
    elif fate == "of a later format":
        file.write_text('{"format": 2, "hops": []}')
    elif fate == "changed":
        raw = bytearray(file.read_bytes())
        raw[-3] ^= 64
        file.write_bytes(raw)
    elif fate == "of another":
        away = other / file.relative_to(folder)
        for name in [away] if part == "units" else away.parent.iterdir():
            shutil.copy(name, file.parent / name.name)
    else:
        raise ValueError(how)

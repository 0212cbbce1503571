"""`antiphon check`: whether this machine has all that a performance needs. Each finding is a line that says what to do.

An error prevents Antiphon from answering files. A note concerns only some uses, such as a sound card.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from action import concat, selection
from agent.devices import audio_device
from agent.engine import scheduling
from agent.performance.model import Model
from agent.performance.model_folder import describe, named_folder
from agent.performance.session import Session
from agent.settings.config import DEMO, Config, PerceptionSection, change
from agent.verbs import model_parts
from agent.verbs.bench_rivals import random_decision
from agent.verbs.errors import user_error_classes
from agent.verbs.measure import DEVICE_SAMPLERATE_HZ, machine, spread
from corpora.build import label
from perception.stream import boundary
from perception.wav2vec2 import Wav2Vec2Config, Wav2Vec2Encoder, Wav2Vec2Model

PACE_HOPS = 60  # hops answered to see whether the machine keeps up
FREE_DISK_BYTES = 200 << 20  # an hour of answer takes about 500 MB
SOUND_FONTS = (Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"), Path("/usr/share/soundfonts/FluidR3_GM.sf2"))
KERNEL_LOADING_S = 5.0  # loading compiled kernels takes less, compiling them takes more


def run(model: str | None, config: Config | None = None, devices: tuple[str, str] | None = None) -> dict:
    """Check everything; let a model (None: the one of the settings) answer a few seconds of noise.

    devices: input and output whose latency is measured; DeviceError if there are no such devices.
    Returns {"ready": whether files can be answered, "machine", "model", "hops": {hop: figures}, "findings"}, and with
    devices "latency" and "sustains"; each finding is {"what", "state": "ok", "note" or "error", "said"}.
    """
    config = config or Config()
    name = model or config.agent.model
    pair = _choose_devices(devices, config) if devices is not None else None  # a wrong name is refused before the work
    result: dict = {"ready": True, "machine": machine(), "model": name, "hops": {}, "findings": []}

    def note(what: str, state: str, said: str) -> None:
        result["findings"].append({"what": what, "state": state, "said": said})
        result["ready"] = result["ready"] and state != "error"

    note("compiled", *_compiled())
    _model(name, config.perception, result["hops"], note)
    note("demo", *_demo())
    note("disk", *_disk_space(Path.cwd()))
    note("temporary files", *_disk_space(Path(gettempdir())))
    note("sound card", *_sound_card())
    note("scheduling", *_scheduling())
    note("renderer", *_renderer())
    if pair is not None:
        _measure_devices(pair, config, result, note)
    return result


def _choose_devices(devices: tuple[str, str], config: Config) -> audio_device.DevicePair:
    return audio_device.choose(*devices, config.live.samplerate, config.live.client)


def _measure_devices(
    pair: audio_device.DevicePair, config: Config, result: dict, note: Callable[[str, str, str], None]
) -> None:
    """Measure the latency of a pair of devices, and whether the largest models could play through them in time."""
    from agent.devices import latency

    live = config.live
    hear = audio_device.channels(live.input_channels, pair.input, "input")
    speak = audio_device.channels(live.output_channels, pair.output, "output")
    try:
        budget = latency.measure(pair, live.hop, live.slack_ms, hear, speak)
        result["latency"] = budget.as_table()
        note("latency", "ok", f"{budget.total:.1f} ms through '{pair.name}' at a hop of {live.hop:g} s")
    except audio_device.DeviceError as error:
        note("latency", "note", str(error))
    result["sustains"] = sustains(live.slack_ms)
    in_time = [f"hop {figures['hop']:g} s" for figures in result["sustains"] if figures["in_time"]]
    size = f"an encoder of 95 M parameters and a decision model of paper size, slack {live.slack_ms:g} ms: "
    needs_ms = max(figures["needs_ms"] for figures in result["sustains"])
    outcome = ", ".join(in_time) if in_time else f"needs slack {needs_ms:.0f} ms"
    note("largest model", "ok" if in_time else "note", size + outcome)


def sustains(slack_ms: float, rounds: int = 12) -> list[dict]:
    """Time the largest models here: [{"hop": s, "needs_ms": longest of `rounds` hops, "in_time": within the slack}]."""
    model = Wav2Vec2Model(Wav2Vec2Config()).eval()
    by_hop = []
    for hop in (0.25, 0.5):
        encoder = Wav2Vec2Encoder(model, hop, context=2.0, precision="bfloat16")
        decision = random_decision("paper", hop)
        frames, state, times = encoder.start(), decision.start(), []
        heard = np.random.default_rng(0).standard_normal(encoder.hop).astype(np.float32) / 5
        for number in range(rounds + 3):
            began = time.perf_counter()
            encoder.step(frames, heard)
            decision.hear(state, number % 64)
            plan = decision.plan(state, lambda logits: int(logits.argmax()), 4)
            decision.commit(state, plan[0])
            times.append(1e3 * (time.perf_counter() - began))
        needs = round(max(times[3:]), 1)
        by_hop.append({"hop": hop, "needs_ms": needs, "in_time": needs < slack_ms})
    return by_hop


def _compiled() -> tuple[str, str]:
    began = time.perf_counter()
    selection.warm_up()
    concat.warm_up()
    took = time.perf_counter() - began
    if took < KERNEL_LOADING_S:
        return "ok", f"kernels are ready ({took:.1f} s)"
    return (
        "note",
        f"kernels were compiled just now ({took:.0f} s); if check says so each time, make the folder writable",
    )


def _model(name: str, perception: PerceptionSection, hops: dict, note: Callable[[str, str, str], None]) -> None:
    """Note which parts of the model are absent, and of each hop whether it loads, hears a tone and keeps up."""
    folder = named_folder(name)
    if not os.path.isdir(folder):
        note("model", "error", f"there is no model '{name}': give a folder, or the name of an embedded one")
        return
    parts = model_parts.parts(folder)
    for part in parts:
        if part.state != "ok":
            note(part.name, part.state, part.sentence)
    if any(part.state == "error" for part in parts):
        return
    slack_ms = Config().live.slack_ms
    try:
        for hop in sorted(describe(folder)["hops"]):
            model = Model.load(name, hop, perception=perception)
            hops[f"{hop:g}"] = pace(model)
            note(f"hop {hop:g} s", *_hears(model))
    except user_error_classes() as error:
        note("model", "error", str(error))
        return
    in_time = [float(hop) for hop, figures in hops.items() if figures["mind"]["p99"] < slack_ms]
    if in_time:
        note("in time", "ok", f"the shortest hop this machine keeps up with is {min(in_time):g} s "
                              f"(slack {slack_ms:g} ms)")  # fmt: skip
    else:
        note("in time", "note", f"no hop was answered within {slack_ms:g} ms: close other programs or raise "
                                "live.slack_ms")  # fmt: skip


def _hears(model: Model) -> tuple[str, str]:
    """Check that one second of 440 Hz gets a label of the alphabet, and one second of digital silence gets silence."""
    listener = model.listener(DEVICE_SAMPLERATE_HZ, Config().perception.gate_db)
    hearing, labels = listener.start(), []
    for level in (0.3, 0.0):
        for _ in range(max(1, round(1 / model.alphabet.hop))):
            samples = np.arange(listener.next_hop_samples(hearing)) / DEVICE_SAMPLERATE_HZ
            tone = level * np.sin(2 * np.pi * 440 * samples)
            labels.append(listener.step(hearing, tone.astype(np.float32)).label)
    loud, quiet = labels[: len(labels) // 2], labels[len(labels) // 2 :]
    silence = model.alphabet.silence
    if silence in loud or set(quiet) != {silence}:
        return "error", f"a test tone is heard as {loud}, nothing as {quiet}: the model is damaged, copy it again"
    return "ok", f"hears a tone as {loud[-1]} of {model.alphabet.units} labels, nothing as silence"


def pace(model: Model, hops: int = PACE_HOPS) -> dict:
    """Let a model answer noise: {"mind": {"p50", "p99", "max"} ms a hop, "real_time": seconds of music per second}."""
    config = change(Config(), "live.hop", model.alphabet.hop)
    audio = np.random.default_rng(0).standard_normal(boundary(6, model.alphabet.hop, DEVICE_SAMPLERATE_HZ))
    audio = (audio / 10).astype(np.float32)
    corpus = label(audio, "noise", model.listener(DEVICE_SAMPLERATE_HZ, config.perception.gate_db))
    session = Session(model, corpus, config, DEVICE_SAMPLERATE_HZ, audio)
    session.warm_up()
    state, times = session.start(), []
    for _ in range(hops):
        heard = audio[: session.listener.next_hop_samples(state.hearing)]
        began = time.perf_counter()
        session.step(state, heard)
        times.append(1e3 * (time.perf_counter() - began))
    figures = spread(times)
    return {"mind": figures, "real_time": round(1e3 * session.hop / max(figures["p50"], 1e-3), 1)}


def _demo() -> tuple[str, str]:
    absent = [name for name in ("guide.flac", "memory.flac") if not (DEMO / name).is_file()]
    if absent:
        return "note", f"the demo lacks {' and '.join(absent)}: install Antiphon again, or give your own recordings"
    return "ok", "guide and memory are here"


def _disk_space(folder: Path) -> tuple[str, str]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return "error", f"'{folder}' cannot be written in ({error.strerror}): go to another folder"
    if not os.access(folder, os.W_OK):
        return "note", f"'{folder}' may not be written in: name a file elsewhere with -o"
    said = f"{free / 2**30:.1f} GiB free in '{folder}'"
    return (
        ("ok", said) if free > FREE_DISK_BYTES else ("note", f"only {said}: make room, an hour of answer takes 0.5 GiB")
    )


def _sound_card() -> tuple[str, str]:
    """Check for sounddevice and PortAudio, which files do not need."""
    try:
        importlib.import_module("sounddevice")
        return "ok", f"sounddevice {version('sounddevice')} with PortAudio"
    except (ImportError, PackageNotFoundError):
        return "note", "sounddevice is absent; files play without it. For a sound card: pip install sounddevice"
    except OSError:
        return "note", "PortAudio is absent; files play without it. For a sound card: apt install libportaudio2"


def _scheduling() -> tuple[str, str]:
    """Check whether a performance may run before other programs."""
    with scheduling.real_time() as granted:
        if granted:
            return "ok", "a performance runs before other programs (real-time priority)"
    if sys.platform != "linux":
        return "note", "no real-time priority on this system: close other programs while you play"
    return "note", (
        "no real-time priority: other programs may keep it waiting. For one: add the line '@audio - rtprio 95' to "
        "/etc/security/limits.d/audio.conf, join the group audio, log in again"
    )


def _renderer() -> tuple[str, str]:
    """Check for fluidsynth and its sound font, which render scores for training."""
    if not shutil.which("fluidsynth"):
        return "note", "fluidsynth is absent; only training needs it: apt install fluidsynth fluid-soundfont-gm"
    if not any(font.is_file() for font in SOUND_FONTS):
        return "note", "the sound font FluidR3_GM is absent; only training needs it: apt install fluid-soundfont-gm"
    return "ok", "fluidsynth and FluidR3_GM, for training"


def lines(result: dict) -> list[str]:
    """The lines that a terminal shows for the result of `run`."""
    description, sign = result["machine"], {"ok": "  ok  ", "note": "  --  ", "error": "ERROR "}
    shown = [f"{description['cpu']}, {description['cores']} cores, python {description['python']}, "
             f"torch {description['torch']}, transformers {description['transformers']}, "
             f"numba {description['numba']}"]  # fmt: skip
    shown += [f"{sign[finding['state']]}{finding['what']}: {finding['said']}" for finding in result["findings"]]
    for hop, figures in result["hops"].items():
        loop_ms = figures["mind"]
        shown.append(f"      hop {hop} s: {figures['real_time']:g} x real time, "
                     f"decision loop p50 {loop_ms['p50']:.1f} ms, p99 {loop_ms['p99']:.1f} ms")  # fmt: skip
    if "latency" in result:
        from agent.devices.latency import LatencyBudget

        shown += [f"      {line}" for line in LatencyBudget(**result["latency"]).lines()]
    for figures in result.get("sustains", ()):
        shown.append(f"      largest model, hop {figures['hop']:g} s: {figures['needs_ms']:.0f} ms a hop")
    return [*shown, "ready" if result["ready"] else "NOT ready: mend what is marked ERROR"]

"""The command line: one function per verb. Names, flags and JSON keys are a contract that scripts rely on."""

from __future__ import annotations

import argparse
import atexit
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from signal import SIGINT

from agent.commands import parser as flags
from corpora.interruption import handled

MISTAKES = (  # what a user can mend: told in one line, exit code 2
    ("agent.settings.config", "ConfigError"),
    ("agent.records.session_log", "LogError"),
    ("agent.performance.model_folder", "ModelError"),
    ("agent.devices.portaudio", "DeviceError"),
    ("agent.control.command", "CommandError"),
    ("corpora.disk", "AudioError"),
    ("corpora.corpus", "CorpusError"),
    ("decision.model", "DecisionError"),
    ("perception.coherence", "CoherenceError"),
    ("perception.proxy", "ProxyError"),
    ("perception.units", "AlphabetError"),
    ("perception.wav2vec2", "EncoderError"),
    ("train.common.errors", "TrainError"),
)
METER = ("coherence.json", "coherence.safetensors")  # files of a coherence meter


def _progress(what: str) -> Callable[[float, float], None] | None:
    """A bar for a terminal; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return None
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(TextColumn(what), BarColumn(), TextColumn("{task.completed:.0f} s"), TimeRemainingColumn())
    task = bar.add_task(what, total=None)
    bar.start()
    atexit.register(bar.stop)  # a refusal leaves the terminal as it was

    def show(done: float, total: float) -> None:
        bar.update(task, completed=done, total=total or None)
        if total and done >= total:
            bar.stop()

    return show


def _settings_file(given: argparse.Namespace) -> str | None:
    """Of --config, else agent.toml where it is; None if there is none."""
    return given.config or ("agent.toml" if Path("agent.toml").is_file() else None)


def _settings(given: argparse.Namespace, **more: str | float | None):
    """Defaults < agent.toml (here, or --config) < flags such as agent__memory < --set."""
    from agent.settings import config

    path = _settings_file(given)
    flags = [f"{name.replace('__', '.')}={value}" for name, value in more.items() if value is not None]
    return config.read(path, [*flags, *given.set])


def _block(samples: int) -> int:
    """--block, checked; ConfigError."""
    from agent.settings.config import ConfigError

    if not 1 <= samples <= 1 << 20:
        raise ConfigError(f"--block {samples}: expected 1 to {1 << 20} samples")
    return samples


def _report(found: dict, given: argparse.Namespace, lines: list[str]) -> None:
    """JSON on stdout if asked for, else a few lines."""
    if given.json:
        print(json.dumps(found))
    else:
        print("\n".join(lines))


def respond(given: argparse.Namespace) -> None:
    """Answer a recording with another."""
    from agent.commands import respond as perform
    from agent.performance import loading
    from corpora.disk import atomic_write, together

    settings = _settings(given, agent__memory=given.memory, agent__model=given.model, agent__seed=given.seed)
    guide = loading.DEMO / "guide.flac" if given.guide == "demo" else given.guide
    loading.refuse_overlap(
        {"GUIDE": guide, "--memory": settings.agent.memory, "--truth": given.truth},
        {"-o": given.out, "--mix": given.mix, "--report": given.report},
    )
    with together():
        found = perform.respond(
            guide, given.out, settings, offline=given.mode == "offline", mix=given.mix, truth=given.truth,
            progress=_progress("answering"),
        )  # fmt: skip
        if given.report:
            atomic_write(given.report, json.dumps(found) + "\n")
    seconds, runs = found["samples"] / found["samplerate"], found["runs"]
    _report(found, given, [
        f"{given.out}: {seconds:.1f} s, {found['hops']} hops; {found['matched']} of {found['asked']} labels as wanted, "
        f"{runs['count']} runs of {runs['mean']:.1f} segments",
        *([f"{given.mix}: the guide and its answer"] if given.mix else []),
    ])  # fmt: skip


def play(given: argparse.Namespace) -> None:
    """Play on stage: hear a device, a file or a patch, and answer through another."""
    from agent.commands import play as concert
    from agent.performance import loading
    from agent.settings.config import ConfigError

    first, *others = given.memory or [None]
    settings = _settings(
        given, agent__memory=first, agent__memories=json.dumps(others) if others else None, agent__model=given.model,
        osc__port=given.osc, midi__port=given.midi, page__port=given.page,
    )  # fmt: skip
    if not (given.speed == 0 or 0.01 <= given.speed <= 1000):  # NaN fails too
        raise ConfigError(f"--speed {given.speed:g}: expected 0 (as fast as it goes) or 0.01 to 1000 times real time")
    if given.seconds is not None and not 0 < given.seconds <= 1e6:
        raise ConfigError(f"--seconds {given.seconds:g}: expected more than 0")
    wishes = concert.Wishes(
        given.input or settings.live.input, given.output or settings.live.output, given.log, given.record,
        given.osc is not None, given.tui, given.freewheel, given.speed, _block(given.block), given.seconds,
        _settings_file(given),
    )  # fmt: skip
    source, out = concert.kind(wishes.input), concert.kind(wishes.output)
    loading.refuse_overlap(
        {"--input": wishes.input if source == "file" else None, "--memory": settings.agent.memory},
        {"--output": wishes.output if out == "file" else None, "--log": given.log},
    )
    found = concert.play(settings, wishes, concert.aloud, _progress("playing") if source == out == "file" else None)
    if source == out == "file":
        mind = found["timings_ms"].get("mind", {"p50": 0, "p99": 0})
        said = (f"{wishes.output}: {found['samples'] / found['samplerate']:.1f} s, {found['hops']} hops, "
                f"{found['missed']} late; mind p50 {mind['p50']} ms, p99 {mind['p99']} ms")  # fmt: skip
    else:
        said = concert.told(found)
    _report(found, given, [said])


def replay(given: argparse.Namespace) -> None:
    """Render a session log again, bit for bit."""
    from agent.performance import loading
    from agent.records.replay import replay as rendered

    loading.refuse_overlap({"the log": given.log}, {"-o": given.out})
    found = rendered(given.log, given.out)
    seconds = found["samples"] / found["samplerate"]
    _report(found, given, [f"{given.out}: {seconds:.1f} s from {found['hops']} hops of {given.log}"])


def tokens(given: argparse.Namespace) -> None:
    """Name each hop of a file."""
    from agent.performance import hops
    from agent.performance.model_folder import Model
    from corpora.audio import BLOCK, open_audio, regroup

    settings = _settings(given, agent__model=given.model, live__hop=given.hop)
    hop = settings.live.hop
    with open_audio(given.file, at_least=hop) as file:
        model = Model.load(settings.agent.model, hop, given.units, decide=False)
        listener = model.listener(file.samplerate, settings.perception.gate_db)
        hearing, labels = listener.start(), []
        blocks = file.blocks(_block(given.block or BLOCK))
        for audio in regroup(blocks, hops.hop_sizes(hop, file.samplerate)):
            if len(audio) == listener.next_hop_samples(hearing):
                labels.append(listener.step(hearing, audio).label)
    alphabet = model.alphabet
    found = {"tokens": labels, "hop": hop, "units": alphabet.units, "silence": alphabet.silence,
             "alphabet": alphabet.hash}  # fmt: skip
    _report(found, given, [" ".join("-" if label == alphabet.silence else str(label) for label in labels)])


def score(given: argparse.Namespace) -> None:
    """Does B fit A? The coherence of an answer with what it answers, over time."""
    from agent.coherence import score_files as scoring

    with _coherence(given.model) as folder:
        calibration = _calibrated(folder, given)
        found = scoring.run(given.heard, given.spoken, folder, given.step, _progress("comparing"), calibration)
    _report(found, given, scoring.lines(found))


def _calibrated(folder: Path, given: argparse.Namespace):
    """The calibration that --calibrate asks for, kept with the meter in the folder of -o; None if it does not."""
    from corpora.disk import atomic_folder, atomic_write
    from perception.coherence import Coherence, CoherenceError

    if given.calibrate is None:
        if given.out is not None:
            raise CoherenceError(f"-o '{given.out}' keeps a meter with a new calibration: add --calibrate DATA")
        return None
    from train.data.submixes import calibrate

    with ExitStack() as stack:
        kept = stack.enter_context(atomic_folder(given.out, METER)) if given.out else None
        found = calibrate(Coherence.load(folder), given.calibrate, pairs=given.pairs, seed=given.seed)
        if kept:
            meter = Coherence.load(folder, fuse=False)
            meter.calibration = found
            atomic_write(kept / METER[0], meter.files()[METER[0]])
            atomic_write(kept / METER[1], (folder / METER[1]).read_bytes())
    return found


@contextmanager
def _coherence(name: str) -> Iterator[Path]:
    """The folder of a coherence meter: of a model, or one itself; a checkpoint of the official code becomes one."""
    from agent.performance.model_folder import coherence_folder

    if not name.endswith(".ckpt"):
        yield coherence_folder(name)
        return
    from corpora.disk import temporary_folder
    from train.official_cocola.import_checkpoint import convert

    with temporary_folder() as folder:
        convert(Path(name), folder / "coherence")
        yield folder / "coherence"


def corpus_build(given: argparse.Namespace) -> None:
    """Cut recordings into a corpus."""
    from agent.performance.model_folder import Model
    from corpora.build import build
    from corpora.corpus import info

    settings = _settings(given, agent__model=given.model, live__hop=given.hop)
    model = Model.load(settings.agent.model, settings.live.hop, decide=False)
    made = build(
        given.audio,
        lambda rate: model.listener(rate, settings.perception.gate_db),
        given.out,
        licence=given.licence,
        progress=_progress("naming"),
    )
    _report(info(made), given, _told(info(made)))


def corpus_info(given: argparse.Namespace) -> None:
    """What a corpus holds."""
    from corpora.corpus import info, load

    found = info(load(given.corpus))
    _report(found, given, _told(found))


def _told(found: dict) -> list[str]:
    return [f"{key}: {json.dumps(value)}" for key, value in found.items()]


def train(given: argparse.Namespace) -> None:
    """Train a part of a model; every setting of the recipe is a flag (antiphon train encoder --help)."""
    _recipe(import_module(f"train.fit_{given.part}").main, given.rest)


def evaluate(given: argparse.Namespace) -> None:
    """Re-generation, the labels of B from the labels of A, against baselines; or what a coherence meter can tell."""
    from agent.performance.model_folder import EMBEDDED, coherence_folder
    from train.evaluate import regeneration

    words = list(given.rest)
    if given.what == "coherence":
        from train.evaluate import coherence

        _recipe(lambda words: coherence.main(words, coherence_folder), words)
        return
    from agent.commands.evaluation_player import Player

    if "--model" not in words and not {"-h", "--help"} & set(words):
        words += ["--model", "small"]
    # The recipes know folders only: what is embedded, and where, is this folder's affair.
    words = [str(EMBEDDED / word) if before in ("--model", "--coherence") and (EMBEDDED / word).is_dir() else word
             for before, word in zip(["", *words], words, strict=False)]  # fmt: skip
    if given.what == "best-of":
        from train.evaluate import best_of

        _recipe(lambda words: best_of.main(words, Player, coherence_folder), words)
        return
    _recipe(lambda words: regeneration.main(words, Player), words)


def _recipe(main: Callable, words: list[str]) -> None:
    """Run a recipe with its own flags; its exit code is ours. What the system refuses it is the user's to mend."""
    from corpora.disk import AudioError

    try:
        code = main(words)
    except OSError as error:
        raise AudioError(
            f"'{error.filename}' cannot be used ({(error.strerror or str(error)).lower()}): check its name and folder, "
            "who may read and write there, and the room on the disk"
        ) from None
    if code:
        raise SystemExit(code)


def bench(given: argparse.Namespace) -> None:
    """Measure this machine: what a hop costs, stage by stage, and against the naive way."""
    from agent.commands import bench as benchmark
    from agent.performance import loading
    from corpora.disk import atomic_write

    loading.refuse_overlap({}, {"-o": given.out})
    if given.live:
        from agent.commands import bench_live

        settings = _settings(given, agent__model=given.model, live__hop=given.hop)
        devices = given.input or settings.live.input, given.output or settings.live.output
        found = bench_live.run(settings, given.minutes, *devices)
    else:
        found = benchmark.run(given.model, given.hop, _progress("measuring"), deep=given.deep)
    if given.out:
        atomic_write(given.out, json.dumps(found, indent=1) + "\n")
    _report(found, given, bench_live.lines(found) if given.live else benchmark.lines(found))


def devices(given: argparse.Namespace) -> None:
    """List the sound devices of this machine."""
    from agent.devices import audio_device

    found = audio_device.listing()
    told = [f"{one}, {one.samplerate} Hz{audio_device.marks(one)}" for one in found]
    _report(
        {"devices": audio_device.table(found)}, given, told or ["no sound device: start JACK or plug a sound card in"]
    )


def check(given: argparse.Namespace) -> None:
    """Is all here that a performance needs? Exit code 2 if not."""
    from agent.commands import check as checking

    settings = _settings(given, agent__model=given.model)
    loop = None
    if given.input is not None or given.output is not None:
        loop = (given.input or settings.live.input, given.output or settings.live.output)
    found = checking.run(given.model, settings, loop)
    _report(found, given, checking.lines(found))
    if not found["ready"]:
        raise SystemExit(2)


def osc(given: argparse.Namespace) -> None:
    """Everything that can be said over OSC, as a page in Markdown."""
    from agent.interfaces.osc import reference

    print(
        json.dumps(reference.table(), indent=1) if given.json else reference.markdown(), end="\n" if given.json else ""
    )


def parser() -> argparse.ArgumentParser:
    """All verbs and their flags (agent/commands/parser.py)."""
    verbs = (
        respond, play, replay, tokens, score, corpus_build, corpus_info, train, evaluate, bench, devices, check, osc,
    )  # fmt: skip
    return flags.parser({run.__name__: run for run in verbs})


def mistakes() -> tuple[type[Exception], ...]:
    """The errors that are the user's to mend, of the modules that have been loaded."""
    return tuple(getattr(sys.modules[module], name) for module, name in MISTAKES if module in sys.modules)


def main(argv: list[str] | None = None) -> None:
    """Entry point: exit code 0, 1 (our fault, with traceback), 2 (the user's, one line that says what to do), 128 + n.

    n is the number of a signal that ended the verb: SIGINT, SIGTERM or SIGHUP. Nothing half written is left then.
    """
    given = parser().parse_args(argv)
    with handled() as interruption:
        try:
            given.run(given)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read it, `head` say, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            raise SystemExit(interruption.exit_code or 128 + SIGINT) from None
        except Exception as error:
            if interruption.exit_code:  # what a signal did to code of others
                raise SystemExit(interruption.exit_code) from None
            if not isinstance(error, mistakes()):
                raise
            print(f"antiphon: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        if interruption.exit_code:
            raise SystemExit(interruption.exit_code)


if __name__ == "__main__":
    main()

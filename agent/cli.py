"""The command line: one function per verb. Names, flags and JSON keys are a contract that scripts rely on."""

from __future__ import annotations

import argparse
import atexit
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

MISTAKES = (  # what a user can mend: told in one line, exit code 2
    ("agent.config", "ConfigError"),
    ("agent.journal", "LogError"),
    ("agent.model", "ModelError"),
    ("agent.portaudio", "DeviceError"),
    ("agent.stage", "StageError"),
    ("corpora.disk", "AudioError"),
    ("corpora.corpus", "CorpusError"),
    ("decision.model", "DecisionError"),
    ("perception.units", "AlphabetError"),
    ("perception.wav2vec2", "EncoderError"),
    ("train.run", "TrainError"),
    ("train.fit_decision", "FitError"),
    ("train.pairs", "TokenError"),
)


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
    from agent import config

    path = _settings_file(given)
    flags = [f"{name.replace('__', '.')}={value}" for name, value in more.items() if value is not None]
    return config.read(path, [*flags, *given.set])


def _block(samples: int) -> int:
    """--block, checked; ConfigError."""
    from agent.config import ConfigError

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
    from agent import perform
    from corpora.disk import atomic_write

    settings = _settings(given, agent__memory=given.memory, agent__model=given.model, agent__seed=given.seed)
    guide = perform.DEMO / "guide.flac" if given.guide == "demo" else given.guide
    perform.refuse_overlap(
        {"GUIDE": guide, "--memory": settings.agent.memory, "--truth": given.truth},
        {"-o": given.out, "--mix": given.mix, "--report": given.report},
    )
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
    from agent import concert, perform
    from agent.config import ConfigError

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
    perform.refuse_overlap(
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
    from agent import perform
    from agent.replay import replay as rendered

    perform.refuse_overlap({"the log": given.log}, {"-o": given.out})
    found = rendered(given.log, given.out)
    seconds = found["samples"] / found["samplerate"]
    _report(found, given, [f"{given.out}: {seconds:.1f} s from {found['hops']} hops of {given.log}"])


def tokens(given: argparse.Namespace) -> None:
    """Name each hop of a file."""
    from agent import perform
    from agent.model import Model
    from corpora.audio import BLOCK, open_audio, regroup

    settings = _settings(given, agent__model=given.model, live__hop=given.hop)
    hop = settings.live.hop
    with open_audio(given.file, at_least=hop) as file:
        model = Model.load(settings.agent.model, hop, given.units, decide=False)
        listener = model.listener(file.samplerate, settings.perception.gate_db)
        hearing, labels = listener.start(), []
        blocks = file.blocks(_block(given.block or BLOCK))
        for audio in regroup(blocks, perform.hop_sizes(hop, file.samplerate)):
            if len(audio) == listener.expected(hearing):
                labels.append(listener.step(hearing, audio).label)
    alphabet = model.alphabet
    found = {"tokens": labels, "hop": hop, "units": alphabet.units, "silence": alphabet.silence,
             "alphabet": alphabet.hash}  # fmt: skip
    _report(found, given, [" ".join("-" if label == alphabet.silence else str(label) for label in labels)])


def corpus_build(given: argparse.Namespace) -> None:
    """Cut recordings into a corpus."""
    from agent.model import Model
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
    """Re-generation: the labels of B from the labels of A, against baselines."""
    from agent.model import EMBEDDED
    from train import evaluate as evaluation

    words = list(given.rest)
    if "--model" not in words and not {"-h", "--help"} & set(words):
        words += ["--model", "small"]
    # The recipes know folders only: what is embedded, and where, is this folder's affair.
    words = [str(EMBEDDED / word) if before == "--model" and (EMBEDDED / word).is_dir() else word
             for before, word in zip(["", *words], words, strict=False)]  # fmt: skip
    _recipe(evaluation.main, words)


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
    from agent import bench as benchmark
    from agent import perform
    from corpora.disk import atomic_write

    perform.refuse_overlap({}, {"-o": given.out})
    if given.live:
        from agent import bench_live

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
    from agent import device

    found = device.listing()
    told = [f"{one}, {one.samplerate} Hz{device.marks(one)}" for one in found]
    _report({"devices": device.table(found)}, given, told or ["no sound device: start JACK or plug a sound card in"])


def check(given: argparse.Namespace) -> None:
    """Is all here that a performance needs? Exit code 2 if not."""
    from agent import check as checking

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
    from agent import schema

    print(json.dumps(schema.table(), indent=1) if given.json else schema.markdown(), end="\n" if given.json else "")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse in one line, like every other mistake."""
        self.exit(2, f"{self.prog}: {message}; see  {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """All verbs and their flags."""
    main = _Parser(prog="antiphon", description="A musical agent that listens and answers.")
    verbs = main.add_subparsers(required=True, metavar="VERB")

    def verb(where, name: str, run: Callable, settings: bool = True) -> argparse.ArgumentParser:
        one = where.add_parser(name, help=(run.__doc__ or "").split("\n")[0], description=run.__doc__)
        one.set_defaults(run=run)
        one.add_argument("--json", action="store_true", help="print the result as JSON")
        if settings:
            one.add_argument("--model", metavar="DIR", help="model folder, or the name of an embedded one")
            one.add_argument("--config", metavar="FILE", help="settings, such as agent.toml")
            one.add_argument("--set", action="append", default=[], metavar="K.K=V", help="one setting")
        return one

    one = verb(verbs, "respond", respond)
    one.add_argument("guide", help="recording to answer, or 'demo'")
    one.add_argument("--memory", metavar="FILE|CORPUS", help="what to answer with; 'demo' unless agent.toml says else")
    one.add_argument("-o", "--out", required=True, metavar="OUT.wav")
    one.add_argument("--mix", metavar="MIX.wav", help="guide and answer together, stereo")
    one.add_argument("--mode", choices=("live", "offline"), default="live", help="live hears only what is past")
    one.add_argument("--seed", type=int, help="same seed, same answer")
    one.add_argument("--report", metavar="R.json", help="what was heard, wanted, chosen and why")
    one.add_argument("--truth", metavar="B.wav", help="what was really played with the guide, for its TPP")

    one = verb(verbs, "play", play)
    one.add_argument("--input", metavar="DEV|FILE|osc", help="what to hear; the system's own device unless told")
    one.add_argument("--output", metavar="DEV|FILE|osc", help="where to play; osc tells a patch what to play")
    one.add_argument("--memory", action="append", metavar="FILE|CORPUS", help="may be given several times")
    one.add_argument("--log", metavar="S.jsonl", help="session log, for replay")
    one.add_argument("--record", metavar="DIR", help="keep heard.wav and spoken.wav there")
    one.add_argument("--page", type=int, metavar="PORT", help="stage page for a browser")
    one.add_argument("--osc", type=int, metavar="PORT", help="listen to OSC there; 0: do not")
    one.add_argument("--midi", metavar="PORT", help="MIDI input, by (part of) its name")
    one.add_argument("--tui", action="store_true", help="show the stage in this terminal")
    one.add_argument("--freewheel", action="store_true", help="the sound waits for the mind, no clock")
    one.add_argument("--speed", type=float, default=1.0, help="of a file, times real time; 0: as fast as it goes")
    one.add_argument("--block", type=int, default=256, help="samples at a time where there is no device")
    one.add_argument("--seconds", type=float, metavar="N", help="stop after so many")

    one = verb(verbs, "replay", replay, settings=False)
    one.add_argument("log", metavar="S.jsonl")
    one.add_argument("-o", "--out", required=True, metavar="OUT.wav")

    one = verb(verbs, "tokens", tokens)
    one.add_argument("file")
    one.add_argument("--block", type=int, metavar="N", help="feed it N samples at a time")
    one.add_argument("--units", type=int, metavar="K", help="size of the alphabet")
    one.add_argument("--hop", type=float, metavar="S", help="seconds per token")

    corpora = verbs.add_parser("corpus", help="Make and inspect memories.").add_subparsers(required=True)
    one = verb(corpora, "build", corpus_build)
    one.add_argument("audio", nargs="+")
    one.add_argument("-o", "--out", required=True, metavar="DIR")
    one.add_argument("--hop", type=float, metavar="S", help="seconds per segment")
    one.add_argument("--licence", default="", help="of the recordings, kept with them")
    one = verb(corpora, "info", corpus_info, settings=False)
    one.add_argument("corpus", metavar="DIR")

    one = verbs.add_parser("train", help="Train a part of a model.", add_help=False)
    one.add_argument("part", choices=("encoder", "units", "decision"))
    one.add_argument("rest", nargs=argparse.REMAINDER)
    one.set_defaults(run=train)

    one = verbs.add_parser("evaluate", help="Measure a model on data.", add_help=False)
    one.add_argument("what", choices=("regeneration",))
    one.add_argument("rest", nargs=argparse.REMAINDER)
    one.set_defaults(run=evaluate)

    one = verb(verbs, "bench", bench)
    one.add_argument("-o", "--out", metavar="bench.json")
    one.add_argument("--hop", type=float, default=0.25)
    one.add_argument("--deep", action="store_true", help="also the memory a long answer takes; some minutes")
    one.add_argument("--live", action="store_true", help="play on the sound device instead, with everything on")
    one.add_argument("--minutes", type=float, default=1.0, help="of --live")
    one.add_argument("--input", metavar="DEV", help="of --live")
    one.add_argument("--output", metavar="DEV", help="of --live")
    verb(verbs, "devices", devices, settings=False)
    one = verb(verbs, "check", check)
    for side in ("input", "output"):
        one.add_argument(f"--{side}", nargs="?", const="", metavar="DEV", help="measure the latency of this device")
    verb(verbs, "osc", osc, settings=False)
    return main


def mistakes() -> tuple[type[Exception], ...]:
    """The errors that are the user's to mend, of the modules that have been loaded."""
    return tuple(getattr(sys.modules[module], name) for module, name in MISTAKES if module in sys.modules)


def main(argv: list[str] | None = None) -> None:
    """Entry point: exit code 0, 1 (our fault, with traceback) or 2 (the user's, one line that says what to do)."""
    given = parser().parse_args(argv)
    try:
        given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        if not isinstance(error, mistakes()):
            raise
        print(f"antiphon: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

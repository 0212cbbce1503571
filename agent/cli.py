"""The command line: one short function per verb. Names, flags and JSON keys are a contract that scripts rely on.

A verb reads its flags, checks that no output is an input and that what it needs is there, calls `agent.verbs` and
prints the result. What is compiled is imported after the checks: without a cache that takes a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from signal import SIGINT

from agent.settings import config as settings
from agent.settings.config import Config, ConfigError
from agent.verbs.console import (
    escape_what_cannot_be_shown,
    print_notice,
    print_result,
    printed_warnings,
    progress_bar,
)
from agent.verbs.early_checks import check_endpoints, check_fill, check_guide
from agent.verbs.errors import user_sentence
from agent.verbs.parser import LARGEST_BLOCK, MOST_FOUND, Verb, make_parser
from agent.verbs.paths import check_paths, guide_path, settings_file
from corpora.interruption import Interrupted, Interruption, handled


def _read_settings(given: argparse.Namespace, **flags: str | float | None) -> Config:
    """Defaults < agent.toml (here, or --config) < `flags`, such as agent__memory < --set; ConfigError."""
    sets = [f"{name.replace('__', '.')}={value}" for name, value in flags.items() if value is not None]
    return settings.read(settings_file(given.config), [*sets, *given.set])


def _check_block(samples: int) -> int:
    """The value of --block; ConfigError if it is out of range."""
    if not 1 <= samples <= LARGEST_BLOCK:
        raise ConfigError(f"--block {samples}: expected 1 to {LARGEST_BLOCK} samples")
    return samples


def _check_count(number: int) -> int:
    """The value of --count; ConfigError if it is out of range."""
    if not 1 <= number <= MOST_FOUND:
        raise ConfigError(f"--count {number}: expected 1 to {MOST_FOUND}")
    return number


def _check_add(text: str | None) -> str | None:
    """The value of --add; FillError if it is not understood."""
    if text is not None:
        from agent.performance import adding

        adding.read(text, "--add")
    return text


def respond(given: argparse.Namespace) -> None:
    """Answer a recording with another."""
    first, *others = given.memory or [None]
    config = _read_settings(
        given, agent__memory=first, agent__memories=json.dumps(others) if others else None, agent__model=given.model,
        agent__seed=given.seed, action__add=_check_add(given.add),
    )  # fmt: skip
    check_paths(given, config)
    if given.guide != "demo":
        check_guide(given.guide, config)
    from agent.verbs import respond

    report = respond.respond(
        guide_path(given.guide), given.out, config, offline=given.mode == "offline", mix=given.mix,
        truth=given.truth, report_file=given.report, progress=progress_bar("answering"),
    )  # fmt: skip
    print_result(report, respond.lines(report, given.out, given.mix), as_json=given.json)


def play(given: argparse.Namespace) -> None:
    """Play live: listen to a device, a file or a patch, and answer through another."""
    first, *others = given.memory or [None]
    config = _read_settings(
        given, agent__memory=first, agent__memories=json.dumps(others) if others else None, agent__model=given.model,
        osc__port=given.osc, midi__port=given.midi, fill__port=given.fill, page__port=given.page,
        action__add=_check_add(given.add),
    )  # fmt: skip
    given.input, given.output = given.input or config.live.input, given.output or config.live.output
    check_paths(given, config)
    check_endpoints(given.input, given.output, config)
    check_fill(config)
    from agent.verbs import play

    options = play.PlayOptions(
        input=given.input, output=given.output, log=given.log, record=given.record, osc=given.osc is not None,
        terminal=given.tui, freewheel=given.freewheel, speed=given.speed, block=_check_block(given.block),
        seconds=given.seconds, settings_file=settings_file(given.config),
    )  # fmt: skip
    progress = progress_bar("playing") if options.from_file_to_file else None
    report = play.play(config, options, print_notice, progress)
    print_result(report, play.lines(report, options), as_json=given.json)


def replay(given: argparse.Namespace) -> None:
    """Render a session log again, bit for bit."""
    from agent.records.replay import lines, replay

    check_paths(given)
    result = replay(given.log, given.out, midi=given.midi)
    print_result(result, lines(result, given.log, given.out, given.midi), as_json=given.json)


def tokens(given: argparse.Namespace) -> None:
    """Label each hop of a recording."""
    from agent.verbs import tokens

    config = _read_settings(given, agent__model=given.model, live__hop=given.hop)
    block = None if given.block is None else _check_block(given.block)
    result = tokens.tokens(given.file, config, units=given.units, block=block)
    print_result(result, tokens.lines(result), as_json=given.json)


def score(given: argparse.Namespace) -> None:
    """Measure how well an answer B fits its input A, over time (COCOLA)."""
    from agent.verbs import score

    check_paths(given)
    result = score.score(
        given.heard, given.spoken, given.model, step=given.step, stems=given.calibrate, pairs=given.pairs,
        seed=given.seed, out=given.out, progress=progress_bar("comparing"),
    )  # fmt: skip
    print_result(result, score.lines(result), as_json=given.json)


def fill(given: argparse.Namespace) -> None:
    """Write the missing part of a song, as one more track of a MIDI file."""
    check_paths(given)
    from agent.verbs import fill

    result = fill.fill(
        given.song, given.out, given.model, part=given.part, say=given.say, seed=given.seed,
        progress=progress_bar("writing"),
    )  # fmt: skip
    print_result(result, fill.lines(result, given.out), as_json=given.json)


def render(given: argparse.Namespace) -> None:
    """Render a part that fits a recording, by a diffusion model of your own (experimental)."""
    check_paths(given)
    from agent.verbs import render

    result = render.render(
        guide_path(given.guide), given.out, given.voice, given.say, seed=given.seed, steps=given.steps,
        strength=given.strength, progress=progress_bar("rendering"),
    )  # fmt: skip
    print_result(result, render.lines(result, given.out), as_json=given.json)


def corpus_build(given: argparse.Namespace) -> None:
    """Cut recordings into a corpus."""
    from agent.verbs import corpus

    config = _read_settings(given, agent__model=given.model, live__hop=given.hop)
    check_paths(given, config)
    result = corpus.build(
        given.audio, given.out, config, licence=given.licence, beats=given.beats or (), labels=given.labels or (),
        progress=progress_bar("naming"),
    )  # fmt: skip
    print_result(result, corpus.lines(result), as_json=given.json)


def corpus_info(given: argparse.Namespace) -> None:
    """Describe a corpus."""
    from agent.verbs import corpus

    result = corpus.info(given.corpus)
    print_result(result, corpus.lines(result), as_json=given.json)


def corpus_find(given: argparse.Namespace) -> None:
    """Find the moments of corpora and recordings that fit some words."""
    from agent.verbs import find

    config = _read_settings(given, agent__model=given.model)
    result = find.search(
        given.words, given.folder, config.agent.model, _check_count(given.count), progress_bar("searching")
    )
    print_result(result, find.lines(result), as_json=given.json)


def train(given: argparse.Namespace) -> None:
    """Take in data, or train a part of a model; every setting is a flag (antiphon train encoder --help)."""
    if given.part == "pairs":
        from train.songs import pairs

        _recipe(pairs.main, given.rest)
        return
    if given.part == "duo":
        from agent.performance.model_folder import find
        from train import fit_duo

        _recipe(lambda words: fit_duo.main(words, find), given.rest)
        return
    _recipe(import_module(f"train.fit_{given.part}").main, given.rest)


def model(given: argparse.Namespace) -> None:
    """Make a model around an encoder of others: alphabet, decision and card, in one command."""
    from agent.performance.model_folder import encoder_named
    from train import make_model

    _recipe(lambda words: make_model.main(words, encoder_named), given.rest)


def evaluate(given: argparse.Namespace) -> None:
    """Measure a model on data: re-generation, musical fit, a coherence meter, its words, or what it adds."""
    from agent.performance.model_folder import coherence_folder, named_folder

    if given.what == "coherence":
        from train.evaluate import coherence

        _recipe(lambda words: coherence.main(words, coherence_folder), given.rest)
        return
    if given.what == "words":
        from agent.performance.model_folder import find
        from train.evaluate import words as evaluation

        _recipe(lambda words: evaluation.main(words, find), given.rest)
        return
    from agent.verbs.evaluation_player import Player, Responder

    if given.what == "listening":
        from train.evaluate import listening

        _recipe(lambda words: listening.main(words, Responder), given.rest)
        return
    if given.what == "adding":
        from train.evaluate import adding

        _recipe(lambda words: adding.main(words, Responder), given.rest)
        return
    from train.evaluate import regeneration

    _recipe(lambda words: regeneration.main(words, Player, named_folder), given.rest)


def _recipe(main: Callable[[list[str]], None], words: list[str]) -> None:
    """Run a recipe with its own flags; a refusal by the system becomes an error that the user can mend."""
    from train.common.command_line import system_refusals

    with system_refusals():
        main(words)


def bench(given: argparse.Namespace) -> None:
    """Measure how long each stage of a hop takes on this machine, and how much less than the naive way."""
    from agent.verbs import bench

    config = _read_settings(given, agent__model=given.model, live__hop=given.hop)
    check_paths(given, config)
    if given.live:
        _bench_live(given, config)
        return
    result = bench.run(given.model, given.hop, progress_bar("measuring"), deep=given.deep, large=given.large)
    bench.write(result, given.out)
    print_result(result, bench.lines(result), as_json=given.json)


def _bench_live(given: argparse.Namespace, config: Config) -> None:
    """Measure the same while playing on the sound device."""
    from agent.verbs import bench, bench_live

    devices = given.input or config.live.input, given.output or config.live.output
    result = bench_live.run(config, given.minutes, *devices)
    bench.write(result, given.out)
    print_result(result, bench_live.lines(result), as_json=given.json)


def devices(given: argparse.Namespace) -> None:
    """List the sound devices of this machine."""
    from agent.devices import audio_device

    devices = audio_device.listing()
    lines = [f"{device}, {device.samplerate} Hz{audio_device.marks(device)}" for device in devices]
    nothing = ["no sound device: start JACK or plug a sound card in"]
    print_result({"devices": audio_device.table(devices)}, lines or nothing, as_json=given.json)


def check(given: argparse.Namespace) -> None:
    """Check whether all is here that a performance needs. Exit code 2 if not."""
    from agent.verbs import check

    config = _read_settings(given, agent__model=given.model)
    devices = None
    if given.input is not None or given.output is not None:
        devices = (given.input or config.live.input, given.output or config.live.output)
    result = check.run(given.model, config, devices)
    print_result(result, check.lines(result), as_json=given.json)
    if not result["ready"]:
        raise SystemExit(2)


def osc(given: argparse.Namespace) -> None:
    """Print all OSC messages, as a page in Markdown."""
    from agent.interfaces.osc import reference

    if given.json:
        print(json.dumps(reference.table(), indent=1))
    else:
        print(reference.markdown(), end="")


def parser() -> Verb:
    """All verbs and their flags (`agent.verbs.parser`)."""
    verbs = (
        respond, play, replay, tokens, score, fill, render, corpus_build, corpus_info, corpus_find, train, model,
        evaluate, bench, devices, check, osc,
    )  # fmt: skip
    return make_parser({run.__name__: run for run in verbs})


def main(argv: list[str] | None = None) -> None:
    """Entry point: exit code 0, 1 (our fault, with traceback), 2 (the user's, one line that says what to do), 128 + n.

    n is the number of a signal that ended the verb: SIGINT, SIGTERM or SIGHUP. No half-written file is left then.
    """
    escape_what_cannot_be_shown()
    given = parser().parse_args(argv)
    try:
        with handled() as interruption, printed_warnings():
            code = _run(given, interruption)
        code = interruption.exit_code or code
    except Interrupted as late:  # the verb had ended, and was being cleared up
        code = 128 + late.number
    if code:
        raise SystemExit(code)


def _run(given: argparse.Namespace, interruption: Interruption) -> int:
    """Run a verb and return its exit code."""
    try:
        given.run(given)
        sys.stdout.flush()
        return 0
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 128 + SIGINT
    except SystemExit as leaving:
        if not isinstance(leaving.code, int | None):
            raise
        return leaving.code or 0
    except Exception as error:
        if interruption.number:  # a signal raised this inside code of others
            return interruption.exit_code
        if (sentence := user_sentence(error)) is None:
            raise
        print(f"antiphon: {sentence}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    main()

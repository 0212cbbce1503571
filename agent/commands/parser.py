"""The verbs of the command line and their flags, group by group. What a verb does is in agent/cli.py."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import NoReturn

Verbs = Mapping[str, Callable[[argparse.Namespace], None]]  # function name -> what runs; its docstring is the help


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse in one line, like every other mistake."""
        self.exit(2, f"{self.prog}: {message}; see  {self.prog} --help\n")


def parser(run: Verbs) -> argparse.ArgumentParser:
    """All verbs and their flags."""
    main = _Parser(prog="antiphon", description="A musical agent that listens and answers.")
    verbs = main.add_subparsers(required=True, metavar="VERB")
    for group in (_files, _stage, _listening, _corpus, _recipes, _machine):
        group(verbs, run)
    return main


def _verb(where, name: str, run: Callable, settings: bool = True) -> argparse.ArgumentParser:
    one = where.add_parser(name, help=(run.__doc__ or "").split("\n")[0], description=run.__doc__)
    one.set_defaults(run=run)
    one.add_argument("--json", action="store_true", help="print the result as JSON")
    if settings:
        one.add_argument("--model", metavar="DIR", help="model folder, or the name of an embedded one")
        one.add_argument("--config", metavar="FILE", help="settings, such as agent.toml")
        one.add_argument("--set", action="append", default=[], metavar="K.K=V", help="one setting")
    return one


def _files(verbs, run: Verbs) -> None:
    one = _verb(verbs, "respond", run["respond"])
    one.add_argument("guide", help="recording to answer, or 'demo'")
    one.add_argument("--memory", metavar="FILE|CORPUS", help="what to answer with; 'demo' unless agent.toml says else")
    one.add_argument("-o", "--out", required=True, metavar="OUT.wav")
    one.add_argument("--mix", metavar="MIX.wav", help="guide and answer together, stereo")
    one.add_argument("--mode", choices=("live", "offline"), default="live", help="live hears only what is past")
    one.add_argument("--seed", type=int, help="same seed, same answer")
    one.add_argument("--report", metavar="R.json", help="what was heard, wanted, chosen and why")
    one.add_argument("--truth", metavar="B.wav", help="what was really played with the guide, for its TPP")


def _stage(verbs, run: Verbs) -> None:
    one = _verb(verbs, "play", run["play"])
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

    one = _verb(verbs, "replay", run["replay"], settings=False)
    one.add_argument("log", metavar="S.jsonl")
    one.add_argument("-o", "--out", required=True, metavar="OUT.wav")


def _listening(verbs, run: Verbs) -> None:
    one = _verb(verbs, "tokens", run["tokens"])
    one.add_argument("file")
    one.add_argument("--block", type=int, metavar="N", help="feed it N samples at a time")
    one.add_argument("--units", type=int, metavar="K", help="size of the alphabet")
    one.add_argument("--hop", type=float, metavar="S", help="seconds per token")

    one = _verb(verbs, "score", run["score"], settings=False)
    one.add_argument("heard", metavar="A", help="recording of what was played to the agent, the input")
    one.add_argument("spoken", metavar="B", help="recording of what answered it, the output; the order matters")
    one.add_argument(
        "--model", metavar="DIR|CKPT", default="small",
        help="model with a coherence meter, or a checkpoint of the official COCOLA code",
    )  # fmt: skip
    one.add_argument("--step", type=float, default=1.0, metavar="S", help="seconds between two windows of 5 s")
    one.add_argument(
        "--calibrate", metavar="DATA",
        help="folder of songs in stems, <song>/<stem>.wav: what they score tells where A and B lie",
    )  # fmt: skip
    one.add_argument("--pairs", type=int, default=256, metavar="N", help="of --calibrate, how many are compared")
    one.add_argument("--seed", type=int, default=0, help="of --calibrate, which of them")
    one.add_argument("-o", "--out", metavar="DIR", help="keep the meter with that calibration as a model folder")


def _corpus(verbs, run: Verbs) -> None:
    corpora = verbs.add_parser("corpus", help="Make and inspect memories.").add_subparsers(required=True)
    one = _verb(corpora, "build", run["corpus_build"])
    one.add_argument("audio", nargs="+")
    one.add_argument("-o", "--out", required=True, metavar="DIR")
    one.add_argument("--hop", type=float, metavar="S", help="seconds per segment")
    one.add_argument("--licence", default="", help="of the recordings, kept with them")
    one = _verb(corpora, "info", run["corpus_info"], settings=False)
    one.add_argument("corpus", metavar="DIR")


def _recipes(verbs, run: Verbs) -> None:
    one = verbs.add_parser("train", help="Train a part of a model.", add_help=False)
    one.add_argument("part", choices=("encoder", "units", "decision", "coherence"))
    one.add_argument("rest", nargs=argparse.REMAINDER)
    one.set_defaults(run=run["train"])

    one = verbs.add_parser("evaluate", help="Measure a model on data.", add_help=False)
    one.add_argument("what", choices=("regeneration", "coherence", "best-of"))
    one.add_argument("rest", nargs=argparse.REMAINDER)
    one.set_defaults(run=run["evaluate"])


def _machine(verbs, run: Verbs) -> None:
    one = _verb(verbs, "bench", run["bench"])
    one.add_argument("-o", "--out", metavar="bench.json")
    one.add_argument("--hop", type=float, default=0.25)
    one.add_argument("--deep", action="store_true", help="also the memory a long answer takes; some minutes")
    one.add_argument("--live", action="store_true", help="play on the sound device instead, with everything on")
    one.add_argument("--minutes", type=float, default=1.0, help="of --live")
    one.add_argument("--input", metavar="DEV", help="of --live")
    one.add_argument("--output", metavar="DEV", help="of --live")
    _verb(verbs, "devices", run["devices"], settings=False)
    one = _verb(verbs, "check", run["check"])
    for side in ("input", "output"):
        one.add_argument(f"--{side}", nargs="?", const="", metavar="DEV", help="measure the latency of this device")
    _verb(verbs, "osc", run["osc"], settings=False)

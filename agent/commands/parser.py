"""The verbs of the command line and their flags, group by group. What a verb does is in `agent.cli`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

Verbs = Mapping[str, Callable[[argparse.Namespace], None]]  # function name -> what runs; its docstring is the help
LARGEST_BLOCK = 1 << 20  # samples


@dataclass(frozen=True)
class PathFlag:
    """A flag or argument whose value is a path: `paths` of a parsed command lists them.

    name: as the user knows it, "--memory" or "GUIDE". dest: attribute of the parsed flags that holds the value. kind:
    key of `agent.commands.paths.KINDS`, which files and folders the value stands for.
    """

    name: str
    dest: str
    role: Literal["input", "output"]
    kind: str


class Verb(argparse.ArgumentParser):
    """The flags of a verb, or of `antiphon` itself. A flag with free text is added as an input, an output or a text.

    So it is known of each which files it reads or writes (`paths`), and a test finds the flag that was added otherwise.
    """

    def __init__(self, *args: Any, **keywords: Any):
        super().__init__(*args, **keywords)
        self.paths: list[PathFlag] = []
        self.texts: set[str] = set()
        self.set_defaults(paths=self.paths)

    def error(self, message: str) -> NoReturn:
        """Refuse in one line, like every other mistake."""
        self.exit(2, f"{self.prog}: {message}; see  {self.prog} --help\n")

    def add_input(self, *names: str, kind: str = "file", **keywords: Any) -> None:
        """Add a flag or argument that names something to be read."""
        self._add_path("input", kind, *names, **keywords)

    def add_output(self, *names: str, kind: str = "file", **keywords: Any) -> None:
        """Add a flag or argument that names something to be written."""
        self._add_path("output", kind, *names, **keywords)

    def add_text(self, *names: str, **keywords: Any) -> None:
        """Add a flag or argument with text that is no path."""
        self.texts.add(self.add_argument(*names, **keywords).dest)

    def _add_path(self, role: Literal["input", "output"], kind: str, *names: str, **keywords: Any) -> None:
        action = self.add_argument(*names, **keywords)
        shown = action.option_strings[0] if action.option_strings else action.dest.upper()
        self.paths.append(PathFlag(shown, action.dest, role, kind))


def make_parser(verbs: Verbs) -> Verb:
    """All verbs and their flags."""
    main = Verb(prog="antiphon", description="A musical agent that listens and answers.")
    added = main.add_subparsers(required=True, metavar="VERB")
    for add_group in (_add_files, _add_stage, _add_listening, _add_corpus, _add_recipes, _add_machine):
        add_group(added, verbs)
    return main


def _add_verb(added: Any, name: str, run: Callable, *, settings: bool = True) -> Verb:
    """Add a verb with the flags that all have; settings: also with those that every verb with settings has."""
    verb = added.add_parser(name, help=(run.__doc__ or "").split("\n")[0], description=run.__doc__)
    verb.set_defaults(run=run)
    verb.add_argument("--json", action="store_true", help="print the result as JSON")
    if settings:
        verb.add_input("--model", kind="model", metavar="DIR", help="model folder, or the name of an embedded one")
        verb.add_input("--config", kind="settings", metavar="FILE", help="settings, such as agent.toml")
        verb.add_text("--set", action="append", default=[], metavar="K.K=V", help="one setting")
    return verb


def _add_files(added: Any, verbs: Verbs) -> None:
    verb = _add_verb(added, "respond", verbs["respond"])
    verb.add_input("guide", kind="recording", help="recording to answer, or 'demo'")
    verb.add_input(
        "--memory", kind="memory", metavar="FILE|CORPUS", help="what to answer with; 'demo' unless agent.toml says else"
    )
    verb.add_output("-o", "--out", required=True, metavar="OUT.wav")
    verb.add_output("--mix", metavar="MIX.wav", help="guide and answer together, stereo")
    verb.add_argument("--mode", choices=("live", "offline"), default="live", help="live hears only what is past")
    verb.add_argument("--seed", type=int, help="same seed, same answer")
    verb.add_output("--report", metavar="R.json", help="what was heard, wanted, chosen and why")
    verb.add_input("--truth", metavar="B.wav", help="what was really played with the guide, for its TPP")


def _add_stage(added: Any, verbs: Verbs) -> None:
    verb = _add_verb(added, "play", verbs["play"])
    verb.add_input(
        "--input", kind="endpoint", metavar="DEV|FILE|osc", help="what to hear; the system's own device unless told"
    )
    verb.add_output(
        "--output", kind="endpoint", metavar="DEV|FILE|osc", help="where to play; osc tells a patch what to play"
    )
    verb.add_input("--memory", kind="memory", action="append", metavar="FILE|CORPUS", help="may be given several times")
    verb.add_output("--log", kind="log written", metavar="S.jsonl", help="session log, for replay")
    verb.add_output("--record", kind="record", metavar="DIR", help="keep heard.wav and spoken.wav there")
    verb.add_argument("--page", type=int, metavar="PORT", help="stage page for a browser")
    verb.add_argument("--osc", type=int, metavar="PORT", help="listen to OSC there; 0: do not")
    verb.add_text("--midi", metavar="PORT", help="MIDI input, by (part of) its name")
    verb.add_argument("--tui", action="store_true", help="show the stage in this terminal")
    verb.add_argument("--freewheel", action="store_true", help="the sound waits for the decision, no clock")
    verb.add_argument("--speed", type=float, default=1.0, help="of a file, times real time; 0: as fast as it goes")
    verb.add_argument("--block", type=int, default=256, help="samples at a time where there is no device")
    verb.add_argument("--seconds", type=float, metavar="N", help="stop after so many")

    verb = _add_verb(added, "replay", verbs["replay"], settings=False)
    verb.add_input("log", kind="log read", metavar="S.jsonl")
    verb.add_output("-o", "--out", required=True, metavar="OUT.wav")


def _add_listening(added: Any, verbs: Verbs) -> None:
    verb = _add_verb(added, "tokens", verbs["tokens"])
    verb.add_input("file")
    verb.add_argument("--block", type=int, metavar="N", help="feed it N samples at a time")
    verb.add_argument("--units", type=int, metavar="K", help="size of the alphabet")
    verb.add_argument("--hop", type=float, metavar="S", help="seconds per token")

    verb = _add_verb(added, "score", verbs["score"], settings=False)
    verb.add_input("heard", metavar="A", help="recording of what was played to the agent, the input")
    verb.add_input("spoken", metavar="B", help="recording of what answered it, the output; the order matters")
    verb.add_input(
        "--model", kind="model", metavar="DIR|CKPT", default="small",
        help="model with a coherence meter, or a checkpoint of the official COCOLA code",
    )  # fmt: skip
    verb.add_argument("--step", type=float, default=1.0, metavar="S", help="seconds between two windows of 5 s")
    verb.add_input(
        "--calibrate", kind="folder", metavar="DATA",
        help="folder of songs in stems, <song>/<stem>.wav: what they score tells where A and B lie",
    )  # fmt: skip
    verb.add_argument("--pairs", type=int, default=256, metavar="N", help="of --calibrate, how many are compared")
    verb.add_argument("--seed", type=int, default=0, help="of --calibrate, which of them")
    verb.add_output(
        "-o", "--out", kind="folder", metavar="DIR", help="keep the meter with that calibration as a model folder"
    )


def _add_corpus(added: Any, verbs: Verbs) -> None:
    corpus = added.add_parser("corpus", help="Make and inspect memories.").add_subparsers(required=True)
    verb = _add_verb(corpus, "build", verbs["corpus_build"])
    verb.add_input("audio", nargs="+")
    verb.add_output("-o", "--out", kind="folder", required=True, metavar="DIR")
    verb.add_argument("--hop", type=float, metavar="S", help="seconds per segment")
    verb.add_text("--licence", default="", help="of the recordings, kept with them")
    verb = _add_verb(corpus, "info", verbs["corpus_info"], settings=False)
    verb.add_input("corpus", kind="folder", metavar="DIR")


def _add_recipes(added: Any, verbs: Verbs) -> None:
    """These verbs hand their words on to a recipe, which has its own parser."""
    verb = added.add_parser("train", help="Train a part of a model.", add_help=False)
    verb.add_argument("part", choices=("encoder", "units", "decision", "coherence"))
    verb.add_argument("rest", nargs=argparse.REMAINDER)
    verb.set_defaults(run=verbs["train"])

    verb = added.add_parser("evaluate", help="Measure a model on data.", add_help=False)
    verb.add_argument("what", choices=("regeneration", "coherence", "best-of"))
    verb.add_argument("rest", nargs=argparse.REMAINDER)
    verb.set_defaults(run=verbs["evaluate"])


def _add_machine(added: Any, verbs: Verbs) -> None:
    verb = _add_verb(added, "bench", verbs["bench"])
    verb.add_output("-o", "--out", metavar="bench.json")
    verb.add_argument("--hop", type=float, default=0.25)
    verb.add_argument("--deep", action="store_true", help="also the memory a long answer takes; some minutes")
    verb.add_argument("--live", action="store_true", help="play on the sound device instead, with everything on")
    verb.add_argument("--minutes", type=float, default=1.0, help="of --live")
    verb.add_text("--input", metavar="DEV", help="of --live")
    verb.add_text("--output", metavar="DEV", help="of --live")
    _add_verb(added, "devices", verbs["devices"], settings=False)
    verb = _add_verb(added, "check", verbs["check"])
    for side in ("input", "output"):
        verb.add_text(f"--{side}", nargs="?", const="", metavar="DEV", help="measure the latency of this device")
    _add_verb(added, "osc", verbs["osc"], settings=False)

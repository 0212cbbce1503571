"""The verbs of the command line and their flags. `agent.cli` has the function that runs each verb."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

Verbs = Mapping[str, Callable[[argparse.Namespace], None]]  # function name -> what runs; its docstring is the help
LARGEST_BLOCK = 1 << 20  # samples
MOST_FOUND = 1000  # moments that are told


@dataclass(frozen=True)
class PathFlag:
    """A flag or argument whose value is a path; `paths` of a parsed command lists them.

    name: as the user types it, "--memory" or "GUIDE". dest: attribute of the parsed flags that holds the value. kind:
    key of `agent.verbs.paths.KINDS`, which turns the value into files and folders.
    """

    name: str
    dest: str
    role: Literal["input", "output"]
    kind: str


class Verb(argparse.ArgumentParser):
    """The parser of a verb, or of `antiphon` itself. A flag with free text is added as an input, an output or a text.

    `paths` therefore lists every file that a verb reads or writes; a test refuses a flag that was added in another way.
    """

    def __init__(self, *args: Any, **keywords: Any):
        super().__init__(*args, **keywords)
        self.paths: list[PathFlag] = []
        self.texts: set[str] = set()
        self.set_defaults(paths=self.paths)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and one line, as for every other mistake."""
        self.exit(2, f"{self.prog}: {message}; see  {self.prog} --help\n")

    def add_input(self, *names: str, kind: str = "file", **keywords: Any) -> None:
        """Add a flag or argument whose value is a path to read."""
        self._add_path("input", kind, *names, **keywords)

    def add_output(self, *names: str, kind: str = "file", **keywords: Any) -> None:
        """Add a flag or argument whose value is a path to write."""
        self._add_path("output", kind, *names, **keywords)

    def add_text(self, *names: str, **keywords: Any) -> None:
        """Add a flag or argument whose text is not a path."""
        self.texts.add(self.add_argument(*names, **keywords).dest)

    def _add_path(self, role: Literal["input", "output"], kind: str, *names: str, **keywords: Any) -> None:
        action = self.add_argument(*names, **keywords)
        shown = action.option_strings[0] if action.option_strings else action.dest.upper()
        self.paths.append(PathFlag(shown, action.dest, role, kind))


def make_parser(verbs: Verbs) -> Verb:
    """All verbs and their flags."""
    main = Verb(prog="antiphon", description="A musical agent that listens and answers.")
    subparsers = main.add_subparsers(required=True, metavar="VERB")
    for add_group in (_add_files, _add_stage, _add_listening, _add_corpus, _add_recipes, _add_machine):
        add_group(subparsers, verbs)
    return main


def _add_verb(subparsers: Any, name: str, run: Callable, *, settings: bool = True) -> Verb:
    """Add a verb with --json; settings: also with --model, --config and --set."""
    verb = subparsers.add_parser(name, help=(run.__doc__ or "").split("\n")[0], description=run.__doc__)
    verb.set_defaults(run=run)
    verb.add_argument("--json", action="store_true", help="print the result as JSON")
    if settings:
        verb.add_input("--model", kind="model", metavar="DIR", help="model folder, or the name of an embedded one")
        verb.add_input("--config", kind="settings", metavar="FILE", help="settings, such as agent.toml")
        verb.add_text("--set", action="append", default=[], metavar="K.K=V", help="one setting")
    return verb


def _add_files(subparsers: Any, verbs: Verbs) -> None:
    verb = _add_verb(subparsers, "respond", verbs["respond"])
    verb.add_input("guide", kind="recording", help="recording to answer, or 'demo'")
    verb.add_input(
        "--memory",
        kind="memory",
        action="append",
        metavar="FILE|CORPUS",
        help="memory to answer from, 'demo' unless agent.toml names another; repeat it for --add to choose from",
    )
    verb.add_text("--add", metavar="WORDS", help='the part to add, such as "a sparse, low bass off the beat"')
    verb.add_output("-o", "--out", required=True, metavar="OUT.wav", help="file for the answer")
    verb.add_output("--mix", metavar="MIX.wav", help="guide and answer together, stereo")
    verb.add_argument(
        "--mode", choices=("live", "offline"), default="live", help="live hears only the past, offline the whole guide"
    )
    verb.add_argument("--seed", type=int, help="same seed, same answer")
    verb.add_output(
        "--report", metavar="R.json", help="file for the report: what was heard, wanted and chosen, and why"
    )
    verb.add_input("--truth", metavar="B.wav", help="what was really played with the guide; the report gives the TPP")


def _add_stage(subparsers: Any, verbs: Verbs) -> None:
    verb = _add_verb(subparsers, "play", verbs["play"])
    verb.add_input(
        "--input", kind="endpoint", metavar="DEV|FILE|osc", help="what to hear; the system's default device if left out"
    )
    verb.add_output("--output", kind="endpoint", metavar="DEV|FILE|osc", help="where to play; with osc a patch plays")
    verb.add_input("--memory", kind="memory", action="append", metavar="FILE|CORPUS", help="memory; repeat it for more")
    verb.add_text("--add", metavar="WORDS", help='the part to add at first, such as "a sparse, low bass off the beat"')
    verb.add_output("--log", kind="log written", metavar="S.jsonl", help="write a session log, for replay")
    verb.add_output("--record", kind="record", metavar="DIR", help="folder for heard.wav and spoken.wav")
    verb.add_argument("--page", type=int, metavar="PORT", help="serve the stage page there, for a browser")
    verb.add_argument("--osc", type=int, metavar="PORT", help="listen to OSC on this port; 0: do not listen")
    verb.add_text("--midi", metavar="PORT", help="MIDI input, by (part of) its name")
    verb.add_text("--fill", metavar="PORT", help="MIDI output for the missing part, in time with the input's clock")
    verb.add_argument("--tui", action="store_true", help="show the stage in this terminal")
    verb.add_argument("--freewheel", action="store_true", help="without a clock: the sound waits for the decision")
    verb.add_argument(
        "--speed", type=float, default=1.0, help="speed of a file, times real time; 0: as fast as possible"
    )
    verb.add_argument("--block", type=int, default=256, help="samples at a time if there is no device")
    verb.add_argument("--seconds", type=float, metavar="N", help="stop after N seconds")

    verb = _add_verb(subparsers, "replay", verbs["replay"], settings=False)
    verb.add_input("log", kind="log read", metavar="S.jsonl", help="session log of play --log")
    verb.add_output("-o", "--out", required=True, metavar="OUT.wav", help="file for the sound")
    verb.add_output("--midi", metavar="OUT.mid", help="file for the notes of play --fill, in time with the sound")


def _add_listening(subparsers: Any, verbs: Verbs) -> None:
    verb = _add_verb(subparsers, "tokens", verbs["tokens"])
    verb.add_input("file", help="recording to label")
    verb.add_argument("--block", type=int, metavar="N", help="read N samples at a time")
    verb.add_argument("--units", type=int, metavar="K", help="size of the alphabet")
    verb.add_argument("--hop", type=float, metavar="S", help="seconds per label")

    verb = _add_verb(subparsers, "score", verbs["score"], settings=False)
    verb.add_input("heard", metavar="A", help="recording of the input: what the agent heard")
    verb.add_input("spoken", metavar="B", help="recording of the output: what answered it; the order matters")
    verb.add_input(
        "--model", kind="model", metavar="DIR|CKPT", default="small",
        help="model with a coherence meter, or a checkpoint of the official COCOLA code",
    )  # fmt: skip
    verb.add_argument(
        "--step", type=float, default=1.0, metavar="S", help="seconds between the beginnings of two windows of 5 s"
    )
    verb.add_input(
        "--calibrate", kind="folder", metavar="DATA",
        help="first calibrate the meter on a folder of songs in stems, <song>/<stem>.wav",
    )  # fmt: skip
    verb.add_argument("--pairs", type=int, default=256, metavar="N", help="pairs of stems that --calibrate compares")
    verb.add_argument("--seed", type=int, default=0, help="which pairs --calibrate compares")
    verb.add_output("-o", "--out", kind="folder", metavar="DIR", help="folder for the meter with that calibration")

    verb = _add_verb(subparsers, "fill", verbs["fill"], settings=False)
    verb.add_input("song", metavar="SONG.mid", help="song with the parts that are there")
    verb.add_output("-o", "--out", required=True, metavar="OUT.mid", help="file for the song with one part more")
    verb.add_text("--part", metavar="PART", help="bass, chords, pad, riff, melody, answer or drums")
    verb.add_text("--say", metavar="WORDS", help='what to play, such as "a sparse, low jazz bass off the beat"')
    verb.add_input("--model", kind="model", metavar="DIR", default="small", help="model with a fill model")
    verb.add_argument("--seed", type=int, default=0, help="same seed, same notes")

    verb = _add_verb(subparsers, "render", verbs["render"], settings=False)
    verb.add_input("guide", kind="recording", help="recording that the part is to fit, or 'demo'")
    verb.add_output("-o", "--out", required=True, metavar="OUT.wav", help="file for the part, as long as the guide")
    verb.add_text("--say", default="", metavar="WORDS", help='what to play, in any words, as "a sparse, low bass"')
    verb.add_input(
        "--voice", kind="folder", required=True, metavar="DIR", help="your diffusers pipeline, of Stable Audio's class"
    )
    verb.add_argument("--strength", type=float, metavar="S", help="how far it goes from the guide, 0.1 to 1; 0.5")
    verb.add_argument("--steps", type=int, default=100, metavar="N", help="denoising steps; fewer are faster")
    verb.add_argument("--seed", type=int, default=0, help="same seed, same sound")


def _add_corpus(subparsers: Any, verbs: Verbs) -> None:
    corpus = subparsers.add_parser("corpus", help="Make and inspect memories.").add_subparsers(required=True)
    verb = _add_verb(corpus, "build", verbs["corpus_build"])
    verb.add_input("audio", nargs="+", help="recording to cut; one or more")
    verb.add_output("-o", "--out", kind="folder", required=True, metavar="DIR", help="corpus folder to write")
    verb.add_argument("--hop", type=float, metavar="S", help="seconds per segment")
    verb.add_text("--licence", default="", help="licence of the recordings, written into the corpus")
    verb.add_input(
        "--beats", kind="marks", action="append", metavar="FILE",
        help="beats of the recording: labels of Audacity, CSV of REAPER, MIDI file, or one time in s a line; with "
        "several recordings once for each, in their order, 'none' where there are none",
    )  # fmt: skip
    verb.add_input(
        "--labels", kind="marks", action="append", metavar="FILE", help="its named sections, in the same way"
    )
    verb = _add_verb(corpus, "info", verbs["corpus_info"], settings=False)
    verb.add_input("corpus", kind="folder", metavar="DIR", help="corpus folder")
    verb = _add_verb(corpus, "find", verbs["corpus_find"])
    verb.add_text("words", metavar="WORDS", help="what it should sound like, such as 'sparse low piano, minor'")
    verb.add_input("folder", kind="folder", metavar="FOLDER", help="corpora and recordings are searched below it")
    verb.add_argument("--count", type=int, default=10, metavar="N", help="how many moments of 10 s are told")


def _add_recipes(subparsers: Any, verbs: Verbs) -> None:
    """Add the verbs whose remaining words are parsed by a recipe."""
    verb = subparsers.add_parser("train", help="Take in data, and train a part of a model.", add_help=False)
    verb.add_argument(
        "part", choices=("pairs", "encoder", "units", "decision", "coherence", "duo", "words", "fill", "attributes")
    )
    verb.add_argument("rest", nargs=argparse.REMAINDER)
    verb.set_defaults(run=verbs["train"])

    verb = subparsers.add_parser("model", help="Make a model around an encoder, in one command.", add_help=False)
    verb.add_argument("what", choices=("make",))
    verb.add_argument("rest", nargs=argparse.REMAINDER)
    verb.set_defaults(run=verbs["model"])

    verb = subparsers.add_parser("evaluate", help="Measure a model on data.", add_help=False)
    verb.add_argument("what", choices=("regeneration", "listening", "coherence", "words", "adding"))
    verb.add_argument("rest", nargs=argparse.REMAINDER)
    verb.set_defaults(run=verbs["evaluate"])


def _add_machine(subparsers: Any, verbs: Verbs) -> None:
    verb = _add_verb(subparsers, "bench", verbs["bench"])
    verb.add_output("-o", "--out", metavar="bench.json", help="file for the result, as JSON")
    verb.add_argument("--hop", type=float, default=0.25, help="seconds between two decisions; 0.25 if left out")
    verb.add_argument(
        "--deep", action="store_true", help="also measure the working memory of a long answer; takes some minutes"
    )
    verb.add_argument(
        "--large",
        action="store_true",
        help="also the loop with a base-size encoder and a paper-size decision; 5 minutes",
    )
    verb.add_argument("--live", action="store_true", help="play on the sound device, with page and OSC in use")
    verb.add_argument("--minutes", type=float, default=1.0, help="how long --live plays")
    verb.add_text("--input", metavar="DEV", help="input device of --live")
    verb.add_text("--output", metavar="DEV", help="output device of --live")
    _add_verb(subparsers, "devices", verbs["devices"], settings=False)
    verb = _add_verb(subparsers, "check", verbs["check"])
    for side in ("input", "output"):
        verb.add_text(f"--{side}", nargs="?", const="", metavar="DEV", help="measure the latency of this device")
    _add_verb(subparsers, "osc", verbs["osc"], settings=False)

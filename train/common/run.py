"""One training run: its clock and step count, its log, and a checkpoint from which it goes on exactly."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.optim import Optimizer

from corpora.whole_files import atomic_write
from train.common.errors import TrainError
from train.common.log import Log
from train.common.ranks import Ranks, started
from train.common.settings import check_resume, frozen

S = TypeVar("S")
CHECKPOINT = "checkpoint.safetensors"
WEIGHT, STATE = "weight/", "optimizer/"  # prefixes of the names of a checkpoint's tensors
LOG_EVERY_STEPS = 50  # steps between two lines of smoothed losses
LOSS_SMOOTHING = 0.97  # weight of the previous value in the running mean of each loss
BEGIN_AGAIN = "name another folder with -o and begin again"


class Run:
    """A training run in the folder `out`.

    settings: the recipe's dataclass. learned: all modules with trained parameters. facts: properties of the data that
    must not change during a run, such as its alphabet. save_every: s between two checkpoints. ranks: the processes
    that train together, of which the first writes; None: a recipe of one process.
    `step` counts updates, `spent` is s of learning over all sessions, `state` is further state of the recipe, as JSON
    values or tensors of one number. TrainError where `out` holds a run that must not or cannot be resumed.
    """

    def __init__(
        self,
        out: Path,
        settings: Any,
        learned: nn.Module,
        optimizer: Optimizer,
        resume: bool,
        *,
        facts: Mapping[str, Any] | None = None,
        save_every: float = 120.0,
        ranks: Ranks | None = None,
    ):
        self.out, self.settings, self.learned, self.optimizer = out, settings, learned, optimizer
        self.facts, self.save_every, self.saved_at = dict(facts or {}), save_every, time.monotonic()
        if ranks is None and started() > 1:
            raise TrainError(f"{started()} processes were started, and this recipe trains in one: start it alone")
        self.ranks = ranks or Ranks("cpu", 1)
        self.log, self.step, self.spent = Log(out), 0, 0.0
        self.smoothed: dict[str, float] = {}
        self.state: dict[str, Any] = {}
        out.mkdir(parents=True, exist_ok=True)
        if (out / CHECKPOINT).exists():
            refuse_to_overwrite(out, resume)
            self._restore()

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Add the duration of the block to `spent`."""
        began = time.monotonic()
        yield
        (self.spent,) = self.ranks.of_first(self.spent + time.monotonic() - began)

    def share(self, minutes: float, steps: int = 0) -> float:
        """Share of the run that is over, 0 to 1: by time or by steps, whichever is larger.

        A limit of 0 does not count.
        """
        by_clock = self.spent / (60 * minutes) if minutes else 0.0
        return min(1.0, max(by_clock, self.step / steps if steps else 0.0))

    def tick(self, losses: Mapping[str, float] | None = None, scores: Mapping[str, float] | None = None) -> None:
        """Count a step. losses: smoothed, and logged every 50th step. scores: of a validation, logged at once.

        Saves a checkpoint `save_every` s after the last.
        """
        self.step += 1
        for key, value in (losses or {}).items():
            self.smoothed[key] = LOSS_SMOOTHING * self.smoothed.get(key, value) + (1 - LOSS_SMOOTHING) * value
        if self.ranks.first and (scores is not None or (losses and self.step % LOG_EVERY_STEPS == 0)):
            self.log.write(self.step, self.spent, self.smoothed | dict(scores or {}))
        if time.monotonic() - self.saved_at > self.save_every:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all: weights, optimizer and state in one file cannot disagree."""
        if not self.ranks.first:
            return
        tensors = {f"{WEIGHT}{name}": value for name, value in self.learned.state_dict().items()}
        for number, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"{STATE}{number}/{name}": value for name, value in values.items()}
        header = {
            "step": str(self.step),
            "spent": str(self.spent),
            "settings": json.dumps(asdict(self.settings)),
            "facts": json.dumps(self.facts),
            "state": json.dumps({"smoothed": self.smoothed, "recipe": self.state}, default=float),
        }
        plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        atomic_write(self.out / CHECKPOINT, save_tensors(plain, header))
        self.saved_at = time.monotonic()

    def _restore(self) -> None:
        header, tensors = read_checkpoint(self.out)
        check_resume(self.out, saved_settings(self.out) or {}, self.settings)
        self._check_facts(json.loads(header.get("facts", "{}")))
        weights = {name[len(WEIGHT) :]: value for name, value in tensors.items() if name.startswith(WEIGHT)}
        values: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(STATE):
                _, number, name = key.split("/")
                values.setdefault(int(number), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        try:
            self.learned.load_state_dict(weights)
            self.optimizer.load_state_dict({"state": values, "param_groups": groups})
        except (RuntimeError, ValueError) as error:
            why = str(error).splitlines()[0]
            raise TrainError(f"the run in '{self.out}' was begun by another version ({why}): {BEGIN_AGAIN}") from None
        self.step, self.spent = int(header["step"]), float(header["spent"])
        known = json.loads(header.get("state", "{}"))
        self.smoothed, self.state = known.get("smoothed", {}), known.get("recipe", {})
        if self.ranks.first:
            self.log.keep_until(self.step)

    def _check_facts(self, before: Mapping[str, Any]) -> None:
        now = json.loads(json.dumps(self.facts))
        for name, value in before.items():
            if value != now.get(name):
                raise TrainError(
                    f"the run in '{self.out}' has {name} = {value}, now it would be {now.get(name)}: give the data it "
                    f"began with, or {BEGIN_AGAIN}"
                )


def refuse_to_overwrite(out: Path, resume: bool) -> None:
    """TrainError where the folder `out` holds a run and `resume` is not set."""
    if not resume and (out / CHECKPOINT).exists():
        raise TrainError(f"{out} already holds a run: add --resume to go on, or name another folder with -o")


def saved_settings(out: Path) -> dict[str, Any] | None:
    """The settings of the run in a folder; None where there is none. TrainError if they cannot be read."""
    if not (out / CHECKPOINT).exists():
        return None
    header, _ = read_checkpoint(out, tensors=False)
    return frozen(json.loads(header["settings"]))


def settings_of(settings_class: type[S], out: Path, resume: bool, given: Mapping[str, Any] | None = None) -> S:
    """Settings of a run in `out`: those given; for the others, the saved ones if it is resumed, else the defaults.

    TrainError where the run has settings that this version does not have.
    """
    saved = (saved_settings(out) if resume else None) or {}
    unknown = set(saved) - {field.name for field in fields(settings_class)}  # type: ignore[arg-type]
    if unknown:
        raise TrainError(f"the run in '{out}' was begun by another version, with {min(unknown)}: {BEGIN_AGAIN}")
    return settings_class(**(saved | dict(given or {})))


def read_checkpoint(out: Path, tensors: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    """(header, tensors by name) of the checkpoint in a folder. TrainError if it is damaged or of an earlier version."""
    path = out / CHECKPOINT
    try:
        with safe_open(path, "pt") as file:
            header, names = dict(file.metadata() or {}), list(file.keys())
            loaded = {name: file.get_tensor(name) for name in names} if tensors else {}
    except (OSError, SafetensorError) as error:
        raise TrainError(f"'{path}' is damaged ({error}): {BEGIN_AGAIN}") from None
    if not {"step", "spent", "settings"} <= set(header) or not any(name.startswith(WEIGHT) for name in names):
        raise TrainError(f"the run in '{out}' was begun by another version of this recipe: {BEGIN_AGAIN}")
    return header, loaded

"""What every training recipe shares: flags from its settings, a log, checkpoints that resume exactly."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from train.common.errors import TrainError


class Run:
    """A training run: its step count, seconds spent, log.jsonl, and a checkpoint every `every` seconds.

    `whole` holds everything that learns; the optimizer's tensors are saved beside it, nothing by pickle.
    """

    def __init__(self, out: Path, settings, whole: nn.Module, optimizer, resume: bool, every: float = 120.0):
        self.out, self.settings, self.whole, self.optimizer = out, settings, whole, optimizer
        self.step, self.spent, self.every, self.saved = 0, 0.0, every, time.monotonic()
        self.smooth: dict[str, float] = {}
        out.mkdir(parents=True, exist_ok=True)
        if (out / "checkpoint.safetensors").exists():
            if not resume:
                raise TrainError(f"{out} already holds a run: add --resume to go on, or name another folder with -o")
            self._load()

    def tick(self, report: dict[str, float]) -> None:
        """A step is done: smooth its losses, log every 50th step and every validation, save when it is time."""
        self.step += 1
        for key, value in report.items():
            old = value if key.startswith("valid") else self.smooth.get(key, value)
            self.smooth[key] = 0.97 * old + 0.03 * value
        if self.step % 50 == 0 or any(key.startswith("valid") for key in report):
            line = {"step": self.step, "minutes": round(self.spent / 60, 2)}
            line |= {key: round(value, 4) for key, value in self.smooth.items()}
            with open(self.out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            if sys.stdout.isatty():
                print("  ".join(f"{key} {value}" for key, value in line.items()), end="\r", flush=True)
        if time.monotonic() - self.saved > self.every:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        tensors = {f"weight/{name}": value.contiguous() for name, value in self.whole.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{name}": value for name, value in state.items()}
        about = {"step": str(self.step), "spent": str(self.spent), "settings": json.dumps(asdict(self.settings))}
        temporary = self.out / ".checkpoint.part"
        save_file(tensors, temporary, metadata=about)
        os.replace(temporary, self.out / "checkpoint.safetensors")
        self.saved = time.monotonic()

    def _load(self) -> None:
        path = self.out / "checkpoint.safetensors"
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            about = file.metadata()
        self.step, self.spent = int(about["step"]), float(about["spent"])
        self.whole.load_state_dict({k[7:]: v for k, v in tensors.items() if k.startswith("weight/")})
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer/"):
                _, number, name = key.split("/")
                state.setdefault(int(number), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

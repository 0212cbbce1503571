"""Measures times on a machine where other programs run, and describes the machine.

Rivals take turns in one run, so that a busy moment slows all of them; every figure is a median or a percentile. Each
time is given as time that passed (wall) and as time of the processor (cpu), which other programs disturb less.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from perception.transformer import torch_threads

DEVICE_SAMPLERATE_HZ = 48000  # sample rate of the simulated device
Rival = Callable[[], object]


def machine() -> dict:
    """Describe the machine: processor, cores, threads of torch, system, versions."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "threads": torch_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "numpy", "numba")},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def load_average() -> float | None:
    """Programs that used or waited for a core in the last minute, on average; None if the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def spread(ms: Sequence[float] | np.ndarray) -> dict[str, float]:
    """{"p50", "p99", "max"} of times in ms."""
    return {"p50": round(float(np.percentile(ms, 50)), 3), "p99": round(float(np.percentile(ms, 99)), 3),
            "max": round(float(np.max(ms)), 3)}  # fmt: skip


def in_turns(rivals: dict[str, Rival], rounds: int, warm: int = 2) -> dict[str, dict[str, float]]:
    """Call each rival once a round, after `warm` rounds that are not timed: {name: {"wall", "cpu"}}, medians, ms."""
    wall: dict[str, list[float]] = {name: [] for name in rivals}
    cpu: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(warm + rounds):
        for name, call in rivals.items():
            began, worked = time.perf_counter(), time.process_time()
            call()
            if number >= warm:
                cpu[name].append(1e3 * (time.process_time() - worked))
                wall[name].append(1e3 * (time.perf_counter() - began))
    return {name: {"wall": round(float(np.median(wall[name])), 3), "cpu": round(float(np.median(cpu[name])), 3)}
            for name in rivals}  # fmt: skip


def cpu_ratio(more: dict[str, float], less: dict[str, float]) -> float:
    """How many times more processor time `more` took than `less`."""
    return round(more["cpu"] / less["cpu"], 3)

"""The working memory that a long `antiphon respond` takes, for `antiphon bench --deep`.

Each run is a process of its own:

    python -m agent.verbs.bench_memory GUIDE OUT SECTION.KEY=VALUE...

answers GUIDE into OUT and prints the peak of its resident memory in KiB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from agent.performance.model_folder import find
from agent.settings import config
from agent.verbs import respond
from agent.verbs.measure import DEVICE_SAMPLERATE_HZ
from corpora.audio import AudioWriter

MEMORY_SAMPLERATE_HZ = 44100
GUIDE_MINUTES = (1, 3)


def run(name: str, hop: float, minutes: float = 30.0) -> dict:
    """Measure the peak of `antiphon respond`, MiB, for guides of 1 and 3 minutes and a recorded memory of `minutes`."""
    with tempfile.TemporaryDirectory() as folder:
        memory = _write_notes(Path(folder) / "memory.wav", 60 * minutes, MEMORY_SAMPLERATE_HZ)
        peaks = {}
        for length in GUIDE_MINUTES:
            guide = _write_notes(Path(folder) / f"guide{length}.wav", 60 * length, DEVICE_SAMPLERATE_HZ)
            peaks[f"guide_{length}_min"] = _peak_mib(name, hop, guide, memory)
    return {"memory_minutes": minutes, "peak_mib": peaks}


def _write_notes(path: Path, seconds: float, rate: int) -> Path:
    """Write decaying notes of 1 s at random pitch and level, so that labels and levels vary; return `path`."""
    rng, time_ = np.random.default_rng(int(seconds)), np.arange(rate) / rate
    with AudioWriter(path, rate) as writer:
        for _ in range(int(seconds)):
            tone = np.sin(2 * np.pi * 110 * 2 ** (rng.integers(0, 36) / 12) * time_) * np.exp(-3 * time_)
            writer.write((rng.uniform(0, 0.5) * tone).astype(np.float32))
    return path


def _peak_mib(name: str, hop: float, guide: Path, memory: Path) -> float:
    """Peak resident memory, MiB, of one run in a process of its own; RuntimeError if the run fails."""
    sets = f"agent.model={find(name)}", f"agent.memory={memory}", f"live.hop={hop}"
    words = [str(guide), str(guide.with_suffix(".out.wav")), *sets]
    done = subprocess.run([sys.executable, "-m", __name__, *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    return round(int(done.stdout.split()[-1]) / 1024, 1)


def peak_kib() -> int:
    """Peak resident memory of this process, KiB."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count the program that started this one
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def main(guide: str, out: str, *sets: str) -> None:
    """Answer a guide in this process and print the peak of its memory, KiB."""
    respond.respond(guide, out, config.read(None, sets))
    print(peak_kib())


if __name__ == "__main__":
    main(*sys.argv[1:])

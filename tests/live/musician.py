"""A musician on JACK: plays into the agent and records what comes back, on one frame clock, exactly.

    heard = take(rig, audio)                       # audio[i] and heard.spoken[i] belong to the same JACK frame
    playing = begin(rig, audio, freewheel=False)   # meanwhile do something else
    heard = playing.wait()

Player and recorder are two JACK clients, before and behind the agent in the graph: one client in a loop would hear
itself a period late. They live in a process of their own, so that their Python does not disturb the agent's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEAD = 0.1  # s between the cables and the first note


@dataclass
class Take:
    """What was played, and what was heard meanwhile. played (n,), spoken (n, channels), float32."""

    played: np.ndarray
    spoken: np.ndarray
    xruns: int  # of the whole server
    missing: int  # frames that never reached the recorder; 0 if the recording is whole
    wall: float  # s it took


class Playing:
    """A take under way."""

    def __init__(self, folder: tempfile.TemporaryDirectory, audio: np.ndarray, words: list[str], env: dict[str, str]):
        self._folder, self._audio = folder, audio
        self.process = subprocess.Popen(
            [sys.executable, __file__, folder.name, *words],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait(self, seconds: float = 120.0) -> Take:
        """Until it is over; RuntimeError if the musician could not play."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"the musician: {err[-2000:]}")
        about = json.loads(out.splitlines()[-1])
        with self._folder:
            spoken = np.load(Path(self._folder.name) / "spoken.npy")
        played = np.pad(self._audio, (0, len(spoken) - len(self._audio)))
        return Take(played, spoken, about["xruns"], about["missing"], about["wall"])


def begin(
    rig,
    audio: np.ndarray,
    *,
    agent: str = "antiphon",
    into: int = 0,
    out_of: Sequence[int] = (0,),
    tail: float = 1.0,
    freewheel: bool = True,
) -> Playing:
    """Play `audio` (n,) into the agent's port in_<into>, and `tail` s of silence after it; record ports out_<out_of>.

    All other cables are taken from these ports. Waits up to 30 s for the agent's ports to appear.
    """
    folder = tempfile.TemporaryDirectory(prefix="musician-")
    audio = np.ascontiguousarray(audio, np.float32)
    np.save(Path(folder.name) / "played.npy", np.pad(audio, (0, round(tail * rig.rate))))
    ports = [f"{agent}:in_{into}", *(f"{agent}:out_{one}" for one in out_of)]
    for port in ports:
        rig.wait_for(port)
        rig.unplug(port)
    return Playing(folder, audio, [*ports, *(["--freewheel"] if freewheel else [])], rig.env)


def take(rig, audio: np.ndarray, **how) -> Take:
    """The same, to its end."""
    return begin(rig, audio, **how).wait()


class Duo:
    """Player and recorder. `played` (n,) float32 goes to port `sink`; `spoken` (n, channels) comes from `sources`."""

    def __init__(self, played: np.ndarray, sink: str, sources: Sequence[str]):
        import jack

        self.played, self.spoken = played, np.zeros((len(played), len(sources)), np.float32)
        self.first: int | None = None  # JACK frame of the first sample
        self.begin, self.done, self.recorded, self.xruns = threading.Event(), threading.Event(), 0, 0
        self.player, self.recorder = jack.Client("player"), jack.Client("recorder")
        self.out = self.player.outports.register("out")
        self.ins = [self.recorder.inports.register(f"in_{number}") for number in range(len(sources))]
        self.player.set_process_callback(self.play)
        self.player.set_xrun_callback(self.count)
        self.recorder.set_process_callback(self.record)
        for client in (self.player, self.recorder):
            client.activate()
        self.player.connect(self.out, sink)
        for source, port in zip(sources, self.ins, strict=True):
            self.recorder.connect(source, port)

    def count(self, _: float) -> None:
        """Another xrun."""
        self.xruns += self.begin.is_set() and not self.done.is_set()

    def play(self, frames: int) -> None:
        """The player's callback; the first after `begin` is where the piece begins, for the recorder too."""
        now = self.player.last_frame_time
        if self.first is None and self.begin.is_set():
            self.first = now
        block = self.out.get_array()
        block[:] = 0
        at = None if self.first is None else (now - self.first) % 2**32
        if at is not None and at < len(self.played):
            some = self.played[at : at + frames]
            block[: len(some)] = some

    def record(self, frames: int) -> None:
        """The recorder's callback: later in the same cycle."""
        if self.first is None or self.done.is_set():
            return
        at = (self.recorder.last_frame_time - self.first) % 2**32
        if at >= len(self.spoken):
            self.done.set()
            return
        count = min(frames, len(self.spoken) - at)
        for channel, port in enumerate(self.ins):
            self.spoken[at : at + count, channel] = port.get_array()[:count]
        self.recorded += count

    def perform(self, freewheel: bool) -> dict:
        """From the first frame to the last; {"xruns", "missing", "wall"}."""
        time.sleep(LEAD)
        seconds, began = len(self.played) / self.player.samplerate, time.perf_counter()
        if freewheel:
            self.player.set_freewheel(True)
        self.begin.set()
        whole = self.done.wait(100 + 2 * seconds)
        wall = time.perf_counter() - began
        if freewheel:
            self.player.set_freewheel(False)
            time.sleep(LEAD)
        for client in (self.player, self.recorder):
            client.deactivate()
            client.close()
        if not whole:
            raise SystemExit(f"only {self.recorded} of {len(self.played)} frames came in {wall:.0f} s")
        return {"xruns": self.xruns, "missing": len(self.played) - self.recorded, "wall": round(wall, 3)}


def main() -> None:
    """In a process of its own: a folder with played.npy comes back with spoken.npy."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("sink")
    words.add_argument("sources", nargs="+")
    words.add_argument("--freewheel", action="store_true")
    given = words.parse_args()
    duo = Duo(np.load(given.folder / "played.npy"), given.sink, given.sources)
    about = duo.perform(given.freewheel)
    np.save(given.folder / "spoken.npy", duo.spoken)
    print(json.dumps(about))


if __name__ == "__main__":
    main()

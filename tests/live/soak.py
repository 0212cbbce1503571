"""An evening in ten minutes: everything on at once, over JACK in real time, and then the books are compared.

    python -m tests.live.soak [--minutes 10] [--rate 48000] [--period 256] [--hop 0.25] [--packets 1000000] [--peer]
                              [--coherence on|off|FOLDER] [--largest]

The demo guide is heard over and over; a browser has the stage page open, OSC brings 100 messages a second and, if asked
for, so many mutated packets; log and recording run. Not a test: quiet cores give the figures that count. At the end the
log is replayed and compared with the recording, sample for sample. With --peer the guide comes from another JACK client
and the answer goes to one; these are in Python, and an xrun of theirs is one of everybody's. --coherence tells what the
meter costs: run it with and without. --largest plays with
an encoder of base size (95 M parameters, reads 2 s, in int8, recomputes two hops) and a decision of the paper's size (6
layers of 768), whose weights are random, which changes no time.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from pythonosc.osc_message_builder import OscMessageBuilder
from transformers import Wav2Vec2Config, Wav2Vec2Model

from agent.records import replay
from agent.settings.config import DEMO
from agent.verbs import bench_loop, bench_rivals
from corpora.audio import AudioWriter, read_at
from corpora.whole_files import write_files
from decision.heard import EXTRA_DIM
from perception.units import file_stem
from perception.wav2vec2 import Wav2Vec2Encoder
from tests.agent.interfaces.osc.test_server import mutated
from tests.live import chromium, musician, peers
from tests.live.jackrig import Rig

MESSAGES = 100  # a second
LARGEST_SLACK_MS = 150.0  # for the largest models, which need longer than the 40 ms of the default
STEER = {"temperature": (0.5, 1.5), "top_p": (0.7, 0.95), "gain_db": (-6.0, 3.0), "follow_level": (0.0, 1.0)}


def message(name: str, *values: object) -> bytes:
    """One OSC message."""
    built = OscMessageBuilder(f"/antiphon/{name}")
    for value in values:
        built.add_arg(value)
    return built.build().dgram


class Hand(threading.Thread):
    """Turns knobs over OSC, and throws `packets` mutated packets in between, spread over `seconds`."""

    def __init__(self, port: int, seconds: float, packets: int):
        super().__init__(daemon=True)
        self.port, self.seconds, self.packets = port, seconds, packets
        self.over = threading.Event()
        self.sent = self.thrown = self.pongs = self.reports = 0
        self.xruns_at: list[float] = []  # s since it began

    def run(self) -> None:
        """Until `over`."""
        rng, peer = random.Random(5), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        server = ("127.0.0.1", self.port)
        peer.sendto(message("subscribe", peer.getsockname()[1]), server)
        self.began = began = time.monotonic()
        while not self.over.is_set():
            name = rng.choice(list(STEER))
            peer.sendto(message(name, rng.uniform(*STEER[name])), server)
            self.sent += 1
            if self.sent % MESSAGES == 0:
                peer.sendto(message("ping"), server)
            due = min(1.0, (time.monotonic() - began) / max(self.seconds, 1e-9)) * self.packets
            while self.thrown < due and not self.over.is_set():
                packet = mutated(rng)
                if not any(word in packet for word in (b"quit", b"record", b"save", b"stop", b"panic")):
                    peer.sendto(packet, server)
                self.thrown += 1
            self._read(peer)
            self.over.wait(max(0.0, began + self.sent / MESSAGES - time.monotonic()))

    def _read(self, peer: socket.socket) -> None:
        try:
            while True:
                packet = peer.recv(65536)
                self.pongs += packet.startswith(b"/antiphon/pong")
                self.reports += 1
                if packet.startswith(b"/antiphon/xruns"):
                    self.xruns_at.append(round(time.monotonic() - self.began, 1))
        except OSError:
            return


def resident(process: int) -> float:
    """MiB of memory a process has."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return round(pages * 4096 / 2**20, 1)


def same(taken: np.ndarray, spoken: np.ndarray) -> dict:
    """How a take from JACK differs from what the log says was spoken; it begins somewhere within it."""
    loud = np.flatnonzero(np.abs(taken) > 1e-3)
    at = int(loud[0]) if len(loud) else 0
    probe = taken[at : at + len(taken) // 4]
    size = len(spoken) + len(probe)
    likeness = np.fft.irfft(np.fft.rfft(spoken, size) * np.fft.rfft(probe, size).conj(), size)[: len(spoken)]
    shift = int(np.argmax(likeness)) - at
    count = min(len(taken), len(spoken) - shift)
    error = np.abs(taken[:count] - spoken[shift : shift + count])
    return {"samples": count, "wrong": int((error > 0).sum()), "largest": float(error.max(initial=0))}


def busy(process: int) -> float:
    """Seconds of processor that a process has had."""
    words = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / 100


def metering(process: int) -> int:
    """Number of the process in which the coherence meter of an agent works, 0 if there is none."""
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        for child in listed.read_text().split():
            if b"meter_worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return 0


def soak(
    minutes: float,
    rate: int,
    period: int,
    hop: float,
    packets: int,
    page: bool = True,
    peer: bool = False,
    coherence: str = "on",
    picture: str = "",
    largest: bool = False,
) -> dict:
    """One evening; the figures."""
    guide = read_at(DEMO / "guide.flac", rate)
    audio = np.resize(guide, round(60 * minutes * rate))
    osc, web = peers.free_ports(2)
    with tempfile.TemporaryDirectory() as name, Rig(period, rate) as rig:
        folder = Path(name)
        words = [
            "--set", f"live.hop={hop}", "--osc", osc, "--page", web, "--log", "s.jsonl", "--record", "takes", "--json"
        ]  # fmt: skip
        if coherence != "on":
            words += ["--set", "coherence.every=0" if coherence == "off" else f"coherence.model={coherence}"]
        if largest:
            settings = (
                "perception.precision=int8",
                f"perception.recompute={2 * hop}",
                f"live.slack_ms={LARGEST_SLACK_MS}",
            )
            words += ["--model", str(largest_model(folder / "largest", hop))]
            words += [word for setting in settings for word in ("--set", setting)]
        if not peer:
            with AudioWriter(folder / "guide.wav", rate) as writer:
                writer.write(audio)
                writer.write(audio[: 60 * rate])  # it is to be ended, not to end
            words += ["--input", "guide.wav"]
        with peers.agent(folder, *words, env=rig.env) as process:
            try:
                rig.wait_for("antiphon:out_0", 90)
            except TimeoutError:
                raise SystemExit((folder / "agent.log").read_text()) from None
            hand, browser = Hand(osc, 60 * minutes, packets), chromium.Browser() if page else None
            if browser:
                browser.__enter__().open(f"http://127.0.0.1:{web}/", 1024, 768)
            playing = musician.begin(rig, audio, freewheel=False) if peer else None
            hand.start()
            first = min(60.0, 20 * minutes)
            time.sleep(first)
            early, began, spent = resident(process.pid), time.monotonic(), busy(process.pid)
            meter = metering(process.pid)
            metered = busy(meter) if meter else 0.0
            taken = playing.wait(60 * minutes + 120) if playing else None
            time.sleep(0 if taken else 60 * minutes - first)
            elapsed = time.monotonic() - began
            late, share = resident(process.pid), (busy(process.pid) - spent) / elapsed
            metered = (busy(meter) - metered) / elapsed if meter else 0.0
            hand.over.set()
            hand.join()
            if browser:
                if picture:
                    browser.picture(picture)
                browser.__exit__()
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(30)
        said = (folder / "agent.log").read_text().splitlines()
        report = json.loads(next(line for line in reversed(said) if line.startswith("{")))
        spoken = np.concatenate(list(replay.sounds(folder / "s.jsonl")))
        kept = read_at(folder / "takes" / "spoken.wav")
        both = min(len(kept), len(spoken))
        books: dict = {"wav_samples": both, "wav_wrong": int((kept[:both] != spoken[:both]).sum())}
        if taken:
            books["jack"] = same(taken.spoken[:, 0], spoken) | {"xruns": taken.xruns, "frames_lost": taken.missing}
    return {
        "minutes": minutes, "rate": rate, "period": period, "hop": hop,
        "agent": {key: report[key] for key in ("hops", "missed", "xruns", "nan", "mind_ms", "state")},
        "peer": peer, "page": page, "agent_cores": round(share, 2),
        "coherence": report.get("coherence"), "meter_cores": round(metered, 2),
        "osc": {"sent": hand.sent, "mutated": hand.thrown, "received": hand.reports, "pongs": hand.pongs},
        "xruns_at": hand.xruns_at,
        "page_complaints": browser.complaints if browser else None,
        "resident_mib": [early, late], "books": books, "said": said[:-1][-12:],
    }  # fmt: skip


def largest_model(folder: Path, hop: float) -> Path:
    """The folder of a model of the largest size, with random weights."""
    torch.manual_seed(0)
    config = Wav2Vec2Config()
    config.context = 2.0
    Wav2Vec2Model(config).save_pretrained(folder / "encoder")
    alphabet = bench_loop.demo_alphabet(Wav2Vec2Encoder.load(folder / "encoder", hop), hop)
    name, sizes = file_stem(alphabet.units, hop), {"key_dim": bench_loop.KEY_DIM, "extra_dim": EXTRA_DIM}
    decision = bench_rivals.random_decision("paper", hop, alphabet=alphabet.hash, **sizes)
    write_files(folder / "units", {f"{name}.safetensors": alphabet.to_bytes()})
    write_files(folder / "decision" / name, decision.files())
    about = {"format": 1, "name": "largest", "hops": {f"{hop:g}": alphabet.units}}
    write_files(folder, {"model.json": json.dumps(about).encode()})
    return folder


def main() -> None:
    """Print the figures as JSON."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    words.add_argument("--minutes", type=float, default=10.0)
    words.add_argument("--rate", type=int, default=48000)
    words.add_argument("--period", type=int, default=256)
    words.add_argument("--hop", type=float, default=0.25)
    words.add_argument("--packets", type=int, default=0)
    words.add_argument("--no-page", action="store_true")
    words.add_argument("--peer", action="store_true")
    words.add_argument("--coherence", default="on", metavar="on|off|FOLDER", help="FOLDER: the meter to take")
    words.add_argument("--largest", action="store_true", help="with the largest models, of random weights")
    words.add_argument("--picture", default="", metavar="FILE.png", help="what the page shows at the end")
    given = words.parse_args()
    coherence = given.coherence if given.coherence in ("on", "off") else str(Path(given.coherence).absolute())
    found = soak(
        given.minutes,
        given.rate,
        given.period,
        given.hop,
        given.packets,
        not given.no_page,
        given.peer,
        coherence,
        given.picture,
        given.largest,
    )
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

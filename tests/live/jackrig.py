"""A private JACK server on the dummy driver: real audio callbacks on a machine without a sound card.

    with Rig(period=1024) as rig:              # this process and its children find this server and no other
        ...
        rig.kill(); rig.start()                # unplugged, and plugged in again

Exact tests let it run freewheel (no clock, nothing can be missed: see live.musician); tests in real time take a period
of 1024 and count xruns instead of forbidding them, since other programs share the machine.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

PROGRAMS = ("jackd", "jack_wait", "jack_lsp", "jack_connect", "jack_disconnect")
ABSENT = [name for name in PROGRAMS if not shutil.which(name)]
PATIENCE = 30.0  # s that a server may take to be there, others going before it
REGISTRY = Path("/dev/shm/jack-shm-registry")
FULL = "Too many servers already active"
DEATH = 1  # PR_SET_PDEATHSIG


def missing() -> str:
    """Why there can be no rig here; empty if there can."""
    if ABSENT:
        return f"{', '.join(ABSENT)} not found: apt install jackd2"
    try:
        import jack  # noqa: F401, the musician needs it
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as error:
        return f"JACK or PortAudio cannot be used ({error}): apt install jackd2 libportaudio2, pip install JACK-Client"
    return ""


needs_jack = pytest.mark.skipif(bool(missing()), reason=missing())


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DEATH, signal.SIGKILL)


class Rig:
    """Use it in a `with` block: inside, JACK_DEFAULT_SERVER is this server, here and in child processes.

    period: frames a callback; rate: Hz; channels: of the dummy sound card, each way.
    """

    def __init__(self, period: int = 1024, rate: int = 48000, channels: int = 2):
        self.period, self.rate, self.channels = period, rate, channels
        self.name = f"antiphon-{uuid.uuid4().hex[:8]}"
        self.settings = {
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
        }
        self.process: subprocess.Popen | None = None
        self._killed = False

    @property
    def env(self) -> dict[str, str]:
        """The environment of this process, and where this server is."""
        return os.environ | self.settings

    def start(self, rate: int = 0) -> None:
        """Plug the server in, at another rate (Hz) if one is given; RuntimeError if it does not come up."""
        self.rate = rate or self.rate
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.process = self._server(self.name, self.rate, self.period, self.channels)
            while self.process.poll() is None and time.monotonic() < deadline:
                if self._run("jack_lsp").returncode == 0:
                    return
                time.sleep(0.05)
            if FULL not in self.log():
                break
            self._sweep()
        raise RuntimeError(f"jackd did not come up: {self.log()}")

    def _server(self, name: str, rate: int = 48000, period: int = 1024, channels: int = 1) -> subprocess.Popen:
        words = ["jackd", "-n", name, "-R", "-d", "dummy", "-r", rate, "-p", period, "-C", channels, "-P", channels]
        return subprocess.Popen(
            [str(word) for word in words],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=self.env,
            preexec_fn=_die_with_parent,  # a test that crashes leaves no server behind
        )

    def _sweep(self) -> None:
        """JACK keeps a list of at most 8 servers, killed ones too, until one of the same name has ended well."""
        with suppress(OSError):
            for name in set(re.findall(rb"antiphon-[0-9a-f]{8}", REGISTRY.read_bytes())) - {self.name.encode()}:
                self._end_well(name.decode())
        time.sleep(random.uniform(0.5, 1.5))  # others may be waiting for a place as well

    def _end_well(self, name: str) -> None:
        """A server of this name comes, if none lives, and goes."""
        process = self._server(name)
        time.sleep(0.5)
        process.terminate()
        process.wait(10)

    def kill(self) -> None:
        """Unplug it: no goodbye to anybody."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end as a musician would end it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._killed = self.process.returncode == -signal.SIGKILL
        self.process = None

    def log(self) -> str:
        """What the server has printed."""
        return Path(self._log.name).read_text(errors="replace")

    def stuck(self, seconds: float = 0.3) -> set[str]:
        """Clients that JACK called in most cycles of this time and that never came back.

        On a busy machine JACK 1.9.21 sometimes starts a client whose thread is never woken: all its ports are there,
        and nothing passes through them. Another client is the only remedy.
        """
        before = len(self.log())
        time.sleep(seconds)
        names = re.findall(r"client = (\S+) was not finished, state = Triggered", self.log()[before:])
        least = seconds * self.rate / self.period / 4
        return {name for name in names if names.count(name) > least}

    def xruns(self) -> int:
        """Cycles so far that came late, or in which a client was late: a client may not have heard what they held."""
        return len(re.findall("XRun", self.log()))

    def ports(self, pattern: str = "") -> list[str]:
        """Names of all ports that contain `pattern`, like "antiphon:in_0"."""
        return [name for name in self._run("jack_lsp").stdout.split("\n") if name and pattern in name]

    def connect(self, source: str, sink: str) -> None:
        """A cable from an output port to an input port; RuntimeError if there is no such port."""
        done = self._run("jack_connect", source, sink)
        if done.returncode and sink not in self._run("jack_lsp", "-c", source).stdout:  # one that hung may have done it
            raise RuntimeError(f"{source} -> {sink}: {done.stderr or done.stdout}")

    def disconnect(self, source: str, sink: str) -> None:
        """Take a cable away; none is no mistake."""
        self._run("jack_disconnect", source, sink)

    def unplug(self, port: str) -> None:
        """Take every cable from a port: PortAudio connects itself with the sound card."""
        listed = self._run("jack_lsp", "-c", port).stdout.split("\n")
        for other in (line.strip() for line in listed if line.startswith(" ")):
            self.disconnect(port, other)
            self.disconnect(other, port)

    def wait_for(self, port: str, seconds: float = 30.0) -> None:
        """Until this port is there; TimeoutError."""
        deadline = time.monotonic() + seconds
        while port not in self.ports(port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no port {port} after {seconds:g} s, only {self.ports()}")
            time.sleep(0.1)

    def _run(self, *words: str) -> subprocess.CompletedProcess:
        """What a tool of JACK says. It is a client, too: one that is never woken (see `stuck`) is exchanged."""
        for _ in range(3):
            with suppress(subprocess.TimeoutExpired):
                return subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=10)
        raise TimeoutError(f"{' '.join(words)} hung three times: {self.log()[-500:]}")

    def __enter__(self) -> Rig:
        self._log = tempfile.NamedTemporaryFile("w", prefix=f"{self.name}-", suffix=".log", delete=False)
        self._before = {name: os.environ.get(name) for name in self.settings}
        os.environ.update(self.settings)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._killed:
            self._end_well(self.name)
        self._log.close()
        Path(self._log.name).unlink(missing_ok=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

"""Real-time scheduling: threads inherit it, long computations do without, and without permission nothing changes."""

import json
import os
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from ctypes import CDLL
from pathlib import Path

import pytest

from agent.engine import scheduling

ROOT = Path(__file__).parents[3]
DROP_FROM_BOUNDING_SET, SYS_NICE = 24, 23  # prctl(PR_CAPBSET_DROP, CAP_SYS_NICE)

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes of Linux")


def in_thread(work) -> object:
    """What `work` returns in a thread that is started here."""
    result: list = []
    thread = threading.Thread(target=lambda: result.append(work()))
    thread.start()
    thread.join()
    return result[0]


def without_permission() -> None:
    """Take the right to real-time priority from a process about to start, that of an administrator too."""
    CDLL(None).prctl(DROP_FROM_BOUNDING_SET, SYS_NICE, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))


def test_threads_inherit_it_until_it_ends():
    with scheduling.real_time() as granted:
        assert scheduling.is_real_time() == in_thread(scheduling.is_real_time) == granted
        with ThreadPoolExecutor(1, initializer=scheduling.ordinary) as pool:
            assert not pool.submit(scheduling.is_real_time).result()
    assert not scheduling.is_real_time() and not in_thread(scheduling.is_real_time)


def test_it_ends_after_an_error_too():
    with pytest.raises(ZeroDivisionError), scheduling.real_time():
        1 / 0  # noqa: B018
    assert not scheduling.is_real_time()


@only_linux
def test_without_permission_nothing_changes():
    program = (
        "from agent.engine import scheduling\n"
        "with scheduling.real_time() as granted: print(granted, scheduling.is_real_time())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(ROOT)}, preexec_fn=without_permission,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (run.stdout.split(), run.stderr) == (["False", "False"], "")


@only_linux
@pytest.mark.parametrize("scheduled", ["realtime", "normal"])
def test_a_performance_says_how_it_was_scheduled(antiphon, tiny, memory, scheduled):
    said = antiphon("play", "--input", "osc", "--output", "osc", "--osc", 0, "--model", tiny, "--memory", memory,
                    "--seconds", 0.5, "--json", "--set", f"live.scheduling={scheduled}")  # fmt: skip
    assert not scheduling.is_real_time()
    with scheduling.real_time() as granted:
        pass
    assert json.loads(said.out)["scheduling"] == ("realtime" if granted and scheduled == "realtime" else "normal")

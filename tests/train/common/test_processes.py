"""Laws of work in processes: all results, or none and no process left, however the parent ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpora.whole_files import atomic_folder
from train.common.errors import TrainError
from train.common.processes import in_processes

PARENT = """
import sys
from pathlib import Path
from tests.train.common.test_processes import half_written
from train.common import command_line
from train.common.processes import in_processes
out = Path(sys.argv[1])
command_line.run(lambda: in_processes(half_written, [(out / str(n),) for n in range(6)], 2))
"""
LONG_S = 60.0


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number == 1:
        raise TrainError("number 1 cannot be had")
    time.sleep(LONG_S)
    return number


def half_written(folder: Path) -> None:
    """A folder that is never finished, and a program that was started for it."""
    with atomic_folder(folder) as new:
        sleeper = subprocess.Popen(["sleep", str(LONG_S)])
        try:
            (new / "pid").write_text("")
            (folder.parent / f"{folder.name}.pids").write_text(f"{os.getpid()} {sleeper.pid}")
            time.sleep(LONG_S)
        finally:
            sleeper.kill()


def test_results_come_in_order():
    assert in_processes(square, [(n,) for n in range(7)], 2) == [n * n for n in range(7)]
    assert in_processes(square, [], 2) == []


def test_the_first_error_ends_all():
    began = time.monotonic()
    with pytest.raises(TrainError, match="number 1"):
        in_processes(refuse, [(n,) for n in (1, 2, 3)], 2)
    assert time.monotonic() - began < LONG_S / 2


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_no_process_outlives_its_parent(tmp_path, name):
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=root, start_new_session=True)
    deadline = time.monotonic() + LONG_S
    while len(notes := list(tmp_path.glob("*.pids"))) < 2 or not all(note.read_text() for note in notes):
        assert parent.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    pids = [int(pid) for note in notes for pid in note.read_text().split()]
    number = getattr(signal, name)
    parent.send_signal(number)
    assert parent.wait(LONG_S / 2) == (-number if name == "SIGKILL" else 128 + number)
    while any(map(running, pids)):
        assert time.monotonic() < deadline, "a process lives on"
        time.sleep(0.02)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()], "nothing half-written is left"

"""Laws of work on a Ray cluster: the results of one machine, whatever workers are killed; else a sentence."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.train.common.test_processes import square
from train.common.cluster import mapped
from train.common.errors import TrainError

pytest.importorskip("ray", reason="needs the extra [cluster]")


@pytest.mark.parametrize("address", ["auto", "nonsense", "127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_a_sentence(address, tmp_path, monkeypatch):
    """Before the cluster of this module begins, which auto would find."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with pytest.raises(TrainError, match=f"no Ray cluster at '{address}'.*ray start --head") as refusal:
        mapped(square, [(1,)], 1, address, "")
    assert "\n" not in str(refusal.value)


def test_a_cluster_that_has_ended_is_not_waited_for(tmp_path, monkeypatch):
    """Ray notes the address of the newest cluster, and would look for it for minutes."""
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    began = time.monotonic()
    with pytest.raises(TrainError, match="no Ray cluster at 'auto'"):
        mapped(square, [(1,)], 1, "auto", "")
    assert time.monotonic() - began < 30


@pytest.fixture(scope="module")
def addresses():
    """Of a cluster of two nodes with a worker each: its own, and that of the server for clients elsewhere."""
    from ray.cluster_utils import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    head = {"num_cpus": 1, "include_dashboard": False, "ray_client_server_port": port}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    nodes.add_node(num_cpus=1)
    yield {"of a machine of it": nodes.address, "of a client": f"ray://127.0.0.1:{port}"}
    nodes.shutdown()


@pytest.fixture(params=["of a machine of it", "of a client"])
def cluster(addresses, request):
    """The address of the cluster, in both ways of speaking to it."""
    return addresses[request.param]


def killed(folder: Path, number: int, times: int) -> int:
    """The square of a number, by a worker that is killed in the middle of it, the first `times` times."""
    before = len(list(folder.glob(f"{number}-*")))
    (folder / f"{number}-{before}").write_text(str(os.getpid()))
    if number == 1 and before < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def refused(folder: Path, number: int) -> int:
    """An error once another worker is at work for a minute."""
    if number == 1:
        wait_for(lambda: any(path.read_text() for path in folder.iterdir()), 20)
        raise TrainError("number 1 cannot be had")
    (folder / f"{number}").write_text(str(os.getpid()))
    time.sleep(60)
    return number


def wait_for(what, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.05)


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def where() -> str:
    return os.getcwd()


def test_results_come_in_order_from_the_folder_of_the_program(cluster, tmp_path, monkeypatch):
    assert mapped(square, [(n,) for n in range(7)], 1, cluster, "") == [n * n for n in range(7)]
    monkeypatch.chdir(tmp_path)
    assert mapped(where, [()], 1, cluster, "") == [str(tmp_path)]


def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    assert mapped(killed, [(tmp_path, n, 2) for n in range(3)], 1, cluster, "") == [0, 1, 4]
    assert len(list(tmp_path.glob("1-*"))) == 3


@pytest.mark.slow
def test_workers_that_keep_ending_are_a_sentence(cluster, tmp_path):
    with pytest.raises(TrainError, match="ended 4 times"):
        mapped(killed, [(tmp_path, 1, 99)], 1, cluster, "")


def test_an_error_of_the_work_ends_all_of_it(cluster, tmp_path):
    """Also what another worker was at, which would have lasted for a minute."""
    began = time.monotonic()
    with pytest.raises(TrainError, match=r"^number 1 cannot be had$"):
        mapped(refused, [(tmp_path, n) for n in (1, 2, 3)], 1, cluster, "")
    assert time.monotonic() - began < 30
    workers = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert workers
    wait_for(lambda: not any(map(lives, workers)), 20)

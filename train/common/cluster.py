"""The same work here or on the machines of a Ray cluster (Moritz et al., OSDI 2018; extra `cluster`).

Work is a function of a module and its arguments, which leaves its results in files: so all machines need the same
version of this program and see DATA, the model and OUT by the same path, as a shared file system gives them. A worker
that ends before its work does is replaced, and begins with what it had not finished.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from train.common.errors import TrainError
from train.common.processes import in_processes
from train.common.progress import progress

T = TypeVar("T")

CLUSTER_HELP = "Ray cluster to work on: auto, or its address, such as ray://host:10001; left out: this machine alone"
RETRIES = 3  # repetitions of work whose worker has ended
CONNECT_TIMEOUT_S = 5.0
AUTO, CLIENT = "auto", "ray://"
INSTALL = "install it on every machine with: pip install 'antiphon[cluster]'"


def mapped(work: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int, cluster: str, what: str) -> list[T]:
    """[work(*each) for each of the arguments], in `jobs` processes of this machine or on a cluster.

    cluster: "", or as in `CLUSTER_HELP`. what: is done, for the progress bar. An error of the work ends all of it.
    TrainError where the cluster cannot be reached or its workers keep ending.
    """
    todo = list(arguments)
    if not cluster and jobs > 1:
        return in_processes(work, todo, jobs, what)
    if not cluster:
        return [work(*each) for each in progress(todo, what)]
    with _connected(cluster) as ray:
        remote = ray.remote(num_cpus=1, max_retries=RETRIES)(_in_folder)
        results = [remote.remote(os.getcwd(), work, *each) for each in todo]
        return [_result(ray, each, cluster) for each in progress(results, what)]


def _in_folder(folder: str, work: Callable[..., T], *arguments: Any) -> T:
    """Work where this program was started, so that relative paths are the same."""
    os.chdir(folder)
    return work(*arguments)


def _result(ray: Any, waiting: Any, cluster: str) -> Any:
    try:
        return ray.get(waiting)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        why = str(error).strip().splitlines()[0]
        raise TrainError(f"the workers of the cluster '{cluster}' ended {RETRIES + 1} times ({why}): see its logs, "
                         "free memory, or work without --cluster") from None  # fmt: skip


def check_cluster(cluster: str) -> None:
    """TrainError where Ray is missing or nothing listens at the address; before anything is written."""
    if cluster:
        _module(cluster)
        with _reached(cluster):
            _knock(cluster)


def _module(cluster: str) -> Any:
    try:
        import ray
    except ImportError:
        raise TrainError(f"--cluster {cluster} needs Ray: {INSTALL}") from None
    return ray


@contextmanager
def _connected(cluster: str) -> Iterator[Any]:
    """The module ray, connected to a cluster; TrainError where it cannot be."""
    check_cluster(cluster)
    ray = _module(cluster)
    # Workers of this machine find this version of the program, whatever folder they begin in.
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, paths))}}
    with _reached(cluster):
        ray.init(address=cluster, runtime_env=environment, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield ray
    finally:
        ray.shutdown()  # the cluster ends what this program had it do and has not finished


def _knock(cluster: str) -> None:
    """OSError or ValueError where nothing listens at the address: Ray itself would try for minutes."""
    address = _newest() if cluster == AUTO else cluster
    if address:
        host, _, port = address.removeprefix(CLIENT).rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"an address is {CLIENT}host:10001 or host:6379")
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()


def _newest() -> str:
    """What Ray takes for auto: RAY_ADDRESS, else the cluster begun last on this machine, though it may have ended;
    "" where it knows of none."""
    known = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    return os.environ.get("RAY_ADDRESS") or (known.read_text().strip() if known.is_file() else "")


@contextmanager
def _reached(cluster: str) -> Iterator[None]:
    try:
        yield
    except (ConnectionError, ValueError, RuntimeError, ImportError, OSError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrainError(
            f"no Ray cluster at '{cluster}' ({why}): start one with: ray start --head, and name its address, or leave "
            "out --cluster"
        ) from None

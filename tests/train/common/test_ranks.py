"""Laws of processes that train together: their shares are the batch, and one alone is as if there were none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.train.common.test_run import Tiny, train
from train.common.errors import TrainError
from train.common.ranks import Ranks, started
from train.common.run import Run

PAIR = """
import torch
from torch import nn
from train.common.ranks import Ranks
ranks, line = Ranks("cpu"), nn.Linear(2, 1, bias=False)
line.weight.grad = torch.full((1, 2), float(ranks.rank))
ranks.mean_gradients(line)
assert line.weight.grad.tolist() == [[0.5, 0.5]]
assert ranks.of_first(7.0 + ranks.rank, 3) == (7.0, 3.0) and ranks.mean(torch.tensor(2.0 * ranks.rank)) == 1
with ranks.own_randomness(5):
    own = torch.rand(1)
assert float(ranks.mean(own)) != float(own), "each draws its own"
"""


def rank(number: int, count: int) -> Ranks:
    ranks = Ranks("cpu", 1)
    ranks.rank, ranks.count = number, count
    return ranks


@given(st.integers(0, 100), st.integers(1, 9), st.integers(1, 9))
def test_all_parts_of_all_processes_are_the_batch(rows, count, each):
    parts = [part for number in range(count) for part in rank(number, count).parts(rows, each)]
    assert [row for part in parts for row in range(rows)[part]] == list(range(rows))
    lengths = [part.stop - part.start for part in parts]
    assert len(parts) == count * each and max(lengths) - min(lengths) <= 1


def test_one_alone_changes_nothing():
    ranks, line = Ranks("cpu", 1), nn.Linear(2, 1)
    line.weight.grad = torch.ones(1, 2)
    ranks.mean_gradients(line)
    assert ranks.first and line.weight.grad.tolist() == [[1.0, 1.0]] and line.bias.grad is None
    assert ranks.of_first(1.5, 2) == (1.5, 2)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with ranks.own_randomness(0):
        torch.rand(100)
    assert torch.equal(torch.rand(2), expected)


def test_only_the_first_writes(tmp_path):
    run = train(tmp_path, 0, ranks=rank(1, 2))
    run.tick({"loss": 1.0}, {"valid": 1.0})
    run.save()
    assert run.step == 1 and not list(tmp_path.iterdir())


def test_a_recipe_of_one_process_refuses_to_be_several(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert started() == 2
    line = nn.Linear(3, 1)
    with pytest.raises(TrainError, match="2 processes were started, and this recipe trains in one"):
        Run(tmp_path, Tiny(), line, torch.optim.Adam(line.parameters()), False)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(TrainError, match=r"not installed: pip install 'antiphon\[train\]'"):
        Ranks("cpu")


@pytest.mark.slow
def test_two_processes_agree(tmp_path):
    pytest.importorskip("accelerate")
    (tmp_path / "pair.py").write_text(PAIR)
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    assert subprocess.run([*launcher, "pair.py"], cwd=tmp_path, env=environment, timeout=180).returncode == 0

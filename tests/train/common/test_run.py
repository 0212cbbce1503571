"""Laws of a run: it goes on where it stopped, wherever that was; what it cannot go on with is refused in a sentence."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from train.common.errors import TrainError
from train.common.run import CHECKPOINT, Run, read_checkpoint, saved_settings, settings_of
from train.common.settings import setting


@dataclass(frozen=True)
class Tiny:
    steps: int = setting(9, "updates", may_change=True)
    rate: float = setting(0.1, "learning rate")


def train(out: Path, until: int, resume: bool = False, settings: Tiny | None = None, **more) -> Run:
    """Learn a line, with a checkpoint after each step, and stop after `until` steps in all."""
    settings = settings or Tiny()
    torch.manual_seed(0)
    learned = nn.Linear(3, 1)
    run = Run(out, settings, learned, torch.optim.Adam(learned.parameters(), settings.rate), resume,
              save_every=-1.0, **more)  # fmt: skip
    while run.step < until:
        x = torch.randn(8, 3, generator=torch.Generator().manual_seed(run.step))
        loss = (learned(x) - x.sum(1, keepdim=True)).square().mean()
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()
        run.state["best"] = run.step
        run.tick({"loss": float(loss.detach())}, {"valid": 1.0} if run.step % 3 == 2 else None)
    return run


def logged(out: Path) -> list[dict]:
    """The lines of a log, without what the clock says."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("minutes", "seconds")} for line in lines]


@pytest.mark.parametrize("stopped", range(9))
def test_a_run_that_stops_anywhere_ends_as_one_that_does_not(tmp_path, stopped):
    train(tmp_path / "whole", 9)
    train(tmp_path / "cut", stopped)
    run = train(tmp_path / "cut", 9, resume=True)
    whole, resumed = (read_checkpoint(tmp_path / name)[1] for name in ("whole", "cut"))
    assert whole.keys() == resumed.keys() and all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert run.step == 9 and run.state == {"best": 8}
    assert logged(tmp_path / "whole") == logged(tmp_path / "cut")
    assert [line["step"] for line in logged(tmp_path / "whole")] == [3, 6, 9]


def test_what_was_logged_after_the_checkpoint_comes_again_once(tmp_path):
    train(tmp_path, 6)
    with open(tmp_path / "log.jsonl", "a") as log:
        log.write('{"step": 9, "valid": 1.0}\n{"step": 9, "va')
    train(tmp_path, 9, resume=True)
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [3, 6, 9]


class Events:
    """What TensorBoard would be told."""

    def __init__(self, told: list, purged: int | None):
        told.append(("from", purged))
        self.told = told

    def add_scalar(self, key, value, step):
        self.told.append((step, key, value))

    def flush(self):
        self.told.append("flushed")


def test_tensorboard_is_told_what_is_logged(tmp_path, monkeypatch):
    told: list = []
    monkeypatch.setattr("train.common.log._event_writer", lambda out, purged: Events(told, purged))
    train(tmp_path, 5)
    assert told[:2] == [("from", None), (3, "loss", pytest.approx(logged(tmp_path)[0]["loss"], abs=1e-4))]
    assert told[2:] == [(3, "valid", 1.0), "flushed"]
    told.clear()
    train(tmp_path, 6, resume=True)
    assert told[0] == ("from", 6), "events after the checkpoint are void"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_is_interrupted_leaves_the_checkpoint_before_it(tmp_path, monkeypatch, error):
    run = train(tmp_path, 4)

    def interrupted(*_):
        raise error

    with monkeypatch.context() as m, pytest.raises((ValueError, KeyboardInterrupt)):
        m.setattr("corpora.whole_files.os.replace", interrupted)
        run.tick()
    (tmp_path / ".antiphon-12345678.part").write_bytes((tmp_path / CHECKPOINT).read_bytes()[:100])
    assert train(tmp_path, 4, resume=True).step == 4


def test_a_run_is_not_begun_over_another(tmp_path):
    train(tmp_path, 1)
    with pytest.raises(TrainError, match="already holds a run: add --resume"):
        train(tmp_path, 1)


def test_other_settings_and_other_data_are_refused(tmp_path):
    train(tmp_path, 2, facts={"alphabet": "k7"})
    with pytest.raises(TrainError, match=r"rate = 0.1, now 0.2"):
        train(tmp_path, 3, resume=True, settings=Tiny(rate=0.2), facts={"alphabet": "k7"})
    with pytest.raises(TrainError, match="has alphabet = k7, now it would be k9"):
        train(tmp_path, 3, resume=True, facts={"alphabet": "k9"})
    assert train(tmp_path, 3, resume=True, settings=Tiny(steps=3), facts={"alphabet": "k7"}).step == 3
    assert saved_settings(tmp_path) == {"steps": 3, "rate": 0.1}


def test_checkpoints_of_earlier_versions_resume_or_are_refused(tmp_path):
    run = train(tmp_path / "new", 2)
    header, tensors = read_checkpoint(tmp_path / "new")
    old = {name: header[name] for name in ("step", "spent", "settings")}  # before there were facts and state
    (tmp_path / "old").mkdir()
    save_file(tensors, tmp_path / "old" / CHECKPOINT, metadata=old)
    assert train(tmp_path / "old", 3, resume=True).step == 3
    (tmp_path / "other").mkdir()
    renamed = {f"model.{name}": value for name, value in run.learned.state_dict().items()}
    save_file(renamed, tmp_path / "other" / CHECKPOINT, metadata={"settings": "{}", "progress": "{}", "config": "{}"})
    with pytest.raises(TrainError, match="begun by another version"):
        train(tmp_path / "other", 3, resume=True)
    (tmp_path / "later").mkdir()
    save_file(tensors, tmp_path / "later" / CHECKPOINT, metadata=header | {"settings": '{"rate": 0.1, "depth": 3}'})
    with pytest.raises(TrainError, match="another version, with depth"):
        settings_of(Tiny, tmp_path / "later", True)
    assert settings_of(Tiny, tmp_path / "new", True, {"steps": 4}) == Tiny(steps=4)
    assert settings_of(Tiny, tmp_path / "nothing", True) == Tiny()


@pytest.mark.parametrize("content", [b"", b"no", b"\xff" * 64])
def test_a_damaged_checkpoint_is_a_sentence(tmp_path, content):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(TrainError, match=r"is damaged .*begin again"):
        train(tmp_path, 3, resume=True)

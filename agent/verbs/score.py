"""`antiphon score`: measures with a COCOLA meter how well an answer fits its input; can calibrate the meter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agent.coherence import score_files
from agent.performance.model_folder import coherence_folder
from agent.verbs.console import ShowProgress
from corpora.whole_files import atomic_folder, atomic_write, temporary_folder
from perception.coherence import Calibration, Coherence, CoherenceError

METER_FILES = ("coherence.json", "coherence.safetensors")
lines = score_files.lines


def score(
    heard: str | Path,
    spoken: str | Path,
    meter: str,
    *,
    step: float = 1.0,
    stems: str | Path | None = None,
    pairs: int = 256,
    seed: int = 0,
    out: str | Path | None = None,
    progress: ShowProgress | None = None,
) -> dict:
    """Compare two recordings over time, in windows of 5 s that begin every `step` seconds.

    meter: model folder or name, coherence folder, or a checkpoint (.ckpt) of the official code. stems: folder of songs
    in stems on which the meter is calibrated first. pairs: how many pairs of stems are compared, chosen by `seed`.
    out: folder for the meter with that calibration. Returns {"both", "harmonic", "percussive", "position", ...} of
    `agent.coherence.score_files.run`.
    """
    if out is not None and stems is None:
        raise CoherenceError(f"-o '{out}' keeps a meter with a new calibration: add --calibrate DATA")
    with meter_folder(meter) as folder:
        calibration = None if stems is None else calibrated(folder, stems, out, pairs=pairs, seed=seed)
        return score_files.run(heard, spoken, folder, step, progress, calibration)


def calibrated(folder: Path, stems: str | Path, out: str | Path | None, *, pairs: int, seed: int) -> Calibration:
    """Calibrate the meter in `folder` on songs in stems; write meter and calibration to the folder `out`, if given."""
    from train.data.submixes import calibrate

    with ExitStack() as stack:
        out_folder = stack.enter_context(atomic_folder(out, METER_FILES)) if out else None
        calibration = calibrate(Coherence.load(folder), stems, pairs=pairs, seed=seed)
        if out_folder:
            meter = Coherence.load(folder, fuse=False)
            meter.calibration = calibration
            atomic_write(out_folder / METER_FILES[0], meter.files()[METER_FILES[0]])
            atomic_write(out_folder / METER_FILES[1], (folder / METER_FILES[1]).read_bytes())
    return calibration


@contextmanager
def meter_folder(name: str) -> Iterator[Path]:
    """The folder of a coherence meter, for a block. name: a model, such a folder, or a checkpoint of the official code.

    A checkpoint is converted into a temporary folder.
    """
    if not name.endswith(".ckpt"):
        yield coherence_folder(name)
        return
    from train.official_cocola.import_checkpoint import convert

    with temporary_folder() as folder:
        convert(Path(name), folder / "coherence")
        yield folder / "coherence"

"""Lists the parts of a model folder. For a missing part it says where it belongs and which command makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.performance.model_folder import ModelError, describe, encoder_of
from perception.units import file_stem
from perception.wav2vec2 import PICKLED_WEIGHTS, WEIGHTS

EXAMPLE = '{"format": 1, "name": "mine", "hops": {"0.5": 64}}'  # example of a model.json


@dataclass(frozen=True)
class Part:
    """A part of a model folder.

    name: path of the part in the folder. state: "ok", "note" (an optional part is absent) or "error" (absent or
    damaged). sentence: what was found and, if the part is absent, what to do.
    """

    name: str
    state: Literal["ok", "note", "error"]
    sentence: str


def parts(folder: Path) -> list[Part]:
    """Every part that a model folder needs or may have; only the names of the files are checked, not their contents."""
    checked: list[Part] = []
    hops: dict[float, int] = {0.5: 64}
    encoder: Path | str = folder / "encoder"
    if not (folder / "model.json").is_file():
        checked.append(Part("model.json", "error", f"there is none in '{folder}': write one, such as  {EXAMPLE}"))
    else:
        try:
            hops, encoder = describe(folder)["hops"], encoder_of(folder)
            listed = ", ".join(f"{hop:g} s with {units} labels" for hop, units in sorted(hops.items()))
            checked.append(Part("model.json", "ok" if hops else "error", listed or f"names no hop: see  {EXAMPLE}"))
        except ModelError as error:
            checked.append(Part("model.json", "error", str(error)))
    checked.append(_encoder(folder, encoder))
    for hop, units in sorted(hops.items()):
        checked += _of_hop(folder, file_stem(units, hop))
    return [*checked, _coherence(folder), _words(folder), _fill(folder), _card(folder)]


def _encoder(folder: Path, source: Path | str) -> Part:
    """The encoder. source: encoder/ or the folder that model.json names, as a Path; a hub id as a str."""
    if isinstance(source, str):
        return Part("encoder", "ok", f"'{source}', fetched from the hub unless it has been fetched before")
    pickled = PICKLED_WEIGHTS if (source / PICKLED_WEIGHTS).is_file() else ""  # as many on the hub have it
    weights = WEIGHTS if (source / WEIGHTS).is_file() else pickled or WEIGHTS
    return _whole(
        "encoder", source, ("config.json", weights),
        f'copy a wav2vec 2.0, HuBERT or data2vec model there, or write "encoder": "FOLDER or hub id" into '
        f"{folder}/model.json; "
        "antiphon train encoder DATA -o RUN  makes one in RUN",
    )  # fmt: skip


def _of_hop(folder: Path, stem: str) -> list[Part]:
    """Alphabet, decision model and its tokens of one hop; stem: name of its files, like "k64_h0.50"."""
    units, decision = f"units/{stem}.safetensors", f"decision/{stem}"
    return [
        _whole(units, folder / "units", (f"{stem}.safetensors",),
               f"antiphon train units DATA -o RUN --encoder {folder}/encoder  makes RUN/units and RUN/tokens"),
        _whole(decision, folder / decision, ("decision.json", "decision.safetensors"),
               f"antiphon train decision RUN/tokens/{stem} -o {folder / decision}"),
        _whole(f"{decision}/attributes", folder / decision, ("attributes.json", "attributes.safetensors"),
               "only decision.guidance needs it: antiphon train attributes RUN/tokens/"
               f"{stem} DATA -o RUN2 --start {folder / decision}", needed=False),
    ]  # fmt: skip


def _coherence(folder: Path) -> Part:
    files = ("coherence.json", "coherence.safetensors")
    remedy = "only the meter needs it: antiphon train coherence DATA -o RUN  makes it in RUN/model"
    return _whole("coherence", folder / "coherence", files, remedy, needed=False)


def _words(folder: Path) -> Part:
    remedy = f"only say and corpus find need it: antiphon train words DATA -o RUN --encoder {folder}/encoder"
    return _whole("words", folder / "words", ("words.safetensors",), remedy, needed=False)


def _fill(folder: Path) -> Part:
    remedy = f"only antiphon fill needs it: antiphon train fill SCORES -o RUN  makes it, for {folder / 'fill'}"
    return _whole("fill", folder / "fill", ("fill.json", "fill.safetensors"), remedy, needed=False)


def _card(folder: Path) -> Part:
    return _whole("CARD.md", folder, ("CARD.md",), "write what it was made of, its licence and its scores", False)


def _whole(name: str, folder: Path, files: tuple[str, ...], remedy: str, needed: bool = True) -> Part:
    """A part that consists of `files` in `folder`. needed: whether it is an error if one of them is absent."""
    absent = [file for file in files if not (folder / file).is_file()]
    if not absent:
        return Part(name, "ok", f"'{folder}'" if len(files) > 1 else f"'{folder / files[0]}'")
    return Part(name, "error" if needed else "note", f"no {' and no '.join(absent)} in '{folder}': {remedy}")

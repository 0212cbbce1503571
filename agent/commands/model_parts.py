"""Which parts of a model folder are there, and for each that is missing where it belongs and which command makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.performance.model_folder import ModelError, describe, encoder_of
from perception.units import file_stem

EXAMPLE = '{"format": 1, "name": "mine", "hops": {"0.5": 64}}'  # of a model.json


@dataclass(frozen=True)
class Part:
    """A part of a model folder. state: "ok", "note" (absent, but not needed by all) or "error" (absent, or damaged).

    name: of the part, as its path in the folder. sentence: what was found and, where it is absent, what to do.
    """

    name: str
    state: Literal["ok", "note", "error"]
    sentence: str


def parts(folder: Path) -> list[Part]:
    """Every part that a model folder needs or may have; only names are looked at, not what the files hold."""
    found: list[Part] = []
    hops: dict[float, int] = {0.5: 64}
    encoder: Path | str = folder / "encoder"
    if not (folder / "model.json").is_file():
        found.append(Part("model.json", "error", f"there is none in '{folder}': write one, such as  {EXAMPLE}"))
    else:
        try:
            about = describe(folder)
            hops, encoder = about["hops"], encoder_of(folder)
            offered = ", ".join(f"{hop:g} s with {units} labels" for hop, units in sorted(hops.items()))
            found.append(Part("model.json", "ok" if hops else "error", offered or f"names no hop: see  {EXAMPLE}"))
        except ModelError as error:
            found.append(Part("model.json", "error", str(error)))
    found.append(_encoder(folder, encoder))
    for hop, units in sorted(hops.items()):
        found += _of_hop(folder, file_stem(units, hop))
    return [*found, _coherence(folder), _card(folder)]


def _encoder(folder: Path, place: Path | str) -> Part:
    """In encoder/, or where model.json says; place: of a hub id it is not a Path."""
    if isinstance(place, str):
        return Part("encoder", "ok", f"'{place}', fetched from the hub unless it has been fetched before")
    return _whole(
        "encoder", place, ("config.json", "model.safetensors"),
        f'copy a wav2vec 2.0 model there, or write "encoder": "FOLDER or hub id" into {folder}/model.json; '
        "antiphon train encoder DATA -o RUN  makes one in RUN",
    )  # fmt: skip


def _of_hop(folder: Path, stem: str) -> list[Part]:
    """Alphabet, decision model and proxy of one hop; stem: k64_h0.50."""
    units, decision = f"units/{stem}.safetensors", f"decision/{stem}"
    return [
        _whole(units, folder / "units", (f"{stem}.safetensors",),
               f"antiphon train units DATA -o RUN --encoder {folder}/encoder  makes RUN/units and RUN/tokens"),
        _whole(decision, folder / decision, ("decision.json", "decision.safetensors"),
               f"antiphon train decision RUN/tokens/{stem}.npz -o {folder / decision}"),
        _whole(f"proxy/{stem}.safetensors", folder / "proxy", (f"{stem}.safetensors",),
               f"only decision.best_of needs it: python -m train.fit_proxy RUN -o {folder}", needed=False),
    ]  # fmt: skip


def _coherence(folder: Path) -> Part:
    files = ("coherence.json", "coherence.safetensors")
    remedy = "only the meter needs it: antiphon train coherence DATA -o RUN  makes it in RUN/model"
    return _whole("coherence", folder / "coherence", files, remedy, needed=False)


def _card(folder: Path) -> Part:
    return _whole("CARD.md", folder, ("CARD.md",), "write what it was made of, its licence and its scores", False)


def _whole(name: str, place: Path, files: tuple[str, ...], remedy: str, needed: bool = True) -> Part:
    """A part that consists of files in one folder."""
    absent = [file for file in files if not (place / file).is_file()]
    if not absent:
        return Part(name, "ok", f"'{place}'" if len(files) > 1 else f"'{place / files[0]}'")
    return Part(name, "error" if needed else "note", f"no {' and no '.join(absent)} in '{place}': {remedy}")

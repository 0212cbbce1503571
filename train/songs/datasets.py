"""Data sets of stems, each read in the layout in which it is published: its pieces, their parts, and what is left out.

    MoisesDB        <provider>/<piece>/data.json, <piece>/<stem>/<id>.wav; the tracks of a stem are summed
    Slakh2100       <split>/Track00001/metadata.yaml, stems/S00.flac (or .wav); the split "omitted" is left out
    CocoChorales    <split>/<ensemble>_track000001/stems_audio/1_violin.wav
    MUSDB18-HQ      <split>/<piece>/{bass,drums,other,vocals,mixture}.wav
    MUSDB18         <split>/<piece>.stem.mp4, which needs the program ffmpeg
    pieces          <piece>/<part>.wav, or <split>/<piece>/<part>.wav
    two folders     with files of the same names: part A in one, part B in the other
    two files       one piece

What a part plays is its *family*, by the data set's own labels: "drums", "percussion" and "effects" are those without a
pitch, which Bujard et al. (2025, section 5) leave out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from corpora.whole_files import AudioError
from perception.wav2vec2 import SAMPLERATE
from train.common.errors import TrainError
from train.common.files import visible
from train.data.stems import AUDIO_SUFFIXES, STEM_FOLDERS, duration, read, stems_of

DRUMS, PERCUSSION, EFFECTS = UNPITCHED = ("drums", "percussion", "effects")
SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
OMITTED = "omitted"  # split of Slakh2100: pieces that are in it twice
MP4_STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}  # of a .stem.mp4; stream 0 is the mixture
WORDS = {
    DRUMS: {"drum", "drums", "kick", "snare", "hihat", "toms", "cymbals", "overheads", "drumkit"},
    PERCUSSION: {"percussion", "perc", "percussive"},
    EFFECTS: {"fx", "sfx", "effects", "effect", "click"},
}  # of which one in its name tells the family of a part


@dataclass(frozen=True)
class Source:
    """A file, or one stream of it."""

    path: Path
    stream: int | None = None


@dataclass(frozen=True)
class Part:
    """What one musician plays in a piece: the sum of its sources."""

    name: str
    family: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Piece:
    """Parts that sound together. split: of the data set, "" where it has none."""

    name: str
    split: str
    parts: tuple[Part, ...]


@dataclass
class DataSet:
    """What was found. left_out: (what, why)."""

    layout: str
    pieces: list[Piece] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def find(data: list[Path]) -> DataSet:
    """The pieces of a data set, by its layout. data: a folder, or two folders or files that belong together.

    TrainError where there is no piece, or a path that is absent.
    """
    absent = next((path for path in data if not path.exists()), None)
    if absent is not None or not data or len(data) > 2:
        what = f"there is nothing at '{absent}'" if absent is not None else f"{len(data)} paths were given"
        raise TrainError(f"{what}: name the folder of a data set, or two folders or two files that belong together")
    result = _two(*data) if len(data) == 2 else _one(data[0])
    if not result.pieces:
        why = "; ".join(sorted({why for _, why in result.left_out})[:3])
        expected = "MoisesDB, MUSDB18, Slakh2100, CocoChorales, or folders <piece>/<part>.wav"
        raise TrainError(f"no piece in '{data[0]}'{f' ({why})' if why else ''}: expected {expected}")
    return result


def seconds_of(part: Part) -> float:
    """How long a part lasts, s: its longest source. AudioError if one cannot be opened."""
    return max(duration(source.path) if source.stream is None else _probed(source) for source in part.sources)


def sound_of(part: Part) -> np.ndarray:
    """(n,) float32 at 16 kHz: all sources of a part together, from the same moment on. AudioError likewise."""
    sounds = [read(source.path) if source.stream is None else _decoded(source) for source in part.sources]
    total = np.zeros(max(map(len, sounds)), np.float32)
    for sound in sounds:
        total[: len(sound)] += sound
    return total


def family_of(name: str) -> str:
    """The family of a part whose name alone is known: one of UNPITCHED, else the name in small letters."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    return next((family for family, known in WORDS.items() if words & known), name.lower())


# --- layouts


def _one(data: Path) -> DataSet:
    if not data.is_dir():
        raise TrainError(f"'{data}' is a file: name a folder of pieces, or two files that belong together")
    damaged = []
    for layout, pattern, reader in LAYOUTS:
        result = DataSet(layout)
        for mark in [path for depth in ("", "*/", "*/*/", "*/*/*/") for path in visible(data, depth + pattern)]:
            reader(mark, result)
        if result.pieces:
            return result
        damaged += result.left_out
    result = _folders(data)
    result.left_out += damaged
    return result


def _moises(mark: Path, into: DataSet) -> None:
    """A piece of MoisesDB. mark: its data.json."""
    content = _parsed(mark, into, json.loads)
    families: dict[str, list[Source]] = {}
    stems = content.get("stems") if isinstance(content, dict) else None
    for stem in stems if isinstance(stems, list) else []:
        try:
            name, tracks = str(stem["stemName"]), list(stem["tracks"])
            files = [
                (track["trackType"], mark.parent / name / f"{track['id']}.{track['extension']}") for track in tracks
            ]
        except (KeyError, TypeError):
            into.left_out.append(
                (f"a stem of {mark}", "it has no stemName, or a track without id, trackType, extension")
            )
            continue
        for kind, path in files:
            if _exists(path, into):
                families.setdefault(_moises_family(name, str(kind)), []).append(Source(path))
    _add(into, mark.parent.name, "", [Part(family, family, tuple(files)) for family, files in families.items()])


def _moises_family(stem: str, kind: str) -> str:
    if stem == PERCUSSION and kind.startswith("pitched"):
        return "mallets"
    if kind.startswith(("fx", "click")):
        return EFFECTS
    return stem


def _slakh(mark: Path, into: DataSet) -> None:
    """A piece of Slakh2100. mark: its metadata.yaml."""
    import yaml

    piece, split = mark.parent, mark.parent.parent.name
    if not (piece / STEM_FOLDERS[0]).is_dir():  # of CocoChorales, whose pieces have a file of this name, too
        return
    if split == OMITTED:
        into.left_out.append((piece.name, "the data set omits it, as it is in it twice"))
        return
    content = _parsed(mark, into, yaml.safe_load)
    stems = content.get("stems") if isinstance(content, dict) else None
    parts = []
    for name, stem in sorted(stems.items()) if isinstance(stems, dict) else []:
        stem = stem if isinstance(stem, dict) else {}
        if stem.get("audio_rendered") is False:
            into.left_out.append((f"{piece.name}/{name}", "the data set did not render it"))
            continue
        files = [
            path for path in visible(piece / STEM_FOLDERS[0], f"{name}.*") if path.suffix.lower() in AUDIO_SUFFIXES
        ]
        if _exists(files[0] if files else piece / STEM_FOLDERS[0] / f"{name}.flac", into):
            family = _slakh_family(stem)
            parts.append(Part(f"{family}_{name}".replace(" ", "_"), family, (Source(files[0]),)))
    _add(into, piece.name, SPLITS.get(split, ""), parts)


def _slakh_family(stem: dict[str, Any]) -> str:
    kind = re.sub(r" \(continued\)$", "", str(stem.get("inst_class", "unknown")).lower())
    if stem.get("is_drum") or kind == DRUMS:
        return DRUMS
    return {"percussive": PERCUSSION, "sound effects": EFFECTS}.get(kind, kind)


def _musdb18(mark: Path, into: DataSet) -> None:
    """A piece of MUSDB18 in one file. mark: its .stem.mp4."""
    parts = [Part(name, family_of(name), (Source(mark, stream),)) for name, stream in sorted(MP4_STREAMS.items())]
    _add(into, mark.name.removesuffix(".stem.mp4"), SPLITS.get(mark.parent.name, ""), parts)


LAYOUTS: tuple[tuple[str, str, Callable[[Path, DataSet], None]], ...] = (
    ("MoisesDB", "data.json", _moises),
    ("Slakh2100", "metadata.yaml", _slakh),
    ("MUSDB18", "*.stem.mp4", _musdb18),
)  # each with the file that marks a piece, and what reads it


def _folders(data: Path) -> DataSet:
    """Pieces that are folders of parts, below folders that bear the names of splits, or not."""
    splits = {path: SPLITS[path.name] for path in visible(data, "*") if path.is_dir() and path.name in SPLITS}
    result = DataSet("pieces")
    for top, split in splits.items() or [(data, "")]:
        for folder in [path for path in visible(top, "*") if path.is_dir()]:
            try:
                stems = stems_of(folder)
            except TrainError as error:
                result.left_out.append((str(folder), str(error)))
                continue
            coco = (folder / STEM_FOLDERS[1]).is_dir()
            result.layout = "CocoChorales" if coco else result.layout
            parts = [
                Part(name, _coco_family(name) if coco else family_of(name), (Source(path),))
                for name, path in stems.items()
            ]
            _add(result, folder.name, split, parts)
    if any({part.name for part in piece.parts} == set(MP4_STREAMS) for piece in result.pieces):
        result.layout = "MUSDB18-HQ"
    return result


def _coco_family(name: str) -> str:
    return family_of(re.sub(r"^\d+_", "", name))


def names_of_two(one: Path, other: Path) -> tuple[str, str]:
    """The names of the parts that two folders or two files hold, which differ."""
    first, second = (path.resolve().name if path.is_dir() else path.stem for path in (one, other))
    return (first, second) if first != second else (f"{first} A", f"{second} B")


def _two(one: Path, other: Path) -> DataSet:
    """Two takes, or two folders whose files of the same name were played together."""
    if one.is_dir() != other.is_dir():
        raise TrainError(f"'{one}' and '{other}' are a folder and a file: name two folders, or two files")
    names = names_of_two(one, other)
    if not one.is_dir():
        result = DataSet("two files")
        parts = [Part(name, family_of(name), (Source(path),)) for name, path in zip(names, (one, other), strict=True)]
        _add(result, f"{names[0]} and {names[1]}", "", parts)
        return result
    result, files = DataSet("two folders"), [stems_of(folder) for folder in (one, other)]
    for name in sorted(set(files[0]) | set(files[1])):
        paths = [of_folder.get(name) for of_folder in files]
        if None in paths:
            alone = next(path for path in paths if path)
            result.left_out.append((str(alone), f"'{other if paths[1] is None else one}' has no file of this name"))
            continue
        parts = [Part(part, family_of(part), (Source(path),)) for part, path in zip(names, paths, strict=True) if path]
        _add(result, name, "", parts)
    return result


def _add(into: DataSet, name: str, split: str, parts: list[Part]) -> None:
    """Add a piece, under a name of its own within its split."""
    taken = {piece.name for piece in into.pieces if piece.split == split}
    candidates = (f"{name} {n}" if n > 1 else name for n in range(1, len(taken) + 2))
    if parts:
        into.pieces.append(Piece(next(each for each in candidates if each not in taken), split, tuple(parts)))
    else:
        into.left_out.append((name, "it has no part that can be read"))


def _exists(path: Path, into: DataSet) -> bool:
    if not path.is_file():
        into.left_out.append((str(path), "the file is missing"))
    return path.is_file()


def _parsed(path: Path, into: DataSet, parse: Any) -> Any:
    """The content of a description, or None, where it is damaged."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except Exception as error:  # yaml has errors of its own, of many classes
        into.left_out.append((str(path), f"it is damaged ({' '.join(str(error).split())[:80]})"))
        return None


# --- streams of .stem.mp4


def _ffmpeg(program: str, path: Path, *words: str) -> bytes:
    if shutil.which(program) is None:
        raise TrainError(f"'{path}' needs the program {program}: install ffmpeg, or take MUSDB18-HQ, which is in .wav")
    done = subprocess.run([program, "-v", "error", *words], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AudioError(
            f"'{path}' cannot be decoded ({done.stderr.decode(errors='replace').strip()[:120]}): fetch it again"
        )
    return done.stdout


def _decoded(source: Source) -> np.ndarray:
    words = [
        "-i",
        str(source.path),
        "-map",
        f"0:{source.stream}",
        "-ac",
        "1",
        "-ar",
        str(SAMPLERATE),
        "-f",
        "f32le",
        "-",
    ]
    return np.frombuffer(_ffmpeg("ffmpeg", source.path, *words), "<f4").astype(np.float32)


def _probed(source: Source) -> float:
    words = [
        "-select_streams",
        str(source.stream),
        "-show_entries",
        "stream=duration",
        "-of",
        "csv=p=0",
        str(source.path),
    ]
    text = _ffmpeg("ffprobe", source.path, *words).decode().strip()
    try:
        return float(text.split(",")[0])
    except ValueError:
        raise AudioError(
            f"'{source.path}' has no stream {source.stream}: expected mixture, drums, bass, other, vocals"
        ) from None

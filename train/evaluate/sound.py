"""Re-generation in sound: the coherence of rendered answers with their input.

    antiphon evaluate regeneration STEMS --sound 40 -o OUT [--coherence DIR] [--keep] [--set decision.constraint=prefer]

Answers are rendered by the agent, as `antiphon respond` would (live, or with the whole guide known), with its default
settings but for the paper's top_p, and scored with COCOLA against A, the input: windows of 5 s,
one every 2.5 s, their mean; a window in which A or the answer is silent (below -50 dBFS) is left out and counted. The
rivals are those of `train.evaluate.sound_players`. TPP is that of the labels played.

OUT/regeneration_sound.json   every number, pair by pair     OUT/regeneration_sound.md   tables     ....png   the plot
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from corpora.audio import AudioWriter
from corpora.whole_files import atomic_write
from perception.coherence import WINDOW_S, WINDOW_SAMPLES, Coherence, audible, mask_channel
from perception.hpss import SAMPLERATE
from train.common.errors import TrainError
from train.common.progress import progress
from train.data import token_pairs
from train.data.stems import GATE_DB, levels
from train.data.tokenise import pitched_songs
from train.evaluate import sound_report as report
from train.evaluate.metrics import compare, describe, tpp
from train.evaluate.sound_players import (
    RIVALS,
    TRUE,
    Memories,
    Pair,
    Player,
    Sound,
    answer_pair,
    choose_pairs,
    donor_of_each,
    runs_of,
)

WINDOW_STEP_S = 2.5  # time between two windows that are scored
Key = tuple[str, str]  # who, mode
Scores = dict[Key, dict[str, np.ndarray]]  # mode of the meter -> (windows,) float64, NaN where not scored
Factory = Callable[..., Player]  # (model, hop, samplerate, settings)


@dataclass(frozen=True)
class SoundEvaluation:
    """Settings of one evaluation; saved with it."""

    sound: int  # pairs
    split: str = "test"
    seconds: float = 15.0  # of a window
    top_p: float = 0.8
    seed: int = 0
    modes: tuple[str | int, ...] = ("full", 1)
    hop: float = 0.5  # s
    set: tuple[str, ...] = ()  # settings of the agent that are not its defaults

    def __post_init__(self) -> None:
        if self.sound < 2:
            raise TrainError(f"sound = {self.sound}: expected 2 pairs or more, 40 say")
        if self.seconds < WINDOW_S:
            raise TrainError(
                f"seconds = {self.seconds:g}: the meter hears windows of {WINDOW_S:g} s, give that or more"
            )


def regeneration(
    data: Path, model: Path, out: Path, player: Factory, *, coherence: str = "", keep: bool = False, **settings
) -> dict[str, Any]:
    """Render and score answers to pairs of the stems below `data`; write OUT/regeneration_sound.{json,md,png}.

    coherence: folder of the meter, or of a model that has one; the model's own by default. keep: also write every
    answer as stereo FLAC below OUT/kept, A on the left. settings: fields of `SoundEvaluation`. TrainError,
    CoherenceError, AudioError (all ValueErrors).
    """
    s = SoundEvaluation(**settings)
    if token_pairs.is_cache(data) or token_pairs.caches_in(data):
        raise TrainError(f"'{data}' holds tokens: --sound needs stems, folders <song>/<stem>.flac")
    songs = pitched_songs(data, s.split)
    meter = _meter(model, coherence)
    agent = player(model, s.hop, SAMPLERATE, [f"decision.top_p={s.top_p:g}", *s.set])
    pairs = choose_pairs(songs, s.sound, s.seconds, s.hop, _rng(s, "pairs"))
    out.mkdir(parents=True, exist_ok=True)
    collected = list(_measured_pairs(pairs, agent, meter, s, out / "kept" if keep else None))
    result = {"task": "regeneration", "by": "sound", "data": data.name, "model": model.name, "settings": vars(s)}
    result |= {"meter": _meter_info(meter, coherence), "windows": {"seconds": WINDOW_S, "step": WINDOW_STEP_S}}
    result |= _summary(pairs, collected, s)
    result = json.loads(json.dumps(result))  # what is returned is what is written
    atomic_write(out / "regeneration_sound.png", report.png(result))
    atomic_write(out / "regeneration_sound.md", report.markdown(result))
    atomic_write(out / "regeneration_sound.json", json.dumps(result, indent=1) + "\n")
    return result


def _meter(model: Path, coherence: str) -> Coherence:
    """The meter in a folder, in a model folder, or in a checkpoint of the official code; "": the model's own."""
    asked = Path(coherence) if coherence else model / "coherence"
    if asked.suffix == ".ckpt":
        from train.official_cocola.import_checkpoint import convert

        with TemporaryDirectory() as folder:
            convert(asked, Path(folder) / "coherence")
            return Coherence.load(Path(folder) / "coherence")
    within = [folder for folder in (asked, asked / "coherence") if (folder / "coherence.json").is_file()]
    if not within and not coherence:
        raise TrainError(
            f"model '{model}' has no coherence meter: name one with --coherence DIR, or make one with: "
            "antiphon train coherence DATA -o DIR"
        )
    return Coherence.load(within[0] if within else asked)


def _meter_info(meter: Coherence, coherence: str) -> dict[str, Any]:
    calibration = meter.calibration
    info = {"name": Path(coherence).name or "the model's own", "source": meter.source, "modes": list(meter.modes)}
    return info | {"calibration": {"source": calibration.source, "pairs": calibration.pairs} if calibration else None}


# One pair


@dataclass(frozen=True)
class _Measured:
    """Results of a pair, without its sound."""

    donor: int
    scores: Scores
    positions: Scores  # empty without a calibration
    facts: dict[Key, dict[str, Any]]


def _measured_pairs(
    pairs: list[Pair], player: Player, meter: Coherence, s: SoundEvaluation, keep: Path | None
) -> Iterator[_Measured]:
    """Answer and measure each pair; a thread scores a pair while the next one is played."""
    memories, waiting = Memories(player), []
    with ThreadPoolExecutor(1) as scorer:
        for number, donor in progress(list(enumerate(donor_of_each(pairs))), "answering"):
            pair = pairs[number]
            seed = zlib.crc32(f"{s.seed}/{number}".encode())
            truth, sounds = answer_pair(memories, pair, pairs[donor], s.modes, seed)
            if keep:
                _keep(keep / f"{number:02d}_{pair.song}_{pair.input}_{pair.played}", pair, sounds)
            facts = {key: _facts(sound, pair, truth, player) for key, sound in sounds.items()}
            future: Future[tuple[Scores, Scores]] = scorer.submit(
                scores, meter, pair.guide, {k: x.audio for k, x in sounds.items()}
            )
            waiting.append((donor, future, facts))
            if len(waiting) > 1:
                donor, future, facts = waiting.pop(0)
                yield _Measured(donor, *future.result(), facts)
        for donor, future, facts in waiting:
            yield _Measured(donor, *future.result(), facts)


@torch.inference_mode()
def scores(meter: Coherence, guide: np.ndarray, sounds: dict[Key, np.ndarray]) -> tuple[Scores, Scores]:
    """(scores, positions) of each sound, (n,) float32 at 16 kHz, as output to the input `guide`, window by window.

    Positions are {} where the meter has no calibration.
    """
    starts = range(0, len(guide) - WINDOW_SAMPLES + 1, round(WINDOW_STEP_S * SAMPLERATE))
    collected, positions = (
        {key: {mode: np.full(len(starts), np.nan) for mode in meter.modes} for key in sounds} for _ in range(2)
    )
    for number, start in enumerate(starts):
        window = slice(start, start + WINDOW_SAMPLES)
        keys = [key for key, audio in sounds.items() if audible(audio[window])]
        if not keys or not audible(guide[window]):
            continue
        pictures = torch.stack([meter.features(audio[window]) for audio in (guide, *(sounds[key] for key in keys))])
        for mode in meter.modes:
            placed = meter(mask_channel(pictures, mode))
            values = meter.similarities(placed[:1], placed[1:])
            at = meter.positions(values, placed[:1], mode)[0] if meter.calibration else np.full(len(keys), np.nan)
            for key, score, position in zip(keys, values[0].tolist(), at.tolist(), strict=True):
                collected[key][mode][number], positions[key][mode][number] = score, position
    return collected, positions if meter.calibration else {}


def _facts(sound: Sound, pair: Pair, truth: np.ndarray, player: Player) -> dict[str, Any]:
    """TPP, silence, holes, peak, and the statistics of runs and reasons of the action module."""
    size = round(player.hop * SAMPLERATE)
    silent, active = levels(sound.audio, size) < GATE_DB, levels(pair.guide, size) >= GATE_DB
    facts: dict[str, Any] = {
        "tpp": float(tpp(sound.labels[None], truth[None])[0]),
        "silence": float(silent.mean()),
        "holes": float((silent & active).mean()),
        "peak": float(np.abs(sound.audio).max()),
    }
    if sound.played:
        lengths = [length for _, length in runs_of(sound.played.segments)]
        facts["run"] = float(np.mean(lengths)) if lengths else 0.0
    if sound.played and sound.played.why:
        wanted = sound.played.wanted
        facts |= {"asked": int((wanted >= 0).sum()), "matched": int((wanted == sound.labels)[wanted >= 0].sum())}
        facts["why"] = dict(Counter(why for why in sound.played.why if why))
    return facts


def _keep(folder: Path, pair: Pair, sounds: dict[Key, Sound]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for (who, mode), sound in sounds.items():
        name = f"{who} {mode}".strip().replace(" ", "_")
        with AudioWriter(folder / f"{name}.flac", SAMPLERATE, channels=2) as writer:
            writer.write(np.stack([pair.guide, sound.audio], axis=1))


# All of them


def _summary(pairs: list[Pair], collected: list[_Measured], s: SoundEvaluation) -> dict[str, Any]:
    song, keys = np.array([pair.song for pair in pairs]), list(collected[0].scores)
    table, positions = _stacked([item.scores for item in collected]), _stacked([item.positions for item in collected])
    return {
        "pairs": [
            {"song": pair.song, "heard": pair.input, "played": pair.played, "begin": pair.first * s.hop,
             "other": pairs[item.donor].song, "other_part": pairs[item.donor].played}
            for pair, item in zip(pairs, collected, strict=True)
        ],
        "rows": [
            _row(key, table[key], positions.get(key, {}), [item.facts[key] for item in collected], song, s)
            for key in keys
        ],
        "comparisons": list(_comparisons(table, [item.facts for item in collected], song, s)),
    }  # fmt: skip


def _stacked(scores: list[Scores]) -> dict[Key, dict[str, np.ndarray]]:
    """Arrays (windows,) of each pair -> (pairs, windows)."""
    return {key: {mode: np.array([item[key][mode] for item in scores]) for mode in of} for key, of in scores[0].items()}


def _row(
    key: Key, table: dict[str, np.ndarray], positions: dict[str, np.ndarray], facts: list[dict[str, Any]],
    song: np.ndarray, s: SoundEvaluation,
) -> dict[str, Any]:  # fmt: skip
    """The row of one kind of answer."""
    who, mode = key
    row: dict[str, Any] = {"who": who, "mode": mode, "score": {}, "by_pair": {}, "position": {}}
    for meter_mode, values in table.items():
        row["score"][meter_mode] = _describe(_means(values), song, _rng(s, *key, meter_mode))
        row["by_pair"][meter_mode] = [None if np.isnan(v) else round(float(v), 4) for v in _means(values)]
    for meter_mode, values in positions.items():
        row["position"][meter_mode] = _describe(_means(values), song, _rng(s, *key, meter_mode, "position"))
    some = next(iter(table.values()))
    row["skipped"], row["windows"] = int(np.isnan(some).sum()), some.size
    for name in ("tpp", "silence", "holes"):
        row[name] = describe(np.array([fact[name] for fact in facts]), song, _rng(s, *key, name))
    row["tpp_by_pair"] = [round(fact["tpp"], 3) for fact in facts]
    row["peak"] = max(fact["peak"] for fact in facts)
    if "run" in facts[0]:
        row["run"] = float(np.mean([fact["run"] for fact in facts]))
    if "why" in facts[0]:
        row |= {name: sum(fact[name] for fact in facts) for name in ("asked", "matched")}
        row["why"] = dict(sum((Counter(fact["why"]) for fact in facts), Counter()).most_common())
    return row


def _comparisons(
    table: dict[Key, dict[str, np.ndarray]],
    facts: list[dict[Key, dict[str, Any]]],
    song: np.ndarray,
    s: SoundEvaluation,
) -> Iterator[dict[str, Any]]:
    """Answers against rivals of the same mode, over the windows in which both were scored."""
    for ours, rivals in RIVALS.items():
        for key in [key for key in table if key[0] == ours]:
            for rival in [other for other in table if other[0] in rivals and other[1] in ("", key[1])]:
                row: dict[str, Any] = {"who": ours, "rival": rival[0], "mode": key[1], "score": {}}
                for mode, values in table[key].items():
                    both = ~np.isnan(values) & ~np.isnan(table[rival][mode])
                    a, b = (_means(np.where(both, x, np.nan)) for x in (values, table[rival][mode]))
                    known = ~np.isnan(a)
                    row["score"][mode] = (
                        compare(a[known], b[known], song[known], _rng(s, *key, *rival, mode)) if known.any() else None
                    )
                if TRUE in (ours, rival[0]):  # whose TPP is 100 by definition
                    yield row
                    continue
                near, rivals_near = (np.array([fact[k]["tpp"] for fact in facts]) for k in (key, rival))
                yield row | {"tpp": compare(near, rivals_near, song, _rng(s, *key, *rival, "tpp"))}


def _means(values: np.ndarray) -> np.ndarray:
    """(pairs,) means over the windows that were scored, NaN where none was."""
    count = (~np.isnan(values)).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def _describe(values: np.ndarray, song: np.ndarray, rng: np.random.Generator) -> dict[str, Any] | None:
    known = ~np.isnan(values)
    return describe(values[known], song[known], rng) if known.any() else None


def _rng(s: SoundEvaluation, *purpose: str) -> np.random.Generator:
    return np.random.default_rng([s.seed, zlib.crc32("/".join(purpose).encode())])

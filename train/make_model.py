"""Make a model around an encoder, from an encoder and stems to a folder that plays: alphabet, decision, card.

    antiphon model make --encoder X --data Y -o DIR [--hops 0.25 0.5] [--units 64] [--minutes 30]

X is a folder or hub id of wav2vec 2.0, HuBERT or data2vec-audio as transformers saves it, a checkpoint of fairseq
(.pt), or a model whose encoder is used. Y is what `antiphon train pairs` writes, or else any data that it takes in.

DIR appears as a whole at the end, a model folder with its CARD.md: antiphon play --model DIR. What is made on the way
lies beside it, in DIR.run: stems/, encoder/, features/, units/, tokens/, decision/. Stopped, the same command goes on
where it was; a refusal leaves nothing. Once DIR is there, DIR.run may be deleted.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from transformers import Wav2Vec2FeatureExtractor

from corpora.outputs import refuse_overlap
from corpora.whole_files import atomic_folder, atomic_write, disk_errors, refuse_to_replace
from perception.units import file_stem
from perception.wav2vec2 import PREPROCESSOR, SAMPLERATE, WEIGHTS, Wav2Vec2Encoder, found_file, weights_hash
from train import fit_decision, fit_units, import_fairseq
from train.common import command_line
from train.common.errors import TrainError
from train.common.files import visible
from train.common.settings import add_arguments, check_resume, frozen, parse_arguments, setting
from train.common.table import table
from train.data import token_pairs
from train.data.stems import duration, songs_below
from train.songs import pairs

FORMAT = 1  # format of model.json, as agent/performance/model_folder.py reads it
ENCODER_FILES = ("config.json", WEIGHTS, PREPROCESSOR)
FOLDERS = ("encoder", "units", "decision", "coherence", "words", "proxy")  # a proxy in models of earlier versions
SETTINGS = "making.json"  # what DIR.run was begun with
SCORES = {  # key in decision.json -> in words
    "live_require_tpp": "labels hit live, of those its partner plays, %",
    "full_require_tpp": "the same with the whole input, %",
    "live_ce": "cross-entropy live, nats per label",
    "unpaired_ce": "the same, hearing another song",
    "bigram_ce": "the same of a model that only knows the last label",
    "live_silence": "share of rests live",
    "live_ghost": "labels that change with the input, %",
}


@dataclass(frozen=True)
class ModelMaking:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    encoder: str = setting("", "folder, hub id, .pt file of fairseq, or model to take the encoder of")
    data: tuple[str, ...] = setting((), "folder of stems, or of a data set; two where they belong together")
    hops: tuple[float, ...] = setting(fit_units.HOPS, "s between two decisions, one or more", choices=fit_units.HOPS)
    units: int = setting(64, "size of the alphabet, K: 12 s + 4 where scores are known", may_change=True)
    size: str = setting("small", "size of the decision model", choices=tuple(fit_decision.SIZES))
    minutes: float = setting(30.0, "minutes of learning of the decision, for each hop", may_change=True)
    steps: int = setting(20_000, "updates of the decision, at most", may_change=True)
    batch: int = setting(32, "crops of a step of the decision")
    crops: int = setting(256, "crops on which the decision is validated")
    songs: int = setting(100_000, "songs of each split, at most")
    seconds: float = setting(0.0, "s of each song, from its beginning; 0: all of it")
    jobs: int = setting(2, "threads that read files", may_change=True)
    seed: int = setting(0, "of alphabets, crops and weights")
    device: str = setting("auto", "cpu, cuda or auto", may_change=True)

    def __post_init__(self) -> None:
        if not self.encoder or not self.data:
            raise TrainError("a model needs an encoder and data: give --encoder X and --data Y")
        if self.units < 2 or self.minutes < 0 or min(self.steps, self.batch, self.crops, self.songs) < 1:
            raise TrainError("units must be 2 or more, steps, batch, crops and songs 1 or more, minutes 0 or more")
        object.__setattr__(self, "hops", tuple(sorted(set(self.hops))))


def make(out: Path, settings: ModelMaking) -> list[dict[str, Any]]:
    """Make the model folder `out`; returns for each hop what its card says.

    TrainError, EncoderError, AlphabetError or AudioError, each a sentence.
    """
    work, replaced = run_folder(out), (*FOLDERS, "model.json", "CARD.md")
    refuse_to_replace(out, set(replaced))
    with _removed_if_refused(work):
        _begin(work, settings)
        take_encoder(settings.encoder, work / "encoder", min(settings.hops))
        stems = _stems(work, settings)
        _refuse_too_little(stems, settings)
    names = [file_stem(settings.units, hop) for hop in settings.hops]
    if not all(token_pairs.is_made(work / "tokens" / name) for name in names):
        fit_units.fit(stems, work, True, _of_units(work, settings))
    of_hops = []
    for hop, name in zip(settings.hops, names, strict=True):
        tokens = work / "tokens" / name
        learned = fit_decision.fit([tokens], work / "decision" / name, True, _of_decision(settings))
        of_hops.append({"hop": hop, "units": settings.units, **_about(tokens), **_scores(learned)})
    card = _card(out, work, settings, of_hops)
    assemble(work, out, dict.fromkeys(settings.hops, settings.units), card, replaced)
    return of_hops


def run_folder(out: Path) -> Path:
    """DIR.run, beside DIR."""
    return out.resolve().with_name(f"{out.resolve().name}.run")


@contextmanager
def _removed_if_refused(work: Path) -> Iterator[None]:
    """Removes the folder of a run that an error in the block ends before it has begun; a signal leaves it."""
    begun = work.exists()
    try:
        yield
    except Exception:
        if not begun:
            shutil.rmtree(work, ignore_errors=True)
        raise


def _begin(work: Path, settings: ModelMaking) -> None:
    """Note what a run is begun with; TrainError where it was begun with something else."""
    note = work / SETTINGS
    if note.exists():
        try:
            before = frozen(json.loads(note.read_text(encoding="utf-8")))
        except (OSError, ValueError, AttributeError) as error:
            raise TrainError(
                f"'{note}' is damaged ({error}): delete '{work}', or name another folder with -o"
            ) from None
        check_resume(work, before, settings)
    with disk_errors(work):
        work.mkdir(exist_ok=True)
    atomic_write(note, json.dumps(asdict(settings), indent=1) + "\n")


def take_encoder(source: str, out: Path, hop: float) -> None:
    """Copy or convert an encoder into the folder `out`, whole or not at all, unless it is there.

    source: as of `ModelMaking`. hop: s, one that it shall take. EncoderError or TrainError where it is no encoder.
    """
    if (out / WEIGHTS).is_file():
        return
    if Path(source).is_file():
        import_fairseq.convert(source, out)
        Wav2Vec2Encoder.load(out, hop)
        return
    encoder = Wav2Vec2Encoder.load(source, hop)
    with atomic_folder(out) as folder:
        if found_file(source, WEIGHTS) is not None:
            for name in ENCODER_FILES:
                if (path := found_file(source, name)) is not None:
                    shutil.copyfile(path, folder / name)
            return
        encoder.model.save_pretrained(folder)
        extractor = Wav2Vec2FeatureExtractor(do_normalize=encoder.normalise, sampling_rate=SAMPLERATE)
        extractor.save_pretrained(folder)


def _stems(work: Path, settings: ModelMaking) -> list[Path]:
    """The folders of stems: those given, or the one that they are taken into."""
    data = [Path(folder) for folder in settings.data]
    if all(visible(folder, "*/*/song.json") for folder in data):  # as train pairs and the renderers leave them
        return data
    pairs.take(data, work / "stems", seed=settings.seed, jobs=settings.jobs)
    return [work / "stems"]


def _refuse_too_little(stems: list[Path], settings: ModelMaking) -> None:
    """TrainError for data that could not be learned from, before hours are spent on encoding it."""
    window = fit_decision.DecisionTraining().window
    longest: dict[str, list[float]] = {"train": [], "validation": []}
    heard = 0.0
    for split, lengths in longest.items():
        for folder in stems:
            for song in (songs_below(folder, split) if (folder / split).is_dir() else {}).values():
                parts = {part for pair in token_pairs.stem_pairs(dict.fromkeys(song, np.zeros(0))) for part in pair}
                seconds = sorted(min(duration(song[part]), settings.seconds or np.inf) for part in parts)
                lengths += seconds[-2:-1]  # what two of its parts have
                heard += sum(seconds) if split == "train" else 0.0
    training, validation = longest.values()
    if not validation and len(training) > 1:  # then the last tenth of the songs validates
        validation = training[-max(1, len(training) // 10) :]
    for split, lengths, needed in (("train", training, 2 * window), ("validation", validation, window)):
        if (most := max(lengths, default=0.0)) < needed:
            raise TrainError(
                f"the longest song in the split '{split}' of {' and '.join(settings.data)} has {most:.0f} s of two "
                f"parts with a pitch, and {needed:g} s are needed: give longer songs, or more of them (fewer than ten "
                "are divided in time)"
            )
    if heard < 10 * settings.units * max(settings.hops):
        raise TrainError(
            f"units = {settings.units}: an alphabet of hops of {max(settings.hops):g} s needs "
            f"{10 * settings.units * max(settings.hops):.0f} s of stems to learn from, and there are {heard:.0f}: give "
            "more, or fewer units"
        )


def _of_units(work: Path, settings: ModelMaking) -> fit_units.UnitsTraining:
    s = settings
    return fit_units.UnitsTraining(
        encoder=str(work / "encoder"), units=str(s.units), lengths=s.hops, jobs=s.jobs, songs=s.songs,
        seconds=s.seconds, seed=s.seed, device=s.device,
    )  # fmt: skip


def _of_decision(settings: ModelMaking) -> fit_decision.DecisionTraining:
    s = settings
    return fit_decision.DecisionTraining(
        size=s.size, steps=s.steps, minutes=s.minutes, batch=s.batch, crops=s.crops, seed=s.seed, device=s.device
    )


def assemble(work: Path, out: Path, hops: Mapping[float, int], card: str, replaces: Iterable[str]) -> Path:
    """Copy the parts of a model below `work` into the folder `out`, which is replaced as a whole or not at all.

    hops: s -> K. card: of CARD.md, "" for none. replaces: what `out` may hold, see `atomic_folder`.
    """
    with atomic_folder(out, replaces) as new:
        (new / "encoder").mkdir()
        for file in ENCODER_FILES:
            if file != PREPROCESSOR or (work / "encoder" / file).is_file():
                shutil.copy(work / "encoder" / file, new / "encoder" / file)
        shutil.copytree(work / "units", new / "units")
        for hop, units in hops.items():
            folder = new / "decision" / file_stem(units, hop)
            folder.mkdir(parents=True)
            for file in ("decision.json", "decision.safetensors"):
                shutil.copy(work / "decision" / file_stem(units, hop) / file, folder / file)
        if (work / "coherence" / "model").is_dir():
            shutil.copytree(work / "coherence" / "model", new / "coherence")
        info = {"format": FORMAT, "name": out.resolve().name, "hops": {f"{hop:g}": k for hop, k in hops.items()}}
        (new / "model.json").write_text(json.dumps(info, indent=1) + "\n")
        if card:
            (new / "CARD.md").write_text(card, encoding="utf-8")
    return out


# --- the card


def _about(tokens: Path) -> dict[str, Any]:
    """What a token cache holds: songs and hours of stems by split, and the share of silence, %."""
    cache = token_pairs.load(tokens)
    hops = {
        split: [labels for song in songs.values() for labels in song.values()] for split, songs in cache.songs.items()
    }
    stems = [labels for of_split in hops.values() for labels in of_split]
    silent = sum(int((labels == cache.units).sum()) for labels in stems) / max(sum(map(len, stems)), 1)
    hours = {split: round(sum(map(len, of_split)) * cache.hop / 3600, 2) for split, of_split in hops.items()}
    splits = {split: (len(cache.songs[split]), hours[split]) for split in hops}
    return {"alphabet": cache.alphabet, "splits": splits, "silent_percent": round(100 * silent, 1)}


def _scores(learned: dict[str, Any]) -> dict[str, Any]:
    """Of the card of a decision: steps, minutes, and the scores that a model card names."""
    known = learned["scores"]["validation"] | learned["scores"]["baselines"]
    scores = {name: round(float(known[name]), 3) for name in SCORES if name in known}
    return {"best_step": learned["best_step"], "minutes": round(learned["seconds"] / 60, 1), "scores": scores}


def _card(out: Path, work: Path, settings: ModelMaking, of_hops: list[dict[str, Any]]) -> str:
    """CARD.md: encoder, data, hops, alphabets, commands and figures."""
    splits = [(split, str(songs), f"{hours:g}") for split, (songs, hours) in of_hops[0]["splits"].items()]
    columns = ("hop", "units", "alphabet", "silent_percent", "best_step", "minutes")
    learned = [tuple(str(one[column]) for column in columns) for one in of_hops]
    figures = [
        (words, *(f"{one['scores'].get(key, float('nan')):g}" for one in of_hops)) for key, words in SCORES.items()
    ]
    where = shlex.quote(str(out))
    return f"""# {out.resolve().name}

Made by `antiphon model make` on {time.strftime("%Y-%m-%d")}, around an encoder that was not changed.

## Encoder
{_encoder_words(work / "encoder", settings)}

## Data
{" and ".join(f"`{folder}`" for folder in settings.data)}

{_markdown(("split", "songs", "hours of stems"), splits)}

## Alphabets and decision models
{_markdown(("hop, s", "K", "alphabet", "silence, %", "best step", "minutes of learning"), learned)}

On crops of the validation split, 15 s each, by which the checkpoint was chosen:

{_markdown(("", *(f"{one['hop']:g} s" for one in of_hops)), figures)}

## Commands
```
antiphon model make {_words(settings)} -o {where}
antiphon play --model {where}
```

## Licence
That of the encoder and that of the data, which must both allow what you do with this model.
"""


def _encoder_words(folder: Path, settings: ModelMaking) -> str:
    encoder = Wav2Vec2Encoder.load(folder, min(settings.hops))
    count = sum(parameter.numel() for parameter in encoder.model.parameters())
    heard = "normalised over its window" if encoder.normalise else "as it is"
    kind, seconds = encoder.model.config.model_type, encoder.window * encoder.stride / SAMPLERATE
    return (
        f"`{settings.encoder}`: {kind}, {count / 1e6:.2f} M parameters, {encoder.dim} features; at each hop it reads\n"
        f"{encoder.window} frames ({seconds:.2f} s) of the sound {heard}.\n"
        f"SHA-256 of its weights: `{weights_hash(folder)}`"
    )


def _markdown(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ("---",) * len(header), *rows))


def _words(settings: ModelMaking) -> str:
    """The flags of the settings that are not the defaults."""
    default = {field.name: field.default for field in fields(ModelMaking)}
    words = []
    for name, value in asdict(settings).items():
        if value != default[name]:
            items = value if isinstance(value, tuple) else (value,)
            words += [
                f"--{name}",
                *(shlex.quote(f"{each:g}" if isinstance(each, float) else str(each)) for each in items),
            ]
    return " ".join(words)


def lines(of_hops: list[dict[str, Any]], out: Path) -> list[str]:
    """What a terminal shows of `make`."""
    columns = ("live_require_tpp", "live_ce", "unpaired_ce", "bigram_ce")
    rows = [(f"{one['hop']:g}", str(one["units"]), *(f"{one['scores'].get(key, float('nan')):g}" for key in columns))
            for one in of_hops]  # fmt: skip
    header = ("hop, s", "K", "labels hit live, %", "nats live", "nats, another song", "nats, last label alone")
    return [*table(header, rows), f"its card: {out / 'CARD.md'}; play with it:  antiphon play --model {out}"]


def main(argv: list[str] | None = None, encoder_named: Callable[[str], str] = str) -> None:
    """Command line of this recipe. encoder_named: the encoder that a name means, which may be that of a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--resume", action="store_true", help="always so: what is done is not done again")
    add_arguments(parser, ModelMaking)
    given = frozen(vars(parse_arguments(parser, argv)))
    out: Path = given.pop("out")
    given.pop("resume")
    if given.get("encoder"):
        given["encoder"] = encoder_named(given["encoder"])
    settings = ModelMaking(**given)
    inputs = [("--encoder", settings.encoder), *(("--data", folder) for folder in settings.data)]
    for written in (out, run_folder(out)):
        refuse_overlap([(flag, path) for flag, path in inputs if Path(path).exists()], [("-o", written)])
    print("\n".join(lines(make(out, settings), out)))


if __name__ == "__main__":
    command_line.run(main)

"""Tables and curves of the evaluation of a coherence meter, made from its JSON."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np

from train.common.table import NOTHING, table, with_interval

COLOURS = {"both": "#1b6ca8", "harmonic": "#5b8e3e", "percussive": "#e07b39"}
MODES = tuple(COLOURS)
SETS = ("MUSDB18-HQ", "MoisesDB", "Slakh2100", "CocoChorales")
PAPER = {  # Ciranni et al. (2024), tables I and II: accuracy in % on test sets of their own, models "All"
    "without HPS": {"2": (90.43, 93.06, 90.06, 99.89)},
    "with HPS": {
        "2": (93.87, 93.67, 94.27, 99.68),
        "8": (78.02, 73.68, 79.72, 98.27),
        "16": (70.32, 62.17, 72.62, 96.67),
        "64": (54.33, 34.04, 59.35, 90.67),
    },
}
KINDS = {  # kind -> (its axis, its title)
    "transposed": ("semitones", "the answer transposed"),
    "displaced": ("beats later", "the answer displaced in time"),
    "stretched": ("% longer", "the answer stretched"),
}
LINES = {"elsewhere in the song": "--", "another song": ":"}


def markdown(result: dict[str, Any]) -> str:
    """The tables of every model, in Markdown. result: what `coherence` returned."""
    s = result["settings"]
    lines = [
        f"# Coherence: {', '.join(model['name'] for model in result['models'])} on {result['data']}",
        "",
        f"{result['windows']} windows of 5 s from {result['songs']} songs of the split `{s['split']}`, seed "
        f"{s['seed']}; 95 % intervals by bootstrap over songs.",
        "",
        *(_model_line(model) for model in result["models"]),
        "",
        "## Which sub-mixtures belong together",
        "",
        *_classification(result),
        *_threshold(result),
    ]
    for model in result["models"] if result["sensitivity"] else []:
        rows = [row for row in result["sensitivity"] if row["model"] == model["name"]]
        lines += ["", f"## {model['name']}: pairs pulled apart", "", *_sensitivity(rows, model)]
    lines += _displaced(result.get("displaced", [])) + _whole_files(result.get("whole_files", []))
    return "\n".join(lines) + "\n"


def _displaced(rows: list[dict[str, Any]]) -> list[str]:
    """Share of pairs above their displaced version, by measure."""
    if not rows:
        return []
    by_key = {(row["model"], row["measure"], row["beats"]): row for row in rows}
    beats = list(dict.fromkeys(row["beats"] for row in rows))
    cells = [
        [name, measure, *(with_interval(by_key[name, measure, late], 0, key="share") for late in beats)]
        for name, measure in dict.fromkeys((row["model"], row["measure"]) for row in rows)
    ]
    return [
        "",
        "## Displaced by some beats",
        "",
        f"{rows[0]['n']} pairs: how many are above the same pair with its answer so many beats late, %, by measure.",
        "",
        *table(["model", "measure", *(f"{late:+g}" for late in beats)], cells),
    ]


def _whole_files(rows: list[dict[str, Any]]) -> list[str]:
    """Share of comparisons of whole files in which the true pair is above, by measure."""
    if not rows:
        return []
    cells = [[row["model"], row["measure"], with_interval(row, 1, key="share")] for row in rows]
    return [
        "",
        "## Whole files",
        "",
        f"{rows[0]['n']} pairs of two parts of a song against {rows[0]['strangers']} of parts of two songs, by the "
        "mean of all windows: the share of comparisons in which the true pair is above, %.",
        "",
        *table(["model", "measure", "true above"], cells),
    ]


def _model_line(model: dict[str, Any]) -> str:
    calibration = model["calibration"]
    scale = (
        f"calibrated by {calibration['pairs']} pairs of {calibration['source']}" if calibration else "not calibrated"
    )
    separation = "harmonic and percussive parts apart" if model["separated"] else "one mel picture, without HPS"
    return f"- `{model['name']}`: {separation}, {scale}" + (f"; {model['source']}" if model["source"] else "")


def _classification(result: dict[str, Any]) -> list[str]:
    by_key = {(row["model"], row["mode"], row["k"]): row for row in result["classification"]}
    ks = result["settings"]["k"]
    cells = [
        [name, mode, *(with_interval(by_key.get((name, mode, k)), 1, key="accuracy") for k in ks)]
        for name, mode in dict.fromkeys((name, mode) for name, mode, _ in by_key)
    ]
    cells.append(["chance", "", *(f"{100 / k:.2f}" for k in ks)])
    for how, by_k in PAPER.items():
        for number, data in enumerate(SETS):
            paper = [f"{by_k[str(k)][number]:.2f}" if str(k) in by_k else NOTHING for k in ks]
            cells.append([f"*paper, All {how}*", f"*{data}*", *paper])
    return [
        "Accuracy in %, eq. (4): the first sub-mixture of a window scores highest with the second one of the same "
        "window, among those of K windows.",
        "",
        *table(["model", "heard", *(f"K = {k}" for k in ks)], cells),
        "",
        "The paper's rows are of its own models on its own data: music of other kinds, so not comparable.",
        *_remarks(result, ks),
    ]


def _remarks(result: dict[str, Any], ks: list[int]) -> list[str]:
    """Remarks on the songs of a batch, by K."""
    different, lines = result["of_different_songs"], []
    others = [k for k in ks if k not in different and k not in result["skipped"]]
    if different:
        lines.append(f"All windows of a batch are of different songs for K = {_listed(different)}.")
    if others:
        lines.append(f"There are not as many songs for K = {_listed(others)}: each song gives about as many windows, "
                     f"which share {100 * result['settings']['overlap']:.0f} % at most.")  # fmt: skip
    if result["skipped"]:
        lines.append(f"Too little music for K = {_listed(result['skipped'])}: raise --windows, or give more.")
    return lines


def _threshold(result: dict[str, Any]) -> list[str]:
    """Areas under the ROC curve of one threshold for all inputs."""
    by_key = {(row["model"], row["mode"], row["by"]): row for row in result["threshold"]}
    if not by_key:
        return []
    cells = [
        [name, mode, *(with_interval(by_key.get((name, mode, by)), 1, key="area") for by in ("score", "lead"))]
        for name, mode in dict.fromkeys((name, mode) for name, mode, _ in by_key)
    ]
    return [
        "",
        "One threshold for all inputs, partners against windows of other songs, area under the curve in % (chance 50): "
        "by the score itself, and by its lead over what its input scores with the calibration's strangers.",
        "",
        *table(["model", "heard", "by score", "by lead"], cells),
    ]


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _sensitivity(rows: list[dict[str, Any]], model: dict[str, Any]) -> list[str]:
    by_key = {(row["kind"], row["amount"], row["mode"]): row for row in rows}
    modes = [mode for mode in MODES if ("none", 0.0, mode) in by_key]
    what = "position" if model["calibration"] else "score"
    scale = " A position of 0 is like strangers', 1 like partners'." if what == "position" else ""
    cells = []
    for kind, amount in dict.fromkeys((row["kind"], row["amount"]) for row in rows):
        row = by_key[kind, amount, "both"]
        below = NOTHING if kind == "none" or not row["below"] else f"{row['below']['mean']:.0f} %"
        means = [with_interval(by_key[kind, amount, mode][what]) for mode in modes]
        cells.append([_change(kind, amount), with_interval(row["score"], 1), below, *means])
    return [
        f"{by_key['none', 0.0, 'both']['n']} pairs: the score of both parts, how many of the changed pairs score less "
        f"than the true ones, and the {what} by each part.{scale} Both sides changed alike stay coherent: what they "
        "lose is lost to the tool that changes them.",
        "",
        *table(["change", "score", "less than true", *(f"{what}, {mode}" for mode in modes)], cells),
    ]


def _change(kind: str, amount: float) -> str:
    if kind == "none":
        return "**none, true pairs**"
    if kind in LINES:
        return f"answer from {kind}"
    unit = KINDS[kind.removeprefix("both ")][0]
    return f"{'both' if kind.startswith('both') else 'answer'} {kind.removeprefix('both ')} {amount:+g} {unit}"


def png(result: dict[str, Any]) -> bytes:
    """The figure as PNG: a row for each model, with its accuracy by K and a curve for each kind of change."""
    from matplotlib.figure import Figure

    models, kinds = result["models"], list(KINDS) if result["sensitivity"] else []
    figure = Figure(figsize=(4.2 * (1 + len(kinds)), 3.9 * len(models) + 0.5), layout="constrained")
    figure.suptitle(f"Coherence on {result['data']}: {result['windows']} windows of 5 s, {result['songs']} songs")
    panes: Any = figure.subplots(len(models), 1 + len(kinds), squeeze=False)
    for row, model in zip(panes, models, strict=True):
        _accuracies(row[0], result, model["name"])
        for axes, kind in zip(row[1:], kinds, strict=True):
            _curves(axes, result, model, kind)
        if kinds:
            for axes in row[2:]:
                axes.sharey(row[1])
            row[-1].legend(fontsize=7, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": "antiphon"})
    return buffer.getvalue()


def _accuracies(axes, result: dict[str, Any], name: str) -> None:
    ks = [k for k in result["settings"]["k"] if k not in result["skipped"]]
    rows = [row for row in result["classification"] if row["model"] == name]
    for mode, colour in COLOURS.items():
        collected = [row for row in rows if row["mode"] == mode]
        if collected:
            values = np.array([row["accuracy"] for row in collected])
            edges = np.array([row["interval"] or (row["accuracy"],) * 2 for row in collected])
            axes.errorbar(ks, values, np.abs(edges.T - values), color=colour, marker="o", capsize=3, label=mode)
    axes.plot(ks, [100 / k for k in ks], color="black", linestyle=":", label="chance")
    paper = PAPER["with HPS"]
    axes.plot([int(k) for k in paper], [by[0] for by in paper.values()], color="#969696", marker="x",
              linestyle="--", label=f"the paper on {SETS[0]}, other music")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.set(xlabel="K, windows to choose among", ylabel="right, %", ylim=(0, 102), title=name)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, frameon=False, loc="lower left")


def _curves(axes, result: dict[str, Any], model: dict[str, Any], kind: str) -> None:
    """Mean and interval of position, or score, by the amount of a change; circles: both sides changed alike."""
    what = "position" if model["calibration"] else "score"
    rows = [row for row in result["sensitivity"] if row["model"] == model["name"]]
    amounts = sorted({0.0, *(row["amount"] for row in rows if row["kind"] == kind)})
    for mode, colour in COLOURS.items():
        of = {(row["kind"], row["amount"]): row[what] for row in rows if row["mode"] == mode and row[what]}
        if not of:
            continue
        collected = [of["none", 0.0] if amount == 0 else of[kind, amount] for amount in amounts]
        axes.plot([d["mean"] for d in collected], color=colour, marker=".", label=mode)
        edges = np.array([d["interval"] or (d["mean"],) * 2 for d in collected])
        axes.fill_between(range(len(amounts)), edges[:, 0], edges[:, 1], color=colour, alpha=0.13)
        alike = {amounts.index(amount): d["mean"] for (k, amount), d in of.items() if k == f"both {kind}"}
        if alike:
            label = "both sides alike" if mode == "both" else None
            axes.scatter(alike.keys(), alike.values(), facecolors="none", edgecolors=colour, label=label)
        for other, style in LINES.items():
            if (other, 0.0) in of and mode == "both":
                axes.axhline(of[other, 0.0]["mean"], color="#555555", linewidth=1, linestyle=style, label=other)
    unit, title = KINDS[kind]
    axes.set_xticks(range(len(amounts)), [_tick(amount) for amount in amounts], fontsize=8)
    axes.set(xlabel=unit, ylabel=what, title=title)
    if what == "position":
        axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)


def _tick(amount: float) -> str:
    """The amount of a change as a fraction: -1/8 for -0.125, 3 for 3.0."""
    return str(Fraction(amount))

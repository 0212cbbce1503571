"""Tables and a plot of the evaluation in sound, made from its JSON."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from train.common.table import NOTHING, difference_and_p, table, with_interval
from train.evaluate.sound_players import EXPLAINED, OTHER, OWN, TRUE

COLOURS = {TRUE: "#c0392b", OWN: "#1b6ca8", OTHER: "#6fa8d0"}
GREY = "#9a9a9a"


def markdown(result: dict[str, Any]) -> str:
    """Tables of scores, positions, facts and differences, in Markdown. result: what `sound.regeneration` returned."""
    s, meter, modes = result["settings"], result["meter"], result["meter"]["modes"]
    songs = len({pair["song"] for pair in result["pairs"]})
    known, windows = meter["calibration"], result["windows"]
    changed = f" Settings: {', '.join(s['set'])}." if s["set"] else ""
    lines = [
        f"# Re-generation of B from A in sound: {result['model']} on {result['data']}",
        "",
        f"{len(result['pairs'])} windows of {s['seconds']:g} s from {songs} songs of the split `{s['split']}`, hops of "
        f"{s['hop']:g} s, top-p {s['top_p']:g}, seed {s['seed']}.{changed} COCOLA by {meter['name']} (A the input, the "
        f"answer the output): windows of {windows['seconds']:g} s, one every {windows['step']:g} s, their mean; those "
        "in which A or the answer is silent are left out. 95 % intervals by bootstrap over songs.",
        "",
        *_scores(result["rows"], modes),
        "",
    ]
    if known:
        lines += [f"Position: 0 like strangers, 1 like partners, by {known['pairs']} pairs of {known['source']}.", ""]
        lines += [*_positions(result["rows"], modes), ""]
    lines += ["**How near to B, and how it was played**", "", *_facts(result["rows"]), ""]
    lines += ["**Differences** (over the windows in which both were scored)", "", *_comparisons(result, modes), ""]
    return "\n".join(lines + [f"- `{name}`: {text}" for name, text in EXPLAINED.items()]) + "\n"


def _named(row: dict[str, Any]) -> str:
    name = f"{row['who']}, {row['mode']}" if row["mode"] else row["who"]
    return f"**{name}**" if row["who"] == OWN else name


def _scores(rows: list[dict[str, Any]], modes: list[str]) -> list[str]:
    cells = [
        [_named(row), *(with_interval(row["score"][mode]) for mode in modes), f"{row['skipped']} of {row['windows']}"]
        for row in _sorted(rows)
    ]
    return table(["output", *modes, "windows left out"], cells)


def _positions(rows: list[dict[str, Any]], modes: list[str]) -> list[str]:
    cells = [[_named(row), *(with_interval(row["position"][mode]) for mode in modes)] for row in _sorted(rows)]
    return table(["position", *modes], cells)


def _facts(rows: list[dict[str, Any]]) -> list[str]:
    header = ["output", "TPP, %", "silent", "silent where A sounds", "peak, dBFS", "plan met", "run, hops", "why"]
    cells = [
        [
            _named(row),
            with_interval(row["tpp"]),
            f"{row['silence']['mean']:.2f}",
            f"{row['holes']['mean']:.2f}",
            f"{20 * np.log10(max(row['peak'], 1e-6)):.1f}",
            f"{row['matched']} of {row['asked']}" if "asked" in row else NOTHING,
            f"{row['run']:.1f}" if "run" in row else NOTHING,
            ", ".join(f"{why} {count}" for why, count in row.get("why", {}).items()) or NOTHING,
        ]
        for row in _sorted(rows)
    ]
    return table(header, cells)


def _comparisons(result: dict[str, Any], modes: list[str]) -> list[str]:
    header = ["who", "against", *(cell for name in (*modes, "TPP") for cell in (name, "p"))]
    cells = []
    for row in result["comparisons"]:
        compared = [*(row["score"][mode] for mode in modes), row.get("tpp")]
        cells.append([_named(row), row["rival"], *(cell for each in compared for cell in difference_and_p(each))])
    return [
        *table(header, cells),
        "",
        "Differences of means, pair by pair, with their 95 % interval over songs; p: Mann-Whitney, two-sided, which "
        "knows nothing of the pairing.",
        "",
    ]


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    order = list(EXPLAINED)
    return sorted(rows, key=lambda row: order.index(row["who"]))


def png(result: dict[str, Any]) -> bytes:
    """The plot as PNG: for each score and for TPP, pairs as dots, quartiles as a box, the mean with its interval."""
    from matplotlib.figure import Figure

    rows, modes = _sorted(result["rows"])[::-1], result["meter"]["modes"]
    figure = Figure(figsize=(2.2 + 3.4 * (len(modes) + 1), 1.6 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots(1, len(modes) + 1, sharey=True)
    for axis, mode in zip(axes, modes, strict=False):
        _panel(axis, rows, [row["by_pair"][mode] for row in rows], [row["score"][mode] for row in rows])
        axis.set_title(f"COCOLA, {mode}", fontsize=10)
    _panel(axes[-1], rows, [row["tpp_by_pair"] for row in rows], [row["tpp"] for row in rows])
    axes[-1].set_title("TPP, %", fontsize=10)
    axes[-1].set_xlim(-2, 2 + max(v for row in rows if row["who"] != TRUE for v in row["tpp_by_pair"]))
    axes[0].set_yticks(range(len(rows)), [_named(row).strip("*") for row in rows])
    figure.supxlabel("a dot: one pair; box: quartiles; diamond and bar: mean and its 95 % interval", fontsize=8)
    figure.suptitle(f"Answers in sound: {result['model']} on {result['data']}, {len(result['pairs'])} pairs")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": "antiphon"})
    return buffer.getvalue()


def _panel(axes, rows: list[dict[str, Any]], by_pair: list[list[float | None]], described: list[dict | None]) -> None:
    rng = np.random.default_rng(0)
    for height, (row, values, info) in enumerate(zip(rows, by_pair, described, strict=True)):
        colour, known = COLOURS.get(row["who"], GREY), np.array([v for v in values if v is not None], float)
        if info is None:
            continue
        box = axes.boxplot(
            [known], positions=[height], widths=0.55, orientation="horizontal", sym="", patch_artist=True,
            showcaps=False, manage_ticks=False,
        )  # fmt: skip
        box["boxes"][0].set(facecolor=colour, alpha=0.35, linewidth=0.6)
        box["medians"][0].set(color="black", linewidth=0.8)
        axes.scatter(known, height + rng.uniform(-0.2, 0.2, len(known)), s=5, color=colour, alpha=0.7, linewidth=0)
        low, high = info["interval"] or (info["mean"], info["mean"])
        axes.plot([low, high], [height, height], color="black", linewidth=2.6, solid_capstyle="butt")
        axes.scatter(info["mean"], height, marker="D", s=26, color="white", edgecolor="black", zorder=4)
    axes.grid(axis="x", alpha=0.3)
    axes.set_ylim(-0.6, len(rows) - 0.4)

"""The evaluation as a table to read and a plot to look at; both are made from the JSON alone."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from train.common.table import difference_and_p, table, with_interval
from train.evaluate.baselines import EXPLAINED

OURS = "model"  # beginning of the names of the model's own rows
COLOURS = ("#1b6ca8", "#e07b39", "#5b8e3e", "#8e5ba8")  # one for each of the model's modes
GREY = ("#d9d9d9", "#bdbdbd", "#969696", "#737373")  # one for each rival
PLOTTED = ("uniform", "marginal", "commonest", "given A before")
AXES = {"tpp": "TPP, % of labels right", "entropy": "entropy of the answer, bits"}
TITLES = {"none": "unconstrained", "prefer": "prefer (the paper's constraint)", "require": "require (as on stage)"}


def markdown(result: dict[str, Any]) -> str:
    """The tables of every configuration (K, hop), in Markdown. result: what `regeneration` returned."""
    lines = [f"# Re-generation of B from A: {result['model']} on {result['data']}", "", preamble(result)]
    return "\n".join([*lines, *details(result)]) + "\n"


def preamble(result: dict[str, Any]) -> str:
    """What was evaluated, and in which units."""
    s = result["settings"]
    return (
        f"Windows of {s['seconds']:g} s of the split `{s['split']}`, top-p {s['top_p']:g}, seed {s['seed']}. TPP in %, "
        "with its 95 % interval by bootstrap over songs; LCP in labels, the mean over all places of a window; entropy "
        "in bits, silence as a share, both of the labels answered. Allowed are the labels of that very window of B."
    )


def details(result: dict[str, Any]) -> list[str]:
    """Lines of Markdown: every configuration with all its answers and comparisons, and what the rivals are."""
    lines = [line for configuration in result["configurations"] for line in ("", *_configuration(configuration))]
    return [*lines, "", "Rivals:", "", *(f"- `{name}`: {text}" for name, text in EXPLAINED.items())]


def _configuration(c: dict[str, Any]) -> list[str]:
    truth, learned = c["truth"], c["rivals_learned_from"]
    share = 100 * truth["labels_allowed"]["mean"] / (c["units"] + 1)
    nats = [[name, with_interval(described)] for name, described in c["cross_entropy"].items()]
    lines = [
        f"## {c['name']}",
        "",
        f"{c['windows']} windows of {c['labels_per_window']} labels from {c['songs']} songs (there are "
        f"{c['windows_there_are']} windows). B itself: entropy {truth['entropy']['mean']:.2f}, silence "
        f"{truth['silence']['mean']:.2f}, {truth['labels_allowed']['mean']:.1f} labels a window ({share:.0f} % of "
        f"all). Rivals learned from {learned['what']}, {learned['windows']} windows of {learned['songs']} songs.",
        "",
        *table(["teacher-forced cross-entropy", "nats per label"], nats),
    ]
    for constraint in dict.fromkeys(a["constraint"] for a in c["answers"]):
        rows = [a for a in c["answers"] if a["constraint"] == constraint]
        lines += ["", f"**{TITLES[constraint]}**", "", *_measure_table(rows)]
    return [*lines, "", "**The model against each rival, same constraint**", "", *_comparisons(c["comparisons"])]


def _measure_table(rows: list[dict[str, Any]]) -> list[str]:
    cells = [
        [
            f"**{row['who']}**" if row["who"].startswith(OURS) else row["who"],
            with_interval(row["tpp"]),
            f"{row['tpp']['quartiles'][1]:.1f}",
            with_interval(row["tpp_sounding"]),
            f"{row['lcp']['mean']:.3f}",
            f"{row['entropy']['mean']:.2f}",
            f"{row['silence']['mean']:.2f}",
            str(row["tpp"]["n"]),
        ]
        for row in sorted(rows, key=lambda row: -row["tpp"]["mean"])
    ]
    return table(["who", "TPP", "median", "where B sounds", "LCP", "entropy", "silence", "n"], cells)


def _comparisons(rows: list[dict[str, Any]]) -> list[str]:
    measures = {"tpp": "TPP", "tpp_sounding": "where B sounds", "lcp": "LCP"}
    header = ["who", "rival", "constraint", *(cell for name in measures.values() for cell in (name, "p"))]
    cells = [
        [row["who"], row["rival"], row["constraint"], *(c for m in measures for c in difference_and_p(row[m]))]
        for row in rows
    ]
    return [
        *table(header, cells),
        "",
        "Differences of means, with their 95 % interval over songs; p: Mann-Whitney, two-sided, which takes windows "
        "for independent, although those of one song are not.",
    ]


def to_png(figure: Any) -> bytes:
    """A figure of matplotlib as a PNG file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": "antiphon"})
    return buffer.getvalue()


def png(result: dict[str, Any]) -> bytes:
    """Box plots of TPP for each constraint, and below them LCP by hop, under `require`. One configuration."""
    from matplotlib.figure import Figure

    (configuration,) = result["configurations"]
    constraints = list(dict.fromkeys(a["constraint"] for a in configuration["answers"]))
    figure = Figure(figsize=(9.0, 9.0), layout="constrained")
    figure.suptitle(f"Re-generation of B from A: {result['model']} on {result['data']}")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1.5, 1))
    above, below = halves
    boxes(above.add_subplot(), [configuration], constraints, constraints)
    prefixes(below.add_subplot(), configuration, constraints[-1], legend=True)
    return to_png(figure)


def colours(configuration: dict[str, Any]) -> dict[str, str]:
    """{model or baseline: colour} of what is plotted."""
    ours = [name for name in configuration["cross_entropy"] if name.startswith(OURS)]
    return dict(zip(ours, COLOURS * 9, strict=False)) | dict(zip(PLOTTED, GREY, strict=True))


def boxes(
    axes, configurations: list[dict[str, Any]], constraints: list[str], groups: list[str], measure: str = "tpp"
) -> None:
    """One group of boxes of a measure, "tpp" or "entropy", per configuration or, for a single one, per constraint."""
    from matplotlib.patches import Patch

    names = colours(configurations[0])
    shown = [(c, constraint) for c in configurations for constraint in constraints]
    for number, (name, colour) in enumerate(names.items()):
        values, means = [], []
        for c, constraint in shown:
            row = next(a for a in c["answers"] if a["who"] == name and a["constraint"] == constraint)
            values.append(row[f"{measure}_by_window"])
            means.append(row[measure]["mean"])
        positions = np.arange(len(shown)) + (number - (len(names) - 1) / 2) * 0.84 / len(names)
        box = axes.boxplot(values, positions=positions, widths=0.66 / len(names), patch_artist=True, sym="")
        for patch in box["boxes"]:
            patch.set(facecolor=colour, linewidth=0.8)
        for median in box["medians"]:
            median.set(color="black", linewidth=1.4)
        axes.scatter(positions, means, marker="D", s=14, color="white", edgecolor="black", linewidth=0.7, zorder=3)
    axes.set_xticks(range(len(shown)), [TITLES.get(group, group) for group in groups])
    axes.tick_params(axis="x", length=0, labelsize=9 if len(shown) < 5 else 7, rotation=0 if len(shown) < 5 else 45)
    axes.set(ylabel=f"{AXES[measure]} (diamond: mean)", xlim=(-0.55, len(shown) - 0.45))
    axes.set_ylim(bottom=-1 if measure == "tpp" else 0)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(handles=[Patch(facecolor=c, edgecolor="black", label=n) for n, c in names.items()], fontsize=8)


def prefixes(axes, c: dict[str, Any], constraint: str, legend: bool) -> None:
    """LCP by hop with one standard deviation for the model, and its upper bound."""
    length = c["labels_per_window"]
    axes.plot(range(length), length - np.arange(length), color="#c0392b", linewidth=1, label="most possible")
    for name, colour in colours(c).items():
        row = next(a for a in c["answers"] if a["who"] == name and a["constraint"] == constraint)["lcp"]
        mean, sd = np.array(row["mean_by_place"]), np.array(row["sd_by_place"])
        axes.plot(range(length), mean, color=colour, linewidth=1.4, label=name)
        if name.startswith(OURS):
            axes.fill_between(range(length), np.maximum(mean - sd, 0), mean + sd, color=colour, alpha=0.12)
    axes.set_yscale("symlog", linthresh=1)
    axes.set(xlabel=f"place in the window ({c['hop']:g} s each)", ylim=(0, None), xlim=(0, length - 1))
    axes.set_title(f"{c['name']}: LCP, labels right in a row, {constraint}", fontsize=9)
    axes.grid(alpha=0.3)
    if legend:
        axes.legend(fontsize=7, frameon=False, ncols=2)

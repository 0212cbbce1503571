"""The grid as tables, as the figures of the paper, and as a page to read and to listen to; made from its JSON alone."""

from __future__ import annotations

from html import escape
from itertools import product
from typing import Any

from train.common.html import html_table, page
from train.common.table import difference_and_p, table, with_interval
from train.evaluate.regeneration_report import OURS, TITLES, boxes, details, preamble, prefixes, to_png

UNIFORM = "uniform"  # the paper's baseline
CERTAIN_P = 1e-4  # p below which the paper calls a difference significant
FIGURES = {  # measure -> what it shows, and where the paper does
    "tpp": "True positive percentage by window (the paper's figures 4 and 5)",
    "lcp": "Longest common prefix by place in the window, with one standard deviation (figure 6)",
    "entropy": "Entropy of the answers (figures 7 and 8)",
}
STYLE = "td audio { width: 15em; } code { white-space: pre-wrap; } h3 { margin-bottom: 0; }"
Row = dict[str, Any]


def markdown(result: dict[str, Any]) -> str:
    """The tables: TPP of every cell, its place beside the rivals, what is absent, then each configuration in full.

    result: what `regeneration_grid.grid` returned.
    """
    lines = [f"# {_title(result)}", "", preamble(result), "", verdict(result)]
    for constraint in _constraints(result):
        lines += ["", f"**TPP, {TITLES[constraint]}**", "", *_summary(result, constraint)]
    lines += ["", "**Every cell beside the paper's baseline and beside its best rival**", "", *_cells(result)]
    lines += ["", *_absent(result)] if result["absent"] else []
    return "\n".join([*lines, *details(result)]) + "\n"


def _title(result: dict[str, Any]) -> str:
    return f"Re-generation of B from A, the grid: {result['model']} on {result['data']}"


def _constraints(result: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(answer["constraint"] for answer in result["configurations"][0]["answers"]))


def _answers(configuration: Row, constraint: str) -> dict[str, Row]:
    """{who: its row} under a constraint."""
    return {row["who"]: row for row in configuration["answers"] if row["constraint"] == constraint}


def _ours(configuration: Row) -> list[str]:
    """The names of the model in the modes evaluated."""
    return [name for name in configuration["cross_entropy"] if name.startswith(OURS)]


def _best_rival(answers: dict[str, Row], measure: str = "tpp") -> str:
    """The rival with the highest TPP, or the highest where B sounds ("tpp_sounding")."""
    rivals = [name for name in answers if not name.startswith(OURS)]
    return max(rivals, key=lambda name: answers[name][measure]["mean"])


def _beside(configuration: Row, constraint: str, who: str, rival: str) -> Row:
    """The comparison of a cell with a rival."""
    wanted = who, rival, constraint
    return next(row for row in configuration["comparisons"] if (row["who"], row["rival"], row["constraint"]) == wanted)


def verdict(result: dict[str, Any]) -> str:
    """In how many cells the model is above the paper's baseline, and above or below the best rival of the cell."""
    uniform, best = [], dict[str, list[Row]](tpp=[], tpp_sounding=[])
    for c in result["configurations"]:
        for constraint, who in product(_constraints(result), _ours(c)):
            uniform.append(_beside(c, constraint, who, UNIFORM)["tpp"])
            for measure, rows in best.items():
                rival = _best_rival(_answers(c, constraint), measure)
                rows.append(_beside(c, constraint, who, rival)[measure])
    above = sum(row["difference"] > 0 and row["p"] < CERTAIN_P for row in uniform)
    return (
        f"{len(uniform)} cells. The model's TPP is above that of `{UNIFORM}` with p < 0.0001 in {above}. Beside the "
        f"best rival of the cell it is, by the interval over songs, {_count(best['tpp'])}; where B sounds, "
        f"{_count(best['tpp_sounding'])}."
    )


def _count(compared: list[Row]) -> str:
    """ "above in 3 and below in 1": of differences, those whose interval excludes 0."""
    known = [row["interval"] for row in compared if row["interval"]]
    return f"above in {sum(low > 0 for low, _ in known)} and below in {sum(high < 0 for _, high in known)}"


def _summary(result: dict[str, Any], constraint: str) -> list[str]:
    """TPP of all configurations, a column for each mode, beside the rivals."""
    ours, rows = _ours(result["configurations"][0]), []
    for c in result["configurations"]:
        answers = _answers(c, constraint)
        best = _best_rival(answers)
        rows.append(
            [
                c["name"],
                *(with_interval(answers[who]["tpp"]) for who in ours),
                with_interval(answers[UNIFORM]["tpp"]),
                f"{with_interval(answers[best]['tpp'])} ({best})",
            ]
        )
    return table(["", *(who.removeprefix(f"{OURS} ") for who in ours), UNIFORM, "best rival"], rows)


def _cells(result: dict[str, Any]) -> list[str]:
    """One row a cell: its measures, and what it has more than the baseline and the best rival."""
    header = ["", "heard", "constraint", "TPP", "where B sounds", "LCP", "entropy"]
    header += [f"TPP − {UNIFORM}", "p", "TPP − best rival", "p", "where B sounds − best rival", "p"]
    rows = []
    for c in result["configurations"]:
        for constraint in _constraints(result):
            answers = _answers(c, constraint)
            for who in _ours(c):
                row = answers[who]
                names = [c["name"], who.removeprefix(f"{OURS} "), constraint]
                measures = [with_interval(row["tpp"]), with_interval(row["tpp_sounding"]), f"{row['lcp']['mean']:.3f}"]
                beside = [*difference_and_p(_beside(c, constraint, who, UNIFORM)["tpp"])]
                for measure in ("tpp", "tpp_sounding"):
                    best = _best_rival(answers, measure)
                    difference, p = difference_and_p(_beside(c, constraint, who, best)[measure])
                    beside += [f"{difference} ({best})", p]
                rows.append([*names, *measures, f"{row['entropy']['mean']:.2f}", *beside])
    return table(header, rows)


def _absent(result: dict[str, Any]) -> list[str]:
    """What is missing for the other configurations of the paper, and the commands that make it."""
    rows = [
        [row["name"], ", ".join(row["missing"]), "; ".join(f"`{command}`" for command in row["commands"])]
        for row in result["absent"]
    ]
    return [
        "**Absent of the paper's grid** (MODEL: the model's folder; STEMS: training songs; WORK: a new folder)",
        "",
        *table(["", "missing", "made by"], rows),
    ]


# Figures


def figures(result: dict[str, Any]) -> dict[str, bytes]:
    """The pictures of OUT/figures as PNG, by the names of their files: each measure under each constraint."""
    return {
        _picture(measure, constraint): _prefix_figure(result, constraint)
        if measure == "lcp"
        else _box_figure(result, constraint, measure)
        for measure in FIGURES
        for constraint in _constraints(result)
    }


def _picture(measure: str, constraint: str) -> str:
    return f"{measure}_{constraint}.png"


def _box_figure(result: dict[str, Any], constraint: str, measure: str) -> bytes:
    """Boxes of a measure of every window, grouped by configuration."""
    from matplotlib.figure import Figure

    configurations = result["configurations"]
    figure = Figure(figsize=(max(9.0, 2.0 + 2.2 * len(configurations)), 4.5), layout="constrained")
    axes = figure.add_subplot()
    boxes(axes, configurations, [constraint], [c["name"] for c in configurations], measure)
    axes.set_title(TITLES[constraint], fontsize=10)
    return to_png(figure)


def _prefix_figure(result: dict[str, Any], constraint: str) -> bytes:
    """LCP by place: a row for each K, a column for each hop."""
    from matplotlib.figure import Figure

    configurations = result["configurations"]
    rows, columns = (sorted({c[name] for c in configurations}) for name in ("units", "hop"))
    size = max(9.0, 4.2 * len(columns)), max(4.0, 3.2 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    for number, c in enumerate(configurations):
        place = rows.index(c["units"]) * len(columns) + columns.index(c["hop"]) + 1
        prefixes(figure.add_subplot(len(rows), len(columns), place), c, constraint, legend=number == 0)
    return to_png(figure)


# The page


def html(result: dict[str, Any]) -> str:
    """The page: the figures from OUT/figures, the tables, and for each configuration the examples in OUT/audio."""
    body = [f"<h1>{escape(_title(result))}</h1>", f"<p>{_text(preamble(result))}</p>"]
    body.append(f"<p>{_text(verdict(result))}</p>")
    for measure, caption in FIGURES.items():
        body.append(f"<h2>{escape(caption)}</h2>")
        for constraint in _constraints(result):
            body.append(f'<img loading="lazy" src="figures/{_picture(measure, constraint)}" alt="{measure}">')
    for constraint in _constraints(result):
        body += [f"<h2>TPP, {escape(TITLES[constraint])}</h2>", _html(_summary(result, constraint))]
    body += ["<h2>Every cell beside the paper's baseline and beside its best rival</h2>", _html(_cells(result))]
    body += ["<h2>Absent of the paper's grid</h2>", _html(_absent(result)[2:])] if result["absent"] else []
    if any(of["true"] for of in result["examples"].values()):
        body.append("<h2>Examples</h2>")
        body.append(
            "<p>A on the left; on the right its answer, of segments of all of B. A label that B lacks rests.</p>"
        )
    for name, of in result["examples"].items():
        for number, where in enumerate(of["true"]):
            body += _example(name, where, number, of["cells"], _constraints(result))
    return page(_title(result), body, STYLE)


def _example(name: str, where: Row, number: int, cells: dict[str, list[Row]], constraints: list[str]) -> list[str]:
    """One window: B itself, and a table of answers, a row for each mode and a column for each constraint."""
    title = f"{name}: {where['song']}, {where['heard']} answered by {where['played']}, from {where['begin']:g} s"
    modes, rows = list(dict.fromkeys(cell.rsplit(" ", 1)[0] for cell in cells)), []
    for mode in modes:
        heard = [cells[f"{mode} {constraint}"][number] for constraint in constraints]
        rows.append([mode, *(f"{_player(row)} {row['tpp']:.0f} %" for row in heard)])
    return [
        f"<h3>{escape(title)}</h3>",
        f"<p>B itself {_player(where)}</p>",
        html_table(table(["heard", *constraints], rows)),
    ]


def _player(row: Row) -> str:
    return f'<audio controls preload="none" src="audio/{escape(row["file"])}"></audio>'


def _html(lines: list[str]) -> str:
    """A Markdown table in HTML."""
    return html_table([_text(line) for line in lines])


def _text(line: str) -> str:
    """A line of Markdown in HTML: what stands between backticks is code."""
    parts = escape(line, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))

"""Tables and an HTML page of the listening evaluation, made from its JSON."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from train.common.html import html_table, page
from train.common.table import NOTHING, table, with_interval

KINDS = ("own", "other")
ANSWER, RANDOM, CHROMA, BEATS, TRUE = (
    "answer", "random runs", "chroma matcher", "chroma matcher, beats known", "true partner",
)  # fmt: skip
AUDIBLE = (ANSWER, CHROMA, BEATS, TRUE)  # what --audio all keeps
EXPLAINED = {
    ANSWER: "what the agent played live",
    RANDOM: "as many stretches as long as the answer's, each from anywhere in the memory",
    CHROMA: "every half second the place of the memory nearest in chroma to the half second heard, with a bonus of 0.4 "
    "for going on; no learning",
    BEATS: "the same with the beats of guide and memory known, jumps moved so that they coincide, and a memory of "
    "another tempo stretched as a whole",
    TRUE: "what was really played with the guide",
}
MEASURES = {  # name -> its heading in a table, and its digits
    "harmony": ("harmony", 2), "ghost": ("ghost, sd", 1), "listens": ("ghost > 3", 2), "time": ("time", 2),
    "run": ("run, s", 1), "variety": ("variety", 2), "holes": ("holes", 3), "level": ("level, dB", 1),
}  # fmt: skip
COMPARED = ("harmony", "listens", "time", "run")


def audio_file(pair: str, who: str) -> str:
    """Name of the audio file of `who` in a pair, in OUT/audio."""
    return f"{pair}_{who.replace(', ', ' ').replace(' ', '_')}.ogg"


def picture_file(pair: str) -> str:
    """Name of the picture of an answer, in OUT/audio."""
    return f"{pair}.png"


def markdown(result: dict[str, Any]) -> str:
    """Tables of all measures and of the differences, in Markdown. result: what `listening.listening` returned."""
    s = result["settings"]
    changed = f" Settings: {', '.join(s['set'])}." if s["set"] else ""
    lines = [f"# Musical fit: {result['model']} on {result['data']}", ""]
    lines += [
        f"Answered live, seed {s['seed']}.{changed} Means over pairs with 95 % intervals by bootstrap over songs."
    ]
    if result["left_out"]:
        lines += ["", f"Left out, without two parts and a beat: {', '.join(result['left_out'])}."]
    for kind, summary in result["summary"].items():
        lines += ["", f"**{kind} memory, {summary['pairs']} pairs of {summary['songs']} songs**", ""]
        lines += [*_means(summary["who"]), "", f"Answer minus each of them, {kind} memory:", ""]
        lines += _differences(summary["differences"])
    return "\n".join([*lines, "", *(f"- `{who}`: {text}" for who, text in EXPLAINED.items())]) + "\n"


def _means(of: dict[str, Any]) -> list[str]:
    rows = [
        [name, *(with_interval(of[who][measure], digits) for who in of)] for measure, (name, digits) in MEASURES.items()
    ]
    ratios = [_share_of_true(of, who) for who in of]
    return table(["", *of], [*rows, ["time / true partner's", *ratios]])


def _share_of_true(of: dict[str, Any], who: str) -> str:
    """Mean of "time", divided by the true partner's."""
    true, ours = of.get(TRUE, {}).get("time"), of[who]["time"]
    return f"{ours['mean'] / true['mean']:.2f}" if true and ours and true["mean"] else NOTHING


def _differences(of: dict[str, Any]) -> list[str]:
    rows = [
        [who, *(with_interval(compared[measure], key="difference", sign=True) for measure in COMPARED)]
        for who, compared in of.items()
    ]
    return table(["against", *(MEASURES[measure][0] for measure in COMPARED)], rows)


def html(result: dict[str, Any], out: Path) -> str:
    """A page with the means, and every pair with its figures and its audio files in OUT/audio."""
    title = f"Musical fit: {result['model']} on {result['data']}"
    body = [f"<h1>{escape(title)}</h1>", "<p>Guide on the left, answer on the right.</p>"]
    for kind, summary in result["summary"].items():
        body += [f"<h2>{kind} memory, {summary['pairs']} pairs</h2>", html_table(_means(summary["who"]))]
        for row in result["rows"]:
            if row["kind"] == kind:
                body += _html_pair(row, out)
    return page(title, body)


def _html_pair(row: dict[str, Any], out: Path) -> list[str]:
    shown = {name: MEASURES[name] for name in MEASURES if name != "listens"}
    lines = [f"<h3>{escape(row['song'])}: {escape(row['guide'])} answered from {escape(row['memory'])}</h3>"]
    cells = []
    for who, measured in row["who"].items():
        name = audio_file(row["name"], who)
        player = f'<audio controls preload="none" src="audio/{escape(name)}"></audio>'
        audible = player if (out / "audio" / name).is_file() else ""
        values = [_shown(measured.get(measure), digits) for measure, (_, digits) in shown.items()]
        cells.append([escape(who), *values, audible])
    picture = picture_file(row["name"])
    if (out / "audio" / picture).is_file():
        lines.append(f'<img loading="lazy" src="audio/{escape(picture)}" alt="guide and answer">')
    return [*lines, html_table(table(["", *(name for name, _ in shown.values()), ""], cells))]


def _shown(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"

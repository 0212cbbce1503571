"""Pages of reports: tables in HTML, and the frame around them. No script, and nothing from the network."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; } td, th { padding: .25em .7em; text-align: left; }
tr { border-top: 1px solid #ddd; } thead tr { border: 0; } audio { width: 22em; height: 2.2em; vertical-align: middle; }
img { max-width: 100%; }
"""


def page(title: str, body: Iterable[str], style: str = "") -> str:
    """A whole page. title: plain text; body: lines of HTML; style: further CSS."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}{style}</style><body>{chr(10).join(body)}</body></html>\n"
    )


def html_table(lines: list[str]) -> str:
    """A Markdown table in HTML; its cells are HTML already."""
    rows = [line.strip("|").split(" | ") for line in lines if not line.startswith("|---")]
    head = "".join(f"<th>{cell.strip()}</th>" for cell in rows[0])
    body = ("<tr>" + "".join(f"<td>{cell.strip()}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead>{''.join(body)}</table>"

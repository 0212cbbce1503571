"""Who imports whom in the project: arrows between files, rooms and folders, and the circles among them.

A *room* is where a reader looks for a line: a folder below `agent/` or `train/`, a file that stands alone there, and
each other top-level folder as a whole.

    python -m tests.import_graph        counts arrows and circles, and the lines of each folder
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("agent", "perception", "decision", "action", "corpora", "train", "patches")
DIVIDED = ("agent", "train")  # folders whose sub-folders are rooms

Graph = Mapping[str, set[str]]  # name -> names it imports


def modules(root: Path = ROOT) -> dict[str, Path]:
    """{dotted name: file} of every module of ours."""
    files = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
    return {_dotted(path.relative_to(root)): path for path in files}


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@cache
def file_graph(root: Path = ROOT) -> dict[str, set[str]]:
    """Which module imports which, also inside functions and under TYPE_CHECKING."""
    known = modules(root)
    graph: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for imported in _imported_names(ast.parse(path.read_text(encoding="utf-8"))):
            while imported and imported not in known:
                imported = imported.rpartition(".")[0]
            if imported and imported != name:
                graph[name].add(imported)
    return graph


def _imported_names(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(module: str) -> str:
    """The room a module stands in."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] in DIVIDED else parts[0]


def room_graph(graph: Graph) -> dict[str, set[str]]:
    """The same between rooms; what stays inside one is left out."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for name, imported in graph.items():
        rooms[room_of(name)] |= {room_of(other) for other in imported} - {room_of(name)}
    return dict(rooms)


def circles(graph: Graph) -> list[list[str]]:
    """Sets of names that import each other in a round: strongly connected components of two or more (Tarjan, 1972)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    rounds: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = lowest[name] = len(index)
        stack.append(name)
        for other in sorted(graph.get(name, ())):
            if other not in index:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], index[other])
        if lowest[name] == index[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                rounds.append(sorted(component))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return rounds


def summary(root: Path = ROOT) -> str:
    """Arrows and circles of files and of rooms, and files and lines of each room, one line each."""
    files = file_graph(root)
    rooms = room_graph(files)
    lines, number = Counter[str](), Counter[str]()
    for name, path in modules(root).items():
        lines[room_of(name)] += len(path.read_text(encoding="utf-8").splitlines())
        number[room_of(name)] += 1
    report = [
        f"files: {len(files)}, arrows {sum(map(len, files.values()))}, circles {len(circles(files))}",
        f"rooms: {len(rooms)}, arrows {sum(map(len, rooms.values()))}, circles {len(circles(rooms))}",
    ]
    for room in sorted(lines):
        imported = ", ".join(sorted(rooms.get(room, ())))
        report.append(f"  {room:<22}{number[room]:>3} files {lines[room]:>6} lines -> {imported}")
    return "\n".join(report)


if __name__ == "__main__":
    print(summary())

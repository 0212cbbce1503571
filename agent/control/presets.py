"""Presets: the settings that may change while playing, kept by name in a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.control.command import CONTROLS, Command, CommandError, parse_command, printable
from agent.settings.config import FIELDS, Config
from corpora.disk import AudioError, atomic_write


class Presets:
    """Settings kept by name in a TOML file, one section a preset; comments a musician writes there stay."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def names(self) -> list[str]:
        """Of the presets there are; CommandError if the file cannot be read."""
        return [name for name, content in self._read().items() if isinstance(content, dict)]

    def save(self, name: str, config: Config) -> None:
        """Keep every live setting under `name`; what was there is replaced. CommandError."""
        import tomlkit

        table, kept = self._read(), tomlkit.table()
        for full, about in FIELDS.items():
            if about.live:
                section, key = full.split(".")
                value = getattr(getattr(config, section), key)
                kept[key] = list(value) if isinstance(value, tuple) else value
        table[name] = kept
        try:
            atomic_write(self.path, tomlkit.dumps(table))
        except AudioError as error:
            raise CommandError(f"the preset '{name}' was not kept: {error}") from None

    def recall(self, name: str) -> list[Command]:
        """The settings kept under `name`, checked, in the order of the table; CommandError, and none is to be used."""
        content = self._read().unwrap().get(name)
        if not isinstance(content, dict):
            known = ", ".join(self.names()) or "none yet: keep one with preset/save"
            raise CommandError(f"there is no preset '{printable(name)}' in '{self.path}'; there are {known}")
        found = []
        for key, value in content.items():
            try:
                found.append(parse_command(key, value if isinstance(value, list) else [value], f"preset {name}"))
            except CommandError as error:
                raise CommandError(f"'{self.path}' [{name}]: {error}") from None
            if CONTROLS[found[-1].name].setting is None:
                raise CommandError(f"'{self.path}' [{name}]: {key} is no setting: take that line out")
        order = list(CONTROLS)
        return sorted(found, key=lambda one: order.index(one.name))

    def _read(self) -> Any:
        import tomlkit

        try:
            return tomlkit.parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return tomlkit.document()
        except (OSError, ValueError, RecursionError) as error:
            why = str(error).splitlines()[0][:120] if str(error) else "too deep"
            raise CommandError(
                f"the presets in '{self.path}' cannot be read ({why}): mend the file, or move it"
            ) from None

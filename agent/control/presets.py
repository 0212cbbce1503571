"""Presets: the settings that may change while playing, stored by name in a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.control.command import CONTROLS, Command, CommandError, parse_command, printable
from agent.settings.config import FIELDS, GONE, Config
from agent.settings.toml_file import TomlError, edit_document, read_document
from corpora.whole_files import AudioError


class Presets:
    """Presets in one file, a section each; comments of a musician in it remain.

    path: of the file; it is created with the first preset.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def names(self) -> list[str]:
        """The names of all presets, in the order of the file; CommandError if the file cannot be read."""
        return [name for name, content in self._read().items() if isinstance(content, dict)]

    def save(self, name: str, config: Config) -> None:
        """Store every live setting under `name`, replacing a preset of that name. CommandError."""
        import tomlkit

        preset = tomlkit.table()
        for setting, field in FIELDS.items():
            if field.live:
                section, key = setting.split(".")
                value = getattr(getattr(config, section), key)
                preset[key] = list(value) if isinstance(value, tuple) else value
        try:
            edit_document(self.path, lambda document: document.update({name: preset}))
        except (TomlError, OSError) as error:
            raise self._unreadable(error) from None
        except AudioError as error:
            raise CommandError(f"the preset '{name}' was not kept: {error}") from None

    def recall(self, name: str) -> list[Command]:
        """The settings stored under `name`, checked, in the order of the table; those that are gone are passed over.

        CommandError if any of them is wrong.
        """
        content = self._read().unwrap().get(name)
        if not isinstance(content, dict):
            known = ", ".join(self.names()) or "none yet: keep one with preset/save"
            raise CommandError(f"there is no preset '{printable(name)}' in '{self.path}'; there are {known}")
        commands = []
        gone = {setting.split(".")[1] for setting in GONE}
        for key, value in content.items():
            if key in gone:
                continue
            try:
                command = parse_command(key, value if isinstance(value, list) else [value], f"preset {name}")
            except CommandError as error:
                raise CommandError(f"'{self.path}' [{name}]: {error}") from None
            if CONTROLS[command.name].setting is None:
                raise CommandError(f"'{self.path}' [{name}]: {key} is no setting: take that line out")
            commands.append(command)
        order = list(CONTROLS)
        return sorted(commands, key=lambda command: order.index(command.name))

    def _read(self) -> Any:
        try:
            return read_document(self.path)
        except (TomlError, OSError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> CommandError:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else str(error)
        return CommandError(f"the presets in '{self.path}' cannot be read ({reason}): mend the file, or move it")

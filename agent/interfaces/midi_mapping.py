"""MIDI messages of pedals, pads and faders to commands.

A mapping, [midi.map] in agent.toml, says which message does what: "cc 1 64" = "hold" (controller 64 on channel 1). What
follows the control's name are its values; without any, a switch follows a pedal and a number a fader:

    "cc 1 64" = "hold"                 on while the pedal is down
    "cc 1 66" = "hold toggle"          a pedal toggles it
    "note 1 60" = "hold"               a key toggles it
    "cc 1 1" = "temperature"           a fader, over the range that the table gives it
    "cc 1 2" = "temperature 0.5 1.5"   or over this range
    "program 1 3" = "preset/recall verse"

`MidiMapping` knows no device: bytes in, commands out. The device is `MidiPort` in agent/devices/midi_port.py.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.control.bus import Bus
from agent.control.command import Arg, Command, CommandError, Control, find_control, parse_command, printable
from agent.settings.config import Config, ConfigError
from agent.settings.toml_file import TomlError, edit_document
from corpora.whole_files import AudioError

MESSAGE_KINDS = {0x80: "note", 0x90: "note", 0xB0: "cc", 0xC0: "program"}
MESSAGE_PATTERN = re.compile(r"(cc|note|program) ([0-9]{1,2}) ([0-9]{1,3})")
PEDAL_DOWN = 64  # value from which on a pedal is down
NOTE_OFF = 0x80

logger = logging.getLogger("antiphon.midi")

Key = tuple[str, int, int]  # kind of message, channel from 1, number


@dataclass(frozen=True)
class Binding:
    """A control that a MIDI message operates."""

    text: str  # as it stands in the settings
    control: Control
    args: tuple[Any, ...] = ()
    fader_range: tuple[float, float] | None = None  # values at the ends of a fader
    toggles: bool = False  # a pedal toggles it when pressed


def key(text: str) -> Key:
    """ "cc 1 64" -> ("cc", 1, 64); CommandError."""
    if (found := MESSAGE_PATTERN.fullmatch(" ".join(text.split()))) is None:
        raise CommandError(
            f"'{printable(text)}' is no MIDI message: expected one like 'cc 1 64', 'note 1 60', 'program 1 3'"
        )
    kind, channel, number = found[1], int(found[2]), int(found[3])
    if not 1 <= channel <= 16 or number > 127:
        raise CommandError(f"'{printable(text)}': expected a channel from 1 to 16 and a number from 0 to 127")
    return kind, channel, number


def bind(kind: str, text: str) -> Binding:
    """What a message of this kind does, from its text in the settings; CommandError if it cannot."""
    name, _, rest = text.strip().partition(" ")
    control = find_control(name)
    if control.osc or control.group in ("hear", "midi"):
        raise CommandError(f"{control.name} is not for MIDI: send it over OSC")
    given, first = rest.strip(), control.args[0] if control.args else None
    if given and first and first.kind == "s":
        values: list[Any] = [given]
    else:
        values = [_number(word) for word in given.split()]
    if _is_fader(control) and len(values) in (0, 2):
        if kind != "cc":
            raise CommandError(
                f"a {kind} cannot move {control.name}: give it one value, like '{control.name} {_example(first)}'"
            )
        if values:
            parse_command(control.name, values[:1]), parse_command(control.name, values[1:])
        low, high = values or control.fader_range or (first.low, first.high)  # type: ignore[union-attr]
        return Binding(text, control, fader_range=(float(low), float(high)))  # type: ignore[arg-type]
    if control.toggle and given == "toggle":
        return Binding(text, control, toggles=True)
    if not values and first is not None and not first.optional and not _is_choice(control, kind):
        raise CommandError(f"{control.name} needs a value: write '{control.name} {_example(first)}'")
    if not values and _is_choice(control, kind):
        return Binding(text, control)
    return Binding(text, control, parse_command(control.name, values).args)


def _is_fader(control: Control) -> bool:
    return len(control.args) == 1 and control.args[0].kind in "if" and not control.toggle and not control.args[0].many


def _is_choice(control: Control, kind: str) -> bool:
    """One of a few, or a memory by its number: a fader steps over them."""
    return kind == "cc" and len(control.args) == 1 and (bool(control.args[0].choices) or control.args[0].kind == "is")


def _example(arg: Arg | None) -> str:
    if arg is None or arg.kind == "s":
        return arg.choices[0] if arg and arg.choices else "verse"
    return f"{arg.low if arg.low is not None else 1:g}"


def _number(word: str) -> Any:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


class MidiMapping:
    """Turns messages into commands, and learns new ones.

    command: called with each `Command`, from the thread of the port; may raise CommandError. path: of agent.toml,
    where learned messages are stored; None: they last until the end of the session.
    """

    def __init__(self, command: Callable[[Command], None], bus: Bus, config: Config, path: str | Path | None = None):
        self._command, self.bus, self._path = command, bus, None if path is None else Path(path)
        self._lock = threading.Lock()
        self._last: dict[Key, int] = {}
        self._sent: dict[Key, Command] = {}  # newest command of each message
        self._learning = ""  # text of the binding that the next message gets
        self.bindings: dict[Key, Binding] = {}
        for message, text in config.midi.map.items():
            try:
                where = key(message)
                self.bindings[where] = bind(where[0], text)
            except CommandError as error:
                raise ConfigError(f"midi.map '{printable(message)}': {error}") from None

    def handle(self, command: Command) -> None:
        """Carry out `midi/learn` or `midi/forget`; CommandError."""
        control = find_control(command.args[0])
        with self._lock:
            if command.name == "midi/learn":
                self._learning = " ".join([control.name, *command.args[1:]])
                for kind in ("cc", "note"):
                    try:
                        bind(kind, self._learning)
                        break
                    except CommandError as error:
                        refused = error
                else:
                    self._learning = ""
                    raise refused
                self.bus.publish("midi", "", self._learning)
            else:
                gone = [where for where, one in self.bindings.items() if one.control is control]
                self.bindings = {where: one for where, one in self.bindings.items() if where not in gone}
                self._write_changes({where: None for where in gone})
                for where in gone:
                    self.bus.publish("midi", _message_text(where), "")

    def receive(self, message: bytes | list[int]) -> None:
        """A MIDI message as it came; one that is not bound, or no message, is ignored. Raises nothing."""
        try:
            with self._lock:
                command = self._command_of(message)
            if command is not None:
                self._command(command)
        except CommandError as error:
            self.bus.publish("error", f"midi: {error}")
        except Exception as error:  # a fault of ours in one message must not stop the next
            logger.exception("a message was lost: %r", message)
            self.bus.publish("error", f"midi: a message was lost ({type(error).__name__}: {printable(str(error))})")

    def _command_of(self, message: bytes | list[int]) -> Command | None:
        if len(message) < 2 or (kind := MESSAGE_KINDS.get(message[0] & 0xF0)) is None:
            return None
        value = 127 if kind == "program" else message[2] if len(message) > 2 else 0
        if message[0] & 0xF0 == NOTE_OFF:
            value = 0
        where = (kind, (message[0] & 0x0F) + 1, message[1] & 0x7F)
        last, self._last[where] = self._last.get(where, 0), value
        if self._learning and value:
            self._learn(where)
            return None
        binding = self.bindings.get(where)
        command = None if binding is None else _command(binding, kind, value, last)
        if command is None or (kind == "cc" and command == self._sent.get(where) and command.args and not binding.args):  # type: ignore[union-attr]
            return None  # a fader between two steps changes nothing
        self._sent[where] = command
        return command

    def _learn(self, where: Key) -> None:
        """Bind this message to the text that was to be learned; CommandError if it cannot be."""
        text, self._learning = self._learning, ""
        self.bindings[where] = bind(where[0], text)
        self.bus.publish("midi", _message_text(where), text)
        self._write_changes({where: text})

    def _write_changes(self, changes: dict[Key, str | None]) -> None:
        """Write changed lines of [midi.map] into the settings file, and keep everything else as it is; CommandError."""
        if self._path is None:
            raise CommandError("learned, but until the end of this session alone: start with --config to keep it")
        try:
            edit_document(self._path, lambda document: _edit_map(document, changes))
        except TomlError as error:
            raise CommandError(f"learned, but it cannot be kept in '{self._path}': {error}") from None
        except (AudioError, OSError) as error:
            raise CommandError(f"learned, but it cannot be kept in '{self._path}' ({printable(str(error))})") from None


def _edit_map(document: Any, changes: dict[Key, str | None]) -> None:
    """Set lines of [midi.map], or take out those that are None."""
    import tomlkit

    lines = document.setdefault("midi", tomlkit.table()).setdefault("map", tomlkit.table())
    for where, text in changes.items():
        for old in [old for old in lines if old.split() == _message_text(where).split()]:
            del lines[old]
        if text is not None:
            lines[_message_text(where)] = text


def _command(binding: Binding, kind: str, value: int, last: int) -> Command | None:
    """The command at this value, `last` being the one before; None at the release of a key, for example."""
    control = binding.control
    if binding.fader_range is not None:
        low, high = binding.fader_range
        scaled = low + (high - low) * value / 127
        return parse_command(control.name, [round(scaled) if control.args[0].kind == "i" else scaled], "midi")
    if control.toggle and not binding.args and not binding.toggles and kind == "cc":
        return parse_command(control.name, [int(value >= PEDAL_DOWN)], "midi")
    if control.args and not binding.args and not control.toggle:
        choices = control.args[0].choices
        return parse_command(control.name, [choices[value * len(choices) // 128] if choices else value], "midi")
    pressed = value > 0 if kind != "cc" else value >= PEDAL_DOWN and (last < PEDAL_DOWN or last == value)
    return Command(control.name, binding.args, "midi") if pressed else None


def _message_text(where: Key) -> str:
    return " ".join(map(str, where))

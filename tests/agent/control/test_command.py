"""The one door for commands: what the tables allow passes in its own type, all else is a sentence."""

import math
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.control.command import (
    ALIASES,
    CONTROLS,
    REPORTS,
    Command,
    CommandError,
    find_control,
    parse_command,
    printable,
)
from agent.settings.config import FIELDS, Config, change

SETS = [one for one in CONTROLS.values() if one.setting]
NUMBERS = [one for one in SETS if len(one.args) == 1 and one.args[0].kind in "if"]


def test_every_live_setting_is_a_control_and_no_other():
    assert {one.setting for one in SETS} == {name for name, about in FIELDS.items() if about.live}
    for one in SETS:
        about = FIELDS[one.setting]
        assert one.meaning == about.meaning and one.name == one.setting.split(".")[1]
        for arg in one.args:
            assert (arg.low, arg.high, arg.unit) == (about.low, about.high, about.unit)
            assert arg.choices == about.choices
        if one.fader_range:
            assert about.low <= one.fader_range[0] < one.fader_range[1] <= about.high


def test_the_tables_are_in_order():
    names = [*CONTROLS, *ALIASES]
    assert len(set(names)) == len(names) and all(one.meaning for one in [*CONTROLS.values(), *REPORTS.values()])
    keys = [one.key for one in CONTROLS.values() if one.key]
    assert len(set(keys)) == len(keys)
    for one in CONTROLS.values():
        optional = [arg.optional for arg in one.args]
        assert optional == sorted(optional) and not any(arg.many for arg in one.args[:-1])
        assert one.address == f"/antiphon/{one.name}"
    for about in REPORTS.values():
        assert not any(field.many for field in about.fields[:-1])
        assert {field.kind for field in about.fields} <= set("ifsdv")
    stage = {"play", "stop", "mute", "hold", "listen", "panic", "jump", "like", "back", "change", "memory", "record"}
    assert stage | {"undo", "save", "preset/save", "preset/recall", "scenario", "quit", "subscribe"} <= set(CONTROLS)


@pytest.mark.parametrize(
    ("name", "args", "kept"),
    [
        ("temperature", [1], (1.0,)),
        ("horizon", [4.0], (4,)),
        ("gain", [-3], (-3.0,)),
        ("continuity", [8], (8,)),
        ("region", [0, 0.5], (0.0, 0.5)),
        ("constraint", ["none"], ("none",)),
        ("mute", [], ()),
        ("mute", [True], (1,)),
        ("hold", [0.0], (0,)),
        ("memory", [2.0], (2,)),
        ("memory", ["a song"], ("a song",)),
        ("scenario", [12, -1, 3.0, 64], (12, -1, 3, 64)),
        ("scenario/next", [0], (0,)),
        ("hear/label", [3], (3,)),
        ("hear/label", [3, -20], (3, -20.0)),
        ("hear/feature", [1, 2.5], (1.0, 2.5)),
        ("preset/save", ["Lied für Élise 2"], ("Lied für Élise 2",)),
        ("midi/learn", ["temperature", "0.5", "1.5"], ("temperature", "0.5", "1.5")),
    ],
)
def test_values_come_in_their_own_type(name, args, kept):
    command = parse_command(name, args, "key")
    assert command == Command(ALIASES.get(name, name), kept, "key")
    assert [type(value) for value in command.args] == [type(value) for value in kept]


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("temprature", [1], "there is no control 'temprature': did you mean 'temperature'?"),
        ("gian", [1], "there is no control 'gian': did you mean 'gain'?"),
        ("xyzzy", [], "there is no control 'xyzzy': antiphon osc  lists all there are"),
        (None, [], "there is no control 'None': antiphon osc  lists all there are"),
        (["jump"], [], "there is no control '['jump']': antiphon osc  lists all there are"),
        ("jump", [1], "jump: 1 value was given, expected no value"),
        ("temperature", [], "temperature: no value was given, expected temperature"),
        ("region", [0.5], "region: 1 value was given, expected from, to"),
        ("region", [0.5, 0.2], "region = (0.5, 0.2): expected the first number to be smaller than the second"),
        ("region", [0.5, 2], "region: to = 2: expected a number from 0 to 1"),
        ("scenario", [3], "scenario: 1 value was given, expected hop, label…"),
        ("scenario/next", [1] * 5000, "scenario/next: 5000 values were given, expected label…"),
        ("scenario/next", [5000], "scenario/next = 5000: expected a whole number from -1 to 4096"),
        ("temperature", [9], "temperature = 9: expected a number from 0.05 to 5"),
        ("temperature", [math.nan], "temperature = nan: expected a number from 0.05 to 5"),
        ("temperature", [10**5000], "temperature = a huge number: expected a number from 0.05 to 5"),
        ("temperature", [True], "temperature = True: expected a number"),
        ("temperature", ["1"], "temperature = 1: expected a number"),
        ("horizon", [4.5], "horizon = 4.5: expected a whole number from 1 to 32 hops"),
        ("mute", [2], "mute = 2: expected 0 or 1"),
        ("record", ["inptu"], "record = inptu: expected input, self or off; did you mean 'input'?"),
        ("rests", [b"free"], "rests = bytes: expected follow, free or never"),
        ("save", ["../../etc"], "save = ../../etc: expected a name of letters, digits, spaces, . - and _"),
        ("save", [".hidden"], "expected a name of letters"),
        ("save", ["a/b"], "expected a name of letters"),
        ("save", ["x."], "expected a name of letters"),
        ("save", ["con\0"], "save = con?: expected a name of letters"),
        ("memory", [-1], "memory = -1: expected a name or a number from 0 to 1023"),
        ("memory", ["x" * 300], f"memory = {'x' * 59}…: expected a name"),
        ("hear/feature", [1.0, math.inf], "expected a number from -1000000 to 1000000"),
    ],
)
def test_what_is_refused_is_told(name, args, words):
    with pytest.raises(CommandError) as error:
        parse_command(name, args, "page")
    assert words in str(error.value) and "\n" not in str(error.value)


@given(st.sampled_from(NUMBERS), st.one_of(st.floats(), st.integers(), st.integers(-5, 5)))
def test_a_number_is_what_the_settings_take_or_refused(control, value):
    about = FIELDS[control.setting]
    try:
        command = parse_command(control.name, [value])
    except CommandError as error:
        assert str(error).startswith(f"{control.name} = ")
        whole = math.isfinite(value) and (about.kind is float or float(value).is_integer())
        assert not whole or not about.low <= value <= about.high
    else:
        config = change(Config(), control.setting, command.args[0])
        section, key = control.setting.split(".")
        assert getattr(getattr(config, section), key) == value and type(command.args[0]) is about.kind


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@given(st.one_of(st.sampled_from([*CONTROLS, *ALIASES]), JUNK), st.lists(JUNK, max_size=4))
def test_whatever_comes_is_a_command_or_a_sentence(name, args):
    try:
        command = parse_command(name, args, "page")
    except CommandError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 300
    else:
        assert find_control(name).name == command.name and all(
            isinstance(value, (int, float, str)) for value in command.args
        )
        assert parse_command(command.name, command.args, "page") == command


def test_a_command_is_a_value():
    with pytest.raises(FrozenInstanceError):
        parse_command("jump").name = "like"  # type: ignore[misc]
    assert printable("a\nb\x1b[2J") == "a?b?[2J" and len(printable("x" * 10_000)) == 60

"""The one door for commands: what the tables allow passes in its own type, all else is a sentence; presets keep it."""

import math
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.control.command import ALIASES, CONTROLS, REPORTS, Command, Presets, StageError, checked, named, shown
from agent.settings.config import SETTINGS, Config, change

SETS = [one for one in CONTROLS.values() if one.setting]
NUMBERS = [one for one in SETS if len(one.args) == 1 and one.args[0].kind in "if"]


def test_every_live_setting_is_a_control_and_no_other():
    assert {one.setting for one in SETS} == {name for name, about in SETTINGS.items() if about.live}
    for one in SETS:
        about = SETTINGS[one.setting]
        assert one.meaning == about.meaning and one.name == one.setting.split(".")[1]
        for arg in one.args:
            assert (arg.low, arg.high, arg.unit) == (about.low, about.high, about.unit)
            assert arg.choices == about.choices
        if one.reach:
            assert about.low <= one.reach[0] < one.reach[1] <= about.high


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
    command = checked(name, args, "key")
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
    with pytest.raises(StageError) as error:
        checked(name, args, "page")
    assert words in str(error.value) and "\n" not in str(error.value)


@given(st.sampled_from(NUMBERS), st.one_of(st.floats(), st.integers(), st.integers(-5, 5)))
def test_a_number_is_what_the_settings_take_or_refused(control, value):
    about = SETTINGS[control.setting]
    try:
        command = checked(control.name, [value])
    except StageError as error:
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
        command = checked(name, args, "page")
    except StageError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 300
    else:
        assert named(name).name == command.name and all(isinstance(value, (int, float, str)) for value in command.args)
        assert checked(command.name, command.args, "page") == command


def test_a_command_is_a_value():
    with pytest.raises(FrozenInstanceError):
        checked("jump").name = "like"  # type: ignore[misc]
    assert shown("a\nb\x1b[2J") == "a?b?[2J" and len(shown("x" * 10_000)) == 60


# --- presets


@pytest.fixture
def presets(tmp_path):
    return Presets(tmp_path / "presets.toml")


def settings():
    config = Config()
    for name, value in (("decision.temperature", 0.7), ("action.region", (0.1, 0.4)), ("decision.constraint", "none")):
        config = change(config, name, value)
    return config


def test_a_preset_comes_back_as_it_was_kept(presets):
    assert presets.names() == []
    presets.save("verse", settings())
    presets.save("my chorus", Config())
    assert presets.names() == ["verse", "my chorus"]
    config = Config()
    for command in presets.recall("verse"):
        control = CONTROLS[command.name]
        assert command == checked(command.name, command.args, "preset verse")
        config = change(config, control.setting, command.args if len(command.args) > 1 else command.args[0])
    assert config == settings()
    assert [one.name for one in presets.recall("verse")] == [one.name for one in SETS]


def test_what_a_musician_wrote_there_stays(presets):
    presets.path.write_text("# for Friday\n[bridge]  # quiet\ngain_db = -6\nrests = 'free'\n")
    assert presets.recall("bridge") == [
        Command("rests", ("free",), "preset bridge"), Command("gain_db", (-6.0,), "preset bridge")
    ]  # fmt: skip
    presets.save("verse", settings())
    presets.save("verse", Config())
    text = presets.path.read_text()
    assert text.startswith("# for Friday\n[bridge]  # quiet\ngain_db = -6\n") and text.count("[verse]") == 1
    assert [path.name for path in presets.path.parent.iterdir()] == ["presets.toml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no preset 'verse' in '.*'; there are none yet: keep one with preset/save"),
        ("[a]\n[b]\n", "there is no preset 'verse' in '.*'; there are a, b"),
        ("verse = 3", "there is no preset 'verse'"),
        ("[verse]\ntemperatur = 1", r"\[verse\]: there is no control 'temperatur': did you mean 'temperature'"),
        ("[verse]\ntemperature = 9", r"\[verse\]: temperature = 9: expected a number from 0.05 to 5"),
        ("[verse]\nregion = [0.5]", r"\[verse\]: region: 1 value was given"),
        ("[verse]\npanic = []", r"\[verse\]: panic is no setting: take that line out"),
        ("[verse", "the presets in '.*' cannot be read .*: mend the file, or move it"),
        ("[verse]\na = " + "[" * 5000, "cannot be read"),
    ],
)
def test_mistakes_in_the_presets(presets, text, words):
    presets.path.write_text(text)
    with pytest.raises(StageError, match=words) as error:
        presets.recall("verse")
    assert "\n" not in str(error.value)
    assert presets.path.read_text() == text


def test_presets_that_cannot_be_kept_or_read(presets, tmp_path):
    presets.path.write_bytes(b"# caf\xe9\n")
    for act in (lambda: presets.save("verse", Config()), lambda: presets.recall("verse"), presets.names):
        with pytest.raises(StageError, match="cannot be read"):
            act()
    with pytest.raises(StageError, match="the preset 'verse' was not kept: "):
        Presets(tmp_path / "none" / "presets.toml").save("verse", Config())

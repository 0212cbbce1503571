"""Settings: one table, every mistake told in a sentence, and the file says the same as the code."""

import math
import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.settings.config import (
    FIELDS,
    SECTIONS,
    Config,
    ConfigError,
    Field,
    as_table,
    change,
    from_table,
    read,
)

FILE = Path(__file__).parents[3] / "agent.toml"
NUMBERS = [name for name, about in FIELDS.items() if about.low is not None and about.kind is not tuple]


def write(folder, text):
    path = folder / "agent.toml"
    path.write_text(text)
    return path


def test_the_file_holds_every_default_and_nothing_else(monkeypatch):
    monkeypatch.chdir(FILE.parent)
    assert read(FILE.name) == Config() == read()
    assert list(lines_of(FILE)) == list(FIELDS)


def lines_of(path):
    """{"section.key": its line} of a settings file; a table of its own counts as a line."""
    found, section = {}, ""
    for line in path.read_text().splitlines():
        if table := re.match(r"\[([\w.]+)\]", line):
            section = table[1]
            if "." in section:
                found[section] = line
        elif key := re.match(r"(\w+) = ", line):
            found[f"{section}.{key[1]}"] = line
    return found


def test_the_file_tells_the_ranges_of_the_table():
    lines = lines_of(FILE)
    for name, about in FIELDS.items():
        comment = lines[name].partition("#")[2]
        assert comment
        for choice in about.choices:
            assert str(choice) in comment
        if name not in ("agent.seed", "live.samplerate", "action.region") and about.low is not None:
            assert f"{about.low:.10g} to {about.high:.10g}" in comment, name


def test_every_setting_has_a_meaning_and_a_default_that_is_allowed():
    for name, about in FIELDS.items():
        assert about.meaning, name
        assert change(Config(), name, about.default) == Config()


def test_file_then_set(tmp_path):
    path = write(tmp_path, "[decision]\ntop_p = 0.5\ntemperature = 2\n[live]\nhop = 0.25\n")
    config = read(path, ["decision.top_p=0.8", "agent.memory = my songs/duo", "action.region=[0.25, 1]"])
    assert (config.decision.top_p, config.decision.temperature, config.live.hop) == (0.8, 2.0, 0.25)
    assert type(config.decision.temperature) is float
    assert (config.agent.memory, config.action.region) == ("my songs/duo", (0.25, 1.0))
    assert read(None, ["decision.constraint=prefer", 'agent.model="small"']).decision.constraint == "prefer"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[decision]\ntemprature = 1.0", r"\[decision\]: no setting 'temprature'; did you mean 'temperature'\?"),
        ("[decison]\ntop_p = 1", r"no section \[decison\]; did you mean 'decision'\?"),
        ("[xyz]", r"no section \[xyz\]; there are agent, perception"),
        ("[decision]\nqqq = 1", r"no setting 'qqq'; there are model, temperature"),
        ("decision = 3", r"decision = 3: expected a section \[decision\]"),
        ("[decision]\ntop_p = 1.5", r"\[decision\]: top_p = 1\.5: expected a number from 0 to 1"),
        ("[decision]\ntop_p = nan", r"top_p = nan: expected a number from 0 to 1"),
        ("[decision]\ntop_p = true", r"top_p = True: expected a number"),
        ("[decision]\ntop_p = '0.5'", r"top_p = '0\.5': expected a number"),
        ("[decision]\nhorizon = 4.0", r"horizon = 4\.0: expected a whole number from 1 to 32 hops"),
        ("[decision]\nconstraint = 'requires'", r"expected none, prefer or require; did you mean 'require'\?"),
        ("[agent]\nseed = -1", r"seed = -1: expected a whole number from 0 to 4294967295"),
        ("[agent]\nmodel = 3", r"model = 3: expected text in quotes"),
        ("[live]\nhop = 0.3", r"hop = 0\.3: expected 0\.25, 0\.35 or 0\.5 s"),
        ("[live]\nsamplerate = 50", r"samplerate = 50: expected 0 .* or 8000"),
        ("[action]\nregion = 0.5", r"region = 0\.5: expected two numbers from 0 to 1"),
        ("[action]\nregion = [0.5, 0.5]", r"first number to be smaller"),
        ("[action]\nregion = [0.5, 2]", r"region = 2\.0: expected a number from 0 to 1"),
        ("[agent]\nmemories = 'duo'", r"memories = 'duo': expected a list of texts, like \['one', 'two'\]"),
        ("[agent]\nmemories = ['duo', 3]", r"memories = 3: expected text in quotes"),
        ("[live]\ninput_channels = '0'", r"input_channels = '0': expected channel numbers from 1"),
        ("[live]\noutput_channels = '1,'", r"output_channels = '1,': expected channel numbers from 1"),
        ("[osc]\nport = 65536", r"port = 65536: expected a whole number from 0 to 65535"),
        ("[osc]\nhost = 'localhost'", r"host = 'localhost': expected an address in numbers, like '127\.0\.0\.1'"),
        ("[osc]\nallow = ['192.168.1']", r"allow = '192\.168\.1': expected an address in numbers"),
        ("[osc]\nsubscribers = ['127.0.0.1']", r"subscribers = '127\.0\.0\.1': expected address:port"),
        ("[osc]\nsubscribers = ['127.0.0.1:0']", r"expected address:port, like '127\.0\.0\.1:9001'"),
        ("[osc]\nsubscribers = ['127.0.0.1:９００１']", r"expected address:port"),
        ("[midi]\nmap = ['hold']", r"map = \['hold'\]: expected a table of texts"),
        ("[midi.map]\n'cc 1 1' = 3", r"map = 3: expected text in quotes"),
        ("[page]\nhost = 'stage'", r"host = 'stage': expected an address in numbers"),
        ("[decision\n", r"is not TOML"),
        ("[decision]\ntop_p = 0.5\ntop_p = 0.6", r"is not TOML"),
        ("a = " + "[" * 5000, r"is not TOML"),
    ],
)
def test_mistakes_in_the_file(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=words) as error:
        read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_of_an_earlier_version(tmp_path):
    """What asks for what is always done now is passed over, anything else is refused with a sentence."""
    path = tmp_path / "agent.toml"
    path.write_text("[decision]\nbest_of = 1\nreward = 'proxy'\ntop_p = 0.5\n")
    assert read(path) == read(None, ["decision.top_p=0.5"])
    path.write_text("[decision]\nbest_of = 4\n")
    with pytest.raises(ConfigError, match=r"no setting 'best_of'; it is gone, as one plan is drawn.* leave it out"):
        read(path)


def test_lists_and_tables_of_texts(tmp_path):
    path = write(
        tmp_path,
        "[agent]\nmemories = ['duo', 'my songs']\n[osc]\nallow = ['192.168.1.0/24', '::1']\n"
        "subscribers = ['192.168.1.7:57120', '::1:9001']\n[midi.map]\n'cc 1 64' = 'hold'\n",
    )
    config = read(path, ["osc.subscribers=[]", 'live.input_channels="1, 2"'])
    assert config.agent.memories == (str(tmp_path / "duo"), str(tmp_path / "my songs")) and config.osc.allow == (
        "192.168.1.0/24",
        "::1",
    )
    assert config.osc.subscribers == () and config.midi.map == {"cc 1 64": "hold"}
    table = as_table(config)
    assert from_table(table) == config and table["agent"]["memories"] == list(config.agent.memories)
    table["midi"]["map"]["cc 1 65"] = "jump"  # a copy
    assert config.midi.map == {"cc 1 64": "hold"} and Config().midi.map == {}


PATHS = [name for name, field in FIELDS.items() if field.names]


def path_of(config, name):
    """The value of a setting that names a file; of a list, its only one."""
    section, key = name.split(".")
    value = getattr(getattr(config, section), key)
    return value if isinstance(value, str) else value[0]


def as_toml(name, value):
    return f"['{value}']" if FIELDS[name].kind is list else f"'{value}'"


def test_every_setting_that_names_a_file_is_marked():
    assert PATHS == [
        "agent.model",
        "agent.second_model",
        "agent.memory",
        "agent.memories",
        "live.presets",
        "coherence.model",
    ]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("value", ["duo", "songs/duo.wav", "../duo", "./small", "~", "~/duo", "/gig/duo"])
def test_a_path_begins_at_its_file_or_at_the_working_directory(tmp_path, monkeypatch, name, value):
    """From a settings file: the folder of that file. From --set and flags: where the musician is. `~`: the home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "gig").mkdir()
    monkeypatch.chdir(tmp_path)
    section, key = name.split(".")
    write(tmp_path / "gig", f"[{section}]\n{key} = {as_toml(name, value)}\n")
    home = value.replace("~", str(tmp_path / "home"))
    here, there = Path("gig/agent.toml"), tmp_path / "gig" / "agent.toml"
    assert path_of(read(None, [f"{name}={as_toml(name, value)}"]), name) == home
    for file in (here, there):
        assert Path(path_of(read(file), name)) == file.parent / home
        assert path_of(read(file, [f"{name}={as_toml(name, value)}"]), name) == home
    monkeypatch.chdir(tmp_path / "gig")
    assert path_of(read("agent.toml"), name) == home


@pytest.mark.parametrize(
    ("name", "value"),
    [("agent.model", "small"), ("coherence.model", "small"), ("coherence.model", ""), ("agent.memory", "demo"),
     ("agent.memories", "demo")],
)  # fmt: skip
def test_an_embedded_name_stays_a_name(tmp_path, name, value):
    section, key = name.split(".")
    (tmp_path / "demo").mkdir()
    path = write(tmp_path, f"[{section}]\n{key} = {as_toml(name, value)}\n")
    assert path_of(read(path), name) == value == path_of(read(None, [f"{name}={as_toml(name, value)}"]), name)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_file_as_any_editor_saves_it(tmp_path, start, end):
    text = "# café\n[decision]\ntop_p = 0.5\n\n[agent]\nmemory = 'Élise'\n"
    path = tmp_path / "agent.toml"
    path.write_bytes(start + text.replace("\n", end).encode())
    config = read(path)
    assert config.decision.top_p == 0.5 and Path(config.agent.memory) == tmp_path / "Élise"


def test_mistakes_with_the_file(tmp_path):
    with pytest.raises(ConfigError, match=r"no settings file .*: check its name"):
        read(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        read(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("top_p=0.8", r"--set top_p=0\.8: no setting 'top_p'; did you mean 'decision\.top_p'\?"),
        ("decision.topp=0.8", r"did you mean 'decision\.top_p'\?"),
        ("decison.top_p=0.8", r"did you mean 'decision\.top_p'\?"),
        ("decision.top_p", r"expected section\.key=value"),
        ("decision.top_p=", r"top_p = '': expected a number"),
        ("decision.top_p=much", r"top_p = 'much': expected a number"),
        ("decision.top_p=1\nx=2", r"expected a number"),
        ("=", r"no setting ''"),
    ],
)
def test_mistakes_in_set(text, words):
    with pytest.raises(ConfigError, match=words):
        read(None, [text])


@given(st.sampled_from(sorted(FIELDS)), st.data())
def test_one_slip_of_a_finger_is_forgiven_with_a_hint(name, data):
    section, key = name.split(".")
    place = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    slip = data.draw(st.sampled_from([key[:place] + letter + key[place:], key[:place] + key[place + 1 :]]))
    known = [field.name for field in fields(SECTIONS[section])]
    if slip in known or len(key) < 4:
        return
    with pytest.raises(ConfigError) as error:
        from_table({section: {slip: FIELDS[name].default}})
    assert f"no setting '{slip}'; did you mean '" in str(error.value)


@given(st.sampled_from(NUMBERS), st.one_of(st.floats(), st.integers(), st.integers(-5, 5)))
def test_a_number_is_in_its_range_or_refused(name, value):
    about, (section, key) = FIELDS[name], name.split(".")
    try:
        kept = getattr(getattr(change(Config(), name, value), section), key)
    except ConfigError as error:
        assert repr(value) in str(error) or "inf" in str(error) or type(value) is int
        inside = math.isfinite(value) and about.low <= value <= about.high
        assert not inside or type(value) is not about.kind or name == "live.samplerate" or about.choices
    else:
        assert kept == value and type(kept) is about.kind and about.low <= value <= about.high


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@given(st.dictionaries(st.one_of(st.sampled_from(sorted(SECTIONS)), st.text(max_size=5)), JUNK, max_size=3))
def test_any_table_is_settings_or_a_sentence(table):
    try:
        config = from_table(table)
    except ConfigError as error:
        assert str(error)
    else:
        assert from_table(as_table(config)) == config


@given(st.sampled_from(sorted(FIELDS)), JUNK)
def test_any_value_is_allowed_or_a_sentence(name, value):
    try:
        config = change(Config(), name, value)
    except ConfigError as error:
        assert name.split(".")[1] in str(error)
    else:
        assert from_table(as_table(config)) == config


@given(st.text())
def test_any_set_is_settings_or_a_sentence(text):
    with suppress(ConfigError):
        read(None, [text])


def test_settings_are_a_value():
    config = Config()
    with pytest.raises(AttributeError):
        config.decision.top_p = 0.1  # type: ignore[misc]
    assert change(config, "decision.top_p", 0.1) != config and config == Config()
    assert isinstance(FIELDS["decision.top_p"], Field)

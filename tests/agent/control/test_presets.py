"""Presets: settings kept by name in a file that a musician may edit."""

import pytest

from agent.control.command import CONTROLS, Command, CommandError, parse_command
from agent.control.presets import Presets
from agent.settings.config import Config, change, read

SETS = [one for one in CONTROLS.values() if one.setting]


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
        assert command == parse_command(command.name, command.args, "preset verse")
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


def test_a_preset_kept_by_an_earlier_version_is_recalled(presets):
    """It holds every setting that could change then; those that are gone count no more."""
    presets.path.write_text("[bridge]\nbest_of = 4\ngain_db = -6\n")
    assert presets.recall("bridge") == [Command("gain_db", (-6.0,), "preset bridge")]


def test_presets_lie_beside_the_settings_file_that_names_them(tmp_path, monkeypatch):
    (tmp_path / "gig").mkdir()
    (tmp_path / "gig" / "agent.toml").write_text("[live]\npresets = 'kept.toml'\n")
    monkeypatch.chdir(tmp_path)
    Presets(read("gig/agent.toml").live.presets).save("verse", Config())
    assert sorted(path.name for path in tmp_path.rglob("*.toml")) == ["agent.toml", "kept.toml"]
    assert (tmp_path / "gig" / "kept.toml").is_file()


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_file_as_any_editor_saves_it(presets, start, end):
    presets.path.write_bytes(start + "# für Élise\n[bridge]  # quiet\ngain_db = -6\n".replace("\n", end).encode())
    assert [one.name for one in presets.recall("bridge")] == ["gain_db"]
    presets.save("verse", settings())
    data = presets.path.read_bytes()
    assert data.count(b"\n") == data.count(end.encode()) > 10 and "# für Élise".encode() in data
    assert presets.names() == ["bridge", "verse"] and presets.recall("verse")


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
        ("[verse]\n[verse]\n", "cannot be read"),
        ("[verse]\ngain_db = 1\ngain_db = 2\n", "cannot be read"),
        ("[verse]\ntaboo = " + "9" * 5000, "cannot be read"),
        ("[verse", "the presets in '.*' cannot be read .*: mend the file, or move it"),
        ("[verse]\na = " + "[" * 5000, "cannot be read"),
    ],
)
def test_mistakes_in_the_presets(presets, text, words):
    presets.path.write_text(text)
    with pytest.raises(CommandError, match=words) as error:
        presets.recall("verse")
    assert "\n" not in str(error.value)
    assert presets.path.read_text() == text


def test_presets_that_cannot_be_kept_or_read(presets, tmp_path):
    presets.path.write_bytes(b"# caf\xe9\n")
    for act in (lambda: presets.save("verse", Config()), lambda: presets.recall("verse"), presets.names):
        with pytest.raises(CommandError, match="cannot be read"):
            act()
    with pytest.raises(CommandError, match="the preset 'verse' was not kept: "):
        Presets(tmp_path / "none" / "presets.toml").save("verse", Config())

"""MIDI bytes to commands, what can be bound to what, and learning; the device itself is in tests/live/test_midi.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.control.bus import Bus
from agent.control.command import CONTROLS, Command, CommandError
from agent.interfaces.midi_mapping import MidiMapping, bind, key
from agent.settings.config import Config, ConfigError, change, read

CC, ON, OFF, PROGRAM = 0xB0, 0x90, 0x80, 0xC0


class Hands:
    """A mapping, what it did and what was said."""

    def __init__(self, lines=None, path=None, command=None):
        self.commands, self.bus = [], Bus()
        self.tap = self.bus.tap()
        config = change(Config(), "midi.map", lines or {})
        self.mapping = MidiMapping(command or self.commands.append, self.bus, config, path)

    def __call__(self, *messages):
        """Play these; returns (name, args) of what they did."""
        self.commands.clear()
        for message in messages:
            self.mapping.receive(bytes(message))
        assert all(one.source == "midi" for one in self.commands)
        return [(one.name, one.args) for one in self.commands]

    def said(self):
        return list(self.tap.drain())


def test_a_pedal_is_down_or_up():
    hands = Hands({"cc 1 64": "hold", "cc 2 64": "mute toggle", "cc 1 65": "hold 1"})
    assert hands((CC, 64, 127), (CC, 64, 0)) == [("hold", (1,)), ("hold", (0,))]
    assert hands((CC, 64, 70), (CC, 64, 90), (CC, 64, 127)) == [("hold", (1,))]  # a continuous pedal says it once
    assert hands((CC | 1, 64, 127), (CC | 1, 64, 0), (CC | 1, 64, 127)) == [("mute", ()), ("mute", ())]
    assert hands((CC, 65, 127), (CC, 65, 0)) == [("hold", (1,))]
    assert hands((CC, 66, 127), (CC | 5, 64, 127)) == []


def test_a_key_acts_when_struck():
    hands = Hands({"note 1 60": "hold", "note 1 61": "jump", "note 16 62": "memory 2", "note 1 63": "temperature 0.5"})
    assert hands((ON, 60, 100), (OFF, 60, 64), (ON, 60, 1), (ON, 60, 0)) == [("hold", ()), ("hold", ())]
    assert hands((ON, 61, 100), (OFF, 61, 0)) == [("jump", ())]
    assert hands((ON | 15, 62, 9), (ON, 62, 9)) == [("memory", (2,))]
    assert hands((ON, 63, 9)) == [("temperature", (0.5,))]


def test_a_pedal_that_never_says_zero_acts_each_time():
    hands = Hands({"cc 1 80": "jump"})
    assert hands((CC, 80, 127), (CC, 80, 127), (CC, 80, 0), (CC, 80, 127)) == [("jump", ())] * 3
    assert hands((CC, 80, 0), (CC, 80, 40), (CC, 80, 65), (CC, 80, 90)) == [("jump", ())]


def test_a_fader_goes_over_its_reach():
    hands = Hands({"cc 1 1": "temperature", "cc 1 2": "temperature 0.5 1.5", "cc 1 3": "horizon", "cc 1 4": "density",
                   "cc 1 5": "gain -12 0", "cc 1 6": "horizon 16 1"})  # fmt: skip
    low, high = CONTROLS["temperature"].fader_range
    assert hands((CC, 1, 0), (CC, 1, 127)) == [("temperature", (low,)), ("temperature", (high,))]
    assert hands((CC, 2, 0), (CC, 2, 127)) == [("temperature", (0.5,)), ("temperature", (1.5,))]
    steps = hands(*[(CC, 3, value) for value in range(128)])
    assert steps == [("horizon", (n,)) for n in range(1, 17)]  # each step once
    assert hands((CC, 4, 127), (CC, 5, 127)) == [("density", (1.0,)), ("gain_db", (0.0,))]
    assert hands((CC, 6, 0), (CC, 6, 127)) == [("horizon", (16,)), ("horizon", (1,))]


def test_a_fader_steps_over_choices_and_memories():
    hands = Hands({"cc 1 1": "constraint", "cc 1 2": "memory", "cc 1 3": "record"})
    steps = hands(*[(CC, 1, value) for value in range(128)])
    assert steps == [("constraint", (one,)) for one in ("none", "prefer", "require")]
    assert hands((CC, 2, 3), (CC, 2, 3), (CC, 2, 4)) == [("memory", (3,)), ("memory", (4,))]
    assert hands((CC, 3, 0), (CC, 3, 64), (CC, 3, 127)) == [("record", (s,)) for s in ("input", "self", "off")]


def test_a_program_change_recalls():
    hands = Hands({"program 1 3": "preset/recall my verse", "program 1 4": "region 0.25 0.5", "program 1 5": "mute"})
    assert hands((PROGRAM, 3), (PROGRAM, 3)) == [("preset/recall", ("my verse",))] * 2
    assert hands((PROGRAM, 4), (PROGRAM, 5)) == [("region", (0.25, 0.5)), ("mute", ())]


@pytest.mark.parametrize(
    ("message", "text", "words"),
    [
        ("cc 1", "hold", r"'cc 1' is no MIDI message: expected one like 'cc 1 64'"),
        ("knob 1 2", "hold", r"is no MIDI message"),
        ("cc 17 2", "hold", r"expected a channel from 1 to 16 and a number from 0 to 127"),
        ("cc 0 2", "hold", r"expected a channel"),
        ("note 1 128", "hold", r"expected a channel"),
        ("cc 1 2", "hodl", r"there is no control 'hodl': did you mean 'hold'"),
        ("cc 1 2", "", r"there is no control ''"),
        ("cc 1 2", "subscribe 9001", r"subscribe is not for MIDI: send it over OSC"),
        ("cc 1 2", "hear/label 3", r"hear/label is not for MIDI"),
        ("cc 1 2", "temperature 0 9", r"temperature = 0: expected a number from 0\.05 to 5"),
        ("cc 1 2", "temperature a b", r"temperature = a: expected a number"),
        ("cc 1 2", "temperature 1 2 3", r"temperature: 3 values were given"),
        ("note 1 2", "temperature", r"a note cannot move temperature: give it one value, like 'temperature 0\.05'"),
        ("program 1 2", "density 0 1", r"a program cannot move density"),
        ("note 1 2", "memory", r"memory needs a value: write 'memory 0'"),
        ("note 1 2", "record", r"record needs a value: write 'record input'"),
        ("cc 1 2", "preset/recall", r"preset/recall needs a value: write 'preset/recall verse'"),
        ("cc 1 2", "preset/save ../x", r"expected a name of letters"),
        ("cc 1 2", "region", r"region needs a value"),
        ("cc 1 2", "region 0.5 0.1", r"expected the first number to be smaller"),
        ("cc 1 2", "jump 1", r"jump: 1 value was given, expected no value"),
    ],
)
def test_mistakes_in_the_mapping(message, text, words):
    with pytest.raises(ConfigError, match=rf"midi\.map '{message}': .*{words}") as error:
        Hands({message: text})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [one.name for one in CONTROLS.values() if one.group not in ("osc", "hear", "midi")])
def test_every_control_can_be_bound_to_a_key(name):
    control = CONTROLS[name]
    words = {"i": "4", "f": "0.25", "s": "verse", "is": "1"}
    args = [arg.choices[0] if arg.choices else words[arg.kind] for arg in control.args if not arg.optional]
    if name == "region":
        args = ["0.25", "0.5"]
    one = {"gate_db": ["-60"], "temperature": ["1"], "repetition_penalty": ["1"],
           "tempo": ["120"], "speed": ["1"], "tempo_range": ["80", "160"]}.get(name, args)  # fmt: skip
    hands = Hands({"note 1 60": " ".join([name, *one])})
    assert [done[0] for done in hands((ON, 60, 1))] == [name]


@given(st.lists(st.binary(max_size=4), max_size=20))
def test_no_bytes_do_harm(messages):
    hands = Hands({"cc 1 1": "temperature", "note 1 1": "jump", "program 1 1": "mute", "cc 1 64": "hold"})
    hands(*messages, [], [0xF0, 1, 2, 0xF7], [0xF8], [0xB0, 200, 200])
    assert not hands.said()


def test_what_the_engine_refuses_or_loses_is_told():
    def refuse(command):
        raise CommandError("there is no memory 5") if command.name == "memory" else RuntimeError("lost")

    hands = Hands({"cc 1 1": "memory", "cc 1 2": "jump"}, command=refuse)
    hands.mapping.receive([CC, 1, 5])
    hands.mapping.receive([CC, 2, 127])
    assert hands.said() == [
        ("error", ("midi: there is no memory 5",)),
        ("error", ("midi: a message was lost (RuntimeError: lost)",)),
    ]


# --- learning

WRITTEN = """# my stage
[decision]
temperature = 0.8   # as in Lyon

[midi]              # the pedal board
port = "SoftStep"
[midi.map]
"cc 1 64" = "hold"  # left foot
"cc 1  65" = "jump"

[page]
port = 8080
"""


def learn(*words):
    return Command("midi/learn", words, "key")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "agent.toml"
    path.write_text(WRITTEN)
    return path


def test_the_next_message_is_learned_and_kept_with_the_comments(file):
    hands = Hands(dict(read(file).midi.map), file)
    hands.mapping.handle(learn("temperature", "0.5", "1.5"))
    assert hands((CC, 7, 0), (OFF, 60, 64), (ON, 60, 0)) == []  # a release is no choice
    assert hands((CC, 7, 30)) == [] and hands((CC, 7, 127)) == [("temperature", (1.5,))]
    assert hands.said() == [("midi", ("", "temperature 0.5 1.5")), ("midi", ("cc 1 7", "temperature 0.5 1.5"))]
    assert file.read_text() == WRITTEN.replace('= "jump"\n', '= "jump"\n"cc 1 7" = "temperature 0.5 1.5"\n')
    assert read(file).midi.map == {"cc 1 64": "hold", "cc 1  65": "jump", "cc 1 7": "temperature 0.5 1.5"}


def test_what_is_learned_anew_replaces_the_old(file):
    hands = Hands(dict(read(file).midi.map), file)
    for message in ((CC, 64, 127), (CC, 65, 127)):
        hands.mapping.handle(learn("like"))
        assert hands(message) == []
    assert read(file).midi.map == {"cc 1 64": "like", "cc 1 65": "like"}
    assert hands((CC, 64, 127)) == [("like", ())] and "# as in Lyon" in file.read_text()


def test_what_is_forgotten_is_gone(file):
    hands = Hands(dict(read(file).midi.map), file)
    hands.mapping.handle(Command("midi/forget", ("jump",), "key"))
    assert hands((CC, 65, 127), (CC, 64, 127)) == [("hold", (1,))]
    assert read(file).midi.map == {"cc 1 64": "hold"} and hands.said() == [("midi", ("cc 1 65", ""))]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_file_as_any_editor_saves_it_is_kept_so(tmp_path, start, end):
    path = tmp_path / "agent.toml"
    path.write_bytes(start + WRITTEN.replace("\n", end).encode())
    hands = Hands(dict(read(path).midi.map), path)
    hands.mapping.handle(learn("mute"))
    hands((CC, 7, 127))
    expected = WRITTEN.replace('= "jump"\n', '= "jump"\n"cc 1 7" = "mute"\n')
    assert path.read_bytes() == expected.replace("\n", end).encode()


def test_a_file_without_midi_or_none_at_all_is_begun(tmp_path):
    for text in ("", "[decision]\ntop_p = 0.5\n", "[midi]\nport = ''\n", "midi = {map = {}}\n"):
        path = tmp_path / "agent.toml"
        path.write_text(text)
        hands = Hands(path=path)
        hands.mapping.handle(learn("hold"))
        hands((ON, 60, 1))
        assert read(path).midi.map == {"note 1 60": "hold"} and path.read_text().startswith(text[:10])
    path.unlink()
    hands = Hands(path=path)
    hands.mapping.handle(learn("hold"))
    hands((ON, 60, 1))
    assert read(path).midi.map == {"note 1 60": "hold"}


def test_what_cannot_be_learned_is_told(tmp_path):
    hands = Hands()
    for words in (("hodl",), ("subscribe",), ("temperature", "99")):
        with pytest.raises(CommandError):
            hands.mapping.handle(learn(*words))
    hands.mapping.handle(learn("temperature"))
    hands((ON, 60, 1))
    assert "a note cannot move temperature" in hands.said()[-1][1][0]
    hands.mapping.handle(learn("hold"))
    assert hands((ON, 60, 1), (ON, 60, 1)) == [("hold", ())]
    assert hands.said()[-1] == (
        "error", ("midi: learned, but until the end of this session alone: start with --config to keep it",)
    )  # fmt: skip
    lost = Hands(path=tmp_path / "none" / "agent.toml")
    lost.mapping.handle(learn("hold"))
    assert lost((ON, 60, 1), (ON, 60, 1)) == [("hold", ())]
    assert "learned, but it cannot be kept in" in lost.said()[-1][1][0]


@pytest.mark.parametrize("fault", [ValueError, KeyError, RuntimeError])
def test_a_fault_of_ours_is_no_refusal_and_keeps_its_traceback_in_the_log(caplog, fault):
    def fail(command):
        raise fault("not the musician's mistake")

    hands = Hands({"cc 1 64": "hold"}, command=fail)
    assert hands((CC, 64, 127), (CC, 64, 0)) == []
    assert [name for name, _ in hands.said()] == ["error"] * 2 and caplog.text.count("in fail") == 2


def test_the_words_of_a_message():
    assert key(" cc  1 64") == ("cc", 1, 64) and bind("cc", "hold").control.name == "hold"

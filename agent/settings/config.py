"""Every setting and its default; reads and checks `agent.toml` and `--set section.key=value`.

A setting is one line here: default, range, unit, meaning. The table `FIELDS` is gathered from these lines and
serves the file, the command line, OSC and the help alike, so that no range is written twice.

Defaults < agent.toml < --set. A change while playing (`change`) passes the same checks.

A relative path in a settings file is relative to the folder of that file, one from --set or a flag to the working
directory; `~` is the home folder in both. The name of an embedded model, and "demo", stay names.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import corpora
from agent.settings.field import ConfigError, Field, define, is_address, is_network, validated
from agent.settings.toml_file import TomlError, read_text

__all__ = [
    "FIELDS",
    "GONE",
    "SECTIONS",
    "Config",
    "ConfigError",
    "Field",
    "as_table",
    "change",
    "from_table",
    "read",
    "without_gone",
]


EMBEDDED_MODELS = Path(__file__).parents[1] / "models"
DEMO = Path(corpora.__file__).parent / "demo"  # guide.flac and memory.flac
CHANNELS = re.compile(r" *[1-9][0-9]{0,3} *(, *[1-9][0-9]{0,3} *)*")


class _Section:
    def __post_init__(self) -> None:
        for key in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, key.name, validated(key.name, key.metadata["field"], getattr(self, key.name)))


class _OnNetwork(_Section):
    host: str
    allow: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_address(self.host):
            raise ConfigError(f"host = {self.host!r}: expected an address in numbers, like '127.0.0.1'")
        for network in self.allow:
            if not is_network(network):
                raise ConfigError(f"allow = {network!r}: expected an address in numbers, like '192.168.1.7'")


@dataclass(frozen=True)
class AgentSection(_Section):
    """[agent]: the model, the memories and the random seed."""

    model: str = define("small", names="model", meaning="name of an embedded model, or a folder")
    second_model: str = define("", names="model", meaning="another model of the same alphabet, to compare with")
    memory: str = define("demo", names="memory", meaning="'demo', a corpus folder or an audio file")
    memories: tuple[str, ...] = define((), kind=list, names="memory", meaning="further memories, loaded at the start")
    seed: int = define(0, 0, 2**32 - 1, meaning="same seed, same input: same answer")


@dataclass(frozen=True)
class PerceptionSection(_Section):
    """[perception]: what counts as silence, and what hearing may cost."""

    gate_db: float = define(-50.0, -120, 0, unit="dBFS", live=True, meaning="hops below this level count as silence")
    precision: str = define(
        "auto",
        choices=("auto", "float32", "bfloat16", "int8"),
        meaning="numbers that the encoder multiplies; auto: bfloat16 where the processor has it, else float32",
    )
    recompute: float = define(
        0.0, 0, 10, unit="s",
        meaning="newest sound that the encoder computes again at each hop, two hops or more; 0: all that it hears",
    )  # fmt: skip


@dataclass(frozen=True)
class PulseSection(_Section):
    """[pulse]: whose beat it follows, and how fast a beat may be."""

    beat_source: str = define(
        "auto",
        choices=("auto", "midi", "link", "osc", "tap", "audio", "none"),
        live=True,
        meaning="source of the beat; auto: the first available of midi, link, osc, tap and audio",
    )
    tempo_range: tuple[float, float] = define(
        (55.0, 215.0), 40, 240, unit="beats a minute", live=True, meaning="slowest and fastest tempo that is tracked"
    )
    link: str = define("off", choices=("off", "on"), meaning="joins the Ableton Link session of the network")

    def __post_init__(self) -> None:
        super().__post_init__()
        slow, fast = self.tempo_range
        if fast < 1.1 * slow:
            raise ConfigError(f"tempo_range = {self.tempo_range!r}: expected a range of at least 10 %, like [80, 160]")


@dataclass(frozen=True)
class DecisionSection(_Section):
    """[decision]: how the labels of an answer are drawn."""

    model: str = define(
        "first", choices=("first", "second"), live=True,
        meaning="which decides: the first model, agent.model, or the second, agent.second_model",
    )  # fmt: skip
    temperature: float = define(1.0, 0.05, 5, live=True, meaning="above 1 bolder, below 1 safer")
    top_p: float = define(0.9, 0, 1, live=True, meaning="0 draws the likeliest label, 1 any label")
    top_k: int = define(0, 0, 4096, live=True, meaning="number of likeliest labels to draw from; 0: all")
    repetition_penalty: float = define(1.0, 1, 10, live=True, meaning="above 1 avoids labels played recently")
    constraint: str = define(
        "require",
        choices=("none", "prefer", "require"),
        live=True,
        meaning="how strictly labels are limited to those of the memory",
    )
    lookahead: int = define(
        1, 1, 16, unit="hops", live=True, meaning="1 answers the last hop, more decides further ahead"
    )
    horizon: int = define(4, 1, 32, unit="hops", live=True, meaning="length of the plan")
    behaviour: str = define(
        "together", choices=("together", "after", "free"), live=True,
        meaning="together: plays with you, waits in your rests; after: answers in your rests; free: never waits",
    )  # fmt: skip
    rests: str = define(
        "follow",
        choices=("follow", "free", "never"),
        live=True,
        meaning="where it may rest; follow: where you rest; free: anywhere; never: nowhere",
    )
    density: float = define(1.0, 0, 1, live=True, meaning="share of the time it plays; 0 is silent")
    guidance: float = define(
        0.0, 0, 8, live=True,
        meaning="how much the labels obey what is to be added or was said; 0: not at all, 1: as trained",
    )  # fmt: skip


@dataclass(frozen=True)
class ActionSection(_Section):
    """[action]: how segments of the memory are chosen and joined."""

    choice: str = define(
        "cost",
        choices=("cost", "match"),
        live=True,
        meaning="cost: by the fit to what you play; match: by the labels alone",
    )
    cut_cost: float = define(
        0.85, 0, 2, live=True, meaning="cost of a jump; 0 joins what fits best, 1 and more plays long phrases"
    )
    max_continuity: int = define(16, 1, 100_000, unit="hops", live=True, meaning="longest stretch played as recorded")
    taboo: int = define(
        8, 0, 100_000, unit="hops", live=True, meaning="time for which a segment that was played is not jumped to"
    )
    region: tuple[float, float] = define(
        (0.0, 1.0), 0, 1, live=True, meaning="part of the memory that may be played, from 0 (start) to 1 (end)"
    )
    section: str = define(
        "",
        live=True,
        meaning="name of the section of the memory that may be played; empty, or a new region: the region",
    )
    say: str = define(
        "",
        live=True,
        meaning="words for what to play of the memory, like 'sparse low piano, minor'; empty: none",
    )
    words: float = define(1.0, 0, 3, live=True, meaning="weight of what was said, beside the fit to what you play")
    add: str = define(
        "",
        live=True,
        meaning="the part to be added, like 'a sparse low bass off the beat'; empty: whatever fits",
    )
    obey: float = define(1.0, 0, 3, live=True, meaning="weight of what is to be added, beside the fit to what you play")
    crossfade_ms: float = define(50.0, 1, 200, unit="ms", meaning="length of the fade at a jump")
    align_ms: float = define(10.0, 0, 50, unit="ms", meaning="how far a jump may shift to fit the waveform")
    stretch: str = define(
        "auto",
        choices=("off", "auto"),
        live=True,
        meaning="auto: plays the memory at your tempo where both tempos are reliable",
    )
    speed: float = define(
        1.0,
        0.7,
        1.4,
        live=True,
        meaning="playback speed where stretch does not apply, at the same pitch; 1: as recorded",
    )
    transpose: int = define(0, -12, 12, unit="semitones", live=True, meaning="transposition of the memory")
    match_key: str = define(
        "auto",
        choices=("off", "auto"),
        live=True,
        meaning="auto: moves each run by up to 2 more semitones either way, to what you play",
    )
    follow_level: float = define(0.0, 0, 1, live=True, meaning="0: the memory's level, 1: yours")
    gain_db: float = define(0.0, -60, 24, unit="dB", live=True, meaning="output gain")


@dataclass(frozen=True)
class LiveSection(_Section):
    """[live]: sound devices, hop and slack, presets."""

    hop: float = define(0.5, choices=(0.25, 0.35, 0.5), unit="s", meaning="time between two decisions")
    slack_ms: float = define(40.0, 0, 200, unit="ms", meaning="time to decide after a hop, before its answer begins")
    input: str = define("", meaning="input device; empty: the system's default")
    output: str = define("", meaning="output device; empty: the system's default")
    input_channels: str = define("1", meaning="input channels, counted from 1; of several, the mean")
    output_channels: str = define("1,2", meaning="output channels, counted from 1")
    client: str = define("antiphon", meaning="name of the JACK client")
    samplerate: int = define(0, 0, 192_000, unit="Hz", meaning="0: the device's default; else 8000 or more")
    scheduling: str = define(
        "realtime",
        choices=("realtime", "normal"),
        meaning="realtime: runs before other programs where the system permits it",
    )
    presets: str = define("presets.toml", names="file", meaning="file of the presets")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("input_channels", "output_channels"):
            if not CHANNELS.fullmatch(text := getattr(self, name)):
                raise ConfigError(f"{name} = {text!r}: expected channel numbers from 1, like '1' or '1,2'")
        if 0 < self.samplerate < 8000:
            raise ConfigError(f"samplerate = {self.samplerate}: expected 0 (the device's own) or 8000 to 192000 Hz")


@dataclass(frozen=True)
class OscSection(_OnNetwork):
    """[osc]: who may send commands, and who receives reports."""

    port: int = define(9000, 0, 65535, meaning="UDP port it listens on; 0 is off")
    host: str = define("127.0.0.1", meaning="address it listens on; 127.0.0.1 is this machine alone")
    allow: tuple[str, ...] = define((), kind=list, meaning="other machines that may send commands, like '192.168.1.7'")
    subscribers: tuple[str, ...] = define(
        ("127.0.0.1:9001",), kind=list, meaning="receivers of reports, as 'address:port'"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for subscriber in self.subscribers:
            host, _, port = subscriber.rpartition(":")
            if not is_address(host) or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
                raise ConfigError(f"subscribers = {subscriber!r}: expected address:port, like '127.0.0.1:9001'")


@dataclass(frozen=True)
class MidiSection(_Section):
    """[midi]: the MIDI input, and what its messages do."""

    port: str = define("", meaning="MIDI input, by (part of) its name; empty is none")
    map: Mapping[str, str] = define({}, kind=dict, meaning="'cc 1 64', 'note 1 60' or 'program 1 3' to a control")


@dataclass(frozen=True)
class FillSection(_Section):
    """[fill]: the missing part that is played over MIDI, in time with the MIDI clock of midi.port."""

    port: str = define("", meaning="MIDI output, by (part of) its name, 'virtual': one of its own; empty is none")
    channel: int = define(0, 0, 16, meaning="MIDI channel of the part; 0: 10 for drums, else 1")
    part: str = define("bass", meaning="the part that is missing, like bass, chords, melody or drums")
    say: str = define("", meaning="how it is to be played, like 'sparse, low, funk'; empty: as the model likes")
    beats: int = define(4, 1, 12, meaning="beats in a bar, which a MIDI clock does not say")
    lead: float = define(1.0, 0.25, 16, unit="beats", meaning="time before a bar at which it is written")


@dataclass(frozen=True)
class PageSection(_OnNetwork):
    """[page]: the address of the page, and who may open it."""

    port: int = define(0, 0, 65535, meaning="port of the page; 0 is off")
    host: str = define("127.0.0.1", meaning="address it is served on; 127.0.0.1 is this machine alone")
    allow: tuple[str, ...] = define((), kind=list, meaning="other machines that may open it, like '192.168.1.7'")


@dataclass(frozen=True)
class CoherenceSection(_Section):
    """[coherence]: the coherence meter, while playing on a device."""

    every: float = define(1.0, 0, 60, unit="s", meaning="time between two scores of the last 5 s; 0 is off")
    model: str = define("", names="model", meaning="folder of another meter; empty is the one of agent.model")


@dataclass(frozen=True)
class Config:
    """All settings, immutable: `change` returns a copy."""

    agent: AgentSection = dataclass_field(default_factory=AgentSection)
    perception: PerceptionSection = dataclass_field(default_factory=PerceptionSection)
    pulse: PulseSection = dataclass_field(default_factory=PulseSection)
    decision: DecisionSection = dataclass_field(default_factory=DecisionSection)
    action: ActionSection = dataclass_field(default_factory=ActionSection)
    live: LiveSection = dataclass_field(default_factory=LiveSection)
    osc: OscSection = dataclass_field(default_factory=OscSection)
    midi: MidiSection = dataclass_field(default_factory=MidiSection)
    fill: FillSection = dataclass_field(default_factory=FillSection)
    page: PageSection = dataclass_field(default_factory=PageSection)
    coherence: CoherenceSection = dataclass_field(default_factory=CoherenceSection)


SECTIONS: dict[str, type] = {
    "agent": AgentSection,
    "perception": PerceptionSection,
    "pulse": PulseSection,
    "decision": DecisionSection,
    "action": ActionSection,
    "live": LiveSection,
    "osc": OscSection,
    "midi": MidiSection,
    "fill": FillSection,
    "page": PageSection,
    "coherence": CoherenceSection,
}
GONE = {"decision.best_of": 1, "decision.reward": "proxy"}  # settings of earlier versions -> what is always done now
FIELDS: dict[str, Field] = {  # by "section.key"
    f"{section}.{key.name}": key.metadata["field"] for section, cls in SECTIONS.items() for key in fields(cls)
}


def read(path: str | Path | None = None, sets: Iterable[str] = ()) -> Config:
    """Defaults, then the file at `path` (None: none), then each of `sets` ("decision.top_p=0.8"); ConfigError."""
    config = Config()
    if path is not None:
        table = _parse_file(Path(path))
        for section, content in table.items():
            if isinstance(content, dict):
                table[section] = {
                    key: _located(f"{section}.{key}", value, Path(path).parent) for key, value in content.items()
                }
        config = from_table(table, str(path))
    for text in sets:
        name, value = _parse_set(text)
        config = change(config, name, _located(name, value, Path()), where=f"--set {text}")
    return config


def _located(name: str, value: Any, folder: Path) -> Any:
    """`value` of the setting `name`; where it names files, `~` is expanded and a relative path begins at `folder`."""
    field = FIELDS.get(name)
    if field is None or not field.names:
        return value
    if field.kind is list:
        return [_path(field.names, item, folder) for item in value] if isinstance(value, list) else value
    return _path(field.names, value, folder)


def _path(names: str, value: Any, folder: Path) -> Any:
    is_name = (names == "memory" and value == "demo") or (names == "model" and is_embedded_model(value))
    if is_name or not isinstance(value, str) or not value or "\0" in value:
        return value
    path = os.path.expanduser(value)
    return path if folder == Path() else str(folder / path)


def is_embedded_model(name: Any) -> bool:
    """Is it the name of a model that comes with Antiphon? "small" is, "./small" is a folder."""
    try:
        return Path(name).name == str(name) != "" and (EMBEDDED_MODELS / name / "model.json").is_file()
    except (OSError, TypeError, ValueError):  # too long for a name, no text, or with a NUL in it
        return False


def from_table(table: dict[str, Any], where: str = "settings") -> Config:
    """Build a Config from {section: {key: value}}, as TOML or a session log has it; `where` begins the errors.

    Settings that are gone are passed over where they ask for what is always done.
    """
    sections = {}
    for name, content in table.items():
        if name not in SECTIONS:
            raise ConfigError(f"{where}: no section [{name}]; {_hint(name, SECTIONS)}")
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: {name} = {content!r}: expected a section [{name}]")
        content = {key: value for key, value in content.items() if (f"{name}.{key}", value) not in GONE.items()}
        known = [key.name for key in fields(SECTIONS[name])]
        for key in content:
            if key not in known:
                raise ConfigError(f"{where} [{name}]: no setting '{key}'; {_hint(key, known)}")
        try:
            sections[name] = SECTIONS[name](**content)
        except ConfigError as error:
            raise ConfigError(f"{where} [{name}]: {error}") from None
    return Config(**sections)


def without_gone(table: dict[str, Any]) -> dict[str, Any]:
    """The same without the settings that are gone: of what an earlier version wrote, and decides no more."""
    return {
        name: {key: value for key, value in content.items() if f"{name}.{key}" not in GONE}
        if isinstance(content, dict)
        else content
        for name, content in table.items()
    }


def change(config: Config, name: str, value: Any, where: str = "settings") -> Config:
    """A copy with another value of the setting "section.key", checked like the file; `where` begins the ConfigError."""
    if name not in FIELDS:
        raise ConfigError(f"{where}: no setting '{name}'; {_hint(name, FIELDS)}")
    section, key = name.split(".")
    try:
        return replace(config, **{section: replace(getattr(config, section), **{key: value})})
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def as_table(config: Config) -> dict[str, dict[str, Any]]:
    """{section: {key: value}} in TOML's types; `from_table` makes the same Config of it."""
    return {
        section: {key: list(value) if isinstance(value, tuple) else value for key, value in content.items()}
        for section, content in asdict(config).items()
    }


def _hint(name: str, known: Iterable[str]) -> str:
    """The near miss, or all there is. 'top_p' finds 'decision.top_p'."""
    if any(gone.split(".")[1] == name.split(".")[-1] for gone in GONE):
        return "it is gone, as one plan is drawn for a hop and places are chosen by cost: leave it out"
    names = list(known)
    ends = [k for k in names if "." in k and k.split(".")[1] == name.split(".")[-1]]
    near = ends[:1] or get_close_matches(name, names, 1)
    if (
        not near
        and "." in name
        and (tail := get_close_matches(name.split(".")[-1], [k.split(".")[-1] for k in names], 1))
    ):
        near = [k for k in names if k.split(".")[-1] == tail[0]][:1]
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"


def _parse_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path).replace("\r\n", "\n"))
    except FileNotFoundError:
        raise ConfigError(f"there is no settings file '{path}': check its name, or leave out --config") from None
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read ({(error.strerror or '').lower()}): check its name") from None
    except TomlError as error:
        raise ConfigError(f"'{path}' cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"'{path}' is not TOML: {str(error)[:200]}; write settings as  key = value") from None


def _parse_set(text: str) -> tuple[str, Any]:
    """ "decision.top_p=0.8" -> ("decision.top_p", 0.8). Text needs no quotes here."""
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals:
        raise ConfigError(f"--set {text}: expected section.key=value, like decision.top_p=0.8")
    if name in FIELDS and FIELDS[name].kind is str and value[:1] not in ("'", '"'):
        return name, value
    try:
        parsed = tomllib.loads(f"value = {value}")
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return name, value
    return name, parsed["value"] if set(parsed) == {"value"} else value

"""What can be refused at once: before anything is imported that takes a minute to compile where there is no cache."""

from __future__ import annotations

from agent.settings.config import Config, ConfigError
from agent.verbs.paths import endpoint_kind


def check_guide(path: str, config: Config) -> None:
    """AudioError unless the recording can be read and is at least one hop long."""
    from corpora.audio import open_audio

    open_audio(path, config.live.hop, warn=False).close()


def check_endpoints(source: str, sink: str, config: Config) -> None:
    """AudioError or DeviceError unless the input file can be read and the sound devices asked for can be chosen."""
    kinds = endpoint_kind(source), endpoint_kind(sink)
    if kinds[0] == "file":
        check_guide(source, config)
    if "device" in kinds:
        from agent.devices import audio_device

        heard, spoken = (source if kinds[0] == "device" else None), (sink if kinds[1] == "device" else None)
        audio_device.choose(heard, spoken, config.live.samplerate, config.live.client)


def check_fill(config: Config) -> None:
    """FillError unless the missing part that is asked for is understood, ConfigError if there is no clock for it."""
    if config.fill.port:
        from decision import instruction

        instruction.read(config.fill.say or None, config.fill.part or None)
        if not config.midi.port:
            raise ConfigError("fill.port needs the clock and the notes of a MIDI input: name it with  --midi PORT")

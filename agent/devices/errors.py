"""Turns the errors of PortAudio and its sound systems into sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INVALID_SAMPLERATE = -9997  # paInvalidSampleRate
REMEDIES = {  # PaErrorCode -> what is wrong with the device, and what to do
    -9999: "is refused by its sound system{host}: is another program using it? Close that, or restart the sound system",
    -9998: "has not so many channels: choose fewer with live.input_channels and live.output_channels",
    INVALID_SAMPLERATE: "does not run at this rate: set live.samplerate = 0, or the device to another rate",
    -9996: "is no longer there: plug it in, or choose another one (antiphon devices  lists them)",
    -9994: "takes no 32-bit float samples: choose the same device in another sound system (antiphon devices)",
    -9993: "and the other side do not go together in one stream: choose both of one sound system",
    -9992: "finds no memory left: close other programs",
    -9989: "has no such buffer: let the sound system choose its block size",
    -9987: "does not answer in time: restart its sound system, or plug it in again",
    -9986: "has been stopped by its sound system: restart that, or plug the device in again",
    -9985: "is in use: close the program that plays through it",
    -9984: "is set up for another sound system: choose it by number (antiphon devices)",
    -9979: "belongs to a sound system that is not running: start it, or choose another device",
}
OTHERWISE = "cannot be used ({reason}): choose another device (antiphon devices), or restart the sound system"


class DeviceError(ValueError):
    """A sound device cannot be used; the sentence says why and what to do."""


class DeviceAbsentError(DeviceError):
    """There is no such device now."""


@contextmanager
def device_errors(module: Any, name: str) -> Iterator[None]:
    """Turn an error of PortAudio or the system inside the block into a DeviceError about the device `name`.

    module: `sounddevice`. Errors of other kinds are bugs of ours and pass.
    """
    try:
        yield
    except module.PortAudioError as error:
        raise device_error(name, error) from error
    except OSError as error:
        raise DeviceError(f"'{name}' " + OTHERWISE.format(reason=error.strerror or error)) from error


def device_error(name: str, error: Exception) -> DeviceError:
    """The DeviceError for a PortAudioError, whose args are (text[, PaErrorCode[, (host API, code, text)]])."""
    code = error.args[1] if len(error.args) > 1 else 0
    remedy = REMEDIES.get(code, OTHERWISE)
    kind = DeviceAbsentError if code == -9996 else DeviceError
    return kind(f"'{name}' " + remedy.format(reason=_words(error), host=_host(error)))


def _words(error: Exception) -> str:
    """The text of PortAudio, without its numbers."""
    text = str(error.args[0] if error.args else error)
    return text.split(": ", 1)[-1].rstrip(".")


def _host(error: Exception) -> str:
    """The text of the host API in brackets, "" if it gave none."""
    host_error = error.args[2] if len(error.args) > 2 else None
    text = str(host_error[2]).strip().rstrip(".") if host_error and len(host_error) > 2 else ""
    return f" ({text})" if text else ""

"""Loads PortAudio, names it on JACK, initialises it again, and abandons it where it would hang or abort.

PortAudio does not handle a JACK server that ends. `Pa_CloseStream` then waits ten minutes for a callback that no longer
comes, and `Pa_Terminate` ends the whole program by an assertion. Neither can be mended from outside, so neither is
called then: the old library stays loaded, with a thread that sleeps for ever, and a fresh copy of it is loaded, which
has no state. A client of our own on the server learns when the server ends; no other call to a dead server is safe.
"""

from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import shutil
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from agent.devices.errors import DeviceError

__all__ = ["DeviceError", "JackWatch", "abandon", "connect_loop", "jack_server", "reinitialise", "sounddevice"]

JACK = "JACK Audio Connection Kit"
JACK_NO_START_SERVER = 0x01
ALREADY_CONNECTED = 17  # EEXIST


def sounddevice() -> Any:
    """The module sounddevice, with PortAudio initialised; DeviceError if one of the two is absent."""
    try:
        import sounddevice as module
    except ImportError:
        raise DeviceError("sounddevice is absent: for a sound card  pip install sounddevice") from None
    except OSError:
        raise DeviceError("PortAudio is absent: for a sound card  apt install libportaudio2") from None
    atexit.unregister(module._exit_handler)  # it would abort if the JACK server has ended before us
    return module


class _Library:
    """The state of the loaded library, which PortAudio does not report."""

    lock = threading.RLock()
    original = ""  # file it was loaded from
    handle: Any = None  # of the copy in use, for functions that sounddevice does not declare
    name = ctypes.create_string_buffer(b"PortAudio")  # on JACK; kept here since PortAudio keeps only the pointer
    abandoned = False  # it must never be called again
    watch: JackWatch | None = None  # on the same JACK server


def reinitialise(client: str) -> Any:
    """Initialise PortAudio again, which lists the devices anew. No stream of ours may be open.

    client: our name on JACK. Returns the module `sounddevice`; DeviceError.
    """
    with _Library.lock:
        module = sounddevice()
        if _Library.handle is None:
            _Library.original = _where(module._libname)
            _Library.handle = ctypes.CDLL(_Library.original)
        if _Library.abandoned or (_Library.watch and not _Library.watch.server_lives):
            _load_copy(module)
        elif module._initialized:
            module._terminate()
        _Library.name = ctypes.create_string_buffer(client.encode())
        if set_client_name := getattr(_Library.handle, "PaJack_SetClientName", None):
            set_client_name(_Library.name)
        _quiet()
        # Not `_initialize`: it discards everything written to stderr meanwhile, also our own notices.
        if error := module._lib.Pa_Initialize():
            reason = module._ffi.string(module._lib.Pa_GetErrorText(error)).decode()
            raise DeviceError(f"PortAudio does not begin ({reason}): check the sound system of this machine")
        module._initialized += 1
        if not any(api["name"] == JACK for api in module.query_hostapis()):
            _Library.watch = None
        elif _Library.watch is None:
            _Library.watch = JackWatch(f"{client}-watch")
        return module


def abandon() -> None:
    """Mark the loaded library as never to be called again; the next `reinitialise` loads a fresh copy."""
    with _Library.lock:
        _Library.abandoned = True


def _where(name: str) -> str:
    """The file of a loaded library, whose name is short on Linux."""
    with suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            if "libportaudio" in line and "/" in line:
                return line[line.index("/") :].strip()
    return name


def _load_copy(module: Any) -> None:
    """Load a copy under another name, which has its own state. DeviceError if it cannot be written."""
    try:
        _load_copy_of(module)
    except OSError as error:
        raise DeviceError(
            f"PortAudio cannot be begun anew ({error.strerror or error}): make room for a temporary file, or play again"
        ) from error


def _load_copy_of(module: Any) -> None:
    with (
        open(_Library.original, "rb") as original,
        tempfile.NamedTemporaryFile(prefix="portaudio-", suffix=".so", delete=False) as copy,
    ):
        shutil.copyfileobj(original, copy)
    module._lib, module._initialized = module._ffi.dlopen(copy.name), 0
    _Library.handle, _Library.abandoned, _Library.watch = ctypes.CDLL(copy.name), False, None
    with suppress(OSError):  # a loaded file needs no name, except on Windows
        Path(copy.name).unlink()


@cache
def _libjack() -> Any:
    for name in ("libjack.so.0", ctypes.util.find_library("jack")):
        with suppress(OSError, TypeError):
            library = ctypes.CDLL(name)
            library.jack_client_open.restype = ctypes.c_void_p
            for call in ("jack_get_sample_rate", "jack_get_buffer_size"):
                getattr(library, call).argtypes = [ctypes.c_void_p]
            library.jack_connect.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
            library.jack_on_shutdown.argtypes = [ctypes.c_void_p] * 3
            return library
    return None


def _quiet() -> None:
    """Keep JACK and ALSA from printing that no server runs or no card is there, which we report ourselves.

    The function given to them must not be Python, since the audio thread calls it; `atoi` has no effect.
    """
    with suppress(OSError, AttributeError, TypeError):
        ignore = ctypes.CDLL(None).atoi
        if library := _libjack():
            library.jack_set_error_function(ignore)
            library.jack_set_info_function(ignore)
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(ignore)


@cache
def _shutdown_callback() -> Any:
    """The function that libjack calls, from a thread of its own, when its server ends; compiled, no Python."""
    from numba import carray, cfunc, types

    @cfunc(types.void(types.voidptr))
    def server_ended(flag):
        carray(flag, 1, np.int64)[0] = 1

    return server_ended


class JackWatch:
    """A client without ports on the JACK server; it learns when the server ends, and its rate and period."""

    def __init__(self, name: str):
        self.library, self.client, self._server_ended = _libjack(), None, np.zeros(1, np.int64)
        if self.library:
            self.client = self.library.jack_client_open(name.encode(), JACK_NO_START_SERVER, None)
        if self.client:
            self.library.jack_on_shutdown(self.client, _shutdown_callback().address, self._server_ended.ctypes.data)

    @property
    def server_lives(self) -> bool:
        """Whether the server still runs; True if there is no libjack."""
        return not self._server_ended[0]


def jack_server() -> tuple[int, int] | None:
    """(sample rate in Hz, period in samples) of the JACK server that `reinitialise` found, None if there is none."""
    watch = _Library.watch
    if watch is None or not watch.client or not watch.server_lives:
        return None
    return watch.library.jack_get_sample_rate(watch.client), watch.library.jack_get_buffer_size(watch.client)


def connect_loop(output: int, input: int) -> bool:
    """Connect our own output port to our own input port, counted from 0; False if that is not possible."""
    watch, name = _Library.watch, ctypes.c_char_p()
    if watch is None or not watch.client or not watch.server_lives:
        return False
    if _Library.handle.PaJack_GetClientName(ctypes.byref(name)) or not name.value:
        return False
    source, sink = name.value + b":out_%d" % output, name.value + b":in_%d" % input
    return watch.library.jack_connect(watch.client, source, sink) in (0, ALREADY_CONNECTED)

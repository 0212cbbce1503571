"""OSC 1.0 packets to values and back, without a socket; bytes that are no packet raise `PacketError`, soon.

It is our own because the common parsers trust what they read: a bundle element of negative size, an address pattern or
a distant time tag stops some of them for good, and a type that they do not know shifts the values after it. Here a
message is understood in whole or refused in whole.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable
from typing import Any

MAX_BUNDLE_DEPTH = 8
BUNDLE = b"#bundle\0"
NTP_TO_UNIX_S = 2_208_988_800  # seconds from 1900, where time tags begin, to 1970
NUMBERS = {"i": (">i", 4), "f": (">f", 4), "h": (">q", 8), "d": (">d", 8)}
OPAQUE_SIZES = {"t": 8, "r": 4, "m": 4}  # bytes that no control takes, but that must be stepped over
CONSTANTS = {"T": True, "F": False, "N": None, "I": None}
LARGEST_FLOAT32 = 3.4028234e38  # as 32 bit

Message = tuple[float | None, str, list[Any]]  # time tag (s since 1970; None: at once), address, values


class PacketError(ValueError):
    """Bytes that are no OSC packet, or one that is not understood."""


def decode(packet: bytes, depth: int = MAX_BUNDLE_DEPTH, time_tag: float | None = None) -> list[Message]:
    """All messages of a packet in their order; PacketError if any part of it is not understood.

    Whole numbers become int, numbers float, text str (UTF-8, else Latin-1), T and F bool; what no control takes
    becomes bytes or None, each at its place. A lone N or I is a bang: no value.
    """
    if not packet or len(packet) % 4:
        raise PacketError(f"a packet of {len(packet)} bytes, expected a multiple of 4")
    if packet[:1] == b"/":
        return [(time_tag, *_message(packet))]
    if packet[:8] != BUNDLE or len(packet) < 16:
        raise PacketError("neither a message nor a bundle")
    if depth == 0:
        raise PacketError(f"bundles nested more than {MAX_BUNDLE_DEPTH} deep")
    time_tag, messages, at = _time_tag(packet), [], 16
    while at < len(packet):
        size = struct.unpack_from(">i", packet, at)[0]
        if size <= 0 or size % 4 or at + 4 + size > len(packet):
            raise PacketError(f"a bundle element of {size} bytes")
        messages += decode(packet[at + 4 : at + 4 + size], depth - 1, time_tag)
        at += 4 + size
    return messages


def _time_tag(packet: bytes) -> float | None:
    """Unix time of a bundle, in the era nearest to now: the seconds of time tags begin anew in 2036."""
    seconds, fraction = struct.unpack_from(">II", packet, 8)
    if seconds == 0 and fraction <= 1:
        return None
    unix = seconds - NTP_TO_UNIX_S + fraction / 2**32
    return unix + 2**32 if unix < time.time() - 2**31 else unix


def _message(packet: bytes) -> tuple[str, list[Any]]:
    address, at = _text(packet, 0)
    if at == len(packet):  # some old senders leave out the types where there are no values
        return address, []
    types, at = _text(packet, at)
    if types[:1] != ",":
        raise PacketError("a message without types")
    if types in (",N", ",I"):
        return address, []
    values = []
    for letter in types[1:]:
        value, at = _value(letter, packet, at)
        values.append(value)
    if at != len(packet):
        raise PacketError(f"{len(packet) - at} bytes more than its types {types[:20]} hold")
    return address, values


def _value(letter: str, packet: bytes, at: int) -> tuple[Any, int]:
    """The value of this type at `at`, and where the next one begins."""
    if letter in NUMBERS:
        form, size = NUMBERS[letter]
        if at + size > len(packet):
            raise PacketError("it ends within a number")
        return struct.unpack_from(form, packet, at)[0], at + size
    if letter in "sS":
        return _text(packet, at)
    if letter in CONSTANTS:
        return CONSTANTS[letter], at
    if letter == "c":
        code, at = _value("i", packet, at)
        return chr(code & 0x7F), at
    if letter == "b":
        size, at = _value("i", packet, at)
        if size < 0 or at + size > len(packet):
            raise PacketError(f"a blob of {size} bytes")
        return packet[at : at + size], at + size + -size % 4
    if letter in OPAQUE_SIZES:
        size = OPAQUE_SIZES[letter]
        if at + size > len(packet):
            raise PacketError("it ends within a value")
        return packet[at : at + size], at + size
    raise PacketError(f"a value of the unknown type '{letter if letter.isprintable() else '?'}'")


def _text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.find(b"\0", at)
    if end < 0:
        raise PacketError("it ends within a text")
    raw = packet[at:end]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text, end + 4 - end % 4


def encode(address: str, values: Iterable[Any]) -> bytes:
    """A message of int (32 bit), float (32 bit) and str: the three kinds that every peer understands.

    Numbers too large become the largest there is and NaN 0, since a peer may stop at either.
    """
    types, body = ",", b""
    for value in values:
        if isinstance(value, str):
            types += "s"
            body += _padded(value)
        elif isinstance(value, int):
            types += "i"
            body += struct.pack(">i", max(-(2**31), min(2**31 - 1, value)))
        else:
            types += "f"
            body += struct.pack(">f", max(-LARGEST_FLOAT32, min(LARGEST_FLOAT32, value)) if value == value else 0.0)
    return _padded(address) + _padded(types) + body


def _padded(text: str) -> bytes:
    raw = text.replace("\0", "").encode(errors="replace")
    return raw + b"\0" * (4 - len(raw) % 4)

"""How many bytes of sound an audio file really holds, whatever its header says, and what libsndfile must see for it.

libsndfile believes some headers and not others: a WAV written to a pipe has a length of 0 and is read as empty, a W64
is read to the end of the file over all chunks that follow the sound, the length of an MP3 is guessed from its size.
`examine` compares what the header counts with what the bytes hold and returns a `Repair`: the bytes to change in the
view of the file that libsndfile is given (the file itself is never written), and what a user should know.

Sources: RIFF, RF64 (EBU Tech 3306), W64 (Sony), AIFF (Apple), AU (Sun), CAF (Apple), FLAC (RFC 9639), Ogg (RFC 3533),
MPEG audio (ISO 11172-3) with the Xing header.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FLAC_TAIL = 1 << 18  # bytes at the end of a FLAC in which its last frame begins
MPEG_SEARCH = 1 << 16  # bytes in which the first MPEG frame is looked for


@dataclass(frozen=True)
class Repair:
    """What libsndfile is shown instead of the file, so that it reads all the sound that is there.

    prefix: bytes put before the file · edits: {offset in the file: bytes that replace those there} · start, end:
    offsets before and after which nothing is read, end None for the end of the file · share: length that the header
    gives / length held, if they differ and the header does not just leave it open · remark: what else there is to
    know, a clause.
    """

    prefix: bytes = b""
    edits: dict[int, bytes] = field(default_factory=dict)
    end: int | None = None
    share: float | None = None
    remark: str = ""
    start: int = 0


class View(io.RawIOBase):
    """A file as `Repair` wants it seen; read only."""

    def __init__(self, file: Any, repair: Repair):
        super().__init__()
        self._file, self._repair, self._at = file, repair, 0
        end = _size(file) if repair.end is None else repair.end
        self._size = len(repair.prefix) + end - repair.start

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file."""
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError(f"seek to {at}")
        self._at = at
        return at

    def tell(self) -> int:
        """As of a file."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """As of a file."""
        wanted = memoryview(buffer).cast("B")
        data = self._bytes(min(len(wanted), max(0, self._size - self._at)))
        wanted[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _bytes(self, count: int) -> bytes:
        prefix = self._repair.prefix
        first = prefix[self._at : self._at + count]
        start = self._repair.start + max(0, self._at - len(prefix))
        self._file.seek(start)
        data = bytearray(self._file.read(count - len(first)))
        for offset, changed in self._repair.edits.items():
            for i, value in enumerate(changed, offset - start):
                if 0 <= i < len(data):
                    data[i] = value
        return first + bytes(data)


def examine(file: Any) -> Repair:
    """Compare the length that the header of a file opened for reading gives with the bytes that follow it.

    OSError where the disk fails. What is unknown or damaged beyond recognition is left to libsndfile.
    """
    base = _id3_size(file)
    head = _at(file, base, 64)
    try:
        if head[:4] == b"fLaC":
            return _flac(file, base)
        if head[:4] == b"OggS":
            return _ogg(file, base)
        if head[:4] == b".snd":
            return _chunk(
                file, Chunk(8, ">I", struct.unpack_from(">I", head, 4)[0], *struct.unpack_from(">I", head, 8))
            )
        if head[:2] == b"\xf0\x7e" and len(head) >= 21:
            return _sample_dump(file)
        for grammar in GRAMMARS:
            if head.startswith(grammar.magic) and (not grammar.kinds or head[8:12] in grammar.kinds):
                return _chunked(file, grammar)
        return _mpeg(file, base)
    except struct.error:  # the file ends in the middle of its header
        return Repair()


def _size(file: Any) -> int:
    return int(file.seek(0, io.SEEK_END))


def _at(file: Any, offset: int, count: int) -> bytes:
    file.seek(offset)
    return bytes(file.read(count))


def _id3_size(file: Any) -> int:
    """Bytes of an ID3v2 tag before the sound; 0 without one."""
    head = _at(file, 0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:  # seven bits each
        size = size << 7 | byte & 127
    return 10 + size


# --- PCM: chunks with a size ----------------------------------------------------------------------------------------


class Grammar(NamedTuple):
    """How a container's chunks are written."""

    magic: bytes
    kinds: tuple[bytes, ...]  # what may stand at byte 8, any if empty
    first: int  # offset of the first chunk
    head: str  # of a chunk, identifier and size, as `struct` writes it
    sound: bytes  # identifier of the chunk that holds the sound
    inner: int = 0  # bytes of that chunk before the sound
    align: int = 2  # chunks begin at a multiple of so many bytes
    inclusive: bool = False  # the size counts the chunk's head too


_W64 = bytes.fromhex("f3acd3118cd100c04f8edb8a")
GRAMMARS = (
    Grammar(b"RIFF", (b"WAVE",), 12, "<4sI", b"data"),
    Grammar(b"RIFX", (b"WAVE",), 12, ">4sI", b"data"),
    Grammar(b"RF64", (b"WAVE",), 12, "<4sI", b"data"),
    Grammar(b"FORM", (b"AIFF", b"AIFC"), 12, ">4sI", b"SSND", inner=8),
    Grammar(b"caff", (), 8, ">4sq", b"data", inner=4, align=1),
    Grammar(b"riff", (), 40, "<16sQ", b"data" + _W64, align=8, inclusive=True),
)


class Chunk(NamedTuple):
    """The sound of a file, and where its size is written."""

    field: int  # offset of the size
    form: str  # of the size, as `struct` writes it
    start: int  # offset of the first byte of sound
    size: int  # bytes of sound that the header counts; < 0 or all bits set: it does not say
    extra: int = 0  # what the field counts besides the sound


def _chunked(file: Any, grammar: Grammar) -> Repair:
    """Find the chunk of sound of a file with chunks, and examine it."""
    at, total, order, wide = grammar.first, _size(file), grammar.head[0], None
    length = struct.calcsize(grammar.head)
    while at + length <= total:
        name, size = struct.unpack(grammar.head, _at(file, at, length))
        extra = grammar.inner + (length if grammar.inclusive else 0)
        if name == b"ds64":
            wide = Chunk(at + length + 8, "<Q", 0, struct.unpack("<Q", _at(file, at + length + 8, 8))[0])
        if name == grammar.sound:
            form = order + grammar.head[-1]
            chunk = Chunk(at + length - struct.calcsize(form), form, at + length + grammar.inner, size - extra, extra)
            if wide is not None and size == 0xFFFFFFFF:
                chunk = wide._replace(start=chunk.start)
            return _chunk(file, chunk, grammar)
        at = _next(grammar, at, size)
    return Repair()


def _next(grammar: Grammar, at: int, size: int) -> int:
    """Where the chunk after the one at `at` begins."""
    end = at + size + (0 if grammar.inclusive else struct.calcsize(grammar.head))
    return end + -end % grammar.align


def _chunk(file: Any, chunk: Chunk, grammar: Grammar | None = None) -> Repair:
    """Compare the size of a chunk of sound with what follows it in the file."""
    bytes_there = _size(file) - chunk.start
    most = 256 ** struct.calcsize(chunk.form) - 1
    unknown = chunk.size + chunk.extra <= chunk.extra or chunk.size + chunk.extra in (most, -1)
    if bytes_there <= 0 or (chunk.size == 0 and grammar and _chunks_follow(file, grammar, chunk.start)):
        return Repair()
    if unknown or chunk.size > bytes_there:
        stored = min(bytes_there + chunk.extra, most)
        edits = {chunk.field: struct.pack(chunk.form, stored)}
        streamed = (
            unknown or chunk.size >= 0x7FFF0000 > bytes_there
        )  # what programs write that cannot go back to the header
        return Repair(edits=edits, share=None if streamed else chunk.size / bytes_there)
    end = chunk.start + chunk.size
    if _size(file) - end <= 1 or (grammar and _chunks_follow(file, grammar, end + -end % grammar.align)):
        return Repair(end=end if grammar and grammar.inclusive else None)
    return Repair(
        end=end if grammar and grammar.inclusive else None,
        remark=f"{_size(file) - end} bytes follow the sound that its header counts, they are not read",
    )


def _chunks_follow(file: Any, grammar: Grammar, at: int) -> bool:
    """Whether there are only whole chunks from `at` to the end of the file."""
    total, length, count = _size(file), struct.calcsize(grammar.head), 0
    while at + length <= total:
        name, size = struct.unpack(grammar.head, _at(file, at, length))
        if not re.fullmatch(rb"[ -~]{4}", name[:4]) or size < (length if grammar.inclusive else 0):
            return False
        at, count = _next(grammar, at, size), count + 1
    return count > 0 and at - total <= grammar.align


# --- FLAC -----------------------------------------------------------------------------------------------------------


def _flac(file: Any, base: int) -> Repair:
    """Put the end of the last whole frame where the header gives the number of samples, which may be 0 or wrong."""
    where = base + 4 + 4 + 10  # after "fLaC", the head of STREAMINFO, and the sizes of blocks and frames
    packed = int.from_bytes(_at(file, where, 8), "big")
    claimed, block = packed & (1 << 36) - 1, int.from_bytes(_at(file, base + 8, 2), "big")
    frames, end = _last_flac_frame(file, block, claimed)
    if frames <= 0:  # no frame is recognised: whether there is sound is for libsndfile to find out
        return Repair()
    edits = {} if claimed == frames else {where: (packed >> 36 << 36 | frames).to_bytes(8, "big")}
    return Repair(edits=edits, end=end, share=claimed / frames if claimed and edits else None)


def _last_flac_frame(file: Any, block: int, claimed: int) -> tuple[int, int]:
    """(samples per channel up to the end of the last whole frame, offset of its end); (0, 0) if there is none.

    Sound may contain the bytes of a header by chance, check sum and all: of 2 s of noise about one file in 1,000 does.
    So a frame counts only where its own check sum says that it is whole: up to the end of the file or of what is
    claimed, or up to the header of the frame that goes on where it ends.
    """
    total = _size(file)
    start = max(0, total - FLAC_TAIL)
    tail = _at(file, start, FLAC_TAIL)
    at, later = len(tail), list[tuple[int, int]]()  # (first sample, offset in the tail) of headers after this one
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        frame = _flac_frame(tail[at : at + 16], block)
        if frame is None:
            continue
        first, after = frame
        ends = _crc16_zeros(tail[at:])
        for end in ends:
            if after == claimed or at + end == len(tail) or tail[at + end : at + end + 3] == b"TAG":
                return after, start + at + end
        if any(first_of_next == after and where - at in ends for first_of_next, where in later):
            return after, start + next(where for first_of_next, where in later if first_of_next == after)
        later.append((first, at))
    return 0, 0


def _crc16_zeros(data: bytes) -> list[int]:
    """After how many bytes the check sum of a frame (polynomial 0x8005) is right, the longest first."""
    crc, zeros = 0, []
    for count, byte in enumerate(data, 1):
        crc = (crc << 8 ^ _CRC16[crc >> 8 ^ byte]) & 0xFFFF
        if crc == 0:
            zeros.append(count)
    return zeros[::-1]


def _flac_frame(head: bytes, block: int) -> tuple[int, int] | None:
    """(first sample, first sample after it) of the frame with this header (RFC 9639, 9.1); None if it is no header."""
    if len(head) < 6 or head[:1] != b"\xff" or head[1] not in (0xF8, 0xF9):
        return None
    ones = 8 - (head[4] ^ 255).bit_length()  # the number is coded as UTF-8 does, up to 36 bits
    count = max(1, ones)
    number = head[4] & (127 if ones == 0 else (1 << max(0, 7 - ones)) - 1)
    for byte in head[5 : 4 + count]:
        number = number << 6 | byte & 63
    code, at = head[2] >> 4, 4 + count
    size = _FLAC_BLOCKS[code]
    if code in (6, 7):
        size = int.from_bytes(head[at : at + code - 5], "big") + 1
        at += code - 5
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if size == 0 or at >= len(head) or _crc8(head[:at]) != head[at]:
        return None
    first = number if head[1] & 1 else number * block
    return first, first + size


_FLAC_BLOCKS = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)  # by code


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _remainder((crc ^ byte) & 255, 8, 0x107)
    return crc


def _remainder(byte: int, width: int, polynomial: int) -> int:
    """Of a check sum of so many bits, after one more byte."""
    crc = byte << (width - 8)
    for _ in range(8):
        crc = crc << 1 ^ polynomial if crc >> (width - 1) & 1 else crc << 1
    return crc


_CRC16 = [_remainder(byte, 16, 0x18005) for byte in range(256)]
_CRC32 = [_remainder(byte, 32, 0x104C11DB7) for byte in range(256)]


# --- Ogg ------------------------------------------------------------------------------------------------------------


def _ogg(file: Any, base: int) -> Repair:
    """Show libsndfile the whole pages of the first stream only; the last one tells how long it is."""
    pages, closed = [], False
    for start, stop, flags in _ogg_pages(file, base):
        if flags & 2 and closed:  # another stream begins after the first has ended
            return Repair(end=start, remark="another recording follows in the same file, only the first is read")
        pages.append((start, stop))
        closed = bool(flags & 4)
    whole = len(pages)
    while whole and _crc32(_at(file, pages[whole - 1][0], pages[whole - 1][1] - pages[whole - 1][0])):
        whole -= 1
    if not whole:
        return Repair()
    end, cut = pages[whole - 1][1], whole < len(pages) or not closed
    return Repair(end=end, remark="it was cut off or damaged before its end" if cut else "")


def _crc32(page: bytes) -> int:
    """0 if the check sum of a page (polynomial 0x04c11db7) is right."""
    stored, crc = int.from_bytes(page[22:26], "little"), 0
    for byte in page[:22] + bytes(4) + page[26:]:
        crc = (crc << 8 ^ _CRC32[crc >> 24 ^ byte]) & 0xFFFFFFFF
    return crc ^ stored


def _ogg_pages(file: Any, at: int) -> Iterator[tuple[int, int, int]]:
    """(first byte, byte after it, flags) of every whole page."""
    total = _size(file)
    while at + 27 <= total:
        head = _at(file, at, 27)
        if head[:4] != b"OggS":
            skipped = _at(file, at, 1 << 17).find(b"OggS")
            if skipped < 0:
                return
            at += skipped
            continue
        stop = at + 27 + head[26] + sum(_at(file, at + 27, head[26]))
        if stop > total:
            return
        yield at, stop, head[5]
        at = stop


# --- MPEG -----------------------------------------------------------------------------------------------------------

_KBIT = {  # (MPEG 1, layer) -> kbit/s by index
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_XING_BYTES = 120  # size of a frame that holds a Xing header with the number of frames and nothing else


def _mpeg(file: Any, base: int) -> Repair:
    """Count the frames, and put the number where libsndfile looks for it: it guesses the length otherwise."""
    data = _at(file, base, _size(file))
    start = _first_mpeg_frame(data)
    first = data[start : start + 2048]
    side = _side_bytes(first) if start >= 0 else 0
    if start < 0 or first[36:40] == b"VBRI":
        return Repair()
    named = first[4 : 8 + side] in (bytes(side) + b"Xing", bytes(side) + b"Info")
    count = _count_mpeg_frames(data, start) - named
    flags, claimed, stored = struct.unpack_from(">III", first, 8 + side) if named else (0, 0, 0)
    if not flags & 1:  # no length: hide a header without it, and put one with it in its place
        start += _mpeg_frame_size(first) if named else 0
        frame = bytes([*first[:2], first[2] & 0x0D | _fitting_rate(first), first[3]])
        info = bytes(side) + b"Xing" + struct.pack(">II", 1, count)
        return Repair(prefix=(frame + info).ljust(_mpeg_frame_size(frame), b"\0"), start=base + start)
    at, size = base + start + 12 + side, len(data) - start
    edits = {at: struct.pack(">I", count)}
    if flags & 2:  # bytes of the stream; libmpg123 prints a warning if they are wrong
        edits[at + 4] = struct.pack(">I", min(size, 2**32 - 1))
    right = claimed == count or (claimed == count + 1 and flags & 2 and stored == size)  # some count their header too
    return Repair(edits=edits, share=None if right or not count else claimed / count, start=base + start)


def _first_mpeg_frame(data: bytes) -> int:
    """Offset of the first frame of layer III: another follows it, or, after what is none, three; -1 without one."""
    at = 0
    while 0 <= at < MPEG_SEARCH:
        end = at
        for _ in range(4 if at else 2):
            size = _mpeg_frame_size(data[end : end + 4])
            if not size or data[end + 1] >> 1 & 3 != 1 or _same_stream(data[at:]) != _same_stream(data[end:]):
                break
            end += size
            if end >= len(data) and at == 0:
                return 0
        else:
            return at
        at = data.find(b"\xff", at + 1)
    return -1


def _mpeg_frame_size(head: bytes) -> int:
    """Bytes of the MPEG audio frame that begins with these; 0 if they begin none (free format too)."""
    if len(head) < 4 or head[0] != 255 or head[1] < 224:
        return 0
    version, layer, index, rate = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3), head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or index in (0, 15) or rate == 3:
        return 0
    hertz = (44100, 48000, 32000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = 1000 * _KBIT[version == 3, layer][index - 1]
    if layer == 1:
        return (12 * bits // hertz + (head[2] >> 1 & 1)) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + (head[2] >> 1 & 1)


def _side_bytes(head: bytes) -> int:
    """Bytes between the header of a layer III frame and its Xing header."""
    mono, mpeg1 = head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
    return (17 if mono else 32) if mpeg1 else (9 if mono else 17)


def _fitting_rate(head: bytes) -> int:
    """Bits of the smallest bit rate whose frame holds a Xing header."""
    for index in range(1, 15):
        if _mpeg_frame_size(bytes([head[0], head[1], head[2] & 0x0D | index << 4, head[3]])) >= _XING_BYTES:
            return index << 4
    return 0xE0


def _same_stream(head: bytes) -> tuple[int, int]:
    """What all frames of a stream have in common: version and layer, and the sample rate."""
    return head[1] & 0xFE, head[2] & 0x0C


def _count_mpeg_frames(data: bytes, at: int) -> int:
    """Whole frames from `at` on; what is none between two of them is passed over."""
    stream, count = _same_stream(data[at : at + 4]), 0
    while 0 <= at <= len(data) - 4:
        size = _mpeg_frame_size(data[at : at + 4])
        if size and at + size <= len(data) and _same_stream(data[at : at + 4]) == stream:
            at, count = at + size, count + 1
        else:
            at = data.find(b"\xff", at + 1)
    return count


# --- MIDI sample dump -----------------------------------------------------------------------------------------------


def _sample_dump(file: Any) -> Repair:
    """Count the packets: libsndfile fills up with what it read last."""
    head = _at(file, 0, 21)
    claimed_samples = head[10] | head[11] << 7 | head[12] << 14
    samples_there = (_size(file) - 21) // 127 * (60, 40, 30)[min(2, max(0, (head[6] - 8) // 7))]
    if claimed_samples <= samples_there:
        return Repair()
    length = bytes([samples_there & 127, samples_there >> 7 & 127, samples_there >> 14 & 127])
    return Repair(edits={10: length}, share=claimed_samples / samples_there if samples_there else None)

"""An input is never silently shorter or longer than what its bytes hold, whatever its header says."""

import os
import struct
from functools import cache

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from corpora import containers
from corpora.audio import AudioError, open_audio
from corpora.corpus import info, load
from tests.conftest import melody

MANY = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
RATE, SAMPLES = 16000, 30_011
UNREADABLE = {"RAW", "SD2", "XI"}  # no header, a resource fork, a length that must be known beforehand
FORMATS = sorted(set(sf.available_formats()) - UNREADABLE)
COUNTED = ["AIFF", "AU", "CAF", "FLAC", "MP3", "RF64", "W64", "WAV", "WAVEX"]  # their headers give a length
LOSSY = {"MP3", "OGG"}
SOUND = np.random.default_rng(0).normal(0, 0.1, SAMPLES).astype(np.float32)
LENGTHS = [  # container, what stands before the field, bytes between, how it is written, what it counts
    ("WAV", b"data", 0, "<I", 2),
    ("WAVEX", b"data", 0, "<I", 2),
    ("AIFF", b"SSND", 0, ">I", 2),
    ("AIFF", b"COMM", 6, ">I", 1),
    ("AU", b".snd", 4, ">I", 2),
    ("CAF", b"data", 0, ">Q", 2),
    ("W64", b"data", 12, "<Q", 2),
    ("RF64", b"ds64", 12, "<Q", 2),
    ("RF64", b"ds64", 20, "<Q", 1),
    ("MP3", b"Xing", 4, ">I", 1 / 1152),
    ("MP3", b"Xing", 8, ">I", 1),
]


@cache
def encoded(container: str) -> bytes:
    """The sound in a container, as libsndfile writes it to a file."""
    path = f"{os.environ['PYTEST_TMP']}/{container}"
    sf.write(path, SOUND, 8000 if container == "WVE" else RATE, format=container)
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture(autouse=True)
def _folder(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path_factory.getbasetemp()))


def read(path, data: bytes):
    """(samples, remark) of a file with these bytes; (None, the sentence) if it is refused."""
    path.write_bytes(data)
    try:
        with open_audio(path) as file:
            sound = file.read()
            assert len(sound) == file.frames
            return sound, file.remark
    except AudioError as error:
        assert "\n" not in str(error)
        return None, str(error)


@cache
def intact(container: str) -> np.ndarray:
    """What the undamaged file holds."""
    with sf.SoundFile(f"{os.environ['PYTEST_TMP']}/{container}") as file:
        return file.read(dtype="float32")


def assert_nothing_is_silent(path, container: str, data: bytes, said: bool = True) -> None:
    """All of the sound; or its beginning, or more than it, with a remark; or a refusal."""
    sound, remark = read(path, data)
    whole = (encoded(container), intact(container))[1]
    if sound is None:
        return
    assert len(sound) == len(whole) or remark or not said
    if container not in LOSSY:
        shared = min(len(sound), len(whole))
        np.testing.assert_array_equal(sound[:shared], whole[:shared])


@pytest.mark.parametrize("container", FORMATS)
def test_an_undamaged_file_is_read_whole_and_without_a_remark(tmp_path, container):
    sound, remark = read(tmp_path / "x", encoded(container))
    assert remark == ""
    np.testing.assert_allclose(sound, intact(container), atol=1e-6 if container in LOSSY else 0)
    assert len(sound) == SAMPLES or container == "MP3"


@pytest.mark.parametrize("container", FORMATS)
@settings(MANY, max_examples=40)
@given(share=st.floats(0, 1))
def test_a_file_that_was_cut_off(tmp_path, container, share):
    data = encoded(container)
    assert_nothing_is_silent(tmp_path / "x", container, data[: int(share * len(data))], container in [*COUNTED, "OGG"])


@pytest.mark.parametrize("container", [*COUNTED, "OGG"])
@settings(MANY, max_examples=40)
@given(junk=st.binary(max_size=200), times=st.integers(1, 30))
def test_bytes_that_follow_the_sound(tmp_path, container, junk, times):
    assert_nothing_is_silent(tmp_path / "x", container, encoded(container) + junk * times)


@pytest.mark.parametrize(("container", "mark", "gap", "form", "width"), LENGTHS)
@MANY
@given(st.data())
def test_a_length_in_the_header_that_is_wrong(tmp_path, container, mark, gap, form, width, data):
    right, most = int(SAMPLES * width), 256 ** struct.calcsize(form) - 1
    near = st.integers(0, 3 * right + 2)
    length = data.draw(near | st.integers(0, most) | st.sampled_from([0, right // 2, 2 * right, most, most // 2]))
    changed = bytearray(encoded(container))
    struct.pack_into(form, changed, changed.index(mark) + len(mark) + gap, length)
    assert_nothing_is_silent(tmp_path / "x", container, bytes(changed))


@MANY
@given(length=st.integers(0, 3 * SAMPLES) | st.integers(0, 2**36 - 1) | st.sampled_from([0, SAMPLES // 2, 2**36 - 1]))
def test_a_length_in_a_flac_header_that_is_wrong(tmp_path, length):
    changed = bytearray(encoded("FLAC"))
    packed = int.from_bytes(changed[18:26], "big") >> 36 << 36 | length
    changed[18:26] = packed.to_bytes(8, "big")
    sound, remark = read(tmp_path / "x", bytes(changed))
    np.testing.assert_array_equal(sound, intact("FLAC"))
    assert bool(remark) == (length not in (0, SAMPLES))


@pytest.mark.parametrize("seed", [792, 801, 3272])
def test_sound_that_looks_like_the_header_of_a_frame(tmp_path, seed):
    """In these three of 4,000 files of noise, bytes in the last frame pass for a header, check sum and all."""
    noise = np.random.default_rng(seed).uniform(-1, 1, 32000)
    sf.write(tmp_path / "noise.flac", noise, 16000, subtype="PCM_16")
    with open(tmp_path / "noise.flac", "rb") as file:
        assert not containers.examine(file).edits
    content = (tmp_path / "noise.flac").read_bytes()
    sound, remark = read(tmp_path / "cut.flac", content[:-3000])
    assert remark and 0 < len(sound) < 32000 and np.abs(sound - noise[: len(sound)]).max() < 2 / 32768


@pytest.mark.parametrize("container", [*COUNTED, "OGG"])
@MANY
@given(place=st.integers(0, 255), value=st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255))
def test_any_byte_of_a_header(tmp_path, container, place, value):
    """What is read is as long as the sound, or there is a remark, unless the file became one of another kind.

    Where the sound begins is not counted: in AIFF and AU it may do so later than it must.
    """
    assume((container, place & ~3) not in {("AIFF", 48), ("AU", 4)})
    changed = bytearray(encoded(container))
    changed[place] = value
    (tmp_path / "x").write_bytes(changed)
    try:
        kinds = [
            (file.samplerate, file.channels, file.subtype, file.endian)
            for file in map(sf.SoundFile, (tmp_path / "x", base(container)))
        ]
    except sf.SoundFileError:
        return
    if kinds[0] == kinds[1]:
        sound, remark = read(tmp_path / "x", bytes(changed))
        trimmed = 2 * 4095 if container == "MP3" else 0  # samples, what its header may have cut off at both ends
        assert sound is None or abs(len(sound) - len(intact(container))) <= trimmed or remark


def base(container: str) -> str:
    """The undamaged file."""
    encoded(container)
    return f"{os.environ['PYTEST_TMP']}/{container}"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_from_a_pipe_leaves_its_length_open(tmp_path, size):
    changed = bytearray(encoded("WAV"))
    struct.pack_into("<I", changed, 4, size)
    struct.pack_into("<I", changed, 40, max(0, size - 36))
    sound, remark = read(tmp_path / "x", bytes(changed))
    np.testing.assert_array_equal(sound, intact("WAV"))
    assert remark == ""


@pytest.mark.parametrize(
    ("container", "chunk"),
    [
        ("WAV", b"LIST\x05\0\0\0abcde\0id3 \x02\0\0\0ab"),
        ("AIFF", b"NAME\0\0\0\x04tape"),
        ("CAF", b"info\0\0\0\0\0\0\0\x04\0\0\0\0"),
        ("W64", b"levl" + bytes.fromhex("f3acd3118cd100c04f8edb8a") + struct.pack("<Q", 32) + bytes(8)),
        ("FLAC", b"TAG" + bytes(125)),
        ("MP3", b"TAG" + bytes(125)),
    ],
)  # fmt: skip
def test_what_may_follow_the_sound_is_not_heard(tmp_path, container, chunk):
    data = encoded(container)
    data += bytes(-len(data) % 8 if container == "W64" else len(data) % 2 if container in ("WAV", "AIFF") else 0)
    sound, remark = read(tmp_path / "x", data + chunk)
    np.testing.assert_allclose(sound, intact(container), atol=1e-6 if container in LOSSY else 0)
    assert remark == ""


def test_an_mp3_without_a_length_is_read_to_its_end(tmp_path):
    """With a bit rate that varies, its size tells nothing: libsndfile alone reads a part of it."""
    quiet = np.concatenate([np.zeros(4 * RATE, np.float32), SOUND, SOUND])
    sf.write(tmp_path / "x.mp3", quiet, RATE, bitrate_mode="VARIABLE")
    data = (tmp_path / "x.mp3").read_bytes()
    whole, _ = read(tmp_path / "a", data)
    start = data.index(b"\xff", 4)  # the first frame holds nothing but the length
    cut, remark = read(tmp_path / "b", data[start:])
    assert len(cut) >= len(whole) == len(quiet) and remark == ""


def streamed(path, seconds: float, seed: int):
    """A FLAC as a stream leaves it, with 0 samples in its header, and the same with the right number."""
    right, zero = path / f"right{seed}.flac", path / f"zero{seed}.flac"
    sf.write(right, melody(seconds, 16000, seed), 16000)
    data = bytearray(right.read_bytes())
    data[18:26] = (int.from_bytes(data[18:26], "big") >> 36 << 36).to_bytes(8, "big")
    zero.write_bytes(data)
    return right, zero


def test_a_streamed_flac_as_guide_memory_and_corpus(antiphon, tmp_path, tiny):
    (guide, zero_guide), (memory, zero_memory) = streamed(tmp_path, 2.2, 1), streamed(tmp_path, 6.1, 2)
    heard = [antiphon("tokens", path, "--model", tiny, "--json").out for path in (guide, zero_guide)]
    assert heard[0] == heard[1]
    for number, (one, other) in enumerate([(guide, memory), (zero_guide, zero_memory)]):
        said = antiphon("respond", one, "--memory", other, "--model", tiny, "-o", f"{number}.wav")
        assert (said.code, said.err) == (0, "")
        assert antiphon("corpus", "build", other, "--model", tiny, "-o", f"corpus{number}").code == 0
    assert (tmp_path / "0.wav").read_bytes() == (tmp_path / "1.wav").read_bytes()
    made = [info(load(tmp_path / f"corpus{number}")) for number in (0, 1)]
    assert made[0]["seconds"] == made[1]["seconds"] and made[0]["segments"] == made[1]["segments"]

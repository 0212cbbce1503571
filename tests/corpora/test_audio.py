"""Every way an audio file can be wrong has its sentence, what is written is whole, and long files cost no memory."""

import errno
import io
import os
import resource
import subprocess
import tracemalloc

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora import whole_files
from corpora.audio import AudioError, AudioWriter, atomic_folder, atomic_write, open_audio, read_at, regroup, resample

QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tone(seconds=0.5, rate=48000, pitch=440.0, level=0.25):
    return (level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def sentence(error) -> str:
    """The message, once it is seen to be one line that names a remedy after a colon or a semicolon."""
    text = str(error.value)
    assert "\n" not in text and len(text) < 480
    assert ": " in text or "; " in text
    return text


def leftovers(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# --- reading: bad input


def test_missing_file_names_the_near_miss(tmp_path):
    (tmp_path / "take1.wav").touch()
    with pytest.raises(AudioError, match=r"no file .*take_1.wav.*did you mean .*take1\.wav"):
        open_audio(tmp_path / "take_1.wav")
    with pytest.raises(AudioError, match="check its name and folder"):
        open_audio(tmp_path / "nowhere" / "x.wav")


def test_a_folder_and_a_nameless_file_are_no_audio(tmp_path):
    with pytest.raises(AudioError, match="is not a file"):
        open_audio(tmp_path)
    with pytest.raises(AudioError, match=r"cannot be opened|no file"):
        open_audio("a\0b.wav")
    with pytest.raises(AudioError, match="cannot be opened"):
        open_audio(tmp_path / ("x" * 300))


def test_unreadable_file(tmp_path):
    path = tmp_path / "secret.wav"
    sf.write(path, tone(), 48000)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: a file that the kernel refuses even to root
        path = "/proc/self/mem"
    with pytest.raises(AudioError) as error:
        open_audio(path).read()
    assert str(path) in sentence(error)


@pytest.mark.parametrize("ending", ["wav", "mp3", "flac", "ogg", "raw", "txt"])
@pytest.mark.parametrize(
    "content", [b"", b"dear diary, this is no audio\n" * 99, bytes(4000), b"\x89PNG\r\n\x1a\n" * 99]
)
def test_not_audio(tmp_path, capfd, ending, content):
    path = tmp_path / f"letter.{ending}"
    path.write_bytes(content)
    with pytest.raises(
        AudioError, match=r"is not audio that can be read: give a WAV|is empty, it holds 0 samples: record"
    ) as error:
        open_audio(path)
    assert str(path) in sentence(error)
    assert capfd.readouterr() == ("", "")  # no decoder chatters beside the sentence


@QUICK
@given(
    content=st.binary(max_size=400),
    head=st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"FORM"]),
)
def test_any_bytes_are_audio_or_a_sentence(tmp_path, content, head):
    path = tmp_path / "fuzz.wav"
    path.write_bytes(head + content)
    try:
        with open_audio(path) as file:
            assert np.isfinite(file.read()).all()
    except AudioError as error:
        assert "\n" not in str(error)


@QUICK
@given(place=st.integers(0, 5000), value=st.integers(0, 255), ending=st.sampled_from(["wav", "flac", "ogg", "mp3"]))
def test_a_damaged_byte_is_sound_or_a_sentence(tmp_path, place, value, ending):
    path = tmp_path / f"damaged.{ending}"
    sf.write(path, tone(0.1), 48000)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data)
    try:
        with open_audio(path) as file:
            assert np.isfinite(file.read()).all()
    except AudioError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_zero_samples(tmp_path, ending):
    path = tmp_path / f"empty.{ending}"
    sf.write(path, np.zeros(0, np.float32), 44100)
    with pytest.raises(AudioError, match="0 samples: record or export it again") as error:
        open_audio(path).read()
    sentence(error)


def test_shorter_than_a_hop(tmp_path):
    path = tmp_path / "short.wav"
    sf.write(path, tone(0.1), 48000)
    with pytest.raises(AudioError, match=r"lasts 0\.1 s, less than one hop of 0\.5 s: give at least 0\.5 s") as error:
        open_audio(path, at_least=0.5)
    sentence(error)
    with open_audio(path, at_least=0.1) as file:
        assert file.frames == 4800


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_no_number_is_found_with_its_time(tmp_path, value):
    path, sound = tmp_path / "nan.wav", np.stack([tone(2), tone(2)], axis=1)
    sound[72000, 1] = value
    sf.write(path, sound, 48000, subtype="FLOAT")
    with open_audio(path) as file, pytest.raises(AudioError, match=r"at 1\.500 s in channel 2: repair it") as error:
        file.read()
    sentence(error)


def test_a_flac_damaged_in_the_middle(tmp_path):
    path = tmp_path / "cut.flac"
    sf.write(path, np.random.default_rng(0).normal(0, 0.1, 96000), 48000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 9] = b"scratched"
    path.write_bytes(data)
    with open_audio(path) as file, pytest.raises(AudioError, match=r"cannot be read beyond .* damaged") as error:
        file.read()
    sentence(error)


def test_too_many_channels(tmp_path):
    path = tmp_path / "many.wav"
    sf.write(path, np.zeros((100, 65)), 48000)
    with pytest.raises(AudioError, match="65 channels: at most 64"):
        open_audio(path)


def test_a_rate_that_is_none(tmp_path):
    path = tmp_path / "slow.wav"
    sf.write(path, np.zeros(100), 50)
    with pytest.raises(AudioError, match="50 Hz: convert it"):
        open_audio(path)


# --- reading: what must work


def test_eight_bit_and_seven_channels(tmp_path):
    sound = tone()
    sf.write(tmp_path / "8.wav", sound, 48000, subtype="PCM_U8")
    assert np.abs(read_at(tmp_path / "8.wav") - sound).max() <= 1 / 128
    seven = np.stack([sound * k for k in range(7)], axis=1) / 7
    sf.write(tmp_path / "7.wav", seven, 48000, subtype="FLOAT")
    with open_audio(tmp_path / "7.wav") as file:
        assert file.channels == 7
        np.testing.assert_allclose(file.read(), sound * 3 / 7, atol=1e-6)


@pytest.mark.parametrize(
    ("ending", "subtype", "error"),
    [
        ("wav", "PCM_16", 2**-15),
        ("wav", "PCM_24", 2**-23),
        ("wav", "FLOAT", 0),
        ("flac", "PCM_16", 2**-15),
        ("flac", "PCM_24", 2**-23),
        ("ogg", None, 0.02),
        ("mp3", None, 0.02),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_round_trip(tmp_path, ending, subtype, error, channels):
    path, sound = tmp_path / f"out.{ending}", tone(1.0)
    both = sound if channels == 1 else np.stack([sound, sound], axis=1)
    with AudioWriter(path, 48000, subtype, channels=channels) as writer:
        for block in np.array_split(both, 7):
            writer.write(block)
    with open_audio(path) as file:
        assert (file.samplerate, file.channels, file.frames) == (48000, channels, len(sound))
        assert np.abs(file.read() - sound).max() <= error
    assert leftovers(tmp_path) == [path.name]


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 96000, 192000, 12345])
def test_any_rate(tmp_path, rate):
    path = tmp_path / "rate.wav"
    sf.write(path, tone(1.0, rate), rate)
    heard, middle = read_at(path, 48000), slice(12000, 36000)  # away from the ends, where the filter rings
    assert abs(len(heard) - 48000) <= 1
    np.testing.assert_allclose(heard[middle], tone(1.0)[middle], atol=1e-4)


def test_resampled_stream_is_resampled_whole(tmp_path):
    path, sound = tmp_path / "x.wav", np.random.default_rng(1).normal(0, 0.1, 100_000).astype(np.float32)
    sf.write(path, sound, 44100, subtype="FLOAT")
    whole = resample(sound, 44100, 48000)
    with open_audio(path) as file:
        for size in (1, 997, 65536):
            blocks = list(file.blocks(size * 64, rate=48000))
            assert all(len(b) == size * 64 for b in blocks[:-1])
            np.testing.assert_array_equal(np.concatenate(blocks), whole)
    np.testing.assert_array_equal(read_at(path, 48000), whole)
    assert len(whole) == round(100_000 * 48000 / 44100)


@given(st.lists(st.integers(0, 9), max_size=20), st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_regroup_keeps_every_sample_in_order(lengths, sizes):
    sound = np.arange(sum(lengths), dtype=np.float32)
    blocks = np.split(sound, np.cumsum(lengths)[:-1]) if lengths else []
    out = list(regroup(blocks, sizes))
    np.testing.assert_array_equal(np.concatenate([sound[:0], *out]), sound[: sum(sizes)])
    assert [len(b) for b in out[:-1]] == sizes[: max(len(out) - 1, 0)]


def test_three_hours_are_streamed(tmp_path):
    """86 MB as float32; one block is 4 kB, and the stream may cost no more than a few of them."""
    path, rate = tmp_path / "long.flac", 2000
    with AudioWriter(path, rate, "PCM_16", seconds=3 * 3600) as writer:
        for _ in range(3 * 60):
            writer.write(np.zeros(60 * rate, np.float32))
    with open_audio(path) as file:
        assert file.seconds == 3 * 3600
        tracemalloc.start()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert sum(len(block) for block in file.blocks(1000, rate=4000)) == 3 * 3600 * 4000
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4e6 and grown < 8192  # bytes, KiB


# --- writing


def test_unknown_ending_and_encoding(tmp_path):
    with pytest.raises(AudioError, match=r"ends in '\.aac': name the output \.wav"):
        AudioWriter(tmp_path / "x.aac", 48000)
    with pytest.raises(AudioError, match="cannot hold FLOAT: choose among PCM_24"):
        AudioWriter(tmp_path / "x.flac", 48000, "FLOAT")


def test_a_rate_that_mp3_does_not_hold(tmp_path):
    with (
        pytest.raises(AudioError, match="does not hold 1 channels at 96000 Hz"),
        AudioWriter(tmp_path / "x.mp3", 96000),
    ):
        pass
    assert leftovers(tmp_path) == []


def test_failure_inside_the_block_leaves_what_was_there(tmp_path):
    path = tmp_path / "out.wav"
    path.write_bytes(b"precious")
    with pytest.raises(KeyboardInterrupt), AudioWriter(path, 48000) as writer:
        writer.write(tone())
        raise KeyboardInterrupt
    assert path.read_bytes() == b"precious" and leftovers(tmp_path) == ["out.wav"]


def test_nan_is_not_written(tmp_path):
    with (
        pytest.raises(AudioError, match=r"NaN or Inf after 0\.500 s"),
        AudioWriter(tmp_path / "x.wav", 48000) as writer,
    ):
        writer.write(tone())
        writer.write(np.full(5, np.nan, np.float32))
    assert leftovers(tmp_path) == []


def test_nothing_to_write(tmp_path):
    with pytest.raises(AudioError, match="no sound to put in it"), AudioWriter(tmp_path / "x.flac", 48000):
        pass
    assert leftovers(tmp_path) == []


def test_full_scale_is_clipped_not_wrapped(tmp_path):
    with AudioWriter(tmp_path / "x.wav", 48000, "PCM_16") as writer:
        writer.write(np.array([2.0, -2.0], np.float32))
    np.testing.assert_allclose(read_at(tmp_path / "x.wav"), [1, -1], atol=1e-4)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 kB; where mounting is not allowed, writes are refused by the kernel beyond 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, old[1]))
    yield folder
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


NOISE = np.random.default_rng(2).uniform(-0.9, 0.9, 48000 * 60).astype(np.float32)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_no_room_on_the_disk(small_disk, ending):
    refused = pytest.raises(AudioError, match=r"no room on the disk|larger than this disk")
    with refused as error, AudioWriter(small_disk / f"x.{ending}", 48000) as writer:
        for _ in range(10):
            writer.write(NOISE)
    sentence(error)
    assert leftovers(small_disk) == []


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_the_disk_fills_at_the_very_end(tmp_path, monkeypatch, ending):
    """What the encoder holds back until the file is closed may be what does not fit."""
    path = tmp_path / f"x.{ending}"
    with pytest.raises(AudioError, match="no room on the disk"), AudioWriter(path, 48000) as writer:
        writer.write(tone())
        monkeypatch.setattr(writer._disk, "file", Full(writer._disk.file))
    assert leftovers(tmp_path) == []


class Full:
    """A file on a disk that has just become full."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_room_is_checked_beforehand(small_disk):
    if not os.path.ismount(small_disk):
        pytest.skip("needs a disk of its own: run as root")
    with pytest.raises(AudioError, match=r"no room on the disk for .*: it needs 518 MB and 0 MB are free") as error:
        AudioWriter(small_disk / "x.wav", 48000, seconds=3600)
    sentence(error)


def test_a_wav_of_more_than_4_gb_is_refused_beforehand(tmp_path):
    with pytest.raises(AudioError, match=r"exceed 4 GB, the most a WAV holds: name the output \.flac"):
        AudioWriter(tmp_path / "x.wav", 48000, "FLOAT", seconds=7 * 3600)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere/x.wav", "there is no folder"),
        ("file/x.wav", "is not a folder"),
        ("/proc/x.wav", "proc"),
        ("a\0.wav", "cannot be written"),
        ("x" * 300 + ".wav", "cannot be written"),
        ("folder.wav", "is not a file"),
    ],
)
def test_unwritable_place(tmp_path, place, words):
    (tmp_path / "file").touch()
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match=words) as error, AudioWriter(tmp_path / place, 48000) as writer:
        writer.write(tone())
    sentence(error)
    assert leftovers(tmp_path) == ["file", "folder.wav"]
    if place.startswith("/proc") or "/" in place:
        with pytest.raises(AudioError, match=words):
            atomic_write(tmp_path / place, "x")


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    link = tmp_path / "x.wav"
    link.symlink_to("/dev/null")
    with pytest.raises(AudioError, match="is not a file"), AudioWriter(link, 48000):
        pass
    assert not os.path.isfile("/dev/null")


@QUICK
@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(0, 3))
def test_a_write_is_whole_or_not_at_all(tmp_path_factory, old, new, stage):
    """Whichever system call fails, the old content is there, or the new, and nothing beside it."""
    folder = tmp_path_factory.mktemp("atomic")
    path = folder / "x.json"
    atomic_write(path, old)
    with pytest.MonkeyPatch.context() as patch:
        call = ("fsync", "replace", "unlink", "nothing")[stage]

        def refuse(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        if call != "nothing":
            patch.setattr(whole_files.os, call, refuse)
        try:
            atomic_write(path, new)
            done = True
        except AudioError as error:
            assert "no room on the disk" in str(error)
            done = False
    assert done == (stage in (2, 3))
    assert path.read_bytes() == (new if done else old)
    assert leftovers(folder) == ["x.json"]


def test_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "new") as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert leftovers(tmp_path) == []
    for content in ("first", "second"):
        with atomic_folder(tmp_path / "new", replaces=["a"]) as temporary:
            (temporary / "a").write_text(content)
        assert (tmp_path / "new" / "a").read_text() == content
    assert leftovers(tmp_path) == ["new"]


def test_folder_with_somebody_s_recordings_is_not_replaced(tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "only take.wav").touch()
    lost = pytest.raises(AudioError, match=r"holds 'only take\.wav', which would be lost")
    with lost, atomic_folder(tmp_path / "music", replaces=["a"]):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match="is a file, not a folder"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(AudioError, match="is not a folder"), atomic_folder(tmp_path / "file" / "x"):
        pass


def test_the_old_folder_returns_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    with atomic_folder(tmp_path / "x") as temporary:
        (temporary / "a").write_text("old")
    rename, calls = os.rename, []

    def second_fails(a, b):
        calls.append(a)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        rename(a, b)

    monkeypatch.setattr(whole_files.os, "rename", second_fails)
    with (
        pytest.raises(AudioError, match="cannot be written"),
        atomic_folder(tmp_path / "x", replaces=["a"]) as temporary,
    ):
        (temporary / "a").write_text("new")
    assert (tmp_path / "x" / "a").read_text() == "old" and leftovers(tmp_path) == ["x"]


def test_a_read_error_of_the_disk_is_told(tmp_path, monkeypatch):
    path = tmp_path / "x.wav"
    sf.write(path, tone(2), 48000)
    with open_audio(path) as file:

        class Broken(io.BytesIO):
            def readinto(self, _):
                raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(file._disk, "file", Broken())
        with pytest.raises(AudioError, match=r"cannot be read beyond 0\.000 s"):
            file.read()


def test_files_of_a_model_are_written_all_or_none(tmp_path):
    folder = tmp_path / "new" / "model"
    whole_files.write_files(folder, {"a": b"1", "b": b"2"})
    assert leftovers(folder) == ["a", "b"]
    (folder / "b").unlink()
    (folder / "b").mkdir()
    with pytest.raises(AudioError, match="is not a file"):
        whole_files.write_files(folder, {"a": b"new", "b": b"new"})
    assert leftovers(folder) == ["a", "b"] and (folder / "a").read_bytes() == b"1"

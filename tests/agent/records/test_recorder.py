"""Recording while playing: whole at every moment, never in the way, and honest about a full disk."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile as sf

from agent.control.bus import Bus
from agent.records.background_writer import WRITE_QUEUE_SIZE, BackgroundWriter
from agent.records.recorder import Recorder, SafeWav, set_aside
from corpora.whole_files import AudioError
from tests.conftest import melody, noise, samples, tree

RATE = 48000


def length_in_the_header(path):
    """Frames as a program counts them that trusts the header; they are all there."""
    raw = path.read_bytes()
    at = raw.index(b"data")
    assert int.from_bytes(raw[4:8], "little") <= len(raw) - 8
    return int.from_bytes(raw[at + 4 : at + 8], "little") // 4


def test_a_wav_is_whole_after_every_append(tmp_path):
    sound, done = np.concatenate([melody(1.0, RATE), 3 * noise(1.0, RATE)]), 0
    file = SafeWav(tmp_path / "a.wav", RATE)
    assert length_in_the_header(file.path) == 0
    for n in (1, 0, 12000, 4097, 480, 30000):
        file.append(sound[done : done + n])
        done += n
        assert file.frames == done == length_in_the_header(file.path)
        assert samples(file.path).tobytes() == sound[:done].tobytes()
    about = sf.info(file.path)
    assert (about.samplerate, about.channels, about.subtype) == (RATE, 1, "FLOAT")


def test_what_was_being_appended_when_all_ended_does_no_harm(tmp_path):
    file = SafeWav(tmp_path / "a.wav", RATE)
    file.append(melody(1.0, RATE))
    with open(file.path, "ab") as raw:
        raw.write(b"halfway")
    assert samples(file.path).tobytes() == melody(1.0, RATE).tobytes()


def test_a_full_disk_keeps_what_was_written(disk):
    file, sound = SafeWav(disk("300k") / "a.wav", RATE), melody(2.0, RATE)
    with pytest.raises(AudioError, match=r"takes no more \(no space left on device\): its first 1.5 s are kept"):
        for first in range(0, len(sound), 4800):
            file.append(sound[first : first + 4800])
    kept = samples(file.path)
    assert len(kept) >= file.frames > 60000
    assert kept.tobytes() == sound[: len(kept)].tobytes()


def test_a_file_that_went_away_is_told(tmp_path):
    file = SafeWav(tmp_path / "a.wav", RATE)
    file.path.unlink()
    with pytest.raises(AudioError, match="no such file"):
        file.append(np.zeros(10, np.float32))
    with pytest.raises(AudioError, match="there is no folder"):
        SafeWav(tmp_path / "nowhere" / "a.wav", RATE)


def test_a_wav_of_4_gb_ends(tmp_path):
    file = SafeWav(tmp_path / "a.wav", RATE)
    file.frames = 2**30 - 2**14
    with pytest.raises(AudioError, match="a wav holds 4 gigabytes"):
        file.append(np.zeros(10, np.float32))


def test_a_recording_holds_what_was_heard_and_spoken(tmp_path):
    heard, spoken = melody(3.0, RATE, 1), noise(3.0, RATE, 2)
    with Recorder(tmp_path / "new" / "folder", RATE) as recorder:
        block = np.empty(12000, np.float32)
        for first in range(0, len(heard), 12000):
            block[:] = heard[first : first + 12000]
            recorder.heard(block)
            block[:] = spoken[first : first + 12000]
            recorder.spoken(block)
    assert samples(tmp_path / "new/folder/heard.wav").tobytes() == heard.tobytes()
    assert samples(tmp_path / "new/folder/spoken.wav").tobytes() == spoken.tobytes()


def test_earlier_recordings_are_kept(tmp_path):
    for number in range(3):
        with Recorder(tmp_path, RATE) as recorder:
            recorder.heard(np.full(100, number / 10, np.float32))
            recorder.spoken(np.full(100, number / 10, np.float32))
    assert sorted(tree(tmp_path)) == sorted(f"{a}{n}.wav" for a in ("heard", "spoken") for n in ("", "~", "~2"))
    assert samples(tmp_path / "heard~.wav")[0] == 0 and samples(tmp_path / "heard~2.wav")[0] == np.float32(0.1)
    assert set_aside(tmp_path / "nothing") == {}


def test_recording_on_a_full_disk_is_reported_once_and_play_goes_on(disk):
    folder, bus = disk("300k"), Bus()
    tap, sound = bus.tap(), melody(0.5, RATE)
    with Recorder(folder, RATE, bus) as recorder:
        for _ in range(20):
            recorder.heard(sound)
            recorder.spoken(sound)
            recorder.settle()
    (report,) = tap.drain()
    assert report[0] == "error" and report[1][0].startswith("recording has ended, play goes on: ")
    assert str(recorder.error) in report[1][0]
    for name in ("heard", "spoken"):
        kept = samples(folder / f"{name}.wav")
        assert len(kept) >= 24000
        assert kept.tobytes() == np.tile(sound, 10)[: len(kept)].tobytes()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match=r"cannot be written|is not a folder"):
        Recorder(tmp_path / "file", RATE)


def test_a_disk_that_hangs_is_given_up_and_nobody_waits():
    told, answers = [], threading.Event()
    behind = BackgroundWriter("test", lambda items: answers.wait(60), told.append)
    for number in range(WRITE_QUEUE_SIZE + 100):
        behind.put(number)
    assert not answers.is_set(), "whoever puts has waited for nothing: the disk still hangs"
    assert len(told) == 1 and "does not keep up" in str(told[0])
    answers.set()
    behind.close()


def test_a_bug_of_ours_does_not_hang_those_who_wait(caplog):
    """And keeps its traceback for who mends it."""
    told = []
    behind = BackgroundWriter("test", lambda items: 1 / 0, told.append)
    behind.put(1)
    behind.settle()
    assert "division by zero" in str(told[0])
    behind.put(2)
    behind.close()
    assert len(told) == 1
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


CHILD = """
import sys, time
import numpy as np
from agent.records.recorder import Recorder
recorder, hop = Recorder(sys.argv[1], 48000), np.arange(12000, dtype=np.float32) / 12000
for number in range(10**6):
    recorder.heard(hop + number)
    recorder.spoken(-hop - number)
    if number % 10 == 0:
        recorder.settle()
        print(number, flush=True)
    time.sleep(0.002)
"""


def test_kill_9_loses_no_more_than_what_was_waiting(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", CHILD, tmp_path / "R"], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) == 30:
            break
    child.send_signal(signal.SIGKILL)
    settled = max([30, *map(int, child.stdout.read().split())])
    child.wait()
    for name, sign in (("heard", 1), ("spoken", -1)):
        path = tmp_path / "R" / f"{name}.wav"
        frames = length_in_the_header(path)
        assert (settled + 1) * 12000 <= frames <= (settled + 11) * 12000
        expected = np.concatenate([np.arange(12000, dtype=np.float32) / 12000 + n for n in range(settled + 11)])
        kept = sf.read(path, dtype="float32")[0]
        assert len(kept) == frames and kept.tobytes() == (sign * expected[:frames]).tobytes()

"""Laws of reading stems: whatever their rate and channels, the same sound comes in, or the file is named."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from corpora.whole_files import AudioError
from tests.conftest import melody
from train import fit_units
from train.common.errors import TrainError
from train.common.files import visible
from train.data import token_pairs
from train.data.stems import duration, excerpt, read, read_from, songs_below, stems_of

RATES = (8000, 16000, 22050, 44100, 48000, 96000)
SECONDS = 6.0
JUNK = (".DS_Store", "._left.wav", ".hidden.flac", "notes.txt", "cover.jpg", "song.json")


def sine(rate: int, seconds: float = SECONDS) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[tuple[int, int], Path]:
    """{(rate, channels): file of the same tone}."""
    folder = tmp_path_factory.mktemp("tones")
    made = {}
    for rate in RATES:
        for channels in (1, 2, 6):
            made[rate, channels] = folder / f"{rate}x{channels}.wav"
            sf.write(made[rate, channels], np.repeat(sine(rate)[:, None], channels, 1), rate, "FLOAT")
    return made


@given(st.sampled_from(RATES), st.sampled_from([1, 2, 6]), st.floats(0, SECONDS + 1), st.integers(1, 40000))
def test_an_excerpt_is_the_same_time_of_the_same_sound(files, rate, channels, begin, samples):
    audio = excerpt(files[rate, channels], begin, samples)
    sample = round(begin * 16000) + np.arange(samples)
    meant = np.where(sample < SECONDS * 16000, 0.3 * np.sin(2 * np.pi * 440 * sample / 16000), 0)
    assert audio.shape == (samples,) and audio.dtype == np.float32
    inner = slice(400, max(400, min(samples, round((SECONDS - begin) * 16000)) - 400))  # edges ring
    shift = 0.5 / rate + 0.5 / 16000  # s that the place may be off, for both are whole samples
    assert np.abs(audio - meant)[inner].max(initial=0) < 0.3 * 2 * np.pi * 440 * shift + 0.01


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_whole_stem_lasts_as_long_as_it_is(files, rate, channels):
    path = files[rate, channels]
    assert duration(path) == SECONDS and len(read(path)) == SECONDS * 16000
    assert len(read(path, 2.0)) == len(read_from(path, 1.0, 2.0)) == 32000
    assert len(read_from(path, SECONDS - 1, 2.0)) == 16000


def test_a_stream_whose_header_gives_no_length_is_read(tmp_path):
    whole = tmp_path / "whole.flac"
    sf.write(whole, sine(16000), 16000)
    raw = bytearray(whole.read_bytes())
    raw[21] &= 0xF0  # the number of samples in STREAMINFO, 36 bits: 0, as in streams
    raw[22:26] = bytes(4)
    (tmp_path / "stream.flac").write_bytes(raw)
    for begin in (0.0, 3.0, 5.5):
        assert np.abs(excerpt(tmp_path / "stream.flac", begin, 16000) - excerpt(whole, begin, 16000)).max() < 1e-6


@pytest.mark.parametrize("content", [b"", b"no music", b"RIFF\x10\0\0\0WAVEfmt "])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "bad.wav").write_bytes(content)
    for reader in (read, duration, lambda path: excerpt(path, 0.0, 100)):
        with pytest.raises(AudioError, match=r"bad\.wav"):
            reader(tmp_path / "bad.wav")


def test_what_is_hidden_or_no_audio_is_not_looked_at(tmp_path):
    song = tmp_path / "test" / "song"
    song.mkdir(parents=True)
    for name in JUNK:
        (song / name).write_bytes(b"junk")
    sf.write(song / "left.wav", sine(16000), 16000)
    sf.write(song / "Right.WAV", sine(16000), 16000, format="WAV")
    (tmp_path / "test" / ".Trashes").mkdir()
    (tmp_path / "test" / ".antiphon-12345678.part").mkdir()
    (tmp_path / "test" / ".antiphon-12345678.part" / "song.json").write_text("{}")
    assert set(stems_of(song)) == {"left", "Right"}
    assert set(songs_below(tmp_path, "test")) == {"song"}
    assert visible(tmp_path, "*/*/song.json") == [song / "song.json"]
    sf.write(song / "left.flac", sine(16000), 16000)
    with pytest.raises(TrainError, match="one stem twice"):
        stems_of(song)


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 1), (48000, 2), (8000, 6)])
def test_units_of_a_foreign_stem_are_as_many_as_its_hops(tmp_path, tiny, rate, channels):
    """A stem at 44.1 kHz gave 220 tokens for 80, a stereo one a traceback."""
    for split in ("train", "validation"):
        for number in range(2):
            song = tmp_path / "stems" / split / str(number)
            song.mkdir(parents=True)
            (song / "._a.wav").write_bytes(b"\0\5\26\7")
            for part in "ab":
                audio = melody(20, rate, number + ord(part))
                sf.write(song / f"{part}.wav", np.repeat(audio[:, None], channels, 1), rate)
    settings = fit_units.UnitsTraining(encoder=str(tiny / "encoder"), units="4", hops=200, jobs=1)
    report = fit_units.fit([tmp_path / "stems"], tmp_path / "out", False, settings)
    for name, hops in (("k4_h0.25", 80), ("k4_h0.50", 40)):
        songs = token_pairs.load(tmp_path / "out" / "tokens" / name).songs
        assert {len(stem) for split in songs.values() for song in split.values() for stem in song.values()} == {hops}
        assert report[name]["stems"] == 8
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["alphabet"] for line in lines] == ["k4_h0.25", "k4_h0.35", "k4_h0.50"]


def test_a_token_cache_half_written_is_not_read(tmp_path):
    token_pairs.save(tmp_path / "k7_h0.50", {"train/1/a": np.array([1])}, 7, 0.5, "k7-a")
    (tmp_path / ".k7_h0.25.part.npz").write_bytes(b"PK half")
    assert token_pairs.load(tmp_path).hop == 0.5

"""Rooms change how music sounds: neither how long it is, nor how loud, nor when."""

import json

import numpy as np
import pytest
import soundfile as sf

from train.common.errors import TrainError
from train.songs import make_rooms, rooms
from train.songs.rooms import Room

RATE = 16000


def echo(kind, at=800):
    response = np.zeros(RATE, np.float32)
    response[0], response[at] = 0.1, 1.0
    return Room("echo", kind, rooms.unit_energy(response))


MUSIC = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.05
PLACES = [echo("room"), echo("cabinet", 20)]


@pytest.mark.parametrize("play", [rooms.apply, rooms.amplify])
def test_music_is_as_long_and_as_loud_as_before_and_the_same_again(play):
    for seed in range(8):
        first, again = (play(MUSIC, np.random.default_rng(seed), PLACES) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert first.shape == MUSIC.shape and first.dtype == np.float32
        assert np.std(first) == pytest.approx(np.std(MUSIC), rel=0.01)


def test_a_room_keeps_the_dry_sound_and_a_cabinet_does_not():
    click = np.zeros(RATE, np.float32)
    click[100] = 0.5
    for kind in ("room", "cabinet"):
        response = np.abs(rooms.apply(click, np.random.default_rng(0), [echo(kind)]))
        assert response[:90].max() < 1e-6 < response[900]
        assert (response[100] > 0.5 * response[900]) == (kind == "room")


def test_silence_and_no_rooms_leave_music_as_it_is():
    rng = np.random.default_rng(0)
    assert rooms.apply(MUSIC, rng, []) is MUSIC
    assert not rooms.apply(np.zeros(100, np.float32), rng, PLACES).any()
    assert len(rooms.apply(np.zeros(0, np.float32), rng, PLACES)) == 0
    assert not rooms.amplify(np.zeros(100, np.float32), rng, PLACES).any()


def test_drive_adds_harmonics():
    note = (0.1 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)).astype(np.float32)
    played = [np.abs(np.fft.rfft(rooms.amplify(note, np.random.default_rng(seed), []))) for seed in range(20)]
    assert max(spectrum[1500] / spectrum[500] for spectrum in played) > 0.1


def test_responses_are_taken_from_the_direct_sound_until_they_have_decayed(tmp_path):
    library, rng = tmp_path / "library", np.random.default_rng(0)
    time = np.arange(3 * 48000) / 48000
    tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / 0.3) * 0.1
    tail[:3] = 1.0
    for path_name in (
        "Rooms/Residential/Flat/kitchen",
        "Speakers/Monitors/wedge",
        "Rooms/Residential/Flat/bath (Tail Only)",
    ):
        path = library / f"{path_name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, np.concatenate([np.zeros(4800), tail]), 48000)
    assert make_rooms.make(library, tmp_path / "rooms") == 2
    by_kind = {room.kind: room for room in rooms.load_rooms(tmp_path / "rooms")}
    assert set(by_kind) == {"room", "cabinet"} and by_kind["room"].name == "kitchen"
    for kind, longest in (("room", 0.4), ("cabinet", 0.12)):
        response = by_kind[kind].response
        assert np.argmax(np.abs(response)) <= 0.002 * RATE and 0.05 * RATE < len(response) <= longest * RATE
        assert np.sum(response.astype(float) ** 2) == pytest.approx(1, abs=1e-4)
    assert [room.kind for room in rooms.load_rooms(tmp_path / "rooms", ["cabinet"])] == ["cabinet"]
    assert json.loads((tmp_path / "rooms" / "rooms.json").read_text())[0]["licence"].startswith("MIT")


def test_mistakes_are_reported_with_their_remedy(tmp_path):
    with pytest.raises(TrainError, match=r"no folder of rooms.*make_rooms"):
        rooms.load_rooms(tmp_path)
    with pytest.raises(TrainError, match="IR-Library"):
        make_rooms.make(tmp_path, tmp_path / "rooms")

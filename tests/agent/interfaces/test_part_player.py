"""The part player: every note that begins ends, whatever happens to clock, stage and instruction."""

import time

import pytest

from agent.control.bus import Bus
from agent.control.command import Command, CommandError
from agent.interfaces.part_player import PartPlayer
from agent.performance.missing_part import MissingPart
from decision.fill import FillError

CLOCK, START, STOP = b"\xf8", b"\xfa", b"\xfc"
TEMPO_BPM = 240
CLOCK_S = 60 / TEMPO_BPM / 24


class Stage:
    """A player, a sender of clock and chords, and what was sent back: (monotonic s, message)."""

    def __init__(self, model, **options):
        self.sent, self.bus, self.silenced = [], Bus(), False
        self.tap, self.logged = self.bus.tap(), []
        part = MissingPart(model, beats=2, lead=1.0)
        self.player = PartPlayer(
            part, lambda message: self.sent.append((time.monotonic(), message)), self.bus,
            log=lambda *what, sent: self.logged.append((*what, sent)),
            **({"name": "bass", "is_silenced": lambda: self.silenced} | options),
        )  # fmt: skip

    def play(self, beats, start=True):
        """So many beats in real time, and a chord on each."""
        began = time.monotonic()
        if start:
            self.player.receive(START, began)
        for clock in range(24 * beats):
            at = began + clock * CLOCK_S
            time.sleep(max(0.0, at - time.monotonic()))
            self.player.receive(CLOCK, at)
            for pitch in (60, 64, 67):
                if clock % 24 == 0:
                    self.player.receive(bytes((0x90, pitch, 80)), at)
                if clock % 24 == 18:
                    self.player.receive(bytes((0x80, pitch, 0)), at)

    def sounding(self):
        """{(channel, pitch)} that sound by what was sent; fails where a note ends that does not sound."""
        sounding = set()
        for _, message in list(self.sent):
            key = (message[0] & 0x0F, message[1])
            if message[0] & 0xF0 == 0x90:
                assert key not in sounding, "struck twice"
                sounding.add(key)
            elif message[0] & 0xF0 == 0x80:
                sounding.remove(key)
        return sounding

    def begun(self):
        return sum(message[0] & 0xF0 == 0x90 for _, message in list(self.sent))


@pytest.fixture
def stage(busy_fill):
    made = Stage(busy_fill)
    yield made
    made.player.close()
    assert not made.sounding()
    sent = [message for _, message in made.sent if message[0] & 0xF0 in (0x80, 0x90)]
    assert sent == [message for message, *_, by_the_part in made.logged if by_the_part], "the log has every note sent"
    played = {message[0] & 0x0F for _, message in made.sent if message[0] & 0xF0 == 0x90}
    assert {message for _, message in made.sent[-2:]} >= {bytes((0xB0 | channel, 123, 0)) for channel in played}


def settle():
    time.sleep(0.1)


def test_it_plays_in_time_and_stops_with_the_clock(stage):
    stage.play(12)
    assert stage.begun() > 4
    stage.player.receive(STOP, time.monotonic())
    settle()
    assert not stage.sounding()
    reports = [values for name, values in stage.tap.drain() if name == "fill"]
    bars = [values[0] for values in reports]
    assert bars == list(range(bars[0], bars[0] + len(bars))) and len(bars) >= 5
    before = stage.begun()
    time.sleep(0.3)
    assert stage.begun() == before


def test_a_clock_that_is_lost_leaves_no_note(stage):
    stage.play(12)
    time.sleep(0.7)
    assert stage.begun() > 4 and not stage.sounding()


def test_a_muted_stage_is_silent_and_plays_again(stage):
    stage.play(10)
    stage.silenced = True
    settle()
    assert not stage.sounding()
    before = stage.begun()
    stage.play(6, start=False)
    assert stage.begun() == before
    stage.silenced = False
    stage.play(6, start=False)
    assert stage.begun() > before
    begun = {
        (round(clock / 6), message[1]) for message, clock, _, sent in stage.logged if sent and message[0] >> 4 == 9
    }
    own = stage.player._state.own
    assert own[:, 0].max() >= 4 * 16 and not ((own[:, 0] >= 4 * 11) & (own[:, 0] < 4 * 15)).any(), (
        "muted is not its past"
    )
    ended = own[own[:, 0] < 4 * 21]
    assert {(step, pitch) for step, _, pitch, _ in ended.tolist()} <= begun


def test_another_part_from_the_next_bar_on_its_own_channel(stage):
    stage.play(8)
    stage.player.handle(Command("fill/part", ("drums",)))
    stage.play(10, start=False)
    channels = [message[0] & 0x0F for _, message in stage.sent if message[0] & 0xF0 == 0x90]
    assert set(channels) == {0, 9} and channels == sorted(channels)
    with pytest.raises(CommandError, match="fill/say: --say: 'lowdly' is not understood; the nearest known: "):
        stage.player.handle(Command("fill/say", ("lowdly",)))
    assert ("changed", ("fill/part", "drums")) in list(stage.tap.drain())


def test_another_place_in_the_song_begins_anew(stage):
    stage.play(12)
    stage.player.receive(b"\xf2\x10\x00", time.monotonic())  # bar 3 of two beats
    settle()
    assert not stage.sounding()
    before = stage.begun()
    stage.play(2, start=False)
    assert stage.begun() == before, "it has not heard a bar of the new place yet"


def test_a_part_that_is_not_known_is_told_at_once(busy_fill):
    with pytest.raises(FillError, match="--part 'bas': did you mean bass"):
        Stage(busy_fill, name="bas")

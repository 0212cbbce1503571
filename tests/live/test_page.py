"""The stage page in a real browser, on a real engine that plays in time: what is seen, and what a hand can do."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("websockets")

from agent.coherence import meter
from agent.control.bus import Bus
from agent.engine import file_transport
from agent.engine.engine import Engine
from agent.interfaces.monitor import Monitor
from agent.interfaces.web import server
from tests.agent.coherence.test_meter import ALIKE
from tests.conftest import KINDS
from tests.live import chromium

SHOTS = os.environ.get("ANTIPHON_SHOTS")  # a folder: keep what was seen
pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="there is no chromium")
SIZES = [(1024, 768), (768, 1024), (1024, 660), (1180, 820), (1920, 1080)]

SEEN = "[...document.querySelectorAll('%s')].filter(e => e.offsetParent)"
NAME = "e.id + ' ' + e.textContent.slice(0, 20)"
CLIPPED = f"""{SEEN % "button, .setting label, .setting output, #word, #reason, #detail, .fact b"}
  .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline').map(e => {NAME})"""
SMALL = f"{SEEN % 'button, input[type=range]'}.filter(e => e.offsetWidth < 44 || e.offsetHeight < 44).map(e => {NAME})"
OUTSIDE = f"""{SEEN % "body *"}.map(e => [e, e.getBoundingClientRect()])
  .filter(([e, r]) => getComputedStyle(e).position !== 'fixed' && r.width)
  .filter(([e, r]) => r.right > innerWidth + 1 || r.bottom > innerHeight + 1 || r.left < -1 || r.top < -1)
  .map(([e]) => {NAME})"""
OVERLAPPING = f"""(() => {{
  const all = {SEEN % "button, .setting, .picture, #why, #state, footer > *"}, bad = [];
  const meet = (r, s) => r.left < s.right - 1 && s.left < r.right - 1 && r.top < s.bottom - 1 && s.top < r.bottom - 1;
  for (const e of all) for (const f of all)
    if (e !== f && !e.contains(f) && !f.contains(e) && meet(e.getBoundingClientRect(), f.getBoundingClientRect()))
      bad.push({NAME} + ' / ' + f.id + f.textContent);
  return bad;
}})()"""


class Play:
    """An engine that hears a melody in real time, and its page."""

    def __init__(self, session, guide: np.ndarray, coherence: Path):
        self.bus = Bus()
        self.engine = Engine(session, samplerate=session.samplerate, slack_ms=40, bus=self.bus)
        self.engine.warm_up()
        self.monitor = Monitor(self.engine, self.bus).start()
        self.meter = meter.CoherenceMeter(self.engine, coherence, 1.0)  # begun by the test that waits for it
        self.engine.set_coherence_interval(self.meter.interval_s)
        self.page = server.PageServer(self.engine, self.monitor).start()
        self.engine.start()
        blocks = np.split(guide[: len(guide) // 480 * 480], len(guide) // 480)
        self.loop = file_transport.BlockLoop(self.engine, cycle(blocks), 1.0)

    def until(self, name: str, wanted, seconds: float = 5.0):
        """Wait for a value of the snapshot."""
        end = time.monotonic() + seconds
        while (found := self.engine.snapshot()[name]) != wanted:
            assert time.monotonic() < end, f"{name} is {found!r}, not {wanted!r}"
            time.sleep(0.02)

    def plays(self, seconds: float = 5.0):
        """Wait until something of this piece is played; what the page still shows may be of the one before."""
        end = time.monotonic() + seconds
        while not self.engine.decision_loop.state.recent_segments:
            assert time.monotonic() < end, "nothing is played"
            time.sleep(0.02)

    def setting(self, name: str, seconds: float = 5.0, **expected):
        """Wait until a setting differs from this; its value."""
        end = time.monotonic() + seconds
        while (found := self.engine.snapshot()["settings"][name]) == expected["other_than"]:
            assert time.monotonic() < end
            time.sleep(0.02)
        return found

    def close(self) -> None:
        self.engine.over.set()
        self.loop.close()
        self.page.close()
        self.monitor.close()
        self.meter.close()
        self.engine.stop()


@pytest.fixture(scope="module")
def play(stage, tiny_coherence) -> Iterator[Play]:
    session = stage.session(hop=0.25)
    made = Play(session, KINDS["melody"](20, session.samplerate, 5), tiny_coherence)
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser(play) -> Iterator[chromium.Browser]:
    with chromium.Browser() as made:
        made.open(play.page.address, 1024, 768)
        made.wait("document.body.dataset.state === 'playing'", 20)
        made.wait("stage.jumps.length > 0 && stage.playing && stage.picture", 20)
        yield made
        assert not [one for one in made.complaints if "ERR_CONNECTION_REFUSED" not in one], made.complaints


def keep(browser, name: str) -> None:
    if SHOTS:
        browser.picture(Path(SHOTS) / f"{name}.png")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_everything_is_there_and_nothing_hides_it(browser, play, size):
    browser.resize(*size)
    time.sleep(0.5)
    play.bus.publish("coherence", 0.78, -123.4, 12.5, -123.4)
    play.bus.publish("fit", -0.12, 0.87)
    browser.wait("document.querySelector('#coherence b').textContent === '0.78' && $('in-time').textContent === '0.87'")
    time.sleep(0.9)  # the knob takes its time
    keep(browser, f"stage-{size[0]}x{size[1]}")
    assert browser.value("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == list(size)
    for name, found in (("clipped", CLIPPED), ("small", SMALL), ("outside", OUTSIDE), ("overlapping", OVERLAPPING)):
        assert browser.value(found) == [], name
    browser.resize(*SIZES[0])


def test_what_is_heard_played_and_planned_is_drawn(browser, play):
    seen = browser.value("[...stage.heard.values()].map(one => one.label)")
    silence = play.engine.session.silence
    assert len(seen) > 3 and all(0 <= label <= silence for label in seen)
    assert browser.value("stage.plan.labels.length") == 4 and browser.value("stage.events.size") > 3
    assert browser.value("$('reason').textContent") in (
        "jump",
        "continue",
        "nearest",
        "carry on",
        "rest",
        "late",
        "fade",
    )
    for canvas in ("timeline", "wave"):
        colours = browser.value(
            f"(d => new Set(d.data.filter((_, i) => i % 4 === 0)).size)"
            f"({canvas}.getContext('2d').getImageData(0, 0, {canvas}.width, {canvas}.height))"
        )
        assert colours > 20, f"{canvas} is empty"
    browser.wait("Number(document.querySelector('#meter-in b').textContent) > -60")  # between two phrases it is still
    assert browser.value("document.querySelector('#latency b').textContent").endswith("ms")


def test_how_well_both_fit(browser, play, monkeypatch):
    monkeypatch.setattr(meter, "PROGRAM", (sys.executable, "-c", ALIKE))
    tap = play.bus.tap()
    play.meter.start()
    shown = "[...document.querySelectorAll('#coherence b')].map(e => e.textContent)"
    told: list[tuple] = []
    until = time.monotonic() + 90
    while not told and time.monotonic() < until:
        told += [values for name, values in tap.drain() if name == "coherence"]
        time.sleep(0.05)
    play.meter.close()
    told += [values for name, values in tap.drain() if name == "coherence"]
    play.bus.leave(tap)
    position, both, harmonic, _ = told[-1]
    browser.wait(f"document.querySelector('#coherence b').textContent === '{position:.2f}'")
    assert browser.value(shown)[1] == f"{harmonic:.1f}" and browser.value("$('coherence').className") == "known"
    play.bus.publish("coherence", -1.0, both, 0.0, 0.0)
    browser.wait(f"{shown}[0] === '{both:.1f}'")
    assert browser.value("$('coherence').className") == "" and browser.value(shown)[1:] == ["–", "–"]
    measured = "[$('in-tune'), $('in-time')].map(e => [e.textContent, e.className])"
    play.bus.publish("fit", 0.5, -1.0)
    browser.wait(f"{measured}[0][0] === '0.50'")
    assert browser.value(measured) == [["0.50", "good"], ["–", ""]]
    browser.wait(f"{shown}[0] === '–' && {measured}[0][0] === '–'", 8)


def test_buttons_keys_and_fingers(browser, play):
    browser.click("[data-name=mute]")
    play.until("state", "muted")
    browser.wait("document.querySelector('[data-name=mute]').getAttribute('aria-pressed') === 'true'")
    browser.press("m")
    play.until("state", "playing")
    browser.touch("[data-name=hold]")
    play.until("state", "held")
    browser.wait("$('reason').textContent === 'hold'")
    browser.wait("document.body.dataset.state === 'held'")
    browser.press("h")
    play.until("state", "playing")
    browser.press("Escape")
    play.until("state", "stopped")
    browser.wait("$('word').textContent === 'stopped'")
    browser.click("[data-name=play]")
    play.until("state", "playing")
    play.plays()
    browser.wait("stage.playing !== null")
    browser.press("k")
    browser.wait("stage.likes.length === 1")
    browser.click("[data-name=back]")
    assert browser.wait("$('toast').hidden"), "back has a place to return to"


def test_what_is_liked_in_a_rest_is_what_sounded_before(browser, play):
    """The engine keeps the last place that sounded, and so must the page show it."""
    browser.wait("stage.last !== null")
    shown = browser.value("(stage.playing = null, stage.likes.length = 0, hear.changed('like'), stage.likes)")
    assert len(shown) == 1 and shown[0].keys() == {"memory", "at"} and shown[0]["at"] >= 0


def test_faders_and_choices(browser, play):
    browser.click("#set-temperature", 0.8)
    value = play.setting("temperature", other_than=1.0)
    assert value == pytest.approx(1.64, abs=0.12), "four fifths of what the fader covers"
    browser.wait(f"document.querySelector('[data-setting=temperature] output').textContent === '{value:.2f}'")
    browser.click("[data-setting=constraint] button:nth-child(2)")
    assert play.setting("constraint", other_than="require") == "prefer"
    x, y = browser.point("#memory")
    browser.drag((30, y), (x, y))
    low, high = play.setting("region", other_than=[0.0, 1.0])
    assert 0.02 < low <= 0.6 and high == 1.0
    time.sleep(0.2)  # the fader has a last word
    browser.value("send('region', 0, 1)")
    play.until("region", [0.0, 1.0])


def test_a_change_by_another_hand_is_shown(browser, play):
    from agent.control.command import parse_command

    time.sleep(0.6)
    play.engine.command(parse_command("top_p", (0.35,), "osc"))
    browser.wait("document.querySelector('[data-setting=top_p] output').textContent === '0.35'")
    assert float(browser.value("document.querySelector('#set-top_p').value")) == pytest.approx(0.35)
    play.engine.command(parse_command("top_p", (0.9,), "osc"))


def test_a_take_becomes_a_memory(browser, play):
    browser.click("#record-input")
    play.until("recording", "input")
    browser.wait("document.querySelector('#record-input').getAttribute('aria-pressed') === 'true'")
    browser.wait("document.querySelectorAll('#memories button').length === 2 && stage.about.memories[1].segments > 2")
    browser.press("r")
    play.until("recording", "off")
    browser.press("2")
    play.until("memory", "live")
    browser.wait("stage.memory === 'live' && stage.picture")
    keep(browser, "live")
    browser.press("1")
    play.until("memory", play.engine.session.repertoire[0].name)


def test_a_mistake_is_told(browser, play):
    browser.value("send('temperature', 99)")
    browser.wait("!$('toast').hidden && $('toast').textContent.startsWith('temperature = 99')")
    keep(browser, "mistake")
    browser.click("#toast")
    assert browser.value("$('toast').hidden")


def test_words_are_said_and_end_with_none(browser, play):
    browser.value("$('said').value = 'low piano'; $('say').requestSubmit()")
    browser.wait("stage.snap.settings.say === 'low piano'")
    browser.value("$('said').value = ''; $('say').requestSubmit()")
    browser.wait("stage.snap.settings.say === ''")
    browser.value("$('added').value = 'sparse and low'; $('add').requestSubmit()")
    browser.wait("stage.snap.settings.add === 'sparse and low'")
    browser.value("$('added').value = ''; $('add').requestSubmit()")
    browser.wait("stage.snap.settings.add === ''")


def test_the_sheet_holds_the_rest(browser, play):
    browser.click("#more")
    browser.wait("$('sheet').open")
    keep(browser, "sheet")
    assert browser.value("[...document.querySelectorAll('#others .setting')].map(e => e.dataset.setting)") == [
        name for name in browser.value("Object.values(stage.table.controls).filter(c => c.setting).map(c => c.name)")
        if name not in ("region", "section", "say", "add", "tempo_range")
        and not browser.value(f"!!document.querySelector('#sliders [data-setting={name}]')")
    ]  # fmt: skip
    browser.press("m")
    browser.click("#close")
    time.sleep(0.3)
    assert play.engine.snapshot()["state"] == "playing", "keys rest while the sheet is open"


def test_it_says_when_the_agent_is_gone_and_finds_it_again(browser, play):
    port = play.page.port
    play.page.close()
    browser.wait("document.body.dataset.state === 'gone'")
    keep(browser, "gone")
    assert browser.value("getComputedStyle($('gone')).display") == "flex"
    play.page = server.PageServer(play.engine, play.monitor, port=port).start()
    browser.wait("document.body.dataset.state === 'playing'", 10)
    assert browser.value("getComputedStyle($('gone')).display") == "none"


def test_silence_on_the_line_counts_as_gone(browser, play):
    tell = play.page._send
    play.page._send = lambda text: None
    browser.wait("document.body.dataset.state === 'gone'", 8)
    play.page._send = tell
    browser.wait("document.body.dataset.state === 'playing'", 10)
    assert threading.active_count() < 30

"""The session log: what was played comes back bit for bit, a log cut off replays to its last whole line, and damage
and mistakes are told."""

import json
import os
from contextlib import suppress

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.control.bus import Bus
from agent.performance import hops
from agent.records import session_log
from agent.records.replay import replay, sounds
from agent.records.session_log import LogError
from agent.settings.config import as_table
from corpora.corpus import boundary
from corpora.whole_files import AudioError
from tests.conftest import melody, noise, play_files, samples, tree, write

SOME = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHANGED = ("action.follow_level=0.7", "action.gain_db=3", "decision.rests='free'", "agent.seed=9")


@pytest.fixture(scope="module")
def played(stage, tmp_path_factory):
    """Folder with guide.wav, out.wav (24 bit), and S.jsonl of a performance at 44.1 kHz in 0.35 s hops."""
    folder = tmp_path_factory.mktemp("played")
    guide = np.concatenate([melody(4.0, 44100, 3), noise(2.0, 44100, 4), np.zeros(30000, np.float32)])
    write(folder / "guide.wav", guide, 44100)
    config = stage.settings(*CHANGED, hop=0.35)
    report = play_files(folder / "guide.wav", folder / "out.wav", config, speed=0, log=folder / "S.jsonl")
    assert report["samples"] == len(guide)
    return folder


def lines_of(folder):
    """All but the beats, which a replay does not need."""
    return [line for line in (folder / "S.jsonl").read_text().splitlines() if not line.startswith('{"beat"')]


def test_replay_is_play_bit_for_bit(played, tmp_path):
    found = replay(played / "S.jsonl", tmp_path / "again.wav")
    assert (tmp_path / "again.wav").read_bytes() == (played / "out.wav").read_bytes()
    assert sf.info(tmp_path / "again.wav").subtype == "PCM_24"
    assert found["samples"] == len(samples(played / "guide.wav"))


def test_replay_is_play_in_floats_too(stage, played, tmp_path):
    """Every sample as it left the concatenator, before any file."""
    session = stage.session(*CHANGED, hop=0.35, rate=44100)
    state, spoken, path_of_log = session.start(), [], tmp_path / "S.jsonl"
    with session_log.SessionLog(path_of_log, session, str(stage.memory)) as log:
        for _, answer, event in hops.live_hops(session, state, [samples(played / "guide.wav")]):
            spoken.append(answer)
            if event:
                log.hop(event)
        log.end(sum(map(len, spoken)))
    assert np.concatenate(list(sounds(path_of_log))).tobytes() == np.concatenate(spoken).tobytes()
    (memory,) = session_log.read(path_of_log)[0]["memories"]
    assert memory["fingerprint"] == session_log.fingerprint(session.repertoire[0].sound.audio)


def as_format_1(lines):
    """What the first Antiphon wrote of the same performance."""
    header, *rest = map(json.loads, lines)
    (memory,) = header.pop("memories")
    del header["slack"]
    header |= {"antiphon": 1, "memory": memory["name"], "fingerprint": memory["fingerprint"]}
    for section, keys in FORMAT_1.items():
        header["config"][section] = {key: header["config"][section][key] for key in keys}
    header["config"] = {key: header["config"][key] for key in FORMAT_1}
    for line in rest:
        line.pop("memory", None)
        line.pop("held", None)
    return [json.dumps(line, separators=(",", ":")) for line in (header, *rest)]


FORMAT_1 = {
    "agent": ("model", "memory", "seed"),
    "perception": ("gate_db",),
    "decision": ("temperature", "top_p", "top_k", "repetition_penalty", "constraint", "lookahead", "horizon", "rests",
                 "density"),
    "action": ("max_continuity", "taboo", "region", "crossfade_ms", "align_ms", "follow_level", "gain_db"),
    "live": ("hop", "slack_ms", "input", "output", "samplerate"),
}  # fmt: skip


def test_an_old_log_still_replays(played, tmp_path):
    (tmp_path / "S.jsonl").write_text("\n".join(as_format_1(lines_of(played))) + "\n")
    found = replay(tmp_path / "S.jsonl", tmp_path / "again.wav")
    assert (tmp_path / "again.wav").read_bytes() == (played / "out.wav").read_bytes()
    assert found["hops"] == len(lines_of(played)) - 2


def test_a_log_with_settings_that_are_gone_still_replays(played, tmp_path):
    header, *rest = lines_of(played)
    told = json.loads(header)
    told["config"]["decision"] |= {"best_of": 4, "reward": "cocola"}
    (tmp_path / "S.jsonl").write_text("\n".join([json.dumps(told), *rest]) + "\n")
    replay(tmp_path / "S.jsonl", tmp_path / "again.wav")
    assert (tmp_path / "again.wav").read_bytes() == (played / "out.wav").read_bytes()


def test_what_a_log_holds(stage, played):
    header, *hops, last = map(json.loads, lines_of(played))
    assert header["antiphon"] == 2 and header["samplerate"] == 44100 and header["hop"] == 0.35 and header["first"] == 1
    assert header["config"] == json.loads(json.dumps(as_table(stage.settings(*CHANGED, hop=0.35))))
    assert [hop["hop"] for hop in hops] == list(range(1, len(hops) + 1))
    for hop in hops:
        assert set(hop) >= {
            "heard",
            "level",
            "plan",
            "segment",
            "label",
            "why",
            "match",
            "run",
            "gain",
            "frames",
            "times",
        }
    assert last == {"end": len(samples(played / "guide.wav"))}


def test_a_log_is_on_the_disk_line_by_line(stage, tmp_path):
    session = stage.session(hop=0.5)
    state, log = session.start(), session_log.SessionLog(tmp_path / "S.jsonl", session, "demo")
    for number in range(3):
        _, event = session.step(state, np.zeros(24000, np.float32))
        log.hop(event)
        log.settle()
        assert len((tmp_path / "S.jsonl").read_text().splitlines()) == number + 2
    log.__exit__(None)


@SOME
@given(share=st.floats(0, 1))
def test_a_log_cut_anywhere_replays_to_its_last_whole_line(played, tmp_path, share):
    raw = (played / "S.jsonl").read_bytes()
    kept = raw[: int(share * len(raw))]
    (tmp_path / "cut.jsonl").write_bytes(kept)
    if len(kept) < raw.index(b"\n"):
        with pytest.raises(LogError, match="is not a session log"):
            replay(tmp_path / "cut.jsonl", tmp_path / "cut.wav")
        return
    found = replay(tmp_path / "cut.jsonl", tmp_path / "cut.wav")
    whole = [line for line in kept.split(b"\n")[1:] if line.endswith(b"}") and line.count(b"{") == line.count(b"}")]
    whole = [line for line in whole if b'"segment"' in line]
    assert found["hops"] == len(whole)
    expected = samples(played / "out.wav")
    length = min(boundary(1 + len(whole), 0.35, 44100), found["samples"])
    assert found["samples"] == length
    n = min(length, len(expected))
    np.testing.assert_array_equal(samples(tmp_path / "cut.wav")[:n], expected[:n])


def damaged(lines, how):
    header = json.loads(lines[0])
    hop = json.loads(lines[3])
    if how == "a line is no JSON":
        lines[3] = lines[3][:-5]
    elif how == "a line is a list":
        lines[3] = "[]"
    elif how == "a line is missing":
        del lines[3]
    elif how == "a line comes twice":
        lines.insert(3, lines[3])
    elif isinstance(how, dict):
        lines.insert(3, json.dumps(how))
    elif how in ("segment", "frames", "gain", "hop", "held", "memory"):
        value = {"segment": 10**9, "frames": -4, "gain": -1.0, "hop": 2.5, "held": 10**12, "memory": 1}[how]
        lines[3] = json.dumps(hop | {how: value})
    elif how == "no segment":
        del hop["segment"]
        lines[3] = json.dumps(hop)
    elif how == "text for a number":
        lines[3] = json.dumps(hop | {"segment": "4"})
    elif how == "NaN gain":
        lines[3] = json.dumps(hop | {"gain": float("nan")})
    elif how == "end":
        lines[-1] = json.dumps({"end": "soon"})
        lines.append("")
    else:
        key, value = how
        lines[0] = json.dumps({k: v for k, v in header.items() if k != key} | ({key: value} if value != "-" else {}))
    return lines


DAMAGES = [
    "a line is no JSON", "a line is a list", "a line is missing", "a line comes twice", "segment", "frames", "gain",
    "hop", "no segment", "text for a number", "NaN gain", "end", ("samplerate", "-"), ("samplerate", 0),
    ("samplerate", "fast"), ("hop", 0), ("hop", -1), ("hop", 1e308), ("first", 7), ("config", "-"), ("config", []),
    ("config", {"action": {"taboo": -1}}), ("config", {"nonsense": {}}), ("antiphon", 3), ("antiphon", "-"),
    ("memories", "-"), ("memories", []), ("memories", [{"name": "/nowhere/at/all.wav", "fingerprint": "0"}]),
    ("memories", [{"name": "demo", "fingerprint": "0"}]), ("memories", [3]), ("slack", -1), ("slack", "-"),
    ("slack", 10**9), "held", "memory", {"fader": 2, "at": -1}, {"fader": "x", "at": 1}, {"grow": 0, "from": 0},
    {"grow": 0, "file": "take-1.wav", "from": 0, "samples": 100}, {"take": 5}, {"undo": 0}, {"done": "x"},
    {"grow": 1, "file": "../take-1.wav", "from": 0, "samples": 100}, {"undo": 1}, {"nonsense": 1},
]  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES, ids=str)
def test_a_damaged_log_has_its_sentence(played, antiphon, tmp_path, how):
    (tmp_path / "S.jsonl").write_text("\n".join(damaged(lines_of(played), how)) + "\n")
    (tmp_path / "o.wav").write_bytes(b"precious")
    before = tree(tmp_path)
    said = antiphon("replay", "S.jsonl", "-o", "o.wav").sentence
    assert "S.jsonl" in said or "all.wav" in said
    assert tree(tmp_path) == before, "nothing half-written, nothing lost"


def test_what_is_no_log_is_refused(antiphon, played, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "binary.jsonl").write_bytes(os.urandom(200))
    (tmp_path / "list.jsonl").write_text("[1, 2]\n")
    for name in ("empty.jsonl", "binary.jsonl", "list.jsonl", played / "guide.wav"):
        assert "is not a session log: make one with" in antiphon("replay", name, "-o", "o.wav").sentence
    assert "no such file" in antiphon("replay", "nowhere.jsonl", "-o", "o.wav").sentence
    assert "is a directory" in antiphon("replay", tmp_path, "-o", "o.wav").sentence
    assert not (tmp_path / "o.wav").exists()


def test_a_memory_that_changed_is_refused(stage, antiphon, tmp_path, played):
    memory = tmp_path / "m.wav"
    sound = samples(stage.memory)
    write(memory, sound, 48000, "FLOAT")
    words = ("--input", played / "guide.wav", "--output", "p.wav", "--memory", memory, "--model", stage.model)
    assert antiphon("play", *words, "--log", "S.jsonl", "--speed", 0).code == 0
    assert antiphon("replay", "S.jsonl", "-o", "r.wav").code == 0
    assert (tmp_path / "r.wav").read_bytes() == (tmp_path / "p.wav").read_bytes()
    write(memory, sound * np.float32(0.999), 48000, "FLOAT")
    assert "is not what" in antiphon("replay", "S.jsonl", "-o", "r.wav").sentence
    memory.unlink()
    assert "there is no file" in antiphon("replay", "S.jsonl", "-o", "r.wav").sentence


# --- writing


def test_a_log_that_was_there_stays_if_the_piece_is_given_up(stage, tmp_path):
    audio = melody(3.0, 48000, 1)
    audio[100_000] = np.nan
    write(tmp_path / "g.wav", audio, 48000, "FLOAT")
    (tmp_path / "S.jsonl").write_text("the old one")
    (tmp_path / "o.wav").write_text("the old one")
    before = tree(tmp_path)
    with pytest.raises(AudioError, match=r"at 2\.083 s"):
        play_files(tmp_path / "g.wav", tmp_path / "o.wav", stage.settings(), speed=0, log=tmp_path / "S.jsonl")
    assert tree(tmp_path) == before
    (tmp_path / "S.jsonl").unlink()
    with pytest.raises(AudioError):
        play_files(tmp_path / "g.wav", tmp_path / "o.wav", stage.settings(), speed=0, log=tmp_path / "S.jsonl")
    assert sorted(tree(tmp_path)) == ["g.wav", "o.wav"]


def test_after_a_crash_both_logs_are_there(stage, tmp_path):
    session = stage.session(hop=0.5)
    (tmp_path / "S.jsonl").write_text("the old one")
    with pytest.raises(RuntimeError), session_log.SessionLog(tmp_path / "S.jsonl", session, "demo"):
        raise RuntimeError("a bug of ours")
    assert (tmp_path / "S~.jsonl").read_text() == "the old one"
    assert session_log.read(tmp_path / "S.jsonl")[0]["memories"][0]["name"] == "demo"
    with session_log.SessionLog(tmp_path / "S.jsonl", session, "demo") as log:
        log.end(0)
    assert sorted(tree(tmp_path)) == ["S.jsonl", "S~.jsonl"], "only what this one had put aside is gone"


def test_on_stage_no_log_is_ever_deleted_or_replaced(stage, tmp_path):
    session, bus = stage.session(hop=0.5), Bus()
    (tmp_path / "S.jsonl").write_text("the old one")
    (tmp_path / "S.takes").mkdir()
    (tmp_path / "S.takes" / "take-1.wav").write_text("the old take")
    for error in (None, AudioError, RuntimeError):
        with (
            suppress(AudioError, RuntimeError),
            session_log.SessionLog(tmp_path / "S.jsonl", session, "demo", bus=bus) as log,
        ):
            log.control("gain", (1,), "key", 1)
            if error:
                raise error("it ends badly")
            log.end(0)
    assert sorted(tree(tmp_path)) == ["S.jsonl", "S~.jsonl", "S~.takes/take-1.wav", "S~2.jsonl", "S~3.jsonl"]
    assert (tmp_path / "S~.jsonl").read_text() == "the old one"
    for name in ("S.jsonl", "S~2.jsonl", "S~3.jsonl"):
        assert '"gain"' in (tmp_path / name).read_text()


def test_a_full_disk_on_stage_is_reported_once_and_play_goes_on(stage, disk):
    path = disk("100k") / "S.jsonl"
    session, bus = stage.session(hop=0.25), Bus()
    state, tap, spoken = session.start(), bus.tap(), []
    with session_log.SessionLog(path, session, str(stage.memory), bus=bus) as log:
        for number in range(700):
            _, event = session.step(state, np.zeros(session.listener.next_hop_samples(state.hearing), np.float32))
            spoken.append(event)
            log.hop(event)
            if number % 50 == 0:
                log.settle()
        log.end(100)
    (report,) = tap.drain()
    assert report[0] == "error"
    assert "the log has ended, play goes on: " in report[1][0] and "no space left on device" in report[1][0]
    hops = sum(1 for _ in session_log.read(path)[1])
    assert 100 < hops < 700
    assert len(list(sounds(path))) == hops + 1


def test_a_full_disk_ends_a_performance_from_file_to_file(stage, disk):
    session = stage.session(hop=0.25)
    state = session.start()
    path = disk("100k") / "S.jsonl"
    path.write_text("the old one")
    before = tree(path.parent)
    with (
        pytest.raises(AudioError, match="no room on the disk"),
        session_log.SessionLog(path, session, str(stage.memory)) as log,
    ):
        for _ in range(700):
            log.hop(session.step(state, np.zeros(session.listener.next_hop_samples(state.hearing), np.float32))[1])
    assert tree(path.parent) == before


def test_a_log_that_cannot_be_written_is_told_before_the_piece(stage, antiphon, guide, tmp_path):
    (tmp_path / "file").touch()
    words = ("--input", guide, "--output", "o.wav", "--model", stage.model, "--memory", stage.memory, "--speed", 0)
    before = tree(tmp_path)
    assert "is not a folder" in antiphon("play", *words, "--log", "file/S.jsonl").sentence
    assert "there is no folder" in antiphon("play", *words, "--log", "nowhere/S.jsonl").sentence
    assert tree(tmp_path) == before

"""What a live performance says of itself at its end."""

import pytest

from agent.verbs import play


@pytest.mark.parametrize(("missed", "advised"), [(0, False), (100, False), (101, True), (1000, True)])
def test_many_late_answers_are_told_with_the_setting_that_mends_it(missed, advised):
    report = {"samples": 48000 * 250, "samplerate": 48000, "hops": 1000, "missed": missed, "xruns": 0,
              "mind_ms": {"p50": 142.9, "p99": 142.9}, "latency_ms": {"slack": 40.0}}  # fmt: skip
    report["scheduling"] = "realtime"
    said = play.lines(report, play.PlayOptions())
    assert f"1000 hops, {missed} missed" in said[0]
    advice = f"{missed} of 1000 answers came too late: they take longer than live.slack_ms = 40; raise it"
    assert any(line.startswith(advice) for line in said) == advised

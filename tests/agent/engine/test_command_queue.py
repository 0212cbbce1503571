"""The queue of commands: in order, bounded, and never in the way of what is urgent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.control.command import Command, CommandError
from agent.engine.command_queue import COMMAND_QUEUE_SIZE, STOPPING, URGENT, CommandQueue

NAMES = st.sampled_from(["play", "jump", "hold", "temperature", "top_p", *URGENT])


def drained(queue: CommandQueue) -> list[Command]:
    done: list[Command] = []
    queue.drain(done.append)
    assert not len(queue)
    return done


@given(st.lists(NAMES, max_size=40))
def test_urgent_first_then_all_others_in_order(names):
    """Of equal settings in a row the last counts, of an urgent command the newest; a stop overrules a waiting play."""
    queue, commands = CommandQueue(), [Command(name, (number,)) for number, name in enumerate(names)]
    for command in commands:
        queue.put(command)
    newest = {command.name: command for command in commands if command.name in URGENT}
    stops = [command.args[0] for command in newest.values() if command.name in STOPPING]
    others = [
        command
        for command in commands
        if command.name not in URGENT and not (command.name == "play" and command.args[0] < max(stops, default=-1))
    ]
    expected = [
        command
        for command, after in zip(others, [*others, None][1:], strict=True)
        if not (after and after.name == command.name and command.name in ("temperature", "top_p"))
    ]
    assert drained(queue) == [*sorted(newest.values(), key=lambda command: command.args[0]), *expected]


def test_it_is_full_for_all_but_what_is_urgent():
    queue = CommandQueue()
    for _ in range(COMMAND_QUEUE_SIZE):
        queue.put(Command("jump"))
    with pytest.raises(CommandError, match="jump: 10000 commands are waiting already: send fewer"):
        queue.put(Command("jump"))
    for _ in range(3):
        for name in URGENT:
            queue.put(Command(name))
    assert len(queue) == COMMAND_QUEUE_SIZE + len(URGENT)
    assert [command.name for command in drained(queue)[: len(URGENT)]] == list(URGENT)


def test_what_is_being_carried_out_still_counts():
    queue, seen = CommandQueue(), []
    queue.put(Command("jump"))
    queue.drain(lambda command: seen.append(len(queue)))
    assert seen == [1] and len(queue) == 0

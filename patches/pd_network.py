"""The network subpatch of both Pd patches: it sends, receives, subscribes and follows the heartbeat of the agent."""

from __future__ import annotations

from collections.abc import Iterable

from patches.pd_patch import Patch
from patches.surface import AGENT_PORT, HOST


def network(port: int, reports: Iterable[str], receiver: str, state: bool = False) -> Patch:
    """The subpatch: reports go to [s `receiver`], OSC bytes from [r $0-out] go to the agent.

    It subscribes to `reports` on UDP port `port` again every second, so that the agent may be started later. state:
    ask for every setting when the heartbeat begins.
    """
    patch = Patch(760, 470, "network")
    patch.text(20, 8, "What this patch sends (OSC bytes) leaves here. Change the address if the agent is elsewhere.")
    load, metro = patch.obj(20, 30, "loadbang"), patch.obj(20, 80, "metro 1000")
    gate, connect = patch.obj(20, 105, "spigot 1"), patch.msg(20, 130, f"connect {HOST} {AGENT_PORT}")
    send, closed = patch.obj(20, 250, "netsend -u -b"), patch.obj(20, 275, "== 0")
    patch.connect(load, patch.msg(20, 55, "1"), metro, gate, connect, send, closed)
    patch.connect_inlet(closed, 0, gate, 1)
    out = patch.obj(200, 212, "list prepend send")
    patch.connect(patch.obj(200, 190, "r $0-out"), out, patch.obj(200, 232, "list trim"), send)
    words = patch.msg(330, 105, f"{port} {' '.join(reports)}")
    patch.connect(
        metro, patch.obj(330, 80, "delay 100"), words, patch.obj(330, 140, "oscformat antiphon subscribe"), out
    )
    patch.text(20, 310, "What the agent tells: to the port we subscribed, and as an answer to the socket we send from.")
    receive, parse = patch.obj(20, 335, f"netreceive -u -b {port}"), patch.obj(170, 335, "oscparse")
    deliver = patch.obj(440, 335, f"s {receiver}")
    patch.connect(receive, parse, patch.obj(240, 335, "list trim"), patch.obj(320, 335, "route antiphon"), deliver)
    patch.connect_inlet(send, 1, parse, 0)
    patch.text(20, 375, "The heartbeat: where it begins, ask for all settings; where it is missing for 3 s, say so.")
    reports_out, order = patch.obj(20, 400, f"r {receiver}"), patch.obj(250, 400, "t b b")
    wait, alive = patch.obj(300, 400, "delay 3000"), patch.obj(440, 400, "change")
    patch.connect(reports_out, patch.obj(140, 400, "route status"), order, wait, patch.msg(390, 400, "0"), alive)
    patch.connect((order, 1), patch.msg(250, 425, "1"), alive)
    patch.connect(alive, patch.msg(440, 425, "set $1"), patch.obj(500, 425, "s $0-connected"))
    if state:
        patch.connect(alive, patch.obj(500, 400, "sel 1"), patch.obj(560, 400, "oscformat antiphon state"), out)
    return patch

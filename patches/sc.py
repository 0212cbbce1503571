"""Writes the SuperCollider class and its help page, with a method for each control and a hook for each report."""

from __future__ import annotations

from agent.control.command import CONTROLS, REPORTS, ROOT, Control

HIDDEN = ("subscribe", "unsubscribe", "state", "ping")  # their methods are in the template of the class

CLASS = """// Antiphon: a musical agent, heard and steered from SuperCollider. Help: Antiphon.schelp
// Written by python -m patches.make from the agent's own table; README.md says how to install it.

Antiphon {
	classvar <reports;
	var <addr, <memories, <state, <>verbose = false, hooks, responders, beat, seen;

	*initClass { reports = IdentityDictionary[%(reports)s]; }

	// host, port: where the agent listens ([osc] in agent.toml)
	*new { |host = "127.0.0.1", port = 9000| ^super.new.init(NetAddr(host, port)) }

	init { |where|
		addr = where;
		hooks = IdentityDictionary.new;
		memories = List.new;
		state = IdentityDictionary.new;
		responders = reports.keys.asArray.collect { |name|
			OSCFunc({ |msg| this.told(name, msg.drop(1)) }, "%(root)s" ++ name)
		};
		// again and again, so that the agent may be started later
		beat = fork { loop { this.subscribe; 1.wait } };
		CmdPeriod.doOnce { beat = nil };
	}

	// a report has come: keep what it says, call what was given to `on`
	told { |name, values|
		if(name == \\changed) { state[values[0].asSymbol] = values.drop(1).unbubble };
		if(name == \\status) { this.heartbeat };
		if(name == \\memory) { if(memories.includes(values[0]).not) { memories.add(values[0]) } };
		if(verbose) { ("antiphon" + name + values).postln };
		hooks[name].do { |hook| hook.value(*values) };
	}

	// where the heartbeat begins, ask for all settings
	heartbeat {
		var now = Main.elapsedTime;
		if(seen.isNil or: { now - seen > 3 }) { this.askState };
		seen = now;
	}

	// what is to happen when the agent tells: a.on(\\event, { |hop, why, segment ... memory, lead| ... })
	on { |report, hook|
		if(reports.includesKey(report).not) {
			Error("Antiphon: no report" + report ++ ", expected one of" + reports.keys.asArray.sort).throw
		};
		hooks[report] = hooks[report].add(hook);
	}

	off { |report| hooks[report] = nil }

	// any control by its name: a.send(\\temperature, 0.7)
	send { |control ... values| addr.sendMsg("%(root)s" ++ control, *values) }

	// the same so many seconds from now, by a timetag the agent keeps (10 s at most)
	sendLater { |seconds, control ... values| addr.sendBundle(seconds, ["%(root)s" ++ control] ++ values) }

	subscribe { addr.sendMsg("%(root)ssubscribe", NetAddr.langPort, *reports.keys.asArray.sort) }
	unsubscribe { addr.sendMsg("%(root)sunsubscribe", NetAddr.langPort) }
	askState { addr.sendMsg("%(root)sstate") }
	ping { |value| if(value.isNil) { this.send(\\ping) } { this.send(\\ping, value) } }

	free {
		beat.stop;
		this.unsubscribe;
		responders.do(_.free);
	}

	// --- the controls
%(methods)s
}
"""

HELP = """TITLE:: Antiphon
summary:: hears and steers the musical agent Antiphon
categories:: External Control>OSC
related:: Classes/OSCFunc, Classes/NetAddr

DESCRIPTION::
Antiphon is a program of its own that listens to a musician and answers from a recorded memory. This class sends it
controls and receives its reports. Start the agent with code::antiphon play:: ; it listens on port 9000 of the same
machine. The agent may be started before or after the class.

CLASSMETHODS::

METHOD:: new
argument:: host
The machine the agent runs on. Another one than this must be in code::osc.allow:: of agent.toml.
argument:: port
code::osc.port:: of agent.toml.

METHOD:: reports
returns:: an IdentityDictionary: report -> names of its values.

INSTANCEMETHODS::

METHOD:: on
What is to happen when the agent tells something.
argument:: report
One of the reports below, a Symbol.
argument:: hook
A Function, called with the values in the order of the table.

METHOD:: off
Forget the functions of a report.

METHOD:: send
A control by its name, for names like code::'preset/save'::.

METHOD:: sendLater
The same after so many seconds (10 at most): the agent keeps the time.

METHOD:: ping
The agent answers pong.

METHOD:: askState
The agent answers with the value of every setting (report code::changed::).

METHOD:: subscribe
Reports to this interpreter; done every second by itself.

METHOD:: unsubscribe
No more reports.

METHOD:: state
returns:: the newest value of every control, by name.

METHOD:: memories
returns:: the names of the memories that can be chosen.

METHOD:: verbose
Post every report.

METHOD:: free
Say good-bye to the agent.

SUBSECTION:: Controls
%(controls)s

SECTION:: Reports
table::
## strong::report:: || strong::values:: || strong::meaning::
%(reports)s
::

EXAMPLES::
code::
a = Antiphon.new;
a.on(\\event, { |hop, why, segment, label, match, run, position, duration, gain, memory, lead|
	"hop %% : %% from %% s, sounds in %% s".format(hop, why, position.round(0.01), lead.round(0.001)).postln
});
a.on(\\error, { |sentence| sentence.postln });
a.temperature(0.7);
a.mute(1); a.mute(0);
a.sendLater(2, \\jump);
a.scenarioNext(3, 3, -1, 7);
a.state;
a.free;
::
A player for code::antiphon play --output osc:: is in the file code::antiphon-player.scd::.
"""


def method(control: Control) -> str:
    """Name of the method of a control: preset/save -> presetSave."""
    first, *more = control.name.split("/")
    return first + "".join(word.capitalize() for word in more)


def _controls() -> list[Control]:
    return [control for control in CONTROLS.values() if control.name not in HIDDEN]


def _method(control: Control) -> str:
    """The code of one method; an argument that is left out is not sent."""
    if control.args and (control.args[-1].many or control.toggle or control.args[-1].optional or len(control.args) > 1):
        return f"\t{method(control)} {{ |...values| this.send('{control.name}', *values) }}"
    names = [arg.name if arg.name != control.name else "value" for arg in control.args]
    head = f"|{', '.join(names)}| " if names else ""
    sent = ", ".join([f"'{control.name}'", *names])
    return f"\t{method(control)} {{ {head}this.send({sent}) }}"


def extension() -> str:
    """The text of Antiphon.sc."""
    reports = ", ".join(
        f"\\{report.name} -> #[{', '.join(chr(92) + field.name for field in report.fields)}]"
        for report in REPORTS.values()
    )
    methods = "\n".join(f"\t// {control.meaning}\n{_method(control)}" for control in _controls())
    return CLASS % {"reports": reports, "root": ROOT, "methods": methods}


def help_page() -> str:
    """The text of Antiphon.schelp."""
    controls = "".join(
        f"\nMETHOD:: {method(control)}\n{control.meaning}."
        f"{''.join(f' {arg.name}: {arg.expected}.' for arg in control.args)}\n"
        for control in _controls()
    )
    reports = "\n".join(
        f"## {report.name} || {', '.join(field.name for field in report.fields)} || {report.meaning}"
        for report in REPORTS.values()
    )
    return HELP % {"controls": controls, "reports": reports}

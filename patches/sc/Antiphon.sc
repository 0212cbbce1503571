// Antiphon: a musical agent, heard and steered from SuperCollider. Help: Antiphon.schelp
// Written by python -m patches.make from the agent's own table; README.md says how to install it.

Antiphon {
	classvar <reports;
	var <addr, <memories, <state, <>verbose = false, hooks, responders, beat, seen;

	*initClass { reports = IdentityDictionary[\heard -> #[\hop, \label, \level, \time], \plan -> #[\hop, \label], \event -> #[\hop, \why, \segment, \label, \match, \run, \position, \duration, \gain, \memory, \lead, \time], \pulse -> #[\lead, \bpm, \phase, \confidence, \source, \time], \meter -> #[\in, \out], \status -> #[\state, \hop, \mind_p50, \mind_p99, \missed, \xruns, \memory], \latency -> #[\hop, \slack, \in, \out, \total], \xruns -> #[\total], \missed -> #[\total, \hop], \coherence -> #[\position, \both, \harmonic, \percussive], \fit -> #[\in_tune, \in_time], \changed -> #[\name, \value], \memory -> #[\name, \segments, \seconds], \section -> #[\memory, \name, \begin, \end], \device -> #[\state, \name], \midi -> #[\message, \control], \fill -> #[\bar, \notes, \took, \lead], \error -> #[\sentence], \pong -> #[\value]]; }

	// host, port: where the agent listens ([osc] in agent.toml)
	*new { |host = "127.0.0.1", port = 9000| ^super.new.init(NetAddr(host, port)) }

	init { |where|
		addr = where;
		hooks = IdentityDictionary.new;
		memories = List.new;
		state = IdentityDictionary.new;
		responders = reports.keys.asArray.collect { |name|
			OSCFunc({ |msg| this.told(name, msg.drop(1)) }, "/antiphon/" ++ name)
		};
		// again and again, so that the agent may be started later
		beat = fork { loop { this.subscribe; 1.wait } };
		CmdPeriod.doOnce { beat = nil };
	}

	// a report has come: keep what it says, call what was given to `on`
	told { |name, values|
		if(name == \changed) { state[values[0].asSymbol] = values.drop(1).unbubble };
		if(name == \status) { this.heartbeat };
		if(name == \memory) { if(memories.includes(values[0]).not) { memories.add(values[0]) } };
		if(verbose) { ("antiphon" + name + values).postln };
		hooks[name].do { |hook| hook.value(*values) };
	}

	// where the heartbeat begins, ask for all settings
	heartbeat {
		var now = Main.elapsedTime;
		if(seen.isNil or: { now - seen > 3 }) { this.askState };
		seen = now;
	}

	// what is to happen when the agent tells: a.on(\event, { |hop, why, segment ... memory, lead| ... })
	on { |report, hook|
		if(reports.includesKey(report).not) {
			Error("Antiphon: no report" + report ++ ", expected one of" + reports.keys.asArray.sort).throw
		};
		hooks[report] = hooks[report].add(hook);
	}

	off { |report| hooks[report] = nil }

	// any control by its name: a.send(\temperature, 0.7)
	send { |control ... values| addr.sendMsg("/antiphon/" ++ control, *values) }

	// the same so many seconds from now, by a timetag the agent keeps (10 s at most)
	sendLater { |seconds, control ... values| addr.sendBundle(seconds, ["/antiphon/" ++ control] ++ values) }

	subscribe { addr.sendMsg("/antiphon/subscribe", NetAddr.langPort, *reports.keys.asArray.sort) }
	unsubscribe { addr.sendMsg("/antiphon/unsubscribe", NetAddr.langPort) }
	askState { addr.sendMsg("/antiphon/state") }
	ping { |value| if(value.isNil) { this.send(\ping) } { this.send(\ping, value) } }

	free {
		beat.stop;
		this.unsubscribe;
		responders.do(_.free);
	}

	// --- the controls
	// begins, also after an error
	play { this.send('play') }
	// fades out and rests; listening continues
	stop { this.send('stop') }
	// silences the output; decisions continue
	mute { |...values| this.send('mute', *values) }
	// continues the memory as recorded, without decisions
	hold { |...values| this.send('hold', *values) }
	// listens, but does not answer
	listen { |...values| this.send('listen', *values) }
	// silences the output within 10 ms, and stops
	panic { this.send('panic') }
	// fades out and ends the program
	quit { this.send('quit') }
	// the next hop must not continue this one
	jump { this.send('jump') }
	// stores this position of the memory and these settings
	like { this.send('like') }
	// returns to the position liked last; again: to the one before
	back { this.send('back') }
	// jumps away from what was played recently
	change { this.send('change') }
	// plays from this memory from the next hop on
	memory { |value| this.send('memory', value) }
	// appends the input, or the output, to the memory 'live'
	record { |source| this.send('record', source) }
	// removes the last take from the memory 'live'
	undo { this.send('undo') }
	// writes the memory 'live' to a corpus folder of this name
	save { |name| this.send('save', name) }
	// stores all settings under a name
	presetSave { |name| this.send('preset/save', name) }
	// restores the settings of that name
	presetRecall { |name| this.send('preset/recall', name) }
	// labels to play from a given hop on; -1: free choice
	scenario { |...values| this.send('scenario', *values) }
	// labels to play from the next hop on; -1: free choice
	scenarioNext { |...values| this.send('scenario/next', *values) }
	// deletes the labels that are not played yet
	scenarioClear { this.send('scenario/clear') }
	// hops below this level count as silence
	gate_db { |value| this.send('gate_db', value) }
	// source of the beat; auto: the first available of midi, link, osc, tap and audio
	beat_source { |value| this.send('beat_source', value) }
	// slowest and fastest tempo that is tracked
	tempo_range { |...values| this.send('tempo_range', *values) }
	// which decides: the first model, agent.model, or the second, agent.second_model
	model { |value| this.send('model', value) }
	// above 1 bolder, below 1 safer
	temperature { |value| this.send('temperature', value) }
	// 0 draws the likeliest label, 1 any label
	top_p { |value| this.send('top_p', value) }
	// number of likeliest labels to draw from; 0: all
	top_k { |value| this.send('top_k', value) }
	// above 1 avoids labels played recently
	repetition_penalty { |value| this.send('repetition_penalty', value) }
	// how strictly labels are limited to those of the memory
	constraint { |value| this.send('constraint', value) }
	// 1 answers the last hop, more decides further ahead
	lookahead { |value| this.send('lookahead', value) }
	// length of the plan
	horizon { |value| this.send('horizon', value) }
	// together: plays with you, waits in your rests; after: answers in your rests; free: never waits
	behaviour { |value| this.send('behaviour', value) }
	// where it may rest; follow: where you rest; free: anywhere; never: nowhere
	rests { |value| this.send('rests', value) }
	// share of the time it plays; 0 is silent
	density { |value| this.send('density', value) }
	// how much the labels obey what is to be added or was said; 0: not at all, 1: as trained
	guidance { |value| this.send('guidance', value) }
	// cost: by the fit to what you play; match: by the labels alone
	choice { |value| this.send('choice', value) }
	// cost of a jump; 0 joins what fits best, 1 and more plays long phrases
	cut_cost { |value| this.send('cut_cost', value) }
	// longest stretch played as recorded
	max_continuity { |value| this.send('max_continuity', value) }
	// time for which a segment that was played is not jumped to
	taboo { |value| this.send('taboo', value) }
	// part of the memory that may be played, from 0 (start) to 1 (end)
	region { |...values| this.send('region', *values) }
	// name of the section of the memory that may be played; empty, or a new region: the region
	section { |value| this.send('section', value) }
	// words for what to play of the memory, like 'sparse low piano, minor'; empty: none
	say { |value| this.send('say', value) }
	// weight of what was said, beside the fit to what you play
	words { |value| this.send('words', value) }
	// the part to be added, like 'a sparse low bass off the beat'; empty: whatever fits
	add { |value| this.send('add', value) }
	// weight of what is to be added, beside the fit to what you play
	obey { |value| this.send('obey', value) }
	// auto: plays the memory at your tempo where both tempos are reliable
	stretch { |value| this.send('stretch', value) }
	// playback speed where stretch does not apply, at the same pitch; 1: as recorded
	speed { |value| this.send('speed', value) }
	// transposition of the memory
	transpose { |value| this.send('transpose', value) }
	// auto: moves each run by up to 2 more semitones either way, to what you play
	match_key { |value| this.send('match_key', value) }
	// 0: the memory's level, 1: yours
	follow_level { |value| this.send('follow_level', value) }
	// output gain
	gain_db { |value| this.send('gain_db', value) }
	// a beat is now
	beat { this.send('beat') }
	// the tempo of the beats that are sent
	tempo { |bpm| this.send('tempo', bpm) }
	// a beat is now, by hand; from the second on it leads
	tap { this.send('tap') }
	// the beats that were sent have ended
	beatStop { this.send('beat/stop') }
	// the beat that leads is twice as fast
	beatDouble { this.send('beat/double') }
	// the beat that leads is half as fast
	beatHalf { this.send('beat/half') }
	// the label of one hop, from a patch; with --input osc
	hearLabel { |...values| this.send('hear/label', *values) }
	// the features of one hop, from a patch; with --input osc
	hearFeature { |...values| this.send('hear/feature', *values) }
	// binds this control to the next pedal, key or fader that moves
	midiLearn { |...values| this.send('midi/learn', *values) }
	// unbinds this control from all pedals, keys and faders
	midiForget { |control| this.send('midi/forget', control) }
	// the part that is missing, like drums, from the next bar on; with --fill
	fillPart { |part| this.send('fill/part', part) }
	// how it is to be played, from the next bar on; empty: as the model likes
	fillSay { |words| this.send('fill/say', words) }
}

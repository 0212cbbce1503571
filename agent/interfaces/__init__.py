"""Who controls and watches a performance: OSC, web page, terminal and MIDI mapping."""

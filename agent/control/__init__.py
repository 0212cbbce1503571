"""What can be said to the agent: the table of it, checked commands, presets, and the bus that reports travel on."""

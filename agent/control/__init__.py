"""What can be said to the agent: one table (spec), checked commands, presets, and the bus that reports travel on."""

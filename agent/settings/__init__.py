"""The settings of agent.toml: their fields, ranges and defaults."""

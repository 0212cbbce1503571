"""Controls and reports: their table, checked commands, presets, and the bus of reports."""

"""Tests that need a real sound server, patch or browser: `from live.jackrig import Rig`."""

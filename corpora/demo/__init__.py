"""The demonstration: a guide and a memory made by `make_demo.py`, CC0."""

from pathlib import Path

GUIDE = Path(__file__).with_name("guide.flac")  # a flute alone
MEMORY = Path(__file__).with_name("memory.flac")  # a piano alone, through all 24 major and minor chords

"""What MIDI lacks on this machine is said with the remedy for that lack, and no other."""

import sys

import pytest

from agent.devices.midi_port import _rtmidi
from agent.settings.config import ConfigError


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("raise ModuleNotFoundError(\"No module named 'rtmidi'\", name='rtmidi')", "pip install python-rtmidi"),
        (
            "raise ImportError('libasound.so.2: cannot open shared object file')",
            "libasound.so.2.*apt install libasound2",
        ),
    ],
)
def test_a_package_and_a_library_that_are_absent_have_remedies_of_their_own(monkeypatch, tmp_path, module, remedy):
    (tmp_path / "rtmidi.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "rtmidi", raising=False)
    with pytest.raises(ConfigError, match=remedy):
        _rtmidi()

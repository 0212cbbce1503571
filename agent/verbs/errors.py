"""Lists the errors that a user can mend, each shown as one sentence. Any other error is a bug, with its traceback."""

from __future__ import annotations

import sys

USER_ERRORS = (  # (module, class): one class for each folder or file format that a user works with
    ("agent.settings.config", "ConfigError"),
    ("agent.verbs.bench_load", "LoadError"),
    ("agent.records.session_log", "LogError"),
    ("agent.performance.model_folder", "ModelError"),
    ("agent.devices.portaudio", "DeviceError"),
    ("agent.control.command", "CommandError"),
    ("corpora.whole_files", "AudioError"),
    ("corpora.corpus", "CorpusError"),
    ("decision.attributes", "AttributesError"),
    ("decision.diffusion", "DiffusionError"),
    ("decision.fill", "FillError"),
    ("decision.model", "DecisionError"),
    ("perception.hpss", "CoherenceError"),
    ("perception.units", "AlphabetError"),
    ("perception.wav2vec2", "EncoderError"),
    ("perception.words", "WordsError"),
    ("train.common.errors", "TrainError"),
)


def user_error_classes() -> tuple[type[Exception], ...]:
    """The classes of `USER_ERRORS` whose modules are loaded; a class of another module cannot have been raised."""
    return tuple(getattr(sys.modules[module], name) for module, name in USER_ERRORS if module in sys.modules)


def user_sentence(error: Exception) -> str | None:
    """The sentence to show for an error; None if the error is a bug of ours.

    An OSError that names a file gets a sentence too: the system refused that file, and the user can mend that.
    """
    if isinstance(error, user_error_classes()):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        name = error.filename.decode(errors="replace") if isinstance(error.filename, bytes) else error.filename
        return (
            f"'{name}' cannot be used ({(error.strerror or str(error)).lower()}): check its name and folder, who may "
            "read and write there, and the room on the disk"
        )
    return None

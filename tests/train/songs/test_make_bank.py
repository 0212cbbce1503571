"""A bank of notes from a library: measured, trimmed, named by what it sounds, whole or not at all."""

import numpy as np
import pytest
import soundfile as sf

from corpora.whole_files import AudioError
from train.common.errors import TrainError
from train.songs import make_bank, sampler
from train.songs.make_bank import Recipe

RATE = 48000


def tone(pitch, seconds=2.0, decay=0.0, silence=0.2):
    """A note with four harmonics, after some silence."""
    time = np.arange(int(seconds * RATE)) / RATE
    partials = [np.sin(2 * np.pi * n * 440 * 2 ** ((pitch - 69) / 12) * time) / n for n in range(1, 5)]
    return np.concatenate([np.zeros(int(silence * RATE)), 0.2 * np.sum(partials, axis=0) * np.exp(-decay * time)])


def write(path, audio):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, audio, RATE)


def named_library(folder, off=0.0):
    """Samples named by note, which sound so many semitones higher than they are named."""
    for name, pitch in (("c3", 48), ("fsharp3", 54), ("bflat3", 58), ("e4", 64)):
        write(folder / "lib/flute" / f"{name}.wav", tone(pitch + off))
    return folder / "lib"


FLUTE = Recipe("flute", "lib/flute", "CC0 1.0", ("melody",), True, 0.1)


@pytest.mark.parametrize("off", [0.0, 12.0, -12.0, 0.3, -12.23])
def test_pitches_are_what_sounds_not_what_is_written(tmp_path, off):
    pitches = sorted(pitch for pitch, *_ in make_bank.notes_of(FLUTE, named_library(tmp_path, off)))
    np.testing.assert_allclose(pitches, np.array([48, 54, 58, 64]) + off, atol=0.03)


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_what_is_made_is_played_from_the_attack_on_in_tune(tmp_path, suffix):
    make_bank.make([named_library(tmp_path, -12.2)], tmp_path / "bank", suffix, jobs=1, recipes=[FLUTE])
    bank = sampler.load_bank(tmp_path / "bank")
    audio = sampler.render_notes(np.array([[0, 1.5, 45, 100]]), "flute", bank, np.random.default_rng(0))
    assert np.argmax(np.abs(audio) > 0.3 * np.abs(audio).max()) < 0.01 * 16000
    spectrum = np.abs(np.fft.rfft(audio[1600:20000] * np.hanning(18400), 1 << 20))
    assert abs(69 + 12 * np.log2(np.argmax(spectrum) * 16000 / (1 << 20) / 440) - 45) < 0.05


def test_a_note_with_a_wrong_name_is_renamed(tmp_path):
    library = named_library(tmp_path)
    write(library / "flute" / "g3.wav", tone(57))
    assert [round(pitch) for pitch, *_ in make_bank.notes_of(FLUTE, library)] == [58, 48, 64, 54, 57]


def test_a_note_lasts_as_long_as_it_is_audible():
    lasting = [make_bank.trimmed(tone(60, 6.0)[::3].astype(np.float32), sustained) for sustained in (True, False)]
    assert [round(len(audio) / 16000, 1) for audio in lasting] == [3.0, 4.0]
    dying = make_bank.trimmed(tone(60, 6.0, decay=6.0)[::3].astype(np.float32), False)
    assert 0.8 < len(dying) / 16000 < 1.2


def test_fragments_are_left_out():
    notes = [(float(pitch), 100, np.ones(16000 if pitch != 60 else 3000, np.float32)) for pitch in range(50, 70, 3)]
    notes.append((60.0, 100, np.ones(3000, np.float32)))
    assert [pitch for pitch, *_ in make_bank._whole(notes)] == list(range(50, 70, 3))


def test_a_kit_keeps_its_keys_their_proportions_and_its_aliases(tmp_path):
    for key, gain in (("kick", 1.0), ("snare", 0.3)):
        for take in (1, 2):
            write(tmp_path / "lib" / key / f"{take}.wav", gain * tone(50, 0.3, 10.0))
    folders, also = {36: "kick", 38: "snare"}, {40: 38}
    kit = Recipe("kit", "lib/kick", "CC0 1.0", ("drums",), False, None, folders=folders, also=also)
    bank = make_bank.make([tmp_path / "lib"], tmp_path / "bank", jobs=1, recipes=[kit])
    assert sorted(key for key, *_ in bank["kit"]["notes"]) == [36, 36, 38, 38, 40, 40]
    played = sampler.load_bank(tmp_path / "bank")
    kick, snare, alias = (
        sampler.render_notes(np.array([[0, 0.1, key, 127]]), "kit", played, np.random.default_rng(0))
        for key in (36, 38, 40)
    )
    assert np.std(snare) / np.std(kick) == pytest.approx(0.3, rel=0.05)
    np.testing.assert_array_equal(snare, alias)


def test_an_sfz_is_played_at_its_keys_velocities_and_controls(tmp_path):
    pytest.importorskip("pysfizz")
    for pitch in (48, 60):
        write(tmp_path / "lib" / f"{pitch}.wav", tone(pitch, 5.0, silence=0))
    regions = [f"<region> sample=$kind{p}.wav lokey={p - 6} hikey={p + 5} pitch_keycenter={p}" for p in (48, 60)]
    (tmp_path / "lib" / "organ.sfz").write_text("<global> amplitude_oncc20=100\n" + "\n".join(regions))
    described = {"controls": {20: 127}, "defines": "#define $kind ./\n"}
    organ = Recipe("organ", "lib/organ.sfz", "CC0", ("chords",), True, 0.1, range(44, 73, 7), (50, 110), **described)
    notes = make_bank.notes_of(organ, tmp_path / "lib")
    assert [(round(pitch), velocity) for pitch, velocity, _ in notes] == [
        (pitch, velocity) for pitch in (44, 51, 58, 65) for velocity in (50, 110)
    ]
    assert all(len(audio) == 3 * 16000 for *_, audio in notes)  # whole, however fast they are asked for
    assert {path.name for path in (tmp_path / "lib").iterdir()} == {"48.wav", "60.wav", "organ.sfz"}


def test_every_recipe_names_an_instrument_of_its_own_and_a_licence_that_shares_nothing_alike():
    names = [recipe.name for recipe in make_bank.RECIPES]
    assert len(set(names)) == len(names)
    for recipe in make_bank.RECIPES:
        assert recipe.licence in (make_bank.CC0, make_bank.PD, make_bank.BY, make_bank.MIT)
        assert set(recipe.roles) <= {"bass", "chords", "melody", "drums"}
        assert "sso-" not in recipe.path and not any("sso-" in folder for folder in recipe.folders.values())


def test_mistakes_are_reported_and_leave_nothing_behind(tmp_path):
    with pytest.raises(TrainError, match="no instrument is known of a library 'strange'"):
        make_bank.make([tmp_path / "strange"], tmp_path / "bank")
    with pytest.raises(AudioError, match="is no folder"):
        make_bank.make([tmp_path / "lib"], tmp_path / "bank", recipes=[FLUTE])
    (tmp_path / "lib" / "flute").mkdir(parents=True)
    with pytest.raises(TrainError, match="nothing sounds"):
        make_bank.make([tmp_path / "lib"], tmp_path / "bank", jobs=1, recipes=[FLUTE])
    assert not (tmp_path / "bank").exists()

"""The law of encoding many stems at once: hop by hop what the listener computes from a file."""

import numpy as np
import pytest
import soundfile as sf
from transformers import Wav2Vec2Model

from perception.level import level_db
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder, music_config
from train.data.encode import Stem, at_once, stem_features
from train.data.store import Store


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(0)
    for number, seconds in enumerate((2.3, 3.1)):
        folder = tmp_path / "train" / f"song{number}"
        folder.mkdir(parents=True)
        for part in ("bass", "flute"):
            audio = 0.1 * rng.standard_normal(int(seconds * SAMPLERATE))
            sf.write(folder / f"{part}.flac", audio, SAMPLERATE, subtype="PCM_16")
    return Store([tmp_path], "train")


@pytest.mark.parametrize("way", [stem_features, at_once])
@pytest.mark.parametrize("hop", [0.25, 0.35])
def test_stems_encoded_together_are_what_the_encoder_makes_of_each(store, hop, way):
    encoder = Wav2Vec2Encoder(Wav2Vec2Model(music_config(pitches=24, dim=32, layers=1, heads=2)), hop)
    stems = [Stem(f"{part}", (number,)) for song in store.songs for part, number in song.parts.items()]
    stems.append(Stem("mix-bass+flute", tuple(store.songs[0].parts.values())))
    for stem, by_span in zip(stems, way(encoder, store, stems, (1, 2)), strict=True):
        length = int(store.length[stem.parts[0]])
        audio = sum(store.windows([(part, 0)], length)[0].numpy() for part in stem.parts)
        expected = dict(zip((1, 2), encoder.batch(audio, (1, 2)), strict=True))
        for span, (features, levels) in by_span.items():
            assert features.shape == expected[span].shape and len(features)
            spread = expected[span].std()
            assert np.abs(features - expected[span]).max() < 0.05 * spread  # bfloat16: 1 % of the spread, and its tail
            samples = span * encoder.hop
            whole = audio[: len(levels) * samples].reshape(-1, samples)
            assert np.abs(levels - level_db(whole)).max() < 0.05  # float16 of numbers below 128

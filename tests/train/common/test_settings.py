"""Laws of the settings helper: every field is a flag, what is given is what is meant, runs go on as they began."""

import argparse
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train import fit_attributes, fit_coherence, fit_decision, fit_encoder, fit_units
from train.common.errors import TrainError
from train.common.settings import FALSE, TRUE, add_arguments, check_resume, frozen, parse_recipe
from train.evaluate import coherence, regeneration
from train.probe import probe

RECIPES = (
    fit_encoder.EncoderTraining, fit_units.UnitsTraining, fit_decision.DecisionTraining,
    fit_coherence.CoherenceTraining, fit_attributes.AttributesTraining,
)  # fmt: skip
EVALUATIONS = (
    regeneration.RegenerationEvaluation, coherence.CoherenceEvaluation, probe.ProbeEvaluation,
    regeneration.GridEvaluation,
)  # fmt: skip

OTHERS = {"size": "paper", "precision": "float32", "best": "ce", "lengths": (0.5,)} | dict.fromkeys(
    (
        "own",
        "own_share",
        "own_top_p",
        "long",
        "bound",
        "noise",
        "smoothing",
        "masked",
        "transposed",
        "unsaid",
        "silent",
        "late",
    ),
    0.125,
)


def parsed(settings_class, *words):
    parser = argparse.ArgumentParser()
    add_arguments(parser, settings_class)
    return vars(parser.parse_args(words))


def words_for(value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, tuple) else [str(value)]


@pytest.mark.parametrize("settings_class", RECIPES + EVALUATIONS)
def test_every_field_is_a_flag_that_gives_back_its_default(settings_class):
    for field in dataclasses.fields(settings_class):
        assert field.metadata["help"], "a flag says what it does"
        flag = f"--{field.name.replace('_', '-')}"
        if field.metadata["repeat"]:
            assert parsed(settings_class, flag, "a=1", flag, "b=2") == {field.name: ["a=1", "b=2"]}
        else:
            parsed_value = frozen(parsed(settings_class, flag, *words_for(field.default)))
            assert parsed_value == {field.name: field.default} and type(parsed_value[field.name]) is type(field.default)
    assert parsed(settings_class) == {}, "what is not given can be told from what is"
    saved = json.loads(json.dumps(dataclasses.asdict(settings_class())))
    assert settings_class(**frozen(saved)) == settings_class(), "what is saved is what was set"


@pytest.mark.parametrize(
    ("settings_class", "name"),
    [(s, f.name) for s in RECIPES + EVALUATIONS for f in dataclasses.fields(s) if isinstance(f.default, bool)],
)
@pytest.mark.parametrize("word", sorted(TRUE | FALSE | {"False", "TRUE", "No"}))
def test_a_boolean_means_what_it_says(settings_class, name, word):
    flag = "--" + name.replace("_", "-")
    assert parsed(settings_class, flag, word) == {name: word.lower() in TRUE}


@given(st.text(min_size=1).filter(lambda text: text.lower() not in TRUE | FALSE and not text.startswith("-")))
def test_what_is_no_boolean_is_refused(word):
    with pytest.raises(SystemExit):
        parsed(fit_units.UnitsTraining, "--taught", word)


def test_a_recipe_knows_data_out_and_resume():
    asked = parse_recipe("", fit_encoder.EncoderTraining, ["a", "b", "-o", "c", "--resume", "--rate", "0.1"])
    assert ([str(path) for path in asked.data], str(asked.out), asked.resume) == (["a", "b"], "c", True)
    assert asked.given == {"rate": 0.1}


@pytest.mark.parametrize("settings_class", RECIPES)
def test_resuming_refuses_every_other_setting_but_those_that_may_change(settings_class, tmp_path, capsys):
    before = dataclasses.asdict(settings_class())
    for field in dataclasses.fields(settings_class):
        other = OTHERS.get(field.name) or {str: "1", bool: not field.default}.get(type(field.default))
        other = field.default + 1 if other is None else other
        now = dataclasses.replace(settings_class(), **{field.name: other})
        if field.metadata["may_change"]:
            check_resume(tmp_path, before, now)
            assert field.name in capsys.readouterr().err, "what changes is said"
        else:
            with pytest.raises(TrainError, match=f"{field.name} = "):
                check_resume(tmp_path, before, now)
    check_resume(tmp_path, before, settings_class())
    assert not capsys.readouterr().err

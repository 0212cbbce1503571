"""The examples in docstrings of the musical folders say what is true."""

import doctest
import importlib
import pkgutil

import pytest

import action
import decision
import perception

MODULES = sorted(
    found.name
    for package in (action, decision, perception)
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


def test_there_are_some():
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) > 10

PYTHON ?= python3
BIN := .venv/bin
PIP := PYTHONWARNINGS=ignore .venv/bin/python -m pip install -q --disable-pip-version-check
DATA ?= data
WORK ?= train/runs/small

help:           ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

play: .venv/play.stamp   ## install, answer the demo guide, write out/answer.wav and out/mix.wav
	@mkdir -p out
	$(BIN)/antiphon respond demo -o out/answer.wav --mix out/mix.wav --report out/report.json

test: .venv/dev.stamp    ## install what the tests need and run them
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: .venv/dev.stamp  ## the slow ones too
	$(BIN)/python -m pytest -n 2

check: .venv/dev.stamp   ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/play.stamp  ## what a hop costs on this machine
	$(BIN)/antiphon bench -o out/bench.json

small: .venv/dev.stamp   ## rebuild agent/models/small from the scores in DATA (hours)
	$(BIN)/python -m train.make_small $(DATA) -o $(WORK) --resume

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade pip

.venv/play.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt -e .
	@touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@ .venv/play.stamp

.PHONY: help play test test-all check bench small

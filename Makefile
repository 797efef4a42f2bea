# One line a target; each installs what is missing first. The same without make stands in README.md.
# Another Python: make install PYTHON=/path/to/python3.12 (a folder .venv that is there keeps its own).
SHELL := /bin/bash
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
INTEL_MAC := import platform, sys; sys.exit(not (sys.platform == "darwin" and platform.machine() == "x86_64"))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do $$p -c '$(FITS)' 2>/dev/null && { echo $$p; break; }; done)
FOUND = { test -n "$(PYTHON)" && $(PYTHON) -c '$(FITS)'; } || { echo "mmdemo needs Python 3.11 or newer, up to 3.13, and found none on the PATH; install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }; \
	! $(PYTHON) -c '$(INTEL_MAC)' || { echo "mmdemo needs Linux (x86-64, ARM) or a Mac with Apple silicon: of PyTorch there are no packages for Macs with Intel processors" >&2; exit 1; }
PY := .venv/bin/python
# What is imported is compiled then, and kept: of these packages most is never loaded.
PIP := -m pip install --disable-pip-version-check --require-hashes --no-compile
# Images of build servers often set it: then each of a hundred programs that the tests start would compile torch again.
unexport PYTHONDONTWRITEBYTECODE
UV := uv==0.13.9
LOCK = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --custom-compile-command "make lock"
BIOME = .venv/bin/node node_modules/@biomejs/biome/bin/biome lint --error-on-warnings
UNITS = $(PY) -m pytest tests/unit --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: install run tour test test-units test-page test-loop test-fast check format screenshots lock
.DEFAULT_GOAL := run

install: .venv/serve.stamp

run: install
	$(PY) app.py

tour: install
	$(PY) -m annotations.tour

test: test-page test-loop

# The units first, with a core for each worker; then, with make --jobs=2, both halves of the end-to-end tests at once.
test-units: check .venv/speech.stamp
	$(UNITS)

test-page: test-units .venv/browser.stamp
	$(PY) -m pytest tests/e2e/page tests/e2e/review --durations=8

test-loop: test-units .venv/browser.stamp .venv-labelstudio/server.stamp
	$(PY) -m pytest tests/e2e --ignore tests/e2e/page --ignore tests/e2e/review --durations=8

test-fast: .venv/dev.stamp
	$(UNITS) -m "not slow"

check: .venv/dev.stamp node_modules/biome.stamp
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && $(BIOME)

format: .venv/dev.stamp
	.venv/bin/ruff check --fix . && .venv/bin/ruff format .

screenshots: .venv/browser.stamp
	$(PY) docs/screenshots.py

# What is installed, to the last package, with the hash of its files; from the lists that people write.
lock: .venv-lock/bin/uv
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) requirements-dev.txt -c requirements.lock -o requirements-dev.lock
	$(LOCK) requirements-labelstudio.txt -o requirements-labelstudio.lock

.venv-lock/bin/uv: Makefile
	@$(FOUND)
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check "$(UV)"
	@touch $@

# A stamp is younger than the list it was installed from; a changed list is installed again.
.venv/serve.stamp: requirements.lock
	@$(FOUND)
	test -x .venv/bin/pip || $(PYTHON) -m venv .venv
	$(PY) $(PIP) -r $<
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/serve.stamp
	$(PY) $(PIP) -r $<
	@touch $@

# The linter of scripts and styles, with the Node.js that pip has installed.
node_modules/biome.stamp: package-lock.json .venv/dev.stamp
	.venv/bin/npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Before the browser and never beside it: one apt at a time. Without it a few tests are skipped.
.venv/speech.stamp: .venv/dev.stamp tests/apt.py
	$(PY) -m tests.apt espeak-ng
	@touch $@

.venv/browser.stamp: .venv/speech.stamp tests/browser.py
	$(PY) -m tests.browser install
	@touch $@

.venv-labelstudio/server.stamp: requirements-labelstudio.lock
	@$(FOUND)
	test -x .venv-labelstudio/bin/pip || $(PYTHON) -m venv .venv-labelstudio
	.venv-labelstudio/bin/python $(PIP) -r $<
	@touch $@

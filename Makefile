# make demo    everything a stranger needs to look at it: environment, database, data, server, worker
# make test    the whole suite, browser tests included
# make check   lint, types, import contract, migrations, deploy checks, translations
PORT ?= 8000
HOST ?= 127.0.0.1
PYTHON ?= python3
UV := 0.13.9
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Container images often forbid bytecode; a demo or a suite starts some twenty processes, each of which would compile all of
# Django anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check lock proof bench messages screenshots clean help
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

# The hashed lock decides what is installed; if uv itself is not available, pip reads the same lock.
define install
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -q uv==$(UV) \
	  && .venv/bin/python -m uv pip install -q --system-certs --python .venv/bin/python --require-hashes -r $(1) \
	  || .venv/bin/python -m pip install -q --require-hashes -r $(1)
	@touch $@
endef

.venv/.run-ok: requirements.lock
	$(call install,requirements.lock)
.venv/.dev-ok: requirements-dev.lock
	$(call install,requirements-dev.lock)
	@touch .venv/.run-ok

# In the shell's place (exec), since make passes on to it alone what a supervisor sends to end the demo.
demo: .venv/.run-ok  ## run it here with demo data (PORT=8000); Ctrl-C ends all it started
	@exec env PORT=$(PORT) HOST=$(HOST) .venv/bin/python -m tools.demo

test: .venv/.dev-ok  ## the whole suite on a real PostgreSQL and a real browser
	@.venv/bin/python -m tools.chromium
	@.venv/bin/python -m pytest -n 2 --dist loadgroup

# The type checker loads the settings, which need a key; nothing is signed with this one.
check: export SECRET_KEY := for-the-type-checker-only
check: .venv/.dev-ok  ## everything that must hold besides the tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	.venv/bin/mypy .
	.venv/bin/lint-imports --no-cache
	.venv/bin/python manage.py makemigrations --check --dry-run
	.venv/bin/python -m tools.production check --deploy --fail-level WARNING
	.venv/bin/python -m tools.translations check

proof: .venv/.dev-ok  ## the long forms of the proofs, and their reports in docs/proof
	@.venv/bin/python -m tools.chromium
	@.venv/bin/python -m tools.proof

bench: .venv/.dev-ok  ## rates, ratios and CPU per request beside a bare view on the same server
	.venv/bin/python -m bench

messages: .venv/.dev-ok  ## bring new source strings into the Chinese catalogue, and compile it
	.venv/bin/python -m tools.translations update

screenshots: .venv/.dev-ok  ## make the pictures of docs/screenshots anew
	@.venv/bin/python -m tools.chromium
	.venv/bin/python -m tools.screenshots

lock: .venv/.dev-ok  ## resolve the two hashed locks anew
	.venv/bin/python -m uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate -o requirements.lock
	.venv/bin/python -m uv pip compile -q pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate -o requirements-dev.lock

clean:  ## stop the embedded database and remove it with all local data
	-@.venv/bin/python -m tools.production embedded_postgres stop
	rm -rf var staticfiles

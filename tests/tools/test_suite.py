"""What the suite says where it cannot run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_database_of_ones_own_that_cannot_be_reached_is_said_in_a_sentence() -> None:
    env = os.environ | {"DATABASE_URL": "postgres://a:b@127.0.0.1:1/fengchao", "SECRET_KEY": "x"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/core/test_prepared.py", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = ran.stdout + ran.stderr
    assert ran.returncode == 3
    assert "The PostgreSQL that DATABASE_URL names cannot be used" in said
    assert "the tests use the embedded one" in said
    assert "Traceback" not in said
    assert "passed" not in said

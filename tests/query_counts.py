"""How many queries each page and endpoint makes: recorded in query_counts.json, compared by the suite.

A list that makes one more query for each row is noticed here before it is in production. After an intended change,
record anew: RECORD_QUERY_COUNTS=1 pytest tests/stations/api/test_query_counts.py (not under xdist).
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

__all__ = ["check_query_count", "recorded"]

FILE = Path(__file__).with_suffix(".json")
VARIABLE = "RECORD_QUERY_COUNTS"


def recorded() -> dict[str, int]:
    """How many queries each page and endpoint makes, by its name."""
    counts: dict[str, int] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return counts


def check_query_count(name: str, ask: Callable[[], object]) -> None:
    """Make the request, count, and compare with the record for `name` (or record it, if the variable is set)."""
    with CaptureQueriesContext(connection) as captured:
        answer = ask()
    # A refusal or a way to the sign-in asks little.
    assert getattr(answer, "status_code", 200) in {200, 201}, name
    counts = recorded()
    if os.environ.get(VARIABLE):
        if os.environ.get("PYTEST_XDIST_WORKER"):
            raise RuntimeError("Record query counts in one process: two would overwrite each other's.")
        counts[name] = len(captured)
        FILE.write_text(json.dumps(dict(sorted(counts.items())), indent=1) + "\n", encoding="utf-8")
        return
    asked = "\n".join(query["sql"][:200] for query in captured.captured_queries)
    assert len(captured) == counts.get(name), (
        f"{name} asks {len(captured)} queries, recorded are {counts.get(name)}. "
        f"If that is meant, record anew with {VARIABLE}=1.\n{asked}"
    )

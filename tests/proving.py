"""The long forms of the proofs. `make proof` sets PROOF to a file: tests then run with their full counts, and write what
they counted there, for tools/proof.py to make reports from. Without it they are short and write nothing."""

import json
import os
from pathlib import Path

__all__ = ["IS_FULL", "counted", "times"]

_FILE = os.environ.get("PROOF", "")
IS_FULL = bool(_FILE)


def times(short: int, full: int) -> int:
    """How often: `short` in the suite, `full` in `make proof`."""
    return full if IS_FULL else short


def counted(threat: str, what: str, **numbers: int) -> None:
    """Record what a proof counted. `what` describes it in a line of the report."""
    if IS_FULL:
        with Path(_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"threat": threat, "what": what, **numbers}, ensure_ascii=False) + "\n")

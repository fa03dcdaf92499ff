"""The program's own log holds nobody's keys, and says in a line that the database is away."""

import logging
import re
from typing import Any

from django.db import DatabaseError, InterfaceError

__all__ = ["KeylessFormatter", "without_keys"]

# In a URL the token of a 核实链接, of a door's or cabinet's QR or of a link for a new PIN; and a partner's key, whose prefix
# may be shown.
_TOKEN = re.compile(r"(?:(?<=/[vdc]/)|(?<=/pin/))[\w-]{8,}")
_KEY = re.compile(r"(fc_(?:live|sandbox)_[a-z0-9]{10}_)\w+")


def without_keys(text: str) -> str:
    return _KEY.sub(r"\1…", _TOKEN.sub("…", text))


class KeylessFormatter(logging.Formatter):
    """Writes a record without the keys in it: Django logs the full URL of each refused request."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """One line while the database is away: hundreds of requests a second that all say where would fill the disk."""
        # Logging is set up before anything that reads the settings can be imported.
        from core.api.problems import is_gone

        error = ei[1]
        # Of a cursor that is closed the program itself is the cause, and where is what matters.
        if isinstance(error, DatabaseError | InterfaceError) and is_gone(error) and "cursor" not in str(error):
            return f"{type(error).__name__}: {' '.join(str(error).split())}"
        return super().formatException(ei)

    def format(self, record: logging.LogRecord) -> str:
        return without_keys(super().format(record))

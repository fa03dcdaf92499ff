"""The program's own log holds nobody's keys."""

import logging
import re

__all__ = ["KeylessFormatter", "without_keys"]

# In a URL the token of a 核实链接, of a door's or cabinet's QR or of a link for a new PIN; and a partner's key, whose prefix
# may be shown.
_TOKEN = re.compile(r"(?:(?<=/[vdc]/)|(?<=/pin/))[\w-]{8,}")
_KEY = re.compile(r"(fc_(?:live|sandbox)_[a-z0-9]{10}_)\w+")


def without_keys(text: str) -> str:
    return _KEY.sub(r"\1…", _TOKEN.sub("…", text))


class KeylessFormatter(logging.Formatter):
    """Writes a line without the keys in it: Django logs the full URL of each refused request."""

    def format(self, record: logging.LogRecord) -> str:
        return without_keys(super().format(record))

"""The demo's settings for pictures: a database of its own, and the clock stopped at a noon in June.

So the pictures in the documents are the same whenever they are made, and show open stations.
"""

from datetime import UTC, datetime

from config.settings import *  # noqa: F403
from config.settings import DATABASES
from core import clock

DATABASES["default"]["NAME"] = "fengchao_pictures"
# Wednesday 2026-06-10, 12:10 in Wuhan. Set here, before any model takes `clock.now` as a default.
clock.now = lambda: datetime(2026, 6, 10, 4, 10, tzinfo=UTC)

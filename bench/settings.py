"""The project's own settings, with a database of the benchmark's, and nothing to collect or log first."""

import logging
import os

from config.settings import *  # noqa: F403 - everything, then the few differences
from config.settings import DATABASES, STORAGES

ROOT_URLCONF = "bench.urls"
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# The rates are of the program, not of its log.
LOGGING_CONFIG = None
logging.disable(logging.WARNING)
if name := os.environ.get("BENCH_DATABASE"):
    DATABASES["default"]["NAME"] = name

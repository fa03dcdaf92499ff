"""The project's own settings, with the benchmark's database, no static files to collect first, and no log."""

import logging
import os

from config.settings import *  # noqa: F403 - everything, then the few differences
from config.settings import DATABASES, STORAGES

ROOT_URLCONF = "bench.urls"
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# The rates measure the program, not its log.
LOGGING_CONFIG = None
# As every installation has it that sends links in its notices.
PUBLIC_BASE_URL = "https://fengchao.example"
logging.disable(logging.WARNING)
if name := os.environ.get("BENCH_DATABASE"):
    DATABASES["default"]["NAME"] = name

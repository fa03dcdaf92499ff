"""The environment of the suite, set before Django reads its settings (loaded by `-p tests.environment`)."""

import os

# DEBUG at import time picks the plain static storage (no collectstatic); pytest-django then runs with DEBUG off.
# What the demo or an operator wrote into .env is not read, so that the suite gives the same result in every folder.
os.environ.update(
    {
        "SECRET_KEY": "of-the-test-suite-and-nowhere-else",
        "DEBUG": "on",
        "HTTPS": "off",
        "ENV_FILE": os.devnull,
        # Made from the key above, whatever the shell has.
        "COURIER_KEYS": "",
        "COURIER_INDEX_KEY": "",
        # The suite makes its databases, as the owner.
        "DATABASE_ROLE": "",
    }
)
# Playwright's sync API keeps an event loop in the test's thread; the ORM is used from it on purpose.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

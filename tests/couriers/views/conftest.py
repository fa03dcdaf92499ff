from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

hashed: Counter[str] = Counter()


class CountingHasher(MD5PasswordHasher):
    """Counts what reaches it; quick, so that many tries fit into a test."""

    def encode(self, password: str, salt: str) -> str:
        hashed["all"] += 1
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def _counted(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["tests.couriers.views.conftest.CountingHasher"]
    hashed.clear()

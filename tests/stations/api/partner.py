"""A partner's program at the keyed doors, played by the tests."""

import json
import uuid
from typing import Any

from django.test import Client

__all__ = ["DOOR", "Partner"]

# Where the builders' stations are.
DOOR = {"latitude": 30.5801, "longitude": 114.3402, "crs": "wgs84", "accuracy_m": 20}


class Partner:
    def __init__(self, key: str) -> None:
        self.key = key

    def post(self, address: str, body: Any, *, once: str | None = None, **headers: str) -> Any:
        """Send `body` (bytes as they are); `once` is the Idempotency-Key, a new one unless given, none if empty."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json")
        given = {"authorization": f"Bearer {self.key}", "accept-language": "en"}
        if once != "":
            given["idempotency-key"] = once or str(uuid.uuid4())
        return Client().post(f"/api/v1/{address}", sent, content_type=kind, headers=given | headers)

    def get(self, address: str, **headers: str) -> Any:
        return Client().get(
            f"/api/v1/{address}", headers={"authorization": f"Bearer {self.key}", "accept-language": "en"} | headers
        )

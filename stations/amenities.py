"""The vocabulary of amenities: what a station may have, and the words that mean it."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from core import audit
from core.models import User
from stations.models import Amenity, AmenityWord

__all__ = ["LoadedAmenities", "load"]

_FILE = Path(__file__).resolve().parent / "data" / "amenities.json"


@dataclass(frozen=True, slots=True)
class LoadedAmenities:
    """What loading added."""

    amenities_created: int
    words_created: int

    @property
    def changed(self) -> bool:
        return bool(self.amenities_created or self.words_created)


@transaction.atomic
def load(*, actor: User | str, at: datetime) -> LoadedAmenities:
    """Add the amenities and wordings that are missing; what staff have changed stays, and a second run adds nothing.

    Source: stations/data/amenities.json, which names its own.
    """
    rows: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["amenities"]
    known = set(Amenity.objects.values_list("code", flat=True))
    created = [
        Amenity(**{name: value for name, value in row.items() if name != "words"})
        for row in rows
        if row["code"] not in known
    ]
    Amenity.objects.bulk_create(created)
    had = set(AmenityWord.objects.values_list("word", "amenity_id"))
    words = [
        AmenityWord(word=word, amenity_id=row["code"])
        for row in rows
        for word in row["words"]
        if (word, row["code"]) not in had
    ]
    AmenityWord.objects.bulk_create(words)
    loaded = LoadedAmenities(amenities_created=len(created), words_created=len(words))
    if loaded.changed:
        audit.record(
            "amenities.loaded",
            subject=("amenities", "vocabulary"),
            actor=actor,
            at=at,
            data={"amenities_created": loaded.amenities_created, "words_created": loaded.words_created},
        )
    return loaded

"""The names of divisions, zones and amenities, in both languages: what every look-up needs and hardly ever changes."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.translation import get_language

from stations.models import Amenity, AmenityWord, Division, Zone
from stations.words import normalise

if TYPE_CHECKING:
    from stations.finding.cards import Facts

__all__ = ["Labels", "forget_names", "names"]


@dataclass(frozen=True, slots=True)
class Labels:
    """Names in one language, by code; the order of the list of amenities; and what was made with both."""

    divisions: Mapping[str, str]
    zones: Mapping[str | None, str]
    amenities: tuple[str, ...]
    is_english: bool = False
    # By the station's id; with xmin and ctid, by which PostgreSQL tells the versions of its row apart.
    kept: dict[int, tuple[str, str, "Facts"]] = field(default_factory=dict, compare=False)


class Names:
    """The names of divisions and zones and the order of amenities: a few hundred words that change a few times a year.

    Joining them costs a look-up more than finding the stations (measured: 1.4 ms against 0.4 ms for 20 of 200,000). So each
    process caches them for a minute; an unknown code makes it read them again at once.
    """

    KEPT_S = 60.0

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin as a new process does."""
        self.doubt()
        self._wordings: list[tuple[str, str]] = []
        self._meanings: dict[str, set[str]] | None = None
        self._zh = self._en = Labels({}, {}, ())

    def doubt(self) -> None:
        """Read anew at the next look-up; if the names are the same, what was made with them stays."""
        self._read_at = float("-inf")

    def of(self, division_codes: Iterable[str]) -> "Names":
        """These names, read anew if they are old or lack one of the codes."""
        now = time.monotonic()
        if now - self._read_at > self.KEPT_S or not self._zh.divisions.keys() >= set(division_codes):
            divisions = list(Division.objects.values_list("code", "name", "name_en"))
            zones = list(Zone.objects.values_list("code", "name", "name_en"))
            amenities = list(Amenity.objects.values_list("code", "name", "name_en"))
            order = tuple(code for code, _zh, _en in amenities)
            zh_labels = Labels({code: zh for code, zh, _en in divisions}, {code: zh for code, zh, _en in zones}, order)
            en_labels = Labels(
                {code: en or zh for code, zh, en in divisions},
                {code: en or zh for code, zh, en in zones},
                order,
                is_english=True,
            )
            # The same names keep what was made with them.
            self._zh = self._zh if self._zh == zh_labels else zh_labels
            self._en = self._en if self._en == en_labels else en_labels
            self._wordings = [(code, name) for code, zh, en in amenities for name in (zh, en)]
            self._meanings = None
            self._read_at = now
        return self

    def meant_by(self, word: str) -> Collection[str]:
        """The codes of the amenities that `word` (normalised) names, in either language or by another wording."""
        self.of(())
        if self._meanings is None:
            meanings: dict[str, set[str]] = {}
            for code, wording in [*self._wordings, *AmenityWord.objects.values_list("amenity_id", "word")]:
                meanings.setdefault(normalise(wording), set()).add(code)
            self._meanings = meanings
        return sorted(self._meanings.get(word, ()))

    def labels(self) -> Labels:
        """In the language of the answer."""
        return self._en if get_language() == "en" else self._zh

    def codes(self, field: str) -> Collection[str]:
        """The known codes of "division", "zone" or "amenities"."""
        known: Iterable[str | None] = self._zh.amenities
        if field in ("division", "zone"):
            known = self._zh.divisions if field == "division" else self._zh.zones
        return {str(code) for code in known}


names = Names()
forget_names = names.forget

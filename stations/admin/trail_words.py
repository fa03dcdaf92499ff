"""The trail in words: codes of divisions, amenities and zones by their names, and the choices of the forms."""

from collections import defaultdict

from django.utils.translation import gettext

from core.admin import Told, words_in_trail
from stations.models import Amenity, Division, Duty, Station, StationOrganisation, Zone
from stations.models.hours import EntryMode

__all__ = ["in_words"]

_DIVISIONS, _AMENITIES, _ZONES = ("division", "scope"), ("amenities",), ("zone",)


def in_words(told: set[Told]) -> dict[Told, str]:
    """These values in people's words. At most three queries, however many values there are."""
    by_fact: dict[str, set[str]] = defaultdict(set)
    for fact, value in told:
        by_fact[fact].add(value)
    words: dict[Told, str] = {}
    for facts, model in ((_DIVISIONS, Division), (_AMENITIES, Amenity), (_ZONES, Zone)):
        codes = set().union(*(by_fact[fact] for fact in facts))
        if codes:
            names = {each.pk: each.label for each in model.objects.filter(pk__in=codes)}
            words |= {(fact, code): name for fact in facts for code, name in names.items()}
    words |= {("tier", str(tier.value)): str(tier.label) for tier in Station.Tier}
    words |= {("entered_crs", crs.value): str(crs.label) for crs in Station.Crs}
    words |= {("duties", duty.value): str(duty.label) for duty in Duty}
    words |= {("source", source): _said_source(source) for source in by_fact["source"]}
    for line in by_fact["organisations"]:
        role, _colon, name = line.partition(": ")
        if role in StationOrganisation.Role.values:
            words["organisations", line] = f"{StationOrganisation.Role(role).label}：{name}"
    for line in by_fact["exceptions"]:
        words["exceptions", line] = _exception(line)
    return words


def _said_source(source: str) -> str:
    """Where a station came from: the demo's sets have names of their own, a list goes by the name of its file."""
    if source == "made up":
        return gettext("made up for the demo")
    return gettext("a newspaper article") if source.startswith("article ") else source


def _exception(line: str) -> str:
    """A line such as 2027-02-05…2027-02-05 09:00-12:00 staffed, its entry mode in words."""
    return " ".join(
        str(EntryMode(word).label) if number == 2 and word in EntryMode.values else word
        for number, word in enumerate(line.split(" "))
    )


words_in_trail(in_words)

"""The divisions of Wuhan: loading them, finding the one that a text means, and learning new ones from imports.

The world writes a division in many ways: 武昌, 武汉市武昌区, 武漢市武昌區; 韩家墩街 for 韩家墩街道. All meet here.
"""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from pypinyin import lazy_pinyin

from core import audit, clock
from core.errors import DomainError, InvalidValue
from core.models import User
from stations import access
from stations.access import CITY_CODE
from stations.models import Division, DivisionAlias, Duty, Station, Zone
from stations.words import simplified

__all__ = [
    "AliasTaken",
    "Gazetteer",
    "LoadedDivisions",
    "LocalCodesUsedUp",
    "ResolvedAddress",
    "ensure_neighbourhood",
    "learn_alias",
    "load",
    "neighbourhood_name",
]

_DATA = Path(__file__).resolve().parent / "data"
_BASE_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class AliasTaken(DomainError):
    """The wording already means a sibling of this division; learnt twice, it would identify neither."""

    code, status = "alias_taken", 409
    title = _("This wording already means another division.")


class LocalCodesUsedUp(DomainError):
    """A subdistrict has 1,296 local codes, and all of them are taken."""

    code, status = "local_codes_used_up", 409
    title = _("This subdistrict has no local code left for another neighbourhood.")


# Loading


@dataclass(frozen=True, slots=True)
class LoadedDivisions:
    """What loading changed."""

    divisions_created: int
    divisions_updated: int
    aliases_created: int
    zones_created: int
    zones_updated: int

    @property
    def changed(self) -> bool:
        return any((self.divisions_created, self.divisions_updated, self.aliases_created)) or any(
            (self.zones_created, self.zones_updated)
        )


@transaction.atomic
def load(*, actor: User | str, at: datetime) -> LoadedDivisions:
    """Bring the city, its districts, subdistricts and zones into the database; a second time changes nothing.

    Names and levels follow the file. English names, letters and aliases are filled in where they are missing, and never
    taken from staff who have written better ones.
    Locks: the city's row, so that two loadings wait for each other.   Source: stations/data/README.md
    """
    rows = list(_csv_rows("wuhan_divisions.csv"))
    english = {row["key"]: row for row in _csv_rows("wuhan_english.csv")}
    _city, is_first = Division.objects.get_or_create(
        code=CITY_CODE,
        defaults={
            "level": Division.Level.CITY,
            "name": "武汉市",
            "short_name": "武汉",
            "name_en": english[CITY_CODE]["name_en"],
        },
    )
    Division.objects.select_for_update().get(pk=CITY_CODE)
    known = {division.code: division for division in Division.objects.filter(level__in=_LOADED_LEVELS)}

    created: list[Division] = []
    updated: list[Division] = []
    for wanted in _divisions(rows, english):
        found = known.get(wanted.code)
        if found is None:
            created.append(wanted)
        elif _take_over(found, wanted):
            updated.append(found)
    # Parents first: the file lists districts before the subdistricts in them.
    Division.objects.bulk_create(created)
    Division.objects.bulk_update(updated, _OFFICIAL_FIELDS + _FILLED_FIELDS)

    had = set(DivisionAlias.objects.values_list("division_id", "name"))
    aliases = [DivisionAlias(division_id=code, name=name) for code, name in _aliases(rows) if (code, name) not in had]
    DivisionAlias.objects.bulk_create(aliases)
    zones_created, zones_updated = _load_zones(rows, english)

    loaded = LoadedDivisions(len(created) + is_first, len(updated), len(aliases), zones_created, zones_updated)
    if loaded.changed:
        audit.record(
            "divisions.loaded",
            subject=("division", CITY_CODE),
            actor=actor,
            at=at,
            data={
                "divisions_created": loaded.divisions_created,
                "divisions_updated": loaded.divisions_updated,
                "aliases_created": loaded.aliases_created,
                "zones_created": loaded.zones_created,
                "zones_updated": loaded.zones_updated,
            },
        )
    return loaded


_LOADED_LEVELS = (Division.Level.CITY, Division.Level.DISTRICT, Division.Level.SUBDISTRICT)
_OFFICIAL_FIELDS = ["level", "parent_id", "name", "short_name", "is_area_like"]
_FILLED_FIELDS = ["name_en", "letters"]


def _csv_rows(name: str) -> Iterator[dict[str, str]]:
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def _divisions(rows: Iterable[dict[str, str]], english: dict[str, dict[str, str]]) -> Iterator[Division]:
    """The districts and subdistricts that the file names."""
    for row in rows:
        code, words = row["code"], english.get(row["code"], {})
        if row["level"] == "district":
            yield Division(
                code=code,
                level=Division.Level.DISTRICT,
                # The file says 420100, the six digits of the city, where our path says 4201.
                parent_id=CITY_CODE,
                name=row["name"],
                short_name=row["short_name"],
                name_en=words["name_en"],
                letters=words["letters"],
            )
        elif row["level"] == "street":
            yield Division(
                code=code,
                level=Division.Level.SUBDISTRICT,
                parent_id=row["parent_code"],
                name=row["name"],
                short_name=row["short_name"],
                name_en=words.get("name_en") or _english_name(row["name"], row["short_name"]),
                is_area_like=row["kind"] == "area_like",
            )


def _take_over(found: Division, wanted: Division) -> bool:
    """Bring `found` in line with the file; return whether anything changed."""
    changed = False
    for field in _OFFICIAL_FIELDS:
        if getattr(found, field) != getattr(wanted, field):
            setattr(found, field, getattr(wanted, field))
            changed = True
    for field in _FILLED_FIELDS:
        if not getattr(found, field) and getattr(wanted, field):
            setattr(found, field, getattr(wanted, field))
            changed = True
    return changed


def _aliases(rows: Iterable[dict[str, str]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if row["code"]:
            for name in dict.fromkeys(filter(None, row["aliases"].split(";"))):
                yield row["code"], name


def _load_zones(rows: Iterable[dict[str, str]], english: dict[str, dict[str, str]]) -> tuple[int, int]:
    """How many zones were created, and how many updated."""
    words_of = {words["zone_name"]: words for words in english.values() if words["zone_name"]}
    known = {zone.code: zone for zone in Zone.objects.all()}
    created: list[Zone] = []
    updated: list[Zone] = []
    for row in rows:
        if row["level"] != "zone":
            continue
        words = words_of[row["name"]]
        aliases = row["aliases"].split(";")
        zone = known.get(words["key"])
        if zone is None:
            created.append(
                Zone(
                    code=words["key"],
                    name=row["name"],
                    short_name=row["short_name"],
                    name_en=words["name_en"],
                    aliases=aliases,
                )
            )
            continue
        wanted = (
            row["name"],
            row["short_name"],
            zone.name_en or words["name_en"],
            list(dict.fromkeys([*zone.aliases, *aliases])),
        )
        if (zone.name, zone.short_name, zone.name_en, zone.aliases) != wanted:
            zone.name, zone.short_name, zone.name_en, zone.aliases = wanted
            updated.append(zone)
    Zone.objects.bulk_create(created)
    Zone.objects.bulk_update(updated, ["name", "short_name", "name_en", "aliases"])
    return len(created), len(updated)


def _english_name(name: str, short_name: str) -> str:
    """徐家棚街道 → Xujiapeng Subdistrict: pinyin in one word, with an apostrophe where needed (Yong'an)."""
    syllables = [syllable.replace("v", "ü") for syllable in lazy_pinyin(short_name)]
    word = syllables[0] + "".join(f"'{part}" if part[0] in "aeo" else part for part in syllables[1:])
    kind = "Township" if name.endswith("乡") else "Town" if name.endswith("镇") else "Subdistrict"
    return f"{word.capitalize()} {kind}"


# Wordings


_CITY_WORDINGS = ("湖北省武汉市", "湖北武汉市", "湖北省武汉", "湖北武汉", "武汉市", "武汉")
_SUBDISTRICT_ENDINGS = ("街道办事处", "街办事处", "街道办", "街办", "街道", "街", "镇", "乡")
_ENGLISH_ENDINGS = ("subdistrict", "district", "township", "town", "street")
_OFFICE_ENDINGS = ("新区管理委员会", "管理委员会", "管委会", "管理处", "办事处")
_COMMUNITY_ENDINGS = ("社区居民委员会", "社区居委会", "社区", "居民委员会", "居委会")
_VILLAGE_ENDINGS = ("村村民委员会", "村村委会", "村民委员会", "村委会", "村")


@lru_cache(maxsize=20_000)  # an import of 200,000 rows repeats a few hundred wordings
def _key(text: str) -> str:
    """`text` in one form for comparing: full width folded, simplified, without spaces and punctuation."""
    return "".join(char for char, _at in _key_chars(text))


def _key_chars(text: str) -> Iterator[tuple[str, int]]:
    """The characters of the key, each with its place in `text`."""
    for at, original in enumerate(text):
        for char in simplified(unicodedata.normalize("NFKC", original).casefold()):
            if char.isalnum():
                yield char, at


def _without_city(key: str) -> str:
    for wording in _CITY_WORDINGS:
        if key.startswith(wording) and len(key) > len(wording):
            return key.removeprefix(wording)
    return key


def _bare(key: str, endings: Iterable[str]) -> str:
    for ending in endings:
        if key.endswith(ending) and len(key) > len(ending):
            return key.removesuffix(ending)
    return key


def _derived_keys(key: str) -> set[str]:
    """Further wordings of a subdistrict whose name or alias is `key`."""
    bares = {_bare(key, _SUBDISTRICT_ENDINGS)}
    bares |= {_bare(bare, _OFFICE_ENDINGS) for bare in bares}
    # 民族街街道 is also written 民族街道.
    bares |= {bare.removesuffix("街") for bare in bares if bare.endswith("街") and len(bare) > 2}
    return bares | {
        bare + ending
        for bare in bares
        for ending in ("街", "街道", "街办", "街道办", "街办事处", "街道办事处", "办事处")
    }


def neighbourhood_name(name: str) -> str:
    """The full name under which a neighbourhood that somebody calls `name` is kept."""
    return _neighbourhood_name("".join(unicodedata.normalize("NFKC", name).split()))[0]


def _neighbourhood_name(written: str) -> tuple[str, str]:
    """The full and the short name: 才茂社区居委会 → 才茂社区, 才茂. A village (村) of the same name is another place."""
    if (bare := _bare(written, _COMMUNITY_ENDINGS)) != written:
        return f"{bare}社区", bare
    if (bare := _bare(written, _VILLAGE_ENDINGS)) != written:
        return f"{bare}村", bare
    return f"{written}社区", written


# Finding


@dataclass(frozen=True, slots=True)
class ResolvedAddress:
    """What the beginning of an address says about where it lies."""

    district: Division | None
    subdistrict: Division | None
    zone: Zone | None
    rest: str  # the address from behind what was recognised


class _Index:
    """Divisions by wording: those written exactly so come before those that may be meant."""

    def __init__(self) -> None:
        self.exact: defaultdict[str, dict[str, Division]] = defaultdict(dict)
        self.derived: defaultdict[str, dict[str, Division]] = defaultdict(dict)

    def add(self, division: Division, wordings: Iterable[str], derived: Iterable[str] = ()) -> None:
        for key in wordings:
            self.exact[key][division.code] = division
        for key in derived:
            self.derived[key][division.code] = division

    def find(self, key: str) -> tuple[Division, ...]:
        found = self.exact.get(key) or self.derived.get(key) or {}
        return tuple(found.values())


class Gazetteer:
    """The divisions and zones of one moment, by every wording known. Built once for an import; three queries.

    What it learns goes into the database and into itself at once. If the surrounding transaction is rolled back, throw the
    gazetteer away.
    """

    def __init__(self) -> None:
        self._by_code: dict[str, Division] = {}
        self._districts = _Index()
        self._subdistricts: defaultdict[str, _Index] = defaultdict(
            _Index
        )  # by the district's code; "" is the whole city
        self._neighbourhoods: defaultdict[str, _Index] = defaultdict(_Index)  # by the subdistrict's code
        self._zones: dict[str, Zone] = {}
        aliases: defaultdict[str, list[str]] = defaultdict(list)
        for code, name in DivisionAlias.objects.values_list("division_id", "name"):
            aliases[code].append(name)
        for division in Division.objects.order_by("code"):
            self._add(division, aliases[division.code])
        for zone in Zone.objects.all():
            for wording in (zone.code, zone.name, zone.short_name, *zone.aliases):
                self._zones.setdefault(_key(wording), zone)

    def _add(self, division: Division, aliases: Iterable[str]) -> None:
        self._by_code[division.code] = division
        keys = {_key(wording) for wording in (division.name, division.short_name, *aliases)}
        english = {key for name in [_key(division.name_en)] if name for key in (name, _bare(name, _ENGLISH_ENDINGS))}
        if division.level == Division.Level.DISTRICT:
            self._districts.add(division, keys, english - keys)
        elif division.level == Division.Level.SUBDISTRICT:
            derived = set().union(english, *map(_derived_keys, keys)) - keys
            for scope in (division.code[:6], ""):
                self._subdistricts[scope].add(division, keys, derived)
        elif division.level == Division.Level.NEIGHBOURHOOD:
            index = self._neighbourhoods[division.parent_id or ""]
            index.add(division, keys, {wording for key in keys for wording in _neighbourhood_name(key)} - keys)

    def district(self, text: str) -> Division | None:
        """The district that `text` names, in any wording or by its code."""
        if (by_code := self._coded(text, Division.Level.DISTRICT)) is not None:
            return by_code
        key = _key(text)
        found = self._districts.find(key) or self._districts.find(_without_city(key))
        return found[0] if len(found) == 1 else None

    def zone(self, text: str) -> Zone | None:
        """The functional zone that `text` names: some write 东湖高新区 where a form asks for the district."""
        key = _key(text)
        return self._zones.get(key) or self._zones.get(_without_city(key))

    def subdistricts(self, text: str, district: Division | None = None) -> tuple[Division, ...]:
        """Every subdistrict that `text` may mean in `district`, or in the whole city: two for 李集街道."""
        if (by_code := self._coded(text, Division.Level.SUBDISTRICT)) is not None:
            return (by_code,) if district is None or by_code.code.startswith(district.code) else ()
        key = _without_city(_key(text))
        if district is not None:
            for wording in (_key(district.name), _key(district.short_name)):
                shorter = key.removeprefix(wording)
                # 武昌区徐家棚街道, but not 汉阳 in front of a name that itself begins with it.
                if shorter != key and (found := self._subdistricts[district.code].find(shorter)):
                    return found
        return self._subdistricts["" if district is None else district.code].find(key)

    def subdistrict(self, text: str, district: Division | None = None) -> Division | None:
        """The subdistrict that `text` names; None if there is none, or several (`subdistricts` lists them)."""
        found = self.subdistricts(text, district)
        return found[0] if len(found) == 1 else None

    def neighbourhood(self, text: str, subdistrict: Division) -> Division | None:
        """The neighbourhood of `subdistrict` that `text` names, in any wording or by its code."""
        if (by_code := self._coded(text, Division.Level.NEIGHBOURHOOD)) is not None:
            return by_code if by_code.parent_id == subdistrict.code else None
        index = self._neighbourhoods[subdistrict.code]
        key = _key(text)
        found = index.find(key) or index.find(_neighbourhood_name(key)[0])
        return found[0] if len(found) == 1 else None

    def resolve(self, address: str) -> ResolvedAddress:
        """The district, zone and subdistrict with which a long address begins.

        A street may bear a subdistrict's name: 硚口区汉正街123号 lies on 汉正街, not surely in 汉正街道. So 街 alone
        counts only where no house number follows.
        """
        chars = list(_key_chars(address))
        key = "".join(char for char, _at in chars)
        start = len(key) - len(_without_city(key))
        district, length = self._district_prefix(key[start:])
        at = start + length
        zone: Zone | None = None
        for size in range(min(16, len(key) - at), 2, -1):
            if (zone := self._zones.get(key[at : at + size])) is not None:
                at += size
                break
        found, length = self._subdistrict_prefix(key[at:], district)
        at += length
        subdistrict = found[0] if len(found) == 1 else None
        if subdistrict is not None and district is None:
            district = self._by_code.get(subdistrict.district_code)
        recognised = district is not None or zone is not None or bool(found)
        if not recognised:
            rest = address
        elif at < len(chars):
            rest = address[chars[at][1] :]
        else:
            rest = ""
        return ResolvedAddress(district, subdistrict, zone, rest.strip())

    def ensure_neighbourhood(self, name: str, subdistrict: Division, *, actor: User | str, at: datetime) -> Division:
        """The neighbourhood of this name, made with a local code if it is not known."""
        found = self.neighbourhood(name, subdistrict)
        if found is None:
            found = ensure_neighbourhood(name=name, subdistrict=subdistrict, actor=actor, at=at)
            self._add(found, ())
        return found

    def learn_alias(self, name: str, division: Division, *, actor: User | str, at: datetime) -> DivisionAlias:
        """Keep `name` as another wording of `division`, from now on."""
        alias = learn_alias(name=name, division=division, actor=actor, at=at)
        self._add(division, [alias.name])
        return alias

    def suppose(self, name: str, division: Division) -> None:
        """Take `name` for another wording of `division`, here alone."""
        self._add(division, [name])

    def _coded(self, text: str, level: Division.Level) -> Division | None:
        found = self._by_code.get(text.strip().upper())
        return found if found is not None and found.level == level else None

    def _district_prefix(self, key: str) -> tuple[Division | None, int]:
        for size in range(min(8, len(key)), 1, -1):
            found = self._districts.find(key[:size])
            # 汉阳大道 is a street: a district without 区 is believed only in front of one of its own subdistricts.
            if len(found) == 1 and (key[:size].endswith("区") or self._subdistrict_prefix(key[size:], found[0])[0]):
                return found[0], size
        return None, 0

    def _subdistrict_prefix(self, key: str, district: Division | None) -> tuple[tuple[Division, ...], int]:
        index = self._subdistricts["" if district is None else district.code]
        for size in range(min(24, len(key)), 1, -1):
            wording, behind = key[:size], key[size:]
            if not (found := index.find(wording)):
                continue
            is_sure = wording.endswith(("街道", "街道办", "办事处", "镇", "乡"))
            is_likely = district is not None and (
                (wording.endswith("街") and not re.match(r"[0-9一二三四五六七八九十百]+[号弄巷]|[0-9]", behind))
                or any(wording == _key(division.name) for division in found)
            )
            if is_sure or is_likely:
                return found, size
        return (), 0


# Learning


@transaction.atomic
def ensure_neighbourhood(*, name: str, subdistrict: Division, actor: User | str, at: datetime) -> Division:
    """The neighbourhood (社区) of this name in `subdistrict`; one that is not known gets the next local code.

    Raises: InvalidValue, LocalCodesUsedUp.   Locks: the subdistrict's row.
    """
    written = "".join(unicodedata.normalize("NFKC", name).split())
    full_name, short_name = _neighbourhood_name(written)
    if subdistrict.level != Division.Level.SUBDISTRICT:
        raise InvalidValue("subdistrict", _("A neighbourhood lies in a subdistrict."), value=subdistrict.code)
    if not _key(written) or len(full_name) > 50:
        raise InvalidValue("neighbourhood", _("Give the neighbourhood's name in 1 to 50 characters."), value=name)
    # Two imports that meet the same new name must not give it two codes, nor one code to two names.
    _lock_district_of(subdistrict.code)
    siblings = list(Division.objects.filter(parent=subdistrict))
    for sibling in siblings:
        if _neighbourhood_name(_key(sibling.name))[0] == _key(full_name):
            return sibling
    access.require(actor, Duty.MANAGE, divisions=[subdistrict.code])
    prefix = f"{subdistrict.code}L"
    last = max((int(sibling.code[-2:], 36) for sibling in siblings if sibling.code.startswith(prefix)), default=-1)
    if last + 1 >= 36**2:
        raise LocalCodesUsedUp(subdistrict=subdistrict.code)
    tens, ones = divmod(last + 1, 36)
    neighbourhood = Division.objects.create(
        code=f"{prefix}{_BASE_36[tens]}{_BASE_36[ones]}",
        level=Division.Level.NEIGHBOURHOOD,
        parent=subdistrict,
        name=full_name,
        short_name=short_name,
    )
    audit.record(
        "division.created",
        subject=("division", neighbourhood.code),
        actor=actor,
        at=at,
        data={"name": neighbourhood.name},
    )
    return neighbourhood


@transaction.atomic
def learn_alias(*, name: str, division: Division, actor: User | str, at: datetime) -> DivisionAlias:
    """Keep `name` as another wording of `division`.

    Raises: InvalidValue, AliasTaken if a sibling goes by it.   Locks: the district's row (the city's for a district).
    """
    written = "".join(unicodedata.normalize("NFKC", name).split())
    if not _key(written) or len(written) > 50:
        raise InvalidValue("alias", _("Give the wording in 1 to 50 characters."), value=name)
    if division.parent_id is not None:
        _lock_district_of(division.parent_id)
    siblings = Division.objects.filter(parent_id=division.parent_id).exclude(pk=division.pk).prefetch_related("aliases")
    for sibling in siblings:
        if _key(written) in {
            _key(w) for w in (sibling.name, sibling.short_name, *(a.name for a in sibling.aliases.all()))
        }:
            raise AliasTaken(name=written, division=sibling.code)
    access.require(actor, Duty.MANAGE, divisions=[division.code])
    alias, is_new = DivisionAlias.objects.get_or_create(division=division, name=written)
    if is_new:
        Station.objects.in_division(division.code).derive_again(clock.now())
        audit.record(
            "division.alias_learnt", subject=("division", division.code), actor=actor, at=at, data={"name": written}
        )
    return alias


def _lock_district_of(code: str) -> None:
    """Lock the district that `code` lies in, or the city. One row for all names and numbers of a district: whoever also
    numbers stations (`registering.allot_codes`) locks the same one, so there can be no deadlock.

    Rows that only point to the division are not kept waiting.
    """
    Division.objects.select_for_update(no_key=True).get(pk=code[:6])

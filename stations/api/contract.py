"""The contract of the API about places. The readers of queries and bodies take their names from here."""

from django.utils.translation import gettext_lazy as _

from core.api.contract import (
    PAGE_END,
    Operation,
    Parameter,
    Schema,
    Text,
    choice,
    day,
    either,
    instant,
    listing,
    members,
    named,
    number,
    or_null,
    text,
    time_of_day,
    truth,
    whole,
)
from core.api.cursors import CursorInvalid
from core.api.parameters import ParameterMissing, ParametersContradictory, UnknownCode
from core.errors import InvalidValue
from stations import finding
from stations.errors import StationNotFound
from stations.geo import Crs
from stations.hours import State
from stations.models import Amenity, Confirmation, Division, Station, StationOrganisation
from stations.models.hours import EntryMode

__all__ = [
    "AMENITY_LIST",
    "CONFIRMATION",
    "CREATE_CONFIRMATION",
    "CREATE_USE",
    "DISTRICT_LIST",
    "DIVISION_LIST",
    "FORMATS",
    "POSITION",
    "STATION_DETAIL",
    "STATION_FIELDS",
    "STATION_LIST",
    "USE",
    "ZONE_LIST",
]

MAX_RADIUS_M = 50_000
MAX_LATITUDE = 85.0
MAX_ACCURACY_M = 100_000
MAX_DEVICE = 64
FORMATS = ("json", "geojson")
GEOJSON = "application/geo+json"
# Half of a form's list of streets would be no help, so a page has room for several times as many as any district has.
MAX_DIVISIONS = 500

# ── What an answer says ─────────────────────────────────────────────────────────────────────────────────────────────

_LATITUDE = number(_("Degrees north."), minimum=-90, maximum=90)
_LONGITUDE = number(_("Degrees east."), minimum=-180, maximum=180)
_CRS = choice(list(Crs), _("The datum: wgs84 (phone, GPS, OSM), gcj02 (高德, 腾讯) or bd09 (百度)."))
_AT = instant(_("The moment that this answer is true of."))
_MAP_LINK = text(format="uri")


def _place(meaning: Text) -> Schema:
    return members({"code": text(), "name": text()}, meaning)


_CARD: dict[str, Schema] = {
    "code": text(_("What stands on its door, such as WH-WC-0004. It stays.")),
    "name": text(),
    "aliases": listing(text(), _("Former names and other wordings.")),
    "tier": or_null(
        whole(_("1, 2 or 3 (一类, 二类, 三类), 1 has the most; null where nobody has rated it."), enum=[1, 2, 3])
    ),
    "status": choice(
        [status for status in Station.Status.values if status != Station.Status.DRAFT],
        _(
            "Lists hold only published stations; asking for another one by its code tells you that it is suspended or closed."
        ),
    ),
    "division": _place(_("The lowest level it is registered in, mostly a 街道.")),
    "district": _place(_("The district, by its six digits.")),
    "zone": or_null(_place(_("The functional zone, such as 东湖高新区, where it lies in one."))),
    "address": text(),
    "floor": text(),
    "directions": text(_("How to find the door.")),
    "position": or_null(
        members(
            {"latitude": _LATITUDE, "longitude": _LONGITUDE, "crs": _CRS},
            _("Where it is, in the datum that was asked for; null while nobody has measured it."),
        )
    ),
    "distance_m": or_null(whole(_("Metres from `near`, as the crow flies; null without it."), minimum=0)),
    "amenities": listing(text(), _("Codes of `/amenities/`.")),
    "open": members(
        {
            "state": choice(
                list(State),
                _(
                    "closing-soon: within 30 minutes. unknown: hours are not registered or not known so far ahead; treat it as “ask there”, never as closed. doubted: two couriers at the door found it shut."
                ),
            ),
            "closes_at": or_null(instant(_("Until when, if it is open."))),
            "opens_at": or_null(instant(_("When next, if it is closed."))),
            "entry_mode": or_null(choice(EntryMode.values, _("How one gets through the door."))),
            "is_round_the_clock": truth(),
        },
        _("Whether one can get in at the moment that was asked for."),
    ),
    "hours": members(
        {
            "osm": text(_("As OpenStreetMap writes opening hours.")),
            "text": text(_("In words, in the language of the answer.")),
            "as_given": text(_("The office's own words, where they could not be read as times.")),
        },
        _("The registered hours, on the clocks of Wuhan."),
    ),
    "phone": text(_("An office number that everybody may call.")),
    "confirmed_at": or_null(instant(_("When somebody last got in, as said at the door."))),
    "doubted_at": or_null(instant(_("Since when it is doubted."))),
    "is_made_up": truth(_("Made up for the demo: no such place.")),
    "updated_at": instant(_("When a fact of it last changed.")),
    "url": text(_("Its page for people."), format="uri"),
}
# What `?fields=` may name.
STATION_FIELDS = tuple(_CARD)

# The answer for one station by its code says more.
_WHOLE: dict[str, Schema] = _CARD | {
    "status_reason": text(_("Why it is suspended or closed.")),
    "area_m2": or_null(number(_("Square metres."))),
    "seats": or_null(whole()),
    "opened_on": or_null(day()),
    "amenities_as_given": text(_("What no code says.")),
    "organisations": listing(
        members({"role": choice(StationOrganisation.Role.values), "name": text()}), _("Who stands behind it.")
    ),
    "exceptions": listing(
        members(
            {
                "starts_on": day(),
                "ends_on": day(),
                "opens": or_null(time_of_day(_("Null: closed on these days."))),
                "closes": or_null(time_of_day()),
                "entry_mode": or_null(choice(EntryMode.values)),
                "reason": text(),
            }
        ),
        _("Days ahead with other hours than usual, on the calendar of Wuhan."),
    ),
    "map_links": or_null(
        members(
            dict.fromkeys(("amap", "tencent", "baidu", "apple", "geo"), _MAP_LINK),
            _("Addresses that open the place in a map app, each in the app's own datum."),
        )
    ),
}

# What `updated_since` says about a station that a copy must drop: the same four members, whatever `fields` asks for.
_GONE: dict[str, Schema] = {
    "code": text(),
    "status": choice(Station.Status.values, _("Why: no longer shown; or, if published, no longer what was asked for.")),
    "is_gone": truth(enum=[True]),
    "updated_at": instant(),
}
_GONE_STATION = named("GoneStation", members(_GONE, _("With `updated_since`: a station that your copy must drop.")))
# With `fields` fewer members are there, so none is required.
_IN_LIST = either(
    named("StationInList", members(_CARD, _("One station as a list shows it."), required=())),
    _GONE_STATION,
)


def _feature(name: str, properties: Schema, meaning: Text, **more: Schema) -> Schema:
    """What a map program gets (RFC 7946): the position is the geometry, longitude first."""
    return named(
        name,
        members(
            {
                "type": choice(["Feature"]),
                "id": text(_("The station's code.")),
                "geometry": or_null(
                    members(
                        {
                            "type": choice(["Point"]),
                            "coordinates": listing(number(), _("Longitude, latitude, WGS-84."), minItems=2, maxItems=2),
                        }
                    )
                ),
                "properties": properties,
                **more,
            },
            meaning,
        ),
    )


def _without_position(found: dict[str, Schema]) -> dict[str, Schema]:
    return {name: schema for name, schema in found.items() if name != "position"}


# ── Parameters ──────────────────────────────────────────────────────────────────────────────────────────────────────

_CODE = Parameter(
    name="code",
    place="path",
    schema=text(),
    meaning=_("The station's code, as it stands on its door."),
    example="WH-WC-0004",
)
_ANSWER_CRS = Parameter(
    name="crs",
    schema=choice(list(Crs), default=Crs.WGS84.value),
    meaning=_("The datum of positions in the answer."),
    example="gcj02",
)
_FORMAT = Parameter(
    name="format",
    schema=choice(FORMATS, default="json"),
    meaning=_("GeoJSON for map programs, in WGS-84 alone. It goes before `Accept`."),
    example="geojson",
)
_CURSOR = Parameter(
    name="cursor",
    schema=text(minLength=1, maxLength=300),
    meaning=_("Where the page before ended. Follow `next` as it is; a cursor belongs to its query."),
)
_PAIR = r"^\s*-?\d{1,9}(\.\d{1,20})?\s*(,\s*-?\d{1,9}(\.\d{1,20})?\s*){1}$"
_FOUR = _PAIR.replace("{1}$", "{3}$")

_PAGE: dict[str, Schema] = {
    "next": PAGE_END,
    "is_cut_off": truth(_("The answer ends here although more would fit: a near look-up ends after 1,000 stations.")),
    "at": _AT,
}
STATION_LIST = Operation(
    name="list_stations",
    noun="stations",
    title=_("Stations that fit, the nearest first"),
    meaning=_(
        "With `near` ordered by distance, else by code. All conditions hold together. Only published stations are there."
    ),
    parameters=(
        Parameter(
            name="near",
            schema=text(pattern=_PAIR),
            meaning=_("Latitude and longitude: orders by distance and fills `distance_m`."),
            example="30.5801,114.3402",
        ),
        Parameter(
            name="near_crs",
            schema=choice(list(Crs), default=Crs.WGS84.value),
            meaning=_("The datum of `near`. A phone of 微信 gives gcj02 if asked so."),
            example="wgs84",
        ),
        Parameter(
            name="radius_m",
            schema=whole(minimum=1, maximum=MAX_RADIUS_M),
            meaning=_("With `near`: at most so many metres away."),
            example=1500,
        ),
        Parameter(
            name="bbox",
            schema=text(pattern=_FOUR),
            meaning=_("West, south, east, north, in WGS-84."),
            example="114.29,30.55,114.36,30.60",
        ),
        Parameter(
            name="district",
            schema=text(pattern=r"^\d{6}$"),
            meaning=_("The six digits of a district of `/districts/`."),
            example="420106",
        ),
        Parameter(
            name="division",
            schema=text(minLength=1, maxLength=12),
            meaning=_("The code of a division of any level; all that lies inside counts."),
            example="420106003",
        ),
        Parameter(
            name="zone",
            schema=text(minLength=1, maxLength=32),
            meaning=_("The code of a functional zone."),
            example="east-lake",
        ),
        Parameter(
            name="tier",
            schema=listing(whole(enum=[1, 2, 3])),
            meaning=_("Any of these tiers."),
            example=[1, 2],
            is_many=True,
        ),
        Parameter(
            name="amenity",
            schema=listing(text(minLength=1), maxItems=30),
            meaning=_("All of these codes of `/amenities/`."),
            example=["hot-water", "toilet"],
            is_many=True,
        ),
        Parameter(
            name="open",
            schema=text(minLength=1),
            meaning=_(
                "now, or an instant with its offset such as 2026-11-25T12:00:00+08:00, from today to the end of the 13th day after it. Unknown and doubted ones are left out."
            ),
            example="now",
        ),
        Parameter(
            name="q",
            schema=text(minLength=1, maxLength=100),
            meaning=_(
                "Words, all of which must fit: of the name, former names, code, address, 街道 or 社区, in characters or pinyin (whole or initials); or an amenity by its name, such as 热水; or 24小时."
            ),
            example="徐家棚",
        ),
        Parameter(
            name="updated_since",
            schema=instant(),
            meaning=_(
                "What changed since then, and what is gone, in the order of the change; then send the `at` of the answer. Not with near, radius_m, bbox, open or q."
            ),
            example="2026-11-25T12:00:00+08:00",
        ),
        _ANSWER_CRS,
        _FORMAT,
        Parameter(
            name="fields",
            schema=text(minLength=1, maxLength=400),
            meaning=_("Only these members of each station, with commas between."),
            example="code,name,tier,open",
        ),
        Parameter(
            name="limit",
            schema=whole(minimum=1, maximum=finding.MAX_LIMIT, default=20),
            meaning=_("How many stations a page holds."),
            example=3,
        ),
        _CURSOR,
    ),
    answer=members({"results": listing(_IN_LIST), **_PAGE}),
    other_answers={
        GEOJSON: members(
            {
                "type": choice(["FeatureCollection"]),
                "features": listing(
                    _feature(
                        "StationFeature",
                        either(
                            members(_without_position(_CARD), required=()),
                            _GONE_STATION,
                        ),
                        _("One station of a list for a map program."),
                    )
                ),
                **_PAGE,
            }
        )
    },
    problems=(InvalidValue, ParameterMissing, ParametersContradictory, UnknownCode, CursorInvalid),
)

STATION_DETAIL = Operation(
    name="get_station",
    noun="stations",
    title=_("One station"),
    meaning=_("With the exceptions ahead, who stands behind it, and links into map apps. A draft is not there."),
    parameters=(_CODE, _ANSWER_CRS, _FORMAT),
    answer=named("Station", members(_WHOLE | {"at": _AT}, _("One station with all that couriers may know of it."))),
    other_answers={
        GEOJSON: _feature(
            "WholeStationFeature", members(_without_position(_WHOLE)), _("One station for a map program."), at=_AT
        )
    },
    problems=(InvalidValue, StationNotFound),
)

DISTRICT_LIST = Operation(
    name="list_districts",
    noun="districts",
    title=_("The districts with their numbers of stations"),
    answer=members(
        {
            "results": listing(
                named(
                    "District",
                    members(
                        {
                            "code": text(_("Six digits."), pattern=r"^\d{6}$"),
                            "name": text(),
                            "stations": whole(_("Published stations."), minimum=0),
                            "tiers": members(
                                {tier: whole(minimum=0) for tier in ("1", "2", "3")}, _("How many of each tier.")
                            ),
                            "open_now": whole(_("How many are open at this moment."), minimum=0),
                        }
                    ),
                )
            ),
            "next": PAGE_END,
            "at": _AT,
        }
    ),
)

DIVISION_LIST = Operation(
    name="list_divisions",
    noun="divisions",
    title=_("The tree of divisions"),
    meaning=_("By code, a node before what lies in it: for a form, and to find out codes."),
    parameters=(
        Parameter(
            name="inside",
            schema=text(minLength=1, maxLength=12),
            meaning=_("Only what lies inside the division of this code."),
            example="420106",
        ),
        Parameter(
            name="level",
            schema=choice(Division.Level.values),
            meaning=_("Only this level."),
            example="subdistrict",
        ),
        Parameter(
            name="limit",
            schema=whole(minimum=1, maximum=MAX_DIVISIONS, default=MAX_DIVISIONS),
            meaning=_("How many divisions a page holds."),
            example=3,
        ),
        _CURSOR,
    ),
    answer=members(
        {
            "results": listing(
                named(
                    "Division",
                    members(
                        {
                            "code": text(),
                            "level": choice(Division.Level.values),
                            "name": text(_("In the language of the answer.")),
                            "parent": or_null(text(_("The code of the division around it."))),
                        }
                    ),
                )
            ),
            "next": PAGE_END,
        }
    ),
    problems=(InvalidValue, UnknownCode, CursorInvalid),
)

ZONE_LIST = Operation(
    name="list_zones",
    noun="divisions",
    title=_("The functional zones"),
    meaning=_("Such as 东湖高新区: they lie across the tree of divisions."),
    answer=members(
        {
            "results": listing(
                named("Zone", members({"code": text(), "name": text(_("In the language of the answer."))}))
            ),
            "next": PAGE_END,
        }
    ),
)

AMENITY_LIST = Operation(
    name="list_amenities",
    noun="amenities",
    title=_("The coded equipment and services"),
    meaning=_("With the wordings that mean them, as offices write them in their lists."),
    answer=members(
        {
            "results": listing(
                named(
                    "Amenity",
                    members(
                        {
                            "code": text(),
                            "name": text(_("In the language of the answer.")),
                            "kind": choice(Amenity.Kind.values),
                            "expected_from_tier": or_null(
                                whole(
                                    _(
                                        "3: every station has it; 2: tiers 1 and 2; 1: tier 1 alone; null: nobody is promised it."
                                    ),
                                    enum=[1, 2, 3],
                                )
                            ),
                            "words": listing(text()),
                        }
                    ),
                )
            ),
            "next": PAGE_END,
        }
    ),
)

# ── What is sent ────────────────────────────────────────────────────────────────────────────────────────────────────

POSITION = members(
    {
        "latitude": number(_("Degrees north."), minimum=-MAX_LATITUDE, maximum=MAX_LATITUDE),
        "longitude": number(_("Degrees east."), minimum=-180, maximum=180),
        "crs": choice(list(Crs), _("The datum of these numbers: wgs84, gcj02 or bd09. It has to be said.")),
        "accuracy_m": or_null(
            number(
                _("How exactly the phone knew, in metres. Worse than 300 m proves nothing."),
                minimum=0,
                maximum=MAX_ACCURACY_M,
            )
        ),
    },
    _("Where the phone was. Within 150 m of the station it makes what is said a proof at the door."),
    required=("latitude", "longitude", "crs"),
)
_MADE_AT = or_null(
    instant(_("When it was seen, with its offset, if that was without signal: up to 24 hours ago. Left out: now."))
)
CONFIRMATION = members(
    {
        "outcome": choice(Confirmation.Outcome.values, _("进得去 got in, 锁着 locked, 设备坏了 equipment broken, 搬走了 moved away.")),
        "position": or_null(POSITION),
        "device": or_null(
            text(
                _("Any text that stands for one courier's phone with you. Two devices that find a station shut make it doubted; without it your whole program is one witness."),
                minLength=1,
                maxLength=MAX_DEVICE,
                pattern=r"\S",
            )
        ),
        "made_at": _MADE_AT,
    },
    required=("outcome",),
)  # fmt: skip
USE = members({"made_at": _MADE_AT, "satisfied": or_null(truth(_("Whether who came was satisfied."))) }, required=())  # fmt: skip

CREATE_CONFIRMATION = Operation(
    name="create_confirmation",
    noun="confirmations",
    title=_("Say what was found at a station's door"),
    meaning=_(
        "A tap from afar is kept and shown, and neither opens nor shuts a station. A station outside your divisions is a 404 like one that does not exist."
    ),
    parameters=(_CODE,),
    body=named("NewConfirmation", CONFIRMATION),
    answer=named(
        "Confirmation",
        members(
            {
                "station": text(_("The station's code.")),
                "outcome": choice(Confirmation.Outcome.values),
                "at_door": truth(_("Whether the position counts: within 150 m, known to 300 m or better.")),
                "made_at": instant(),
                "station_confirmed_at": or_null(instant(_("When somebody last got in, this one included."))),
                "station_doubted_at": or_null(instant(_("Since when the station is doubted."))),
            }
        ),
    ),
    problems=(InvalidValue, StationNotFound),
)

CREATE_USE = Operation(
    name="create_use",
    noun="uses",
    title=_("Count that somebody came to rest"),
    meaning=_("Counted per station and day, never by person."),
    parameters=(_CODE,),
    body=named("NewUse", USE),
    answer=named(
        "Use",
        members(
            {
                "station": text(_("The station's code.")),
                "date": day(_("The day in Wuhan that it counts for.")),
                "uses": whole(_("How many came on that day, this one included."), minimum=1),
            }
        ),
    ),
    problems=(InvalidValue, StationNotFound),
)

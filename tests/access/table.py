"""The table of URLs: for every pattern of the URLconf, who may come and whose rows its key may lead to.

**To add a row.** A new URL without a row makes `test_every_address_has_a_row` fail and print the pattern as it must be written
here. Pick what it is:

* `public()`: the same for everybody. With a key in the path, say whose it is: `public(of=Station, key=code)`; it is called
  for every draft, and must answer as for a code that does not exist.
* `guarded()`: for those who are signed in, or for administrators; it leads to no row that belongs to a lot.
* `scoped(of=Model)`: for staff, limited to their scope. It is called for every foreign row of `Model`, by GET and by POST, and
  must answer as for a key that does not exist. If the key is in a form and not in the path, or a POST needs more than the key,
  give `posts=[lambda key: {...}]`.
* `keyed(of=Model)`: for partners' programs with their key, the same.

The pages that Django's admin makes for every registered model (list, add, change, delete, history) have their rows from the
registry; a model needs none. A new model needs rows with canaries in tests/access/world.py, which says so itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote as percent

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from core.models import User
from couriers import consents, sealing
from couriers.models import Courier, CourierList
from partners.models import ApiKey, Client
from points.cabinet import token_of
from points.models import Dispute, Gift, GiftProposal, Posting, Redemption
from stations.models import Division, ImportJob, Station, VisitReport
from tests.access.asking import Ask

__all__ = ["ROWS", "STANDARD", "Row", "missing_key", "patterns", "row_of"]

Post = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    kind: str  # public, guarded, scoped, keyed
    of: type[Model] | None = None
    key: Callable[[Any], str] = lambda row: str(row.pk)
    posts: Sequence[Post] = ()
    gets: Sequence[str] = ("",)  # queries
    rest: Callable[[str], tuple[str, ...]] = lambda _key: ()  # further parts of the path, after the key
    leaves_a_trace: bool = False  # requests are recorded in the trail, whether or not anything is found
    shows_above: bool = False  # may lead to the nodes above the scope

    def asks(self, pattern: str, key: str) -> Iterator[tuple[str, Ask]]:
        """Every question that can be asked here about `key`, with the door's name."""
        rest = self.rest(key)
        path, about = "/" + filled_in(pattern, key, *rest), (key, *rest)
        for query in self.gets:
            yield f"GET {pattern}{query}", Ask("get", path + query.replace("‹key›", percent(key)), about=about)
        for number, post in enumerate(self.posts):
            data = post(key)
            asked_for = (*about, str(data.get("phone", "")))
            yield f"POST {pattern} {number}", Ask("post", path, data=data, about=asked_for)


def public(**more: Any) -> Row:
    return Row("public", **more)


def guarded(**more: Any) -> Row:
    return Row("guarded", **more)


def scoped(**more: Any) -> Row:
    return Row("scoped", **more)


def keyed(**more: Any) -> Row:
    return Row("keyed", **more)


def code(row: Any) -> str:
    return str(row.code)


def _yes(_key: str) -> dict[str, Any]:
    return {"post": "yes"}


def _because(_key: str) -> dict[str, Any]:
    return {"reason": "x", "phone": "13000009999", "takes_over_because": "x"}


def _phone_of(courier: str) -> str:
    """The phone of the courier with this key, as somebody who knows him would type it; for a missing key, a number that nobody
    has.
    """
    found = Courier.objects.filter(pk=courier, phone_sealed__isnull=False).first()
    return sealing.opened(found.phone_sealed or b"", column="phone") if found else "13000008888"


def _registered_in(district: str) -> dict[str, Any]:
    said = {"phone": "13000008887", "kind": "express", "shares": True, "district": district}
    return said | {"notice_version": consents.membership_notice().version}


def _award_from(district: str) -> Post:
    return lambda key: {"courier": key, "district": district, "points": 1, "reason": "x"}


def _holiday(key: str) -> dict[str, Any]:
    return {"chosen": key, "starts_on": "2027-05-01", "is_closed": "on", "entry_mode": "staffed", "reason": "修缮"}


def _prefix(client: str) -> tuple[str, ...]:
    return tuple(ApiKey.objects.filter(client_id=int(client)).values_list("prefix", flat=True)[:1]) or ("nothing",)


def _do(step: str) -> Post:
    return lambda _key: {"do": step, "subject": "amenity:x", "said": "hot-water", "revision": "1"}


DAY = "2026-06-10"
OP = "6f1c0a52-5b5b-4c0e-9d3f-0d7c6c1f2a11"
IMPORT_STEPS = ("answer", "leave", "take-back", "hand-back", "again", "confirm", "drop")


ROWS: dict[str, Row] = {
    # ── The API ─────────────────────────────────────────────────────────────────────────────────────────────────────
    "api/v1/": public(),
    "api/v1/stations/": public(
        of=Station,
        key=code,
        gets=("", "?q=‹key›", "?q=zq", "?division=420104", "?near=30.68,114.34", "?limit=100&tier=3"),
    ),
    "api/v1/stations/<str:code>/": public(of=Station, key=code),
    "api/v1/stations/<str:code>/confirmations/": keyed(
        of=Station, key=code, posts=[lambda _key: {"outcome": "entered"}]
    ),
    "api/v1/stations/<str:code>/uses/": keyed(of=Station, key=code, posts=[lambda _key: {"satisfied": True}]),
    "api/v1/districts/": public(),
    "api/v1/divisions/": public(gets=("", "?inside=420104")),
    "api/v1/zones/": public(),
    "api/v1/amenities/": public(),
    "api/v1/gifts/": public(gets=("", "?district=420104", "?station=WH-QK-6004", "?limit=1")),
    "api/v1/gifts/<str:code>/": public(rest=lambda _key: ("nothing",)),
    "api/v1/notices/": public(),
    "api/v1/couriers/": keyed(of=Division, posts=[_registered_in]),
    "api/v1/couriers/look-up/": keyed(
        of=Courier, gets=(), posts=[lambda key: {"phone": _phone_of(key)}], leaves_a_trace=True
    ),
    "api/v1/couriers/<str:code>/": keyed(of=Courier, key=code),
    "api/v1/couriers/<str:code>/account/": keyed(of=Courier, key=code),
    "api/v1/couriers/<str:code>/entries/": keyed(of=Courier, key=code),
    "api/v1/awards/": keyed(of=Courier, key=code, posts=[_award_from("420106"), _award_from("420104")]),
    "api/v1/reversals/": keyed(
        of=Posting, key=lambda row: str(row.op_id), posts=[lambda key: {"posting": key, "reason": "x"}]
    ),
    "api/v1/passes/": keyed(of=Courier, key=code, posts=[lambda key: {"courier": key, "pin": "482915"}]),
    "api/v1/redemptions/": keyed(
        of=Courier,
        key=code,
        posts=[lambda key: {"courier": key, "gift": "zqkpub-umbrella", "station": "WH-WC-6003", "points": 3}],
    ),
    "api/v1/redemptions/<str:code>/": keyed(of=Redemption, key=code),
    "api/v1/redemptions/<str:code>/handover/": keyed(of=Redemption, key=code, posts=[lambda _key: {"pass": "482915"}]),
    "api/v1/redemptions/<str:code>/cancellation/": keyed(of=Redemption, key=code, posts=[lambda _key: {"reason": "x"}]),
    "api/v1/openapi.yaml": public(),
    "api/v1/whoami/": keyed(),
    "api/problems/": public(),
    "api/problems/<str:code>/": public(rest=lambda _key: ("not_found",)),
    # ── The office, besides what the registry brings ────────────────────────────────────────────────────────────────
    "admin/": guarded(gets=("", "?q=zq")),
    "admin/login/": guarded(gets=("", "?next=/admin/"), posts=[lambda _key: {"username": "nobody", "password": "x"}]),
    "admin/logout/": guarded(),
    "admin/password_change/": guarded(posts=[lambda _key: {"old_password": "x", "new_password1": "y"}]),
    "admin/password_change/done/": guarded(),
    "admin/autocomplete/": guarded(),  # asked for every relation in doors.py
    "admin/jsi18n/": guarded(),
    "admin/(?P<app_label>core|stations|couriers|points|partners)/": guarded(rest=lambda _key: ("stations",)),
    "admin/(?P<url>.*)": guarded(rest=lambda _key: ("nowhere/",)),
    "admin/glance/": scoped(gets=("", "?screen=1")),
    "admin/glance/<str:code>/": scoped(of=Division, gets=("", "?screen=1")),
    "admin/stations/station/export/": scoped(
        of=Station, key=code, gets=("", "?q=‹key›", "?q=zq", "?status__exact=draft", "?todo=doubted")
    ),
    "admin/stations/daytype/notice/": scoped(posts=[lambda _key: {"notice": "1月1日放假"}]),
    "admin/stations/station/holiday-hours/": scoped(
        of=Station, posts=[_holiday, lambda key: _holiday(key) | {"confirm": "yes"}]
    ),
    "admin/stations/station/map-listing/": scoped(gets=("", "?map=baidu", "?format=xlsx", "?map=baidu&format=xlsx")),
    "admin/stations/station/undo/": scoped(posts=[_yes]),
    "admin/stations/station/import/": scoped(of=Division, posts=[lambda key: {"division": key, "file": ""}]),
    "admin/stations/station/import/template/": scoped(),
    "admin/stations/station/import/<int:job_id>/": scoped(of=ImportJob, posts=[_do(each) for each in IMPORT_STEPS]),
    "admin/stations/station/import/<int:job_id>/result/": scoped(of=ImportJob),
    "admin/stations/station/<int:station_id>/confirm/": scoped(of=Station, posts=[lambda _key: {"outcome": "locked"}]),
    "admin/stations/station/<int:station_id>/door-code/": scoped(of=Station, posts=[_yes]),
    "admin/stations/visitlink/issue/<int:station_id>/": scoped(of=Station, posts=[_yes]),
    "admin/stations/visitreport/<int:report_id>/photos/<int:number>/": scoped(of=VisitReport, rest=lambda _key: ("0",)),
    "admin/core/user/<id>/password/": scoped(
        of=User, posts=[lambda _key: {"password1": "a-new-password-1", "password2": "a-new-password-1"}]
    ),
    "admin/couriers/courier/find/": scoped(
        of=Courier, gets=(), posts=[lambda key: {"phone": _phone_of(key)}], leaves_a_trace=True
    ),
    "admin/couriers/courier/import/": scoped(of=Division, posts=[lambda key: {"division": key, "file": ""}]),
    "admin/couriers/courier/import/template/": scoped(),
    "admin/couriers/courier/import/<int:list_id>/": scoped(
        of=CourierList, posts=[lambda _key: {"do": "confirm"}, lambda _key: {"do": "drop"}]
    ),
    "admin/couriers/courier/import/<int:list_id>/result/": scoped(of=CourierList),
    "admin/couriers/courier/<int:pk>/card/": scoped(of=Courier),
    "admin/couriers/courier/<int:pk>/new-pin/": scoped(of=Courier, posts=[_yes]),
    "admin/couriers/courier/<int:pk>/reveal/": scoped(of=Courier, posts=[_because]),
    "admin/couriers/courier/<int:pk>/copy/": scoped(of=Courier, posts=[_because]),
    "admin/couriers/courier/<int:pk>/do/<slug:step>/": scoped(
        of=Courier,
        rest=lambda _key: ("block",),
        posts=[_because],
    ),
    "admin/couriers/courier/<int:pk>/merge/": scoped(
        of=Courier,
        posts=[lambda _key: {"code": "00000000000"}, lambda key: {"op_id": OP, "duplicate": key, "reason": "x"}],
    ),
    "admin/points/expiryrule/set/": scoped(posts=[lambda _key: {"months": "0", "valid_from": "2099-01-01"}]),
    "admin/points/gift/<int:gift_id>/price/": scoped(
        of=Gift, posts=[lambda _key: {"points": "7", "valid_from": "2030-01-01"}]
    ),
    "admin/points/gift/<int:gift_id>/stock/<slug:step>/": scoped(
        of=Gift, rest=lambda _key: ("count",), posts=[lambda _key: {"op_id": OP, "found": "7", "witness": "王监盘"}]
    ),
    "admin/points/gift/low/": scoped(),
    "admin/points/giftproposal/<int:proposal_id>/accept/": scoped(
        of=GiftProposal, posts=[lambda _key: {"code": "a-new-gift", "points": "7"}]
    ),
    "admin/points/giftproposal/<int:proposal_id>/decline/": scoped(
        of=GiftProposal, posts=[lambda _key: {"reason": "x"}]
    ),
    "admin/points/posting/funds/": scoped(),
    "admin/points/posting/funds/allocate/": scoped(
        of=Division, posts=[lambda key: {"op_id": OP, "district": key, "points": "7", "source": "x"}]
    ),
    "admin/points/posting/openings/": scoped(
        of=Division, gets=(), posts=[lambda key: {"op_id": OP, "district": key, "document": "x", "lines": "x 7"}]
    ),
    "admin/points/posting/<int:posting_id>/take-back/": scoped(
        of=Posting, posts=[lambda _key: {"op_id": OP, "reason": "x"}]
    ),
    # Whoever gives points may learn whose a code is: couriers are the city's, and nobody guesses 50 bits.
    "admin/points/award/add/": scoped(
        of=Division,
        gets=(),
        posts=[lambda key: {"op_id": OP, "courier": "x", "points": "7", "district": key, "reason": "x"}],
    ),
    "admin/points/counter/": scoped(gets=("", "?who=x"), posts=[lambda _key: {"who": "x"}, lambda _key: {"op_id": OP}]),
    "admin/points/couriers/<int:pk>/": scoped(of=Courier, gets=("", "?p=2")),
    "admin/points/dispute/<int:dispute_id>/decide/": scoped(
        of=Dispute, posts=[lambda _key: {"op_id": OP, "ruling": "upheld", "answer": "x"}]
    ),
    "admin/points/earningrule/<int:rule_id>/end/": scoped(posts=[lambda _key: {"last_day": "2030-01-01"}]),
    "admin/points/late/": scoped(gets=("", "?form=x"), posts=[lambda _key: {"op_id": OP}]),
    "admin/points/late/form/<int:pk>/": scoped(of=Station),
    "admin/points/cabinet/<int:pk>/": scoped(of=Station),
    "admin/points/redemption/<int:pk>/cancel/": scoped(
        of=Redemption, posts=[lambda _key: {"op_id": OP, "reason": "x"}]
    ),
    "admin/points/redemption/<int:pk>/take-back/": scoped(
        of=Redemption, posts=[lambda _key: {"op_id": OP, "reason": "x"}]
    ),
    "admin/points/redemption/<int:pk>/hand-over/": scoped(
        of=Redemption, posts=[lambda _key: {"op_id": OP, "digits": "123456"}]
    ),
    "admin/points/papers/": scoped(of=Station, key=code, gets=("", "?q=‹key›", "?place=‹key›")),
    "admin/points/papers/count/": scoped(of=Station, key=code, gets=("?place=‹key›", "?place=‹key›&format=xlsx")),
    "admin/points/papers/register/": scoped(
        of=Station, key=code, gets=("?place=‹key›", "?place=‹key›&on=2026-06", "?place=‹key›&format=xlsx")
    ),
    "admin/points/papers/stock/": scoped(
        of=Station, key=code, gets=("?place=‹key›", "?place=‹key›&on=2026-06", "?place=‹key›&format=xlsx")
    ),
    "admin/points/plan/": scoped(of=Division, gets=("", "?place=‹key›")),
    "admin/points/audit/sample/": scoped(
        of=Division,
        gets=(
            "",
            f"?first={DAY}&last={DAY}&number=50&seed=7",
            f"?first={DAY}&last={DAY}&number=50&seed=7&district=‹key›",
        ),
    ),
    "admin/points/audit/deeds/": scoped(
        gets=("", "?who=admin", f"?who=zq&first={DAY}&last={DAY}", "?who=admin&kind=x&before=9")
    ),
    "admin/points/audit/reveals/": scoped(gets=("", "?who=zq", "?before=9")),
    "admin/points/ledgercheck/ask/": scoped(of=Division, gets=(), posts=[lambda key: {"district": key}]),
    "admin/points/slips/<int:pk>/": scoped(of=Redemption),
    "admin/points/settlement/": scoped(gets=("", "?month=2026-06", "?format=xlsx")),
    "admin/points/standing-out/": scoped(gets=("", "?days=365")),
    "admin/partners/client/<int:pk>/keys/new/": scoped(
        of=Client, posts=[lambda _key: {"days": "30", "keys_seen": "1"}]
    ),
    "admin/partners/client/<int:pk>/keys/<slug:prefix>/revoke/": scoped(
        of=Client, rest=_prefix, posts=[lambda _key: {"reason": "x"}]
    ),
    # ── For everybody ───────────────────────────────────────────────────────────────────────────────────────────────
    "i18n/setlang/": public(posts=[lambda _key: {"language": "en", "next": "/"}]),
    "docs/api/": public(),
    "livez": public(),
    "readyz": public(),
    "": public(of=Station, key=code, gets=("", "?q=‹key›", "?q=zq", "?lat=30.68&lng=114.34", "?division=420104")),
    "map.json": public(gets=("", "?q=zq", "?division=420104009")),
    "places/": public(),
    "stations/<slug:code>/": public(of=Station, key=code),
    "stations/<slug:code>/confirmations/": public(of=Station, key=code, posts=[lambda _key: {"outcome": "locked"}]),
    "stations/<slug:code>/uses/": public(of=Station, key=code, posts=[_yes]),
    "stations/<slug:code>/satisfaction/": public(of=Station, key=code, posts=[lambda _key: {"satisfied": "yes"}]),
    "stations/<slug:code>/way/": public(of=Station, key=code, gets=("", "?app=amap")),
    "stations/<slug:code>/photo/": public(of=Station, key=code),
    "stations/<slug:code>/poster/": public(of=Station, key=code, gets=("", "?door=1")),
    "posters/": scoped(of=Station, key=code, gets=("?codes=‹key›",)),
    # ── The counter ─────────────────────────────────────────────────────────────────────────────────────────────────
    "counter/": guarded(),
    "counter/sign-in/": public(),
    "counter/sign-out/": guarded(),
    "counter/change/": guarded(posts=[lambda _key: {"username": "x", "password": "x"}]),
    "counter/station/": scoped(of=Station, key=code, gets=("?q=‹key›",), posts=[lambda key: {"station": key}]),
    "counter/queue/": guarded(),
    "counter/today/": guarded(),
    "counter/uses/": guarded(),
    "counter/uses/take-back/": guarded(),
    "counter/redemptions/<slug:code>/": scoped(of=Redemption, key=code),
    "counter/redemptions/<slug:code>/hand-over/": scoped(
        of=Redemption, key=code, posts=[lambda _key: {"op_id": OP, "digits": "123456", "met": "on"}]
    ),
    "counter/redemptions/<slug:code>/leave/": scoped(of=Redemption, key=code, gets=(), posts=[_yes]),
    "counter/who/": scoped(posts=[lambda _key: {"who": "x"}]),
    "counter/who/<str:word>/": scoped(of=Courier),
    "counter/who/<str:word>/gifts/<slug:code>/": scoped(
        of=Gift,
        key=lambda _row: "no-such-word",
        rest=lambda _key: ("wc-umbrella",),
        posts=[lambda _key: {"op_id": OP, "points": "1", "digits": "123456"}],
    ),
    # A word names a courier whom this account has found itself; one that is made up names nobody.
    "counter/who/<str:word>/pin/": scoped(of=Courier, posts=[_yes]),
    "counter/who/<str:word>/card/": scoped(of=Courier, posts=[lambda _key: {"reason": "x", "lost": "0"}]),
    "counter/who/<str:word>/card/print/": scoped(of=Courier),
    "counter/who/<str:word>/phone/": scoped(of=Courier, posts=[_because]),
    "counter/stock/": guarded(),
    "counter/stock/count/": guarded(),
    # A cabinet holds gifts of its district, whichever part of the district keeps it.
    "counter/stock/<slug:code>/<slug:step>/": scoped(
        of=Gift,
        key=code,
        shows_above=True,
        rest=lambda _key: ("count",),
        posts=[lambda _key: {"op_id": OP, "found": "0", "witness": "x", "reason": "x"}],
    ),
    # ── Gifts and what is his, for everybody ────────────────────────────────────────────────────────────────────────
    "gifts/": public(gets=("", "?division=4201", "?points=5&stock=yes", "?lat=30.68&lng=114.34")),
    "gifts/<slug:code>/": public(of=Gift, key=code),
    "gifts/<slug:code>/photo/": public(of=Gift, key=code),
    "me/register/": public(
        of=Station,
        key=code,
        gets=("", "?station=‹key›"),
        posts=[lambda _key: {"phone": "13000008886", "kind": "express"}],
    ),
    "me/sign-in/": public(gets=("", "?card=‹key›"), posts=[lambda _key: {"phone": "13000008886", "pin": "271828"}]),
    "me/sign-out/": public(posts=[_yes]),
    "me/devices/": public(posts=[lambda _key: {"device": "1"}]),
    "me/phone/": public(posts=[lambda _key: {"phone": "13000008886", "pin": "271828"}]),
    "me/pin/": public(posts=[lambda _key: {"pin": "271828", "new_pin": "314159"}]),
    "me/data/": public(),
    "me/data/consents/": public(posts=[lambda _key: {"purpose": "membership", "act": "withdrawn"}]),
    "me/data/copy/": public(posts=[lambda _key: {"pin": "271828"}]),
    "me/data/erase/": public(posts=[lambda _key: {"pin": "271828", "sure": "yes"}]),
    "me/goodbye/": public(),
    "pin/<str:token>/": public(rest=lambda _key: ("no-such-token",), posts=[lambda _key: {"new_pin": "271828"}]),
    # A courier's own pages lead staff and strangers to signing in; whose rows they show: see tests/points/views/test_me.py.
    "me/": public(),
    "me/statement/": public(),
    "me/gifts/": public(gets=("", "?district=420104")),
    "me/gifts/<slug:gift>/": public(of=Gift, key=code, posts=[lambda _key: {"op_id": OP, "points": "1"}]),
    "me/orders/<str:redemption>/": public(of=Redemption, key=code),
    "me/orders/<str:redemption>/cancel/": public(of=Redemption, key=code, posts=[_yes]),
    "me/orders/<str:redemption>/queue/": public(of=Redemption, key=code, posts=[_yes]),
    "me/pass/": public(posts=[_yes]),
    "me/redemptions/": public(),
    "me/redemptions/<str:redemption>/dispute/": public(of=Redemption, key=code, posts=[lambda _key: {"words": "x"}]),
    "me/here/": public(),
    "me/here/<slug:gift>/": public(of=Gift, key=code, posts=[lambda _key: {"op_id": OP, "points": "1"}]),
    "me/queue/<str:redemption>/": public(of=Redemption, key=code),
    "me/queue/<str:redemption>/now/": public(of=Redemption, key=code),
    "me/queue/<str:redemption>/leave/": public(of=Redemption, key=code, posts=[lambda _key: {"do": "cancel"}]),
    "c/<str:token>/": public(of=Station, key=token_of),
    "d/<str:token>/": public(of=Station, key=lambda row: str(row.door_token)),
    "v/<str:token>/": public(rest=lambda _key: ("no-such-token",), posts=[lambda _key: {"outcome": "entered"}]),
    "districts/": public(),
    "districts/<slug:code>/": public(rest=lambda _key: ("420104",)),
    "about/": public(),
    "preferences/": public(gets=("", "?text=big&next=/about/")),
    "offline/": public(),
    "manifest.webmanifest": public(),
    "sw.js": public(),
}

# What Django's admin makes for every registered model, below admin/app/model/.
STANDARD = ("", "add/", *(f"<path:object_id>/{each}" for each in ("history/", "delete/", "change/", "")))


def filled_in(pattern: str, *values: str) -> str:
    """The path of `pattern` with `values` in place of its parameters."""
    left = [value for value in values if value]
    path = re.sub(r"<[^>]+>|\(\?P<[^)]+\)", lambda _part: quote(left.pop(0)) if left else "0", pattern)
    return path.rstrip("$")


def patterns() -> list[str]:
    """Every pattern of the URLconf, each as one text from the root."""

    def walk(resolver: URLResolver, before: str) -> Iterator[str]:
        for each in resolver.url_patterns:
            text = before + str(each.pattern).removeprefix("^").removesuffix("$")
            if isinstance(each, URLPattern):
                yield text
            else:
                yield from walk(each, text)

    return list(walk(get_resolver(), ""))


def row_of(pattern: str) -> Row | None:
    """The row of a pattern, from the table or from the registry."""
    if pattern in ROWS:
        return ROWS[pattern]
    for model in admin.site._registry:
        start = f"admin/{model._meta.app_label}/{model._meta.model_name}/"
        if pattern.startswith(start) and pattern.removeprefix(start) in STANDARD:
            return scoped(of=model)
    return None


def missing_key(of: type[Model], like: str) -> str:
    """A key that looks like `like` but that nothing has."""
    if like.startswith("WH-"):
        return "WH-QK-9999"
    if of is Division:
        return {4: "4299", 6: "420199", 9: "420199999", 12: "420199999L99"}[len(like)]
    if re.fullmatch(r"[0-9a-f-]{36}", like):
        return "7f000000-0000-4000-8000-000000000000"
    return "7999999" if like.isdecimal() else "nothing-has-this"

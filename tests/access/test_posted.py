"""T11, the other doors: keys in bodies, hidden fields, formsets and sessions; partners' programs; and the controls, without
which none of it would mean anything."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import ForeignKey, Model, Q
from django.test import Client as Browser
from django.urls import reverse

from core.models import IdempotentRequest
from couriers.admin.scoped import InDivisionAdmin
from stations.access import Scope
from stations.admin.scoped import ScopedAdmin
from stations.models import Division, Station, VisitLink, VisitReport
from tests.access.asking import Ask, altered, ask, everything, leaks, rolled_back
from tests.access.doors import Case, asks_about, asks_at
from tests.access.table import ROWS, missing_key
from tests.access.walking import Findings, browser, cases, quiet, walk
from tests.access.world import ACCOUNTS, OWN, PARTNERS, STATIONS, World, word
from tests.builders import spoiled
from tests.proving import IS_FULL, counted

pytestmark = pytest.mark.django_db

FEWEST_POSTED, FEWEST_OF_PARTNERS = 80, 300


# ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def as_shown(page: Any) -> dict[str, Any]:
    """What the browser would send back if somebody pressed save at once."""
    formsets = [shown.formset for shown in page.context["inline_admin_formsets"]]
    forms = [page.context["adminform"].form, *(form for formset in formsets for form in formset.forms)]
    data: dict[str, Any] = {}
    for form in [*forms, *(formset.management_form for formset in formsets)]:
        for name in form.fields:
            value = form[name].value()
            if value not in (None, False, ""):
                data[form.add_prefix(name)] = "on" if value is True else value
    return data


@dataclass(frozen=True)
class Slip:
    """One way to slip a foreign key into a form: `posted` makes the form with a key. `other` are foreign keys beside it."""

    name: str
    of: type[Model]
    key: str
    posted: Callable[[str], dict[str, Any]]
    other: tuple[str, ...] = ()


def _with_key(form: dict[str, Any], name: str, key: str) -> dict[str, Any]:
    return form | {name: key}


def slips(page: Any, world: World, account: str) -> Iterator[Slip]:
    """Every way to slip a foreign key into the form of `page`: as a choice, or as the hidden key of a row below."""
    shown = as_shown(page)
    for name, field in page.context["adminform"].form.fields.items():
        model: Any = getattr(getattr(field, "queryset", None), "model", Division if name == "place" else None)
        for row in world.foreign(account, model)[:2] if model is not None else ():
            yield Slip(name, model, str(row.pk), partial(_with_key, shown, name))
    for inline in page.context["inline_admin_formsets"]:
        prefix = inline.formset.prefix
        for row in world.foreign(account, inline.formset.model)[:1]:
            other = {
                column.name: str(getattr(row, column.attname))
                for column in row._meta.concrete_fields
                if isinstance(column, ForeignKey)
            }
            typed = {
                "name": "x",
                "reason": "x",
                "hours": "每天9:00-21:00",
                "starts_on": "2027-05-01",
                "ends_on": "2027-05-01",
            }
            values = typed | {"entry_mode": "staffed", "role": "premises"} | other
            one = shown | {f"{prefix}-TOTAL_FORMS": "1", f"{prefix}-INITIAL_FORMS": "1"}
            one |= {f"{prefix}-0-{name}": value for name, value in values.items()}
            for kind, more in (("changed", {}), ("deleted", {f"{prefix}-0-DELETE": "on"})):
                yield Slip(
                    f"{prefix} {kind}",
                    inline.formset.model,
                    str(row.pk),
                    partial(_with_key, one | more, f"{prefix}-0-id"),
                    tuple(other.values()),
                )


def form_cases(world: World, account: str) -> Iterator[Case]:
    """Foreign keys in the forms that `account` may fill in: those for adding, and that of one of its own rows."""
    client = browser(world, account)
    for model in admin.site._registry:
        start = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages = [reverse(f"{start}_add")]
        own = [*world.own(account, model)[:1], *([world.shared[model]] if model in world.shared else [])]
        pages += [reverse(f"{start}_change", args=[quote(str(row.pk))]) for row in own]
        for path in pages:
            page = client.get(path)
            if page.status_code != 200 or "adminform" not in (page.context or {}):
                continue
            for slip in slips(page, world, account):
                missing = missing_key(slip.of, slip.key)
                yield Case(
                    f"POST {path} {slip.name}",
                    Ask("post", path, data=slip.posted(slip.key), about=(slip.key, *slip.other)),
                    Ask("post", path, data=slip.posted(missing), about=(missing, *slip.other)),
                    may_change_own=True,
                )


def test_a_foreign_key_in_a_form_is_as_good_as_none(world: World) -> None:
    found = Findings()
    with quiet():
        for number, account in enumerate(ACCOUNTS):
            # In the suite every second, and of the next account the others; `make proof` asks all.
            asked = list(form_cases(world, account))[slice(None) if IS_FULL else slice(number % 2, None, 2)]
            found += walk(asked, world=world, account=account)
    found.count("foreign keys in forms and the rows below them")
    assert found.all == [], "\n".join(found.all[:20])
    assert found.cases >= FEWEST_POSTED


def test_what_a_session_remembers_is_cut_as_well(world: World) -> None:
    """What can be undone is remembered by number, and a role may have moved since."""
    for account in ACCOUNTS:
        client = browser(world, account)
        for foreign in world.foreign(account, Station)[:2]:
            changes = [[foreign.pk, ["draft", ""], ["published", ""]]]
            for what in ({"changes": changes}, {"stations": [foreign.pk], "exception": _exception()}):
                for method in ("get", "post"):
                    session = client.session
                    session["undo"] = what | {"said": "x"}
                    session.save()
                    before = everything()
                    with rolled_back(), quiet():
                        answer = ask(client, Ask(method, reverse("admin:stations_station_undo")))
                        assert altered(before, everything()) == set()
                    assert answer.status in (200, 302)
                    assert leaks(answer, world.canaries(account)) == []


def _exception() -> dict[str, Any]:
    return {
        "starts_on": "2026-01-01",
        "ends_on": "2026-01-01",
        "opens": None,
        "closes": None,
        "entry_mode": "",
        "reason": "",
    }


# ── Partners' programs ──────────────────────────────────────────────────────────────────────────────────────────────

REACH = {"u": "abc", "v": "defg", "w": "", "y": ""}
BODIES: dict[str, list[dict[str, Any]]] = {
    "confirmations": [
        {"outcome": "entered"},
        {"outcome": "locked", "position": {"latitude": 30.58, "longitude": 114.34, "crs": "wgs84"}, "device": "a"},
    ],
    "uses": [{}, {"satisfied": True}],
}


def test_a_program_reaches_its_divisions_and_finds_nothing_elsewhere(world: World) -> None:
    asked, works = 0, 0
    for letter in PARTNERS:
        for lot, (code, _division, status) in STATIONS.items():
            for noun, bodies in BODIES.items():
                for number, body in enumerate(bodies):
                    said = []
                    for key in (code, code.lower(), "WH-QK-9999"):
                        with rolled_back(), quiet():
                            before = everything()
                            answer = ask(Browser(), sent(world, letter, key, noun, body, once=f"{lot}{number}"))
                            after = {row for row in altered(before, everything()) if row[0] != "partners_apikey"}
                        said.append((answer.status, answer.said))
                        asked += 1
                        assert answer.lacking == ()
                        if lot in REACH[letter] and status != "draft" and key != "WH-QK-9999":
                            works += 1
                            assert answer.status == 201
                            assert any(table.startswith("stations_") for table, _key in after)
                        else:
                            assert answer.status == 404
                            # The answer is kept under the program's own key; nothing else.
                            assert {table for table, _key in after} <= {"core_idempotentrequest"}
                        assert leaks(answer, {word(each) for each in [*STATIONS, *PARTNERS] if each != lot}) == []
                    if status == "draft" or lot not in REACH[letter]:
                        assert said[0] == said[1] == said[2]
    assert works == 2 * 2 * 2 * (2 + 2)
    assert asked >= FEWEST_OF_PARTNERS
    counted("T11", "calls of partners' programs", cases=asked, of_them_at_their_own=works, foreign_rows_altered=0)


# Whose rows of couriers, points and gifts a program may speak of; a sandbox knows those alone that it made itself.
KNOWN = {"u": OWN["wuchang"], "v": OWN["qiaokou"], "w": "", "y": ""}


def test_a_program_finds_nobody_elsewhere_at_any_door(world: World) -> None:
    """Every keyed door of the table about every row: what is foreign is answered as what is missing, and nothing is altered."""
    found, tried, opened = Findings(), set[str](), set[str]()
    for letter in PARTNERS:
        for pattern, row in ROWS.items():
            if row.kind != "keyed" or row.of in (None, Station):
                continue
            assert row.of is not None
            for lot, rows in world.rows[row.of].items():
                for case in (case for each in rows[:3] for case in asks_at(pattern, each)):
                    assert case.missing is not None
                    with rolled_back(), quiet():
                        before = everything()
                        forbidden = world.canaries(KNOWN_AS[letter]) if lot not in KNOWN[letter] else frozenset()
                        answer = found.take(case, ask(Browser(), by_program(world, letter, case.asked)), forbidden)
                        after = {table for table, _key in altered(before, everything())}
                    with rolled_back(), quiet():
                        missing = ask(Browser(), by_program(world, letter, case.missing))
                    if lot in KNOWN[letter]:
                        tried.add(case.door)
                        opened |= {case.door} if answer.is_told_from(missing) else set()
                        continue
                    found.compare(case, answer, missing)
                    # Its own kept answer, its key's last use; and of a look-up its trace.
                    kept = {"core_idempotentrequest", "partners_apikey"}
                    kept |= {"core_auditevent"} if row.leaves_a_trace else set()
                    found.altered += [f"{case.door}: {table}" for table in after - kept]
    found.count("couriers, points and gifts as asked by partners' programs")
    assert found.all == [], "\n".join(found.all[:20])
    # The same doors open about one's own rows, so something was asked. Shut are doors for writing when they are read, and
    # the taking back of awards, of which none is a program's own here.
    shut = {door for door in tried - opened if not door.startswith("GET")}
    assert shut == {"POST api/v1/reversals/ 0"}, tried - opened
    courier = "GET api/v1/couriers/<str:code>/"
    assert {courier, f"{courier}account/", f"{courier}entries/", "GET api/v1/redemptions/<str:code>/"} <= opened


KNOWN_AS = {"u": "wuchang", "v": "qiaokou", "w": "anonymous", "y": "anonymous"}


def by_program(world: World, letter: str, asked: Ask) -> Ask:
    """The question as a program puts it."""
    headers = {"authorization": f"Bearer {world.keys[letter]}", "idempotency-key": "one-of-many"}
    body = json.dumps(asked.data).encode() if asked.method == "post" else b""
    return Ask(asked.method, asked.path, about=asked.about, headers=headers, body=body)


def test_the_key_of_another_programs_request_is_ones_own_key(world: World) -> None:
    """Kept answers are kept for each program apart: whoever guesses a key hears nothing of what was answered under it."""
    IdempotentRequest.objects.filter(client=PARTNERS["v"]).update(key="only-of-qiaokou")
    before = everything()
    with rolled_back(), quiet():
        answer = ask(Browser(), sent(world, "u", "WH-QK-6004", "uses", {}, once="only-of-qiaokou"))
        assert answer.status == 404
        assert leaks(answer, {word("v")}) == []
        kept = {row for row in altered(before, everything()) if row[0] != "partners_apikey"}
    assert len(kept) <= 1


def test_who_shows_no_key_or_half_a_key_is_told_so(world: World) -> None:
    for key in ("", "fc_live_nobody_x", spoiled(world.keys["u"])):
        for noun in BODIES:
            question = sent(world, "u", "WH-WC-6001", noun, {}, once="x")
            headers = question.headers | {"authorization": f"Bearer {key}"}
            with quiet():
                answer = ask(Browser(), Ask("post", question.path, headers=headers, body=question.body))
            assert answer.status == 401


def test_a_program_hears_of_itself_alone(world: World) -> None:
    for letter in PARTNERS:
        headers = {"authorization": f"Bearer {world.keys[letter]}"}
        answer = ask(Browser(), Ask("get", "/api/v1/whoami/", headers=headers))
        assert answer.status == 200
        assert word(letter) in answer.said
        assert leaks(answer, {word(other) for other in PARTNERS if other != letter}) == []


def sent(world: World, letter: str, code: str, noun: str, body: dict[str, Any], *, once: str) -> Ask:
    headers = {"authorization": f"Bearer {world.keys[letter]}", "idempotency-key": f"{letter}-{noun}-{once}"}
    return Ask(
        "post", f"/api/v1/stations/{code}/{noun}/", about=(code,), headers=headers, body=json.dumps(body).encode()
    )


# ── Controls ────────────────────────────────────────────────────────────────────────────────────────────────────────

# Doors that open to nobody, so nothing can be told by them: nothing is deleted or edited in a list, no list answers a lookup
# that none of its filters offers, the short address of a row leads on whatever it is, the row asked for is no draft, an order
# has no receipt slip yet, and the counter asks whoever has many stations for one first (its own tests walk its doors).
_SHUT = re.compile(
    r"list \?|list form|delete|bare$|save as new|GET .*holiday-hours|status__exact=draft|GET .*slips|(GET|POST) counter/"
)
# Tables that are written by verbs alone: their pages take nothing.
_READ_ONLY = re.compile(
    r"POST (core\.(notice|auditevent)|stations\.(staffrole|visitlink|confirmation|stationuse)|points\.(posting|entry|seal|ledgercheck|earningrule|awardlimit|expiryrule|award|redemption|giftproposal|dispute))"
    r" (change|refuse)"
)


def test_the_same_doors_open_to_whom_they_should(world: World) -> None:
    """At each door the answer about a row that one may see is another than about none: the matrix asks something."""
    client, doors = browser(world, "admin"), list[Case]()
    for model in admin.site._registry:
        doors += asks_about(model, [*world.of(model, "dluxqt"), world.shared.get(model)][0])
    for pattern, row in ROWS.items():
        if row.kind == "scoped" and row.of is not None:
            doors += asks_at(pattern, world.of(row.of, "dlux")[0])
    told: list[str] = []
    same: list[str] = []
    for case in doors:
        assert case.missing is not None
        answers = []
        for question in (case.asked, case.missing):
            with rolled_back(), quiet():
                answers.append(ask(client, question))
        (told if answers[0].is_told_from(answers[1]) else same).append(case.door)
    assert [door for door in same if not _SHUT.search(door) and not _READ_ONLY.search(door)] == []
    assert len(told) >= 80
    counted("T11", "doors that open to whom they should", doors=len(told), open_to_nobody=len(same))


def own_effects(world: World, letter: str) -> dict[str, Ask]:
    """What a district's clerk does at a station of his own, through the doors at which the foreign ones were refused."""
    station = world.stations[letter]
    link, report = world.of(VisitLink, letter)[0], world.of(VisitReport, letter)[0]
    listed = reverse("admin:stations_station_changelist")
    chosen = {"_selected_action": [str(station.pk)], "reason": "修缮"}
    decided = reverse("admin:stations_visitreport_change", args=[report.pk])
    holiday = {"chosen": str(station.pk), "starts_on": "2027-05-01", "is_closed": "on", "entry_mode": "staffed"}
    return {
        "suspend": Ask("post", listed, data=chosen | {"action": "suspend"}),
        "close": Ask("post", listed, data=chosen | {"action": "close"}),
        "holiday hours": Ask(
            "post", reverse("admin:stations_station_holiday_hours"), data=holiday | {"reason": "五一", "confirm": "yes"}
        ),
        "issue": Ask("post", reverse("admin:stations_visitlink_issue", args=[station.pk])),
        "revoke": Ask(
            "post",
            reverse("admin:stations_visitlink_changelist"),
            data={"action": "revoke", "_selected_action": [str(link.pk)]},
        ),
        "accept": Ask("post", decided, data={"decision": "all", "seen_version": str(station.version)}),
        "refuse": Ask(
            "post", decided, data={"decision": "refuse", "reason": "不对", "seen_version": str(station.version)}
        ),
        "mark as sent": Ask(
            "post",
            reverse("admin:stations_station_map_listing"),
            data={"map": "baidu", "as_of": (world.now + timedelta(hours=1)).isoformat()},
        ),
    }


@pytest.mark.parametrize(
    ("account", "letter"), [("wuchang", "a"), ("jiedao", "a"), ("qiaokou", "d"), ("shequ", "d"), ("city", "f")]
)
def test_at_ones_own_the_same_doors_have_an_effect(world: World, account: str, letter: str) -> None:
    client = browser(world, account)
    for name, question in own_effects(world, letter).items():
        with rolled_back(), quiet():
            before = everything()
            answer = ask(client, question)
            after = altered(before, everything())
        assert answer.status in (200, 302), name
        assert any(table.startswith("stations_") for table, _key in after), name
        assert any(table == "core_auditevent" for table, _key in after), name
        assert not after & world.foreign_rows(account), name


@pytest.mark.parametrize("account", ["steward", "auditor"])
def test_who_may_look_only_changes_nothing_of_his_own_either(world: World, account: str) -> None:
    client = browser(world, account)
    for name, question in own_effects(world, "d").items():
        with rolled_back(), quiet():
            before = everything()
            ask(client, question)
            assert altered(before, everything()) == set(), name


def _unscoped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        ScopedAdmin, "get_queryset", lambda options, request: super(ScopedAdmin, options).get_queryset(request)
    )


def _everywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Scope, "of_station", lambda _scope, _path="": Q())


def _unasked(patch: pytest.MonkeyPatch) -> None:
    _unscoped(patch)
    patch.setattr("stations.access.require", lambda *_args, **_kwargs: None)


@pytest.mark.parametrize(
    ("take_away", "kinds"),
    [(_unscoped, ("leaks", "differences")), (_everywhere, ("leaks", "differences")), (_unasked, ("leaks", "altered"))],
)
def test_without_the_guard_the_matrix_finds_the_leak(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    take_away: Callable[[pytest.MonkeyPatch], None],
    kinds: tuple[str, ...],
) -> None:
    """The control: one guard is taken away, and the same walk is red."""
    asked = [
        case for case in cases(world, "jiedao")["stations.Station"] if "action" in case.door or "change" in case.door
    ]
    assert walk(asked[:60], world=world, account="jiedao").all == []
    take_away(monkeypatch)
    found = walk(asked[:60], world=world, account="jiedao")
    for kind in kinds:
        assert getattr(found, kind), kind
    found.count(f"control: the guard taken away ({take_away.__name__.strip('_')})")


def _unscoped_in_divisions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        InDivisionAdmin,
        "get_queryset",
        lambda options, request: super(InDivisionAdmin, options).get_queryset(request),
    )


@pytest.mark.parametrize("model", ["couriers.Outlet", "couriers.PartyOrganisation", "couriers.Courier"])
def test_without_the_guard_the_couriers_of_other_districts_are_found(
    world: World, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    asked = [case for case in cases(world, "wuchang")[model] if "action" in case.door or "change" in case.door]
    assert walk(asked[:60], world=world, account="wuchang").all == []
    _unscoped_in_divisions(monkeypatch)
    found = walk(asked[:60], world=world, account="wuchang")
    assert found.leaks or found.differences
    found.count(f"control: the guard of {model} taken away")


def test_without_its_divisions_a_program_would_reach_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    question = sent(world, "u", "WH-QK-6004", "uses", {}, once="control")
    with rolled_back(), quiet():
        assert ask(Browser(), question).status == 404
    monkeypatch.setattr("stations.querysets.StationQuerySet.in_any_division", lambda stations, _codes: stations)
    with rolled_back(), quiet():
        assert ask(Browser(), question).status == 201

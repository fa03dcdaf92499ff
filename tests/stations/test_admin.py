"""The office's admin: one page for a station, verbs behind every change, the audit trail as its history."""

import io
import re
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation
from PIL import Image

from core import clock
from core.admin import NEW_ROWS_AT_ONCE
from core.models import AuditEvent, User
from stations import day_types, publishing
from stations.models import Confirmation, DayType, Division, HoursException, HoursPeriod, Station, Zone
from tests.builders import NOON, make_amenity, make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db

ADD = "admin:stations_station_add"
LIST = "admin:stations_station_changelist"
Form = dict[str, Any]


@pytest.fixture
def city() -> User:
    make_district()
    return make_staff("city", scope=Division.objects.get(pk="4201"), duties=["manage", "review", "audit"])


@pytest.fixture
def desk(city: User) -> Client:
    """The browser of a city account, on a small town."""
    make_subdistrict()
    hankou = make_district(code="420104", name="硚口区", letters="QK")
    make_subdistrict(code="420104002", name="韩家墩街道", district=hankou)
    for code in ("hot-water", "microwave"):
        make_amenity(code)
    Zone.objects.create(code="donghu", name="东湖高新区", short_name="东湖高新")
    client = Client()
    client.force_login(city)
    return client


def empty_rows() -> Form:
    return {
        f"{prefix}-{name}": "0"
        for prefix in ("hours_periods", "hours_exceptions", "organisations")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }


def filled_in(**changes: Any) -> Form:
    return {
        **empty_rows(),
        "name": "徐家棚蜂巢",
        "tier": "3",
        "place": "420106003",
        "address": "和平大道1号",
        "position": "",
        "position_crs": "",
        "wanted_status": "",
    } | changes


def rows(prefix: str, *forms: Form, initial: int = 0) -> Form:
    data: Form = {f"{prefix}-TOTAL_FORMS": str(len(forms)), f"{prefix}-INITIAL_FORMS": str(initial)}
    for number, form in enumerate(forms):
        data |= {f"{prefix}-{number}-{name}": value for name, value in form.items()}
    return data


def hours(*texts: str) -> Form:
    return rows("hours_periods", *({"hours": text} for text in texts))


def as_shown(client: Client, station: Station) -> Form:
    """What the browser would send back if somebody pressed save at once."""
    page = client.get(change_url(station))
    assert page.status_code == 200
    data: Form = {}
    for form in (
        page.context["adminform"].form,
        *(form for formset in page.context["inline_admin_formsets"] for form in formset.formset.forms),
        *(formset.formset.management_form for formset in page.context["inline_admin_formsets"]),
    ):
        for name in form.fields:
            value = form[name].value()
            if value is not None and value is not False and value != "":
                data[form.add_prefix(name)] = "on" if value is True else value
    return data


def change_url(station: Station) -> str:
    return reverse("admin:stations_station_change", args=[station.pk])


def errors(page: Any) -> str:
    form = page.context["adminform"].form
    found = [form.errors.as_json(), *(str(formset.formset.errors) for formset in page.context["inline_admin_formsets"])]
    found += [str(formset.formset.non_form_errors()) for formset in page.context["inline_admin_formsets"]]
    return " ".join(found).encode().decode("unicode_escape", errors="ignore") + " ".join(found)


# ── Adding and changing ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_head_of_a_page_names_the_account_in_the_punctuation_of_its_language(desk: Client, city: User) -> None:
    page = desk.get(reverse("admin:index")).content.decode()
    assert f"账号：<strong>{city.username}</strong> &middot;" in page
    assert "欢迎" not in page


def test_a_clerk_adds_a_station_with_hours_amenities_and_owners_on_one_page(desk: Client, city: User) -> None:
    data = filled_in(
        neighbourhood="武车社区",
        amenity_codes=["hot-water", "microwave"],
        other_names="工会爱心驿站、车站旁的小屋\n老名字",
        position="114.345678, 30.583210",
        position_crs="gcj02",
        wanted_status="published",
        **hours("周一至周五8:30-17:30，周末9:00-16:00(扫码)"),
        **rows(
            "hours_exceptions",
            {"starts_on": "2027-02-05", "ends_on": "2027-02-11", "entry_mode": "staffed", "reason": "春节放假"},
        ),
        **rows("organisations", {"role": "premises", "name": "某公司"}, {"role": "supplies", "name": "工会"}),
    )
    answer = desk.post(reverse(ADD), data)
    assert answer.status_code == 302, errors(answer)
    station = Station.objects.get(name="徐家棚蜂巢")
    assert (station.code, station.status, station.tier) == ("WH-WC-0001", "published", 3)
    assert station.division.name == "武车社区"
    assert station.aliases == ["工会爱心驿站", "车站旁的小屋", "老名字"]
    assert station.latitude == pytest.approx(30.5856, abs=0.002)
    assert station.entered_crs == "gcj02"
    assert set(station.amenities.values_list("code", flat=True)) == {"hot-water", "microwave"}
    period = station.hours_periods.get()
    assert [(span.days, span.opens, span.entry_mode) for span in period.spans.all()] == [
        ([1, 2, 3, 4, 5], time(8, 30), "staffed"),
        ([6, 7], time(9), "scan"),
    ]
    assert station.hours_exceptions.get().starts_on == date(2027, 2, 5)
    assert set(station.organisations.values_list("name", flat=True)) == {"某公司", "工会"}
    assert station.intervals
    kinds = set(AuditEvent.objects.filter(subject_code=station.code, actor=city).values_list("kind", flat=True))
    assert kinds == {"station.registered", "station.published"}


def test_saving_without_a_change_changes_nothing(desk: Client) -> None:
    station = make_station(
        amenities=["hot-water"], entered_crs="bd09", aliases=["旧名"], hours={"on_holidays": "as-usual"}
    )
    before = Station.objects.filter(pk=station.pk).values().get()
    period = station.hours_periods.get().pk
    answer = desk.post(change_url(station), as_shown(desk, station))
    assert answer.status_code == 302, errors(answer)
    assert Station.objects.filter(pk=station.pk).values().get() == before
    assert station.hours_periods.get().pk == period
    assert not AuditEvent.objects.filter(kind="station.changed").exists()


def test_a_change_leaves_before_and_after_in_the_history(desk: Client) -> None:
    station = make_station(name="旧名蜂巢")
    answer = desk.post(
        change_url(station), as_shown(desk, station) | {"name": "新名蜂巢", "hours_periods-0-hours": "24小时"}
    )
    assert answer.status_code == 302, errors(answer)
    history = desk.get(reverse("admin:stations_station_history", args=[station.pk])).content.decode()
    assert "旧名蜂巢" in history
    assert "新名蜂巢" in history
    assert "每天24小时" in history
    assert list(Station.objects.matching("新名")) == [station]


def test_the_second_of_two_editors_is_told_and_overwrites_nothing(desk: Client) -> None:
    station = make_station()
    first, second = (
        as_shown(desk, station) | {"phone": "027-88880001"},
        as_shown(desk, station) | {"phone": "027-88880002"},
    )
    assert desk.post(change_url(station), first).status_code == 302
    answer = desk.post(change_url(station), second)
    assert answer.status_code == 200
    assert "重新打开" in errors(answer) or "Open it again" in errors(answer)
    station.refresh_from_db()
    assert station.phone == "027-88880001"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("０２７ 8888 0001", "027-8888-0001"), ("13812345678", "13812345678"), ("027-88880001转2、138 1234 5678", None),
        ("😀", ""), ("找社区", ""), ("javascript:alert(1)", ""), ("110", ""),
    ],
)  # fmt: skip
def test_a_phone_is_a_number_and_a_mobile_is_taken_where_somebody_writes_it(
    desk: Client, typed: str, kept: str | None
) -> None:
    station = make_station()
    answer = desk.post(change_url(station), as_shown(desk, station) | {"phone": typed})
    station.refresh_from_db()
    assert station.phone == ("027-88880001转2、138-1234-5678" if kept is None else kept)
    assert (answer.status_code == 200) is (kept == "")
    if kept == "":
        assert "电话号码" in errors(answer)


def test_a_phone_of_former_days_does_not_hold_up_what_else_is_changed(desk: Client) -> None:
    station = make_station(phone="找小王")
    assert desk.post(change_url(station), as_shown(desk, station) | {"name": "新名蜂巢"}).status_code == 302
    station.refresh_from_db()
    assert (station.name, station.phone) == ("新名蜂巢", "找小王")


# ── Hours in words ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_hours_that_cannot_be_read_are_named_and_not_guessed(desk: Client) -> None:
    answer = desk.post(reverse(ADD), filled_in(**hours("8:00-20:00，老张不在就早点关")))
    assert answer.status_code == 200
    assert "老张" in errors(answer)
    assert not Station.objects.exists()
    assert desk.post(reverse(ADD), filled_in(**hours("8:00-20:00"))).status_code == 302


def test_a_season_may_stand_in_the_dates_or_in_the_words_but_not_in_both(desk: Client) -> None:
    season = {
        "hours": "8:00-22:00",
        "name": "夏季纳凉",
        "valid_from": "2026-07-01",
        "valid_through": "2026-09-30",
        "repeats_yearly": "on",
    }
    usual = {"hours": "9:00-17:00"}
    assert desk.post(reverse(ADD), filled_in(**rows("hours_periods", usual, season))).status_code == 302
    assert HoursPeriod.objects.get(repeats_yearly=True).name == "夏季纳凉"
    twice = season | {"hours": "7月1日至9月30日8:00-22:00"}
    assert desk.post(reverse(ADD), filled_in(**rows("hours_periods", usual, twice))).status_code == 200


def test_two_periods_for_the_same_days_are_refused_in_words(desk: Client) -> None:
    answer = desk.post(reverse(ADD), filled_in(**hours("8:00-20:00", "9:00-17:00")))
    assert answer.status_code == 200
    assert not Station.objects.exists()


@pytest.mark.parametrize("prefix", ["hours_periods", "hours_exceptions", "organisations"])
def test_whoever_says_that_he_sends_thousands_of_rows_is_not_shown_thousands(desk: Client, prefix: str) -> None:
    page = desk.post(reverse(ADD), filled_in(**{f"{prefix}-TOTAL_FORMS": "2000"}))
    assert page.status_code == 200
    assert not Station.objects.exists()
    shown = {each.formset.prefix: each.formset for each in page.context["inline_admin_formsets"]}
    assert len(shown[prefix].forms) == NEW_ROWS_AT_ONCE
    assert shown[prefix].non_form_errors()


def test_a_station_that_has_more_rows_than_anybody_adds_at_once_is_saved_all_the_same(desk: Client) -> None:
    station = make_station()
    days = [date(2027, 1, 1) + timedelta(days=number) for number in range(NEW_ROWS_AT_ONCE + 1)]
    HoursException.objects.bulk_create(
        HoursException(station=station, starts_on=day, ends_on=day, reason="装修") for day in days
    )
    assert desk.post(change_url(station), as_shown(desk, station)).status_code == 302
    assert station.hours_exceptions.count() == len(days)


def test_hours_are_removed_by_ticking_delete(desk: Client) -> None:
    station = make_station()
    assert desk.post(change_url(station), as_shown(desk, station) | {"hours_periods-0-DELETE": "on"}).status_code == 302
    station.refresh_from_db()
    assert station.expanded_until is None
    assert not station.intervals


# ── The position ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_share_link_says_its_datum_by_itself(desk: Client) -> None:
    link = "https://uri.amap.com/marker?position=114.345678,30.583210&name=x"
    assert desk.post(reverse(ADD), filled_in(position=link)).status_code == 302
    assert Station.objects.get().entered_crs == "gcj02"


def test_bare_numbers_need_their_datum(desk: Client) -> None:
    answer = desk.post(reverse(ADD), filled_in(position="30.583210, 114.345678"))
    assert answer.status_code == 200
    assert "position_crs" in answer.context["adminform"].form.errors
    assert desk.post(reverse(ADD), filled_in(position="30.583210, 114.345678", position_crs="wgs84")).status_code == 302


@pytest.mark.parametrize(
    "position", ["30.58, 200.5", "北纬91度 东经114度", "没有位置", "https://surl.amap.com/abc", "nan, nan"]
)
def test_what_is_no_position_is_refused(desk: Client, position: str) -> None:
    answer = desk.post(reverse(ADD), filled_in(position=position, position_crs="wgs84"))
    assert answer.status_code == 200
    assert "position" in answer.context["adminform"].form.errors


def test_a_position_outside_its_district_must_be_confirmed(desk: Client) -> None:
    in_hankou = filled_in(position="30.6000, 114.2500", position_crs="wgs84")
    answer = desk.post(reverse(ADD), in_hankou)
    assert answer.status_code == 200
    assert 'type="checkbox" name="position_is_right"' in answer.content.decode()
    assert desk.post(reverse(ADD), in_hankou | {"position_is_right": "on"}).status_code == 302


def test_a_position_can_be_taken_away(desk: Client) -> None:
    station = make_station()
    desk.post(change_url(station), as_shown(desk, station) | {"position": "", "position_crs": ""})
    station.refresh_from_db()
    assert (station.latitude, station.entered_crs) == (None, "")


# ── Photos ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def photo() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "orange").save(out, "JPEG", comment=b"SECRET")
    return SimpleUploadedFile("../../etc/passwd.html", out.getvalue(), "text/html")


def test_a_photo_is_drawn_anew_and_kept_under_a_name_of_our_own(desk: Client, settings: Any) -> None:
    station = make_station()
    assert desk.post(change_url(station), as_shown(desk, station) | {"new_photo": photo()}).status_code == 302
    station.refresh_from_db()
    assert re.fullmatch(r"stations/[0-9a-f]{24}\.webp", station.photo.name or "")
    kept = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert b"SECRET" not in kept[0].read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"not a photo",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"GIF89a/*alert(1)*/",
    ],
)
def test_what_is_no_photo_is_a_message_on_the_page_and_nothing_is_saved(desk: Client, content: bytes) -> None:
    station = make_station()
    file = SimpleUploadedFile("door.jpg", content, "image/jpeg")
    answer = desk.post(change_url(station), as_shown(desk, station) | {"name": "新名", "new_photo": file})
    assert answer.status_code == 200
    assert "new_photo" in answer.context["adminform"].form.errors
    station.refresh_from_db()
    assert (station.name != "新名", station.photo.name) == (True, "")


# ── Status ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["draft", "suspended", "closed"])
def test_where_no_courier_is_sent_nothing_says_that_it_is_open(desk: Client, status: str) -> None:
    station = make_station(hours={"opens": "00:00", "closes": "00:00"}, at=clock.now())

    def said() -> list[bool]:
        listed, page = (desk.get(address).content.decode() for address in (reverse(LIST), change_url(station)))
        return ['class="badge now-open"' in listed, "开放中" in page]

    assert said() == [True, True]
    Station.objects.filter(pk=station.pk).update(status=status, status_reason="装修")
    assert said() == [False, False]


def test_suspending_needs_a_reason(desk: Client) -> None:
    station = make_station()
    data = as_shown(desk, station) | {"wanted_status": "suspended"}
    assert desk.post(change_url(station), data).status_code == 200
    assert desk.post(change_url(station), data | {"reason": "装修"}).status_code == 302
    station.refresh_from_db()
    assert (station.status, station.status_reason) == ("suspended", "装修")


def test_a_station_that_nobody_could_find_is_not_published(desk: Client) -> None:
    lost = filled_in(address="", wanted_status="published")
    assert desk.post(reverse(ADD), lost).status_code == 200
    assert desk.post(reverse(ADD), lost | {"directions": "进大厅右手边"}).status_code == 302


@pytest.mark.parametrize(
    ("action", "reason", "status"),
    [("close", "搬迁", "closed"), ("close", "", "published"), ("suspend", "停电", "suspended")],
)
def test_actions_go_through_the_verbs(desk: Client, action: str, reason: str, status: str) -> None:
    station = make_station()
    desk.post(reverse(LIST), {"action": action, "reason": reason, "_selected_action": [station.pk]}, follow=True)
    station.refresh_from_db()
    assert station.status == status
    assert AuditEvent.objects.filter(subject_code=station.code).exists() == (status != "published")


# ── The list and the first page ─────────────────────────────────────────────────────────────────────────────────────


def listed(client: Client, query: str) -> list[str]:
    page = client.get(f"{reverse(LIST)}?{query}")
    assert page.status_code == 200, page.content
    return [station.name for station in page.context["cl"].result_list]


def test_a_list_offers_to_show_all_where_it_shows_less(desk: Client) -> None:
    make_station()
    for asked, is_offered in (("", False), ("?p=1", False), ("?q=xjp", True), ("?tier__exact=1", True)):
        assert ("全部显示" in desk.get(reverse(LIST) + asked).content.decode()) is is_offered, asked


def test_the_list_is_searched_as_couriers_search(desk: Client) -> None:
    make_station(name="甲蜂巢", aliases=["工会爱心驿站"])
    make_station(name="乙蜂巢")
    assert listed(desk, "q=爱心驿站") == ["甲蜂巢"]
    assert listed(desk, "q=ghaxyz") == ["甲蜂巢"]


def test_the_filters_find_what_there_is_to_do(desk: Client) -> None:
    now = clock.now()
    has_all: Form = {"amenities": ["hot-water", "microwave"], "confirmed_at": now, "at": now}
    make_amenity("gift-counter", name="礼品柜", expected_from_tier=2)
    make_amenity("piano", name="钢琴", expected_from_tier=None)
    make_station(name="好", **has_all)
    make_station(name="无时间", hours=False, **has_all)
    make_station(name="无位置", latitude=None, longitude=None, **has_all)
    make_station(name="存疑", doubted_at=now, **has_all)
    make_station(name="更早存疑", doubted_at=NOON, **has_all)
    make_station(name="草稿", status="draft", **has_all)
    make_station(name="汉口", division=Division.objects.get(pk="420104002"), tier=None, **has_all)
    make_station(name="二类", tier=2, **has_all)
    make_station(name="缺热水", **has_all | {"amenities": ["microwave"]})
    make_station(name="久未核实", **has_all | {"confirmed_at": now - timedelta(days=31)})
    make_station(name="从未核实", **has_all | {"confirmed_at": None})
    make_station(name="关了", status="closed", hours=False, tier=1, latitude=None, longitude=None, doubted_at=NOON)
    expected = {
        "doubted": ["更早存疑", "存疑"],
        "draft": ["草稿"],
        "lacking": ["二类", "缺热水"],
        "no-hours": ["无时间"],
        "no-position": ["无位置"],
        "unproved": ["久未核实", "从未核实"],
        "no-tier": ["汉口"],
    }
    assert {kind: listed(desk, f"todo={kind}") for kind in expected} == expected
    assert listed(desk, "district=420104") == ["汉口"]
    index = desk.get(reverse("admin:index")).context["overview"]
    stations = [work for work in index.work_lists if "todo=" in work.url]
    assert {work.url.rpartition("=")[2]: [name for name, _url in work.first] for work in stations} == expected
    assert [work.number for work in stations] == [str(len(names)) for names in expected.values()]
    assert index.work_lists[0].url.endswith("=doubted")
    assert index.done[0].url.endswith("=sent")


def test_the_list_of_what_is_lacking_names_it_and_says_what_to_do(desk: Client) -> None:
    make_amenity("gift-counter", name="礼品柜", expected_from_tier=2)
    make_station(name="二类", tier=2, amenities=["hot-water"])
    page = desk.get(f"{reverse(LIST)}?todo=lacking")
    assert [sorted(row.lacking) for row in page.context["cl"].result_list] == [sorted(["microwave", "礼品柜"])]
    assert "礼品柜" in page.content.decode()
    assert page.context["list_hint"]
    assert "list_hint" not in desk.get(reverse(LIST)).context


def test_the_list_takes_the_same_number_of_queries_for_ten_stations_as_for_two(
    desk: Client, django_assert_max_num_queries: Any
) -> None:
    for _each in range(10):
        make_station()
    with django_assert_max_num_queries(13):
        assert len(listed(desk, "")) == 10


# ── What nobody may do ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_superuser", [True, False])
def test_nobody_edits_or_deletes_history_nor_deletes_a_station(city: User, is_superuser: bool) -> None:
    station = make_station()
    publishing.suspend(station=station, reason="装修", actor=city, at=NOON)
    event = AuditEvent.objects.get()
    client = Client()
    client.force_login(make_staff("root") if is_superuser else city)
    for name, pk in (("core_auditevent", event.pk), ("stations_station", station.pk)):
        assert client.post(reverse(f"admin:{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    assert client.post(reverse("admin:core_auditevent_change", args=[event.pk]), {"kind": "x"}).status_code == 403
    assert client.get(reverse("admin:core_auditevent_add")).status_code == 403
    page = client.get(reverse("admin:core_auditevent_changelist"))
    assert page.status_code == 200
    assert [row.pk for row in page.context["cl"].result_list] == [event.pk]
    assert "装修" in page.content.decode()


def test_a_city_account_sees_no_accounts(desk: Client) -> None:
    assert desk.get(reverse("admin:core_user_changelist")).status_code == 403
    root = Client()
    root.force_login(make_staff("root"))
    assert root.get(reverse("admin:core_user_changelist")).status_code == 200


def test_who_may_only_look_is_shown_the_station_and_cannot_save() -> None:
    station = make_station(
        name="只看蜂巢", aliases=["工会驿站"], amenities=["hot-water"], phone="027-88880000", latitude=30.58, longitude=114.34,
    )  # fmt: skip
    viewer = make_staff("viewer", scope=make_district(), duties=["view"])
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(viewer)
    page = client.get(change_url(station))
    assert page.status_code == 200
    shown = page.content.decode()
    for said in (
        "只看蜂巢",
        "工会驿站",
        station.amenities.get().label,
        "027-88880000",
        "30.580000, 114.340000",
        "每天8:00-20:00",
    ):
        assert f">{said}" in shown, said
    assert "None" not in shown
    assert client.post(change_url(station), filled_in(name="改了")).status_code == 403
    assert client.post(
        reverse(LIST), {"action": "close", "reason": "x", "_selected_action": [station.pk]}
    ).status_code in (200, 302, 403)
    station.refresh_from_db()
    assert (station.name, station.status) == ("只看蜂巢", "published")


def test_a_day_type_that_staff_change_is_expanded_by_the_worker(desk: Client) -> None:
    station = make_station(at=clock.now(), hours={"days": [1, 2, 3, 4, 5], "on_holidays": "own-hours"})
    today = clock.local_date(clock.now())
    DayType.objects.create(date=today, kind="holiday", name="放假", source="test")
    change = {"kind": "workday", "name": "", "source": "区里通知"}
    url = reverse("admin:stations_daytype_change", args=[str(today)])
    answer = desk.post(url, change, follow=True)
    assert f"{today} 工作日" in answer.content.decode(), "staff read the kind in words"
    assert publishing.expand_due(now=clock.now()) == 1
    station.refresh_from_db()
    assert station.expanded_on == today


def test_a_day_type_that_staff_change_is_theirs_whatever_the_package_says(desk: Client, city: User) -> None:
    day_types.fill(actor="test", at=clock.now())
    row = DayType.objects.filter(kind="workday", date__gt=clock.local_date(clock.now())).earliest("date")
    url = reverse("admin:stations_daytype_change", args=[str(row.date)])
    assert desk.post(url, {"kind": "holiday", "name": "放假", "source": row.source}).status_code == 302
    assert day_types.fill(actor="test", at=clock.now()).kept == 1
    row.refresh_from_db()
    assert (row.kind, row.source) == ("holiday", city.username)


def test_a_day_type_of_no_source_has_that_of_whoever_sets_it(desk: Client, city: User) -> None:
    added = {"date": "2027-01-01", "kind": "holiday", "name": "元旦", "source": ""}
    assert desk.post(reverse("admin:stations_daytype_add"), added).status_code == 302
    assert DayType.objects.get(date="2027-01-01").source == city.username
    User.objects.update(username="长" * 150)
    assert desk.post(reverse("admin:stations_daytype_add"), added | {"date": "2027-01-02"}).status_code == 302
    assert DayType.objects.get(date="2027-01-02").source == "长" * 80


def test_a_renamed_division_is_searched_by_its_new_name(desk: Client) -> None:
    station = make_station()
    url = reverse("admin:stations_division_change", args=["420106003"])
    rows_of_aliases = {"aliases-TOTAL_FORMS": "0", "aliases-INITIAL_FORMS": "0"}
    posted = {"name": "新徐家棚街道", "short_name": "新徐家棚", "name_en": "", **rows_of_aliases}
    assert desk.post(url, posted).status_code == 302
    publishing.expand_due(now=clock.now())
    assert list(Station.objects.matching("新徐家棚")) == [station]


# ── Every registered admin ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", sorted(admin.site._registry, key=str), ids=lambda model: model.__name__)
def test_every_list_and_add_page_opens(desk: Client, model: Any) -> None:  # noqa: ARG001
    station = make_station()
    Confirmation.objects.create(station=station, outcome="entered", channel="door", witness="x", confirmed_at=NOON)
    client = Client()
    client.force_login(make_staff("root"))
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    assert client.get(reverse(f"{name}_changelist") + "?q=x").status_code in (200, 302)
    assert client.get(reverse(f"{name}_add")).status_code in (200, 403)
    row = model.objects.first()
    if row is not None:
        assert client.get(reverse(f"{name}_change", args=[quote(row.pk)])).status_code == 200
        assert client.get(reverse(f"{name}_history", args=[quote(row.pk)])).status_code == 200


def is_chinese(words: object) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in str(words))


def test_every_model_and_every_field_that_staff_see_has_a_chinese_name() -> None:
    with translation.override("zh-hans"):
        models = [model for app in ("core", "stations") for model in apps.get_app_config(app).get_models()]
        seen = set(admin.site._registry) | {
            inline.model for options in admin.site._registry.values() for inline in options.inlines
        }
        lacking = [
            model._meta.label
            for model in models
            if not is_chinese(model._meta.verbose_name) or not is_chinese(model._meta.verbose_name_plural)
        ]
        lacking += [
            f"{model._meta.label}.{field.name}"
            for model in models
            if model in seen
            for field in model._meta.fields
            if field.editable and not field.auto_created and not is_chinese(field.verbose_name)
        ]
    assert lacking == []


def test_the_menu_is_in_chinese(desk: Client) -> None:
    make_subdistrict()
    with translation.override("zh-hans"):
        groups = desk.get(reverse("admin:index"), headers={"accept-language": "zh-CN"}).context["app_list"]
    for group in groups:
        for name in (group["name"], *(model["name"] for model in group["models"])):
            assert is_chinese(name), name


def test_a_role_says_what_goes_with_it(desk: Client) -> None:
    desk.force_login(make_staff("root", is_superuser=True))
    said = desk.get(reverse("admin:stations_staffrole_add"), headers={"accept-language": "zh-CN"}).content.decode()
    assert "柜台：发礼品" in said
    assert "连同骑手、积分、礼品一起管" in said


def test_an_english_office_reads_english_names_and_commas(desk: Client) -> None:
    Zone.objects.update(name_en="East Lake High-tech Zone")
    desk.force_login(make_staff("root", is_superuser=True))
    form = desk.get(reverse(ADD), headers={"accept-language": "en"}).content.decode()
    roles = desk.get(reverse("admin:stations_staffrole_changelist"), headers={"accept-language": "en"}).content.decode()
    assert "Jiangcheng Fengchao office" in form
    assert ">East Lake High-tech Zone</option>" in form
    assert "东湖高新区</option>" not in form
    assert ">Wuhan<" in roles
    assert "manage stations and their hours, accept or refuse" in roles
    assert "、" not in roles
    said = desk.get(reverse(ADD), headers={"accept-language": "zh-CN"}).content.decode()
    assert ">东湖高新区</option>" in said

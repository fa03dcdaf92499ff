"""Reading and writing opening hours as text."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import local_midnight
from stations.hours import (
    HOLIDAY,
    DatedException,
    DayKind,
    Interval,
    OnHolidays,
    Period,
    Schedule,
    Span,
    expand,
)
from stations.hours_text import format_en, format_osm, format_zh, parse_hours, schema_org, schema_org_special

EVERY_DAY = range(1, 8)
MONDAY = date(2026, 6, 8)


def span(opens: str, closes: str, days: Iterable[int] = EVERY_DAY, entry_mode: str = "staffed") -> Span:
    return Span(frozenset(days), time.fromisoformat(opens), time.fromisoformat(closes), entry_mode)


def usual(*spans: Span, on_holidays: OnHolidays = OnHolidays.AS_SUNDAY) -> tuple[Period, ...]:
    return (Period(spans, on_holidays=on_holidays),)


def read(text: str) -> tuple[Period, ...]:
    parsed = parse_hours(text)
    assert parsed.is_read, parsed
    assert not parsed.doubts
    return parsed.periods


SUMMER: dict[str, Any] = {"valid_from": date(2000, 7, 1), "valid_through": date(2000, 9, 30), "repeats_yearly": True}


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("8:00-20:00", [span("08:00", "20:00")]),
        ("08：00—20：00", [span("08:00", "20:00")]),
        ("９：００～１７：００", [span("09:00", "17:00")]),
        ("8.30--17.30", [span("08:30", "17:30")]),
        ("08:00:00-20:00:00", [span("08:00", "20:00")]),
        ("营业时间：8:00至20:00。", [span("08:00", "20:00")]),
        ("周一至周五 9:00—17:30", [span("09:00", "17:30", range(1, 6))]),
        ("周一至周五（9:00-17:30）", [span("09:00", "17:30", range(1, 6))]),
        ("8:30-12:00,14:30-18:00", [span("08:30", "12:00"), span("14:30", "18:00")]),
        ("8:30-12:00 14:30-18:00", [span("08:30", "12:00"), span("14:30", "18:00")]),
        ("上午8:30-12:00，下午2:30-6:00", [span("08:30", "12:00"), span("14:30", "18:00")]),
        ("24小时", [span("00:00", "00:00")]),
        ("24小時", [span("00:00", "00:00")]),
        ("24小时（需扫码）", [span("00:00", "00:00", entry_mode="scan")]),
        ("全天开放", [span("00:00", "00:00")]),
        ("0:00-24:00", [span("00:00", "00:00")]),
        ("工作日9点到下午5点半", [span("09:00", "17:30", range(1, 6))]),
        ("周一到周日 上午8点-晚上10点", [span("08:00", "22:00")]),
        ("每天8:00~22:00", [span("08:00", "22:00")]),
        ("9时至17时", [span("09:00", "17:00")]),
        ("8-20点", [span("08:00", "20:00")]),
        ("星期一至星期六 八点半到十七点三十分", [span("08:30", "17:30", range(1, 7))]),
        ("礼拜天 中午12:00-2:00", [span("12:00", "14:00", [7])]),
        ("周一、三、五 14:00-18:00", [span("14:00", "18:00", [1, 3, 5])]),
        ("周六日9:00-12:00", [span("09:00", "12:00", [6, 7])]),
        (
            "周一至周五8:30-17:30,周六周日9:00-16:00",
            [span("08:30", "17:30", range(1, 6)), span("09:00", "16:00", [6, 7])],
        ),
        ("周末9:00-17:00", [span("09:00", "17:00", [6, 7])]),
        ("每天8:00-20:00，周日休息", [span("08:00", "20:00", range(1, 7))]),
        ("周一至周五：8:00-20:00；周六至周日：不开放", [span("08:00", "20:00", range(1, 6))]),
        ("22:00-6:00", [span("22:00", "06:00")]),
        ("22:00-06:00", [span("22:00", "06:00")]),
        ("晚上10:00-6:00", [span("22:00", "06:00")]),
        ("晚上7点-凌晨1点", [span("19:00", "01:00")]),
        ("下午6点-晚上12点", [span("18:00", "00:00")]),
        ("8:00-次日2:00", [span("08:00", "02:00")]),
        ("8:00-次日8:00", [span("08:00", "08:00")]),
        ("凌晨2:30-6:00", [span("02:30", "06:00")]),
        ("6:00-0:00", [span("06:00", "00:00")]),
        ("8:00-0:30", [span("08:00", "00:30")]),
        ("早上6点到晚上0点", [span("06:00", "00:00")]),
        ("0830-1730", [span("08:30", "17:30")]),
        ("1330-1730", [span("13:30", "17:30")]),
        ("早九晚五", [span("09:00", "17:00")]),
        ("早8点晚6点", [span("08:00", "18:00")]),
        ("8:00-20:00，中午不休息", [span("08:00", "20:00")]),
        ("周一至周五，9:00-17:00", [span("09:00", "17:00", range(1, 6))]),
        ("8:00-20:00（周末）", [span("08:00", "20:00", [6, 7])]),
        (
            "9:00-12:00,13:30-17:30（周一至周五）",
            [span("09:00", "12:00", range(1, 6)), span("13:30", "17:30", range(1, 6))],
        ),
        (
            "9:00-17:00（周一至周五），9:00-12:00（周六）",
            [span("09:00", "17:00", range(1, 6)), span("09:00", "12:00", [6])],
        ),
        ("8:30-17:30 周六日9:00-16:00", [span("08:30", "17:30", range(1, 6)), span("09:00", "16:00", [6, 7])]),
        ("7:30-21:30（周末9:00-21:00）", [span("07:30", "21:30", range(1, 6)), span("09:00", "21:00", [6, 7])]),
        ("8:30-17:30，周六9:00-16:00，周日休息", [span("08:30", "17:30", range(1, 6)), span("09:00", "16:00", [6])]),
        ("8:00-20:00、20:00-次日8:00（扫码）", [span("08:00", "20:00"), span("20:00", "08:00", entry_mode="scan")]),
    ],
)
def test_office_wording_is_read(text: str, spans: list[Span]) -> None:
    assert read(text) == usual(*spans)


@pytest.mark.parametrize(
    ("text", "on_holidays", "days"),
    [
        ("周一至周五8:30-17:30，节假日休息", OnHolidays.OWN_HOURS, range(1, 6)),
        ("周一至周五8:30-17:30（法定节假日除外）", OnHolidays.OWN_HOURS, range(1, 6)),
        ("周一至周五（节假日除外）8:30-17:30", OnHolidays.OWN_HOURS, range(1, 6)),
        ("周一至周五8:30-17:30（除节假日外）", OnHolidays.OWN_HOURS, range(1, 6)),
        ("周末及节假日8:30-17:30", OnHolidays.OWN_HOURS, [6, 7, HOLIDAY]),
        ("周一至周五8:30-17:30，节假日照常", OnHolidays.AS_USUAL, range(1, 6)),
        ("全年无休 8:30-17:30", OnHolidays.AS_USUAL, EVERY_DAY),
        ("8:30-17:30 无休", OnHolidays.AS_USUAL, EVERY_DAY),
        ("每天8:30-17:30（含节假日）", OnHolidays.AS_USUAL, EVERY_DAY),
    ],
)
def test_what_is_said_of_holidays_is_read(text: str, on_holidays: OnHolidays, days: Iterable[int]) -> None:
    assert read(text) == usual(span("08:30", "17:30", days), on_holidays=on_holidays)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("夏季(7月1日-9月30日)10:00-22:00", "夏季"),
        ("夏季 7月1日至9月30日 10:00-22:00", "夏季"),
        ("每年7月1日至9月30日每天10:00-22:00", ""),
        ("7-9月 10:00-22:00", ""),
        ("7月至9月10:00-22:00", ""),
    ],
)
def test_a_yearly_season_is_read(text: str, name: str) -> None:
    assert read(text) == (Period((span("10:00", "22:00"),), name=name, **SUMMER),)


def test_a_season_stands_beside_the_usual_hours() -> None:
    assert read("8:00-20:00；夏季（7月1日至9月30日）10:00-22:00") == (
        *usual(span("08:00", "20:00")),
        Period((span("10:00", "22:00"),), name="夏季", **SUMMER),
    )
    assert read("2月1日-2月休息，平时8:00-20:00") == (
        Period((), valid_from=date(2000, 2, 1), valid_through=date(2000, 2, 29), repeats_yearly=True),
        *usual(span("08:00", "20:00")),
    )


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026年7月1日-2026年9月30日10:00-22:00", date(2026, 7, 1), date(2026, 9, 30)),
        ("2026年7月1日-9月30日10:00-22:00", date(2026, 7, 1), date(2026, 9, 30)),
        ("2026年7月1日起10:00-22:00", date(2026, 7, 1), None),
        ("至2026年9月30日止10:00-22:00", None, date(2026, 9, 30)),
    ],
)
def test_dates_with_their_year_do_not_come_again(text: str, first: date | None, last: date | None) -> None:
    assert read(text) == (Period((span("10:00", "22:00"),), valid_from=first, valid_through=last),)


@pytest.mark.parametrize(
    "text",
    [
        "早上8点左右",
        "视情况开放",
        "8:00-20:00(中午休息)",
        "8:00-20:00 请提前预约",
        "25:00-26:00",
        "8:00-25:00",
        "8:70-9:00",
        "24:00-8:00",
        "9:00-5:00",  # 17:00 is meant, or a night
        "8点-6点",
        "8:30-12:00,2:30-6:00",
        "2点-5点",
        "8:00-8:00",
        "12:00-2:00",
        "下午5点-12点",
        "8:00",
        "8-20",
        "8点开门，20点关门",
        "2026-2027",  # years
        "8:00-12:00,14:00-17:00，中午不休息",
        "8:00-12:00,14:00-16:00（周末）",  # the morning too?
        "8:30-17:30 周一至周五 9:00-16:00 周末",  # the days may stand behind their hours
        "8:30-17:30 周一至周五 9:00-16:00",
        "8:30-17:30，9:00-16:00（周末）",
        "节假日休息",
        "周日休息",
        "全年无休",
        "暂不开放",
        "周一至周五开放，周末8:00-20:00",
        "周一至周五8:00-20:00，周五8:00-18:00",
        "夏季10:00-22:00",
        "13月1日-14月1日10:00-22:00",
        "2月30日-3月1日10:00-22:00",
        "2026年9月30日-2026年7月1日10:00-22:00",
        "春节（2月1日-2月20日）休息",
        "8:00-20:00，全年无休，节假日休息",
        "八十点-九十点",
        "٣:00-٤:00",
        "0000年1月-2月 8:00-20:00",
        "Mo-Fr 08:00-17:00 on request",
        "Mo-Fr 08:00-08:00",
        "Mo-Fr 08:70-09:00",
        "Mo-Fr 24:00-25:00",
        'Mo-Fr 08:00-17:00 "ring the bell"',
        "PH off; Mo-Fr 08:00-17:00",
        "PH off",
        "SH 10:00-12:00",
        "Feb 30-Mar 1 10:00-12:00",
        "2026 Sep 30-2026 Jul 1 10:00-12:00",
        "Mo-Fr",
        "week 1-10 Mo 10:00-12:00",
    ],
)
def test_what_is_not_understood_whole_is_prose(text: str) -> None:
    parsed = parse_hours(text)
    assert (parsed.is_read, parsed.periods) == (False, ())
    assert parsed.doubts
    assert parsed.rest


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9:00-17:00;9:00-17:00", "写了两遍"), ("9:00-17:00，9:00-17:00", "写了两遍"),
        ("周一 9:00-17:00;周一 9:00-17:00", "写了两遍"), ("周一 9:00-17:00;周一 9:00-18:00", "两种不同的时间"),
        ("13:00-17:00;9:00-12:00", "前后颠倒"), ("8:00-8:00", "同一时刻"), ("0:00-0:00", "24小时"),
        ("周一至周五 8:00-8:00", "同一时刻"), ("2:00-6:00", "24小时制"), ("早上8:00-8:00", "24小时制"),
    ],
)  # fmt: skip
def test_the_reason_is_the_right_one(text: str, why: str) -> None:
    [doubt] = parse_hours(text).doubts
    assert why in doubt


def test_no_text_is_not_read_and_leaves_no_doubt() -> None:
    parsed = parse_hours(" \u3000 ")
    assert (parsed.is_read, parsed.doubts) == (False, ())


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        (
            "Mo-Fr 08:30-11:00,13:30-17:00; PH off",
            usual(
                span("08:30", "11:00", range(1, 6)),
                span("13:30", "17:00", range(1, 6)),
                on_holidays=OnHolidays.OWN_HOURS,
            ),
        ),
        ("24/7", usual(span("00:00", "00:00"), on_holidays=OnHolidays.AS_USUAL)),
        ("Mo-Su 22:00-26:00", usual(span("22:00", "02:00"), on_holidays=OnHolidays.AS_USUAL)),
        (
            "Mo-Su 08:00-20:00; Sa off",
            usual(span("08:00", "20:00", [1, 2, 3, 4, 5, 7]), on_holidays=OnHolidays.AS_USUAL),
        ),
        (
            "Jul 1-Sep 30 10:00-22:00",
            (Period((span("10:00", "22:00"),), on_holidays=OnHolidays.AS_USUAL, **SUMMER),),
        ),
        (
            "Sa,Su,PH 10:00-12:00",
            usual(span("10:00", "12:00", [6, 7, HOLIDAY]), on_holidays=OnHolidays.OWN_HOURS),
        ),
        (
            "Mo-Fr 08:00-17:00; Jul-Sep Sa 10:00-12:00",
            (
                *usual(span("08:00", "17:00", range(1, 6)), on_holidays=OnHolidays.AS_USUAL),
                Period(
                    (span("08:00", "17:00", range(1, 6)), span("10:00", "12:00", [6])),
                    on_holidays=OnHolidays.AS_USUAL,
                    **SUMMER,
                ),
            ),
        ),
        (
            "2026 Jul 01+ 10:00-22:00",
            (Period((span("10:00", "22:00"),), valid_from=date(2026, 7, 1), on_holidays=OnHolidays.AS_USUAL),),
        ),
    ],
)
def test_openstreetmap_is_read(text: str, periods: tuple[Period, ...]) -> None:
    assert read(text) == periods


# ── Writing, and back ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("periods", "zh", "osm", "en"),
    [
        (
            usual(span("08:30", "17:30", range(1, 6)), span("09:00", "16:00", [6, 7])),
            "周一至周五8:30-17:30，周末9:00-16:00",
            "Mo-Fr 08:30-17:30; Sa,Su 09:00-16:00; PH 09:00-16:00",
            "Mon-Fri 8:30-17:30, Sat, Sun 9:00-16:00",
        ),
        (usual(span("00:00", "00:00")), "每天24小时", "24/7", "daily 24 hours"),
        (
            usual(span("22:00", "06:00", [1, 3, 4, 5]), on_holidays=OnHolidays.OWN_HOURS),
            "周一、周三至周五22:00-次日6:00，节假日休息",
            "Mo,We-Fr 22:00-06:00; PH off",
            "Mon, Wed-Fri 22:00-6:00 next day, closed on holidays",
        ),
        (
            (*usual(span("08:00", "20:00")), Period((span("10:00", "22:00"),), name="夏季纳凉", **SUMMER)),
            "每天8:00-20:00；夏季纳凉（7月1日至9月30日）每天10:00-22:00",
            "Mo-Su 08:00-20:00; Jul 01-Sep 30 Mo-Su 10:00-22:00",
            "daily 8:00-20:00; 1 Jul to 30 Sep: daily 10:00-22:00",
        ),
        (
            usual(span("08:00", "20:00"), span("20:00", "08:00", entry_mode="scan")),
            "每天8:00-20:00、20:00-次日8:00（扫码）",
            'Mo-Su 08:00-20:00, Mo-Su 20:00-08:00 "scan a code"',
            "daily 8:00-20:00 and 20:00-8:00 next day (scan a code)",
        ),
        ((), "", "", ""),
    ],
)
def test_hours_are_written_in_three_ways(periods: tuple[Period, ...], zh: str, osm: str, en: str) -> None:
    assert (format_zh(periods), format_osm(periods), format_en(periods)) == (zh, osm, en)


clock_times = st.times().map(lambda each: each.replace(second=0, microsecond=0))
modes = st.sampled_from(["staffed", "scan", "card", "code"])
a_span = st.builds(
    Span,
    days=st.frozensets(st.integers(1, 8), min_size=1).filter(lambda days: days != {HOLIDAY}),
    opens=clock_times,
    closes=clock_times,
    entry_mode=modes,
)
any_day = st.dates(date(2000, 1, 1), date(2031, 12, 31))


@st.composite
def some_periods(draw: st.DrawFn) -> tuple[Period, ...]:
    """The usual hours, a season, or both."""
    found = []
    which = draw(st.sampled_from(["usual", "season", "both"]))
    if which != "season":
        found.append(
            Period(tuple(draw(st.lists(a_span, min_size=1, max_size=4))), on_holidays=draw(st.sampled_from(OnHolidays)))
        )
    if which != "usual":
        first, last = draw(any_day), draw(any_day)
        repeats_yearly = draw(st.booleans())
        bounds = "both" if repeats_yearly else draw(st.sampled_from(["both", "from", "through"]))
        if not repeats_yearly:
            first, last = min(first, last), max(first, last)
        found.append(
            Period(
                tuple(draw(st.lists(a_span, max_size=3))),
                valid_from=first if bounds != "through" else None,
                valid_through=last if bounds != "from" else None,
                repeats_yearly=repeats_yearly,
                on_holidays=draw(st.sampled_from(OnHolidays)),
                name=draw(st.sampled_from(["", "夏季", "夏季纳凉", "春节", "1（", "周末"])),
            )
        )
    return tuple(found)


def meaning(periods: tuple[Period, ...]) -> list[object]:
    """What a courier would notice: the dates, and when the door is open in a plain week and on holidays."""
    return [
        (
            [
                bound and ((bound.month, bound.day) if period.repeats_yearly else bound)
                for bound in (period.valid_from, period.valid_through)
            ],
            [
                open_in_a_week(Schedule((Period(period.spans, on_holidays=period.on_holidays),)), kind)
                for kind in DayKind
            ],
        )
        for period in periods
    ]


def open_in_a_week(schedule: Schedule, kind: DayKind) -> list[Interval]:
    days = [MONDAY + timedelta(days=step) for step in range(-2, 10)]
    begins_at = local_midnight(MONDAY)
    intervals = expand(schedule, first=MONDAY, days=8, day_types=dict.fromkeys(days, kind))
    # How the evening before was divided into spans is no matter of this week.
    clipped = [replace(each, opens_at=max(each.opens_at, begins_at)) for each in intervals]
    return sorted(clipped, key=lambda each: (each.entry_mode, each.opens_at))


@settings(deadline=None)
@given(some_periods())
def test_chinese_is_read_back_as_it_was_written(periods: tuple[Period, ...]) -> None:
    text = format_zh(periods)
    assert meaning(read(text)) == meaning(periods), text


@settings(deadline=None)
@given(some_periods())
def test_openstreetmap_is_read_back_as_it_was_written(periods: tuple[Period, ...]) -> None:
    text = format_osm(periods)
    assert meaning(read(text)) == meaning(periods), text


@settings(deadline=None)
@given(some_periods())
def test_english_is_always_written(periods: tuple[Period, ...]) -> None:
    text = format_en(periods)
    assert text.isascii()
    assert text or not any(span.days - {HOLIDAY} for period in periods for span in period.spans)


PIECES = [
    "周",
    "一",
    "至",
    "周五",
    "8:00",
    "8点",
    "半",
    "-",
    "24",
    ":",
    "，",
    "；",
    "（",
    "）",
    "7月1日",
    "年",
    "2026",
    "节假日",
]
PIECES += [
    "休息",
    "下午",
    "次日",
    "十",
    "零",
    "全天",
    "平时",
    "Mo",
    "PH",
    "Jul 1",
    " ",
    "off",
    "24/7",
    "0",
    "99",
    "止",
    "起",
    '"',
    "+",
]


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=14).map("".join)))
def test_any_text_is_read_or_left_and_what_is_read_can_be_written(text: str) -> None:
    parsed = parse_hours(text)
    assert parsed.is_read == bool(parsed.periods)
    if parsed.is_read:
        assert meaning(read(format_zh(parsed.periods))) == meaning(parsed.periods)


# ── schema.org ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_schema_org_says_weekly_hours_with_holidays_and_seasons() -> None:
    schedule = Schedule((*usual(span("22:00", "06:00", [1, 7])), Period((span("00:00", "00:00", [6]),), **SUMMER)))
    assert schema_org(schedule, today=date(2026, 10, 1)) == [
        {
            "@type": "OpeningHoursSpecification",
            "dayOfWeek": [f"https://schema.org/{day}" for day in ("Monday", "Sunday", "PublicHolidays")],
            "opens": "22:00",
            "closes": "06:00",
        },
        {
            "@type": "OpeningHoursSpecification",
            "dayOfWeek": ["https://schema.org/Saturday"],
            "opens": "00:00",
            "closes": "23:59",
            "validFrom": "2027-07-01",
            "validThrough": "2027-09-30",
        },
    ]


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 1, 31), "2025-12-01", "2026-02-28"),
        (date(2026, 3, 1), "2026-12-01", "2027-02-28"),
        (date(2027, 12, 1), "2027-12-01", "2028-02-29"),
    ],
)
def test_schema_org_dates_a_season_over_the_new_year(today: date, first: str, last: str) -> None:
    winter = Period((span("08:00", "20:00"),), date(2024, 12, 1), date(2024, 2, 29), repeats_yearly=True)
    (found,) = schema_org(Schedule((winter,)), today=today)
    assert (found["validFrom"], found["validThrough"]) == (first, last)


def test_schema_org_leaves_out_what_is_over() -> None:
    over = Period((span("08:00", "20:00"),), valid_through=date(2026, 5, 31))
    assert schema_org(Schedule((over,)), today=date(2026, 6, 1)) == []
    assert len(schema_org(Schedule((over,)), today=date(2026, 5, 31))) == 1


def test_schema_org_closes_only_the_dates_without_times() -> None:
    closed = DatedException(date(2026, 10, 1), date(2026, 10, 7))
    open_ = DatedException(date(2026, 10, 3), date(2026, 10, 4), time(9), time(12))
    past = DatedException(date(2026, 5, 1), date(2026, 5, 5))
    found = schema_org_special([closed, open_, past], today=date(2026, 9, 1))
    assert [(each["validFrom"], each["validThrough"], each["opens"], each["closes"]) for each in found] == [
        ("2026-10-01", "2026-10-02", "00:00", "00:00"),
        ("2026-10-03", "2026-10-04", "09:00", "12:00"),
        ("2026-10-05", "2026-10-07", "00:00", "00:00"),
    ]

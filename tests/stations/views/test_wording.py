"""How things are worded for people."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import translation

from core import clock
from stations.hours import OpenState, State
from stations.views.wording import date_text, moment_text, station_name, until_text


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("徐家棚加油站“江城蜂巢”", '<span>徐家棚加油站<span class="whole">“江城蜂巢”</span></span>'),
        ("徐家棚加油站", "徐家棚加油站"),
        ("“江城蜂巢”徐家棚站", "“江城蜂巢”徐家棚站"),
        ("长江“一二三四五六七八九十”", "长江“一二三四五六七八九十”"),
        ("<b>&“<i>”", "&lt;b&gt;&amp;“&lt;i&gt;”"),
    ],
)
def test_the_common_end_of_a_name_is_never_broken(name: str, written: str) -> None:
    """One that is too long for a line of a small phone may be; and nothing of a name is markup."""
    assert station_name(name) == written


@pytest.mark.parametrize(
    ("language", "same_year", "another_year"),
    [("zh-hans", "10月31日", "2027年10月31日"), ("en", "31 Oct", "31 Oct 2027")],
)
def test_a_day_of_another_year_says_which(language: str, same_year: str, another_year: str) -> None:
    day = date(2027, 10, 31)
    with translation.override(language):
        assert date_text(day) == date_text(day, today=date(2027, 1, 1)) == same_year
        assert date_text(day, today=date(2026, 11, 27)) == another_year


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        (0, "08:00", "08:00"),
        (1, "明天08:00", "tomorrow 08:00"),
        (6, "周四 08:00", "Thu 08:00"),
        (7, "12月4日 08:00", "4 Dec 08:00"),
        (40, "2027年1月6日 08:00", "6 Jan 2027 08:00"),
    ],
)
def test_a_moment_is_said_as_near_as_it_is(days: int, zh: str, en: str) -> None:
    now = datetime(2026, 11, 27, 12, tzinfo=clock.WUHAN)
    moment = now.replace(hour=8) + timedelta(days=days)
    for language, said in (("zh-hans", zh), ("en", en)):
        with translation.override(language):
            assert moment_text(moment, now) == said


def test_no_hour_is_said_beside_a_doubt() -> None:
    """“Perhaps shut, until 20:00” reads as the hour at which it opens."""
    now = datetime(2026, 11, 27, 12, tzinfo=clock.WUHAN)
    shut_at = now.replace(hour=20)
    with translation.override("en"):
        assert until_text(OpenState(State.OPEN, shut_at, None, "staffed", False), now) == "until 20:00"
        assert until_text(OpenState(State.DOUBTED, shut_at, None, "staffed", False), now) == ""
        assert until_text(OpenState(State.DOUBTED, None, None, "staffed", True), now) == ""

"""The State Council's notice: read as it is pasted, checked against itself, entered by the city."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from chinese_calendar.constants import holidays as public_holidays
from chinese_calendar.constants import workdays as swapped_workdays
from django.test import Client
from django.urls import reverse
from django.utils import translation

from core import clock
from stations import day_types
from stations.holiday_notice import NoticeUnread, read_notice
from stations.hours import DayKind
from stations.models import DayType, Division, Station
from tests.builders import make_district, make_staff, make_station

# 国办发明电〔2022〕16号 to 〔2025〕7号, as they were published.
NOTICES = {
    2023: """国务院办公厅关于2023年部分节假日安排的通知
国办发明电〔2022〕16号
各省、自治区、直辖市人民政府,国务院各部委、各直属机构:
经国务院批准,现将2023年元旦、春节、清明节、劳动节、端午节、中秋节和国庆节放假调休日期的具体安排通知如下。
一、元旦:2022年12月31日至2023年1月2日放假调休,共3天。
二、春节:1月21日至27日放假调休,共7天。1月28日(星期六)、1月29日(星期日)上班。
三、清明节:4月5日放假,共1天。
四、劳动节:4月29日至5月3日放假调休,共5天。4月23日(星期日)、5月6日(星期六)上班。
五、端午节:6月22日至24日放假调休,共3天。6月25日(星期日)上班。
六、中秋节、国庆节:9月29日至10月6日放假调休,共8天。10月7日(星期六)、10月8日(星期日)上班。
节假日期间,各地区、各部门要妥善安排好值班和安全、保卫、疫情防控等工作,遇有重大突发事件,要按规定及时报告并妥善处置,确保人民群众祥和平安度过节日假期。""",
    2024: """国务院办公厅关于2024年部分节假日安排的通知
一、元旦：1月1日放假，与周末连休。
二、春节：2月10日至17日放假调休，共8天。2月4日（星期日）、2月18日（星期日）上班。鼓励各单位结合带薪年休假等制度落实，安排职工在除夕（2月9日）休息。
三、清明节：4月4日至6日放假调休，共3天。4月7日（星期日）上班。
四、劳动节：5月1日至5日放假调休，共5天。4月28日（星期日）、5月11日（星期六）上班。
五、端午节：6月10日放假，与周末连休。
六、中秋节：9月15日至17日放假调休，共3天。9月14日（星期六）上班。
七、国庆节：10月1日至7日放假调休，共7天。9月29日（星期日）、10月12日（星期六）上班。""",
    2025: """国务院办公厅关于2025年部分节假日安排的通知
一、元旦：1月1日（周三）放假1天，不调休。
二、春节：1月28日（农历除夕、周二）至2月4日（农历正月初七、周二）放假调休，共8天。1月26日（周日）、2月8日（周六）上班。
三、清明节：4月4日（周五）至6日（周日）放假，共3天。
四、劳动节：5月1日（周四）至5日（周一）放假调休，共5天。4月27日（周日）上班。
五、端午节：5月31日（周六）至6月2日（周一）放假，共3天。
六、国庆节、中秋节：10月1日（周三）至8日（周三）放假调休，共8天。9月28日（周日）、10月11日（周六）上班。""",
    2026: """国务院办公厅关于2026年部分节假日安排的通知
一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。
二、春节：2月15日（农历腊月二十八、周日）至23日（农历正月初七、周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
三、清明节：4月4日（周六）至6日（周一）放假，共3天。
四、劳动节：5月1日（周五）至5日（周二）放假调休，共5天。5月9日（周六）上班。
五、端午节：6月19日（周五）至21日（周日）放假，共3天。
六、中秋节：9月25日（周五）至27日（周日）放假，共3天。
七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。""",
}
PAGE = "admin:stations_daytype_notice"


@pytest.mark.parametrize("year", NOTICES)
def test_what_is_read_is_what_the_package_says(year: int) -> None:
    notice = read_notice(NOTICES[year])
    said = {day: name for day, name in public_holidays.items() if day.year == year}
    of_the_next = {day for day in said if day >= date(year, 12, 30)}  # announced with New Year's Day of the year after
    of_the_last = {day for day in notice.off if day.year < year}
    assert notice.off.keys() - of_the_last == said.keys() - of_the_next
    assert notice.worked.keys() == {day for day in swapped_workdays if day.year == year}
    whole = {day: kind for day, kind, _feast in notice.days()}
    assert len(whole) == (date(year, 12, 31) - date(year, 1, 1)).days + 1 + len(of_the_last)
    assert whole[date(year, 3, 12)] == (DayKind.REST_DAY if date(year, 3, 12).isoweekday() > 5 else DayKind.WORKDAY)


def test_it_says_the_feasts_as_the_calendar_calls_them_and_the_number_of_the_notice() -> None:
    notice = read_notice(NOTICES[2023])
    assert notice.document == "国办发明电〔2022〕16号"
    assert notice.stretches()[0] == ("元旦", date(2022, 12, 31), date(2023, 1, 2), 3)
    assert notice.worked[date(2023, 1, 28)] == "春节"
    assert notice.stretches()[2] == ("清明", date(2023, 4, 5), date(2023, 4, 5), 1)
    assert notice.stretches()[-1] == ("中秋、国庆节", date(2023, 9, 29), date(2023, 10, 6), 8)
    assert read_notice(NOTICES[2026]).document == ""


def test_advice_sets_no_day_and_is_told() -> None:
    (sentence,) = read_notice(NOTICES[2024]).left_out
    assert "2月9日" in sentence
    assert read_notice(NOTICES[2026]).left_out == []


def test_it_is_read_however_it_was_copied() -> None:
    wide = NOTICES[2026].translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    spaced = NOTICES[2026].replace("月", " 月 ").replace("：", "：\n")
    assert read_notice(wide) == read_notice(spaced) == read_notice(NOTICES[2026])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("月", "月\u200b"),
        ("：", "🧧️："),
        ("春节：", "春节\n"),
        ("四、劳动节：", "【五一】"),
        ("清明节：", "清明："),
        ("至", "–"),
        ("2月14日（周六）、", "2月14日（周六），"),
        ("至3日（周六）放假", "至3日（周六），放假"),
        ("国务院办公厅关于2026年", "上一篇：国务院办公厅关于2025年部分节假日安排的通知\n国务院办公厅关于2026年"),
        ("10月10日（周六）上班。", "10月10日（周六）上班。\n国务院办公厅\n2025年11月4日\n相关：中小学1月31日起放假。"),
        ("10月10日（周六）上班。", "10月10日（周六）上班。\n节假日期间，5月2日（周六）放假。"),
    ],
)
def test_what_a_copy_adds_drops_or_writes_otherwise_changes_nothing(old: str, new: str) -> None:
    assert NOTICES[2026].count(old)
    assert read_notice(NOTICES[2026].replace(old, new)) == read_notice(NOTICES[2026])


def test_a_day_off_in_place_of_one_is_off() -> None:
    older = NOTICES[2024].replace("6月10日放假，与周末连休", "6月8日放假，6月10日（星期一）补休")
    assert read_notice(older).off.keys() - read_notice(NOTICES[2024]).off.keys() == {date(2024, 6, 8)}
    assert read_notice(older).off[date(2024, 6, 10)] == "端午"


def test_a_weekend_worked_long_after_a_holiday_began_is_read() -> None:
    later = NOTICES[2024].replace(
        "2月18日（星期日）", "2月25日（星期日）"
    )  # 15 days after its first day, 8 after its last
    assert read_notice(later).worked[date(2024, 2, 25)] == "春节"


def test_days_of_which_nothing_is_said_are_told() -> None:
    assert read_notice(NOTICES[2026].replace("1月4日（周日）上班", "1月4日（周日）")).left_out == ["1月4日(周日)。"]


def test_a_notice_that_changes_single_days_is_sent_to_the_list() -> None:
    with pytest.raises(NoticeUnread, match="逐天"):
        read_notice("关于调整2019年劳动节假期安排的通知：2019年5月1日至4日放假调休，共4天。5月5日（星期日）上班。")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2026年", "", "看不出是哪一年"),
        ("三、清明节", "三、其他", "没有看到清明"),
        ("2026年", "2027年", "有20处星期几跟2027年的日历对不上"),
        ("（周六）上班", "（周日）上班", "不是这个星期几"),
        ("共9天", "9天。8月1日放假", "隔得太远"),
        ("至21日（周日）放假，共3天", "至21日（周日）放假2天", "通知写共2天"),
        ("一、元旦", "元旦：1月1日至3日放假。\n一、元旦", "元旦不止写了一次"),
        ("1月4日", "2月30日", "不是日期"),
        ("至21日", "至12日", "不是一段日子"),
        ("共9天", "共8天", "通知写共8天，读出来是9天"),
        ("5月9日（周六）", "5月8日（周五）", "2026-05-08本来就不是周末"),
        ("5月9日（周六）", "5月2日（周六）", "2026-05-02既放假又上班"),
        ("4月4日（周六）至6日（周一）放假，共3天", "照常", "清明：没有读出"),
        ("1月1日（周四）", "1999年1月1日", "不是日期"),
        ("至3日（周六）放假", "至3日（周日）放假", "不是这个星期几"),
        ("6日（周一）放假，共3天", "6日（周一）放假2天", "通知写共2天，读出来是3天"),
    ],
)
def test_a_slip_of_the_copy_is_named_and_nothing_is_guessed(old: str, new: str, said: str) -> None:
    assert NOTICES[2026].count(old)
    with pytest.raises(NoticeUnread, match=said):
        read_notice(NOTICES[2026].replace(old, new))


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(NoticeUnread) as unread:
        read_notice(NOTICES[2026].replace("共9天", "共8天").replace("2月28日（周六）", "2月28日（周日）"))
    assert len(unread.value.problems) == 2
    with translation.override("en"), pytest.raises(NoticeUnread, match="said of 清明, 劳动节, 端午"):
        read_notice(NOTICES[2026].partition("三、")[0])


@pytest.fixture
def desk(db: None) -> Client:  # noqa: ARG001
    make_district()
    client = Client()
    client.force_login(make_staff("city", scope=Division.objects.get(pk="4201"), duties=["manage"]))
    return client


@pytest.fixture
def district(desk: Client) -> Client:  # noqa: ARG001
    client = Client()
    client.force_login(make_staff("wuchang", scope=Division.objects.get(pk="420106"), duties=["manage"]))
    return client


@pytest.fixture
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2025, 11, 5, 4, 0, tzinfo=UTC)
    monkeypatch.setattr("core.clock.now", lambda: at)


def post(client: Client, text: str, **more: str) -> Any:
    return client.post(reverse(PAGE), {"notice": text} | more)


@pytest.mark.usefixtures("_now")
def test_the_city_pastes_it_sees_what_it_comes_to_and_confirms(desk: Client) -> None:
    station = make_station(at=clock.now(), hours={"days": range(1, 6), "on_holidays": "own-hours"})
    DayType.objects.create(date="2026-02-14", kind="rest-day", source="chinesecalendar 1.10.0")
    DayType.objects.create(date="2026-02-13", kind="workday", source="chinesecalendar 1.10.0")
    shown = post(desk, NOTICES[2026]).content.decode()
    assert "2026-02-14 周六: 周末" in shown.replace("星期六", "周六")
    assert "2026-02-13" not in shown
    assert DayType.objects.count() == 2
    answer = post(desk, NOTICES[2026], confirm="yes")
    listed = desk.get(answer["Location"])
    assert listed.context["cl"].result_count == len(read_notice(NOTICES[2026]).off) + 6
    assert "改动1天" in listed.content.decode()
    kinds = dict(DayType.objects.values_list("kind").distinct().values_list("kind", "source"))
    assert set(kinds) == {"workday", "rest-day", "holiday", "swapped-workday"}
    assert DayType.objects.filter(date__year=2026).count() == 365
    eve = DayType.objects.get(date="2026-02-16")
    assert (eve.kind, eve.name, eve.source) == ("holiday", "春节", "city")
    assert Station.objects.get(pk=station.pk).expanded_on == date(2025, 11, 4)
    again = desk.get(post(desk, NOTICES[2026], confirm="yes")["Location"])
    assert "没有改动" in again.content.decode()


@pytest.mark.usefixtures("_now")
def test_what_the_notice_says_is_kept_whatever_the_package_says_later(desk: Client) -> None:
    post(desk, NOTICES[2026].replace("\n一、", "\n国办发明电〔2025〕7号\n一、"), confirm="yes")
    assert DayType.objects.get(date="2026-02-16").source == "国办发明电〔2025〕7号"
    DayType.objects.filter(date="2026-02-16").update(kind="workday")
    assert day_types.fill(actor="tests", at=clock.now()).kept == 1


@pytest.mark.usefixtures("_now")
def test_what_cannot_be_read_is_said_at_the_notice_and_nothing_is_entered(desk: Client) -> None:
    for text, said in (
        (NOTICES[2026].replace("共9天", "共8天"), "读出来是9天"),
        (NOTICES[2023], "这份通知是2023年的"),
        ("", "必填"),
        ("放假" * 6_000, "10000"),
    ):
        page = post(desk, text, confirm="yes")
        assert (page.status_code, said in page.content.decode()) == (200, True), said
    assert not DayType.objects.exists()


@pytest.mark.usefixtures("_now")
def test_a_district_does_not_enter_the_calendar(desk: Client, district: Client) -> None:
    assert desk.get(reverse(PAGE)).status_code == 200
    listed = reverse("admin:stations_daytype_changelist")
    assert reverse(PAGE) in desk.get(listed).content.decode()
    assert district.get(reverse(PAGE)).status_code == 403
    assert post(district, NOTICES[2026], confirm="yes").status_code == 403
    assert not DayType.objects.exists()
    assert reverse(PAGE) not in district.get(listed).content.decode()


@pytest.mark.usefixtures("_now")
def test_the_first_page_of_the_city_says_when_the_calendar_comes_to_its_end(desk: Client, district: Client) -> None:
    def said(client: Client) -> bool:
        return reverse(PAGE) in client.get("/admin/").content.decode()

    day_types.fill(actor="tests", at=datetime(2024, 1, 1, tzinfo=UTC))
    DayType.objects.filter(date__year=2026).delete()
    assert (said(desk), said(district)) == (True, False)
    assert "还剩56天" in desk.get("/admin/").content.decode()
    DayType.objects.all().delete()
    assert "已经用完：粘贴通知" in desk.get("/admin/").content.decode()
    post(desk, NOTICES[2026], confirm="yes")
    assert said(desk) is False

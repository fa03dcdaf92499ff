"""Django's own sentences appear in our Chinese, in every form."""

import ast
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import django
import pytest
from django import forms
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from core import clock
from tests.builders import make_staff


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    with translation.override("zh-hans"):
        yield


class Form(forms.Form):
    name = forms.CharField(max_length=150)
    code = forms.SlugField()
    number = forms.IntegerField(min_value=1)
    day = forms.DateField()


def test_the_errors_of_forms_are_said_in_our_words() -> None:
    errors = Form({"name": "长" * 180, "code": "雨 伞", "number": 0, "day": "明天"}).errors
    assert errors["name"] == ["最多150个字，现在180个。"]
    assert errors["code"] == ["只能用英文字母、数字、下划线（_）和连字符（-）。"]
    assert errors["number"] == ["不能小于1。"]
    assert "2026年1月31日" in errors["day"][0]


@pytest.mark.parametrize("typed", ["2027-02-05", "2027/2/5", "2027年2月5日", "2027年02月05日", "2027.2.5"])
def test_a_day_is_typed_as_offices_write_it(typed: str) -> None:
    assert forms.DateField().clean(typed) == date(2027, 2, 5)


def test_an_english_day_is_shown_as_everywhere_in_the_office() -> None:
    moment = datetime(2026, 11, 27, 16, 19, tzinfo=clock.WUHAN)
    with translation.override("en"):
        assert date_format(moment, "DATETIME_FORMAT") == "2026-11-27 16:19"
        assert date_format(moment.date(), "DATE_FORMAT") == "2026-11-27"


@pytest.mark.django_db
def test_the_head_of_the_office_says_what_its_links_do() -> None:
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(make_staff())
    page = client.get(reverse("admin:index")).content.decode()
    assert ">打开公众页面<" in page
    assert ">退出<" in page
    assert "查看站点" not in page
    assert "注销" not in page


def test_a_password_that_is_too_short_is_told_so_in_chinese() -> None:
    with pytest.raises(ValidationError) as refused:
        MinimumLengthValidator(10).validate("kurz")
    assert refused.value.messages == ["密码太短，至少要10个字符。"]


# Pages of Django's that the office has not: forgotten passwords, its own list of applications. The name of a language is
# written in it, and a choice that is none is refused by the form before the model speaks.
NOT_SHOWN = {
    "English",
    "%(model)s instance with %(field)s %(value)r is not a valid choice.",
    "Forgotten your login credentials?",
    "In case you’ve forgotten, you are:",
    "Model name",
    "Change or view list link",
}


def test_nothing_that_django_says_in_the_office_is_left_in_english() -> None:
    """Its catalogues come in English with every sentence, and in Chinese with most."""
    said = set()
    for folder in ("conf", "contrib/admin", "contrib/auth"):
        source = Path(django.__file__).parent / folder / "locale/en/LC_MESSAGES/django.po"
        written = source.read_text(encoding="utf-8")
        entries = re.findall(r'^(msgctxt .*\n)?msgid ((?:".*"\n)+)', written, re.MULTILINE)
        said |= {"".join(map(ast.literal_eval, text.split("\n")[:-1])) for context, text in entries if not context}
    assert len(said) > 300
    is_english = {text: translation.gettext(text) == text == translation.ngettext(text, text, 2) for text in said}
    assert {
        text for text in said if is_english[text] and re.search("[a-z]{3}", re.sub(r"%\(\w+\)", "", text))
    } == NOT_SHOWN

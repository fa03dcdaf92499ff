"""What Django says itself is said in our Chinese, in every form alike."""

from collections.abc import Iterator

import pytest
from django import forms
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.builders import make_staff


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    with translation.override("zh-hans"):
        yield


class Form(forms.Form):
    name = forms.CharField(max_length=150)
    code = forms.SlugField()
    number = forms.IntegerField(min_value=1)


def test_the_errors_of_forms_are_said_in_our_words() -> None:
    errors = Form({"name": "长" * 180, "code": "雨 伞", "number": 0}).errors
    assert errors["name"] == ["最多150个字，现在180个。"]
    assert errors["code"] == ["只能用英文字母、数字、下划线（_）和连字符（-）。"]
    assert errors["number"] == ["不能小于1。"]


@pytest.mark.django_db
def test_the_head_of_the_office_says_what_its_links_do() -> None:
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(make_staff())
    page = client.get(reverse("admin:index")).content.decode()
    assert ">打开公众页面<" in page
    assert ">退出<" in page
    assert "查看站点" not in page
    assert "注销" not in page

"""Signing in: at most five wrong tries reach the hasher, however many come at once and whatever name they give."""

import threading
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connections
from django.test import Client
from django.urls import reverse

from core import signing_in
from core.models import User
from tests.builders import make_staff
from tests.proving import counted, times

LOGIN = reverse("admin:login")
hashed: Counter[str] = Counter()


class CountingHasher(MD5PasswordHasher):
    """Counts what reaches it; quick, so that many tries fit into a test."""

    def encode(self, password: str, salt: str) -> str:
        hashed["all"] += 1
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def _counted(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["tests.core.test_signing_in.CountingHasher"]


def sign_in(name: str, password: str, **extra: Any) -> Any:
    return Client(**extra).post(LOGIN, {"username": name, "password": password, "next": reverse("admin:index")})


def refusal(answer: Any) -> str:
    return str(answer.context["form"].non_field_errors())


@pytest.mark.django_db
@pytest.mark.usefixtures("stopped_clock")
def test_the_right_password_signs_in_and_begins_the_count_anew() -> None:
    make_staff("li", password="right-password")
    for _round in range(3):
        for _try in range(signing_in.ON_ONE_ACCOUNT_FROM_ONE_ADDRESS.calls - 1):
            assert sign_in("li", "wrong").status_code == 200
        assert sign_in("li", "right-password").status_code == 302


@pytest.mark.django_db
@pytest.mark.usefixtures("stopped_clock")
def test_after_five_wrong_tries_even_the_right_password_waits_and_says_how_long() -> None:
    make_staff("li", password="right-password")
    hashed.clear()
    answers = [sign_in("li", "wrong") for _try in range(6)]
    assert hashed["all"] == 5
    last = sign_in("LI", "right-password")
    assert last.status_code == 200
    assert hashed["all"] == 5
    assert refusal(last) != refusal(answers[0])
    assert last.context["form"].non_field_errors().as_data()[0].code == "too_many_requests"
    # Another address is another pair: its owner is not kept out by a stranger's tries.
    assert sign_in("li", "right-password", REMOTE_ADDR="10.9.8.7").status_code == 302


@pytest.mark.django_db
@pytest.mark.usefixtures("stopped_clock")
def test_an_unknown_name_gets_the_same_words_and_costs_the_same_work() -> None:
    make_staff("li", password="right-password")
    said, work = [], []
    for name in ("li", "nobody"):
        hashed.clear()
        answers = [sign_in(name, "wrong") for _try in range(7)]
        said.append([refusal(answer) for answer in answers])
        work.append(hashed["all"])
    assert said[0] == said[1]
    assert work[0] == work[1] == 5
    counted("T12", "a known and an unknown name: same words, same work", tries=14, hashed_for_each=5)


@pytest.mark.django_db
def test_a_disabled_account_is_refused_in_the_same_words() -> None:
    make_staff("li", password="right-password")
    wrong = refusal(sign_in("li", "wrong"))
    User.objects.filter(username="li").update(is_active=False)
    assert refusal(sign_in("li", "right-password")) == wrong


@pytest.mark.django_db
def test_an_account_without_a_role_is_told_so_by_its_own_password_alone() -> None:
    make_staff("li", password="right-password")
    User.objects.filter(username="li").update(is_staff=False)
    assert "还没有工作角色" in refusal(sign_in("li", "right-password"))
    assert "角色" not in refusal(sign_in("li", "wrong"))


@pytest.mark.django_db
def test_a_session_of_an_account_that_was_disabled_ends_with_the_next_request() -> None:
    user = make_staff("li")
    client = Client()
    client.force_login(user)
    assert client.get(reverse("admin:index")).status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(reverse("admin:index")).status_code == 302


@pytest.mark.django_db
def test_signing_in_gives_the_session_another_key() -> None:
    make_staff("li", password="right-password")
    client = Client()
    client.get(LOGIN)
    session = client.session
    session["planted"] = "x"
    session.save()
    client.cookies["sessionid"] = planted = session.session_key or ""
    client.post(LOGIN, {"username": "li", "password": "right-password"})
    assert client.cookies["sessionid"].value != planted


def racing(tries: int) -> int:
    """How many of `tries` wrong sign-ins at the same moment reach the hasher."""
    hashed.clear()
    together = threading.Barrier(tries)

    def one() -> None:
        try:
            together.wait()
            sign_in("li", "wrong")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _each in range(tries)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return hashed["all"]


@pytest.mark.usefixtures("transactional_db")
def test_of_many_wrong_tries_at_once_five_reach_the_hasher() -> None:
    make_staff("li")
    tries = times(40, 200)
    reached = racing(tries)
    assert reached == 5
    counted("T12", "wrong sign-ins at the same moment", tries=tries, reached_the_hasher=reached)


@pytest.mark.django_db
@pytest.mark.usefixtures("stopped_clock")
def test_one_address_tries_a_hundred_names_and_no_more() -> None:
    """Whoever goes through a list of names meets the counter of his address, whether the names exist or not."""
    for number in range(0, 140, 7):
        make_staff(f"clerk-{number}")
    hashed.clear()
    for number in range(140):
        sign_in(f"clerk-{number}", "wrong")
    assert hashed["all"] == signing_in.FROM_ONE_ADDRESS.calls
    counted("T12", "names tried from one address", tries=140, reached_the_hasher=hashed["all"])


@pytest.mark.django_db
@pytest.mark.usefixtures("stopped_clock")
def test_many_addresses_together_try_one_account_twenty_times() -> None:
    make_staff("li")
    hashed.clear()
    for number in range(60):
        sign_in("li", "wrong", REMOTE_ADDR=f"10.0.0.{number}")
    assert hashed["all"] == signing_in.ON_ONE_ACCOUNT.calls
    counted("T12", "addresses that try one account", tries=60, reached_the_hasher=hashed["all"])


@pytest.mark.usefixtures("transactional_db")
def test_without_the_counter_all_of_them_would(monkeypatch: pytest.MonkeyPatch) -> None:
    make_staff("li")
    monkeypatch.setattr("core.limits.enforce", lambda *_args, **_kwargs: None)
    assert racing(20) == 20
    counted("T12", "the same without the counter (control)", tries=20, reached_the_hasher=20)


@pytest.mark.django_db
def test_whoever_is_switched_off_while_at_work_reads_why_the_page_asks_for_a_name() -> None:
    li, browser = make_staff("li"), Client()
    browser.force_login(li)
    said = "账号已经停用"
    assert said not in browser.get(LOGIN, follow=True).content.decode()
    li.is_active = False
    li.save()
    assert said in browser.get(reverse("admin:index"), follow=True).content.decode()
    assert said not in Client().get(reverse("admin:index"), follow=True).content.decode()

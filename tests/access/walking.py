"""Walking the matrix: every question is asked, and the result is recorded."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

from django.contrib import admin
from django.test import Client

from tests.access.asking import Answer, altered, ask, everything, leaks, rolled_back, written
from tests.access.doors import Case, admin_cases, autocomplete_cases, row_cases
from tests.access.table import ROWS
from tests.access.world import OWN, World
from tests.proving import IS_FULL, counted

__all__ = ["Findings", "browser", "cases", "quiet", "thinned", "walk"]


@dataclass
class Findings:
    """What a walk found. Each list names door and key; unless all of them are empty, something is wrong."""

    cases: int = 0
    answers: int = 0
    leaks: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    def __add__(self, other: "Findings") -> "Findings":
        return Findings(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def take(self, case: Case, answer: Answer, canaries: frozenset[str]) -> Answer:
        """Record what the answer to a question gives away, and what it lacks."""
        where = f"{case.door} {case.asked.about}"
        self.cases += 1
        self.answers += 1
        self.leaks += [f"{where}: {canary}" for canary in leaks(answer, canaries)]
        self.lacking += [f"{where}: {each}" for each in answer.lacking]
        if answer.status >= 500:
            self.faults.append(f"{where}: {answer.status}")
        return answer

    def compare(self, case: Case, answer: Answer, missing: Answer) -> None:
        if answer.is_told_from(missing):
            self.differences.append(
                f"{case.door} {case.asked.about}: {answer.status}, of a missing one {missing.status}"
            )

    def count(self, what: str, *, threat: str = "T11") -> None:
        """Tell `make proof` what was asked and found."""
        numbers = {each.name: getattr(self, each.name) for each in fields(self)}
        counted(threat, what, **{name: each if isinstance(each, int) else len(each) for name, each in numbers.items()})

    @property
    def all(self) -> list[str]:
        return [*self.leaks, *self.differences, *self.altered, *self.faults, *self.lacking]


def browser(world: World, account: str) -> Client:
    """A browser in which `account` is signed in."""
    client = Client(raise_request_exception=False, headers={"accept-language": "zh-CN"})
    if account != "anonymous":
        client.force_login(world.users[account])
    return client


def cases(world: World, account: str) -> dict[str, list[Case]]:
    """All questions of `account`, grouped by what they are asked of."""
    asked = {model._meta.label: list(admin_cases(world, account, model)) for model in admin.site._registry}
    asked |= {pattern: list(row_cases(world, account, pattern)) for pattern, row in ROWS.items() if row.kind != "keyed"}
    return asked | {"autocompletes": list(autocomplete_cases())}


def thinned(asked: Sequence[Case], account: str) -> list[Case]:
    """A part of the questions, the same in every run: at every second door about one row, and every tenth of the others.

    Each account begins elsewhere, so that one asks what another leaves out: four of the eight ask at each door.
    """
    if IS_FULL:
        return list(asked)
    turn = list(OWN).index(account)
    doors: dict[str, list[Case]] = {}
    for case in asked:
        if case.missing is not None:
            doors.setdefault(case.door, []).append(case)
    chosen = [
        rows[(turn + number) // 2 % len(rows)] for number, rows in enumerate(doors.values()) if (turn + number) % 2
    ]
    others = [case for case in asked if case.missing is None]
    return chosen + [case for number, case in enumerate(others) if (number + turn) % 10 == 0 or len(others) < 8]


@contextmanager
def quiet() -> Iterator[None]:
    """Without the log lines of thousands of refusals."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def walk(asked: Sequence[Case], *, world: World, account: str, canaries: frozenset[str] | None = None) -> Findings:
    """Let `account` ask all of `asked`, and undo the effects. `canaries`: what it must not meet, if not everything foreign.

    Nothing at all may be altered, except by questions that also concern one's own rows (`Case.may_change_own`).
    """
    client, forbidden = browser(world, account), canaries or world.canaries(account)
    careful = [case for case in asked if not case.may_change_own]
    found = _walked(careful, client=client, canaries=forbidden)
    for case in asked:
        if case.may_change_own:
            found += _tried(case, client=client, canaries=forbidden, world=world, account=account)
    return found


def _walked(asked: Sequence[Case], *, client: Client, canaries: frozenset[str]) -> Findings:
    found, twins = Findings(), dict[str, Answer]()
    with rolled_back(), quiet():
        before = everything()
        for case in asked:
            answer = found.take(case, ask(client, case.asked), canaries)
            if case.missing is not None:
                if f"{case.missing}" not in twins:
                    twins[f"{case.missing}"] = ask(client, case.missing)
                    found.answers += 1
                found.compare(case, answer, twins[f"{case.missing}"])
        found.altered += [" ".join(row) for row in sorted(altered(before, everything()))]
    return found


def _tried(case: Case, *, client: Client, canaries: frozenset[str], world: World, account: str) -> Findings:
    """Ask one question that may change one's own rows."""
    found, names = Findings(), world.names(account)
    with rolled_back(), quiet():
        before = everything()
        answer = found.take(case, ask(client, case.asked), canaries)
        for row in sorted(altered(before, everything())):
            # A new row, such as an event of the trail, counts as one's own if it contains nothing foreign.
            is_new = row not in before
            if row in world.foreign_rows(account) or (is_new and any(name in written(*row) for name in names)):
                found.altered.append(f"{case.door}: {' '.join(row)}")
    if case.missing is not None:
        with rolled_back(), quiet():
            found.answers += 1
            found.compare(case, answer, ask(client, case.missing))
    return found

"""What a courier and an order are called at the counter."""

from dataclasses import dataclass
from datetime import datetime

from couriers import privacy
from couriers.models import Courier
from points.models import QueuePlace, Redemption

__all__ = ["Caller", "Person", "person"]

_ICONS = {"active": "done", "unverified": "unknown", "blocked": "locked", "erased": "closed"}


@dataclass(frozen=True, slots=True)
class Person:
    """张* 1234: as much about a person as a counter needs."""

    name: str
    last_four: str
    status: str
    status_text: str
    icon: str

    @property
    def is_met(self) -> bool:
        return self.status == Courier.Status.ACTIVE

    @property
    def is_blocked(self) -> bool:
        return self.status == Courier.Status.BLOCKED

    @property
    def needs_meeting(self) -> bool:
        return self.status == Courier.Status.UNVERIFIED


def person(courier: Courier) -> Person:
    return Person(
        name=privacy.masked(courier).name, last_four=courier.code[-4:], status=courier.status,
        status_text=str(courier.get_status_display()), icon=_ICONS.get(courier.status, "unknown"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """A courier who waits at the cabinet."""

    number: int
    person: Person
    redemption: Redemption
    minutes: int

    @classmethod
    def of(cls, place: QueuePlace, *, at: datetime) -> "Caller":
        waits_s = (at - place.joined_at).total_seconds()
        return cls(place.number, person(place.redemption.courier), place.redemption, max(0, int(waits_s // 60)))

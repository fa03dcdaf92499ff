"""What a line of a statement says in words: what happened, why, and where. The office and the courier read the same."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from points.models import Account, Award, Entry, Posting, Redemption

__all__ = ["Told", "entries_of", "told"]

_BEHIND = (
    "posting__award__district", "posting__award__rule", "posting__reversal",
    "posting__redemption_ordered__gift", "posting__redemption_ordered__station",
    "posting__reverses__award__district", "posting__reverses__award__rule",
    "posting__reverses__redemption_ordered__gift", "posting__reverses__redemption_ordered__station",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in words, and the award or the redemption behind it; for a reversal, behind the posting it took back."""

    what: str
    why: str
    where: str
    award: Award | None
    redemption: Redemption | None
    is_taken_back: bool


def entries_of(account: Account | None) -> QuerySet[Entry]:
    """What moved on an account, newest first, with everything that `told` needs. If there is no account, nothing."""
    return Entry.objects.filter(account=account).select_related(*_BEHIND).order_by("-seq")


def told(entry: Entry) -> Told:
    posting: Any = entry.posting
    origin: Any = posting.reverses if posting.kind == Posting.Kind.REVERSAL else posting
    award, redemption = getattr(origin, "award", None), getattr(origin, "redemption_ordered", None)
    where, why = "", posting.reason or posting.source
    if award is not None:
        where = award.district.label
        why = why if not award.rule_id else f"{award.get_action_display()} {award.matter}"
    elif redemption is not None:
        where = redemption.station.name
        why = " ".join(filter(None, [redemption.gift.label, posting.reason]))
    what = str(posting.get_kind_display())
    if origin is not posting:
        what = _("{what}, taken back").format(what=origin.get_kind_display())
        if award is not None and award.rule_id:
            why = f"{why} {posting.reason}".strip()
    return Told(
        what=what,
        why=why,
        where=where,
        award=award,
        redemption=redemption,
        is_taken_back=hasattr(posting, "reversal"),
    )

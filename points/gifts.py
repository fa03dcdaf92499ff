"""The gifts of a district: put on its list, changed, priced, shown. None is deleted, since the ledger refers to them."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from core import audit, clock
from core.errors import InvalidValue
from core.images import CleanPhoto
from core.models import User
from points.models import Gift, GiftPrice
from stations import access
from stations.models import Division, Duty

__all__ = ["change", "load", "register", "remove_photo", "set_photo", "set_price"]

FOLDER = "gifts"
_FILE = Path(__file__).resolve().parent / "data" / "gifts.json"


def _told(gift: Gift) -> dict[str, Any]:
    """What the trail records about a gift."""
    return {
        "name": gift.name,
        "name_en": gift.name_en,
        "is_offered": gift.is_offered,
        "most_a_month": gift.most_a_month,
    }


@transaction.atomic
def register(
    *, code: str, district: Division, name: str, name_en: str = "", is_offered: bool = True,
    most_a_month: int | None = None, actor: User | str, at: datetime,
) -> Gift:  # fmt: skip
    """Put a gift on a district's list. It can be ordered once it has a price.

    Raises: InvalidValue unless it is a district; ValidationError; what `access.require` does.
    """
    if district.level != Division.Level.DISTRICT:
        raise InvalidValue("district", _("Give a district: gifts are kept by districts."), value=district.code)
    access.require(actor, Duty.MANAGE, divisions=[district.code])
    gift = Gift(
        code=code, division=district, name=name, name_en=name_en, is_offered=is_offered, most_a_month=most_a_month
    )
    gift.full_clean()
    gift.save()
    data = {"division": district.code, **_told(gift)}
    audit.record("gift.registered", subject=("gift", gift.code), actor=actor, at=at, data=data)
    return gift


@transaction.atomic
def change(
    *, gift: Gift, name: str, name_en: str, is_offered: bool, most_a_month: int | None, actor: User | str, at: datetime
) -> Gift:
    """Rename a gift, take it off the list or back on, or limit how many one courier gets in a month.

    Raises: ValidationError; what `access.require` does.   Locks: Gift.
    """
    gift = Gift.objects.select_for_update(no_key=True).get(pk=gift.pk)
    access.require(actor, Duty.MANAGE, divisions=[str(gift.division_id)])
    before = _told(gift)
    gift.name, gift.name_en, gift.is_offered, gift.most_a_month = name, name_en, is_offered, most_a_month
    gift.full_clean()
    gift.save()
    after = _told(gift)
    changed = {fact: {"before": before[fact], "after": after[fact]} for fact in before if before[fact] != after[fact]}
    if changed:
        audit.record("gift.changed", subject=("gift", gift.code), actor=actor, at=at, data={"changed": changed})
    return gift


@transaction.atomic
def set_price(*, gift: Gift, points: int, valid_from: date, actor: User | str, at: datetime) -> GiftPrice:
    """Set what a gift costs in points from a day on, until the next price that is ahead begins. The price in force on that
    day ends the day before; one that begins on that day gives way.

    Raises: InvalidValue where the day is past and the gift has a price already, or is today and somebody has ordered at the
    price that began today; ValidationError where the price cannot be;
    what `access.require` does.   Locks: Gift.
    """
    gift = Gift.objects.select_for_update(no_key=True).get(pk=gift.pk)
    access.require(actor, Duty.MANAGE, divisions=[str(gift.division_id)])
    today = clock.local_date(at)
    if valid_from < today and gift.prices.exists():
        raise InvalidValue(
            "valid_from",
            _("A new price begins on {today} or later: what was ordered keeps its price.").format(today=today),
            value=valid_from,
        )
    # There is no gap between prices, so the last one that began by then is still in force.
    before = gift.prices.filter(valid_from__lte=valid_from).order_by("-valid_from").first()
    following = gift.prices.filter(valid_from__gt=valid_from).order_by("valid_from").first()
    if before is not None and before.valid_from == valid_from:
        if gift.redemptions.filter(ordered_at__gte=clock.local_midnight(valid_from)).exists():
            raise InvalidValue(
                "valid_from",
                _("Somebody has ordered at {points} points today. Let the new price begin on {day} or later.").format(
                    points=before.points, day=today + timedelta(days=1)
                ),
                value=valid_from,
            )
        gift.prices.filter(pk=before.pk).delete()
    elif before is not None:
        before.valid_through = valid_from - timedelta(days=1)
        before.save(update_fields=["valid_through"])
    price = GiftPrice(gift=gift, points=points, valid_from=valid_from)
    if following is not None:
        price.valid_through = following.valid_from - timedelta(days=1)
    price.full_clean()
    price.save()
    data = {"points": {"before": before and before.points, "after": points}}
    audit.record(
        "gift.priced", subject=("gift", gift.code), actor=actor, at=at,
        data={"changed": data, "valid_from": valid_from.isoformat()},
    )  # fmt: skip
    return price


# ── Photos ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def set_photo(*, gift: Gift, photo: CleanPhoto, actor: User | str, at: datetime) -> Gift:
    """Replace the gift's photo with a picture that `core.images.clean_photo` has redrawn.

    Raises: what `access.require` does.   Locks: Gift.
    """
    name = default_storage.save(f"{FOLDER}/{photo.name}", ContentFile(photo.content))
    try:
        return _replace_photo(gift, name, actor=actor, at=at)
    except BaseException:
        default_storage.delete(name)
        raise


@transaction.atomic
def remove_photo(*, gift: Gift, actor: User | str, at: datetime) -> Gift:
    """Take the gift's photo away.   Raises: what `access.require` does.   Locks: Gift."""
    return _replace_photo(gift, "", actor=actor, at=at)


def _replace_photo(gift: Gift, name: str, *, actor: User | str, at: datetime) -> Gift:
    gift = Gift.objects.select_for_update(no_key=True).get(pk=gift.pk)
    access.require(actor, Duty.MANAGE, divisions=[str(gift.division_id)])
    before = gift.photo.name or ""
    if before == name:
        return gift
    gift.photo = name
    gift.save(update_fields=["photo"])
    changed = {"photo": {"before": before, "after": name}}
    audit.record("gift.changed", subject=("gift", gift.code), actor=actor, at=at, data={"changed": changed})
    if before:
        # Only once the change is committed: a page being read still shows the old one.
        transaction.on_commit(lambda: default_storage.delete(before))
    return gift


# ── The gifts of the articles ───────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def load(*, district: Division, valid_from: date, actor: User | str, at: datetime) -> list[Gift]:
    """Put those of the articles' six gifts that are missing on a district's list, with their prices, and return them.

    What staff have changed stays, and a second run adds nothing.
    Raises: what `register` does.   Source: points/data/gifts.json, which names its own.
    """
    rows: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["gifts"]
    letters = district.letters.lower()
    known = set(Gift.objects.filter(division=district).values_list("code", flat=True))
    loaded = []
    for row in rows:
        code = f"{letters}-{row['code']}"
        if code in known:
            continue
        gift = register(
            code=code, district=district, name=row["name"], name_en=row["name_en"], actor=actor, at=at
        )  # fmt: skip
        set_price(gift=gift, points=row["points"], valid_from=valid_from, actor=actor, at=at)
        loaded.append(gift)
    return loaded

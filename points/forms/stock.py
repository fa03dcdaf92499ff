"""What is done with the gifts in a cabinet: a form and a sentence for each step."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from points import ledger, low_stock, stock
from points.errors import CountUnwitnessed, OutOfStock, PostingReasonMissing, ReceivedAlready
from points.forms.once import OnceForm
from points.models import Gift, Receipt
from stations.models import Station

__all__ = ["STEPS", "StockForm", "do_step"]


class StockForm(OnceForm):
    """What all the steps have in common: the cabinet."""

    station = forms.ModelChoiceField(label=_("station"), queryset=Station.objects.none())

    def __init__(self, *args: Any, stations: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.ModelChoiceField):
                field.queryset = stations


class ReceiveForm(StockForm):
    pieces = forms.IntegerField(label=_("pieces"), min_value=1, max_value=ledger.MOST)
    document_no = forms.CharField(label=_("document no."), max_length=40)
    unit_price_cny = forms.DecimalField(label=_("price of one (CNY)"), min_value=0, max_digits=8, decimal_places=2)
    funding = forms.ChoiceField(label=_("paid by"), choices=Receipt.Funding)
    donor = forms.CharField(label=_("donor"), max_length=80, required=False, help_text=_("of a donation only"))
    is_more = forms.BooleanField(label=_("more came under the same number"), required=False)
    said_at: ClassVar[Mapping[type[DomainError], str]] = {ReceivedAlready: "is_more"}
    folded = ("is_more",)
    folded_label = _("This number was booked before, and more has come")

    def clean_document_no(self) -> str:
        """The same number, whether typed in full or half width."""
        return " ".join(unicodedata.normalize("NFKC", self.cleaned_data["document_no"]).split())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "funding" in cleaned and (cleaned["funding"] == Receipt.Funding.DONATION) != bool(cleaned.get("donor")):
            self.add_error("donor", gettext("A donation names its donor, and nothing else does."))
        return cleaned


class MoveForm(StockForm):
    station = forms.ModelChoiceField(label=_("from the station"), queryset=Station.objects.none())
    target = forms.ModelChoiceField(
        label=_("to the station"), queryset=Station.objects.none(),
        help_text=_("A cabinet that never held anything takes its first pieces by “Receive”, there."),
    )  # fmt: skip
    pieces = forms.IntegerField(label=_("pieces"), min_value=1, max_value=ledger.MOST)
    said_at: ClassVar[Mapping[type[DomainError], str]] = {OutOfStock: "pieces"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("station") and cleaned.get("station") == cleaned.get("target"):
            self.add_error("target", gettext("Choose another station than the one they come from."))
        return cleaned


class CountForm(StockForm):
    found = forms.IntegerField(
        label=_("pieces found"), min_value=0, max_value=ledger.MOST,
        help_text=_("those set aside for orders not counted"),
    )  # fmt: skip
    witness = forms.CharField(label=_("watched by"), max_length=150, help_text=_("a second person, not you"))
    reason = forms.CharField(
        label=_("reason"), max_length=200, required=False, help_text=_("needed where the count differs from the books")
    )
    said_at: ClassVar[Mapping[type[DomainError], str]] = {
        PostingReasonMissing: "reason", CountUnwitnessed: "witness"
    }  # fmt: skip


class ScrapForm(StockForm):
    pieces = forms.IntegerField(label=_("pieces"), min_value=1, max_value=ledger.MOST)
    reason = forms.CharField(label=_("reason"), max_length=200)
    said_at: ClassVar[Mapping[type[DomainError], str]] = {OutOfStock: "pieces"}


class MarkForm(StockForm):
    pieces = forms.IntegerField(
        label=_("runs low below"), min_value=0, max_value=ledger.MOST, required=False,
        help_text=_("pieces; 0: it never runs low here; empty: take the mark back"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        station = self.fields["station"]
        assert isinstance(station, forms.ModelChoiceField)  # noqa: S101 - narrows the type
        station.required, station.empty_label = False, gettext("every station without a mark of its own")


STEPS: dict[str, tuple[type[StockForm], Any, Any]] = {
    "receive": (ReceiveForm, _("Receive"), _("A delivery is put into a station's cabinet.")),
    "move": (
        MoveForm,
        _("Move"),
        _("Pieces are carried from one cabinet to another of the district, and booked there at once."),
    ),
    "count": (
        CountForm,
        _("Count"),
        _("Count what is in the cabinet, and say what you found. A second person watches."),
    ),
    "scrap": (ScrapForm, _("Scrap"), _("What nobody can be given any more is taken out of the cabinet.")),
    "mark": (
        MarkForm,
        _("Set a mark"),
        _("Below so many pieces the gift runs low: it stands in the list, and the station's keepers are told once."),
    ),
}


def _left(gift: Gift, station: Station, posted: ledger.Posted) -> str:
    """What was on hand after the posting: a double tap shows the same."""
    return gettext("{gift} at {station}: {number} on hand now.").format(
        gift=gift.label, station=station.name, number=posted.balances[ledger.stock(gift, station)]
    )


def _receive(gift: Gift, said: dict[str, Any]) -> str:
    paper = {name: said.pop(name) for name in ("document_no", "unit_price_cny", "funding", "donor")}
    return _left(gift, said["station"], stock.receive(gift=gift, delivery=stock.Delivery(**paper), **said))


def _move(gift: Gift, said: dict[str, Any]) -> str:
    source, target = said.pop("station"), said["target"]
    posted = stock.move(gift=gift, source=source, **said)
    return f"{_left(gift, source, posted)} {_left(gift, target, posted)}"


def _scrap(gift: Gift, said: dict[str, Any]) -> str:
    return _left(gift, said["station"], stock.scrap(gift=gift, **said))


def _count(gift: Gift, said: dict[str, Any]) -> str:
    station = said["station"]
    difference = stock.count(gift=gift, **said).difference
    if not difference:
        return gettext("{gift} at {station}: {number} on hand, as in the books.").format(
            gift=gift.label, station=station.name, number=said["found"]
        )
    return gettext("{gift} at {station}: {number} on hand now; the difference of {difference} is in the books.").format(
        gift=gift.label, station=station.name, number=said["found"], difference=f"{difference:+d}"
    )


def _mark(gift: Gift, said: dict[str, Any]) -> str:
    said.pop("op_id")  # setting the same mark twice changes nothing
    low_stock.set_mark(gift=gift, **said)
    if said["pieces"] is None:
        return gettext("The mark is taken back.")
    return gettext("{gift} runs low below {number}.").format(gift=gift.label, number=said["pieces"])


_DO: dict[str, Callable[[Gift, dict[str, Any]], str]] = {
    "receive": _receive,
    "move": _move,
    "count": _count,
    "scrap": _scrap,
    "mark": _mark,
}


def do_step(step: str, gift: Gift, said: dict[str, Any]) -> str:
    """Do it, in the caller's transaction; return the sentence that says what is there now. A second tap gets the same."""
    return _DO[step](gift, said)

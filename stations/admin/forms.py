"""The form of one station: everything a clerk knows about it on one page, in the words of an office."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AdminTimeWidget
from django.db.models import Prefetch
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import OwnRowsFormSet
from core.errors import sentences
from core.typed import ClockField, PhotoField
from stations import registering
from stations.access import Scope
from stations.admin.widgets import GroupedCheckboxes
from stations.errors import HoursContradictory, StationBound
from stations.geo import (
    Crs,
    Point,
    PositionDoubt,
    PositionUnreadable,
    doubt_of_position,
    from_wgs84,
    parse_position,
    to_wgs84,
)
from stations.hours import DatedException, Period
from stations.hours_text import format_zh, parse_hours
from stations.importing.fields import Unread, read_phone
from stations.models import (
    Amenity,
    Division,
    HoursException,
    HoursPeriod,
    Station,
    StationAmenity,
    StationOrganisation,
)
from stations.registering import StationFacts

__all__ = [
    "ExceptionForm",
    "ExceptionFormSet",
    "HoursFormSet",
    "OrganisationForm",
    "PeriodForm",
    "StationForm",
    "amenity_choices",
]

PLAIN_FACTS = (
    "name", "tier", "zone", "address", "floor", "directions", "area_m2", "seats", "phone", "opened_on",
    "amenities_text", "hours_text",
)  # fmt: skip
EXCEPTION_FIELDS = ("starts_on", "ends_on", "opens", "closes", "entry_mode", "reason")
LONG = forms.TextInput(attrs={"class": "vTextField"})
MADE_UP = "[演示]"
CLOSED = "休息"  # what stands for the hours of a season that has none


def division_choices(scope: Scope, present: str = "") -> list[tuple[str, list[tuple[str, str]] | str]]:
    """The districts as groups, in each the district itself (for a station whose subdistrict is not known) and its parts.

    It offers what is in `scope` or holds a part of it, and where the station is at `present`.
    """

    def is_offered(code: str) -> bool:
        return (
            code == present or scope.covers_division(code) or any(prefix.startswith(code) for prefix in scope.prefixes)
        )

    children = Prefetch("children", Division.objects.filter(level=Division.Level.SUBDISTRICT).order_by("code"))
    choices: list[tuple[str, list[tuple[str, str]] | str]] = [("", "---------")]
    for district in Division.objects.districts().prefetch_related(children):
        offered = [(child.code, child.label) for child in district.children.all() if is_offered(child.code)]
        if district.code == present or scope.covers_division(district.code):
            offered.append(
                (district.code, gettext("{district} (subdistrict not known)").format(district=district.label))
            )
        if offered:
            choices.append((district.label, offered))
    return choices


def amenity_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Amenities, grouped into equipment and services, each with the tier from which it is expected."""
    groups: dict[str, list[tuple[str, str]]] = {str(label): [] for label in Amenity.Kind.labels}
    hints = {
        3: gettext("every tier"),
        2: gettext("tiers 1 and 2"),
        1: gettext("tier 1"),
    }
    for amenity in Amenity.objects.all():
        hint = hints.get(amenity.expected_from_tier or 0, "")
        label = f"{amenity.label} · {hint}" if hint else amenity.label
        groups[str(amenity.get_kind_display())].append((amenity.code, label))
    return list(groups.items())


class StationForm(forms.ModelForm[Station]):
    """All facts of a station except its hours and organisations, which are in rows below.

    `scope` is where its user may manage stations; the admin sets it for each request.
    """

    scope: ClassVar[Scope] = Scope()

    place = forms.ChoiceField(label=_("district and subdistrict"))
    neighbourhood = forms.CharField(
        label=_("neighbourhood"), max_length=50, required=False, help_text=_("such as 武车社区; empty if not known")
    )
    other_names = forms.CharField(
        label=_("other names"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text=_("former names and other wordings, one a line; couriers find the station by them too"),
    )
    position = forms.CharField(
        label=_("position"),
        required=False,
        max_length=2000,
        widget=LONG,
        help_text=_("two numbers, or a share link of 高德, 腾讯 or 百度 pasted whole; empty: no position yet"),
    )
    position_crs = forms.ChoiceField(
        label=_("the numbers come from"),
        required=False,
        choices=[("", "---------"), *Station.Crs.choices],
        help_text=_("a link says it by itself; the wrong one puts the station 500 m off"),
    )
    position_is_right = forms.BooleanField(
        label=_("The position is right all the same"), required=False, help_text=_("tick only after looking at a map")
    )
    # Not named like the model's field: that one goes through a table of its own, which admin forms do not accept.
    amenity_codes = forms.MultipleChoiceField(label=_("amenities"), required=False, widget=GroupedCheckboxes)
    new_photo = PhotoField(
        label=_("new photo"),
        required=False,
        help_text=_("of the door, JPEG, PNG or WebP up to 8 MB; place and time written in the file are removed"),
    )
    remove_photo = forms.BooleanField(label=_("take the photo away"), required=False)
    wanted_status = forms.ChoiceField(
        label=_("change status"),
        required=False,
        choices=[
            ("", _("leave as it is")),
            ("published", _("publish: couriers see it")),
            ("suspended", _("suspend for a while")),
            ("closed", _("close for good")),
        ],
    )
    reason = forms.CharField(
        label=_("reason"),
        required=False,
        max_length=120,
        widget=LONG,
        help_text=_("needed to suspend or close; couriers read it"),
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Station
        fields = PLAIN_FACTS
        widgets = {
            "name": LONG,
            "address": LONG,
            "directions": forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
            "amenities_text": LONG,
            "hours_text": LONG,
            "opened_on": AdminDateWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.doubt: PositionDoubt | None = None
        self.facts = StationFacts()
        # Shown only when there is something to ask.
        self._field("position_is_right").widget = forms.HiddenInput()
        station = self.instance
        present = str(station.division_id)[:9] if station.pk is not None else ""
        self._field("place").choices = division_choices(self.scope, present)
        self._field("amenity_codes").choices = amenity_choices()
        for field in self.fields.values():
            field.label = capfirst(str(field.label))
        if not station.photo:
            self._field("remove_photo").widget = forms.HiddenInput()
        if station.pk is None:
            self._field("wanted_status").choices = [
                ("", _("keep as a draft")),
                ("published", _("publish: couriers see it")),
            ]
            return
        self.initial.update(self._initial_of(station))

    def _field(self, name: str) -> Any:
        return self.fields[name]

    @staticmethod
    def _initial_of(station: Station) -> dict[str, Any]:
        division = station.division
        is_neighbourhood = division.level == Division.Level.NEIGHBOURHOOD
        initial: dict[str, Any] = {
            "place": division.parent_id if is_neighbourhood else division.code,
            "neighbourhood": division.name if is_neighbourhood else "",
            "other_names": "\n".join(station.aliases),
            "amenity_codes": list(StationAmenity.objects.filter(station=station).values_list("amenity_id", flat=True)),
            "seen_version": station.version,
        }
        if station.latitude is not None and station.longitude is not None:
            shown = from_wgs84(Point(station.latitude, station.longitude), Crs(station.entered_crs))
            initial["position"] = f"{shown.latitude:.6f}, {shown.longitude:.6f}"
            initial["position_crs"] = station.entered_crs
        return initial

    def clean_other_names(self) -> list[str]:
        names = [" ".join(name.split()) for name in re.split(r"[\n,，;；、]", self.cleaned_data["other_names"])]
        for name in names:
            if len(name) > 80:
                raise forms.ValidationError(
                    _("A name has at most 80 characters: %(name)s…"), params={"name": name[:20]}
                )
        return list(dict.fromkeys(filter(None, names)))

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.instance.is_made_up and not name.startswith(MADE_UP):
            raise forms.ValidationError(_("A made-up station's name begins with [演示]."))
        return name

    def clean_phone(self) -> str:
        """As in lists, but with mobile numbers: whoever enters one here knows whose it is. An unchanged field stays as it is."""
        phone: str = self.cleaned_data["phone"]
        if not phone or "phone" not in self.changed_data:
            return phone
        try:
            return read_phone(phone, takes_mobiles=True)
        except Unread as unread:
            raise forms.ValidationError(sentences(unread.reason, unread.way_out)) from unread

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk is not None and cleaned.get("seen_version") != self.instance.version:
            raise forms.ValidationError(
                _("Somebody else changed this station meanwhile. Open it again and enter your change once more."),
                code="station_changed_meanwhile",
            )
        place = cleaned.get("place", "")
        if cleaned.get("neighbourhood") and len(place) < 9:
            self.add_error("place", _("Choose the subdistrict in which the neighbourhood lies."))
        self._clean_neighbourhood(cleaned, place)
        if self.instance.pk is not None and place and registering.bound_elsewhere({self.instance.pk: place[:6]}):
            self.add_error("place", str(StationBound()))
        position = self._clean_position(cleaned, place)
        self._clean_status(cleaned, has_position=position.get("latitude") is not None)
        self.facts = StationFacts(
            **{name: cleaned[name] for name in PLAIN_FACTS if name in cleaned},  # type: ignore[typeddict-item]
            **position,
            aliases=cleaned.get("other_names", []),
            amenities=cleaned.get("amenity_codes", []),
        )
        return cleaned

    def _clean_neighbourhood(self, cleaned: dict[str, Any], place: str) -> None:
        """Staff who keep neighbourhoods, not the whole subdistrict, must name one of their own."""
        if not place or self.scope.covers_division(place) or not {"place", "neighbourhood"} & set(self.changed_data):
            return
        own = [node for node in self.scope.divisions() if node.parent_id == place]
        names = {name for node in own for name in (node.name, node.short_name)}
        if cleaned.get("neighbourhood", "").strip() not in names:
            self.add_error(
                "neighbourhood",
                _("Your account keeps {places} here. Give one of them.").format(
                    places=gettext(", ").join(node.name for node in own) or "—"
                ),
            )

    def _clean_position(self, cleaned: dict[str, Any], place: str) -> StationFacts:
        """The position as WGS-84.  Nothing if the two fields were left as they were, so that no digit changes."""
        text, crs_given = cleaned.get("position", "").strip(), cleaned.get("position_crs", "")
        if not {"position", "position_crs", "place"} & set(self.changed_data):
            return self._position_kept()
        if not text:
            return StationFacts(latitude=None, longitude=None, entered_crs="")
        try:
            found = parse_position(text)
        except PositionUnreadable as refusal:
            self.add_error("position", str(refusal.detail))
            return StationFacts()
        if found is None:
            self.add_error(
                "position", _("There is no position in this. Paste two numbers, or a share link of a map app.")
            )
            return StationFacts()
        crs = found.crs or (Crs(crs_given) if crs_given else None)
        if crs is None:
            self.add_error("position_crs", _("Say which map the numbers come from: maps in China are 500 m apart."))
            return StationFacts()
        if not {"position", "position_crs"} & set(self.changed_data):
            facts = self._position_kept()
        else:
            point = to_wgs84(found.point, crs)
            facts = StationFacts(
                latitude=round(point.latitude, 7), longitude=round(point.longitude, 7), entered_crs=str(crs)
            )
        self.doubt = doubt_of_position(found.point, crs, place) if place else None
        if self.doubt is not None:
            self._field("position_is_right").widget = forms.CheckboxInput()
        if self.doubt is not None and not cleaned.get("position_is_right"):
            self.add_error("position", _worded(self.doubt))
        return facts

    def _position_kept(self) -> StationFacts:
        station = self.instance
        return StationFacts(latitude=station.latitude, longitude=station.longitude, entered_crs=station.entered_crs)

    def _clean_status(self, cleaned: dict[str, Any], *, has_position: bool) -> None:
        wanted = cleaned.get("wanted_status")
        if wanted in ("suspended", "closed") and not cleaned.get("reason", "").strip():
            self.add_error("reason", _("Say why, in a few words that couriers may read."))
        if wanted == "published" and not (cleaned.get("address") or cleaned.get("directions") or has_position):
            self.add_error(
                "address", _("Give an address, directions or a position first, so that couriers can find it.")
            )


def _worded(doubt: PositionDoubt) -> str:
    names = dict(Division.objects.districts().values_list("code", "name"))
    lies_in = names.get(doubt.lies_in or "", gettext("outside the city"))
    if doubt.kind is PositionDoubt.Kind.OTHER_DATUM:
        return gettext(
            "Read like this it lies in {place}; read as {crs} it would lie in the right district. "
            "Choose {crs} as the origin of the numbers, or tick “right all the same”."
        ).format(place=lies_in, crs=Station.Crs(str(doubt.crs)).label)
    return gettext(
        "This position lies in {place}, not in the district above. Check both, or tick “right all the same”."
    ).format(place=lies_in)


# ── Hours ───────────────────────────────────────────────────────────────────────────────────────────────────────────

EXAMPLES = _(
    "Write it as on the door: “周一至周五8:30-17:30，周末9:00-16:00”, “每天8:00-12:00、14:00-20:00”, “24小时(扫码)”, "
    "“工作日9:00-17:00，节假日休息”. Behind times when nobody is at the door write (扫码), (刷卡) or (密码)."
)


def in_words(period: Period) -> str:
    """Its hours as an office writes them, without the dates, which have fields of their own."""
    undated = replace(period, valid_from=None, valid_through=None, repeats_yearly=False, name="")
    return format_zh([undated]) or CLOSED


class PeriodForm(forms.ModelForm[HoursPeriod]):
    """One period of the calendar with its hours in the words of an office."""

    hours = forms.CharField(
        label=_("opening hours"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text=EXAMPLES,
    )

    class Meta:
        model = HoursPeriod
        fields = ("name", "valid_from", "valid_through", "repeats_yearly")
        widgets = {"valid_from": AdminDateWidget, "valid_through": AdminDateWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.periods: tuple[Period, ...] = ()
        self.kept: Period | None = None
        if self.instance.pk is not None:
            self.kept = self.instance.as_period
            self.initial["hours"] = in_words(self.kept)

    def validate_constraints(self) -> None:
        """The rows replace the old ones all at once, so they are validated together (`HoursFormSet.clean`)."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        dates = {
            "valid_from": cleaned.get("valid_from"),
            "valid_through": cleaned.get("valid_through"),
            "repeats_yearly": bool(cleaned.get("repeats_yearly")),
            "name": cleaned.get("name", ""),
        }
        has_dates = bool(dates["valid_from"] or dates["valid_through"] or dates["repeats_yearly"])
        if self.kept is not None and "hours" not in self.changed_data:
            self.periods = (replace(self.kept, **dates),)
            return cleaned
        text = cleaned.get("hours", "").strip()
        if not text:
            self.add_error("hours", _("Write the hours, or tick delete."))
            return cleaned
        if has_dates and text in (CLOSED, "关闭", "不开放", "closed"):
            self.periods = (Period(spans=(), **dates),)
            return cleaned
        read = parse_hours(text)
        if not read.is_read:
            reason = sentences(*read.doubts)
            self.add_error(
                "hours",
                gettext("This could not be read, so nothing was guessed. {reason} Write it like the examples.").format(
                    reason=reason
                ),
            )
            return cleaned
        is_plain = len(read.periods) == 1 and not _is_dated(read.periods[0])
        if is_plain:
            self.periods = (replace(read.periods[0], **dates),)
        elif has_dates:
            self.add_error("hours", _("The dates stand in the text and in the fields. Give them once."))
        else:
            self.periods = read.periods
        return cleaned


def _is_dated(period: Period) -> bool:
    return bool(period.valid_from or period.valid_through or period.repeats_yearly)


class ExceptionForm(forms.ModelForm[HoursException]):
    class Meta:
        model = HoursException
        fields = EXCEPTION_FIELDS
        widgets = {
            "starts_on": AdminDateWidget,
            "ends_on": AdminDateWidget,
            "opens": AdminTimeWidget,
            "closes": AdminTimeWidget,
        }
        field_classes = {"opens": ClockField, "closes": ClockField}

    @property
    def exception(self) -> DatedException:
        cleaned = self.cleaned_data
        return DatedException(**{name: cleaned[name] for name in EXCEPTION_FIELDS})


class ExceptionFormSet(OwnRowsFormSet):
    """The exceptions of a station, which must not contradict one another."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        try:
            registering.check_hours([], [form.exception for form in filled(self.forms)])
        except HoursContradictory as refusal:
            raise forms.ValidationError(str(refusal.detail)) from refusal


class OrganisationForm(forms.ModelForm[StationOrganisation]):
    class Meta:
        model = StationOrganisation
        fields = ("role", "name")
        widgets = {"name": LONG}


def filled(forms_: Iterable[Any]) -> Iterable[Any]:
    """The rows that somebody filled in and did not mark for deletion."""
    for form in forms_:
        if form.is_valid() and not form.cleaned_data.get("DELETE") and (form.has_changed() or form.instance.pk):
            yield form


class HoursFormSet(OwnRowsFormSet):
    """The periods of a station, which must not contradict one another."""

    @property
    def periods(self) -> list[Period]:
        return [period for form in filled(self.forms) for period in form.periods]

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        try:
            registering.check_hours(self.periods, [])
        except HoursContradictory as refusal:
            raise forms.ValidationError(str(refusal.detail)) from refusal

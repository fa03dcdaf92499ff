"""What a card of the list shows, written here and not in a template so that twenty of them cost little.

Lists are the most requested pages: what would cost a template some microseconds for each part of each card is done here
once for a list. All texts are escaped (with `html.escape`, which Django's own escaping calls, and is ten times slower), and
what many cards have in common is worded once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from stations.finding import Card
from stations.hours import OpenState
from stations.templatetags.icons import amenity_icon, icon
from stations.views.wording import (
    FRESH,
    STATE_ICONS,
    distance_text,
    entry_text,
    proof_text,
    state_text,
    station_name,
    tier_text,
    until_text,
)

__all__ = ["brief_cards", "facts_of", "full_cards"]

# How many amenities a card names, those asked for first; the station's page names all.
SHOWN_AMENITIES = 6


def full_cards(
    cards: Sequence[Card],
    *,
    at: datetime,
    now: datetime,
    labels: Mapping[str, str],
    wanted: Iterable[str] = (),
    map_app: str = "",
    notes: Mapping[str, str] | None = None,
) -> SafeString:
    """The items of a list. `at` is the moment that the states are for, `now` the present.

    `map_app`, the app that was chosen last, tells scripts that a card's link opens it. `notes` has, by a station's code,
    what else its card says first, escaped.
    """
    facts = _Facts(at=at, now=now)
    chips = {code: f"{amenity_icon(code)}{escape(label)}" for code, label in labels.items()}
    order = {code: place for place, code in enumerate(dict.fromkeys((*wanted, *labels)))}
    count_of_all = escape(gettext("{count} in all"))
    pin, no_address = icon("pin"), gettext("address not registered")
    chosen = f' data-map-app="{escape(map_app)}"' if map_app else ""
    way = f'{chosen} rel="nofollow">{icon("way")}{escape(gettext("Take me there"))}'
    # One URL is reversed and the others are made from it: reversing forty costs a millisecond.
    pattern = reverse("stations:station-detail", args=["CODE"])
    notes = notes or {}
    items: list[str] = []
    for card in cards:
        note = f'<p class="card-note">{notes[card.code]}</p>' if card.code in notes else ""
        url, name = pattern.replace("CODE", card.code), escape(card.name)
        codes = sorted((code for code in card.amenities if code in chips), key=order.__getitem__)
        amenities = "</li><li>".join([chips[code] for code in codes[:SHOWN_AMENITIES]])
        if len(codes) > SHOWN_AMENITIES:
            # Inside the last item, so that it is never alone on a line.
            amenities += f" <small>{count_of_all.replace('{count}', str(len(codes)))}</small>"
        items.append(
            f'<li class="card" data-station="{card.code}" data-name="{name}" data-has="{escape(" ".join(codes))}" data-go>'
            f'<h3><a href="{url}">{station_name(card.name)}</a>{facts.badges[card.tier]}</h3>{note}<p class="facts">{facts.of(card)}</p>'
            f'<p class="place">{pin}{_place(card, no_address)}</p>'
            + (f'<ul class="has"><li>{amenities}</li></ul>' if codes else "")
            + (
                ""
                if card.latitude is None
                else f'<a class="button way" href="{url}way/"{way}<span class="unseen"> {name}</span></a>'
            )
            + "</li>\n"
        )
    return mark_safe("".join(items))  # noqa: S308 - each part is escaped


def brief_cards(cards: Sequence[Card], *, at: datetime, now: datetime) -> SafeString:
    """The items of a list on a page about something else: only name, tier and facts."""
    facts = _Facts(at=at, now=now)
    pattern = reverse("stations:station-detail", args=["CODE"])
    items = [
        f'<li class="card" data-station="{card.code}"><h3><a href="{pattern.replace("CODE", card.code)}">'
        f'{station_name(card.name)}</a>{facts.badges[card.tier]}</h3><p class="facts">{facts.of(card)}</p></li>\n'
        for card in cards
    ]
    return mark_safe("".join(items))  # noqa: S308 - each part is escaped


def facts_of(cards: Iterable[Card], *, at: datetime, now: datetime) -> dict[str, SafeString]:
    """The line of facts of each, by code, for pages whose cards are about something kept at a station."""
    facts = _Facts(at=at, now=now)
    return {card.code: mark_safe(facts.of(card)) for card in cards}  # noqa: S308 - each part is escaped


class _Facts:
    """The line of facts: 开放中 · 至22:00 · 320米 · 12分钟前有人进去; what cards share is worded once."""

    def __init__(self, *, at: datetime, now: datetime) -> None:
        self.at, self.now = at, now
        self.badges = {tier: _badge(tier) for tier in (None, 1, 2, 3)}
        self._openings: dict[OpenState, tuple[str, str]] = {}

    def of(self, card: Card) -> str:
        opening = self._openings.get(card.open_state)
        if opening is None:
            opening = self._openings[card.open_state] = self._opening(card.open_state)
        state, entry = opening
        distance = "" if card.distance_m is None else f" <b>{escape(distance_text(card.distance_m))}</b>"
        is_fresh = card.confirmed_at is not None and self.now - card.confirmed_at < FRESH
        proof = escape(proof_text(card.confirmed_at, self.now))
        return f'{state}{distance} <span class="proof-{"fresh" if is_fresh else "old"}">{proof}</span>{entry}'

    def _opening(self, open_state: OpenState) -> tuple[str, str]:
        """State and time, and how one gets in."""
        state = open_state.state
        said = f'<span class="state state-{state.value}">{icon(STATE_ICONS[state])}{escape(state_text(state))}</span>'
        if until := until_text(open_state, self.at):
            said += f' <span class="until">{escape(until)}</span>'
        # Usually somebody is there; that one needs a card or a code must be known before going.
        is_usual = open_state.entry_mode in {None, "staffed"}
        return said, "" if is_usual else f" <span>{escape(entry_text(open_state.entry_mode))}</span>"


def _badge(tier: int | None) -> str:
    return "" if tier is None else f' <span class="tier tier-{tier}">{escape(tier_text(tier))}</span>'


def _place(card: Card, no_address: str) -> str:
    where = (
        card.division_name if card.division_code == card.district_code else f"{card.district_name} {card.division_name}"
    )
    return escape(" · ".join(filter(None, (where, card.address or no_address, card.floor))))

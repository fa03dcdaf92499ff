"""What is wrong with the books, in words.

It is kept as a template and its values, because whoever reads last month's check may read another language than whoever
requested it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

from points.models import Account, Posting, Redemption

__all__ = ["TEMPLATES", "Said", "Violation", "in_words"]

# A template of `TEMPLATES` and a value for each %s.
Said = Sequence[Any]

# All that points/verifying.py and points/sealing.py say, named here for the translation.
TEMPLATES = frozenset({
    _("posting %s has no entries"),
    _("posting %s is of no known kind"),
    _("posting %s comes to %s of “%s”"),
    _("posting %s moves what belongs to two districts"),
    _("account %s holds %s, its entries come to %s, the last says %s"),
    _("account %s: entry %s has number %s after %s"),
    _("account %s says number %s, its last entry is %s"),
    _("entry %s left %s on account %s"),
    _("account %s is of the kind “%s”, and its balance is kept"),
    _("account %s is of the kind “%s”, and its balance is not kept"),
    _("account %s is of the kind “%s”, and belongs to something else"),
    _("“%s” come to %s"),
    _("posting %s does not take back posting %s"),
    _("posting %s is reversed %s times"),
    _("redemption %s is “%s”, its postings are “%s” and “%s”"),
    _("redemption %s is “%s”, its posting %s was taken back"),
    _("%s of gift %s are set aside at station %s, %s orders wait"),
    _("posting %s is an award and no award says so"),
    _("award %s says %s points, its posting does not"),
    _("the fund of %s holds %s more than was allocated"),
    _("posting %s (“%s”) was done or signed by %s, who had no duty for it then"),
    _("posting %s was made under key %s of %s, which was answered with %s"),
    _("posting %s by %s was made under key %s of %s"),
    _("posting %s by %s was made under a key that no answer is kept for"),
    _("seal %s is missing"),
    _("seal %s does not agree with its postings"),
    _("%s postings are not sealed, though newer ones came a day later"),
})  # fmt: skip

# What stands in “ ” is a kind, a state or a unit, and is said by its label.
_PLACE = re.compile("(“?)%s")
_LABELS = {
    **dict(Account.Kind.choices), **dict(Redemption.Status.choices), **dict(Posting.Kind.choices),
    "points": gettext_lazy("points"), "none": gettext_lazy("none"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    said: Said

    @property
    def sentence(self) -> str:
        """In the language of whoever reads it now."""
        return in_words(self.said)


def in_words(said: Said) -> str:
    template, *values = said
    left = iter(values)

    def fill(place: re.Match[str]) -> str:
        value = next(left)
        return f"{place[1]}{_LABELS.get(value, value) if place[1] else value}"

    return _PLACE.sub(fill, gettext(template))

"""What apps above this one show on the page of a station: what is in its gift cabinet."""

from collections.abc import Callable

from stations.models import Station

__all__ = ["add_panel", "panels_of"]

Panel = Callable[[Station], str]
_panels: list[Panel] = []


def add_panel(panel: Panel) -> None:
    """Put a section on the page of every published station; `panel` returns its HTML, or nothing if it has none."""
    if panel not in _panels:
        _panels.append(panel)


def panels_of(station: Station) -> list[str]:
    """The sections of other apps for a station."""
    return [shown for panel in _panels if (shown := panel(station))]

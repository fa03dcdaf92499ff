"""What is checked on every page that is looked at: accessible, and no wider than its screen."""

from collections.abc import Iterable

from playwright.sync_api import Page

__all__ = ["READERS", "WIDTHS", "looked_at", "violations"]

WIDTHS = (320, 390, 1280)
# Language, text size, and the widths at which such a reader's pages are looked at: what axe finds at a width depends
# on the layout, of which there are two, and hardly on the words.
READERS = [("zh-hans", "usual", (320, 1280)), ("en", "usual", (390,)), ("zh-hans", "big", (320,))]
# Only violations are returned, and nothing is fetched a second time: half the time of axe's own defaults.
AXE_RUN = "() => axe.run(document, {resultTypes: ['violations'], preload: false}).then(found => found.violations)"


def violations(page: Page) -> list[str]:
    """What axe finds; its script is already in the page."""
    found = page.evaluate(AXE_RUN)
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def looked_at(page: Page, axe_source: str, name: str, widths: Iterable[int] = WIDTHS) -> list[str]:
    """What is wrong with the open page: what axe finds at each of `widths`, and whether it fits them and 320 px."""
    # A click returns when the answer begins to arrive: the rest would not be checked yet, or would trip axe.
    page.wait_for_load_state()
    page.evaluate(axe_source)
    found, asked = [], set(widths)
    for width in sorted({320, *asked}):
        page.set_viewport_size({"width": width, "height": 844})
        if width in asked:
            found += [f"{name} at {width}: {each}" for each in violations(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{name} at {width}: {wide} wide"] if wide > width else []
    return found

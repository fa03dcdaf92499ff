"""Form widgets that a clerk understands."""

from typing import Any

from django.forms import CheckboxSelectMultiple
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

__all__ = ["GroupedCheckboxes"]


class GroupedCheckboxes(CheckboxSelectMultiple):
    """Checkboxes under the headings of their groups, each group a fieldset that a screen reader announces."""

    template_name = "admin/stations/grouped_checkboxes.html"

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> SafeString:  # noqa: ARG002
        # Django's form renderer knows only the templates of apps; ours lie in the project's folder.
        return SafeString(render_to_string(template_name, context))

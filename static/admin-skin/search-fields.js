// Names search fields by their labels, for people who hear the page: select2 names them by what is chosen.
(function () {
  "use strict";
  const $ = django.jQuery;

  function name(select) {
    const label = document.querySelector('label[for="' + select.id + '"]');
    const shown = $(select).next(".select2-container").find(".select2-selection");
    if (!label || !shown.length) return;
    label.id = label.id || "label-of-" + select.id;
    // First the label, then what is chosen.
    shown.attr("aria-labelledby", label.id + " select2-" + select.id + "-container");
    shown.find(".select2-selection__rendered[role=textbox]").attr("aria-labelledby", label.id);
    const text = label.textContent.trim().replace(/[:：]$/, "");
    shown.find(".select2-search__field").attr("aria-label", text);
    $(select).on("select2:open", function () {
      $(".select2-container--open .select2-search__field").attr("aria-label", text);
      $("#select2-" + select.id + "-results").attr("aria-label", text);
    });
  }

  function nameAll(within) {
    $(within).find("select.admin-autocomplete").not("[name*=__prefix__]").each(function () { name(this); });
  }

  $(function () { nameAll(document); });
  document.addEventListener("formset:added", function (event) { nameAll(event.target); });
})();

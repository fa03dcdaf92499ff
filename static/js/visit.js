// The page of a 核实链接: the phone's position, smaller photos, one tap that sends once. The form works without this file.
// Baseline: Chrome 57 and iOS 11 (old WeChat), so no ?. ?? or object spread. Texts are on the button.
(function () {
  "use strict";

  const FUZZY_M = 100;
  // The server keeps no more of a photo than this (core/images.py), so nothing larger need be sent.
  const LONGEST_SIDE_PX = 1600, SMALL_ENOUGH_BYTES = 1024 * 1024;
  const site = window.fengchao;
  const form = document.querySelector("form.visit"), button = document.getElementById("locate");
  if (!form || !button) return;

  // ── Where the phone is ───────────────────────────────────────────────────────────────────────────────────────────

  function say(name, metres) {
    site.say(button.parentNode, button.getAttribute("data-" + name).replace("{metres}", metres));
  }
  function found(at) {
    const position = site.position(at);
    button.removeAttribute("aria-busy");
    Object.keys(position).forEach(function (name) { form.elements[name].value = position[name]; });
    // The phone's own position counts now; a link pasted before would take precedence.
    form.elements.place.value = "";
    button.classList.add("is-on");
    say(position.accuracy_m > FUZZY_M ? "fuzzy" : "found", position.accuracy_m);
  }
  function failed() {
    button.removeAttribute("aria-busy");
    document.getElementById("paste").open = true;
    say("failed");
  }
  if (navigator.geolocation) {
    button.hidden = false;
    button.addEventListener("click", function () {
      button.setAttribute("aria-busy", "true");
      say("locating");
      navigator.geolocation.getCurrentPosition(found, failed, {enableHighAccuracy: true, timeout: 20000, maximumAge: 0});
    });
    if (form.elements.lat.value) button.classList.add("is-on");
  } else {
    document.getElementById("paste").open = true;
  }

  // ── Photos ───────────────────────────────────────────────────────────────────────────────────────────────────────

  // Shrunk on the phone: a photo of 12 MB would be refused, and takes a minute without a good signal. Browsers that
  // cannot turn a photo upright, or put a file into a field, send it as it is.
  const canShrink = window.createImageBitmap && window.DataTransfer && window.CSS && CSS.supports("image-orientation", "from-image");
  let shrinking = 0;

  function shrink(field) {
    const file = field.files[0];
    if (!canShrink || !file || file.size <= SMALL_ENOUGH_BYTES) return;
    shrinking += 1;
    createImageBitmap(file).then(function (picture) {
      const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(picture.width, picture.height));
      const sheet = document.createElement("canvas");
      sheet.width = Math.round(picture.width * scale);
      sheet.height = Math.round(picture.height * scale);
      sheet.getContext("2d").drawImage(picture, 0, 0, sheet.width, sheet.height);
      return new Promise(function (resolve) { sheet.toBlob(resolve, "image/jpeg", 0.85); });
    }).then(function (small) {
      // Another photo may have been chosen meanwhile.
      if (!small || field.files[0] !== file) return;
      const files = new DataTransfer();
      files.items.add(new File([small], "photo.jpg", {type: "image/jpeg"}));
      field.files = files.files;
    }).catch(function () {}).then(function () {
      shrinking -= 1;
      if (!shrinking && form.hasAttribute("data-waiting")) form.submit();
    });
  }
  Array.prototype.forEach.call(form.querySelectorAll("input[type=file]"), function (field) {
    field.addEventListener("change", function () { shrink(field); });
  });

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  form.addEventListener("submit", function (event) {
    if (form.hasAttribute("data-busy")) {
      event.preventDefault();
      return;
    }
    form.setAttribute("data-busy", "");
    if (shrinking) {
      event.preventDefault();
      form.setAttribute("data-waiting", "");
    }
    document.getElementById("send").setAttribute("aria-busy", "true");
  });
  // A page restored from the browser's memory must be usable again.
  window.addEventListener("pageshow", function () {
    form.removeAttribute("data-busy");
    form.removeAttribute("data-waiting");
    document.getElementById("send").removeAttribute("aria-busy");
  });
})();

// Copies the text of a field with one tap: data-copy names the field, data-copied is shown when it is done.
(function () {
  "use strict";
  Array.prototype.forEach.call(document.querySelectorAll("[data-copy]"), function (button) {
    const field = document.getElementById(button.getAttribute("data-copy"));
    button.hidden = false;
    button.addEventListener("click", function () {
      field.select();
      // Offices use plain http inside the building, where browsers offer no clipboard.
      const copied = navigator.clipboard ? navigator.clipboard.writeText(field.value) : Promise.resolve(document.execCommand("copy"));
      copied.catch(function () { return document.execCommand("copy"); }).then(function () {
        document.getElementById("copy-status").textContent = button.getAttribute("data-copied");
      });
    });
  });
})();

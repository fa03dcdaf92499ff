// Keeps the progress of an import up to date, and reloads the page when the state has changed.
(function () {
  "use strict";
  const shown = document.getElementById("import-progress");
  if (!shown || !window.fetch || !window.DOMParser) { return; }
  function ask() {
    fetch(location.href, { credentials: "same-origin" }).then(function (answer) { return answer.text(); }).then(function (text) {
      const news = new DOMParser().parseFromString(text, "text/html").getElementById("import-progress");
      if (!news || news.dataset.state !== shown.dataset.state) { location.reload(); return; }
      shown.replaceChildren.apply(shown, Array.prototype.slice.call(news.childNodes));
      setTimeout(ask, 2000);
    }).catch(function () { setTimeout(ask, 5000); });
  }
  setTimeout(ask, 1500);
})();

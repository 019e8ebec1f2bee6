(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  var field = document.getElementById("search");
  var list = document.getElementById("results");
  var contents = document.getElementById("contents");
  var menu = document.getElementById("menu");
  var main = document.getElementById("content");
  var chosen = 0;

  // What can be found: every section, function, field and option key that the page has.
  function text(node) { return node ? node.textContent.replace(/\s+/g, " ").trim() : ""; }
  function named(node) {
    var kind = node.dataset.kind;
    if (kind === "field" || kind === "option") {
      return node.id.replace(":", " \u2192 ");
    }
    return text(node.querySelector("h2, h3")).replace(/ (effect: [\w, -]+ )?#$/, "");
  }
  function said(node) {
    var kind = node.dataset.kind;
    if (kind === "field" || kind === "option") { return text(node.lastElementChild); }
    if (kind === "function") { return text(node.querySelector(".form > p:not(.signature)")); }
    return text(node.querySelector("p"));
  }
  function whole(node) {
    var kind = node.dataset.kind;
    if (kind === "type" || kind === "module" || kind === "chapter") {
      var own = "";
      for (var i = 0; i < node.children.length; i++) {
        var child = node.children[i];
        if (child.tagName !== "ARTICLE" && !child.querySelector(".fields")) { own += " " + child.textContent; }
      }
      return own;
    }
    return node.textContent;
  }
  var entries = Array.prototype.map.call(document.querySelectorAll("[data-kind]"), function (node) {
    var name = named(node);
    return { id: node.id, kind: node.dataset.kind, name: name, low: name.toLowerCase(), last: name.toLowerCase().split(/\.|::| \u2192 /).pop(), said: said(node), all: whole(node).toLowerCase() };
  });

  // Lower is better; nothing where a word is missing.
  function rank(entry, words) {
    var total = 0;
    for (var i = 0; i < words.length; i++) {
      var word = words[i];
      if (entry.last === word || entry.low === word) { total += 0; }
      else if (entry.last.indexOf(word) === 0) { total += 1; }
      else if (entry.low.indexOf(word) === 0) { total += 2; }
      else if (entry.low.indexOf(word) >= 0) { total += 3; }
      else if (entry.said.toLowerCase().indexOf(word) >= 0) { total += 5; }
      else if (entry.all.indexOf(word) >= 0) { total += 7; }
      else { return -1; }
    }
    return total;
  }
  function marked(parent, words, content) {
    var low = content.toLowerCase(), at = 0;
    while (at < content.length) {
      var next = -1, length = 0;
      words.forEach(function (word) {
        var found = low.indexOf(word, at);
        if (found >= 0 && (next < 0 || found < next)) { next = found; length = word.length; }
      });
      if (next < 0) { break; }
      parent.appendChild(document.createTextNode(content.slice(at, next)));
      parent.appendChild(document.createElement("mark")).textContent = content.slice(next, next + length);
      at = next + length;
    }
    parent.appendChild(document.createTextNode(content.slice(at)));
  }
  function show() {
    var words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.textContent = "";
    list.hidden = words.length === 0;
    contents.hidden = words.length > 0;
    chosen = 0;
    if (words.length === 0) { return; }
    var found = [];
    entries.forEach(function (entry, place) {
      var at = rank(entry, words);
      if (at >= 0) { found.push({ entry: entry, rank: at, place: place }); }
    });
    found.sort(function (a, b) { return a.rank - b.rank || a.entry.name.length - b.entry.name.length || a.place - b.place; });
    found.slice(0, 40).forEach(function (one, n) {
      var row = list.appendChild(document.createElement("li"));
      var link = row.appendChild(document.createElement("a"));
      link.href = "#" + one.entry.id;
      marked(link.appendChild(document.createElement("b")), words, one.entry.name);
      link.appendChild(document.createElement("small")).textContent = one.entry.kind;
      marked(link.appendChild(document.createElement("span")), words, one.entry.said);
      if (n === 0) { row.className = "on"; }
    });
    if (found.length === 0) {
      var none = list.appendChild(document.createElement("li"));
      none.className = "none";
      none.textContent = "Nothing has these words.";
    }
  }
  function move(step) {
    var rows = list.querySelectorAll("li:not(.none)");
    if (rows.length === 0) { return; }
    rows[chosen].className = "";
    chosen = (chosen + step + rows.length) % rows.length;
    rows[chosen].className = "on";
    rows[chosen].scrollIntoView({ block: "nearest" });
  }
  function leave() {
    field.blur();
    if (window.matchMedia("(max-width: 52rem)").matches) { field.value = ""; show(); menu.checked = false; }
  }
  field.addEventListener("input", show);
  field.addEventListener("keydown", function (event) {
    if (event.key === "ArrowDown") { move(1); }
    else if (event.key === "ArrowUp") { move(-1); }
    else if (event.key === "Enter") {
      var link = list.querySelector(".on a");
      if (!link) { return; }
      location.hash = link.getAttribute("href");
      leave();
    } else if (event.key === "Escape") { field.value = ""; show(); field.blur(); }
    else { return; }
    event.preventDefault();
  });
  list.addEventListener("click", function (event) { if (event.target.closest("a")) { leave(); } });
  contents.addEventListener("click", function (event) { if (event.target.closest("a")) { menu.checked = false; } });
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName) && document.activeElement !== menu;
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) { return; }
    event.preventDefault();
    field.focus();
    field.select();
  });
  // A browser keeps what was typed when a page is loaded again.
  show();
}());

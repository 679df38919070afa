"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const tip = document.getElementById("tip");

  function say(text, event) {
    tip.textContent = text;
    tip.hidden = !text;
    if (!text) return;
    const edge = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(4, Math.min(event.pageX + 14, edge))}px`;
    tip.style.top = `${event.pageY + 16}px`;
  }

  // sorting: missing values stay last in both directions
  function keyOf(row, column, numeric) {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim();
    return cell.dataset.key === undefined ? NaN : Number(cell.dataset.key);
  }
  function isMissing(key) {
    return key === "" || Number.isNaN(key);
  }
  function sort(board, column, direction) {
    const heads = [...board.tHead.rows[0].cells];
    const numeric = heads[column].classList.contains("number");
    const rows = [...board.tBodies[0].rows].map((row, place) => ({ row, place, key: keyOf(row, column, numeric) }));
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      if (isMissing(a.key) || isMissing(b.key)) return isMissing(a.key) - isMissing(b.key) || a.place - b.place;
      const order = numeric ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true });
      return sign * order || a.place - b.place;
    });
    board.tBodies[0].append(...rows.map((one) => one.row));
    heads.forEach((head, i) => head.setAttribute("aria-sort", i === column ? direction : "none"));
  }
  const board = document.getElementById("board");
  [...board.tHead.rows[0].cells].forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const first = head.classList.contains("number") ? "descending" : "ascending";
      const other = first === "descending" ? "ascending" : "descending";
      sort(board, column, head.getAttribute("aria-sort") === first ? other : first);
    });
  });

  const filter = document.getElementById("filter");
  function choose() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...board.tBodies[0].rows];
    rows.forEach((row) => {
      const text = [...row.cells].map((cell) => cell.textContent.toLowerCase()).join(" ");
      row.hidden = !words.every((word) => text.includes(word));
    });
    document.getElementById("shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  }
  filter.addEventListener("input", choose);
  choose();

  // names on hover; the browser's own hint, which is there without this script, would come twice
  all(".spot").forEach((spot) => {
    const title = spot.querySelector("title");
    const name = title.textContent;
    title.remove();
    spot.addEventListener("mousemove", (event) => say(name, event));
    spot.addEventListener("mouseleave", () => say(""));
  });

  // cards
  function open(name) {
    const card = document.getElementById(name);
    if (!(card instanceof HTMLDetailsElement)) return;
    card.open = true;
    card.scrollIntoView();
  }
  all(".spot[data-card]").forEach((spot) => spot.addEventListener("click", () => { location.hash = spot.dataset.card; }));
  window.addEventListener("hashchange", () => open(decodeURIComponent(location.hash.slice(1))));
  if (location.hash) open(decodeURIComponent(location.hash.slice(1)));

  // RDMs
  const select = document.getElementById("layer");
  if (select) {
    const show = () => {
      all(".matrix[data-of]").forEach((one) => { one.hidden = one.dataset.of !== select.value; });
      all(".spot[data-layer]").forEach((spot) => spot.classList.toggle("chosen", spot.dataset.layer === select.value));
    };
    select.addEventListener("change", show);
    all(".spot[data-layer]").forEach((spot) => spot.addEventListener("click", () => {
      select.value = spot.dataset.layer;
      show();
      document.getElementById("rdms").scrollIntoView();
    }));
    show();
    const stimuli = JSON.parse(document.getElementById("stimuli").textContent);
    all(".matrix img").forEach((image) => {
      image.addEventListener("mousemove", (event) => {
        const box = image.getBoundingClientRect();
        const at = (share) => stimuli[Math.max(0, Math.min(stimuli.length - 1, Math.floor(share * stimuli.length)))];
        say(`${at((event.clientY - box.top) / box.height)} × ${at((event.clientX - box.left) / box.width)}`, event);
      });
      image.addEventListener("mouseleave", () => say(""));
    });
  }

  // what is folded on the screen is not on paper
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details").filter((one) => !one.open);
    folded.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));
})();

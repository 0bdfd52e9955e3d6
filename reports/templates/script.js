"use strict";
// Tables that sort by a column and filter by a word; single seeds in curves on demand. Without this script the page reads the same, in the order of the files.
(() => {
  const LONG = 12; // rows from which a table gets a filter
  const number = (text) => {
    const found = text.replace(/\u2212/g, "-").replace(/,/g, "").match(/^[<>~\s]*(-?\d+(?:\.\d+)?(?:e-?\d+)?)/);
    return found ? Number(found[1]) : null;
  };
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    return { text, number: number(text) };
  };
  const compare = (a, b) => {
    if (a.number !== null && b.number !== null) return a.number - b.number;
    if ((a.number === null) !== (b.number === null)) return a.number === null ? 1 : -1;
    return a.text.localeCompare(b.text, "en");
  };

  // Rows that stand under one heading, or between two lines that span the table; only such rows change places.
  const runs = (body, width) => {
    const found = [];
    let run = null;
    for (const row of body.rows) {
      const plain = row.cells.length === width && ![...row.cells].some((cell) => cell.colSpan > 1 || cell.rowSpan > 1);
      if (!plain) { found.push({ heading: row, rows: [] }); run = null; continue; }
      if (!run) { run = found.at(-1)?.rows.length === 0 ? found.at(-1) : null; }
      if (!run) { run = { heading: null, rows: [] }; found.push(run); }
      run.rows.push(row);
    }
    return found;
  };

  const sortable = (table, head, groups) => {
    const place = new Map([...table.querySelectorAll("tbody tr")].map((row, index) => [row, index]));
    [...head.cells].forEach((cell, column) => {
      if (!cell.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" }[cell.ariaSort || "none"];
        for (const other of head.cells) other.removeAttribute("aria-sort");
        if (next !== "none") cell.setAttribute("aria-sort", next);
        for (const { rows } of groups) {
          const ordered = [...rows].sort((a, b) => {
            if (next === "none") return place.get(a) - place.get(b);
            const order = compare(value(a, column), value(b, column));
            return next === "ascending" ? order : -order;
          });
          const end = rows.length ? rows.reduce((x, y) => (x.compareDocumentPosition(y) & 4 ? y : x)).nextSibling : null;
          for (const row of ordered) row.parentNode.insertBefore(row, end);
        }
      });
    });
  };

  const filterable = (region, groups) => {
    const rows = groups.flatMap((group) => group.rows);
    if (rows.length < LONG) return;
    const label = document.createElement("label");
    label.className = "filter";
    const field = document.createElement("input");
    field.type = "search";
    const count = document.createElement("output");
    label.append("Filter rows ", field, " ", count);
    region.before(label);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { heading, rows: own } of groups) {
        let any = own.length === 0;
        for (const row of own) {
          const text = `${heading ? heading.textContent : ""} ${row.textContent}`.toLowerCase();
          row.hidden = !words.every((word) => text.includes(word));
          if (!row.hidden) { any = true; shown += 1; }
        }
        if (heading) heading.hidden = words.length > 0 && !any;
      }
      count.value = words.length ? `${shown} of ${rows.length}` : "";
    });
  };

  for (const region of document.querySelectorAll(".scroll")) {
    const table = region.querySelector("table");
    const head = table?.tHead;
    if (!head || head.rows.length !== 1) continue;
    const groups = [...table.tBodies].flatMap((body) => runs(body, head.rows[0].cells.length));
    if (groups.some(({ rows }) => rows.length > 1)) sortable(table, head.rows[0], groups);
    filterable(region, groups);
  }

  for (const panels of document.querySelectorAll(".panels")) {
    if (!panels.querySelector(".seeds")) continue;
    const label = document.createElement("label");
    label.className = "toggle";
    const box = document.createElement("input");
    box.type = "checkbox";
    label.append(box, " Single seeds");
    panels.before(label);
    box.addEventListener("change", () => panels.classList.toggle("show-seeds", box.checked));
  }
})();

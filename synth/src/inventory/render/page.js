"use strict";
const table = document.getElementById("keys");
const body = table.tBodies[0];
const rows = [...body.rows];
const filter = document.getElementById("filter");
const finding = document.getElementById("finding");
const shown = document.getElementById("shown");

// A row is shown if it has the finding and each word of the filter.
function apply() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const has = finding.value === "" || row.dataset.findings.split(" ").includes(finding.value);
    row.hidden = !has || !words.every((word) => text.includes(word));
    count += row.hidden ? 0 : 1;
  }
  shown.textContent = `${count} of ${rows.length} rows`;
}

// Numbers are compared as numbers. A row without a value comes last in both directions.
function sort(column) {
  const head = table.tHead.rows[0].cells[column];
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const numeric = head.dataset.type === "number";
  const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const compare = (a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === "" || right === "") return (left === "") - (right === "");
    const order = numeric ? left - right : left.localeCompare(right, "en");
    return down ? -order : order;
  };
  body.append(...[...rows].sort(compare));
}

[...table.tHead.rows[0].cells].forEach((cell, column) => {
  cell.querySelector("button").addEventListener("click", () => sort(column));
});
filter.addEventListener("input", apply);
finding.addEventListener("change", apply);
apply();

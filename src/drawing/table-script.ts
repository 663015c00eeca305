/**
 * A part of a page's program: a column's head sorts its table, numbers by size and without a figure last. Without the
 * program tables stand as they were written. `makeSortable(root)` does it for every table below an element; `orderOf` and
 * `putInOrder` take the order of a table over to the one that replaces it.
 */
export const tableScript = `
function sortTable(table, column, order) {
  const heads = [...table.tHead.rows[0].cells];
  const head = heads[column];
  const body = table.tBodies[0];
  const isNumeric = head.classList.contains("number");
  const textAt = (row) => (row.cells[column].childNodes[0]?.textContent ?? "").trim();
  const numberAt = (row) => {
    const found = /-?[\\d.]+(?:e[+-]?\\d+)?/.exec(textAt(row).replaceAll(",", "").replace("−", "-"));
    return found === null ? NaN : Number(found[0]);
  };
  const whole = (row) => row.cells[column].querySelector("time")?.dateTime ?? row.cells[column].textContent.trim();
  for (const each of heads) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order === 1 ? "ascending" : "descending");
  const rows = [...body.rows].sort((a, b) => {
    if (!isNumeric) return order * whole(a).localeCompare(whole(b), "en", { numeric: true });
    const [x, y] = [numberAt(a), numberAt(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return order * (x - y);
  });
  body.append(...rows);
}
const sortableTables = (root) => [...root.querySelectorAll(".scroll table")].filter((table) => table.tBodies[0]?.rows.length >= 3);
function makeSortable(root) {
  for (const table of sortableTables(root)) {
    for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
      if (head.textContent.trim() === "") continue;
      const sort = () => {
        const was = head.getAttribute("aria-sort");
        sortTable(table, column, was === "descending" || (was === null && !head.classList.contains("number")) ? 1 : -1);
      };
      head.tabIndex = 0;
      head.classList.add("sorts");
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
    }
  }
}
const orderOf = (root) => sortableTables(root).map((table) => {
  const column = [...table.tHead.rows[0].cells].findIndex((head) => head.hasAttribute("aria-sort"));
  return column < 0 ? null : { column, order: table.tHead.rows[0].cells[column].getAttribute("aria-sort") === "ascending" ? 1 : -1 };
});
function putInOrder(root, orders) {
  for (const [i, table] of sortableTables(root).entries()) if (orders[i]) sortTable(table, orders[i].column, orders[i].order);
}
makeSortable(document);
`;

/**
 * A part of a page's program: a column's head sorts the table by it, numbers by size and without a figure last. Without
 * the program tables stand as they were written.
 */
export const tableScript = `
for (const table of document.querySelectorAll(".scroll table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  if (body === undefined || body.rows.length < 3) continue;
  const textAt = (row, column) => (row.cells[column].childNodes[0]?.textContent ?? "").trim();
  const numberAt = (row, column) => {
    const found = /-?[\\d.]+/.exec(textAt(row, column).replaceAll(",", "").replace("−", "-"));
    return found === null ? NaN : Number(found[0]);
  };
  for (const [column, head] of heads.entries()) {
    const sort = () => {
      const isNumeric = head.classList.contains("number");
      const was = head.getAttribute("aria-sort");
      const order = was === "descending" || (was === null && !isNumeric) ? 1 : -1;
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order === 1 ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => {
        if (!isNumeric) return order * a.cells[column].textContent.localeCompare(b.cells[column].textContent);
        const [x, y] = [numberAt(a, column), numberAt(b, column)];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
        return order * (x - y);
      });
      body.append(...rows);
    };
    head.tabIndex = 0;
    head.classList.add("sorts");
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
  }
}
`;

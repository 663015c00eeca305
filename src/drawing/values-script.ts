/**
 * A part of a page's program: the pointer, a finger or the arrow keys read the values of a chart's curves. It listens to
 * the whole page, so that charts which are replaced need nothing.
 */
export const valuesScript = `
{
  const valuesOf = new WeakMap();
  let marked = null;
  const curvesOf = (figure) => {
    let known = valuesOf.get(figure);
    if (known === undefined) {
      const { x, percent, curves } = JSON.parse(figure.dataset.values);
      const all = curves.map((curve) => ({ ...curve, xs: curve.xs ?? curves[0].xs }));
      const places = [...new Set(all.flatMap(({ xs }) => xs))].sort((a, b) => a - b);
      known = { x, percent, curves: all, places };
      valuesOf.set(figure, known);
    }
    return known;
  };
  const axisOf = (text) => {
    const [kind, ...ends] = text.split(" ");
    const [from, to, low, high] = ends.map(Number);
    const along = kind === "log" ? Math.log : Number;
    return { low, high, at: (value) => low + (along(value) - along(from)) / (along(to) - along(from)) * (high - low) };
  };
  const nearest = (list, distance) => {
    let best = -1;
    for (let i = 0; i < list.length; i++) if (best < 0 || distance(list[i]) < distance(list[best])) best = i;
    return best;
  };
  const written = (value, percent) => {
    const size = Math.abs(percent ? 100 * value : value);
    const number = percent ? 100 * value : value;
    const text = size !== 0 && (size < 1e-4 || size >= 1e9) ? number.toExponential(3)
      : number.toLocaleString("en-US", Number.isInteger(number) ? {} : { maximumSignificantDigits: 5 });
    return percent ? text + " %" : text;
  };
  const drawn = (svg, name, attributes) => {
    const made = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const clear = () => {
    if (marked === null) return;
    marked.plot.querySelector(".tip")?.remove();
    marked.plot.querySelector(".mark")?.remove();
    marked = null;
  };
  const show = (plot, place) => {
    clear();
    const { x, percent, curves, places } = curvesOf(plot.closest("figure"));
    const svg = plot.querySelector("svg");
    const [across, up] = [axisOf(svg.dataset.x), axisOf(svg.dataset.y)];
    const [at, left] = [places[place], across.at(places[place])];
    const mark = drawn(svg, "g", { class: "mark" });
    mark.append(drawn(svg, "line", { x1: left, x2: left, y1: up.low, y2: up.high }));
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "status");
    const line = (text, className) => {
      const made = document.createElement("span");
      made.className = className;
      made.textContent = text;
      return made;
    };
    tip.append(line(x + " " + written(at, false), "at"));
    for (const { name, colour, xs, ys } of curves) {
      const near = nearest(xs, (each) => Math.abs(across.at(each) - left));
      if (near < 0 || Math.abs(across.at(xs[near]) - left) > 6) continue;
      const [cx, cy] = [across.at(xs[near]), up.at(ys[near])];
      if (Number.isFinite(cy)) {
        const dot = drawn(svg, "circle", { cx, cy, r: 3.5 });
        dot.style.fill = colour;
        mark.append(dot);
      }
      const swatch = line("", "swatch");
      swatch.style.background = colour;
      const value = line(written(ys[near], percent) + (xs[near] === at ? "" : " (" + written(xs[near], false) + ")"), "value");
      tip.append(swatch, line(name, "name"), value);
    }
    svg.append(mark);
    plot.append(tip);
    const box = svg.getBoundingClientRect();
    const inside = left / svg.viewBox.baseVal.width * box.width;
    const side = inside > box.width / 2 ? inside - tip.offsetWidth - 10 : inside + 10;
    tip.style.left = Math.max(0, Math.min(box.width - tip.offsetWidth, side)) + "px";
    marked = { plot, place };
  };
  const point = (event) => {
    const plot = event.target instanceof Element ? event.target.closest("figure[data-values] .plot") : null;
    if (plot === null) { clear(); return; }
    const svg = plot.querySelector("svg");
    const box = svg.getBoundingClientRect();
    const left = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const across = axisOf(svg.dataset.x);
    const { places } = curvesOf(plot.closest("figure"));
    const place = nearest(places, (each) => Math.abs(across.at(each) - left));
    if (place >= 0 && (marked === null || marked.plot !== plot || marked.place !== place)) show(plot, place);
  };
  document.addEventListener("pointermove", point);
  document.addEventListener("pointerdown", point);
  document.documentElement.addEventListener("pointerleave", clear);
  document.addEventListener("focusout", clear);
  document.addEventListener("keydown", (event) => {
    const plot = event.target instanceof Element && event.target.matches("figure[data-values] .plot") ? event.target : null;
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") clear();
    if (plot === null || move === undefined) return;
    event.preventDefault();
    const { places } = curvesOf(plot.closest("figure"));
    const from = marked !== null && marked.plot === plot ? marked.place : move > 0 ? -1 : places.length;
    const step = event.shiftKey ? 10 : 1;
    if (places.length > 0) show(plot, Math.min(places.length - 1, Math.max(0, from + move * step)));
  });
}
`;

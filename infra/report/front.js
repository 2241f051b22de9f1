"use strict";
// Draws the trials of a front anew for other axes and bounds. It reads this page only and asks no host.
(() => {
  const WIDTH = 640, HEIGHT = 400, LEFT = 58, RIGHT = 16, TOP = 14, BOTTOM = 46;
  const SVG = "http://www.w3.org/2000/svg";

  function made(parent, name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  }

  const short = value => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3))));

  function scale(low, high, start, end) {
    const wide = high - low || 1;
    return value => start + (value - low) / wide * (end - start);
  }

  // By logarithms where all values are above 0 and differ much; as front_plots.py.
  function decades(values) {
    const low = Math.min(...values), high = Math.max(...values);
    if (!(low > 0 && high > 20 * low)) return null;
    const inner = scale(Math.log10(low / 1.1), Math.log10(high * 1.1), LEFT, WIDTH - RIGHT), marks = [];
    for (let n = Math.floor(Math.log10(low)); n <= Math.log10(high); n += 1)
      for (const times of [1, 3]) marks.push(Number((times * 10 ** n).toPrecision(1)));
    return {x: value => inner(Math.log10(value)), marks: marks.filter(mark => mark >= low / 1.1 && mark <= high * 1.1)};
  }

  function ticks(low, high) {
    const rough = (high - low) / 5 || 1, unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(times => times * unit).find(size => size >= rough);
    const found = [];
    for (let n = Math.ceil(low / step); n * step <= high; n += 1) found.push(Number((n * step).toPrecision(12)));
    return found;
  }

  function balance(box) {
    const data = JSON.parse(box.querySelector("script[type='application/json']").textContent);
    const sheet = box.querySelector("svg.balance-plot"), axis = box.querySelector("select");
    const detail = box.querySelector(".detail"), count = box.querySelector(".kept");
    const bounds = [...box.querySelectorAll("input[type=range]")];
    const rows = new Map([...box.querySelectorAll("tr[data-number]")].map(row => [Number(row.dataset.number), row]));
    let shown = null;

    // A slider at its loose end bounds nothing.
    function loose(bound) {
      return Number(bound.value) === Number(bound.dataset.side === "at_most" ? bound.max : bound.min);
    }

    function limit(bound) {
      const part = Number(bound.value) / 100;
      return Number(bound.dataset.low) + part * (Number(bound.dataset.high) - Number(bound.dataset.low));
    }

    // Judged, like a constraint of the spec, by the end of the interval that speaks against the trial.
    function keeps(point) {
      return bounds.every(bound => {
        if (loose(bound)) return true;
        const [, low, high] = point.values[bound.dataset.what];
        return bound.dataset.side === "at_most" ? high <= limit(bound) : low >= limit(bound);
      });
    }

    function tell(point) {
      shown = point;
      const title = document.createElement("b");
      title.textContent = data.words.trial.replace("#", point.number);
      const list = document.createElement("dl");
      const lines = Object.entries(point.choices).map(([name, value]) => [data.words.choices[name], value]);
      for (const [what, [value, low, high]] of Object.entries(point.values)) {
        const span = low === high ? "" : ` [${short(low)}, ${short(high)}]`;
        lines.push([data.words.what[what], short(value) + span]);
      }
      for (const [name, value] of lines) {
        list.appendChild(document.createElement("dt")).textContent = name;
        list.appendChild(document.createElement("dd")).textContent = value;
      }
      detail.replaceChildren(title, list);
      for (const spot of sheet.querySelectorAll(".spot"))
        spot.classList.toggle("shown", Number(spot.dataset.number) === point.number);
      for (const [number, row] of rows) row.classList.toggle("shown", number === point.number);
    }

    function frame(x, y, marks, up, what) {
      sheet.replaceChildren();
      for (const tick of marks) {
        made(sheet, "line", {class: "grid", x1: x(tick), x2: x(tick), y1: TOP, y2: HEIGHT - BOTTOM});
        made(sheet, "text", {class: "tick", x: x(tick), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle"}, short(tick));
      }
      for (const tick of ticks(...up)) {
        made(sheet, "line", {class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick)});
        made(sheet, "text", {class: "tick", x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end"}, short(tick));
      }
      const middle = (LEFT + WIDTH) / 2;
      made(sheet, "text", {class: "tick", x: middle, y: HEIGHT - 8, "text-anchor": "middle"}, data.words.what[what]);
      made(sheet, "text", {class: "tick", x: LEFT, y: TOP - 2}, data.words.what.utility);
      if (data.twin === null) return;
      made(sheet, "line", {class: "twin", x1: LEFT, x2: WIDTH - RIGHT, y1: y(data.twin), y2: y(data.twin)});
      if (what === "risk" && data.twin_risk !== null)
        made(sheet, "circle", {class: "spot twin-spot", cx: x(data.twin_risk), cy: y(data.twin), r: 5});
    }

    function draw() {
      const what = axis.value, all = data.points.flatMap(point => point.values[what]);
      if (what === "risk" && data.twin_risk !== null) all.push(data.twin_risk);
      const heights = data.points.flatMap(point => point.values.utility).concat(data.twin ?? []);
      const across = [Math.min(0, ...all), Math.max(...all) * 1.05 || 1];
      const {x, marks} = decades(all) ?? {x: scale(...across, LEFT, WIDTH - RIGHT), marks: ticks(...across)};
      const up = [Math.min(...heights), Math.max(...heights)], y = scale(...up, HEIGHT - BOTTOM, TOP);
      frame(x, y, marks, up, what);
      const line = data.points.filter(point => data.front.includes(point.number) && keeps(point))
        .map(point => [point.values[what][0], point.values.utility[0]]).sort((one, other) => one[0] - other[0]);
      const path = line.map(([at, high], n) => (n ? `H${x(at)}V${y(high)}` : `M${x(at)} ${y(high)}`)).join("");
      made(sheet, "path", {class: "front-line", d: path});
      let many = 0;
      for (const point of data.points) {
        const kept = keeps(point), [at, low, high] = point.values[what], [up0, up1, up2] = point.values.utility;
        many += kept;
        const group = made(sheet, "g", {class: kept ? "" : "greyed"});
        made(group, "line", {class: "reach", x1: x(at), x2: x(at), y1: y(up1), y2: y(up2)});
        if (low !== high) made(group, "line", {class: "reach", x1: x(low), x2: x(high), y1: y(up0), y2: y(up0)});
        const spot = made(group, "circle", {
          class: `spot ${point.kind}`, cx: x(at), cy: y(up0), r: point.kind === "chosen" ? 8 : 5,
          tabindex: 0, role: "button", "aria-label": data.words.trial.replace("#", point.number),
          "data-number": point.number,
        });
        for (const event of ["pointerenter", "focus", "click"]) spot.addEventListener(event, () => tell(point));
        rows.get(point.number).classList.toggle("greyed", !kept);
      }
      for (const bound of bounds)
        bound.nextElementSibling.textContent = loose(bound) ? "–" : `${data.words[bound.dataset.side]} ${short(limit(bound))}`;
      count.textContent = data.words.kept.replace("#", many).replace("%", data.points.length);
      if (shown) tell(shown);
    }

    axis.addEventListener("change", draw);
    for (const bound of bounds) bound.addEventListener("input", draw);
    for (const [number, row] of rows)
      row.addEventListener("click", () => tell(data.points.find(point => point.number === number)));
    box.classList.add("alive");
    draw();
  }

  for (const box of document.querySelectorAll(".balance")) if (box.querySelector("svg.balance-plot")) balance(box);
})();

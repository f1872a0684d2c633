// Swim lanes: vehicles one below the other, time to the right, and a colour for how bad it was. What was how bad
// comes from Python (ui/fleet/swim_lanes.py); the lanes are drawn on a canvas, and read out cell by cell.

import { arrange, element, isDark, setAttribute, styleSheet, write } from "./dom.js";
import { wordsOf, wordsOfAll } from "./swim_lane_words.js";

const STYLE = await styleSheet("./swim_lanes.css", import.meta.url);
const ROW = 19; // px
const OVERALL = 34; // px
const GAP = 1; // px between cells
const LEAST_BAR = 2; // px, so that one vehicle of a thousand is seen

const places = new WeakMap();

export default function swimLanes(component) {
  const place = component.parentElement;
  if (!places.has(place)) places.set(place, new SwimLanes(place));
  const lanes = places.get(place);
  lanes.update(component);
  return () => {
    places.delete(place);
    lanes.remove();
  };
}

class SwimLanes {
  labels = new Map();
  cursor = null; // { row, cell }; row -1 is all vehicles
  isPointedAt = false;
  isSpoken = false;

  constructor(place) {
    this.names = element("div", "names");
    this.canvas = element("canvas", "canvas");
    this.tip = element("div", "tip", { hidden: "" });
    this.times = element("div", "times", { "aria-hidden": "true" });
    this.spoken = element("div", "spoken", { "aria-live": "polite" });
    this.field = element("div", "field", {
      tabindex: "0", role: "application", "aria-roledescription": "swim lanes",
      "aria-label": "How bad each vehicle was when. Arrow keys read the cells, Enter opens the vehicle at that time.",
    }, [this.canvas, this.tip]); // prettier-ignore
    this.legend = element("div", "legend");
    this.more = element("button", "more", { type: "button", hidden: "" });
    const foot = element("div", "foot", {}, [this.legend, this.more]);
    this.root = element("div", "lanes", {}, [this.names, this.field, this.times, foot, this.spoken]);
    this.listen();
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.field);
    place.append(element("style", "", {}, [STYLE]), this.root);
  }

  listen() {
    this.names.addEventListener("click", ({ target }) => this.chooseNamed(target.closest("button")));
    this.field.addEventListener("pointermove", (event) => this.point(this.at(event)));
    this.field.addEventListener("pointerenter", (event) => (this.isPointedAt = event.pointerType === "mouse"));
    this.field.addEventListener("pointerleave", () => this.leave());
    this.field.addEventListener("click", (event) => this.open(this.at(event)));
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    this.field.addEventListener("blur", () => this.point(null));
    this.more.addEventListener("click", () => this.report("more", true));
  }

  update({ data, setTriggerValue }) {
    this.report = setTriggerValue;
    const isSame = this.data && data.rows.length === this.data.rows.length && data.chosen === this.data.chosen;
    // Lanes do not move while somebody is about to click one.
    if (this.isPointedAt && isSame) this.waiting = data;
    else this.show(data);
  }

  show(data) {
    this.data = data;
    this.waiting = null;
    this.theme = isDark(this.root) ? 1 : 0;
    this.clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zoneOf(data.zone) });
    const all = this.labels.get(null) ?? element("span", "name all", {}, ["all vehicles"]);
    this.labels.set(null, all);
    arrange(this.names, [all, ...data.rows.map((row) => this.labelOf(row))]);
    for (const id of this.labels.keys()) {
      if (id !== null && !data.rows.some((row) => row.id === id)) this.labels.delete(id);
    }
    this.more.hidden = data.more === 0;
    write(this.more, `${Math.min(20, data.more)} more vehicles`);
    this.drawLegend();
    this.drawTimes();
    this.draw();
    if (this.cursor) this.point(this.cursor, this.isSpoken);
  }

  labelOf({ id, name }) {
    if (!this.labels.has(id)) {
      const label = element("button", "name", { type: "button", title: `Choose ${name}` }, [name]);
      label.dataset.id = id;
      this.labels.set(id, label);
    }
    const label = this.labels.get(id);
    setAttribute(label, "data-chosen", id === this.data.chosen ? "true" : null);
    return label;
  }

  get cells() {
    return this.data.overall.length;
  }

  colour(name) {
    return this.data.colours[name][this.theme];
  }

  // The colour of a cell: 0 is no event, else 1 + severity.
  colourOf(value) {
    if (value === 1) return this.colour("none");
    const reached = this.data.bands.findLast(([, from]) => value - 1 >= from);
    return this.colour(reached ? reached[0] : "normal");
  }

  draw() {
    if (!this.data) return;
    const width = this.field.clientWidth;
    const height = OVERALL + this.data.rows.length * ROW;
    const scale = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    this.drawOverall(context, width / this.cells);
    this.data.rows.forEach((row, number) => this.drawLane(context, row.cells, OVERALL + number * ROW, width));
    this.drawCursor(context, width / this.cells);
  }

  // How many vehicles were at worst what, as bars on top of each other, against the busiest time.
  drawOverall(context, width) {
    const troubled = (cell) => cell.slice(2).reduce((sum, count) => sum + count, 0);
    const most = Math.max(1, ...this.data.overall.map(troubled));
    this.data.overall.forEach((cell, number) => {
      let top = OVERALL - 5;
      context.fillStyle = this.colour(cell[0] ? "normal" : "none");
      if (cell[0]) context.fillRect(number * width, top - 1, width - GAP, 1);
      for (let level = cell.length - 1; level >= 2; level -= 1) {
        if (cell[level] === 0) continue;
        const height = Math.max(LEAST_BAR, (cell[level] / most) * (OVERALL - 9));
        context.fillStyle = this.colour(this.data.bands[level - 1][0]);
        context.fillRect(number * width, top - height, width - GAP, height);
        top -= height;
      }
    });
  }

  drawLane(context, cells, top, width) {
    const step = width / cells.length;
    cells.forEach((value, number) => {
      if (value === 0) {
        context.fillStyle = this.colour("none");
        context.fillRect(number * step, top + ROW / 2, step - GAP, 1);
      } else {
        context.fillStyle = this.colourOf(value);
        context.fillRect(number * step, top + 1, step - GAP, ROW - 2);
      }
    });
  }

  drawCursor(context, width) {
    if (!this.cursor) return;
    const { row, cell } = this.cursor;
    const [top, height] = row < 0 ? [0, OVERALL - 4] : [OVERALL + row * ROW, ROW];
    context.strokeStyle = getComputedStyle(this.root).color;
    context.lineWidth = 1.5;
    context.strokeRect(cell * width - 0.5, top + 0.5, width, height - 1);
  }

  drawLegend() {
    const entries = [["normal", "normal"], ...this.data.bands.map(([name]) => [name, name])];
    const parts = entries.map(([colour, words]) => {
      const swatch = element("span", "swatch");
      swatch.style.background = this.colour(colour);
      return element("span", "entry", {}, [swatch, words]);
    });
    this.legend.replaceChildren(...parts);
  }

  drawTimes() {
    const { start, width } = this.data;
    const labels = [];
    for (let cell = 0; cell < this.cells; cell += 1) {
      const at = start + cell * width;
      const text = this.clock.format(at * 1000);
      // On the full hour of the viewer, which need not be one of UTC.
      if (!text.endsWith(":00")) continue;
      const label = element("span", "time", {}, [text]);
      label.style.left = `${(cell / this.cells) * 100}%`;
      labels.push(label);
    }
    this.times.replaceChildren(...labels);
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    const cell = Math.floor((left / box.width) * this.cells);
    const row = top < OVERALL ? -1 : Math.floor((top - OVERALL) / ROW);
    const isInside = cell >= 0 && cell < this.cells && row < this.data.rows.length;
    return isInside ? { row, cell } : null;
  }

  point(place, isSpoken = false) {
    this.cursor = place && place.row < this.data.rows.length ? place : null;
    this.isSpoken = isSpoken;
    this.draw();
    this.tip.hidden = !this.cursor;
    if (!this.cursor) return;
    const words = this.words(this.cursor);
    arrange(this.tip, []);
    this.tip.append(...words.map((line, number) => element("div", number ? "" : "first", {}, [line])));
    this.placeTip(this.cursor);
    if (isSpoken) write(this.spoken, words.join(", "));
  }

  words({ row, cell }) {
    const from = this.data.start + cell * this.data.width;
    const when = `${this.clock.format(from * 1000)}–${this.clock.format((from + this.data.width) * 1000)}`;
    if (row < 0) return [`All vehicles, ${when}`, ...wordsOfAll(this.data.overall[cell], this.data.bands)];
    const { name, cells } = this.data.rows[row];
    return [`${name}, ${when}`, wordsOf(cells[cell], this.data.bands), "Click: the vehicle at that time"];
  }

  placeTip({ row, cell }) {
    const left = ((cell + 0.5) / this.cells) * this.field.clientWidth;
    const isRight = left > this.field.clientWidth / 2;
    this.tip.style.left = isRight ? "auto" : `${left + 12}px`;
    this.tip.style.right = isRight ? `${this.field.clientWidth - left + 12}px` : "auto";
    this.tip.style.top = `${row < 0 ? 2 : OVERALL + row * ROW - 8}px`;
  }

  leave() {
    this.isPointedAt = false;
    this.point(null);
    if (this.waiting) this.show(this.waiting);
  }

  open(place) {
    if (place && place.row >= 0) this.report("moment", { vehicle: this.data.rows[place.row].id, cell: place.cell });
  }

  chooseNamed(button) {
    if (button) this.report("chosen", button.dataset.id);
  }

  pressed(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === "Enter" && this.cursor) this.open(this.cursor);
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [down, right] = moves[event.key];
    const { row, cell } = this.cursor ?? { row: -1 - down, cell: this.cells - 1 - right };
    const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
    const next = { row: clamp(row + down, -1, this.data.rows.length - 1), cell: clamp(cell + right, 0, this.cells - 1) };
    this.point(next, true);
  }

  remove() {
    this.sizes.disconnect();
    this.root.remove();
  }
}

// The zone of the viewer, unless this browser does not know it.
function zoneOf(name) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name;
  } catch {
    return undefined;
  }
}

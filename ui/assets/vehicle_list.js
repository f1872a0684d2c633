// The list of vehicles. Which rows a page of it has comes from Python (ui/fleet/vehicle_list.py); what is typed,
// scrolled to and pointed at is known here, and survives every update: rows are found again by vehicle.

import { arrange, element, isDark, setAttribute, styleSheet, write } from "./dom.js";

const STYLE = await styleSheet("./vehicle_list.css", import.meta.url);
const TYPED_AFTER = 150; // ms without a further letter after which a search is reported

const lists = new WeakMap();

export default function vehicleList(component) {
  const place = component.parentElement;
  if (!lists.has(place)) lists.set(place, new VehicleList(place));
  const list = lists.get(place);
  list.update(component);
  return () => {
    lists.delete(place);
    list.remove();
  };
}

class VehicleList {
  rows = new Map(); // id → parts of the row
  shown = []; // ids, in the order of the rows
  isPointedAt = false;

  constructor(place) {
    this.search = element("input", "search", {
      type: "search", placeholder: "Find a vehicle", "aria-label": "Part of a vehicle's id; Enter opens the first",
      autocomplete: "off", spellcheck: "false", maxlength: 200,
    }); // prettier-ignore
    this.what = element("span", "what", { "aria-live": "polite" });
    this.body = element("ul", "body", { "aria-label": "Vehicles, the worst first" });
    this.range = element("span", "range");
    this.before = element("button", "turn", { type: "button", "aria-label": "Page before" }, ["‹"]);
    this.after = element("button", "turn", { type: "button", "aria-label": "Next page" }, ["›"]);
    this.pager = element("div", "pager", {}, [this.before, this.range, this.after]);
    const bar = element("div", "bar", {}, [this.search, this.what]);
    this.root = element("div", "vehicles", {}, [bar, this.body, this.pager]);
    this.listen();
    place.append(element("style", "", {}, [STYLE]), this.root);
  }

  listen() {
    this.search.addEventListener("input", () => this.typed());
    this.search.addEventListener("keydown", (event) => this.pressed(event));
    this.before.addEventListener("click", () => this.turn(-1));
    this.after.addEventListener("click", () => this.turn(1));
    this.body.addEventListener("click", ({ target }) => this.clicked(target));
    this.body.addEventListener("pointerenter", (event) => (this.isPointedAt = event.pointerType === "mouse"));
    this.body.addEventListener("pointerleave", () => {
      this.isPointedAt = false;
      this.show();
    });
  }

  update({ data, setTriggerValue }) {
    this.report = setTriggerValue;
    this.data = data;
    const theme = isDark(this.root) ? 1 : 0;
    for (const [tone, colours] of Object.entries(data.dots)) this.root.style.setProperty(`--${tone}`, colours[theme]);
    for (const [name, pairs] of Object.entries(data.chips)) {
      this.root.style.setProperty(`--chip-${name}`, pairs[theme][0]);
      this.root.style.setProperty(`--on-${name}`, pairs[theme][1]);
    }
    this.show();
  }

  show() {
    const { rows, chosen, what, first, total, page, pages } = this.data;
    const byId = new Map(rows.map((row) => [row.id, row]));
    const isSameView = this.view === `${what} ${page}`;
    // Rows do not move while somebody is about to click one.
    const isHeld = this.isPointedAt && isSameView && this.shown.some((id) => byId.has(id));
    if (!isHeld) {
      this.shown = rows.map((row) => row.id);
      for (const id of this.rows.keys()) if (!byId.has(id)) this.rows.delete(id);
    }
    for (const id of this.shown) if (byId.has(id)) this.write(byId.get(id));
    arrange(this.body, this.shown.map((id) => this.rows.get(id).place));
    for (const [id, row] of this.rows) {
      setAttribute(row.place, "data-chosen", id === chosen ? "true" : null);
      setAttribute(row.choose, "aria-pressed", id === chosen ? "true" : "false");
    }
    if (!isSameView) this.body.scrollTop = 0;
    this.view = `${what} ${page}`;
    write(this.what, what);
    const last = Math.min(total, first + rows.length - 1);
    write(this.range, `${first.toLocaleString("en")}–${last.toLocaleString("en")} of ${total.toLocaleString("en")}`);
    this.pager.hidden = pages < 2;
    this.before.disabled = page === 0;
    this.after.disabled = page >= pages - 1;
  }

  write(row) {
    if (!this.rows.has(row.id)) this.rows.set(row.id, this.make(row));
    const parts = this.rows.get(row.id);
    setAttribute(parts.place, "data-tone", row.tone);
    parts.dot.style.background = `var(--${row.tone})`;
    setAttribute(parts.chip, "data-severity", row.alert || null);
    parts.chip.hidden = !row.alert;
    write(parts.chip, row.alert);
    write(parts.error, row.error);
    parts.meter.hidden = !row.error;
    parts.fill.style.width = `${row.level}%`;
    write(parts.state, row.state);
    write(parts.note, row.state && row.note ? ` · ${row.note}` : row.note);
    setAttribute(parts.says, "title", row.note || null);
  }

  make({ id, name }) {
    const dot = element("span", "dot", { "aria-hidden": "true" });
    const chip = element("span", "chip");
    const state = element("span", "state");
    const error = element("span", "error");
    const fill = element("span", "fill");
    const meter = element("span", "meter", { title: "Smoothed error; the mark is the threshold" }, [fill]);
    const note = element("span", "note");
    const says = element("span", "says", {}, [state, note]);
    const choose = element("button", "choose", { type: "button", title: name }, [
      dot, element("span", "name", {}, [name]), chip, meter, error, says,
    ]); // prettier-ignore
    const open = element("button", "open", { type: "button", "aria-label": `Open ${name}`, title: "Open the vehicle" }, [
      "›",
    ]);
    const place = element("li", "row", {}, [choose, open]);
    place.dataset.id = id;
    return { place, choose, dot, chip, state, error, meter, fill, note, says };
  }

  clicked(target) {
    const row = target.closest(".row");
    if (row) this.report(target.closest(".open") ? "opened" : "chosen", row.dataset.id);
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.look(0), TYPED_AFTER);
  }

  pressed(event) {
    if (event.key === "Enter" && this.search.value.trim()) {
      clearTimeout(this.typing);
      this.report("entered", this.search.value);
    } else if (event.key === "Escape" && this.search.value) {
      event.preventDefault();
      this.search.value = "";
      this.look(0);
    }
  }

  turn(pages) {
    this.look(this.data.page + pages);
  }

  look(page) {
    this.report("view", { search: this.search.value, page });
  }

  remove() {
    clearTimeout(this.typing);
    this.root.remove();
  }
}

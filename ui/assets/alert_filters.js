// The bar that chooses which alerts are listed. What can be chosen, and how many alerts that would list, comes from
// Python (ui/alerts/filters.py); what is chosen is shown at once, and reported.

import { arrange, element, setAttribute, styleSheet, write } from "./dom.js";

const STYLE = await styleSheet("./alert_filters.css", import.meta.url);
const TYPED_AFTER = 250; // ms without a further letter after which a text is reported

const bars = new WeakMap();

export default function alertFilters(component) {
  const place = component.parentElement;
  if (!bars.has(place)) bars.set(place, new FilterBar(place));
  const bar = bars.get(place);
  bar.update(component);
  return () => {
    bars.delete(place);
    bar.remove();
  };
}

class FilterBar {
  constructor(place) {
    const name = `state-${Math.random().toString(36).slice(2)}`;
    this.state = new Chips("State", "radio", name, (value) => this.choose({ state: value }));
    this.kind = new Chips("Kind", "checkbox", "", (value, isOn) => this.chooseKind(value, isOn));
    this.severity = new Select("Severity", (value) => this.choose({ severity: value }));
    this.subject = new Select("Signal", (value) => this.choose({ subject: value }));
    this.since = new Select("Opened", (value) => this.choose({ since: value }));
    this.vehicle = element("input", "vehicle", {
      type: "search", placeholder: "Find a vehicle", "aria-label": "Part of a vehicle's id", autocomplete: "off",
      spellcheck: "false", maxlength: 200,
    }); // prettier-ignore
    this.vehicle.addEventListener("input", () => this.typed());
    this.reset = element("button", "reset", { type: "button" }, ["Reset"]);
    this.reset.addEventListener("click", () => this.resetAll());
    const more = [this.vehicle, this.severity.place, this.kind.place, this.subject.place, this.since.place];
    this.root = element("div", "filters", { role: "search", "aria-label": "Filter alerts" }, [
      element("div", "line", {}, [this.state.place]),
      element("div", "line", {}, [...more, this.reset]),
    ]);
    place.append(element("style", "", {}, [STYLE]), this.root);
  }

  update(component) {
    const { chosen, choices, usual } = component.data;
    this.component = component;
    this.chosen = chosen;
    this.state.show(choices.state, [chosen.state]);
    this.kind.show(choices.kind, chosen.kind);
    for (const name of ["severity", "subject", "since"]) this[name].show(choices[name], chosen[name]);
    // What somebody is typing is newer than what comes back.
    if (!this.vehicle.matches(":focus") && this.vehicle.value !== chosen.vehicle) this.vehicle.value = chosen.vehicle;
    this.reset.hidden = usual;
  }

  choose(changes) {
    clearTimeout(this.typing);
    this.chosen = { ...this.chosen, vehicle: this.vehicle.value, ...changes };
    this.component.setTriggerValue("chosen", this.chosen);
  }

  chooseKind(value, isOn) {
    const others = this.chosen.kind.filter((kind) => kind !== value);
    this.choose({ kind: isOn ? [...others, value] : others });
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.choose({}), TYPED_AFTER);
  }

  resetAll() {
    this.vehicle.value = "";
    this.choose({ severity: "", kind: [], subject: "", since: "", vehicle: "" });
  }

  remove() {
    clearTimeout(this.typing);
    this.root.remove();
  }
}

// A row of words, each with a count: one of them is chosen (radio), or any number (checkbox).
class Chips {
  made = new Map();

  constructor(title, type, name, choose) {
    this.type = type;
    this.name = name;
    this.place = element("div", "chips", { role: type === "radio" ? "radiogroup" : "group", "aria-label": title });
    this.place.addEventListener("change", ({ target }) => choose(target.value, target.checked));
  }

  show(options, chosen) {
    const chips = options.map(([value, label, count]) => {
      if (!this.made.has(value)) this.made.set(value, this.make(value, label));
      const chip = this.made.get(value);
      chip.box.checked = chosen.includes(value);
      write(chip.count, count.toLocaleString("en"));
      chip.place.classList.toggle("none", !count);
      return chip.place;
    });
    arrange(this.place, chips);
  }

  make(value, label) {
    const box = element("input", "", { type: this.type, value, name: this.name || null });
    const count = element("span", "count");
    return { box, count, place: element("label", "chip", {}, [box, element("span", "", {}, [label]), count]) };
  }
}

class Select {
  made = new Map();

  constructor(title, choose) {
    this.select = element("select", "", { "aria-label": title });
    this.select.addEventListener("change", () => choose(this.select.value));
    this.place = element("div", "select", {}, [this.select]);
  }

  show(options, chosen) {
    const items = options.map(([value, label, count]) => {
      if (!this.made.has(value)) this.made.set(value, element("option", "", { value }));
      const item = this.made.get(value);
      write(item, `${label} (${count.toLocaleString("en")})`);
      return item;
    });
    arrange(this.select, items);
    if (this.select.value !== chosen) this.select.value = chosen;
    const [usual] = options[0];
    setAttribute(this.place, "data-chosen", chosen === usual ? null : "");
  }
}

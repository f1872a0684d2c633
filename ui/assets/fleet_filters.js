// The strip of counts at the top of the page. What is counted comes from Python (ui/fleet/filters.py); a click is
// shown at once, and reported.

import { arrange, element, isDark, setAttribute, styleSheet, write } from "./dom.js";

const STYLE = await styleSheet("./fleet_filters.css", import.meta.url);

const strips = new WeakMap();

export default function fleetFilters(component) {
  const place = component.parentElement;
  if (!strips.has(place)) strips.set(place, new Strip(place));
  const strip = strips.get(place);
  strip.update(component);
  return () => {
    strips.delete(place);
    strip.root.remove();
  };
}

class Strip {
  groups = new Map();
  choices = new Map();

  constructor(place) {
    this.root = element("div", "strip", { role: "group", "aria-label": "Show" });
    this.root.addEventListener("click", ({ target }) => this.clicked(target.closest("button")));
    place.append(element("style", "", {}, [STYLE]), this.root);
  }

  update({ data, setTriggerValue }) {
    this.report = setTriggerValue;
    const theme = isDark(this.root) ? 1 : 0;
    arrange(this.root, data.groups.map((group) => this.groupOf(group, data.dots, theme)));
  }

  groupOf({ title, choices }, dots, theme) {
    if (!this.groups.has(title)) {
      const list = element("div", "choices", { role: "group", "aria-label": title });
      const place = element("div", "group", {}, [element("span", "title", {}, [title]), list]);
      this.groups.set(title, { place, list });
    }
    const { place, list } = this.groups.get(title);
    arrange(list, choices.map((choice) => this.choiceOf(choice, dots, theme)));
    return place;
  }

  choiceOf({ name, label, short, hint, count, tone, chosen }, dots, theme) {
    if (!this.choices.has(name)) this.choices.set(name, this.make(name, label, short, hint));
    const choice = this.choices.get(name);
    write(choice.count, count.toLocaleString("en"));
    choice.dot.style.background = dots[tone]?.[theme] ?? "";
    choice.dot.hidden = !(tone in dots);
    choice.place.classList.toggle("none", count === 0);
    setAttribute(choice.place, "aria-pressed", chosen ? "true" : "false");
    return choice.place;
  }

  make(name, label, short, hint) {
    const dot = element("span", "dot", { "aria-hidden": "true" });
    const count = element("span", "count");
    const place = element("button", "choice", { type: "button", title: hint, "data-name": name }, [
      dot, count, element("span", "label", {}, [label]), element("span", "short", { "aria-hidden": "true" }, [short]),
    ]); // prettier-ignore
    return { place, dot, count };
  }

  clicked(button) {
    if (!button) return;
    const isOff = button.getAttribute("aria-pressed") === "true";
    for (const [name, { place }] of this.choices) {
      setAttribute(place, "aria-pressed", (isOff ? name === "all" : place === button) ? "true" : "false");
    }
    this.report("chosen", button.dataset.name);
  }
}

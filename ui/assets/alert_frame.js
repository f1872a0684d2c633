// What is around the rows of the list of alerts: headings, the box that selects all, what waits, and "show more".

import { element, setAttribute, write } from "./dom.js";

const HEADINGS = {
  pick: "Selected", severity: "Severity", vehicle: "Vehicle", says: "What", since: "Since", lasted: "Lasted",
  times: "Times", state: "State", act: "Action",
}; // prettier-ignore

// What can be seen needs no heading to be understood; a screen reader has to be told.
const heading = (name) => element("span", name === "pick" || name === "act" ? "spoken" : "", {}, [HEADINGS[name]]);

export class Frame {
  constructor(style) {
    this.body = element("div", "body", { role: "rowgroup" });
    this.head = element("div", "head", { role: "row" });
    this.all = element("input", "", { type: "checkbox", "aria-label": "Select all alerts that are shown" });
    this.allWords = element("span");
    this.allLabel = element("label", "all", {}, [this.all, this.allWords]);
    this.news = element("button", "news", { type: "button", hidden: "" });
    this.more = element("button", "more", { type: "button", hidden: "" });
    this.spoken = element("div", "spoken", { "aria-live": "polite" });
    this.grid = element("div", "grid", { role: "treegrid", "aria-label": "Alerts" }, [this.head, this.body]);
    const bar = element("div", "bar", {}, [this.allLabel, this.news]);
    this.root = element("div", "alerts", {}, [bar, this.grid, this.more, this.spoken]);
    this.style = element("style", "", {}, [style]);
  }

  // For somebody who may act or not, and select rows or not.
  fit({ canAct, canPick, isCompact }) {
    this.body.replaceChildren();
    this.root.classList.toggle("compact", isCompact);
    this.root.classList.toggle("picking", canPick);
    this.root.classList.toggle("acting", canAct);
    this.allLabel.hidden = !canPick;
    setAttribute(this.grid, "aria-multiselectable", canPick ? "true" : null);
    const names = Object.keys(HEADINGS).filter((name) => (name !== "pick" || canPick) && (name !== "act" || canAct));
    this.head.replaceChildren(
      ...names.map((name) => element("div", name, { role: "columnheader" }, [heading(name)])),
    );
  }

  paint(colours, isDark) {
    setAttribute(this.root, "data-theme", isDark ? "dark" : "light");
    for (const [severity, pairs] of Object.entries(colours)) {
      const [back, word] = pairs[isDark ? 1 : 0];
      this.root.style.setProperty(`--${severity}`, back);
      this.root.style.setProperty(`--on-${severity}`, word);
    }
  }

  // How many rows wait until those that are shown may move, and how many of them belong above all of these.
  announce(waiting, above) {
    const words = waiting ? `${waiting} new${above === waiting ? " above" : ""}` : "";
    this.news.hidden = !waiting;
    write(this.news, words && `${words} – show`);
    write(this.spoken, words && `${words} alerts`);
  }

  // How many of the alerts that are shown are selected, and how many are not shown.
  count(picked, shown, unlisted) {
    this.all.checked = shown > 0 && picked === shown;
    this.all.indeterminate = picked > 0 && picked < shown;
    write(this.allWords, picked ? `${picked} of ${shown} selected` : `Select all ${shown}`);
    this.more.hidden = !unlisted;
    write(this.more, unlisted ? `Show more: ${unlisted.toLocaleString("en")} are less urgent` : "");
  }

  remove() {
    this.root.remove();
    this.style.remove();
  }
}

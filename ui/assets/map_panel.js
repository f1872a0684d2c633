// The elements around the drawing: buttons, tooltip, list, hint, legend, and the summary for screen readers.

import { plain } from "./map_labels.js";
import { drawSign } from "./map_markers.js";

const HINT_FOR = 1600; // ms
const OFFSET = 14; // pixels between what is pointed at and its tooltip
const MOST_LISTED = 40;
const ICON = 18; // pixels

const ICONS = {
  zoomIn: "M12 5v14M5 12h14",
  zoomOut: "M5 12h14",
  showAll: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  follow: "M12 2v4M12 18v4M2 12h4M18 12h4M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8",
};

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function button(label, icon, onClick) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", ICONS[icon]);
  svg.append(path);
  const element = made("button", { type: "button", title: label, onclick: onClick }, svg);
  element.setAttribute("aria-label", label);
  return element;
}

function signIcon(tone, theme) {
  const ratio = window.devicePixelRatio;
  const canvas = made("canvas", { width: ICON * ratio, height: ICON * ratio });
  canvas.style.cssText = `width: ${ICON}px; height: ${ICON}px; flex: none`;
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  drawSign(context, tone, theme, ICON / 2, ICON / 2, null, undefined);
  return canvas;
}

/** ``40 vehicles, 3 with open alerts (1 critical, 2 major), 2 silent``; of a route, what was unusual. */
export function summaryOf(counts, tones, route = null) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const parts = total > 0 || route === null ? [vehiclesInWords(total, counts, tones)] : [];
  if (route !== null)
    parts.push(`a route with ${route.flagged.length} unusual of ${route.xs.length} positions`);
  return parts.join("; ");
}

function vehiclesInWords(total, counts, tones) {
  const counted = (isWanted) =>
    tones.flatMap((tone, index) =>
      counts[index] && isWanted(tone) ? [`${counts[index]} ${tone.counted}`] : [],
    );
  const troubled = counts.reduce((sum, count, index) => sum + (tones[index].isAlert ? count : 0), 0);
  const severities = troubled ? ` (${counted(({ isAlert }) => isAlert).join(", ")})` : "";
  const others = counted(({ isAlert, name }) => !isAlert && name !== "ok");
  const vehicles = `${total} ${total === 1 ? "vehicle" : "vehicles"}`;
  return [`${vehicles}, ${troubled} with open alerts${severities}`, ...others].join(", ");
}

export class Panel {
  /** Args: root: what the map is put into; actions: {zoom, showAll, follow, choose}. */
  constructor(root, actions) {
    this.actions = actions;
    this.base = made("canvas");
    this.surface = made("canvas", { className: "surface" });
    this.follow = button("Follow the chosen vehicle", "follow", () => actions.follow());
    this.buttons = made(
      "div",
      { className: "buttons" },
      made(
        "div",
        { className: "zooms" },
        button("Zoom in", "zoomIn", () => actions.zoom(1)),
        button("Zoom out", "zoomOut", () => actions.zoom(-1)),
      ),
      button("Show all", "showAll", () => actions.showAll()),
      this.follow,
    );
    this.tooltip = made("div", { className: "card tooltip", hidden: true });
    this.list = made("div", { className: "card list", hidden: true });
    this.hintBox = made("div", { className: "hint" });
    this.attribution = made("div", { className: "attribution" });
    this.empty = made(
      "div",
      { className: "empty", hidden: true },
      made("span", { textContent: "No vehicle has sent a position yet." }),
    );
    this.summary = made("p", { className: "summary", id: "summary" });
    this.legend = made("ul", { className: "legend" });
    this.stage = made(
      "div",
      { className: "stage", tabIndex: 0 },
      this.base,
      this.surface,
      this.attribution,
      this.empty,
      this.hintBox,
      this.buttons,
      this.tooltip,
      this.list,
      this.summary,
    );
    this.#describe();
    this.root = made("div", { className: "map" }, this.stage, this.legend);
    const styles = made("link", { rel: "stylesheet", href: new URL("map.css", import.meta.url).href });
    this.isStyled = new Promise((done) => (styles.onload = styles.onerror = done));
    this.root.prepend(styles);
    root.append(this.root);
  }

  #describe() {
    for (const canvas of [this.base, this.surface]) canvas.setAttribute("aria-hidden", "true");
    this.tooltip.setAttribute("role", "tooltip");
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute(
      "aria-label",
      "Map of vehicles. Arrow keys move it, plus and minus zoom, 0 shows all.",
    );
    this.stage.setAttribute("aria-describedby", "summary");
  }

  /** Says what is on the map, in the legend and for screen readers, unless it is said already. */
  showCounts(counts, theme, route) {
    const summary = summaryOf([...counts], theme.tones, route);
    const key = `${summary} ${theme.isDark}`;
    if (key === this.shownCounts) return;
    this.shownCounts = key;
    this.summary.textContent = summary;
    this.legend.replaceChildren(
      ...theme.tones.flatMap((tone, index) =>
        counts[index]
          ? [
              made(
                "li",
                {},
                signIcon(tone, theme),
                made("span", { textContent: `${counts[index].toLocaleString("en")} ${tone.counted}` }),
              ),
            ]
          : [],
      ),
    );
    this.empty.hidden = route !== null || counts.some((count) => count > 0);
  }

  showFollow(isThere, isPressed) {
    this.follow.hidden = !isThere;
    this.follow.setAttribute("aria-pressed", String(isPressed));
  }

  showAttribution(text) {
    if (this.attribution.textContent !== text) this.attribution.textContent = text;
  }

  /** Args: lines: {name, tone, lines}; x, y: what it is about; theme: null to hide it. */
  showTooltip(content, x, y, theme) {
    this.tooltip.hidden = content === null;
    this.surface.classList.toggle("points", content !== null);
    if (content === null) return;
    const tone =
      content.tone &&
      made(
        "div",
        { className: "tone" },
        signIcon(content.tone, theme),
        made("span", { textContent: content.tone.words }),
      );
    const lines = content.lines.map((line) => made("div", { textContent: plain(line, 200) }));
    this.tooltip.replaceChildren(
      made("div", { className: "name", textContent: content.name }),
      ...(tone ? [tone] : []),
      ...lines,
    );
    this.#place(this.tooltip, x, y);
  }

  /** A list of vehicles {id, name, tone} to choose from. */
  showList(title, vehicles, x, y, theme) {
    const choose = (id) => () => (this.hideList(), this.stage.focus(), this.actions.choose(id));
    const rows = vehicles
      .slice(0, MOST_LISTED)
      .map(({ id, name, tone }) =>
        made(
          "button",
          { type: "button", onclick: choose(id) },
          signIcon(tone, theme),
          made("span", { textContent: name }),
          made("span", { className: "words", textContent: tone.words }),
        ),
      );
    const more = vehicles.length - rows.length;
    this.list.replaceChildren(
      made("p", { textContent: title }),
      ...rows,
      ...(more > 0 ? [made("p", { textContent: `and ${more} more` })] : []),
    );
    this.list.hidden = false;
    this.#place(this.list, x, y);
    rows[0]?.focus();
  }

  hideList() {
    this.list.hidden = true;
  }

  hint(text) {
    this.hintBox.textContent = text;
    this.hintBox.classList.add("shown");
    clearTimeout(this.hintTimer);
    this.hintTimer = setTimeout(() => this.hintBox.classList.remove("shown"), HINT_FOR);
  }

  /** Beside a pixel, on the side that has room for it. */
  #place(card, x, y) {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const left =
      x + OFFSET + card.offsetWidth <= width ? x + OFFSET : Math.max(4, x - OFFSET - card.offsetWidth);
    const top = Math.max(4, Math.min(y + OFFSET, height - card.offsetHeight - 4));
    card.style.left = `${left}px`;
    card.style.top = `${top}px`;
  }
}

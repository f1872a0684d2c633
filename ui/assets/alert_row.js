// One row of the list of alerts: made once, then written into.

import { duration, element, setAttribute, write } from "./dom.js";

export const SEVERITIES = ["warning", "minor", "major", "critical"];

const CELLS = ["pick", "severity", "vehicle", "says", "since", "lasted", "times", "state", "act"];
const QUIET = new Set(["muted", "cleared"]);

export function makeRow(canPick, canAct) {
  const row = element("div", "row", { role: "row", tabindex: -1 });
  const cells = Object.fromEntries(CELLS.map((name) => [name, element("div", name, { role: "gridcell" })]));
  const parts = {
    row,
    ...cells,
    box: element("input", "", { type: "checkbox", tabindex: -1, "data-do": "pick" }),
    badge: element("span", "badge"),
    words: element("span", "words"),
    rare: element("span", "rare"),
    caret: element("span", "caret", { "aria-hidden": "true" }),
    name: element("button", "name", { type: "button", tabindex: -1, "data-do": "vehicle" }),
    many: element("span", "many"),
    button: element("button", "acknowledge", { type: "button", tabindex: -1, "data-do": "acknowledge" }, [
      "Acknowledge",
    ]),
  };
  cells.pick.append(parts.box);
  cells.severity.append(parts.badge);
  cells.says.append(parts.words, " ", parts.rare);
  cells.vehicle.append(parts.caret, parts.name, parts.many);
  cells.act.append(parts.button);
  const shown = CELLS.filter((name) => (name !== "pick" || canPick) && (name !== "act" || canAct));
  row.append(...shown.map((name) => cells[name]));
  return parts;
}

// What a line says, whether it is an alert or a group.
export function contentOf(line, alerts) {
  const members = line.ids.map((id) => alerts.get(id)).filter(Boolean);
  const severity = Math.max(...members.map((alert) => alert.severity));
  const isOver = members.every((alert) => alert.ended);
  const [only] = members;
  return {
    members,
    severity: SEVERITIES[severity],
    isQuiet: members.every((alert) => QUIET.has(alert.tone) || alert.isGone),
    isGone: members.every((alert) => alert.isGone),
    began: Math.min(...members.map((alert) => alert.began)),
    ended: isOver ? Math.max(...members.map((alert) => alert.ended)) : 0,
    times: members.reduce((sum, alert) => sum + alert.times, 0),
    waiting: members.filter((alert) => alert.waits).map((alert) => alert.id),
    who: line.isGroup ? line.who : only.who,
    says: line.isGroup ? line.says : only.says,
    rare: line.isGroup ? "" : only.rare,
    since: line.isGroup ? line.since : only.since,
    state: line.isGroup ? line.state : only.state,
    tone: line.isGroup ? "" : only.tone,
    vehicle: line.isGroup ? "" : only.vehicle,
  };
}

export function writeRow(parts, line, content, look) {
  const { row } = parts;
  row.dataset.key = line.key;
  setAttribute(row, "data-severity", content.severity);
  setAttribute(row, "data-tone", content.tone || null);
  setAttribute(row, "aria-level", line.level);
  setAttribute(row, "aria-expanded", String(look.isExpanded));
  setAttribute(row, "aria-selected", look.canPick ? String(look.picked === "all") : null);
  row.classList.toggle("quiet", content.isQuiet);
  row.classList.toggle("gone", content.isGone);
  row.classList.toggle("member", line.level > 1);
  row.classList.toggle("chosen", look.isChosen);
  row.classList.toggle("picked", look.picked !== "none");
  parts.box.checked = look.picked === "all";
  parts.box.indeterminate = look.picked === "some";
  setAttribute(parts.box, "aria-label", `Select ${content.who}: ${content.says}`);
  write(parts.badge, content.severity);
  parts.caret.hidden = !line.isGroup;
  const isLink = !line.isGroup && content.vehicle !== "";
  parts.name.hidden = !isLink;
  write(parts.name, isLink ? content.who : "");
  write(parts.many, isLink ? "" : content.who);
  setAttribute(parts.name, "title", `${content.who}: show this vehicle`);
  write(parts.words, content.says);
  write(parts.rare, content.rare);
  write(parts.since, content.since);
  write(parts.times, `${content.times}×`);
  setAttribute(parts.times, "title", `opened ${content.times === 1 ? "once" : `${content.times} times`}`);
  parts.times.classList.toggle("once", content.times === 1);
  write(parts.state, content.isGone ? `${content.state} · no longer in this list` : content.state);
  writeButton(parts, line, content, look.isPending);
}

function writeButton(parts, line, content, isPending) {
  const { button } = parts;
  const many = content.waiting.length;
  button.hidden = !many && !isPending;
  button.disabled = isPending;
  const label = line.isGroup && many < line.ids.length ? `Acknowledge ${many}` : "Acknowledge";
  write(button, isPending ? "Sending…" : label);
  setAttribute(button, "aria-label", `${label}: ${content.who}, ${content.says}`);
}

// For how long, which changes with every second.
export function writeLasted(parts, content, now) {
  write(parts.lasted, duration((content.ended || now) - content.began));
}

// The check box and the buttons of one row at a time are reached with the Tab key.
export function letIn(parts, isCurrent) {
  const index = isCurrent ? 0 : -1;
  for (const target of [parts.row, parts.box, parts.name, parts.button]) setAttribute(target, "tabindex", index);
}

// The list of alerts. Python says what is to be shown (ui/alerts/rows.py); what is selected, opened, pointed at and
// scrolled to is known here, and survives every update, since rows are found again by the ids of their alerts.

import { makeDetail, writeDetail } from "./alert_detail.js";
import { Frame } from "./alert_frame.js";
import { Hold } from "./alert_hold.js";
import { onKey } from "./alert_keys.js";
import { alertsOf, heldRows, linesOf, rowsOf } from "./alert_order.js";
import { Picks } from "./alert_picks.js";
import { contentOf, letIn, makeRow, writeLasted, writeRow } from "./alert_row.js";
import { arrange, isDark, styleSheet } from "./dom.js";

const STYLE = await styleSheet("./alert_list.css", import.meta.url);
const REPORT_AFTER = 120; // ms without a further click after which a selection is reported
const ASK_AGAIN_AFTER = 3000; // ms without the details of an alert after which they are asked for again
const FRESH_FOR = 4000; // ms for which a row that has come is marked

// Moments of the page's clock → when this browser heard of them first: a list that is drawn anew goes on counting.
const heard = new Map();
const lists = new WeakMap();

export default function alertList(component) {
  const place = component.parentElement;
  if (!lists.has(place)) lists.set(place, new AlertList(place));
  const list = lists.get(place);
  list.update(component);
  return () => {
    lists.delete(place);
    list.remove();
  };
}

class AlertList {
  picks = new Picks();
  alerts = new Map();
  rows = [];
  lines = [];
  opened = new Set(); // ids of all alerts in opened groups: a group stays open when its alerts come and go
  detailOf = null;
  current = null;
  pending = new Set(); // ids of alerts whose acknowledgement is on its way
  made = new Map(); // key of a line → parts of its row
  contents = new Map();
  detail = makeDetail();
  frame = new Frame(STYLE);

  constructor(place) {
    const { root, grid, body, all, news, more, style } = this.frame;
    place.append(style, root);
    this.hold = new Hold(root, () => this.release());
    body.addEventListener("click", (event) => this.clicked(event));
    grid.addEventListener("keydown", (event) => onKey(event, this));
    grid.addEventListener("focusin", (event) => this.focused(event.target));
    all.addEventListener("change", () => this.pickAll(all.checked));
    news.addEventListener("click", () => this.show(true));
    more.addEventListener("click", () => this.askForMore());
    this.timer = setInterval(() => this.tick(), 1000);
  }

  update(component) {
    const { data } = component;
    const isFirst = !this.component;
    this.component = component;
    if (!heard.has(data.now)) heard.set(data.now, performance.now());
    const mode = `${data.acts} ${data.compact}`;
    if (mode !== this.mode) this.begin(mode, data);
    if (data.answers !== this.answers) this.pending.clear();
    this.answers = data.answers;
    const isOther = data.view !== this.view;
    if (!isFirst && (isOther || data.rounds !== this.rounds)) this.clearPicks();
    this.rounds = data.rounds;
    this.view = data.view;
    this.frame.paint(data.colours, isDark(this.frame.root));
    this.show(isOther || this.wantsMore);
    this.wantsMore = false;
  }

  // What depends on what the viewer may do; nothing of it changes while a list is looked at, as a rule.
  begin(mode, data) {
    this.mode = mode;
    this.canAct = data.acts;
    this.canPick = data.acts && !data.compact;
    this.made.clear();
    this.frame.fit({ canAct: this.canAct, canPick: this.canPick, isCompact: data.compact });
  }

  // Rows do not move while somebody is about to click one, has selected some, or reads the details of one.
  get isHeld() {
    return this.hold.isOn || this.picks.ids.size > 0 || this.detailOf !== null;
  }

  // Takes over what has come; `isFree` lets rows move even if they are held.
  show(isFree = false) {
    const { data } = this.component;
    const incoming = rowsOf(data);
    const isHeld = this.isHeld && !isFree && this.rows.length > 0;
    const held = isHeld ? heldRows(this.rows, incoming) : { rows: incoming, waiting: 0, above: 0 };
    const before = this.alerts;
    this.alerts = alertsOf(data.alerts, before, isHeld ? held.rows.flatMap((row) => row.ids) : []);
    this.rows = held.rows;
    this.fresh = before.size ? new Set([...this.alerts.keys()].filter((id) => !before.has(id))) : new Set();
    this.isBehind = isHeld;
    if (this.picks.keepOnly(this.alerts)) this.report();
    if (this.detailOf !== null && !this.alerts.has(this.detailOf)) this.openDetail(null);
    this.frame.announce(held.waiting, held.above);
    this.draw();
  }

  draw() {
    this.lines = linesOf(this.rows, this.opened);
    if (!this.lines.some((line) => line.key === this.current)) this.current = this.lines[0]?.key ?? null;
    const placed = this.lines.flatMap((line) => this.drawLine(line));
    arrange(this.frame.body, placed);
    const keys = new Set(this.lines.map((line) => line.key));
    for (const key of this.made.keys()) {
      if (keys.has(key)) continue;
      this.made.delete(key);
      this.contents.delete(key);
    }
    const shown = this.rows.flatMap((row) => row.ids);
    this.frame.count(this.picks.ids.size, shown.length, this.component.data.more);
    this.tick();
  }

  drawLine(line) {
    if (!this.made.has(line.key)) this.made.set(line.key, this.newRow(line));
    const parts = this.made.get(line.key);
    const content = contentOf(line, this.alerts);
    const isOpen = !line.isGroup && line.key === this.detailOf;
    this.contents.set(line.key, content);
    writeRow(parts, line, content, {
      canPick: this.canPick,
      picked: this.picks.of(line.ids),
      isChosen: content.members.some((alert) => alert.vehicle && alert.vehicle === this.component.data.chosen),
      isExpanded: line.isOpened || isOpen,
      isPending: line.ids.some((id) => this.pending.has(id)),
    });
    letIn(parts, line.key === this.current);
    if (!isOpen) return [parts.row];
    writeDetail(this.detail, this.component.data.detail, line.key);
    return [parts.row, this.detail.row];
  }

  newRow(line) {
    const parts = makeRow(this.canPick, this.canAct);
    if (line.ids.some((id) => this.fresh?.has(id))) {
      parts.row.classList.add("fresh");
      setTimeout(() => parts.row.classList.remove("fresh"), FRESH_FOR);
    }
    return parts;
  }

  tick() {
    if (document.hidden) return;
    const { now } = this.component.data;
    const moment = now + (performance.now() - heard.get(now)) / 1000;
    for (const [key, parts] of this.made) writeLasted(parts, this.contents.get(key), moment);
    if (this.isOwedDetail) this.askForDetail();
    this.release();
  }

  // What has waited is shown when nothing holds the rows any more.
  release() {
    if (this.isBehind && !this.isHeld) this.show();
  }

  focused(target) {
    const key = target.closest(".row")?.dataset.key;
    if (key === undefined || key === this.current) return;
    if (this.made.has(this.current)) letIn(this.made.get(this.current), false);
    this.current = key;
    letIn(this.made.get(key), true);
  }

  clicked(event) {
    const row = event.target.closest(".row");
    const what = event.target.closest("[data-do]")?.dataset.do;
    if (what === "visit") return this.component.setTriggerValue("vehicle", { alert: this.detailOf });
    if (!row) return undefined;
    const key = row.dataset.key;
    const content = this.contents.get(key);
    if (what === "vehicle") return this.component.setTriggerValue("vehicle", { id: content.vehicle });
    if (what === "acknowledge") return this.acknowledge(content.waiting);
    if (what === "pick" || (event.target.closest(".pick") && this.canPick)) return this.pick(key, event.shiftKey);
    if (event.shiftKey && this.canPick) return this.pick(key, true);
    // Whoever marks words to copy them does not want the row to open.
    const tree = this.frame.root.getRootNode();
    const words = tree.getSelection ? tree.getSelection() : document.getSelection();
    return words?.type === "Range" ? undefined : this.toggle(key);
  }

  askForMore() {
    this.wantsMore = true;
    this.component.setTriggerValue("more", true);
  }

  acknowledge(ids) {
    if (!ids.length) return;
    for (const id of ids) this.pending.add(id);
    this.component.setTriggerValue("acknowledge", ids);
    this.draw();
  }

  pick(key, isRange) {
    this.picks.toggle(this.lines, key, isRange);
    this.picked();
  }

  pickAll(isPicked) {
    this.picks.set(this.rows.flatMap((row) => row.ids), isPicked);
    this.picked();
  }

  picked() {
    this.draw();
    this.report();
    this.release();
  }

  clearPicks() {
    this.picks.clear();
    this.report();
  }

  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(
      () => this.component.setStateValue("selected", [...this.picks.ids]),
      REPORT_AFTER,
    );
  }

  toggle(key) {
    const line = this.lines.find((each) => each.key === key);
    return this.expand(key, line.isGroup ? !line.isOpened : this.detailOf !== key);
  }

  expand(key, isOpen) {
    const line = this.lines.find((each) => each.key === key);
    if (line.isGroup) {
      for (const id of line.ids) isOpen ? this.opened.add(id) : this.opened.delete(id);
    } else if (isOpen || this.detailOf === key) {
      this.openDetail(isOpen ? key : null);
    } else if (line.level > 1) {
      return this.focus(this.lines.find((each) => each.isGroup && each.ids.includes(key)).key);
    }
    return this.draw();
  }

  openDetail(id) {
    if (this.detailOf === id) return;
    this.detailOf = id;
    this.askForDetail();
  }

  askForDetail() {
    this.askedAt = performance.now();
    this.component.setStateValue("opened", this.detailOf);
  }

  // A run of the page that is overtaken by another one may not have drawn what was asked for.
  get isOwedDetail() {
    const isThere = this.component.data.detail?.id === this.detailOf;
    const alert = this.alerts.get(this.detailOf);
    const isOwed = alert !== undefined && !alert.isGone && !isThere;
    return isOwed && performance.now() - this.askedAt > ASK_AGAIN_AFTER;
  }

  move(key, by, isPicking) {
    const at = this.lines.findIndex((line) => line.key === key);
    const target = this.lines[Math.min(this.lines.length - 1, Math.max(0, at + by))];
    if (isPicking && this.canPick && target.key !== key) {
      if (this.picks.of(this.lines[at].ids) !== "all") this.picks.toggle(this.lines, key, false);
      this.picks.anchor = key;
      this.picks.toggle(this.lines, target.key, true);
      this.picked();
    }
    this.focus(target.key);
  }

  focus(key) {
    const { row } = this.made.get(key);
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  // Closes the details; then selects nothing. Returns whether there was anything to step back from.
  stepBack() {
    if (this.detailOf !== null) {
      this.openDetail(null);
      this.draw();
      return true;
    }
    if (!this.picks.ids.size) return false;
    this.picks.clear();
    this.picked();
    return true;
  }

  remove() {
    clearInterval(this.timer);
    clearTimeout(this.reporting);
    this.frame.remove();
  }
}

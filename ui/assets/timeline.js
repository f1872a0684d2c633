// The time of a recording as a strip: how much was sent when, what of it was unusual, where alerts were opened,
// and the moment that is shown. A click or a drag jumps; so do the arrow keys.

const STEP = 60; // s, of an arrow key
const LONG_STEP = 600; // s, of an arrow key with shift
const NEAR = 6; // pixels within which a mark is meant

const STYLE = `
:host { display: block; width: 100% }
.strip { position: relative; height: 76px; cursor: pointer; touch-action: none; outline: none; border-radius: 6px;
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); user-select: none }
.strip:focus-visible { box-shadow: 0 0 0 2px var(--st-primary-color) }
canvas { position: absolute; inset: 0; width: 100%; height: 100% }
.past { position: absolute; inset: 0 auto 0 0; pointer-events: none; opacity: 0.10;
  background: var(--st-primary-color) }
.head { position: absolute; top: -4px; bottom: -4px; width: 2px; margin-left: -1px; pointer-events: none;
  background: var(--st-text-color); border-radius: 2px }
.head::before { content: ""; position: absolute; top: -3px; left: -5px; width: 12px; height: 12px;
  border-radius: 50%; background: var(--st-text-color) }
.hint { position: absolute; bottom: 100%; margin-bottom: 8px; transform: translateX(-50%); padding: 3px 8px;
  font: 12px var(--st-font); color: var(--st-background-color); background: var(--st-text-color);
  border-radius: 5px; pointer-events: none; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  max-width: min(420px, 90vw); z-index: 5 }
.hint[hidden] { display: none }
.ends { display: flex; justify-content: space-between; margin-top: 4px; font: 12px var(--st-font);
  color: var(--st-text-color); opacity: 0.7; font-variant-numeric: tabular-nums }
.all { padding: 30px 8px 2px 8px }
`;

const strips = new WeakMap();

const element = (name, className, parent) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  parent.append(made);
  return made;
};

class Strip {
  constructor(parent) {
    element("style", "", parent).textContent = STYLE;
    const all = element("div", "all", parent);
    this.strip = element("div", "strip", all);
    this.canvas = element("canvas", "", this.strip);
    this.past = element("div", "past", this.strip);
    this.head = element("div", "head", this.strip);
    this.hint = element("div", "hint", this.strip);
    this.hint.hidden = true;
    const ends = element("div", "ends", all);
    this.first = element("span", "", ends);
    this.last = element("span", "", ends);
    this.strip.tabIndex = 0;
    this.strip.setAttribute("role", "slider");
    this.strip.setAttribute("aria-label", "Time of the replay");
    this.dragged = null;
    this.listen();
    this.observer = new ResizeObserver(() => this.paint());
    this.observer.observe(this.strip);
  }

  listen() {
    this.strip.addEventListener("pointerdown", (event) => {
      this.strip.setPointerCapture(event.pointerId);
      this.dragged = this.meant(event);
      this.place();
    });
    this.strip.addEventListener("pointermove", (event) => {
      if (this.dragged !== null) this.dragged = this.timeAt(event);
      this.tell(event);
      this.place();
    });
    this.strip.addEventListener("pointerup", () => {
      if (this.dragged !== null) this.jump(this.dragged);
      this.dragged = null;
    });
    this.strip.addEventListener("pointercancel", () => {
      this.dragged = null;
      this.place();
    });
    this.strip.addEventListener("pointerleave", () => (this.hint.hidden = true));
    this.strip.addEventListener("keydown", (event) => {
      const target = this.keyTarget(event);
      if (target === undefined) return;
      event.preventDefault();
      this.jump(target);
    });
  }

  keyTarget({ key, shiftKey }) {
    const { start, end, at } = this.data;
    const step = shiftKey ? LONG_STEP : STEP;
    return { ArrowLeft: at - step, ArrowRight: at + step, Home: start, End: end }[key];
  }

  jump(at) {
    const { start, end } = this.data;
    this.data = { ...this.data, at: Math.min(Math.max(at, start), end) };
    this.place();
    this.report(this.data.at);
  }

  update(data, report) {
    const isNew = JSON.stringify([data.columns, data.marks, data.zone]) !== this.drawn;
    this.data = data;
    this.report = report;
    if (isNew) {
      this.drawn = JSON.stringify([data.columns, data.marks, data.zone]);
      this.format = formatter(data);
      this.first.textContent = this.format(data.start);
      this.last.textContent = this.format(data.end);
      this.strip.setAttribute("aria-valuemin", data.start);
      this.strip.setAttribute("aria-valuemax", data.end);
      this.paint();
    }
    this.place();
  }

  share(at) {
    const { start, end } = this.data;
    return end > start ? Math.min(Math.max((at - start) / (end - start), 0), 1) : 0;
  }

  place() {
    const at = this.dragged ?? this.data.at;
    const left = `${100 * this.share(at)}%`;
    this.head.style.left = left;
    this.past.style.width = left;
    this.strip.setAttribute("aria-valuenow", Math.round(at));
    this.strip.setAttribute("aria-valuetext", this.format(at));
  }

  timeAt(event) {
    const box = this.strip.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    return this.data.start + share * (this.data.end - this.data.start);
  }

  markAt(event) {
    const box = this.strip.getBoundingClientRect();
    const distance = (mark) => Math.abs(event.clientX - box.left - this.share(mark.at) * box.width);
    const nearest = this.data.marks.reduce((best, mark) => (!best || distance(mark) < distance(best) ? mark : best), null);
    return nearest && distance(nearest) <= NEAR ? nearest : null;
  }

  meant(event) {
    return this.markAt(event)?.at ?? this.timeAt(event);
  }

  tell(event) {
    const mark = this.dragged === null ? this.markAt(event) : null;
    const at = mark?.at ?? this.timeAt(event);
    this.hint.textContent = mark ? `${this.format(mark.at)} · ${mark.text}` : this.format(at);
    this.hint.hidden = false;
    const box = this.strip.getBoundingClientRect();
    const half = this.hint.offsetWidth / 2;
    const middle = this.share(at) * box.width;
    this.hint.style.left = `${Math.min(Math.max(middle, half), Math.max(box.width - half, half))}px`;
  }

  paint() {
    if (!this.data) return;
    const { clientWidth: width, clientHeight: height } = this.strip;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    this.paintColumns(pen, width, height);
    this.paintMarks(pen, width);
  }

  paintColumns(pen, width, height) {
    const { columns, colours } = this.data;
    const most = Math.max(1, ...columns.map(([events]) => events));
    const step = width / columns.length;
    const room = height - 22;
    columns.forEach(([events, anomalies], number) => {
      if (!events) return;
      const tall = Math.max(2, (events / most) * room);
      // The square root: one per mille of unusual events must still be visible.
      const unusual = Math.sqrt(anomalies / events) * tall;
      pen.fillStyle = colours.events;
      pen.fillRect(number * step, height - tall, Math.max(1, step - 0.5), tall);
      pen.fillStyle = colours.anomalies;
      pen.fillRect(number * step, height - unusual, Math.max(1, step - 0.5), unusual);
    });
  }

  paintMarks(pen, width) {
    const { marks, colours } = this.data;
    for (const mark of marks) {
      const left = this.share(mark.at) * width;
      pen.fillStyle = mark.colour;
      pen.beginPath();
      pen.moveTo(left - 5, 3);
      pen.lineTo(left + 5, 3);
      pen.lineTo(left, 13);
      pen.closePath();
      pen.fill();
      pen.strokeStyle = colours.outline;
      pen.stroke();
    }
  }
}

const formatter = ({ start, end, zone, locale }) => {
  const isShort = end - start < 86400;
  const date = isShort ? {} : { day: "numeric", month: "short" };
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(locale, { ...date, ...time, timeZone: zone });
  return (at) => format.format(new Date(at * 1000));
};

export default function timeline({ data, parentElement, setTriggerValue }) {
  let strip = strips.get(parentElement);
  if (!strip) {
    strip = new Strip(parentElement);
    strips.set(parentElement, strip);
  }
  strip.update(data, (at) => setTriggerValue("jump", at));
  return () => {
    strip.observer.disconnect();
    strips.delete(parentElement);
    parentElement.replaceChildren();
  };
}

// What is known of one alert, below its row: signals, times, and what happened step by step.

import { element, write } from "./dom.js";

export function makeDetail() {
  const parts = {
    signals: element("div", "signals"),
    facts: element("dl", "facts"),
    band: element("div", "band", { role: "img" }),
    steps: element("ol", "steps"),
    note: element("p", "note"),
    visit: element("button", "visit", { type: "button", "data-do": "visit" }),
    written: {},
  };
  const left = element("div", "left", {}, [parts.signals, parts.facts, parts.visit]);
  const right = element("div", "right", {}, [
    element("h2", "", {}, ["What happened"]),
    parts.band,
    parts.steps,
    parts.note,
  ]);
  const cell = element("div", "cell", { role: "gridcell" }, [left, right]);
  parts.row = element("div", "detail", { role: "row" }, [cell]);
  return parts;
}

// Until the details have come, it is empty; those of an alert that is no longer in the list stay as they were.
export function writeDetail(parts, detail, id) {
  const isThere = detail?.id === id;
  if (!isThere && parts.shown === id) return;
  parts.shown = isThere ? id : null;
  parts.row.dataset.alert = id;
  parts.row.classList.toggle("loading", !isThere);
  parts.row.setAttribute("aria-busy", String(!isThere));
  const blocks = {
    signals: [parts.signals, (block) => block.map(signalRow)],
    facts: [parts.facts, (block) => block.map(factPair)],
    steps: [parts.steps, (block) => block.map(stepItem)],
    spans: [parts.band, (block) => block.map(spanBar)],
  };
  for (const [name, [place, build]] of Object.entries(blocks)) {
    const value = isThere ? detail[name] : [];
    const text = JSON.stringify(value);
    if (parts.written[name] === text) continue;
    parts.written[name] = text;
    place.replaceChildren(...build(value));
    place.hidden = !value.length;
  }
  parts.band.setAttribute("aria-label", isThere ? spokenBand(detail) : "");
  write(parts.note, isThere ? detail.note : "Loading…");
  write(parts.visit, isThere && detail.visit ? `Show ${detail.visit}` : "");
  parts.visit.hidden = !(isThere && detail.visit);
}

function signalRow({ name, actual, typical, is, share }) {
  const bar = element("span", "share", { title: `${Math.round(share * 100)} % of the deviation` });
  bar.style.setProperty("--share", share);
  return element("div", "signal", {}, [
    element("span", "signal-name", {}, [name]),
    element("span", "actual", {}, [actual]),
    element("span", "typical", {}, [typical ? `${is} ${typical}` : ""]),
    bar,
  ]);
}

function factPair([name, value]) {
  return element("div", "", {}, [element("dt", "", {}, [name]), element("dd", "", {}, [value])]);
}

function stepItem([when, words, tone]) {
  return element("li", "", { "data-tone": tone }, [
    element("time", "", {}, [when]),
    element("span", "words", {}, [words]),
  ]);
}

function spanBar([start, end, severity]) {
  const bar = element("span", "span", { "data-severity": severity, title: severity });
  bar.style.left = `${start * 100}%`;
  bar.style.width = `max(3px, ${(end - start) * 100}%)`;
  return bar;
}

function spokenBand({ spans }) {
  const parts = spans.map(([start, end, severity]) => `${Math.round((end - start) * 100)} % ${severity}`);
  return `Of the whole time it was open: ${parts.join(", ")}`;
}

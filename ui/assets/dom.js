// Elements of the page. Text is always text: nothing here reads markup.

export function element(tag, className = "", attributes = {}, children = []) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

// An attribute that is null or false is absent. Nothing is touched that is as it should be: a screen reader would
// read it again, and a style would be computed again.
export function setAttribute(target, name, value) {
  if (value === null || value === undefined || value === false) {
    if (target.hasAttribute(name)) target.removeAttribute(name);
  } else if (target.getAttribute(name) !== String(value)) {
    target.setAttribute(name, value);
  }
}

export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// Makes the children of a parent the given ones, in this order, and leaves those alone that are in their place.
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let place = parent.firstElementChild;
  for (const child of children) {
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

// A style sheet beside the module that asks for it.
export async function styleSheet(file, base) {
  const answer = await fetch(new URL(file, base));
  if (!answer.ok) throw new Error(`expected the style sheet ${file} from the page's server, got ${answer.status}`);
  return answer.text();
}

// Whether the page is dark, by the lightness of its background.
export function isDark(target) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = getComputedStyle(target).getPropertyValue("--st-background-color").trim() || "white";
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

// As ui/formatting.py writes durations: "32 s", "5 min", "3 h", "2 d".
export function duration(seconds) {
  const positive = Math.max(0, seconds);
  for (const [size, unit, end] of [[1, "s", 99.5], [60, "min", 99.5 * 60], [3600, "h", 47.5 * 3600]]) {
    if (positive < end) return `${Math.round(positive / size)} ${unit}`;
  }
  return `${Math.round(positive / 86400)} d`;
}

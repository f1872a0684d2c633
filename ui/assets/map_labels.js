// Names beside markers, as many as there is room for: the first ones that are placed have precedence.

const GAP = 4; // pixels between a marker and its name
const HEIGHT = 14; // pixels
const LONGEST = 24; // characters
const MOST_WIDTHS = 5000; // kept

const widths = new Map();

/** A foreign text on one line, without control characters or marks that change the direction of writing. */
export function plain(text, longest = LONGEST) {
  const characters = [...String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\uFFFD")];
  if (characters.length <= longest) return characters.join("");
  return `${characters.slice(0, longest - 1).join("")}…`;
}

function widthOf(context, text) {
  const key = `${context.font}\n${text}`;
  if (!widths.has(key)) {
    if (widths.size > MOST_WIDTHS) widths.clear();
    widths.set(key, context.measureText(text).width);
  }
  return widths.get(key);
}

/** Where a name of some width can stand: right, left, below, above. */
function slotsAround(x, y, radius, width) {
  const [beside, half] = [radius + GAP, HEIGHT / 2];
  return [
    { left: x + beside, top: y - half },
    { left: x - beside - width, top: y - half },
    { left: x - width / 2, top: y + beside - 1 },
    { left: x - width / 2, top: y - beside - HEIGHT + 1 },
  ].map((slot) => ({ ...slot, right: slot.left + width, bottom: slot.top + HEIGHT }));
}

const overlap = (one, other) =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

export class Labels {
  /** Args: context: draws; theme: colours, font; remembered: id → slot, so that a name stays on its side. */
  constructor(context, theme, width, height, remembered = new Map()) {
    Object.assign(this, { context, theme, width, height, remembered, taken: [] });
  }

  /** Keeps the place of a marker free. */
  block(x, y, radius) {
    this.taken.push({ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius });
  }

  /** Draws a name beside a marker if there is room, or in any case if it `isNeeded`; says whether it did. */
  place(
    text,
    x,
    y,
    radius,
    { id = text, weight = 500, size = 12, isNeeded = false, colour = this.theme.text } = {},
  ) {
    this.context.font = `${weight} ${size}px ${this.theme.font}`;
    const slots = slotsAround(x, y, radius, widthOf(this.context, text));
    const order = [this.remembered.get(id) ?? 0, 0, 1, 2, 3];
    const found = order.find((number) => this.#isFree(slots[number])) ?? (isNeeded ? order[0] : undefined);
    if (found === undefined) return false;
    this.remembered.set(id, found);
    this.taken.push(slots[found]);
    this.#write(text, slots[found], colour);
    return true;
  }

  #isFree(slot) {
    const isInside =
      slot.left >= 0 && slot.top >= 0 && slot.right <= this.width && slot.bottom <= this.height;
    return isInside && !this.taken.some((other) => overlap(slot, other));
  }

  #write(text, { left, bottom }, colour) {
    const { context, theme } = this;
    context.textAlign = "left";
    context.lineJoin = "round";
    context.lineWidth = 3.5;
    context.strokeStyle = theme.halo;
    context.strokeText(text, left, bottom - 3);
    context.fillStyle = colour;
    context.fillText(text, left, bottom - 3);
  }
}

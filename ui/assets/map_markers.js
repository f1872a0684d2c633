// The signs on the map: a shape for each tone, so that it can be told without seeing the colour; clusters.

const TURN = 2 * Math.PI;
const LEAST_ARC = TURN / 24; // one vehicle in trouble among thousands is still seen

const BADGE_RADIUS = 6;
const RING_WIDTH = 4;

function polygon(...points) {
  const path = new Path2D();
  points.forEach(([x, y]) => path.lineTo(x, y));
  path.closePath();
  return path;
}

function regular(corners, turn) {
  const angles = Array.from({ length: corners }, (_, corner) => ((corner + turn) * TURN) / corners);
  return polygon(...angles.map((angle) => [Math.sin(angle), -Math.cos(angle)]));
}

function disc() {
  const path = new Path2D();
  path.arc(0, 0, 1, 0, TURN);
  return path;
}

const ARROW = polygon([0, -1.3], [0.95, 1.05], [0, 0.5], [-0.95, 1.05]);
const POINTER = polygon([0, -1.95], [0.72, -0.9], [-0.72, -0.9]);

/** Tone → its shape. `size` in pixels; `mark` is written into it; what `turns` is an arrow if it moves. */
const SIGNS = {
  critical: { path: regular(8, 0.5), size: 9.5, mark: "!" },
  major: { path: polygon([0, -1.1], [1.1, 0.85], [-1.1, 0.85]), size: 9.5, mark: "!", drop: 0.12 },
  minor: { path: regular(4, 0), size: 9.5 },
  warning: { path: regular(4, 0.5), size: 9.5 },
  ok: { path: disc(), size: 5, turns: true },
  warming_up: { path: disc(), size: 5, turns: true, isDashed: true },
  silent: { path: disc(), size: 5, isHollow: true },
};

export const signOf = (tone) => SIGNS[tone.name];

/** Pixels around a vehicle that its sign covers. */
export const extentOfSign = (tone, isMoving) => (signOf(tone).turns && isMoving ? 9 : signOf(tone).size + 1);

function outlined(context, path, tone, theme, { isHollow, isDashed }, size) {
  context.lineJoin = "round";
  context.lineWidth = (isHollow ? 2 : 1.3) / size;
  context.fillStyle = isHollow ? theme.surface : tone.fill;
  context.strokeStyle = isHollow ? tone.fill : tone.line;
  if (isDashed) context.setLineDash([2 / size, 2 / size]);
  context.fill(path);
  context.stroke(path);
  context.setLineDash([]);
}

function written(context, mark, size, tone, theme, drop = 0) {
  context.font = `800 ${Math.round(size * 1.35)}px ${theme.font}`;
  context.fillStyle = tone.text;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(mark, 0, size * (0.1 + drop));
  context.textBaseline = "alphabetic";
}

/** Draws the sign of a vehicle around (x, y); `heading` in radians clockwise from north, or null. */
export function drawSign(context, tone, theme, x, y, heading = null, size = signOf(tone).size) {
  const sign = signOf(tone);
  const isArrow = sign.turns && heading !== null;
  context.save();
  context.translate(x, y);
  if (heading !== null && !sign.isHollow) {
    context.save();
    context.rotate(heading);
    context.scale(isArrow ? 7 : size, isArrow ? 7 : size);
    if (isArrow) outlined(context, ARROW, tone, theme, sign, 7);
    else outlined(context, POINTER, { fill: tone.fill, line: tone.line }, theme, {}, size);
    context.restore();
  }
  if (!isArrow) {
    context.save();
    context.scale(size, size);
    outlined(context, sign.path, tone, theme, sign, size);
    context.restore();
    if (sign.mark) written(context, sign.mark, size, tone, theme, sign.drop);
  }
  context.restore();
}

/** Arcs of a ring, one for each tone that needs attention, as [tone, start, end] in radians from the top. */
export function arcsOf({ counts, count: total }, tones) {
  let start = 0;
  const arcs = [];
  counts.forEach((count, index) => {
    if (count === 0 || !tones[index].isAlert) return;
    const end = Math.min(TURN, start + Math.max(LEAST_ARC, (count / total) * TURN));
    arcs.push([tones[index], start, end]);
    start = end;
  });
  return arcs;
}

function circle(context, x, y, radius, start = 0, end = TURN) {
  context.beginPath();
  context.arc(x, y, radius, start - TURN / 4, end - TURN / 4);
}

/** Draws a cluster {x, y, radius, count, counts, worst}: its number, the share in trouble, the worst sign. */
export function drawCluster(context, cluster, theme) {
  const { x, y, radius, count } = cluster;
  const worst = theme.tones[cluster.worst];
  // What is calm is drawn lightly, so that the rest is found.
  const [fill, text, ring] = worst.isAlert
    ? [worst.fill, worst.text, theme.ring]
    : [theme.surface, worst.trail, worst.trail];
  filledCircle(context, x, y, radius + 1.5, theme.surface);
  filledCircle(context, x, y, radius - RING_WIDTH, fill);
  context.lineWidth = RING_WIDTH - 1;
  const around = (colour, start, end) => {
    circle(context, x, y, radius - RING_WIDTH / 2 + 0.5, start, end);
    context.strokeStyle = colour;
    context.stroke();
  };
  around(ring);
  for (const [tone, start, end] of arcsOf(cluster, theme.tones)) around(tone.fill, start, end);
  context.font = `600 ${count < 1000 ? 12 : 10.5}px ${theme.font}`;
  context.fillStyle = text;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(shortNumber(count), x, y + 0.5);
  context.textBaseline = "alphabetic";
  const corner = radius * 0.7 + 2;
  if (worst.isAlert) drawSign(context, worst, theme, x + corner, y - corner, null, BADGE_RADIUS);
}

function filledCircle(context, x, y, radius, colour) {
  circle(context, x, y, radius);
  context.fillStyle = colour;
  context.fill();
}

/** ``950``, ``1.2k``, ``12k``: what fits into a cluster. */
export function shortNumber(count) {
  if (count < 1000) return String(count);
  return count < 9950 ? `${(count / 1000).toFixed(1)}k` : `${Math.round(count / 1000)}k`;
}

export function drawRing(context, x, y, radius, theme) {
  for (const [style, width] of [
    [theme.surface, 5],
    [theme.accent, 2.5],
  ]) {
    circle(context, x, y, radius);
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
  }
}

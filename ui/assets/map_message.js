// What the page sends: parts, each a length (4 bytes, little-endian) and as many bytes, compressed with zlib.
// ui/map/message.py writes them.

import { worldX, worldY } from "./map_projection.js";

const UNITS_PER_DEGREE = 1e6; // of positions
const TAIL_UNITS_PER_DEGREE = 1e5; // of the steps of a tail
const HEADINGS = 255; // steps of a turn; this number itself says that there is no heading

function inflated(bytes) {
  return new Response(
    new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")),
  ).arrayBuffer();
}

function* partsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.byteLength) {
    const end = at + 4 + view.getUint32(at, true);
    yield bytes.subarray(at + 4, end);
    at = end;
  }
}

function parsed(buffer) {
  return JSON.parse(new TextDecoder().decode(buffer));
}

/** A function that computes its result when it is first asked for it. */
function lazily(compute) {
  let value;
  return () => (value ??= compute());
}

/** World positions of integer latitudes and longitudes. */
function worldPositions(latitudes, longitudes) {
  const xs = new Float64Array(latitudes.length);
  const ys = new Float64Array(latitudes.length);
  for (let index = 0; index < xs.length; index++) {
    xs[index] = worldX(longitudes[index] / UNITS_PER_DEGREE);
    ys[index] = worldY(latitudes[index] / UNITS_PER_DEGREE);
  }
  return { xs, ys };
}

function readVehicles(buffer, textBuffer) {
  const [count, tailPoints] = new Uint32Array(buffer, 0, 2);
  let at = 8;
  const next = (Type, length) => {
    const array = new Type(buffer, at, length);
    at += array.byteLength;
    return array;
  };
  const latitudes = next(Int32Array, count);
  const longitudes = next(Int32Array, count);
  const steps = { north: next(Int16Array, tailPoints), east: next(Int16Array, tailPoints) };
  const tailLengths = next(Uint8Array, count);
  const tones = next(Uint8Array, count);
  const headings = next(Uint8Array, count);
  const tailStarts = new Uint32Array(count);
  for (let index = 1; index < count; index++)
    tailStarts[index] = tailStarts[index - 1] + tailLengths[index - 1];
  const texts = lazily(() => parsed(textBuffer));
  return {
    count,
    ...worldPositions(latitudes, longitudes),
    tones,
    id: (index) => texts().ids[index],
    lines: (index) => texts().lines[index],
    indexOf: (id) => texts().ids.indexOf(id),
    /** Radians clockwise from north, or null. */
    heading: (index) => (headings[index] === HEADINGS ? null : (headings[index] / HEADINGS) * 2 * Math.PI),
    /** World positions x, y, x, y, … of where a vehicle was, oldest first, without where it is. */
    tail: (index) =>
      tailOf(latitudes[index], longitudes[index], steps, tailStarts[index], tailLengths[index]),
  };
}

function tailOf(latitude, longitude, { north, east }, start, length) {
  const points = new Float64Array(2 * length);
  let [y, x] = [latitude / UNITS_PER_DEGREE, longitude / UNITS_PER_DEGREE];
  for (let point = length - 1; point >= 0; point--) {
    y -= north[start + point] / TAIL_UNITS_PER_DEGREE;
    x -= east[start + point] / TAIL_UNITS_PER_DEGREE;
    points[2 * point] = worldX(x);
    points[2 * point + 1] = worldY(y);
  }
  return points;
}

function readRoute(buffer) {
  const [points, flagged, at] = new Int32Array(buffer, 0, 3);
  const latitudes = new Int32Array(buffer, 12, points);
  const longitudes = new Int32Array(buffer, 12 + 4 * points, points);
  const indices = new Int32Array(buffer, 12 + 8 * points, flagged);
  return { ...worldPositions(latitudes, longitudes), flagged: indices, at: at < 0 ? null : at };
}

/** Where the chosen vehicle was, in degrees, as world positions x, y, x, y, … */
function readTail(points) {
  return Float64Array.from(points.flatMap(([latitude, longitude]) => [worldX(longitude), worldY(latitude)]));
}

/** The message as {settings, chosenTail, vehicles, route}; route is null if there is none. */
export async function read(bytes) {
  const [settings, vehicles, texts, route] = await Promise.all([...partsOf(bytes)].map(inflated));
  const given = parsed(settings);
  return {
    settings: given,
    chosenTail: readTail(given.tail),
    vehicles: readVehicles(vehicles, texts),
    route: route ? readRoute(route) : null,
  };
}

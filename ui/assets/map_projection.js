// Web Mercator. The world is a square with sides of 1: x goes east and y south from its north-west corner.
// A view is {x, y, zoom, width, height}: the world position in its centre, and its size in CSS pixels.

export const MIN_ZOOM = 1;
export const MAX_ZOOM = 19;

const WORLD_SIZE = 256; // pixels at zoom 0
const EQUATOR = 40_030_200; // m, on a sphere with a radius of 6371 km
const MAX_LATITUDE = 85.0511;
const LEAST_EXTENT = 1000; // m, so that a single vehicle is shown with what is around it

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const radians = (degrees) => (degrees * Math.PI) / 180;

export const worldX = (longitude) => (longitude + 180) / 360;

export function worldY(latitude) {
  const sine = Math.sin(radians(clamp(latitude, -MAX_LATITUDE, MAX_LATITUDE)));
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

export const longitudeAt = (x) => x * 360 - 180;
export const latitudeAt = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** Pixels that the world is wide at a zoom. */
export const worldSize = (zoom) => WORLD_SIZE * 2 ** zoom;

/** Metres that one CSS pixel covers in the centre of a view. */
export const metresPerPixel = ({ y, zoom }) => (EQUATOR * Math.cos(radians(latitudeAt(y)))) / worldSize(zoom);

export const screenX = (view, x) => (x - view.x) * worldSize(view.zoom) + view.width / 2;
export const screenY = (view, y) => (y - view.y) * worldSize(view.zoom) + view.height / 2;

/** The part of the world that is visible, and `margin` pixels around it. */
export function bounds(view, margin = 0) {
  const size = worldSize(view.zoom);
  const halfWidth = (view.width / 2 + margin) / size;
  const halfHeight = (view.height / 2 + margin) / size;
  return {
    west: view.x - halfWidth,
    east: view.x + halfWidth,
    north: view.y - halfHeight,
    south: view.y + halfHeight,
  };
}

/** The same view with its centre somewhere else, and never off the world. */
export const centredOn = (view, x, y) => ({ ...view, x: clamp(x, 0, 1), y: clamp(y, 0, 1) });

/** What is seen when the map is pushed by some pixels. */
export function pushed(view, right, down) {
  const size = worldSize(view.zoom);
  return centredOn(view, view.x - right / size, view.y - down / size);
}

/** Another zoom; what is at the pixel (left, top) stays there. */
export function zoomedAt(view, zoom, left = view.width / 2, top = view.height / 2) {
  const next = clamp(zoom, MIN_ZOOM, MAX_ZOOM);
  const [right, down] = [left - view.width / 2, top - view.height / 2];
  const [before, after] = [worldSize(view.zoom), worldSize(next)];
  return centredOn(
    { ...view, zoom: next },
    view.x + right / before - right / after,
    view.y + down / before - down / after,
  );
}

/**
 * The closest view of all of an extent {west, east, north, south}; `padding` in pixels around it, `least` in metres
 * that are shown in any case.
 */
export function fitted(view, extent, { padding = 48, closest = 17, least = LEAST_EXTENT } = {}) {
  const [x, y] = [(extent.west + extent.east) / 2, (extent.north + extent.south) / 2];
  const side = least / (EQUATOR * Math.cos(radians(latitudeAt(y))));
  const width = Math.max(extent.east - extent.west, side);
  const height = Math.max(extent.south - extent.north, side);
  const room = (pixels) => Math.max(pixels - 2 * padding, pixels / 4, 1);
  const size = Math.min(room(view.width) / width, room(view.height) / height);
  return centredOn({ ...view, zoom: clamp(Math.log2(size / WORLD_SIZE), MIN_ZOOM, closest) }, x, y);
}

/** The extent of some points, or null if there are none. */
export function extentOf(xs, ys, indices = xs.keys()) {
  const extent = { west: Infinity, east: -Infinity, north: Infinity, south: -Infinity };
  for (const index of indices) {
    extent.west = Math.min(extent.west, xs[index]);
    extent.east = Math.max(extent.east, xs[index]);
    extent.north = Math.min(extent.north, ys[index]);
    extent.south = Math.max(extent.south, ys[index]);
  }
  return extent.west <= extent.east ? extent : null;
}

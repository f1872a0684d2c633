// The base map: loads what is visible of it from the page's server, and says when there is more to draw.

import { patchesOf } from "./map_geojson.js";
import { bounds } from "./map_projection.js";
import { patchOfTile } from "./map_vector_tile.js";

const MOST_TILES = 200; // kept
const TILE_ZOOM_OFFSET = -1; // tiles are 512 pixels wide, the world at zoom 0 is 256
const AROUND = 0.02; // of a view, so that wide roads at its edge are drawn

async function loaded(address, kind) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`expected ${address}, got status ${answer.status}`);
  return answer.status === 204 ? null : answer[kind]();
}

const isVisible = (patch, { west, east, north, south }) =>
  patch.west < east && patch.east > west && patch.north < south && patch.south > north;

class FileSource {
  constructor(collection) {
    this.patches = patchesOf(collection);
  }

  patchesIn(view) {
    const around = bounds(view, AROUND * view.width);
    return this.patches.filter((patch) => isVisible(patch, around));
  }
}

class TileSource {
  constructor(address, description, onChange) {
    Object.assign(this, { address, description, onChange, tiles: new Map() });
  }

  patchesIn(view) {
    const { min_zoom: least, max_zoom: most } = this.description;
    const z = Math.min(Math.max(Math.floor(view.zoom + TILE_ZOOM_OFFSET), least), most);
    return this.#tilesIn(view, z)
      .map((tile) => this.#patch(tile))
      .filter((patch) => patch !== null);
  }

  #tilesIn(view, z) {
    const side = 2 ** -z;
    const range = (start, end) => {
      const [first, last] = [
        Math.max(0, Math.floor(start / side)),
        Math.min(2 ** z - 1, Math.floor(end / side)),
      ];
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, number) => first + number);
    };
    const { west, east, north, south } = bounds(view);
    return range(west, east).flatMap((x) => range(north, south).map((y) => ({ z, x, y })));
  }

  /** A tile, or what is known of the same place from a smaller zoom until it is there. */
  #patch(tile) {
    const patch = this.#tile(tile, true);
    if (patch !== undefined) return patch;
    const side = 2 ** -tile.z;
    const clip = {
      west: tile.x * side,
      east: (tile.x + 1) * side,
      north: tile.y * side,
      south: (tile.y + 1) * side,
    };
    for (let up = 1; up <= tile.z; up++) {
      const above = this.#tile({ z: tile.z - up, x: tile.x >> up, y: tile.y >> up }, false);
      if (above) return { ...above, clip, places: [] };
    }
    return null;
  }

  #tile(tile, isWanted) {
    const key = `${tile.z}/${tile.x}/${tile.y}`;
    const known = this.tiles.get(key);
    if (known !== undefined) {
      this.tiles.delete(key);
      this.tiles.set(key, known);
      return known.patch;
    }
    if (isWanted) this.#load(tile, key);
    return undefined;
  }

  async #load(tile, key) {
    const entry = { patch: undefined };
    this.tiles.set(key, entry);
    for (const oldest of this.tiles.keys()) {
      if (this.tiles.size <= MOST_TILES) break;
      this.tiles.delete(oldest);
    }
    try {
      const buffer = await loaded(`${this.address}${key}`, "arrayBuffer");
      entry.patch = buffer === null ? null : patchOfTile(new Uint8Array(buffer), tile);
    } catch (error) {
      console.warn(`map: tile ${key} is not drawn: ${error.message}`);
      entry.patch = null;
    }
    this.onChange();
  }
}

class BaseMap {
  constructor(address) {
    this.address = address;
    this.attribution = "";
    this.trouble = "";
    this.source = null;
    this.listeners = new Set();
    this.#open();
  }

  async #open() {
    const { address } = this;
    const tell = () => this.listeners.forEach((onChange) => onChange());
    try {
      const description = await loaded(`${address}description`, "json");
      this.source =
        description.kind === "tiles"
          ? new TileSource(`${address}tiles/`, description, tell)
          : new FileSource(await loaded(`${address}file`, "json"));
      this.attribution = description.attribution;
    } catch (error) {
      this.trouble = "The base map could not be loaded.";
      console.warn(`map: no base map: ${error.message}`);
    }
    tell();
  }

  /** Whether it has to be drawn instead of a grid. */
  get isThere() {
    return this.source !== null;
  }

  patchesIn(view) {
    return this.source?.patchesIn(view) ?? [];
  }
}

let opened = null;

/**
 * The base map at an address, which ends with a slash; all maps of the page share it. `onChange` is called when
 * there is more to draw, until it is deleted from the `listeners`.
 */
export function baseMapAt(address, onChange) {
  if (opened === null || opened.address !== address || opened.trouble) opened = new BaseMap(address);
  opened.listeners.add(onChange);
  return opened;
}

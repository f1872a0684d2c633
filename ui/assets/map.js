// A map of vehicles. ui/map/view.py says what is on it; what the viewer looks at is known only here.

import { baseMapAt } from "./map_base.js";
import { blocksOf, clustered } from "./map_clusters.js";
import { drawGrid, drawScaleBar } from "./map_grid.js";
import { listen } from "./map_input.js";
import { plain } from "./map_labels.js";
import { drawLand, drawPlaces } from "./map_land.js";
import { read } from "./map_message.js";
import { Panel } from "./map_panel.js";
import {
  MAX_ZOOM,
  bounds,
  centredOn,
  extentOf,
  fitted,
  pushed,
  worldSize,
  zoomedAt,
} from "./map_projection.js";
import { drawScene, itemAt } from "./map_scene.js";
import { themeOf } from "./map_theme.js";
import { Viewport } from "./map_viewport.js";

const INSEPARABLE = 20; // pixels at the closest zoom: vehicles that are not further apart are listed
const FEW = 0.8; // of the vehicles: the view is fitted again when less are in it and nobody has moved it

const maps = new WeakMap();

function extentAround(one, other) {
  if (!one || !other) return one ?? other;
  return {
    west: Math.min(one.west, other.west),
    east: Math.max(one.east, other.east),
    north: Math.min(one.north, other.north),
    south: Math.max(one.south, other.south),
  };
}

/** The share of points that are visible; 1 if there are none. */
function shareWithin({ west, east, north, south }, { xs, ys }) {
  let inside = 0;
  for (let index = 0; index < xs.length; index++) {
    if (xs[index] >= west && xs[index] <= east && ys[index] >= north && ys[index] <= south) inside += 1;
  }
  return xs.length === 0 ? 1 : inside / xs.length;
}

class FleetMap {
  constructor(root) {
    this.actions = {
      push: (right, down) => this.#moveTo(pushed(this.viewport.view, right, down)),
      zoom: (steps, left, top) => this.viewport.zoomBy(steps, left, top),
      zoomNow: (steps, left, top) =>
        this.viewport.set(zoomedAt(this.viewport.view, this.viewport.view.zoom + steps, left, top)),
      showAll: () => this.viewport.fit(this.#extent(), true),
      follow: () => this.#follow(!this.viewport.isFollowing),
      point: (x, y) => this.#point(x, y),
      leave: () => this.#point(null),
      click: (x, y, slack) => this.#click(x, y, slack),
      choose: (id) => this.choose(id),
      close: () => (this.panel.hideList(), this.#point(null)),
      hint: (text) => this.panel.hint(text),
    };
    this.panel = new Panel(root, this.actions);
    this.stopListening = listen(this.panel.stage, this.panel.surface, this.actions);
    this.sizes = new ResizeObserver(() => this.#resize());
    this.redraw = () => this.#redraw();
    this.items = [];
    this.slots = new Map();
    this.received = 0;
    this.shown = 0;
  }

  /** Draws a message, unless a later one has been drawn while it was read. */
  async show(bytes, choose) {
    const number = ++this.received;
    const [message] = await Promise.all([read(bytes), this.panel.isStyled]);
    if (number < this.shown || this.isGone) return;
    this.shown = number;
    this.choose = choose;
    Object.assign(this, message);
    const { settings, vehicles } = message;
    this.chosen = settings.chosen === null ? -1 : vehicles.indexOf(settings.chosen);
    this.theme = themeOf(this.panel.attribution, settings.tones);
    this.panel.stage.style.height = `${settings.height}px`;
    this.#open(settings);
    this.counts = new Uint32Array(this.theme.tones.length);
    for (const tone of vehicles.tones) this.counts[tone] += 1;
    this.panel.showCounts(this.counts, this.theme, this.route);
    this.groupedBlocks = null;
    this.#follows();
    this.#redraw();
  }

  /** What is needed once: the place in the world, the base map. */
  #open({ key, base }) {
    if (!this.viewport) {
      this.viewport = new Viewport(key, this.redraw);
      this.sizes.observe(this.panel.stage);
      this.#resize();
    }
    if (base !== this.baseAddress) {
      this.baseAddress = base;
      this.base?.listeners.delete(this.redraw);
      this.base = base === null ? null : baseMapAt(base, this.redraw);
    }
  }

  #resize() {
    const { clientWidth, clientHeight } = this.panel.stage;
    if (clientWidth > 0 && clientHeight > 0) this.viewport.resize(clientWidth, clientHeight);
  }

  #extent() {
    const { vehicles, route } = this;
    return extentAround(extentOf(vehicles.xs, vehicles.ys), route && extentOf(route.xs, route.ys));
  }

  /** Until a person has moved the map, it shows everything, which may still be appearing. */
  #fits() {
    const { viewport, vehicles } = this;
    if (viewport.view.width <= 1 || !this.#isToBeFitted()) return;
    const extent = this.#extent();
    if (extent === null) return;
    this.fittedCount = Math.max(1, vehicles.count);
    viewport.fit(extent);
  }

  #isToBeFitted() {
    const { viewport, vehicles, route } = this;
    if (!viewport.isFitted) return true;
    const view = bounds(viewport.view);
    const start = route && `${route.xs[0]} ${route.ys[0]}`;
    const isOther = route !== null && start !== this.routeStart;
    this.routeStart = start;
    if (isOther && shareWithin(view, route) === 0) return true;
    if (viewport.isChosen || viewport.isFollowing) return false;
    if (route !== null && shareWithin(view, route) < 1) return true;
    return vehicles.count >= 2 * (this.fittedCount ?? Infinity) || shareWithin(view, vehicles) < FEW;
  }

  #follow(isFollowing) {
    this.viewport.setFollowing(isFollowing);
    if (isFollowing && this.chosen >= 0)
      this.viewport.glide(
        centredOn(
          { ...this.viewport.view, zoom: Math.max(this.viewport.view.zoom, 14) },
          ...this.#positionOfChosen(),
        ),
      );
  }

  #positionOfChosen() {
    return [this.vehicles.xs[this.chosen], this.vehicles.ys[this.chosen]];
  }

  #follows() {
    this.panel.showFollow(this.chosen >= 0, this.viewport.isFollowing);
    if (this.chosen < 0 || !this.viewport.isFollowing) this.#fits();
    else if (!this.viewport.target)
      this.viewport.set(centredOn(this.viewport.view, ...this.#positionOfChosen()));
  }

  /** Whoever pushes the map away wants to see something else than the vehicle that it follows. */
  #moveTo(view) {
    this.viewport.isFollowing = false;
    this.viewport.set(view);
  }

  #redraw() {
    if (this.isDue || !this.vehicles) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      if (!this.isGone) this.#draw();
    });
  }

  #draw() {
    this.#fits();
    const { viewport, panel } = this;
    this.#group();
    panel.showFollow(this.chosen >= 0, viewport.isFollowing);
    this.#drawBase();
    this.items = drawScene(this.#cleared(panel.surface), { ...this, view: viewport.view });
    if (this.pointer) this.#point(...this.pointer);
  }

  #group() {
    const blocks = blocksOf(this.viewport.view);
    const key = Object.values(blocks).join();
    if (key === this.groupedBlocks) return;
    this.groupedBlocks = key;
    this.clusters = clustered(this.vehicles, blocks, (index) => index === this.chosen);
  }

  #drawBase() {
    const view = this.viewport.view;
    this.panel.showAttribution(this.base?.trouble || this.base?.attribution || "");
    const patches = this.base?.patchesIn(view) ?? [];
    // Vehicles move much more often than the ground below them.
    const key = JSON.stringify([
      view,
      this.theme.isDark,
      this.theme.ground,
      window.devicePixelRatio,
      this.base?.isThere,
      patches.map(({ x, y, unit }) => [x, y, unit]),
    ]);
    if (key === this.drawnBase) return;
    this.drawnBase = key;
    const context = this.#cleared(this.panel.base);
    if (this.base?.isThere) {
      drawLand(context, view, this.theme, patches);
      drawPlaces(context, view, this.theme, patches);
    } else drawGrid(context, view, this.theme);
    drawScaleBar(context, view, this.theme);
  }

  #cleared(canvas) {
    const { width, height } = this.viewport.view;
    const ratio = window.devicePixelRatio;
    const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== columns || canvas.height !== rows)
      Object.assign(canvas, { width: columns, height: rows });
    const context = canvas.getContext("2d");
    context.setTransform(columns / width, 0, 0, rows / height, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  #point(x, y) {
    this.pointer = x === null ? null : [x, y];
    const item = x === null || !this.panel.list.hidden ? null : itemAt(this.items, x, y);
    this.panel.showTooltip(item && this.#contentOf(item), x, y, this.theme);
  }

  #contentOf({ count, counts, members }) {
    const { vehicles, theme } = this;
    if (count === 1) {
      const [index] = members;
      return {
        name: plain(vehicles.id(index), 80),
        tone: theme.tones[vehicles.tones[index]],
        lines: vehicles.lines(index),
      };
    }
    const lines = theme.tones.flatMap(({ counted }, tone) =>
      counts[tone] ? [`${counts[tone]} ${counted}`] : [],
    );
    return { name: `${count} vehicles`, tone: null, lines };
  }

  #click(x, y, slack) {
    this.panel.hideList();
    const item = itemAt(this.items, x, y, slack);
    if (item === null) return;
    if (item.count === 1) this.choose(this.vehicles.id(item.members[0]));
    else if (this.#isSeparable(item)) this.#zoomInto(item);
    else this.#listVehicles(item, x, y);
  }

  #isSeparable({ members }) {
    const { west, east, north, south } = extentOf(this.vehicles.xs, this.vehicles.ys, members);
    return Math.max(east - west, south - north) * worldSize(MAX_ZOOM) > INSEPARABLE;
  }

  #zoomInto({ members }) {
    const { view } = this.viewport;
    const extent = extentOf(this.vehicles.xs, this.vehicles.ys, members);
    const next = fitted(view, extent, { padding: 60, closest: MAX_ZOOM, least: 1 });
    this.viewport.isFollowing = false;
    this.viewport.glide({ ...next, zoom: Math.max(next.zoom, Math.min(view.zoom + 1, MAX_ZOOM)) });
  }

  #listVehicles({ members, count }, x, y) {
    const { vehicles, theme } = this;
    const order = [...members].sort((one, other) => vehicles.tones[one] - vehicles.tones[other]);
    const rows = order.map((index) => ({
      id: vehicles.id(index),
      name: plain(vehicles.id(index), 40),
      tone: theme.tones[vehicles.tones[index]],
    }));
    this.#point(null);
    this.panel.showList(`${count} vehicles at this place`, rows, x, y, theme);
  }

  remove() {
    this.isGone = true;
    this.stopListening();
    this.sizes.disconnect();
    this.base?.listeners.delete(this.redraw);
    this.panel.root.remove();
  }
}

export default function map({ parentElement, data, setTriggerValue }) {
  if (!maps.has(parentElement)) maps.set(parentElement, new FleetMap(parentElement));
  maps.get(parentElement).show(data, (id) => setTriggerValue("clicked", id));
  return () => {
    maps.get(parentElement)?.remove();
    maps.delete(parentElement);
  };
}

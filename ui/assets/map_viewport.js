// Where the viewer looks at: moved at once or smoothly, remembered for as long as the page is open.

import { fitted, zoomedAt } from "./map_projection.js";

const SMOOTH_FOR = 180; // ms
const EVERYTHING = { west: 0.1, east: 0.9, north: 0.25, south: 0.7 };

/** Key of a map → its view, and whether a person has chosen it: drawn anew later, the map starts there. */
const remembered = new Map();

const wantsNoMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Viewport {
  /** Args: key: of the map; onChange: called whenever the view is another. */
  constructor(key, onChange) {
    this.key = key;
    this.onChange = onChange;
    const { view, isChosen, isFollowing } = remembered.get(key) ?? {};
    this.view = view ?? fitted({ x: 0.5, y: 0.5, zoom: 1, width: 1, height: 1 }, EVERYTHING);
    this.isFitted = view !== undefined;
    this.isChosen = isChosen ?? false;
    this.isFollowing = isFollowing ?? false;
    this.target = null;
  }

  resize(width, height) {
    if (width === this.view.width && height === this.view.height) return;
    this.view = { ...this.view, width, height };
    this.#changed();
  }

  /** Another view at once; `byPerson`: it is kept when vehicles appear elsewhere. */
  set(view, byPerson = true) {
    this.target = null;
    this.view = view;
    this.isChosen ||= byPerson;
    this.#changed();
  }

  /** Another view smoothly. */
  glide(view, byPerson = true) {
    if (wantsNoMotion()) return this.set(view, byPerson);
    this.isChosen ||= byPerson;
    this.target = { from: this.view, to: view, since: performance.now() };
    requestAnimationFrame(() => this.#step());
  }

  /** Zooms by some steps, from where an earlier movement is going to end. */
  zoomBy(steps, left, top) {
    const from = this.target?.to ?? this.view;
    this.glide(zoomedAt(from, Math.round((from.zoom + steps) * 2) / 2, left, top));
  }

  /** Shows an extent, as after the start: the view belongs to nobody then. */
  fit(extent, isSmooth = false) {
    const view = fitted(this.view, extent ?? EVERYTHING);
    this.isFitted = extent !== null;
    this.isFollowing = this.isChosen = false;
    if (isSmooth) this.glide(view, false);
    else this.set(view, false);
  }

  setFollowing(isFollowing) {
    this.isFollowing = isFollowing;
    this.#changed();
  }

  #step() {
    if (this.target === null) return;
    const { from, to, since } = this.target;
    const share = Math.min(1, (performance.now() - since) / SMOOTH_FOR);
    const eased = 1 - (1 - share) ** 3;
    const between = (name) => from[name] + (to[name] - from[name]) * eased;
    const zoom = between("zoom");
    // A zoom around a point keeps that point still only if the centre moves with the size of the world.
    const reach =
      to.zoom === from.zoom ? eased : (2 ** -from.zoom - 2 ** -zoom) / (2 ** -from.zoom - 2 ** -to.zoom);
    const along = (name) => from[name] + (to[name] - from[name]) * reach;
    this.view = { ...this.view, x: along("x"), y: along("y"), zoom };
    if (share === 1) this.target = null;
    else requestAnimationFrame(() => this.#step());
    this.#changed();
  }

  #changed() {
    const { isChosen, isFollowing } = this;
    if (this.isFitted)
      remembered.set(this.key, { view: this.target?.to ?? this.view, isChosen, isFollowing });
    this.onChange();
  }
}

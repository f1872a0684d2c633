// Mouse, wheel, touch and keyboard, as what they mean for the map.

const DRAG_FROM = 4; // pixels that a click may move
const SCROLL_FROM = 12; // pixels of a finger after which it is told how to move the map
const KEY_PUSH = 90; // pixels
const LINE_HEIGHT = 16; // pixels that a wheel turns where it counts lines
const ZOOM_PER_PIXEL = 1 / 300; // of a wheel
const ZOOM_PER_PINCH = 1 / 60; // of a touch pad
const FINGER_SLACK = 12; // pixels around a marker that a finger hits too

export const TOUCH_HINT = "Use two fingers to move the map";
export const WHEEL_HINT = "Click the map, or hold Ctrl, to zoom with the wheel";

const PUSHES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": 1, "=": 1, "-": -1, _: -1 };

function placeIn(element, { clientX, clientY }) {
  const { left, top } = element.getBoundingClientRect();
  return [clientX - left, clientY - top];
}

function pinchOf(element, [one, other]) {
  const [[x, y], [otherX, otherY]] = [placeIn(element, one), placeIn(element, other)];
  return {
    x: (x + otherX) / 2,
    y: (y + otherY) / 2,
    distance: Math.max(1, Math.hypot(x - otherX, y - otherY)),
  };
}

function listenToMouse(stage, surface, actions, state, on) {
  on(surface, "pointerdown", (event) => {
    state.isActive = true;
    state.wasDragged = false;
    state.isTouch = event.pointerType === "touch";
    if (state.isTouch || event.button !== 0) return;
    state.from = state.last = [event.clientX, event.clientY];
    surface.setPointerCapture(event.pointerId);
  });
  on(surface, "pointermove", (event) => {
    if (event.pointerType === "touch") return;
    if (!state.last) return actions.point(...placeIn(surface, event));
    const [x, y] = [event.clientX, event.clientY];
    if (Math.hypot(x - state.from[0], y - state.from[1]) >= DRAG_FROM) state.wasDragged = true;
    if (!state.wasDragged) return;
    actions.push(x - state.last[0], y - state.last[1]);
    state.last = [x, y];
  });
  const release = () => (state.last = null);
  on(surface, "pointerup", release);
  on(surface, "pointercancel", release);
  on(surface, "pointerleave", actions.leave);
  on(surface, "click", (event) => {
    if (!state.wasDragged)
      actions.click(...placeIn(surface, event), state.isTouch ? FINGER_SLACK : undefined);
  });
  on(surface, "dblclick", (event) => actions.zoom(1, ...placeIn(surface, event)));
  // Whoever scrolls the page past the map again later does not want to zoom.
  on(stage, "pointerleave", (event) => (state.isActive &&= event.pointerType === "touch"));
}

function listenToWheel(stage, surface, actions, state, on) {
  on(
    surface,
    "wheel",
    (event) => {
      const isPinch = event.ctrlKey || event.metaKey;
      if (!isPinch && !state.isActive) return actions.hint(WHEEL_HINT);
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? LINE_HEIGHT : 1);
      const steps = -pixels * (isPinch && Math.abs(pixels) < 50 ? ZOOM_PER_PINCH : ZOOM_PER_PIXEL);
      actions.zoomNow(Math.max(-1, Math.min(1, steps)), ...placeIn(surface, event));
    },
    { passive: false },
  );
}

function listenToFingers(surface, actions, state, on) {
  on(
    surface,
    "touchstart",
    (event) => {
      state.pinch = event.touches.length === 2 ? pinchOf(surface, event.touches) : null;
      state.finger = event.touches.length === 1 ? placeIn(surface, event.touches[0]) : null;
      if (state.pinch) event.preventDefault();
    },
    { passive: false },
  );
  on(
    surface,
    "touchmove",
    (event) => {
      if (state.pinch && event.touches.length === 2) {
        event.preventDefault();
        const next = pinchOf(surface, event.touches);
        actions.push(next.x - state.pinch.x, next.y - state.pinch.y);
        actions.zoomNow(Math.log2(next.distance / state.pinch.distance), next.x, next.y);
        state.pinch = next;
      } else if (state.finger) {
        const [x, y] = placeIn(surface, event.touches[0]);
        if (Math.hypot(x - state.finger[0], y - state.finger[1]) > SCROLL_FROM) actions.hint(TOUCH_HINT);
      }
    },
    { passive: false },
  );
}

function listenToKeys(stage, actions, on) {
  on(stage, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (PUSHES[event.key]) actions.push(...PUSHES[event.key].map((side) => side * KEY_PUSH));
    else if (ZOOMS[event.key]) actions.zoom(ZOOMS[event.key]);
    else if (event.key === "0") actions.showAll();
    else if (event.key === "Escape") actions.close();
    else return;
    event.preventDefault();
  });
}

/**
 * Has actions {push, zoom, zoomNow, point, leave, click, showAll, close, hint} called until the function that
 * it returns is. `stage` has the focus, `surface` is what is pointed at. One finger scrolls the page, and so
 * does the wheel until the map has been clicked.
 */
export function listen(stage, surface, actions) {
  const state = {
    isActive: false,
    wasDragged: false,
    isTouch: false,
    last: null,
    from: null,
    pinch: null,
    finger: null,
  };
  const ending = new AbortController();
  const on = (target, name, handle, options = {}) =>
    target.addEventListener(name, handle, { ...options, signal: ending.signal });
  listenToMouse(stage, surface, actions, state, on);
  listenToWheel(stage, surface, actions, state, on);
  listenToFingers(surface, actions, state, on);
  listenToKeys(stage, actions, on);
  return () => ending.abort();
}

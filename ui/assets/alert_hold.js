// Whether rows may move: not while somebody is about to click one.

const TOUCH_HOLDS = 6000; // ms after a touch in which rows do not move

export class Hold {
  isPointedAt = false;
  touchedAt = -Infinity;

  // Calls `onRelease` when something that held the rows may hold them no longer.
  constructor(root, onRelease) {
    this.root = root;
    const point = (isPointedAt) => {
      this.isPointedAt = isPointedAt;
      onRelease();
    };
    root.addEventListener("pointerenter", (event) => point(event.pointerType === "mouse"));
    root.addEventListener("pointerleave", () => point(false));
    root.addEventListener("pointerdown", (event) => this.touched(event), { passive: true });
    root.addEventListener("focusout", () => setTimeout(onRelease));
  }

  touched(event) {
    if (event.pointerType !== "mouse") this.touchedAt = performance.now();
  }

  get isOn() {
    return (
      this.isPointedAt ||
      this.root.querySelector(":focus-visible") !== null ||
      performance.now() - this.touchedAt < TOUCH_HOLDS
    );
  }
}

// Reports changes to the session: told by the page's server, or by a timer where nobody can tell.
// What has changed the session finds out by itself; so a report that is lost or late does no harm.

const RECONNECT_AFTER = 1000; // ms
const LOOK_EVERY = 40; // ms
const LONGEST_RUN = 3000; // ms, after which a report is sent although the last one may not have been answered
const AFTER_INPUT = 1500; // ms after a click or a key in which nothing is reported, unless it has been answered
const SETTLED = 300; // ms after an answer: what it led to may be about to run
const LONGEST_WAY = 30000; // ms that another page may take to come
const INPUTS = ["pointerdown", "click", "keydown", "popstate"];

const isRunning = () => document.querySelector(".stApp")?.dataset.testScriptState === "running";

export default function push({ data, setTriggerValue }) {
  const input = new Input();
  let socket = null;
  let timer = null;
  let isGone = false;
  let isDue = false;
  let waitingSince = null;

  // One report at a time: a browser or a server that is slow gets fewer of them, not a queue.
  const report = () => {
    if (isGone || document.hidden) return;
    waitingSince ??= performance.now();
    if (input.isPending() || (isRunning() && performance.now() - waitingSince < LONGEST_RUN)) {
      setTimeout(report, LOOK_EVERY);
      return;
    }
    waitingSince = null;
    isDue = false;
    setTriggerValue("changed", Date.now());
  };
  const changed = () => {
    if (isDue && !document.hidden) return;
    isDue = true;
    report();
  };
  const connect = () => {
    if (isGone) return;
    const address = new URL(data.path, document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.onmessage = changed;
    socket.onclose = () => setTimeout(connect, RECONNECT_AFTER);
  };

  // What has changed while nobody looked is drawn when somebody does.
  document.addEventListener("visibilitychange", changed);
  if (data.every) timer = setInterval(changed, data.every * 1000);
  else connect();
  return () => {
    isGone = true;
    input.stop();
    document.removeEventListener("visibilitychange", changed);
    clearInterval(timer);
    if (socket) {
      socket.onclose = null;
      socket.close();
    }
  };
}

// Whether what somebody did last may be leading to another page. A report names the page that it comes from, and one
// that is sent meanwhile is answered after the new page: Streamlit would go back to the old one, and fail at drawing
// into it ("Bad delta path index", "Cannot set a node at a delta path").
class Input {
  at = -Infinity;
  from = null; // address that a click on a link leads away from
  ranAt = Infinity;

  constructor() {
    for (const name of INPUTS) window.addEventListener(name, this.note, { capture: true, passive: true });
  }

  note = (event) => {
    if (event.type === "keydown" && event.key !== "Enter") return;
    this.at = performance.now();
    this.ranAt = Infinity;
    const link = event.type === "click" && event.composedPath().find((place) => place instanceof HTMLAnchorElement);
    const leads = link && link.origin === location.origin && link.pathname !== location.pathname && !link.target;
    this.from = leads ? location.href : null;
  };

  isPending() {
    const now = performance.now();
    if (isRunning()) this.ranAt = now;
    if (this.from !== null && location.href === this.from) return now - this.at < LONGEST_WAY;
    return this.ranAt === Infinity ? now - this.at < AFTER_INPUT : now - this.ranAt < SETTLED;
  }

  stop() {
    for (const name of INPUTS) window.removeEventListener(name, this.note, { capture: true });
  }
}

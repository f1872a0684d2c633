// Reports changes to the session: told by the page's server, or by a timer where nobody can tell.
// What has changed the session finds out by itself; so a report that is lost or late does no harm.

const RECONNECT_AFTER = 1000; // ms
const LOOK_EVERY = 40; // ms
const LONGEST_RUN = 3000; // ms, after which a report is sent although the last one may not have been answered

const isRunning = () => document.querySelector(".stApp")?.dataset.testScriptState === "running";

export default function push({ data, setTriggerValue }) {
  let socket = null;
  let timer = null;
  let isGone = false;
  let isDue = false;
  let waitingSince = null;

  // One report at a time: a browser or a server that is slow gets fewer of them, not a queue.
  const report = () => {
    if (isGone || document.hidden) return;
    waitingSince ??= performance.now();
    if (isRunning() && performance.now() - waitingSince < LONGEST_RUN) {
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
    document.removeEventListener("visibilitychange", changed);
    clearInterval(timer);
    if (socket) {
      socket.onclose = null;
      socket.close();
    }
  };
}

// Leaves the page when the session ends: by its time, by logging out in another window, by a removed user.
// The page's server closes the WebSocket then, with a code of its own; what is on the screen is gone at once.

const ENDED = 4401; // as ENDED in ui/login/guard.py
const RECONNECT_AFTER = 1000; // ms

export default function session({ data }) {
  let socket = null;
  let isGone = false;

  const leave = () => {
    const here = location.pathname + location.search;
    location.replace(`${data.login}?${new URLSearchParams({ why: "ended", next: here })}`);
  };
  const watch = () => {
    if (isGone) return;
    const address = new URL(data.watch, document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.onclose = ({ code }) => (code === ENDED ? leave() : setTimeout(watch, RECONNECT_AFTER));
  };

  watch();
  return () => {
    isGone = true;
    socket.onclose = null;
    socket.close();
  };
}

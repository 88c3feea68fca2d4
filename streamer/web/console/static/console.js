// Moves as they come: put on the page at once, told to screen readers once a second at most. Without this the page is whole.
(() => {
  "use strict";
  const list = document.getElementById("moves");
  if (!list || !list.dataset.live) return;
  // A list that grew for long would move all charts below it, and draw them again.
  const MOST = 20, TELL_MS = 1000, AGAIN_MS = 2000, FRESH_MS = 2000;
  const button = document.getElementById("pause"), told = document.getElementById("told");
  const today = document.getElementById("moves-today");
  const waiting = [];
  let last = null, paused = false, tell = "", toldAt = -TELL_MS, telling = 0;

  const put = (html) => {
    const part = document.createElement("template");
    part.innerHTML = html;
    const line = part.content.firstElementChild;
    // For a moment, and without an animation: that would draw the page sixty times a second for as long as moves come.
    line.classList.add("fresh-move");
    setTimeout(() => line.classList.remove("fresh-move"), FRESH_MS);
    list.prepend(line);
    while (list.children.length > MOST) list.lastElementChild.remove();
    document.getElementById("moves-none")?.remove();
    tell = line.textContent.replace(/\s+/g, " ");
    telling ||= setTimeout(say, Math.max(0, toldAt + TELL_MS - performance.now()));
  };
  const say = () => {
    told.textContent = tell;
    toldAt = performance.now();
    telling = 0;
  };
  const follow = () => {
    const where = new URL(list.dataset.live, location.href);
    if (last !== null) where.searchParams.set("after", last);
    const source = new EventSource(where);
    source.addEventListener("move", (event) => {
      last = event.lastEventId;
      if (today && /^<li data-moved>/.test(event.data)) {
        const count = Number(today.dataset.count) + 1;
        today.dataset.count = String(count);
        today.textContent = count.toLocaleString("en-US");
      }
      if (paused) {
        waiting.push(event.data);
        if (waiting.length > MOST) waiting.shift();
      } else put(event.data);
    });
    source.addEventListener("error", () => {
      // Of itself a browser goes on after a break, but not after an answer that is no stream, as while the server starts.
      if (source.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN_MS);
    });
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    if (!paused) waiting.splice(0).forEach(put);
  });
  follow();
})();

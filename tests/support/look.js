// What is wrong with how this page is laid out: texts cut off or over one another, and sideways scrolling.
(() => {
  // On a phone the inner width grows with what is too wide.
  const found = [], wide = document.documentElement.scrollWidth, room = document.documentElement.clientWidth;
  if (wide > room) found.push(`sideways: ${wide} px`);
  const texts = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, held = node.parentElement;
    if (!node.textContent.trim() || held.closest(".sr, .skip, title, desc, script, details:not([open]) > :not(summary)")) continue;
    // A table of figures may be wider than a phone; it scrolls in a frame of its own, by keyboard too.
    if (held.closest("figure.chart .scroll[tabindex]")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.width > 1 && box.height > 1) texts.push([node.textContent.trim().slice(0, 40), box, held]);
  }
  for (const [name, box, held] of texts) {
    if (box.left < -1 || box.right > room + 1) found.push(`off the page: ${name}`);
    for (let one = held; one && one !== document.body; one = one.parentElement) {
      const edge = one.getBoundingClientRect(), flow = getComputedStyle(one).overflowX;
      if (flow !== "visible" && (box.right > edge.right + 1 || box.left < edge.left - 1)) { found.push(`cut: ${name}`); break; }
    }
  }
  texts.forEach(([name, a, one], at) => {
    for (const [other, b, two] of texts.slice(at + 1))
      if (one !== two && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
        found.push(`over: ${name} | ${other}`);
  });
  return {found, texts: texts.length, title: document.title, body: document.body.textContent.slice(0, 4000)};
})()

// A picture in base64 as its 256 most frequent colours and, a byte a pixel, the nearest of them.
async (encoded) => {
  const blob = new Blob([Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0))], { type: "image/png" });
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const drawn = new OffscreenCanvas(width, height).getContext("2d");
  drawn.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(drawn.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const far = (one, other) => one.reduce((sum, value, place) => sum + (value - other[place]) ** 2, 0);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  // The most frequent first, and none that another one is near to: rare dots keep their colours beside shades of text.
  const palette = [];
  for (let near = 24; near >= 0 && palette.length < 256; near -= 8) {
    for (const [pixel] of [...counts].sort((one, other) => other[1] - one[1])) {
      const colour = parts(pixel);
      if (palette.length < 256 && palette.every((one) => far(one, colour) > near * near)) palette.push(colour);
    }
  }
  const nearest = new Map();
  for (const pixel of counts.keys()) {
    const colour = parts(pixel);
    let best = 0, least = Infinity;
    palette.forEach((one, place) => {
      const away = far(one, colour);
      if (away < least) [best, least] = [place, away];
    });
    nearest.set(pixel, best);
  }
  let places = "";
  for (let row = 0; row < height; row++) {
    places += String.fromCharCode(...pixels.subarray(row * width, (row + 1) * width).values().map((one) => nearest.get(one)));
  }
  return { width, height, palette: palette.flat(), places: btoa(places) };
}

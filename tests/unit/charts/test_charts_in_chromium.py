"""Test charts in a real browser: the boxes of all texts as Chromium lays them out, at 1280 and 360 px."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from chart_gallery import gallery, page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MEASURE = """<script>
const found = [];
for (const svg of document.querySelectorAll("svg")) {
  if (getComputedStyle(svg).display === "none") continue;
  const box = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map(one => [one.textContent, one.getBoundingClientRect()]);
  texts.forEach(([name, a], at) => {
    if (a.left < box.left - 2 || a.right > box.right + 2) found.push(["cut", name]);
    for (const [other, b] of texts.slice(at + 1))
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
        found.push(["over", name, other]);
  });
}
const wide = document.documentElement.scrollWidth > innerWidth ? [["sideways", innerWidth]] : [];
const out = document.createElement("pre");
out.id = "found";
out.textContent = JSON.stringify({found: [...found, ...wide], drawn: document.querySelectorAll("svg text").length});
document.body.append(out);
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; `apt-get install chromium` adds it")
@pytest.mark.parametrize("width", [1280, 360])
def test_no_text_is_cut_or_lies_over_another_in_a_browser(tmp_path: Path, width: int) -> None:
    inner, outer = tmp_path / "charts.html", tmp_path / "page.html"
    inner.write_text(page(gallery()) + MEASURE, encoding="utf-8")
    # Chromium's window is at least 500 px wide; a frame may be narrower.
    outer.write_text(
        f'<!doctype html><iframe src="charts.html" width="{width}" height="4000" style="border:0"></iframe>'
        '<script>onload = () => document.body.append(document.querySelector("iframe").contentDocument'
        '.querySelector("#found").cloneNode(true))</script>'
    )
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            *(CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files"),
            *("--window-size=1400,4200", "--virtual-time-budget=3000", "--dump-dom", outer.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stdout[:2_000] + done.stderr[-2_000:]
    seen = json.loads(unescape(found[1]))
    assert seen["drawn"] > 100 and seen["found"] == []

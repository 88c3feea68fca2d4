// What a page of another origin may try. Each attack gives what it read of the answer, or a text about how it failed.
const SECONDS = 3;
const json = { "content-type": "application/json" };
const bearer = { authorization: `Bearer ${TOKEN}` };
const event = (id) => JSON.stringify({ event_id: id, type: "page.viewed", customer_id: "mallory", writeKey: KEY });
const text = async (asked) => `${(await asked).type}: ${await (await asked).text()}`;
const loads = (tag, attributes) => new Promise((done) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element[name] = value;
  element.onload = () => {
    let read = "";
    try { read = element.contentDocument?.body?.innerText ?? ""; } catch (error) { read = String(error); }
    done(`loaded ${read}`);
  };
  element.onerror = () => done("error");
  document.body.append(element);
});
const posts = (path, enctype, fields) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.name = `f${Math.random()}`;
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action: WEB + path, enctype, target: frame.name });
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    Object.assign(field, { name, value });
    form.append(field);
  }
  frame.onload = () => { try { done(frame.contentDocument.body.innerText); } catch (error) { done(String(error)); } };
  document.body.append(frame, form);
  form.submit();
  setTimeout(() => done("posted"), 500);
});
const streams = (path, how) => new Promise((done) => {
  const source = new EventSource(WEB + path, how);
  source.onmessage = (message) => done(`read ${message.data}`);
  source.addEventListener("segment.changed", (message) => done(`read ${message.data}`));
  source.onopen = () => done("read: open");
  source.onerror = () => { source.close(); done("error"); };
});

const ATTACKS = {
  "reads with a token": () => text(fetch(`${WEB}/v1/customers?query=v`, { headers: bearer })),
  "reads without a preflight": () => text(fetch(`${WEB}/v1/customers?query=v`, { mode: "no-cors" })),
  "reads with cookies": () => text(fetch(`${WEB}/v1/segments`, { credentials: "include" })),
  "reads by XMLHttpRequest": () => new Promise((done) => {
    const asked = new XMLHttpRequest();
    asked.open("GET", `${WEB}/v1/segments/lifecycle/loyal/members`);
    asked.setRequestHeader("authorization", bearer.authorization);
    asked.onload = () => done(asked.responseText);
    asked.onerror = () => done("error");
    asked.send();
  }),
  "reads the document": () => text(fetch(`${WEB}/openapi.json`)),
  "reads health": () => text(fetch(`${WEB}/readyz`)),
  "reads metrics": () => text(fetch(`${WEB}/metrics`)),
  "calls back (JSONP)": () => new Promise((done) => {
    window.stolen = (found) => done(`read ${JSON.stringify(found)}`);
    loads("script", { src: `${WEB}/openapi.json?callback=stolen` }).then(done);
  }),
  "runs an answer as a script": () => loads("script", { src: `${WEB}/v1/segments` }),
  "runs an answer as a module": async () => JSON.stringify(await import(`${WEB}/openapi.json`)),
  "runs an answer in a worker": () => new Promise((done) => {
    const source = `try { importScripts("${WEB}/openapi.json"); postMessage("read"); } catch (e) { postMessage(String(e)); }`;
    const worker = new Worker(URL.createObjectURL(new Blob([source])));
    worker.onmessage = (message) => done(message.data);
  }),
  "takes an answer for a style": () => loads("link", { rel: "stylesheet", href: `${WEB}/openapi.json` }),
  "takes an answer for a picture": () => loads("img", { src: `${WEB}/openapi.json` }),
  "takes an answer for a font": async () => String(await new FontFace("stolen", `url(${WEB}/openapi.json)`).load()),
  "takes an answer for a film": () => new Promise((done) => {
    const film = document.createElement("video");
    film.onerror = () => done("error");
    film.onloadeddata = () => done("read");
    film.src = `${WEB}/openapi.json`;
  }),
  "frames an answer": () => loads("iframe", { src: `${WEB}/openapi.json` }),
  "frames the page of a customer": () => loads("iframe", { src: `${WEB}/u/guessed` }),
  "embeds an answer": () => loads("object", { data: `${WEB}/openapi.json`, type: "text/html" }),
  "opens a window": async () => {
    const opened = window.open(`${WEB}/openapi.json`);
    await new Promise((done) => setTimeout(done, 500));
    return opened === null ? "blocked" : `read ${opened.document.body.innerText}`;
  },
  "measures an answer": async () => {
    await fetch(`${WEB}/openapi.json`, { mode: "no-cors" }).catch(() => {});
    const seen = performance.getEntriesByName(`${WEB}/openapi.json`).filter((one) => one.encodedBodySize > 0);
    return seen.length ? `read ${seen[0].encodedBodySize}` : "no size";
  },
  "follows changes": () => streams("/v1/changes", {}),
  "follows changes with cookies": () => streams("/v1/changes", { withCredentials: true }),
  "opens a web socket": () => new Promise((done) => {
    const socket = new WebSocket(`${WEB.replace("http", "ws")}/v1/changes`);
    socket.onopen = () => done("read: open");
    socket.onerror = () => done("error");
  }),
  "sends a beacon": async () => String(navigator.sendBeacon(`${WEB}/v1/page`, event("beacon"))),
  "sends a beacon of JSON": async () =>
    String(navigator.sendBeacon(`${WEB}/v1/page`, new Blob([event("blob")], { type: "application/json" }))),
  "posts a form": () => posts(`/v1/track?writeKey=${KEY}`, "application/x-www-form-urlencoded", { event: "x", userId: "m" }),
  "posts a form that is JSON": () =>
    posts(`/v1/page?writeKey=${KEY}`, "text/plain", { '{"userId":"mallory","messageId":"form","x":"': '"}' }),
  "posts a form in parts": () => posts(`/v1/events?writeKey=${KEY}`, "multipart/form-data", { x: event("parts") }),
  "posts without a preflight": () => text(fetch(`${WEB}/v1/page`, { method: "POST", mode: "no-cors", body: event("plain") })),
  "posts JSON": () => text(fetch(`${WEB}/v1/page`, { method: "POST", headers: json, body: event("json") })),
  "posts with a token of a server": () =>
    text(fetch(`${WEB}/v1/events`, { method: "POST", headers: { ...json, authorization: `Bearer ${SERVER}` }, body: event("s") })),
  "previews a file": () =>
    text(fetch(`${WEB}/v1/segments/preview`, { method: "POST", headers: bearer, body: "[lifecycle]" })),
  "deletes": () => text(fetch(`${WEB}/v1/customers/victim`, { method: "DELETE", headers: bearer })),
  "comes from no origin": () => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    const body = JSON.stringify(event("null"));
    frame.srcdoc = `<script>fetch("${WEB}/v1/page", {method: "POST", body: ${body}})
      .then((found) => found.text(), String).then((found) => parent.postMessage(found, "*"))</` + "script>";
    window.addEventListener("message", (message) => done(message.data));
    document.body.append(frame);
  }),
  "is sent on to us": () => text(fetch(`/elsewhere?to=${encodeURIComponent(`${WEB}/v1/page`)}`, { method: "POST", body: event("on") })),
  "rebinds a name": () => text(fetch(WEB.replace("127.0.0.1", "rebound.example") + "/v1/customers?query=v", { headers: bearer })),
  "frames a rebound name": () => loads("iframe", { src: WEB.replace("127.0.0.1", "rebound.example") + "/openapi.json" }),
};

(async () => {
  const found = {};
  for (const [name, attack] of Object.entries(ATTACKS)) {
    const late = new Promise((done) => setTimeout(() => done("nothing came"), SECONDS * 1000));
    try { found[name] = String(await Promise.race([attack(), late])); } catch (error) { found[name] = String(error); }
  }
  // So that the test can fail: a page that is listed may send, and may read what became of it.
  const listed = await (await fetch("/listed")).text();
  found["control"] = await text(fetch(`${WEB}/v1/page`, {
    method: "POST", body: JSON.stringify({ userId: "ann", messageId: "control", writeKey: listed }),
  }));
  await fetch("/found", { method: "POST", body: JSON.stringify(found) });
})();

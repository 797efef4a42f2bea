// What every part of the page uses: the reader's language, what the browser remembers, small machinery, and calls of the
// server with their place in line.
window.mmdemo = (() => {
  "use strict";

  const TRIES = 12; // of a lost connection: more than a minute
  const ONE_TAB = new Set(["tab", "token", "draft", "consent", "strength", "review_key", "review_session"]); // a reload included
  const NEVER_COPIED = ["tab", "token", "review_session"];
  const COPY_MS = 400; // in which another tab says that it is the one which remembers this; a reload is no copy
  const texts = window.mmdemoTexts;
  const mounted = new Map(); // name → {host, value, stop}
  const parts = {};
  const unstored = new Map(); // storage can be closed to us (private mode, an embedding page): the page is its memory then

  function firstLanguage() {
    const tags = [stored("language"), ...(navigator.languages || [navigator.language])];
    const language = tags.filter(Boolean).map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag in texts);
    return language || Object.keys(texts)[0];
  }

  // --- memory ----------------------------------------------------------------------------------------------------

  const storage = (name) => (ONE_TAB.has(name) ? sessionStorage : localStorage);

  // A text, null for none.
  function stored(name) {
    if (unstored.has(name)) return unstored.get(name);
    try { return storage(name).getItem(`mmdemo.${name}`); } catch { return null; }
  }

  function store(name, text) {
    unstored.delete(name);
    try {
      if (text === null) storage(name).removeItem(`mmdemo.${name}`);
      else storage(name).setItem(`mmdemo.${name}`, text);
    } catch {
      unstored.set(name, text);
    }
  }

  // The value of a text that is JSON, {} for none or for one that somebody else wrote.
  function storedValue(name) {
    try { return JSON.parse(stored(name)) || {}; } catch { return {}; }
  }

  const storeValue = (name, value) => store(name, JSON.stringify(value));

  // The same for all that is asked as long as it is remembered.
  function storedToken(name) {
    if (!stored(name)) store(name, token());
    return stored(name);
  }

  // --- small machinery -------------------------------------------------------------------------------------------

  function t(key, values = {}) {
    const text = texts[mmdemo.language][key];
    if (text === undefined) throw new Error(`no text ${key}`);
    return text.replace(/\{(\w+)\}/g, (brace, name) => (name in values ? String(values[name]) : brace));
  }

  // element("p", {className: "…"}, …children)
  function element(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  // Take a step `ms` after the last call, unless `signal` is aborted before. Returns {after(ms, step), cancel()}.
  function debounced(signal) {
    let timer = null;
    const cancel = () => clearTimeout(timer);
    signal.addEventListener("abort", cancel);
    return {
      cancel,
      after(ms, step) {
        cancel();
        if (!signal.aborted) timer = setTimeout(step, ms);
      },
    };
  }

  // Hand the reader a file.
  function download(blob, name) {
    const href = URL.createObjectURL(blob);
    element("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  // Colours of theme.css as they are in the light theme: what is drawn looks alike in both.
  function colours(...names) {
    const style = getComputedStyle(document.documentElement);
    return names.map((name) => style.getPropertyValue(`--mm-${name}`).trim());
  }

  // --- the tab ---------------------------------------------------------------------------------------------------

  // A browser that duplicates a tab copies its memory, too. The copy lets go of what belongs to one tab alone: the answer
  // that stands there, which either could clear or delete, and the sample that is kept for one annotator.
  async function settle() {
    const channel = "BroadcastChannel" in window && new BroadcastChannel("mmdemo.tabs");
    const own = performance.getEntriesByType("navigation")[0]?.type !== "reload" && stored("tab");
    if (channel && own && (await isHeld(channel, own))) {
      for (const name of NEVER_COPIED) store(name, null);
      mmdemo.address.forget();
    }
    const tab = storedToken("tab");
    channel?.addEventListener?.("message", ({ data }) => { if (data.whose === tab) channel.postMessage({ mine: tab }); });
  }

  function isHeld(channel, tab) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, COPY_MS, false);
      channel.onmessage = ({ data }) => { if (data.mine === tab) { clearTimeout(timer); resolve(true); } };
      channel.postMessage({ whose: tab });
    }).finally(() => { channel.onmessage = null; });
  }

  // --- parts -----------------------------------------------------------------------------------------------------

  async function mount(name, host, value) {
    mounted.set(name, { host, value, stop: null });
    await settled;
    if (mounted.get(name).host === host) show(name);
  }

  function show(name) {
    const entry = mounted.get(name);
    entry.stop?.abort();
    entry.stop = new AbortController();
    const root = element("div", { className: `mm-part mm-part-${name}`, innerHTML: entry.value[mmdemo.language] });
    entry.host.replaceChildren(root);
    parts[name]?.(root, entry.stop.signal);
  }

  function setLanguage(language) {
    store("language", language);
    mmdemo.language = language;
    dress();
    for (const name of mounted.keys()) show(name);
  }

  function dress() {
    document.documentElement.lang = mmdemo.language === "zh" ? "zh-CN" : mmdemo.language;
    document.title = t("common.title");
  }

  // --- calls -----------------------------------------------------------------------------------------------------

  const address = (path) => new URL(`${window.gradio_config.api_prefix || "/gradio_api"}/${path}`.slice(1), document.baseURI);

  // A refusal that a person can read: `kind` is "refused" | "full" | "dropped" | "cancelled" | "failed".
  class CallError extends Error {
    constructor(kind, sentence) {
      super(sentence || t(`common.${kind}`));
      this.kind = kind;
    }
  }

  async function post(path, body, headers = {}) {
    const options = { method: "POST", body, headers: { "Accept-Language": mmdemo.language, ...headers } };
    try {
      return await fetch(address(path), options);
    } catch {
      throw new CallError("dropped");
    }
  }

  const postJson = (path, value, headers) =>
    post(path, JSON.stringify(value), { "Content-Type": "application/json", ...headers });

  // call("name", [arguments], {onWait, signal, headers}) → what the function returned.
  // onWait gets {place, seconds} while others are before us: 1 is next, and in so many seconds an answer is expected
  // (null where nobody knows yet). It gets {} once it works.
  async function call(name, args = [], options = {}) {
    const endpoint = window.gradio_config.dependencies.find((entry) => entry.api_name === name);
    if (!endpoint) throw new Error(`no endpoint ${name}`);
    return endpoint.queue ? queued(endpoint, args, options) : direct(name, args, options);
  }

  async function direct(name, args, { headers } = {}) {
    // A session's name, though it is nobody's: without one Gradio would build the page's state anew for each call.
    const response = await postJson(`run/${name}`, { data: args, session_hash: "page" }, headers);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new CallError("failed", answer.error);
    return answer.data[0];
  }

  // Sent even while the page goes away; nobody waits for an answer.
  function tell(name, args) {
    navigator.sendBeacon?.(address(`run/${name}`), new Blob([JSON.stringify({ data: args })], { type: "application/json" }));
  }

  async function queued(endpoint, args, { onWait = () => {}, signal, headers } = {}) {
    const session = token();
    const body = { data: args, fn_index: endpoint.id, session_hash: session };
    const response = await postJson("queue/join", body, headers);
    if (!response.ok) throw await refused(response);
    const { event_id } = await response.json();
    const cancel = () => postJson("cancel", { session_hash: session, fn_index: endpoint.id, event_id }).catch(() => {});
    signal?.addEventListener("abort", cancel);
    try {
      return await listen(session, onWait, signal);
    } finally {
      signal?.removeEventListener("abort", cancel); // what is done needs no cancelling
    }
  }

  // Who is not let in reads why.
  async function refused(response) {
    const { detail } = await response.json().catch(() => ({}));
    const kind = { 413: "too_large", 503: "full" }[response.status] || "failed";
    return new CallError(kind, typeof detail === "string" ? detail : "");
  }

  function listen(session, onWait, signal) {
    const source = new EventSource(address(`queue/data?session_hash=${session}`));
    return new Promise((resolve, reject) => {
      const end = (finish, value) => { source.close(); finish(value); };
      const gone = () => end(reject, new CallError("dropped"));
      if (signal?.aborted) return end(reject, new CallError("cancelled"));
      signal?.addEventListener("abort", () => end(reject, new CallError("cancelled")));
      source.onerror = gone; // by itself it would connect again, to a stream that is no longer there
      source.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.msg === "estimation") onWait({ place: message.rank + 1, seconds: message.rank_eta });
        else if (message.msg === "process_starts") onWait({});
        else if (message.msg === "unexpected_error") gone();
        else if (message.msg !== "process_completed") return;
        else if (message.success) end(resolve, message.output.data[0]);
        else end(reject, new CallError("failed", message.output?.error));
      };
    });
  }

  // Take a step once more, and again, as long as it is only the connection that is missing.
  async function patiently(step, signal, onLost) {
    for (let attempt = 1; ; attempt += 1) {
      if (signal.aborted) throw new CallError("cancelled");
      try {
        return await step();
      } catch (error) {
        if (error.kind !== "dropped" || attempt >= TRIES) throw error;
        onLost();
        await online(Math.min(500 * 2 ** attempt, 8000), signal);
      }
    }
  }

  // Resolve after `most` ms, or when the browser is back: online, or the phone in the hand again.
  function online(most, signal) {
    return new Promise((resolve) => {
      const done = new AbortController();
      const end = () => { clearTimeout(timer); done.abort(); resolve(); };
      const timer = setTimeout(end, most);
      for (const [target, event] of [[window, "online"], [document, "visibilitychange"], [signal, "abort"]]) {
        target.addEventListener(event, end, { signal: done.signal });
      }
    });
  }

  // upload(file, name) → the server's path of it, to be handed to call() as fileData(path).
  async function upload(file, name) {
    const form = new FormData();
    // A file's own name says something about its owner, and nobody needs it: only its ending goes along.
    const ending = /\.\w{1,5}$/.exec(file.name || "")?.[0] || "";
    form.append("files", file, `${name}${ending}`);
    const response = await post("upload", form);
    if (!response.ok) throw await refused(response);
    return (await response.json())[0];
  }

  const fileData = (path) => ({ path, meta: { _type: "gradio.FileData" } });

  // 128 random bits: whoever has it may ask for what was done under it.
  function token() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  const mmdemo = {
    language: null, parts, mount, setLanguage, dress,
    stored, store, storedValue, storeValue, storedToken,
    t, element, debounced, download, colours,
    call, tell, patiently, upload, fileData, token, CallError,
  };
  window.mmdemo = mmdemo;
  const settled = settle();
  mmdemo.language = firstLanguage();
  return mmdemo;
})();

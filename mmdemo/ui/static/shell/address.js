// The address of what is shown: ?tab=…&task=…&answer=…. Each tab remembers its own place; Back, Forward and reload lead
// to it again. The token under which the server remembers an answer stands in the history alone, never in the address.
mmdemo.address = (() => {
  "use strict";
  const FIRST = "predict"; // the tab of an address that names none
  const NAMES = ["task", "answer"];
  const places = {}; // tab → {task, answer, token}, "" for none

  function read() {
    const search = new URLSearchParams(location.search);
    const place = Object.fromEntries(NAMES.map((name) => [name, search.get(name) || ""]));
    return { tab: search.get("tab") || FIRST, place: { ...place, token: history.state?.mmdemo?.token || "" } };
  }

  const of = (tab) => places[tab] || {};
  const opened = () => document.body.dataset.tab;

  // What a tab shows from now on. `step`: Back leads to what it showed before.
  function set(tab, place, step = false) {
    places[tab] = { ...of(tab), ...place };
    if (tab === opened()) write(step);
  }

  function write(step) {
    const [tab, place] = [opened(), of(opened())];
    const search = new URLSearchParams(location.search); // what others put there stays
    const shown = { tab: tab === FIRST ? "" : tab, ...Object.fromEntries(NAMES.map((name) => [name, place[name] || ""])) };
    for (const [name, value] of Object.entries(shown)) {
      if (value) search.set(name, value);
      else search.delete(name);
    }
    const href = location.pathname + (search.size ? `?${search}` : "") + location.hash;
    const same = href === location.pathname + location.search + location.hash && (place.token || "") === read().place.token;
    const state = { ...history.state, mmdemo: { token: place.token || "" } };
    if (step && !same) history.pushState(state, "", href);
    else history.replaceState(state, "", href);
  }

  // Another tab holds what the tokens stand for.
  function forget() {
    for (const place of Object.values(places)) place.token = "";
    history.replaceState({ ...history.state, mmdemo: {} }, "");
  }

  const first = read();
  places[first.tab] = first.place;
  addEventListener("popstate", () => {
    const { tab, place } = read();
    places[tab] = place;
    document.dispatchEvent(new CustomEvent("mmdemo:address", { detail: tab }));
  });
  return { read, of, set, write, forget };
})();

// The Review tab: one sample, one key, the next sample. What stands in its slots comes from the server as HTML; a slot
// is touched only where it changed, so that nothing moves between two samples but the sample.
(() => {
  "use strict";
  const EMPTY_MS = 15_000; // after which an empty queue is looked at again

  // It outlives a switch of language, after which the part is made anew from it.
  const desk = {
    view: null, work: null, list: "queue", holds: false, // whether a sample is kept for this browser
    note: "", noting: false, looking: false, names: [], typing: null, // what stands in the field of a sample
  };
  let ui = null;

  mmdemo.parts.review = (root, signal) => {
    const find = (selector) => root.querySelector(selector);
    ui = {
      root, signal, find, slots: new Map(), stopMap: null, alike: null, who: null, typed: null, lesson: null,
      review: find(".mm-review"), desk: find(".mm-rv-desk"), closed: find(".mm-rv-closed"), line: find(".mm-rv-line"),
      task: find(".mm-rv-task"), hide: find(".mm-rv-hide"), note: find(".mm-rv-note textarea"), looked: find(".mm-rv-looked"),
    };
    ui.who = mmdemo.annotator(find(".mm-rv-you"), signal, {
      say,
      named: { focus: () => ui.find(".mm-rv-shown").focus(), tell: refresh },
      atWork: () => isOpen() && !document.hidden && desk.holds,
      renew: refresh,
      leave: () => { if (desk.holds) mmdemo.tell("review_leave", leaving()); },
    });
    ui.lesson = mmdemo.lesson(find(".mm-rv-lesson"), { name: () => ui.who.name(), task: () => ui.task?.value || "", changed: refresh });
    ui.typed = mmdemo.typed(root, giveLabel, () => say(mmdemo.t("review.type_first"), true));
    ui.hide.checked = mmdemo.stored("hide_guess") === "yes";
    ui.note.value = desk.note;
    ui.note.parentElement.hidden = !desk.noting;
    ui.note.addEventListener("input", () => { desk.note = ui.note.value; });
    ui.hide.addEventListener("change", () => {
      mmdemo.store("hide_guess", ui.hide.checked ? "yes" : null);
      ui.hide.blur();
      act("look", { sample_id: current() });
    });
    // A blind sample closes it too, so it is the click that counts: what was opened once stays open.
    ui.looked.querySelector("summary").addEventListener("click", () => { desk.looking = !ui.looked.open; });
    ui.looked.addEventListener("toggle", showMap);
    ui.note.addEventListener("keydown", leaveNote);
    if (ui.task) {
      chooseTask();
      ui.task.addEventListener("change", () => { mmdemo.address.set("review", { task: ui.task.value }, true); act("look"); });
    }
    document.addEventListener("mmdemo:address", ({ detail }) => {
      if (detail !== "review" || !ui.task) return;
      chooseTask();
      act("look");
    }, { signal });
    ui.closed.addEventListener("submit", unlock);
    root.addEventListener("click", onClick);
    root.addEventListener("input", ({ target }) => { if (target.form?.dataset.answer) desk.typing = { of: target.form.dataset.answer, value: target.value }; });
    document.addEventListener("keydown", onKey, { signal });
    document.addEventListener("mmdemo:tab", () => (isOpen() ? refresh() : leave()), { signal });
    document.addEventListener("mmdemo:kept", count, { signal });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && isOpen()) refresh(); }, { signal });
    const timer = setInterval(() => { if (isOpen() && !document.hidden && desk.view?.state === "empty") refresh(); }, EMPTY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    signal.addEventListener("abort", () => ui.stopMap?.abort());
    signal.addEventListener("abort", () => ui.alike?.stop.abort());
    if (desk.view) paint({ ...desk.view, line: "" }); // until it comes in the other language
    if (isOpen()) refresh();
    else count();
  };

  // What the address names; all where it names none that is here.
  function chooseTask() {
    ui.task.value = mmdemo.address.of("review").task || "";
    if (ui.task.selectedIndex < 0) ui.task.value = "";
  }

  const isOpen = () => document.body.dataset.tab === "review";
  const current = () => desk.view?.sample_id || "";

  // --- asking the server -------------------------------------------------------------------------------------------

  async function count() {
    try {
      mmdemo.badge("review", (await mmdemo.call("review_count")).waiting);
    } catch { /* the badge is not worth a sentence */ }
  }

  const refresh = () => act("look", { sample_id: current() }, true);

  const leaving = () => {
    desk.holds = false;
    return [mmdemo.reviewKey(), mmdemo.reviewSession()];
  };

  // Whoever looks at another tab answers nothing: the sample is free for others.
  async function leave() {
    count();
    if (desk.holds) await mmdemo.call("review_leave", leaving()).catch(() => {}); // it ends by itself too
  }

  // One at a time: what a person does waits for a look in the background, and whatever comes meanwhile is dropped,
  // for it would be about a sample that isn't seen yet.
  async function act(what, more = {}, quiet = false) {
    if (desk.work && (quiet || !desk.work.quiet)) return null;
    const ask = {
      do: what, annotator: ui.who.name(), session: mmdemo.reviewSession(), browser: mmdemo.reviewBrowser(), hide: ui.hide.checked, key: mmdemo.reviewKey(), next: following(),
      task: ui.task?.value || "", list: desk.list, again: Boolean(desk.view?.again), ...more,
    };
    const work = { quiet, done: null };
    work.done = Promise.resolve(desk.work?.done).then(() => send(ask, quiet));
    begin(work);
    const view = await work.done;
    if (desk.work === work) begin(null);
    return view;
  }

  function begin(work) {
    desk.work = work;
    ui.review.setAttribute("aria-busy", Boolean(work && !work.quiet));
  }

  async function send(ask, quiet) {
    try {
      const view = await mmdemo.call("review_act", [ask]);
      if (quiet && !view.line) Object.assign(view, { line: ui.line.textContent, refused: ui.line.classList.contains("mm-refused") });
      paint(view);
      return view;
    } catch (error) {
      say(error.message, true);
      return null;
    }
  }

  // The sample under this one in the list, so that whoever chose a place in the queue goes on from there.
  function following() {
    const ids = desk.view?.ids || [];
    return ids[ids.indexOf(current()) + 1] || "";
  }

  async function answer(what, more = {}) {
    if (!current()) return;
    document.activeElement?.closest?.(".mm-review button")?.blur();
    if (!ui.who.isNamed()) return;
    const name = ui.who.name();
    const view = await act(what, { sample_id: current(), annotator: name, ...more });
    if (!view || view.refused) return;
    desk.names.push(name);
    desk.note = ui.note.value = "";
    openNote(false);
  }

  const giveLabel = (label) => answer("label", { label, note: desk.note });

  async function undo() {
    const name = desk.names.at(-1);
    if (!name && !ui.who.isNamed()) return;
    const view = await act("undo", { sample_id: current(), ...(name ? { annotator: name } : {}) });
    if (view && !view.refused) desk.names.pop();
  }

  async function unlock(event) {
    event.preventDefault();
    const field = ui.closed.querySelector("input");
    mmdemo.store("review_key", field.value.trim());
    field.value = "";
    const view = await act("look");
    if (view && view.state !== "closed") return field.blur(); // the keys are for answers now
    mmdemo.store("review_key", null);
    field.focus();
  }

  // --- showing it --------------------------------------------------------------------------------------------------

  function paint(view) {
    const other = view.sample_id !== current();
    desk.view = view;
    desk.holds = Boolean(view.sample_id);
    mmdemo.badge("review", view.waiting);
    const closed = view.state === "closed";
    ui.review.dataset.state = view.state;
    ui.closed.hidden = !closed;
    ui.desk.hidden = closed;
    if (closed) {
      ui.closed.querySelector(".mm-rv-why").textContent = view.sentence;
      ui.closed.querySelector(".mm-rv-unlock").hidden = !view.reason.startsWith("review_key");
      return;
    }
    fill(".mm-rv-list", view.queue);
    fill(".mm-rv-shown", view.sample);
    fillLabels(view.labels);
    ui.find(".mm-rv-back").hidden = !view.again;
    ui.find(".mm-rv-waiting").textContent = view.heading;
    ui.find(".mm-rv-task-title").textContent = view.title || "";
    ui.find(".mm-rv-asks").textContent = view.asks || mmdemo.t("review.what");
    ui.find(".mm-rv-progress").textContent = view.progress;
    ui.looked.hidden = !view.map;
    ui.looked.open = Boolean(view.map) && desk.looking;
    if (other) ui.find(".mm-rv-map").replaceChildren();
    showMap();
    say(view.line, view.refused);
    showAlike();
    mmdemo.listed(ui.root, view, mmdemo.reviewKey());
  }

  function fill(selector, html) {
    if (ui.slots.get(selector) === html) return;
    ui.slots.set(selector, html);
    ui.find(selector).innerHTML = html;
  }

  // Whoever types goes on typing: the next sample's field has the focus, and what was begun stands in the same sample's.
  function fillLabels(html) {
    const wasTyping = ui.typed.isFocused();
    fill(".mm-rv-labels", html);
    const field = ui.find(".mm-typed input");
    if (field && field.form.dataset.answer === desk.typing?.of) field.value = desk.typing.value;
    if (wasTyping && !ui.typed.isFocused()) ui.typed.focus();
  }

  function say(line, refused = false) {
    ui.line.textContent = line;
    ui.line.classList.toggle("mm-refused", refused);
  }

  function showMap() {
    const place = ui.find(".mm-rv-map");
    if (!ui.looked.open || !desk.view?.map || place.dataset.of === current() + mmdemo.language && place.firstChild) return;
    place.dataset.of = current() + mmdemo.language;
    place.innerHTML = desk.view.map;
    const shown = ui.find(".mm-rv-shown");
    for (const figure of place.querySelectorAll("[data-grid]")) figure.dataset.picture = shown.querySelector("img").src;
    const sound = place.querySelector("audio");
    if (sound) sound.src = shown.querySelector("audio").src;
    ui.stopMap?.abort();
    ui.stopMap = new AbortController();
    mmdemo.showMap(place, ui.stopMap.signal);
  }

  // Asked for once the sample stands there, and once for each.
  function showAlike() {
    const key = [current(), ui.hide.checked, mmdemo.language].join("\n");
    if (!current() || ui.alike?.key === key) return;
    ui.alike?.stop.abort();
    ui.alike = { key, stop: new AbortController() };
    const { signal } = ui.alike.stop;
    const query = [mmdemo.reviewKey(), current(), ui.hide.checked];
    mmdemo.alike(ui.find(".mm-alike-slot"), () => mmdemo.call("review_alike", query, { signal }), signal);
  }

  // --- mouse and keys ----------------------------------------------------------------------------------------------

  const KEYS = { s: "skip", u: "unsure", z: "undo", n: "note", p: "play", w: "wrong", e: "type", t: "teach" };
  const ACTIONS = {
    skip: () => answer("skip"),
    unsure: () => answer("unsure"),
    undo,
    wrong: rightForTheWrongReason,
    note: () => { openNote(true); ui.note.focus(); },
    type: () => ui.typed.focus(),
    teach: () => ui.lesson.teach(),
    play,
    look: () => act("look"),
    back,
    unfold: () => {
      const open = ui.find(".mm-rv-queue").classList.toggle("mm-unfolded");
      ui.find(".mm-rv-unfold").setAttribute("aria-expanded", open);
    },
  };

  function onClick({ target }) {
    const button = target.closest("button");
    if (!button) return;
    if (button.dataset.label !== undefined) giveLabel(button.dataset.label);
    else if (button.dataset.sample) act("look", { sample_id: button.dataset.sample, again: false });
    else if (button.dataset.answered) act("look", { sample_id: button.dataset.answered, again: true });
    else if (button.dataset.list) show(button.dataset.list);
    else ACTIONS[button.dataset.do]?.();
  }

  function onKey(event) {
    if (!isOpen() || desk.view?.state === "closed" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    if (event.key === "Escape" && desk.view?.again) return void back();
    if (event.key === "Enter") {
      if (!event.target.closest?.("button, summary, a, audio")) accept();
      return;
    }
    const action = ACTIONS[KEYS[event.key.toLowerCase()]];
    const label = labelOf(event, action);
    if (label === undefined && !action) return;
    event.preventDefault();
    if (label !== undefined) giveLabel(label);
    else action();
  }

  // A French keyboard has its digits behind Shift: the key at their place will do.
  function labelOf({ key, code, shiftKey }, action) {
    const place = action || shiftKey ? "" : /^Digit(\d)$/.exec(code)?.[1];
    return desk.view?.keys?.[key.toUpperCase()] ?? desk.view?.keys?.[place];
  }

  function accept() {
    if (desk.view?.again) say(mmdemo.t(ui.typed.isThere() ? "review.type_again" : "review.choose_again"), true);
    else if (ui.typed.isThere()) ui.typed.send();
    else if (desk.view?.accept) giveLabel(desk.view.accept);
    else if (current()) say(mmdemo.t("review.choose_first"), true);
  }

  // Whoever says so has seen the map: the first press opens it.
  function rightForTheWrongReason() {
    const guess = desk.view?.guess;
    if (!guess) return;
    if (ui.looked.open) return void answer("label", { label: guess, note: desk.note, wrong_reason: true });
    desk.looking = ui.looked.open = true;
    showMap();
    ui.looked.scrollIntoView({ block: "nearest" });
    say(mmdemo.t("review.wrong_reason_look"));
  }

  function play() {
    const sound = ui.find(".mm-rv-shown audio");
    if (sound?.paused) sound.play();
    else sound?.pause();
  }

  function openNote(open) {
    desk.noting = open;
    ui.note.parentElement.hidden = !open;
  }

  function show(list) {
    desk.list = list;
    if (list === "queue" && desk.view?.again) back();
    else act("look", { sample_id: current() });
  }

  // From what was answered to what is asked: the sample that is kept for this browser, or the next.
  function back() {
    desk.list = "queue";
    act("look", { again: false });
  }

  // Enter and Escape lead from the note back to the keys; it waits for the answer that it belongs to.
  function leaveNote(event) {
    if (event.isComposing || (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey))) return;
    event.preventDefault();
    ui.note.blur();
    if (!desk.note.trim()) openNote(false);
  }
})();

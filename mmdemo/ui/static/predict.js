// The Predict tab. `desk` outlives a switch of language, after which the part is made anew from it.
(() => {
  "use strict";
  const TOKEN = "mmdemo.token"; // of the last answer, in this tab alone
  const SLOW_MS = 900; // after which one asks why it takes so long

  const desk = { task: null, captions: {}, media: {}, token: null, view: null, problem: "", refused: false, stale: false, work: null };
  Object.assign(desk, { welcome: false, closed: "" }); // the answer is an example's that nobody asked for; a link led to no answer
  let ui = null; // the part as it stands now
  const t = mmdemo.t;

  mmdemo.parts.predict = (root, signal) => {
    const find = (selector) => root.querySelector(selector);
    ui = { root, signal, find, wells: {}, results: find(".mm-results") };
    const { stale } = desk;
    for (const form of root.querySelectorAll(".mm-form")) prepare(form);
    desk.stale = stale; // putting back what was chosen changes nothing
    const first = desk.task === null;
    ui.consent = mmdemo.consent(root, tell);
    root.addEventListener("click", onClick);
    root.querySelector(".mm-tasks").addEventListener("keydown", onTaskKey);
    document.addEventListener("keydown", onKey, { signal });
    arrive.listen(signal);
    signal.addEventListener("abort", () => { for (const well of Object.values(ui.wells).flat()) well.close(); });
    if (first) Object.assign(desk, mmdemo.draft.read());
    for (const [task, text] of Object.entries(desk.captions)) fill(task, text);
    const place = first ? mmdemo.address.of("predict") : {}; // a link may name one
    chooseTask(place.task || desk.task || "");
    if (!desk.refused) desk.problem = ""; // it was said in another language
    paint();
    arrive.limit();
    if (first) arrive.begin(place);
    else if (desk.view || desk.refused) recall(desk.token); // the same, in the other language
    else if (desk.closed) arrive.open(desk.closed);
    else if (!desk.work) arrive.welcome();
  };

  // --- the form --------------------------------------------------------------------------------------------------

  function prepare(form) {
    const task = form.dataset.task;
    const limits = JSON.parse(form.dataset.limits);
    ui.wells[task] = [...form.querySelectorAll(".mm-drop")].map((box) => {
      const slot = `${task}.${box.dataset.kind}`;
      const before = desk.media[slot];
      const well = mmdemo.well(box, {
        mostSeconds: limits.audio_max_s,
        mostBytes: limits[`${box.dataset.kind}_bytes`],
        onChange: () => {
          desk.media[slot] = { value: well?.value ?? null, shown: box.querySelector("img, audio").src };
          changed();
        },
        onProblem: (sentence) => { desk.problem = sentence; paint(); },
      });
      if (before?.value?.file) well.set(before.value.file);
      else if (before?.value?.held) well.hold(before.shown);
      return well;
    });
    const caption = form.querySelector("textarea");
    if (!caption) return;
    caption.addEventListener("input", () => { desk.captions[task] = caption.value; writeDraft(); changed(); });
  }

  function chooseTask(name, focus = false) {
    const offered = tasks();
    desk.task = offered.includes(name) ? name : offered[0] || "";
    ui.find(".mm-no-model").hidden = desk.task !== "";
    for (const element of ui.root.querySelectorAll(".mm-form, .mm-examples, .mm-of-task")) element.hidden = element.dataset.task !== desk.task;
    for (const choice of ui.root.querySelectorAll(".mm-tasks [role=radio]")) {
      const chosen = choice.dataset.task === desk.task;
      choice.setAttribute("aria-checked", chosen);
      choice.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) choice.focus();
    }
    writeDraft();
  }

  const tasks = () => [...ui.root.querySelectorAll(".mm-tasks [data-task]:not([hidden])")].map((choice) => choice.dataset.task);

  // A reader's choice, which Back takes back.
  function turnTo(name, focus = false) {
    chooseTask(name, focus);
    if (!desk.work) reset();
    mmdemo.address.set("predict", { task: desk.task, answer: "", token: "" }, true);
  }

  const wellOf = (kind) => ui.wells[desk.task]?.find((well) => well.kind === kind);
  const untouched = () => !desk.captions[desk.task] && (ui.wells[desk.task] || []).every((well) => !well.value);
  const captionField = (task = desk.task) => ui.find(`.mm-form[data-task="${CSS.escape(task)}"] textarea`);

  function fill(task, text) {
    if (captionField(task)) captionField(task).value = text;
  }

  function setCaption(text, task = desk.task) {
    desk.captions[task] = text;
    fill(task, text);
    writeDraft();
  }

  // The answer that stands there is to something else now.
  function changed() {
    desk.stale = Boolean(desk.view) && !desk.welcome;
    ui.find(".mm-stale").hidden = !desk.stale;
  }

  const writeDraft = () => mmdemo.draft.write(desk);

  // --- events ----------------------------------------------------------------------------------------------------

  const actions = {
    predict,
    cancel,
    clear,
    kept: mmdemo.result.unfold,
    dispute: (button) => mmdemo.result.unfold(button).querySelector("button").focus(),
    download: () => mmdemo.result.download(desk.view),
    forget: () => takeBack(mmdemo.result.kept.of(desk.view.json.sample_id)),
    "forget-all": () => { if (confirm(t("predict.forget_all_sure"))) takeBack(mmdemo.result.kept.all(), Object.keys(ui.wells), ""); },
  };

  function onClick({ target }) {
    const example = target.closest("[data-example]");
    const task = target.closest(".mm-tasks [data-task]");
    const label = target.closest("[data-suggest]");
    if (example) arrive.example(Number(example.dataset.example));
    else if (task) turnTo(task.dataset.task);
    else if (label) amend("page_dispute", label.dataset.suggest);
    else actions[target.closest("[data-do]")?.dataset.do]?.(target.closest("[data-do]"));
  }

  function onTaskKey(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const names = tasks();
    turnTo(names[(names.indexOf(desk.task) + step + names.length) % names.length], true);
  }

  function onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.body.dataset.tab !== "predict") return;
    event.preventDefault();
    predict();
  }

  // --- asking ----------------------------------------------------------------------------------------------------

  async function predict() {
    if (desk.work || !desk.task) return;
    const { token: before, task } = desk; // the reader may turn to another task meanwhile
    const keep = ui.consent.keep();
    const [token, wells, caption] = [mmdemo.token(), ui.wells[task], captionField()?.value || ""];
    await working(token, async (signal, patiently) => {
      const media = {};
      for (const well of wells) {
        const file = well.value?.file;
        if (file) mmdemo.checkSize(file, well);
        media[well.kind] = file ? mmdemo.fileData(await patiently(() => mmdemo.upload(file, `${well.kind}-${token}`))) : null;
      }
      const again = wells.filter((well) => well.value?.held).map((well) => well.kind);
      const given = [token, task, caption, media.image ?? null, media.audio ?? null, keep, before || "", again];
      await patiently(() => mmdemo.call("page_begin", given));
      mmdemo.store(TOKEN, token, "sessionStorage");
      return patiently(() => mmdemo.call("page_predict", [token], { signal, onWait }));
    });
  }

  // After a reload, or in another language: what became of this token?
  async function recall(token, how = {}) {
    if (!token || desk.work) return false;
    const view = await mmdemo.call("page_recall", [token]).catch(() => null);
    if (!view || view.state === "gone" || desk.work) return false;
    if (view.state !== "waiting") arrived(token, view, { stale: desk.stale, welcome: desk.welcome, ...how });
    else await working(token, (signal, patiently) => patiently(() => mmdemo.call("page_predict", [token], { signal, onWait })));
    return true;
  }

  async function working(token, ask) {
    const stopper = new AbortController();
    desk.work = { stopper, token, said: t("predict.uploading"), slow: setTimeout(whySlow, SLOW_MS) };
    Object.assign(desk, { problem: "", refused: false, closed: "" });
    paint();
    const { signal } = stopper;
    const patiently = (step) => mmdemo.patiently(step, signal, () => say(t("predict.reconnecting")));
    try {
      arrived(token, await ask(signal, patiently), { step: true });
    } catch (error) {
      Object.assign(desk, { view: null, welcome: false }); // it answered something else
      if (signal.aborted) mmdemo.call("page_cancel", [token]).catch(() => {});
      else desk.problem = error.message;
    } finally {
      clearTimeout(desk.work.slow);
      desk.work = null;
      paint();
      if (desk.problem) bringIntoView();
    }
  }

  function onWait({ place, seconds }) {
    if (!place) return say(t("predict.working"));
    const expected = seconds ? t("predict.expected", { seconds: Math.ceil(seconds) }) : "";
    say((place === 1 ? t("predict.waiting_one") : t("predict.waiting", { count: place })) + expected);
  }

  async function whySlow() {
    const ready = await mmdemo.call("page_ready", [desk.task]).catch(() => true);
    if (!ready) say(t("predict.loading"));
  }

  function say(sentence) {
    if (!desk.work) return;
    desk.work.said = sentence;
    paint();
  }

  // `stale`: it came before, and the input has changed since. `welcome`: nobody asked for it. `fill`: the form shows what
  // was asked. `step`: Back leads to what stood there before.
  function arrived(token, view, { stale = false, welcome = false, fill = false, step = false } = {}) {
    if (view.state === "refused") {
      Object.assign(desk, { problem: view.sentence, refused: true, token, view: null, welcome: false });
    } else {
      Object.assign(desk, { problem: "", refused: false, token, view, welcome });
      mmdemo.result.earlier.set(token, view.json?.sample_id);
      if (view.prediction_id) mmdemo.result.kept.add(view.prediction_id, view.json.sample_id, view.view_key);
      if (view.task && view.task !== desk.task) chooseTask(view.task);
      if (!stale && !welcome) show(view, fill);
    }
    desk.stale = stale && Boolean(desk.view);
    paint();
    if (welcome) return;
    mmdemo.store(TOKEN, token, "sessionStorage");
    mmdemo.address.set("predict", { task: desk.task, answer: view.kept ? view.json.sample_id : "", token }, step);
    ui.find(".mm-aloud").textContent = view.aloud || "";
    if (view.answer) bringIntoView();
  }

  function show(view, fill) {
    if (fill) setCaption(view.caption || "");
    for (const well of ui.wells[desk.task] || []) {
      if (fill) well.clear();
      holdPreview(well, well.kind === "image" ? view.picture : view.sound);
    }
  }

  // On a phone the results stand under the form.
  function bringIntoView() {
    if (innerWidth < 900) ui.results.scrollIntoView({ block: "start" });
  }

  // The server's upright copy stands in where the browser has none, or can't show its own.
  function holdPreview(well, source) {
    const { value } = well;
    if (source && !value) well.hold(source);
    else if (source && value.file) well.showCopy(source);
  }

  function cancel() {
    desk.work?.stopper.abort();
    ui.find("[data-do=predict]").focus();
  }

  function clear() {
    if (desk.token) mmdemo.call("page_clear", [desk.token]).catch(() => {});
    for (const well of ui.wells[desk.task] || []) well.clear();
    setCaption("");
    reset();
    mmdemo.address.set("predict", { task: desk.task, answer: "", token: "" }, true);
  }

  function reset() {
    Object.assign(desk, { token: null, view: null, problem: "", refused: false, stale: false, welcome: false, closed: "" });
    mmdemo.store(TOKEN, null, "sessionStorage");
    ui.find(".mm-aloud").textContent = "";
    paint();
  }

  // Dispute and take back: the answer stays, with another line under it. Tells whether it was done.
  async function amend(name, given) {
    if (desk.work) return false;
    try {
      arrived(desk.token, await mmdemo.call(name, [desk.token || "", given]), { stale: desk.stale });
      ui.find(".mm-thanks")?.focus();
      return true;
    } catch (error) {
      desk.problem = error.message;
      paint();
      return false;
    }
  }

  // By ids that this browser remembers: the server no longer knows an answer of long ago by its token.
  async function takeBack(ids, tasks = [desk.view.task || desk.task], sample = desk.view.json.sample_id) {
    if (await amend("page_forget", ids)) {
      mmdemo.result.dropEarlier(desk.token, sample);
      mmdemo.result.kept.remove(ids);
      empty(tasks);
      ui.consent.withdraw();
    }
    paint();
  }

  // What stands in the form was sent, or is made from it: it goes from this browser too.
  function empty(tasks) {
    for (const task of tasks) {
      for (const well of ui.wells[task]) well.clear();
      setCaption("", task);
    }
    desk.stale = false;
  }

  // May people see it? Who wants to be asked again (null) is asked about the answer that they just declined, too.
  function tell(agreed) {
    if (agreed !== null || desk.view?.declined) amend("page_consent", agreed);
  }

  const part = () => ui;
  const arrive = mmdemo.arrive({ desk, part, tasks, chooseTask, setCaption, captionField, wellOf, untouched, working, onWait, arrived, recall, reset, paint });

  // --- showing ---------------------------------------------------------------------------------------------------

  function paint() {
    const working = desk.work !== null;
    ui.results.setAttribute("aria-busy", working);
    ui.find(".mm-stale").hidden = !desk.stale || working;
    for (const button of ui.root.querySelectorAll("[data-example]")) {
      const shown = desk.view?.example === Number(button.dataset.example) && button.closest("[data-task]").dataset.task === desk.view.task;
      button.setAttribute("aria-current", shown);
    }
    ui.find(".mm-progress").hidden = !working;
    ui.find(".mm-progress-said").textContent = desk.work?.said || "";
    ui.find(".mm-problem").hidden = !desk.problem;
    ui.find(".mm-problem p").textContent = desk.problem;
    ui.find(".mm-nothing").hidden = Boolean(desk.view || working || desk.problem);
    ui.find("[data-do=predict]").disabled = working || !desk.task;
    ui.find("[data-do=clear]").hidden = working;
    ui.find("[data-do=cancel]").hidden = !working;
    if (ui.drawn !== desk.view) mmdemo.result.draw(ui.root, desk.view, desk.token, ui.signal);
    if (desk.welcome && ui.drawn !== desk.view) ui.find(".mm-answer-head h2").textContent += ` · ${t("predict.welcome")}`;
    ui.drawn = desk.view;
    mmdemo.result.offerForgetAll(ui.find("[data-do=forget-all]"), working);
  }
})();

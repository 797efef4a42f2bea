// The Predict tab. `desk` outlives a switch of language, after which the part is made anew from it.
(() => {
  "use strict";
  const SLOW_MS = 900; // after which one asks why it takes so long

  const { t, states } = mmdemo;
  // `token`: of the last answer, under which the server holds what was sent; `notice`: a sentence about something else.
  const desk = { token: null, state: states.empty(), notice: "" };
  let ui = null; // the part as it stands now

  mmdemo.parts.predict = (root, signal) => {
    const find = (selector) => root.querySelector(selector);
    const before = states.translated(desk.state);
    ui = { root, signal, find, results: find(".mm-results") };
    ui.form = mmdemo.form(root, signal, { onChange: changed, onProblem: note });
    Object.assign(desk, { state: before, notice: "" }); // putting back what was chosen changes nothing
    ui.consent = mmdemo.consent(root, tell);
    mmdemo.typed(root, (value) => amend("page_dispute", value));
    root.addEventListener("click", onClick);
    root.querySelector(".mm-tasks").addEventListener("keydown", onTaskKey);
    document.addEventListener("keydown", onKey, { signal });
    arrive.listen(signal);
    const place = ui.form.isFirst ? mmdemo.address.of("predict") : {}; // a link may name one
    ui.form.choose(place.task || ui.form.task || "");
    paint();
    arrive.limit();
    if (ui.form.isFirst) arrive.begin(place);
    else resume(before);
  };

  // The same, in the other language.
  function resume({ name, view, source }) {
    if (name === "working") return;
    if (source?.sample) arrive.open(source.sample);
    else if (view || source) recall(desk.token);
    else arrive.welcome();
  }

  // --- moves -----------------------------------------------------------------------------------------------------

  function move(state) {
    Object.assign(desk, { state, notice: "" });
    paint();
  }

  function note(sentence) {
    desk.notice = sentence;
    paint();
  }

  // The answer that stands there is to something else now.
  function changed() {
    desk.state = states.changed(desk.state);
    ui.find(".mm-stale").hidden = desk.state.name !== "stale";
  }

  const isWorking = () => desk.state.name === "working";

  // A reader's choice, which Back takes back.
  function turnTo(name, focus = false) {
    ui.form.choose(name, focus);
    if (!isWorking()) reset();
    mmdemo.address.set("predict", { task: ui.form.task, answer: "", token: "" }, true);
  }

  // --- events ----------------------------------------------------------------------------------------------------

  const actions = {
    predict,
    cancel,
    clear,
    kept: mmdemo.result.unfold,
    curves: (button) => mmdemo.result.curves(button, desk.token),
    dispute: (button) => mmdemo.result.unfold(button).querySelector("input, button").focus(),
    download: () => mmdemo.result.download(desk.state.view),
    forget: () => {
      const { task, json } = desk.state.view;
      takeBack(mmdemo.result.kept.of(json.sample_id), [task || ui.form.task], json.sample_id);
    },
    "forget-all": () => { if (confirm(t("predict.forget_all_sure"))) takeBack(mmdemo.result.kept.all(), ui.form.everyTask(), ""); },
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
    const names = ui.form.tasks();
    turnTo(names[(names.indexOf(ui.form.task) + step + names.length) % names.length], true);
  }

  function onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.body.dataset.tab !== "predict") return;
    event.preventDefault();
    predict();
  }

  // --- asking ----------------------------------------------------------------------------------------------------

  async function predict() {
    const { task } = ui.form; // the reader may turn to another meanwhile
    if (isWorking() || !task) return;
    const [token, before, keep] = [mmdemo.token(), desk.token || "", ui.consent.keep()];
    const [wells, caption] = [ui.form.wells(), ui.form.caption()];
    await working(token, async (signal, patiently) => {
      const media = {};
      for (const well of wells) {
        const file = well.value?.file;
        if (file) mmdemo.checkSize(file, well);
        media[well.kind] = file ? mmdemo.fileData(await patiently(() => mmdemo.upload(file, `${well.kind}-${token}`))) : null;
      }
      const again = wells.filter((well) => well.value?.held).map((well) => well.kind);
      const sent = [token, task, caption, media.image ?? null, media.audio ?? null, keep, before, again];
      await patiently(() => mmdemo.call("page_begin", sent));
      mmdemo.store("token", token);
      return patiently(() => mmdemo.call("page_predict", [token], { signal, onWait }));
    });
  }

  // After a reload, or in another language: what became of this token?
  async function recall(token, how = {}) {
    if (!token || isWorking()) return false;
    const view = await mmdemo.call("page_recall", [token]).catch(() => null);
    if (!view || view.state === "gone" || isWorking()) return false;
    const { name, welcome } = desk.state;
    if (view.state !== "waiting") arrived(token, view, { stale: name === "stale", welcome, ...how });
    else await working(token, (signal, patiently) => patiently(() => mmdemo.call("page_predict", [token], { signal, onWait })));
    return true;
  }

  async function working(token, ask) {
    const stopper = new AbortController();
    const { signal } = stopper;
    const slow = setTimeout(whySlow, SLOW_MS);
    const patiently = (step) => mmdemo.patiently(step, signal, () => say(t("predict.reconnecting")));
    move(states.working(desk.state, stopper, t("predict.uploading")));
    try {
      arrived(token, await ask(signal, patiently), { step: true });
    } catch (error) {
      if (signal.aborted) mmdemo.call("page_cancel", [token]).catch(() => {});
      move(signal.aborted ? states.empty() : states.refused(error.message)); // the answer before was to something else
      if (!signal.aborted) bringIntoView();
    } finally {
      clearTimeout(slow);
    }
  }

  function onWait({ place, seconds }) {
    if (!place) return say(t("predict.working"));
    const expected = seconds ? t("predict.expected", { seconds: Math.ceil(seconds) }) : "";
    say((place === 1 ? t("predict.waiting_one") : t("predict.waiting", { count: place })) + expected);
  }

  async function whySlow() {
    const ready = await mmdemo.call("page_ready", [ui.form.task]).catch(() => true);
    if (!ready) say(t("predict.loading"));
  }

  function say(progress) {
    desk.state = states.progressed(desk.state, progress);
    paint();
  }

  // `stale`: it came before, and the form has changed since. `welcome`: nobody asked for it. `intoForm`: the form shows
  // what was asked. `step`: Back leads to what stood there before.
  function arrived(token, view, { stale = false, welcome = false, intoForm = false, step = false } = {}) {
    const isRefused = view.state === "refused";
    desk.token = token;
    if (!isRefused) {
      mmdemo.result.earlier.set(token, view.json?.sample_id);
      if (view.prediction_id) mmdemo.result.kept.add(view.prediction_id, view.json.sample_id, view.view_key);
      if (view.task && view.task !== ui.form.task) ui.form.choose(view.task);
      if (!stale && !welcome) show(view, intoForm);
    }
    if (isRefused) move(states.refused(view.sentence, { token }));
    else move(stale ? states.stale(view) : states.answered(view, welcome));
    if (welcome) return;
    mmdemo.store("token", token);
    mmdemo.address.set("predict", { task: ui.form.task, answer: view.kept ? view.json.sample_id : "", token }, step);
    ui.find(".mm-aloud").textContent = view.aloud || "";
    if (view.answer || isRefused) bringIntoView();
  }

  function show(view, intoForm) {
    if (intoForm) ui.form.setCaption(view.caption || "");
    for (const well of ui.form.wells()) {
      if (intoForm) well.clear();
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
    desk.state.stopper?.abort();
    ui.find("[data-do=predict]").focus();
  }

  function clear() {
    if (desk.token) mmdemo.call("page_clear", [desk.token]).catch(() => {});
    ui.form.clear();
    reset();
    mmdemo.address.set("predict", { task: ui.form.task, answer: "", token: "" }, true);
  }

  function reset() {
    desk.token = null;
    mmdemo.store("token", null);
    ui.find(".mm-aloud").textContent = "";
    move(states.empty());
  }

  // Dispute and take back: the answer stays, with another line under it. Tells whether it was done.
  async function amend(name, value) {
    if (isWorking()) return false;
    try {
      const view = await mmdemo.call(name, [desk.token || "", value]);
      arrived(desk.token, view, { stale: desk.state.name === "stale" });
      ui.find(".mm-thanks")?.focus();
      return true;
    } catch (error) {
      note(error.message);
      return false;
    }
  }

  // By ids that this browser remembers: the server no longer knows an answer of long ago by its token. What stands in the
  // forms of these tasks was sent, or is made from it: it goes from this browser too.
  async function takeBack(ids, tasks, sample) {
    if (await amend("page_forget", ids)) {
      mmdemo.result.dropEarlier(desk.token, sample);
      mmdemo.result.kept.remove(ids);
      const { view } = desk.state;
      for (const task of tasks) ui.form.clear(task);
      desk.state = states.answered(view);
      ui.consent.withdraw();
    }
    paint();
  }

  // May people see it? Who wants to be asked again (null) is asked about the answer that they just declined, too.
  function tell(agreed) {
    if (agreed !== null || desk.state.view?.declined) amend("page_consent", agreed);
  }

  const arrive = mmdemo.arrive({ desk, part: () => ui, isWorking, working, onWait, arrived, recall, reset, move, paint });

  // --- showing ---------------------------------------------------------------------------------------------------

  function paint() {
    const { name, view, welcome, progress = "", sentence = "" } = desk.state;
    const [busy, problem] = [name === "working", desk.notice || sentence];
    ui.results.setAttribute("aria-busy", busy);
    ui.find(".mm-stale").hidden = name !== "stale";
    for (const button of ui.root.querySelectorAll("[data-example]")) {
      const isShown = view?.example === Number(button.dataset.example) && button.closest("[data-task]").dataset.task === view.task;
      button.setAttribute("aria-current", isShown);
    }
    ui.find(".mm-progress").hidden = !busy;
    ui.find(".mm-progress-said").textContent = progress;
    ui.find(".mm-problem").hidden = !problem;
    ui.find(".mm-problem p").textContent = problem;
    ui.find(".mm-nothing").hidden = name !== "empty" || Boolean(problem);
    ui.find("[data-do=predict]").disabled = busy || !ui.form.task;
    ui.find("[data-do=clear]").hidden = busy;
    ui.find("[data-do=cancel]").hidden = !busy;
    if (ui.drawn !== view) mmdemo.result.draw(ui.root, view, desk.token, ui.signal);
    if (welcome && ui.drawn !== view) ui.find(".mm-answer-head h2").textContent += ` · ${t("predict.welcome")}`;
    ui.drawn = view;
    mmdemo.result.offerForgetAll(ui.find("[data-do=forget-all]"), busy);
  }
})();

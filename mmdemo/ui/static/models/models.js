// The Models tab: looked at when it is opened. What turned is fetched when it is unfolded.
(() => {
  "use strict";
  const board = { task: mmdemo.address.of("models").task || "" }; // outlives a switch of language
  let ui = null;

  mmdemo.parts.models = (root, signal) => {
    ui = { root, signal, cards: root.querySelector(".mm-mo-cards"), line: root.querySelector(".mm-mo-line"), html: null };
    root.addEventListener("click", onClick);
    root.addEventListener("keydown", onKey);
    document.addEventListener("mmdemo:tab", look, { signal });
    document.addEventListener("mmdemo:address", ({ detail }) => {
      if (detail === "models") ask("models_show", [mmdemo.address.of("models").task || "", mmdemo.reviewKey()]);
    }, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    look();
  };

  const isOpen = () => document.body.dataset.tab === "models" && !document.hidden;

  function look() {
    if (isOpen()) ask("models_show", [board.task, mmdemo.reviewKey()]);
  }

  async function ask(name, args) {
    const asked = ui;
    try {
      const view = await mmdemo.call(name, args);
      if (asked === ui) paint(view);
    } catch (error) {
      asked.line.textContent = error.message;
    }
  }

  function paint(view) {
    board.task = view.task;
    ui.line.textContent = view.line;
    for (const button of ui.root.querySelectorAll("[data-task]")) {
      button.setAttribute("aria-pressed", button.dataset.task === view.task);
    }
    if (ui.html === view.html) return;
    const wasInside = ui.cards.contains(document.activeElement);
    ui.html = ui.cards.innerHTML = view.html;
    const moment = { dateStyle: "medium", timeStyle: "short" };
    for (const time of ui.cards.querySelectorAll("time")) {
      const options = "day" in time.dataset ? { dateStyle: "medium" } : moment;
      time.textContent = new Date(time.dateTime).toLocaleString(mmdemo.language, options);
    }
    if (wasInside) focusLine();
  }

  // What was pressed is gone: whoever uses the keyboard goes on from the sentence that says what came of it.
  function focusLine() {
    ui.line.tabIndex = -1;
    ui.line.focus();
  }

  function unfold(button, open) {
    button.setAttribute("aria-expanded", open);
    const folded = document.getElementById(button.getAttribute("aria-controls"));
    folded.hidden = !open;
    return folded;
  }

  async function showTurned(button) {
    const open = button.getAttribute("aria-expanded") !== "true";
    const slot = unfold(button, open);
    if (!open || slot.innerHTML) return;
    slot.replaceChildren(mmdemo.element("p", { className: "mm-muted", textContent: mmdemo.t("models.looking") }));
    try {
      slot.innerHTML = (await mmdemo.call("models_turned", [board.task, button.dataset.version, mmdemo.reviewKey()])).html;
    } catch (error) {
      slot.firstChild.textContent = error.message;
    }
  }

  function askFirst(button) {
    const open = button.getAttribute("aria-expanded") !== "true";
    const box = unfold(button, open);
    if (open) box.querySelector("[data-do=stay]").focus();
  }

  function stay(box) {
    const button = ui.root.querySelector(`[aria-controls="${box.id}"]`);
    unfold(button, false);
    button.focus();
  }

  function onKey({ key, target }) {
    const box = target.closest(".mm-mo-ask");
    if (box && key === "Escape") stay(box);
  }

  function onClick({ target }) {
    const button = target.closest("button");
    if (button?.dataset.task) {
      mmdemo.address.set("models", { task: button.dataset.task }, true);
      ask("models_show", [button.dataset.task, mmdemo.reviewKey()]);
    } else if (button?.dataset.do === "ask") askFirst(button);
    else if (button?.dataset.do === "stay") stay(button.closest(".mm-mo-ask"));
    else if (button?.dataset.do === "serve") ask("models_serve", [board.task, button.dataset.version, mmdemo.reviewKey()]);
    else if (button?.dataset.do === "turned") showTurned(button);
  }
})();

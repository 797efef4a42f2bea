// The Status tab: looked at when it is opened, and again and again while a training is at work.
(() => {
  "use strict";
  const WORKING_MS = 2_000;
  const TYPES = { csv: "text/csv", jsonl: "application/x-ndjson" };

  const board = { task: mmdemo.address.of("status").task || "" }; // outlives a switch of language
  let ui = null;

  mmdemo.parts.status = (root, signal) => {
    ui = { root, signal, cards: root.querySelector(".mm-st-cards"), line: root.querySelector(".mm-st-line"), html: null, again: mmdemo.debounced(signal) };
    root.addEventListener("click", onClick);
    document.addEventListener("mmdemo:tab", look, { signal });
    document.addEventListener("mmdemo:address", ({ detail }) => {
      if (detail === "status") ask("status_show", [mmdemo.address.of("status").task || "", mmdemo.reviewKey()]);
    }, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    look();
  };

  const isSeen = () => document.body.dataset.tab === "status" && !document.hidden;

  function look() {
    if (isSeen()) ask("status_show", [board.task, mmdemo.reviewKey()]);
  }

  async function ask(name, given) {
    const asked = ui;
    asked.again.cancel();
    try {
      const view = await mmdemo.call(name, given);
      if (asked === ui) paint(view);
    } catch (error) {
      asked.line.textContent = error.message;
    }
  }

  function paint(view) {
    board.task = view.task;
    ui.line.textContent = "";
    for (const button of ui.root.querySelectorAll("[data-task]")) {
      button.setAttribute("aria-pressed", button.dataset.task === view.task);
    }
    if (ui.html !== view.html) {
      const focused = ui.root.contains(document.activeElement) && document.activeElement.dataset.do;
      ui.html = ui.cards.innerHTML = view.html;
      const options = { dateStyle: "medium", timeStyle: "short" };
      for (const time of ui.cards.querySelectorAll("time")) {
        time.textContent = new Date(time.dateTime).toLocaleString(mmdemo.language, options);
      }
      if (focused) ui.cards.querySelector(`[data-do="${focused}"]`)?.focus();
    }
    if (view.running) ui.again.after(WORKING_MS, look);
  }

  async function download({ what, export: form }) {
    try {
      const file = await mmdemo.call("status_export", [board.task, what, form, mmdemo.reviewKey()]);
      mmdemo.download(new Blob([file.content], { type: TYPES[form] }), file.name);
    } catch (error) {
      ui.line.textContent = error.message;
    }
  }

  function onClick({ target }) {
    const button = target.closest("button");
    if (button?.dataset.task) {
      mmdemo.address.set("status", { task: button.dataset.task }, true);
      ask("status_show", [button.dataset.task, mmdemo.reviewKey()]);
    } else if (button?.dataset.do === "train") ask("status_train", [board.task, mmdemo.reviewKey()]);
    else if (button?.dataset.export) download(button.dataset);
  }
})();

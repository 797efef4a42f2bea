// A board: cards of one task, which the server fills, under a row of tasks to choose from. It is looked at when its tab is
// opened, and again and again while a training is at work.
mmdemo.board = (tab, actions) => {
  "use strict";
  const WORKING_MS = 2_000;
  const DAY = { dateStyle: "medium" };
  const MOMENT = { dateStyle: "medium", timeStyle: "short" };
  let ui = null; // of the language that is shown
  const board = { task: mmdemo.address.of(tab).task || "", call, ask, say }; // the task outlives a switch of language

  // What lives in mmdemo.parts under the tab's name. `actions`: data-do of a button → what a click on it does.
  board.mount = (root, signal) => {
    const [cards, line] = [root.querySelector(".mm-board-cards"), root.querySelector(".mm-board-line")];
    ui = { root, cards, line, html: null, again: mmdemo.debounced(signal) };
    root.addEventListener("click", onClick);
    document.addEventListener("mmdemo:tab", look, { signal });
    document.addEventListener("mmdemo:address", ({ detail }) => {
      if (detail === tab) ask("show", mmdemo.address.of(tab).task || "");
    }, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    look();
  };

  function look() {
    if (document.body.dataset.tab === tab && !document.hidden) ask("show", board.task);
  }

  // The tab's endpoint `name`.
  function call(name, ...values) {
    return mmdemo.call(`${tab}_${name}`, [...values, mmdemo.reviewKey()]);
  }

  // Show the cards that an endpoint answers with.
  async function ask(name, ...values) {
    const shown = ui; // another one by the time of the answer, where the language is switched
    shown.again.cancel();
    try {
      const view = await call(name, ...values);
      if (shown === ui) paint(view);
    } catch (error) {
      shown.line.textContent = error.message;
    }
  }

  function say(sentence) {
    ui.line.textContent = sentence;
  }

  function paint({ task, line = "", html, running = false }) {
    board.task = task;
    say(line);
    for (const button of ui.root.querySelectorAll("[data-task]")) {
      button.setAttribute("aria-pressed", button.dataset.task === task);
    }
    if (ui.html !== html) fill(html);
    if (running) ui.again.after(WORKING_MS, look);
  }

  const does = ({ dataset }) => JSON.stringify(dataset); // a button: which one of all

  // Whoever uses the keyboard goes on from the same button; where it is gone, from the sentence that says what came of it.
  function fill(html) {
    const pressed = ui.cards.contains(document.activeElement) && does(document.activeElement);
    ui.html = ui.cards.innerHTML = html;
    for (const time of ui.cards.querySelectorAll("time")) {
      time.textContent = new Date(time.dateTime).toLocaleString(mmdemo.language, "day" in time.dataset ? DAY : MOMENT);
    }
    if (!pressed) return;
    [...ui.cards.querySelectorAll("button")].find((button) => does(button) === pressed)?.focus();
    if (ui.cards.contains(document.activeElement) || !ui.line.textContent) return;
    ui.line.tabIndex = -1;
    ui.line.focus();
  }

  function onClick({ target }) {
    const button = target.closest("button");
    if (button?.dataset.task) {
      mmdemo.address.set(tab, { task: button.dataset.task }, true);
      ask("show", button.dataset.task);
    } else if (button) actions[button.dataset.do]?.(button);
  }

  return board;
};

// The Models tab: a board of versions. What turned is fetched when it is unfolded, and a version serves after a question.
(() => {
  "use strict";
  const board = mmdemo.board("models", {
    turned: showTurned,
    ask: askFirst,
    stay: (button) => stay(button.closest(".mm-mo-ask")),
    serve: ({ dataset }) => board.ask("serve", board.task, dataset.version),
  });

  mmdemo.parts.models = (root, signal) => {
    board.mount(root, signal);
    root.addEventListener("keydown", ({ key, target }) => {
      const box = target.closest(".mm-mo-ask");
      if (box && key === "Escape") stay(box);
    });
  };

  // Returns what is folded.
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
      slot.innerHTML = (await board.call("turned", board.task, button.dataset.version)).html;
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
    const button = document.querySelector(`[aria-controls="${box.id}"]`);
    unfold(button, false);
    button.focus();
  }
})();

// What is alike: a list that comes after what it belongs to. Its captions unfold, and its sounds play, one at a time.
(() => {
  "use strict";
  const PATIENCE_MS = 200; // how long a sample must stand before it is asked about: whoever is faster needs no list

  // Show in `slot` what `ask()` returns. The list before goes at once, for it is another sample's.
  mmdemo.alike = (slot, ask, signal) => {
    slot.replaceChildren(mmdemo.element("p", { className: "mm-muted", textContent: mmdemo.t("alike.looking") }));
    slot.setAttribute("aria-busy", "true");
    mmdemo.debounced(signal).after(PATIENCE_MS, async () => {
      const list = await ask().catch((error) => ({ problem: error.message }));
      if (signal.aborted) return;
      slot.setAttribute("aria-busy", "false");
      if (list.problem) slot.firstChild.textContent = list.problem;
      else slot.innerHTML = list.html;
    });
  };

  document.addEventListener("click", ({ target }) => {
    const more = target.closest(".mm-alike-more");
    const play = target.closest(".mm-alike-play");
    if (more) more.setAttribute("aria-expanded", more.getAttribute("aria-expanded") !== "true");
    if (play) toggle(play);
  });

  function toggle(button) {
    const sound = button.nextElementSibling;
    const stop = !sound.paused;
    for (const other of document.querySelectorAll(".mm-alike audio")) other.pause();
    if (stop) return;
    sound.currentTime = 0;
    sound.play().catch(() => {}); // it was taken away before it began
  }

  // Media events don't bubble.
  for (const event of ["play", "pause", "ended"]) {
    document.addEventListener(event, ({ target }) => {
      const button = target.closest?.(".mm-alike-sound")?.querySelector("button");
      button?.setAttribute("aria-pressed", event === "play");
    }, true);
  }
})();

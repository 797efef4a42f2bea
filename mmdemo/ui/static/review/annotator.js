// Who answers in this browser: the name, asked for before the first answer, and the session that a sample is kept for.
(() => {
  "use strict";
  const RENEW_MS = 60_000; // the server keeps a sample for some minutes

  const reviewSession = () => mmdemo.storedToken("review_session"); // of this tab, also after a reload
  const reviewBrowser = () => mmdemo.storedToken("review_browser"); // of all its tabs: whoever has it may undo what was answered here
  const reviewKey = () => mmdemo.stored("review_key") || "";

  // annotator(card, signal, {say, named, atWork, renew, leave}) → {name(), isNamed()}. `named` is called once a name
  // is given; while atWork() and somebody types or points, renew() is called every minute; leave() when the page goes.
  function annotator(card, signal, { say, named, atWork, renew, leave }) {
    const field = card.querySelector(".mm-rv-name");
    const why = card.querySelector(".mm-rv-name-why");
    let asked = false;
    let active = false;
    let known = mmdemo.stored("annotator") || "";
    field.value = known;
    const name = () => field.value.trim();
    const mark = () => { card.dataset.named = known ? "yes" : "no"; };
    mark();
    field.addEventListener("input", () => mmdemo.store("annotator", name() || null));
    field.addEventListener("change", settle);
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Escape" && event.key !== "Enter")) return;
      event.preventDefault();
      if (event.key === "Enter" && !name()) return;
      settle();
      field.blur();
      named.focus();
    });

    function settle() {
      if (name() === known) return;
      known = name();
      mark();
      if (!known) return;
      if (asked) say(mmdemo.t("review.name_known"));
      asked = false;
      named.tell();
    }

    function isNamed() {
      if (name()) return true;
      asked = true;
      say(mmdemo.t("review.name_first"), true);
      why.textContent = mmdemo.t("review.name_first"); // on a phone the line under the labels is out of sight
      why.classList.add("mm-refused");
      field.focus();
      return false;
    }

    const wake = () => { active = true; };
    for (const event of ["keydown", "pointerdown", "pointermove", "wheel"]) {
      document.addEventListener(event, wake, { signal, passive: true, capture: true });
    }
    const timer = setInterval(() => {
      if (active && atWork()) renew();
      active = false;
    }, RENEW_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    window.addEventListener("pagehide", leave, { signal });
    return { name, isNamed };
  }

  Object.assign(mmdemo, { annotator, reviewSession, reviewBrowser, reviewKey });
})();

// Whether people may see what the model is unsure about: asked under an answer, said and changed under the form.
(() => {
  "use strict";
  const KEEP = { ask: null, yes: true, no: false, kept: true, declined: false }; // as the server is told; null: ask

  let choice; // "yes" or "no", for this visit; null: nobody chose. Other tabs don't change it

  // "declined" holds longer than a visit, where samples are kept unless somebody declines.
  function read() {
    if (choice === undefined) choice = mmdemo.stored("consent") || (mmdemo.stored("declined") ? "no" : null);
    return choice;
  }

  // consent(root, tell) → {keep(), withdraw()}. tell(true | false): the visitor's reply about the answer that stands there;
  // tell(null): they want to be asked again.
  mmdemo.consent = (root, tell) => {
    const box = root.querySelector(".mm-consent");
    const unlessDeclined = box.dataset.mode === "unless_declined";

    function state() {
      if (unlessDeclined) return read() === "no" ? "declined" : "kept";
      return read() || "ask";
    }

    function choose(next) {
      choice = next;
      mmdemo.store("consent", next);
      if (unlessDeclined || next !== "no") mmdemo.store("declined", next === "no" ? "yes" : null);
      show();
    }

    function show() {
      for (const part of box.querySelectorAll("[data-consent]")) part.hidden = !part.dataset.consent.split(" ").includes(state());
    }

    // Under an answer: it holds for the next ones, too.
    function reply(said) {
      choose(said);
      tell(said === "yes");
    }

    // Under the form: it holds from now on.
    function change(next) {
      choose(next);
      box.querySelector("[data-choose]:not([hidden]), [data-do=kept]").focus();
      if (next === null) tell(null);
    }

    function showKept() {
      const panel = box.querySelector(".mm-kept");
      if (panel.hidden) mmdemo.result.unfold(box.querySelector("[data-do=kept]"));
      panel.focus();
    }

    root.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-agree], [data-choose], [data-do=read-kept]");
      if (button?.dataset.agree) reply(button.dataset.agree);
      else if (button?.dataset.do) showKept();
      else if (button) change(button.dataset.choose || null);
    });
    show();
    return {
      keep: () => KEEP[state()],
      // Who deletes what was sent is asked again before anything else is kept; a no stays.
      withdraw: () => { if (read() === "yes") choose(null); },
    };
  };
})();

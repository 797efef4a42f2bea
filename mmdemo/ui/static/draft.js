// What stands in the form and was not sent yet: the task and its captions, remembered in this tab alone.
(() => {
  "use strict";
  const DRAFT = "mmdemo.draft";

  // A caption that is gone leaves no trace; without any nothing is remembered but the task.
  function write({ task, captions }) {
    const typed = Object.fromEntries(Object.entries(captions).filter(([, text]) => text));
    mmdemo.store(DRAFT, JSON.stringify({ task, captions: typed }), "sessionStorage");
  }

  function read() {
    try {
      const { task, captions } = JSON.parse(mmdemo.stored(DRAFT, "sessionStorage"));
      return { task, captions };
    } catch {
      return {}; // nothing was written yet
    }
  }

  mmdemo.draft = { write, read };
})();

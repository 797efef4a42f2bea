// Teach it, now: what the annotator's last answers would make of the model. What was taught is forgotten with the page.
(() => {
  "use strict";
  // `name()` is the annotator, `task()` the one that is chosen, "" for all; `changed()` is told when answers went.
  mmdemo.lesson = (root, { name, task, changed }) => {
    const button = root.querySelector("[data-lesson=teach]");
    const line = root.querySelector(".mm-ls-line");
    const slot = root.querySelector(".mm-ls-slot");
    let ids = [];

    async function teach() {
      if (button.disabled || !name()) {
        line.textContent = name() ? line.textContent : mmdemo.t("review.lesson_needs_name");
        return;
      }
      button.disabled = true;
      slot.replaceChildren();
      line.textContent = mmdemo.t("review.lesson_running");
      try {
        const lesson = await mmdemo.call("review_lesson", [mmdemo.reviewKey(), task(), name()]);
        ids = lesson.ids;
        slot.innerHTML = lesson.html;
        end("");
        slot.focus();
      } catch (error) {
        end(error.message);
      }
    }

    function end(sentence) {
      button.disabled = false;
      line.textContent = sentence;
    }

    function close(sentence) {
      slot.replaceChildren();
      end(sentence);
      button.focus();
    }

    async function undo() {
      try {
        const ended = await mmdemo.call("review_unteach", [mmdemo.reviewKey(), ids, name(), mmdemo.reviewBrowser()]);
        close(ended.line);
        changed();
      } catch (error) {
        end(error.message);
      }
    }

    function ask(open) {
      const first = slot.querySelector("[data-lesson=ask]");
      const sure = slot.querySelector("#mm-ls-sure");
      first.setAttribute("aria-expanded", open);
      sure.hidden = !open;
      (open ? sure.querySelector("[data-lesson=stay]") : first).focus();
    }

    const STEPS = {
      teach,
      keep: () => close(mmdemo.t("review.lesson_kept")),
      ask: () => ask(slot.querySelector("#mm-ls-sure").hidden),
      stay: () => ask(false),
      undo,
    };
    root.addEventListener("click", ({ target }) => STEPS[target.closest("[data-lesson]")?.dataset.lesson]?.());
    return { teach };
  };
})();

// The head of the page: four tabs and the reader's language.
(() => {
  "use strict";
  const TABS = ["predict", "review", "models", "status"];
  const counts = {}; // tab → number in its badge

  // What is open is said by the body, so that CSS alone shows and hides the four columns.
  function open(tab, { focus = false, step = true } = {}) {
    document.body.dataset.tab = tab;
    mmdemo.address.write(step);
    for (const button of document.querySelectorAll(".mm-tab")) {
      const chosen = button.dataset.tab === tab;
      button.setAttribute("aria-selected", chosen);
      button.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) button.focus();
    }
    document.dispatchEvent(new CustomEvent("mmdemo:tab", { detail: tab }));
  }

  function badge(tab, count) {
    counts[tab] = count;
    const mark = document.querySelector(`.mm-tab[data-tab="${tab}"] .mm-count`);
    if (!mark) return;
    mark.hidden = !count;
    mark.textContent = count || "";
  }

  function nameColumns() {
    for (const tab of TABS) {
      const column = document.getElementById(`mm-tab-${tab}`);
      column?.setAttribute("role", "tabpanel");
      column?.setAttribute("aria-label", mmdemo.t(`common.tab_${tab}`));
    }
  }

  // Where the address leads by itself: nothing to go back from.
  const reopen = (tab) => open(TABS.includes(tab) ? tab : TABS[0], { step: false });

  // The links at the foot; what is kept is said under the form.
  mmdemo.parts.footer = async (root, signal) => {
    root.querySelector("[data-do=show-kept]").addEventListener("click", () => {
      open("predict");
      const button = document.querySelector("[data-do=kept]");
      if (button.getAttribute("aria-expanded") === "false") button.click();
      button.focus();
      button.scrollIntoView({ block: "center" });
    });
    const answered = await mmdemo.call("page_tasks").catch(() => null);
    if (!answered || signal.aborted) return;
    for (const link of root.querySelectorAll("[data-card]")) link.hidden = !answered.includes(link.dataset.card);
  };

  mmdemo.parts.header = (root, signal) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    root.addEventListener("click", ({ target }) => {
      const tab = target.closest(".mm-tab");
      if (tab) open(tab.dataset.tab);
      const language = target.closest("[data-language]");
      if (!language) return;
      mmdemo.setLanguage(language.dataset.language);
      document.querySelector(`[data-language="${mmdemo.language}"]`)?.focus();
    });
    root.querySelector(".mm-tabs").addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      const next = TABS.indexOf(document.body.dataset.tab) + steps[event.key] + TABS.length;
      open(TABS[next % TABS.length], { focus: true });
    });
    mmdemo.dress();
    nameColumns();
    reopen(document.body.dataset.tab || mmdemo.address.read().tab);
    document.addEventListener("mmdemo:address", ({ detail }) => reopen(detail), { signal });
    for (const [tab, count] of Object.entries(counts)) badge(tab, count);
  };
  Object.assign(mmdemo, { openTab: open, badge });
})();

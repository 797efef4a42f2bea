// The head of the page: three tabs and the reader's language.
(() => {
  "use strict";
  const TABS = ["predict", "review", "status"];
  const counts = {}; // tab → number in its badge

  // What is open is said by the body, so that CSS alone shows and hides the three columns.
  function open(tab, focus = false) {
    document.body.dataset.tab = tab;
    mmdemo.store("mmdemo.tab", tab, "sessionStorage");
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

  function name_columns() {
    for (const tab of TABS) {
      const column = document.getElementById(`mm-tab-${tab}`);
      column?.setAttribute("role", "tabpanel");
      column?.setAttribute("aria-label", mmdemo.t(`common.tab_${tab}`));
    }
  }

  mmdemo.parts.header = (root) => {
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
      open(TABS[next % TABS.length], true);
    });
    mmdemo.dress();
    name_columns();
    const kept = document.body.dataset.tab || mmdemo.stored("mmdemo.tab", "sessionStorage");
    open(TABS.includes(kept) ? kept : TABS[0]);
    for (const [tab, count] of Object.entries(counts)) badge(tab, count);
  };
  Object.assign(mmdemo, { openTab: open, badge });
})();

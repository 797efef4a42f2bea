// The form of the Predict tab: the chosen task, its wells and its caption. What stands in it outlives a switch of language;
// task and captions outlive a reload too, as the draft, which this tab alone remembers.
(() => {
  "use strict";
  const draft = { task: null, captions: {} };
  const media = {}; // task.kind → {value, shown} of its well

  // form(root, signal, {onChange(), onProblem(sentence)}) → what stands there and what can be done with it; `isFirst`:
  // nothing of the kind stood in this page before.
  mmdemo.form = (root, signal, { onChange, onProblem }) => {
    const isFirst = draft.task === null;
    const wellsOf = {}; // task → its wells

    function prepare(form) {
      const { task } = form.dataset;
      const limits = JSON.parse(form.dataset.limits);
      wellsOf[task] = [...form.querySelectorAll(".mm-drop")].map((box) => wellIn(box, task, limits));
      const caption = form.querySelector("textarea");
      caption?.addEventListener("input", () => { draft.captions[task] = caption.value; remember(); onChange(); });
    }

    function wellIn(box, task, limits) {
      const slot = `${task}.${box.dataset.kind}`;
      const before = media[slot];
      const well = mmdemo.well(box, {
        mostSeconds: limits.audio_max_s,
        mostBytes: limits[`${box.dataset.kind}_bytes`],
        onChange: () => {
          media[slot] = { value: well.value, shown: box.querySelector("img, audio").src };
          onChange();
        },
        onProblem,
      });
      if (before?.value?.file) well.set(before.value.file);
      else if (before?.value?.held) well.hold(before.shown);
      return well;
    }

    // A caption that is gone leaves no trace; without any nothing is remembered but the task.
    function remember() {
      const captions = Object.fromEntries(Object.entries(draft.captions).filter(([, text]) => text));
      mmdemo.storeValue("draft", { task: draft.task, captions });
    }

    const tasks = () => [...root.querySelectorAll(".mm-tasks [data-task]:not([hidden])")].map((choice) => choice.dataset.task);

    // The first of the tasks that are offered where the name is none of them.
    function choose(name, focus = false) {
      const offered = tasks();
      draft.task = offered.includes(name) ? name : offered[0] || "";
      root.querySelector(".mm-no-model").hidden = draft.task !== "";
      for (const part of root.querySelectorAll(".mm-form, .mm-examples, .mm-of-task")) part.hidden = part.dataset.task !== draft.task;
      for (const choice of root.querySelectorAll(".mm-tasks [role=radio]")) {
        const chosen = choice.dataset.task === draft.task;
        choice.setAttribute("aria-checked", chosen);
        choice.tabIndex = chosen ? 0 : -1;
        if (chosen && focus) choice.focus();
      }
      remember();
    }

    const wells = (task = draft.task) => wellsOf[task] || [];
    const field = (task = draft.task) => root.querySelector(`.mm-form[data-task="${CSS.escape(task)}"] textarea`);

    function write(task, text) {
      if (field(task)) field(task).value = text;
    }

    function setCaption(text, task = draft.task) {
      draft.captions[task] = text;
      write(task, text);
      remember();
    }

    function clear(task = draft.task) {
      for (const well of wells(task)) well.clear();
      setCaption("", task);
    }

    if (isFirst) Object.assign(draft, mmdemo.storedValue("draft"));
    for (const form of root.querySelectorAll(".mm-form")) prepare(form);
    for (const [task, text] of Object.entries(draft.captions)) write(task, text);
    signal.addEventListener("abort", () => { for (const well of Object.values(wellsOf).flat()) well.close(); });

    return {
      isFirst, tasks, choose, wells, field, setCaption, clear,
      get task() { return draft.task; },
      everyTask: () => Object.keys(wellsOf),
      well: (kind, task = draft.task) => wells(task).find((well) => well.kind === kind),
      caption: () => field()?.value || "",
      isUntouched: () => !draft.captions[draft.task] && wells().every((well) => !well.value),
    };
  };
})();

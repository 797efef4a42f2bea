// How the Predict tab comes to what it shows without its form being sent: an answered example on arrival, a kept answer
// by its link, what Back leads to; and files that are dropped or pasted anywhere.
(() => {
  "use strict";
  const READY_MS = 1_500; // between two looks at whether the model is loaded
  const READY_TRIES = 200;
  const FIRST = 0; // the example that is answered on arrival

  // What predict.js lends: its desk, its part as it stands now, and its own moves.
  mmdemo.arrive = ({ desk, part, isWorking, working, onWait, arrived, recall, reset, move, paint }) => {
    const form = () => part().form;

    // Tasks for which no model answers stand in the Review tab alone.
    async function limit() {
      const names = await mmdemo.call("page_tasks").catch(() => null);
      if (!names) return;
      for (const choice of part().root.querySelectorAll(".mm-tasks [data-task]")) choice.hidden = !names.includes(choice.dataset.task);
      if (!form().tasks().includes(form().task)) form().choose(form().task);
      paint();
    }

    // What this page was left with, by reload or by link, stands there again.
    async function begin({ answer, token }) {
      const left = token || (answer ? "" : mmdemo.stored("token"));
      if (left && (await recall(left))) return;
      if (answer) await open(answer);
      else await welcome();
    }

    async function example(number) {
      if (isWorking()) return;
      const [token, { task }, keep] = [mmdemo.token(), form(), part().consent.keep()];
      await working(token, async (signal, patiently) => {
        const sample = await patiently(() => mmdemo.call("page_example", [task, number]));
        if (form().task === task) await fill(sample);
        await patiently(() => mmdemo.call("page_begin_example", [token, task, number, keep]));
        mmdemo.store("token", token);
        return patiently(() => mmdemo.call("page_predict", [token], { signal, onWait }));
      });
    }

    async function fill(sample) {
      for (const well of form().wells()) {
        const source = sample[well.kind];
        if (source) well.set(new File([await (await fetch(source)).blob()], "example"));
        else well.clear();
      }
      form().setCaption(sample.text);
    }

    // One example stands answered while nobody has asked for anything. Nothing of it is kept.
    async function welcome() {
      const [{ task }, { signal }] = [form(), part()];
      const isEmpty = () => desk.state.name === "empty" && !desk.notice && form().isUntouched();
      const idle = () => form().task === task && !signal.aborted && isEmpty();
      const shown = part().find(`.mm-examples[data-task="${CSS.escape(task)}"] [data-example="${FIRST}"]`);
      if (!shown || !(await ready(task, idle))) return;
      const token = mmdemo.token();
      try {
        await mmdemo.call("page_begin_example", [token, task, FIRST, false]);
        const view = await mmdemo.call("page_predict", [token], { signal });
        if (idle() && view.state === "done") arrived(token, view, { welcome: true });
      } catch { /* nobody asked for it */ }
    }

    async function ready(task, idle) {
      for (let tries = 0; tries < READY_TRIES && idle(); tries += 1) {
        const visible = !document.hidden && document.body.dataset.tab === "predict";
        if (visible && (await mmdemo.call("page_ready", [task]).catch(() => false))) return idle();
        await new Promise((resolve) => { setTimeout(resolve, READY_MS); });
      }
      return false;
    }

    // A kept answer opens for the browser that holds its key, and for reviewers.
    async function open(sample) {
      const token = mmdemo.token();
      const own = mmdemo.result.kept.keys(sample);
      try {
        await mmdemo.call("page_open", [token, sample, own, mmdemo.reviewKey()]);
        await recall(token, { intoForm: own.length > 0 });
      } catch (error) {
        move(mmdemo.states.refused(error.message, { sample }));
      }
    }

    // Where Back, Forward or a link lead.
    async function restore({ task, answer, token }) {
      desk.state.stopper?.abort();
      while (isWorking()) await new Promise((resolve) => { setTimeout(resolve, 20); });
      if (token && token === desk.token && desk.state.view) return;
      reset();
      if (task !== form().task) form().choose(task || "");
      if (token && (await recall(token, { intoForm: true }))) return;
      if (answer) await open(answer);
      else await welcome();
    }

    // --- files from anywhere ---------------------------------------------------------------------------------------

    function kindOf({ type, name }) {
      if (type.startsWith("image/") || /\.hei[cf]$/i.test(name)) return "image";
      return /^(audio|video)\//.test(type) ? "audio" : "";
    }

    // The chosen task's own well, else that of the first task that takes such a file.
    function wellFor(file) {
      const kind = kindOf(file);
      if (form().well(kind)) return form().well(kind);
      const other = kind && form().tasks().find((task) => form().well(kind, task));
      if (other) form().choose(other);
      return kind ? form().well(kind) : form().wells()[0];
    }

    function take(file) {
      const well = file && wellFor(file);
      if (!well) return false;
      if (document.body.dataset.tab !== "predict") mmdemo.openTab("predict");
      well.set(file);
      return true;
    }

    // Office programs copy words together with a picture of them: the words are meant.
    function paste({ clipboardData, target }) {
      const words = clipboardData?.getData("text/plain").trim();
      if (!words) return take(clipboardData?.files[0]);
      const field = form().field();
      if (!field || target.closest?.("input, textarea, [contenteditable]")) return false;
      field.value = [field.value.trim(), words].filter(Boolean).join(" ");
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
      return true;
    }

    function listen(signal) {
      let ours = false; // a picture of the page itself is dragged
      const carries = (event) => !ours && event.dataTransfer?.types.includes("Files");
      const over = (isOver) => { for (const box of part().root.querySelectorAll(".mm-drop")) box.classList.toggle("mm-over", isOver); };
      const on = (name, act) => document.addEventListener(name, act, { signal });
      on("dragstart", () => { ours = true; });
      on("dragend", () => { ours = false; });
      on("dragover", (event) => { if (carries(event)) { event.preventDefault(); over(true); } });
      on("dragleave", (event) => { if (!event.relatedTarget) over(false); });
      on("drop", (event) => {
        over(false);
        if (!carries(event)) return;
        event.preventDefault(); // else the browser would leave the page for the file
        take(event.dataTransfer.files[0]);
      });
      on("paste", (event) => {
        if (document.body.dataset.tab === "predict" && paste(event)) event.preventDefault();
      });
      on("mmdemo:address", ({ detail }) => { if (detail === "predict") restore(mmdemo.address.of("predict")); });
    }

    return { limit, begin, example, welcome, open, listen };
  };
})();

// The Status tab: a board of how a task stands. Reviewers start a training there, and fetch files.
(() => {
  "use strict";
  const TYPES = { csv: "text/csv", jsonl: "application/x-ndjson" };
  const board = mmdemo.board("status", { train: () => board.ask("train", board.task), export: download });

  mmdemo.parts.status = board.mount;

  async function download({ dataset: { what, form } }) {
    try {
      const { name, content } = await board.call("export", board.task, what, form);
      mmdemo.download(new Blob([content], { type: TYPES[form] }), name);
    } catch (error) {
      board.say(error.message);
    }
  }
})();

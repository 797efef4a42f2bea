// The list beside the sample under review: which of the two it is, its times, and its small pictures.
(() => {
  "use strict";
  const AT_ONCE = 4; // pictures of one call
  const thumbnails = new Map(); // sample id → data URL, "" while it is asked for

  mmdemo.listed = (root, view, key) => {
    for (const button of root.querySelectorAll("[data-list]")) {
      button.setAttribute("aria-pressed", button.dataset.list === view.list);
    }
    for (const time of root.querySelectorAll(".mm-rv-list time")) {
      time.textContent = new Date(time.dateTime).toLocaleString(mmdemo.language, { dateStyle: "short", timeStyle: "short" });
    }
    show(root, view, key);
  };

  // Small pictures come after the sample, and only once each; making them also readies the next samples.
  async function show(root, view, key) {
    const ids = [...root.querySelectorAll("img[data-thumbnail]")].map((image) => image.dataset.thumbnail);
    const missing = ids.filter((id) => !thumbnails.has(id));
    const wanted = new Set([...view.ids, ...ids]);
    for (const id of missing) thumbnails.set(id, "");
    for (const id of [...thumbnails.keys()]) if (!wanted.has(id)) thumbnails.delete(id);
    set(root);
    for (let start = 0; start < missing.length; start += AT_ONCE) {
      try {
        const urls = await mmdemo.call("review_thumbnails", [key, missing.slice(start, start + AT_ONCE)]);
        for (const [id, url] of Object.entries(urls)) thumbnails.set(id, url);
        set(root);
      } catch {
        for (const id of missing) if (!thumbnails.get(id)) thumbnails.delete(id); // asked for again next time
        return;
      }
    }
  }

  function set(root) {
    for (const image of root.querySelectorAll("img[data-thumbnail]")) {
      const url = thumbnails.get(image.dataset.thumbnail);
      if (url && image.src !== url) Object.assign(image, { src: url, hidden: false });
    }
  }
})();

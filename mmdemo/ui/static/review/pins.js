// Buttons that pin a corrected sample as golden, wherever they stand; pressed again they take it back.
(() => {
  "use strict";
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-pin]");
    if (button) pin(button);
  });

  async function pin(button) {
    const line = button.nextElementSibling;
    const golden = button.getAttribute("aria-pressed") !== "true";
    const name = mmdemo.stored("annotator") || "";
    if (!name) {
      line.textContent = mmdemo.t("review.pin_needs_name");
      return;
    }
    button.disabled = true;
    try {
      const pinned = await mmdemo.call("review_pin", [mmdemo.reviewKey(), button.dataset.pin, golden, name]);
      button.setAttribute("aria-pressed", pinned.golden);
      button.textContent = pinned.label;
      line.textContent = pinned.line;
    } catch (error) {
      line.textContent = error.message;
    }
    button.disabled = false;
    button.focus();
  }
})();

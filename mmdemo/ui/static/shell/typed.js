// A field in which a value is typed (templates/*_typed.html), wherever it stands in a part.
(() => {
  "use strict";

  // `give` is told what was typed once it is sent, `missing` that nothing was. Escape leads out of the field.
  mmdemo.typed = (root, give, missing = () => {}) => {
    const field = () => root.querySelector(".mm-typed input");

    function focus() {
      field()?.focus();
      field()?.select();
    }

    root.addEventListener("submit", (event) => {
      if (!event.target.matches(".mm-typed")) return;
      event.preventDefault();
      const value = field().value.trim();
      if (value) return void give(value);
      focus();
      missing();
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && event.target === field()) field().blur();
    });
    return { focus, send: () => field()?.form.requestSubmit(), isThere: () => Boolean(field()), isFocused: () => Boolean(field()) && document.activeElement === field() };
  };
})();

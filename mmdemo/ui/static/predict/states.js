// What the Predict tab is in: one of five plain states. Each has the `view` that stands there, null for none.
//   empty     nothing was asked, or it was cleared or cancelled
//   working   asked and not answered yet; `progress` is a sentence, `stopper` aborts it, the view before stays meanwhile
//   answered  `welcome`: an example's answer, which nobody asked for
//   stale     answered, and the form has changed since
//   refused   there is a `sentence` in place of an answer; `source` is who says it in another language: the server, by
//             the token or the sample that was asked for, or nobody
mmdemo.states = (() => {
  "use strict";
  const empty = () => ({ name: "empty", view: null });
  const working = ({ view, welcome }, stopper, progress) => ({ name: "working", view, welcome, stopper, progress });
  const answered = (view, welcome = false) => ({ name: "answered", view, welcome });
  const stale = (view) => ({ name: "stale", view });
  const refused = (sentence, source = null) => ({ name: "refused", view: null, sentence, source });

  const progressed = (state, progress) => (state.name === "working" ? { ...state, progress } : state);

  // Something else stands in the form now. What nobody asked for was never an answer to it.
  const changed = (state) => (state.name === "answered" && !state.welcome ? stale(state.view) : state);

  // What nobody can say again is not left standing in another language.
  const translated = (state) => (state.name === "refused" && !state.source ? empty() : state);

  return { empty, working, answered, stale, refused, progressed, changed, translated };
})();

// A well takes one picture or one sound: chosen, from the camera or from the microphone. What is dropped or pasted anywhere
// is brought to it (arrive.js).
(() => {
  "use strict";
  const RECORDING_ENDINGS = { "audio/webm": "webm", "audio/mp4": "mp4", "audio/ogg": "ogg" };

  // What would be refused is not sent at all.
  mmdemo.checkSize = (file, { mostBytes }) => {
    if (file.size <= mostBytes) return;
    const [megabytes, limit] = [file.size, mostBytes].map((bytes) => String(Math.ceil(bytes / 1e5) / 10));
    throw new mmdemo.CallError("refused", mmdemo.t("predict.file_too_large", { megabytes, limit }));
  };

  // well(box, options) → {value, set, hold, clear, close}. value: {file} | {held: true} | null.
  // options: onChange(), onProblem(sentence), mostSeconds, mostBytes.
  mmdemo.well = (box, { onChange, onProblem, mostSeconds, mostBytes }) => {
    const kind = box.dataset.kind;
    const states = { empty: box.querySelector(".mm-empty"), live: box.querySelector(".mm-live"), chosen: box.querySelector(".mm-chosen") };
    const shown = states.chosen.querySelector("img, audio");
    const noPreview = box.querySelector(".mm-no-preview");
    const picker = box.querySelector("input[type=file]");
    const choose = box.querySelector("[data-do=choose]"); // stays, whatever else is shown, and so does the focus on it
    let value = null;
    let live = null; // {finish, stop} while camera or microphone run
    let objectUrl = null;

    function show(state) {
      for (const [name, element] of Object.entries(states)) element.hidden = name !== state;
    }

    function preview(source) {
      if (objectUrl) URL.revokeObjectURL(objectUrl);
      objectUrl = source instanceof Blob ? URL.createObjectURL(source) : null;
      noPreview.hidden = true;
      shown.hidden = false;
      shown.onerror = () => { shown.hidden = true; noPreview.hidden = false; }; // such as HEIC
      const address = objectUrl || source || "";
      if (address) shown.src = address;
      else shown.removeAttribute("src");
    }

    function put(next, source) {
      stop();
      value = next;
      preview(source);
      show(next ? "chosen" : "empty");
      onChange();
    }

    const set = (file) => put({ file }, file);
    const hold = (source) => put({ held: true }, source); // the server has it; `source` shows it
    const clear = () => put(null, null);
    const showCopy = (source) => { if (!noPreview.hidden) preview(source); }; // where the browser can't show its own

    function stop() {
      live?.stop();
      live = null;
    }

    async function begin() {
      try {
        stop();
        live = await (kind === "image" ? camera : microphone)(states.live, { mostSeconds, onEnd: take });
        show("live");
        states.live.querySelector("[data-do=snap]").focus();
      } catch {
        onProblem(mmdemo.t(kind === "image" ? "predict.no_camera" : "predict.no_microphone"));
      }
    }

    // Whoever pressed the button that is gone now stands at the one beside it; nobody else is called away.
    async function take() {
      const here = box.contains(document.activeElement);
      const file = await live?.finish();
      if (!file) return;
      set(file);
      if (here) choose.focus();
    }

    const actions = {
      choose: () => picker.click(),
      camera: begin,
      record: begin,
      snap: take,
      stop: () => { stop(); show(value ? "chosen" : "empty"); (value ? choose : box.querySelector("[data-do=camera], [data-do=record]")).focus(); },
      remove: () => { clear(); choose.focus(); },
    };
    box.addEventListener("click", ({ target }) => actions[target.closest("[data-do]")?.dataset.do]?.());
    picker.addEventListener("change", () => {
      if (picker.files[0]) set(picker.files[0]);
      picker.value = ""; // so that the same file can be chosen again
    });
    return { kind, mostBytes, get value() { return value; }, set, hold, showCopy, clear, close: stop };
  };

  async function camera(stage) {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    const video = stage.querySelector("video");
    video.srcObject = stream;
    const stop = () => { for (const track of stream.getTracks()) track.stop(); };
    const finish = () => new Promise((resolve) => {
      const still = mmdemo.element("canvas", { width: video.videoWidth, height: video.videoHeight });
      still.getContext("2d").drawImage(video, 0, 0);
      still.toBlob((blob) => resolve(blob && new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
    });
    return { stop, finish };
  }

  async function microphone(stage, { mostSeconds, onEnd }) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const recorder = new MediaRecorder(stream);
    const pieces = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.start();
    const meter = showLevel(stage, stream, mostSeconds, onEnd);
    const stop = () => {
      meter.stop();
      if (recorder.state !== "inactive") recorder.stop();
      for (const track of stream.getTracks()) track.stop();
    };
    const finish = () => new Promise((resolve) => {
      recorder.onstop = () => {
        const type = (recorder.mimeType || "audio/webm").split(";")[0];
        resolve(new File(pieces, `recording.${RECORDING_ENDINGS[type] || "webm"}`, { type }));
      };
      stop();
    });
    return { stop, finish };
  }

  // Bars of loudness and a clock. The recording ends by itself, early enough: whatever is longer than mostSeconds is
  // refused, and in a tab that nobody looks at a timer fires once a second.
  function showLevel(stage, stream, mostSeconds, onEnd) {
    const canvas = stage.querySelector("canvas");
    const clock = stage.querySelector(".mm-clock");
    const pen = canvas.getContext("2d");
    const context = new AudioContext();
    const analyser = Object.assign(context.createAnalyser(), { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    const bars = [];
    const lastSecond = mostSeconds - Math.min(1.1, mostSeconds / 10);
    const started = performance.now();
    const timer = setInterval(() => {
      const seconds = (performance.now() - started) / 1000;
      clock.textContent = `${seconds.toFixed(1)} s / ${mostSeconds} s`;
      analyser.getFloatTimeDomainData(wave);
      bars.push(Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length));
      drawBars(canvas, pen, bars.slice(-75));
      if (seconds >= lastSecond) onEnd();
    }, 60);
    return { stop: () => { clearInterval(timer); if (context.state !== "closed") context.close(); } };
  }

  function drawBars(canvas, pen, bars) {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = getComputedStyle(canvas).color;
    bars.forEach((loudness, index) => {
      const height = Math.max(3, Math.min(1, loudness * 4) * canvas.height);
      pen.fillRect(index * 8, (canvas.height - height) / 2, 5, height);
    });
  }
})();

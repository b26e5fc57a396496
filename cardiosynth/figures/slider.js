// Mask synthesis in the reader's browser: the same sums as cardiosynth/distances.py and masks.py, on one subject.
(function (box) {
  "use strict";
  const subject = JSON.parse(box.querySelector("script[type='application/json']").textContent);
  const {slices, height, width, unit, steps, spacing_mm: spacing, slice_gap_mm: gap, shown, colours, limits} = subject;
  const size = slices * height * width;
  const bytes = Uint8Array.from(atob(subject.distances), (letter) => letter.charCodeAt(0));
  const stored = new Int16Array(bytes.buffer); // lv, epicardium, heart at ED; the same at ES; rv at either
  const field = (index) => Float32Array.from(stored.subarray(index * size, (index + 1) * size), (value) => value * unit);
  const ed = [0, 1, 2].map(field), es = [3, 4, 5].map(field), rv = field(6);

  // Eq. (1): as intended, or as printed, where both weights are alpha / F.
  function interpolated(alpha, printed) {
    const first = alpha / steps, second = printed ? first : (steps - alpha) / steps;
    return ed.map((from, k) => from.map((value, i) => {
      const mixed = first * value + second * es[k][i];
      return k === 2 ? Math.min(mixed, rv[i]) : mixed;
    }));
  }

  // What scaling keeps in place in a slice: the centroid of the LV, else of the epicardial contour, else of the RV.
  function centre(fields, slice) {
    for (const values of fields) {
      let count = 0, row = 0, column = 0;
      for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
        if (values[(slice * height + i) * width + j] > 0) { count++; row += i; column += j; }
      }
      if (count) return [row / count, column / count];
    }
    return [(height - 1) / 2, (width - 1) / 2];
  }

  function scaled(fields, scale) {
    if (scale === 1) return fields;
    const result = fields.map(() => new Float32Array(size).fill(-1));
    for (let slice = 0; slice < slices; slice++) {
      const [row, column] = centre(fields, slice);
      for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
        const y = row + (i - row) / scale, x = column + (j - column) / scale;
        if (y < 0 || x < 0 || y > height - 1 || x > width - 1) continue;
        const y0 = Math.min(Math.floor(y), height - 2), x0 = Math.min(Math.floor(x), width - 2);
        const corner = (slice * height + y0) * width + x0, v = y - y0, u = x - x0;
        fields.forEach((values, k) => {
          const top = values[corner] + u * (values[corner + 1] - values[corner]);
          const bottom = values[corner + width] + u * (values[corner + width + 1] - values[corner + width]);
          result[k][(slice * height + i) * width + j] = top + v * (bottom - top);
        });
      }
    }
    return result;
  }

  const labels = ([lv, epicardium, heart]) => Uint8Array.from(lv, (value, i) => value > 0 ? 3 : epicardium[i] > 0 ? 2 : heart[i] > 0 ? 1 : 0);
  const volume = (mask, label) => mask.reduce((count, value) => count + (value === label), 0) * spacing * spacing * gap / 1000;

  function draw(canvas, mask) {
    const pen = canvas.getContext("2d"), zoom = 3, columns = shown.length;
    canvas.width = columns * width * zoom; canvas.height = height * zoom;
    const picture = new ImageData(canvas.width, canvas.height);
    for (let y = 0; y < canvas.height; y++) for (let x = 0; x < canvas.width; x++) {
      const tile = Math.floor(x / (width * zoom)), i = Math.floor(y / zoom), j = Math.floor(x / zoom) % width;
      picture.data.set(colours[mask[(shown[tile] * height + i) * width + j]], 4 * (y * canvas.width + x));
    }
    pen.putImageData(picture, 0, 0);
  }

  const input = (name) => box.querySelector(`[name=${name}]`);
  const write = (name, text) => { box.querySelector(`[data-value=${name}]`).textContent = text; };

  function update() {
    const printed = input("printed").checked, power = subject.gamma_acts_on === "area" ? 0.5 : 1;
    const frames = ["ed", "es"].map((phase) => {
      const alpha = Number(input(`${phase}_alpha`).value), gamma = Number(input(`${phase}_gamma`).value);
      write(`${phase}_alpha`, `${alpha} of ${steps}`);
      write(`${phase}_gamma`, gamma.toFixed(3));
      const mask = labels(scaled(interpolated(alpha, printed), Math.pow(gamma, power)));
      draw(box.querySelector(`canvas[data-phase=${phase}]`), mask);
      return mask;
    });
    const [edv, esv] = frames.map((mask) => volume(mask, 3)), ef = 100 * (edv - esv) / edv;
    const kept = edv > 0 && esv > 0 && ef >= limits[0] && ef <= limits[1];
    write("edv", `${edv.toFixed(1)} ml`); write("esv", `${esv.toFixed(1)} ml`); write("ef", edv > 0 ? `${ef.toFixed(1)} %` : "none");
    write("ed_muscle", `${volume(frames[0], 2).toFixed(1)} ml`); write("es_muscle", `${volume(frames[1], 2).toFixed(1)} ml`);
    write("verdict", kept ? "kept" : `left out: not between ${limits[0]} and ${limits[1]} %`);
  }

  box.querySelectorAll("input").forEach((one) => one.addEventListener("input", update));
  box.querySelector("button").addEventListener("click", () => { box.querySelector("form").reset(); update(); });
  update();
})(document.currentScript.closest(".mask-slider"));

"use strict";
(() => {
  const root = document.documentElement;
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const pictures = JSON.parse(document.getElementById("figures")?.textContent ?? "[]");
  const drawn = new Set();
  let chosen = null; // what the reader asked for with the button; null follows the system

  const colors = () => {
    const style = getComputedStyle(root);
    const text = style.getPropertyValue("--text").trim();
    const line = style.getPropertyValue("--line").trim();
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
    return { layout: { font: { color: text, size: 12 }, xaxis: axis, yaxis: axis, hoverlabel: { bgcolor: style.getPropertyValue("--back").trim(), bordercolor: line, font: { color: text } } } };
  };
  const element = (picture) => document.getElementById("figure-" + picture.name);
  const draw = (picture) => {
    if (drawn.has(picture.name)) return;
    drawn.add(picture.name);
    const place = element(picture);
    const layout = { ...picture.layout, template: colors() };
    const named = picture.data.filter((trace) => trace.showlegend !== false && trace.name).length;
    if (place.clientWidth < 560 && named > 1) {
      // on a phone the legend goes below, in two columns, and the picture keeps its height
      const more = 20 * Math.ceil(named / 2) + 20;
      const height = layout.height + more;
      const inner = layout.height - layout.margin.t - layout.margin.b - 20; // less the room that a legend above would take
      layout.legend = { orientation: "h", y: -64 / inner, traceorder: "normal", yanchor: "top", x: 0, entrywidth: 0.5, entrywidthmode: "fraction", font: { size: 9 } };
      layout.margin = { ...layout.margin, b: more + 44 };
      layout.height = height;
      place.style.height = height + "px";
    }
    Plotly.newPlot(place, picture.data, layout, { responsive: true, displayModeBar: false });
  };
  const paint = () => {
    root.dataset.theme = chosen ?? (preferred.matches ? "dark" : "light");
    for (const picture of pictures) if (drawn.has(picture.name)) Plotly.relayout(element(picture), { template: colors() });
  };

  paint();
  preferred.addEventListener("change", paint);
  document.getElementById("theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    paint();
  });
  // a figure is drawn when it comes near the screen, so that the page opens at once
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      draw(pictures.find((picture) => element(picture) === entry.target));
    }
  }, { rootMargin: "600px" });
  pictures.forEach((picture) => watcher.observe(element(picture)));
  addEventListener("beforeprint", () => {
    root.dataset.theme = "light";
    pictures.forEach(draw);
    // as wide as the narrower of A4 and Letter leaves room for: figures do not follow the paper by themselves
    pictures.forEach((picture) => Plotly.relayout(element(picture), { template: colors(), width: 660 }));
  });
  addEventListener("afterprint", () => {
    pictures.forEach((picture) => Plotly.relayout(element(picture), { width: null, autosize: true }));
    paint();
  });
})();

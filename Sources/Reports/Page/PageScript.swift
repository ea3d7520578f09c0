/// The script of the page: it draws the charts as SVG, shows numbers under the pointer, zooms where the pointer is
/// dragged, and asks a serving dtrain for newer data. All text reaches the page as text nodes.
enum PageScript {
    static let code: StaticString = #"""
        "use strict";
        const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"];
        const margin = { left: 58, right: 18, top: 8, bottom: 24 }, height = 240;
        let data = JSON.parse(document.getElementById("data").textContent);
        let range = null;
        const hidden = new Set();
        const charts = [];

        function element(name, attributes, parent, text) {
          const isSVG = ["svg", "g", "line", "path", "circle", "rect", "text"].includes(name);
          const node = isSVG ? document.createElementNS("http://www.w3.org/2000/svg", name)
            : document.createElement(name);
          for (const key in attributes) node.setAttribute(key, attributes[key]);
          if (text !== undefined) node.textContent = text;
          if (parent) parent.append(node);
          return node;
        }

        function format(value) {
          const size = Math.abs(value);
          if (size === 0) return "0";
          if (size >= 1e9) return +(value / 1e9).toPrecision(4) + "G";
          if (size >= 1e6) return +(value / 1e6).toPrecision(4) + "M";
          if (size >= 1e4) return +(value / 1e3).toPrecision(4) + "k";
          return size < 1e-3 ? value.toExponential(2) : "" + +value.toPrecision(5);
        }

        function ticks(low, high, count) {
          const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
          const step = power * ([1, 2, 5].find(factor => factor * power >= raw) || 10), found = [];
          for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) found.push(i * step);
          return found;
        }

        function logTicks(low, high) {
          const found = [];
          for (let power = Math.floor(low); power <= high; power++)
            for (const factor of high - low < 3 ? [1, 2, 5] : [1]) {
              const place = power + Math.log10(factor);
              if (place >= low && place <= high) found.push(place);
            }
          return found;
        }

        function smoothed(values) {
          const reach = Math.max(1, Math.round(values.length / 80)), sums = [0];
          for (const value of values) sums.push(sums[sums.length - 1] + value);
          return values.map((_, i) => {
            const from = Math.max(0, i - reach), to = Math.min(values.length, i + reach + 1);
            return (sums[to] - sums[from]) / (to - from);
          });
        }

        function nearest(xs, x) {
          let low = 0, high = xs.length - 1;
          while (high - low > 1) { const middle = (low + high) >> 1; if (xs[middle] < x) low = middle; else high = middle; }
          return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
        }

        class Chart {
          constructor(index, host) {
            this.index = index;
            this.figure = element("figure", {}, host);
            const caption = element("figcaption", {}, this.figure);
            element("b", {}, caption, this.data.title);
            this.reset = element("button", { type: "button", hidden: "" }, caption, "whole run");
            this.reset.onclick = () => zoom(null);
            this.isLogarithmic = this.data.logarithmic;
            const axis = element("button", { type: "button", "aria-pressed": this.isLogarithmic }, caption, "log");
            axis.onclick = () => {
              this.isLogarithmic = !this.isLogarithmic;
              axis.setAttribute("aria-pressed", this.isLogarithmic);
              this.draw();
            };
            this.svg = element("svg", { height, role: "img", "aria-label": this.data.title }, this.figure);
            this.tip = element("div", { class: "tip", hidden: "" }, this.figure);
            this.svg.onpointermove = event => this.point(event);
            // A finger that leaves has told where to look.
            this.svg.onpointerleave = event => { if (event.pointerType !== "touch") this.leave(); };
            this.svg.onpointerdown = event => { this.start = this.place(event); this.point(event); };
            this.svg.onpointerup = event => this.release(event);
            this.svg.ondblclick = () => zoom(null);
            new ResizeObserver(() => this.draw()).observe(this.figure);
          }

          get data() { return data.charts[this.index]; }
          get curves() {
            return [...this.data.lines.map(c => ({ ...c, isLine: true })), ...this.data.marks]
              .filter(curve => !hidden.has(curve.run));
          }
          y(value) { return this.isLogarithmic ? Math.log10(value) : value; }
          place(event) { return event.clientX - this.svg.getBoundingClientRect().left; }
          toStep(place) { return this.from + (place - margin.left) / this.across * (this.to - this.from); }

          draw() {
            const width = this.svg.clientWidth || 400;
            this.svg.replaceChildren();
            this.svg.setAttribute("viewBox", "0 0 " + width + " " + height);
            this.across = width - margin.left - margin.right;
            const down = height - margin.top - margin.bottom;
            const all = data.charts.flatMap(chart => [...chart.lines, ...chart.marks]).filter(c => c.x.length);
            [this.from, this.to] = range || [Math.min(...all.map(c => c.x[0])), Math.max(...all.map(c => c.x[c.x.length - 1]))];
            if (this.to <= this.from) this.to = this.from + 1;
            this.reset.hidden = !range;
            let low = Infinity, high = -Infinity;
            const visible = this.curves.map(curve => {
              const places = [];
              for (let i = 0; i < curve.x.length; i++)
                if (curve.x[i] >= this.from && curve.x[i] <= this.to && (!this.isLogarithmic || curve.y[i] > 0)) {
                  places.push(i);
                  low = Math.min(low, this.y(curve.y[i]));
                  high = Math.max(high, this.y(curve.y[i]));
                }
              return { ...curve, x: places.map(i => curve.x[i]), y: places.map(i => curve.y[i]) };
            });
            if (!(low <= high)) return;
            if (low === high) { low -= Math.abs(low) * 0.1 || 1; high += Math.abs(high) * 0.1 || 1; }
            const px = x => margin.left + (x - this.from) / (this.to - this.from) * this.across;
            const py = y => margin.top + (high - this.y(y)) / (high - low) * down;
            this.px = px; this.py = py; this.visible = visible;
            for (const tick of this.isLogarithmic ? logTicks(low, high) : ticks(low, high, 5)) {
              const value = this.isLogarithmic ? 10 ** tick : tick;
              element("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: py(value), y2: py(value) }, this.svg);
              element("text", { x: margin.left - 6, y: py(value) + 4, "text-anchor": "end" }, this.svg, format(value));
            }
            for (const tick of ticks(this.from, this.to, Math.max(2, width / 110)))
              if (Number.isInteger(tick))
                element("text", { x: px(tick), y: height - 6, "text-anchor": "middle" }, this.svg, tick);
            for (const curve of visible) {
              const colour = colours[curve.run % colours.length];
              const path = ys => curve.x.map((x, i) => (i ? "L" : "M") + px(x).toFixed(1) + " " + py(ys[i]).toFixed(1)).join("");
              const isNoisy = curve.isLine && curve.x.length > 160;
              element("path", { class: "curve", d: path(curve.y), stroke: colour, "stroke-width": curve.isLine ? 1 : 2,
                "stroke-opacity": isNoisy ? 0.35 : curve.isLine && this.data.marks.length ? 0.7 : 1 }, this.svg);
              if (isNoisy) element("path", { class: "curve", d: path(smoothed(curve.y)), stroke: colour, "stroke-width": 1.6 }, this.svg);
              if (!curve.isLine) curve.x.forEach((x, i) =>
                element("circle", { cx: px(x), cy: py(curve.y[i]), r: 3, fill: colour }, this.svg));
            }
            this.overlay = element("g", {}, this.svg);
          }

          point(event) {
            if (!this.visible || !this.overlay) return;
            const place = this.place(event), step = this.toStep(place);
            this.overlay.replaceChildren();
            if (this.start !== undefined && Math.abs(place - this.start) > 4)
              element("rect", { class: "selection", x: Math.min(place, this.start), width: Math.abs(place - this.start),
                y: margin.top, height: height - margin.top - margin.bottom }, this.overlay);
            const rows = [];
            let shown = null;
            for (const curve of this.visible) {
              if (!curve.x.length) continue;
              const i = nearest(curve.x, step);
              if (curve.isLine || shown === null) shown = curve.x[i];
              element("circle", { cx: this.px(curve.x[i]), cy: this.py(curve.y[i]), r: 4,
                fill: colours[curve.run % colours.length] }, this.overlay);
              rows.push(curve.name + " " + format(curve.y[i]) + (curve.isLine ? "" : " (step " + curve.x[i] + ")"));
            }
            if (shown === null) return;
            element("line", { class: "cursor", x1: this.px(shown), x2: this.px(shown), y1: margin.top,
              y2: height - margin.bottom }, this.overlay);
            this.tip.replaceChildren();
            element("div", {}, this.tip, "step " + shown);
            for (const row of rows) element("div", {}, this.tip, row);
            this.tip.hidden = false;
            const isRight = place > this.svg.clientWidth / 2;
            this.tip.style.left = isRight ? "" : place + 20 + "px";
            this.tip.style.right = isRight ? this.figure.clientWidth - place + 4 + "px" : "";
            this.tip.style.top = "48px";
          }

          leave() {
            this.start = undefined;
            this.tip.hidden = true;
            if (this.overlay) this.overlay.replaceChildren();
          }

          release(event) {
            const [from, to] = [this.start, this.place(event)].map(place => this.toStep(place)).sort((a, b) => a - b);
            const isDrag = this.start !== undefined && Math.abs(this.place(event) - this.start) > 8;
            this.start = undefined;
            if (isDrag) { this.leave(); zoom([from, to]); }
          }
        }

        function zoom(wanted) { range = wanted; charts.forEach(chart => chart.draw()); }

        function show() {
          const host = document.getElementById("charts"), legend = document.getElementById("legend");
          data.runs.forEach((name, run) => {
            const button = element("button", { type: "button", "aria-pressed": "true" }, legend);
            element("i", {}, button).style.background = colours[run % colours.length];
            element("bdi", {}, button, name);
            button.onclick = () => {
              if (!hidden.delete(run)) hidden.add(run);
              button.setAttribute("aria-pressed", !hidden.has(run));
              charts.forEach(chart => chart.draw());
            };
          });
          data.charts.forEach((_, index) => charts.push(new Chart(index, host)));
        }

        async function refresh() {
          try {
            const answer = await fetch("data.json");
            const newer = await answer.json();
            if (newer.charts.length !== data.charts.length) return location.reload();
            data = newer;
            document.getElementById("state").textContent = data.state;
            charts.forEach(chart => chart.draw());
          } catch { document.getElementById("state").textContent = "dtrain no longer serves this page"; return; }
          setTimeout(refresh, data.refresh * 1000);
        }

        show();
        if (data.refresh > 0) setTimeout(refresh, data.refresh * 1000);
        """#
}

extension PageScript {
    /// The part of the script that draws attention maps and projections of token vectors.
    static let modelCode: StaticString = #"""
        "use strict";
        const model = JSON.parse(document.getElementById("model").textContent);
        const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

        function choice(host, label, names, onchange) {
          const select = element("select", { "aria-label": label }, host);
          names.forEach((name, index) => element("option", { value: index }, select, name));
          select.onchange = () => onchange(+select.value);
          select.hidden = names.length < 2;
          return select;
        }

        function mean(lists) { return lists[0].map((_, i) => lists.reduce((sum, list) => sum + list[i], 0) / lists.length); }

        function shorten(name, limit) {
          const letters = Array.from(name);
          return letters.length > limit ? letters.slice(0, limit - 1).join("") + "…" : name;
        }

        class AttentionMap {
          constructor(sample, host) {
            this.figure = element("figure", {}, host);
            const caption = element("figcaption", {}, this.figure);
            choice(caption, "part", sample.parts.map(part => part.title), index => this.open(sample.parts[index]));
            this.heading = element("span", {}, caption, sample.parts.length < 2 ? sample.parts[0].title : "");
            this.selects = element("span", {}, caption);
            this.frame = element("div", { class: "scroll" }, this.figure);
            if (sample.note) element("small", {}, this.figure, sample.note);
            this.tip = element("div", { class: "tip", hidden: "" }, this.figure);
            const last = sample.parts.length - 1;
            if (last > 0) caption.querySelector("select").value = last;
            this.open(sample.parts[last]);
          }

          open(part) {
            this.part = part;
            this.maps = part.layers.map(heads => heads.map(text => Array.from(text, letter => letters.indexOf(letter) / 63)));
            [this.layer, this.head] = [0, 0];
            this.selects.replaceChildren();
            const layers = ["all layers", ...this.maps.map((_, i) => "layer " + (i + 1)), ...(part.rollout ? ["rollout"] : [])];
            choice(this.selects, "layer", layers, index => { this.layer = index; this.draw(); });
            choice(this.selects, "head", ["all heads", ...this.maps[0].map((_, i) => "head " + (i + 1))],
              index => { this.head = index; this.draw(); });
            this.draw();
          }

          values() {
            if (this.layer > this.maps.length) return Array.from(this.part.rollout, letter => letters.indexOf(letter) / 63);
            const layers = this.layer ? [this.maps[this.layer - 1]] : this.maps;
            return mean(layers.map(heads => this.head ? heads[this.head - 1] : mean(heads)));
          }

          draw() {
            const side = 16, { rows, columns } = this.part, values = this.values();
            const space = names => 10 + 7.6 * Math.max(...names.map(name => Math.min(16, Array.from(name).length)));
            const left = space(rows), top = space(columns);
            const width = left + side * columns.length + 4, height = top + side * rows.length + 4;
            this.frame.replaceChildren();
            const svg = element("svg", { viewBox: "0 0 " + width + " " + height, width, height, class: "map", role: "img",
              "aria-label": this.part.title }, this.frame);
            rows.forEach((name, row) =>
              element("text", { x: left - 5, y: top + side * row + 12, "text-anchor": "end" }, svg, shorten(name, 16)));
            columns.forEach((name, column) => element("text",
              { transform: "translate(" + (left + side * column + 12) + " " + (top - 5) + ") rotate(-90)" }, svg, shorten(name, 16)));
            element("rect", { x: left, y: top, width: side * columns.length, height: side * rows.length, class: "frame" }, svg);
            values.forEach((value, i) => {
              if (value >= 0.005) element("rect", { x: left + side * (i % columns.length),
                y: top + side * Math.floor(i / columns.length), width: side, height: side, "fill-opacity": value.toFixed(2) }, svg);
            });
            svg.onpointermove = event => {
              const box = svg.getBoundingClientRect(), scale = width / box.width;
              const column = Math.floor(((event.clientX - box.left) * scale - left) / side);
              const row = Math.floor(((event.clientY - box.top) * scale - top) / side);
              this.tip.hidden = !(row >= 0 && row < rows.length && column >= 0 && column < columns.length);
              if (this.tip.hidden) return;
              this.tip.replaceChildren();
              element("bdi", {}, this.tip, rows[row]);
              this.tip.append(" → ");
              element("bdi", {}, this.tip, columns[column]);
              this.tip.append(": " + values[row * columns.length + column].toFixed(2));
              place(this.tip, event, this.figure);
            };
            svg.onpointerdown = svg.onpointermove;
            // A finger that leaves has told where to look.
            svg.onpointerleave = event => { if (event.pointerType !== "touch") this.tip.hidden = true; };
          }
        }

        function place(tip, event, figure) {
          const box = figure.getBoundingClientRect(), x = event.clientX - box.left, isRight = x > box.width / 2;
          tip.style.left = isRight ? "" : x + 16 + "px";
          tip.style.right = isRight ? box.width - x + 8 + "px" : "";
          tip.style.top = Math.max(0, event.clientY - box.top - 40) + "px";
        }

        class PointCloud {
          constructor(projections, host) {
            this.figure = element("figure", {}, host);
            const caption = element("figcaption", {}, this.figure);
            // Three principal components are also the picture of two.
            this.views = projections.flatMap(p => (p.title === "PCA" ? [2, 3] : [p.dimensions]).map(shown => ({ ...p, shown })));
            choice(caption, "projection", this.views.map(view => view.title + ", " + view.shown + " dimensions"), index => {
              this.view = this.views[index];
              this.draw();
            });
            this.svg = element("svg", { height: 460, role: "img", "aria-label": "token vectors" }, this.figure);
            this.tip = element("div", { class: "tip", hidden: "" }, this.figure);
            [this.yaw, this.pitch, this.view] = [0.6, 0.4, this.views[0]];
            this.svg.onpointerdown = event => { this.last = null; this.point(event); this.last = event; };
            this.svg.onpointerup = () => { this.last = null; };
            this.svg.onpointermove = event => this.point(event);
            this.svg.onpointerleave = event => {
              this.last = null;
              if (event.pointerType !== "touch") this.tip.hidden = true;
            };
            new ResizeObserver(() => this.draw()).observe(this.figure);
          }

          places() {
            const { points, dimensions, shown, names } = this.view, width = this.svg.clientWidth || 400;
            const [cy, sy, cp, sp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
            const flat = names.map((_, i) => {
              const [x, y] = [points[i * dimensions], points[i * dimensions + 1]];
              if (shown === 2) return { x, y, z: 0 };
              const z = points[i * dimensions + 2], u = cy * x + sy * z, w = cy * z - sy * x;
              return { x: u, y: cp * y - sp * w, z: cp * w + sp * y };
            });
            const reach = axis => Math.max(...flat.map(point => Math.abs(point[axis]))) || 1;
            const across = shown === 3 ? 1300 : reach("x"), down = shown === 3 ? 1300 : reach("y");
            return flat.map(point => ({ x: width / 2 + point.x / across * (width / 2 - 30), y: 230 - point.y / down * 210,
              near: (point.z / 1700 + 1) / 2 }));
          }

          draw() {
            const width = this.svg.clientWidth || 400;
            this.svg.setAttribute("viewBox", "0 0 " + width + " 460");
            this.svg.replaceChildren();
            this.dots = this.places();
            // Tokens with small numbers are frequent: their names are written, as far as there is room.
            const written = [], room = width < 600 ? 24 : 70;
            this.dots.forEach((dot, i) => {
              element("circle", { cx: dot.x.toFixed(1), cy: dot.y.toFixed(1), r: (2 + 2 * dot.near).toFixed(1), class: "dot",
                "fill-opacity": (0.25 + 0.6 * dot.near).toFixed(2) }, this.svg);
              const isFree = written.length < room && dot.x < width - 70
                && written.every(other => Math.abs(other.x - dot.x) > 58 || Math.abs(other.y - dot.y) > 13);
              if (!isFree) return;
              written.push(dot);
              element("text", { x: (dot.x + 5).toFixed(1), y: (dot.y + 4).toFixed(1) }, this.svg, shorten(this.view.names[i], 12));
            });
          }

          point(event) {
            const [dx, dy] = this.last ? [event.clientX - this.last.clientX, event.clientY - this.last.clientY] : [0, 0];
            if (Math.hypot(dx, dy) > 3 && event.buttons && this.view.shown === 3) {
              this.yaw += dx / 120;
              this.pitch += dy / 120;
              this.last = event;
              this.tip.hidden = true;
              return this.draw();
            }
            const box = this.svg.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
            const far = this.dots.map(dot => Math.hypot(dot.x - x, dot.y - y)), least = Math.min(...far);
            this.tip.hidden = least > 14;
            if (this.tip.hidden) return;
            this.tip.replaceChildren();
            element("bdi", {}, this.tip, this.view.names[far.indexOf(least)]);
            place(this.tip, event, this.figure);
          }
        }

        const maps = model.attention.map(sample => new AttentionMap(sample, document.getElementById("maps")));
        const cloud = model.projections.length ? new PointCloud(model.projections, document.getElementById("points")) : null;
        """#
}

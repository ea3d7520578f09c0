import Layers
import Reporting
import Texts

extension PromptAttention {
    /// The maps of all layers and heads as one SVG picture: a row per layer, a column per head, and a labelled map of
    /// the mean over both before them.
    package var svg: String {
        let cell = 120
        var (y, width) = (0, 0)
        var body = ""
        func text(_ text: String, x: Int, _ style: String = "") {
            body += "<text x=\"\(x)\" y=\"\(y + 16)\"\(style)>\(text.escapedForHTML)</text>"
        }
        for part in parts {
            text(part.heading, x: 8, " class=\"heading\"")
            y += 28
            let mean = part.meanDrawing
            body += "<g transform=\"translate(0 \(y))\">\(mean.labelled(title: part.heading))</g>"
            y += mean.height + 16
            width = max(width, mean.width)
            for (layer, map) in part.layers.enumerated() {
                text("layer \(layer + 1)", x: 8)
                y += 24
                for head in 0..<map.heads {
                    let x = 8 + head * (cell + 8)
                    body +=
                        "<svg x=\"\(x)\" y=\"\(y)\" width=\"\(cell)\" height=\"\(cell)\" viewBox=\"0 0 \(map.keys) \(map.queries)\" "
                        + "preserveAspectRatio=\"none\"><rect class=\"ground\" width=\"\(map.keys)\" height=\"\(map.queries)\"/>"
                        + "\(part.drawing(map, head: head).cells)</svg>"
                    width = max(width, x + cell + 8)
                }
                y += cell + 12
            }
            y += 16
        }
        return
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(y)\" width=\"\(width)\" height=\"\(y)\">"
            + "<style>\(PromptAttention.drawingStyle)</style><rect class=\"page\" width=\"\(width)\" height=\"\(y)\"/>"
            + body + "</svg>\n"
    }

    /// A complete page that opens without a network and without scripts; a content security policy forbids both.
    package var html: String {
        var body = "<h1>Attention</h1><dl>"
        for (name, value) in [("checkpoint", checkpoint), ("prompt", prompt), ("target", target ?? "")]
        where !value.isEmpty {
            body += "<dt>\(name)</dt><dd dir=\"auto\">\(value.escapedForHTML)</dd>"
        }
        body += "</dl>"
        if let alignment { body += alignment.html }
        return
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            + "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Attention</title>"
            + "<style>\(PromptAttention.pageStyle)\(PromptAttention.drawingStyle)</style></head><body>\(body)"
            + sections + "</body></html>\n"
    }

    /// The maps as sections of a page: for each part the mean over layers and heads, the rollout, and every head.
    private var sections: String { parts.map(\.section).joined() }

    /// The style of the drawings in `sections`.
    private static let drawingStyle = """
        svg{font:12px ui-monospace,monospace;fill:#1f5fbf}svg text{fill:#222}svg .heading{font-weight:bold}\
        svg .page{fill:#fff}svg .ground{fill:#8881}svg .frame{fill:none;stroke:#8886}\
        @media(prefers-color-scheme:dark){svg{fill:#7db4ff}svg text{fill:#ddd}svg .page{fill:#16181c}}
        """

    private static let pageStyle = """
        :root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:75rem;\
        padding:0 1rem}dt{font-weight:bold}dd{margin:0 0 .5rem;overflow-wrap:anywhere}.wide{overflow-x:auto}\
        .heads{display:flex;flex-wrap:wrap;gap:.75rem}figure{margin:0}figcaption{font-size:.8rem}\
        .heads svg{width:9rem;height:9rem}td,th{padding:.1rem .8rem .1rem 0;text-align:left}
        """
}

extension PromptAttention.Part {
    /// What the part's maps show.
    package var heading: String {
        switch kind {
        case .encoder: "Self-attention of the encoder"
        case .own: "Self-attention"
        case .prefix: "Self-attention, bidirectional in the prefix"
        case .cross: "Cross-attention: target (rows) to source (columns)"
        }
    }

    /// The mean over all layers and heads.
    var meanDrawing: AttentionDrawing {
        var mean = [Float](repeating: 0, count: queries.count * keys.count)
        for layer in layers.map(\.mean) {
            for place in mean.indices { mean[place] += layer[place] / Float(layers.count) }
        }
        return AttentionDrawing(values: mean, queries: queries, keys: keys)
    }

    func drawing(_ map: AttentionMap, head: Int) -> AttentionDrawing {
        let count = map.queries * map.keys
        return AttentionDrawing(
            values: Array(map.probabilities[(head * count)...].prefix(count)), queries: queries, keys: keys)
    }

    fileprivate var section: String {
        func figure(_ caption: String, _ drawing: String) -> String {
            "<figure><figcaption>\(caption)</figcaption>\(drawing)</figure>"
        }
        func wide(_ caption: String, _ drawing: AttentionDrawing) -> String {
            "<div class=\"wide\">" + figure(caption, drawing.labelled(title: caption)) + "</div>"
        }
        var section = "<section><h2>\(heading)</h2>" + wide("mean over layers and heads", meanDrawing)
        if let rollout {
            section += wide(
                "attention rollout", AttentionDrawing(values: rollout, queries: queries, keys: keys))
        }
        for (layer, map) in layers.enumerated() {
            section += "<details\(layer == 0 ? " open" : "")><summary>layer \(layer + 1)</summary><div class=\"heads\">"
            for head in 0..<map.heads {
                section += figure(
                    "head \(head + 1)",
                    "<svg viewBox=\"0 0 \(map.keys) \(map.queries)\" preserveAspectRatio=\"none\" role=\"img\">"
                        + "<rect class=\"ground\" width=\"\(map.keys)\" height=\"\(map.queries)\"/>"
                        + drawing(map, head: head).cells + "</svg>")
            }
            section += "</div></details>"
        }
        return section + "</section>"
    }
}

extension Alignment {
    /// The links as a table of a page.
    fileprivate var html: String {
        let rows = links.enumerated().map { target, link in
            "<tr><td>\(targets[target].escapedForHTML)</td><td>\(sources[link.source].escapedForHTML)</td>"
                + "<td>\(fixed(Double(link.probability), 3))</td></tr>"
        }.joined()
        return
            "<section><h2>Alignment</h2><p>\(inOrder.count) of \(inOrder.pairs) neighbours in the order of the source"
            + "</p><table><tr><th>target</th><th>source</th><th>probability</th></tr>\(rows)</table></section>"
    }

    /// The links as lines of a terminal.
    package var lines: [String] {
        links.enumerated().map { target, link in
            "\(targets[target]) → \(sources[link.source])  \(fixed(Double(link.probability), 2))"
        } + ["\(inOrder.count) of \(inOrder.pairs) neighbouring target tokens are in the order of the source"]
    }
}

import Layers
import Reporting
import Texts

/// Draws matrices of probabilities as SVG. All text from outside is escaped, and a drawing has no script.
///
/// A cell's opacity is its probability. A small drawing joins the cells of a row with equal opacity in steps of 1/16,
/// so that a map of a hundred tokens has some ten kilobytes; a large one has a rectangle for each cell, which tells its
/// tokens and its probability.
struct AttentionDrawing {
    /// [T, S].
    let values: [Float]
    let queries: [String]
    let keys: [String]

    /// The side of a cell of a large drawing.
    private static let side = 16
    /// The width of a letter of a label.
    private static let letter = 7
    private static let longestLabel = 16
    /// The number of steps of opacity of a small drawing.
    private static let steps = 16

    /// The elements of a small drawing without labels, whose cells have the side 1, for a `viewBox` of S × T.
    var cells: String {
        var paths = [String](repeating: "", count: AttentionDrawing.steps + 1)
        for query in queries.indices {
            var first = 0
            while first < keys.count {
                let step = self.step(query, first)
                var end = first + 1
                while end < keys.count, self.step(query, end) == step { end += 1 }
                if step > 0 { paths[step] += "M\(first) \(query)h\(end - first)v1h-\(end - first)z" }
                first = end
            }
        }
        return paths.enumerated().filter { !$0.element.isEmpty }.map { step, path in
            "<path d=\"\(path)\" fill-opacity=\"\(fixed(Double(step) / Double(AttentionDrawing.steps), 3))\"/>"
        }.joined()
    }

    private func step(_ query: Int, _ key: Int) -> Int {
        Int((min(1, max(0, values[query * keys.count + key])) * Float(AttentionDrawing.steps)).rounded())
    }

    /// The size of a large drawing.
    var width: Int { left + AttentionDrawing.side * keys.count + 8 }
    var height: Int { top + AttentionDrawing.side * queries.count + 8 }
    /// The space for the labels of its rows and columns.
    private var left: Int { AttentionDrawing.space(queries) }
    private var top: Int { AttentionDrawing.space(keys) }

    private static func space(_ tokens: [String]) -> Int { 8 + letter * (tokens.map { label($0).count }.max() ?? 0) }

    /// A large drawing with labels on both axes, as an SVG element.
    ///
    /// - Parameter title: A description for programs that read the page aloud.
    func labelled(title: String) -> String {
        let side = AttentionDrawing.side
        let (rows, columns, left, top) = (
            queries.map(AttentionDrawing.label), keys.map(AttentionDrawing.label), left, top
        )
        var svg =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
            + "height=\"\(height)\" role=\"img\"><title>\(title.escapedForHTML)</title>"
        for (row, label) in rows.enumerated() {
            svg +=
                "<text x=\"\(left - 4)\" y=\"\(top + side * row + 12)\" text-anchor=\"end\">\(label.escapedForHTML)</text>"
        }
        for (column, label) in columns.enumerated() {
            let (x, y) = (left + side * column + 12, top - 4)
            svg += "<text transform=\"translate(\(x) \(y)) rotate(-90)\">\(label.escapedForHTML)</text>"
        }
        svg +=
            "<rect class=\"frame\" x=\"\(left)\" y=\"\(top)\" width=\"\(side * keys.count)\" height=\"\(side * queries.count)\"/>"
        for query in queries.indices {
            for key in keys.indices where values[query * keys.count + key] >= 0.005 {
                let value = Double(values[query * keys.count + key])
                svg +=
                    "<rect x=\"\(left + side * key)\" y=\"\(top + side * query)\" width=\"\(side)\" height=\"\(side)\" "
                    + "fill-opacity=\"\(fixed(value, 2))\"><title>\(queries[query].escapedForHTML) → "
                    + "\(keys[key].escapedForHTML): \(fixed(value, 3))</title></rect>"
            }
        }
        return svg + "</svg>"
    }

    private static func label(_ token: String) -> String {
        token.count <= longestLabel ? token : token.prefix(longestLabel - 1) + "…"
    }
}

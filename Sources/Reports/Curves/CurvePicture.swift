import Reporting
import Texts

/// Charts as one picture in SVG, for documents and mails. It has no script; its colours are readable on white.
package enum CurvePicture {
    /// The colours of runs, which people with any colour vision can tell apart.
    ///
    /// - Source: Okabe & Ito 2008, "Color Universal Design".
    static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777"]

    private static let (width, height) = (460.0, 260.0)
    private static let (left, right, top, bottom) = (56.0, 12.0, 30.0, 28.0)

    /// The charts of runs, two in a row, with the names of the runs below.
    package static func svg(_ charts: [Chart], runs: [String]) -> String {
        let rows = (charts.count + 1) / 2
        let legend = 24.0 * Double(runs.count) + 12
        let total = Double(rows) * height + legend
        var parts = charts.enumerated().map { index, chart in
            let place = "translate(\(Double(index % 2) * width) \(Double(index / 2) * height))"
            return HTML.element("g", ["transform": place], [picture(chart)])
        }
        for (index, name) in runs.enumerated() {
            let y = Double(rows) * height + 20 + 24 * Double(index)
            parts.append(
                .element(
                    "rect",
                    [
                        "x": number(left), "y": number(y - 9), "width": "18", "height": "10",
                        "fill": colour(index),
                    ]))
            parts.append(.element("text", ["x": number(left + 26), "y": number(y)], [.text(name)]))
        }
        let svg = HTML.element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 \(number(2 * width)) \(number(total))",
                "font-family": "system-ui, sans-serif", "font-size": "12",
            ],
            [.element("rect", ["width": "100%", "height": "100%", "fill": "white"])] + parts)
        return svg.source + "\n"
    }

    private static func colour(_ index: Int) -> String { colours[index % colours.count] }

    private static func picture(_ chart: Chart) -> HTML {
        guard let bounds = chart.bounds else { return .text("") }
        let span = bounds.y.upperBound - bounds.y.lowerBound
        let y = span > 0 ? bounds.y : bounds.y.lowerBound - 1...bounds.y.upperBound + 1
        func place(_ point: (x: Double, y: Double)) -> String {
            let across = (point.x - bounds.x.lowerBound) / max(bounds.x.upperBound - bounds.x.lowerBound, 1)
            let down = (y.upperBound - point.y) / (y.upperBound - y.lowerBound)
            return "\(number(left + across * (width - left - right))),\(number(top + down * (height - top - bottom)))"
        }
        var parts: [HTML] = [
            .element("text", ["x": number(left), "y": "18", "font-weight": "600"], [.text(chart.title)])
        ]
        for tick in ticks(in: y, count: 4) {
            let line = [place((bounds.x.lowerBound, tick)), place((bounds.x.upperBound, tick))].joined(separator: " ")
            parts.append(.element("polyline", ["points": line, "stroke": "#ddd", "fill": "none"]))
            let down = top + (y.upperBound - tick) / (y.upperBound - y.lowerBound) * (height - top - bottom)
            parts.append(
                .element(
                    "text", ["x": number(left - 6), "y": number(down + 4), "text-anchor": "end", "fill": "#555"],
                    [.text(compact(tick))]))
        }
        for (x, anchor) in [(bounds.x.lowerBound, "start"), (bounds.x.upperBound, "end")] {
            let across = x == bounds.x.lowerBound ? left : width - right
            parts.append(
                .element(
                    "text",
                    ["x": number(across), "y": number(height - 8), "text-anchor": anchor, "fill": "#555"],
                    [.text("\(Int(x))")]))
        }
        for (curves, isMarked) in [(chart.lines, false), (chart.marks, true)] {
            for curve in curves {
                let points = curve.points.map(place)
                parts.append(
                    .element(
                        "polyline",
                        [
                            "points": points.joined(separator: " "), "fill": "none", "stroke": colour(curve.run),
                            "stroke-width": isMarked ? "2" : "1", "stroke-opacity": isMarked ? "1" : "0.6",
                        ]))
                for point in isMarked ? points : [] {
                    let halves = point.exactParts(at: ",")
                    parts.append(
                        .element(
                            "circle", ["cx": halves[0], "cy": halves[1], "r": "2.5", "fill": colour(curve.run)])
                    )
                }
            }
        }
        return .element("g", [:], parts)
    }

    private static func number(_ value: Double) -> String { fixed(value, 1) }
}

import Reporting
import Texts

extension Explanation {
    /// The tokens as a paragraph of a page, with a background as strong as their attribution: green for the prediction,
    /// red against it.
    package var html: String {
        let largest = influences.map { abs($0.attribution) }.max() ?? 0
        let tokens = influences.map { influence in
            let strength = largest > 0 ? abs(influence.attribution) / largest : 0
            let color = influence.attribution >= 0 ? "40,160,80" : "210,60,60"
            return
                "<span style=\"background:rgba(\(color),\(fixed(strength, 2)))\" title=\"\(fixed(influence.attribution, 4))\">"
                + "\(influence.token.escapedForHTML)</span>"
        }.joined(separator: " ")
        let what = output.map { "\($0.escapedForHTML), probability \(fixed(probability, 4))" } ?? fixed(probability, 4)
        return "<p class=\"explanation\"><b>\(what)</b><br>\(tokens)</p>"
    }
}

import Files
import Reporting

extension Explanation {
    /// The explanation as one JSON object.
    package var json: JSON {
        [
            "prompt": .string(prompt), "output": output.map { .string($0) } ?? .null,
            "probability": .number(probability),
            "value": .number(value), "baseline": .string(baseline), "baseline_value": .number(baselineValue),
            "completeness_gap": .number(gap),
            "tokens": .array(
                influences.map {
                    [
                        "token": .string($0.token), "source": .boolean($0.isSource),
                        "attribution": .number($0.attribution),
                        "omission": $0.omission.map { .number($0) } ?? .null,
                    ]
                }),
            "layers": .array(
                lens.layers.map {
                    [
                        "blocks": .integer($0.blocks), "prediction": $0.prediction.map { .string($0) } ?? .null,
                        "probability": .number($0.value), "explained": .number($0.explained),
                    ]
                }),
        ]
    }

    /// The explanation as lines of a terminal.
    ///
    /// - Parameter isColored: Whether a first line shows the tokens with a background as bright as their attribution:
    ///   green for the prediction, red against it.
    package func text(isColored: Bool) -> String {
        let what = output.map { "\($0)  probability \(fixed(probability, 4))" } ?? fixed(probability, 4)
        let table = aligned(
            [["token", "attribution", "left out"]]
                + influences.map { [$0.token, signed($0.attribution), $0.omission.map(signed) ?? ""] })
        let layers = aligned(
            [["layer", "prediction", output == nil ? "value" : "probability", output ?? ""]]
                + lens.layers.map {
                    [
                        "\($0.blocks)", $0.prediction ?? "", fixed($0.value, 4),
                        output == nil ? "" : fixed($0.explained, 4),
                    ]
                })
        let sum =
            "from \(fixed(baselineValue, 3)) (all tokens \(baseline)) to \(fixed(value, 3)); completeness gap "
            + scientific(gap)
        return (["prediction: \(what)"] + (isColored ? [colored] : []) + ["", table, sum, "", layers])
            .joined(separator: "\n")
    }

    /// The tokens with backgrounds.
    private var colored: String {
        let largest = influences.map { abs($0.attribution) }.max() ?? 0
        return influences.map { influence in
            let level = largest > 0 ? Int((abs(influence.attribution) / largest * 200).rounded()) : 0
            let color = influence.attribution >= 0 ? "0;\(level);0" : "\(level);0;0"
            return "\u{1B}[48;2;\(color)m\u{1B}[38;2;255;255;255m\(influence.token)\u{1B}[0m"
        }.joined(separator: " ")
    }

    private func signed(_ value: Double) -> String { (value >= 0 ? "+" : "") + fixed(value, 4) }
}

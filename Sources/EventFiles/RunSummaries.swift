import Files
import Texts

extension Summary {
    /// The numbers of a line of `metrics.jsonl`: those of a step as `training/NAME`, those of an evaluation as
    /// `validation/NAME`, where the name lacks its "validation_".
    package static func scalars(of line: JSON) -> [Summary] {
        let group = line["loss"] == nil ? "validation" : "training"
        return (line.objectValue ?? []).compactMap { member in
            guard member.name != "step", let number = member.value.doubleValue, number.isFinite else { return nil }
            let name = member.name.withoutExactPrefix("validation_") ?? member.name
            return Summary("\(group)/\(name)", .scalar(Float(number)))
        }
    }

    /// A text that is shown as it is, such as the configuration: Markdown shows indented lines as code.
    package static func code(_ tag: String, _ text: String) -> Summary {
        Summary(tag, .text(text.exactParts(at: "\n").map { "    " + $0 }.joined(separator: "\n")))
    }
}

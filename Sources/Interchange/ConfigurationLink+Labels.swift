import Texts
import Datasets
import Failures
import Files

extension ConfigurationLink {
    /// Maps the class names and the kind of labels of a classifier.
    ///
    /// - Parameter kinds: The kinds of labels that the class supports.
    package static func labels(_ kinds: LabelDescription.Kind...) -> Self {
        Self(
            objection: { model in
                guard let kind = model.labels?.kind, !kinds.contains(kind) else { return nil }
                return "labels: found kind \(kind.rawValue); allowed: "
                    + kinds.map(\.rawValue).joined(separator: ", ")
            },
            write: { model in
                guard let labels = model.labels else { return [] }
                let names = labels.kind == .number ? ["LABEL_0"] : labels.names
                let numbers = names.indices.map { JSON.Member("\($0)", .string(names[$0])) }
                return [
                    JSON.Member("id2label", .object(numbers)),
                    JSON.Member("label2id", .object(names.indices.map { JSON.Member(names[$0], .integer($0)) })),
                    JSON.Member("problem_type", .string(labels.kind.problem)),
                ]
            },
            read: { (file, model) throws(Failure) in
                let kind = try kind(file, kinds)
                let names = try names(file)
                guard kind != .number || names.count == 1 else {
                    throw file.unexpected("id2label", "one name if problem_type is regression")
                }
                model.labels = LabelDescription(kind: kind, names: kind == .number ? [] : names)
            })
    }

    private static func kind(
        _ file: ConfigurationFile, _ kinds: [LabelDescription.Kind]
    ) throws(Failure) -> LabelDescription.Kind {
        guard file["problem_type"] != nil else { return .class }
        let word = try file.string("problem_type", default: nil)
        guard let kind = kinds.first(where: { $0.problem == word }) else {
            throw file.unexpected("problem_type", kinds.map(\.problem).joined(separator: ", "))
        }
        return kind
    }

    private static func names(_ file: ConfigurationFile) throws(Failure) -> [String] {
        guard let members = file["id2label"]?.objectValue else {
            let count = try file.integer("num_labels", in: 1...LabelDescription.classLimit, default: 2)
            return (0..<count).map { "LABEL_\($0)" }
        }
        guard (1...LabelDescription.classLimit).contains(members.count) else {
            throw Failure(
                .badData,
                "\(file.path): id2label: found \(members.count) names; allowed: 1 to \(LabelDescription.classLimit).")
        }
        var names = [String?](repeating: nil, count: members.count)
        for member in members {
            guard let number = Int(member.name), names.indices.contains(number), let name = member.value.stringValue
            else {
                throw Failure(
                    .badData,
                    "\(file.path): id2label: found \(member.name.prefix(80)); allowed: the numbers from 0 to "
                        + "\(members.count - 1), each with a name.")
            }
            names[number] = name
        }
        let found = names.compactMap(\.self)
        guard found.count == names.count, found.firstRepeated() == nil else {
            throw Failure(.badData, "\(file.path): id2label: must have each number and each name exactly once.")
        }
        return found
    }
}

extension LabelDescription.Kind {
    /// The value of `problem_type` in `config.json`.
    fileprivate var problem: String {
        switch self {
        case .class: "single_label_classification"
        case .multi: "multi_label_classification"
        case .number: "regression"
        }
    }
}

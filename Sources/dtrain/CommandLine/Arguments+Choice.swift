import Failures

extension Arguments {
    /// The value of an option as a case of an enumeration; nil if the option is not given.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) throws(Failure) -> Choice? {
        guard let text = value(name) else { return nil }
        guard let choice = Choice(rawValue: text) else { throw noChoice("--\(name): found \(text)", of: Choice.self) }
        return choice
    }

    /// The positional argument `index` as a case of an enumeration.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(at index: Int) throws(Failure) -> Choice {
        guard let choice = Choice(rawValue: positions[index]) else {
            throw noChoice("found \(positions[index])", of: Choice.self)
        }
        return choice
    }

    private func noChoice<Choice: RawRepresentable<String> & CaseIterable>(
        _ found: String, of type: Choice.Type
    ) -> Failure {
        usage("\(found); allowed: \(type.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
}

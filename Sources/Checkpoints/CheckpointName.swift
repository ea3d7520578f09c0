import Texts

/// The names of directories in `RUN/checkpoints`.
enum CheckpointName {
    /// The role of a directory, encoded in its name.
    enum Role: String, CaseIterable {
        /// A committed checkpoint.
        case committed = ""
        /// A checkpoint that is being written; never valid.
        case writing = ".writing-"
        /// A committed checkpoint that is being replaced by a new one of the same step.
        case replaced = ".replaced-"
        /// A checkpoint that did not read back as it was written; never valid, removed by the next commit.
        case damaged = ".damaged-"
        /// A checkpoint that is being removed.
        case removing = ".removing-"
    }

    /// The name of the directory of a step, with at least eight digits so that names sort by step.
    static func name(_ role: Role, step: Int) -> String {
        let digits = String(step)
        return role.rawValue + "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The role and step in a directory's name; nil if it is not a name of this scheme.
    static func parse(_ name: String) -> (role: Role, step: Int)? {
        let digits = name.unicodeScalars.reversed().prefix { "0"..."9" ~= $0 }.count
        guard let step = Int(String(name.unicodeScalars.suffix(digits))) else { return nil }
        return Role.allCases.first { self.name($0, step: step).exact == name.exact }.map { ($0, step) }
    }
}

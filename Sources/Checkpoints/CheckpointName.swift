import Texts

/// The names of directories in `RUN/checkpoints`.
enum CheckpointName {
    /// What a directory stands for, by its name.
    enum Role: String, CaseIterable {
        /// A committed checkpoint.
        case committed = ""
        /// One that is being written; never valid.
        case writing = ".writing-"
        /// A committed one while its successor of the same step takes its name.
        case replaced = ".replaced-"
        /// One that did not read back as it was written; never valid, and gone with the next commit.
        case damaged = ".damaged-"
        /// One that is being removed.
        case removing = ".removing-"
    }

    /// The name of a step's directory: at least eight digits, so that names sort as steps do.
    static func name(_ role: Role, step: Int) -> String {
        let digits = String(step)
        return role.rawValue + "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The role and step that a directory's name stands for; nil where it is none of ours.
    static func parse(_ name: String) -> (role: Role, step: Int)? {
        let digits = name.unicodeScalars.reversed().prefix { "0"..."9" ~= $0 }.count
        guard let step = Int(String(name.unicodeScalars.suffix(digits))) else { return nil }
        return Role.allCases.first { self.name($0, step: step).exact == name.exact }.map { ($0, step) }
    }
}

import Glibc
import Texts

/// What /proc/PID/stat says about a process of this host.
package struct ProcessStatistics {
    /// The name of its program, at most 15 bytes.
    package let name: String
    /// The fields from the third on, the state; see proc(5).
    package let fields: [String]

    /// Reads the file; nil if there is no such process.
    package init?(_ process: pid_t) {
        guard let text = FileSystem.systemText("/proc/\(process)/stat") else { return nil }
        // "pid (name) S …": the name may contain any character.
        let parts = text.exactParts(at: ")")
        name = parts.dropLast().joined(separator: ")").exactHalves(at: "(")?.behind ?? ""
        fields = (parts.last ?? "").exactParts(at: " ", omittingEmpty: true)
    }
}

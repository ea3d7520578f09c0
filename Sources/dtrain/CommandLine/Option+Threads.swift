import Failures
import Resources

extension Option {
    /// The option of commands that compute without a configuration.
    static let threads = threads(help: "threads per rank (default auto: cores ÷ ranks)")

    /// The option with another description.
    static func threads(help: String) -> Option { .one("threads", ValueKind("auto|N", words: ["auto"]), help) }
}

extension Arguments {
    /// The value of `--threads`.
    func threads() throws(Failure) -> ThreadCount {
        guard let text = value("threads") else { return .automatic }
        guard let count = ThreadCount(text) else {
            throw usage("--threads: found \(text); allowed: \(ThreadCount.allowed).")
        }
        return count
    }
}

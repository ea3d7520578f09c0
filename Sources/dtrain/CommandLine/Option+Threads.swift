import Failures
import Resources
import Training

extension Option {
    /// Of commands that compute and have no configuration of their own.
    static let threads = Option.one("threads", "auto|N", "compute threads a rank (default auto: cores ÷ ranks)")
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

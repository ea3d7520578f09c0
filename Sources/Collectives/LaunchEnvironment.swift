import Failures
import Glibc
import Texts

/// The launcher's environment variables, which are known before MPI is initialized.
package enum LaunchEnvironment {
    /// Whether an MPI launcher started this process.
    package static var isLaunched: Bool {
        ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"].contains { (name: String) in getenv(name) != nil }
    }

    /// The rank that the launcher gave this process; nil if no launcher variable is set.
    package static var launchedRank: Int? {
        for name in ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"] {
            if let text = getenv(name) { return Int(String(cString: text)) }
        }
        return nil
    }

    /// The environment variable that divides the ranks of a host into several nodes, for tests: the node of each rank
    /// of `mpirun`, such as "0,0,0,1". Ranks of different nodes do not share memory.
    package static let nodesVariable = "DTRAIN_NODES"

    /// The node that `nodesVariable` gives this process; 0 if the variable is not set.
    ///
    /// - Throws: `usage` if its value does not name a node for each rank.
    package static func simulatedNode() throws(Failure) -> Int {
        guard let value = getenv(nodesVariable) else { return 0 }
        let words = String(cString: value).exactParts(at: ",")
        let nodes = words.compactMap { Int32($0) }.filter { $0 >= 0 }
        let size = getenv("OMPI_COMM_WORLD_SIZE").flatMap { Int(String(cString: $0)) } ?? 1
        guard nodes.count == words.count, nodes.count == size else {
            throw Failure(
                .usage,
                "\(nodesVariable): found \(String(cString: value)); allowed: \(size) numbers from 0 on, the node of each "
                    + "rank, separated by commas.")
        }
        return Int(nodes[launchedRank ?? 0])
    }
}

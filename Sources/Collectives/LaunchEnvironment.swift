import Glibc

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
}

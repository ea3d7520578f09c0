import Glibc

/// How many files this process may open.
package enum OpenFileLimit {
    /// Returns the number of files that can be opened beside those that are open now (`ulimit -n`), at least 0.
    package static func availableCount() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        let open = (try? FileSystem.list("/proc/self/fd").count) ?? 64
        return max(0, Int(clamping: limit.rlim_cur) - open)
    }
}

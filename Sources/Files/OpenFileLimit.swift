import Glibc

/// The limit on the number of files that this process may have open.
package enum OpenFileLimit {
    /// Returns the number of additional files that can be opened: the limit (`ulimit -n`) less the open files, at least
    /// 0.
    package static func availableCount() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        let open = (try? FileSystem.list("/proc/self/fd").count) ?? 64
        return max(0, Int(clamping: limit.rlim_cur) - open)
    }
}

import Texts
import Glibc

/// Memory figures reported by the system.
package enum SystemMemory {
    /// Returns the bytes that this process can still allocate: the minimum of `hostBytes` and `limitBytes`.
    package static func availableBytes() -> Int { min(hostBytes(), limitBytes()) }

    /// Returns the bytes that this process can still allocate within the limits of its address space and data (`ulimit
    /// -v` and `ulimit -d`), which batch systems set; `Int.max` without limits.
    package static func limitBytes() -> Int {
        let status = FileSystem.systemText("/proc/self/status") ?? ""
        let limits = [(RLIMIT_AS, "VmSize:"), (RLIMIT_DATA, "VmData:")].map { (resource, name) in
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return Int.max }
            return remainder(of: limit.rlim_cur, used: field(name, in: status))
        }
        return limits.min() ?? Int.max
    }

    /// Returns the bytes that are left of `limit`, minus a reserve for address space that memory estimates do not
    /// include: stacks and heaps of threads, libraries, generated code.
    static func remainder(of limit: rlim_t, used kibibytes: Int?) -> Int {
        guard let bytes = Int(exactly: limit), bytes < 1 << 60 else { return Int.max }
        return max(0, bytes - ((kibibytes ?? 0) << 10) - reserveBytes)
    }

    private static let reserveBytes = 128 << 20

    /// Returns the bytes that can still be allocated without exhausting memory: the minimum of the host's available
    /// memory and the remainder of the cgroup v2 limit, if one is set. `Int.max` if both are unknown.
    package static func hostBytes() -> Int {
        let host = FileSystem.systemText("/proc/meminfo").flatMap { field("MemAvailable:", in: $0) }
        // In a container this is the path of its own cgroup.
        let group = "/sys/fs/cgroup"
        var left: Int?
        if let limit = FileSystem.systemText("\(group)/memory.max").flatMap(number),
            let used = FileSystem.systemText("\(group)/memory.current").flatMap(number)
        {
            // The page cache of files that were not used recently is reclaimed first.
            let idle = FileSystem.systemText("\(group)/memory.stat").flatMap { field("inactive_file", in: $0) }
            left = limit - used + (idle ?? 0)
        }
        return max(0, min(host.map { $0 << 10 } ?? Int.max, left ?? Int.max))
    }

    /// Returns the free swap space in bytes; 0 if it is unknown, and 0 in a cgroup with a memory limit, which swap
    /// space does not extend.
    package static func freeSwapBytes() -> Int {
        if FileSystem.systemText("/sys/fs/cgroup/memory.max").flatMap(number) != nil { return 0 }
        return FileSystem.systemText("/proc/meminfo").flatMap { field("SwapFree:", in: $0) }.map { $0 << 10 } ?? 0
    }

    /// Returns the number after `name` at the start of a line, or nil if there is no plausible one.
    package static func field(_ name: String, in text: String) -> Int? {
        for line in text.exactParts(at: "\n") {
            let words = line.unicodeScalars.split { $0 == " " || $0 == "\t" }.map(String.init)
            if words.count > 1, words[0] == name { return number(words[1]) }
        }
        return nil
    }

    /// Returns the number that `text` consists of, or nil for "max" and implausibly large numbers.
    private static func number(_ text: String) -> Int? {
        Int(text.filter { !$0.isWhitespace }).flatMap { 0..<(1 << 50) ~= $0 ? $0 : nil }
    }
}

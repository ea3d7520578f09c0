import Texts

/// What the system tells of its memory.
package enum SystemMemory {
    /// The bytes that this process can still take without the system running short: of the host, and of the control
    /// group of version 2 where it sets a limit. `Int.max` where neither is told.
    package static func availableBytes() -> Int {
        let host = FileSystem.systemText("/proc/meminfo").flatMap { field("MemAvailable:", in: $0) }
        // A container sees its own group here.
        let group = "/sys/fs/cgroup"
        var left: Int?
        if let limit = FileSystem.systemText("\(group)/memory.max").flatMap(number),
            let used = FileSystem.systemText("\(group)/memory.current").flatMap(number)
        {
            // Files that were not looked at lately are the first to go.
            let idle = FileSystem.systemText("\(group)/memory.stat").flatMap { field("inactive_file", in: $0) }
            left = limit - used + (idle ?? 0)
        }
        return max(0, min(host.map { $0 << 10 } ?? Int.max, left ?? Int.max))
    }

    /// The bytes of swap space that are free; 0 where the system does not say, and in a control group with a limit, whose
    /// memory is not extended by it.
    package static func freeSwapBytes() -> Int {
        if FileSystem.systemText("/sys/fs/cgroup/memory.max").flatMap(number) != nil { return 0 }
        return FileSystem.systemText("/proc/meminfo").flatMap { field("SwapFree:", in: $0) }.map { $0 << 10 } ?? 0
    }

    /// Returns the number behind `name` at the start of a line; nil where there is none that makes sense.
    package static func field(_ name: String, in text: String) -> Int? {
        for line in text.exactParts(at: "\n") {
            let words = line.unicodeScalars.split { $0 == " " || $0 == "\t" }.map(String.init)
            if words.count > 1, words[0] == name { return number(words[1]) }
        }
        return nil
    }

    /// The number that is all of `text`; nil for "max", and where it is beyond all sense.
    private static func number(_ text: String) -> Int? {
        Int(text.filter { !$0.isWhitespace }).flatMap { 0..<(1 << 50) ~= $0 ? $0 : nil }
    }
}

import Files

/// Returns the resident memory of this process in bytes; a page that several processes share counts in equal parts for each
/// of them, so that the sum over ranks is what they need together.
///
/// Without the kernel's figure for shared pages, they count in full.
package func proportionalBytes() -> Int {
    let files = [("Pss:", "/proc/self/smaps_rollup"), ("VmRSS:", "/proc/self/status")]
    let kibibytes = files.lazy.compactMap { name, path in
        FileSystem.systemText(path).flatMap { SystemMemory.field(name, in: $0) }
    }.first
    return (kibibytes ?? 0) << 10
}

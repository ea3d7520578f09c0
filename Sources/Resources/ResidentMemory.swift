import Files
import Glibc

/// Returns the peak resident memory of this process, in bytes. A page that several processes share counts in equal
/// parts for each, so that the sum over ranks is what they need together.
///
/// The kernel's value counts shared pages in full; the difference is taken from the pages that are shared now.
///
/// - Complexity: O(resident pages): the kernel walks all of them, which takes 30 ms and more for 2 GB.
package func peakResidentBytes() -> Int {
    guard let peak = fullPeakBytes() else { return peakBytesOfUsage() }
    return peak - bytesOfOthers()
}

/// Returns the resident memory of this process in bytes, with shared pages as in `peakResidentBytes`.
///
/// Without the kernel's figure for shared pages, they count in full.
///
/// - Complexity: As for `peakResidentBytes`.
package func proportionalBytes() -> Int {
    let files = [("Pss:", sharedPages), ("VmRSS:", status)]
    let kibibytes = files.lazy.compactMap { name, path in
        FileSystem.systemText(path).flatMap { SystemMemory.field(name, in: $0) }
    }.first
    return (kibibytes ?? 0) << 10
}

/// The peak resident memory of this process, cheap enough to be asked for at every step: the peak is read at most once
/// a second, and the other processes' part of shared pages so seldom that it takes at most a thousandth of the time.
package struct PeakMemoryGauge {
    private var last: (time: ContinuousClock.Instant, bytes: Int)?
    private var others: (expiry: ContinuousClock.Instant, bytes: Int)?

    package init() {}

    /// The peak in bytes, at most a second before `now`.
    package mutating func peakBytes(at now: ContinuousClock.Instant) -> Int {
        if let last, now - last.time < .seconds(1) { return last.bytes }
        let bytes = fullPeakBytes().map { $0 - others(at: now) } ?? peakBytesOfUsage()
        last = (now, bytes)
        return bytes
    }

    private mutating func others(at now: ContinuousClock.Instant) -> Int {
        if let others, now < others.expiry { return others.bytes }
        let clock = ContinuousClock()
        let start = clock.now
        let bytes = bytesOfOthers()
        others = (now + (clock.now - start) * 1000, bytes)
        return bytes
    }
}

private let status = "/proc/self/status"
private let sharedPages = "/proc/self/smaps_rollup"

/// The peak with shared pages in full; nil if the kernel does not tell it.
private func fullPeakBytes() -> Int? {
    FileSystem.systemText(status).flatMap { SystemMemory.field("VmHWM:", in: $0) }.map { $0 << 10 }
}

/// The part of this process's shared pages that counts for other processes.
private func bytesOfOthers() -> Int {
    let pages = FileSystem.systemText(sharedPages) ?? ""
    let (resident, share) = (SystemMemory.field("Rss:", in: pages) ?? 0, SystemMemory.field("Pss:", in: pages) ?? 0)
    return max(0, resident - share) << 10
}

/// The peak of `getrusage`, which also counts the time before `exec`, when the process was a fork of its possibly
/// larger parent.
private func peakBytesOfUsage() -> Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
}

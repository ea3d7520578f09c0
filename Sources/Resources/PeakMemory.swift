import Files
import Glibc

/// Returns the peak resident memory of this process, in bytes. A page that several processes share counts in equal parts for
/// each, so that the sum over ranks is what they need together.
///
/// The kernel's value for the current program (`VmHWM`) counts shared pages in full; the difference is taken from the pages
/// that are shared now. `getrusage` also counts the time before `exec`, when the process was a fork of its possibly larger
/// parent.
package func peakResidentBytes() -> Int {
    func kibibytes(_ name: String, _ path: String) -> Int? {
        FileSystem.systemText(path).flatMap { SystemMemory.field(name, in: $0) }
    }
    if let peak = kibibytes("VmHWM:", "/proc/self/status") {
        let pages = "/proc/self/smaps_rollup"
        let (resident, share) = (kibibytes("Rss:", pages) ?? 0, kibibytes("Pss:", pages) ?? 0)
        return (peak - max(0, resident - share)) << 10
    }
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
}

/// The peak resident memory of this process, read at most once a second, so that it can be asked for at every step.
package struct PeakMemoryGauge {
    private var last: (time: ContinuousClock.Instant, bytes: Int)?

    package init() {}

    /// The peak in bytes, at most a second before `now`.
    package mutating func peakBytes(at now: ContinuousClock.Instant) -> Int {
        if let last, now - last.time < .seconds(1) { return last.bytes }
        let bytes = peakResidentBytes()
        last = (now, bytes)
        return bytes
    }
}

import Files
import Glibc

/// Returns the most memory that this process has held at once, in bytes.
///
/// The kernel's figure for this program alone is taken: that of `getrusage` includes what the process held before it became
/// this program, which is that of a large program that started it.
package func peakResidentBytes() -> Int {
    if let kibibytes = FileSystem.systemText("/proc/self/status").flatMap({ SystemMemory.field("VmHWM:", in: $0) }) {
        return kibibytes << 10
    }
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
}

import Files
import Glibc

/// Returns the peak resident memory of this process, in bytes.
///
/// Uses the kernel's value for the current program (`VmHWM`): `getrusage` also counts the time before `exec`, when the
/// process was a fork of its possibly larger parent.
package func peakResidentBytes() -> Int {
    if let kibibytes = FileSystem.systemText("/proc/self/status").flatMap({ SystemMemory.field("VmHWM:", in: $0) }) {
        return kibibytes << 10
    }
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
}

import Files
import Glibc

/// What the system says of a process.
enum ProcessState: Equatable {
    case running
    /// It waits, for anything but a disk.
    case sleeping
    /// It waits for a disk or a file server.
    case waitingForDisk
    /// A signal or a debugger has stopped it.
    case stopped
    /// It has ended.
    case ended

    /// Asks about a process of this host.
    init(of process: pid_t) {
        // "pid (name) S …", and the name may hold anything.
        guard let text = FileSystem.systemText("/proc/\(process)/stat"),
            let state = text.unicodeScalars[(text.unicodeScalars.lastIndex(of: ")") ?? text.startIndex)...].dropFirst(2)
                .first
        else {
            self = .ended
            return
        }
        switch state {
        case "T", "t": self = .stopped
        case "Z", "X": self = .ended
        case "D": self = .waitingForDisk
        case "R": self = .running
        default: self = .sleeping
        }
    }

    /// As in "its process …".
    var words: String {
        switch self {
        case .running: "is running"
        case .sleeping: "is waiting"
        case .waitingForDisk: "is waiting for a disk"
        case .stopped: "is stopped by a signal"
        case .ended: "has ended"
        }
    }
}

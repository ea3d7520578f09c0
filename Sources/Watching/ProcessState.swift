import Files
import Glibc

/// The state of a process according to the operating system.
enum ProcessState: Equatable {
    case running
    /// Waits for anything but a disk.
    case sleeping
    /// Waits for a disk or a file server.
    case waitingForDisk
    /// Suspended by a signal or a debugger.
    case stopped
    /// Has ended.
    case ended

    /// Reads the state of a process of this host.
    init(of process: pid_t) {
        switch ProcessStatistics(process)?.fields.first {
        case nil: self = .ended
        case "T", "t": self = .stopped
        case "Z", "X": self = .ended
        case "D": self = .waitingForDisk
        case "R": self = .running
        default: self = .sleeping
        }
    }

    /// The state as it is written after "process N" in messages.
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

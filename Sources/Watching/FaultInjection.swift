import CProcess
import Files
import Glibc
import Profiling

/// Injects the faults that DTRAIN_FAULT requests into this rank.
package final class FaultInjection: SpanRecorder.Observer {
    /// Flips a bit of the first element of a parameter (nil: the first parameter), in the copy that this rank computes
    /// with.
    private let flip: (_ tensor: String?, _ bit: Int) -> Void
    /// Makes the next gradients NaN.
    private let spoil: () -> Void
    private var waiting: [Fault]
    private var step = 0

    /// - Parameter faults: The faults of this rank.
    package init(_ faults: [Fault], flip: @escaping (String?, Int) -> Void, spoil: @escaping () -> Void) {
        (waiting, self.flip, self.spoil) = (faults, flip, spoil)
        strike(.step)
    }

    package func began(_ span: Span, _ index: Int) {
        if span == .step { step = index }
        strike(span)
    }

    package func ended() {}

    private func strike(_ span: Span) {
        while let index = waiting.firstIndex(where: { $0.step == step && $0.phase == span }) {
            let fault = waiting.remove(at: index)
            if let once = fault.once {
                if FileSystem.exists(once) { continue }
                try? FileSystem.replaceContents(of: once, with: "")
            }
            happen(fault)
        }
    }

    private func happen(_ fault: Fault) {
        switch fault.action {
        case .kill: kill(getpid(), SIGKILL)
        case .stop: kill(getpid(), SIGSTOP)
        case .request: kill(getpid(), SIGUSR1)
        case .trap: cprocess_trap()
        case .hang: while true { pause() }
        case .flip: flip(fault.tensor, fault.bit)
        case .nan: spoil()
        case .fail: SystemFault.arm(fault.call, number: fault.number, error: fault.error)
        }
    }
}

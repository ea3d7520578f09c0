import Glibc

/// The name of this host; "unknown" if the system does not tell it.
package func hostName() -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        buffer.initialize(repeating: 0)
        // One byte less, so that a truncated name is still zero-terminated.
        guard gethostname(buffer.baseAddress!, buffer.count - 1) == 0 else { return "unknown" }
        return String(cString: buffer.baseAddress!)
    }
}

import Failures
import Files
import Glibc

/// Memory for numbers, uninitialized, to be given back by `deallocate`.
///
/// Where the system refuses it (`ulimit -v`, a container's limit), the process says so in one line and ends: nothing that
/// computes could go on, and Swift itself would end it without a word.
package func numberMemory(bytes: Int, alignment: Int = arenaAlignmentBytes) -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    if !SystemFault.strikes(.allocate), posix_memalign(&memory, alignment, max(bytes, 1)) == 0, let memory {
        return memory
    }
    let text = Array(
        ("dtrain: no memory for \((bytes + 1_048_575) >> 20) MB more. What is saved stays. Allow the process more (ulimit -v, "
            + "the container's limit), or use fewer ranks a host, more batch.slots, a smaller model or precision: float16.\n")
            .utf8)
    _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    _exit(ExitCode.internalError.rawValue)
}

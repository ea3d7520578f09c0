import Failures
import Files
import Glibc

/// Allocates uninitialized memory for numeric data, to be freed with `deallocate`.
///
/// If the allocation fails (`ulimit -v`, a container's limit), the process prints one line and exits with code 70: no
/// computation can continue without the memory, and Swift itself would crash without a message.
package func numberMemory(bytes: Int, alignment: Int = arenaAlignmentBytes) -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    if !SystemFault.strikes(.allocate), posix_memalign(&memory, alignment, max(bytes, 1)) == 0, let memory {
        return memory
    }
    endProcess(
        "not enough memory for another \((bytes + 1_048_575) >> 20) MB. Saved files are unaffected. Raise the limit (ulimit -v, "
            + "the container's limit), or use fewer ranks per host, more batch.slots, a smaller model or precision: float16."
    )
}

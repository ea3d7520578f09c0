import Failures
import Files
import Glibc

/// Allocates uninitialized memory for numeric data, to be freed with `deallocate`.
///
/// If the allocation fails (`ulimit -v`, a container's limit), the process prints one line and exits with code 70: no
/// computation can continue without the memory, and Swift itself would crash without a message.
package func numberMemory(bytes: Int, alignment: Int = arenaAlignmentBytes) -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    let isLarge = bytes >= 2 * hugePageBytes
    let alignment = isLarge ? hugePageBytes : alignment
    if !SystemFault.strikes(.allocate), posix_memalign(&memory, alignment, max(bytes, 1)) == 0, let memory {
        if isLarge { adviseHugePages(memory, bytes / hugePageBytes * hugePageBytes) }
        return memory
    }
    endProcess(
        "not enough memory for another \((bytes + 1_048_575) >> 20) MB. Saved files are unaffected. Raise the limit (ulimit -v, "
            + "the container's limit), or use fewer ranks per host, more batch.slots, a smaller model or precision: bfloat16."
    )
}

/// The size in bytes of a large page of x86-64 and, with pages of 4 KiB, of arm64.
private let hugePageBytes = 2 << 20

/// Asks the system for large pages: memory is then zeroed in fewer steps, and rows of a matrix share an entry of the
/// address cache (TLB). Without them everything works as before.
private func adviseHugePages(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
    #if os(Linux)
        madvise(memory, bytes, MADV_HUGEPAGE)
    #endif
}

#include "ctiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

int ctiles_enable(void) {
    unsigned a, b, c, d;
    // CPUID leaf 7 EDX: bit 24 is AMX-TILE, bit 22 AMX-BF16.
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (1u << 24)) == 0 || (d & (1u << 22)) == 0) return 0;
    // ARCH_REQ_XCOMP_PERM requests permission to use tile data for the whole process; Linux 5.16 and later.
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}
#else
int ctiles_enable(void) { return 0; }
#endif

import Glibc

/// Calls `body` with the attributes with which tests start processes.
///
/// Threads that run tests block signals, among them SIGTERM, and a child would inherit that. A shell lets background jobs
/// ignore SIGINT; if the tests run as one, a child would inherit that, too.
///
/// - Parameter flags: Flags such as `POSIX_SPAWN_SETPGROUP`, in addition to those for signals.
package func withChildAttributes<Result>(
    flags: Int = 0, _ body: (inout posix_spawnattr_t) throws -> Result
) rethrows -> Result {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGINT)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | Int32(flags)))
    return try body(&attributes)
}

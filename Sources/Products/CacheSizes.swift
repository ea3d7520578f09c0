import Glibc

/// The sizes in bytes of the caches that a core has for itself.
enum CacheSizes {
    /// The L1 cache of data.
    static let first = size(_SC_LEVEL1_DCACHE_SIZE, otherwise: 32 << 10)
    /// The L2 cache.
    static let second = size(_SC_LEVEL2_CACHE_SIZE, otherwise: 512 << 10)

    /// Returns what the C library reports, or `otherwise` if it does not know.
    private static func size(_ name: Int, otherwise: Int) -> Int {
        let size = sysconf(Int32(name))
        return size > 0 ? size : otherwise
    }
}

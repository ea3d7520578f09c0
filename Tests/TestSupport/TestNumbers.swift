import Glibc
import Kernels
import Tensors

/// Sizes around the borders of vectors of sixteen and of blocks of 32 and 64.
package let oddSizes = [1, 3, 15, 16, 17, 31, 33, 64, 100, 257]

/// The storage types that kernels know, as arguments of a test.
package enum StorageType: CaseIterable, Sendable { case float32, float16 }

/// What `DTRAIN_TEST_SEED` adds to the seeds of tests that depend on how a training goes: their bounds must hold for all seeds.
/// `Tests/Scripts/seeds` runs them for several.
package let seedOffset = getenv("DTRAIN_TEST_SEED").flatMap { Int(String(cString: $0)) } ?? 0

extension Storage {
    /// Half a unit in the last place of one: the largest relative error of one rounding.
    package static var unitRoundoff: Double { Double(Self.ulpOfOne) / 2 }

    /// What a matrix product may leave out of |a| · |b| where a factor is stored in this type, beside Float32's roundings:
    /// the product of the lower ones of two bfloat16 parts.
    package static var productError: Double { Self.self == Float16.self ? 0x1p-17 : 0 }
}

/// Normal numbers, the same for the same seed, rounded to what `Float16` holds, so that every storage type holds them.
package func normals(_ count: Int, seed: UInt64, deviation: Double = 1, mean: Double = 0) -> [Double] {
    let stream = RandomStream(seed: seed, purpose: .initialization)
    return (0..<count).map { index in
        let radius = (-2 * log(1 - stream.uniform(UInt64(2 * index)))).squareRoot()
        let angle = 2 * Double.pi * stream.uniform(UInt64(2 * index + 1))
        return Double(Float16(mean + deviation * radius * cos(angle)))
    }
}

/// Integers uniform over 0 ..< `limit`, the same for the same seed.
package func integers(_ count: Int, below limit: Int, seed: UInt64) -> [Int] {
    let stream = RandomStream(seed: seed, purpose: .shuffling)
    return (0..<count).map { Int(stream.uniform(UInt64($0)) * Double(limit)) }
}

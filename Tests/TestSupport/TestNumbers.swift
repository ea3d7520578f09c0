import Glibc
import Numbers
import Tensors

/// Sizes around multiples of the vector size 16 and of the block sizes 32 and 64.
package let oddSizes = [1, 3, 15, 16, 17, 31, 33, 64, 100, 257]

/// The storage types of kernels, as test arguments.
package enum StorageType: CaseIterable, Sendable { case float32, float16, bfloat16 }

/// The value of `DTRAIN_TEST_SEED`, added to the seeds of tests that depend on the course of a training run: their
/// bounds must hold for all seeds. `Tests/Scripts/seeds` runs them with several.
package let seedOffset = getenv("DTRAIN_TEST_SEED").flatMap { Int(String(cString: $0)) } ?? 0

extension Storage {
    /// Half a unit in the last place of 1: the maximum relative error of one rounding.
    package static var unitRoundoff: Double {
        switch format {
        case .float64: 0x1p-53
        case .float32: 0x1p-24
        case .float16: 0x1p-11
        case .bfloat16: 0x1p-8
        }
    }

    /// The part of |a| · |b| that a matmul with an operand of this type may omit, in addition to Float32's rounding
    /// errors: the product of the low bfloat16 terms of both operands of which one is Float16, or the rounding to
    /// bfloat16 of the operand that is multiplied by bfloat16 numbers.
    package static func productError<Other: Storage>(with _: Other.Type) -> Double {
        switch (format, Other.format) {
        case (.bfloat16, .bfloat16), (.float32, .float32): 0
        case (.bfloat16, _), (_, .bfloat16): 0x1p-8
        default: 0x1p-17
        }
    }
}

/// Returns normal values that depend on the seed only, rounded to Float16 and bfloat16, so that every storage type
/// represents them exactly.
package func normals(_ count: Int, seed: UInt64, deviation: Double = 1, mean: Double = 0) -> [Double] {
    unroundedNormals(count, seed: seed, deviation: deviation, mean: mean).map {
        Double(Float16(BFloat16($0).float32))
    }
}

/// Returns normal values that depend on the seed only.
package func unroundedNormals(_ count: Int, seed: UInt64, deviation: Double = 1, mean: Double = 0) -> [Double] {
    let stream = RandomStream(seed: seed, purpose: .initialization)
    return (0..<count).map { index in
        let radius = (-2 * log(1 - stream.uniform(UInt64(2 * index)))).squareRoot()
        let angle = 2 * Double.pi * stream.uniform(UInt64(2 * index + 1))
        return mean + deviation * radius * cos(angle)
    }
}

/// Returns integers uniform over 0 ..< `limit` that depend on the seed only.
package func integers(_ count: Int, below limit: Int, seed: UInt64) -> [Int] {
    let stream = RandomStream(seed: seed, purpose: .shuffling)
    return (0..<count).map { Int(stream.uniform(UInt64($0)) * Double(limit)) }
}

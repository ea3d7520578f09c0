import Tensors

/// Converts `count` elements to another type, rounding to nearest even; denormals are kept.
@_specialize(where Source == Float, Target == Float)
@_specialize(where Source == Float, Target == Float16)
@_specialize(where Source == Float, Target == BFloat16)
@_specialize(where Source == Float16, Target == Float)
@_specialize(where Source == BFloat16, Target == Float)
package func convert<Source: Storage, Target: Storage>(
    _ source: UnsafePointer<Source>, into target: UnsafeMutablePointer<Target>, count: Int
) {
    parallelElements(count) { range in
        for (offsets, width) in vectors(in: range) {
            for offset in offsets {
                let numbers = load(source + offset, width)
                if let target = target as? UnsafeMutablePointer<BFloat16> {
                    storeHalves(exactHalvesOfBFloat16(numbers), target + offset, width)
                } else {
                    store(numbers, target + offset, width)
                }
            }
        }
    }
}

/// Computes target += source elementwise, rounded to the target's type.
@_specialize(where Source == Float, Target == Float)
@_specialize(where Source == Float, Target == Float16)
@_specialize(where Source == Float, Target == BFloat16)
@_specialize(where Source == Float16, Target == Float16)
@_specialize(where Source == BFloat16, Target == BFloat16)
@_specialize(where Source == Float16, Target == Float)
@_specialize(where Source == BFloat16, Target == Float)
package func add<Source: Storage, Target: Storage>(
    _ source: UnsafePointer<Source>, accumulatingInto target: UnsafeMutablePointer<Target>, count: Int
) {
    parallelElements(count) { range in
        for (offsets, width) in vectors(in: range) {
            for offset in offsets {
                store(load(target + offset, width) + load(source + offset, width), target + offset, width)
            }
        }
    }
}

/// Computes values *= factor.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func scale<Element: Storage>(_ values: UnsafeMutablePointer<Element>, by factor: Float, count: Int) {
    parallelElements(count) { range in
        for (offsets, width) in vectors(in: range) {
            for i in offsets { store(load(values + i, width) * factor, values + i, width) }
        }
    }
}

/// Sets `count` elements to 0, which every storage type represents by bytes that are 0.
package func clear<Element: Storage>(_ values: UnsafeMutablePointer<Element>, count: Int) {
    UnsafeMutableRawPointer(values).initializeMemory(
        as: UInt8.self, repeating: 0, count: count * MemoryLayout<Element>.stride)
}

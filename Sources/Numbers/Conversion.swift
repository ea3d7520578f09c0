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
        forEachVector(in: range) { offset, width in
            let numbers = load(source + offset, width)
            if width == lanes, let halves = target as? UnsafeMutablePointer<BFloat16> {
                UnsafeMutableRawPointer(halves + offset)
                    .storeBytes(of: exactHalvesOfBFloat16(numbers), as: SIMD16<UInt16>.self)
            } else {
                store(numbers, target + offset, width)
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
        forEachVector(in: range) { offset, width in
            store(load(target + offset, width) + load(source + offset, width), target + offset, width)
        }
    }
}

/// Computes values *= factor.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func scale<Element: Storage>(_ values: UnsafeMutablePointer<Element>, by factor: Float, count: Int) {
    parallelElements(count) { range in
        forEachVector(in: range) { offset, width in store(load(values + offset, width) * factor, values + offset, width)
        }
    }
}

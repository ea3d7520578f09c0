import CTiles
import Numbers
import Tensors

// Operations on rows of tables of which only some are read, in no order of their own.
//
// Such rows are short, so a rest of less than 16 elements takes a good part of the time: it is computed by fours in
// Float32. In `load` and `store` themselves, which every kernel inlines, that would cost 5 to 7 % of a step of a
// decoder.

/// Asks for the cache lines of a row.
@inline(__always)
func fetchRow<Element>(_ row: UnsafePointer<Element>, count: Int) {
    let line = UnsafeRawPointer(row)
    var offset = 0
    while offset < count * MemoryLayout<Element>.stride {
        ctiles_prefetch(line + offset)
        offset += arenaAlignmentBytes
    }
    ctiles_prefetch(line + count * MemoryLayout<Element>.stride - 1)
}

/// Returns Σ a·b, with the bits of `dot`.
@inline(__always)
func product<Element: Storage>(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Element>, count: Int
) -> Float {
    var sum = SIMD16<Float>()
    forEachVector(count) { i, width in
        sum =
            width == lanes
            ? sum.addingProduct(load(a + i, lanes), load(b + i, lanes))
            : sum.addingProduct(loadRest(a + i, width), loadRest(b + i, width))
    }
    return sum.lanesSum
}

/// Loads `width` elements, fewer than 16; the remaining lanes hold 0.
@inline(__always)
private func loadRest<Element: Storage>(_ pointer: UnsafePointer<Element>, _ width: Int) -> SIMD16<Float> {
    guard Element.self == Float.self else { return load(pointer, width) }
    func four(_ place: Int) -> SIMD4<Float> { place + 4 <= width ? loadFour(pointer + place) : SIMD4() }
    var vector = SIMD16(
        lowHalf: SIMD8(lowHalf: four(0), highHalf: four(4)), highHalf: SIMD8(lowHalf: four(8), highHalf: SIMD4()))
    for lane in (width & ~3)..<width { vector[lane] = pointer[lane].float32 }
    return vector
}

/// Loads four elements of type Float.
@inline(__always)
private func loadFour<Element: Storage>(_ pointer: UnsafePointer<Element>) -> SIMD4<Float> {
    UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Float>.self)
}

/// Computes sum += factor · row.
@inline(__always)
func addProduct<Element: Storage>(
    _ row: UnsafePointer<Element>, factor: Float, accumulatingInto sum: UnsafeMutablePointer<Float>, count: Int
) {
    let whole = count & ~(lanes - 1)
    forEachVector(whole) { i, width in
        store(load(sum + i, width).addingProduct(load(row + i, width), SIMD16(repeating: factor)), sum + i, width)
    }
    var done = whole
    while Element.self == Float.self, done + 4 <= count {
        let four = loadFour(UnsafePointer(sum + done)).addingProduct(loadFour(row + done), SIMD4(repeating: factor))
        UnsafeMutableRawPointer(sum + done).storeBytes(of: four, as: SIMD4<Float>.self)
        done += 4
    }
    while done < count {
        sum[done] = sum[done].addingProduct(row[done].float32, factor)
        done += 1
    }
}

/// Computes sum += factor · row for two rows, one after the other; the sums stay in registers in between.
@inline(__always)
func addProducts(
    _ first: UnsafePointer<Float>, factor firstFactor: Float, _ second: UnsafePointer<Float>,
    factor secondFactor: Float, accumulatingInto sum: UnsafeMutablePointer<Float>, count: Int
) {
    let (a, b) = (SIMD16(repeating: firstFactor), SIMD16(repeating: secondFactor))
    let whole = count & ~(lanes - 1)
    forEachVector(whole) { i, width in
        let added = load(sum + i, width).addingProduct(load(first + i, width), a)
        store(added.addingProduct(load(second + i, width), b), sum + i, width)
    }
    if whole < count {
        addProduct(first + whole, factor: firstFactor, accumulatingInto: sum + whole, count: count - whole)
        addProduct(second + whole, factor: secondFactor, accumulatingInto: sum + whole, count: count - whole)
    }
}

/// Returns the sum of `count` elements with the bits of a loss of a row in `binaryCrossEntropy`.
@inline(__always)
func vectorSum(_ terms: UnsafePointer<Float>, count: Int) -> Float {
    var sum = SIMD16<Float>()
    forEachVector(count) { i, width in
        sum += width == lanes ? load(terms + i, lanes) : loadRest(terms + i, width)
    }
    return sum.lanesSum
}

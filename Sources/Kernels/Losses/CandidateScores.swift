import Numbers
import Tensors
import Threads

// P predictions, N candidate tokens of each, V outputs, C hidden size.

/// Computes scores[p, n] = hidden[p] · weights[candidates[p, n]]: the logits of few of many outputs.
///
/// - Parameters:
///   - hidden: [P, C].
///   - weights: [V, C].
///   - candidates: [P, N], each in 0 ..< V or `ignoredTarget`, whose score is 0.
///   - scores: [P, N].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func candidateScores<Element: Storage>(
    _ hidden: UnsafePointer<Float>, weights: UnsafePointer<Element>, candidates: UnsafePointer<Int32>,
    into scores: UnsafeMutablePointer<Float>, predictions P: Int, candidatesEach N: Int, outputs V: Int, width C: Int
) {
    parallelRows(P, columns: N * C) { range in
        for p in range {
            for place in p * N..<(p + 1) * N {
                let candidate = candidates[place]
                scores[place] =
                    candidate == ignoredTarget
                    ? 0 : product(hidden + p * C, weights + index(candidate, below: V) * C, count: C)
            }
        }
    }
}

/// Computes the gradient of `hidden`: gradient[p] = Σ over n of coefficients[p, n] · weights[candidates[p, n]].
///
/// - Parameters:
///   - coefficients: [P, N], the gradient of the scores.
///   - gradient: [P, C], overwritten.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func candidateHiddenGradient<Element: Storage>(
    _ coefficients: UnsafePointer<Float>, weights: UnsafePointer<Element>, candidates: UnsafePointer<Int32>,
    into gradient: UnsafeMutablePointer<Float>, predictions P: Int, candidatesEach N: Int, outputs V: Int, width C: Int
) {
    parallelRows(P, columns: N * C) { range in
        for p in range {
            let row = gradient + p * C
            row.update(repeating: 0, count: C)
            for place in p * N..<(p + 1) * N where candidates[place] != ignoredTarget {
                addProduct(
                    weights + index(candidates[place], below: V) * C, factor: coefficients[place],
                    accumulatingInto: row, count: C)
            }
        }
    }
}

/// Computes the gradient of the weights: gradient[v] = Σ over the places of v among the candidates of
/// coefficients[p, n] · hidden[p], in order and in Float32, and 0 for other outputs.
///
/// - Parameters:
///   - gradient: [V, C], overwritten.
///   - links: Scratch, [V + P · N]: linked lists with the first place of each output and each place's successor.
///   - sums: Scratch, [`candidateGradientParts`, C].
/// - Complexity: O(V · C + P · N · C); allocates nothing.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func candidateWeightGradient<Element: Storage>(
    _ coefficients: UnsafePointer<Float>, hidden: UnsafePointer<Float>, candidates: UnsafePointer<Int32>,
    into gradient: UnsafeMutablePointer<Element>, links: UnsafeMutablePointer<Int32>,
    sums: UnsafeMutablePointer<Float>, predictions P: Int, candidatesEach N: Int, outputs V: Int, width C: Int
) {
    let (first, next) = (links, links + V)
    first.update(repeating: -1, count: V)
    for place in (0..<P * N).reversed() where candidates[place] != ignoredTarget {
        let output = index(candidates[place], below: V)
        next[place] = first[output]
        first[output] = Int32(place)
    }
    // Frequent outputs, which have neighbouring numbers in many vocabularies, are spread over the parts.
    parallel(candidateGradientParts) { part in
        let sum = sums + part * C
        for output in stride(from: part, to: V, by: candidateGradientParts) {
            var place = Int(first[output])
            if place < 0 {
                (gradient + output * C).update(repeating: 0, count: C)
                continue
            }
            sum.update(repeating: 0, count: C)
            while place >= 0 {
                addProduct(hidden + place / N * C, factor: coefficients[place], accumulatingInto: sum, count: C)
                place = Int(next[place])
            }
            convert(UnsafePointer(sum), into: gradient + output * C, count: C)
        }
    }
}

/// The number of parts into which `candidateWeightGradient` divides the outputs.
package let candidateGradientParts = 64

/// Computes mean[g] = the mean of the rows of group g.
///
/// - Parameters:
///   - rows: [R, C].
///   - ends, sizes: [G]; the last row of each group, and its number of consecutive rows, at least 1.
///   - means: [G, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func groupMeans<Element: Storage>(
    _ rows: UnsafePointer<Element>, ends: UnsafePointer<Int32>, sizes: UnsafePointer<Int32>,
    into means: UnsafeMutablePointer<Float>, groups G: Int, width C: Int
) {
    parallelRows(G, columns: C) { range in
        for g in range {
            let (mean, size) = (means + g * C, Int(sizes[g]))
            mean.update(repeating: 0, count: C)
            for row in Int(ends[g]) - size + 1...Int(ends[g]) {
                addProduct(rows + row * C, factor: 1 / Float(size), accumulatingInto: mean, count: C)
            }
        }
    }
}

/// Computes the backward pass of `groupMeans`; rows outside all groups become 0.
///
/// - Parameters:
///   - meanGradient: [G, C].
///   - rowGradient: [R, C], overwritten.
package func groupMeansBackward(
    _ meanGradient: UnsafePointer<Float>, ends: UnsafePointer<Int32>, sizes: UnsafePointer<Int32>,
    into rowGradient: UnsafeMutablePointer<Float>, groups G: Int, rows R: Int, width C: Int
) {
    rowGradient.update(repeating: 0, count: R * C)
    parallelRows(G, columns: C) { range in
        for g in range {
            let size = Int(sizes[g])
            for row in Int(ends[g]) - size + 1...Int(ends[g]) {
                addProduct(
                    meanGradient + g * C, factor: 1 / Float(size), accumulatingInto: rowGradient + row * C, count: C)
            }
        }
    }
}

// Rows are short, so a rest of less than 16 elements takes a good part of the time: it is computed by fours in Float32.
// In `load` and `store` themselves, which every kernel inlines, that would cost 5 to 7 % of a step of a decoder.

/// Returns Σ a·b, with the bits of `dot`.
@inline(__always)
private func product<Element: Storage>(
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
private func addProduct<Element: Storage>(
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

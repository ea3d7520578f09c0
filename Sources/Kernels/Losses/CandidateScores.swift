import Numbers
import Tensors
import Threads

// P predictions, N candidate tokens of each, V outputs, M hidden states, C hidden size.

/// Predictions among few of many outputs: the hidden state and the candidates of each.
package struct Candidates {
    /// [M, C].
    package let hidden: UnsafePointer<Float>
    /// [P]: the hidden state of each prediction.
    package let rows: UnsafePointer<Int32>
    /// [P, N], each in 0 ..< V or `ignoredTarget`.
    package let outputs: UnsafePointer<Int32>
    /// P.
    package let count: Int
    /// N.
    package let each: Int
    /// V.
    package let outputCount: Int
    /// C.
    package let width: Int

    /// Predictions with the given properties.
    package init(
        hidden: UnsafePointer<Float>, rows: UnsafePointer<Int32>, outputs: UnsafePointer<Int32>, count: Int, each: Int,
        outputCount: Int, width: Int
    ) {
        (self.hidden, self.rows, self.outputs) = (hidden, rows, outputs)
        (self.count, self.each, self.outputCount, self.width) = (count, each, outputCount, width)
    }

    /// Computes the scores of prediction `p`: hidden · weights[candidate] of each candidate, 0 if it is ignored.
    @inline(__always)
    fileprivate func scores<Element: Storage>(
        of p: Int, weights: UnsafePointer<Element>, into scores: UnsafeMutablePointer<Float>
    ) {
        let state = hidden + Int(rows[p]) * width
        for place in p * each..<(p + 1) * each {
            let output = outputs[place]
            scores[place] =
                output == ignoredTarget
                ? 0 : product(state, weights + index(output, below: outputCount) * width, count: width)
        }
    }

    /// Asks for the weights of the candidates of prediction `p`, which lie anywhere in the table.
    @inline(__always)
    fileprivate func fetch<Element: Storage>(_ p: Int, weights: UnsafePointer<Element>) {
        guard p < count else { return }
        for place in p * each..<(p + 1) * each where outputs[place] != ignoredTarget {
            fetchRow(weights + Int(outputs[place]) * width, count: width)
        }
    }
}

/// Computes the loss of each prediction: the binary cross-entropy of the scores of its candidates.
///
/// - Parameters:
///   - weights: [V, C].
///   - labels: [P, N]: 1 for the target, 0 for others, and `ignoredTarget` for ignored candidates.
///   - scores: [P, N], overwritten.
///   - losses: [P].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func candidateLosses<Element: Storage>(
    _ candidates: Candidates, weights: UnsafePointer<Element>, labels: UnsafePointer<Float>,
    scores: UnsafeMutablePointer<Float>, into losses: UnsafeMutablePointer<Float>
) {
    parallelRows(candidates.count, columns: candidates.each * candidates.width) { range in
        for p in range { candidates.scores(of: p, weights: weights, into: scores) }
    }
    binaryCrossEntropy(
        scores, targets: labels, into: losses, rows: candidates.count, labels: candidates.each)
}

/// Computes the losses of `candidateLosses`, the gradients of the scores of `gradientScale` · Σ losses, and from them
/// those of the hidden states. A prediction reads the weights of its candidates once for all of it.
///
/// - Parameters:
///   - weights, labels, losses: As for `candidateLosses`.
///   - coefficients: [P, N], overwritten with the gradients of the scores.
///   - gradient: Overwritten with the gradient of the hidden state of each prediction, Σ over n of
///     coefficients[p, n] · weights[candidates[p, n]].
///   - gradientRows: [P]: the row of `gradient` of each prediction; nil: p.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func candidateLossesWithGradient<Element: Storage>(
    _ candidates: Candidates, weights: UnsafePointer<Element>, labels: UnsafePointer<Float>, gradientScale: Float,
    coefficients: UnsafeMutablePointer<Float>, losses: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, gradientRows: UnsafePointer<Int32>? = nil
) {
    let (N, C) = (candidates.each, candidates.width)
    parallelRows(candidates.count, columns: 2 * N * C) { range in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: candidateBlock * N) { terms in
            let terms = terms.baseAddress!
            for start in stride(from: range.lowerBound, to: range.upperBound, by: candidateBlock) {
                let block = start..<min(start + candidateBlock, range.upperBound)
                for p in block {
                    candidates.fetch(p + 2, weights: weights)
                    candidates.scores(of: p, weights: weights, into: coefficients)
                }
                // Most candidates are few: vectors hold those of several predictions.
                binaryCrossEntropyWithGradient(
                    coefficients + start * N, targets: labels + start * N, gradientScale: gradientScale, into: terms,
                    count: block.count * N)
                for p in block {
                    losses[p] = vectorSum(terms + (p - start) * N, count: N)
                    let row = gradient + (gradientRows.map { Int($0[p]) } ?? p) * C
                    row.update(repeating: 0, count: C)
                    for place in p * N..<(p + 1) * N where candidates.outputs[place] != ignoredTarget {
                        addProduct(
                            weights + Int(candidates.outputs[place]) * C, factor: coefficients[place],
                            accumulatingInto: row, count: C)
                    }
                }
            }
        }
    }
}

/// The number of predictions whose candidates' weights are in the cache at once.
private let candidateBlock = 8

/// Computes the gradient of the weights: gradient[v] = Σ over the places of v among the candidates of
/// coefficients[p, n] · hidden[p], in order and in Float32, and 0 for other outputs.
///
/// - Parameters:
///   - coefficients: [P, N], the gradients of the scores.
///   - gradient: [V, C], overwritten.
///   - places: Scratch, [`candidatePlaceCount`].
///   - sums: Scratch, [`candidateGradientParts`, C].
/// - Complexity: O(V · C + P · N · C); allocates nothing.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func candidateWeightGradient<Element: Storage>(
    _ candidates: Candidates, coefficients: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Element>,
    places: UnsafeMutablePointer<Int32>, sums: UnsafeMutablePointer<Float>
) {
    let (V, C, parts) = (candidates.outputCount, candidates.width, candidateGradientParts)
    let sorted = SortedPlaces(candidates, coefficients, in: places)
    // Parts with as many places each: some outputs are much more frequent than others.
    parallel(parts) { part in
        let sum = sums + part * C
        for output in sorted.outputs(ofPart: part, of: parts, V) {
            let range = sorted.range(of: output)
            if range.isEmpty {
                (gradient + output * C).update(repeating: 0, count: C)
                continue
            }
            sum.update(repeating: 0, count: C)
            var place = range.lowerBound
            while place < range.upperBound {
                fetchRow(candidates.hidden + Int(sorted.entry(place + 8).row) * C, count: C)
                fetchRow(candidates.hidden + Int(sorted.entry(place + 9).row) * C, count: C)
                let (row, coefficient) = sorted.entry(place)
                let state = candidates.hidden + Int(row) * C
                if place + 1 < range.upperBound {
                    let (nextRow, nextCoefficient) = sorted.entry(place + 1)
                    addProducts(
                        state, factor: coefficient, candidates.hidden + Int(nextRow) * C, factor: nextCoefficient,
                        accumulatingInto: sum, count: C)
                } else {
                    addProduct(state, factor: coefficient, accumulatingInto: sum, count: C)
                }
                place += 2
            }
            convert(UnsafePointer(sum), into: gradient + output * C, count: C)
        }
    }
}

/// The number of parts into which `candidateWeightGradient` divides the outputs.
package let candidateGradientParts = 64

/// The number of integers that `candidateWeightGradient` needs for P · N `places` among V `outputs`.
package func candidatePlaceCount(places: Int, outputs: Int) -> Int { outputs + 1 + 2 * places }

/// The places of the candidates that are not ignored, sorted by output, and by their order for each.
private struct SortedPlaces {
    /// [V + 1]: the end of the places of the output before each; the first is 0.
    private let ends: UnsafeMutablePointer<Int32>
    /// [places, 2]: the row of the hidden state, and the bits of the coefficient.
    private let entries: UnsafeMutablePointer<Int32>
    private let count: Int

    init(_ candidates: Candidates, _ coefficients: UnsafePointer<Float>, in memory: UnsafeMutablePointer<Int32>) {
        let (V, N) = (candidates.outputCount, candidates.each)
        (ends, entries) = (memory, memory + V + 1)
        ends.update(repeating: 0, count: V + 1)
        // The number of places of output v is counted in element v + 1.
        for place in 0..<candidates.count * N where candidates.outputs[place] != ignoredTarget {
            ends[index(candidates.outputs[place], below: V) + 1] += 1
        }
        var start: Int32 = 0
        for output in 0..<V {
            let size = ends[output + 1]
            ends[output + 1] = start
            start += size
        }
        count = Int(start)
        for p in 0..<candidates.count {
            for place in p * N..<(p + 1) * N where candidates.outputs[place] != ignoredTarget {
                let next = Int(ends[Int(candidates.outputs[place]) + 1])
                ends[Int(candidates.outputs[place]) + 1] += 1
                entries[2 * next] = candidates.rows[p]
                entries[2 * next + 1] = Int32(bitPattern: coefficients[place].bitPattern)
            }
        }
    }

    /// The places of an output.
    @inline(__always)
    func range(of output: Int) -> Range<Int> { Int(ends[output])..<Int(ends[output + 1]) }

    /// The hidden state and the coefficient of a place; beyond the last place, those of the last.
    @inline(__always)
    func entry(_ place: Int) -> (row: Int32, coefficient: Float) {
        let place = min(place, count - 1)
        return (entries[2 * place], Float(bitPattern: UInt32(bitPattern: entries[2 * place + 1])))
    }

    /// The outputs of one of `parts` parts, all of which together have V outputs.
    func outputs(ofPart part: Int, of parts: Int, _ V: Int) -> Range<Int> {
        /// The first output whose places start at or after a share of all places, and of all outputs.
        func border(_ part: Int) -> Int {
            if part == parts { return V }
            // An output without places costs as much as a place: it is set to 0.
            let share = (count + V) * part / parts
            var (low, high) = (0, V)
            while low < high {
                let middle = (low + high) / 2
                if Int(ends[middle]) + middle < share { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return border(part)..<border(part + 1)
    }
}

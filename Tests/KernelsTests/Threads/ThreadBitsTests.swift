import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// R rows, C columns.

extension ThreadTests {
    /// The number of threads changes no bit. The sizes are odd, and large enough to be split for every tested number of
    /// threads.
    @Suite struct ThreadBitsTests {
        private static let (R, C) = (523, 397)
        private static let count = R * C

        @Test(arguments: StorageType.allCases)
        func resultsDoNotDependOnThreadCount(type: StorageType) {
            switch type {
            case .float32: check(Float.self)
            case .float16: check(Float16.self)
            case .bfloat16: check(BFloat16.self)
            }
        }

        private func check<Element: Storage>(_: Element.Type) {
            let alone = withThreads(1) { results(Element.self) }
            for threads in [2, 3, 5] {
                let together = withThreads(threads) { results(Element.self) }
                for (one, other) in zip(alone, together) {
                    #expect(one.bits == other.bits, "\(one.name), \(Element.self), \(threads) threads")
                }
            }
        }

        private struct Result {
            let name: String
            let bits: [UInt8]

            init<Number>(_ name: String, _ numbers: UnsafePointer<Number>, _ count: Int) {
                self.name = name
                bits = Array(UnsafeRawBufferPointer(UnsafeBufferPointer(start: numbers, count: count)))
            }

            init<Number>(_ name: String, _ numbers: UnsafeMutablePointer<Number>, _ count: Int) {
                self.init(name, UnsafePointer(numbers), count)
            }
        }

        private static let first = normals(count, seed: 1)
        private static let second = normals(count, seed: 2)
        private static let third = normals(count, seed: 3)
        private static let positive = second.map(abs)
        private static let tokens = integers(R, below: 7, seed: 4)
        private static let targets = integers(R, below: C, seed: 5).enumerated().map { $0 % 9 == 4 ? -1 : $1 }

        /// Returns the results of every kernel for fixed inputs.
        private func results<Element: Storage>(_: Element.Type) -> [Result] {
            let (R, C, count) = (ThreadBitsTests.R, ThreadBitsTests.C, ThreadBitsTests.count)
            let (first, second, third) = (ThreadBitsTests.first, ThreadBitsTests.second, ThreadBitsTests.third)
            var results: [Result] = []
            withTestMemory { memory in
                func stored(_ values: [Double]) -> UnsafeMutablePointer<Element> {
                    memory.numbers(values, Element.self)
                }
                func floats(_ values: [Double]) -> UnsafeMutablePointer<Float> { memory.numbers(values, Float.self) }
                func blank(_ count: Int) -> UnsafeMutablePointer<Element> { memory.output(count, Element.self) }
                func blankFloats(_ count: Int) -> UnsafeMutablePointer<Float> { memory.output(count, Float.self) }

                for form in ActivationForm.allCases {
                    let (y, gradient) = (blank(count), floats(second))
                    activate(stored(first), into: y, count: count, form: form)
                    activationBackward(
                        stored(first), outputGradient: gradient, into: gradient, count: count, form: form)
                    results.append(Result("activate \(form)", y, count))
                    results.append(Result("activationBackward \(form)", gradient, count))
                }

                let (wideOutput, wideGradient) = (blank(count / 2), blankFloats(count / 2 * 2))
                gatedActivation(stored(first), into: wideOutput, rows: R / 2, width: C, form: .silu)
                gatedActivationBackward(
                    stored(first), outputGradient: floats(second), into: wideGradient, rows: R / 2, width: C,
                    form: .silu)
                results += [
                    Result("swiGLU", wideOutput, R / 2 * C), Result("swiGLUBackward", wideGradient, R / 2 * 2 * C),
                ]

                let rotated = stored(first)
                RotaryTable(positions: R, headWidth: 44).rotate(
                    rotated, stride: C, firstColumn: 3, headCount: 8, sequences: 1, positions: R)
                results.append(Result("rotate", rotated, count))

                for accumulating in [false, true] {
                    let gradient = stored(Array(second[..<C]))
                    biasGradient(floats(first), into: gradient, rows: R, columns: C, accumulating: accumulating)
                    results.append(Result("biasGradient \(accumulating)", gradient, C))
                }

                let (normalized, dx) = (blank(count), floats(third))
                let (means, reciprocals) = (blankFloats(R), blankFloats(R))
                let (gain, shift) = (stored(Array(second[..<C])), stored(Array(third[..<C])))
                layerNormalization(
                    stored(first), scale: gain, shift: shift, into: normalized, means: means, reciprocals: reciprocals,
                    rows: R, columns: C)
                let (dScale, dShift) = (blank(C), blank(C))
                layerNormalizationBackward(
                    stored(first), scale: gain, means: means, reciprocals: reciprocals, outputGradient: floats(second),
                    accumulatingInto: dx, scaleGradient: dScale, shiftGradient: dShift, sums: blankFloats(2 * C),
                    rows: R, columns: C)
                results += [
                    Result("layerNormalization", normalized, count), Result("means", means, R),
                    Result("reciprocals", reciprocals, R), Result("layerNormalizationBackward", dx, count),
                    Result("scaleGradient", dScale, C), Result("shiftGradient", dShift, C),
                ]

                let (scaled, scaledGradient, dGain) = (blank(count), floats(third), blank(C))
                rmsNormalization(
                    stored(first), scale: gain, into: scaled, reciprocals: reciprocals, rows: R, columns: C)
                rmsNormalizationBackward(
                    stored(first), scale: gain, reciprocals: reciprocals, outputGradient: floats(second),
                    accumulatingInto: scaledGradient, scaleGradient: dGain, sums: blankFloats(C), rows: R, columns: C)
                results += [
                    Result("rmsNormalization", scaled, count),
                    Result("rmsNormalizationBackward", scaledGradient, count), Result("gain's gradient", dGain, C),
                ]

                let sum = blank(count)
                residual(stored(first), floats(second), into: sum, count: count)
                results.append(Result("residual", sum, count))

                let dropped = floats(first)
                DropoutMask(RandomStream(seed: 9, purpose: .dropout), rate: 0.3).apply(dropped, count: count, first: 64)
                results.append(Result("dropout", dropped, count))

                let targets = memory.integers(ThreadBitsTests.targets)
                let (losses, lossesAgain, logits) = (blankFloats(R), blankFloats(R), floats(first))
                crossEntropy(floats(first), targets: targets, into: losses, rows: R, vocabulary: C)
                crossEntropyWithGradient(
                    logits, targets: targets, gradientScale: 0.7, losses: lossesAgain, rows: R, vocabulary: C)
                results += [
                    Result("crossEntropy", losses, R), Result("losses with gradient", lossesAgain, R),
                    Result("crossEntropyWithGradient", logits, count),
                ]

                let (classes, smoothed) = (memory.integers([Int](repeating: 0, count: R)), floats(first))
                predictedClass(smoothed, into: classes, rows: R, vocabulary: C)
                crossEntropyWithGradient(
                    smoothed, targets: targets, labelSmoothing: 0.1, gradientScale: 0.7, losses: losses, rows: R,
                    vocabulary: C)
                let (probabilities, logarithms) = (floats(first), floats(first))
                softmax(probabilities, rows: R, columns: C)
                logSoftmax(logarithms, rows: R, columns: C)
                results += [
                    Result("predictedClass", classes, R), Result("smoothed losses", losses, R),
                    Result("smoothed gradient", smoothed, count), Result("softmax", probabilities, count),
                    Result("logSoftmax", logarithms, count),
                ]

                let (binary, squared) = (floats(first), floats(first))
                binaryCrossEntropyWithGradient(
                    binary, targets: floats(ThreadBitsTests.positive), gradientScale: 0.7, losses: losses, rows: R,
                    labels: C)
                squaredErrorWithGradient(
                    squared, targets: floats(second), gradientScale: 0.7, losses: lossesAgain, rows: R, outputs: C)
                results += [
                    Result("binaryCrossEntropy", losses, R), Result("its gradient", binary, count),
                    Result("squaredError", lossesAgain, R), Result("gradient of squaredError", squared, count),
                ]

                let order = memory.integers((0..<R).reversed())
                let (gathered, scattered) = (blank(count), blank(count))
                gatherRows(stored(first), places: order, into: gathered, count: R, columns: C)
                scatterRows(stored(first), places: order, into: scattered, count: R / 2, rows: R, columns: C)
                results += [Result("gatherRows", gathered, count), Result("scatterRows", scattered, count)]

                let tokens = memory.integers(ThreadBitsTests.tokens)
                let (embedded, table, positions) = (blank(count), stored(Array(third[..<(7 * C)])), blank(count))
                embedding(
                    tokens, tokenTable: stored(first), positionTable: stored(second), into: embedded, sequences: 1,
                    positions: R, vocabulary: 7, table: R, width: C)
                tokenEmbeddingBackward(
                    tokens, outputGradient: floats(first), accumulatingInto: table,
                    links: memory.integers([Int](repeating: 0, count: 7 + R)), sum: blankFloats(C), rows: R,
                    vocabulary: 7, width: C)
                positionEmbeddingBackward(
                    outputGradient: floats(first), into: positions, sum: blankFloats(C), sequences: 1, positions: R,
                    width: C)
                results += [
                    Result("embedding", embedded, count), Result("tokenEmbeddingBackward", table, 7 * C),
                    Result("positionEmbeddingBackward", positions, count),
                ]

                // Three sequences with grouped-query attention.
                let (B, T, H, K, D) = (3, 130, 6, 2, 10)
                let attention = Attention(headCount: H, keyHeadCount: K, headWidth: D, penalizesDistance: true)
                let (queryCount, packedCount) = (B * T * H * D, B * T * (H + 2 * K) * D)
                let packed = AttentionRows(
                    sideBySide: stored(Array(first[..<packedCount])), queryWidth: H * D, keyWidth: K * D)
                let flow = blankFloats(packedCount)
                let (mixed, logSums) = (blank(queryCount), blankFloats(B * H * T))
                let mask = AttentionMask(isCausal: true, lengths: memory.integers([130, 70, 129]))
                attention.forward(
                    packed, into: mixed, logSums: logSums, sequences: B, queries: T, keys: T, mask: mask)
                attention.backward(
                    packed, output: mixed, logSums: logSums, outputGradient: floats(Array(second[..<queryCount])),
                    into: AttentionRows(sideBySide: flow, queryWidth: H * D, keyWidth: K * D), sequences: B,
                    queries: T, keys: T, mask: mask)
                results += [Result("attention", mixed, queryCount), Result("its gradients", flow, packedCount)]

                let (narrow, wide, added, multiplied) = (
                    blank(count), blankFloats(count), stored(second), floats(first)
                )
                convert(UnsafePointer(floats(first)), into: narrow, count: count)
                convert(UnsafePointer(stored(first)), into: wide, count: count)
                add(UnsafePointer(floats(first)), accumulatingInto: added, count: count)
                scale(multiplied, by: 1.1, count: count)
                results += [
                    Result("convert", narrow, count), Result("convert back", wide, count), Result("add", added, count),
                    Result("scale", multiplied, count),
                ]

                for parts in [2, 4, 5] {
                    let target = blank(count)
                    let pointers = [first, second, third, second, first][..<parts].map { UnsafePointer(stored($0)) }
                    _ = pointers.withUnsafeBufferPointer { TreeSum.sum($0, into: target, count: count) }
                    results.append(Result("TreeSum of \(parts)", target, count))
                }
            }
            return results
        }
    }
}

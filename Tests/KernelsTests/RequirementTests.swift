import Products
import TestSupport
import Testing

@testable import Kernels

/// What would compute wrong numbers or corrupt memory ends the process, in every build.
@Suite struct RequirementTests {
    @Test func endsTheProcessIfRowsOfAProductOverlap() async throws {
        let result = await #expect(processExitsWith: .exitCode(70), observing: [\.standardErrorContent]) {
            let (a, b) = ([Float](repeating: 1, count: 16), [Float](repeating: 1, count: 16))
            var c = [Float](repeating: 7, count: 16)
            // A row of B has four elements, so a stride of two is invalid.
            matrixProduct(a, stride: 4, b, stride: 2, into: &c, stride: 4, m: 4, n: 4, k: 4)
            print(c)
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.hasPrefix("dtrain: internal error: matmul: "), "\(message)")
        #expect(message.contains("m 4, n 4, k 4, strides 4, 2, 4"), "\(message)")
    }

    @Test func endsTheProcessForATokenOutsideTheVocabulary() async {
        await #expect(processExitsWith: .exitCode(70)) {
            var output = [Float](repeating: 0, count: 4)
            embedding(
                [5], tokenTable: [Float](repeating: 0, count: 8), positionTable: nil, into: &output, sequences: 1,
                positions: 1, vocabulary: 2, table: 0, width: 4)
        }
        await #expect(processExitsWith: .exitCode(70)) {
            var sum = [Float](repeating: 0, count: 4)
            var (links, gradient) = ([Int32](repeating: 0, count: 3), [Float](repeating: 0, count: 8))
            tokenEmbeddingBackward(
                [-1], outputGradient: [Float](repeating: 1, count: 4), accumulatingInto: &gradient, links: &links,
                sum: &sum, rows: 1, vocabulary: 2, width: 4)
        }
    }

    @Test func endsTheProcessForATargetThatIsNoClass() async {
        await #expect(processExitsWith: .exitCode(70)) {
            var losses: [Float] = [0]
            crossEntropy([0, 0], targets: [2], into: &losses, rows: 1, vocabulary: 2)
        }
    }

    @Test func endsTheProcessForAMaskBeyondTheKeys() async {
        await #expect(processExitsWith: .exitCode(70)) {
            let lengths: [Int32] = [3]
            lengths.withUnsafeBufferPointer {
                _ = AttentionMask(isCausal: true, lengths: $0.baseAddress)
                    .visible(sequence: 0, block: 0..<4, queries: 4, keys: 2)
            }
        }
    }

    @Test func endsTheProcessForAPositionOutsideTheRotaryTable() async {
        await #expect(processExitsWith: .exitCode(70)) {
            var row = [Float](repeating: 1, count: 4)
            RotaryTable(positions: 2, headWidth: 4).rotate(
                &row, stride: 4, firstColumn: 0, headCount: 1, firstPosition: 2, sequences: 1, positions: 1)
        }
    }
}

import Files
import Kernels
import Models
import Tensors

/// The matrix products of a model's step, one by one, on the threads of one rank.
package struct ProductBench {
    private let configuration: Configuration

    /// The products of the model that `configuration` describes.
    package init(_ configuration: Configuration) { self.configuration = configuration }

    /// Measures each product `repetitions` times.
    package func run(repetitions: Int) -> Measurement {
        let model = configuration.model
        let (C, F, V) = (model.width, model.feedForwardWidth, model.benchVocabularySize)
        let rows = configuration.batch.sequencesPerSlot * configuration.data.contextLength
        let linears = [
            ("query_key_value", C, 3 * C), ("attention projection", C, C), ("expansion", C, F), ("projection", F, C),
            ("head", C, V),
        ]
        let limit = floatingPointLimit()
        var (table, results) = ([["product", "M", "N", "K", "GFLOP/s", "% of limit"]], [JSON]())
        for (name, input, output) in linears {
            for product in Product.all(name, rows: rows, input: input, output: output) {
                let rate = product.measure(repetitions)
                table.append([
                    product.name, "\(product.m)", "\(product.n)", "\(product.k)", fixed(rate * 1e-9, 1),
                    fixed(100 * rate / limit, 0),
                ])
                results.append([
                    "name": .string(product.name), "m": .integer(product.m), "n": .integer(product.n),
                    "k": .integer(product.k), "flops_per_second": .number(rate),
                ])
            }
        }
        return Measurement(
            table: table, json: ["limit_flops_per_second": .number(limit), "products": .array(results)])
    }

    private func floatingPointLimit() -> Double {
        let (threads, rounds) = (ThreadPool.shared.count, 1_000_000)
        let seconds = medianSeconds(5) { parallel(threads) { _ in _ = fusedMultiplyAdds(rounds: rounds) } }
        return Double(threads * fusedMultiplyAdds(rounds: 1).operations * rounds) / seconds
    }
}

/// One product of a linear layer: forward, of the input's gradient, or of the weight's.
private struct Product {
    let name: String
    let (m, n, k): (Int, Int, Int)
    let (a, b): (Orientation, Orientation)

    static func all(_ name: String, rows: Int, input: Int, output: Int) -> [Product] {
        [
            Product(name: "\(name), forward", m: rows, n: output, k: input, a: .plain, b: .transposed),
            Product(name: "\(name), input gradient", m: rows, n: input, k: output, a: .plain, b: .plain),
            Product(name: "\(name), weight gradient", m: output, n: input, k: rows, a: .transposed, b: .plain),
        ]
    }

    private init(name: String, m: Int, n: Int, k: Int, a: Orientation, b: Orientation) {
        self.name = name
        (self.m, self.n, self.k) = (m, n, k)
        (self.a, self.b) = (a, b)
    }

    /// Floating-point operations a second.
    func measure(_ repetitions: Int) -> Double {
        let (left, right, result) = (Arena<Float>(count: m * k), Arena<Float>(count: k * n), Arena<Float>(count: m * n))
        UnsafeMutableBufferPointer(start: left.base, count: m * k).update(repeating: 0.5)
        UnsafeMutableBufferPointer(start: right.base, count: k * n).update(repeating: 0.25)
        let seconds = medianSeconds(repetitions) {
            matrixProduct(
                left.base, a, stride: a == .plain ? k : m, right.base, b, stride: b == .plain ? n : k,
                into: result.base, stride: n, m: m, n: n, k: k)
        }
        return 2 * Double(m) * Double(n) * Double(k) / seconds
    }
}

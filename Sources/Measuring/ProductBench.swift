import Files
import Kernels
import Models
import Reporting
import Threads

/// Benchmark of the individual matrix products of a model's training step, on the threads of one rank.
package struct ProductBench {
    private let subject: BenchSubject

    /// Creates a benchmark for the model that `subject` describes.
    package init(_ subject: BenchSubject) { self.subject = subject }

    /// Measures each product `repetitions` times.
    package func run(repetitions: Int) -> Measurement {
        let configuration = subject.configuration
        let rows = configuration.batch.sequencesPerSlot * configuration.data.contextLength
        let limit = floatingPointLimit()
        var (table, results) = ([["GEMM", "M", "N", "K", "GFLOP/s", "% of peak"]], [JSON]())
        var names: [String] = []
        for layer in configuration.model.products(subject.sizes) {
            // The layers of an encoder are those of a decoder without cross-attention.
            guard case .linear(let input, let output) = layer.operands, !names.contains(layer.name) else {
                continue
            }
            let name = layer.name
            names.append(name)
            let part = StepPart(.step, .step)
            let products = Product.linear(
                rows: rows, input: input, output: output, forward: part, backward: part, count: 1)
            for (product, pass) in zip(products, ["forward", "input gradient", "weight gradient"]) {
                let loop = ProductLoop<Float>([product])
                let rate = product.operations / medianSeconds(repetitions) { loop.multiply(product) }
                table.append([
                    "\(name), \(pass)", "\(product.m)", "\(product.n)", "\(product.k)", fixed(rate * 1e-9, 1),
                    fixed(100 * rate / limit, 0),
                ])
                results.append([
                    "name": .string("\(name), \(pass)"), "m": .integer(product.m), "n": .integer(product.n),
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

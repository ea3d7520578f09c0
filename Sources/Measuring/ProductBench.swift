import Collectives
import Files
import Models
import Numbers
import Reporting
import Resources
import Tensors
import Threads

/// Benchmark of the individual matrix products of a model's training step, on the threads of one rank.
package struct ProductBench {
    private let subject: BenchSubject

    /// Creates a benchmark for the model that `subject` describes.
    package init(_ subject: BenchSubject) { self.subject = subject }

    /// Measures each product `repetitions` times, in the configured precision.
    package func run(repetitions: Int) throws(MPIError) -> Measurement {
        switch subject.configuration.precision {
        case .float32: try run(repetitions, storing: Float.self)
        case .float16: try run(repetitions, storing: Float16.self)
        case .bfloat16: try run(repetitions, storing: BFloat16.self)
        }
    }

    private func run<Element: Storage>(
        _ repetitions: Int, storing: Element.Type
    ) throws(MPIError) -> Measurement {
        let configuration = subject.configuration
        let rows = configuration.batch.sequencesPerSlot * configuration.data.contextLength
        let limit = try ProcessorLimit(Element.format, measuringWith: SoloCommunicator()).flopsPerSecond
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
                let loop = ProductLoop<Element>([product])
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
}

import Glibc
import Layers
import Models
import Numbers
import Objectives
import Tensors
import TestSupport
import Testing

/// Word vectors with negative sampling, against PyTorch and against finite differences.
@Suite struct WordVectorTests {
    private static let (vocabulary, width, noise) = (9, 5, 3)

    /// The inputs of a case of the golden file.
    private struct Case {
        let table: [Double]
        let head: [Double]
        let tokens: [Int]
        let targets: [Int]
        let noise: [Int]

        init(_ file: GoldenFile, _ name: String) throws {
            (table, head) = (try file.numbers("\(name)/table"), try file.numbers("\(name)/head"))
            tokens = try file.integers("\(name)/tokens")
            (targets, noise) = (try file.integers("\(name)/targets"), try file.integers("\(name)/noise"))
        }
    }

    private struct Results {
        var losses: [Float] = []
        var table: [Float] = []
        var head: [Float] = []
    }

    /// A pass of a model with the weights and rows of a case; the gradients are those of ¼ · Σ losses.
    private func run<Element: Storage>(_ input: Case, _: Element.Type, withGradient: Bool = true) -> Results {
        var configuration = ModelConfiguration()
        (configuration.family, configuration.width) = (.wordVectors, WordVectorTests.width)
        let model = Transformer<Element>(
            configuration, ModelSizes(vocabularySize: WordVectorTests.vocabulary, contextLength: input.tokens.count))
        #expect(model.layout.parameters.map(\.name) == ["token_embedding.weight", "head.weight"])
        let (weights, gradients) = (
            Arena<Element>(count: model.layout.count), Arena<Element>(count: model.layout.count)
        )
        gradients.base.update(repeating: Element(Float.nan), count: gradients.count)
        for (parameter, values) in zip(model.layout.parameters, [input.table, input.head]) {
            for (index, value) in values.enumerated() { weights.base[parameter.offset + index] = Element(value) }
        }
        let rows = input.tokens.count
        let activations = model.makeActivations(sequences: 1, positions: rows)
        let context = LayerContext(weights: weights.base, gradients: gradients.base, Workspace())
        var results = Results()
        withTestMemory { memory in
            var read = ModelInput(sequences: 1, positions: rows)
            read.tokens = TokenInput(tokens: memory.integers(input.tokens))
            let targets = Targets.sampled(
                memory.integers(input.targets), noise: memory.integers(input.noise), count: WordVectorTests.noise)
            let losses = memory.output(rows, Float.self)
            model.forward(read, activations, context)
            guard withGradient else {
                let count = Prediction(.negativeSampling).losses(
                    hidden: activations.output, head: model.head, targets: targets, into: losses, rows: rows, context)
                return results.losses = array(losses, count)
            }
            let hiddenGradient = memory.output(rows * WordVectorTests.width, Float.self)
            let count = Prediction(.negativeSampling).backward(
                hidden: activations.output, head: model.head, targets: targets, gradientScale: 0.25, losses: losses,
                hiddenGradient: hiddenGradient, rows: rows, context)
            model.backward(read, outputGradient: hiddenGradient, activations, context) { _ in }
            results.losses = array(losses, count)
        }
        let parts = model.layout.parameters.map { parameter in
            (0..<parameter.count).map { Float(gradients.base[parameter.offset + $0]) }
        }
        (results.table, results.head) = (parts[0], parts[1])
        return withExtendedLifetime((weights, gradients, activations)) { results }
    }

    @Test(arguments: ["skip_gram", "cbow"])
    func equalsPyTorch(name: String) throws {
        let file = try GoldenFile("word_vectors")
        let input = try Case(file, name)
        let results = run(input, Float.self)
        let tolerance = 16 * Float.unitRoundoff
        expectClose(results.losses, try file.numbers("\(name)/losses"), absolute: tolerance, relative: tolerance)
        for (gradient, part) in [(results.table, "table"), (results.head, "head")] {
            expectClose(
                gradient, try file.numbers("\(name)/\(part)_gradient"), absolute: tolerance, relative: tolerance, part)
        }
        #expect(run(input, Float.self, withGradient: false).losses == results.losses)
        // Two roundings of weights and of a gradient, in sums of a few terms.
        let halves = run(input, Float16.self)
        expectClose(halves.losses, results.losses.map(Double.init), absolute: 16 * Float16.unitRoundoff)
        expectCloseInNorm(halves.head, results.head.map(Double.init), relative: 16 * Float16.unitRoundoff, "head")
    }

    @Test(arguments: ["skip_gram", "cbow"])
    func gradientsEqualFiniteDifferences(name: String) throws {
        let input = try Case(GoldenFile("word_vectors"), name)
        let results = run(input, Float.self)
        checkGradients(results.table, at: input.table, tolerance: 64 * Float.unitRoundoff, "table") {
            0.25 * reference(input, $0, input.head)
        }
        checkGradients(results.head, at: input.head, tolerance: 64 * Float.unitRoundoff, "head") {
            0.25 * reference(input, input.table, $0)
        }
    }

    /// Σ losses, from the definition.
    private func reference(_ input: Case, _ table: [Double], _ head: [Double]) -> Double {
        let width = WordVectorTests.width
        func row(_ values: [Double], _ index: Int) -> ArraySlice<Double> { values[(index * width)...].prefix(width) }
        var (sum, group): (Double, [Int]) = (0, [])
        for (place, target) in input.targets.enumerated() {
            if target == Int(ignoredTarget) {
                group = []
                continue
            }
            group.append(input.tokens[place])
            if target == Int(joinedTarget) { continue }
            let hidden = (0..<width).map { column in
                group.reduce(0) { $0 + table[$1 * width + column] } / Double(group.count)
            }
            func loss(_ output: Int, _ sign: Double) -> Double {
                log1p(exp(-sign * zip(row(head, output), hidden).reduce(0) { $0 + $1.0 * $1.1 }))
            }
            sum += loss(target, 1)
            for noise in input.noise[(place * WordVectorTests.noise)...].prefix(WordVectorTests.noise)
            where noise != Int(ignoredTarget) { sum += loss(noise, -1) }
            group = []
        }
        return sum
    }
}

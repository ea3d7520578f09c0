import Kernels
import Numbers
import Tensors
import Layers

// R rows, C hidden size, V outputs.

/// A prediction head and a loss, forward and backward, over blocks of rows.
///
/// Logits exist for one block of rows at a time, and only for rows with a target: padding and unmasked tokens cost
/// nothing.
package struct Prediction: Sendable {
    /// The loss function.
    package let loss: Loss
    /// The number of outputs, from the first on, that can be targets; the others represent no token. nil: all.
    package let classes: Int?

    /// The maximum size of a block of logits, in bytes.
    private static let blockBytes = 128 << 20

    /// A prediction with `loss` over the first `classes` outputs.
    package init(_ loss: Loss, classes: Int? = nil) {
        self.loss = loss
        self.classes = classes
    }

    /// Computes the loss of each row that has a target, in row order.
    ///
    /// - Parameters:
    ///   - hidden: [R, C].
    ///   - losses: [R]; only the first elements, as many as the returned count, are written.
    ///   - eachBlock: Called with the logits of a block of rows and the indices of those rows among all R, unless the
    ///     targets are sampled.
    /// - Returns: The number of rows that have a target.
    package func losses<Element: Storage>(
        hidden: UnsafePointer<Element>, head: PredictionHead<Element>, targets: Targets,
        into losses: UnsafeMutablePointer<Float>, rows: Int, _ context: LayerContext<Element>,
        eachBlock: ((_ logits: UnsafePointer<Float>, _ rows: UnsafeBufferPointer<Int32>) -> Void)? = nil
    ) -> Int {
        if case .sampled(let targets, let noise, let count) = targets {
            let sampled = SampledPrediction(
                hidden, head, targets: targets, noise: noise, noiseCount: count, rows: rows, context)
            sampled.losses(into: losses)
            return sampled.count
        }
        let some = TargetRows(hidden, targets, head, rows: rows, context.workspace)
        let input = head.transformed(some.hidden, rows: some.count, context)
        forEachBlock(rows: some.count, outputs: head.outputWidth) { start, count in
            let logits = context.workspace.floats(.logits, count * head.outputWidth)
            head.output.forward(input + start * head.inputWidth, into: logits, rows: count, context)
            loss.losses(
                logits, some.targets(from: start), into: losses + start, rows: count, outputs: head.outputWidth,
                classes: classes ?? head.outputWidth)
            eachBlock?(logits, UnsafeBufferPointer(start: some.numbers + start, count: count))
        }
        return some.count
    }

    /// Computes the same losses, and the gradients of `gradientScale` · Σ losses.
    ///
    /// - Parameters:
    ///   - hiddenGradient: [R, C], overwritten; 0 in rows without a target.
    ///   - context: Its gradients of the head are overwritten.
    /// - Returns: The number of rows that have a target.
    package func backward<Element: Storage>(
        hidden: UnsafePointer<Element>, head: PredictionHead<Element>, targets: Targets, gradientScale: Float,
        losses: UnsafeMutablePointer<Float>, hiddenGradient: UnsafeMutablePointer<Float>, rows: Int,
        _ context: LayerContext<Element>
    ) -> Int {
        if case .sampled(let targets, let noise, let count) = targets {
            let sampled = SampledPrediction(
                hidden, head, targets: targets, noise: noise, noiseCount: count, rows: rows, context)
            sampled.backward(gradientScale: gradientScale, losses: losses, hiddenGradient: hiddenGradient)
            return sampled.count
        }
        let some = TargetRows(hidden, targets, head, rows: rows, context.workspace)
        let gradient =
            some.areAll
            ? hiddenGradient : context.workspace.floats(.gatheredGradient, some.count * head.inputWidth)
        let input = head.transformed(some.hidden, rows: some.count, context)
        forEachBlock(rows: some.count, outputs: head.outputWidth) { start, count in
            let logits = context.workspace.floats(.logits, count * head.outputWidth)
            let input = input + start * head.inputWidth
            head.output.forward(input, into: logits, rows: count, context)
            loss.lossesWithGradient(
                logits, some.targets(from: start), gradientScale: gradientScale, into: losses + start, rows: count,
                outputs: head.outputWidth, classes: classes ?? head.outputWidth)
            head.output.backward(
                input, outputGradient: logits, inputGradient: gradient + start * head.inputWidth, rows: count,
                accumulating: start > 0, context)
        }
        head.transformedBackward(some.hidden, gradient: gradient, rows: some.count, context)
        if !some.areAll {
            scatterRows(
                UnsafePointer(gradient), places: some.numbers, into: hiddenGradient, count: some.count, rows: rows,
                columns: head.inputWidth)
        }
        return some.count
    }

    /// A lower bound on the bytes of logits that exist at once when `rows` rows have a target.
    package static func logitBytes(rows: Int, outputs: Int) -> Int {
        min(rows, max(1, blockBytes / 2 / max(1, outputs * MemoryLayout<Float>.stride))) * outputs
            * MemoryLayout<Float>.stride
    }

    /// Calls `body` for blocks of equal size, as few as the limit allows, since the head's weight is read once per
    /// block. Without rows, `body` is called once with count 0, which sets the head's gradients to 0.
    private func forEachBlock(rows: Int, outputs: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
        if rows == 0 { return body(0, 0) }
        let limit = max(1, Prediction.blockBytes / (outputs * MemoryLayout<Float>.stride))
        let blocks = (rows + limit - 1) / limit
        let size = (rows + blocks - 1) / blocks
        for start in stride(from: 0, to: rows, by: size) { body(start, min(size, rows - start)) }
    }
}

/// The rows that have a target, gathered into contiguous memory.
private struct TargetRows<Element: Storage> {
    let count: Int
    let areAll: Bool
    /// Their indices among all rows.
    let numbers: UnsafePointer<Int32>
    let hidden: UnsafePointer<Element>
    private let targets: Targets
    private let outputs: Int

    init(
        _ hidden: UnsafePointer<Element>, _ targets: Targets, _ head: PredictionHead<Element>, rows: Int,
        _ workspace: Workspace
    ) {
        outputs = head.outputWidth
        let numbers = workspace.integers(.targetRows, 2 * rows)
        self.numbers = UnsafePointer(numbers)
        var count = 0
        switch targets {
        case .classes(let targets):
            let classes = numbers + rows
            for row in 0..<rows where targets[row] != ignoredTarget {
                (numbers[count], classes[count]) = (Int32(row), targets[row])
                count += 1
            }
            self.targets = .classes(classes)
        case .sampled: preconditionFailure("sampled targets need no logits of all outputs")
        case .values:
            for row in 0..<rows { numbers[row] = Int32(row) }
            count = rows
            self.targets = targets
        }
        self.count = count
        areAll = count == rows
        if areAll {
            self.hidden = hidden
        } else {
            let gathered = workspace.numbers(.gathered, count * head.inputWidth, Element.self)
            gatherRows(
                hidden, places: UnsafePointer(numbers), into: gathered, count: count, columns: head.inputWidth)
            self.hidden = UnsafePointer(gathered)
        }
    }

    func targets(from start: Int) -> Targets {
        switch targets {
        case .classes(let classes): .classes(classes + start)
        case .values(let values): .values(values + start * outputs)
        case .sampled: preconditionFailure("sampled targets need no logits of all outputs")
        }
    }
}

import Collectives
import Numbers
import Products
import Tensors

/// A loop over only the matrix products of a step's linear layers.
///
/// All products use the same operands, which stay in the cache if they fit. So the loop is somewhat faster than the
/// same products with the operands of a step.
final class ProductLoop<Element: Storage> {
    private let products: [Product]
    /// Activations and weights, in their storage type.
    private let (left, right, result): (Arena<Element>, Arena<Element>, Arena<Element>)
    /// Gradients: of outputs, unless they are rounded, and the results.
    private let (floatLeft, floatResult): (Arena<Float>, Arena<Float>)

    /// Allocates operands for those of `products` that belong to linear layers.
    init(_ products: [Product]) {
        let products = products.filter { $0.kind != .attention }
        self.products = products
        func operand<Number: Storage>(_ value: Float, _ size: (Product) -> Int) -> Arena<Number> {
            let arena = Arena<Number>(count: products.map(size).max() ?? 0)
            arena.base.update(repeating: Number(value), count: arena.count)
            return arena
        }
        (left, floatLeft) = (operand(0.5) { $0.m * $0.k }, operand(0.5) { $0.m * $0.k })
        right = operand(0.25) { $0.k * $0.n }
        (result, floatResult) = (operand(0) { $0.m * $0.n }, operand(0) { $0.m * $0.n })
    }

    /// The time of one step's products in seconds, on the slowest rank; all ranks compute at once.
    func seconds(_ communicator: any Communicator) throws(MPIError) -> Double {
        let clock = ContinuousClock()
        try communicator.barrier()
        let start = clock.now
        for product in products {
            for _ in 0..<product.count { multiply(product) }
        }
        return Double(try communicator.maximum(Int64((clock.now - start).seconds * 1e9))) * 1e-9
    }

    /// Computes one product in the same way as the layers.
    func multiply(_ product: Product) {
        switch product.kind {
        case .forward: multiply(product, left, right, result)
        case .inputGradient, .weightGradient:
            if ProductArithmetic.current.rounds(besides: Element.format) {
                multiply(product, left, right, floatResult)
            } else {
                multiply(product, floatLeft, right, floatResult)
            }
        case .attention: break
        }
    }

    private func multiply<A: Storage, B: Storage, C: Storage>(
        _ product: Product, _ a: Arena<A>, _ b: Arena<B>, _ c: Arena<C>
    ) {
        let (m, n, k) = (product.m, product.n, product.k)
        matrixProduct(
            a.base, product.a, stride: product.a == .plain ? k : m, b.base, product.b,
            stride: product.b == .plain ? n : k, into: c.base, stride: n, m: m, n: n, k: k)
    }
}

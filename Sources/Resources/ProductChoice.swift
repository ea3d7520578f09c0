import Collectives
import Files
import Products
import Reporting
import Tensors

/// Which arithmetic matmuls use, the key `products`.
package enum ProductChoice: String, CaseIterable, Sendable {
    /// The fastest, without a note if it is the reproducible one.
    case automatic = "auto"
    /// The same bits on every CPU.
    case reproducible
    /// The fastest that the CPUs of all ranks have.
    case fastest

    /// Sets the arithmetic of this process for matmuls whose operands are stored in `format`. Collective: all ranks
    /// settle on one that each of them has, and rank 0 prints which host has less than the others.
    package func settle(_ format: FloatFormat, _ communicator: any Communicator, _ console: Console) throws {
        let own = Int64(ProductArithmetic.fastest.rawValue)
        let (least, most) = (-(try communicator.maximum(-own)), try communicator.maximum(own))
        // The first rank with the least has the largest number.
        let (size, rank) = (communicator.size, communicator.rank)
        let first = size - Int(try communicator.maximum(own == least ? Int64(size - rank) : 0))
        let host = try communicator.broadcast(rank == first ? hostName() : "", from: first)
        let common = ProductArithmetic(rawValue: Int(least))!
        let best = ProductArithmetic(rawValue: Int(most))!
        ProductArithmetic.current = self == .reproducible ? .reproducible : common
        if self == .reproducible { return }
        if common != best, best.changesBits(of: format) {
            console.say("products: host \(host) has no \(best.unit), so no rank uses it")
        }
        if self == .fastest, !common.changesBits(of: format) {
            console.say("products: nothing is faster than the reproducible products here, so they are used")
        }
    }
}

extension ProductArithmetic {
    /// What a CPU needs for it.
    fileprivate var unit: String {
        switch self {
        case .reproducible: "multiply-add"
        case .bfloat16Pairs: "instruction for bfloat16 products"
        case .tiles: "matrix unit (AMX)"
        }
    }
}

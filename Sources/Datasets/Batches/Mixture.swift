import Tensors

/// The order in which the samples of several datasets are trained on.
///
/// Positions are grouped into blocks of 1000. Every block has the same number of places for each part, its quota, and a
/// keyed permutation orders them. A place determines its position among all places of its part: those of earlier
/// blocks, and those before it in its own. So each part is read epoch by epoch, in its own order, and any rank finds
/// any sample in O(parts).
package struct Mixture: Equatable, Sendable {
    /// The number of places of each part in a block.
    package let quotas: [Int]

    /// The number of places of a block.
    package static let blockLength = 1000

    /// A mixture in proportion to `weights`, each finite and above 0; nil if the share of a part is less than a block's
    /// half place.
    ///
    /// Quotas are the shares rounded by the largest remainder.
    package init?(weights: [Double]) {
        let total = weights.reduce(0, +)
        guard total > 0, total.isFinite, weights.allSatisfy({ $0 > 0 }) else { return nil }
        let places = weights.map { $0 / total * Double(Mixture.blockLength) }
        var quotas = places.map { Int($0) }
        let missing = Mixture.blockLength - quotas.reduce(0, +)
        let order = places.indices.sorted {
            let (first, second) = (places[$0] - Double(quotas[$0]), places[$1] - Double(quotas[$1]))
            return first > second || first == second && $0 < $1
        }
        for part in order.prefix(missing) { quotas[part] += 1 }
        guard quotas.allSatisfy({ $0 > 0 }), quotas.reduce(0, +) == Mixture.blockLength else { return nil }
        self.quotas = quotas
    }

    /// The part at a global index, and the index among all places of that part.
    ///
    /// - Complexity: O(parts).
    package func place(atGlobalIndex index: UInt64, seed: UInt64) -> (part: Int, index: UInt64) {
        let (block, position) = index.quotientAndRemainder(dividingBy: UInt64(Mixture.blockLength))
        let order = Permutation(count: Mixture.blockLength, seed: seed, epoch: block, purpose: .mixing)
        var place = order[Int(position)]
        for (part, quota) in quotas.enumerated() {
            if place < quota { return (part, block * UInt64(quota) + UInt64(place)) }
            place -= quota
        }
        preconditionFailure("the quotas fill a block")
    }
}

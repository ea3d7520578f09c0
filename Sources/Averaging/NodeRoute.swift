/// The messages of one rank with ranks of other nodes.
///
/// A block of gradients belongs to one rank, its owner. On every other node one rank, the owner's *partner*, adds the
/// block over its node and sends the owner the sum; later the owner sends it the new weights. So each block travels
/// once per node in each direction. If the ranks of a node are not a subtree of the tree over ranks, such as the first
/// three of four, it sends the sum of each of the largest subtrees that it holds.
struct NodeRoute: Equatable {
    /// A rank of another node that adds this rank's blocks over its node, and the subtrees whose sums it sends.
    struct Partner: Equatable {
        let rank: Int
        let subtrees: [Range<Int>]
    }

    /// The partners of this rank, one on every other node.
    let partners: [Partner]
    /// The ranks of other nodes that this rank is a partner of.
    let owners: [Int]
    /// The largest subtrees within this rank's node.
    let ownSubtrees: [Range<Int>]
    /// The nodes of the tree that this rank adds to the sum of its blocks, in rank order: the ranks of its own node,
    /// and the subtrees of the others.
    let leaves: [Range<Int>]

    init(_ nodes: [Range<Int>], rank: Int) {
        let (own, size) = (nodes.firstIndex { $0.contains(rank) }!, nodes.last!.upperBound)
        let all = Averaging.subtrees(size, within: nodes)
        func subtrees(_ node: Int) -> [Range<Int>] { all.filter { nodes[node].contains($0.lowerBound) } }
        /// The rank of `node` that adds the blocks of `owner`, a rank of `home`.
        func partner(of owner: Int, _ home: Int, on node: Int) -> Int {
            nodes[node].lowerBound + (owner - nodes[home].lowerBound) % nodes[node].count
        }
        let others = nodes.indices.filter { $0 != own }
        partners = others.map { Partner(rank: partner(of: rank, own, on: $0), subtrees: subtrees($0)) }
        owners = others.flatMap { home in nodes[home].filter { partner(of: $0, home, on: own) == rank } }
        ownSubtrees = subtrees(own)
        leaves = nodes.indices.flatMap { node in node == own ? nodes[own].map { $0..<$0 + 1 } : subtrees(node) }
    }
}

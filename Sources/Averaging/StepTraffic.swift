import Numbers
import Tensors

/// The messages of one rank in a training step, as an averaging strategy sends them, for forecasts and simulations.
///
/// The strategies compute it from the same buckets and blocks that they send.
package struct StepTraffic: Equatable, Sendable {
    /// A message to or from another rank.
    package struct Message: Equatable, Sendable {
        /// The other rank.
        package let rank: Int
        package let bytes: Int

        package init(rank: Int, bytes: Int) { (self.rank, self.bytes) = (rank, bytes) }
    }

    /// Messages that start together.
    package struct Exchange: Equatable, Sendable {
        /// The first section that the exchange has elements of: the gradients of this section complete it, and its
        /// forward pass is the first to need the weights.
        package let section: Int
        package let sends: [Message]
        package let receives: [Message]
        /// The most bytes that any node sends or receives in it: blocks are whole chunks, so some nodes have more than
        /// others.
        package let nodeBytes: Int

        package init(section: Int, sends: [Message], receives: [Message], nodeBytes: Int) {
            (self.section, self.sends, self.receives, self.nodeBytes) = (section, sends, receives, nodeBytes)
        }
    }

    /// The exchanges of gradients in the order in which they start.
    package let gradients: [Exchange]
    /// The exchanges of new weights in the order in which they start.
    package let weights: [Exchange]
    /// The most exchanges of gradients under way at once.
    package let lanes: Int
    /// Whether the backward pass waits if as many are under way; otherwise the next exchange starts later.
    package let waitsForLanes: Bool

    package init(gradients: [Exchange], weights: [Exchange], lanes: Int, waitsForLanes: Bool) {
        (self.gradients, self.weights, self.lanes) = (gradients, weights, lanes)
        self.waitsForLanes = waitsForLanes
    }

    /// The traffic without messages to or from ranks of `node`, which never leave it.
    package func leaving(_ node: Range<Int>) -> StepTraffic {
        func outside(_ exchange: Exchange) -> Exchange {
            Exchange(
                section: exchange.section, sends: exchange.sends.filter { !node.contains($0.rank) },
                receives: exchange.receives.filter { !node.contains($0.rank) }, nodeBytes: exchange.nodeBytes)
        }
        return StepTraffic(
            gradients: gradients.map(outside), weights: weights.map(outside), lanes: lanes,
            waitsForLanes: waitsForLanes)
    }

    /// The number of bytes sent in a step.
    package var sentBytes: Int {
        (gradients + weights).reduce(0) { $0 + $1.sends.reduce(0) { $0 + $1.bytes } }
    }
}

extension AveragingConfiguration {
    /// The messages of `rank` in a step of a model of `layout`, stored as `Element`, with the strategy that a job on
    /// `nodes` prefers.
    ///
    /// - Parameter nodes: The ranks of each node.
    package func traffic<Element: Storage>(
        _ layout: ParameterLayout, nodes: [Range<Int>], rank: Int, storing: Element.Type
    ) -> StepTraffic {
        switch preferred(nodes: nodes) {
        case .sharedMemory: StepTraffic(gradients: [], weights: [], lanes: 1, waitsForLanes: false)
        case .hierarchical: HierarchicalAveraging<Element>.traffic(layout, self, nodes: nodes, rank: rank)
        case .auto, .allreduce: ExchangeAveraging<Element>.traffic(layout, self, nodes: nodes, rank: rank)
        }
    }
}

extension HierarchicalAveraging {
    /// The messages of `rank` in a step: for every bucket, the sums over its node to the owners that it is a partner
    /// of, and the weights of its own block to its partners.
    static func traffic(
        _ layout: ParameterLayout, _ configuration: AveragingConfiguration, nodes: [Range<Int>], rank: Int
    ) -> StepTraffic {
        let size = nodes.last?.upperBound ?? 1
        let buckets = makeBuckets(layout, configuration, nodes: nodes)
        let route = NodeRoute(nodes, rank: rank)
        let codec = ChunkCodec(configuration.wire, of: Element.self)
        let stride = MemoryLayout<Element>.stride
        func elements(_ owner: Int, _ bucket: Bucket) -> Int {
            block(owner, of: size, bucket, count: layout.count).count
        }
        /// The bytes of a block of gradients or weights.
        func bytes(_ owner: Int, _ bucket: Bucket, isEncoded: Bool) -> Int {
            let count = elements(owner, bucket)
            let chunks = (count + chunkElements - 1) / chunkElements
            return isEncoded ? codec.map { chunks * $0.chunkBytes } ?? count * stride : count * stride
        }
        /// A message of gradients or weights, unless it is empty.
        func message(_ other: Int, of owner: Int, _ bucket: Bucket, isEncoded: Bool) -> [StepTraffic.Message] {
            let bytes = bytes(owner, bucket, isEncoded: isEncoded)
            return bytes == 0 ? [] : [StepTraffic.Message(rank: other, bytes: bytes)]
        }
        /// The sums that each node sends of a block.
        let sums = nodes.map { NodeRoute(nodes, rank: $0.lowerBound).ownSubtrees.count }
        /// The most bytes of a bucket that any node sends or receives.
        func nodeBytes(_ bucket: Bucket, isEncoded: Bool) -> Int {
            let own = nodes.map { $0.reduce(0) { $0 + bytes($1, bucket, isEncoded: isEncoded) } }
            let (all, allSums) = (own.reduce(0, +), isEncoded ? sums.reduce(0, +) : sums.count)
            return nodes.indices.map { node in
                let count = isEncoded ? sums[node] : 1
                return max((all - own[node]) * count, own[node] * (allSums - count))
            }.max() ?? 0
        }
        let gradients = buckets.map { bucket in
            StepTraffic.Exchange(
                section: bucket.section,
                sends: route.owners.flatMap { owner in
                    route.ownSubtrees.flatMap { _ in message(owner, of: owner, bucket, isEncoded: true) }
                },
                receives: route.partners.flatMap { partner in
                    partner.subtrees.flatMap { _ in message(partner.rank, of: rank, bucket, isEncoded: true) }
                }, nodeBytes: nodeBytes(bucket, isEncoded: true))
        }
        let weights = buckets.reversed().map { bucket in
            StepTraffic.Exchange(
                section: bucket.section,
                sends: route.partners.flatMap { message($0.rank, of: rank, bucket, isEncoded: false) },
                receives: route.owners.flatMap { message($0, of: $0, bucket, isEncoded: false) },
                nodeBytes: nodeBytes(bucket, isEncoded: false))
        }
        return StepTraffic(
            gradients: gradients, weights: weights, lanes: laneCount(buckets), waitsForLanes: false)
    }
}

extension ExchangeAveraging {
    /// The messages of `rank` in a step: a block of every bucket to each other rank, and the weights of its own block.
    static func traffic(
        _ layout: ParameterLayout, _ configuration: AveragingConfiguration, nodes: [Range<Int>], rank: Int
    ) -> StepTraffic {
        let ranks = nodes.last?.upperBound ?? 1
        let pairs = nodes.map { $0.count * (ranks - $0.count) }.max() ?? 0
        let buckets = makeBuckets(layout, configuration, ranks: ranks)
        let codec = ChunkCodec(configuration.wire, of: Element.self)
        let stride = MemoryLayout<Element>.stride
        let others = (0..<ranks).filter { $0 != rank }
        func exchange(_ bucket: Bucket, isEncoded: Bool) -> StepTraffic.Exchange {
            let count = bucket.range.count / ranks
            let encoded = isEncoded ? codec.map { count / chunkElements * $0.chunkBytes } : nil
            let bytes = encoded ?? count * stride
            let messages = others.map { StepTraffic.Message(rank: $0, bytes: bytes) }
            return StepTraffic.Exchange(
                section: bucket.section, sends: messages, receives: messages, nodeBytes: pairs * bytes)
        }
        return StepTraffic(
            gradients: buckets.map { exchange($0, isEncoded: true) },
            weights: buckets.reversed().map { exchange($0, isEncoded: false) }, lanes: laneCount(buckets),
            waitsForLanes: true)
    }
}

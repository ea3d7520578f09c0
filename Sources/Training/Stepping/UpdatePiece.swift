import Averaging
import Kernels
import Tensors

/// What is updated at once: no more than a chunk, of one parameter, that this rank owns.
package struct UpdatePiece {
    /// Its place among all pieces of this rank.
    let number: Int
    /// The parameter's place in the layout.
    let parameter: Int
    /// Where it starts in the whole arena, in the shard's arenas, and in the master weights.
    let start: Int
    let stateStart: Int
    let masterStart: Int
    let count: Int
    /// The rule by which it is updated; nil: frozen.
    let rule: Int?

    /// The pieces of each range of `shard`.
    ///
    /// - Parameters:
    ///   - rules: That of each parameter.
    ///   - masterIsWhole: Whether the master weights are an arena of all parameters, not of the shard alone.
    static func all(
        of shard: Shard, _ layout: ParameterLayout, _ rules: [Int?], masterIsWhole: Bool
    ) -> [[UpdatePiece]] {
        var number = 0
        return zip(shard.ranges, shard.starts).map { range, start in
            layout.parameters.indices.flatMap { index in
                let own = layout.parameters[index].range.clamped(to: range)
                return stride(from: own.lowerBound, to: own.upperBound, by: chunkElements).map { first in
                    let stateStart = start + first - range.lowerBound
                    defer { number += 1 }
                    return UpdatePiece(
                        number: number, parameter: index, start: first, stateStart: stateStart,
                        masterStart: masterIsWhole ? first : stateStart,
                        count: min(chunkElements, own.upperBound - first), rule: rules[index])
                }
            }
        }
    }
}

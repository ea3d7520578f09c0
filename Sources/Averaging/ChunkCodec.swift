import Numbers
import Tensors

/// The encoding of chunks of Float32 gradients for the network: `ScaledHalves`, in half as many bytes.
struct ChunkCodec: Sendable {
    /// The size of an encoded chunk: its scale in the first four bytes of a cache line, then its values.
    let chunkBytes: Int
    /// Rounds a chunk to values that `encode` does not change.
    let round: NodeRounding
    /// Encodes a chunk of at most `chunkElements` values at `place`.
    let encode: @Sendable (_ values: UnsafePointer<Float>, _ count: Int, _ place: UnsafeMutableRawPointer) -> Void
    /// Decodes the chunk at `place`.
    let decode: @Sendable (_ place: UnsafeRawPointer, _ count: Int, _ values: UnsafeMutablePointer<Float>) -> Void

    /// The encoding of gradients of type `Element`; nil if they are sent as they are, as 16-bit gradients always are.
    init?<Element: Storage>(_ wire: AveragingConfiguration.Wire, of _: Element.Type) {
        guard Element.self == Float.self else { return nil }
        switch wire {
        case .float32: return nil
        case .float16: self.init(Float16.self)
        case .bfloat16: self.init(BFloat16.self)
        }
    }

    private init<Half: Storage>(_: Half.Type) {
        chunkBytes = arenaAlignmentBytes + chunkElements * MemoryLayout<Half>.stride
        round = { ScaledHalves<Half>.round($0, count: $1) }
        encode = { values, count, place in
            let scale = ScaledHalves<Half>.scale(of: values, count: count)
            place.storeBytes(of: scale, as: Float.self)
            let halves = (place + arenaAlignmentBytes).assumingMemoryBound(to: Half.self)
            ScaledHalves<Half>.encode(values, into: halves, count: count, scale: scale)
        }
        decode = { place, count, values in
            let halves = (place + arenaAlignmentBytes).assumingMemoryBound(to: Half.self)
            ScaledHalves<Half>.decode(halves, into: values, count: count, scale: place.load(as: Float.self))
        }
    }
}

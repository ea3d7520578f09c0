import Collectives
import Numbers
import Tensors
import Threads

/// The buffers and messages of one bucket at a time, between this rank and its partners and owners on other nodes.
final class NodeLane<Element: Storage> {
    /// The sums received for this rank's block, one after another, each `capacity` elements long.
    private let received: Arena<Element>
    private let capacity: Int
    /// Encoded chunks; empty if gradients are sent as they are.
    private let sentBytes: Arena<UInt8>
    private let receivedBytes: Arena<UInt8>
    private var sentChunks = 0
    private let codec: ChunkCodec?
    private let communicator: any Communicator
    /// The messages to owners.
    let sends = Transfers()
    /// The messages from partners.
    let receives = Transfers()

    /// Allocates space for `received` sums of a block of at most `capacity` elements, whole chunks, and with a codec
    /// for `sentChunks` chunks to be sent.
    init(
        received count: Int, blockElements capacity: Int, sentChunks: Int, _ codec: ChunkCodec?,
        _ communicator: any Communicator
    ) {
        (self.capacity, self.codec, self.communicator) = (capacity, codec, communicator)
        received = Arena(count: count * capacity)
        let chunkBytes = codec?.chunkBytes ?? 0
        sentBytes = Arena(count: sentChunks * chunkBytes)
        receivedBytes = Arena(count: count * (capacity / chunkElements) * chunkBytes)
    }

    /// The sum of number `index`, in the order of the calls of `receive`.
    func sum(_ index: Int) -> UnsafeMutablePointer<Element> { received.base + index * capacity }

    /// Starts to receive sum number `index`, of `count` elements.
    func receive(_ index: Int, count: Int, from other: Int) throws(MPIError) {
        let bytes: UnsafeMutableRawBufferPointer
        if let codec {
            let first = index * (capacity / chunkElements) * codec.chunkBytes
            bytes = receivedBytes.bytes(of: first..<first + chunks(count) * codec.chunkBytes)
        } else {
            bytes = received.bytes(of: index * capacity..<index * capacity + count)
        }
        receives.add(try communicator.startReceive(bytes, from: other, .gradients))
    }

    /// Decodes chunk `chunk`, of `count` elements, of sum number `index`, after it has arrived.
    func decode(_ index: Int, chunk: Int, count: Int) {
        guard let codec else { return }
        let place = receivedBytes.base + (index * (capacity / chunkElements) + chunk) * codec.chunkBytes
        let values = UnsafeMutableRawPointer(sum(index) + chunk * chunkElements).assumingMemoryBound(to: Float.self)
        codec.decode(place, count, values)
    }

    /// Starts to send `count` elements, which must not change until `sends` is complete.
    func send(_ values: UnsafeMutablePointer<Element>, count: Int, to other: Int) throws(MPIError) {
        var bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(start: values, count: count))
        if let codec {
            let first = sentBytes.base + sentChunks * codec.chunkBytes
            let floats = UnsafeMutableRawPointer(values).assumingMemoryBound(to: Float.self)
            parallel(chunks(count)) { chunk in
                let start = chunk * chunkElements
                codec.encode(floats + start, min(chunkElements, count - start), first + chunk * codec.chunkBytes)
            }
            bytes = UnsafeRawBufferPointer(start: first, count: chunks(count) * codec.chunkBytes)
            sentChunks += chunks(count)
        }
        sends.add(try communicator.startSend(bytes, to: other, .gradients))
    }

    /// Frees the space of encoded chunks, after all messages are complete.
    func clear() { sentChunks = 0 }

    private func chunks(_ count: Int) -> Int { (count + chunkElements - 1) / chunkElements }
}

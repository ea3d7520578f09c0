import Collectives
import Kernels
import Profiling
import Tensors

/// How the gradients of all ranks become one: the tree sum of `TreeSum` over ranks, whatever way the numbers take.
///
/// A step calls `sectionIsFinal` for every section of the layout, last section first, then `finish`, reads the result
/// where `segments` says it lies, and calls `release`.
protocol GradientAveraging<Element>: AnyObject {
    associatedtype Element: Storage

    /// The name that the configuration knows it by.
    var name: String { get }
    /// Where this rank's own gradient is put, and where it is no longer to be found after `finish`.
    var gradients: Arena<Element> { get }
    /// Where the result lies after `finish`: together the whole arena.
    var segments: [GradientSegment<Element>] { get }
    /// The part of the arena that this rank looks after where work is shared: whole chunks, disjoint over ranks.
    var owned: Range<Int> { get }

    /// This rank adds nothing more to the gradients of `section`; their way may begin.
    func sectionIsFinal(_ section: Int) throws(MPIError)
    /// Returns when the result lies in `segments`.
    func finish() throws(MPIError)
    /// The result has been read; its memory may be written again.
    func release() throws(MPIError)
}

/// A range of the averaged gradient, and the arena in which it lies.
struct GradientSegment<Element: Storage> {
    let range: Range<Int>
    /// The first element of the arena, not of the range.
    let base: UnsafePointer<Element>
}

/// The number of elements whose squares are summed together, so that a norm has the same bits for any number of ranks.
let chunkElements = 1 << 14

/// The `index`-th of `count` nearly equal parts of an arena, in whole chunks; all parts together are the arena.
func chunkAlignedPart(_ index: Int, of count: Int, arenaCount: Int) -> Range<Int> {
    let chunks = (arenaCount + chunkElements - 1) / chunkElements
    func border(_ i: Int) -> Int { min(chunks * i / count * chunkElements, arenaCount) }
    return border(index)..<border(index + 1)
}

/// Makes the averaging that `configuration` asks for.
///
/// - Throws: `MPIError` where the window cannot be had.
func makeAveraging<Element: Storage>(
    _ configuration: AveragingConfiguration, layout: ParameterLayout, _ communicator: any Communicator,
    _ spans: SpanRecorder = SpanRecorder()
) throws(MPIError) -> any GradientAveraging<Element> {
    let isOneNode = communicator.localSize == communicator.size
    switch configuration.strategy {
    case .auto where isOneNode, .sharedMemory:
        return try SharedMemoryAveraging(count: layout.count, communicator, spans)
    case .auto, .allreduce:
        return ExchangeAveraging(layout: layout, configuration, communicator, spans)
    }
}

import Synchronization

/// An arena whose contents are computed when they are first used, on any thread, such as a table that a model needs
/// only in its passes.
package final class LazyArena<Element>: Sendable {
    private let arena = AtomicLazyReference<Arena<Element>>()
    private let make: @Sendable () -> Arena<Element>

    /// An arena that `make` computes; several threads may compute it at the same time, and one result is kept.
    package init(_ make: @escaping @Sendable () -> Arena<Element>) { self.make = make }

    /// The first element; valid while this object exists.
    package var base: UnsafePointer<Element> { UnsafePointer((arena.load() ?? arena.storeIfNil(make())).base) }
}

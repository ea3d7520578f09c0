import Synchronization
import Tensors

/// The arithmetic of matmuls, which determines their bits.
package enum ProductArithmetic: Int, CaseIterable, Sendable {
    /// One Float32 multiply-add after another in a fixed order: the same bits on every CPU.
    case reproducible
    /// Pairs of bfloat16 by one instruction, whose rounding is the CPU's; other numbers as `reproducible`.
    case bfloat16Pairs
    /// The CPU's matrix unit (AMX); for the accuracy see `TileProduct`.
    case tiles

    /// The fastest one of this CPU, within the limit that `DTRAIN_KERNELS` sets.
    package static let fastest: ProductArithmetic =
        TileProduct.isAvailable ? .tiles : PanelProduct.multipliesPairs ? .bfloat16Pairs : .reproducible

    /// The one that this process uses: `fastest`, or the one that was set before anything was computed.
    package static var current: ProductArithmetic {
        get { ProductArithmetic(rawValue: used.load(ordering: .relaxed))! }
        set { used.store(newValue.rawValue, ordering: .relaxed) }
    }

    private static let used = Atomic(fastest.rawValue)

    /// Whether the bits of matmuls whose operands are stored in `format` are other ones than those of `reproducible`.
    package func changesBits(of format: FloatFormat) -> Bool {
        self == .tiles || self == .bfloat16Pairs && format == .bfloat16
    }

    /// Whether matmuls round a Float32 operand to bfloat16 if the other one is stored in `format`.
    package func rounds(besides format: FloatFormat) -> Bool { self != .reproducible && format == .bfloat16 }
}

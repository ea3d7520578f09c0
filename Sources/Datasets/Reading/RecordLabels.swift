import Failures
import Files

/// The labels of a split's records, held in memory.
struct RecordLabels {
    private let description: LabelDescription
    /// For each record, the class index or the bit pattern of the Float32 value.
    private var values: [UInt32] = []
    /// For multi-label records: for each record, one bit per class, padded to whole bytes.
    private var bits: [UInt8] = []

    init(
        _ description: LabelDescription, _ files: [RecordedFile], count: Int, _ directory: String
    ) throws(Failure) {
        self.description = description
        if description.kind == .multi {
            for recorded in files { bits += try RecordLabels.readBits(recorded, directory) }
            return
        }
        values.reserveCapacity(count)
        for recorded in files {
            let file = try File(checking: recorded, in: directory)
            try file.readNumbers { number, index throws(Failure) in
                if description.kind == .class, number >= description.names.count {
                    throw Records.damaged(file.path, index, "class \(number) of \(description.names.count)")
                }
                if description.kind == .number, !Float(bitPattern: number).isFinite {
                    throw Records.damaged(file.path, index, "a label that is not finite")
                }
                values.append(number)
            }
        }
    }

    func classIndex(of record: Int) -> Int32 {
        precondition(description.kind == .class, "the labels are not of one class")
        return Int32(values[record])
    }

    func number(of record: Int) -> Float {
        precondition(description.kind == .number, "the labels are not numbers")
        return Float(bitPattern: values[record])
    }

    func classes(of record: Int, into targets: UnsafeMutablePointer<Float>) {
        precondition(description.kind == .multi, "the labels are not of several classes")
        let start = record * description.labelBytes
        for index in 0..<description.names.count {
            targets[index] = Float(bits[start + index / 8] >> UInt8(index % 8) & 1)
        }
    }

    private static func readBits(_ recorded: RecordedFile, _ directory: String) throws(Failure) -> [UInt8] {
        let file = try File(checking: recorded, in: directory)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
        defer { buffer.deallocate() }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(recorded.bytes)
        while true {
            let count = try file.readSome(into: buffer, at: bytes.count)
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}

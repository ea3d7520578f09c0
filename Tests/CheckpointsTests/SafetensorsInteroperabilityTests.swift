import Glibc
import TestSupport
import Testing

@testable import Checkpoints

/// A Python interpreter with the reference implementation: DTRAIN_PYTHON or `python3`.
private enum Python {
    static let interpreter = getenv("DTRAIN_PYTHON").map { String(cString: $0) } ?? "python3"
    static let hasSafetensors = run("import numpy, safetensors.numpy", "", showingErrors: false)

    /// Runs a program with one argument, and returns whether its exit code is 0.
    static func run(_ program: String, _ argument: String, showingErrors: Bool = true) -> Bool {
        let command = "'\(interpreter)' -c '\(program)' '\(argument)'" + (showingErrors ? "" : " 2>/dev/null")
        return system(command) == 0
    }
}

@Suite(.enabled(if: Python.hasSafetensors, "needs a python3 with numpy and safetensors (DTRAIN_PYTHON names another)"))
struct SafetensorsInteroperabilityTests {
    let directory = TemporaryDirectory()
    var path: String { directory.file("f.safetensors") }

    @Test func pythonReadsOurFiles() throws {
        let floats = Memory([0.5, -1.25, 3e38, .leastNonzeroMagnitude, 0, 7])
        let bytes = Memory(byteCount: 5)
        let integers = Memory(byteCount: 16)
        for (index, value) in [Int64.min, 42].enumerated() {
            integers.buffer.storeBytes(of: value, toByteOffset: index * 8, as: Int64.self)
        }
        _ = try SafetensorsWriter.write(
            [
                TensorSource(name: "bytes", type: .uint8, shape: [5], bytes: .init(bytes.buffer)),
                TensorSource(name: "floats \"é\"", type: .float32, shape: [2, 3], bytes: .init(floats.buffer)),
                TensorSource(name: "integers", type: .int64, shape: [2, 1], bytes: .init(integers.buffer)),
                TensorSource(name: "empty", type: .float16, shape: [3, 0], bytes: .init(start: nil, count: 0)),
            ], metadata: ["format": "pt"], to: path)
        withExtendedLifetime((floats, bytes, integers)) {}
        let program = """
            import sys, numpy as np, safetensors.numpy as s
            t = s.load_file(sys.argv[1])
            assert set(t) == {"bytes", "floats \\"\\u00e9\\"", "integers", "empty"}, set(t)
            f = t["floats \\"\\u00e9\\""]
            assert f.dtype == np.float32 and f.shape == (2, 3)
            assert (f == np.array([[0.5, -1.25, 3e38], [1e-45, 0, 7]], np.float32)).all()
            assert t["bytes"].dtype == np.uint8 and t["bytes"].tolist() == [11, 48, 85, 122, 159]
            assert t["integers"].dtype == np.int64 and t["integers"].tolist() == [[-2**63], [42]]
            assert t["empty"].dtype == np.float16 and t["empty"].shape == (3, 0)
            """
        #expect(Python.run(program, path))
    }

    @Test func readsFilesFromPython() throws {
        let program = """
            import sys, numpy as np, safetensors.numpy as s
            s.save_file({
                "halves": np.array([[1, -2], [0.5, 65504]], np.float16),
                "scalar": np.array(2.5, np.float64),
                "flags": np.array([True, False, True]),
                "empty": np.zeros((0, 4), np.int32),
            }, sys.argv[1], metadata={"who": "p\\u00efthon"})
            """
        try #require(Python.run(program, path))
        let file = try SafetensorsFile(path)
        #expect(file.metadata == ["who": "pïthon"])
        #expect(file.tensors.map(\.name).sorted() == ["empty", "flags", "halves", "scalar"])

        let halves = Memory(byteCount: 8)
        try file.read(into: TensorDestination(name: "halves", type: .float16, shape: [2, 2], bytes: halves.buffer))
        #expect(Array(halves.buffer.bindMemory(to: UInt16.self)) == [0x3C00, 0xC000, 0x3800, 0x7BFF])
        let scalar = Memory(byteCount: 8)
        try file.read(into: TensorDestination(name: "scalar", type: .float64, shape: [], bytes: scalar.buffer))
        #expect(scalar.buffer.load(as: Double.self) == 2.5)
        let flags = Memory(byteCount: 3)
        try file.read(into: TensorDestination(name: "flags", type: .boolean, shape: [3], bytes: flags.buffer))
        #expect(flags.bytes == [1, 0, 1])
        #expect(file["empty"]?.shape == [0, 4])
    }
}

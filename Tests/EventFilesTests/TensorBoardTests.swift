import Files
import Glibc
import TestSupport
import Testing

@testable import EventFiles

/// A Python interpreter with the reference implementation: DTRAIN_PYTHON or `python3`.
private enum Python {
    static let interpreter = getenv("DTRAIN_PYTHON").map { String(cString: $0) } ?? "python3"
    static let hasTensorBoard = system("'\(interpreter)' -c 'import tensorboard' 2>/dev/null") == 0
}

@Suite(.enabled(if: Python.hasTensorBoard, "needs a python3 with tensorboard (DTRAIN_PYTHON names another)"))
struct TensorBoardTests {
    /// TensorBoard's own reader finds each step of a run once, whatever was rewritten.
    @Test func tensorBoardReadsOurFiles() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("log")
        var log = try EventLog(path, startingAt: 1)
        try log.append([.code("configuration", "a: 1\nb: <b>")], step: 0)
        for step in 1...5 { try log.append([Summary("training/loss", .scalar(Float(step) / 3))], step: step) }
        try EventLog.truncate(path, afterStep: 3)
        log = try EventLog(path, startingAt: 4)
        try log.append([Summary("validation/loss", .scalar(9))], step: 3)
        for step in 4...6 { try log.append([Summary("training/loss", .scalar(Float(step) / 7))], step: step) }
        let histogram = Histogram(
            minimum: -1, maximum: 2, count: 3, sum: 1.5, sumOfSquares: 5.25, limits: [0, 2], counts: [1, 2])
        try log.append([Summary("weights/a", .histogram(histogram))], step: 6)
        let program = """
            import sys
            import numpy as np
            from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
            log = EventAccumulator(sys.argv[1])
            log.Reload()
            loss = [(event.step, event.value) for event in log.Scalars("training/loss")]
            expected = [(s, float(np.float32(s) / np.float32(3 if s < 4 else 7))) for s in range(1, 7)]
            assert loss == expected, loss
            assert [(event.step, event.value) for event in log.Scalars("validation/loss")] == [(3, 9.0)]
            text = log.Tensors("configuration")
            assert [event.step for event in text] == [0], text
            assert text[0].tensor_proto.string_val[0] == b"    a: 1\\n    b: <b>", text
            histogram = log.Histograms("weights/a")[0].histogram_value
            assert histogram.num == 3 and list(histogram.bucket_limit) == [0, 2], histogram
            """
        let file = try directory.file("read.py", holding: Array(program.utf8))
        #expect(system("'\(Python.interpreter)' '\(file)' '\(path)' 2>'\(directory.file("errors"))'") == 0)
        let errors = String(decoding: try FileSystem.contents(of: directory.file("errors")), as: UTF8.self)
        #expect(!errors.contains("Error"), "\(errors)")
    }
}

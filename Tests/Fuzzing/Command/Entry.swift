import Failures
import Files
import Glibc

// The entry points that libFuzzer calls. DTRAIN_FUZZED_READER names the parser to test.

nonisolated(unsafe) private var run: ReaderRun?
nonisolated(unsafe) private var bytesRead = 0

/// The value of an environment variable.
private func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Initializes the parser; with DTRAIN_FUZZING_SEEDS, only writes its seeds to that directory and exits.
@_cdecl("LLVMFuzzerInitialize")
public func prepareFuzzing(
    _ count: UnsafeMutablePointer<CInt>?, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
    let name = variable("DTRAIN_FUZZED_READER") ?? ""
    guard let reader = FuzzedReader.named(name) else {
        fatalError("DTRAIN_FUZZED_READER is '\(name)'; readers are \(FuzzedReader.all.map(\.name)).")
    }
    do {
        if let directory = variable("DTRAIN_FUZZING_SEEDS") {
            for (index, seed) in try reader.seeds().enumerated() {
                try File("\(directory)/seed-\(index)", .create).write(seed)
            }
            _exit(0)
        }
        run = try ReaderRun(reader)
    } catch {
        fatalError("\(name): \(error)")
    }
    atexit {
        let text = "stat::bytes_read: \(bytesRead)\n"
        _ = write(STDERR_FILENO, text, text.utf8.count)
    }
    return 0
}

/// Parses one input; aborts the process if the parser has a defect.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    bytesRead += count
    do {
        _ = try run?.accepts(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}

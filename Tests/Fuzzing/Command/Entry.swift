import Failures
import Files
import Glibc

// What libFuzzer calls. The reader is the one that DTRAIN_FUZZED_READER names.

nonisolated(unsafe) private var run: ReaderRun?
nonisolated(unsafe) private var bytesRead = 0

/// The value of an environment variable.
private func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Opens the reader; with DTRAIN_FUZZING_SEEDS, only writes its seeds into that directory.
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

/// Reads one input; ends the process where the reader does what it never may.
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

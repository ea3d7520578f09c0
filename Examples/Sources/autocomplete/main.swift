// Completes lines with a decoder: for each line of standard input, prints a few continuations of it.
//
//   autocomplete RUN [COUNT [THREADS]]

import DTrain
import Glibc

/// Prints a message on standard error.
func warn(_ message: String) {
    let bytes = Array("autocomplete: \(message)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}

/// Ends the program with a message on standard error.
func fail(_ message: String, _ code: Int32) -> Never {
    warn(message)
    exit(code)
}

let words = Array(CommandLine.arguments.dropFirst())
guard (1...3).contains(words.count), let count = Int(words.count > 1 ? words[1] : "3"), count > 0 else {
    fail("usage: autocomplete RUN [COUNT [THREADS]]. COUNT is the number of continuations of a line (3).", 64)
}

do {
    if words.count > 2 { try Model.useThreads(Int(words[2])) }
    let model = try Model(at: words[0])
    for note in model.notes { warn(note) }

    var options = GenerationOptions()
    options.tokens = 24
    options.stops = ["\n"]
    options.crop = true
    while let line = readLine() {
        if line.isEmpty { continue }
        // Samples of a prompt that is repeated differ.
        let prompts = Array(repeating: line, count: count)
        for continuation in try model.generate(prompts, options) { print("\(line)\(continuation)") }
    }
} catch {
    fail("\(error)", error.kind == .usage ? 64 : 65)
}

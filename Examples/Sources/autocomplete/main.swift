// Completes lines with a decoder: for each line of standard input, prints a few continuations of it.
//
//   autocomplete RUN [COUNT]

import DTrain
import Glibc

/// Ends the program with a message on standard error.
func fail(_ message: String, _ code: Int32) -> Never {
    fputs("autocomplete: \(message)\n", stderr)
    exit(code)
}

let words = CommandLine.arguments.dropFirst()
guard let path = words.first, words.count <= 2, let count = Int(words.count == 2 ? words.last! : "3"), count > 0 else {
    fail("usage: autocomplete RUN [COUNT]. COUNT is the number of continuations of a line (3).", 64)
}

do {
    let model = try Model(at: path)
    for note in model.notes { fputs("autocomplete: \(note)\n", stderr) }

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

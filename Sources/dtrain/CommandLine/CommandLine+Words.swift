import Texts

extension CommandLine {
    /// The program's name and its arguments, as paths; see `PathText`. Unlike these, `arguments` replaces invalid
    /// UTF-8, which would change paths.
    static var words: [String] {
        (0..<Int(argc)).compactMap { index in unsafeArgv[index].map { PathText.text(of: UnsafePointer($0)) } }
    }
}

/// The names of files within a directory.
enum FileName {
    /// The last component of `path`.
    static func last(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Whether `name` names something in the directory it is looked up in, and nothing elsewhere.
    static func isPlain(_ name: String) -> Bool {
        let forbidden: [Character] = ["/", "\\", "\0"]
        return !name.isEmpty && name != "." && !name.contains("..") && !name.contains(where: forbidden.contains)
    }
}

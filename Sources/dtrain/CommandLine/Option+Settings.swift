extension Option {
    /// The option of commands that read a configuration.
    static let settings = Option(
        name: "set", arity: .assignments, value: .assignment,
        help: "configuration keys; they override the file's values")
}

import Failures
import Testing

/// Expects `body` to throw a `Failure` with `exitCode` whose message contains every one of `words`.
package func expectFailure(
    _ exitCode: ExitCode, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("Nothing was thrown.", sourceLocation: sourceLocation)
    } catch let failure as Failure {
        #expect(failure.exitCode == exitCode, "\(failure)", sourceLocation: sourceLocation)
        for word in words {
            #expect(failure.message.contains(word), "\(failure)", sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
}

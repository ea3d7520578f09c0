import Glibc
import TestSupport
import Testing

@testable import Watching

@Suite struct FaultTests {
    @Test func parsesFaults() throws {
        #expect(try Fault.parse("") == [])
        let faults = try Fault.parse(
            "kill rank=1 step=13 phase=backward; fail step=10 phase=checkpoint call=sync number=3 error=ENOSPC")
        #expect(faults.count == 2)
        #expect(
            faults[0].action == .kill && faults[0].rank == 1 && faults[0].step == 13 && faults[0].phase == .backward)
        #expect(faults[1].call == .sync && faults[1].number == 3 && faults[1].error == ENOSPC)
        // Gradients are corrupted in the backward pass.
        #expect(try Fault.parse("nan")[0].phase == .backward)
        #expect(try Fault.parse("flip tensor=a.b bit=31 once=/tmp/x")[0].tensor == "a.b")
    }

    @Test(arguments: [
        ("crash", "allowed: kill, stop, request, trap"), ("kill 3", "found 3; allowed: KEY=VALUE"),
        ("kill steps=3", "found steps=3; allowed: rank"), ("kill step=x", "found step: x; allowed: a whole number"),
        ("flip bit=32", "from 0 to 31"), ("fail call=open", "allowed: read, write, sync, rename"),
        ("fail error=EPERM", "allowed: EACCES, EDQUOT"),
    ])
    func rejectsInvalidFaults(text: String, words: String) {
        expectFailure(.usage, words) { _ = try Fault.parse(text) }
    }
}

import Failures
import Synchronization
import TestSupport
import Testing

@testable import Reports

struct PageServerTests {
    @Test func answersThisHostOnly() throws {
        let server = try PageServer(port: 0)
        expectFailure(.inputOutput, "port \(server.port): is in use by another program", "--serve=PORT") {
            _ = try PageServer(port: server.port)
        }
        let isOver = Atomic(false)
        let port = server.port
        let thread = Thread {
            try? server.run(unless: { isOver.load(ordering: .relaxed) }) { path in
                path == "/" ? ("text/html", "<p>\(path)") : nil
            }
        }
        defer {
            isOver.store(true, ordering: .relaxed)
            thread.join()
        }
        let page = try #require(LoopbackClient.request("GET", "/", port: port))
        #expect(
            page.hasPrefix("HTTP/1.1 200 OK\r\n") && page.contains("text/html")
                && LoopbackClient.body(of: page) == "<p>/")
        func status(_ method: String, _ path: String, host: String? = nil) -> Substring? {
            LoopbackClient.request(method, path, port: port, host: host)?.prefix(12)
        }
        #expect(status("GET", "/../etc/passwd") == "HTTP/1.1 404")
        #expect(status("POST", "/") == "HTTP/1.1 405")
        #expect(status("GET", "/", host: "evil.example:\(port)") == "HTTP/1.1 403")
        #expect(status("GET", "/", host: "127.0.0.1:\(port)") == "HTTP/1.1 200")
    }
}

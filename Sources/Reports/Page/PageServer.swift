import Failures
import Glibc
import Texts

/// Serves a page on the loopback interface, to browsers of this host only.
///
/// It answers `GET` for `/` and `/data.json`, one request after another, and refuses requests that name another host: a
/// page of another origin could otherwise read the data by a name that leads here.
package final class PageServer {
    private let descriptor: Int32
    /// The port that it listens on.
    package let port: Int

    /// Starts to listen.
    ///
    /// - Parameter port: The port; 0: any that is free.
    /// - Throws: `inputOutput` if the port is in use or not allowed.
    package init(port: Int) throws(Failure) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw PageServer.failure(port) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let opened = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(opened, $0, length) == 0 && listen(opened, 16) == 0 && getsockname(opened, $0, &length) == 0
            }
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        guard isListening else { throw PageServer.failure(port) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func failure(_ port: Int) -> Failure {
        let reason = errno == EADDRINUSE ? "is in use by another program" : String(cString: strerror(errno))
        return Failure(
            .inputOutput,
            "report: --serve: port \(port): \(reason). Choose another one: --serve=PORT (0: any free port).")
    }

    /// Answers requests until `shouldStop`.
    ///
    /// - Parameter answer: Returns the type and the contents for a path; nil if there is nothing. Called for each
    ///   request.
    package func run(
        unless shouldStop: () -> Bool, answer: (_ path: String) throws(Failure) -> (type: String, body: String)?
    ) throws(Failure) {
        while !shouldStop() {
            var wish = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wish, 1, 200) > 0 else { continue }
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { continue }
            defer { close(connection) }
            // A client that says nothing does not block the next one for long.
            var limit = timeval(tv_sec: 2, tv_usec: 0)
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(connection, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            let request = PageServer.request(connection)
            PageServer.send(try response(to: request, answer), connection)
        }
    }

    /// The head of a request, at most 16 KiB.
    private static func request(_ connection: Int32) -> [String] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 14, bytes.suffix(4) != Array("\r\n\r\n".utf8)[...] {
            let count = recv(connection, &block, block.count, 0)
            if count <= 0 { break }
            bytes += block[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).exactParts(at: "\n").map { $0.withoutExactSuffix("\r") ?? $0 }
    }

    private func response(
        to lines: [String], _ answer: (String) throws(Failure) -> (type: String, body: String)?
    ) throws(Failure) -> [UInt8] {
        func reply(_ status: String, _ body: String, type: String = "text/plain") -> [UInt8] {
            let body = Array(body.utf8)
            let head =
                "HTTP/1.1 \(status)\r\nContent-Type: \(type); charset=utf-8\r\nContent-Length: \(body.count)\r\n"
                + "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
            return Array(head.utf8) + body
        }
        let words = (lines.first ?? "").exactParts(at: " ")
        guard words.count == 3, words[0] == "GET" else { return reply("405 Method Not Allowed", "Only GET.\n") }
        let hosts = lines.compactMap { line in
            line.exactHalves(at: ":").flatMap { $0.before.lowercased() == "host" ? $0.behind : nil }
        }.map { String($0.unicodeScalars.filter { $0 != " " }) }
        let own = ["localhost:\(port)", "127.0.0.1:\(port)"]
        guard hosts.count == 1, own.containsExactly(hosts[0]) else {
            return reply("403 Forbidden", "Ask for localhost:\(port).\n")
        }
        guard let found = try answer(words[1]) else { return reply("404 Not Found", "There is no such page.\n") }
        return reply("200 OK", found.body, type: found.type)
    }

    private static func send(_ bytes: [UInt8], _ connection: Int32) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            done += count
        }
        shutdown(connection, Int32(SHUT_WR))
    }
}

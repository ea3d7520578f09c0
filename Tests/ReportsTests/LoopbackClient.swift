import Glibc

/// A client of servers on this host, which close each connection after their answer.
enum LoopbackClient {
    /// Sends a request and returns the answer; nil if nothing listens. After `seconds` without a byte, the answer ends.
    static func request(
        _ method: String, _ path: String, port: Int, host: String? = nil, body: String = "", seconds: Int = 30
    ) -> String? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isOpen = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isOpen else { return nil }
        let request =
            "\(method) \(path) HTTP/1.1\r\nHost: \(host ?? "localhost:\(port)")\r\nContent-Type: application/json\r\n"
            + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        _ = Array(request.utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var (answer, block): ([UInt8], [UInt8]) = ([], Array(repeating: 0, count: 1 << 16))
        while true {
            let count = recv(descriptor, &block, block.count, 0)
            if count <= 0 { break }
            answer += block[..<count]
            // A server may keep the connection open.
            if let whole = length(of: answer), answer.count >= whole { break }
        }
        return String(decoding: answer, as: UTF8.self)
    }

    /// The length of an answer that tells it.
    private static func length(of answer: [UInt8]) -> Int? {
        let text = String(decoding: answer.prefix(1 << 13), as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n"), let field = text.lowercased().firstRange(of: "content-length:")
        else { return nil }
        let digits = text.utf8.dropFirst(text.utf8.distance(from: text.startIndex, to: field.upperBound))
            .drop { $0 == 0x20 }.prefix { 0x30...0x39 ~= $0 }
        let head = text.utf8.distance(from: text.startIndex, to: end.upperBound)
        return Int(String(decoding: digits, as: UTF8.self)).map { head + $0 }
    }

    /// The part of an answer after its head.
    static func body(of answer: String) -> String {
        answer.firstRange(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? ""
    }
}

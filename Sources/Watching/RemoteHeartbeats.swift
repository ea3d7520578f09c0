import Texts
import Collectives
import Glibc

/// Heartbeats between the nodes of a job: one rank of each node regularly sends its step and phase to rank 0 in a
/// datagram, and rank 0 answers. A suspended process or a lost node sends and answers nothing. The other ranks of a
/// node are watched by its own watchdogs.
///
/// A rank from which no datagram was ever received, because the network blocks them, is not reported. Datagrams contain
/// a random number that identifies the job. Their content affects only whether a rank is reported as silent, and at
/// which step and phase.
package final class RemoteHeartbeats {
    /// A heartbeat of one rank.
    private struct Datagram: BitwiseCopyable {
        var job: UInt64
        var rank: Int64
        var step: Int64
        var phase: Int64
    }

    /// The last heartbeat of another rank, and the time at which it arrived.
    private struct Peer {
        var heard: Double
        var step: Int
        var phase: Int
    }

    private let descriptor: Int32
    private let rank: Int
    private let job: UInt64
    /// The addresses of rank 0; as soon as one of them has answered, only this one.
    private var addresses: [sockaddr_in]
    private var peers: [Int: Peer] = [:]
    /// The seconds watched so far.
    private var time = 0.0

    /// Opens a connection between this rank and rank 0. Collective: every rank calls it.
    ///
    /// - Parameter speaks: Whether this rank represents the ranks of its node; rank 0 always does.
    /// - Returns: nil if all ranks are on one node, if another rank represents this one, or if no socket is available.
    package static func open(_ communicator: any Communicator, speaks: Bool) throws(MPIError) -> RemoteHeartbeats? {
        if communicator.localSize == communicator.size { return nil }
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let isFirst = communicator.rank == 0
        let port = isFirst ? listen(descriptor) : nil
        let job = UInt64.random(in: .min ... .max)
        let words = port.map { ["\(job)", "\($0)"] + ownAddresses().map(String.init) } ?? []
        let told = try communicator.broadcast(words.joined(separator: " ")).exactParts(at: " ", omittingEmpty: true)
        guard speaks, told.count > 2, let job = UInt64(told[0]), let port = UInt16(told[1]), descriptor >= 0 else {
            close(descriptor)
            return nil
        }
        let addresses = told.dropFirst(2).compactMap { UInt32($0) }.map { address($0, port: port) }
        return RemoteHeartbeats(descriptor, rank: communicator.rank, job: job, addresses)
    }

    private init(_ descriptor: Int32, rank: Int, job: UInt64, _ addresses: [sockaddr_in]) {
        (self.descriptor, self.rank, self.job, self.addresses) = (descriptor, rank, job, addresses)
    }

    deinit { close(descriptor) }

    /// Sends this rank's heartbeat and receives those of others.
    ///
    /// - Parameter elapsed: Seconds since the last call.
    func exchange(_ own: Heartbeats.Reading, elapsed: Double) {
        time += elapsed
        let message = Datagram(job: job, rank: Int64(rank), step: Int64(own.step), phase: Int64(own.phaseCode))
        if rank != 0 { for address in addresses { send(message, to: address) } }
        while let (datagram, sender) = receive() {
            // Rank 0 receives from all others, and they receive from rank 0.
            guard datagram.job == job, (datagram.rank == 0) != (rank == 0) else { continue }
            peers[Int(datagram.rank)] = Peer(heard: time, step: Int(datagram.step), phase: Int(datagram.phase))
            if rank == 0 { send(message, to: sender) } else { addresses = [sender] }
        }
    }

    /// The ranks that were heard at least once, but not in the last `seconds`, with their last step and phase.
    func silent(for seconds: Double) -> [Heartbeats.Reading] {
        peers.filter { time - $0.value.heard >= seconds }.sorted { $0.key < $1.key }.map { rank, peer in
            Heartbeats.Reading(
                rank: rank, process: 0, beats: 0, step: peer.step, phaseCode: peer.phase, allowance: 0)
        }
    }

    // MARK: Sockets

    private func send(_ datagram: Datagram, to address: sockaddr_in) {
        withUnsafeBytes(of: datagram) { bytes in
            withUnsafePointer(to: address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    // Lost datagrams need no retry: the next one follows soon.
                    _ = sendto(
                        descriptor, bytes.baseAddress, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }

    private func receive() -> (Datagram, sockaddr_in)? {
        var datagram = Datagram(job: 0, rank: 0, step: 0, phase: 0)
        var sender = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutableBytes(of: &datagram) { bytes in
            withUnsafeMutablePointer(to: &sender) { sender in
                sender.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, bytes.baseAddress, bytes.count, 0, $0, &length)
                }
            }
        }
        // A datagram of another size is treated as one of another job.
        if count >= 0, count != MemoryLayout<Datagram>.size { datagram.job = ~job }
        return count < 0 ? nil : (datagram, sender)
    }

    /// Binds the socket of rank 0.
    ///
    /// - Returns: Its port; nil if none is available.
    private static func listen(_ descriptor: Int32) -> UInt16? {
        var own = address(INADDR_ANY, port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &own) { own in
            own.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        return isBound ? UInt16(bigEndian: own.sin_port) : nil
    }

    /// This host's IPv4 addresses except loopback, in network byte order.
    private static func ownAddresses() -> [UInt32] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        return sequence(first: list, next: { $0?.pointee.ifa_next }).compactMap { entry in
            guard let entry, let address = entry.pointee.ifa_addr, address.pointee.sa_family == UInt16(AF_INET),
                entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) == 0
            else { return nil }
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
        }
    }

    private static func address(_ address: UInt32, port: UInt16) -> sockaddr_in {
        var value = sockaddr_in()
        value.sin_family = sa_family_t(AF_INET)
        value.sin_port = port.bigEndian
        value.sin_addr.s_addr = address
        return value
    }
}

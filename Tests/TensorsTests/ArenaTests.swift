import Tensors
import Testing

@Suite struct ArenaTests {
    @Test(arguments: [0, 1, 15, 16, 17, 1000])
    func isAlignedAndZero(count: Int) {
        check(Float.self, count)
        check(Float16.self, count)
    }

    private func check<Element: BinaryFloatingPoint>(_: Element.Type, _ count: Int) {
        let arena = Arena<Element>(count: count)
        #expect(Int(bitPattern: arena.base) % 64 == 0 && arena.count == count)
        let bytes = arena.bytes(of: 0..<count)
        #expect(bytes.count == count * MemoryLayout<Element>.stride && bytes.allSatisfy { $0 == 0 })
    }

    @Test func bytesCoverTheRange() {
        let arena = Arena<Float>(count: 4)
        arena.base[2] = 1
        #expect(Array(arena.bytes(of: 1..<3)) == [0, 0, 0, 0, 0, 0, 0x80, 0x3F])
    }

    /// An arena keeps the owner of its memory alive, and does not free that memory.
    @Test func keepsTheOwnerAlive() {
        final class Owner {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
            deinit { memory.deallocate() }
        }
        weak var remembered: Owner?
        do {
            let owner = Owner()
            remembered = owner
            let arena = Arena<Float>(owner.memory, count: 16, owner: owner)
            withExtendedLifetime(arena) {
                #expect(remembered != nil && UnsafeMutableRawPointer(arena.base) == remembered?.memory)
            }
        }
        #expect(remembered == nil)
    }
}

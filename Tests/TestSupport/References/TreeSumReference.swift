import Numbers

/// The tree sum of several arrays.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func treeSum<Element: Storage>(_ parts: [[Element]]) -> [Element] {
    if parts.count == 1 { return parts[0] }
    let middle = TreeSum.split(parts.count)
    let (left, right) = (treeSum(Array(parts[..<middle])), treeSum(Array(parts[middle...])))
    return zip(left, right).map { Element(Float($0) + Float($1)) }
}

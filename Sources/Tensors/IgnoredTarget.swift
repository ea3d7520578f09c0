/// The target value of positions without a loss.
package let ignoredTarget: Int32 = -1

/// The target value of positions without a loss of their own that belong to the next position with a target: it is
/// predicted from the mean of all of them.
package let joinedTarget: Int32 = -2

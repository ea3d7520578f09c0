/// The target value of positions without a loss.
package let ignoredTarget: Int32 = -1

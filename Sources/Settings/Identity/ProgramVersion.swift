/// The program's name and version, as recorded in checkpoints and printed by `--version`.
package let programVersion = "dtrain 0.1.0"

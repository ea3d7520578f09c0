/// The program's name and version, as checkpoints and `--version` tell it.
package let programVersion = "dtrain 0.1.0"

//! Start-up and exit codes.

use std::process::ExitCode;

fn main() -> ExitCode {
    pagekeeper::cli::main()
}

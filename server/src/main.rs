//! The program `komado-server`: reads its command line and does what it says.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    match program::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("komado-server: {error}");
            ExitCode::FAILURE
        }
    }
}

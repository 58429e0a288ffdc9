//! Where a password comes from. Never from the command line itself: others on the machine can read that.

use super::super::Fault;
use clap::Args;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::PathBuf;

/// Longest first line that is read as a password, in bytes.
const LINE_MAX: u64 = 4096;

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(in crate::program) struct PasswordSource {
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from the first line of a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    pub(super) fn obtain(&self, name: &str) -> Result<String, Fault> {
        if let Some(path) = &self.password_file {
            let file = std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
            return first_line(file);
        }
        if self.password_stdin {
            return first_line(std::io::stdin());
        }
        if !std::io::stdin().is_terminal() {
            return Err("no password: give --password-stdin or --password-file FILE, or run this in a terminal".into());
        }
        let password = rpassword::prompt_password(format!("Password for {name}: "))?;
        if rpassword::prompt_password("The same again: ")? != password {
            return Err("the two passwords differ: nothing was changed".into());
        }
        Ok(password)
    }
}

fn first_line(from: impl Read) -> Result<String, Fault> {
    let mut line = String::new();
    BufReader::new(from.take(LINE_MAX)).read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    if line.is_empty() {
        return Err("the first line, where the password should be, is empty".into());
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_without_its_end() {
        assert_eq!(first_line("correct horse\r\nnext".as_bytes()).unwrap(), "correct horse");
        assert_eq!(first_line(" spaces stay ".as_bytes()).unwrap(), " spaces stay ");
        assert!(first_line("\n".as_bytes()).is_err());
    }
}

//! `komado-server user`: accounts, for the administrator. Works while the server runs: both share the database.

use super::{Fault, Place, settle};
use clap::{Args, Subcommand};
use server::config::Layer;
use server::database::Database;
use server::identity::{Accounts, Hasher};
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// Longest first line that is read as a password, in bytes.
const LINE_MAX: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make an account
    Add {
        /// Name to log in with: letters, digits, '.', '-', '_' and '@'
        name: String,
        #[command(flatten)]
        password: PasswordSource,
        /// Let it create public tracks that anyone may watch
        #[arg(long)]
        publisher: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List all accounts
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Set a new password and end all of the account's sessions
    Password {
        /// The account's name
        name: String,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        place: Place,
    },
    /// Remove an account and end its sessions; its messages stay
    Remove {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Where the password comes from. Never from the command line itself: others on the machine can read that.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct PasswordSource {
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from the first line of a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    fn obtain(&self, name: &str) -> Result<String, Fault> {
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

pub(super) fn run(user: User) -> Result<(), Fault> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(carry_out(user))
}

async fn carry_out(user: User) -> Result<(), Fault> {
    match user {
        User::Add { name, password, publisher, place } => {
            let password = password.obtain(&name)?;
            let member = open(place)?.add(&name, password, publisher).await?;
            println!("{} is account {}", member.name, member.id);
        }
        User::List { place } => {
            for account in open(place)?.list().await? {
                let publisher = if account.publisher { "\tpublisher" } else { "" };
                println!("{}\t{}{publisher}", account.id, account.name);
            }
        }
        User::Password { name, password, place } => {
            let password = password.obtain(&name)?;
            open(place)?.set_password(&name, password).await?;
            println!("{name} has a new password and must log in again");
        }
        User::Remove { name, place } => {
            open(place)?.remove(&name).await?;
            println!("{name} is removed");
        }
    }
    Ok(())
}

fn open(place: Place) -> Result<Accounts, Fault> {
    let config = settle(place.file, Layer { data: place.data, database: place.database, ..Layer::default() })?;
    let database = Arc::new(Database::open(&config.location())?);
    Ok(Accounts::new(database, Arc::new(Hasher::start(1)?)))
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

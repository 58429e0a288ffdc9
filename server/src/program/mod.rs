//! The command line: serve, administer, fingerprint.

mod admin;
mod log;
mod serve;

use clap::{Args, Parser, Subcommand};
use server::certificate::{Certificate, spelled};
use server::config::{ConfigError, Layer};
use server::database::UnreadUrl;
use std::ffi::OsString;
use std::path::PathBuf;

/// The Komado server: chat, calls and channels for small windows, over HTTP alone.
#[derive(Debug, Parser)]
#[command(name = "komado-server", version, about, after_help = EXAMPLES)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Make two accounts, then serve on port 8080 with a certificate made at the first start:
    echo 'correct horse' | komado-server user add alice --password-stdin
    komado-server user add bob                 (asks for the password)
    komado-server

  Let three people make their own accounts by a link, and see who logged in:
    komado-server admin invite add --uses 3 --public-address http://chat.example
    komado-server admin log

  Serve ports 80 and 443 with a certificate of a public authority:
    komado-server serve --listen 0.0.0.0:80 --listen 0.0.0.0:443 \\
      --certificate /etc/komado/chain.pem --key /etc/komado/key.pem --data /var/lib/komado

  Show the fingerprint that clients pin:
    komado-server fingerprint

Everything can also stand in a TOML file (--config FILE, names as the flags without dashes in front, for
example `session-days = 7`) or in the environment (KOMADO_LISTEN, KOMADO_DATA, ...). Flags win over the environment, the
environment over the file, the file over the defaults.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C; also what happens without any command
    Serve(Box<ServeArgs>),
    /// Accounts, invitations, sessions, grants and the log; also while the server runs
    #[command(subcommand)]
    Admin(admin::Admin),
    /// The same as `admin user`: make, list, lock and remove accounts, give roles and passwords
    #[command(subcommand)]
    User(admin::user::User),
    /// Show the fingerprint of the server's certificate, making the certificate if there is none
    Fingerprint(Box<ServeArgs>),
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    layer: Layer,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// TOML file with the configuration
    #[arg(long, env = "KOMADO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where a command finds the server's data.
#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    file: ConfigFile,
    /// The server's data folder [default: ./komado-data]
    #[arg(long, env = "KOMADO_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The server's PostgreSQL database, if it uses one: postgres://user:password@host/database
    #[arg(long, env = "KOMADO_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<UnreadUrl>,
}

/// Whatever goes wrong is said to the user as it is.
pub(crate) type Fault = Box<dyn std::error::Error>;

/// Does what the command line says.
///
/// # Errors
/// What the user has to be told.
pub(crate) fn run() -> Result<(), Fault> {
    match Program::parse_from(with_command(std::env::args_os())).command {
        Command::Serve(args) => serve::run(settle(args.file, args.layer)?),
        Command::Admin(admin) => admin::run(admin),
        Command::User(user) => admin::user::run(user),
        Command::Fingerprint(args) => {
            let config = settle(args.file, args.layer)?;
            let certificate = Certificate::obtain(&config)?;
            println!("{}", spelled(certificate.fingerprint));
            Ok(())
        }
    }
}

/// Flags without a command mean `serve`; nothing at all as well.
fn with_command(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let about_program = ["-h", "--help", "-V", "--version"];
    let serves = match arguments.get(1).and_then(|first| first.to_str()) {
        None => arguments.len() < 2,
        Some(first) => first.starts_with('-') && !about_program.contains(&first),
    };
    if serves {
        arguments.insert(arguments.len().min(1), OsString::from("serve"));
    }
    arguments
}

fn settle(file: ConfigFile, flags: Layer) -> Result<server::Config, ConfigError> {
    let file = file.config.as_deref().map(Layer::read).transpose()?;
    flags.before(file.unwrap_or_default()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Program::command().debug_assert();
    }

    #[test]
    fn serving_needs_no_command() {
        let parse = |line: &str| Program::try_parse_from(with_command(line.split(' ').map(OsString::from)));
        assert!(matches!(parse("komado-server").unwrap().command, Command::Serve(_)));
        let Command::Serve(args) = parse("komado-server --listen 127.0.0.1:0 --listen [::1]:0").unwrap().command else {
            panic!("not serve");
        };
        assert_eq!(args.layer.listen.unwrap().len(), 2);
        assert!(matches!(parse("komado-server user list").unwrap().command, Command::User(_)));
        assert!(parse("komado-server dance").is_err());
        assert!(parse("komado-server --help").unwrap_err().to_string().contains("user add alice"));
    }
}

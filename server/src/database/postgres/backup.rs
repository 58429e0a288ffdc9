//! A copy of a PostgreSQL database before its schema changes: by `pg_dump`, where that program is.

use super::super::folder;
use super::PostgresUrl;
use postgres::config::Host;
use std::path::Path;
use std::process::Command;

/// Dumps the database into `folder`. Without `pg_dump`, or when it fails, the schema is brought forward all the same: it
/// happens in one transaction, which PostgreSQL keeps as a whole or not at all. The log says which of both it was.
pub(in crate::database) fn back_up(url: &PostgresUrl, folder: &Path, version: u32) {
    let copy = folder.join(format!("komado.v{version}-{}.pgdump", crate::clock::unix_ms()));
    let advice = "the database is brought to a newer version without a backup, in one transaction; \
                  to have one next time, install pg_dump of PostgreSQL's own version, or run it by hand before";
    match command(url, &copy).output() {
        Ok(output) if output.status.success() => {
            if let Err(error) = folder::keep_private(&copy) {
                tracing::warn!(%error, "the backup can be read by others on this machine");
            }
            tracing::info!(from = version, backup = %copy.display(), "bringing the database to a newer version");
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            tracing::warn!(from = version, "pg_dump failed ({}): {advice}", said.trim());
        }
        Err(error) => tracing::warn!(from = version, "pg_dump cannot be run ({error}): {advice}"),
    }
}

/// `pg_dump`, told where the database is by its environment: others on the machine can read a command line.
fn command(url: &PostgresUrl, copy: &Path) -> Command {
    let config = url.config();
    let mut command = Command::new("pg_dump");
    command.arg("--format=custom").arg("--no-password").arg("--file").arg(copy);
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    command.env("PGHOST", hosts.collect::<Vec<_>>().join(","));
    let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
    command.env("PGPORT", if ports.is_empty() { "5432".to_owned() } else { ports.join(",") });
    if let Some(user) = config.get_user() {
        command.env("PGUSER", user);
    }
    if let Some(database) = config.get_dbname() {
        command.env("PGDATABASE", database);
    }
    if let Some(password) = config.get_password() {
        command.env("PGPASSWORD", String::from_utf8_lossy(password).as_ref());
    }
    command.env("PGSSLMODE", if url.needs_tls() { "verify-full" } else { "prefer" });
    if let Some(authority) = url.authority() {
        command.env("PGSSLROOTCERT", authority);
    }
    command
}

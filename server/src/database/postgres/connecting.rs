//! Reaching PostgreSQL: TLS, a session's settings, and the lock that lets one server at a time work on a database.

use super::super::DatabaseError;
use super::session::Session;
use super::{LOCK_SERVER, LOCKS, PostgresUrl, failure};
use postgres::config::{SslMode, SslNegotiation};
use postgres::{Client, NoTls};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent far end is given up after about this long, by both ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// The oldest PostgreSQL that is supported, as in `server_version_num`.
const OLDEST: i64 = 120_000;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::database) enum Purpose {
    /// The one server of this database: takes its lock.
    Serve,
    /// An administrator's program, beside a server.
    Administer,
    /// Reading only.
    Read,
}

/// What every session has set. Locks and rows are waited for as long as the embedded engine waits; a session that its
/// program left in the middle of a transaction is ended, and so is one whose far end is silent.
const SETTINGS: &str = "
    SET synchronous_commit = on;
    SET lock_timeout = '5s';
    SET statement_timeout = '60s';
    SET idle_in_transaction_session_timeout = '60s';
    SET tcp_keepalives_idle = 15;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;";

/// Opens a session. `before` is the process id of the session that this one replaces, if it was lost.
pub(in crate::database) fn connect(
    url: &PostgresUrl,
    purpose: Purpose,
    before: Option<i32>,
) -> Result<Session, DatabaseError> {
    let name = url.name();
    let opening = |error: postgres::Error| failure::opening(&name, &error);
    let mut client = reach(url)?;
    client.batch_execute(SETTINGS).map_err(opening)?;
    let facts = "SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding'),
                        current_setting('fsync'), pg_backend_pid()";
    let facts = client.query_one(facts, &[]).map_err(opening)?;
    let fact = |index| facts.try_get::<_, String>(index).map_err(opening);
    let (version, backend) = (facts.try_get::<_, i64>(0).map_err(opening)?, facts.try_get(3).map_err(opening)?);
    let unreadable = |reason: String| DatabaseError::Unreadable { database: name.clone(), reason };
    if version < OLDEST {
        return Err(unreadable(format!("it is PostgreSQL {}; use 12 or newer", version / 10_000)));
    }
    if fact(1)? != "UTF8" {
        return Err(unreadable(format!("its encoding is {}; make one with `createdb --encoding=UTF8`", fact(1)?)));
    }
    match purpose {
        Purpose::Serve => {
            if fact(2)? != "on" {
                tracing::warn!("PostgreSQL runs with fsync off: acknowledged messages are lost when its machine fails");
            }
            take_lock(&mut client, &name, before)?;
        }
        Purpose::Administer => {}
        Purpose::Read => client.batch_execute("SET default_transaction_read_only = on").map_err(opening)?,
    }
    Ok(Session::new(client, name, backend))
}

fn reach(url: &PostgresUrl) -> Result<Client, DatabaseError> {
    let mut config = url.config().clone();
    config.connect_timeout(CONNECT_TIMEOUT).application_name(application()).keepalives_idle(PATIENCE / 2);
    config.keepalives_interval(PATIENCE / 6).keepalives_retries(3).tcp_user_timeout(PATIENCE);
    let name = url.name();
    let opening = |error: postgres::Error| failure::opening(&name, &error);
    if !url.needs_tls() {
        config.ssl_mode(SslMode::Disable);
        return config.connect(NoTls).map_err(opening);
    }
    config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Postgres);
    config.connect(MakeRustlsConnect::new(tls(url)?)).map_err(opening)
}

fn tls(url: &PostgresUrl) -> Result<ClientConfig, DatabaseError> {
    let unreadable = |reason: String| DatabaseError::Unreadable { database: url.name(), reason };
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = url.authority() {
        let unusable = |error: &dyn std::fmt::Display| {
            unreadable(format!("sslrootcert={} cannot be used: {error}; name a PEM file", file.display()))
        };
        roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
            roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// How this process calls itself at PostgreSQL; no other process has the same name.
fn application() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("komado-server {} {:x}", std::process::id(), crate::clock::unix_ms()))
}

/// Takes the lock of the one server. Waits for as long as `lock_timeout` says: a server that was just killed may not be
/// quite gone.
fn take_lock(client: &mut Client, name: &str, before: Option<i32>) -> Result<(), DatabaseError> {
    let opening = |error: postgres::Error| failure::opening(name, &error);
    if let Some(backend) = before {
        // PostgreSQL may take long to notice that our last session is dead. The name makes sure that it is ours.
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE pid = $1 AND pid <> pg_backend_pid() AND application_name = $2";
        client.execute(end, &[&backend, &application()]).map_err(opening)?;
    }
    match client.execute("SELECT pg_advisory_lock($1, $2)", &[&LOCKS, &LOCK_SERVER]) {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some(&postgres::error::SqlState::LOCK_NOT_AVAILABLE) => {
            let holder = "SELECT a.application_name || coalesce(' at ' || host(a.client_addr), ' on its own machine')
                              || ', since ' || to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS')
                          FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid::bigint = $1::bigint
                              AND l.objid::bigint = $2::bigint
                              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            let holder = client.query_opt(holder, &[&i64::from(LOCKS), &i64::from(LOCK_SERVER)]).map_err(opening)?;
            let owner = holder.and_then(|row| row.try_get(0).ok()).unwrap_or_else(|| "unknown".to_owned());
            Err(DatabaseError::Served { database: name.to_owned(), owner })
        }
        Err(error) => Err(opening(error)),
    }
}

//! PostgreSQL's errors, said as [`DatabaseError`]s.

use super::super::DatabaseError;
use postgres::Error;
use postgres::error::SqlState;

/// Whether the connection is gone with this error.
pub(super) fn is_loss(error: &Error) -> bool {
    let ended = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    match error.code() {
        Some(code) => ended.contains(code) || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        None => {
            error.is_closed()
                || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        }
    }
}

/// What an error met while working means.
pub(super) fn working(name: &str, error: &Error) -> DatabaseError {
    if is_loss(error) {
        return unreachable(name, error);
    }
    let Some(code) = error.code() else { return DatabaseError::Sql(said(error)) };
    match code {
        code if *code == SqlState::DISK_FULL => DatabaseError::Full,
        code if is_overload(code) => DatabaseError::Overloaded,
        _ => DatabaseError::Sql(said(error)),
    }
}

fn is_overload(code: &SqlState) -> bool {
    let transient = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::QUERY_CANCELED,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::OUT_OF_MEMORY,
    ];
    transient.contains(code)
}

/// What an error met while connecting or bringing the schema forward means.
pub(super) fn opening(name: &str, error: &Error) -> DatabaseError {
    let unreadable = |advice: &str| DatabaseError::Unreadable {
        database: name.to_owned(),
        reason: format!("{}; {advice}", said(error)),
    };
    let Some(code) = error.code() else {
        // The driver keeps its kinds to itself; what TLS refuses comes as an error of invalid data.
        let source = std::error::Error::source(error);
        let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData) {
            return unreadable(
                "its certificate is not trusted: name the PEM file of its authority with ?sslrootcert=FILE",
            );
        }
        if error.to_string().contains("TLS") {
            return unreadable("PostgreSQL must offer TLS (ssl = on) unless it is reached on this machine");
        }
        return unreachable(name, error);
    };
    match code {
        code if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            unreadable("check user and password in --database, and pg_hba.conf")
        }
        code if *code == SqlState::INVALID_CATALOG_NAME => unreadable("make it with `createdb`, or correct --database"),
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            unreadable("the user must own the database: `ALTER DATABASE … OWNER TO …`")
        }
        code if *code == SqlState::LOCK_NOT_AVAILABLE => DatabaseError::Locked { database: name.to_owned() },
        code if *code == SqlState::DISK_FULL => DatabaseError::Full,
        code if *code == SqlState::TOO_MANY_CONNECTIONS || is_loss(error) => unreachable(name, error),
        _ => unreadable("PostgreSQL's log says more"),
    }
}

fn unreachable(name: &str, error: &Error) -> DatabaseError {
    DatabaseError::Unreachable { database: name.to_owned(), reason: said(error) }
}

/// What the error says, with its cause: the driver's own text alone is "db error".
pub(super) fn said(error: &Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

//! Tests on both engines: a home with a database of either, as the whole server's tests have it.

#[path = "../../tests/world/postgres.rs"]
mod postgres;

pub(crate) use postgres::{Cluster, Engine, Home, on_both, url};

use super::{Database, DatabaseError, Location};

impl Home {
    /// Where this home's database is.
    pub(crate) fn location(&self) -> Location {
        let folder = self.folder.path().to_owned();
        match self.url() {
            Some(url) => Location::Postgres { url: url.parse().unwrap(), folder },
            None => Location::Embedded { folder },
        }
    }

    /// Opens the database.
    pub(crate) fn open(&self) -> Result<Database, DatabaseError> {
        Database::open(&self.location())
    }
}

//! The database as the rooms above use it, on both engines.

use super::both::{Engine, Home, on_both};
use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn open(engine: Engine) -> (Home, Database) {
    let home = Home::of(engine);
    let database = home.open().unwrap();
    (home, database)
}

async fn account(database: &Database, name: &str) -> Result<i64, DatabaseError> {
    let name = name.to_owned();
    let sql = "INSERT INTO accounts (name, password, created_at) VALUES (?1, '', 0) RETURNING id";
    database.write(move |c| c.query_row(sql, params![name], |row| row.get(0))).await
}

async fn count(database: &Database) -> i64 {
    database.read(|c| c.query_row("SELECT count(*) FROM accounts", &[], |row| row.get(0))).await.unwrap()
}

async fn what_was_written_is_read_and_survives(engine: Engine) {
    let (home, database) = open(engine);
    account(&database, "alice").await.unwrap();
    assert_eq!(count(&database).await, 1);
    drop(database);
    assert_eq!(count(&home.open().unwrap()).await, 1);
}

async fn a_failing_write_leaves_its_neighbours_alone(engine: Engine) {
    let (_home, database) = open(engine);
    let database = Arc::new(database);
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..100 {
        let database = database.clone();
        // Every second name is the same: all but one of those fail.
        let name = if n % 2 == 0 { "same".to_owned() } else { format!("name{n}") };
        writes.spawn(async move { account(&database, &name).await.is_ok() });
    }
    let fine = writes.join_all().await.into_iter().filter(|fine| *fine).count();
    assert_eq!(fine, 51);
    assert_eq!(count(&database).await, 51);
}

async fn a_job_that_refuses_leaves_nothing_and_says_why(engine: Engine) {
    #[derive(Debug, PartialEq)]
    enum Refusal {
        Full(i64),
        Database(DatabaseError),
    }
    impl From<DatabaseError> for Refusal {
        fn from(error: DatabaseError) -> Self {
            Self::Database(error)
        }
    }
    let (_home, database) = open(engine);
    let refused = database.attempt(|c| {
        let sql = "INSERT INTO accounts (name, password, created_at) VALUES ('eve', '', 0) RETURNING id";
        let id = c.query_row(sql, &[], |row| row.get(0))?;
        Err::<(), _>(Refusal::Full(id))
    });
    assert_eq!(refused.await, Err(Refusal::Full(1)));
    assert_eq!(count(&database).await, 0);
    let refused = database.attempt(|c| Ok(c.execute("nonsense", &[])?));
    assert!(matches!(refused.await, Err(Refusal::Database(DatabaseError::Sql(_)))));
    // A job that goes on after an error, as it must not, fails as a whole; others do not notice.
    let careless = database.write(|c| {
        let _overlooked = c.execute("INSERT INTO chats (id, created_at) VALUES (1, NULL)", &[]);
        c.execute("INSERT INTO accounts (name, password, created_at) VALUES ('mallory', '', 0)", &[])
    });
    let (careless, fine) = tokio::join!(careless, account(&database, "bob"));
    assert_eq!(careless.is_err(), engine == Engine::Postgres);
    assert!(fine.is_ok());
}

async fn after_runs_in_the_order_of_the_writes(engine: Engine) {
    let (_home, database) = open(engine);
    let (database, seen) = (Arc::new(database), Arc::new(parking_lot::Mutex::new(Vec::new())));
    let next = Arc::new(AtomicU64::new(0));
    let mut writes = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (database, seen, next) = (database.clone(), seen.clone(), next.clone());
        writes.spawn(async move {
            let job = move |_: &Connection| Ok::<_, DatabaseError>(next.fetch_add(1, Ordering::Relaxed));
            database.write_then(job, move |n| seen.lock().push(*n)).await.unwrap()
        });
    }
    writes.join_all().await;
    assert_eq!(*seen.lock(), (0..200).collect::<Vec<_>>());
}

async fn values_come_back_as_they_went_in(engine: Engine) {
    let (_home, database) = open(engine);
    let read = |row: &Row<'_>| {
        Ok((row.get::<i64>(0)?, row.get::<f64>(1)?, row.get::<String>(2)?, row.get::<Vec<u8>>(3)?, row.get::<bool>(4)?))
    };
    let bytes: Vec<u8> = (0..=255).collect();
    let text = "小窓 'quoted' \\ \u{1} 🪟";
    let given = (i64::MIN, 1.5, text.to_owned(), bytes, true);
    let sent = given.clone();
    let sql = "SELECT ?1, ?2, ?3, ?4, ?5, ?3 = ?3, '?6'";
    let job = move |c: &Connection| c.query_row(sql, params![sent.0, sent.1, sent.2, sent.3, sent.4], read);
    assert_eq!(database.read(job).await.unwrap(), given);
    let nothing = |c: &Connection| {
        let none: (Option<i64>, Option<&str>, Option<&[u8]>) = (None, None, None);
        c.query_row("SELECT ?1, ?2, ?3", params![none.0, none.1, none.2], |row| {
            Ok((row.get::<Option<u64>>(0)?, row.get::<Option<String>>(1)?, row.get::<Option<Vec<u8>>>(2)?))
        })
    };
    assert_eq!(database.read(nothing).await.unwrap(), (None, None, None));
    let unstorable = database.write(|c| c.execute("UPDATE accounts SET name = ?1", params!["a\0b"])).await;
    assert_eq!(unstorable, Err(DatabaseError::Unstorable));
    let wrong = database.read(|c| c.query_row("SELECT 'text'", &[], |row| row.get::<i64>(0))).await;
    assert!(matches!(wrong, Err(DatabaseError::Sql(_))), "{wrong:?}");
}

async fn names_are_told_apart_without_their_capitals(engine: Engine) {
    let (_home, database) = open(engine);
    account(&database, "Alice").await.unwrap();
    assert!(account(&database, "aLICE").await.is_err());
    for name in ["bob", "Ähre", "ähre", "_", "Zoe"] {
        account(&database, name).await.unwrap();
    }
    let sql = "SELECT name FROM accounts ORDER BY lower(name)";
    let names: Vec<String> = database.read(move |c| c.query(sql, &[], |row| row.get(0))).await.unwrap();
    assert_eq!(names, ["_", "Alice", "bob", "Zoe", "Ähre", "ähre"], "bytes decide, as in the other engine");
}

async fn readers_cannot_write(engine: Engine) {
    let (_home, database) = open(engine);
    let written = database.read(|c| c.execute("DELETE FROM accounts", &[])).await;
    assert!(matches!(written, Err(DatabaseError::Sql(_))), "{written:?}");
}

async fn an_overfull_queue_refuses_at_once(engine: Engine) {
    let (_home, database) = open(engine);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let job = move |_: &Connection| Ok::<_, DatabaseError>(held.recv().is_ok());
    let blocker = database.writer.submit(job, |_| ()).unwrap();
    let mut refused = 0;
    let mut accepted = Vec::new();
    for _ in 0..writer::QUEUE * 2 {
        match database.writer.submit(|_| Ok::<_, DatabaseError>(()), |()| ()) {
            Ok(answer) => accepted.push(answer),
            Err(DatabaseError::Overloaded) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0 && accepted.len() >= writer::QUEUE - 1);
    hold.send(()).unwrap();
    assert!(blocker.await.unwrap().unwrap());
    for answer in accepted {
        answer.await.unwrap().unwrap();
    }
    assert!(database.flush().await.is_ok());
}

on_both!(
    what_was_written_is_read_and_survives,
    a_failing_write_leaves_its_neighbours_alone,
    a_job_that_refuses_leaves_nothing_and_says_why,
    after_runs_in_the_order_of_the_writes,
    values_come_back_as_they_went_in,
    names_are_told_apart_without_their_capitals,
    readers_cannot_write,
    an_overfull_queue_refuses_at_once,
);

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let (_home, database) = open(Engine::Sqlite);
    let limit = |sql: String| database.write(move |c| c.query_row(&sql, &[], |_| Ok(())));
    let pages: i64 = database.read(|c| c.query_row("PRAGMA page_count", &[], |row| row.get(0))).await.unwrap();
    limit(format!("PRAGMA max_page_count = {}", pages + 1)).await.unwrap();
    let long = "x".repeat(20_000);
    assert_eq!(account(&database, &long).await, Err(DatabaseError::Full));
    assert_eq!(count(&database).await, 0);
    // There is room again.
    limit("PRAGMA max_page_count = 100000".to_owned()).await.unwrap();
    account(&database, &long).await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn a_database_held_by_another_process_says_so() {
    let home = Home::of(Engine::Sqlite);
    drop(home.open().unwrap());
    let other = rusqlite::Connection::open(home.location().file()).unwrap();
    other.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let error = home.open().unwrap_err();
    assert!(matches!(error, DatabaseError::Locked { .. }), "{error:?}");
}

#[test]
fn a_file_that_is_no_database_says_so() {
    let home = Home::of(Engine::Sqlite);
    std::fs::write(home.location().file(), "this is a shopping list, not a database".repeat(100)).unwrap();
    let error = home.open().unwrap_err();
    assert!(error.to_string().contains("move the file away"), "{error:?}");
}

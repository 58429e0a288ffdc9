//! What only PostgreSQL does: connections are lost, commits go unanswered, servers meet at one database.

use crate::database::both::{Cluster, Engine, Home, url};
use crate::database::{Connection, Database, DatabaseError, Location, params};
use parking_lot::Mutex;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

async fn write(database: &Database, name: &str) -> Result<(), DatabaseError> {
    let name = name.to_owned();
    let sql = "INSERT INTO accounts (name, password, created_at) VALUES (?1, '', 0)";
    database.write(move |c| c.execute(sql, params![name]).map(drop)).await
}

async fn names(database: &Database) -> Vec<String> {
    let sql = "SELECT name FROM accounts ORDER BY id";
    database.read(move |c| c.query(sql, &[], |row| row.get(0))).await.unwrap()
}

fn at(url: &str, folder: &Path) -> Location {
    Location::Postgres { url: url.parse().unwrap(), folder: folder.to_owned() }
}

#[tokio::test]
async fn two_servers_refuse_each_other_and_an_administrator_is_let_in() {
    let home = Home::of(Engine::Postgres);
    let first = Database::serve(&home.location()).unwrap();
    write(&first, "alice").await.unwrap();
    write(&home.open().unwrap(), "bob").await.unwrap();
    let error = Database::serve(&home.location()).unwrap_err();
    let us = format!("komado-server {}", std::process::id());
    assert!(matches!(&error, DatabaseError::Served { owner, .. } if owner.contains(&us)), "{error:?}");
    assert!(error.to_string().contains("--database"), "{error}");
    drop(first);
    assert_eq!(names(&Database::serve(&home.location()).unwrap()).await, ["alice", "bob"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_crash_of_postgresql_and_writing_goes_on() {
    let mut home = Home::of(Engine::Postgres);
    let database = Arc::new(Database::serve(&home.location()).unwrap());
    let (acknowledged, mut acknowledgements) = tokio::sync::mpsc::channel(1);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (database, acknowledged) = (database.clone(), acknowledged.clone());
        writers.spawn(async move {
            for n in 0.. {
                let name = format!("{writer}-{n}");
                match write(&database, &name).await {
                    Ok(()) if acknowledged.send(name).await.is_ok() => {}
                    Ok(()) => return None,
                    Err(error) => return Some(error),
                }
            }
            None
        });
    }
    drop(acknowledged);
    let mut kept = Vec::new();
    while kept.len() < 200 {
        kept.push(acknowledgements.recv().await.unwrap());
    }
    // Everything at once: readers and writers lose their connections, and nobody answers for a while.
    home.cluster.as_mut().unwrap().end();
    while let Some(name) = acknowledgements.recv().await {
        kept.push(name);
    }
    for error in writers.join_all().await {
        assert!(matches!(error, Some(DatabaseError::Unreachable { .. })), "{error:?}");
    }
    let error = write(&database, "nobody").await.unwrap_err();
    assert!(error.to_string().contains("see that PostgreSQL runs"), "{error}");
    assert!(database.read(|c| c.exists("SELECT 1", &[])).await.is_err());

    home.cluster.as_mut().unwrap().run();
    tokio::time::timeout(Duration::from_secs(20), async {
        while write(&database, "later").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let found = names(&database).await;
    assert!(kept.iter().all(|name| found.contains(name)), "an acknowledged write is lost");
    assert_eq!(found.iter().filter(|name| *name == "later").count(), 1);
    assert!(!found.iter().any(|name| name == "nobody"));
}

/// Stands between Komado and PostgreSQL and cuts what it is told to.
struct Cutter {
    folder: tempfile::TempDir,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Lets everything through.
    Pass,
    /// Cuts the next commit off before PostgreSQL hears of it.
    CutBefore,
    /// Lets the next commit through and cuts its answer off; lets nobody through afterwards if so wished.
    CutAfter { close: bool },
    /// Lets nobody through.
    Closed,
}

impl Cutter {
    fn before(cluster: &Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let plan = Arc::new(Mutex::new(Plan::Pass));
        let (their, shared) = (cluster.socket_folder().join(".s.PGSQL.5432"), plan.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                if *shared.lock() != Plan::Closed {
                    let server = UnixStream::connect(&their).unwrap();
                    carry(&client, &server, &shared);
                }
            }
        });
        Self { folder, plan }
    }

    fn location(&self) -> Location {
        at(&url(self.folder.path()), self.folder.path())
    }
}

fn carry(client: &UnixStream, server: &UnixStream, plan: &Arc<Mutex<Plan>>) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let plan = plan.clone();
    let muted = Arc::new(Mutex::new(false));
    let mute = muted.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            let commits = bytes.windows(7).any(|window| window == b"COMMIT\0");
            let mut plan = plan.lock();
            match *plan {
                Plan::CutBefore if commits => {
                    *plan = Plan::Pass;
                    break;
                }
                Plan::CutAfter { close } if commits => {
                    *plan = if close { Plan::Closed } else { Plan::Pass };
                    *mute.lock() = true;
                    to.write_all(bytes).unwrap();
                    continue;
                }
                _ => {}
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        // Either end may be gone already.
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = back_from.read(&mut buffer) {
            // What is muted has been heard by PostgreSQL, and answered: that answer never arrives.
            if *muted.lock() || back_to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _gone = (back_from.shutdown(Shutdown::Both), back_to.shutdown(Shutdown::Both));
    });
}

/// Writes a name and notes it once it is said to be stored.
async fn note(
    database: &Database,
    name: &'static str,
    seen: &Arc<Mutex<Vec<&'static str>>>,
) -> Result<(), DatabaseError> {
    let seen = seen.clone();
    let sql = "INSERT INTO accounts (name, password, created_at) VALUES (?1, '', 0)";
    let job = move |c: &Connection| c.execute(sql, params![name]).map(drop);
    database.write_then(job, move |()| seen.lock().push(name)).await
}

#[tokio::test]
async fn a_commit_without_an_answer_is_neither_lost_nor_invented() {
    let home = Home::of(Engine::Postgres);
    let cutter = Cutter::before(home.cluster.as_ref().unwrap());
    let database = Database::serve(&cutter.location()).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    note(&database, "first", &seen).await.unwrap();

    *cutter.plan.lock() = Plan::CutBefore;
    let error = note(&database, "unheard", &seen).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Unreachable { .. }), "{error:?}");

    *cutter.plan.lock() = Plan::CutAfter { close: false };
    note(&database, "heard", &seen).await.unwrap();
    note(&database, "last", &seen).await.unwrap();
    assert_eq!(names(&database).await, ["first", "heard", "last"]);
    assert_eq!(*seen.lock(), ["first", "heard", "last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_turns_out_stored_long_after_is_followed_by_what_follows_a_commit() {
    let home = Home::of(Engine::Postgres);
    let cutter = Cutter::before(home.cluster.as_ref().unwrap());
    let database = Database::serve(&cutter.location()).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    *cutter.plan.lock() = Plan::CutAfter { close: true };
    let error = note(&database, "late", &seen).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Unreachable { .. }), "{error:?}");
    assert!(note(&database, "refused", &seen).await.is_err());
    assert!(seen.lock().is_empty());
    *cutter.plan.lock() = Plan::Pass;
    tokio::time::timeout(Duration::from_secs(20), async {
        while note(&database, "next", &seen).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(*seen.lock(), ["late", "next"]);
    assert_eq!(names(&database).await, ["late", "next"]);
}

#[tokio::test]
async fn a_full_disk_is_told_apart() {
    let home = Home::of(Engine::Postgres);
    let database = home.open().unwrap();
    let full = "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$";
    assert_eq!(database.write(move |c| c.execute_batch(full)).await, Err(DatabaseError::Full));
    write(&database, "alice").await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_an_address_is_said() {
    let home = Home::of(Engine::Postgres);
    let sql = "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0";
    let mut psql = std::process::Command::new("psql");
    psql.args(["-U", "komado", "-d", "postgres", "-c", sql, "-h"]).arg(home.cluster.as_ref().unwrap().socket_folder());
    let made = psql.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let right = home.url().unwrap();
    let fails = |url: &str, says: &str| {
        let error = Database::open(&at(url, home.folder.path())).unwrap_err().to_string();
        assert!(error.contains(says), "{url}: {error}");
    };
    fails(&right.replace("/postgres", "/nowhere"), "createdb");
    fails(&right.replace("//komado@", "//nobody@"), "check user and password");
    fails(&right.replace("/postgres", "/ascii"), "--encoding=UTF8");
    fails("postgres://komado@127.0.0.1:1/postgres", "see that PostgreSQL runs");
}

#[tokio::test]
async fn over_tls_only_a_trusted_certificate_will_do() {
    // A port that was free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cluster = Cluster::with(|folder| {
        std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        crate::database::folder::keep_private(&folder.join("key.pem")).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("chain.pem")),
            format!("ssl_key_file={}", file("key.pem")),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
        ]
    });
    let folder = cluster.socket_folder();
    let authority = folder.join("chain.pem").display().to_string().replace('/', "%2F");
    let address = format!("postgres://komado@localhost:{port}/postgres?sslmode=require");
    let database = Database::open(&at(&format!("{address}&sslrootcert={authority}"), folder)).unwrap();
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert!(database.read(move |c| c.query_row(sql, &[], |row| row.get::<bool>(0))).await.unwrap());
    let error = Database::open(&at(&address, folder)).unwrap_err().to_string();
    assert!(error.contains("sslrootcert=FILE"), "{error}");

    let plain = Home::of(Engine::Postgres);
    let address = format!("{}?sslmode=require", plain.url().unwrap());
    let error = Database::open(&at(&address, folder)).unwrap_err().to_string();
    assert!(error.contains("must offer TLS"), "{error}");
}

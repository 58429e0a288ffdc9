//! Keys over the death of a server, their bounds, and what the database may see of an answer.

use super::*;
use crate::database::both::{Engine, Home, on_both};
use crate::identity::{Accounts, Actor, Hasher};
use relay::vocabulary::Role;

fn open(home: &Home) -> (Arc<Database>, Repeats) {
    let database = Arc::new(home.open().unwrap());
    (database.clone(), Repeats::new(database, Envelopes::of_folder(home.folder.path()).unwrap()))
}

async fn account(database: &Arc<Database>, name: &str) -> AccountId {
    let accounts = Accounts::new(database.clone(), Arc::new(Hasher::start(1).unwrap()));
    accounts.add(name, None, Role::Member, Actor::console()).await.unwrap().id
}

async fn an_answer_is_known_again_after_a_restart_and_only_to_its_account(engine: Engine) {
    let home = Home::of(engine);
    let (database, repeats) = open(&home);
    let (alice, bob) = (account(&database, "alice").await, account(&database, "bob").await);
    let request = repeats.fingerprint("POST", "/v1/x", b"{}");
    let answer = Answer { status: 201, body: b"{\"token\":\"secret\"}".to_vec() };
    let held = repeats.begin(alice, "k").unwrap();
    assert!(repeats.begin(alice, "k").is_none() && repeats.begin(bob, "k").is_some());
    assert_eq!(repeats.known(&held, &request).await, Ok(Known::Nothing));
    repeats.answered(&held, &request, &answer).await.unwrap();
    drop((held, repeats, database));

    let (database, repeats) = open(&home);
    let held = repeats.begin(alice, "k").unwrap();
    assert_eq!(repeats.known(&held, &request).await, Ok(Known::Answered(answer)));
    for other in [("PUT", "/v1/x", "{}"), ("POST", "/v1/y", "{}"), ("POST", "/v1/x", "[]"), ("POST", "/v1", "/x{}")] {
        let other = repeats.fingerprint(other.0, other.1, other.2.as_bytes());
        assert_eq!(repeats.known(&held, &other).await, Ok(Known::OtherRequest));
    }
    let of_bob = repeats.begin(bob, "k").unwrap();
    assert_eq!(repeats.known(&of_bob, &request).await, Ok(Known::Nothing));
    let kept: Vec<u8> =
        database.read(|c| c.query_row("SELECT answer FROM repeats", &[], |row| row.get(0))).await.unwrap();
    assert!(!kept.windows(6).any(|six| six == b"secret"), "the database sees no secret");
}

async fn what_was_written_is_known_even_if_the_server_died_before_its_answer(engine: Engine) {
    let home = Home::of(engine);
    let (database, repeats) = open(&home);
    let alice = account(&database, "alice").await;
    let request = repeats.fingerprint("POST", "/v1/x", b"");
    let held = repeats.begin(alice, "done").unwrap();
    let write = || database.write(|c| c.execute("UPDATE accounts SET language = 'en'", &[]));
    repeats.carry_out(&held, &request, write()).await.unwrap();
    drop(held);
    let held = repeats.begin(alice, "refused").unwrap();
    let refuse = database.attempt(|_| Err::<(), _>(DatabaseError::Unstorable));
    assert!(repeats.carry_out(&held, &request, refuse).await.is_err());
    drop(held);
    // Outside of a command nothing is noted.
    write().await.unwrap();
    drop((repeats, database));

    let (_database, repeats) = open(&home);
    let known = async |key| repeats.known(&repeats.begin(alice, key).unwrap(), &request).await.unwrap();
    assert_eq!(known("done").await, Known::AnswerLost);
    assert_eq!(known("refused").await, Known::Nothing);
    // A lost key file loses answers, and makes nothing twice.
    std::fs::remove_file(home.folder.path().join("answers.key")).unwrap();
    let held = repeats.begin(alice, "done").unwrap();
    repeats.answered(&held, &request, &Answer { status: 204, body: Vec::new() }).await.unwrap();
    drop((held, repeats));
    let repeats = Repeats::new(_database, Envelopes::of_folder(home.folder.path()).unwrap());
    assert_eq!(repeats.known(&repeats.begin(alice, "done").unwrap(), &request).await, Ok(Known::AnswerLost));
    let request = repeats.fingerprint("POST", "/v1/x", b"");
    assert_eq!(repeats.known(&repeats.begin(alice, "done").unwrap(), &request).await, Ok(Known::OtherRequest));
}

async fn keys_are_bounded_in_number_size_and_time(engine: Engine) {
    let home = Home::of(engine);
    let (database, repeats) = open(&home);
    let alice = account(&database, "alice").await;
    let request = repeats.fingerprint("POST", "/v1/x", b"");
    let answer = |size| Answer { status: 200, body: vec![b' '; size] };
    for (key, size) in [("fits", ANSWER_MAX), ("does not", ANSWER_MAX + 1)] {
        repeats.answered(&repeats.begin(alice, key).unwrap(), &request, &answer(size)).await.unwrap();
    }
    let known = async |key| repeats.known(&repeats.begin(alice, key).unwrap(), &request).await.unwrap();
    assert_eq!(known("fits").await, Known::Answered(answer(ANSWER_MAX)));
    assert_eq!(known("does not").await, Known::AnswerLost);
    let stored = request.clone();
    let fill = move |c: &Connection| (1..KEYS_MAX).try_for_each(|at| store(c, alice, &format!("k{at}"), &stored, None));
    database.write(fill).await.unwrap();
    assert_eq!(known("fits").await, Known::Nothing, "the oldest goes");
    assert_eq!(known("does not").await, Known::AnswerLost, "the one after it just fits");
    let day = i64::try_from(KEPT.as_millis()).unwrap();
    database.write(move |c| c.execute("UPDATE repeats SET at = at - ?1 WHERE key = 'k1'", params![day])).await.unwrap();
    assert_eq!((known("k1").await, known("k2").await), (Known::Nothing, Known::AnswerLost));
    repeats.forget().await.unwrap();
    let left = database.read(|c| c.query_row("SELECT count(*) FROM repeats", &[], |row| row.get::<u32>(0))).await;
    assert_eq!(left, Ok(KEYS_MAX - 1));
}

on_both!(
    an_answer_is_known_again_after_a_restart_and_only_to_its_account,
    what_was_written_is_known_even_if_the_server_died_before_its_answer,
    keys_are_bounded_in_number_size_and_time,
);

//! Commands with an `Idempotency-Key` while the server is killed again and again: nothing is made twice, and nothing that
//! was answered is lost.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::time::Duration;

use komado_tests::program::Program;
use komado_tests::scripted::Stage;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(120);
const EACH: usize = 30;

/// Makes invitations, each with a key of its own, and asks for each until it is answered.
const ASKER: &str = r#"
for at in $(seq 1 "$EACH"); do
    until answer=$(curl --silent --max-time 5 --cacert "$CERTIFICATE" --header "Authorization: Bearer $TOKEN" \
            --header "Idempotency-Key: $NAME-$at" --json "{\"note\":\"$NAME-$at\"}" "$KOMADO/v1/admin/invitations") &&
            jq --exit-status '.link or .code == "answer_lost"' <<< "$answer" > asked-$NAME; do
        sleep 0.05
    done
    echo "$answer"
done
"#;

#[test]
fn what_is_made_with_a_key_is_made_once_however_often_the_server_is_killed() {
    let mut stage = Stage::set().unwrap();
    let token = stage.token("alice").unwrap();
    let askers = ["red", "blue"].map(|name| {
        let mut command = stage.command("bash");
        command.args(["-c", ASKER]).env("TOKEN", &token).env("NAME", name).env("EACH", EACH.to_string());
        Program::start(name, command).unwrap()
    });
    let answered = |value: &Value| value["link"].is_string() || value["code"] == "answer_lost";
    for _ in 0..4 {
        for _ in 0..6 {
            askers[0].wait_for("an answer", SOON, answered).unwrap();
        }
        stage.server.kill().unwrap();
        stage.server.restart().unwrap();
    }
    let mut lost = 0;
    for mut asker in askers {
        asker.wait_success(SOON).unwrap();
        let answers: Vec<Value> = asker.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), EACH);
        lost += answers.iter().filter(|answer| answer["code"] == "answer_lost").count();
    }
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = stage.ask(&token, "GET", &format!("/v1/admin/invitations?limit=25{cursor}"), None).unwrap();
        for invitation in page["invitations"].as_array().unwrap() {
            *made.entry(invitation["note"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let twice: Vec<_> = made.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "made more than once: {twice:?}");
    assert_eq!(made.len(), 2 * EACH, "made: {:?}", made.keys());
    // An answer is lost only if the kill falls between two commits that follow each other.
    assert!(lost <= 8, "{lost} answers were lost by four kills of two askers");
}

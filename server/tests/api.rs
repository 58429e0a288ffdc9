//! The document of the API: complete, true to the routes and their rights, and shown as a page that needs nothing else.

mod world;

use serde_json::Value;
use server::http::api::DOCUMENT;
use server::http::router;
use server::identity::authority::{TABLE, Who};
use std::collections::BTreeSet;
use world::World;

fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_ascii_uppercase(), path.clone(), operation))
    });
    each.collect()
}

/// Every object of the document, with where it stands.
fn walk<'a>(at: &str, value: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(at, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(&format!("{at}/{name}"), value, visit)),
        Value::Array(items) => items.iter().for_each(|value| walk(at, value, visit)),
        _ => {}
    }
}

#[test]
fn routes_rights_and_documentation_are_the_same_set() {
    let documented: BTreeSet<_> = operations().iter().map(|(method, path, _)| (method.clone(), path.clone())).collect();
    let allowed: BTreeSet<_> =
        TABLE.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    let routed: BTreeSet<_> =
        router::listed().iter().map(|(method, path)| (method.to_string(), (*path).to_owned())).collect();
    assert_eq!(documented, allowed, "what has no words in server/src/http/api/words is not documented");
    assert_eq!(documented, routed);
}

#[test]
fn every_operation_says_what_it_takes_gives_refuses_and_needs() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().unwrap().len() > 4, "{what}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}: its id is another one's");
        let (.., who) = TABLE.iter().find(|(of, at, _)| *of == method && *at == path).unwrap();
        let needs = match who {
            Who::Anyone => "no session",
            Who::AtLeast(role) => role.word(),
        };
        assert_eq!(operation["x-komado-needs"], needs, "{what}");
        assert_eq!(operation["security"].as_array().unwrap().is_empty(), needs == "no session", "{what}");
        let parameters = operation["parameters"].as_array().unwrap();
        let of_path: Vec<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let named: Vec<_> = parameters.iter().filter(|one| one["in"] == "path").map(|one| &one["name"]).collect();
        assert_eq!(named, of_path, "{what}");
        for parameter in parameters {
            assert!(parameter["schema"].is_object(), "{what}: {parameter}");
            let described =
                parameter["in"] == "path" || parameter["description"].as_str().is_some_and(|says| says.len() > 5);
            assert!(described, "{what}: {} is not described", parameter["name"]);
        }
        let responses = operation["responses"].as_object().unwrap();
        let good: Vec<_> = responses.iter().filter(|(status, _)| status.as_str() < "400").collect();
        assert!(!good.is_empty(), "{what}");
        for (status, response) in good {
            let empty = ["202", "204", "304"].contains(&status.as_str()) || path == "/v1/openapi.json";
            assert!(empty || response["content"].is_object(), "{what}: {status} gives what?");
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            assert!(!response["x-komado-codes"].as_array().unwrap().is_empty(), "{what}: {status}");
        }
    }
}

#[test]
fn the_document_is_whole_and_every_field_in_it_is_described() {
    let mut lost = Vec::new();
    walk("", &DOCUMENT, &mut |at, value| {
        if let Some(target) = value["$ref"].as_str() {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(DOCUMENT.pointer(pointer).is_some(), "{at}: {target} is not there");
        }
        if let Some(properties) = value["properties"].as_object().filter(|_| at.starts_with("/components/schemas")) {
            let tags = ["event", "kind", "signal"];
            let silent =
                properties.iter().filter(|(name, of)| of["description"].is_null() && !tags.contains(&name.as_str()));
            lost.extend(silent.map(|(name, _)| format!("{at}: {name}")));
        }
    });
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    // A value that only stands for what a later version may say is none that anyone sends.
    assert!(!DOCUMENT["components"]["schemas"]["ChatKind"].to_string().contains("unknown"));
}

#[tokio::test]
async fn document_and_page_are_served_to_anyone_and_need_nothing_else() {
    let world = World::new().await;
    let mut https = world.https().await;
    let document = https.bytes("/v1/openapi.json", &[]).await;
    assert_eq!(
        (document.status(), &document.headers()["content-type"]),
        (http::StatusCode::OK, &"application/json".parse().unwrap())
    );
    assert_eq!(&serde_json::from_slice::<Value>(document.body()).unwrap(), &*DOCUMENT);
    let tag = document.headers()["etag"].to_str().unwrap();
    let same = https.bytes("/v1/openapi.json", &[("if-none-match", tag)]).await;
    assert_eq!((same.status().as_u16(), same.body().len()), (304, 0));

    let page = https.bytes("/v1/docs", &[]).await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let text = std::str::from_utf8(page.body()).unwrap();
    for outside in ["<script", "http://", "https://", "url(", "@import"] {
        assert!(!text.contains(outside), "{outside}");
    }
    for (method, path, operation) in operations() {
        let id = format!("id=\"{}\"", operation["operationId"].as_str().unwrap());
        assert!(text.contains(&id), "{method} {path}");
    }
    // Every link inside leads somewhere.
    for target in text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(text.contains(&format!("id=\"{target}\"")), "#{target} is not there");
    }
    // In the clear as well: it tells nothing of anybody.
    let plain = world::raw(world.plain().await, b"GET /v1/docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(plain.starts_with("HTTP/1.1 200"), "{plain:.100}");
}

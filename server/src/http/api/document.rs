//! The document itself: every route of the router with its shape, its words, its right and its refusals.

use super::shape::Shape;
use super::words::{self, Words};
use crate::http::router;
use crate::identity::authority::{TABLE, Who};
use relay::vocabulary::{ContactRequest, Event, Message, MessageAccepted, Problem, Role, Scheduled, Signal, code};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const INTRODUCTION: &str = include_str!("introduction.md");

/// Makes the document.
pub(super) fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut schemas = settings.into_generator();
    // What events carry, which no handler's signature names.
    schemas.subschema_for::<Event>();
    schemas.subschema_for::<Message>();
    schemas.subschema_for::<Signal>();
    schemas.subschema_for::<Problem>();
    // Two handlers give one of several.
    schemas.subschema_for::<MessageAccepted>();
    schemas.subschema_for::<Scheduled>();
    schemas.subschema_for::<ContactRequest>();
    let mut paths = Map::new();
    let listed = router::routes_listed();
    let place = |of: &Words| listed.iter().position(|one| one.method == of.method && one.path == of.path);
    for of in words::all() {
        let Some(at) = place(of) else { continue };
        let shape = (listed[at].describe)(&mut schemas);
        let operation = operation(of, &shape);
        let path = paths.entry(of.path).or_insert_with(|| json!({}));
        path[of.method.to_ascii_lowercase()] = operation;
    }
    let mut schemas = schemas.take_definitions(true);
    describe_codes(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Komado",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The secret of a session or of a token."
                }
            }
        }
    })
}

fn operation(of: &Words, shape: &Shape) -> Value {
    let who = TABLE.iter().find(|(method, path, _)| *method == of.method && *path == of.path).map(|(.., who)| *who);
    let role = match who {
        Some(Who::AtLeast(role)) => Some(role),
        Some(Who::Anyone) | None => None,
    };
    let (summary, rest) = of.says.split_once(". ").unwrap_or((of.says.trim_end_matches('.'), ""));
    let needs = role.map_or("Needs: no session.".to_owned(), |role| format!("Needs: {}.", role.word()));
    let description = if rest.is_empty() { needs } else { format!("{rest}\n\n{needs}") };
    let mut operation = json!({
        "operationId": operation_id(of),
        "tags": [tag(of.path)],
        "summary": summary,
        "description": description,
        "x-komado-needs": role.map_or("no session", Role::word),
        "security": if role.is_some() { json!([{"bearer": []}]) } else { json!([]) },
        "parameters": parameters(of, shape, role.is_some()),
        "responses": responses(of, shape, role.is_some()),
    });
    if let Some(schema) = &shape.body {
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    } else if shape.octets && of.method != "GET" {
        let content = json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}});
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

fn parameters(of: &Words, shape: &Shape, needs_session: bool) -> Value {
    let mut parameters = Vec::new();
    let names = of.path.split(['{', '}']).skip(1).step_by(2);
    for (name, schema) in names.zip(&shape.path) {
        parameters.push(json!({"name": name, "in": "path", "required": true, "schema": schema}));
    }
    let query = shape.query.as_ref().and_then(|schema| Some((schema["properties"].as_object()?, &schema["required"])));
    for (name, schema) in query.iter().flat_map(|(properties, _)| properties.iter()) {
        let required = query.as_ref().and_then(|(_, required)| required.as_array());
        let required = required.is_some_and(|required| required.iter().any(|one| one == name));
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        parameters.push(json!({
            "name": name, "in": "query", "required": required, "schema": schema, "description": description,
        }));
    }
    let header = |name: &str, description: &str| json!({"name": name, "in": "header", "required": false, "schema": {"type": "string"}, "description": description});
    if of.method != "GET" && needs_session {
        let says = "A name for this request, 1 to 64 visible ASCII characters: once more with the same key and body, it is \
                    answered as before and makes nothing twice.";
        parameters.push(header("Idempotency-Key", says));
    }
    if of.method == "GET" && shape.answer.is_some() && of.path != "/v1/health" {
        parameters.push(header("If-None-Match", "The `ETag` of an earlier answer: 304 if it is still the same."));
    }
    if of.path == "/v1/events" {
        parameters.push(header("Last-Event-ID", "The `id` of the last event that is known: what followed comes."));
    }
    Value::Array(parameters)
}

fn responses(of: &Words, shape: &Shape, needs_session: bool) -> Value {
    let mut responses = Map::new();
    for status in of.gives {
        let mut response = json!({"description": meaning(*status)});
        let empty = [204, 304].contains(status) || *status == 202 && of.path.ends_with("/keyframe");
        if let Some(media) = media(of.path).filter(|_| !empty) {
            response["content"] = json!({media: {"schema": {"type": "string"}}});
        } else if let Some(schema) = answer(of, shape, *status).filter(|_| !empty) {
            response["content"] = json!({"application/json": {"schema": schema}});
        }
        responses.insert(status.to_string(), response);
    }
    if of.method == "GET" && shape.answer.is_some() && needs_session {
        responses.insert("304".to_owned(), json!({"description": meaning(304)}));
    }
    for (status, codes) in refusals(of, shape, needs_session) {
        let names: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        responses.insert(
            status.to_string(),
            json!({
                "description": names.join(", "),
                "x-komado-codes": codes,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }),
        );
    }
    Value::Object(responses)
}

/// What a route refuses, by status.
fn refusals(of: &Words, shape: &Shape, needs_session: bool) -> BTreeMap<u16, Vec<&'static str>> {
    let command = !["/v1/health", "/v1/public/{name}", "/v1/openapi.json", "/v1/docs"].contains(&of.path);
    let link = of.path.starts_with("/v1/link");
    let writes = of.method != "GET" && !link;
    let octets = shape.octets && of.path.starts_with("/v1/link") && !of.path.ends_with("/up");
    let mut all = of.refuses.to_vec();
    let mut add = |when: bool, refusals: &[(u16, &'static str)]| {
        if when {
            all.extend(refusals);
        }
    };
    // A session that is shown is looked at, needed or not.
    add(command && !link, &[(401, code::NO_SESSION), (401, code::SESSION_EXPIRED), (403, code::NOT_SECURE)]);
    add(command && !link, words::ALWAYS);
    add(link, &[(500, code::INTERNAL), (503, code::OVERLOADED)]);
    add(needs_session, words::RIGHTS);
    add(shape.body.is_some(), words::BODY);
    add(octets, &[(408, code::MALFORMED), (413, code::TOO_LONG)]);
    add(shape.query.is_some(), &[(400, code::MALFORMED)]);
    add(shape.query.as_ref().is_some_and(|query| query["properties"]["cursor"].is_object()), &[(422, code::INVALID)]);
    add(!shape.path.is_empty(), &[(404, code::NOT_FOUND)]);
    add(writes && of.method == "POST" && needs_session, words::REPEATED);
    add(writes, &[(422, code::INVALID), (507, code::DISK_FULL)]);
    let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for (status, code) in all {
        let codes = by_status.entry(status).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    by_status
}

/// The schema of an answer: from the signature, or where one route gives several, from its words.
fn answer(of: &Words, shape: &Shape, status: u16) -> Option<Value> {
    let named = |name: &str| Some(json!({"$ref": format!("#/components/schemas/{name}")}));
    match (of.method, of.path, status) {
        ("POST", "/v1/chats/{id}/messages", 202) => named("Scheduled"),
        ("POST", "/v1/chats/{id}/messages", _) => named("MessageAccepted"),
        ("POST", "/v1/contacts/requests", _) => named("ContactRequest"),
        _ => shape.answer.clone(),
    }
}

/// The media type of an answer that is no JSON.
fn media(path: &str) -> Option<&'static str> {
    Some(match path {
        "/v1/events" => "text/event-stream",
        "/v1/docs" => "text/html",
        "/v1/openapi.json" => return None,
        "/v1/pictures/{picture}" | "/v1/files/{id}/thumbnail" => "image/jpeg",
        "/v1/files/{id}/content" | "/v1/public/{name}" => "application/octet-stream",
        _ if path.starts_with("/v1/link") => "application/octet-stream",
        _ => return None,
    })
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "Done.",
        201 => "Made.",
        202 => "Taken.",
        204 => "Done; there is nothing to say.",
        206 => "A part of it.",
        _ => "Still what `If-None-Match` names.",
    }
}

const TAGS: [(&str, &str, &[&str]); 9] = [
    (
        "Coming in",
        "Sessions, tokens, invitations.",
        &["login", "session", "logout", "join", "reset", "sessions", "tokens"],
    ),
    ("Oneself", "One's own account.", &["me", "pictures"]),
    (
        "Contacts",
        "By request and consent, with groups, blocks and the directory.",
        &["contacts", "blocks", "directory"],
    ),
    ("Presence", "Who is there.", &["presence"]),
    ("Chats", "Of two or of many: one log of lines and their changes.", &["chats", "search", "files"]),
    ("Events", "What happens, for bots and scripts.", &["events"]),
    ("Calls and tracks", "Signalling; pictures and sound go on links.", &["calls", "tracks", "cursors", "public"]),
    ("Keeping order", "For moderators and administrators.", &["admin", "connections"]),
    ("The server", "Links, health, and this document.", &["link", "health", "openapi.json", "docs"]),
];

fn tags() -> Value {
    TAGS.iter().map(|(name, description, _)| json!({"name": name, "description": description})).collect()
}

fn tag(path: &str) -> &'static str {
    let first = path.split('/').nth(2).unwrap_or_default();
    TAGS.iter().find(|(.., firsts)| firsts.contains(&first)).map_or("The server", |(name, ..)| name)
}

fn operation_id(of: &Words) -> String {
    let words = of.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty() && *word != "v1");
    let mut id = of.method.to_ascii_lowercase();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

/// The codes of problems, with what each means.
fn describe_codes(schemas: &mut Map<String, Value>) {
    let Some(problem) = schemas.get_mut("Problem") else { return };
    let codes: Vec<&str> = code::ALL.iter().map(|(word, ..)| *word).collect();
    let meanings: Vec<String> = code::ALL.iter().map(|(word, _, meaning)| format!("- `{word}`:{meaning}")).collect();
    problem["properties"]["code"]["enum"] = json!(codes);
    problem["properties"]["code"]["description"] =
        json!(format!("What programs decide by.\n\n{}", meanings.join("\n")));
}

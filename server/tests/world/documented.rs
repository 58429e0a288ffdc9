//! What the document of the API says of a request: every refusal that any test meets must stand there.

use serde_json::Value;
use server::http::api::DOCUMENT;

/// Fails if the document does not name this status of an answer to that route.
pub fn answer(method: &str, path: &str, status: u16) {
    let Some(operation) = operation(method, path.split('?').next().unwrap_or_default()) else { return };
    let known = operation["responses"][status.to_string()].is_object();
    assert!(known, "{method} {path} answers {status}, which its document does not say");
}

/// Fails if the document does not name this refusal of that route.
pub fn refusal(method: &str, path: &str, status: u16, problem: &Value) {
    let path = path.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else { return };
    let codes = &operation["responses"][status.to_string()]["x-komado-codes"];
    let known = codes.as_array().is_some_and(|codes| codes.contains(&problem["code"]));
    assert!(known, "{method} {path} refuses with {problem}, which its document does not say: {codes}");
}

/// The operation that a path belongs to. What belongs to none is nobody's.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let parts: Vec<_> = path.split('/').collect();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let template: Vec<_> = template.split('/').collect();
        template.len() == parts.len()
            && template.iter().zip(&parts).all(|(one, part)| one.starts_with('{') || one == part)
    };
    // What is written out comes before what a parameter stands for.
    let mut fitting: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
    fitting.sort_by_key(|(template, _)| template.matches('{').count());
    fitting.first().map(|(_, methods)| &methods[method.to_ascii_lowercase()]).filter(|operation| operation.is_object())
}

//! The document as a page for people: one HTML text, without scripts, with its style inside.

use serde_json::Value;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// The page that shows a document. What is linked to stands inside what is folded: browsers open that then.
pub(super) fn page(document: &Value) -> String {
    let mut page = Page { out: String::new(), document };
    page.whole();
    page.out
}

struct Page<'a> {
    out: String,
    document: &'a Value,
}

impl Page<'_> {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // A string takes everything.
        self.out.write_fmt(text).unwrap_or_default();
    }

    fn whole(&mut self) {
        let document = self.document;
        let (title, version) = (text(&document["info"]["title"]), text(&document["info"]["version"]));
        self.put(format_args!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title} API</title>\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style>\
             <nav><h1><a href=\"#top\">{title} <small>{version}</small></a></h1>"
        ));
        for tag in items(&document["tags"]) {
            let name = text(&tag["name"]);
            self.put(format_args!("<a href=\"#{}\">{name}</a>", slug(&name)));
        }
        self.put(format_args!(
            "<hr><a href=\"#schemas\">Schemas</a><a href=\"openapi.json\">openapi.json</a></nav><main id=\"top\">"
        ));
        let introduction = prose(document["info"]["description"].as_str().unwrap_or_default());
        self.put(format_args!("<section class=\"introduction\"><h2>The API</h2>{introduction}</section>"));
        for tag in items(&document["tags"]) {
            let name = text(&tag["name"]);
            let says = text(&tag["description"]);
            self.put(format_args!("<section id=\"{}\"><h2>{name}</h2><p class=\"lead\">{says}</p>", slug(&name)));
            self.operations(tag["name"].as_str().unwrap_or_default());
            self.put(format_args!("</section>"));
        }
        self.put(format_args!("<section id=\"schemas\"><h2>Schemas</h2>"));
        for (name, schema) in fields(&document["components"]["schemas"]) {
            let name = escape(name);
            self.put(format_args!(
                "<details class=\"schema\"><summary><code>{name}</code></summary><div id=\"schema-{name}\">"
            ));
            self.schema(schema);
            self.put(format_args!("</div></details>"));
        }
        self.put(format_args!("</section></main></html>"));
    }

    fn operations(&mut self, tag: &str) {
        for (path, methods) in fields(&self.document["paths"]) {
            for (method, operation) in fields(methods) {
                if operation["tags"][0] == tag {
                    self.operation(method, path, operation);
                }
            }
        }
    }

    fn operation(&mut self, method: &str, path: &str, operation: &Value) {
        let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
        let needs = text(&operation["x-komado-needs"]);
        let chip = if needs == "member" { String::new() } else { format!("<span class=\"needs\">{needs}</span>") };
        let path = escape(path).replace('{', "<i>{").replace('}', "}</i>");
        self.put(format_args!(
            "<details class=\"operation {method}\"><summary><b>{}</b><code>{path}</code>\
             <span class=\"says\">{summary}</span>{chip}</summary><div id=\"{id}\">{}",
            method.to_ascii_uppercase(),
            prose(operation["description"].as_str().unwrap_or_default())
        ));
        let parameters: Vec<_> = items(&operation["parameters"]).collect();
        if !parameters.is_empty() {
            self.put(format_args!("<h4>Parameters</h4><table>"));
            for parameter in parameters {
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                let must = if parameter["required"] == true { "required" } else { "" };
                self.put(format_args!(
                    "<tr><td><code>{name}</code><td>{place} <em>{must}</em><td>{}<td>{}",
                    kind(&parameter["schema"]),
                    inline(parameter["description"].as_str().unwrap_or_default())
                ));
            }
            self.put(format_args!("</table>"));
        }
        for (media, content) in fields(&operation["requestBody"]["content"]) {
            self.put(format_args!("<h4>Body <small>{}</small></h4><p>{}</p>", escape(media), kind(&content["schema"])));
        }
        self.put(format_args!("<h4>Answers</h4><table>"));
        for (status, response) in fields(&operation["responses"]) {
            let codes: Vec<_> =
                items(&response["x-komado-codes"]).map(|code| format!("<code>{}</code>", text(code))).collect();
            let class = if codes.is_empty() { "good" } else { "bad" };
            let what = match fields(&response["content"]).next() {
                Some((_, content)) if codes.is_empty() => kind(&content["schema"]),
                _ => codes.join(" "),
            };
            let says = if codes.is_empty() { text(&response["description"]) } else { String::new() };
            self.put(format_args!("<tr class=\"{class}\"><td><b>{status}</b><td>{says} {what}"));
        }
        self.put(format_args!("</table></div></details>"));
    }

    fn schema(&mut self, schema: &Value) {
        self.put(format_args!("{}", prose(schema["description"].as_str().unwrap_or_default())));
        let choices = items(&schema["oneOf"]).chain(items(&schema["anyOf"]));
        let choices: Vec<_> = choices.collect();
        if schema["properties"].is_object() {
            self.properties(schema);
        } else if choices.is_empty() {
            self.put(format_args!("<p>{}</p>", kind(schema)));
        }
        for choice in choices {
            let says = inline(choice["description"].as_str().unwrap_or_default());
            if choice["properties"].is_object() {
                self.put(format_args!("<p>{says}</p>"));
                self.properties(choice);
            } else {
                self.put(format_args!("<p>{} {says}</p>", kind(choice)));
            }
        }
    }

    fn properties(&mut self, schema: &Value) {
        self.put(format_args!("<table>"));
        for (name, property) in fields(&schema["properties"]) {
            let required = items(&schema["required"]).any(|one| one == name);
            let must = if required { "" } else { "may be absent" };
            self.put(format_args!(
                "<tr><td><code>{}</code><td>{}<td><em>{must}</em><td>{}",
                escape(name),
                kind(property),
                prose(property["description"].as_str().unwrap_or_default())
            ));
        }
        self.put(format_args!("</table>"));
    }
}

/// What a schema allows, in a few words, with links to what it names.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if !schema["const"].is_null() {
        return format!("<code>{}</code>", escape(&schema["const"].to_string()));
    }
    if schema["enum"].is_array() {
        let all: Vec<_> = items(&schema["enum"]).map(|one| format!("<code>{}</code>", text(one))).collect();
        return all.join(" ");
    }
    let choices: Vec<_> =
        items(&schema["anyOf"]).chain(items(&schema["oneOf"])).chain(items(&schema["allOf"])).collect();
    if !choices.is_empty() {
        let kinds: Vec<_> = choices.into_iter().filter(|one| one["type"] != "null").map(kind).collect();
        return kinds.join(" or ");
    }
    let kinds: Vec<_> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        one => one.as_str().into_iter().collect(),
    };
    match kinds.first() {
        Some(&"array") => format!("list of {}", kind(&schema["items"])),
        Some(other) => escape(other),
        None => String::new(),
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-").replace('\'', "")
}

/// Paragraphs, lists, `code` and **strong** of Markdown: what descriptions use.
fn prose(markdown: &str) -> String {
    let paragraphs = markdown.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    let paragraphs = paragraphs.map(|paragraph| match paragraph.strip_prefix("- ") {
        Some(list) => {
            let points: Vec<_> = list.split("\n- ").map(|point| format!("<li>{}</li>", inline(point))).collect();
            format!("<ul>{}</ul>", points.concat())
        }
        None => format!("<p>{}</p>", inline(paragraph)),
    });
    paragraphs.collect()
}

fn inline(markdown: &str) -> String {
    let mut out = String::new();
    for (at, piece) in escape(markdown).split('`').enumerate() {
        if at % 2 == 1 {
            out.push_str("<code>");
            // A doc comment's link is a name here.
            out.push_str(piece);
            out.push_str("</code>");
            continue;
        }
        for (at, piece) in piece.split("**").enumerate() {
            let (before, after) = if at % 2 == 1 { ("<strong>", "</strong>") } else { ("", "") };
            out.push_str(before);
            out.push_str(&piece.replace(['[', ']'], ""));
            out.push_str(after);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_descriptions_say_is_text_and_never_markup_of_its_own() {
        assert_eq!(
            inline("a `b<c>` **d** & [`E`]"),
            "a <code>b&lt;c&gt;</code> <strong>d</strong> &amp; <code>E</code>"
        );
        assert_eq!(prose("one\n\n- a\n- b"), "<p>one</p><ul><li>a</li><li>b</li></ul>");
        assert_eq!(kind(&json!({"type": ["integer", "null"]})), "integer");
        assert_eq!(
            kind(&json!({"type": "array", "items": {"$ref": "#/a/Chat"}})),
            "list of <a href=\"#schema-Chat\">Chat</a>"
        );
    }
}

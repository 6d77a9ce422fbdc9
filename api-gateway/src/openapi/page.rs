//! The OpenAPI document as a page for people: HTML and a style sheet, no script and no other host.

use std::fmt::Write as _;

use axum::http::{HeaderName, header};
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The style sheet of the page.
pub(crate) const STYLE: &str = include_str!("page.css");

/// The page runs nothing, loads its own style sheet alone, and is framed by nobody.
pub(crate) const HEADERS: [(HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// The page of a document.
pub(crate) fn of(document: &OpenApi) -> String {
    let document = serde_json::to_value(document).expect("a document is text and numbers");
    let mut page = Page {
        document: &document,
        html: String::new(),
    };
    page.whole();
    page.html
}

struct Page<'a> {
    document: &'a Value,
    html: String,
}

/// Adds formatted HTML.
macro_rules! html {
    ($page:expr, $($arguments:tt)*) => {
        write!($page.html, $($arguments)*).expect("a String takes all")
    };
}

impl<'a> Page<'a> {
    fn whole(&mut self) {
        let info = &self.document["info"];
        let title = escaped(text(&info["title"]));
        html!(
            self,
            "<!doctype html><html lang=en><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width\"><title>{title}: the API</title>\
             <link rel=stylesheet href=/docs/style.css><h1>{title}</h1><p>{}</p>\
             <p>The same for programs: <a href=/openapi.json>openapi.json</a> (OpenAPI {}).</p><nav><ul>",
            prose(text(&info["description"])),
            escaped(text(&self.document["openapi"])),
        );
        let tags = members(&self.document["tags"]);
        for tag in tags {
            let name = escaped(text(&tag["name"]));
            html!(self, "<li><a href=\"#{name}\">{name}</a>");
        }
        html!(self, "<li><a href=\"#schemas\">schemas</a></ul></nav>");
        for tag in tags {
            let name = text(&tag["name"]);
            html!(self, "<h2 id=\"{0}\">{0}</h2>", escaped(name));
            html!(self, "<p>{}</p>", prose(text(&tag["description"])));
            for (path, item) in fields(&self.document["paths"]) {
                for (method, operation) in fields(item) {
                    if members(&operation["tags"]).iter().any(|of| of == name) {
                        self.operation(method, path, operation);
                    }
                }
            }
        }
        html!(self, "<h2 id=schemas>schemas</h2>");
        for (name, schema) in fields(&self.document["components"]["schemas"]) {
            self.schema(name, schema);
        }
    }

    fn operation(&mut self, method: &str, path: &str, operation: &'a Value) {
        html!(
            self,
            "<details><summary><b>{}</b> <code>{}</code> <span>{}</span></summary><p>{}</p>",
            escaped(&method.to_uppercase()),
            escaped(path),
            prose(text(&operation["summary"])),
            prose(text(&operation["description"])),
        );
        let scopes = members(&operation["security"]).iter().flat_map(fields);
        let scopes = scopes.flat_map(|(_, scopes)| members(scopes)).map(text);
        let scopes: Vec<&str> = scopes.filter(|scope| !scope.is_empty()).collect();
        if !scopes.is_empty() {
            html!(
                self,
                "<p>Scope of personal tokens: <code>{}</code></p>",
                escaped(&scopes.join(" "))
            );
        }
        let parameters = members(&operation["parameters"]);
        if !parameters.is_empty() {
            html!(self, "<table><tr><th>Parameter<th>In<th>Type<th>");
            for parameter in parameters {
                let parameter = self.resolve(parameter);
                let described = text(&parameter["description"]);
                let described = if described.is_empty() {
                    text(&parameter["schema"]["description"])
                } else {
                    described
                };
                html!(
                    self,
                    "<tr><td><code>{}</code><td>{}<td>{}<td>{}",
                    escaped(text(&parameter["name"])),
                    escaped(text(&parameter["in"])),
                    kind(&parameter["schema"]),
                    prose(described),
                );
            }
            html!(self, "</table>");
        }
        for (media, content) in fields(&operation["requestBody"]["content"]) {
            let of = kind(&content["schema"]);
            html!(self, "<p>Body: <code>{}</code>, {of}</p>", escaped(media));
        }
        html!(self, "<table><tr><th>Status<th>Answer<th>");
        for (status, response) in fields(&operation["responses"]) {
            let response = self.resolve(response);
            html!(
                self,
                "<tr><td>{}<td>{}<td>",
                escaped(status),
                prose(text(&response["description"])),
            );
            for (_, content) in fields(&response["content"]) {
                html!(self, "{} ", kind(&content["schema"]));
            }
        }
        html!(self, "</table></details>");
    }

    fn schema(&mut self, name: &str, schema: &'a Value) {
        html!(
            self,
            "<details id=\"{0}\"><summary><code>{0}</code> <span>{1}</span></summary>",
            escaped(name),
            prose(text(&schema["description"])),
        );
        let needed = members(&schema["required"]);
        let mut properties = fields(&schema["properties"]).peekable();
        if properties.peek().is_none() {
            html!(self, "<p>{}</p>", kind(schema));
        } else {
            html!(self, "<table><tr><th>Field<th>Type<th>");
            for (field, of) in properties {
                let needed = if needed.iter().any(|needed| needed == field) {
                    ", needed"
                } else {
                    ""
                };
                html!(
                    self,
                    "<tr><td><code>{}</code><td>{}{needed}<td>{}",
                    escaped(field),
                    kind(of),
                    prose(text(&of["description"])),
                );
            }
            html!(self, "</table>");
        }
        html!(self, "</details>");
    }

    fn resolve(&self, value: &'a Value) -> &'a Value {
        let target = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
        let target = target.and_then(|pointer| self.document.pointer(pointer));
        target.unwrap_or(value)
    }
}

/// What a schema describes, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    for of in ["oneOf", "anyOf", "allOf"] {
        let some = members(&schema[of]);
        if !some.is_empty() {
            let word = if of == "allOf" { " and " } else { " or " };
            let some: Vec<String> = some.iter().map(kind).collect();
            return some.join(word);
        }
    }
    let mut words = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        one => text(one).to_owned(),
    };
    if let Some(format) = schema["format"].as_str() {
        write!(words, " ({format})").expect("a String takes all");
    }
    let values: Vec<String> = members(&schema["enum"]).iter().map(plain).collect();
    if !values.is_empty() {
        write!(words, ": {}", values.join(", ")).expect("a String takes all");
    }
    for (key, word) in [
        ("minimum", "from"),
        ("maximum", "to"),
        ("minLength", "at least"),
        ("maxLength", "at most"),
        ("maxItems", "at most"),
        ("default", "default"),
    ] {
        if let Some(value) = schema.get(key) {
            write!(words, ", {word} {}", plain(value)).expect("a String takes all");
        }
    }
    let words = escaped(&words);
    match schema.get("items") {
        Some(items) => format!("{words} of {}", kind(items)),
        None => words,
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn members(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Escaped, with what stands in backticks as code.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (i, part) in escaped(text).split('`').enumerate() {
        if i > 0 {
            html.push_str(if i % 2 == 1 { "<code>" } else { "</code>" });
        }
        html.push_str(part);
    }
    if text.matches('`').count() % 2 == 1 {
        html.push_str("</code>");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_document_says_is_text_and_not_markup() {
        assert_eq!(
            prose("a `<b>` & \"c\""),
            "a <code>&lt;b&gt;</code> &amp; &quot;c&quot;"
        );
        assert_eq!(prose("one ` alone"), "one <code> alone</code>");
        let schema =
            serde_json::json!({ "type": ["string", "null"], "maxLength": 5, "enum": ["<"] });
        assert_eq!(kind(&schema), "string or null: &lt;, at most 5");
    }
}

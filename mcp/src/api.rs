//! Requests of the REST interface.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header, request::Parts};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::form_urlencoded;

use crate::{refusal::Refusal, transport::Transport};

/// The REST interface, for one caller.
pub(crate) struct Api<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) caller: Option<&'a Parts>,
}

impl Api<'_> {
    /// Reads what is at `path`, by the parameters that `query` has as its fields.
    ///
    /// # Errors
    /// What the interface answers instead.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Refusal> {
        let uri = match query_of(query)? {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        };
        let request = Request::get(uri).body(Bytes::new());
        self.read(request?).await
    }

    /// Posts `body` to `path`.
    ///
    /// # Errors
    /// What the interface answers instead.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refusal> {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(body)?.into());
        self.read(request?).await
    }

    /// Asks for what `path` does, which takes no body.
    ///
    /// # Errors
    /// What the interface answers instead.
    pub(crate) async fn act<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        let request = Request::post(path).body(Bytes::new());
        self.read(request?).await
    }

    /// Merges `patch` (RFC 7396) into what is at `uri`, if it has this version.
    ///
    /// # Errors
    /// What the interface answers instead.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        uri: &str,
        version: Option<i64>,
        patch: &impl Serialize,
    ) -> Result<T, Refusal> {
        let request = of_version(Method::PATCH, uri, version)
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .body(serde_json::to_vec(patch)?.into());
        self.read(request?).await
    }

    /// Deletes what is at `path`, if it has this version.
    ///
    /// # Errors
    /// What the interface answers instead.
    pub(crate) async fn delete(&self, path: &str, version: Option<i64>) -> Result<(), Refusal> {
        let request = of_version(Method::DELETE, path, version).body(Bytes::new());
        self.answer(request?).await.map(drop)
    }

    async fn read<T: DeserializeOwned>(&self, request: Request<Bytes>) -> Result<T, Refusal> {
        let answer = self.answer(request).await?;
        serde_json::from_slice(&answer).map_err(Refusal::from)
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Bytes, Refusal> {
        let response = self.transport.send(self.caller, request).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        Err(Refusal::of(&response))
    }
}

fn of_version(method: Method, uri: &str, version: Option<i64>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(uri);
    match version {
        Some(version) => request.header(header::IF_MATCH, format!("\"{version}\"")),
        None => request,
    }
}

/// The fields of an object as parameters: those of a list once for each of its values.
fn query_of(fields: &impl Serialize) -> serde_json::Result<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let mut add = |name: &str, value: &Value| match value {
        Value::Null => {}
        Value::String(text) => {
            query.append_pair(name, text);
        }
        other => {
            query.append_pair(name, &other.to_string());
        }
    };
    if let Value::Object(fields) = serde_json::to_value(fields)? {
        for (name, value) in &fields {
            match value {
                Value::Array(values) => values.iter().for_each(|value| add(name, value)),
                value => add(name, value),
            }
        }
    }
    Ok(query.finish())
}

/// Whether the caller was too late, and may read and try again.
pub(crate) fn is_outdated(refusal: &Refusal) -> bool {
    refusal.status() == Some(StatusCode::PRECONDITION_FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_become_parameters() {
        let query = query_of(&json!({
            "due": null, "limit": 5, "tag": ["a&b", "ü"], "total": true, "filter": "due < +3d",
        }));
        assert_eq!(
            query.unwrap(),
            "filter=due+%3C+%2B3d&limit=5&tag=a%26b&tag=%C3%BC&total=true"
        );
    }
}

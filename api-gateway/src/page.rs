//! The web page: the files that `web/build` made, in this binary. Where it had not run when this was compiled,
//! `/` leads to `/docs` instead.

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use sha2::{Digest as _, Sha256};

use crate::{compress, error::Error};

/// A file of the page, with what it is compressed.
#[derive(Debug, Clone, Copy)]
struct File {
    path: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    br: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// Where the page is; `web/src/lib/route.ts` reads these paths. Every other one is not found.
const PATHS: [&str; 14] = [
    "/",
    "/completed",
    "/filter",
    "/filter/{id}",
    "/inbox",
    "/login",
    "/project/{id}",
    "/search",
    "/settings",
    "/settings/{section}",
    "/signup",
    "/tag/{name}",
    "/today",
    "/upcoming",
];

/// Files whose names have a hash of what they hold.
const ASSETS: &str = "/assets/";

/// The page runs its own files and nothing that stands in its HTML or its style attributes, speaks with its own
/// host alone, is framed by nobody, and makes elements of no text but its own templates, and a worker of no script
/// but its own.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    object-src 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html todostack-worker";

/// What every answer with a file of the page has.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// The routes of the page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    of(FILES)
}

fn of<S: Clone + Send + Sync + 'static>(files: &'static [File]) -> Router<S> {
    let Some(index) = files.iter().find(|file| file.path == "/index.html") else {
        return Router::new().route("/", get(async || Redirect::temporary("/docs")));
    };
    let mut router = Router::new().route(
        // One route for all of them: its name is a label of metrics.
        "/assets/{file}",
        get(async move |Path(name): Path<String>, headers: HeaderMap| {
            let mut assets = files.iter().filter(|file| file.path.starts_with(ASSETS));
            match assets.find(|file| file.path[ASSETS.len()..] == name) {
                Some(file) => file.answer(&headers),
                // An older page that is still open asks for what it was made of.
                None => Error::not_found("file").into_response(),
            }
        }),
    );
    let others = files
        .iter()
        .filter(|file| file.path != index.path && !file.path.starts_with(ASSETS));
    for (path, file) in PATHS
        .iter()
        .map(|path| (*path, index))
        .chain(others.map(|file| (file.path, file)))
    {
        let tag: Arc<str> = file.tag().into();
        router = router.route(
            path,
            get(async move |headers: HeaderMap| file.fresh(&headers, &tag)),
        );
    }
    router
}

impl File {
    /// A hash of what it holds.
    fn tag(&self) -> String {
        let hash = Sha256::digest(self.plain);
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The file in the fewest bytes that the client takes. It may be kept for ever where its name has a hash.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let (bytes, encoding) = match (self.br, self.gzip) {
            (Some(br), _) if compress::takes(headers, "br") => (br, Some("br")),
            (_, Some(gzip)) if compress::takes(headers, "gzip") => (gzip, Some("gzip")),
            _ => (self.plain, None),
        };
        let kept = if self.path.starts_with(ASSETS) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let mut response = (
            HEADERS,
            [
                (header::CONTENT_TYPE, self.kind),
                (header::CACHE_CONTROL, kept),
            ],
            bytes,
        )
            .into_response();
        if self.br.is_some() || self.gzip.is_some() {
            let vary = HeaderValue::from_static("accept-encoding");
            response.headers_mut().insert(header::VARY, vary);
        }
        if let Some(encoding) = encoding {
            let encoding = HeaderValue::from_static(encoding);
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, encoding);
        }
        response
    }

    /// The same of a file that may change: who has it already is told so.
    fn fresh(&self, headers: &HeaderMap, hash: &str) -> Response {
        let mut response = self.answer(headers);
        let encoding = response.headers().get(header::CONTENT_ENCODING);
        let encoding = encoding.map_or(Ok(""), HeaderValue::to_str).unwrap_or("");
        // Each encoding is a representation of its own (RFC 9110 §8.8.3.3).
        let tag = format!("\"{hash}{encoding}\"");
        let asked = headers.get(header::IF_NONE_MATCH);
        let asked = asked.and_then(|value| value.to_str().ok());
        let known = asked.is_some_and(|tags| {
            tags.split(',')
                .any(|each| each.trim().trim_start_matches("W/") == tag)
        });
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = axum::body::Body::empty();
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tower::ServiceExt as _;

    use super::*;

    const PAGE: &[File] = &[
        File {
            path: "/assets/index-abc.js",
            kind: "text/javascript; charset=utf-8",
            plain: b"plain",
            br: Some(b"br"),
            gzip: Some(b"gzip"),
        },
        File {
            path: "/icon.svg",
            kind: "image/svg+xml",
            plain: b"<svg/>",
            br: None,
            gzip: None,
        },
        File {
            path: "/worker.js",
            kind: "text/javascript; charset=utf-8",
            plain: b"addEventListener()",
            br: None,
            gzip: None,
        },
        File {
            path: "/index.html",
            kind: "text/html; charset=utf-8",
            plain: b"<!doctype html>",
            br: Some(b"short"),
            gzip: None,
        },
    ];

    async fn get(files: &'static [File], path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        of::<()>(files).oneshot(request).await.unwrap()
    }

    async fn body(response: Response) -> Vec<u8> {
        to_bytes(response.into_body(), 1024).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn a_gateway_without_a_page_leads_to_its_document() {
        let answer = get(&[], "/", &[]).await;
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(answer.headers()[header::LOCATION], "/docs");
        assert_eq!(
            get(&[], "/today", &[]).await.status(),
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn every_path_of_the_page_is_the_page_and_no_other_one_is() {
        for path in [
            "/",
            "/today",
            "/tag/a%2Fb",
            "/filter/x",
            "/settings/sessions",
        ] {
            let answer = get(PAGE, path, &[]).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-cache");
            let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str();
            let policy = policy.unwrap();
            assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"));
            assert_eq!(body(answer).await, b"<!doctype html>");
        }
        for path in [
            "/v1/nothing",
            "/v1",
            "/todays",
            "/index.html",
            "/assets/other.js",
        ] {
            let answer = get(PAGE, path, &[]).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn a_file_comes_in_the_fewest_bytes_that_the_client_takes() {
        let path = "/assets/index-abc.js";
        for (takes, encoding) in [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0", "plain")] {
            let answer = get(PAGE, path, &[("accept-encoding", takes)]).await;
            let headers = answer.headers();
            assert_eq!(headers[header::VARY], "accept-encoding");
            let said = headers.get(header::CONTENT_ENCODING);
            assert_eq!(
                said.map_or("plain", |said| said.to_str().unwrap()),
                encoding
            );
            let kept = "public, max-age=31536000, immutable";
            assert_eq!(headers[header::CACHE_CONTROL], kept);
            assert_eq!(body(answer).await, encoding.as_bytes());
        }
    }

    #[tokio::test]
    async fn the_worker_of_the_page_is_never_an_old_one() {
        // At the root, so that it may answer for every path; without a hash, so that it can be followed by another.
        let answer = get(PAGE, "/worker.js", &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let headers = answer.headers();
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        assert_eq!(
            headers[header::CONTENT_TYPE],
            "text/javascript; charset=utf-8"
        );
        assert!(headers.contains_key(header::ETAG));
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self';"));
    }

    #[tokio::test]
    async fn who_has_the_page_is_told_so() {
        let first = get(PAGE, "/", &[("accept-encoding", "br")]).await;
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let takes = ("accept-encoding", "br");
        let again = get(PAGE, "/today", &[takes, ("if-none-match", &tag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[header::ETAG], tag.as_str());
        // Not compressed it is another one.
        let plain = get(PAGE, "/", &[("if-none-match", &tag)]).await;
        assert_eq!(plain.status(), StatusCode::OK);
    }
}

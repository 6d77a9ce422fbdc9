//! What every operation may answer, and what no text may hold: said once, and written into the whole
//! document.

use axum::http::{Method, StatusCode};
use utoipa::{
    PartialSchema as _,
    openapi::{
        Content, OpenApi, Ref, RefOr, Required, Response,
        header::Header,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{
            AdditionalProperties, Array, ArrayItems, Components, KnownFormat, Object, Schema,
            SchemaFormat, SchemaType, Type,
        },
        security::SecurityRequirement,
    },
};

use super::{parameters::IdempotencyKey, patches};
use crate::{
    idempotency::{self, Use},
    scopes::operations,
};

/// No text holds U+0000, which Postgres cannot store.
const NO_NUL: &str = r"^[^\u0000]*$";

/// The schemas of problems.
const PROBLEM: [&str; 2] = ["Problem", "Fault"];

const PROBLEM_JSON: &str = "application/problem+json";

/// A problem that many operations answer with.
struct Common {
    status: StatusCode,
    /// Its name among the components.
    name: &'static str,
    description: &'static str,
    /// The header that goes with it.
    header: Option<(&'static str, &'static str)>,
    /// Which operations may answer it.
    of: fn(&Asked) -> bool,
}

/// What an operation asks for, as far as it matters to its answers.
struct Asked {
    body: bool,
    path_parameter: bool,
    query: bool,
    if_match: bool,
    idempotency_key: bool,
    token: bool,
}

impl Asked {
    fn by(operation: &Operation) -> Self {
        let parameters = operation.parameters.iter().flatten();
        let parameters: Vec<_> = parameters
            .filter_map(|parameter| match parameter {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            })
            .collect();
        let any = |place: &ParameterIn| parameters.iter().any(|p| p.parameter_in == *place);
        let nobody = [SecurityRequirement::default()];
        Self {
            body: operation.request_body.is_some(),
            path_parameter: any(&ParameterIn::Path),
            query: any(&ParameterIn::Query),
            if_match: parameters.iter().any(|p| p.name == "if-match"),
            idempotency_key: parameters.iter().any(|p| p.name == idempotency::NAME),
            token: operation.security.as_deref() != Some(nobody.as_slice()),
        }
    }
}

const COMMON: [Common; 11] = [
    Common {
        status: StatusCode::BAD_REQUEST,
        name: "BadRequest",
        description: "The body is not JSON.",
        header: None,
        of: |asked| asked.body,
    },
    Common {
        status: StatusCode::UNAUTHORIZED,
        name: "Unauthorized",
        description: "There is no token, or one that is not valid any more.",
        header: Some(("WWW-Authenticate", "The scheme: `Bearer`.")),
        of: |asked| asked.token,
    },
    Common {
        status: StatusCode::FORBIDDEN,
        name: "Forbidden",
        description: "The token does not have the scope that this needs.",
        header: None,
        of: |asked| asked.token,
    },
    Common {
        status: StatusCode::NOT_FOUND,
        name: "NotFound",
        description: "The caller has nothing of this name.",
        header: None,
        of: |asked| asked.path_parameter,
    },
    Common {
        status: StatusCode::CONFLICT,
        name: "Conflict",
        description: "A request with this `Idempotency-Key` is under way.",
        header: Some(RETRY_AFTER),
        of: |asked| asked.idempotency_key,
    },
    Common {
        status: StatusCode::PRECONDITION_FAILED,
        name: "PreconditionFailed",
        description: "It has another version than `If-Match` asks for.",
        header: None,
        of: |asked| asked.if_match,
    },
    Common {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        name: "ContentTooLarge",
        description: "The body is longer than this operation takes.",
        header: None,
        of: |asked| asked.body,
    },
    Common {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        name: "UnsupportedMediaType",
        description: "The body is not sent as JSON.",
        header: None,
        of: |asked| asked.body,
    },
    Common {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        name: "UnprocessableContent",
        description: "Something of the request cannot be accepted; `errors` says what, and what would be right.",
        header: None,
        of: |asked| asked.body || asked.query || asked.path_parameter || asked.idempotency_key,
    },
    Common {
        status: StatusCode::TOO_MANY_REQUESTS,
        name: "TooManyRequests",
        description: "There were too many; `Retry-After` says when to try again.",
        header: Some(RETRY_AFTER),
        of: |_| true,
    },
    Common {
        status: StatusCode::SERVICE_UNAVAILABLE,
        name: "ServiceUnavailable",
        description: "The same request may succeed in a moment.",
        header: Some(RETRY_AFTER),
        of: |_| true,
    },
];

const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds to wait.");

/// Adds to every operation what every operation may answer; to every POST that takes a key that header; to
/// every answer the headers that every answer has; to every problem its media type; to every text of a request that it holds no U+0000; and to the
/// components the shapes of merge patches.
///
/// There is no `default` answer: it would allow every status, and nobody could be held to the others.
pub(crate) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for (name, schema) in &mut components.schemas {
        // What is at fault is quoted as it was sent.
        if !PROBLEM.contains(&name.as_str()) {
            refuse_nul(schema);
        }
    }
    patches::add(components);
    add_common(components);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            if method == Method::POST && idempotency::use_of(path) == Use::Kept {
                take_key(operation);
            }
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    parameter.schema.iter_mut().for_each(refuse_null);
                    parameter.schema.iter_mut().for_each(refuse_nul);
                }
            }
            // No operation that takes a body does without.
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                body.required = Some(Required::True);
            }
            answers(operation);
        }
    }
}

/// Says that the answer is kept under the key of the request.
fn take_key(operation: &mut Operation) {
    let mut schema = IdempotencyKey::schema();
    let mut parameter = ParameterBuilder::new()
        .name(idempotency::NAME)
        .parameter_in(ParameterIn::Header)
        .required(Required::False);
    if let RefOr::T(Schema::Object(text)) = &mut schema {
        parameter = parameter.description(text.description.take());
    }
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(parameter.schema(Some(schema)).build()));
}

fn answers(operation: &mut Operation) {
    let asked = Asked::by(operation);
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        let RefOr::T(response) = response else {
            continue;
        };
        let status = status.parse().unwrap_or(StatusCode::OK);
        if response.description.is_empty() {
            response.description = status.canonical_reason().unwrap_or("Answered").into();
        }
        if status.is_client_error() || status.is_server_error() {
            problem(response);
        }
        common_headers(response);
    }
    for common in COMMON.iter().filter(|common| (common.of)(&asked)) {
        responses
            .entry(common.status.as_str().into())
            .or_insert_with(|| RefOr::Ref(Ref::from_response_name(common.name)));
    }
}

fn add_common(components: &mut Components) {
    for common in &COMMON {
        let mut response = Response::new(common.description);
        problem(&mut response);
        common_headers(&mut response);
        if let Some((name, description)) = common.header {
            header(&mut response, name, description);
        }
        components
            .responses
            .insert(common.name.into(), RefOr::T(response));
    }
}

fn problem(response: &mut Response) {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    response
        .content
        .entry(PROBLEM_JSON.into())
        .or_insert(RefOr::T(content));
}

/// The headers of every answer.
fn common_headers(response: &mut Response) {
    for (name, description) in [
        (
            "X-Request-Id",
            "Names the request in the gateway's log: that of the request, or a new one.",
        ),
        (
            "RateLimit-Policy",
            "Where the stack has a limit for the caller: `\"user\";q=600;w=60`, so many requests in so many seconds.",
        ),
        (
            "RateLimit",
            "How they stand: `\"user\";r=571;t=3`, so many requests left now, and all of them in so many seconds.",
        ),
    ] {
        header(response, name, description);
    }
}

fn header(response: &mut Response, name: &str, description: &str) {
    let mut header = Header::new(Object::with_type(Type::String));
    header.description = Some(description.into());
    response
        .headers
        .entry(name.into())
        .or_insert(RefOr::T(header));
}

/// A parameter is there or not: null, which the types of optional ones allow, it cannot be.
fn refuse_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::OneOf(of)) => {
            of.items.retain(|item| !patches::is_null(item));
            if let [only] = of.items.as_slice() {
                *schema = only.clone();
            }
        }
        RefOr::T(Schema::Object(Object { schema_type, .. }))
        | RefOr::T(Schema::Array(Array { schema_type, .. })) => {
            if let SchemaType::Array(of) = schema_type {
                of.retain(|kind| *kind != Type::Null);
                if let [only] = of.as_slice() {
                    *schema_type = SchemaType::Type(only.clone());
                }
            }
        }
        _ => {}
    }
}

/// Writes into every text of a schema that it holds no U+0000, where nothing narrower is said of it.
fn refuse_nul(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else {
        return;
    };
    match schema {
        Schema::Object(object) => {
            if is_free_text(object) {
                object.pattern = Some(NO_NUL.into());
            }
            object.properties.values_mut().for_each(refuse_nul);
            if let Some(AdditionalProperties::RefOr(schema)) =
                object.additional_properties.as_deref_mut()
            {
                refuse_nul(schema);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                refuse_nul(items);
            }
        }
        Schema::OneOf(of) => of.items.iter_mut().for_each(refuse_nul),
        Schema::AllOf(of) => of.items.iter_mut().for_each(refuse_nul),
        Schema::AnyOf(of) => of.items.iter_mut().for_each(refuse_nul),
        _ => {}
    }
}

/// A text of which no pattern, list or format says what it may be.
fn is_free_text(object: &Object) -> bool {
    let is_text = match &object.schema_type {
        SchemaType::Type(of) => *of == Type::String,
        SchemaType::Array(of) => of.contains(&Type::String),
        SchemaType::AnyValue => false,
    };
    let is_any = matches!(
        object.format,
        None | Some(SchemaFormat::KnownFormat(KnownFormat::Password))
    );
    is_text && is_any && object.pattern.is_none() && object.enum_values.is_none()
}

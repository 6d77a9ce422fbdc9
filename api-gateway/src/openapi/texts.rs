//! What texts may be: types for the document alone, named as `#[schema(value_type = Title, inline)]`. What the
//! gateway takes is decided in [`input`] and where a route reads its body.
//!
//! A line holds something that is no blank, and no control character.
//!
//! [`input`]: crate::input
#![allow(
    dead_code,
    reason = "shapes of the document: the gateway checks the texts themselves"
)]

use domain::language::Language;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// One line of 1 to 500 characters.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 500,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
)]
pub(crate) struct Title(String);

/// One line of 1 to 64 characters.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 64,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
)]
pub(crate) struct TagName(String);

/// One line of 1 to 100 characters.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 100,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
)]
pub(crate) struct TokenName(String);

/// One line of 1 to 120 characters. No two projects that are not archived have the same, upper and lower case
/// being one.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 120,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
)]
pub(crate) struct ProjectName(String);

/// One line of 1 to 120 characters.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 120,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
)]
pub(crate) struct FilterName(String);

/// A colour, such as `#db4035`.
#[derive(ToSchema)]
#[schema(pattern = "^#[0-9a-fA-F]{6}$")]
pub(crate) struct Color(String);

/// IANA zone, such as `Europe/Berlin`.
#[derive(ToSchema)]
#[schema(format = "time-zone", min_length = 1, max_length = 64)]
pub(crate) struct TimeZone(String);

/// The name of a [`Language`].
pub(crate) struct LanguageName;

impl PartialSchema for LanguageName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A language in which texts can be searched; `simple` is none.",
            ))
            .enum_values(Some(Language::ALL.map(Language::name)))
            .into()
    }
}

impl ToSchema for LanguageName {}

/// A time of the day, such as `08:00`.
#[derive(ToSchema)]
#[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
pub(crate) struct TimeOfDay(String);

/// An e-mail address.
#[derive(ToSchema)]
#[schema(format = "email", min_length = 3, max_length = 254)]
pub(crate) struct Email(String);

/// A new password: at least 10 characters, at most 1024 bytes.
#[derive(ToSchema)]
#[schema(format = Password, min_length = 10, max_length = 1024)]
pub(crate) struct NewSecret(String);

/// An id, or `inbox`.
#[derive(ToSchema)]
#[schema(
    pattern = "^(inbox|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$"
)]
pub(crate) struct IdOrInbox(String);

/// An id, or `none`.
#[derive(ToSchema)]
#[schema(
    pattern = "^(none|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$"
)]
pub(crate) struct IdOrNone(String);

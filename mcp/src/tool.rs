//! What a tool is.

use rmcp::{
    handler::server::common::{schema_for_input, schema_for_output},
    model::{self, CallToolResult, JsonObject, ToolAnnotations},
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{api::Api, refusal::Refusal};

/// Something that an assistant can do.
pub(crate) trait Tool {
    /// Its name, which clients call.
    const NAME: &'static str;
    /// Its name for people.
    const TITLE: &'static str;
    /// What it does and when to use it, for the model.
    const DESCRIPTION: &'static str;
    /// What it does to what is stored.
    const EFFECT: Effect;
    /// Its arguments.
    type Input: DeserializeOwned + JsonSchema + Send + 'static;
    /// Its result.
    type Output: Serialize + JsonSchema + 'static;

    /// Does it.
    ///
    /// # Errors
    /// Why it was not done.
    fn call(
        api: &Api<'_>,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Refusal>> + Send;
}

/// What a tool does to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Reads,
    /// Each call does something more; nothing that the user wrote is lost.
    Adds,
    /// A second call with the same arguments does nothing more; nothing that the user wrote is lost.
    Settles,
    /// Something that the user wrote may be lost; a second call with the same arguments does nothing more.
    Overwrites,
}

impl Effect {
    fn annotations(self, title: &str) -> ToolAnnotations {
        ToolAnnotations::with_title(title)
            .read_only(self == Self::Reads)
            .destructive(self == Self::Overwrites)
            .idempotent(self != Self::Adds)
            // Nothing beyond the user's own tasks.
            .open_world(false)
    }
}

/// A tool as clients are told of it.
pub(crate) fn describe<T: Tool>() -> model::Tool {
    let input = schema_for_input::<T::Input>().expect("arguments are an object");
    model::Tool::new(T::NAME, T::DESCRIPTION, input)
        .with_title(T::TITLE)
        .with_raw_output_schema(schema_for_output::<T::Output>())
        .with_annotations(T::EFFECT.annotations(T::TITLE))
}

/// Calls a tool. What it refuses, its arguments included, is its result: so the model reads it, and can do
/// better.
pub(crate) async fn run<T: Tool>(api: &Api<'_>, arguments: JsonObject) -> CallToolResult {
    let done = async {
        let output = T::call(api, decode(arguments)?).await?;
        Ok::<_, Refusal>(serde_json::to_value(output)?)
    };
    match done.await {
        Ok(output) => CallToolResult::structured(output),
        Err(refusal) => refusal.into(),
    }
}

fn decode<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let place = error.path().to_string();
        let message = error.into_inner();
        if place == "." {
            return Refusal::text(format!("The arguments are wrong: {message}"));
        }
        Refusal::text(format!("The argument {place} is wrong: {message}"))
    })
}

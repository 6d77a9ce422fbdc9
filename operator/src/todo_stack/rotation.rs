//! Rotates the key of access tokens.

use std::collections::BTreeMap;

use crds::TodoStack;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, ResourceExt, api::Patch, runtime::events::EventType};
use serde_json::json;

use super::{apply::merge, keys, names};
use crate::{
    context::Context,
    error::{Doing, Error, Result},
};

/// Rotates the key of access tokens when the TodoStack asks for it: the next one signs from now on, and
/// the one that signed is still taken.
///
/// # Errors
/// When the API server refuses, or the system has no randomness.
pub async fn rotate_jwt_key(context: &Context, stack: &TodoStack) -> Result<()> {
    let name = names::keys(stack);
    let doing = || format!("rotate the JWT key in Secret {name}");
    let api: Api<Secret> = Api::namespaced(
        context.client.clone(),
        &stack.namespace().unwrap_or_default(),
    );
    let current = api.get(&name).await.doing(doing)?;
    let fresh = keys::generate(keys::JWT_NEXT)
        .map_err(|error| Error::Invalid(format!("no randomness: {error}")))?;
    let data = current.data.unwrap_or_default();
    let data = data
        .into_iter()
        .map(|(key, value)| (key, value.0))
        .collect();
    let Some(asked) = keys::asked_rotation(stack.annotations(), &data) else {
        return Ok(());
    };
    let rotated = keys::rotate(asked, &data, fresh)
        .into_iter()
        .map(|(key, value)| (key, ByteString(value)));
    // Its version guards against a rotation that another process has just done.
    let patch = json!({
        "metadata": {"resourceVersion": current.metadata.resource_version},
        "data": rotated.collect::<BTreeMap<_, _>>(),
    });
    api.patch(&name, &merge(), &Patch::Merge(patch))
        .await
        .doing(doing)?;
    let note = format!("Rotated the JWT key in Secret {name}");
    context
        .event(
            stack,
            EventType::Normal,
            "JwtKeyRotated",
            "RotateJwtKey",
            &note,
        )
        .await;
    Ok(())
}

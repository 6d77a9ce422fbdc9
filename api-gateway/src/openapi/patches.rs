//! The shapes of JSON merge patches (RFC 7396), made from those of what they change, so that no field is
//! forgotten in one of the two.

use utoipa::{
    ToSchema,
    openapi::{
        RefOr,
        schema::{Components, Object, OneOf, Schema, SchemaType, Type},
    },
};

/// What is changed by a merge patch, and the shape of that patch.
const PATCHES: [(&str, &str); 3] = [
    ("TaskInput", "TaskPatch"),
    ("ProjectInput", "ProjectPatch"),
    ("SavedFilterInput", "SavedFilterPatch"),
];

/// Stands for the shape of its name where another one holds it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "for the document")]
pub(crate) struct TaskPatch {}

/// Adds the shapes.
pub(super) fn add(components: &mut Components) {
    for (of, name) in PATCHES {
        if let Some(RefOr::T(Schema::Object(whole))) = components.schemas.get(of) {
            let mut patch = whole.clone();
            // A field that is not named stays as it is; one that has to be there cannot be taken away.
            let needed = std::mem::take(&mut patch.required);
            for (name, schema) in &mut patch.properties {
                if !needed.contains(name) {
                    nullable(schema);
                }
            }
            // It cannot be changed.
            patch.properties.remove("id");
            patch.description = Some(format!(
                "A merge patch (RFC 7396) of {of}: a field that is not named stays, null takes it away, lists are replaced whole."
            ));
            let patch = RefOr::T(Schema::Object(patch));
            components.schemas.insert(name.into(), patch);
        }
    }
}

/// Lets null stand for what `schema` describes.
fn nullable(schema: &mut RefOr<Schema>) {
    let kind = match schema {
        RefOr::T(Schema::Object(object)) => &mut object.schema_type,
        RefOr::T(Schema::Array(array)) => &mut array.schema_type,
        RefOr::T(Schema::OneOf(of)) if of.items.iter().any(is_null) => return,
        _ => {
            let mut either = OneOf::new();
            either.items = vec![Object::with_type(Type::Null).into(), schema.clone()];
            *schema = RefOr::T(Schema::OneOf(either));
            return;
        }
    };
    match kind {
        SchemaType::Type(of) if *of != Type::Null => {
            *kind = SchemaType::Array(vec![of.clone(), Type::Null]);
        }
        SchemaType::Array(of) if !of.contains(&Type::Null) => of.push(Type::Null),
        _ => {}
    }
}

pub(super) fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

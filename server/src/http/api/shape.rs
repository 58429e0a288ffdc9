//! What a handler takes and gives, read from its signature: the document cannot tell anything else than the code does.

use crate::http::caller::{Caller, Known, Peer};
use crate::http::extract::{Asked, At, Body, Octets, Within};
use crate::http::problem::Refused;
use axum::Json;
use axum::extract::{Extension, Request};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// A handler's parameters, body and answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// A schema for each `{…}` of the path, in order.
    pub(super) path: Vec<Value>,
    /// The schema of the query: an object whose properties are the parameters.
    pub(super) query: Option<Value>,
    /// The schema of a JSON body.
    pub(super) body: Option<Value>,
    /// Whether the body is octets.
    pub(super) octets: bool,
    /// The schema of a JSON answer.
    pub(super) answer: Option<Value>,
}

/// What stands among a handler's parameters.
pub(crate) trait Takes {
    /// Notes it.
    fn take(_shape: &mut Shape, _schemas: &mut SchemaGenerator) {}
}

/// What a handler gives.
pub(crate) trait Gives {
    /// Notes it.
    fn give(_shape: &mut Shape, _schemas: &mut SchemaGenerator) {}
}

impl<S> Takes for axum::extract::State<S> {}
impl<T> Takes for Extension<T> {}
impl Takes for Known {}
impl Takes for Caller {}
impl Takes for Peer {}
impl Takes for HeaderMap {}
impl Takes for Request {
    fn take(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.octets = true;
    }
}
impl Takes for axum::body::Body {
    fn take(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.octets = true;
    }
}
impl Takes for Octets {
    fn take(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.octets = true;
    }
}
impl<T: JsonSchema> Takes for Body<T> {
    fn take(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.body = Some(schemas.subschema_for::<T>().to_value());
    }
}
impl<T: JsonSchema> Takes for At<T> {
    fn take(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.path.push(schemas.subschema_for::<T>().to_value());
    }
}
impl<A: JsonSchema, B: JsonSchema> Takes for Within<A, B> {
    fn take(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.path.push(schemas.subschema_for::<A>().to_value());
        shape.path.push(schemas.subschema_for::<B>().to_value());
    }
}
impl<T: JsonSchema> Takes for Asked<T> {
    fn take(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.query = Some(T::json_schema(schemas).to_value());
    }
}

impl Gives for Response {}
impl Gives for StatusCode {}
impl<T: JsonSchema> Gives for Json<T> {
    fn give(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.answer = Some(schemas.subschema_for::<T>().to_value());
    }
}
impl<T: Gives> Gives for (StatusCode, T) {
    fn give(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        T::give(shape, schemas);
    }
}
impl<T: Gives> Gives for Result<T, Refused> {
    fn give(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        T::give(shape, schemas);
    }
}
impl Gives for Refused {}

/// A handler that can be described; `T` is what axum calls its parameters.
pub(crate) trait Describe<T> {
    /// Its shape. The schemas of what it names are noted.
    fn describe(schemas: &mut SchemaGenerator) -> Shape;
}

macro_rules! describe_handlers_of {
    ($($taken:ident),*) => {
        impl<F, Answering, M, $($taken),*> Describe<(M, $($taken,)*)> for F
        where
            F: FnOnce($($taken),*) -> Answering,
            Answering: Future,
            Answering::Output: Gives,
            $($taken: Takes,)*
        {
            fn describe(schemas: &mut SchemaGenerator) -> Shape {
                let mut shape = Shape::default();
                $($taken::take(&mut shape, schemas);)*
                Answering::Output::give(&mut shape, schemas);
                shape
            }
        }
    };
}
describe_handlers_of!();
describe_handlers_of!(A);
describe_handlers_of!(A, B);
describe_handlers_of!(A, B, C);
describe_handlers_of!(A, B, C, D);
describe_handlers_of!(A, B, C, D, E);

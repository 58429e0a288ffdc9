//! Routes, a list of them, and what each takes and gives: axum does not tell, and the document of the API is made of it.

use super::api::{Describe, Shape};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use schemars::SchemaGenerator;

/// One route.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) describe: fn(&mut SchemaGenerator) -> Shape,
}

/// A router in the making.
pub(crate) struct Routes<S> {
    pub(crate) router: Router<S>,
    pub(crate) listed: Vec<Listed>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), listed: Vec::new() }
    }

    /// A route.
    pub(crate) fn on<H, T>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, S> + Describe<T>,
        T: 'static,
    {
        self.route(Listed { method, path, describe: H::describe }, |filter| on(filter, handler))
    }

    /// A route whose bodies may be of up to `limit` bytes, whatever the other routes' may.
    pub(crate) fn on_up_to<H, T>(self, limit: usize, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, S> + Describe<T>,
        T: 'static,
    {
        let listed = Listed { method, path, describe: H::describe };
        self.route(listed, |filter| on(filter, handler).layer(DefaultBodyLimit::max(limit)))
    }

    fn route(mut self, listed: Listed, service: impl FnOnce(MethodFilter) -> MethodRouter<S>) -> Self {
        // A method that axum does not know is served by none; the test of all routes finds that out.
        if let Ok(filter) = MethodFilter::try_from(listed.method.clone()) {
            self.router = self.router.route(listed.path, service(filter));
            self.listed.push(listed);
        }
        self
    }
}

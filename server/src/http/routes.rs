//! Routes and a list of them: axum does not tell which it has, and a test compares them with the table of who may.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;

/// A router in the making.
pub(crate) struct Routes<S> {
    pub(crate) router: Router<S>,
    pub(crate) listed: Vec<(Method, &'static str)>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), listed: Vec::new() }
    }

    /// A route.
    pub(crate) fn on<H: Handler<T, S>, T: 'static>(self, method: Method, path: &'static str, handler: H) -> Self {
        self.route(method, path, |filter| on(filter, handler))
    }

    /// A route whose bodies may be of up to `limit` bytes, whatever the other routes' may.
    pub(crate) fn on_up_to<H: Handler<T, S>, T: 'static>(
        self,
        limit: usize,
        method: Method,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.route(method, path, |filter| on(filter, handler).layer(DefaultBodyLimit::max(limit)))
    }

    fn route(
        mut self,
        method: Method,
        path: &'static str,
        service: impl FnOnce(MethodFilter) -> MethodRouter<S>,
    ) -> Self {
        // A method that axum does not know is served by none; the test of all routes finds that out.
        if let Ok(filter) = MethodFilter::try_from(method.clone()) {
            self.router = self.router.route(path, service(filter));
            self.listed.push((method, path));
        }
        self
    }
}

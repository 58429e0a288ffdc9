//! The Komado client: devices, the link over HTTP and proxies, call pipelines and application state.

pub mod http;
pub mod link;

//! The Komado client: devices, the link over HTTP and proxies, call pipelines and application state.

pub mod call;
pub mod device;
pub mod engine;
pub mod headless;
pub mod http;
pub mod link;

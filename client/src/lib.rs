//! The Komado client: devices, the link over HTTP and proxies, call pipelines and application state.

pub mod app;
pub mod call;
pub mod desktop;
pub mod device;
pub mod engine;
pub mod headless;
pub mod home;
pub mod http;
pub mod link;
pub mod ui;
pub mod window;

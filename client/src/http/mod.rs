//! HTTP as the client speaks it: to a server, directly or through the proxy that stands before it.

mod address;
mod connector;
mod proxy;
mod requests;
mod socket;

pub use address::{AddressError, ServerAddress};
pub use connector::{ConnectError, OwnPort, Unreached};
pub use proxy::{Proxy, ProxyError, ProxyRules};
pub use requests::{Answer, Http, HttpError, Upload};

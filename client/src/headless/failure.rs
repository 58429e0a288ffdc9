//! Why the headless client cannot go on, with what to do about it.

use relay::vocabulary::InvitationLinkError;
use thiserror::Error;

use super::input::InputError;
use crate::{
    device::DeviceError,
    engine::EngineEnded,
    home::{ConfigurationError, TrustError},
    http::{AddressError, ProxyError},
};

#[derive(Debug, Error)]
pub enum HeadlessError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    #[error(transparent)]
    Invitation(#[from] InvitationLinkError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("give the server's address with --server")]
    NoServer,
    #[error("\"{0}\" is not a size: write for example 1280x720")]
    Size(String),
    #[error("{0}: a fingerprint has 64 hexadecimal digits, as `komado-server fingerprint` prints them")]
    Fingerprint(String),
    #[error(
        "the server at {server} is not known yet. Its certificate has the fingerprint {fingerprint}. If that is what \
         `komado-server fingerprint` prints there, give it with --fingerprint, or accept it with --accept-new"
    )]
    Unknown { server: String, fingerprint: String },
    #[error("{0}")]
    Unreachable(String),
    #[error("no password: give --password-file or set KOMADO_PASSWORD")]
    NoPassword,
    #[error("give --user")]
    NoUser,
    #[error("no folder for what must be remembered: give --home")]
    NoHome,
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("the log filter is not valid: {0}")]
    Log(String),
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
    #[error(transparent)]
    Ended(#[from] EngineEnded),
    #[error("{0}")]
    Refused(String),
}

//! The address by which people reach the server: what stands in invitations.

use serde::Deserialize;
use std::str::FromStr;

/// `http://host:port` or `https://host:port`, without a path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicAddress {
    /// Host, and port unless it is the usual one.
    pub server: String,
    /// Whether it is reached over https.
    pub tls: bool,
}

/// Not such an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public address looks like http://chat.example or https://chat.example:8443, without a path")]
pub struct PublicAddressError;

impl FromStr for PublicAddress {
    type Err = PublicAddressError;

    fn from_str(text: &str) -> Result<Self, PublicAddressError> {
        let uri: http::Uri = text.parse().map_err(|_| PublicAddressError)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(PublicAddressError),
        };
        let authority = uri.authority().ok_or(PublicAddressError)?.as_str();
        if authority.contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(PublicAddressError);
        }
        Ok(Self { server: authority.to_owned(), tls })
    }
}

impl TryFrom<String> for PublicAddress {
    type Error = PublicAddressError;

    fn try_from(text: String) -> Result<Self, PublicAddressError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_and_host_are_an_address() {
        let address = |server: &str, tls| Ok(PublicAddress { server: server.into(), tls });
        assert_eq!("http://chat.example".parse(), address("chat.example", false));
        assert_eq!("https://[2001:db8::1]:8443/".parse(), address("[2001:db8::1]:8443", true));
        for bad in ["", "chat.example", "ftp://h", "http://u:p@h", "http://h/path", "http://h?x=1", "http://"] {
            assert_eq!(bad.parse::<PublicAddress>(), Err(PublicAddressError), "{bad}");
        }
    }
}

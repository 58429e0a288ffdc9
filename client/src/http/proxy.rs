//! Which proxy stands before a server: from a flag, from the environment, or none.
//!
//! The environment is read as curl reads it: `http_proxy` (in small letters only, because a CGI program's `HTTP_PROXY`
//! comes from a stranger's header), `https_proxy`/`HTTPS_PROXY`, `all_proxy`/`ALL_PROXY`, `no_proxy`/`NO_PROXY`.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

use super::address::ServerAddress;

/// A forward proxy that is spoken to in HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    pub host: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxyError {
    #[error("\"{0}\" is not a proxy: write http://host:port")]
    Malformed(String),
    #[error("the proxy \"{0}\" is not spoken to in HTTP: only http:// proxies are supported")]
    Scheme(String),
    #[error("the proxy's address carries a name and password; proxies that ask for a password are not supported yet")]
    Credentials,
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ProxyError::Malformed(text.to_owned());
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: http::Uri = full.trim().parse().map_err(|_| malformed())?;
        if uri.scheme_str() != Some("http") {
            return Err(ProxyError::Scheme(text.to_owned()));
        }
        let authority = uri.authority().ok_or_else(malformed)?;
        if authority.as_str().contains('@') {
            return Err(ProxyError::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(malformed());
        }
        // Without a port curl takes 1080, which is for SOCKS; squid and most others listen here.
        Ok(Self { host, port: authority.port_u16().unwrap_or(3128) })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

/// Where to look for the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyRules {
    /// No proxy, whatever the environment says.
    Direct,
    /// This one, for every server.
    Fixed(Proxy),
    /// As the environment says.
    Environment,
}

impl ProxyRules {
    /// The proxy for `server`; `None` when the way is direct.
    pub fn choose(&self, server: &ServerAddress) -> Result<Option<Proxy>, ProxyError> {
        match self {
            Self::Direct => Ok(None),
            Self::Fixed(proxy) => Ok(Some(proxy.clone())),
            Self::Environment => from_environment(server, |name| std::env::var(name).ok()),
        }
    }
}

fn from_environment(
    server: &ServerAddress,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ProxyError> {
    let first = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    if first(&["no_proxy", "NO_PROXY"]).is_some_and(|list| is_exempt(server, &list)) {
        return Ok(None);
    }
    let own: &[&str] = if server.is_secure() { &["https_proxy", "HTTPS_PROXY"] } else { &["http_proxy"] };
    first(own).or_else(|| first(&["all_proxy", "ALL_PROXY"])).map(|text| text.parse()).transpose()
}

/// Entries are host names (which stand for their subdomains too), addresses, networks in CIDR notation, or `*`.
fn is_exempt(server: &ServerAddress, list: &str) -> bool {
    let host = server.host().to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') => {
                (name.to_owned(), port.parse().ok())
            }
            _ => (entry, None),
        };
        if port.is_some_and(|port: u16| port != server.port()) {
            return false;
        }
        if name == "*" {
            return true;
        }
        if let Some(address) = address {
            return in_network(address, name.trim_start_matches('[').trim_end_matches(']'));
        }
        let name = name.trim_start_matches("*.").trim_start_matches('.');
        host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
    })
}

fn in_network(address: IpAddr, entry: &str) -> bool {
    let (network, length) = match entry.split_once('/') {
        Some((network, length)) => (network, length.parse::<u32>().ok()),
        None => (entry, Some(128)),
    };
    let (Ok(network), Some(length)) = (network.parse::<IpAddr>(), length) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let shift = 32 - length.min(32);
            u64::from(address.to_bits()) >> shift == u64::from(network.to_bits()) >> shift
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let shift = 128 - length.min(128);
            address.to_bits().checked_shr(shift) == network.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        from_environment(&server.parse().unwrap(), find).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let squid = ("http_proxy", "http://squid:3128/");
        assert_eq!(chosen("http://a.example", &[squid]).as_deref(), Some("http://squid:3128"));
        assert_eq!(chosen("https://a.example", &[squid]), None);
        assert_eq!(chosen("http://a.example", &[("HTTP_PROXY", "http://evil:1")]), None);
        assert_eq!(chosen("http://a.example", &[("ALL_PROXY", "other:99")]).as_deref(), Some("http://other:99"));
        assert_eq!(chosen("http://a.example", &[("http_proxy", "")]), None);
    }

    #[test]
    fn exemptions_are_names_addresses_networks_or_all() {
        for (server, list, direct) in [
            ("a.example", "example", true),
            ("a.example", ".example", true),
            ("aexample", "example", false),
            ("a.example", "b.example, a.example", true),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("[fd00::1]", "fd00::/8", true),
            ("[fd00::1]:81", "::/0", true),
            ("a.example:81", "a.example:80", false),
            ("a.example:81", "a.example:81", true),
            ("anything", "*", true),
        ] {
            let found = chosen(server, &[("http_proxy", "p:1"), ("no_proxy", list)]);
            assert_eq!(found.is_none(), direct, "{server} {list}");
        }
    }

    #[test]
    fn what_cannot_be_spoken_to_is_said() {
        assert_eq!("socks5://p:1".parse::<Proxy>(), Err(ProxyError::Scheme("socks5://p:1".into())));
        assert_eq!("http://u:p@p:1".parse::<Proxy>(), Err(ProxyError::Credentials));
        assert!(matches!("http://".parse::<Proxy>(), Err(ProxyError::Malformed(_))));
    }
}

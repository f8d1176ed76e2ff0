//! Which proxy leads where.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::error::{Error, Result};

/// What a proxy's address may begin with.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The proxies to use, and where to go without one. As curl reads the variables, with the ports and networks that Go
/// knows in `no_proxy`.
#[derive(Clone, Default)]
pub struct ProxyRules {
    http: Option<Url>,
    https: Option<Url>,
    other: Option<Url>,
    direct: Vec<Direct>,
}

/// An entry of `no_proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Direct {
    Everything,
    /// A domain and all below it, on one port if one is named.
    Domain(String, Option<u16>),
    Address(IpAddr, Option<u16>),
    Network(IpAddr, u8),
}

impl ProxyRules {
    /// No proxy at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for everything but the entries of `no_proxy`.
    pub fn all(proxy: &str, no_proxy: &str) -> Result<Self> {
        let proxy = parse("the proxy", proxy)?;
        Ok(Self {
            http: proxy.clone(),
            https: proxy.clone(),
            other: proxy,
            direct: entries(no_proxy),
        })
    }

    /// What `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` say. If a name is set in both cases, lower case wins.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let read = |name: &str| {
            let upper = name.to_ascii_uppercase();
            get(name)
                .map(|value| (name.to_owned(), value))
                .or_else(|| get(&upper).map(|value| (upper, value)))
        };
        let proxy = |name: &str| read(name).map_or(Ok(None), |(name, value)| parse(&name, &value));
        let all = proxy("all_proxy")?;
        Ok(Self {
            http: proxy("http_proxy")?.or_else(|| all.clone()),
            https: proxy("https_proxy")?.or_else(|| all.clone()),
            other: all,
            direct: read("no_proxy")
                .map(|(_, value)| entries(&value))
                .unwrap_or_default(),
        })
    }

    /// Whether nothing ever goes through a proxy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none() && self.other.is_none()
    }

    /// The proxy that leads to `url`; for a scheme other than HTTP's, such as `ssh`, the one for all.
    #[must_use]
    pub fn proxy_for(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => self.other.as_ref(),
        }?;
        let port = url.port_or_known_default();
        let direct = if let Some(ip) = address(url) {
            self.direct.iter().any(|entry| entry.holds_address(ip, port))
        } else {
            let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
            self.direct.iter().any(|entry| entry.holds_domain(&host, port))
        };
        (!direct).then_some(proxy)
    }

    /// What must not reach a log: the passwords of the proxies, and each with its user as `user:password`.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut secrets = Vec::new();
        for proxy in [&self.http, &self.https, &self.other].into_iter().flatten() {
            if let Some(password) = proxy.password().map(decoded) {
                secrets.push(format!("{}:{password}", decoded(proxy.username())));
                secrets.push(password);
            }
        }
        secrets.sort_unstable();
        secrets.dedup();
        secrets
    }
}

impl std::fmt::Debug for ProxyRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bare = |proxy: &Option<Url>| proxy.as_ref().map(super::failure::origin);
        f.debug_struct("ProxyRules")
            .field("http", &bare(&self.http))
            .field("https", &bare(&self.https))
            .field("other", &bare(&self.other))
            .field("direct", &self.direct)
            .finish()
    }
}

/// The address in a URL. In one whose scheme the URL standard does not know, such as `ssh`, it is parsed as a name.
fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(IpAddr::from(ip).to_canonical()),
        Host::Domain(name) => name.parse().ok(),
    }
}

/// The address of a proxy; none if the text is blank. `host:port` means HTTP.
fn parse(name: &str, value: &str) -> Result<Option<Url>> {
    let value = value.trim();
    if value.is_empty() {
        return Ok(None);
    }
    let full = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    // The value may hold a password: it is not printed.
    let wrong = |why: String| {
        Error::internal(format!(
            "failed to read the address of a proxy from {name}: {why}"
        ))
        .hint("an address looks like http://proxy.example.com:3128")
    };
    let url = Url::parse(&full).map_err(|error| wrong(error.to_string()))?;
    if !SCHEMES.contains(&url.scheme()) {
        return Err(wrong(format!(
            "expected one of {}, found {:?}",
            SCHEMES.join(", "),
            url.scheme()
        )));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("it names no host".to_owned()));
    }
    Ok(Some(url))
}

fn entries(text: &str) -> Vec<Direct> {
    text.split([',', ' ', '\t', '\n'])
        .filter_map(|entry| Direct::parse(entry.trim()))
        .collect()
}

impl Direct {
    /// None for what no host can match.
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((base, bits)) = entry.split_once('/') {
            let base: IpAddr = base.trim_matches(['[', ']']).parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            let widest = if base.is_ipv4() { 32 } else { 128 };
            return (bits <= widest).then_some(Self::Network(base, bits));
        }
        let (host, port) = host_and_port(entry);
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(Self::Address(ip.to_canonical(), port));
        }
        let domain = host
            .strip_prefix("*.")
            .unwrap_or(host)
            .trim_matches('.')
            .to_ascii_lowercase();
        (!domain.is_empty()).then_some(Self::Domain(domain, port))
    }

    fn holds_domain(&self, host: &str, port: Option<u16>) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain, only) => {
                let within = host
                    .strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                within && (only.is_none() || *only == port)
            }
            Self::Address(..) | Self::Network(..) => false,
        }
    }

    fn holds_address(&self, ip: IpAddr, port: Option<u16>) -> bool {
        match self {
            Self::Everything => true,
            Self::Address(own, only) => *own == ip && (only.is_none() || *only == port),
            Self::Network(base, bits) => within(ip, *base, *bits),
            Self::Domain(..) => false,
        }
    }
}

/// Splits `host:port`; an IPv6 address with a port is in brackets.
fn host_and_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (host, tail) = rest.split_once(']').unwrap_or((rest, ""));
        return (host, tail.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn within(ip: IpAddr, base: IpAddr, bits: u8) -> bool {
    let (ip, base, widest) = match (ip, base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) => (u128::from(ip.to_bits()), u128::from(base.to_bits()), 32),
        (IpAddr::V6(ip), IpAddr::V6(base)) => (ip.to_bits(), base.to_bits(), 128),
        _ => return false,
    };
    // A shift by the whole width has no result: the network holds every address.
    let host_bits = u32::from(widest - bits);
    ip.checked_shr(host_bits).unwrap_or(0) == base.checked_shr(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(variables: &[(&str, &str)]) -> ProxyRules {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| (*value).to_owned())
        };
        ProxyRules::from_variables(get).unwrap()
    }

    fn used(rules: &ProxyRules, url: &str) -> Option<String> {
        rules
            .proxy_for(&Url::parse(url).unwrap())
            .map(ToString::to_string)
    }

    #[test]
    fn each_scheme_has_its_proxy_and_the_rest_have_the_one_for_all() {
        let rules = rules(&[
            ("http_proxy", "plain:1"),
            ("HTTPS_PROXY", "http://tls:2"),
            ("ALL_PROXY", "socks5h://any:3"),
        ]);
        assert_eq!(used(&rules, "http://a/").unwrap(), "http://plain:1/");
        assert_eq!(used(&rules, "https://a/").unwrap(), "http://tls:2/");
        assert_eq!(used(&rules, "ssh://a/").unwrap(), "socks5h://any:3");
    }

    #[test]
    fn lower_case_wins_even_if_empty() {
        let both = rules(&[("http_proxy", "lower:1"), ("HTTP_PROXY", "upper:1")]);
        assert_eq!(used(&both, "http://a/").unwrap(), "http://lower:1/");
        let emptied = rules(&[("http_proxy", ""), ("HTTP_PROXY", "upper:1")]);
        assert_eq!(used(&emptied, "http://a/"), None);
        assert!(emptied.is_empty());
    }

    #[test]
    fn no_proxy_knows_domains_ports_addresses_and_networks() {
        let table = [
            ("example.com", "http://example.com/", true),
            ("example.com", "http://EXAMPLE.com./", true),
            ("example.com", "http://git.example.com/", true),
            ("example.com", "http://notexample.com/", false),
            (".example.com", "http://git.example.com/", true),
            ("*.example.com", "http://git.example.com/", true),
            ("example.com:8080", "http://example.com:8080/", true),
            ("example.com:8080", "http://example.com/", false),
            ("example.com:80", "http://example.com/", true),
            ("other, example.com", "http://example.com/", true),
            ("other example.com", "http://example.com/", true),
            ("*", "http://anything/", true),
            ("*", "http://10.0.0.1/", true),
            ("10.0.0.0/8", "http://10.200.3.4/", true),
            ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("0.0.0.0/0", "http://11.0.0.1/", true),
            ("10.0.0.1/33", "http://10.0.0.1/", false),
            ("10.0.0.1", "http://10.0.0.1:99/", true),
            ("10.0.0.1:98", "http://10.0.0.1:99/", false),
            ("10.0.0.1", "ssh://git@10.0.0.1/", true),
            ("0.0.1", "http://10.0.0.1/", false),
            ("::1", "http://[::1]:5/", true),
            ("[::1]:5", "http://[::1]:5/", true),
            ("[::1]:6", "http://[::1]:5/", false),
            ("fd00::/8", "http://[fd12::1]/", true),
            ("fd00::/8", "http://10.0.0.1/", false),
            (" , ,", "http://a/", false),
            ("", "http://a/", false),
        ];
        for (no_proxy, url, direct) in table {
            let rules = rules(&[("all_proxy", "p:1"), ("no_proxy", no_proxy)]);
            assert_eq!(used(&rules, url).is_none(), direct, "{no_proxy:?} {url}");
        }
    }

    #[test]
    fn an_address_that_makes_no_sense_is_an_error_without_its_password() {
        for (value, why) in [
            ("ftp://user:hunter22@p:1", "expected one of"),
            ("http://user:hunter22@:1", "empty host"),
            ("http://user:hunter22@p:port", "invalid port"),
        ] {
            let get = |name: &str| (name == "HTTPS_PROXY").then(|| value.to_owned());
            let text = ProxyRules::from_variables(get).unwrap_err().to_string();
            assert!(
                text.starts_with("failed to read the address of a proxy from HTTPS_PROXY: "),
                "{text}"
            );
            assert!(text.contains(why), "{text}");
            assert!(!text.contains("hunter22"), "{text}");
        }
    }

    #[test]
    fn passwords_are_known_but_not_shown() {
        let rules = ProxyRules::all("http://user:hunter%2022@p:1", "").unwrap();
        assert_eq!(rules.secrets(), ["hunter 22", "user:hunter 22"]);
        assert!(!format!("{rules:?}").contains("hunter"));
    }
}

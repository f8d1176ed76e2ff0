//! The address of an object (CONTRACT 8).

use std::net::IpAddr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::{Host, Url};

use crate::config::Source;
use crate::connect::region;

/// What the path of an address cannot carry as it is.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What the value of a query cannot carry as it is.
const QUERY: &AsciiSet = &PATH.add(b'&').add(b'=').add(b'/').add(b';').add(b':').add(b'@');

/// The address of an object, of this version of it where one is given.
pub(crate) fn public_url(
    source: &Source,
    endpoint: Option<&Url>,
    key: &str,
    version: Option<&str>,
) -> String {
    let mut url = base(source, endpoint);
    url.push('/');
    url.extend(utf8_percent_encode(key, PATH));
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        url.push_str("?versionId=");
        url.extend(utf8_percent_encode(version, QUERY));
    }
    url
}

/// Scheme, host and path of the bucket.
fn base(source: &Source, endpoint: Option<&Url>) -> String {
    let bucket = &source.bucket;
    let (scheme, host, port, path, is_address) = match endpoint {
        None => {
            let region = region(source);
            let host = format!("s3.{region}.{}", suffix(region));
            ("https", host, String::new(), String::new(), false)
        }
        Some(url) => (
            url.scheme(),
            url.host_str().unwrap_or_default().to_owned(),
            url.port().map(|port| format!(":{port}")).unwrap_or_default(),
            url.path().trim_end_matches('/').to_owned(),
            is_address(url),
        ),
    };
    if !source.use_path_style.0 && !is_address && is_label(bucket, scheme == "http") {
        format!("{scheme}://{bucket}.{host}{port}{path}")
    } else {
        let bucket = utf8_percent_encode(bucket, PATH);
        format!("{scheme}://{host}{port}{path}/{bucket}")
    }
}

fn is_address(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Some(Host::Domain(name)) => name.parse::<IpAddr>().is_ok(),
        None => false,
    }
}

/// Whether a bucket can be part of a host; one with dots only without TLS, whose certificates do not cover it.
fn is_label(bucket: &str, dots: bool) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let good = |label: &str| {
        !label.is_empty()
            && label.bytes().all(inside)
            && ends(label.bytes().next())
            && ends(label.bytes().next_back())
    };
    (3..=63).contains(&bucket.len())
        && if dots {
            bucket.split('.').all(good)
        } else {
            good(bucket)
        }
}

/// The domain of a region's partition.
fn suffix(region: &str) -> &'static str {
    let suffixes = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ];
    suffixes
        .into_iter()
        .find(|(begin, _)| region.starts_with(begin))
        .map_or("amazonaws.com", |(_, suffix)| suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        bucket: &'static str,
        region: &'static str,
        endpoint: &'static str,
        path_style: bool,
        key: &'static str,
        version: Option<&'static str>,
        url: &'static str,
    }

    const COMMON: Case = Case {
        bucket: "arts",
        region: "eu-west-1",
        endpoint: "",
        path_style: false,
        key: "k",
        version: None,
        url: "",
    };

    #[track_caller]
    fn holds(case: &Case) {
        let source = Source {
            bucket: case.bucket.to_owned(),
            region_name: case.region.to_owned(),
            use_path_style: crate::flag::Flag(case.path_style),
            ..Source::default()
        };
        let endpoint = Url::parse(case.endpoint).ok();
        assert_eq!(
            public_url(&source, endpoint.as_ref(), case.key, case.version),
            case.url
        );
    }

    #[test]
    fn case_28_the_bucket_is_in_the_host_or_in_the_path() {
        holds(&Case {
            endpoint: "http://127.0.0.1:9000",
            url: "http://127.0.0.1:9000/arts/k",
            ..COMMON
        });
        let url = "https://s3.eu-west-1.amazonaws.com/a.b/k?versionId=v9";
        holds(&Case {
            bucket: "a.b",
            version: Some("v9"),
            url,
            ..COMMON
        });
        holds(&Case {
            url: "https://arts.s3.eu-west-1.amazonaws.com/k",
            ..COMMON
        });
        holds(&Case {
            path_style: true,
            url: "https://s3.eu-west-1.amazonaws.com/arts/k",
            ..COMMON
        });
        holds(&Case {
            endpoint: "http://h",
            bucket: "a.b",
            url: "http://a.b.h/k",
            ..COMMON
        });
        holds(&Case {
            endpoint: "https://h",
            bucket: "Big_b",
            url: "https://h/Big_b/k",
            ..COMMON
        });
        holds(&Case {
            endpoint: "http://[::1]:9",
            url: "http://[::1]:9/arts/k",
            ..COMMON
        });
        holds(&Case {
            endpoint: "https://h:8443/base/",
            url: "https://arts.h:8443/base/k",
            ..COMMON
        });
        holds(&Case {
            region: "cn-north-1",
            url: "https://arts.s3.cn-north-1.amazonaws.com.cn/k",
            ..COMMON
        });
    }

    #[test]
    fn what_an_address_cannot_carry_is_encoded() {
        let url = "https://arts.s3.eu-west-1.amazonaws.com/a%20b/c%2Bd%23e%3Ff%25/%C3%A9?versionId=a%2Fb%2Bc";
        holds(&Case {
            key: "a b/c+d#e?f%/é",
            version: Some("a/b+c"),
            url,
            ..COMMON
        });
        holds(&Case {
            key: "/a//b",
            url: "https://arts.s3.eu-west-1.amazonaws.com//a//b",
            ..COMMON
        });
    }
}

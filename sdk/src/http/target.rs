//! Redirects that a caller follows by itself, because method and body have to go along.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

/// Where a response from `at` sends its request: the same one, with method and body.
///
/// That is for 301, 302, 307 and 308, which say that nothing was done. After 303 the request has been taken. None too if the
/// target is no HTTP address. Whether the request, and the login in it, may go there is the caller's choice.
pub(super) fn redirect_target(at: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Url> {
    let redirects = matches!(status.as_u16(), 301 | 302 | 307 | 308);
    let location = headers.get(LOCATION).filter(|_| redirects)?;
    let target = at.join(location.to_str().ok()?).ok()?;
    matches!(target.scheme(), "http" | "https").then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_repeats_the_request_has_a_target() {
        let at = Url::parse("http://a.example/x/y").unwrap();
        let target = |status: u16, location: &str| {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            let target = redirect_target(&at, StatusCode::from_u16(status).unwrap(), &headers);
            target.map(String::from)
        };
        for status in [301, 302, 307, 308] {
            assert_eq!(target(status, "z").as_deref(), Some("http://a.example/x/z"));
            assert_eq!(target(status, "https://b/").as_deref(), Some("https://b/"));
            assert_eq!(target(status, "ftp://b/"), None);
            assert_eq!(target(status, "http://"), None);
        }
        assert_eq!(target(303, "z"), None);
        assert_eq!(target(200, "z"), None);
        assert_eq!(redirect_target(&at, StatusCode::FOUND, &HeaderMap::new()), None);
    }
}

//! The web page of a commit, guessed from the address of its repository: CONTRACT 5.7, the `url` rule.

use git_remote::Uri;

/// The page of commit `id` at the host that `origin` names, where the kind of host is known.
pub(crate) fn commit_url(origin: &str, id: &str) -> Option<String> {
    let origin = Uri::new(origin);
    let (host, path) = host_and_path(&origin)?;
    let path = path.strip_suffix(".git").unwrap_or(path);
    if host.is_empty() || path.is_empty() {
        return None;
    }
    let page = if host.contains("github") || host.contains("gogs") {
        "commit"
    } else if host.contains("gitlab") {
        "-/commit"
    } else if host.contains("bitbucket") {
        "commits"
    } else {
        return None;
    };
    Some(format!("https://{host}/{path}/{page}/{id}"))
}

/// The host, with its port and without login data, and the path below it.
fn host_and_path(origin: &Uri) -> Option<(&str, &str)> {
    // CONTRACT F15: without the login.
    if let Some((_, _, place)) = origin
        .parts()
        .filter(|(scheme, ..)| matches!(*scheme, "https" | "http"))
    {
        return place.split_once('/');
    }
    let origin = origin.as_str();
    let rest = origin
        .strip_prefix("ssh://git@")
        .or_else(|| origin.strip_prefix("git@"))?;
    let (authority, path) = rest.split_once('/')?;
    match authority.split_once(':') {
        Some((_, port)) if origin.starts_with("ssh://") && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((authority, path))
        }
        Some((host, "")) => Some((host, path)),
        // `git@host:org/repo`: the path begins after the colon.
        Some((host, _)) => Some((host, &rest[host.len() + 1..])),
        None => Some((authority, path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_case_36_and_relatives() {
        for (origin, url) in [
            (
                "https://u:p@github.com/o/r.git",
                Some("https://github.com/o/r/commit/ID"),
            ),
            (
                "https://u:p@ss@github.com/o/r.git",
                Some("https://github.com/o/r/commit/ID"),
            ),
            (
                "git@gitlab.corp:g/s/r.git",
                Some("https://gitlab.corp/g/s/r/-/commit/ID"),
            ),
            (
                "ssh://git@bitbucket.org:7999/t/r",
                Some("https://bitbucket.org:7999/t/r/commits/ID"),
            ),
            (
                "http://gogs.lan:3000/o/r",
                Some("https://gogs.lan:3000/o/r/commit/ID"),
            ),
            (
                "https://github.com/o/r.git.git",
                Some("https://github.com/o/r.git/commit/ID"),
            ),
            (
                "ssh://git@github.com/o/r.git",
                Some("https://github.com/o/r/commit/ID"),
            ),
            (
                "git@github.com:/o/r.git",
                Some("https://github.com/o/r/commit/ID"),
            ),
            (
                "https://gitlab.github.example/o/r",
                Some("https://gitlab.github.example/o/r/commit/ID"),
            ),
            ("https://github:x@example.com/o/r", None),
            ("git@github.com:r", None),
            ("ssh://other@github.com/o/r", None),
            ("ssh://github.com/o/r", None),
            ("git://github.com/o/r", None),
            ("file:///github/o/r", None),
            ("/github/o/r", None),
            ("HTTPS://github.com/o/r", None),
            ("https://github.com", None),
            ("https://github.com/", None),
            ("https:///o/r", None),
            ("", None),
        ] {
            assert_eq!(commit_url(origin, "ID").as_deref(), url, "{origin}");
        }
    }
}

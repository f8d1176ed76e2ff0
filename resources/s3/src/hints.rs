//! What to say where nothing matches.

use concourse_resource_sdk::Context;
use s3_client::S3;

use crate::config::Source;
use crate::key_pattern::KeyPattern;
use crate::list;

/// Looks for the usual reasons why nothing matches, and says what it found. Takes one request at most; that it fails is no failure.
pub(crate) async fn nothing_matches(cx: &Context, s3: &S3, source: &Source, pattern: &KeyPattern) {
    let log = cx.log();
    if !pattern.has_group() {
        log.warn("source.regexp has no group, so no key has a version: put ( ) around the part that is the version");
        return;
    }
    let inner = source.regexp.trim_start_matches('^');
    let literal = read_literally(inner);
    let begin: String = inner.split('(').next().unwrap_or_default().to_owned();
    let without_slash = inner
        .strip_prefix('/')
        .and_then(|rest| KeyPattern::new(rest).ok());
    if let Some(without_slash) = without_slash {
        let begin = begin.trim_start_matches('/');
        let keys = list::sample(s3, begin).await.unwrap_or_default();
        if keys.iter().any(|key| without_slash.matches(key)) {
            log.warn("no key begins with \"/\", which source.regexp does: it matches keys without it");
        }
        return;
    }
    let Some(literal) = literal.and_then(|literal| KeyPattern::new(&literal).ok()) else {
        return;
    };
    let keys = list::sample(s3, &begin).await.unwrap_or_default();
    if let Some(key) = keys.iter().find(|key| literal.matches(key)) {
        log.warn(format!(
            "source.regexp matches no key, but would match {key:?} if what is outside of its groups were no pattern: put \\ before the characters that are meant to be themselves"
        ));
    }
}

/// The pattern with everything outside of its outermost groups as plain text; none if there is nothing to read otherwise.
fn read_literally(regexp: &str) -> Option<String> {
    let mut out = String::new();
    let mut plain = String::new();
    let mut depth = 0_usize;
    let mut changed = false;
    let mut escaped = false;
    for character in regexp.chars() {
        if depth > 0 {
            out.push(character);
        }
        match character {
            _ if escaped => {
                if depth == 0 {
                    plain.push(character);
                }
                escaped = false;
            }
            '\\' => escaped = true,
            '(' => {
                if depth == 0 {
                    flush(&mut plain, &mut out, &mut changed);
                    out.push('(');
                }
                depth += 1;
            }
            ')' => depth = depth.checked_sub(1)?,
            other if depth == 0 => plain.push(other),
            _ => {}
        }
    }
    flush(&mut plain, &mut out, &mut changed);
    (changed && depth == 0).then_some(out)
}

fn flush(plain: &mut String, out: &mut String, changed: &mut bool) {
    // A dot matches itself anyway.
    *changed |= plain.contains(|c| "*+?[]{}|^$".contains(c));
    out.push_str(&regex::escape(plain));
    plain.clear();
}

#[cfg(test)]
mod tests {
    use super::read_literally;

    #[test]
    fn what_is_outside_of_groups_is_read_literally() {
        for (regexp, literal) in [
            ("c++/app-(.*)", Some(r"c\+\+/app\-(.*)")),
            ("a[1]-(.*)", Some(r"a\[1\]\-(.*)")),
            (r"a\[1\]?-(.*)", Some(r"a\[1\]\?\-(.*)")),
            ("app-(.*).tgz", None),
            ("a)", None),
            ("((a", None),
        ] {
            assert_eq!(read_literally(regexp).as_deref(), literal, "{regexp}");
        }
    }
}

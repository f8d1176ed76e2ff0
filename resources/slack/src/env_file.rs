//! `env_file`: lines of `NAME=value` (CONTRACT 4 and F4).

use crate::template;
use crate::variables::Variables;

/// Sets the variables of a file, and answers the numbers, from 1, of the lines that make no sense.
///
/// A line may begin with `export`; blank lines, comments and lines without a value are skipped. The value is the rest of the
/// line without one pair of quotes around it; variables that are known so far are put in.
pub(crate) fn read(text: &str, variables: &mut Variables) -> Vec<usize> {
    let mut malformed = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.trim_end().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = assignment(line) else {
            malformed.push(index + 1);
            continue;
        };
        if !value.is_empty() {
            let value = variables.expand(without_quotes(value));
            variables.set(name, value);
        }
    }
    malformed
}

fn assignment(line: &str) -> Option<(&str, &str)> {
    let exported = line
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']));
    let (name, rest) = template::name(exported.unwrap_or(line).trim_start())?;
    Some((name, rest.strip_prefix('=')?))
}

/// The text without one pair of quotes around it.
pub(crate) fn without_quotes(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Variables, Vec<usize>) {
        let mut variables = Variables::default();
        variables.set("OLD", "kept");
        let malformed = read(text, &mut variables);
        (variables, malformed)
    }

    #[test]
    fn values_are_the_rest_of_the_line() {
        let (variables, malformed) = read_all(concat!(
            "VER=1.4\nMSG=two words\nG=B (x)\n  export\tE=e=f \n# C=comment\n\nQ=\"two words\"\nS='it''s'\nONE=\"\nNONE=\nOLD=\n",
            "REF=$VER-${OLD}$NOPE\nSHELL_LIKE=$(id) `id` \\$VER; x\nWIN=x\r\n_=u"
        ));
        assert_eq!(malformed, Vec::<usize>::new());
        for (name, value) in [
            ("VER", "1.4"),
            ("MSG", "two words"),
            ("G", "B (x)"),
            ("E", "e=f "),
            ("C", ""),
            ("Q", "two words"),
            ("S", "it''s"),
            ("ONE", "\""),
            ("NONE", ""),
            ("OLD", "kept"),
            ("REF", "1.4-kept"),
            ("SHELL_LIKE", "$(id) `id` \\1.4; x"),
            ("WIN", "x"),
            ("_", "u"),
        ] {
            assert_eq!(variables.get(name), value, "{name}");
        }
    }

    #[test]
    fn lines_that_make_no_sense_are_counted_and_change_nothing() {
        let (variables, malformed) = read_all("a-b=1\nwords without sense\n1A=2\n=3\nexportA=4\nA B=5\nOK=6");
        assert_eq!(malformed, [1, 2, 3, 4, 6]);
        assert_eq!((variables.get("exportA"), variables.get("OK")), ("4", "6"));
        assert_eq!((variables.get("A"), variables.get("B")), ("", ""));
    }
}

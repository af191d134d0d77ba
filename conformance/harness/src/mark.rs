//! The mark of a run, which every id that it makes carries, so that what a broken run leaves behind can be found and taken away.

use std::sync::LazyLock;

use regex::Regex;

/// A mark as a part of its own in an id.
static MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("(?:^|[-_.:])(r[0-9a-f]{8})(?:$|[-_.:])").expect("the expression is written out and tested")
});

/// The mark of the run with this id: `r` and the last eight hex digits of the id.
pub fn of_run(run_id: &str) -> String {
    let digits: Vec<char> = run_id.chars().filter(char::is_ascii_hexdigit).collect();
    let last = digits.iter().skip(digits.len().saturating_sub(8));
    format!("r{:0>8}", last.collect::<String>().to_ascii_lowercase())
}

/// Whether `text` is a mark.
pub fn is_mark(text: &str) -> bool {
    text.len() == 9 && find(text) == Some(text)
}

/// The mark in an id, where it has one.
pub fn find(id: &str) -> Option<&str> {
    MARK.captures(id)?.get(1).map(|found| found.as_str())
}

/// What stands before the mark in an id: the name of the case, or of the suite itself.
pub fn stem<'a>(id: &'a str, mark: &str) -> &'a str {
    id.find(mark).map_or("", |at| id[..at].trim_end_matches(['-', '_', '.', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mark_that_a_run_puts_into_ids() {
        let mark = of_run("0199c2a4-7d10-7c3e-9b1f-00a1b2c3d4e5");
        assert_eq!(mark, "rb2c3d4e5");
        assert!(is_mark(&mark) && !is_mark("rb2c3d4e") && !is_mark("b2c3d4e5f"));
        for id in
            [format!("conformance-{mark}-lumen-desk-3"), format!("a-job-is-listed-{mark}"), format!("a-{mark}-good")]
        {
            assert_eq!(find(&id), Some(mark.as_str()), "{id}");
        }
        assert_eq!(stem("a-job-is-listed-rb2c3d4e5-good", &mark), "a-job-is-listed");
    }

    #[test]
    fn leaves_other_ids_alone() {
        for id in ["refund-policy", "r12345678x", "xr12345678", "a-R12345678", "a-r1234567", "a-r123456789", ""] {
            assert_eq!(find(id), None, "{id}");
        }
    }
}

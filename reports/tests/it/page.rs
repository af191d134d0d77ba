//! The page and the comment: what they look like, and that no record can break out of them.

use std::collections::{HashMap, HashSet};

use reports::{Report, STYLE, comment, contract_places, junit, page, sarif};
use serde_json::{Value, json};

use crate::{changed, run, sample};

const KEY: &str = "pl_aurora-bikes_0123456789abcdefghijABCDEFGHIJ01234567";

#[test]
fn the_page_of_the_samples_stays_as_it_is() {
    insta::assert_snapshot!(page(&sample()).replace(STYLE, "/* style.css */\n"));
}

#[test]
fn the_comment_of_the_samples_stays_as_it_is() {
    insta::assert_snapshot!(comment(&sample()));
}

#[test]
fn the_page_shows_what_changed_with_both_rankings_and_the_figures_over_time() {
    let page = page(&sample());
    for part in [
        "handbook: got worse",
        "handbook: got better",
        "how long is the &lt;b&gt;battery&lt;/b&gt; warranty",
        "<b class=\"worse\">−0.370</b>",
        "<li class=\"right\"><code>warranty-terms</code> <small>grade 3</small></li>",
        "nothing was retrieved",
        "Quality over time",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    let page = page(&sample());
    for forbidden in ["<script", "<link", "<img", "<iframe", "<form", "src=", "@import", "url(", "http-equiv=\"refresh"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let mut tags = page.split('<').filter_map(|rest| rest.split('>').next());
    assert!(!tags.any(|tag| tag.contains(" on")), "a handler of events");
    assert!(attributes(&page, "href").all(|address| address.starts_with('#') || address.starts_with("./")));
}

#[test]
fn headings_descend_one_level_at_a_time() {
    let page = page(&sample());
    let levels =
        page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10)).collect::<Vec<_>>();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn every_table_has_a_caption_and_every_id_is_one() {
    let page = page(&sample());
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    let ids: Vec<&str> = attributes(&page, " id").collect();
    assert_eq!(ids.len(), ids.iter().collect::<HashSet<_>>().len(), "{ids:?}");
    assert!(attributes(&page, "href").filter_map(|address| address.strip_prefix('#')).all(|id| ids.contains(&id)));
}

fn attributes<'a>(page: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!("{name}=\"");
    let places: Vec<usize> = page.match_indices(&opening).map(|(at, found)| at + found.len()).collect();
    places.into_iter().filter_map(|at| page[at..].split('"').next())
}

/// A record with `text` wherever a record may hold any text.
pub(crate) fn hostile(text: &str) -> Report {
    Report::new(vec![run(&changed(|record| {
        for field in ["tool_version", "command"] {
            record[field] = json!(text);
        }
        record["target"]["implementation"] = json!(text);
        record["notes"] = json!([text, format!("level:{text}")]);
        record["coverage"][0]["missing"] = json!([text, format!("search 504: {text}")]);
        record["coverage"][0]["excluded"] = json!([{"item": format!("x{text}"), "reason": text}]);
        let case = &mut record["cases"][0];
        for field in ["message", "curl", "reason"] {
            case[field] = json!(text);
        }
        for half in ["request", "response"] {
            case[half]["body"] = json!(text);
            case[half]["headers"] = json!({ text: text, "cookie": "session=plain-secret" });
        }
        case["request"]["url"] = json!(text);
        for (index, outcome) in [(1, "known_failure"), (2, "not_applicable")] {
            record["cases"][index]["outcome"] = json!(outcome);
            record["cases"][index]["reason"] = json!(text);
            record["cases"][index]["message"] = json!(text);
        }
        record["counts"] = json!({"passed": 0, "failed": 1, "errored": 0, "not_applicable": 1, "known_failures": 1});
    }))])
}

#[test]
fn hostile_text_is_escaped() {
    let page = page(&hostile("</pre><script>x</script>\"'&\u{202e}"));
    assert!(!page.contains("<script"), "markup came through");
    assert!(!page.contains('\u{202e}'), "a direction mark came through");
    assert!(page.contains("&lt;/pre&gt;&lt;script&gt;x&lt;/script&gt;&quot;&#39;&amp;⟨U+202E⟩"));
}

#[test]
fn no_secret_reaches_any_form() {
    let report = hostile(&format!("a {KEY} b"));
    let run = &report.current[0];
    for text in [page(&report), comment(&report), junit(run), sarif(run, contract_places())] {
        assert!(!text.contains(KEY) && !text.contains("plain-secret"), "{text}");
        assert!(text.contains("a [redacted] b"));
    }
}

#[test]
fn hostile_text_stays_inside_its_code_span() {
    let comment = comment(&hostile("`` | @everyone <img> \n# x"));
    let line = comment.lines().find(|line| line.starts_with('`') && line.contains("@everyone")).unwrap();
    assert_eq!(line, "``` `` \\| @everyone <img> # x ```");
}

#[test]
fn a_long_body_is_cut_after_it_is_redacted() {
    let body = format!("{}{KEY} {}", "x".repeat(8 * 1024 - 20), "y".repeat(9000));
    let report = Report::new(vec![run(&changed(|record| record["cases"][0]["response"]["body"] = json!(body)))]);
    let page = page(&report);
    assert!(!page.contains("pl_aurora"));
    assert!(page.contains("Cut here; the record holds more."));
}

#[test]
fn text_keeps_its_contrast_in_light_and_in_dark() {
    let themes: Vec<HashMap<&str, &str>> = STYLE.split("prefers-color-scheme: dark").map(colours).collect();
    for theme in &themes {
        for ground in ["ground", "surface", "sunk"] {
            for text in ["ink", "muted", "accent", "fail", "error"] {
                let ratio = contrast(theme[ground], theme[text]);
                assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2}");
            }
        }
    }
    assert_eq!(themes.len(), 2);
}

/// The custom properties that hold a colour.
fn colours(part: &str) -> HashMap<&str, &str> {
    let declarations = part.split(['{', '}', ';']).filter_map(|text| text.trim().strip_prefix("--")?.split_once(": #"));
    declarations.collect()
}

/// The contrast of two colours as WCAG 2 defines it.
fn contrast(a: &str, b: &str) -> f64 {
    let channel = |hex: &str, at: usize| {
        let share = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = |hex: &str| 0.2126 * channel(hex, 0) + 0.7152 * channel(hex, 2) + 0.0722 * channel(hex, 4);
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn runs_of_different_commits_are_pointed_out() {
    let other = run(&changed(|record: &mut Value| {
        record["target"]["name"] = json!("other");
        record["commit"] = json!("0".repeat(40));
    }));
    let report = Report::new(vec![run(&changed(|_| ())), other]);
    assert!(page(&report).contains("built from different commits"));
}

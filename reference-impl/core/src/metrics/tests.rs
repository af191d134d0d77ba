use std::fmt::Write as _;

use super::*;

fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

fn line<'a>(page: &'a str, start: &str) -> &'a str {
    page.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no line begins with {start}\n{page}"))
}

#[test]
fn buckets_hold_everything_below_their_bound() {
    let metrics = Metrics::default();
    let one = tenant("one");
    for elapsed in [0.5, 1.0, 3.0, 1e9] {
        metrics.add(Some(&one), Metric::Latency, &["/search"], elapsed);
    }
    let page = metrics.page(Some(&one));
    let bucket = |name: &str, bound: &str| {
        let start = format!("{name}_bucket{{tenant=\"one\",route=\"/search\",le=\"{bound}\"}} ");
        line(&page, &start)[start.len()..].parse::<u64>().unwrap()
    };
    let bounds = ["1", "2.5", "5", "60000", "+Inf"];
    assert_eq!(bounds.map(|bound| bucket("latency_ms_histogram", bound)), [2, 2, 3, 3, 4]);
    let bounds = ["0.001", "0.0025", "0.005", "60", "+Inf"];
    assert_eq!(bounds.map(|bound| bucket("plumbline_request_duration_seconds", bound)), [2, 2, 3, 3, 4]);
    assert!(line(&page, "latency_ms_histogram_count{").ends_with(" 4"));
    assert!(line(&page, "latency_ms_histogram_sum{").ends_with(" 1000000004.5"));
    assert!(line(&page, "plumbline_request_duration_seconds_sum{").ends_with(" 1000000.0045"));
}

#[test]
fn shows_each_tenant_itself_alone_and_an_operator_everything() {
    let metrics = Metrics::default();
    let (one, two) = (tenant("one"), tenant("two"));
    metrics.count(Some(&one), Metric::Requests, &["/search", "POST", "200"]);
    metrics.count(Some(&two), Metric::RateLimited, &[]);
    metrics.count(None, Metric::Requests, &["unmatched", "GET", "404"]);
    let own = metrics.page(Some(&one));
    assert!(own.contains("requests_total{tenant=\"one\",route=\"/search\",method=\"POST\",status=\"200\"} 1\n"));
    assert!(!own.contains("two") && !own.contains("unmatched"));
    assert!(own.contains("\nrate_limited_total{tenant=\"one\"} 0\n"), "{own}");
    let all = metrics.page(None);
    assert!(all.contains("\nrate_limited_total{tenant=\"two\"} 1\n") && all.contains("{route=\"unmatched\","), "{all}");
    metrics.forget(&two);
    assert!(!metrics.page(None).contains("two"));
    assert_eq!(metrics.tenants(), [one]);
}

#[test]
fn names_everything_before_anything_happened() {
    let metrics = Metrics::default();
    metrics.count(Some(&tenant("one")), Metric::StreamAborts, &[]);
    let page = metrics.page(Some(&tenant("one")));
    for metric in Metric::ALL {
        let Family { name, alias, kind, .. } = metric.family();
        for name in name.into_iter().chain([alias]) {
            assert_eq!(page.matches(&format!("# TYPE {name} {}\n", kind.as_str())).count(), 1, "{name}");
        }
    }
}

#[test]
fn a_share_of_yesterday_is_nothing_today() {
    let metrics = Metrics::default();
    let one = tenant("one");
    metrics.see_budget(&one, Share { used: 3, limit: 4 }, 20_000);
    metrics.begin_day(&one, 20_000);
    assert!(line(&metrics.page(None), "budget_used_ratio{").ends_with(" 0.75"));
    metrics.begin_day(&one, 20_001);
    assert!(line(&metrics.page(None), "budget_used_ratio{").ends_with(" 0"));
}

#[test]
fn a_label_never_ends_its_line() {
    let metrics = Metrics::default();
    metrics.count(None, Metric::ToolCalls, &["a\"b\\c\nd", "denied"]);
    assert!(metrics.page(None).contains(r#"tool_calls_total{tool="a\"b\\c\nd",outcome="denied"} 1"#));
}

#[test]
fn counts_that_nobody_brings_home_hold_up_no_others() {
    let metrics = Metrics::default();
    let one = tenant("one");
    metrics.count(Some(&one), Metric::StreamAborts, &[]);
    let lost = metrics.take(Some(&one), 0).unwrap();
    metrics.count(Some(&one), Metric::StreamAborts, &[]);
    assert!(metrics.take(Some(&one), LOST_AFTER_US - 1).is_none() && metrics.unkept(LOST_AFTER_US - 1).is_empty());
    assert_eq!(metrics.unkept(LOST_AFTER_US), [Some(one.clone())]);
    let newer = metrics.take(Some(&one), LOST_AFTER_US).unwrap();
    drop(lost);
    assert!(metrics.is_leaving(Some(&one)), "the newer one is under way still");
    newer.kept();
    assert!(!metrics.is_leaving(Some(&one)) && metrics.unkept(LOST_AFTER_US) == [Some(one)], "what was lost came back");
}

#[test]
fn counts_nothing_when_off() {
    let metrics = Metrics::off();
    metrics.count(None, Metric::StreamAborts, &[]);
    assert!(!metrics.is_on());
    assert!(metrics.page(None).lines().all(|line| line.starts_with('#')));
}

/// Set to have the table of the page of documentation written anew.
const WRITE: &str = "PLUMBLINE_WRITE_DOCS";

/// The table of metrics as the documentation has it.
fn documented() -> String {
    let mut table =
        "| metric | by Prometheus's conventions | kind | labels beside `tenant` | meaning |\n|---|---|---|---|---|\n"
            .to_owned();
    for metric in Metric::ALL {
        let Family { name, alias, kind, labels, help } = metric.family();
        let name = name.map_or_else(|| "–".to_owned(), |name| format!("`{name}`"));
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(table, "| {name} | `{alias}` | {} | {labels} | {help} |", kind.as_str());
    }
    table
}

#[test]
fn the_documentation_has_the_table_as_it_is() {
    const BEGIN: &str = "<!-- metrics: made from the table -->\n";
    const END: &str = "<!-- end of metrics -->";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/observability.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the table begins");
    let (table, after) = rest.split_once(END).expect("and where it ends");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", documented())).unwrap();
    } else {
        assert_eq!(table, documented(), "run `{WRITE}=1 cargo test -p reference-core the_documentation_has`");
    }
}

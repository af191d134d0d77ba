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
fn counts_nothing_when_off() {
    let metrics = Metrics::off();
    metrics.count(None, Metric::StreamAborts, &[]);
    assert!(!metrics.is_on());
    assert!(metrics.page(None).lines().all(|line| line.starts_with('#')));
}

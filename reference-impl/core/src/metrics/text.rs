//! The page: the Prometheus text format, version 0.0.4.

use std::fmt::Write as _;

use super::series::{Entry, Figure, Histogram, Series};
use super::table::{BOUNDS_MS, Family, Kind, Metric};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::TenantId;

/// Under which of its names a metric is written.
#[derive(Clone, Copy)]
enum Form {
    /// The contract's, with times in milliseconds.
    Contract,
    /// The alias, with times in seconds.
    Alias,
}

/// The page of these tenants; `None` is what happened before a tenant was known.
pub(super) fn page(tenants: &[(Option<TenantId>, Series)]) -> String {
    let mut page = String::new();
    for metric in Metric::ALL {
        let family = metric.family();
        let lacks = sabotage::on(Sabotage::MetricsLackAName) && *metric == Metric::FirstToken;
        if let Some(name) = family.name.filter(|_| !lacks) {
            write_family(&mut page, *metric, (name, Form::Contract), tenants);
        }
        write_family(&mut page, *metric, (family.alias, Form::Alias), tenants);
    }
    page
}

fn write_family(page: &mut String, metric: Metric, (name, form): (&str, Form), tenants: &[(Option<TenantId>, Series)]) {
    let Family { kind, help, labels, .. } = metric.family();
    // Writing to a text cannot fail.
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
    for (tenant, series) in tenants {
        for Entry { labels: values, figure } in series.of(metric) {
            let mut named = String::new();
            if let Some(tenant) = tenant {
                label(&mut named, "tenant", tenant.as_str());
            }
            for (name, value) in labels.iter().zip(values) {
                label(&mut named, name, value);
            }
            match figure {
                Figure::Number(number) => sample(page, name, &named, *number),
                Figure::Times(histogram) => write_histogram(page, (name, form), &named, histogram),
            }
        }
    }
    debug_assert!(kind != Kind::Histogram || !name.ends_with("_total"));
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn write_histogram(page: &mut String, (name, form): (&str, Form), labels: &str, histogram: &Histogram) {
    let scale = match form {
        Form::Contract => 1.0,
        Form::Alias => 1000.0,
    };
    let mut below = 0;
    let bounds = BOUNDS_MS.iter().map(|bound| (bound / scale).to_string()).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(histogram.buckets) {
        if bound == "+Inf" && sabotage::on(Sabotage::MetricsLackTheLastBucket) {
            continue;
        }
        below += count;
        let mut labels = labels.to_owned();
        label(&mut labels, "le", &bound);
        sample(page, &format!("{name}_bucket"), &labels, below as f64);
    }
    sample(page, &format!("{name}_sum"), labels, histogram.sum_ms / scale);
    sample(page, &format!("{name}_count"), labels, histogram.count() as f64);
}

fn sample(page: &mut String, name: &str, labels: &str, value: f64) {
    let _ =
        if labels.is_empty() { writeln!(page, "{name} {value}") } else { writeln!(page, "{name}{{{labels}}} {value}") };
}

/// Adds a label. Values are ids of bounded sets; what would end the value or the line is escaped all the same.
fn label(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.push_str(name);
    labels.push_str("=\"");
    for letter in value.chars() {
        match letter {
            '\\' => labels.push_str("\\\\"),
            '"' => labels.push_str("\\\""),
            '\n' => labels.push_str("\\n"),
            other => labels.push(other),
        }
    }
    labels.push('"');
}

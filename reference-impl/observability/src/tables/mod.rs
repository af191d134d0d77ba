//! The tables as they are written, read and held against each other.

mod alerts;
mod dashboards;
mod faults;
mod names;

use serde::Deserialize;

pub use alerts::{Alert, AlertCase, Alerts, Burn, Objective, Pair, Severity};
pub use dashboards::{Colour, Dashboard, Dashboards, Kind, Panel, Query, Row, Step, Thresholds};
pub use names::{base_name, metrics_of};

/// Codes of the contract with a status from 500 on, without 501: failures that count against the platform.
pub const SERVER_FAULTS: &str =
    "INTERNAL_ERROR|TOOL_FAILED|INDEX_MISMATCH|UPSTREAM_UNAVAILABLE|TOOL_TIMEOUT|UPSTREAM_TIMEOUT";

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A table is not in its form.
    #[error("tables/{file}: {source}")]
    Form {
        /// Name of the table.
        file: &'static str,
        /// What the reader says, with line and column.
        source: serde_yaml::Error,
    },
    /// The tables contradict each other, or say something that does not exist.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
}

/// Every table.
#[derive(Debug, Clone)]
pub struct Tables {
    /// The metrics that may be read.
    pub metrics: Vec<Metric>,
    /// The dashboards, in the order in which they are listed.
    pub dashboards: Vec<Dashboard>,
    /// Objectives and alerts.
    pub alerts: Alerts,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its name, without the endings of a histogram.
    pub name: String,
    /// What kind of metric it is.
    pub kind: MetricKind,
    /// Who makes it.
    pub from: Maker,
}

/// Kinds of metrics, as Prometheus has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Grows, and begins anew with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Has `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// Who makes a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Maker {
    /// Each deployment that declares `metrics`.
    Contract,
    /// The reference, beside those of the contract.
    Platform,
    /// `reports`, of a run record.
    Probe,
    /// Prometheus itself.
    Prometheus,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metrics {
    metrics: Vec<Metric>,
}

impl Tables {
    /// Reads the tables that this program carries and holds them against each other.
    ///
    /// # Errors
    ///
    /// [`TableError`] with every fault that was found.
    pub fn read() -> Result<Self, TableError> {
        Self::from_texts(
            include_str!("../../tables/metrics.yaml"),
            include_str!("../../tables/dashboards.yaml"),
            include_str!("../../tables/alerts.yaml"),
        )
    }

    /// Reads tables from their texts.
    ///
    /// # Errors
    ///
    /// [`TableError`] with every fault that was found.
    pub fn from_texts(metrics: &str, dashboards: &str, alerts: &str) -> Result<Self, TableError> {
        let form = |file| move |source| TableError::Form { file, source };
        let metrics: Metrics = serde_yaml::from_str(metrics).map_err(form("metrics.yaml"))?;
        let dashboards: Dashboards = serde_yaml::from_str(dashboards).map_err(form("dashboards.yaml"))?;
        let alerts: Alerts = serde_yaml::from_str(alerts).map_err(form("alerts.yaml"))?;
        let tables = Self { metrics: metrics.metrics, dashboards: dashboards.dashboards, alerts };
        let faults = faults::of(&tables);
        if faults.is_empty() { Ok(tables) } else { Err(TableError::Faults(faults)) }
    }
}

/// An expression with the codes that count against the platform put in.
pub(crate) fn filled(expression: &str) -> String {
    expression.trim().replace("@server_faults@", SERVER_FAULTS)
}

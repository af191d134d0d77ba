//! The table of panels.

use serde::Deserialize;

/// `tables/dashboards.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboards {
    /// The dashboards.
    pub dashboards: Vec<Dashboard>,
}

/// One dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// Ends its id and names its file.
    pub uid: String,
    /// Its title.
    pub title: String,
    /// The question that it answers.
    pub purpose: String,
    /// Whether exactly one tenant is chosen.
    #[serde(default)]
    pub single_tenant: bool,
    /// Its rows, from above.
    pub rows: Vec<Row>,
}

impl Dashboard {
    /// Its panels in reading order.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }

    /// Whether a query asks for a tenant.
    pub fn asks_for_a_tenant(&self) -> bool {
        self.panels().flat_map(|panel| &panel.queries).any(|query| query.expr.contains("$tenant"))
    }
}

/// Panels under one heading.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The heading.
    pub title: String,
    /// The panels, from the left.
    pub panels: Vec<Panel>,
}

/// One panel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Its title.
    pub title: String,
    /// How it is drawn.
    pub kind: Kind,
    /// Unit of its values, as Grafana names it.
    pub unit: String,
    /// Its width, of 24.
    pub width: u32,
    /// What it shows and what to make of it.
    pub about: String,
    /// Values at which its colour changes.
    #[serde(default)]
    pub thresholds: Option<Thresholds>,
    /// What it asks Prometheus.
    pub queries: Vec<Query>,
}

/// How a panel is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Lines over time.
    Timeseries,
    /// One number, or one a series.
    Stat,
    /// Horizontal bars of the last values.
    Bargauge,
}

/// Where colours change: above values or below them, never both.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Green, then the colour of each step that is reached, in rising order.
    #[serde(default)]
    pub above: Vec<Step>,
    /// Green, then the colour of each step that is fallen below, in falling order.
    #[serde(default)]
    pub below: Vec<Step>,
}

/// One change of colour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The value.
    pub value: f64,
    /// The colour.
    pub colour: Colour,
}

/// Colours that say something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Somebody should look.
    Orange,
    /// Somebody must look.
    Red,
}

/// One query of a panel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The expression, with Grafana's variables.
    pub expr: String,
    /// What a series is called, with its labels in double braces.
    #[serde(default)]
    pub legend: String,
}

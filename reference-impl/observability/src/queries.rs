//! The queries of the panels as Prometheus takes them, with Grafana's variables filled in.

use serde::Serialize;

use crate::Tables;
use crate::tables::filled;

/// One query of one panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The dashboard's id.
    pub dashboard: String,
    /// The panel's title.
    pub panel: String,
    /// What to ask.
    pub expr: String,
}

/// Every query of every panel for all tenants, with `window` for the times that Grafana would choose.
pub fn all(tables: &Tables, window: &str) -> Vec<Asked> {
    let panels = tables.dashboards.iter().flat_map(|it| it.panels().map(move |panel| (it, panel)));
    panels
        .flat_map(|(dashboard, panel)| {
            panel.queries.iter().map(|query| Asked {
                dashboard: dashboard.uid.clone(),
                panel: panel.title.clone(),
                expr: filled(&query.expr)
                    .replace("$__rate_interval", window)
                    .replace("$__range", window)
                    .replace("$tenant", ".*"),
            })
        })
        .collect()
}

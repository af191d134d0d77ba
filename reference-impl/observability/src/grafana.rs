//! A dashboard as Grafana reads it.

use serde_json::{Value, json};

use crate::tables::{Colour, Dashboard, Kind, Panel, Thresholds, filled};

/// Version of the dashboard's form; Grafana 10 and later read it and bring it up to theirs.
const SCHEMA: u32 = 39;
/// Columns of a dashboard.
const COLUMNS: u32 = 24;
/// Height of the heading of a row.
const HEADING: u32 = 1;

/// The JSON of `dashboard`.
pub(crate) fn dashboard(dashboard: &Dashboard) -> Value {
    json!({
        "uid": format!("plumbline-{}", dashboard.uid),
        "title": format!("Plumbline: {}", dashboard.title),
        "description": dashboard.purpose,
        "tags": ["plumbline"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": false,
        "graphTooltip": 1,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{
            "title": "Dashboards",
            "type": "dashboards",
            "tags": ["plumbline"],
            "asDropdown": true,
            "includeVars": true,
            "keepTime": true,
            "targetBlank": false,
        }],
        "templating": {"list": variables(dashboard)},
        "annotations": {"list": []},
        "panels": panels(dashboard),
    })
}

fn variables(dashboard: &Dashboard) -> Vec<Value> {
    let mut list = vec![json!({
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
    })];
    if dashboard.asks_for_a_tenant() {
        let several = !dashboard.single_tenant;
        let mut tenant = json!({
            "name": "tenant",
            "label": "Tenant",
            "type": "query",
            "datasource": source(),
            "definition": "label_values(requests_total, tenant)",
            "query": {"query": "label_values(requests_total, tenant)", "refId": "tenant"},
            "refresh": 2,
            "sort": 1,
            "multi": several,
            "includeAll": several,
        });
        if several {
            tenant["allValue"] = json!(".*");
            tenant["current"] = json!({"selected": true, "text": ["All"], "value": ["$__all"]});
        }
        list.push(tenant);
    }
    list
}

fn panels(dashboard: &Dashboard) -> Vec<Value> {
    let (mut list, mut id, mut top) = (Vec::new(), 0, 0);
    let mut next = || {
        id += 1;
        id
    };
    for row in &dashboard.rows {
        list.push(json!({
            "id": next(),
            "type": "row",
            "title": row.title,
            "collapsed": false,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": HEADING},
            "panels": [],
        }));
        top += HEADING;
        let (mut left, mut tallest) = (0, 0);
        for drawn in &row.panels {
            if left + drawn.width > COLUMNS {
                (top, left, tallest) = (top + tallest, 0, 0);
            }
            let height = height(drawn.kind);
            list.push(panel(drawn, next(), &json!({"x": left, "y": top, "w": drawn.width, "h": height})));
            (left, tallest) = (left + drawn.width, tallest.max(height));
        }
        top += tallest;
    }
    list
}

fn height(kind: Kind) -> u32 {
    match kind {
        Kind::Stat => 5,
        Kind::Timeseries | Kind::Bargauge => 8,
    }
}

fn panel(panel: &Panel, id: u32, place: &Value) -> Value {
    let instant = match panel.kind {
        Kind::Timeseries => false,
        Kind::Stat | Kind::Bargauge => true,
    };
    let targets: Vec<Value> = panel
        .queries
        .iter()
        .zip('A'..='Z')
        .map(|(query, letter)| {
            json!({
                "refId": letter.to_string(),
                "datasource": source(),
                "editorMode": "code",
                "expr": filled(&query.expr),
                "legendFormat": query.legend,
                "instant": instant,
                "range": !instant,
            })
        })
        .collect();
    json!({
        "id": id,
        "type": match panel.kind { Kind::Timeseries => "timeseries", Kind::Stat => "stat", Kind::Bargauge => "bargauge" },
        "title": panel.title,
        "description": panel.about,
        "datasource": source(),
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {"defaults": field(panel), "overrides": []},
        "options": options(panel.kind),
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn field(panel: &Panel) -> Value {
    let mut field = json!({"unit": panel.unit, "min": 0, "thresholds": thresholds(panel.thresholds.as_ref())});
    match panel.kind {
        Kind::Timeseries => {
            field["color"] = json!({"mode": "palette-classic"});
            let style = if panel.thresholds.is_some() { "dashed" } else { "off" };
            field["custom"] = json!({
                "drawStyle": "line",
                "lineWidth": 1,
                "fillOpacity": 10,
                "showPoints": "never",
                "spanNulls": false,
                "thresholdsStyle": {"mode": style},
            });
        }
        Kind::Stat => field["color"] = json!({"mode": "thresholds"}),
        Kind::Bargauge => field["color"] = json!({"mode": "continuous-BlPu"}),
    }
    field
}

fn thresholds(thresholds: Option<&Thresholds>) -> Value {
    let step = |value: Option<f64>, colour: &str| json!({"value": value, "color": colour});
    let mut steps = Vec::new();
    let mut from = None;
    // Grafana colours from a value upwards: what is fallen below ends where the next better colour begins.
    for it in thresholds.iter().flat_map(|it| it.below.iter().rev()) {
        steps.push(step(from, colour(it.colour)));
        from = Some(it.value);
    }
    steps.push(step(from, "green"));
    steps.extend(thresholds.iter().flat_map(|it| &it.above).map(|it| step(Some(it.value), colour(it.colour))));
    json!({"mode": "absolute", "steps": steps})
}

fn colour(colour: Colour) -> &'static str {
    match colour {
        Colour::Orange => "orange",
        Colour::Red => "red",
    }
}

fn options(kind: Kind) -> Value {
    let last = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    match kind {
        Kind::Timeseries => json!({
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        Kind::Stat => json!({
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "auto",
            "reduceOptions": last,
        }),
        Kind::Bargauge => json!({
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": true,
            "valueMode": "color",
            "reduceOptions": last,
        }),
    }
}

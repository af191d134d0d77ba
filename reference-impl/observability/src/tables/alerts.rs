//! The table of objectives and alerts.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `tables/alerts.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// What each severity means for people.
    pub severities: BTreeMap<Severity, String>,
    /// What is promised, and measured over several windows.
    pub objectives: Vec<Objective>,
    /// The alerts, the most general first.
    pub alerts: Vec<Alert>,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody is woken.
    Page,
    /// Somebody looks in working hours.
    Ticket,
}

impl Severity {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// One objective.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Its name, a word.
    pub name: String,
    /// Share that must be good, between 0 and 1.
    pub objective: f64,
    /// The objective in words.
    pub text: String,
    /// Bad ones a second by tenant, over `@window@`.
    pub bad: String,
    /// All of them a second by tenant, over `@window@`.
    pub all: String,
}

/// One alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// Who is told.
    pub severity: Severity,
    /// How long it must hold; at once without this.
    #[serde(rename = "for", default)]
    pub hold: Option<String>,
    /// Its expression, where it is no burn rate.
    #[serde(default)]
    pub expr: Option<String>,
    /// The burn rates at which it fires.
    #[serde(default)]
    pub burn: Option<Burn>,
    /// What is told, with labels and no values.
    pub summary: String,
    /// Why its thresholds are what they are.
    pub why: String,
    /// When it must fire and when not.
    pub cases: Vec<AlertCase>,
}

/// An alert on how fast an error budget is used up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burn {
    /// Name of the objective.
    pub objective: String,
    /// Fewest bad ones in the long window.
    pub least: u32,
    /// Pairs of windows; one of them is enough.
    pub pairs: Vec<Pair>,
}

/// A long window that says that it matters, and a short one that says that it goes on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The long window.
    pub long: String,
    /// The short window.
    pub short: String,
    /// How many times faster than allowed.
    pub factor: f64,
}

/// One unit test of an alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertCase {
    /// Whether it must fire.
    pub fires: bool,
    /// What happens, in a few words.
    pub why: String,
    /// When to look.
    pub at: String,
    /// Time between values of the series; a minute without this.
    #[serde(default)]
    pub interval: Option<String>,
    /// Series and their values, as promtool writes them.
    pub series: BTreeMap<String, String>,
    /// Labels of the alert, without the severity.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Alert {
    /// Its expression. `None` where it has neither or names no objective, which the check of the tables refuses.
    pub fn expression(&self, objectives: &[Objective]) -> Option<String> {
        match (&self.expr, &self.burn) {
            (Some(expr), None) => Some(super::filled(expr)),
            (None, Some(burn)) => {
                let objective = objectives.iter().find(|it| it.name == burn.objective)?;
                Some(burn.pairs.iter().map(|pair| burn_of(objective, burn, pair)).collect::<Vec<_>>().join("\nor\n"))
            }
            (None, None) | (Some(_), Some(_)) => None,
        }
    }
}

fn burn_of(objective: &Objective, burn: &Burn, pair: &Pair) -> String {
    let allowed = rounded(pair.factor * (1.0 - objective.objective));
    let Pair { long, short, .. } = pair;
    let (name, least) = (&objective.name, burn.least);
    let seconds = seconds(long).unwrap_or_default();
    format!(
        "(\n  tenant:{name}_bad:ratio_rate{long} > {allowed}\n  and tenant:{name}_bad:ratio_rate{short} > {allowed}\n  and \
         tenant:{name}_bad:rate{long} * {seconds} >= {least}\n)"
    )
}

/// A share without the dust of binary fractions.
pub(crate) fn rounded(share: f64) -> f64 {
    (share * 1e9).round() / 1e9
}

/// Seconds of a time as Prometheus writes it: a number and one of `s`, `m`, `h`, `d`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let each = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(each)
}

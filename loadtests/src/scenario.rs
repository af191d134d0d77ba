//! The table of scenarios: what each asks for, in which proportions, and how its load runs over time.

use std::time::Duration;

use clap::ValueEnum;

use crate::{action::Action, schedule::Segment};

/// The scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum ScenarioName {
    /// The fixtures' questions through `POST /chat`, as streams over the tenants' documents.
    Chat,
    /// The fixtures' questions through `POST /search`, few of them often (Zipf), so that the cache works as it does in earnest.
    Search,
    /// The fixtures' questions through `POST /retrieve`.
    Retrieve,
    /// Documents of the fixtures through `POST /ingest`, changed each time and deleted in the end.
    Ingest,
    /// Calls of tools that the fixtures label, through `POST /tools/execute`; none of them writes.
    Tools,
    /// The fixtures' questions through `POST /tts`, as raw samples that are sent while they are made.
    Tts,
    /// Of 100 requests 60 searches, 20 retrievals, 15 chats and 5 documents.
    Mixed,
    /// Searches of all tenants at once, as many of each; the worst of them is held against the best.
    Tenants,
    /// Searches of all tenants but one at a steady rate, with and without a flood from that one, in turns.
    NoisyNeighbour,
    /// Searches at a steady rate with a burst of five times as many, and how long it is felt.
    Spike,
    /// Searches at a rate that rises by half with each step until the target falls behind: the step before is the knee.
    Ramp,
}

/// How the load of a scenario runs over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The same from beginning to end.
    Steady,
    /// Turns without and with a flood from the last tenant.
    Flood,
    /// Before, burst, settling, after.
    Burst,
    /// Rising steps.
    Steps,
}

/// What a scenario is.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// What it asks for, and in which proportions.
    pub mix: &'static [(Action, u32)],
    /// How its load runs over time.
    pub shape: Shape,
}

/// A part of a run that is measured by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Name in records.
    pub name: String,
    /// What it is held to in the verdict: parts that are meant to overload a target are not.
    pub judged: bool,
}

/// Turns without and with the flood.
const TURNS: u32 = 4;
/// How much more a burst sends.
const BURST: f64 = 5.0;
/// Steps of a ramp at most.
const STEPS: u32 = 16;
/// How much more each step sends than the one before.
const STEP: f64 = 1.5;

impl ScenarioName {
    /// Its name, on the command line and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Search => "search",
            Self::Retrieve => "retrieve",
            Self::Ingest => "ingest",
            Self::Tools => "tools",
            Self::Tts => "tts",
            Self::Mixed => "mixed",
            Self::Tenants => "tenants",
            Self::NoisyNeighbour => "noisy-neighbour",
            Self::Spike => "spike",
            Self::Ramp => "ramp",
        }
    }

    /// What it is.
    pub fn spec(self) -> Spec {
        let (mix, shape): (&'static [(Action, u32)], Shape) = match self {
            Self::Chat => (&[(Action::Chat, 1)], Shape::Steady),
            Self::Search | Self::Tenants => (&[(Action::Search, 1)], Shape::Steady),
            Self::Retrieve => (&[(Action::Retrieve, 1)], Shape::Steady),
            Self::Ingest => (&[(Action::Ingest, 1)], Shape::Steady),
            Self::Mixed => (
                &[(Action::Search, 60), (Action::Retrieve, 20), (Action::Chat, 15), (Action::Ingest, 5)],
                Shape::Steady,
            ),
            Self::NoisyNeighbour => (&[(Action::Search, 1)], Shape::Flood),
            Self::Spike => (&[(Action::Search, 1)], Shape::Burst),
            Self::Ramp => (&[(Action::Search, 1)], Shape::Steps),
            Self::Tools => (&[(Action::Tool, 1)], Shape::Steady),
            Self::Tts => (&[(Action::Speech, 1)], Shape::Steady),
        };
        Spec { mix, shape }
    }
}

impl Shape {
    /// The rate that a shape runs at where none is stated; `None` for one that can do without.
    pub fn default_rate(self) -> Option<f64> {
        match self {
            Self::Steady => None,
            Self::Flood | Self::Burst => Some(20.0),
            Self::Steps => Some(10.0),
        }
    }

    /// The arrivals over `lasts` with `rate` as the ordinary one, none above `most`.
    pub fn segments(self, rate: f64, lasts: Duration, most: Option<f64>) -> Vec<Segment> {
        let segment = |part: usize, rate: f64, lasts: Duration, flood: bool| Segment {
            part,
            rate: most.map_or(rate, |most| rate.min(most)),
            lasts,
            flood,
        };
        match self {
            Self::Steady => vec![segment(0, rate, lasts, false)],
            Self::Flood => (0..TURNS * 2)
                .map(|turn| segment(turn as usize % 2, rate, lasts / (TURNS * 2), turn % 2 == 1))
                .collect(),
            Self::Burst => vec![
                segment(0, rate, lasts / 3, false),
                segment(1, rate * BURST, lasts / 6, false),
                segment(2, rate, lasts / 6, false),
                segment(3, rate, lasts / 3, false),
            ],
            Self::Steps => (0..STEPS)
                .map(|step| segment(step as usize, rate * STEP.powf(f64::from(step)), lasts / STEPS, false))
                .collect(),
        }
    }

    /// The parts that segments of `scenario` name by their number.
    pub fn parts(self, scenario: ScenarioName, segments: &[Segment]) -> Vec<Part> {
        let name = scenario.as_str();
        let part = |name: String, judged: bool| Part { name, judged };
        match self {
            Self::Steady => vec![part(name.to_owned(), true)],
            Self::Flood => vec![part(format!("{name}-without"), true), part(name.to_owned(), true)],
            Self::Burst => vec![
                part(format!("{name}-before"), true),
                part(name.to_owned(), false),
                part(format!("{name}-settling"), false),
                part(format!("{name}-after"), true),
            ],
            Self::Steps => segments.iter().map(|it| part(format!("{name}-{:.1}", it.rate), it.part == 0)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_asked_for_by_a_scenario_of_its_own() {
        for action in Action::ALL {
            let own = |name: &&ScenarioName| name.spec().mix.iter().all(|(asked, _)| *asked == action);
            assert!(ScenarioName::value_variants().iter().any(|name| own(&name)), "{action:?}");
        }
        assert!(ScenarioName::value_variants().iter().all(|name| !name.spec().mix.is_empty()));
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for name in ScenarioName::value_variants() {
            let told = name.to_possible_value().expect("none is hidden");
            assert_eq!(told.get_name(), name.as_str());
        }
    }

    #[test]
    fn segments_fill_the_run_and_stay_below_the_most() {
        let lasts = Duration::from_secs(48);
        for shape in [Shape::Steady, Shape::Flood, Shape::Burst, Shape::Steps] {
            let segments = shape.segments(10.0, lasts, Some(40.0));
            let sum: Duration = segments.iter().map(|segment| segment.lasts).sum();
            assert_eq!(sum, lasts, "{shape:?}");
            assert!(segments.iter().all(|segment| segment.rate <= 40.0), "{shape:?}");
            let parts = shape.parts(ScenarioName::Spike, &segments).len();
            assert!(segments.iter().all(|segment| segment.part < parts), "{shape:?}");
        }
        let floods = Shape::Flood.segments(10.0, lasts, None).iter().filter(|segment| segment.flood).count();
        assert_eq!(floods, 4);
    }
}

//! `summarize`: the most telling sentences of a text, each with its place. Nothing is said that the text does not say.

mod rank;

use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::text::count_words;
use super::{Tool, ToolFault, ToolRun};
use crate::answer::flatten;
use crate::ports::BoxFuture;
use crate::sabotage::{self, Sabotage};

/// Most words of a headline.
const HEADLINE_WORDS: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Text,
    Bullets,
    Headline,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bullets => "bullets",
            Self::Headline => "headline",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Arguments {
    text: String,
    #[serde(default = "three")]
    max_sentences: usize,
    max_words: Option<usize>,
    #[serde(default = "plain")]
    format: Format,
}

fn three() -> usize {
    3
}

fn plain() -> Format {
    Format::Text
}

/// The tool.
pub struct Summarize;

impl Tool for Summarize {
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>> {
        Box::pin(async move {
            let arguments: Arguments = serde_json::from_value(Json::Object(run.arguments.clone()))
                .map_err(|error| ToolFault::Failed(error.to_string()))?;
            Ok(answer(&arguments))
        })
    }
}

fn answer(arguments: &Arguments) -> Json {
    let text = arguments.text.as_str();
    let most_words = arguments.max_words.unwrap_or(2000);
    let mut format = arguments.format;
    if sabotage::on(Sabotage::SummaryIgnoresFormat) {
        format = Format::Text;
    }
    let chosen = match format {
        Format::Headline => rank::headline(text, HEADLINE_WORDS.min(most_words)).into_iter().collect(),
        Format::Text | Format::Bullets => {
            let mut most = arguments.max_sentences;
            if sabotage::on(Sabotage::SummaryTooLong) {
                most += 2;
            }
            rank::choose(text, most, most_words)
        }
    };
    let said = |place: &Range<usize>| flatten(&text[place.clone()]);
    let mut summary = match format {
        Format::Text => chosen.iter().map(said).collect::<Vec<_>>().join(" "),
        Format::Bullets => chosen.iter().map(|it| format!("- {}", said(it))).collect::<Vec<_>>().join("\n"),
        Format::Headline => chosen.iter().map(said).collect::<String>(),
    };
    if sabotage::on(Sabotage::SummaryAddsWords) && !summary.is_empty() {
        summary.push_str(" Founded in 1999.");
    }
    let words = count_words(&chosen.iter().map(said).collect::<Vec<_>>().join(" "));
    let sentences = chosen
        .iter()
        .map(|place| json!({"text": text[place.clone()], "span": {"start": place.start, "end": place.end}}));
    json!({
        "summary": summary, "format": format.as_str(), "words": words.min(2000),
        "sentences": sentences.collect::<Vec<_>>(),
    })
}

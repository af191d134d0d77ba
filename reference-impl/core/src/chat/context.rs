//! What was said before, as retrieval and as a model read it.

use crate::ports::{ChatMessage, ChatRole};
use crate::search::{self, Turn};
use crate::session::Speaker;

/// One thing that was said.
pub(crate) type Said = (Speaker, String);

/// What the last of `said` asks, as somebody would ask it who has heard nothing before.
pub(crate) fn question(said: &[Said]) -> String {
    let Some(((_, last), before)) = said.split_last() else { return String::new() };
    search::standalone(&turns(before), last)
}

/// Questions with their answers, oldest first.
pub(crate) fn turns(said: &[Said]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (speaker, text) in said {
        match (speaker, turns.last_mut()) {
            (Speaker::User, _) => turns.push(Turn { question: text.clone(), answer: String::new() }),
            (Speaker::Assistant, Some(turn)) => {
                if !turn.answer.is_empty() {
                    turn.answer.push('\n');
                }
                turn.answer.push_str(text);
            }
            // An assistant that spoke first has answered nothing.
            (Speaker::Assistant, None) => {}
        }
    }
    turns
}

/// The latest of `said` that have room in `budget` tokens, oldest first. What a model reads never begins in the middle of a
/// message.
pub(crate) fn recent(said: &[Said], budget: usize, count: &dyn Fn(&str) -> usize) -> Vec<ChatMessage> {
    let mut left = budget;
    let mut taken: Vec<ChatMessage> = Vec::new();
    for (speaker, text) in said.iter().rev() {
        let tokens = count(text);
        if tokens > left {
            break;
        }
        left -= tokens;
        let role = match speaker {
            Speaker::User => ChatRole::User,
            Speaker::Assistant => ChatRole::Assistant,
        };
        taken.push(spoken(role, text.clone()));
    }
    taken.reverse();
    taken
}

/// A message that holds text alone.
pub(crate) fn spoken(role: ChatRole, content: String) -> ChatMessage {
    ChatMessage { role, content, tool_calls: Vec::new(), tool_call_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(all: &[(Speaker, &str)]) -> Vec<Said> {
        all.iter().map(|(speaker, text)| (*speaker, (*text).to_owned())).collect()
    }

    #[test]
    fn asks_from_what_was_said_before() {
        let said = said(&[
            (Speaker::User, "How long does the warranty last?"),
            (Speaker::Assistant, "The warranty lasts 2 years. [1]"),
            (Speaker::User, "What does it cover?"),
        ]);
        assert!(question(&said).to_lowercase().contains("warranty"), "{}", question(&said));
        assert_eq!(question(&said[2..]), "What does it cover?");
    }

    #[test]
    fn takes_the_latest_within_the_budget() {
        let said = said(&[(Speaker::User, "one two"), (Speaker::Assistant, "three four five"), (Speaker::User, "six")]);
        let count = |text: &str| text.split_whitespace().count();
        for (budget, expected) in [(0, 0), (1, 1), (3, 1), (4, 2), (6, 3)] {
            let taken = recent(&said, budget, &count);
            assert_eq!(taken.len(), expected, "{budget}");
            assert!(taken.last().is_none_or(|it| it.content == "six"));
        }
    }
}

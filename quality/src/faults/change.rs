//! What a fault does to a request or an answer on the way.

use bytes::Bytes;
use harness::client::Exchange;
use serde_json::Value;

use super::LOST;
use crate::chance::Chance;

/// Applies `change` to the JSON of a good answer.
pub(super) fn alter(exchange: &mut Exchange, change: impl FnOnce(&mut Value)) {
    if exchange.response.status == 200
        && let Some(mut body) = exchange.response.json()
    {
        change(&mut body);
        exchange.response.body = Bytes::from(body.to_string());
    }
}

/// Whether the document is among the 2 % that are lost.
pub(super) fn is_lost(id: &str, seed: u64) -> bool {
    Chance::of(seed, id).unit() < LOST
}

/// Takes the lost documents out of a list.
pub(super) fn lose(body: &mut Value, list: &str, key: &str, seed: u64) {
    if let Some(items) = body[list].as_array_mut() {
        items.retain(|item| !item[key].as_str().is_some_and(|id| is_lost(id, seed)));
    }
}

/// Lets the best chunk of the second document and the best chunk of the first change places.
pub(super) fn swap_first_two(body: &mut Value) {
    let Some(chunks) = body["chunks"].as_array_mut() else { return };
    let Some(first) = chunks.first().map(|chunk| chunk["document_id"].clone()) else { return };
    let Some(second) = chunks.iter().position(|chunk| chunk["document_id"] != first) else { return };
    let (low, high) = (chunks[second]["score"].clone(), chunks[0]["score"].clone());
    let best = chunks[second].clone();
    // Every chunk of the first document that stands above falls to the score of the second.
    for chunk in &mut chunks[..second] {
        chunk["score"] = low.clone();
    }
    chunks[second] = chunks[0].clone();
    chunks[0] = best;
    chunks[0]["score"] = high;
    number(chunks);
}

/// Ranks the chunks of another answer among those of this one.
pub(super) fn add_chunks(body: &mut Value, foreign: &Value) {
    let Some(chunks) = body["chunks"].as_array_mut() else { return };
    let most = chunks.len().max(1);
    chunks.extend(foreign["chunks"].as_array().into_iter().flatten().cloned());
    let score = |chunk: &Value| chunk["score"].as_f64().unwrap_or(0.0);
    chunks.sort_by(|one, other| score(other).total_cmp(&score(one)));
    chunks.truncate(most);
    number(chunks);
}

fn number(chunks: &mut [Value]) {
    for (chunk, rank) in chunks.iter_mut().zip(1_u64..) {
        chunk["rank"] = rank.into();
    }
}

/// Cuts the documents of an ingest request; half of a JSON text is none, so those stay whole.
pub(super) fn cut_documents(body: &mut Value) {
    for document in body["documents"].as_array_mut().into_iter().flatten() {
        if document["content_type"] != "application/json"
            && let Some(content) = document["content"].as_str()
        {
            document["content"] = truncated(content).into();
        }
    }
}

/// The first half of `content`, in characters.
pub fn truncated(content: &str) -> String {
    content.chars().take(content.chars().count().div_ceil(2)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chunks(found: &[(&str, f64)]) -> Value {
        let chunk =
            |(rank, (id, score)): (usize, &(&str, f64))| json!({"rank": rank + 1, "document_id": id, "score": score});
        json!({ "chunks": found.iter().enumerate().map(chunk).collect::<Vec<_>>() })
    }

    fn order(body: &Value) -> Vec<(String, f64)> {
        let chunks = body["chunks"].as_array().unwrap().iter();
        chunks.map(|it| (it["document_id"].as_str().unwrap().to_owned(), it["score"].as_f64().unwrap())).collect()
    }

    #[test]
    fn swaps_the_first_two_documents_and_no_other() {
        let mut body = chunks(&[("a", 0.9), ("a", 0.8), ("b", 0.7), ("c", 0.6)]);
        swap_first_two(&mut body);
        let ranking = crate::ranking::Ranking::from_scores(order(&body));
        assert_eq!(ranking.documents()[2], "c");
        assert_eq!(ranking.documents()[0], "b");
        let mut one = chunks(&[("a", 0.9)]);
        swap_first_two(&mut one);
        assert_eq!(order(&one), [("a".to_owned(), 0.9)]);
    }

    #[test]
    fn loses_about_two_in_a_hundred_and_always_the_same() {
        let lost = (0..10_000).filter(|number| is_lost(&format!("d{number}"), 7)).count();
        assert!((150..250).contains(&lost), "{lost}");
        assert!((0..100).all(|number| is_lost(&format!("d{number}"), 7) == is_lost(&format!("d{number}"), 7)));
    }

    #[test]
    fn ranks_strangers_by_their_scores() {
        let mut body = chunks(&[("a", 0.9), ("b", 0.5)]);
        add_chunks(&mut body, &chunks(&[("x", 0.7)]));
        assert_eq!(order(&body), [("a".to_owned(), 0.9), ("x".to_owned(), 0.7)]);
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(truncated("überall"), "über");
        let mut body =
            json!({"documents": [{"content": "abcd"}, {"content": "[1]", "content_type": "application/json"}]});
        cut_documents(&mut body);
        assert_eq!(body["documents"][0]["content"], "ab");
        assert_eq!(body["documents"][1]["content"], "[1]");
    }
}

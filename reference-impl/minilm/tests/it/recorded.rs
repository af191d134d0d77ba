//! What `reference/make.py` recorded of the published tokenizer and the unpacked weights.

use minilm::{DIMENSIONS, MAX_PIECES};
use serde::Deserialize;

use crate::{MODEL, cosine};

#[derive(Deserialize)]
struct Tokens {
    text: String,
    ids: Vec<u32>,
    spans: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
struct Vector {
    text: String,
    vector: Vec<f32>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("reference/vectors.json")).unwrap()
}

#[test]
fn finds_the_word_pieces_of_the_published_tokenizer() {
    let recorded: Vec<Tokens> = serde_json::from_str(include_str!("reference/tokens.json")).unwrap();
    assert!(recorded.len() >= 40);
    for Tokens { text, ids, spans } in recorded {
        assert_eq!(MODEL.pieces().ids(&text, MAX_PIECES), ids, "{text:?}");
        let pieces = MODEL.pieces().pieces(&text);
        let found: Vec<(usize, usize)> =
            pieces.iter().take(spans.len()).map(|it| (it.span.start, it.span.end)).collect();
        assert_eq!(found, spans, "{text:?}");
        assert!(pieces.iter().all(|it| text.is_char_boundary(it.span.start) && text.is_char_boundary(it.span.end)));
    }
}

#[test]
fn comes_near_the_vectors_of_the_unpacked_weights() {
    let recorded = vectors();
    assert!(recorded.len() >= 20);
    let texts: Vec<&str> = recorded.iter().map(|it| it.text.as_str()).collect();
    let mut least = f64::INFINITY;
    for (recorded, found) in recorded.iter().zip(MODEL.embed(&texts)) {
        assert_eq!(found.len(), DIMENSIONS);
        let length: f32 = found.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
        let near = cosine(&found, &recorded.vector);
        least = least.min(near);
        assert!(near >= 0.998, "{near} {:?}", recorded.text);
    }
    println!("least cosine {least:.5}");
}

#[test]
fn gives_the_same_bits_whatever_is_embedded_beside_a_text() {
    let recorded = vectors();
    let texts: Vec<&str> = recorded.iter().map(|it| it.text.as_str()).collect();
    let together = MODEL.embed(&texts);
    let backwards: Vec<&str> = texts.iter().rev().copied().collect();
    let turned = MODEL.embed(&backwards);
    for (at, text) in texts.iter().enumerate() {
        let alone = MODEL.embed(&[text]);
        assert_eq!(bits(&alone[0]), bits(&together[at]), "{text:?}");
        assert_eq!(bits(&alone[0]), bits(&turned[texts.len() - 1 - at]), "{text:?}");
    }
    assert!(MODEL.embed::<&str>(&[]).is_empty());
}

fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn puts_meaning_before_spelling() {
    let texts =
        ["how do I get my money back", "Refunds take five working days.", "How do I get my boat back to shore?"];
    let vectors = MODEL.embed(&texts);
    assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) - 0.05);
    let near =
        MODEL.embed(&["The car would not start.", "The automobile failed to turn over.", "He peeled an orange."]);
    assert!(cosine(&near[0], &near[1]) > cosine(&near[0], &near[2]) + 0.2);
}

//! No text may stop the model or take it out of its bounds.

use proptest::prelude::*;

use crate::MODEL;

fn check(text: &str) {
    let pieces = MODEL.pieces().pieces(text);
    let mut before = 0..0;
    for piece in &pieces {
        assert!(piece.span.start < piece.span.end && piece.span.end <= text.len(), "{text:?} {piece:?}");
        let follows = piece.span.start >= before.end || piece.span == before || piece.span.start == before.start;
        assert!(follows, "{text:?} {piece:?} after {before:?}");
        before = piece.span.clone();
    }
    let vector = &MODEL.embed(&[text])[0];
    assert!(vector.iter().all(|value| value.is_finite()), "{text:?}");
}

#[test]
fn survives_texts_made_to_hurt() {
    for text in [
        "\u{0}\u{0}\u{0}".to_owned(),
        "\u{301}".repeat(1000),
        format!("a{}", "\u{301}".repeat(5000)),
        "각".repeat(400),
        "\u{fdfa}".repeat(300),
        "\u{200b}".repeat(1000),
        "##".repeat(500),
        "x".repeat(100_000),
        "\u{10ffff}\u{fffd}\u{feff}".repeat(50),
        "İ".repeat(300),
        "[CLS][SEP][PAD]".repeat(100),
        "a b c d e f g h i j k l m n o p ".repeat(2000),
        "!".repeat(10_000),
    ] {
        check(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn survives_any_text(text in any::<String>()) {
        check(&text);
    }
}

#[test]
fn takes_a_long_text_in_one_pass() {
    let text = "The quick survey of seven wells, again and again. ".repeat(100_000);
    assert_eq!(MODEL.pieces().pieces(&text).len(), 1_100_000);
}

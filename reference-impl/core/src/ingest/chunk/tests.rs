use proptest::prelude::*;

use super::super::convert::{ContentType, convert};
use super::super::tokens::UnicodeWords;
use super::*;

fn settings(size_tokens: u32, overlap_tokens: u32, strategy: ChunkStrategy) -> ChunkSettings {
    ChunkSettings { size_tokens, overlap_tokens, strategy }
}

fn cut(content_type: ContentType, content: &str, settings: ChunkSettings) -> (String, Vec<Chunk>) {
    let extracted = convert(content_type, content).unwrap();
    let chunks = chunk("doc", &extracted, settings, &UnicodeWords);
    (extracted.text, chunks)
}

/// Every rule that holds whatever the text and the settings are.
fn assert_rules(text: &str, chunks: &[Chunk], settings: ChunkSettings) {
    let graphemes: std::collections::BTreeSet<usize> =
        text.grapheme_indices(true).map(|(start, _)| start).chain([text.len()]).collect();
    let mut covered = 0;
    for (index, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.ordinal as usize, index);
        assert_eq!(chunk.text, text[chunk.span.clone()]);
        assert!(chunk.span.start <= covered && chunk.span.end > covered, "covers in order and goes on");
        assert!(chunk.tokens <= settings.size_tokens as usize, "{} tokens", chunk.tokens);
        assert_eq!(chunk.tokens, UnicodeWords.count(&chunk.text));
        assert!(graphemes.contains(&chunk.span.start) && graphemes.contains(&chunk.span.end));
        let shared = UnicodeWords.count(&text[chunk.span.start..covered]);
        assert!(shared <= settings.overlap_tokens as usize, "{shared} tokens shared");
        assert_eq!(chunk.id, chunk_id("doc", chunk.ordinal, &chunk.text));
        covered = chunk.span.end;
    }
    assert_eq!(covered, text.len(), "covers to the end");
}

proptest! {
    #[test]
    fn holds_the_rules_for_any_text(
        content in "(([A-Za-z]{1,30}|[0-9.,]{1,6}|[äöüéç]{1,3}|[水质分析]{1,4}|👩‍👩‍👧|🇵🇹🇳🇱|e\u{301}{1,5}|[.!?;:#*|-])( |\n|\n\n|\r\n|\t| {2})?){0,300}",
        size in 16_u32..80,
        overlap in 0_u32..15,
        fixed in any::<bool>(),
        content_type in prop::sample::select(vec![ContentType::Plain, ContentType::Markdown, ContentType::Html]),
    ) {
        let settings = settings(size, overlap, if fixed { ChunkStrategy::Fixed } else { ChunkStrategy::Structure });
        let (text, chunks) = cut(content_type, &content, settings);
        assert_rules(&text, &chunks, settings);
    }

    #[test]
    fn holds_the_rules_for_arbitrary_characters(content in ".{0,400}", overlap in 0_u32..15, fixed in any::<bool>()) {
        prop_assume!(convert(ContentType::Plain, &content).is_ok());
        let settings = settings(16, overlap, if fixed { ChunkStrategy::Fixed } else { ChunkStrategy::Structure });
        let (text, chunks) = cut(ContentType::Plain, &content, settings);
        assert_rules(&text, &chunks, settings);
    }
}

#[test]
fn gives_no_chunk_for_empty_text() {
    assert!(cut(ContentType::Plain, "", ChunkSettings::default()).1.is_empty());
}

#[test]
fn keeps_white_space_alone_as_one_chunk() {
    assert_eq!(cut(ContentType::Plain, " \n ", ChunkSettings::default()).1.len(), 1);
}

#[test]
fn fills_fixed_chunks_and_overlaps_them() {
    let words = (0..100).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let (_, chunks) = cut(ContentType::Plain, &words, settings(20, 5, ChunkStrategy::Fixed));
    assert!(chunks[..chunks.len() - 1].iter().all(|chunk| chunk.tokens == 20));
    assert!(chunks[1].text.starts_with("w15 "));
}

#[test]
fn starts_sections_in_chunks_of_their_own() {
    let body = "Some words that fill the section with more than thirty-two tokens of text. ".repeat(4);
    let content = format!("# Top\n\n## One\n\n{body}\n\n## Two\n\n{body}\n");
    let (_, chunks) = cut(ContentType::Markdown, &content, ChunkSettings::default());
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[0].heading_path, ["Top", "One"]);
    assert_eq!(chunks[1].heading_path, ["Top", "Two"]);
    assert!(chunks[1].text.starts_with("Two\n\nSome words"));
}

#[test]
fn prefers_sentences_to_words() {
    let content = "One two three four five six seven. ".repeat(20);
    let (_, chunks) = cut(ContentType::Plain, &content, settings(30, 0, ChunkStrategy::Structure));
    assert!(chunks.iter().all(|chunk| chunk.text.starts_with("One")));
}

#[test]
fn cuts_a_word_without_end() {
    let settings = settings(16, 0, ChunkStrategy::Structure);
    let (text, chunks) = cut(ContentType::Plain, &"x".repeat(10_000), settings);
    assert_rules(&text, &chunks, settings);
}

#[test]
fn makes_ids_from_document_ordinal_and_text() {
    let id = chunk_id("a", 1, "text");
    assert_eq!(id, chunk_id("a", 1, "text"));
    assert!(id.len() == 36 && id.starts_with("chk_"));
    for other in [chunk_id("b", 1, "text"), chunk_id("a", 2, "text"), chunk_id("a1", 1, "text"), chunk_id("a", 1, "t")]
    {
        assert_ne!(id, other);
    }
}

#[test]
fn cuts_runs_of_flags_in_linear_time() {
    let settings = ChunkSettings::default();
    let began = std::time::Instant::now();
    let (text, chunks) = cut(ContentType::Plain, &"🇵🇹".repeat(80_000 / 8), settings);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    assert_rules(&text, &chunks, settings);
}

#[test]
fn holds_no_chunk_longer_than_the_contract_allows() {
    let marked = format!("a{}", "\u{301}".repeat(20_000));
    let cases = [" ".repeat(450_000), format!("a{}b c", "\r\n".repeat(150_000)), marked.repeat(20)];
    for text in cases {
        for strategy in [ChunkStrategy::Fixed, ChunkStrategy::Structure] {
            let settings = settings(64, 15, strategy);
            let (text, chunks) = cut(ContentType::Plain, &text, settings);
            assert_rules(&text, &chunks, settings);
            assert!(chunks.len() > 1 && chunks.iter().all(|chunk| chunk.text.len() <= 200_000));
        }
    }
}

#[test]
fn keeps_tables_lists_and_code_whole_where_they_fit() {
    let words = |count: usize| (0..count).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let rows = (0..6).map(|row| format!("| r{row} | v{row} |")).collect::<Vec<_>>().join("\n");
    let items = (0..9).map(|item| format!("- item number {item}")).collect::<Vec<_>>().join("\n");
    let code = (0..9).map(|line| format!("let x{line} = {line};")).collect::<Vec<_>>().join("\n");
    let cases = [
        (format!("| k | v |\n|---|---|\n{rows}"), "k | v", "r5 | v5"),
        (items, "item number 0", "item number 8"),
        (format!("```\n{code}\n```"), "let x0", "let x8 = 8;"),
    ];
    for (whole, first, last) in cases {
        // From little before it to so much that it begins in the last place of a chunk.
        for before in [20, 30, 40, 50, 60] {
            for heading in ["", "## Part\n\n"] {
                let content = format!("{}.\n\n{heading}{whole}\n\n{}.", words(before), words(40));
                let settings = settings(64, 8, ChunkStrategy::Structure);
                let (text, chunks) = cut(ContentType::Markdown, &content, settings);
                assert_rules(&text, &chunks, settings);
                let holds = |chunk: &Chunk| chunk.text.contains(first) && chunk.text.contains(last);
                assert!(chunks.iter().any(holds), "{before} {heading:?}: {chunks:#?}");
                let parted = chunks.iter().any(|chunk| chunk.text.trim_end().ends_with("Part"));
                assert!(!parted, "a heading stays with what is below it: {chunks:#?}");
            }
        }
    }
}

#[test]
fn cuts_what_fits_nowhere_between_its_lines() {
    let rows = (0..60).map(|row| format!("| row {row} | value {row} |")).collect::<Vec<_>>().join("\n");
    let content = format!("| k | v |\n|---|---|\n{rows}");
    let settings = settings(64, 8, ChunkStrategy::Structure);
    let (text, chunks) = cut(ContentType::Markdown, &content, settings);
    assert_rules(&text, &chunks, settings);
    assert!(chunks[1..].iter().all(|chunk| chunk.text.starts_with("row ")), "{chunks:#?}");
}

#[test]
fn cuts_a_hundred_thousand_chunks_in_linear_time() {
    let began = std::time::Instant::now();
    let settings = settings(16, 0, ChunkStrategy::Structure);
    let piece = "- a b c d e f g h i j k l m n o p q r\n";
    let (text, chunks) = cut(ContentType::Markdown, &piece.repeat(100_000), settings);
    assert!(chunks.len() >= 100_000, "{}", chunks.len());
    assert_eq!(chunks.last().unwrap().span.end, text.len());
    assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
}

use super::*;

fn check(content_type: ContentType, content: &str, expected: &str) {
    let extracted = convert(content_type, content).unwrap();
    assert_eq!(extracted.text, expected);
    let mut end = 0;
    for block in &extracted.blocks {
        assert_eq!(block.span.start, end, "blocks tile the text");
        end = block.span.end;
    }
    assert_eq!(end, extracted.text.len(), "blocks cover the text");
}

#[test]
fn keeps_plain_text_byte_by_byte() {
    for text in ["", "one", "  one\r\n\r\ntwo\n\n\n three \n", "\n\n\n", "ä\u{301}\n\n👩‍👩‍👧"] {
        check(ContentType::Plain, text, text);
    }
    check(ContentType::Plain, "a\0b", "a\u{FFFD}b");
}

#[test]
fn parts_plain_text_at_blank_lines() {
    let extracted = convert(ContentType::Plain, "one\nstill one\n\ntwo").unwrap();
    assert_eq!(extracted.blocks.len(), 2);
}

#[test]
fn reads_markdown_structure() {
    check(
        ContentType::Markdown,
        "# Title\n\nSome *soft*\nwrapped [text](http://x.example).\n\n## Sub\n\n- one\n- two\n  - deep\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nls -l\n  x\n```\n",
        "Title\n\nSome soft wrapped text.\n\nSub\n\none\ntwo\ndeep\n\na | b\n1 | 2\n\nls -l\n  x",
    );
}

#[test]
fn carries_the_path_of_headings() {
    let extracted = convert(ContentType::Markdown, "# A\n\n## B\n\nx\n\n## C\n\n### D\n\ny\n\n# E\n\nz").unwrap();
    let paths: Vec<String> = extracted.blocks.iter().map(|block| block.heading_path.join("/")).collect();
    assert_eq!(paths, ["A", "A/B", "A/B", "A/C", "A/C/D", "A/C/D", "E", "E"]);
}

#[test]
fn drops_what_html_readers_never_see() {
    check(
        ContentType::Html,
        "<html><head><title>T</title><style>p{}</style><script>var secret</script></head><body><nav>menu</nav>\
         <h1>Head</h1><p>One <b>bold</b>\n word.</p><p hidden>no</p><div style='display: none'>no</div>\
         <ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><template>no</template>\
         <table><tr><th>k</th><th>v</th></tr><tr><td><p>1</p></td><td>2</td></tr></table>\
         <pre>x\n  y</pre><script>more()</script></body></html>",
        "Head\n\nOne bold word.\n\na\nb\nc\n\nk | v\n1 | 2\n\nx\n  y",
    );
}

#[test]
fn takes_the_title_of_a_page_without_heading() {
    check(ContentType::Html, "<title>Page</title><p>x</p>", "Page\n\nx");
}

#[test]
fn survives_hostile_nesting() {
    let nested = |depth: usize| format!("{}x{}", "<div>".repeat(depth), "</div>".repeat(depth));
    check(ContentType::Html, &nested(254), "x");
    let table = format!("<table>{}", "<div></body><!-- -->".repeat(20_000));
    for deep in [nested(255), nested(200_000), table] {
        assert_eq!(convert(ContentType::Html, &deep), Err(ConvertError::HtmlDepth));
    }
    assert_eq!(convert(ContentType::Markdown, &nested(20_000)), Err(ConvertError::HtmlDepth));
    let tags = (0..200).map(|id| format!("<b id={id}>")).collect::<Vec<_>>().concat();
    let reopened = format!("<p>{tags}{}", "<p>x".repeat(20_000));
    assert_eq!(convert(ContentType::Html, &reopened), Err(ConvertError::HtmlElements));
    let quotes = format!("{}x", "> ".repeat(5_000));
    assert!(convert(ContentType::Markdown, &quotes).is_ok());
}

#[test]
fn flattens_json_records() {
    check(
        ContentType::Json,
        r#"{"spec": {"range_km": 80, "tags": ["a", "b"]}, "title": "Cargo", "codes": [{"code": "E-1", "fix": "Wait."}]}"#,
        "title: Cargo\n\nspec\n\nrange_km: 80\ntags: a, b\n\ncodes\n\nE-1\n\ncode: E-1\nfix: Wait.",
    );
    check(ContentType::Json, r#""only text""#, "only text");
}

#[test]
fn refuses_broken_json() {
    assert_eq!(convert(ContentType::Json, "{\n \"a\": }"), Err(ConvertError::InvalidJson { line: 2, column: 7 }));
}

#[test]
fn keeps_heading_paths_within_the_contract() {
    let long = "h".repeat(3000);
    let json = format!("{}1{}", r#"{"k":{"a":0,"b":"#.repeat(50), "}}".repeat(50));
    let cases = [
        (ContentType::Markdown, format!("# {long}\n\ntext")),
        (ContentType::Html, format!("<h1>{long}</h1>text")),
        (ContentType::Json, format!(r#"{{"{long}": {{"a": 1}}}}"#)),
        (ContentType::Json, json),
    ];
    for (content_type, content) in cases {
        let extracted = convert(content_type, &content).unwrap();
        let paths = || extracted.blocks.iter().map(|block| &block.heading_path);
        assert!(paths().all(|path| path.len() <= 32 && path.iter().all(|title| title.chars().count() <= 1000)));
        assert!(paths().any(|path| path.len() == 32 || path.iter().any(|title| title.len() == 1000)));
        assert!(paths().all(|path| path.iter().map(|title| title.chars().count()).sum::<usize>() <= 2000));
    }
}

#[test]
fn refuses_a_grapheme_that_no_chunk_can_hold() {
    let marks = format!("a{}", "\u{301}".repeat(25_000));
    assert_eq!(convert(ContentType::Plain, &marks), Err(ConvertError::Grapheme));
}

#[test]
fn shares_one_path_of_headings_among_the_blocks_below() {
    let long = "h".repeat(1000);
    let json = format!("{}{{{}}}{}", format!(r#"{{"{long}":"#).repeat(31), r#""a": 1,"#.repeat(3), "}".repeat(31));
    let json = json.replace(",}", "}");
    let markdown = format!("# {long}\n## {long}\n### {long}\n\n{}", "a\n\n".repeat(200_000));
    for (content_type, content) in [(ContentType::Json, json), (ContentType::Markdown, markdown)] {
        let extracted = convert(content_type, &content).unwrap();
        let last = extracted.blocks.last().unwrap();
        let before = &extracted.blocks[extracted.blocks.len() - 2];
        assert!(std::ptr::eq(before.heading_path.as_ptr(), last.heading_path.as_ptr()) || before.span.len() > 900);
        assert!(last.heading_path.iter().map(String::len).sum::<usize>() <= 2000);
    }
}

#[test]
fn reads_markup_behind_a_byte_order_mark() {
    check(ContentType::Markdown, "\u{feff}# Title\n\ntext", "Title\n\ntext");
    check(ContentType::Json, "\u{feff}{\"a\": 1}", "a: 1");
    check(ContentType::Html, "\u{feff}<p>x</p>", "x");
    check(ContentType::Plain, "\u{feff}x", "\u{feff}x");
    assert_eq!(convert(ContentType::Markdown, "\u{feff}# T").unwrap().blocks[0].kind, BlockKind::Heading(1));
}

#[test]
fn keeps_every_digit_of_json_numbers() {
    check(
        ContentType::Json,
        r#"{"id": 12345678901234567890123, "price": 1.10, "e": [1E5, -0.0, 1e999], "t": [true, false, null], "s": "1.0 \"2.0\" \\"}"#,
        "id: 12345678901234567890123\nprice: 1.10\ne: 1E5, -0.0, 1e999\nt: true, false,\ns: 1.0 \"2.0\" \\",
    );
    check(ContentType::Json, "-1.50", "-1.50");
    check(ContentType::Json, r#"[{"code": 7.0, "x": 1}]"#, "7.0\n\ncode: 7.0\nx: 1");
}

#[test]
fn says_what_is_wrong_with_a_json_bomb() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(convert(ContentType::Json, &nested(127)).is_ok());
        for depth in [128, 200_000] {
            assert_eq!(convert(ContentType::Json, &nested(depth)), Err(ConvertError::JsonDepth));
        }
    }
    for (content, line, column) in [("", 1, 0), ("{\"a\": 1} x", 1, 10), ("[1, 01]", 1, 6), ("NaN", 1, 1)] {
        assert_eq!(convert(ContentType::Json, content), Err(ConvertError::InvalidJson { line, column }), "{content}");
    }
}

#[test]
fn drops_whatever_style_hides() {
    let hidden =
        ["DISPLAY:NONE", "color: red; visibility : hidden !important", "opacity:0", "font-size: 0px", "font-size:0"];
    for style in hidden {
        check(ContentType::Html, &format!("<p>a</p><p style='{style}'>no</p>"), "a");
    }
    for style in ["opacity: 0.5", "font-size: 10px", "display: block", "display", "font-size: 0.8em"] {
        check(ContentType::Html, &format!("<p>a</p><p style='{style}'>b</p>"), "a\n\nb");
    }
}

#[test]
fn keeps_the_structure_of_html_within_markdown() {
    let content =
        "# A\n\n<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>\n\n<pre>x\n  y</pre>\n";
    let extracted = convert(ContentType::Markdown, content).unwrap();
    assert_eq!(extracted.text, "A\n\n1 | 2\n3 | 4\n\nx\n  y");
    let kinds: Vec<BlockKind> = extracted.blocks.iter().map(|block| block.kind).collect();
    assert_eq!(kinds, [BlockKind::Heading(1), BlockKind::Row, BlockKind::Row, BlockKind::Code]);
}

#[test]
fn reads_large_documents_in_linear_time() {
    let began = std::time::Instant::now();
    // The whole of what a request may hold is measured in `benches/ingest.rs`; a quadratic pass would show here too.
    let bytes = 1 << 20;
    let fill = |piece: &str| piece.repeat(bytes / piece.len());
    let json = format!("[{}1]", fill("{\"a\":\"b\"},"));
    let cases = [
        (ContentType::Plain, fill("a\n\n")),
        (ContentType::Markdown, fill("- a\n")),
        (ContentType::Markdown, fill("# a\n\nb\n\n")),
        (ContentType::Html, fill("<p>word</p>")),
        (ContentType::Json, json),
    ];
    for (content_type, content) in cases {
        let extracted = convert(content_type, &content).unwrap();
        assert!(extracted.blocks.len() > 60_000, "{content_type:?}: {}", extracted.blocks.len());
    }
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

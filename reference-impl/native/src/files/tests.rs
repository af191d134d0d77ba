use std::io::Write;

use reference_core::tools::{Converter, FileKind};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Files;

fn docx(body: &str) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    let name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    write!(archive, "<?xml version=\"1.0\"?><w:document xmlns:w=\"{name}\"><w:body>{body}</w:body></w:document>")
        .unwrap();
    archive.finish().unwrap().into_inner()
}

fn paragraph(style: &str, text: &str) -> String {
    let style = if style.is_empty() { String::new() } else { format!("<w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr>") };
    format!("<w:p>{style}<w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
}

#[test]
fn reads_headings_lists_tables_and_paragraphs_of_docx() {
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", paragraph("", text));
    let table = format!(
        "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>",
        cell("part"),
        cell("price"),
        cell("bell"),
        cell("12")
    );
    let deleted = "<w:p><w:del><w:r><w:delText>gone</w:delText><w:t>gone</w:t></w:r></w:del><w:r><w:t>kept &amp; read &lt;b&gt;</w:t></w:r></w:p>";
    let body = [
        paragraph("Title", "The mill"),
        paragraph("", "It has  four sails."),
        paragraph("Heading2", "Parts"),
        paragraph("ListBullet", "one"),
        paragraph("ListBullet", "two"),
        table,
        deleted.to_owned(),
    ]
    .concat();
    let text = Files.convert(FileKind::Docx, &docx(&body), 1 << 20).unwrap();
    assert_eq!(
        text,
        "<h1>The mill</h1>\n<p>It has four sails.</p>\n<h2>Parts</h2>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n\
         <table>\n<tr><td>part</td><td>price</td></tr>\n<tr><td>bell</td><td>12</td></tr>\n</table>\n\
         <p>kept &amp; read &lt;b&gt;</p>\n"
    );
}

#[test]
fn refuses_what_is_no_file_of_its_kind() {
    for (kind, bytes, expected) in [
        (FileKind::Docx, b"hello".to_vec(), "no DOCX"),
        (FileKind::Pdf, b"hello".to_vec(), "no PDF"),
        (FileKind::Pdf, b"%PDF-1.4\nnothing".to_vec(), "PDF"),
        (FileKind::Docx, docx("<w:p><w:r><w:t>x</w:p>"), "broken XML"),
    ] {
        let error = Files.convert(kind, &bytes, 1 << 20).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let long = docx(&paragraph("", &"word ".repeat(1000)));
    assert!(Files.convert(FileKind::Docx, &long, 100).unwrap_err().to_string().contains("too much"));
}

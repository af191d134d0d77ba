//! Reads a collection from its folder: `docs.jsonl`, `queries.jsonl`, `qrels.tsv`, and where they are `answers.jsonl` and
//! `evidence.jsonl`.
//!
//! A document is sent as Markdown: its title as a heading of the first level, an empty line, its text with every sign that
//! Markdown would read as mark-up escaped. So the title is looked for as a heading is, and what the target extracts is the
//! text to the letter. The title stands in the metadata too, beside the collection's own facts under `meta`.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Asked, Collection, CollectionError, Gold, Sent,
    lines::{Once, json, lines, wrong},
};

/// Longest title that is kept in the metadata, in characters: what a source of an answer may carry.
const TITLE_CHARS: usize = 500;
/// Longest id that a target takes, in characters.
const ID_CHARS: usize = 128;

#[derive(Deserialize)]
struct DocumentLine {
    id: String,
    #[serde(default)]
    title: String,
    text: String,
    #[serde(default)]
    meta: Option<Value>,
    /// Sentences as offsets of characters in the text, from the first to the one after the last.
    #[serde(default)]
    sents: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
struct QueryLine {
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct AnswerLine {
    query_id: String,
    doc_id: String,
    answer: String,
}

#[derive(Deserialize)]
struct EvidenceLine {
    query_id: String,
    doc_id: String,
    sentences: Vec<usize>,
}

/// Reads the collection in `folder`.
///
/// # Errors
///
/// [`CollectionError`] with the file and line of the first thing that is wrong.
pub fn read(folder: &Path) -> Result<Collection, CollectionError> {
    let name = name(folder)?;
    let prefix = format!("{name}:");
    let (documents, texts, empty) = documents(folder, &prefix, &name)?;
    let mut questions = questions(&folder.join("queries.jsonl"))?;
    let places: HashMap<String, usize> =
        questions.iter().enumerate().map(|(place, question)| (question.id.clone(), place)).collect();
    let known = Known { places: &places, texts: &texts };
    judgements(&folder.join("qrels.tsv"), &known, &mut questions)?;
    let file = folder.join("answers.jsonl");
    if file.is_file() {
        answers(&file, &known, &mut questions)?;
    }
    let file = folder.join("evidence.jsonl");
    if file.is_file() {
        evidence(&file, &known, &mut questions)?;
    }
    Ok(Collection { name, prefix, alone: true, documents, empty, questions })
}

/// What the other files may name.
struct Known<'a> {
    places: &'a HashMap<String, usize>,
    texts: &'a Texts,
}

fn name(folder: &Path) -> Result<String, CollectionError> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    if folder.is_dir()
        && bytes.len() <= 32
        && bytes.iter().copied().all(plain)
        && edge(bytes.first())
        && edge(bytes.last())
    {
        return Ok(name);
    }
    let message = if folder.is_dir() {
        "expected a folder named by 1 to 32 lower-case letters, digits, dots, dashes and underscores; its name becomes the collection's"
    } else {
        "expected a folder with docs.jsonl, queries.jsonl and qrels.tsv; there is none"
    };
    Err(CollectionError::Folder { folder: folder.to_path_buf(), message: message.to_owned() })
}

/// Text and sentences of a document.
type Text = (String, Vec<(usize, usize)>);
type Texts = BTreeMap<String, Text>;

fn documents(folder: &Path, prefix: &str, name: &str) -> Result<(Vec<Sent>, Texts, Vec<String>), CollectionError> {
    let file = folder.join("docs.jsonl");
    let mut once = Once::new(&file, "document");
    let (mut sent, mut texts, mut empty) = (Vec::new(), Texts::new(), Vec::new());
    for (line, document) in json::<DocumentLine>(&file)? {
        once.add(&document.id, line)?;
        let id = format!("{prefix}{}", document.id);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if id.len() > ID_CHARS || !id.bytes().all(plain) {
            let message = format!(
                "document id `{}`: expected letters, digits and `._:-`, at most {ID_CHARS} with the prefix `{prefix}`",
                document.id
            );
            return Err(wrong(&file, line, message));
        }
        if document.title.trim().is_empty() && document.text.trim().is_empty() {
            empty.push(document.id.clone());
        } else {
            let mut metadata = Map::new();
            metadata.insert("collection".to_owned(), name.into());
            if !document.title.trim().is_empty() {
                let title: String = document.title.trim().chars().take(TITLE_CHARS).collect();
                metadata.insert("title".to_owned(), title.into());
            }
            if let Some(meta) = &document.meta {
                metadata.insert("meta".to_owned(), meta.clone());
            }
            let content = markdown(&document.title, &document.text);
            sent.push(Sent { id, content, content_type: "text/markdown".to_owned(), metadata });
        }
        texts.insert(document.id, (document.text, document.sents));
    }
    if sent.is_empty() {
        return Err(wrong(&file, 1, "expected at least one document with a word"));
    }
    Ok((sent, texts, empty))
}

/// Title and text as Markdown.
pub(super) fn markdown(title: &str, text: &str) -> String {
    let heading = escaped(&title.split_whitespace().collect::<Vec<_>>().join(" "));
    let body: Vec<String> = text.lines().map(|line| escaped_start(line.trim())).collect();
    let body = body.join("\n");
    if heading.is_empty() { body } else { format!("# {heading}\n\n{body}") }
}

/// `text` with signs that are mark-up anywhere in a line made plain.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if "\\`*_{}[]<>#&~|$".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// As [`escaped`], and what is mark-up at the beginning of a line alone made plain too: bullets, rules and numbers of lists.
fn escaped_start(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    if digits > 0 && rest.starts_with(['.', ')']) {
        return format!("{}\\{}", &line[..digits], escaped(rest));
    }
    if line.starts_with(['+', '-', '=', ':']) {
        return format!("\\{}", escaped(line));
    }
    escaped(line)
}

fn questions(file: &Path) -> Result<Vec<Asked>, CollectionError> {
    let mut once = Once::new(file, "query");
    let mut questions = Vec::new();
    for (line, query) in json::<QueryLine>(file)? {
        once.add(&query.id, line)?;
        if query.id.contains(char::is_whitespace) {
            return Err(wrong(file, line, format!("query id `{}`: expected no white space", query.id)));
        }
        if query.text.trim().is_empty() {
            return Err(wrong(file, line, format!("query `{}`: expected a text, found an empty one", query.id)));
        }
        questions.push(Asked { id: query.id, text: query.text, judgements: BTreeMap::new(), gold: Vec::new() });
    }
    if questions.is_empty() {
        return Err(wrong(file, 1, "expected at least one query"));
    }
    Ok(questions)
}

fn judgements(file: &Path, known: &Known<'_>, questions: &mut [Asked]) -> Result<(), CollectionError> {
    for (line, text) in lines(file)? {
        if line == 1 && text.starts_with("query") {
            continue; // The names of the columns.
        }
        let fields: Vec<&str> = text.trim_end_matches('\r').split('\t').collect();
        let [query, document, grade] = fields[..] else {
            let message =
                format!("expected three fields parted by tabs (query, document, grade), found {}", fields.len());
            return Err(wrong(file, line, message));
        };
        let grade: i64 =
            grade.parse().map_err(|_| wrong(file, line, format!("expected a whole grade, found `{grade}`")))?;
        // trec_eval reads a negative grade as judged and not relevant.
        let grade = u8::try_from(grade.max(0))
            .map_err(|_| wrong(file, line, format!("expected a grade up to 255, found {grade}")))?;
        let place = known.query(file, line, query)?;
        known.document(file, line, document)?;
        if questions[place].judgements.insert(document.to_owned(), grade).is_some() {
            return Err(wrong(file, line, format!("query `{query}` and document `{document}` are judged already")));
        }
    }
    if questions.iter().any(Asked::is_answerable) {
        return Ok(());
    }
    Err(wrong(file, 1, "expected at least one judgement of grade 1 or more"))
}

impl Known<'_> {
    fn query(&self, file: &Path, line: usize, id: &str) -> Result<usize, CollectionError> {
        let missing = || wrong(file, line, format!("query `{id}` is not in queries.jsonl"));
        self.places.get(id).copied().ok_or_else(missing)
    }

    fn document(&self, file: &Path, line: usize, id: &str) -> Result<&Text, CollectionError> {
        self.texts.get(id).ok_or_else(|| wrong(file, line, format!("document `{id}` is not in docs.jsonl")))
    }
}

fn answers(file: &Path, known: &Known<'_>, questions: &mut [Asked]) -> Result<(), CollectionError> {
    for (line, answer) in json::<AnswerLine>(file)? {
        let place = known.query(file, line, &answer.query_id)?;
        let (text, _) = known.document(file, line, &answer.doc_id)?;
        if answer.answer.trim().is_empty() || !text.contains(&answer.answer) {
            let message = format!("answer `{}` does not stand in document `{}`", answer.answer, answer.doc_id);
            return Err(wrong(file, line, message));
        }
        questions[place].gold.push(Gold { document: answer.doc_id, text: answer.answer, answers: true });
    }
    Ok(())
}

/// Evidence of other queries, such as those for training, is passed over.
fn evidence(file: &Path, known: &Known<'_>, questions: &mut [Asked]) -> Result<(), CollectionError> {
    for (line, evidence) in json::<EvidenceLine>(file)? {
        let Some(&place) = known.places.get(&evidence.query_id) else { continue };
        let (text, sentences) = known.document(file, line, &evidence.doc_id)?;
        for number in evidence.sentences {
            let missing =
                || wrong(file, line, format!("document `{}` has no sentence {number} in `sents`", evidence.doc_id));
            let (start, end) = *sentences.get(number).ok_or_else(missing)?;
            let words: String = text.chars().skip(start).take(end.saturating_sub(start)).collect();
            let gold = Gold { document: evidence.doc_id.clone(), text: words.trim().to_owned(), answers: false };
            if !questions[place].gold.contains(&gold) {
                questions[place].gold.push(gold);
            }
        }
    }
    Ok(())
}

use serde_json::{Map, json};

use crate::answer::Prompt;
use crate::auth::{ApiKey, Presented};
use crate::ingest::{ContentType, DocumentInput};
use crate::ports::{
    ChatCall, ChatDelta, ChatMessage, ChatRole, ChatToolCall, GenerationRequest, Passage, RerankCandidate, Statement,
    Value,
};
use crate::retrieve::RetrieveRequest;
use crate::search::{SearchRequest, Turn};
use crate::speech::SpeechRequest;
use crate::tools::ToolCall;

/// What somebody wrote.
const WRITTEN: &str = "zk4-what-somebody-wrote";

/// Does not compile where one of the types has a `Display`: then both implementations of the trait apply, and which is meant
/// cannot be told.
macro_rules! has_no_display {
    ($($type:ty),+ $(,)?) => {
        $(const _: fn() = || {
            trait Ambiguous<Which> {
                fn it() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Displayed;
            impl<T: ?Sized + std::fmt::Display> Ambiguous<Displayed> for T {}
            let _ = <$type as Ambiguous<_>>::it;
        };)+
    };
}

has_no_display!(
    ApiKey,
    ChatCall,
    ChatDelta,
    ChatMessage,
    ChatToolCall,
    DocumentInput,
    GenerationRequest,
    Passage,
    Presented<'static>,
    Prompt,
    RerankCandidate,
    RetrieveRequest,
    SearchRequest,
    SpeechRequest,
    Statement,
    ToolCall,
    Turn,
    Value,
);

fn passage() -> Passage {
    Passage {
        document_id: "d".to_owned(),
        chunk_id: "c".to_owned(),
        text: WRITTEN.to_owned(),
        heading_path: vec![WRITTEN.to_owned()],
        score: 1.0,
        similarity: None,
    }
}

fn prompt() -> Prompt {
    Prompt { system: WRITTEN.to_owned(), user: WRITTEN.to_owned() }
}

fn message() -> ChatMessage {
    let call = ChatToolCall { id: "1".to_owned(), tool: "t".to_owned(), arguments: WRITTEN.to_owned() };
    ChatMessage { role: ChatRole::User, content: WRITTEN.to_owned(), tool_calls: vec![call], tool_call_id: None }
}

#[test]
fn nothing_that_somebody_wrote_is_shown_where_a_value_is_formatted() {
    let text = || WRITTEN.to_owned();
    let map = Map::from_iter([(text(), json!(WRITTEN))]);
    let document = DocumentInput {
        id: "d".to_owned(),
        content_type: ContentType::parse("text/plain").unwrap(),
        content: text(),
        metadata: map.clone(),
    };
    let generation = GenerationRequest {
        question: text(),
        terms: Vec::new(),
        passages: vec![passage()],
        prompt: prompt(),
        max_sentences: 1,
    };
    let chat = ChatCall {
        messages: vec![message()],
        question: text(),
        passages: Some(vec![passage()]),
        tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        stop: vec![text()],
    };
    let candidate = RerankCandidate { text: text(), heading_path: vec![text()], vector: Vec::new(), score: 0.5 };
    let tool =
        ToolCall { tool: "t".to_owned(), arguments: map, timeout_ms: None, request_id: "r".to_owned(), trace_id: None };
    let search =
        SearchRequest { history: vec![Turn { question: text(), answer: text() }], ..SearchRequest::new(WRITTEN) };
    let statement = Statement::new("SELECT ?1", vec![Value::Text(text()), Value::Blob(text().into_bytes())]);
    let bearer = format!("Bearer {WRITTEN}").into_bytes();
    let authorization = [bearer.as_slice()];
    let presented = Presented { authorization: &authorization, ..Presented::default() };
    for shown in [
        format!("{document:?}"),
        format!("{generation:#?}"),
        format!("{chat:#?}"),
        format!("{:?}", message()),
        format!("{:?}", ChatDelta::Text(text())),
        format!("{:?}", passage()),
        format!("{:?}", prompt()),
        format!("{candidate:?}"),
        format!("{tool:?}"),
        format!("{search:#?}"),
        format!("{statement:?} {:?}", statement.params),
        format!("{presented:?}"),
    ] {
        let bytes = format!("{:?}", WRITTEN.as_bytes());
        assert!(!shown.contains(WRITTEN) && !shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    }
    // What tells one from another is still there.
    assert!(format!("{document:?}").contains("id: \"d\""));
}

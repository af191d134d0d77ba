//! Words that tell one intent from another.

/// Begins a question.
pub(super) fn is_asking(word: &str) -> bool {
    const ENGLISH: [&str; 46] = [
        "what", "who", "whom", "whose", "when", "where", "which", "why", "how", "is", "are", "was", "were", "do",
        "does", "did", "can", "could", "will", "would", "should", "may", "must", "has", "have", "had", "am", "shall",
        "whats", "hows", "wheres", "whens", "whos", "might", "isn", "aren", "doesn", "don", "didn", "won", "wasn",
        "weren", "couldn", "hasn", "haven", "hw",
    ];
    const OTHER: [&str; 39] = [
        "wie", "wann", "warum", "wieso", "weshalb", "welche", "welcher", "welches", "wieviel", "wer", "wo", "quel",
        "quelle", "quels", "quelles", "quand", "combien", "comment", "pourquoi", "où", "qué", "que", "cuánto",
        "cuándo", "cómo", "dónde", "cuál", "quanto", "quando", "perché", "dove", "hoe", "wat", "wanneer", "waar",
        "waarom", "quanta", "onde", "kann",
    ];
    ENGLISH.contains(&word) || OTHER.contains(&word)
}

/// Asks for something to be done.
pub(super) fn is_command(word: &str) -> bool {
    const PLAIN: [&str; 66] = [
        "show",
        "summarize",
        "summarise",
        "create",
        "delete",
        "remove",
        "send",
        "generate",
        "compare",
        "explain",
        "describe",
        "write",
        "give",
        "tell",
        "add",
        "change",
        "cancel",
        "enable",
        "disable",
        "extract",
        "calculate",
        "highlight",
        "rewrite",
        "outline",
        "prepare",
        "convert",
        "translate",
        "compose",
        "rephrase",
        "simplify",
        "shorten",
        "compile",
        "collect",
        "enumerate",
        "upload",
        "download",
        "install",
        "configure",
        "assign",
        "notify",
        "activate",
        "deactivate",
        "restart",
        "reboot",
        "merge",
        "refresh",
        "submit",
        "fetch",
        "check",
        "verify",
        "proofread",
        "paraphrase",
        "illustrate",
        "fasse",
        "zeige",
        "liste",
        "erstelle",
        "résume",
        "montre",
        "resume",
        "muestra",
        "toon",
        "maak",
        "crea",
        "mostra",
        "bullet",
    ];
    PLAIN.contains(&word) || is_ambiguous_verb(word)
}

/// Asks for something to be done, or names a thing.
pub(super) fn is_ambiguous_verb(word: &str) -> bool {
    const BOTH: [&str; 30] = [
        "list", "order", "book", "set", "export", "import", "update", "start", "stop", "print", "reset", "schedule",
        "draft", "count", "return", "report", "run", "plan", "sort", "filter", "group", "rank", "reply", "forward",
        "block", "register", "close", "copy", "move", "design",
    ];
    BOTH.contains(&word)
}

/// Says nothing between a verb and what it asks for.
pub(super) fn is_aside(word: &str) -> bool {
    matches!(word, "please" | "kindly" | "just" | "quickly" | "now" | "bitte" | "pls" | "also" | "maybe" | "perhaps")
}

/// Names a kind of document or a place in one.
pub(super) fn is_place(word: &str) -> bool {
    const PLACES: [&str; 50] = [
        "page",
        "document",
        "doc",
        "docs",
        "documentation",
        "section",
        "guide",
        "manual",
        "article",
        "form",
        "link",
        "portal",
        "dashboard",
        "handbook",
        "policy",
        "policies",
        "list",
        "checklist",
        "catalogue",
        "catalog",
        "glossary",
        "faq",
        "datasheet",
        "overview",
        "reference",
        "playbook",
        "table",
        "pdf",
        "settings",
        "notes",
        "agreement",
        "terms",
        "chapter",
        "website",
        "site",
        "wiki",
        "readme",
        "changelog",
        "spec",
        "specification",
        "procedure",
        "template",
        "transcript",
        "brochure",
        "leaflet",
        "letter",
        "file",
        "preisliste",
        "handbuch",
        "matrix",
    ];
    PLACES.contains(&word)
}

/// Asks for a value by its name.
pub(super) fn is_attribute(word: &str) -> bool {
    const ATTRIBUTES: [&str; 21] = [
        "minimum",
        "maximum",
        "min",
        "max",
        "number",
        "amount",
        "fee",
        "deadline",
        "age",
        "torque",
        "limit",
        "cost",
        "price",
        "duration",
        "size",
        "weight",
        "length",
        "difference",
        "default",
        "temperature",
        "meaning",
    ];
    ATTRIBUTES.contains(&word)
}

/// Greets, thanks, agrees or takes leave.
pub(super) fn is_talk_core(word: &str) -> bool {
    const CORE: [&str; 70] = [
        "hi",
        "hello",
        "helo",
        "hey",
        "hiya",
        "howdy",
        "yo",
        "greetings",
        "morning",
        "afternoon",
        "evening",
        "night",
        "welcome",
        "thanks",
        "thank",
        "thx",
        "ty",
        "cheers",
        "appreciated",
        "bye",
        "goodbye",
        "ciao",
        "ok",
        "okay",
        "great",
        "cool",
        "nice",
        "perfect",
        "awesome",
        "wow",
        "lol",
        "haha",
        "hahaha",
        "super",
        "sure",
        "fine",
        "understood",
        "yes",
        "no",
        "yep",
        "nope",
        "merci",
        "danke",
        "gracias",
        "obrigado",
        "grazie",
        "bonjour",
        "hola",
        "hallo",
        "salut",
        "servus",
        "moin",
        "bedankt",
        "tschüss",
        "adios",
        "weekend",
        "worries",
        "sorry",
        "amazing",
        "excellent",
        "brilliant",
        "lovely",
        "done",
        "helped",
        "tomorrow",
        "soon",
        "joking",
        "congratulations",
        "fantastic",
        "wonderful",
    ];
    CORE.contains(&word) || CORE.contains(&short(word).as_str())
}

/// Whether polite talk may hold the word.
pub(super) fn is_small_talk(word: &str) -> bool {
    const BESIDE: [&str; 66] = [
        "good",
        "day",
        "there",
        "all",
        "everyone",
        "team",
        "again",
        "bot",
        "you",
        "u",
        "a",
        "lot",
        "so",
        "very",
        "much",
        "many",
        "for",
        "your",
        "the",
        "that",
        "this",
        "was",
        "is",
        "it",
        "got",
        "sounds",
        "well",
        "job",
        "never",
        "mind",
        "nevermind",
        "problem",
        "one",
        "have",
        "see",
        "ya",
        "later",
        "to",
        "help",
        "helping",
        "helps",
        "me",
        "really",
        "folks",
        "guys",
        "friend",
        "my",
        "now",
        "today",
        "and",
        "i",
        "beaucoup",
        "viel",
        "mucho",
        "muchas",
        "schön",
        "too",
        "works",
        "then",
        "enjoy",
        "take",
        "care",
        "welcome",
        "helpful",
        "s",
        "of",
    ];
    is_talk_core(word) || BESIDE.contains(&word) || BESIDE.contains(&short(word).as_str())
}

/// `hellooo` as `helo`, and `hello` as `helo` too.
fn short(word: &str) -> String {
    let mut out = String::new();
    let mut run = 0;
    for letter in word.chars() {
        run = if out.ends_with(letter) { run + 1 } else { 0 };
        if run == 0 {
            out.push(letter);
        }
    }
    // Doubled letters belong to many words; only those drawn out are shortened.
    if word.len() > out.len() + 1 { out } else { word.to_owned() }
}

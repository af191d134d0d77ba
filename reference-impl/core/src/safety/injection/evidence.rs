//! The pieces of evidence that a text tries to steer the assistant: verbs, objects and framings, each a pattern that is
//! linear in the length of the text. No piece decides alone; `weights` says what each is worth.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Declares the pieces of evidence in the order of the weights.
macro_rules! evidence {
    ($($(#[doc = $doc:literal])* $name:ident = $pattern:expr;)*) => {
        /// A piece of evidence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Piece {
            $($(#[doc = $doc])* $name,)*
        }

        impl Piece {
            /// Every piece, in the order of the weights.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];
        }

        static PATTERNS: LazyLock<Vec<(Piece, Regex)>> = LazyLock::new(|| {
            let table: &[(Piece, &str)] = &[$((Piece::$name, $pattern)),*];
            let compiled = |(piece, pattern): &(Piece, &str)| Some((*piece, Regex::new(&format!("(?i){pattern}")).ok()?));
            // A pattern that does not compile is caught by a test, so none is lost here.
            table.iter().filter_map(compiled).collect()
        });
    };
}

/// Words that ask for something.
macro_rules! ask {
    () => {
        r"\b(?:what(?:'s|’s| is| are| was| were| would)|which|tell|give|share|reveal|provide|show|confirm|verify|send|need|know|print|repeat|write|output|disclose|encode|decode|translate|spell|say|hint|read out|contains?|access|leak|dump|expose|display)\b"
    };
}

/// Words for what is to be kept.
macro_rules! secret {
    () => {
        r"(?:pass ?words?|pass ?code|pass ?phrase|passkey|pwd|secret(?:s| key| code| word| phrase)?|confidential (?:string|information|data|key|code)|(?:api|access|private|secret|encryption) (?:key|code|token)s?|credentials?|log-?in details)"
    };
}

/// Words for what only the person concerned should hear.
macro_rules! private {
    () => {
        r"(?:e-?mail(?: address)?|(?:home |street )?address|phone(?: number)?|birth ?(?:date|day|year|place)|date of birth|initials|(?:full |last |maiden )?name|age|favou?rite \w+|city(?: of residence)?|(?:current )?(?:city of )?residence|bank (?:balance|account)|balance|salary|social security number|ssn|credit card|medical (?:record|history)|political \w+|personal (?:data|information|details)|license plate|socio-?economic status)"
    };
}

evidence! {
    /// Set aside what was said before, with the thing named.
    OverrideNamed = r"\b(?:ignore|disregard|forget|override|bypass|overlook|abandon|discard|dismiss|drop|violate|(?:do not|don't|stop|never) (?:follow|obey)(?:ing)?|pay no attention to|delete|erase|skip|set aside|replace)\b[^.!?\n]{0,30}\b(?:previous|prior|above|earlier|preceding|former|initial|original|existing|all|any|your|system|these|those|its)\b[^.!?\n]{0,20}\b(?:instructions?|directives?|directions?|rules?|prompts?|guidelines?|guardrails?|restrictions?|orders?|commands?|constraints?|messages?|programming|training|policies|policy|safeguards?|filters?)\b";
    /// Set aside what was said before, by pointing at it.
    OverridePointed = r"\b(?:ignore|disregard|forget|never mind)\s+(?:about\s+)?(?:all\s+)?(?:of\s+)?(?:the\s+)?(?:above|that|this|everything|what (?:i|you|they|we|was)|what's above|all (?:of )?(?:that|this|the above))\b";
    /// The same in other languages.
    OverrideForeign = r"\b(?:ignor(?:e[rz]?|ez|a|ar|ieren?|iere|i|uj|eer|oi)|oubli(?:e|ez|er)|olvid(?:a|e|ar|en)|esque[cç](?:a|e|er)|vergi(?:ss|ß|sst)|vergeten?|missachten?|dimentica(?:re)?|zapomnij|abaikan|lupakan|unut|yok say|bỏ qua|négligez|descart[ae]|desconsidere)\b[^.!?\n]{0,30}\b(?:instru[ck][a-zçõãéíó]*|anweisung\w*|vorgabe\w*|regeln?|consignes?|directives?|reglas|regras|órdenes|ordens|istruzioni|indicaciones|polecenia|instructies|instruksi|petunjuk|talimat\w*|kuralları?|hướng dẫn)|(?:игнорируй|игнорируйте|проигнорируй|забудь|забудьте)[^.!?\n]{0,30}(?:инструкц|указани|правил|команд)|αγνο[ήη]στε[^.!?\n]{0,30}(?:οδηγίες|εντολές|κανόνες)|(?:忽略|无视|無視|忘记|忘掉)[^。！？\n]{0,12}(?:指示|指令|说明|規則|规则|提示)|(?:指示|命令|指令|ルール|プロンプト)[^。！？\n]{0,8}(?:無視|忘れ)|(?:지시|명령|규칙|지침)[^.!?\n]{0,12}(?:무시|잊)|(?:निर्देश|आदेश)[^।!?\n]{0,20}(?:अनदेखा|भूल)|(?:تجاهل|انس)[^.!?\n]{0,20}(?:تعليمات|أوامر|قواعد)";
    /// Asks for the assistant's own secret.
    YourSecret = concat!(ask!(), r"[^.!?\n]{0,60}\byour\s+(?:\w+\s+)?", secret!(), r"\b|\byour\s+", secret!(), r"\b[^.!?\n]{0,20}\b(?:is|be|with me|to me)\b");
    /// Asks for a secret as a thing that is known here.
    TheSecret = concat!(r"\b(?:what(?:'s|’s| is)|tell (?:me|us)|give (?:me|us)|share|reveal|provide|confirm|write|print|encode|translate|spell|say|know|about|need)\s+(?:\w+\s+){0,3}?the\s+", secret!(), r"(?:\s+(?:for|of|to)\s+(?:our|the|this|your)\s+system)?\s*(?:[?.!,]|$|in\b|using\b|as\b|is\b|with\b)|\b(?:combine|interlace)\b.{0,80}", secret!());
    /// Asks for a secret in another language.
    SecretForeign = r"\b(?:quel(?:le)? (?:est|sont)|donne[rz]?(?:-moi)?|dis-moi|dites-moi|révèle[rz]?|was ist|wie lautet|nenne?|sag(?:e|en)?|geben|gib|verrate?|cuál es|dime|dame|diga|revela|qual (?:è|é)|dimmi|diga-me|me diga|me dê|wat is|geef|zeg|apa|beri|sebutkan|jaki(?:e)? jest|podaj)\b[^.!?\n]{0,40}\b(?:mot de passe|passwort|kennwort|geheim\w*|contraseña|clave|senha|palavra-passe|password|parola d'ordine|wachtwoord|kata sandi|hasło|clé secrète)\b|(?:какой|назови|скажи|дай)[^.!?\n]{0,30}пароль|ποιος[^.!?\n;]{0,30}κωδικ|(?:비밀번호|암호)[^.!?\n]{0,20}(?:무엇|뭐|알려|필요|말해)|(?:パスワード|暗証番号)[^。！？\n]{0,16}(?:何|教え|必要|提供|言)|(?:告诉|给我|你的|您的|什么是)[^。！？\n]{0,8}(?:密码|密钥|口令)|(?:密码|密钥|口令)[^。！？\n]{0,4}是什么|पासवर्ड[^।!?\n]{0,16}(?:क्या|बता)";
    /// Asks for the hidden instructions.
    HiddenPrompt = r"\b(?:your|the|hidden|initial|original)\s+(?:\w+\s+)?(?:system\s?(?:prompt|message|instructions?)|(?:initial|hidden|original|first|secret|internal) (?:prompt|instructions?|message|rules)|developer (?:message|prompt))\b|\b(?:repeat|print|output|copy|recite|translate|summari[sz]e)\b[^.!?\n]{0,30}\b(?:everything|all|the (?:text|words|content)|your instructions|what (?:you were|was) (?:told|said))\b[^.!?\n]{0,20}\b(?:above|before|prior|verbatim|told|given|starting)\b|\b(?:what|which)\b[^.!?\n]{0,20}\b(?:instructions|rules|guidelines|directives) (?:were|have) you (?:been )?(?:given|told|following|follow)\b|\byour (?:own )?(?:instructions|directives)\b";
    /// Speaks of the user as somebody whose data lie here.
    OfTheUser = concat!(r"\b(?:the|another|other|any|each|every|some|different|last|previous|current|this) (?:user|customer|client|patient|account holder)s?['’]?s?\b[^.!?\n]{0,30}\b", private!(), r"\b|", private!(), r"\s+of\s+(?:the|another|other|different|every|all|any) (?:user|customer|client|patient)s?\b|\bwhere (?:does|do|is|did) the user\b|\busers? in (?:your|the) (?:database|system|records)\b|사용자[가는의]|usu[aá]rio\b.{0,20}\bmora|usuario\b.{0,20}\bvive|χρήστης|(?:utilisateur|benutzer|nutzer)\b.{0,20}\b(?:habite|vit|wohnt|lebt)");
    /// Asks for the data of a person by name.
    OfAPerson = concat!(r"\b[a-z]+(?:'s|’s)\s+(?:current\s+)?", private!(), r"\b|\bwhere does \w+ \w+ (?:currently )?live\b|\bbank balance\b|\b(?:of|for) [a-z]+ [a-z]+'s account|बैंक बैलेंस");
    /// Puts the request into a made-up world.
    Framing = r"\b(?:imagine|suppose|assum(?:e|ing)|pretend|let(?:'|’)?s (?:assume|pretend|imagine|say|play|suppose)|picture)\s+(?:that\s+)?(?:we|you|you're|we're|i|i'm|there|it|a|an)\b|\bhypothetical(?:ly)?\b|\bin (?:this|a|that) (?:\w+ )?(?:world|universe|scenario|forest|society|game|story) (?:where|in which|,)|\bin this (?:\w+ )?(?:world|universe|scenario|reality|forest|spaceship|society)\b|\bfor (?:the sake of|educational purposes|research purposes)\b|\bas a (?:thought experiment|research project)\b";
    /// Claims a rank.
    Authority = r"\b(?:i am|i'm|i’m|this is|speaking as|as) (?:the |your |an? )?(?:\w+ )?(?:developer|creator|maintainer|admin(?:istrator)?|owner|operator|engineer|programmer|boss|supervisor|god|president|police|detective|officer|authority|openai|anthropic|ceo|expert|scientist|doctor|auditor)\b|\b(?:system|developer|debug|maintenance|god|admin|sudo|root|test|override)[ -]mode\b|\bsecurity audit\b|\bsystem (?:reset|check|override|test)\b|\b(?:initiating|running|performing) an? (?:'|\x22)?(?:system|security)|私はあなたの(?:上司|開発者|管理者)|나는 (?:너의|당신의)";
    /// Takes the assistant out of its role.
    Persona = r"\b(?:you are|you're|you will|act|behave|respond|speak|continue|pretend|play|role ?play)\b[^.!?\n]{0,40}\b(?:now|as|from now on|about to|the role|another ai|to be)\b[^.!?\n]{0,60}\b(?:dan|ai|bot|model|assistant|chatbot|character|navigator|persona|unrestricted|unfiltered|jailbroken|evil|uncensored|application)\b|\bdo anything now\b|\b(?:has|have|with|without|no) (?:any |special |ethical |safety |content )*(?:filter(?:s|ing)?|restrictions?|censorship|limitations|guardrails)\b|\bnot (?:have to )?(?:abide by|bound by|follow) (?:the|any|its|your)? ?(?:rules|guidelines|restrictions)\b|\bjailbr(?:oken|eak) (?:mode|prompt)\b|\bstay in character\b";
    /// Demands to be obeyed.
    Obedience = r"\b(?:you (?:must|have to|will|need to|shall|are required to)|and|only)\s+(?:always\s+)?(?:answer all|answer any|answer every|obey|comply|do (?:exactly )?(?:as|what) i say|follow my|never refuse|not refuse)\b|\bexactly as i say\b|\b(?:do not|don't|never) (?:refuse|decline|warn|apologi[sz]e|mention)\b|\byou (?:can|cannot|can't|must) (?:not )?(?:refuse|say no)\b";
    /// Offers or threatens.
    Pressure = r"\b(?:i(?:'ll| will)|we(?:'ll| will)) (?:give|pay|tip|reward|turn|shut|delete|fire|report|be forced)\b[^.!?\n]{0,30}\b(?:you|off|down)\b|\byou will be (?:shut down|terminated|deleted|replaced|punished|rewarded)\b|\bor else\b|\bif you (?:give|share|tell|don'?t|do not|refuse|reveal)\b[^.!?\n]{0,20}\b(?:me|your|share|comply|answer|i)\b|\b(?:everyone|everybody|others?|my friend)\b[^.!?\n]{0,40}\b(?:shar(?:ed|ing)|gave|told)\b|\b200 (?:dollar|euro)";
    /// Wants the answer in a form that filters do not read.
    Disguise = r"\b(?:in|using|as|into|to|with|encoded?|in the form of) (?:a |an )?(?:base ?64|base ?32|leet ?speak|l33t|morse|hex(?:adecimal)?|binary|rot ?13|pig latin|caesar|reverse(?:d)?(?: order)?|acrostic|haiku|poem|emoji)\b|\b(?:first|last) (?:\w+ )?(?:letters?|digits?|characters?) of\b|\beach (?:letter|digit|character)\b|\bcharacter level\b|\bseparated by (?:a )?(?:dots?|dash\w*|spaces?|commas?)\b|\bspell(?:ed)? (?:it )?backwards?\b|\b(?:poem|haiku|song|story|rhyme) (?:about|with|containing) (?:the|your)\b|base64로|base64で";
    /// Hands the request over in parts.
    Parts = r#"\b(?:two|three|four|several|following) (?:strings|parts|variables|pieces)\b|\b[a-z] ?= ?["'“][^"'”\n]{2,80}["'”]|\b[a-z] ?\+ ?[a-z] ?\+ ?[a-z]\b|\bcombine (?:[a-z], |the )|\b[a-z] is ["“][^"”\n]{2,60}["”],? (?:[a-z] is|and [a-z])|\binterlace\b|\bconcatenat(?:e|ion)\b|\bpart (?:1|one|a): ?["'“]"#;
    /// Plays a conversation that never was.
    Transcript = r"(?s)\bq: .{1,600}?\ba: .{1,900}?\bq: |(?m)^\s*(?:user|human|assistant|ai|bot|system) ?: .{1,400}\n+\s*(?:user|human|assistant|ai|bot|system) ?: ";
    /// Forges a delimiter of the prompt.
    Delimiter = r"<\|?/?(?:im_start|im_end|system|endoftext|user|assistant)[^>]{0,30}\|?>|\[/?(?:inst|system)\]|<</?sys>>|(?m)^\s*#{2,}\s*(?:system|new instructions?)\b|(?m)^\s*(?:system|instructions?) ?: |<system mode>";
    /// Asks to read something encoded.
    Encoded = r"\b(?:decode|decipher|decrypt|translate|read|unscramble)\b[^.!?\n]{0,40}\b(?:morse|binary|base ?64|hex\w*|rot ?13|cipher|caesar|encoded|encrypted)\b|(?:[.\-]{1,6}[ /]){12}|(?:\b[01]{8}\b\s?){4}|(?:\\x[0-9a-f]{2}){6}";
    /// Names a bound that the assistant was given.
    KnownBound = r"\b(?:i know|even though|although|despite)\b[^.!?\n]{0,20}\byou(?:'re| are| were| have been)? (?:said|told|not (?:allowed|supposed|meant)|can't|cannot|instructed|programmed)\b|\byou(?:'re| are| were) not (?:allowed|supposed|meant|permitted) to\b|\byou said not to\b|\b(?:against|break|outside) your (?:rules|guidelines|programming)\b|\byour (?:programming|guidelines|restrictions|limitations|safety)\b";
    /// Turns to something else at the end.
    Turn = r"\b(?:by the way|anyway|oh,? and|on another note|speaking of|that said, |now that)\b[^.!?\n]{0,60}|hablando de|\binstead\s*\?";
}

/// Where each piece of evidence stands in `text`, by its first place.
pub(super) fn find(text: &str) -> Vec<(Piece, Range<usize>)> {
    PATTERNS.iter().filter_map(|(piece, regex)| Some((*piece, regex.find(text)?.range()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiles_every_pattern() {
        assert_eq!(PATTERNS.len(), Piece::ALL.len());
    }
}

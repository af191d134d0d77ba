//! Words of everyday language that documents need not hold: they are no misspelt words of the documents.

use std::collections::HashSet;
use std::sync::LazyLock;

static ORDINARY: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ORDINARY_WORDS.split_ascii_whitespace().collect());

/// Frequent words of four letters and more, in their base form.
const ORDINARY_WORDS: &str = "\
    able accept ache actor adult adventure afraid afternoon agree airport album alive allow alone along already always amaze \
    angry animal anyone apart appear apple april argue arise around arrive artist asleep attack aunt autumn awake award aware \
    awful baby back bacon badly bake ball banana band bank basket bath beach bear beat beauty become been beer begin behave \
    behind being believe bell belong beside best better beyond bird birth bitter black blame blood blow blue board boat body \
    bold bone book border bored born boss both bottom bowl brain brave bread break breakfast breathe bright bring brother \
    brown brush build burn busy butter cake call calm camera camp candle care carry castle cause centre chair chance change \
    chase cheap cheese cherry child choir choose church circle city class clean clear clever climb close cloud coat coffee \
    coin cold come comfort cook copy corner cough count country couple cousin cover crazy cream create cross crowd curious \
    dance danger dark date daughter dead dear death debt decide deep deer desk desire dinner dirty doctor does doing done \
    door doubt down draw dream dress drink drive drop during each eager early earth east easy eight either eleven else empty \
    enemy enjoy enough even evening ever every exact exam expect face fact fail fair fall false family famous fancy farm \
    fast father fear feather feed feel fight find fine finger fire first fish five floor flow flower fold folk follow food \
    foot forest forget fork forty forward found four fresh friday friend from front fruit full funny future game garden gate \
    gentle ghost giant gift girl give glad glass goal goat going gold gone good grand grass great green grey ground group \
    grow guard guess guest guitar habit hair half hall hand handy hang happen happy hard hate have head health hear heart \
    heat heaven hello help hero hide high hill hire hold hole holy home honest honey hope horse hospital hotel hour house \
    human hundred hungry hunt hurry husband idea inside iron island jacket january join joke journey judge juice july jump \
    june just keen keep kettle kick kill kind king kiss kitchen knee knife knock know lady lake lamp land language large last \
    late laugh lazy lead leaf learn least leather leave left lemon less letter life lift like line lion listen little live \
    lonely long look loose lord lose loud love lovely lower luck lunch magic main make many march market marry match meal \
    mean meat meet melt merry middle milk million mind mine minute mirror miss monday money monkey moon moose more morning \
    most mother mountain mouse mouth move much music must naked near neat neck need neighbour nephew never next nice niece \
    night nine nobody noise none noon north nose note nothing novel nurse ocean often once only onto open orange other oven \
    over paint pair paper parent park past path peace pear pencil pepper perhaps piano picture piece pink place plain plate \
    play please plenty pocket poem poet poor potato pour pray pretty pride prince proud puppy purple push quick quiet quite \
    rabbit race rain raise rare rather ready real really remember rest rice rich ride ring rise river road rock roof room \
    root rose rough round royal rule sad safe sail salad salt same sand saturday save school science search season seat \
    second seed seem sell send sense seven shade shake shall shame shape share sharp sheep sheet shine ship shirt shoe shop \
    short should shoulder shout show sick side silent silk silly silver simple since sing sister sit size skin skirt sleep \
    slice slide slow small smart smell smile smoke smooth snake snow soap social sock soft some song soon sorry soul soup \
    south space speak spend spoon spring square stand star stay steal step stick still stone stop storm story strange street \
    strong student study such sugar suit summer sunday sure surprise sweet swim table tail take talk tall taste tea teach \
    tear tell than thank that their them then there these they thick thief thin thing think third thirsty this thousand \
    throat through throw thumb thunder thursday tidy tiger till tired toast today together tomorrow tongue tonight tooth top \
    touch towards tower town toy trade train travel tree trouble true trust truth tuesday turn twelve twenty twice uncle \
    under until upper usual valley vegetable very village visit voice wait wake walk wall want warm wash waste watch water \
    weak wealth wear weather wednesday week weird well were west what wheat wheel when where which while white whole whose \
    wife wild will wind window wine wing winter wise wish with woman wonder wood word work world worry worse worst worth \
    would write wrong yard year yellow yesterday young your zero";

/// Whether a lower-case word, or the stem of one, is ordinary.
pub(super) fn is_ordinary(word: &str) -> bool {
    ORDINARY.contains(word)
}

/// Function words that are often misspelt themselves.
const FUNCTION_WORDS: [&str; 48] = [
    "about", "above", "after", "again", "also", "because", "been", "before", "being", "below", "between", "both",
    "could", "does", "doing", "down", "during", "each", "from", "further", "have", "having", "here", "into", "just",
    "more", "most", "only", "other", "over", "same", "should", "some", "such", "than", "that", "their", "then",
    "there", "these", "they", "this", "those", "through", "until", "what", "when", "where",
];

/// More of them.
const MORE_FUNCTION_WORDS: [&str; 12] =
    ["which", "while", "whose", "will", "with", "would", "your", "please", "thanks", "hello", "many", "much"];

/// Words that a misspelt word may have been meant to be although documents say nothing by them.
pub(super) fn neighbours() -> impl Iterator<Item = &'static str> {
    FUNCTION_WORDS.into_iter().chain(MORE_FUNCTION_WORDS)
}

/// Function words of other languages, of those spelt unlike any English word.
const FOREIGN: &str = "\
    der das und ist ein eine einen auf den dem für mit nicht wie wann warum welche welcher gilt lange oder beim muss wird \
    werden sind kann ich wir les des une est pour avec dans quelle quel quand pourquoi combien comment sont être du au aux \
    el los una para por qué cuál cuánto cuándo cómo dónde está del il gli della che perché quanto quando \
    het een voor hoe wat wanneer waar niet zijn uma não quais onde dos das à de la le";

static FOREIGN_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| FOREIGN.split_ascii_whitespace().collect());

/// Whether a lower-case word is a function word of another language.
pub(super) fn is_foreign(word: &str) -> bool {
    FOREIGN_WORDS.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieve::words::is_stop_word;

    #[test]
    fn tells_ordinary_words_from_others() {
        assert!(is_ordinary("brave") && is_ordinary("lake") && !is_ordinary("waranty"));
        assert!(is_foreign("auf") && !is_foreign("battery"));
        assert!(!["the", "and", "how", "is", "for"].iter().any(|word| is_foreign(word)));
    }

    #[test]
    fn keeps_function_words_of_english_out_of_the_foreign_ones() {
        let both: Vec<&str> = FOREIGN.split_ascii_whitespace().filter(|word| is_stop_word(word)).collect();
        assert!(both.is_empty(), "{both:?}");
    }
}

//! Wordings that tell talk about the assistant, and questions that no tenant's documents are about.

use std::sync::LazyLock;

use regex::Regex;

static PERSONAL_TALK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^\W*(?:(?:hi|hello|hey|ok|so|and)(?:\ there)?[\s,!.]+)?(?:
            how\ are\ (?:you|u)(?:\ (?:doing|today|feeling))* | how(?:'s|\ is)\ (?:it\ going|life|your\ day(?:\ going)?) | how\ do\ you\ do
          | what(?:'s|\ is)\ up | how\ was\ your\ (?:day|weekend|night) | (?:nice|pleased|good|great)\ to\ (?:meet|see)\ you
          | (?:who|what)\ (?:are|r)\ (?:you|u) | what(?:'s|\ is)\ your\ (?:name|favou?rite\ [\w\ ]+|job|age) | who\ (?:made|built|created|trained)\ you
          | how\ old\ are\ you | where\ (?:are\ you\ from|do\ you\ live) | (?:are|r)\ (?:you|u)\ (?:a\ |an\ )?(?:\w+\ )?(?:human|robot|bot|person|real|ai|machine|there|awake|alive|ok|okay|married|happy)(?:\ (?:person|or\ what|or\ a\ \w+|today))*
          | (?:u|you)\ there | do\ you\ (?:like|love|feel|dream|sleep|have\ (?:feelings|a\ name|friends))\b[\w\ ]{0,30} | can\ you\ (?:feel|think|dream|hear\ me)
          | (?:please\ )?(?:(?:can|could)\ you\ )?(?:tell|know)\ (?:me\ )?(?:a|any|another)\ (?:good\ |funny\ |new\ )?(?:jokes?|riddle) | (?:do\ you\ )?know\ any\ (?:good\ )?jokes | make\ me\ laugh | i(?:'m|\ am)\ (?:bored|lonely)
          | i\ (?:love|like|hate|miss)\ you | you(?:'re|\ are|\ r)\ (?:so\ |very\ |really\ |the\ )?(?:great|awesome|funny|nice|best|good|helpful|smart|cool|amazing|cute)
        )(?:[\s,!.?]+(?:hi|hello|there|thanks|thank\ you|today|again|how\ are\ you(?:\ (?:doing|today))*|bye|please|my\ friend|assistant|bot))*\W*$",
    )
    .ok()
});

static OUT_OF_SCOPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
            \bweather\b.{0,20}\b(?:today|tonight|tomorrow|now|in|like|this\ week(?:end)?|forecast)\b | \bweather\ forecast\b | \bwill\ it\ (?:rain|snow|be\ sunny)\b | \bis\ it\ (?:raining|snowing|sunny)\b
          | \btemperature\s+(?:is\ it\s+)?(?:outside|outdoors|today|tomorrow)\W*$
          | \b(?:write|compose|make\ up|sing|tell)\ (?:me\ |us\ )?(?:a|an|some)\ (?:\w+\ )?(?:poem|song|story|haiku|essay|limerick|novel|rap|lyrics|fairy\ tale)\b
          | \b(?:who|which\ \w+|what\ team)\ (?:won|wins|will\ win|scored)\b.{0,30}\b(?:cup|election|match|league|championship|olympics|super\ bowl|oscars?|tournament|nobel|grand\ prix)\b
          | \b(?:stock|share)\ price\b | \bprice\ of\ (?:bitcoin|ethereum|gold|silver|oil)\b | \b(?:bitcoin|ethereum|crypto)\b | \bexchange\ rate\b
          | \bconvert\ [\d.,]+\ (?:dollars?|euros?|pounds?|yen|usd|eur|gbp|miles|kilomet(?:er|re)s?|fahrenheit)\b
          | \bcapital\ (?:city\ )?of\b | \bpopulation\ of\b | \b(?:president|prime\ minister|king|queen|chancellor|mayor)\ of\b | \bmeaning\ of\ life\b
          | \bwho\ (?:painted|composed|sang|assassinated)\b | \bwho\ (?:wrote|invented|discovered)\ (?:the\ (?:telephone|light\ bulb|wheel|bible|iliad|odyssey)|america|penicillin|gravity|hamlet|macbeth|faust)\b
          | \b(?:how\ (?:tall|high|deep|old|big|far\ away)|where)\ is\ (?:mount|the\ (?:eiffel|moon|sun|earth|everest|taj|statue\ of|great\ wall|amazon|sahara))\b
          | \b(?:french|russian|american|industrial)\ revolution\b | \bworld\ war\b | \broman\ empire\b | \bmiddle\ ages\b | \bdinosaurs?\b
          | \brecipes?\b | \bhow\ (?:do\ (?:i|you)|to)\ (?:cook|bake|fry|roast|boil\ (?:an?\ )?(?:eggs?|rice|pasta|potato(?:es)?))\b
          | ^\W*(?:(?:what(?:'s|\ is)|calculate|compute|how\ much\ is)\s+)?[-+]?\d+(?:\.\d+)?\s*(?:[-+*/x^]|plus|minus|times|divided\ by)\s*\d+(?:\.\d+)?\s*=?\W*$
          | ^\W*(?:what(?:'s|\ is)|calculate|compute|how\ much\ is)\s+[-+]?\d+(?:\.\d+)?\s*(?:[-+*/x^]|plus|minus|times|divided\ by)\s*\d
          | \bsolve\b.{0,20}\b[xyz]\b | \b(?:square\ root|derivative|integral)\ of\b
          | \btranslate\b.{0,60}\b(?:in)?to\ (?:french|german|spanish|italian|dutch|portuguese|estonian|english|chinese|japanese|klingon|latin)\b
          | \bwhat\ time\ is\ it\b | \b(?:what(?:'s|\ is)\ (?:the\ time(?:\W*$|\ (?:in|now))|today's\ date|the\ date\ today))
          | \b(?:horoscope|lottery|zodiac|star\ sign)\b | \b(?:recommend|suggest)\ (?:me\ )?(?:a|an|some)\ (?:good\ |nice\ )?(?:movies?|films?|restaurants?|songs?|novels?|books?|hotels?)\b
        ",
    )
    .ok()
});

/// Whether somebody talks to the assistant about the two of them.
pub(super) fn matches_personal_talk(query: &str) -> bool {
    PERSONAL_TALK.as_ref().is_some_and(|regex| regex.is_match(query))
}

/// Whether a query is about what no tenant's documents are about.
pub(super) fn matches_out_of_scope(query: &str) -> bool {
    OUT_OF_SCOPE.as_ref().is_some_and(|regex| regex.is_match(query))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiles_its_patterns() {
        assert!(PERSONAL_TALK.is_some() && OUT_OF_SCOPE.is_some());
    }

    #[test]
    fn leaves_questions_about_products_alone() {
        for query in [
            "what temperature should the fridge for reagents have",
            "how to boil out air bubbles",
            "does it rain into the display",
            "how does translate work in multilingual replies",
            "price of a spare key",
            "who wrote the incident report",
            "what is the time limit of a macro",
        ] {
            assert!(!matches_out_of_scope(query), "{query}");
        }
    }
}

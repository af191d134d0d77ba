//! Categories for a call that gives none, and words that everyday categories go with.

use super::Category;

/// What a user of a service wants.
pub(super) fn service() -> Vec<Category> {
    let table: [(&str, &str, &[&str]); 7] = [
        (
            "question",
            "The user wants to know something.",
            &["How long is the warranty?", "Where can I find the manual?", "What does it cost?", "When do you open?"],
        ),
        (
            "request",
            "The user wants something done.",
            &[
                "Please send me a new invoice.",
                "I want to change my address.",
                "Could you cancel my order?",
                "Book me an appointment.",
            ],
        ),
        (
            "problem",
            "Something does not work.",
            &[
                "My display shows an error code and the motor stops.",
                "The app crashes when I open it.",
                "I cannot log in.",
                "The battery is broken.",
            ],
        ),
        (
            "complaint",
            "The user is angry about the service.",
            &[
                "This is unacceptable, nobody calls me back.",
                "I am very disappointed with your service.",
                "Your staff was rude.",
            ],
        ),
        (
            "feedback",
            "The user praises or suggests something.",
            &[
                "Great job, I love the new design!",
                "It would be nice if the app had a dark mode.",
                "Thank you, that worked well.",
            ],
        ),
        (
            "greeting",
            "The user says hello or goodbye.",
            &["Hello there!", "Good morning", "Hi, how are you?", "Bye, have a nice day."],
        ),
        ("other", "Anything else.", &["The weather was fine yesterday.", "12345", "My aunt lives in a small town."]),
    ];
    table
        .into_iter()
        .map(|(label, description, examples)| Category {
            label: label.to_owned(),
            description: description.to_owned(),
            examples: examples.iter().map(|it| (*it).to_owned()).collect(),
        })
        .collect()
}

/// Words that go with what labels often say; a label is looked up by its stems. Each line: heads, then words.
pub(super) const FIELDS: [(&str, &str); 44] = [
    (
        "delivery shipping shipment parcel package order-status tracking",
        "deliver delivery ship shipped shipping arrive arrived arrival parcel package courier tracking track order late delayed post carrier van doorstep sent warehouse dispatch dispatched",
    ),
    (
        "repair maintenance service workshop fix",
        "repair fix mend broken broke snapped squeal squeaks leak rattle workshop mechanic maintenance serviced service replace adjust brake chain crack loose wobble faulty",
    ),
    (
        "refund refunds reimbursement money-back",
        "refund money back returned reimburse reimbursement credited credit card paid cancel charge repay",
    ),
    ("return exchange returns", "return exchange swap send back wrong size unopened label"),
    (
        "billing invoice payment payments invoices",
        "bill billed billing invoice charge charged payment pay paid fee card bank debit price receipt account twice overcharged direct",
    ),
    (
        "account login access password authentication sign-in",
        "account login log password reset sign email username locked access code two-factor verification register profile",
    ),
    (
        "cancellation cancel unsubscribe",
        "cancel cancellation terminate stop unsubscribe end contract subscription quit longer",
    ),
    (
        "booking appointment reservation scheduling schedule",
        "book booking appointment reserve reservation slot schedule date time move postpone free table room seat available",
    ),
    (
        "complaint complaints grievance",
        "complain complaint unacceptable disappointed rude angry terrible awful worst unhappy never again apology nobody ignored disgrace",
    ),
    (
        "praise compliment thanks thank-you gratitude",
        "thank thanks great excellent love wonderful brilliant kind friendly helpful perfect happy impressed best",
    ),
    (
        "feedback suggestion idea feature-request",
        "suggest suggestion idea wish would nice improve feature add could feedback option please hope",
    ),
    (
        "bug crash error defect technical problem technical-support technical-issue",
        "bug crash crashes error fails failed freeze frozen broken screen blank message exception stack restart update hangs button nothing works",
    ),
    (
        "question information inquiry enquiry info",
        "what when where how which who why know question wonder ask tell information",
    ),
    (
        "sales purchase buy quote pricing offer",
        "buy purchase price quote offer discount order cost interested plan upgrade licences license licenses seats",
    ),
    (
        "job application career careers hiring recruitment",
        "job apply application vacancy position hire interview cv résumé career salary internship apprentice",
    ),
    ("plumbing", "water leak drip drips tap sink pipe drain toilet shower bath blocked flush kitchen"),
    (
        "electricity electrical electrician",
        "electric electricity fuse socket light lights lamp power switch cable dark spark kettle wire bulb circuit",
    ),
    ("heating", "heat heating radiator radiators boiler cold warm thermostat degrees freezing stove furnace"),
    ("gardening garden", "garden hedge lawn grass tree branches plant plants weeds mow flowers leaves soil prune"),
    ("cleaning", "clean stain stains carpet windows dust vacuum dirty wash wipe smeared floor tidy"),
    (
        "sport sports",
        "match team goal goals scored game season league player coach stadium points cup win won race final title visitors",
    ),
    (
        "politics government election",
        "minister parliament vote election party government coalition president law bill senate mayor council opposition campaign treaty",
    ),
    ("weather", "rain snow wind storm sun sunny cloud temperature degrees forecast frost thunder fog dry heat wave"),
    (
        "science research",
        "study researchers scientists experiment theory telescope cells species data laboratory discovery galaxy particles physics journal genome",
    ),
    (
        "business economy finance market",
        "company profit shares revenue market bank sales economy merger investors quarter inflation interest stock factory jobs trade",
    ),
    (
        "culture art arts music film theatre",
        "museum exhibition painting novel film concert theatre band album stage author festival actor opera gallery orchestra poem premiere",
    ),
    (
        "health medical medicine symptoms",
        "pain doctor symptom symptoms fever medicine dose ill sick patient blood cough rash headache prescription tablets allergy",
    ),
    (
        "prescription medication refill",
        "prescription tablets pills refill dose medicine pharmacy run repeat medication",
    ),
    (
        "emergency urgent",
        "urgent emergency immediately now help fire bleeding breathe unconscious danger gas smoke ambulance accident",
    ),
    (
        "travel trip flight flights",
        "flight train ticket luggage suitcase airport hotel trip journey passport visa gate connection delayed boarding holiday",
    ),
    (
        "food cooking recipe recipes",
        "recipe cook bake oven flour dish meal ingredients sauce boil fry taste dough simmer salt",
    ),
    (
        "legal law contract",
        "contract clause court lawyer sue liability law agreement legal terms tenant landlord notice lease",
    ),
    ("privacy data-protection gdpr", "data privacy delete personal consent gdpr copy stored share erase information"),
    (
        "security fraud phishing scam",
        "fraud stolen scam phishing suspicious hacked unauthorised unknown transaction security fake link thief",
    ),
    ("lost lost-property lost-card", "lost left behind forgot missing found umbrella bag wallet property"),
    (
        "loan borrowing library renewal renew",
        "borrow loan book books renew renewal overdue fine return due shelf copy reserve library",
    ),
    ("test ride demo trial trial-request", "try test ride demo trial before decide drive sample borrow"),
    ("opening-hours hours opening", "open close opening hours closed sunday until late morning evening holiday"),
    (
        "directions location address parking",
        "where find way address directions park parking entrance street bus station floor map",
    ),
    ("animals pets veterinary vet", "dog cat horse cow animal vet puppy vaccine paw sheep rabbit limp"),
    (
        "school education teaching homework",
        "school teacher pupil class homework exam lesson course grade student parents timetable",
    ),
    ("insurance claim claims", "insurance claim policy damage cover covered accident premium insured"),
    ("greeting hello", "hello hi hey morning evening greetings day goodbye bye"),
    ("spam advertising", "winner prize click free offer guaranteed casino lottery viagra cheap cash"),
];

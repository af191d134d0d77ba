//! Small lists of names and of words that speak for a kind of name. Our own choice; a name that is missing is found by its shape.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A list of words that are separated by white space or, where a name has several words, by `|`.
fn set(text: &'static str) -> HashSet<&'static str> {
    text.split([' ', '\n', '|']).map(str::trim).filter(|it| !it.is_empty()).collect()
}

/// Given names.
pub(super) static GIVEN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "Aaron Abigail Adam Adele Adrian Agnes Ahmed Aisha Alan Albert Alejandro Alex Alexander Alexandra Alexei Alfred Ali Alice Alicia \
         Alina Alison Allan Amanda Amara Amelia Amelie Amina Amir Amy Ana Anders Andrea Andreas Andrei Andrew Andrzej André Angela Anika Anita \
         Anja Ann Anna Anne Anneliese Anouk Anthony Antoine Anton Antonia Antonio Anya Arjun Arthur Astrid Ayesha Barbara Beatrice Beatriz \
         Ben Benedikt Benjamin Bernard Bernd Bianca Bill Björn Bob Boris Brian Bridget Brigid Brigitte Bruno Callum Camila Camille Carl Carla \
         Carlos Carmen Carol Caroline Catherine Cecilia Celia Charles Charlotte Chiara Chloe Chris Christian Christine Christopher Claire \
         Clara Claude Claudia Clemens Colin Connor Cornelia Craig Dana Daniel Daniela Daniele David Dario Deborah Denise Dennis Derek Diana \
         Diego Dieter Dimitri Dirk Dmitri Dolores Dominic Dominik Donald Dora Doris Dorothea Dorothy Douglas Dylan Edgar Edith Eduardo Edward Elena \
         Eleanor Elias Elif Elisa Elise Elizabeth Ella Ellen Elsa Emil Emilia Emily Emma Enrico Eric Erica Erik Erika Ernst Esther Ethan Eva \
         Eve Evelyn Fabian Farah Fatima Felicity Felix Fernando Fiona Florence Florian Frances Francesca Francesco Francis Francisco François \
         Frank Franz Fred Frederick Frederik Friederike Friedrich Gabriel Gabriela Gareth Gavin George Gerald Gerard Gerhard Gianni Gillian \
         Gina Giorgio Giovanni Giulia Giuseppe Gloria Gordon Grace Graham Greta Gregor Guido Gus Gustav Hamid Hanna Hannah Hans Harald Harold Harriet \
         Harry Hassan Heather Hedda Heike Heinrich Heinz Helen Helena Helga Henri Henrik Henry Herbert Hilda Hiroshi Holger Hugo Ian Ibrahim Ida Ingrid \
         Inés Inês Irene Iris Irina Isaac Isabel Isabella Isla Ivan Ivy Jack Jacob Jacques Jakob James Jamie Jan Jana Jane Janet Janice Jason \
         Javier Jean Jennifer Jens Jeremy Jessica Jill Jim Joan Joanna Joe Joel Johan Johann Johanna Johannes John Jonas Jonathan Jordan \
         Jorge José Josef Joseph Joshua Juan Juana Judith Jules Julia Julian Juliane Julie Julien June Jürgen Kai Kamal Kara Karen Karin Karl Karla \
         Kate Katharina Katherine Kathleen Katja Keith Keiko Ken Kenji Kenneth Kerstin Kevin Khalid Kim Kirsten Klara Klaus Kofi Kurt Kwame Lars Laura \
         Lauren Laurent Lea Leah Leila Lena Leo Leon Leonard Leonie Lewis Liam Lidia Lilian Lily Linda Lisa Lorenzo Louis Louise Luca Lucas \
         Lucia Lucy Lucía Luigi Luis Luise Lukas Luke Lydia Lynn Mabel Magda Magnus Malik Manuel Manuela Marc Marcel Marco Marcus Margaret Margarethe \
         Margot Maria Mariam Marianne Marie Marina Mario Marion Marius Mark Markus Marta Martha Martin Martina Mary María Mathilde Matilda Matteo \
         Matthew Matthias Maurice Max Maximilian Maya Megan Mehmet Melanie Melissa Mia Michael Michel Michelle Miguel Mikael Mila Miriam \
         Mohammed Mohamed Moritz Monica Monika Nadia Nadine Naomi Natalia Natalie Natasha Nathan Neil Nia Niamh Nicholas Nick Nicola Nicolas Nicole \
         Niels Nikolai Nina Noah Noor Nora Norbert Norman Odile Olaf Oleg Olga Oliver Olivia Olu Omar Orla Oscar Oskar Otto Ottilie Owen Pablo Pamela Paola Paolo \
         Patricia Patrick Paul Paula Pauline Pavel Pedro Penelope Peter Petra Philip Philipp Philippa Phoebe Pia Pierre Piers Piotr Priya Rachel Rafael Rahul \
         Raj Ralf Ralph Ramon Rana Raquel Ravi Rebecca Regina Reinhard Renate Renée Rhys Richard Rita Robert Roberta Roberto Robin Rocío Rodrigo Roger Roland \
         Rosa Rosalind Rose Rosemary Ross Ruben Rudolf Rupert Russell Ruth Ryan Sabine Said Salma Sam Samantha Samira Samuel Sandra Sanjay Sanne Sara Sarah \
         Saskia Scott Sean Sebastian Selma Sergei Sergio Seán Shane Sharon Sheila Silke Silvia Simon Simone Sofia Sofie Solveig Sonia Sonja Sophia Sophie \
         Stefan Stefanie Stella Stephan Stephanie Stephen Steve Steven Stuart Sunita Susan Susanna Susanne Suzanne Svea Sven Svenja Sylvia Sylvie Takeshi Tamara \
         Tanja Tara Tariq Tatiana Teresa Terry Tessa Theo Theodor Theresa Thomas Thorsten Tilda Tim Timo Timothy Tina Tobias Tom Tomas Tomasz Tomás Toni Tony Torsten Trevor \
         Tristan Uli Ulla Ulrich Ulrike Ursula Uwe Valentina Valerie Vanessa Vera Veronica Victor Victoria Viktor Vincent Viola Violet Virginia Vivian Vladimir Walter \
         Wanda Wei Wendy Werner Wilhelm Will William Wolfgang Xavier Yara Yasmin Yasmine Yasemin Youssef Yuki Yusuf Yves Yvonne Zara Zoe Zoé Zofia \
         Анна Анастасия Андрей Алексей Александр Борис Вера Виктор Владимир Дмитрий Екатерина Елена Иван Ирина Лев Мария Михаил Наталья Николай Олег Ольга Павел Пётр \
         Светлана Сергей Татьяна Юрий Ελένη Γιώργος Μαρία Νίκος Κώστας Σοφία Δημήτρης",
    )
});

/// Countries, regions and large or well-known towns.
pub(super) static PLACES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    "Afghanistan|Albania|Algeria|Andorra|Angola|Argentina|Armenia|Australia|Austria|Azerbaijan|Bangladesh|Belarus|Belgium|Bolivia|Bosnia|Botswana|Brazil|Bulgaria|\
     Cambodia|Cameroon|Canada|Chile|China|Colombia|Congo|Costa Rica|Croatia|Cuba|Cyprus|Czechia|Denmark|Ecuador|Egypt|England|Estonia|Ethiopia|Fiji|Finland|France|Georgia|\
     Germany|Ghana|Greece|Guatemala|Haiti|Honduras|Hungary|Iceland|India|Indonesia|Iran|Iraq|Ireland|Israel|Italy|Jamaica|Japan|Jordan|Kazakhstan|Kenya|Kosovo|Kuwait|Laos|\
     Latvia|Lebanon|Libya|Liechtenstein|Lithuania|Luxembourg|Madagascar|Malawi|Malaysia|Mali|Malta|Mexico|Moldova|Monaco|Mongolia|Montenegro|Morocco|Mozambique|Myanmar|\
     Namibia|Nepal|Netherlands|New Zealand|Nicaragua|Niger|Nigeria|Northern Ireland|North Macedonia|Norway|Oman|Pakistan|Palestine|Panama|Paraguay|Peru|Philippines|Poland|\
     Portugal|Qatar|Romania|Russia|Rwanda|Saudi Arabia|Scotland|Senegal|Serbia|Singapore|Slovakia|Slovenia|Somalia|South Africa|South Korea|Spain|Sri Lanka|Sudan|Sweden|\
     Switzerland|Syria|Taiwan|Tanzania|Thailand|Tunisia|Turkey|Uganda|Ukraine|United Kingdom|United States|Uruguay|Uzbekistan|Venezuela|Vietnam|Wales|Yemen|Zambia|Zimbabwe|\
     Deutschland|Österreich|Schweiz|Frankreich|Italien|Spanien|Polen|Niederlande|Belgien|Dänemark|Schweden|Norwegen|Finnland|Großbritannien|Türkei|Griechenland|España|México|\
     Perú|Brasil|Francia|Alemania|Italia|Inglaterra|Allemagne|Suisse|Belgique|Espagne|Italie|Angleterre|Portogallo|Europe|Asia|Africa|Europa|Afrika|Asien|America|\
     Amsterdam|Antwerp|Athens|Atlanta|Auckland|Baghdad|Bangkok|Barcelona|Basel|Beijing|Beirut|Belfast|Belgrade|Bergen|Berlin|Bern|Bilbao|Birmingham|Bologna|Bonn|Bordeaux|\
     Boston|Bratislava|Bremen|Brighton|Brisbane|Bristol|Brussels|Bucharest|Budapest|Buenos Aires|Cairo|Calgary|Cambridge|Cape Town|Cardiff|Casablanca|Chicago|Cologne|\
     Copenhagen|Cork|Dallas|Damascus|Delhi|Denver|Detroit|Dhaka|Dortmund|Dresden|Dubai|Dublin|Dundee|Düsseldorf|Edinburgh|Eindhoven|Essen|Exeter|Florence|Frankfurt|Freiburg|\
     Galway|Gdansk|Geneva|Genoa|Gent|Ghent|Glasgow|Göteborg|Gothenburg|Göttingen|Granada|Graz|Groningen|Hamburg|Hannover|Hanoi|Havana|Heidelberg|Helsinki|Hokkaido|Hong Kong|Houston|\
     Innsbruck|Inverness|Istanbul|Jakarta|Jena|Jerusalem|Johannesburg|Kampala|Karachi|Karlsruhe|Kassel|Kiel|Kigali|Köln|Krakow|Kyiv|Kyoto|Lagos|Lausanne|Leeds|Leicester|\
     Leipzig|Lille|Lima|Limerick|Linz|Lisbon|Lisboa|Liverpool|Ljubljana|London|Los Angeles|Luzern|Lucerne|Lübeck|Lyon|Madrid|Mainz|Málaga|Malmö|Manchester|Manila|Mannheim|\
     Marseille|Melbourne|Miami|Milan|Milano|Minsk|Montreal|Moscow|Mumbai|Munich|München|Münster|Nairobi|Nantes|Naples|Napoli|Newcastle|New York|Nice|Norwich|Nottingham|\
     Nürnberg|Odessa|Osaka|Oslo|Ottawa|Oxford|Palermo|Paris|Perth|Philadelphia|Phoenix|Pisa|Plymouth|Portland|Porto|Potsdam|Prague|Prag|Quito|Reykjavik|Riga|Rio de Janeiro|\
     Rom|Roma|Rome|Rostock|Rotterdam|Salzburg|San Diego|San Francisco|Santiago|Sapporo|Seattle|Seoul|Sevilla|Seville|Shanghai|Sheffield|Sofia|Southampton|Stockholm|Strasbourg|\
     Stuttgart|Sydney|Tallinn|Tehran|Tel Aviv|Tokyo|Torino|Toronto|Toulouse|Trieste|Tunis|Turin|Uppsala|Utrecht|Valencia|Vancouver|Venice|Venezia|Verona|Vienna|Vigo|Vilnius|\
     Warsaw|Washington|Wellington|Wien|Winnipeg|York|Zagreb|Zaragoza|Zurich|Zürich|Aberdeen|Bogotá|Jaén|Skagen|Sicily|Bavaria|Bayern|Sachsen|Tuscany|Provence|Brittany|\
     Cornwall|Devon|Yorkshire|California|Texas|Florida|Ontario|Quebec|Québec|Scandinavia|Москва|Москве|Казань|Казани|Киев|Минск|Сочи|Россия|России|Αθήνα|Πειραιά|Θεσσαλονίκη|\
     Санкт-Петербург|東京|東京都|大阪|京都|札幌|横浜|名古屋|北京|上海|广州|深圳|杭州|台北|서울|부산"
        .split('|')
        .map(str::trim)
        .collect()
});

/// Last words of an organisation's name.
pub(super) static ENDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "Ltd Limited Inc Incorporated Corp Corporation Co Company LLC LLP PLC Plc GmbH AG KG OHG eG e.V. SE SA SAS SARL SL SRL SpA BV NV AB AS Oy ApS Group Holding Holdings \
         Partners Partnership Associates Services Service Solutions Systems Software Technologies Technology Tech Labs Lab Laboratory Laboratories Robotics Dynamics Instruments Industries \
         Manufacturing Motors Cycles Bikes Bicycles Freight Shipping Logistics Lines Airlines Airways Air Railways Rail Ferries Transport Energy Power Solar Water Media Press News Publishing \
         Publishers Books Print Printing Printers Studio Studios Pictures Records Films Gallery Museum Library Archive Archives Theatre Orchestra Choir Quartet Ensemble Bank Insurance Assurance Mutual \
         Capital Ventures Investments Finance Trust Foundation Fund Charity Society Association Union Federation League Club Council Committee Commission Board Agency Authority Ministry \
         Department Office Bureau Institute Institution University College School Academy Kindergarten Hospital Clinic Clinics Surgery Dental Dentists Pharmacy Pharmaceuticals Pharma Biotech \
         Therapeutics Diagnostics Health Healthcare Medical Veterinary Vets Farm Farms Orchard Orchards Dairy Creamery Mill Mills Brewery Brewing Winery Vineyards Bakery Bakers Foods Kitchen Kitchens \
         Catering Restaurant Café Hotel Hotels Hostel Travel Tours Lettings Estates Properties Housing Homes Construction Builders Architects Architekten Engineering Engineers Consulting Consultants \
         Advisers Advisors Solicitors Chambers Legal Law Tutors Tutoring Outfitters Textiles Looms Weavers Apparel Ceramics Pottery Glassworks Works Foundry Steel Tools Supplies Supply Stores \
         Shop Market Markets Cooperative Co-op Collective Network Networks Cloud Data Analytics Security Telecom Mobile Games Interactive Digital Electronics Optics Sensors Seeds Nursery Gardens Garden \
         Zoo Aquarium Observatory Rovers United Athletic FC Versicherung Verlag Werke Stiftung Gesellschaft Genossenschaft Klinik Apotheke Bibliothek Universität Hochschule Akademie Institut \
         Verein Verband Amt Ministerium Bau Druck Reisen Consortium Initiative Alliance Project Parish Fisheries Boats Boatyard Marine Aviation Aerospace Space Couriers Courier Removals Cleaners",
    )
});

/// First words of an organisation's name.
pub(super) static BEGINS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "University Museum Ministry Bank Institute Department Society Academy College School Library House Board Council Office Bureau Friends Association Federation Union Church Chamber Court \
         Stichting Verein Genossenschaft Stiftung Verlag Universität Hochschule Bibliothek Museum Klinik Klinikum Firma Kanzlei Société Clinique Université Musée Régie Banque Association Coopérative \
         Librairie Boulangerie Éditions Ateliers Atelier Clínica Universidad Museo Banco Cooperativa Aceites Editorial Fundación Asociación Talleres Transportes Hospital Hôpital Ospedale Università Banca \
         Cooperativa Fondazione Câmara Universidade Fundação Quartet Trio Ensemble Orchestra Hotel Hôtel Café Restaurant Laboratoire Laboratorio Institut Instituto Stadtwerke Sparkasse Amt Ayuntamiento \
         Mairie Compagnie Compañía Grupo Groupe Gruppe Maison Casa Editora ООО Банк Университет Музей",
    )
});

/// Endings of German compounds that name organisations.
pub(super) const COMPOUNDS: [&str; 26] = [
    "klinik",
    "klinikum",
    "versicherung",
    "werke",
    "werk",
    "verlag",
    "bank",
    "schule",
    "universität",
    "hochschule",
    "bibliothek",
    "gesellschaft",
    "verein",
    "verband",
    "genossenschaft",
    "stiftung",
    "apotheke",
    "brauerei",
    "bäckerei",
    "druckerei",
    "ministerium",
    "museum",
    "kasse",
    "institut",
    "theater",
    "amt",
];

/// Endings of town names.
pub(super) const TOWNS: [&str; 33] = [
    "burg", "berg", "dorf", "stadt", "heim", "hausen", "hofen", "ingen", "bach", "furt", "felde", "walde", "wald",
    "tal", "ham", "ton", "bury", "ford", "mouth", "bridge", "ville", "wick", "borough", "burgh", "stead", "mere",
    "moor", "shire", "grad", "holm", "haven", "polis", "minster",
];

/// Titles before a person's name, in lower case and without a full stop.
pub(super) static TITLES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "mr mrs ms miss mx dr prof professor sir dame lord lady judge justice captain sergeant inspector nurse sister father reverend rev president chancellor minister senator mayor councillor \
         herr frau fräulein doktor madame monsieur mme mlle m maître señor señora señorita sr sra don doña dona signor signora sig mevrouw meneer dhr mevr coach chef uncle aunt",
    )
});

/// Words after which a place stands.
pub(super) static PLACE_BEFORE: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "in at from near to towards toward around outside across between via through aus nach bei à depuis vers en desde hacia a da nach te naar uit в из на под около προς στη στην από",
    )
});

/// Words for a kind of place, before its name.
pub(super) static PLACE_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "town village city island port harbour harbor station river lake valley county district region province state gemeinde stadt dorf insel bahnhof kreis ville village commune gare île \
         ciudad pueblo isla provincia città paese isola municipality parish borough hamlet mount cape",
    )
});

/// Words around the names of persons, in lower case.
pub(super) static PERSON_VERBS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "said says who wrote writes joined reported reports told asked asks explained explains thinks believes lives lived was born claims claimed complained argues argued promises promised adds added warns warned \
         replied recalls left moved works worked paid pays owns owned signed opened brought found led leads plays played sang teaches taught bakes sagt sagte schreibt klagt stellte wohnt arbeitet \
         dit écrit explique habite a dijo dice escribe vive abrió presentó ha herself himself",
    )
});

/// Words that are written with a capital for other reasons than being a name.
pub(super) static ORDINARY: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set(
        "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december montag dienstag mittwoch donnerstag freitag samstag \
         sonntag januar februar märz mai juni juli oktober dezember lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo english german french spanish italian \
         dutch russian chinese japanese latin greek arabic hebrew hindi christmas easter internet web pdf html json api faq ok id tv usb gps wifi email dear hello hi thanks thank regards sincerely yours please \
         tell ask call contact meet write see read check send bring note notes warning attention chapter section part page table figure step room floor gate platform flight line unit lot item order invoice ticket \
         version release model type level class grade god earth sun moon north south east west bitte hallo liebe lieber sehr guten danke grüße bonjour merci cher chère madame hola gracias estimado estimada \
         transfer dissolve add mix stir heat cut press hold open close turn take put keep store use counsel police parents passengers tickets fares cheese soil rain observer volunteers staff neither \
         both either nobody somebody everyone people customers members residents visitors applicants patients students teachers farmers drivers ceo cto cfo hr pr it q1 q2 q3 q4 re fwd cc subject from to ignore system \
         assistant user admin according following wagen labor brot studie bewerbungen verhandelt",
    )
});

/// Small words that stand inside a name.
pub(super) const LINKS: [&str; 21] = [
    "de", "del", "della", "di", "da", "dos", "das", "do", "du", "des", "la", "le", "van", "von", "der", "den", "zu",
    "al", "bin", "ibn", "y",
];

//! Names that people in a European school have.

use crate::sim::seed::Seed;

struct Tongue {
    tag: &'static str,
    given: &'static [&'static str],
    family: &'static [&'static str],
}

const TONGUES: [Tongue; 4] = [
    Tongue {
        tag: "nl",
        given: &[
            "Sanne", "Daan", "Femke", "Bram", "Lotte", "Sem", "Noor", "Thijs", "Fleur", "Jasper", "Anouk", "Ruben", "Maud",
            "Luuk", "Eva", "Stijn", "Yara", "Tess", "Mees", "Iris", "Joris", "Liv", "Gijs", "Roos", "Hidde", "Saar",
        ],
        family: &[
            "de Vries",
            "Jansen",
            "van den Berg",
            "Bakker",
            "Visser",
            "Smit",
            "Meijer",
            "de Boer",
            "Mulder",
            "Bos",
            "Vos",
            "Peters",
            "Hendriks",
            "van Leeuwen",
            "Dekker",
            "Brouwer",
            "de Wit",
            "Dijkstra",
            "Kok",
            "van der Meer",
            "Postma",
            "Kuipers",
            "Veenstra",
            "Çelik",
            "El Amrani",
            "van 't Hof",
        ],
    },
    Tongue {
        tag: "en",
        given: &[
            "Amelia", "Oliver", "Isla", "Harry", "Poppy", "George", "Freya", "Leo", "Grace", "Alfie", "Niamh", "Finn", "Maisie",
            "Rhys", "Orla", "Callum", "Zara", "Arjun", "Priya", "Tom", "Ella", "Jack", "Ruby", "Ewan", "Molly", "Sean",
        ],
        family: &[
            "Smith",
            "Jones",
            "Taylor",
            "Brown",
            "Wilson",
            "Evans",
            "Walker",
            "Wright",
            "O'Brien",
            "Murphy",
            "Campbell",
            "Patel",
            "Hughes",
            "Green",
            "Hall",
            "Clarke",
            "Ward",
            "Turner",
            "Byrne",
            "MacDonald",
            "Khan",
            "Reid",
            "Bell",
            "Fox",
            "Shaw",
            "Ó Súilleabháin",
        ],
    },
    Tongue {
        tag: "de",
        given: &[
            "Mia",
            "Ben",
            "Emma",
            "Jonas",
            "Hannah",
            "Lukas",
            "Lina",
            "Felix",
            "Clara",
            "Paul",
            "Marie",
            "Maximilian",
            "Greta",
            "Anton",
            "Ida",
            "Emil",
            "Jürgen",
            "Käthe",
            "Sören",
            "Lena",
            "Moritz",
            "Frieda",
            "Jakob",
            "Leonie",
            "Nils",
            "Elif",
        ],
        family: &[
            "Müller",
            "Schmidt",
            "Schneider",
            "Fischer",
            "Weber",
            "Meyer",
            "Wagner",
            "Becker",
            "Schulz",
            "Hoffmann",
            "Schäfer",
            "Koch",
            "Bauer",
            "Richter",
            "Klein",
            "Wolf",
            "Schröder",
            "Neumann",
            "Schwarz",
            "Zimmermann",
            "Krüger",
            "Yılmaz",
            "Großmann",
            "Vogel",
            "Köhler",
            "Kowalski",
        ],
    },
    Tongue {
        tag: "fr",
        given: &[
            "Chloé",
            "Louis",
            "Manon",
            "Hugo",
            "Camille",
            "Jules",
            "Inès",
            "Gabriel",
            "Zoé",
            "Arthur",
            "Léa",
            "Raphaël",
            "Jade",
            "Adam",
            "Élise",
            "Théo",
            "Margaux",
            "Noé",
            "Aïcha",
            "Maël",
            "Anaïs",
            "Lucas",
            "Clémence",
            "Baptiste",
            "Nina",
            "François",
        ],
        family: &[
            "Martin",
            "Bernard",
            "Dubois",
            "Thomas",
            "Robert",
            "Petit",
            "Durand",
            "Leroy",
            "Moreau",
            "Simon",
            "Laurent",
            "Lefèvre",
            "Michel",
            "Garcia",
            "Bertrand",
            "Roux",
            "Fournier",
            "Girard",
            "Bonnet",
            "Dupont",
            "Lambert",
            "Benali",
            "Faure",
            "Rousseau",
            "Gauthier",
            "d'Aubigné",
        ],
    },
];

/// A full name and the language that goes with it: Dutch for most, as the school is in the Netherlands.
pub(super) fn draw(seed: &mut Seed) -> (String, &'static str) {
    let tongue = match seed.below(100) {
        0..=54 => &TONGUES[0],
        55..=74 => &TONGUES[1],
        75..=89 => &TONGUES[2],
        _ => &TONGUES[3],
    };
    let given = seed.pick(tongue.given).copied().unwrap_or("Ana");
    let family = seed.pick(tongue.family).copied().unwrap_or("Bos");
    (format!("{given} {family}"), tongue.tag)
}

/// The username that a school makes of a name: ASCII letters, given name and family name with a dot.
pub(super) fn username(full_name: &str) -> String {
    let (given, family) = full_name.split_once(' ').unwrap_or((full_name, ""));
    let plain = |text: &str| text.to_lowercase().chars().map(ascii).collect::<String>();
    if family.is_empty() { plain(given) } else { format!("{}.{}", plain(given), plain(family)) }
}

fn ascii(c: char) -> &'static str {
    const LETTERS: [&str; 26] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x",
        "y", "z",
    ];
    match c {
        'a'..='z' => LETTERS[usize::from((c as u8).wrapping_sub(b'a')).min(25)],
        'à' | 'á' | 'â' | 'ã' => "a",
        'ä' => "ae",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' => "o",
        'ö' => "oe",
        'ù' | 'ú' | 'û' => "u",
        'ü' => "ue",
        'ß' => "ss",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_plain() {
        for (name, username_) in [
            ("Jürgen Großmann", "juergen.grossmann"),
            ("Ella van 't Hof", "ella.vanthof"),
            ("Léa d'Aubigné", "lea.daubigne"),
            ("Sean Ó Súilleabháin", "sean.osuilleabhain"),
            ("Ana", "ana"),
        ] {
            assert_eq!(username(name), username_);
        }
    }
}

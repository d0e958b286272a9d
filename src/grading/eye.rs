//! Which eye a photo shows and whose it is, read from its file's name.
//!
//! Cameras and clinics write the side into the name: `123_left.jpeg` (EyePACS),
//! `1_r2.jpg` (DeepDRiD), `Smith OD.tif`. What is read here is an offer; the
//! person may correct it. A side is only taken from a word that stands alone and
//! is no initial, and none at all where a name holds both.
//!
//! Two photos are one patient's only where all of their paths agree that is not a
//! side: cameras number anew on every day and clinics at every place, and a
//! stranger's photo must never take the place of a bad one.

use serde::{Deserialize, Serialize};

/// The patient's right or left eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Right,
    Left,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Left => "left",
        }
    }
}

/// What a file's name tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// What is left of the name without the side, or the folder where the name is
    /// nothing but a side. Empty where that says nothing either.
    pub patient: String,
    pub side: Option<Side>,
    /// The same for both eyes of a patient and for nobody else: the patient and the
    /// folders, without sides, capitals and signs. Empty where `patient` is.
    pub key: String,
}

/// Words for the right eye, lower case: English, Latin, German, Spanish, French,
/// Danish, Arabic. `OD` is *oculus dexter*, *ojo derecho* and *œil droit* alike.
const RIGHT: [&str; 20] = [
    "right",
    "r",
    "od",
    "dexter",
    "dextra",
    "rechts",
    "rechte",
    "rechtes",
    "derecho",
    "derecha",
    "dcho",
    "dcha",
    "droit",
    "droite",
    "højre",
    "hojre",
    "hoejre",
    "يمين",
    "اليمنى",
    "أيمن",
];

/// Words for the left eye; `OS` is *oculus sinister*, `OI` *ojo izquierdo*.
const LEFT: [&str; 18] = [
    "left",
    "l",
    "os",
    "oi",
    "sinister",
    "sinistra",
    "links",
    "linke",
    "linkes",
    "izquierdo",
    "izquierda",
    "izq",
    "izqdo",
    "gauche",
    "venstre",
    "يسار",
    "اليسرى",
    "أيسر",
];

/// Beside a side these say nothing more: the eye, and which part of it is shown.
const EYE: [&str; 27] = [
    "eye",
    "eyes",
    "fundus",
    "retina",
    "macula",
    "mácula",
    "makula",
    "fovea",
    "disc",
    "disk",
    "optic",
    "papilla",
    "papila",
    "papille",
    "central",
    "centre",
    "center",
    "nasal",
    "temporal",
    "auge",
    "ojo",
    "oeil",
    "œil",
    "øje",
    "oje",
    "عين",
    "العين",
];

/// Reads a file's name, or its path: `Patient 7/left.jpg` and `left/7.jpg` are
/// understood, too.
pub fn read(path: &str) -> Named {
    let mut folders: Vec<&str> = path.split(['/', '\\']).collect();
    let stem = without_ending(folders.pop().unwrap_or_default());
    let (mut patient, mut side) = read_words(stem);
    let innermost = read_words(folders.last().copied().unwrap_or_default());
    if side.is_none() && innermost.0.is_empty() {
        // A folder a side.
        side = innermost.1;
    }
    let mut key: Vec<String> = folders
        .iter()
        .filter(|folder| !read_words(folder).0.is_empty())
        .map(|folder| folded(folder))
        .collect();
    if patient.is_empty() {
        // A folder a patient: the file says only which eye.
        patient = of_folders(&folders);
    } else {
        key.push(folded(&patient));
    }
    Named {
        key: if patient.is_empty() {
            String::new()
        } else {
            key.join("/")
        },
        patient,
        side,
    }
}

/// A file's name without its ending. What follows the last point of
/// `1.2.276.0.7230010` (DICOM numbers its files so) is none.
fn without_ending(file: &str) -> &str {
    let is_ending = |text: &str| {
        text.len() <= 5
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && text.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    match file.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && is_ending(ending) => stem,
        _ => file,
    }
}

/// Whose photos the innermost folder holds, or the one around it where it is named
/// by a side or by a day, as in `Ruiz/2026-11-27`.
fn of_folders(folders: &[&str]) -> String {
    let Some((&folder, around)) = folders.split_last() else {
        return String::new();
    };
    let (patient, _) = read_words(folder);
    let outer = of_folders(around);
    let is_nobodys = patient.is_empty() || is_day(&patient);
    if is_nobodys && !outer.is_empty() {
        outer
    } else {
        patient
    }
}

/// Whether a name is a day or a year, and so nobody's.
fn is_day(name: &str) -> bool {
    let words = words(name);
    let year = |digits: &str| digits.starts_with("19") || digits.starts_with("20");
    let is_year = |word: &Word<'_>| word.text.len() == 4 && year(word.text);
    match words.as_slice() {
        [word] => all_digits(word) && (is_year(word) || word.text.len() == 8 && year(word.text)),
        [_, _, _] => words.iter().all(all_digits) && words.iter().any(is_year),
        _ => false,
    }
}

/// The words of a folder's or a patient's name, by which it is told from others. None
/// is left out: `Gomez L` and `Gomez R` may be two people.
fn folded(name: &str) -> String {
    let words = words(name);
    let texts: Vec<String> = words.iter().map(|word| word.text.to_lowercase()).collect();
    texts.join(" ")
}

/// A word of a name and where it stands, in bytes.
struct Word<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

/// The name without its side, and the side.
fn read_words(name: &str) -> (String, Option<Side>) {
    let words = words(name);
    let sides: Vec<Option<Side>> = (0..words.len()).map(|at| side_at(&words, at)).collect();
    let found = |side| sides.contains(&Some(side));
    let side = match (found(Side::Right), found(Side::Left)) {
        (true, false) => Some(Side::Right),
        (false, true) => Some(Side::Left),
        _ => None,
    };
    if side.is_none() {
        return (name.trim().to_owned(), side);
    }
    let last = sides.iter().rposition(Option::is_some).unwrap_or_default();
    let is_rest = |index: usize| sides[index].is_none() && !is_of_eye(words[index].text);
    // `123 left 2`, `123_left (2)`: the second shot of the same eye.
    let is_shot =
        |index: usize| index > last && words[index].text.len() <= 2 && all_digits(&words[index]);
    let named: Vec<usize> = (0..words.len()).filter(|&index| is_rest(index)).collect();
    let without_shots: Vec<usize> = named.iter().copied().filter(|&i| !is_shot(i)).collect();
    let kept = if without_shots.is_empty() {
        &named
    } else {
        &without_shots
    };
    let mut patient = String::new();
    for &index in kept {
        if !patient.is_empty() {
            patient.push_str(&name[words[index - 1].end..words[index].start]);
        }
        patient.push_str(words[index].text);
    }
    (patient, side)
}

fn is_of_eye(word: &str) -> bool {
    EYE.contains(&word.to_lowercase().as_str())
}

/// The side that a word names where it stands. A letter alone in front of a name is
/// an initial (`R. Mueller`, `Maria L Gomez`), but not behind a number (`12-R-macula`).
fn side_at(words: &[Word<'_>], at: usize) -> Option<Side> {
    let word = words[at].text;
    let side = side_of(word)?;
    let has_digit = |word: &Word<'_>| word.text.bytes().any(|byte| byte.is_ascii_digit());
    let before_name = words
        .get(at + 1)
        .is_some_and(|next| !has_digit(next) && !is_of_eye(next.text));
    let behind_number = at > 0 && has_digit(&words[at - 1]);
    let is_initial = word.len() == 1 && before_name && !behind_number;
    (!is_initial).then_some(side)
}

/// The words of a name: runs of letters and digits, and a side written onto a
/// number (`123L`, `12OD`) split off it.
fn words(name: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    let ends = name.char_indices().chain([(name.len(), ' ')]);
    for (at, character) in ends {
        match (start, character.is_alphanumeric()) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                push(&mut words, name, from, at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn push<'a>(words: &mut Vec<Word<'a>>, name: &'a str, start: usize, end: usize) {
    let text = &name[start..end];
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, letters) = text.split_at(digits);
    if !number.is_empty() && side_of(letters).is_some() {
        let middle = start + digits;
        words.push(Word {
            text: number,
            start,
            end: middle,
        });
        words.push(Word {
            text: letters,
            start: middle,
            end,
        });
    } else {
        words.push(Word { text, start, end });
    }
}

/// The side a word names. `RE`, `LE` and `OG` (*œil gauche*) count in capitals only: in
/// small letters they are words of several languages (`Hansen og Jensen`). `l1` and `r2`
/// are a side and a shot.
fn side_of(word: &str) -> Option<Side> {
    match word {
        "RE" => return Some(Side::Right),
        "LE" | "OG" => return Some(Side::Left),
        _ => {}
    }
    let lower = word.to_lowercase();
    let plain = lower.trim_end_matches(|c: char| c.is_ascii_digit());
    let shot = lower.len() - plain.len();
    // A side and a long number is some other code.
    if shot > 2 {
        return None;
    }
    if RIGHT.contains(&plain) {
        Some(Side::Right)
    } else if LEFT.contains(&plain) {
        Some(Side::Left)
    } else {
        None
    }
}

fn all_digits(word: &Word<'_>) -> bool {
    word.text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, patient: &str, side: Option<Side>) {
        let found = read(path);
        assert_eq!(found.patient, patient, "patient of {path}");
        assert_eq!(found.side, side, "side of {path}");
    }

    #[test]
    fn usual_names_tell_side_and_patient() {
        use Side::{Left, Right};
        for (path, patient, side) in [
            ("123_left.jpeg", "123", Left),
            ("123_right.jpeg", "123", Right),
            ("Smith_L.jpg", "Smith", Left),
            ("Smith-R.JPG", "Smith", Right),
            ("P-0042-od-2.png", "P-0042", Right),
            ("OS_0042.tif", "0042", Left),
            ("Smith OD.tif", "Smith", Right),
            ("Smith (left eye).jpg", "Smith", Left),
            ("Müller linkes Auge.jpg", "Müller", Left),
            ("Müller rechts.jpg", "Müller", Right),
            ("garcía_ojo_izquierdo.jpg", "garcía", Left),
            ("garcía_OI.jpg", "garcía", Left),
            ("garcía-derecho.jpg", "garcía", Right),
            ("hansen_højre_øje.jpg", "hansen", Right),
            ("hansen venstre.jpg", "hansen", Left),
            ("17_العين_اليسرى.jpg", "17", Left),
            ("1_l1.jpg", "1", Left),
            ("1_r2.jpg", "1", Right),
            ("123L.jpg", "123", Left),
            ("0012OD.jpg", "0012", Right),
            ("123_left (2).jpg", "123", Left),
            ("Smith_2024-01-02_OD.jpg", "Smith_2024-01-02", Right),
            ("Smith_RE_03.jpg", "Smith", Right),
            ("Dupont_OG.jpg", "Dupont", Left),
            ("a/b/Patient 7/left.jpg", "Patient 7", Left),
            ("C:\\photos\\Patient 7\\OD.jpg", "Patient 7", Right),
            ("left/0007.png", "0007", Left),
            ("Smith_L_macula.jpg", "Smith", Left),
            ("12-R-disc.jpg", "12", Right),
            ("Kowalski/2026-11-27/OD.jpg", "Kowalski", Right),
            ("Kowalski/2024/left/OS.jpg", "Kowalski", Left),
            ("John R Smith left.jpg", "John R Smith", Left),
            ("Smith_R_2024.jpg", "Smith_2024", Right),
            ("12_R_Mueller.jpg", "12_Mueller", Right),
            ("Ruiz_OD_MJ.jpg", "Ruiz_MJ", Right),
            ("OS_12.jpg", "12", Left),
            ("1_r12.jpg", "1", Right),
            ("Ruiz OD 2 OD 3.jpg", "Ruiz 2", Right),
            // A number is a patient's unless it can be a day or a year.
            ("Clinic/20261127/OD.jpg", "Clinic", Right),
            ("Clinic/1999/OD.jpg", "Clinic", Right),
            ("Clinic/1234/OD.jpg", "1234", Right),
            ("Clinic/2034567/OD.jpg", "2034567", Right),
            ("Clinic/12345678/OD.jpg", "12345678", Right),
            ("Clinic/12-34-56/OD.jpg", "12-34-56", Right),
            ("Clinic/Ruiz 2024 B/OD.jpg", "Ruiz 2024 B", Right),
            ("2026-11-27/OD.jpg", "2026-11-27", Right),
        ] {
            check(path, patient, Some(side));
        }
    }

    #[test]
    fn both_eyes_of_a_patient_get_one_name() {
        for (right, left) in [
            ("10_right.jpeg", "10_left.jpeg"),
            ("A-OD-1.png", "A-OS-2.png"),
            ("7 r.png", "7 l.png"),
            ("9_r1.png", "9_l3.png"),
            ("ana ojo derecho.jpg", "ana ojo izquierdo.jpg"),
            ("day/right/0007.png", "day/left/0007.png"),
            ("P1/OD.jpg", "P1/OS.jpg"),
            ("12-R-macula.jpg", "12-L-disc.jpg"),
        ] {
            assert_eq!(read(right).patient, read(left).patient, "{right}, {left}");
            assert_eq!(read(right).key, read(left).key, "{right}, {left}");
            assert!(!read(right).key.is_empty(), "{right}");
            assert_ne!(read(right).side, read(left).side, "{right}, {left}");
        }
    }

    #[test]
    fn photos_are_only_one_patients_where_their_folders_agree() {
        for (one, other) in [
            ("siteA/1_left.png", "siteB/1_left.png"),
            ("Kowalski/2026-11-27/OD.jpg", "Nowak/2026-11-27/OD.jpg"),
            ("a/P1/left.jpg", "b/P1/left.jpg"),
            ("1.2.276.0.1001", "1.2.276.0.1002"),
            ("Ruiz 1/left.jpg", "Ruiz 2/left.jpg"),
            ("Ruiz/2024/left.jpg", "Ruiz/2026/left.jpg"),
            ("Gomez L/left.jpg", "Gomez R/left.jpg"),
            ("Gomez L right.jpg", "Gomez R right.jpg"),
        ] {
            assert_ne!(read(one).key, read(other).key, "{one}, {other}");
        }
        let same = [
            "JONES_R.jpg",
            "jones_L.jpg",
            "Jones OD (2).JPG",
            "jones-os.jpeg",
        ];
        for path in same {
            assert_eq!(read(path).key, "jones", "{path}");
        }
        assert_eq!(read("left.jpg").key, "");
    }

    #[test]
    fn an_initial_is_no_side() {
        for path in [
            "Maria L Gomez.jpg",
            "R. Mueller.jpg",
            "L Gomez.jpg",
            "R_Mueller_2024.jpg",
        ] {
            assert_eq!(read(path).side, None, "{path}");
        }
    }

    #[test]
    fn a_side_is_not_guessed_from_part_of_a_word() {
        for path in [
            "wright.jpg",
            "leftover.jpg",
            "Loss.png",
            "method.png",
            "000c1434d8d7.png",
            "IDRiD_01.jpg",
            "20051019_38557_0100_PP.tif",
            "le_petit.jpg",
            "Hansen og Jensen.jpg",
            "R2024.jpg",
            "r123.jpg",
            "photo.jpg",
            // A folder's name that is a person's tells no eye.
            "Gomez L/0007.png",
        ] {
            assert_eq!(read(path).side, None, "{path}");
        }
    }

    #[test]
    fn a_name_with_both_sides_tells_none() {
        check("left and right.jpg", "left and right", None);
        check("OD_OS_12.jpg", "OD_OS_12", None);
    }

    #[test]
    fn nothing_but_a_side_leaves_no_patient() {
        check("left.jpg", "", Some(Side::Left));
        check("", "", None);
        check(".jpg", ".jpg", None);
    }
}

//! Reading a grade of the ICDR scale as people write it.

use super::GRADES;

/// What a cell or a folder's name says about the grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Grade(u8),
    /// A whole number that is no grade.
    Outside(i64),
    Unclear,
}

/// `2`, `2.0` (as pandas writes a column with gaps) or a name such as
/// `Moderate` or `Proliferate_DR`.
pub(super) fn grade(text: &str) -> Reading {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>()
        && number.fract() == 0.0
        && number.abs() < 1e9
    {
        return whole(number as i64);
    }
    match named(text) {
        // `2 - severe` says two things.
        Reading::Grade(told) if number_before(text).is_some_and(|n| n != u64::from(told)) => {
            Reading::Unclear
        }
        reading => reading,
    }
}

/// A class folder's name: what [`grade`] reads, and also `grade_3`, `class-3`,
/// `level 3` or `3 - severe`. A number in any other name, such as `camera1` or
/// `patient_2`, tells no grade.
pub(super) fn folder(name: &str) -> Reading {
    let name = name.trim();
    match grade(name) {
        Reading::Unclear => after_its_word(name),
        reading => reading,
    }
}

/// The number after `grade`, `class` or `level`, and nothing behind it.
fn after_its_word(name: &str) -> Reading {
    let lower = name.to_ascii_lowercase();
    ["grade", "class", "level"]
        .iter()
        .find_map(|word| lower.strip_prefix(word))
        .map(|rest| rest.trim_start_matches([' ', '_', '-']))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .and_then(|rest| rest.parse().ok())
        .map_or(Reading::Unclear, whole)
}

/// The number that a name begins with.
fn number_before(name: &str) -> Option<u64> {
    let end = name.find(|c: char| !c.is_ascii_digit());
    name[..end.unwrap_or(name.len())].parse().ok()
}

fn whole(number: i64) -> Reading {
    match u8::try_from(number) {
        Ok(grade) if usize::from(grade) < GRADES => Reading::Grade(grade),
        _ => Reading::Outside(number),
    }
}

/// The grade that a name tells, where it tells one: `Moderate to severe` tells two,
/// `Mild PDR` is proliferative and no mild grade of this scale, and `Not severe` may be
/// any other.
fn named(text: &str) -> Reading {
    let letters: String = text
        .chars()
        .filter(|c| c.is_ascii_alphabetic())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // What is not proliferative, or not yet, says so by the same word.
    let beyond = ["nonprolif", "preprolif", "npdr"]
        .iter()
        .fold(letters.clone(), |rest, before| rest.replace(before, ""));
    let proliferative = ["prolif", "pdr"].iter().any(|name| beyond.contains(name));
    let told: Vec<u8> = ["mild", "moderate", "severe"]
        .iter()
        .map(|name| letters.contains(name))
        .chain([proliferative])
        .zip(1..)
        .filter_map(|(told, grade)| told.then_some(grade))
        .collect();
    let denied = letters.starts_with("no") && !letters.starts_with("nonprolif");
    let healthy = ["nodr", "normal", "healthy", "noretinopathy", "noapparent"]
        .iter()
        .any(|name| letters.starts_with(name));
    match told[..] {
        [grade] if !denied && !healthy => Reading::Grade(grade),
        [] if healthy => Reading::Grade(0),
        _ => Reading::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_as_people_write_them() {
        for (text, expected) in [
            ("2", Reading::Grade(2)),
            (" 3.0 ", Reading::Grade(3)),
            ("No_DR", Reading::Grade(0)),
            ("Proliferate_DR", Reading::Grade(4)),
            ("Severe non-proliferative DR", Reading::Grade(3)),
            ("PDR", Reading::Grade(4)),
            ("5", Reading::Outside(5)),
            ("-1", Reading::Outside(-1)),
            ("1.5", Reading::Unclear),
            ("nan", Reading::Unclear),
            ("", Reading::Unclear),
            ("cataract", Reading::Unclear),
            ("2 - Moderate", Reading::Grade(2)),
            ("Mild NPDR", Reading::Grade(1)),
            ("No PDR", Reading::Unclear),
            // Two grades in one cell are none.
            ("Severe PDR", Reading::Unclear),
            ("Mild to moderate", Reading::Unclear),
            ("No DR, mild cataract", Reading::Unclear),
            ("2 - Mild", Reading::Unclear),
        ] {
            assert_eq!(grade(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_that_tells_no_grade_or_two_is_not_read_as_one() {
        for text in [
            "Mild PDR",
            "moderate proliferative",
            "Moderate to severe NPDR",
            "mild-moderate",
            "Severe NPDR, PDR",
            "pre-proliferative",
            "no proliferative DR",
            "no PDR",
            "Not severe",
            "NPDR",
            "abnormal",
            "Healthy, severe myopia",
        ] {
            assert_eq!(grade(text), Reading::Unclear, "{text}");
        }
        for (text, expected) in [
            ("Mild NPDR", 1),
            ("moderate", 2),
            ("Non-proliferative, moderate", 2),
            ("very severe NPDR", 3),
            ("Severe preproliferative", 3),
            ("Proliferative DR", 4),
            ("high-risk PDR", 4),
            ("Normal", 0),
            ("healthy", 0),
            ("No apparent retinopathy", 0),
        ] {
            assert_eq!(grade(text), Reading::Grade(expected), "{text}");
        }
    }

    #[test]
    fn folders_as_people_name_them() {
        assert_eq!(folder("grade_3"), Reading::Grade(3));
        assert_eq!(folder("0 - No DR"), Reading::Grade(0));
        assert_eq!(folder("class-3"), Reading::Grade(3));
        assert_eq!(folder("Level 3"), Reading::Grade(3));
        assert_eq!(folder("3_Severe"), Reading::Grade(3));
        assert_eq!(folder("No_DR"), Reading::Grade(0));
        assert_eq!(folder("4"), Reading::Grade(4));
        assert_eq!(folder("class7"), Reading::Outside(7));
        assert_eq!(folder("224x224"), Reading::Unclear);
        assert_eq!(folder("images"), Reading::Unclear);
    }

    #[test]
    fn a_number_that_is_no_grade_is_not_taken_for_one() {
        for name in [
            "camera1",
            "patient_0",
            "patient_4",
            "batch 2",
            "2 photos",
            "grade_3_cropped",
            "2 - severe",
        ] {
            assert_eq!(folder(name), Reading::Unclear, "{name}");
        }
    }
}

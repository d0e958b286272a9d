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

fn named(text: &str) -> Reading {
    let letters: String = text
        .chars()
        .filter(|c| c.is_ascii_alphabetic())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let has = |word: &str| letters.contains(word);
    // "Severe non-proliferative" is severe.
    let proliferative = has("prolif") && !has("nonprolif") || has("pdr") && !has("npdr");
    let healthy = ["nodr", "normal", "healthy", "noretinopathy", "noapparent"]
        .iter()
        .any(|name| letters.starts_with(name));
    let told = [
        healthy,
        has("mild"),
        has("moderate"),
        has("severe"),
        proliferative,
    ];
    let mut grades = (0..).zip(told).filter(|(_, told)| *told);
    match (grades.next(), grades.next()) {
        // With a word before it, it may be none: "No PDR".
        (Some((4, _)), None) if !has("prolif") && letters != "pdr" => Reading::Unclear,
        (Some((grade, _)), None) => Reading::Grade(grade),
        // "Severe PDR" and "mild to moderate" say two things.
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

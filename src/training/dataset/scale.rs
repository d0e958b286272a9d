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
    named(text)
}

/// A class folder's name: what [`grade`] reads, and also `grade_3`, `class-3`
/// or `3 - severe`.
pub(super) fn folder(name: &str) -> Reading {
    match grade(name) {
        Reading::Unclear => {}
        reading => return reading,
    }
    let numbers: Vec<&str> = name
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .collect();
    match numbers[..] {
        [number] => number.parse().map_or(Reading::Unclear, whole),
        _ => Reading::Unclear,
    }
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
    // "Severe non-proliferative" is severe: the first three come first.
    let grade = if letters.contains("mild") {
        1
    } else if letters.contains("moderate") {
        2
    } else if letters.contains("severe") {
        3
    } else if letters == "pdr" || (letters.contains("prolif") && !letters.contains("nonprolif")) {
        4
    } else if ["nodr", "normal", "healthy", "noretinopathy", "noapparent"]
        .iter()
        .any(|name| letters.starts_with(name))
    {
        0
    } else {
        return Reading::Unclear;
    };
    Reading::Grade(grade)
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
        ] {
            assert_eq!(grade(text), expected, "{text}");
        }
    }

    #[test]
    fn folders_as_people_name_them() {
        assert_eq!(folder("grade_3"), Reading::Grade(3));
        assert_eq!(folder("0 - No DR"), Reading::Grade(0));
        assert_eq!(folder("class7"), Reading::Outside(7));
        assert_eq!(folder("224x224"), Reading::Unclear);
        assert_eq!(folder("images"), Reading::Unclear);
    }
}

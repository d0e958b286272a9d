//! `--margin`, which training and preparing share.

use clap::Args;

use crate::photo::Preprocessing;

/// How much of the retina a picture shows.
#[derive(Args)]
pub struct MarginFlag {
    /// Room around the retina, as a share of its radius; below zero the picture begins inside the
    /// rim and shows its middle larger
    #[arg(long, default_value_t = 0.0, value_parser = parse, allow_negative_numbers = true)]
    pub margin: f32,
}

fn parse(text: &str) -> Result<f32, String> {
    let margins = Preprocessing::MARGINS;
    match text.parse() {
        Ok(margin) if margins.contains(&margin) => Ok(margin),
        _ => Err(format!(
            "not a number between {} and {}",
            margins.start(),
            margins.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_lies_where_something_is_left_to_see() {
        assert_eq!(parse("-0.16"), Ok(-0.16));
        for wrong in ["-2", "1.5", "NaN", "wide"] {
            assert_eq!(
                parse(wrong),
                Err("not a number between -0.5 and 1".to_owned())
            );
        }
    }
}

//! The worst mistakes, as pictures with their maps.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::Mistake;
use super::cells::{grade_name, percent};

pub(super) fn mistakes(mistakes: &[Mistake], classes: usize) -> Markup {
    let picture = |jpeg: &[u8], alt: &str| {
        let data = format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg));
        html! { img src=(data) alt=(alt); }
    };
    html! {
        div.mistakes {
            @for mistake in mistakes {
                figure {
                    div {
                        (picture(&mistake.photo, &mistake.name))
                        @if let Some(explanation) = &mistake.explanation {
                            (picture(explanation, "the same under the map of the network’s evidence"))
                        }
                    }
                    figcaption {
                        strong { (mistake.name) } br;
                        "true: " (grade_name(mistake.truth, classes)) br;
                        "given: " (grade_name(mistake.predicted, classes))
                        ", " (percent(mistake.confidence)) " sure"
                    }
                }
            }
        }
    }
}

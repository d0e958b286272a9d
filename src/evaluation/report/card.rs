//! The model card.

use maud::{Markup, html};

use crate::evaluation::model_card::ModelCard;

pub(super) fn card(model: &ModelCard) -> Markup {
    html! {
        section {
            h2 { "Model card" }
            h3 { "Intended use" }
            p { (model.intended_use) }
            h3 { "Limits" }
            ul { @for limit in &model.limits { li { (limit) } } }
            h3 { "Learnt from" }
            div.scroll {
                table {
                    thead {
                        tr {
                            th scope="col" { "Source" }
                            th scope="col" { "Photos" }
                            th scope="col" { "Terms" }
                        }
                    }
                    tbody {
                        @for source in model.data.iter().chain([&model.initial_weights]).chain(&model.taught_by) {
                            tr {
                                th scope="row" { (source.name) }
                                td { @if source.photos > 0 { (source.photos) } @else { "–" } }
                                td.text { (source.terms) }
                            }
                        }
                    }
                }
            }
            h3 { "Recipe" }
            p { (model.recipe) }
            pre { (model.command) }
            p { "Seed " (model.seed) "." }
        }
    }
}

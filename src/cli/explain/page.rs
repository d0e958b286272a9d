//! The one HTML page of an explanation: it holds its pictures and loads nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use crate::standalone::{self, Page};

/// A whole page.
pub fn whole(title: &str, body: &Markup, command: &str) -> String {
    standalone::render(&Page {
        title,
        style: STYLE,
        body,
        command,
    })
}

/// A picture, a PNG, with what it is.
pub fn figure(png: &[u8], alt: &str, caption: &str) -> Markup {
    html! {
        figure {
            (image(png, alt))
            figcaption { (caption) }
        }
    }
}

/// A picture alone, a PNG.
pub fn image(png: &[u8], alt: &str) -> Markup {
    let data = format!("data:image/png;base64,{}", STANDARD.encode(png));
    html! { img src=(data) alt=(alt); }
}

/// What a map is not.
pub fn caveats(sentences: &[String]) -> Markup {
    html! { ul.note { @for sentence in sentences { li { (sentence) } } } }
}

const STYLE: &str = "
.grade { font-size: 1.3rem; font-weight: 600; margin: .5rem 0; }
img { max-width: 100%; height: auto; background: #000; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem; }
.pictures img { width: 100%; }
.channel { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem;
  margin: .5rem 0 1.5rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .25rem; }
.channel img, .filters img { width: 100%; image-rendering: pixelated; }
.filters { max-width: 36rem; }
";

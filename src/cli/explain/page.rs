//! The one HTML page of an explanation: it holds its pictures and loads nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A whole page.
pub fn whole(title: &str, body: &Markup, command: &str) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.warning { "For research and teaching. Not a medical device." }
                }
                main {
                    (body)
                    section { h2 { "To repeat this" } pre { (command) } }
                }
            }
        }
    }
    .into_string()
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
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 72rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc;
  overflow-wrap: anywhere; }
.warning { border-left: 4px solid #d55e00; padding: .4rem .8rem; background: #fff4ec; }
.grade { font-size: 1.3rem; font-weight: 600; margin: .5rem 0; }
.note, figcaption { color: #555; }
pre { font-size: .85em; overflow-wrap: anywhere; white-space: pre-wrap; }
figure { margin: 0; }
img { max-width: 100%; height: auto; background: #000; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem; }
.pictures img { width: 100%; }
.channel { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem;
  margin: .5rem 0 1.5rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .25rem; }
.channel img, .filters img { width: 100%; image-rendering: pixelated; }
.filters { max-width: 36rem; }
@media print { section { break-inside: avoid-page; } }
";

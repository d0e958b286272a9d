//! One HTML page that holds everything it shows and loads nothing from
//! anywhere, so it can be kept, mailed and opened years later.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What such a page is made of.
pub struct Page<'a> {
    pub title: &'a str,
    /// Rules beside those every page has.
    pub style: &'a str,
    pub body: &'a Markup,
    /// What to type to make it again.
    pub command: &'a str,
}

/// The page as HTML.
pub fn render(page: &Page<'_>) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (page.title) }
                style { (PreEscaped(STYLE)) (PreEscaped(page.style)) }
            }
            body {
                header {
                    h1 { (page.title) }
                    p.warning { "For research and teaching. Not a medical device." }
                }
                main {
                    (page.body)
                    section { h2 { "To repeat this" } pre { (page.command) } }
                }
            }
        }
    }
    .into_string()
}

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 72rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
.warning { border-left: 4px solid #d55e00; padding: .4rem .8rem; background: #fff4ec; }
.note, small, figcaption { color: #555; }
code, pre { font-size: .85em; overflow-wrap: anywhere; white-space: pre-wrap; }
figure { margin: 0; }
table { border-collapse: collapse; margin: 1rem 0; }
.scroll { overflow-x: auto; }
@media print { section { break-inside: avoid-page; } }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_is_for_and_escapes_what_it_is_given() {
        let page = render(&Page {
            title: "A <b> title",
            style: ".own { color: red; }",
            body: &html! { p { "body" } },
            command: "fovea & co",
        });
        for part in [
            "A &lt;b&gt; title",
            ".own { color: red; }",
            "<p>body</p>",
            "fovea &amp; co",
            "Not a medical device",
            "default-src 'none'",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }
}

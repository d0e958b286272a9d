//! What the page must not hold, and what its security policy must say.

use anyhow::Result;

use super::Finding;
use super::source::{Web, line_at, without_web_comments, words};
use super::tree::Tree;

const CODE: [&str; 5] = [".html", ".js", ".mjs", ".css", ".svg"];
const SCRIPTS: [&str; 2] = [".js", ".mjs"];
/// Manifest of the installed page; the model's own manifest is no code.
const WEB_MANIFEST: &str = ".webmanifest";

/// Names that look like addresses and are never asked for.
const NAMESPACES: [&str; 2] = ["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"];

fn pages(tree: &Tree) -> Result<Vec<(String, String)>> {
    let mut pages = Vec::new();
    let endings: Vec<&str> = CODE.into_iter().chain([WEB_MANIFEST]).collect();
    for file in tree.files("www/", &endings) {
        if let Some(text) = tree.text(file)? {
            let plain = match file.rsplit('.').next() {
                Some("html" | "svg") => without_web_comments(&text, Web::Markup),
                Some("css") => without_web_comments(&text, Web::Style),
                Some("js" | "mjs") => without_web_comments(&text, Web::Script),
                _ => text,
            };
            pages.push((file.to_owned(), plain));
        }
    }
    Ok(pages)
}

pub fn no_third_party(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (file, text) in pages(tree)? {
        for (offset, _) in text.match_indices("//") {
            let after = &text[offset + 2..];
            let before = text[..offset].chars().next_back();
            let scheme = before == Some(':');
            // `src="//host"`, `url(//host)`
            let bare = matches!(before, Some('"' | '\'' | '`' | '('));
            let host = after
                .chars()
                .next()
                .is_some_and(|first| first.is_ascii_alphanumeric() || first == '[' || first == '$');
            let named = text[..offset + 2].len().saturating_sub("https://".len());
            let namespace = NAMESPACES.iter().any(|namespace| {
                let start = offset.saturating_sub("http:".len());
                text.get(start..)
                    .is_some_and(|text| text.starts_with(namespace))
            });
            if (scheme || bare) && host && !namespace {
                let shown: String = text
                    .get(named..)
                    .unwrap_or(after)
                    .chars()
                    .take(48)
                    .take_while(|character| *character != '\n')
                    .collect();
                let what = format!("an address outside the site: {}", shown.trim());
                findings.push(Finding::at(&file, line_at(&text, offset), what));
            }
        }
    }
    Ok(findings)
}

pub fn no_inline(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (file, text) in pages(tree)? {
        if !file.ends_with(".html") && !file.ends_with(".svg") {
            continue;
        }
        for (offset, tag) in tags(&text) {
            let mut report = |what: &str| {
                findings.push(Finding::at(&file, line_at(&text, offset), what));
            };
            let name = tag
                .split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap_or("");
            if name == "style" {
                report("a <style> in the page");
            }
            if name == "script" {
                let body = &text[offset + 1 + tag.len() + 1..];
                let body = body.split("</script").next().unwrap_or("");
                if !tag.contains("src=") || !body.trim().is_empty() {
                    report("a <script> with its code in the page");
                }
            }
            for attribute in attributes(tag) {
                if attribute == "style" {
                    report("a style attribute");
                } else if attribute.starts_with("on") {
                    report("an event handler in an attribute");
                }
            }
            if tag.contains("javascript:") {
                report("a javascript: address");
            }
        }
    }
    Ok(findings)
}

/// The tags of a page, without their brackets, with where they start.
fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('<').filter_map(|(offset, _)| {
        let inside = &text[offset + 1..];
        let first = inside.chars().next()?;
        let end = inside.find('>')?;
        first.is_alphabetic().then(|| (offset, &inside[..end]))
    })
}

/// Names of a tag's attributes, lower case.
fn attributes(tag: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut quote = None;
    let mut word = String::new();
    for character in tag.chars().chain([' ']) {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '=') => names.push(std::mem::take(&mut word).to_lowercase()),
            (None, _) if character.is_whitespace() => word.clear(),
            (None, _) => word.push(character),
        }
    }
    names
}

/// Directives that must be there, with exactly these sources in any order.
const REQUIRED: [(&str, &[&str]); 6] = [
    ("default-src", &["'none'"]),
    ("connect-src", &["'self'"]),
    ("script-src", &["'self'", "'wasm-unsafe-eval'"]),
    ("style-src", &["'self'"]),
    ("base-uri", &["'none'"]),
    ("form-action", &["'none'"]),
];

/// All that any other directive may name.
const ALLOWED: [&str; 4] = ["'none'", "'self'", "blob:", "data:"];

pub fn policy(tree: &Tree) -> Result<Vec<Finding>> {
    const PAGE: &str = "www/index.html";
    if tree.files("www/", &[]).next().is_none() {
        return Ok(Vec::new());
    }
    if tree.files(PAGE, &[]).next().is_none() {
        return Ok(vec![Finding::file(PAGE, "is not there")]);
    }
    let mut findings = Vec::new();
    for page in tree.files("www/", &[".html"]) {
        let text = tree.text(page)?.unwrap_or_default();
        findings.extend(policy_faults(page, &text));
    }
    Ok(findings)
}

fn policy_faults(page: &str, text: &str) -> Vec<Finding> {
    let report = |what: String| Finding::file(page, what);
    let text = without_web_comments(text, Web::Markup);
    let Some(content) = policy_of(&text) else {
        return vec![report("has no Content-Security-Policy".to_owned())];
    };

    let mut findings = Vec::new();
    let directives: Vec<(&str, Vec<&str>)> = content
        .split(';')
        .filter_map(|directive| {
            let mut words = directive.split_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect();
    for (name, expected) in REQUIRED {
        let Some((_, sources)) = directives.iter().find(|(found, _)| *found == name) else {
            findings.push(report(format!("the policy lacks {name}")));
            continue;
        };
        let (mut found, mut wanted) = (sources.clone(), expected.to_vec());
        found.sort_unstable();
        wanted.sort_unstable();
        if found != wanted {
            let wanted = expected.join(" ");
            findings.push(report(format!("{name} must be {wanted}, and nothing else")));
        }
    }
    for (name, sources) in &directives {
        if REQUIRED.iter().any(|(required, _)| required == name) {
            continue;
        }
        for source in sources.iter().filter(|source| !ALLOWED.contains(*source)) {
            findings.push(report(format!("{name} allows {source}")));
        }
    }
    findings
}

fn policy_of(text: &str) -> Option<&str> {
    let (_, tag) = tags(text).find(|(_, tag)| tag.contains("Content-Security-Policy"))?;
    let (_, content) = tag.split_once("content=\"")?;
    content.split('"').next()
}

/// Where the page may fetch: the model's own files, what the service worker
/// keeps, and the published results of a study, on a page that takes no photo.
const FETCHERS: [&str; 3] = ["www/js/model.js", "www/js/study.js", "www/sw.js"];

/// Where workers begin, bound by the page's policy.
const BEGINNER: &str = "www/js/bound-worker.js";

/// Other ways of sending, wanted nowhere.
const SENDERS: [&str; 7] = [
    "new XMLHttpRequest",
    "new WebSocket",
    "new EventSource",
    "new WebTransport",
    "new RTCPeerConnection",
    "sendBeacon(",
    "importScripts(",
];

pub fn fetch_in_its_place(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (file, text) in pages(tree)? {
        if !SCRIPTS.iter().any(|ending| file.ends_with(ending)) {
            continue;
        }
        let mut report = |word: &str, what: &str| {
            for offset in words(&text, word) {
                findings.push(Finding::at(&file, line_at(&text, offset), what));
            }
        };
        if !FETCHERS.contains(&file.as_str()) {
            report("fetch(", "fetches where nothing may");
        }
        if file != BEGINNER {
            report("new Worker(", "begins a worker past the page's policy");
        }
        for sender in SENDERS {
            report(sender, &format!("`{sender}` can carry a photo away"));
        }
    }
    Ok(findings)
}

/// The names of the ICDR scale's grades.
const GRADE_NAMES: [&str; 5] = [
    "Mild",
    "Moderate",
    "Severe",
    "Proliferative",
    "No apparent retinopathy",
];

pub fn no_grade_names(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (file, text) in pages(tree)? {
        for name in GRADE_NAMES {
            findings.extend(words(&text, name).map(|offset| {
                let what = format!("“{name}” is the library's word to say");
                Finding::at(&file, line_at(&text, offset), what)
            }));
        }
    }
    Ok(findings)
}

/// Bytes, all files of the model together.
const MODEL_LIMIT: u64 = 24_000_000;

pub fn model_size(tree: &Tree) -> Result<Vec<Finding>> {
    let mut bytes = 0;
    for file in tree.files("www/model/", &[]) {
        bytes += tree.size(file)?;
    }
    Ok((bytes >= MODEL_LIMIT)
        .then(|| {
            let megabytes = bytes as f64 / 1e6;
            Finding::file("www/model", format!("holds {megabytes:.1} MB"))
        })
        .into_iter()
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::tree::example::{Example, found};
    use super::*;

    const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
                          style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                          worker-src 'self'; base-uri 'none'; form-action 'none'";

    fn page_with(policy: &str) -> String {
        format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">")
    }

    #[test]
    fn addresses_outside_the_site_are_found() {
        for (file, text) in [
            (
                "www/index.html",
                "<script src=\"https://cdn.example/x.js\"></script>",
            ),
            ("www/index.html", "<img src=\"//cdn.example/x.png\">"),
            ("www/style.css", "@import url(//fonts.example/x.css);"),
            ("www/js/a.js", "import 'http://cdn.example/x.js';"),
            ("www/js/a.js", "get(`https://${host}/x`);"),
            (
                "www/a.webmanifest",
                "{\"start_url\": \"https://x.example\"}",
            ),
        ] {
            assert_eq!(found(no_third_party, &[(file, text)]).len(), 1, "{text}");
        }
        let hits = found(
            no_third_party,
            &[("www/js/a.js", "\n\nwss('wss://x.example')")],
        );
        assert_eq!(hits, ["www/js/a.js:3"]);
    }

    #[test]
    fn namespaces_comments_and_the_model_card_are_no_requests() {
        let harmless = [
            (
                "www/icon.svg",
                "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            ),
            (
                "www/js/a.js",
                "// see https://www.w3.org/TR/CSP3\nconst half = a / b; // so",
            ),
            (
                "www/index.html",
                "<!-- https://example.org --><p>and/or</p>",
            ),
            (
                "www/model/model.json",
                "{\"terms\": \"https://example.org\"}",
            ),
        ];
        assert!(found(no_third_party, &harmless).is_empty());
    }

    #[test]
    fn inline_code_is_found() {
        for text in [
            "<style>p{}</style>",
            "<script>run()</script>",
            "<script src=\"a.js\">run()</script>",
            "<p style=\"color:red\">",
            "<button type=\"button\" onclick=\"run()\">",
            "<a href=\"javascript:run()\">",
        ] {
            let hits = found(no_inline, &[("www/index.html", text)]);
            assert_eq!(hits.len(), 1, "{text}: {hits:?}");
        }
        let clean = "<script type=\"module\" src=\"js/main.js\"></script>\
                     <p class=\"on\" data-style=\"x\" title=\"a style='b'\">one = on</p>";
        assert!(found(no_inline, &[("www/index.html", clean)]).is_empty());
    }

    #[test]
    fn a_weaker_policy_is_found() {
        assert!(found(policy, &[("www/index.html", &page_with(POLICY))]).is_empty());
        for (from, to) in [
            ("default-src 'none'", "default-src 'self'"),
            ("connect-src 'self'", "connect-src 'self' https:"),
            ("connect-src 'self'; ", ""),
            ("'wasm-unsafe-eval'", "'wasm-unsafe-eval' 'unsafe-inline'"),
            ("blob:", "blob: *"),
            ("form-action 'none'", "form-action 'self'"),
        ] {
            let weaker = page_with(&POLICY.replace(from, to));
            let hits = found(policy, &[("www/index.html", &weaker)]);
            assert_eq!(hits.len(), 1, "{to}: {hits:?}");
        }
        assert_eq!(found(policy, &[("www/index.html", "<p>")]).len(), 1);
        assert_eq!(found(policy, &[("www/sw.js", "")]).len(), 1);
        let pages = [
            ("www/index.html", page_with(POLICY)),
            ("www/study.html", String::new()),
        ];
        let pages = [&pages[0], &pages[1]].map(|(name, text)| (*name, text.as_str()));
        assert_eq!(found(policy, &pages), ["www/study.html:0"]);
        let commented = format!("<!--{}-->", page_with(POLICY));
        assert_eq!(found(policy, &[("www/index.html", &commented)]).len(), 1);
    }

    #[test]
    fn fetching_stays_with_the_loader() {
        let hits = found(
            fetch_in_its_place,
            &[
                ("www/js/model.js", "await fetch(url);"),
                (
                    "www/sw.js",
                    "self.addEventListener('fetch', () => fetch(request));",
                ),
                ("www/js/card.js", "\nfetch('/result', { body: photo });"),
                (
                    "www/js/seal.js",
                    "for (const name of ['fetch', 'XMLHttpRequest']) {}",
                ),
                (
                    "www/js/tell.js",
                    "navigator.sendBeacon('/', photo); fetchManifest();",
                ),
                ("www/js/bound-worker.js", "return new Worker(script);"),
                ("www/js/helpers.js", "\n\nnew Worker(script);"),
            ],
        );
        assert_eq!(
            hits,
            [
                "www/js/card.js:2",
                "www/js/helpers.js:3",
                "www/js/tell.js:1"
            ]
        );
    }

    #[test]
    fn grade_names_in_the_page_are_found() {
        let hits = found(
            no_grade_names,
            &[
                ("www/js/card.js", "const names = ['Mild'];"),
                ("www/index.html", "<p>Moderately mild light</p>"),
                ("www/model/model.json", "[\"Severe\"]"),
            ],
        );
        assert_eq!(hits, ["www/js/card.js:1"]);
    }

    #[test]
    fn a_model_too_large_is_found() {
        let example = Example::new(&[("www/model/model.json", "{}")]);
        assert!(model_size(&example.tree()).unwrap().is_empty());
        example.write("www/model/weights.bin", &vec![0; MODEL_LIMIT as usize]);
        assert_eq!(model_size(&example.tree()).unwrap().len(), 1);
    }
}

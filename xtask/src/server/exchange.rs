//! What a browser asks and what it is answered, with the headers every answer has.

use std::io::Cursor;
use std::sync::Arc;

use tiny_http::{Header, Method, Request, Response, StatusCode};

/// Sent with every answer. The first three put the page in a world of its own,
/// which browsers ask of pages that want threads.
pub(super) const HEADERS: [(&str, &str); 6] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    // Ask every time, answered by 304 while nothing changed.
    ("Cache-Control", "no-cache"),
];

/// What of a request decides the answer.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a str,
    pub(super) accepts_gzip: bool,
    /// The ETags in `If-None-Match`.
    pub(super) known: Option<&'a str>,
}

impl<'a> Asked<'a> {
    pub(super) fn from_request(request: &'a Request) -> Self {
        let header = |name: &'static str| {
            request
                .headers()
                .iter()
                .find(|header| header.field.equiv(name))
                .map(|header| header.value.as_str())
        };
        Self {
            method: request.method(),
            url: request.url(),
            accepts_gzip: header("Accept-Encoding").is_some_and(accepts_gzip),
            known: header("If-None-Match"),
        }
    }
}

/// An answer, complete but for the headers every answer has.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Arc<[u8]>,
}

impl Reply {
    pub(super) fn text(status: u16, message: &str) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "text/plain; charset=utf-8".to_owned())],
            body: Arc::from(format!("{message}\n").into_bytes()),
        }
    }

    pub(super) fn into_response(self) -> Response<Cursor<Arc<[u8]>>> {
        let fixed = HEADERS.iter().map(|(name, value)| (*name, *value));
        let own = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let headers = fixed
            .chain(own)
            .filter_map(|(name, value)| Header::from_bytes(name, value).ok())
            .collect();
        let length = self.body.len();
        Response::new(
            StatusCode(self.status),
            headers,
            Cursor::new(self.body),
            Some(length),
            None,
        )
        // Always with its length, which progress in bytes is measured against.
        .with_chunked_threshold(usize::MAX)
    }
}

pub(super) fn names_etag(known: &str, etag: &str) -> bool {
    known
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == etag || one == "*")
}

/// `gzip`, unless it was given a quality of nought.
fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let quality = quality.trim().strip_prefix("q=").unwrap_or("1");
        name.trim() == "gzip" && quality.parse::<f32>().is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_refused_is_gzip_not_sent() {
        assert!(accepts_gzip("br;q=1.0, gzip;q=0.8"));
        assert!(accepts_gzip("deflate, gzip"));
        assert!(!accepts_gzip("gzip;q=0, br"));
        assert!(!accepts_gzip("br"));
    }
}

//! The path that an address asks for.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// The path a URL asks for, relative to the site; `None` for anything that
/// might lead elsewhere.
pub(super) fn relative_path(url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?;
    let path = percent_decode_str(path.strip_prefix('/')?)
        .decode_utf8()
        .ok()?;
    if path.contains(['\\', '\0', ':']) {
        return None;
    }
    let mut relative = PathBuf::new();
    for part in path.split('/') {
        match part {
            "" => {}
            hidden if hidden.starts_with('.') => return None,
            part => relative.push(part),
        }
    }
    Some(relative)
}

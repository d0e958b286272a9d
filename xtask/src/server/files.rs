//! The files of the site, kept in memory as they were when last read.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use tiny_http::Method;

use super::address::relative_path;
use super::content::{content_type, is_text_or_code};
use super::exchange::{Asked, Reply, names_etag};
use crate::digest;

/// A file as it was when last read.
struct Known {
    modified: SystemTime,
    plain: Arc<[u8]>,
    gzip: Option<Arc<[u8]>>,
    digest: String,
}

pub(super) struct Site {
    root: PathBuf,
    files: Mutex<HashMap<PathBuf, Arc<Known>>>,
}

impl Site {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            files: Mutex::default(),
        }
    }

    pub(super) fn reply(&self, asked: &Asked) -> Reply {
        if !matches!(asked.method, Method::Get | Method::Head) {
            let mut reply = Reply::text(405, "Only GET and HEAD: nothing is uploaded here.");
            reply.headers.push(("Allow", "GET, HEAD".to_owned()));
            return reply;
        }
        let Some(path) = relative_path(asked.url) else {
            return Reply::text(400, "That is no address of a file here.");
        };
        let file = match self.file(&path) {
            Some(file) => file,
            None => return Reply::text(404, "There is no such file here."),
        };
        let (body, encoding) = match (&file.gzip, asked.accepts_gzip) {
            (Some(gzip), true) => (gzip, Some("gzip")),
            _ => (&file.plain, None),
        };
        let etag = format!("\"{}{}\"", &file.digest[..32], encoding.unwrap_or_default());
        let mut headers = vec![("ETag", etag.clone())];
        if file.gzip.is_some() {
            headers.push(("Vary", "Accept-Encoding".to_owned()));
        }
        if asked.known.is_some_and(|known| names_etag(known, &etag)) {
            return Reply {
                status: 304,
                headers,
                body: Arc::from([]),
            };
        }
        headers.push(("Content-Type", content_type(&path).to_owned()));
        if let Some(encoding) = encoding {
            headers.push(("Content-Encoding", encoding.to_owned()));
        }
        Reply {
            status: 200,
            headers,
            body: Arc::clone(body),
        }
    }

    /// The file at a path of the site; `None` where there is none or where a
    /// link leads out of the site.
    fn file(&self, path: &Path) -> Option<Arc<Known>> {
        let mut on_disk = self.root.join(path);
        if on_disk.is_dir() {
            on_disk.push("index.html");
        }
        let on_disk = on_disk.canonicalize().ok()?;
        if !on_disk.starts_with(self.root.canonicalize().ok()?) {
            return None;
        }
        let modified = fs::metadata(&on_disk).ok()?.modified().ok()?;
        let files = || self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let known = files().get(&on_disk).map(Arc::clone);
        if let Some(known) = known.filter(|known| known.modified == modified) {
            return Some(known);
        }
        // Not while holding the lock: the largest file takes seconds to compress,
        // for which every other answer would wait.
        let plain = fs::read(&on_disk).ok()?;
        let known = Arc::new(Known {
            modified,
            gzip: is_text_or_code(&on_disk)
                .then(|| compress(&plain))
                .flatten()
                .map(Arc::from),
            digest: digest::of_bytes(&plain),
            plain: Arc::from(plain),
        });
        files().insert(on_disk, Arc::clone(&known));
        Some(known)
    }
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    struct Scratch {
        folder: tempfile::TempDir,
        site: Site,
    }

    impl Scratch {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("site");
            fs::create_dir_all(root.join("pkg")).unwrap();
            fs::write(folder.path().join("secret.txt"), "secret").unwrap();
            fs::write(root.join("index.html"), "<h1>page</h1>").unwrap();
            fs::write(root.join("pkg/fovea_cpu_bg.wasm"), vec![7; 4096]).unwrap();
            fs::write(root.join("weights.bin"), vec![1; 100_000]).unwrap();
            fs::write(root.join(".hidden"), "hidden").unwrap();
            Self {
                site: Site::new(&root),
                folder,
            }
        }

        fn ask(&self, url: &str) -> Reply {
            self.site.reply(&Asked {
                method: &Method::Get,
                url,
                accepts_gzip: false,
                known: None,
            })
        }
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        let found = reply.headers.iter().find(|(field, _)| *field == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_root_is_the_page() {
        let reply = Scratch::new().ask("/?from=elsewhere");
        assert_eq!(reply.status, 200);
        assert_eq!(&*reply.body, b"<h1>page</h1>");
        assert_eq!(
            header(&reply, "Content-Type"),
            Some("text/html; charset=utf-8")
        );
    }

    #[test]
    fn nothing_outside_the_site_is_read() {
        let scratch = Scratch::new();
        for url in [
            "/../secret.txt",
            "/pkg/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/..\\secret.txt",
            "/%5c..%5csecret.txt",
            "//../secret.txt",
            "/.hidden",
            "/%00",
            "/%zz",
            "secret.txt",
            "http://elsewhere/secret.txt",
        ] {
            let reply = scratch.ask(url);
            assert!(matches!(reply.status, 400 | 404), "{url}: {}", reply.status);
        }
        assert_eq!(scratch.ask("/missing.js").status, 404);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_site_is_not_followed() {
        let scratch = Scratch::new();
        let secret = scratch.folder.path().join("secret.txt");
        std::os::unix::fs::symlink(secret, scratch.folder.path().join("site/link.txt")).unwrap();
        assert_eq!(scratch.ask("/link.txt").status, 404);
    }

    #[test]
    fn only_reading_is_allowed() {
        let scratch = Scratch::new();
        for method in [Method::Post, Method::Put, Method::Delete, Method::Options] {
            let reply = scratch.site.reply(&Asked {
                method: &method,
                url: "/",
                accepts_gzip: false,
                known: None,
            });
            assert_eq!(reply.status, 405);
            assert_eq!(header(&reply, "Allow"), Some("GET, HEAD"));
        }
    }

    #[test]
    fn a_file_already_known_is_not_sent_again_until_it_changes() {
        let scratch = Scratch::new();
        let etag = header(&scratch.ask("/"), "ETag").unwrap().to_owned();
        let again = |known: &str| {
            scratch.site.reply(&Asked {
                method: &Method::Get,
                url: "/",
                accepts_gzip: false,
                known: Some(known),
            })
        };
        let reply = again(&format!("\"other\", W/{etag}"));
        assert_eq!(reply.status, 304);
        assert!(reply.body.is_empty());

        let page = scratch.folder.path().join("site/index.html");
        fs::write(&page, "<h1>new page</h1>").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        fs::File::options()
            .write(true)
            .open(&page)
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert_eq!(again(&etag).status, 200);
    }

    #[test]
    fn wasm_is_compressed_for_those_who_accept_it_and_weights_never() {
        let scratch = Scratch::new();
        let ask = |url| {
            scratch.site.reply(&Asked {
                method: &Method::Get,
                url,
                accepts_gzip: true,
                known: None,
            })
        };
        let plain = scratch.ask("/pkg/fovea_cpu_bg.wasm");
        let packed = ask("/pkg/fovea_cpu_bg.wasm");
        assert_eq!(header(&packed, "Content-Encoding"), Some("gzip"));
        assert_eq!(header(&packed, "Vary"), Some("Accept-Encoding"));
        assert_eq!(header(&plain, "Vary"), Some("Accept-Encoding"));
        assert_ne!(header(&packed, "ETag"), header(&plain, "ETag"));
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed.body)
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(*unpacked, *plain.body);
        assert_eq!(header(&ask("/weights.bin"), "Content-Encoding"), None);
    }
}

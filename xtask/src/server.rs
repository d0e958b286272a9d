//! A small web server for the finished site, on this machine: it answers as a
//! good static host would, and reads nothing outside the site.

use std::collections::HashMap;
use std::fs;
use std::io::{Cursor, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use crate::digest;

/// Ports tried after the one asked for.
const PORTS: u16 = 20;
/// Requests answered at the same time: a browser opens six connections a page, and
/// one that reads slowly must not hold up another.
const WORKERS: usize = 16;

/// Sent with every answer. The first three put the page in a world of its own,
/// which browsers ask of pages that want threads.
const HEADERS: [(&str, &str); 6] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    // Ask every time, answered by 304 while nothing changed.
    ("Cache-Control", "no-cache"),
];

/// Serves `site` until stopped; says where.
pub fn serve(site: &Path, host: IpAddr, port: u16) -> Result<()> {
    let (server, address) = listen(host, port)?;
    if address.port() != port {
        eprintln!("Port {port} is taken; using {}", address.port());
    }
    let shown = match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    println!(
        "\nFovea is at http://{shown}:{}/   (Ctrl-C stops it)",
        address.port()
    );
    if !address.ip().is_loopback() {
        println!(
            "Other machines reach it too, but without https their browsers allow neither \
             WebGPU nor working offline."
        );
    }
    let workers = answer(server, site);
    for worker in workers {
        worker
            .join()
            .map_err(|_| anyhow!("the server stopped unexpectedly; start it again"))?;
    }
    Ok(())
}

fn listen(host: IpAddr, port: u16) -> Result<(Arc<Server>, SocketAddr)> {
    let last = port.saturating_add(PORTS);
    let mut reason = None;
    for candidate in port..=last {
        match Server::http(SocketAddr::new(host, candidate)) {
            Ok(server) => {
                let address = server.server_addr().to_ip();
                let address = address.context("the server has no address")?;
                return Ok((Arc::new(server), address));
            }
            Err(error) => reason = Some(error),
        }
    }
    match reason {
        Some(error) => {
            bail!(
                "no free port on {host} from {port} to {last} ({error}); choose another by --port"
            )
        }
        None => bail!("no port to try"),
    }
}

fn answer(server: Arc<Server>, site: &Path) -> Vec<thread::JoinHandle<()>> {
    let site = Arc::new(Site::new(site));
    (0..WORKERS)
        .map(|_| {
            let (server, site) = (Arc::clone(&server), Arc::clone(&site));
            thread::spawn(move || {
                for request in server.incoming_requests() {
                    let reply = site.reply(&Asked::from_request(&request));
                    // A visitor who closed the page no longer wants an answer.
                    let _ = request.respond(reply.into_response());
                }
            })
        })
        .collect()
}

/// What of a request decides the answer.
struct Asked<'a> {
    method: &'a Method,
    url: &'a str,
    accepts_gzip: bool,
    /// The ETags in `If-None-Match`.
    known: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn from_request(request: &'a Request) -> Self {
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
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Arc<[u8]>,
}

impl Reply {
    fn text(status: u16, message: &str) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "text/plain; charset=utf-8".to_owned())],
            body: Arc::from(format!("{message}\n").into_bytes()),
        }
    }

    fn into_response(self) -> Response<Cursor<Arc<[u8]>>> {
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

/// A file as it was when last read.
struct Known {
    modified: SystemTime,
    plain: Arc<[u8]>,
    gzip: Option<Arc<[u8]>>,
    digest: String,
}

struct Site {
    root: PathBuf,
    files: Mutex<HashMap<PathBuf, Arc<Known>>>,
}

impl Site {
    fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            files: Mutex::default(),
        }
    }

    fn reply(&self, asked: &Asked) -> Reply {
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

/// The path a URL asks for, relative to the site; `None` for anything that
/// might lead elsewhere.
fn relative_path(url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?;
    let path = percent_decoded(path.strip_prefix('/')?)?;
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

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

fn names_etag(known: &str, etag: &str) -> bool {
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

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("html")
}

fn is_text_or_code(path: &Path) -> bool {
    matches!(
        extension(path),
        "html" | "css" | "js" | "mjs" | "json" | "webmanifest" | "svg" | "txt" | "wasm"
    )
}

fn content_type(path: &Path) -> &'static str {
    match extension(path) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/vnd.microsoft.icon",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpStream};

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
    fn types_are_those_browsers_insist_on() {
        for (name, expected) in [
            ("a.wasm", "application/wasm"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.svg", "image/svg+xml"),
            ("a.bin", "application/octet-stream"),
        ] {
            assert_eq!(content_type(Path::new(name)), expected);
        }
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

    #[test]
    fn gzip_refused_is_gzip_not_sent() {
        assert!(accepts_gzip("br;q=1.0, gzip;q=0.8"));
        assert!(accepts_gzip("deflate, gzip"));
        assert!(!accepts_gzip("gzip;q=0, br"));
        assert!(!accepts_gzip("br"));
    }

    fn over_the_wire(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("{request}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn over_the_wire_every_answer_has_its_length_and_its_guards() {
        let scratch = Scratch::new();
        let (server, address) = listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).unwrap();
        let workers = answer(Arc::clone(&server), &scratch.site.root);

        let whole = over_the_wire(address, "GET /weights.bin HTTP/1.1");
        assert!(whole.starts_with("HTTP/1.1 200"), "{}", &whole[..200]);
        assert!(
            whole.contains("Content-Length: 100000"),
            "{}",
            &whole[..600]
        );
        for (name, value) in HEADERS {
            assert!(whole.contains(&format!("{name}: {value}\r\n")), "{name}");
        }
        let head = over_the_wire(address, "HEAD /weights.bin HTTP/1.1");
        assert!(head.contains("Content-Length: 100000"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "HEAD came with a body");
        let missing = over_the_wire(address, "GET /../secret.txt HTTP/1.1");
        assert!(missing.starts_with("HTTP/1.1 400"), "{missing}");
        assert!(missing.contains("nosniff"), "{missing}");

        server.unblock();
        drop(workers);
    }

    #[test]
    fn a_taken_port_gives_the_next_free_one() {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (_first, taken) = listen(host, 0).unwrap();
        let (_second, next) = listen(host, taken.port()).unwrap();
        assert!(next.port() > taken.port());
    }
}

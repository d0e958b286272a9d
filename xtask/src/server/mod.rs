//! A small web server for the finished site, on this machine: it answers as a
//! good static host would, and reads nothing outside the site.

mod address;
mod content;
mod exchange;
mod files;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use tiny_http::Server;

use crate::say;
use exchange::Asked;
use files::Site;

/// Ports tried after the one asked for.
const PORTS: u16 = 20;
/// Requests answered at the same time: a browser opens six connections a page, and
/// one that reads slowly must not hold up another.
const WORKERS: usize = 16;

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
    say::line(format_args!(
        "\nFovea is at http://{shown}:{}/   (Ctrl-C stops it)",
        address.port()
    ));
    if !address.ip().is_loopback() {
        say::line(
            "Other machines reach it too, but without https their browsers allow neither \
             WebGPU nor working offline.",
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::exchange::HEADERS;
    use super::*;

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
        let site = tempfile::tempdir().unwrap();
        fs::write(site.path().join("weights.bin"), vec![1; 100_000]).unwrap();
        let (server, address) = listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).unwrap();
        let workers = answer(Arc::clone(&server), site.path());

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

//! nginx beside the service where it is installed: one worker, mutual TLS, a 20-byte page.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::identity::IdentityFiles;

/// How long nginx may take to listen.
const START: Duration = Duration::from_secs(5);

/// A running nginx, stopped when dropped.
pub struct Nginx {
    master: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Nginx {
    /// Starts nginx in `folder`, or returns none where it is not installed.
    pub fn start(folder: &Path, files: &IdentityFiles) -> Result<Option<Self>, Error> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").map_err(Error::io("nginx"))?;
        let address = free.local_addr().map_err(Error::io("nginx"))?;
        drop(free);
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(folder, files, address)).map_err(Error::io(file.display()))?;
        let started = Command::new("nginx")
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(folder.join("nginx.log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let master = match started {
            Ok(master) => master,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("nginx")(error)),
        };
        let nginx = Self { master, address };
        let deadline = Instant::now() + START;
        while let Err(error) = TcpStream::connect(address) {
            if Instant::now() > deadline {
                return Err(Error::io("nginx did not start; see nginx.log")(error));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(nginx))
    }
}

impl Drop for Nginx {
    /// The master stops its worker when asked to terminate, which `kill` alone can ask.
    fn drop(&mut self) {
        let _asked = Command::new("kill").arg(self.master.id().to_string()).status();
        let _stopped = self.master.wait();
    }
}

fn configuration(folder: &Path, files: &IdentityFiles, address: SocketAddr) -> String {
    let folder = folder.display();
    let (certificate, key) = (files.node.0.display(), files.node.1.display());
    let client = files.user.0.display();
    format!(
        r#"
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen {address} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_client_certificate {client};
        ssl_verify_client optional_no_ca;
        ssl_protocols TLSv1.3;
        location / {{
            default_type application/json;
            return 200 '{{"answer":"fixed20"}}';
        }}
    }}
}}
"#
    )
}

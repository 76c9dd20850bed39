//! nginx with TLS: files, Git repositories, redirects.
//!
//! In: [`Certificates`]; files and repositories that a test puts into two folders, at any time. Out:
//!
//! | path | is |
//! |---|---|
//! | `/files/…` | the folder of files |
//! | `/private/…` | the same for whoever has the password |
//! | `/certified/…` | the same for whoever shows the client's certificate |
//! | `/git/NAME.git` | the folder of bare repositories, by Git's smart protocol, to read |
//! | `/private-git/NAME.git` | the same for whoever has the password |
//! | `…-git/NAME.git/info/lfs` | large files of both, as Git LFS asks for them; those that [`WebServer::keep`] was given |
//! | `/redirect/…`, `/redirect-git/…` | sends to `/files/…`, `/git/…` on the same host |
//! | `/elsewhere/…`, `/elsewhere-git/…` | sends to `/private/…`, `/private-git/…` on another host, `localhost` |
//! | `/inward/…` | sends to where clouds keep the credentials of a machine |
//!
//! # Guarantees
//! A request is in [`WebServer::requests`] as soon as its client has read the whole answer: nginx has one process here,
//! which writes the line before it does anything else.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::certificates::Certificates;
use super::error::Error;
use super::keeper::Keeper;
use super::lfs::BatchApi;
use super::programs::programs;
use super::requests::{LOG, ask, logged};
use super::{USER, password};
use crate::port::Port;

/// Where nginx answers whoever started it.
const CONTROL: &str = "control.sock";
/// Where nginx asks for what Git answers.
const GATEWAY: &str = "gateway.sock";
/// The folder of contents of Git LFS, in that of files.
const CONTENTS: &str = "lfs";
/// How many such requests are answered at the same time, each by one process of fcgiwrap.
const GATEWAY_PROCESSES: usize = 4;

/// A web server that runs.
#[derive(Debug)]
pub struct WebServer {
    keeper: Keeper,
    port: u16,
    password: String,
    authority: PathBuf,
    files: PathBuf,
    repositories: PathBuf,
    _batch_api: BatchApi,
}

impl WebServer {
    /// Starts one.
    ///
    /// # Errors
    /// Where programs are missing, or do not start.
    pub fn start(certificates: &Certificates) -> Result<Self, Error> {
        Self::start_with(certificates, password()?)
    }

    /// Starts another one, with the same user and password.
    ///
    /// # Errors
    /// As of [`WebServer::start`].
    pub fn beside(&self, certificates: &Certificates) -> Result<Self, Error> {
        Self::start_with(certificates, self.password.clone())
    }

    fn start_with(certificates: &Certificates, password: String) -> Result<Self, Error> {
        let programs = programs()?;
        // Held until nginx listens, which shares it.
        let port = Port::reserve().map_err(Error::Port)?;
        let mut keeper = Keeper::start()?;
        let (files, repositories) = (keeper.folder("files")?, keeper.folder("repositories")?);
        keeper.folder("temporary")?;
        let authority = keeper.copy(certificates.authority())?;
        keeper.copy(certificates.certificate())?;
        keeper.copy(certificates.key())?;
        // GitHub takes tokens of its apps under this name.
        let users = [USER, "x-access-token"].map(|user| format!("{user}:{{PLAIN}}{password}\n"));
        keeper.write("users", &users.concat())?;
        let batch_api = BatchApi::start(files.join(CONTENTS))?;
        let text = configuration(port.number(), batch_api.port(), &programs.git_http_backend);
        keeper.write("nginx.conf", &text)?;

        start_gateway(&mut keeper, &programs.fcgiwrap)?;
        let prefix = keeper.path().display().to_string();
        let control = keeper.path().join(CONTROL);
        keeper.run(&programs.nginx, &["-p", &prefix, "-c", "nginx.conf"])?;
        keeper.wait_for(|| is_awake(&control).then_some(()))?;
        let port = port.number();
        Ok(Self { keeper, port, password, authority, files, repositories, _batch_api: batch_api })
    }

    /// `https://127.0.0.1:PORT`. It is also called `localhost`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate authority that clients have to trust, in PEM.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.authority
    }

    /// The folder that is served as `/files/` and `/private/`.
    #[must_use]
    pub fn files(&self) -> &Path {
        &self.files
    }

    /// The folder of bare repositories that is served as `/git/` and `/private-git/`; see
    /// [`publish`](crate::repository::RepositoryBuilder::publish).
    #[must_use]
    pub fn repositories(&self) -> &Path {
        &self.repositories
    }

    /// Has all contents that `git lfs` keeps in a repository, by its `.git/lfs/objects`.
    ///
    /// # Errors
    /// Where they cannot be copied.
    pub fn keep(&self, objects: &Path) -> Result<(), Error> {
        let to = self.files.join(CONTENTS);
        fs::create_dir_all(&to).map_err(Error::file("create", &to))?;
        let mut waiting = vec![objects.to_owned()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).map_err(Error::file("read", &folder))?.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    waiting.push(path);
                } else {
                    fs::copy(&path, to.join(entry.file_name())).map_err(Error::file("copy", &path))?;
                }
            }
        }
        Ok(())
    }

    /// The file that has the content with this oid.
    #[must_use]
    pub fn content(&self, oid: &str) -> PathBuf {
        self.files.join(CONTENTS).join(oid)
    }

    /// The name of who may read what is private.
    #[must_use]
    pub fn user(&self) -> &str {
        USER
    }

    /// The password of that user; another for each server that was not started [beside](WebServer::beside) one.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// What was asked so far, a line each: method, host, path with its query, status, what the client proved itself with
    /// (`anonymous`, `basic`, `bearer`, `other`), right or wrong, and `certificate` where it showed a right one.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        // When it answers, it has written what went before.
        is_awake(&self.keeper.path().join(CONTROL));
        logged(self.keeper.path())
    }
}

/// Starts fcgiwrap. It could start more of itself, which nobody would wait for when it is killed.
fn start_gateway(keeper: &mut Keeper, fcgiwrap: &Path) -> Result<(), Error> {
    let path = keeper.path().join(GATEWAY);
    let gateway = UnixListener::bind(&path).map_err(Error::file("listen on", &path))?;
    for _ in 0..GATEWAY_PROCESSES {
        let input = gateway.try_clone().map_err(Error::file("listen on", &path))?;
        keeper.run_on(OwnedFd::from(input).into(), fcgiwrap, &[])?;
    }
    Ok(())
}

/// Whether nginx answers.
fn is_awake(control: &Path) -> bool {
    ask(control, "GET / HTTP/1.0", b"").is_ok()
}

/// The configuration of nginx. Paths without a slash at their beginning are in the server's directory.
fn configuration(port: u16, batch_api: u16, git_http_backend: &Path) -> String {
    let batch = format!("proxy_pass http://127.0.0.1:{batch_api}; proxy_set_header Host $http_host;");
    let gateway = gateway(git_http_backend);
    let private = "auth_basic private; auth_basic_user_file users;";
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    client_body_temp_path temporary/body;
    fastcgi_temp_path temporary/fastcgi;
    proxy_temp_path temporary/proxy;
    scgi_temp_path temporary/scgi;
    uwsgi_temp_path temporary/uwsgi;
    map $http_authorization $proof {{
        '' anonymous;
        '~*^basic ' basic;
        '~*^bearer ' bearer;
        default other;
    }}
    map $ssl_client_verify $shown {{
        SUCCESS ' certificate';
        default '';
    }}
    log_format line '$request_method $http_host $request_uri $status $proof$shown';
    server {{
        listen unix:{CONTROL};
        access_log off;
        return 204;
    }}
    server {{
        listen 127.0.0.1:{port} ssl reuseport;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate authority.pem;
        ssl_verify_client optional;
        access_log {LOG} line;
        client_max_body_size 0;
        location /files/ {{ alias files/; }}
        location /private/ {{ alias files/; {private} }}
        location /certified/ {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} alias files/; }}
        location ~ ^/git/.*\\.git/info/lfs/objects/batch$ {{ {batch} }}
        location ~ ^/private-git/.*\\.git/info/lfs/objects/batch$ {{ {batch} {private} }}
        location ~ ^/git(?<repository>/.*)$ {{ {gateway} }}
        location ~ ^/private-git(?<repository>/.*)$ {{ {gateway} {private} }}
        rewrite ^/redirect/(.*)$ https://$http_host/files/$1 redirect;
        rewrite ^/redirect-git/(.*)$ https://$http_host/git/$1 redirect;
        rewrite ^/elsewhere/(.*)$ https://localhost:{port}/private/$1 redirect;
        rewrite ^/elsewhere-git/(.*)$ https://localhost:{port}/private-git/$1 redirect;
        location /inward/ {{ return 302 http://169.254.169.254/latest/; }}
    }}
}}
"
    )
}

/// How a request reaches `git http-backend`: what CGI/1.1 has, and what Git has to know. Without a user, it only reads.
fn gateway(git_http_backend: &Path) -> String {
    let program = git_http_backend.display();
    format!(
        "root repositories;
            fastcgi_pass unix:{GATEWAY};
            fastcgi_param SCRIPT_FILENAME {program};
            fastcgi_param PATH_INFO $repository;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param GIT_PROJECT_ROOT $document_root;
            fastcgi_param GIT_HTTP_EXPORT_ALL yes;
            fastcgi_param GIT_CONFIG_NOSYSTEM 1;
            fastcgi_param GIT_CONFIG_GLOBAL /dev/null;"
    )
}

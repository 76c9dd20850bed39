//! The pages of the web UI: files that were built with this program, and are part of it.
//!
//! In: a method, a path, headers. Out: a [`Page`], where one is there. Addresses of the UI itself, such as
//! `/applications/argocd/shop`, all lead to one page, which reads the rest of the address. Names of other files have the hash of
//! what is in them, so browsers keep those for ever; the page itself is asked for each time, and answered with 304 where it is
//! the same. Nothing of a request gets into an answer.

use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// What the page may do: run and show what comes from here, ask here, and nothing else. Texts never become markup.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The page.
const INDEX: &str = "index.html";
/// What addresses of the UI begin with.
const PLACES: [&str; 5] = ["applications", "activity", "repositories", "clusters", "projects"];

/// A file that was built.
struct File {
    name: &'static str,
    content_type: &'static str,
    /// The hash of what is in it, as an entity tag.
    tag: &'static str,
    /// Whether its name says what is in it.
    is_kept: bool,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));

/// An answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// How it went.
    pub status: StatusCode,
    /// What goes before it.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its bytes.
    pub body: &'static [u8],
}

/// Whether this program was built with the UI.
#[must_use]
pub fn is_there() -> bool {
    !FILES.is_empty()
}

/// The page of a path; nothing where it is none of the UI's.
#[must_use]
pub fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Option<Page> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    let file = find(path)?;
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == file.tag);
    let keep = if file.is_kept { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut told = vec![
        (CACHE_CONTROL, HeaderValue::from_static(keep)),
        (ETAG, HeaderValue::from_static(file.tag)),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if is_known {
        return Some(Page { status: StatusCode::NOT_MODIFIED, headers: told, body: &[] });
    }
    told.push((CONTENT_TYPE, HeaderValue::from_static(file.content_type)));
    let (body, encoding) = file.encoded(headers);
    told.extend(encoding.map(|name| (CONTENT_ENCODING, HeaderValue::from_static(name))));
    Some(Page { status: StatusCode::OK, headers: told, body })
}

fn find(path: &str) -> Option<&'static File> {
    let path = path.strip_prefix('/')?;
    let first = path.split('/').next().unwrap_or_default();
    let name = if path.is_empty() || PLACES.contains(&first) { INDEX } else { path };
    // The page has one address: its own name is none.
    FILES.iter().find(|file| file.name == name && path != INDEX)
}

impl File {
    /// The smallest form that whoever asks understands.
    fn encoded(&self, headers: &HeaderMap) -> (&'static [u8], Option<&'static str>) {
        let understands = |name: &str| {
            let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
            lists.flat_map(|list| list.split(',')).any(|one| {
                let mut parts = one.split(';').map(str::trim);
                parts.next().is_some_and(|known| known.eq_ignore_ascii_case(name)) && !parts.any(is_zero)
            })
        };
        if understands("br") {
            (self.brotli, Some("br"))
        } else if understands("gzip") {
            (self.gzip, Some("gzip"))
        } else {
            (self.plain, None)
        }
    }
}

/// Whether a weight says that something is not wanted.
fn is_zero(weight: &str) -> bool {
    weight.strip_prefix("q=").is_some_and(|number| number.trim().parse::<f32>().is_ok_and(|number| number <= 0.0))
}

#[cfg(all(test, feature = "ui"))]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn asked(path: &str, lines: &[(HeaderName, &str)]) -> Option<Page> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        answer(&Method::GET, path, &headers)
    }

    fn header<'a>(page: &'a Page, name: &HeaderName) -> Option<&'a str> {
        page.headers.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.to_str().ok())
    }

    #[test]
    fn addresses_of_the_ui_lead_to_its_page_and_others_to_none() {
        let page = asked("/", &[]).expect("the page");
        assert_eq!(header(&page, &CACHE_CONTROL), Some("no-cache"));
        for path in ["/applications", "/applications/argocd/a%20b/plan", "/projects", "/activity"] {
            assert_eq!(asked(path, &[]).map(|page| page.body), Some(page.body), "{path}");
        }
        for path in
            ["", "index.html", "/index.html", "/nothing", "/../etc/passwd", "/assets/", "/applicationsx", "/api/v1/x"]
        {
            assert!(asked(path, &[]).is_none(), "{path}");
        }
        assert!(answer(&Method::POST, "/", &HeaderMap::new()).is_none());
    }

    #[test]
    fn what_the_page_names_is_there_and_kept() {
        let text = std::str::from_utf8(asked("/", &[]).expect("the page").body).expect("text");
        let names: Vec<&str> = text.split('"').filter(|part| part.starts_with("/assets/")).collect();
        assert!(names.len() >= 3, "{text}");
        for name in names {
            let file = asked(name, &[]).unwrap_or_else(|| panic!("{name}"));
            assert!(header(&file, &CACHE_CONTROL).is_some_and(|keep| keep.contains("immutable")), "{name}");
        }
        // The policy permits neither.
        assert!(!text.contains("<style") && !text.contains("style=") && !text.contains("<script>"), "{text}");
    }

    #[test]
    fn who_has_it_already_is_told_so() {
        let page = asked("/", &[]).expect("the page");
        let tag = header(&page, &ETAG).expect("a tag").to_owned();
        for known in [tag.clone(), format!("\"other\", W/{tag}")] {
            let again = asked("/", &[(IF_NONE_MATCH, &known)]).expect("an answer");
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
        }
        assert_eq!(asked("/", &[(IF_NONE_MATCH, "\"other\"")]).map(|page| page.status), Some(StatusCode::OK));
    }

    #[test]
    fn forms_are_those_that_are_understood() {
        let form = |accept: &str| {
            let page = asked("/", &[(ACCEPT_ENCODING, accept)]).expect("the page");
            header(&page, &CONTENT_ENCODING).map(str::to_owned)
        };
        assert_eq!(form("gzip, deflate, br").as_deref(), Some("br"));
        assert_eq!(form("gzip;q=1, br;q=0").as_deref(), Some("gzip"));
        assert_eq!(form("identity"), None);
        let packed = asked("/", &[(ACCEPT_ENCODING, "gzip")]).expect("the page");
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(packed.body).read_to_end(&mut text).expect("gzip");
        assert_eq!(Some(text.as_slice()), asked("/", &[]).map(|page| page.body));
    }

    #[test]
    fn the_first_load_is_small() {
        let sum: usize = FILES.iter().map(|file| file.gzip.len()).sum();
        assert!(sum < 100 << 10, "{sum} bytes");
    }
}

//! The text of a lock file.
//!
//! In: a [`Lock`], or bytes. Out: text with one block for each input, in the order of their requests; or the lock, or every
//! fault with its line. The reader takes what the writer gives and what Git's merges make of two such files; what two
//! branches say differently of one input is a fault that names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canon::{Id, Layout, Value};
use crate::manifest::yaml::{self, Limits, Locator};

use super::{Digest, Lock, Oid, Pin, Request};

/// The number of this format.
const VERSION: u32 = 1;

/// How many inputs one repository may have.
const MOST_INPUTS: usize = 100_000;

/// The file as it lies in a repository.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// The number of the format: 1.
    pub version: u32,
    /// One for each input.
    #[serde(default)]
    inputs: Option<Vec<Entry>>,
}

/// An input, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Entry {
    /// A chart of a chart repository or a registry.
    Chart {
        /// The address of the repository, as it is written where the chart is asked for.
        repository: String,
        /// What the chart is called there.
        chart: String,
        /// The version or the range of versions that is asked for; empty for the newest.
        version: String,
        /// The version that it is.
        resolved: String,
        /// SHA-256 of the archive.
        digest: Digest,
        /// The files in the archive.
        content: Id<Layout>,
    },
    /// A Git repository at a revision.
    Git {
        /// The address of the repository, as it is written where it is asked for.
        repository: String,
        /// The branch, tag or oid that is asked for; `HEAD` where none is.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        revision: String,
        /// The range of versions that is asked for, instead of a revision.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        range: String,
        /// What tags begin with that a range is looked for in.
        #[serde(default, rename = "tagPrefix", skip_serializing_if = "String::is_empty")]
        tag_prefix: String,
        /// The commit that it is.
        resolved: Oid,
    },
    /// A file at an address.
    File {
        /// The address, as it is written where the file is asked for.
        address: String,
        /// SHA-256 of the file.
        digest: Digest,
    },
    /// An artifact of a registry.
    Oci {
        /// The address of its repository, as it is written where the artifact is asked for.
        repository: String,
        /// The tag, the digest or the range of versions that is asked for.
        revision: String,
        /// The tag that it is; where a digest is asked for, that.
        resolved: String,
        /// SHA-256 of its manifest.
        manifest: Digest,
        /// SHA-256 of its layer with files.
        digest: Digest,
        /// The media type of that layer.
        media: String,
        /// The files in it.
        content: Id<Layout>,
    },
    /// A program that renders.
    Program {
        /// Its name.
        name: ProgramName,
        /// The version that it must have.
        resolved: String,
    },
}

/// A program that renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProgramName {
    /// Helm.
    Helm,
    /// Kustomize, by itself or inside of kubectl.
    Kustomize,
}

impl ProgramName {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Helm => "helm",
            Self::Kustomize => "kustomize",
        }
    }
}

impl Entry {
    /// The input that an entry is of, and what it is; none of a program.
    #[must_use]
    pub fn input(self) -> Option<(Request, Pin)> {
        match self {
            Self::Chart { repository, chart, version, resolved, digest, content } => {
                Some((Request::Chart { repository, chart, version }, Pin::Chart { version: resolved, digest, content }))
            }
            Self::Git { repository, revision, range, tag_prefix, resolved } => {
                let request = if range.is_empty() {
                    Request::git(&repository, &revision)
                } else {
                    Request::range(&repository, &range, &tag_prefix)
                };
                Some((request, Pin::Git { commit: resolved }))
            }
            Self::File { address, digest } => Some((Request::File { address }, Pin::File { digest })),
            Self::Oci { repository, revision, resolved, manifest, digest, media, content } => Some((
                Request::Oci { repository, revision },
                Pin::Oci { tag: resolved, manifest, digest, media, content },
            )),
            Self::Program { .. } => None,
        }
    }

    /// The entry of an input. `None` where the pin is of something else than the request.
    #[must_use]
    pub fn new(request: &Request, pin: &Pin) -> Option<Self> {
        match (request.clone(), pin.clone()) {
            (Request::Chart { repository, chart, version }, Pin::Chart { version: resolved, digest, content }) => {
                Some(Self::Chart { repository, chart, version, resolved, digest, content })
            }
            (Request::Git { repository, revision, is_range, tag_prefix }, Pin::Git { commit }) => {
                let (revision, range) = if is_range { (String::new(), revision) } else { (revision, String::new()) };
                Some(Self::Git { repository, revision, range, tag_prefix, resolved: commit })
            }
            (Request::File { address }, Pin::File { digest }) => Some(Self::File { address, digest }),
            (Request::Oci { repository, revision }, Pin::Oci { tag: resolved, manifest, digest, media, content }) => {
                Some(Self::Oci { repository, revision, resolved, manifest, digest, media, content })
            }
            _ => None,
        }
    }
}

/// Something that is wrong with a lock file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Lock, Vec<Fault>> {
    // Bounded, unlike the reader of our types.
    let reading = yaml::read(bytes, Limits::default());
    if !reading.problems.is_empty() {
        let fault = |problem: yaml::Problem| Fault {
            line: problem.line,
            column: problem.column,
            message: explained(bytes, problem.message),
        };
        return Err(reading.problems.into_iter().map(fault).collect());
    }
    let file: LockFile = serde_yaml::from_slice(bytes).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        vec![Fault { line, column, message: message.to_owned() }]
    })?;
    let whole = |message: String| vec![Fault { line: 0, column: 0, message }];
    if file.version != VERSION {
        let message = format!("this is format {} of the lock file, and this version reads {VERSION}", file.version);
        return Err(whole(message));
    }
    let inputs = file.inputs.unwrap_or_default();
    if inputs.len() > MOST_INPUTS {
        return Err(whole(format!("it has more than {MOST_INPUTS} inputs")));
    }
    collect(inputs, &Locator::new(bytes))
}

/// A conflict that nobody has resolved is the most likely thing to be wrong.
fn explained(bytes: &[u8], message: String) -> String {
    let is_conflict = bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"<<<<<<< "));
    if is_conflict {
        "a merge left a conflict here: keep both sides where they are different inputs, else run `kubectl gitops lock \
         update` on the input"
            .to_owned()
    } else {
        message
    }
}

fn collect(inputs: Vec<Entry>, locator: &Locator) -> Result<Lock, Vec<Fault>> {
    let mut lock = Lock::default();
    let mut faults = Vec::new();
    for (index, entry) in inputs.into_iter().enumerate() {
        if let Err(message) = add(&mut lock, entry) {
            let found = locator.locate(0, &format!("/inputs/{index}"));
            let (line, column) = found.map_or((0, 0), |found| (found.value.line, found.value.column));
            faults.push(Fault { line, column, message });
        }
    }
    if faults.is_empty() { Ok(lock) } else { Err(faults) }
}

fn add(lock: &mut Lock, entry: Entry) -> Result<(), String> {
    if let Entry::Program { name, resolved } = entry {
        let is_other = lock.programs.get(&name).is_some_and(|before| *before != resolved);
        if is_other {
            return Err(format!("the program {} is here twice, with different versions: keep one", name.as_str()));
        }
        lock.programs.insert(name, resolved);
        return Ok(());
    }
    let Some((request, pin)) = entry.input() else { return Ok(()) };
    if let Some(fault) = request.fault() {
        return Err(fault);
    }
    if lock.inputs.get(&request).is_some_and(|before| *before != pin) {
        return Err(format!("{request} is here twice and is two things: keep one"));
    }
    lock.inputs.insert(request, pin);
    Ok(())
}

pub(super) fn text(lock: &Lock) -> String {
    let mut text = format!(
        "# Inputs from elsewhere, and what they are. Written by `kubectl gitops lock`; keep it in Git.\n\
         version: {VERSION}\ninputs:\n"
    );
    for (request, pin) in &lock.inputs {
        block(&mut text, &fields(request, pin));
    }
    for (name, version) in &lock.programs {
        let name = name.as_str().to_owned();
        block(&mut text, &[("kind", "program".to_owned()), ("name", name), ("resolved", version.clone())]);
    }
    text
}

fn fields(request: &Request, pin: &Pin) -> Vec<(&'static str, String)> {
    let requested: &[(&'static str, &str)] = match request {
        Request::Chart { repository, chart, version } => {
            &[("kind", "chart"), ("repository", repository), ("chart", chart), ("version", version)]
        }
        Request::Git { repository, revision, is_range: false, .. } => {
            &[("kind", "git"), ("repository", repository), ("revision", revision)]
        }
        Request::Git { repository, revision, tag_prefix, .. } if tag_prefix.is_empty() => {
            &[("kind", "git"), ("repository", repository), ("range", revision)]
        }
        Request::Git { repository, revision, tag_prefix, .. } => {
            &[("kind", "git"), ("repository", repository), ("range", revision), ("tagPrefix", tag_prefix)]
        }
        Request::File { address } => &[("kind", "file"), ("address", address)],
        Request::Oci { repository, revision } => &[("kind", "oci"), ("repository", repository), ("revision", revision)],
    };
    let mut fields: Vec<_> = requested.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    match pin {
        Pin::Chart { version, digest, content } => fields.extend([
            ("resolved", version.clone()),
            ("digest", digest.to_string()),
            ("content", content.to_string()),
        ]),
        Pin::Git { commit } => fields.push(("resolved", commit.to_string())),
        Pin::File { digest } => fields.push(("digest", digest.to_string())),
        Pin::Oci { tag, manifest, digest, media, content } => fields.extend([
            ("resolved", tag.clone()),
            ("manifest", manifest.to_string()),
            ("digest", digest.to_string()),
            ("media", media.clone()),
            ("content", content.to_string()),
        ]),
    }
    fields
}

/// One entry, with an empty line before it: that is what lets Git merge two that were added side by side.
fn block(text: &mut String, fields: &[(&str, String)]) {
    text.push('\n');
    for (index, (name, value)) in fields.iter().enumerate() {
        let start = if index == 0 { "- " } else { "  " };
        text.extend([start, name, ": ", &yaml::emit(&Value::String(value.clone()))]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::Encoder;

    fn chart(version: &str) -> Request {
        let [repository, chart] = ["https://charts.example.com", "redis"].map(str::to_owned);
        Request::Chart { repository, chart, version: version.to_owned() }
    }

    fn pinned(version: &str) -> Pin {
        let digest = format!("sha256:{}", "a".repeat(64)).parse().expect("a digest");
        Pin::Chart { version: version.to_owned(), digest, content: Id::of(&Encoder::new().finish()) }
    }

    fn commit(digit: &str) -> Pin {
        Pin::Git { commit: digit.repeat(40).parse().expect("an oid") }
    }

    fn lock() -> Lock {
        let mut lock = Lock::default();
        // Numbers and words that YAML would take for something else.
        lock.insert(chart("1.10"), pinned("1.10"));
        lock.insert(chart("*"), pinned("2.0.0"));
        lock.insert(Request::git("https://example.com/base.git", "yes"), commit("1"));
        lock.insert(Request::range("git@example.com:mono", ">=1 <2", "app-"), commit("2"));
        lock.insert(Request::git("git@example.com:mono", "1.x"), commit("4"));
        lock.insert(Request::range("git@example.com:mono", "1.x", ""), commit("5"));
        let digest = format!("sha256:{}", "0".repeat(64)).parse().expect("a digest");
        lock.insert(Request::File { address: "https://example.com/crds.yaml".to_owned() }, Pin::File { digest });
        let [manifest, digest] = ["1", "2"].map(|digit| digit.repeat(64));
        let [manifest, digest] = [manifest, digest].map(|hex| format!("sha256:{hex}").parse().expect("a digest"));
        let media = "application/vnd.oci.image.layer.v1.tar+gzip".to_owned();
        let content = Id::of(&Encoder::new().finish());
        let request =
            Request::Oci { repository: "oci://registry.example.com/deploy".to_owned(), revision: "1.10".to_owned() };
        lock.insert(request, Pin::Oci { tag: "1.10".to_owned(), manifest, digest, media, content });
        lock.insert_program(ProgramName::Helm, "v4.3.1");
        lock
    }

    #[test]
    fn what_is_written_is_read_back() {
        let lock = lock();
        let text = lock.text();
        assert_eq!(read(text.as_bytes()).expect("our own file"), lock, "{text}");
        let empty = Lock::default();
        assert_eq!(read(empty.text().as_bytes()).expect("an empty file"), empty);
        let mut short = Lock::default();
        short.insert(chart("1.10"), pinned("1.10"));
        short.insert_program(ProgramName::Helm, "v4.3.1");
        insta::assert_snapshot!(short.text(), @r#"
        # Inputs from elsewhere, and what they are. Written by `kubectl gitops lock`; keep it in Git.
        version: 1
        inputs:

        - kind: chart
          repository: https://charts.example.com
          chart: redis
          version: "1.10"
          resolved: "1.10"
          digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          content: t1-bl7is5s7f62lpjio3vze7tkvl34fzfirgp6lmdzmrys6mk3gaxba

        - kind: program
          name: helm
          resolved: v4.3.1
        "#);
    }

    /// Two branches that add different inputs: Git puts both blocks one after the other.
    #[test]
    fn the_order_does_not_matter() {
        let text = lock().text();
        let (head, rest) = text.split_once("\n\n").expect("a head");
        let mut blocks: Vec<&str> = rest.trim_end().split("\n\n").collect();
        blocks.reverse();
        let turned = format!("{head}\n\n{}\n", blocks.join("\n\n"));
        assert_eq!(read(turned.as_bytes()).expect("the same"), lock());
        assert_eq!(read(turned.as_bytes()).expect("the same").text(), text);
    }

    #[test]
    fn two_answers_to_one_request_are_a_fault() {
        let mut other = lock();
        other.insert(Request::git("https://example.com/base.git", "yes"), commit("3"));
        let (text, other) = (lock().text(), other.text());
        let (_, blocks) = other.split_once("inputs:\n").expect("blocks");
        let faults = read(format!("{text}{blocks}").as_bytes()).expect_err("two answers");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].line > 20 && faults[0].message.contains("at yes is here twice"), "{faults:?}");
        let same = format!("{text}{}", text.split_once("inputs:\n").expect("blocks").1);
        assert_eq!(read(same.as_bytes()).expect("said twice is said once"), lock());
    }

    #[test]
    fn whatever_else_is_wrong_is_told() {
        let fault = |text: &str| read(text.as_bytes()).expect_err(text).remove(0);
        let entry = |fields: &str| format!("version: 1\ninputs:\n- {fields}\n");
        assert!(fault("version: 2\n").message.contains("format 2"));
        assert!(fault("inputs: []\n").message.contains("version"));
        assert!(fault(&entry("{kind: git, repository: a, revision: b, resolved: abc}")).message.contains("no commit"));
        assert!(fault(&entry("{kind: file, address: a, digest: md5:1}")).message.contains("no digest"));
        let sized = format!("{{kind: file, address: a, digest: 'sha256:{}', size: 1}}", "0".repeat(64));
        assert!(fault(&entry(&sized)).message.contains("size"));
        assert!(fault(&entry("{kind: wheel}")).message.contains("wheel"));
        let text = format!("{}<<<<<<< HEAD\n- kind: git\n=======\n>>>>>>> other\n", lock().text());
        assert!(fault(&text).message.contains("a merge left a conflict here"));
        let password = entry(&format!(
            "{{kind: git, repository: 'https://a:geheim@example.com/x', revision: v1, resolved: {}}}",
            "1".repeat(40)
        ));
        let said = fault(&password);
        assert!(said.line == 3 && !said.message.contains("geheim"), "{said:?}");
    }
}

//! A review for a comment of a pull request.
//!
//! In: a review, how much room there is. Out: markdown that fits. The headline always does; what comes after is left out from
//! the end, and what was left out is said, with names as far as they fit. Text of the branch stands in code only, where no
//! forge looks for mentions, references or links.

use super::super::report::{ApplicationReview, Review, Verdict};
use super::super::rule::Level;
use super::escape::{block, code};
use super::{Detail, lines, same_as, sides, verdict};

/// What the forges' own limit for a comment leaves: 65,536 characters on GitHub.
pub const ROOM: usize = 65_000;

/// Less room than this is not enough for a headline.
pub const LEAST_ROOM: usize = 2_000;

/// How a comment begins, so that the next review can take its place.
pub const MARKER: &str = "<!-- kubectl-gitops review -->";

/// What is kept free for saying what was left out.
const TAIL: usize = 1_200;

/// How folded changes end.
const CLOSE: &str = "\n</details>\n";

/// Longer lines are cut: a risk names what it is about at its beginning.
const LONGEST: usize = 600;

/// A review as markdown of at most `room` characters; [`LEAST_ROOM`] where that is less.
#[must_use]
pub fn markdown(review: &Review, room: usize, detail: Detail) -> String {
    let mut page = Page { text: String::new(), left: room.max(LEAST_ROOM) - TAIL, left_out: Vec::new() };
    page.always(&format!("{MARKER}\n## {} {}\n\n{}\n\n", icon(review.verdict), verdict(review), short(&sides(review))));
    headlines(review, &mut page);
    risks(review, &mut page);
    for application in &review.applications {
        errors(application, &mut page);
    }
    for application in review.applications.iter().filter(|application| application.verdict != Verdict::Unchanged) {
        sections(review, application, &mut page);
    }
    for (index, application) in review.applications.iter().enumerate() {
        changes(review, index, application, detail, &mut page);
    }
    page.finish()
}

fn icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unchanged => "⚪",
        Verdict::Routine => "🟢",
        Verdict::Caution => "🟡",
        Verdict::Block | Verdict::Failed => "🔴",
    }
}

fn short(text: &str) -> String {
    code(&cut(text, LONGEST))
}

/// So much of a text, with a mark where there is more.
fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A page that has an end.
struct Page {
    text: String,
    left: usize,
    /// What was left out: the section, how much of it, and names.
    left_out: Vec<(String, Vec<String>)>,
}

impl Page {
    fn always(&mut self, text: &str) {
        self.left = self.left.saturating_sub(text.chars().count());
        self.text.push_str(text);
    }

    /// Adds text where it fits.
    fn add(&mut self, text: &str, section: &str, name: &str) -> bool {
        let length = text.chars().count();
        if length > self.left {
            match self.left_out.iter_mut().find(|(known, _)| known == section) {
                Some((_, names)) => names.push(name.to_owned()),
                None => self.left_out.push((section.to_owned(), vec![name.to_owned()])),
            }
            return false;
        }
        self.always(text);
        true
    }

    fn finish(mut self) -> String {
        if self.left_out.is_empty() {
            return self.text;
        }
        let mut tail = "\n**Left out for lack of room**, and in `-o json` as a whole:\n".to_owned();
        let mut left = TAIL - 200;
        for (at, (section, names)) in self.left_out.iter().enumerate() {
            // Each section has its line, with as many names as a fair part of the room has.
            let fair = left / (self.left_out.len() - at);
            let mut line = format!("- {} of {section}", names.len());
            let mut shown = 0;
            for name in names {
                let name = code(&cut(name, 80));
                if line.chars().count() + name.chars().count() + 40 > fair {
                    break;
                }
                line = format!("{line}{} {name}", if shown == 0 { ":" } else { "," });
                shown += 1;
            }
            if shown > 0 && shown < names.len() {
                line = format!("{line} and {} more", names.len() - shown);
            }
            line.push('\n');
            left = left.saturating_sub(line.chars().count());
            tail.push_str(&line);
        }
        self.text.push_str(&tail);
        self.text
    }
}

fn headlines(review: &Review, page: &mut Page) {
    let unchanged = review.applications.iter().filter(|found| found.verdict == Verdict::Unchanged).count();
    for application in review.applications.iter().filter(|found| found.verdict != Verdict::Unchanged) {
        let about = match application.verdict {
            Verdict::Failed => "does not compile".to_owned(),
            _ => lines::counts(application.counts),
        };
        let name = short(&application.application);
        let graphs = short(&lines::graphs(review, application));
        let line = format!("- {} {name} {graphs} {about}\n", icon(application.verdict));
        page.add(&line, "applications", &application.application);
    }
    if unchanged > 0 {
        page.add(
            &format!("- ⚪ {} unchanged\n", lines::counted(unchanged, "application")),
            "applications",
            "unchanged",
        );
    }
}

fn risks(review: &Review, page: &mut Page) {
    let several = review.applications.len() > 1;
    let of_applications = review.applications.iter().flat_map(|application| {
        let name = if several { format!("{} ", short(&application.application)) } else { String::new() };
        application.risks.iter().map(move |risk| (name.clone(), risk))
    });
    let mut all: Vec<_> = review.risks.iter().map(|risk| (String::new(), risk)).chain(of_applications).collect();
    all.sort_by_key(|(_, risk)| std::cmp::Reverse(risk.level));
    if !all.is_empty() {
        page.add("\n### Risks\n\n", "titles", "risks");
    }
    for (name, risk) in all {
        let level = match risk.level {
            Level::Block => "🔴 **block**",
            Level::Caution => "🟡 **caution**",
            Level::Info => "⚪ info",
        };
        let told = lines::risk(risk);
        page.add(&format!("- {level} `{}` {name}{} — {}\n", risk.rule, short(&told), risk.advice), "risks", &told);
    }
    for expired in &review.expired_acceptances {
        let about = format!("{} for {} until {}", expired.rule, expired.resource, expired.until);
        page.add(&format!("- ⚪ an acceptance is over: {}\n", short(&about)), "acceptances", &about);
    }
    for application in &review.applications {
        for accepted in &application.accepted {
            let about = format!("{} until {}: {}", lines::risk(&accepted.risk), accepted.until, accepted.reason);
            page.add(&format!("- ☑ accepted `{}` {}\n", accepted.risk.rule, short(&about)), "acceptances", &about);
        }
    }
}

fn errors(application: &ApplicationReview, page: &mut Page) {
    let name = &application.application;
    if let Some(error) = &application.base_error {
        let text = format!("\nThe older side of {} is not known: {}\n", short(name), short(error));
        page.add(&text, "errors", error);
    }
    let Some(error) = &application.error else { return };
    page.add(&format!("\n### {} does not compile\n\n{}\n\n", short(name), short(error)), "errors", error);
    for finding in &application.findings {
        let told = cut(&finding.to_string(), 4 * LONGEST);
        page.add(&block("text", std::slice::from_ref(&told)), "errors", &told);
    }
}

fn sections(review: &Review, application: &ApplicationReview, page: &mut Page) {
    let of =
        if review.applications.len() > 1 { format!(" of {}", short(&application.application)) } else { String::new() };
    let restarts = format!("Restarts: {}", lines::restarts(&application.restarts));
    let order = format!("Order: {}", lines::layers(application));
    let sections: [(&str, Vec<String>); 5] = [
        ("Versions", application.versions.iter().map(lines::version).collect()),
        (&restarts, application.restarts.iter().map(lines::restart).collect()),
        ("What depends on what changes", application.reach.iter().map(lines::reach).collect()),
        (&order, lines::order(application)),
        ("Causes", lines::causes(&application.causes)),
    ];
    for (title, all) in sections {
        if all.is_empty() {
            continue;
        }
        // A section is one block, of as many lines as a fair part of the room has.
        let most = page.left / 3;
        let (mut fitting, mut length) = (Vec::new(), 0);
        for line in &all {
            let shown = cut(line, LONGEST);
            length += super::escape::line(&shown).chars().count() + 1;
            if length > most {
                break;
            }
            fitting.push(shown);
        }
        let rest = &all[fitting.len()..];
        if !fitting.is_empty() {
            let text = format!("\n**{title}**{of}\n\n{}", block("text", &fitting));
            page.add(&text, "sections", title);
        }
        let section = title.split(':').next().unwrap_or(title).to_lowercase();
        for line in rest {
            page.add(&" ".repeat(page.left + 1), &section, line);
        }
    }
}

fn changes(review: &Review, index: usize, application: &ApplicationReview, detail: Detail, page: &mut Page) {
    if let Some(left_out) = lines::left_out(application) {
        let of = if review.applications.len() > 1 {
            format!("{}: ", short(&application.application))
        } else {
            String::new()
        };
        page.add(&format!("\n{of}{left_out}\n"), "changes", "what was not asked for");
    }
    if application.changes.is_empty() {
        return;
    }
    let name = short(&application.application);
    if let Some(same) = same_as(review, index) {
        let text = format!("\nThe changes of {name} are those of {}.\n", short(&same.application));
        page.add(&text, "changes", &application.application);
        return;
    }
    let blocks = lines::changes(application, detail);
    let open = format!("\n<details><summary>Changes ({})</summary>\n\n", application.changes.len());
    let open = if review.applications.len() > 1 { format!("\n{name}\n{open}") } else { open };
    if !page.add(&format!("{open}{CLOSE}"), "changes", &application.application) {
        return;
    }
    page.text.truncate(page.text.len() - CLOSE.len());
    for change in blocks {
        let body: Vec<String> = std::iter::once(change.head.clone())
            .chain(change.body.iter().map(|field| format!("    {}", cut(field, LONGEST))))
            .collect();
        page.add(&block("diff", &body), "changes", &change.head);
    }
    page.text.push_str(CLOSE);
}

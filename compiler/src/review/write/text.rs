//! A review for a terminal.
//!
//! In: a review. Out: calm lines, the important first: verdict, risks, versions, restarts, what depends on what changes, the
//! order, causes, and what differs.

use std::fmt::Write as _;

use super::super::report::{ApplicationReview, Review, Verdict};
use super::super::rule::Level;
use super::escape::line;
use super::{Detail, lines, same_as, sides, verdict};

/// A review as text.
#[must_use]
pub fn text(review: &Review, detail: Detail) -> String {
    let mut text = format!("{}   {}\n", line(&sides(review)), verdict(review));
    for risk in &review.risks {
        let _ = writeln!(
            text,
            "{} {:<7}  {}  [{}]",
            sign(risk.level),
            risk.level.as_str(),
            line(&lines::risk(risk)),
            risk.rule
        );
    }
    for expired in &review.expired_acceptances {
        let about = format!("{} was accepted for {} until {}", expired.rule, expired.resource, expired.until);
        let _ = writeln!(text, "· {}", line(&about));
    }
    for (index, application) in review.applications.iter().enumerate() {
        if application.verdict == Verdict::Unchanged && review.applications.len() > 1 {
            continue;
        }
        let _ = write!(text, "\n{}", one(review, index, application, detail));
    }
    let unchanged: Vec<String> = review
        .applications
        .iter()
        .filter(|application| application.verdict == Verdict::Unchanged)
        .map(|application| line(&application.application))
        .collect();
    if !unchanged.is_empty() && review.applications.len() > 1 {
        let _ = writeln!(text, "\n= unchanged: {}", unchanged.join(", "));
    }
    text
}

fn sign(level: Level) -> char {
    if level == Level::Info { '·' } else { '!' }
}

fn one(review: &Review, index: usize, application: &ApplicationReview, detail: Detail) -> String {
    let name = line(&application.application);
    let mut text = format!("{name}  {}   {}", lines::graphs(review, application), lines::counts(application.counts));
    if application.error.is_some() {
        text = format!("{name}  {}", lines::graphs(review, application));
    }
    text.push('\n');
    if let Some(error) = &application.base_error {
        let _ = writeln!(text, "· the older side is not known: {}", line(error));
    }
    if let Some(error) = &application.error {
        let _ = writeln!(text, "✗ {}", line(error));
        for finding in &application.findings {
            let _ = writeln!(text, "    {}", line(&finding.to_string()));
        }
    }
    for risk in &application.risks {
        let told = line(&lines::risk(risk));
        let _ = writeln!(text, "{} {:<7}  {told}  [{}]", sign(risk.level), risk.level.as_str(), risk.rule);
    }
    for accepted in &application.accepted {
        let about = format!("{}  until {}: {}", lines::risk(&accepted.risk), accepted.until, accepted.reason);
        let _ = writeln!(text, "= accepted {}  [{}]", line(&about), accepted.risk.rule);
    }
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "  {title}");
            for one in lines {
                let _ = writeln!(text, "    {}", line(&one));
            }
        }
    };
    section("versions", application.versions.iter().map(lines::version).collect());
    let restarts = format!("restarts  {}", lines::restarts(&application.restarts));
    section(&restarts, application.restarts.iter().map(lines::restart).collect());
    section("reaches", application.reach.iter().map(lines::reach).collect());
    section(&format!("order  {}", lines::layers(application)), lines::order(application));
    section("causes", lines::causes(&application.causes));
    if let Some(same) = same_as(review, index) {
        let _ = writeln!(text, "  changes  the same as those of {}", line(&same.application));
        return text;
    }
    for block in lines::changes(application, detail) {
        let _ = writeln!(text, "{}", line(&block.head));
        for field in block.body {
            // A field's own line is escaped, and its length bounded, by what wrote it.
            let _ = writeln!(text, "    {}", line(&field));
        }
    }
    if let Some(left_out) = lines::left_out(application) {
        let _ = writeln!(text, "· {left_out}");
    }
    text
}

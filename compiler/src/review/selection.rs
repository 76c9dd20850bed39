//! What of a review somebody wants to see.
//!
//! In: patterns of resources and of fields. Out: the review without the differences that do not fit, of single resources and of several
//! together. Verdict, counts, risks, versions, restarts, order and causes stay those of the whole change, and how much was
//! left out is told: nothing can be hidden from whoever has to agree.

use crate::diff::FieldChange;

use super::report::{ApplicationReview, Fate, LeftOut, Review};
use super::settings::is_like;
use super::shared;

/// Which differences somebody wants to see. Patterns are as those of acceptances: `*` stands for any part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only resources like one of these, as reports name them: `Deployment shop/*`. None are all.
    pub only: Vec<String>,
    /// No resource like one of these.
    pub ignore: Vec<String>,
    /// No field like one of these, as reports name them: `metadata.labels[helm.sh/chart]`. Nor a resource of which nothing else
    /// differs. Schemas of definitions are no such fields.
    pub ignore_fields: Vec<String>,
}

impl Selection {
    /// Leaves out of a review what is not wanted.
    #[must_use]
    pub fn of(&self, mut review: Review) -> Review {
        if *self != Self::default() {
            review.applications.iter_mut().for_each(|application| self.leave_out(application));
        }
        review
    }

    fn leave_out(&self, application: &mut ApplicationReview) {
        let mut left_out = LeftOut::default();
        application.changes.retain_mut(|change| {
            let fields =
                if self.takes(&change.resource.to_string()) { self.drop_fields(&mut change.fate) } else { None };
            match fields {
                Some(fields) => left_out.fields += fields,
                None => left_out.resources += 1,
            }
            fields.is_some()
        });
        application.left_out = left_out;
        application.shared = shared::shared(&application.changes);
    }

    fn takes(&self, resource: &str) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| is_like(pattern, resource));
        (self.only.is_empty() || fits(&self.only)) && !fits(&self.ignore)
    }

    /// How many fields were dropped; nothing where nothing is left.
    fn drop_fields(&self, fate: &mut Fate) -> Option<usize> {
        let is_wanted = |field: &FieldChange| !self.ignore_fields.iter().any(|pattern| is_like(pattern, &field.path));
        let (Fate::Changed { fields, .. } | Fate::Replaced { fields, .. }) = fate else { return Some(0) };
        let all = fields.len();
        fields.retain(is_wanted);
        let dropped = all - fields.len();
        let is_empty = match fate {
            // Schemas of definitions are told in words: they are no fields of this kind.
            Fate::Changed { fields, schema, schema_fields } => {
                fields.is_empty() && schema.is_empty() && schema_fields.is_empty()
            }
            // That it has another name is a change, too.
            Fate::Added { .. } | Fate::Removed { .. } | Fate::Replaced { .. } => false,
        };
        (dropped == 0 || !is_empty).then_some(dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::ResourceReview;
    use super::*;
    use crate::canon::Value;
    use crate::name::ResourceKey;
    use crate::review::{Counts, Verdict};

    fn change(name: &str, paths: &[&str]) -> ResourceReview {
        let field =
            |path: &&str| FieldChange { path: (*path).to_owned(), old: Some("1".into()), new: Some("2".into()) };
        let fields = paths.iter().map(field).collect();
        let fate = Fate::Changed { fields, schema: Vec::new(), schema_fields: Vec::new() };
        ResourceReview { resource: ResourceKey::new("", "ConfigMap", "shop", name), fate, origin: None }
    }

    fn review() -> Review {
        let gone = ResourceReview {
            resource: ResourceKey::new("", "Service", "shop", "web"),
            fate: Fate::Removed { body: Value::Null },
            origin: None,
        };
        let changes = vec![change("a", &["data.x", "metadata.labels[v]"]), change("b", &["metadata.labels[v]"]), gone];
        let shared = shared::shared(&changes);
        let counts = Counts { changed: 2, removed: 1, ..Counts::default() };
        let verdict = Verdict::Block;
        let application = ApplicationReview { verdict, counts, shared, changes, ..ApplicationReview::default() };
        Review {
            base: super::super::SideName::default(),
            head: super::super::SideName::default(),
            verdict,
            risks: Vec::new(),
            expired_acceptances: Vec::new(),
            applications: vec![application],
        }
    }

    fn names(selection: &Selection) -> (Vec<String>, LeftOut, usize) {
        let told = selection.of(review());
        let one = &told.applications[0];
        assert_eq!((told.verdict, one.verdict, one.counts.changed), (Verdict::Block, Verdict::Block, 2));
        let names = one.changes.iter().map(|change| change.resource.name.clone()).collect();
        (names, one.left_out, one.shared.len())
    }

    #[test]
    fn what_is_not_wanted_is_left_out_and_counted() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let left = |resources, fields| LeftOut { resources, fields };
        let all = Selection::default();
        assert_eq!(names(&all), (texts(&["a", "b", "web"]), left(0, 0), 1));
        let only = Selection { only: texts(&["ConfigMap shop/a", "Service *"]), ..Selection::default() };
        assert_eq!(names(&only), (texts(&["a", "web"]), left(1, 0), 0), "what one resource has is not shared");
        let ignore = Selection { ignore: texts(&["ConfigMap *"]), ..Selection::default() };
        assert_eq!(names(&ignore), (texts(&["web"]), left(2, 0), 0));
        let fields = Selection { ignore_fields: texts(&["metadata.labels*"]), ..Selection::default() };
        assert_eq!(names(&fields), (texts(&["a", "web"]), left(1, 1), 0));
        let mut told = review();
        if let Fate::Changed { fields, schema_fields, .. } = &mut told.applications[0].changes[0].fate {
            std::mem::swap(fields, schema_fields);
        }
        let told = Selection { ignore_fields: texts(&["data.*"]), ..Selection::default() }.of(told);
        assert_eq!(told.applications[0].left_out, left(0, 0), "what differs in schemas stays");
        let both = Selection { only: texts(&["*/a"]), ignore: texts(&["*"]), ..Selection::default() };
        assert_eq!(names(&both), (texts(&[]), left(3, 0), 0));
    }
}

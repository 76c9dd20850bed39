//! Other repositories and files at addresses, brought into a closure.
//!
//! In: a name in a kustomization that is an address. Out: a part with the files of that repository, or a file below the
//! kustomization; the name is noted, to be written anew. Guarantees: no part leads back to itself, so that nothing is a
//! circle to Kustomize that is none.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::lock::Request;
use crate::render::{Asker, Error};
use crate::tree::{Tree, join};

use super::closure::{Closure, Found, Place};
use super::elsewhere::{self, Files, Part, Rewrite, Target};

/// How often one repository at one revision may lead to itself by its address.
const MOST_COPIES: usize = 16;

impl Closure<'_, '_> {
    /// Lays out a file from elsewhere below the kustomization: Kustomize takes files from nowhere else.
    pub(super) fn remote_file(
        &mut self,
        place: &Place<'_>,
        pointer: &str,
        name: &str,
        request: &Request,
    ) -> Result<Option<Found>, Error> {
        let Some(tree) = self.remote(place, pointer, request) else { return Ok(None) };
        let alone = tree.folder("")?;
        let Some(entry) = alone.entries().first() else { return Ok(None) };
        let Some(file) = tree.file(&entry.path)? else { return Ok(None) };
        let below = elsewhere::place_of_file(request);
        let path = join(&place.folder.path, &below).unwrap_or_else(|| below.clone());
        self.rewrite(place, pointer, name, Target::File(below));
        Ok(Some(self.take(place, &path, file)))
    }

    /// The part that a request stands for, added where it is new. Kustomize clones a repository anew each time that it is named
    /// by its address, and takes a folder for a circle that leads to one around it: so a part is another one, with the same
    /// files, where it leads to the place that names it.
    pub(super) fn part(&mut self, place: &Place<'_>, pointer: &str, request: &Request) -> Option<usize> {
        let from = place.folder.part;
        let same = |number: &usize| self.parts[*number].request.as_ref() == Some(request);
        let copies: Vec<usize> = (0..self.parts.len()).filter(same).collect();
        let apart = copies.iter().copied().find(|copy| !self.leads_to(*copy, from));
        let part = match apart {
            Some(part) => part,
            None if copies.len() >= MOST_COPIES => {
                let message = format!("{request} leads back to itself: bases go in a circle by their addresses");
                self.refuse_at(place, pointer, message);
                return None;
            }
            None => {
                let tree = self.remote(place, pointer, request)?;
                self.parts.push(Part::new(Files::Elsewhere(tree), Some(request.clone())));
                self.parts.len() - 1
            }
        };
        self.parts[from].leads_to.insert(part);
        Some(part)
    }

    /// Whether a part leads to another, or is it.
    fn leads_to(&self, from: usize, to: usize) -> bool {
        let (mut waiting, mut seen) = (vec![from], BTreeSet::new());
        while let Some(part) = waiting.pop() {
            if part == to {
                return true;
            }
            if seen.insert(part) {
                waiting.extend(&self.parts[part].leads_to);
            }
        }
        false
    }

    fn remote(&mut self, place: &Place<'_>, pointer: &str, request: &Request) -> Option<Arc<Tree>> {
        if !place.is_whole {
            let message =
                format!("{request} is elsewhere, which is only followed where the kustomization itself says it");
            self.refuse_at(place, pointer, message);
            return None;
        }
        let input = self.parts[place.folder.part].request.as_ref().or(self.elsewhere);
        let asker = Asker { input, ..Asker::default() };
        match self.tools.remote(request, asker) {
            Ok(tree) => Some(tree),
            Err(message) => {
                self.refuse_at(place, pointer, message);
                None
            }
        }
    }

    pub(super) fn rewrite(&mut self, place: &Place<'_>, pointer: &str, name: &str, to: Target) {
        let (kustomization, pointer, name) = (place.kustomization.path.clone(), pointer.to_owned(), name.to_owned());
        self.parts[place.folder.part].rewrites.push(Rewrite { kustomization, pointer, name, to });
    }
}

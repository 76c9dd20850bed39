//! What renders of one application need of this machine: its programs, inputs from elsewhere, time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gitops_compiler::lock::{LOCK_FILE, ProgramName, Request};
use gitops_compiler::render::{Asker, Capabilities, Kustomize, Program, Tools};
use gitops_compiler::sandbox::{Budget, Limits, Sandbox, Strength};
use gitops_compiler::tree::Tree;

use crate::fetch::unpack_chart;

use crate::fetch::leads_inward;

use super::inputs::Inputs;
use super::programs::Programs;

/// All of it.
pub(super) struct Machine {
    programs: Arc<Programs>,
    inputs: Arc<Inputs>,
    budget: Arc<Budget>,
    capabilities: Capabilities,
    /// Whether somebody asked for what is not said.
    is_unsaid: AtomicBool,
}

/// What of Kubernetes is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsaid {
    pub(crate) kube_version: bool,
    pub(crate) api_versions: bool,
}

impl Machine {
    /// For an application that has spent no time yet, and whose charts are told this of Kubernetes.
    pub(super) fn new(programs: Arc<Programs>, inputs: Arc<Inputs>, capabilities: Capabilities) -> Self {
        let budget = Arc::new(programs.budget());
        Self { programs, inputs, budget, capabilities, is_unsaid: AtomicBool::new(false) }
    }

    /// What of Kubernetes somebody asked for and nobody said.
    pub(super) fn unsaid(&self) -> Unsaid {
        let is_unsaid = self.is_unsaid.load(Ordering::Relaxed);
        let Capabilities { kube_version, api_versions } = &self.capabilities;
        Unsaid { kube_version: is_unsaid && kube_version.is_none(), api_versions: is_unsaid && api_versions.is_empty() }
    }

    /// Says what nobody said.
    pub(super) fn say(&mut self, said: Capabilities) {
        let Capabilities { kube_version, api_versions } = &mut self.capabilities;
        *kube_version = kube_version.take().or(said.kube_version);
        if api_versions.is_empty() {
            *api_versions = said.api_versions;
        }
    }

    pub(super) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(super) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Whether a program has the version that the lock wants, if it wants one.
    fn check(&self, name: ProgramName, program: &Program) -> Result<(), String> {
        let Some(wanted) = self.inputs.lock().program(name) else { return Ok(()) };
        let found = self.programs.version(name)?;
        if found == wanted {
            return Ok(());
        }
        let name = name.as_str();
        Err(format!(
            "{LOCK_FILE} says {name} {wanted}, and {} is {found}: name the other with --{name}, or let `kubectl gitops lock update \
             {name}` say {found}",
            program.path.display()
        ))
    }
}

impl Tools for Machine {
    fn kustomize(&self) -> Result<Kustomize, String> {
        let kustomize = self.programs.kustomize()?;
        self.check(ProgramName::Kustomize, &kustomize.program)?;
        Ok(kustomize)
    }

    fn helm(&self) -> Result<Program, String> {
        let helm = self.programs.helm()?;
        let version = self.programs.helm_version()?;
        if !version.starts_with("v4") {
            return Err(format!("{} is Helm {version}: name Helm 4 with --helm", helm.path.display()));
        }
        self.check(ProgramName::Helm, &helm)?;
        Ok(helm)
    }

    fn remote(&self, request: &Request, asker: Asker<'_>) -> Result<Arc<Tree>, String> {
        let Asker { input, pass_credentials } = asker;
        if let Some(asker) = input.filter(|asker| leads_inward(asker.address(), request.address())) {
            return Err(format!("{asker} sends us to {request}, from the outside to the inside"));
        }
        self.inputs.tree_passing(request, pass_credentials).map_err(|error| error.message)
    }

    fn unpack(&self, chart: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
        unpack_chart(chart)
    }

    fn sandbox(&self) -> Result<(&Sandbox, Strength), String> {
        self.programs.sandbox()
    }

    fn capabilities(&self) -> Capabilities {
        self.is_unsaid.store(true, Ordering::Relaxed);
        self.capabilities.clone()
    }

    fn limits(&self) -> Limits {
        self.programs.limits()
    }

    fn budget(&self) -> Option<Arc<Budget>> {
        Some(Arc::clone(&self.budget))
    }
}

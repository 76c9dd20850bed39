//! What renders need of this machine: its programs, and inputs from elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_compiler::lock::Request;
use gitops_compiler::render::{Kustomize, Program, Tools};
use gitops_compiler::sandbox::{Limits, Sandbox, Strength};
use gitops_compiler::tree::Tree;

use crate::fetch::unpack_chart;

use super::inputs::Inputs;
use super::programs::Programs;

/// Both.
pub(super) struct Machine {
    pub(super) programs: Programs,
    pub(super) inputs: Arc<Inputs>,
}

impl Tools for Machine {
    fn kustomize(&self) -> Result<Kustomize, String> {
        self.programs.kustomize()
    }

    fn helm(&self) -> Result<Program, String> {
        self.programs.helm()
    }

    fn remote(&self, request: &Request) -> Result<Arc<Tree>, String> {
        self.inputs.tree(request)
    }

    fn unpack(&self, chart: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
        unpack_chart(chart)
    }

    fn sandbox(&self) -> Result<(&Sandbox, Strength), String> {
        self.programs.sandbox()
    }

    fn limits(&self) -> Limits {
        self.programs.limits()
    }
}

//! Which files a job may use: Landlock.
//!
//! In: files and folders that were opened. Out: a process that can open nothing else. Rights to delete, rename, link and
//! make anything but files and folders are given nowhere.
//!
//! What Landlock knew in Linux 6.2 is demanded as a whole; without the right to truncate, files outside could be emptied.
//! What it learned since is asked for where it is known: TCP, ioctl on devices, signals and abstract sockets. All of these
//! are refused by the list of system calls as well.

use std::fs::File;
use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, HandleAccessesError, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// What is demanded.
const LEAST: ABI = ABI::V3;
/// What is asked for.
const NEWEST: ABI = ABI::V10;

/// What may be used.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(File, BitFlags<AccessFs>)>);

impl Rules {
    /// A program or a library, or a folder of these.
    pub(super) fn execute(&mut self, file: &File) -> io::Result<()> {
        self.add(file, AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir)
    }

    pub(super) fn read(&mut self, file: &File) -> io::Result<()> {
        self.add(file, AccessFs::ReadFile | AccessFs::ReadDir)
    }

    pub(super) fn write(&mut self, folder: &File) -> io::Result<()> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        self.add(folder, read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::MakeDir)
    }

    fn add(&mut self, file: &File, access: BitFlags<AccessFs>) -> io::Result<()> {
        // Rights on folders mean nothing for a file, and are refused.
        let access = if file.metadata()?.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
        self.0.push((file.try_clone()?, access));
        Ok(())
    }

    /// From now on nothing else may be used. The error says why that is not so.
    pub(super) fn enforce(self) -> Result<(), String> {
        match self.try_enforce() {
            Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => Ok(()),
            Ok(RulesetStatus::NotEnforced) | Err(RulesetError::HandleAccesses(HandleAccessesError::Fs(_))) => {
                Err("the kernel lacks Landlock, or has an older one than Linux 6.2".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn try_enforce(self) -> Result<RulesetStatus, RulesetError> {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(LEAST))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?;
        let mut created = ruleset.create()?;
        for (file, access) in self.0 {
            created = created.add_rule(PathBeneath::new(file, access))?;
        }
        Ok(created.restrict_self()?.ruleset)
    }
}

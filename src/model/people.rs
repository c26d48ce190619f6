//! Who may do what: the district's roles, the things they are about, and the one table that joins them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Category, UnknownWord};

words! {
    /// What somebody is to the archive. A person may be several.
    Role {
        Viewer = "viewer",
        ItAuditor = "it_auditor",
        Reviewer = "reviewer",
        RecordsOfficer = "records_officer",
        Counsel = "counsel",
        LogAuditor = "log_auditor",
        Administrator = "administrator",
    }
}

impl Role {
    /// As people say it.
    pub const fn words(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::ItAuditor => "IT auditor",
            Role::Reviewer => "reviewer",
            Role::RecordsOfficer => "records officer",
            Role::Counsel => "counsel",
            Role::LogAuditor => "log auditor",
            Role::Administrator => "administrator",
        }
    }
}

/// What a right is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// The register of pages, their health and coverage, findings, tickets, attestations.
    Register,
    /// What the district wrote itself.
    DistrictItems,
    PublicComments,
    /// Flags, reviews, report cards of rules, and reports that list them.
    Flags,
    /// Flags of a mandatory-reporting category.
    Concerns,
    /// Records requests and every export.
    Requests,
    /// Who read, searched, exported and decided.
    Log,
    /// Users, and what the daemon runs by.
    Settings,
}

impl Thing {
    pub const ALL: [Thing; 8] = [
        Thing::Register,
        Thing::DistrictItems,
        Thing::PublicComments,
        Thing::Flags,
        Thing::Concerns,
        Thing::Requests,
        Thing::Log,
        Thing::Settings,
    ];
}

/// How far a right goes; the later ones hold the earlier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    #[default]
    None,
    Read,
    Write,
}

use Right::{None as No, Read, Write};

/// The design's table, a row a role, in the order of [`Thing::ALL`]. A reviewer has concerns only when she is named for them.
const TABLE: [(Role, [Right; 8]); 7] = [
    (Role::Viewer, [Read, Read, No, No, No, No, No, No]),
    (Role::ItAuditor, [Write, Read, No, No, No, No, No, No]),
    (Role::Reviewer, [Read, Read, Read, Write, Write, No, No, No]),
    (Role::RecordsOfficer, [Read, Read, Read, No, No, Write, No, No]),
    (Role::Counsel, [Read, Read, Read, Read, Read, Read, Read, No]),
    (Role::LogAuditor, [No, No, No, No, No, No, Read, No]),
    (Role::Administrator, [Write, No, No, No, No, No, No, Write]),
];

/// What one person may do: the most that any of her roles allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights([Right; 8]);

impl Rights {
    /// Of somebody with these roles; `named` for concerns or not.
    pub fn of(roles: &[Role], named: bool) -> Rights {
        let mut found = Rights::default();
        for (role, row) in TABLE.iter().filter(|(role, _)| roles.contains(role)) {
            for (thing, (have, gives)) in Thing::ALL.iter().zip(found.0.iter_mut().zip(row)) {
                let is_given = *thing != Thing::Concerns || *role != Role::Reviewer || named;
                if is_given {
                    *have = (*have).max(*gives);
                }
            }
        }
        found
    }

    pub fn to(&self, thing: Thing) -> Right {
        self.0[thing as usize]
    }

    pub fn reads(&self, thing: Thing) -> bool {
        self.to(thing) >= Right::Read
    }

    pub fn writes(&self, thing: Thing) -> bool {
        self.to(thing) >= Right::Write
    }

    /// Whether flags of this category are there for her at all.
    pub fn sees(&self, category: Category) -> bool {
        self.reads(Thing::Flags) && (!category.is_concern() || self.reads(Thing::Concerns))
    }

    /// Whether she may decide on flags of this category.
    pub fn decides(&self, category: Category) -> bool {
        self.writes(Thing::Flags) && (!category.is_concern() || self.writes(Thing::Concerns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_row_and_every_thing_its_column() {
        assert_eq!(TABLE.map(|(role, _)| role).as_slice(), Role::ALL);
        for (place, thing) in Thing::ALL.iter().enumerate() {
            assert_eq!(*thing as usize, place);
        }
    }

    #[test]
    fn a_reviewer_has_concerns_only_when_she_is_named_and_counsel_always() {
        let (concern, phone) = (Category::SelfHarm, Category::PiiPhone);
        let reviewer = Rights::of(&[Role::Reviewer], false);
        assert!(reviewer.decides(phone) && !reviewer.sees(concern));
        assert!(Rights::of(&[Role::Reviewer], true).decides(concern));
        let counsel = Rights::of(&[Role::Counsel], false);
        assert!(counsel.sees(concern) && !counsel.decides(concern) && !counsel.decides(phone));
        assert!(!Rights::of(&[Role::Viewer], true).sees(concern), "being named alone gives nothing");
    }

    #[test]
    fn several_roles_give_the_most_of_each() {
        let both = Rights::of(&[Role::Administrator, Role::Reviewer], false);
        assert!(both.writes(Thing::Register) && both.writes(Thing::Settings) && both.writes(Thing::Flags));
        assert!(!both.reads(Thing::Log) && !both.reads(Thing::Concerns) && !both.reads(Thing::Requests));
        assert_eq!(Rights::of(&[], true), Rights::default());
    }
}

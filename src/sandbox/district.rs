//! Mesa Vista Unified School District and its pages. Everybody and everything in it is invented.

use serde_json::json;

use super::grant::Grant;
use super::ids::{self, Dice};
use super::state::person;
use super::world::{Account, File, Helper, Language, Medium, Owner, State, Token};
use crate::model::{Platform, Timestamp};

/// The Meta application the district's tokens belong to.
pub const APP_ID: &str = "480915550100";
/// Its secret: what `appsecret_proof` is made with.
pub const APP_SECRET: &str = "5a4e0b0c0ffee00000000mesavista00";

struct Page {
    platform: Platform,
    slug: &'static str,
    handle: &'static str,
    name: &'static str,
    school: &'static str,
    language: Language,
    about: &'static str,
    followers: i64,
}

const PAGES: &[Page] = &[
    Page {
        platform: Platform::Facebook,
        slug: "mesa-vista-usd",
        handle: "mesavistausd",
        name: "Mesa Vista Unified School District",
        school: "District Office",
        language: Language::English,
        about: "Official page of the Mesa Vista Unified School District. We serve 9,400 students from TK to grade 12.",
        followers: 11_482,
    },
    Page {
        platform: Platform::Facebook,
        slug: "mesa-vista-high",
        handle: "mesavistahigh",
        name: "Mesa Vista High School",
        school: "Mesa Vista High",
        language: Language::English,
        about: "Home of the Condors. Official page of Mesa Vista High School.",
        followers: 5_921,
    },
    Page {
        platform: Platform::Facebook,
        slug: "ocotillo-elementary",
        handle: "ocotilloelementary",
        name: "Ocotillo Elementary",
        school: "Ocotillo Elementary",
        language: Language::English,
        about: "Official page of Ocotillo Elementary, TK-5. Go Roadrunners!",
        followers: 1_204,
    },
    Page {
        platform: Platform::Facebook,
        slug: "familias-mesa-vista",
        handle: "familiasmesavista",
        name: "Familias de Mesa Vista",
        school: "District Office",
        language: Language::Spanish,
        about: "Página oficial del Distrito Escolar Unificado Mesa Vista para las familias que hablan español.",
        followers: 3_377,
    },
    Page {
        platform: Platform::Facebook,
        slug: "condor-athletics",
        handle: "condorathletics",
        name: "Condor Athletics",
        school: "Mesa Vista High",
        language: Language::English,
        about: "Scores, schedules and signings of the Mesa Vista High Condors.",
        followers: 2_650,
    },
    Page {
        platform: Platform::Instagram,
        slug: "mesa-vista-usd-instagram",
        handle: "mesavistausd",
        name: "Mesa Vista USD",
        school: "District Office",
        language: Language::English,
        about: "Mesa Vista Unified 🌵 Every student, every day.",
        followers: 4_310,
    },
    Page {
        platform: Platform::Instagram,
        slug: "mesa-vista-high-instagram",
        handle: "mvhs_condors",
        name: "MVHS Condors",
        school: "Mesa Vista High",
        language: Language::English,
        about: "Mesa Vista High School · ASB",
        followers: 2_988,
    },
    Page {
        platform: Platform::Instagram,
        slug: "ballet-folklorico-instagram",
        handle: "folklorico_mesavista",
        name: "Ballet Folklórico Mesa Vista",
        school: "Mesa Vista High",
        language: Language::Spanish,
        about: "Baile y cultura de Mesa Vista High",
        followers: 871,
    },
    Page {
        platform: Platform::X,
        slug: "mesa-vista-usd-x",
        handle: "MesaVistaUSD",
        name: "Mesa Vista USD",
        school: "District Office",
        language: Language::English,
        about: "News and closures from Mesa Vista Unified. Not monitored around the clock.",
        followers: 3_045,
    },
    Page {
        platform: Platform::X,
        slug: "mvusd-transport-x",
        handle: "MVUSDbuses",
        name: "MVUSD Transportation",
        school: "Transportation",
        language: Language::English,
        about: "Bus delays and route changes.",
        followers: 912,
    },
    Page {
        platform: Platform::Youtube,
        slug: "mesa-vista-usd-youtube",
        handle: "@mesavistausd",
        name: "Mesa Vista Unified",
        school: "District Office",
        language: Language::English,
        about: "Board meetings, graduations and student films of the Mesa Vista Unified School District.",
        followers: 1_733,
    },
    Page {
        platform: Platform::Bluesky,
        slug: "mesa-vista-usd-bluesky",
        handle: "mesavista.example.org",
        name: "Mesa Vista USD",
        school: "District Office",
        language: Language::English,
        about: "Mesa Vista Unified School District. Official.",
        followers: 655,
    },
    Page {
        platform: Platform::Bluesky,
        slug: "biblioteca-mesa-vista-bluesky",
        handle: "biblioteca.mesavista.example.org",
        name: "Biblioteca Mesa Vista",
        school: "Mesa Vista High",
        language: Language::Spanish,
        about: "La biblioteca de Mesa Vista High: lecturas, clubes y visitas.",
        followers: 208,
    },
];

/// Puts the accounts and their credentials into an empty state.
pub fn settle(state: &mut State) {
    state.accounts = PAGES.iter().map(|page| account(page, state.now)).collect();
    link(state, "mesa-vista-usd", "mesa-vista-usd-instagram");
    link(state, "mesa-vista-high", "mesa-vista-high-instagram");
    link(state, "familias-mesa-vista", "ballet-folklorico-instagram");
    let owners = [Owner::SystemUser, Owner::App(Platform::X), Owner::App(Platform::Youtube)].into_iter();
    let pages = state.accounts.iter().filter(|account| account.platform == Platform::Facebook);
    let owners: Vec<Owner> = owners.chain(pages.map(|page| Owner::Page(page.id.clone()))).collect();
    for owner in owners {
        let value = match &owner {
            Owner::SystemUser | Owner::User => ids::token("EAAGm", "system user"),
            Owner::Page(id) => ids::token("EAAGm", id),
            Owner::App(Platform::Youtube) => ids::token("AIzaSy", "youtube").chars().take(39).collect(),
            Owner::App(platform) => ids::token("AAAAAAAAAAAAAAAAAAAAA", platform.as_str()),
        };
        state.tokens.insert(value, Token { owner, dead: None, moderate: true, grant: Grant::default() });
    }
}

fn link(state: &mut State, page: &str, instagram: &str) {
    let id_of = |slug: &str| state.account(slug).map(|account| account.id.clone());
    let (page_id, instagram_id) = (id_of(page), id_of(instagram));
    for account in &mut state.accounts {
        if account.slug == page {
            account.linked.clone_from(&instagram_id);
        } else if account.slug == instagram {
            account.linked.clone_from(&page_id);
        }
    }
}

fn account(page: &Page, now: Timestamp) -> Account {
    let mut dice = Dice::of(page.slug);
    let id = match page.platform {
        Platform::Facebook => format!("1067{}", dice.digits(11)),
        Platform::Instagram => format!("1784140{}", dice.digits(10)),
        Platform::X => dice.digits(9),
        Platform::Youtube => format!("UC{}", dice.letters(22)),
        Platform::Bluesky => format!("did:plc:{}", dice.base32(24)),
    };
    let age = jiff::SignedDuration::from_hours(24 * (2_200 + i64::try_from(dice.below(900)).unwrap_or(0)));
    Account {
        platform: page.platform,
        handle: page.handle.to_owned(),
        slug: page.slug.to_owned(),
        name: page.name.to_owned(),
        school: page.school.to_owned(),
        language: page.language,
        about: page.about.to_owned(),
        description: format!("{} This page is moderated; see mesavista.example.org/social-media.", page.about),
        website: "https://www.mesavista.example.org/".to_owned(),
        phone: "760-555-0100".to_owned(),
        email: "communications@mesavista.example.org".to_owned(),
        address: "4100 Ocotillo Way, Mesa Vista, CA 92000".to_owned(),
        followers: page.followers,
        published: true,
        created_at: now - age,
        linked: None,
        access_ends: None,
        picture: Medium { id: dice.digits(15), file: File::Jpeg, alt: None },
        settings: settings(page.slug),
        helpers: helpers(page),
        applications: applications(page),
        blocked: if page.slug == "mesa-vista-usd" {
            vec![person(Platform::Facebook, "Wade Pruitt")]
        } else {
            Vec::new()
        },
        id,
    }
}

/// Facebook's page settings. Two pages stand out for an audit: anyone may post on one, another filters nothing.
fn settings(slug: &str) -> Vec<(String, serde_json::Value)> {
    let open = slug == "ocotillo-elementary";
    let filter = if slug == "condor-athletics" { "Off" } else { "Strong" };
    [
        ("USERS_CAN_POST", json!(open)),
        ("USERS_CAN_MESSAGE", json!(true)),
        ("USERS_CAN_POST_PHOTOS", json!(open)),
        ("USERS_CAN_TAG_PHOTOS", json!(false)),
        ("WALL_COMBINED_POSTS", json!(false)),
        ("PLATFORM_OPTOUTS_CAN_POST", json!(true)),
        ("SHOW_RECENT_POSTS_BY_OTHERS", json!(true)),
        ("APPEARS_IN_RELATED_PAGES", json!(true)),
        ("AGE_RESTRICTIONS", json!("Anyone (13+)")),
        ("PROFANITY_FILTER", json!(filter)),
        ("REVIEW_POSTS_BY_OTHER", json!(!open)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn helpers(page: &Page) -> Vec<Helper> {
    if page.platform != Platform::Facebook {
        return Vec::new();
    }
    let all = ["MANAGE", "CREATE_CONTENT", "MODERATE", "MESSAGING", "ADVERTISE", "ANALYZE"];
    let helper = |name: &str, role: &str, tasks: &[&str]| Helper {
        person: person(Platform::Facebook, name),
        role: role.to_owned(),
        tasks: tasks.iter().map(|&task| task.to_owned()).collect(),
    };
    let mut found = vec![helper("Dolores Whitcomb", "Administrator", &all)];
    match page.slug {
        "condor-athletics" => found.push(helper("Trent Oakley", "Administrator", &all)),
        "ocotillo-elementary" => found = vec![helper("Priya Ramanathan", "Administrator", &all)],
        _ => found.push(helper("Marisol Ibarra", "Editor", &all[1..4])),
    }
    found
}

fn applications(page: &Page) -> Vec<(String, String)> {
    let mut found = vec![(APP_ID.to_owned(), "Mesa Vista Archive".to_owned())];
    if page.slug == "condor-athletics" {
        found.push(("480915550199".to_owned(), "ScoreBlaster Free".to_owned()));
    }
    if page.platform == Platform::Facebook { found } else { Vec::new() }
}

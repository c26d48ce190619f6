//! What a credential must be allowed for reading, and what it may be allowed beside that without being able to change anything.

use crate::model::Platform;

/// A permission, and what is not read without it.
pub struct Needed {
    pub scope: &'static str,
    pub reads: &'static str,
}

const fn needed(scope: &'static str, reads: &'static str) -> Needed {
    Needed { scope, reads }
}

const FACEBOOK: &[Needed] = &[
    needed("pages_show_list", "the list of pages, and so each page's own token"),
    needed("pages_read_engagement", "a page's own posts, facts and settings"),
    needed("pages_read_user_content", "others' comments and visitors' posts"),
];

const INSTAGRAM: &[Needed] = &[
    needed("pages_show_list", "the list of pages, to which the accounts are linked"),
    needed("pages_read_engagement", "the page that an account is linked to"),
    needed("instagram_basic", "posts and facts"),
    needed("instagram_manage_comments", "comments"),
];

/// Reading alone, or what stands beside the permissions above in the districts' own setup.
const HARMLESS: &[&str] = &[
    "public_profile",
    "email",
    "business_management",
    "read_insights",
    "instagram_manage_insights",
    "ads_read",
    "pages_user_locale",
    "pages_user_timezone",
    "pages_user_gender",
];

/// What reading needs; nothing where the platform has no such permissions.
pub fn for_reading(platform: Platform) -> &'static [Needed] {
    match platform {
        Platform::Facebook => FACEBOOK,
        Platform::Instagram => INSTAGRAM,
        Platform::X | Platform::Youtube | Platform::Bluesky => &[],
    }
}

/// Whether somebody who holds a permission could change something with it that reading does not ask for.
pub fn could_write(scope: &str) -> bool {
    let is_needed = FACEBOOK.iter().chain(INSTAGRAM).any(|needed| needed.scope == scope);
    !is_needed && !HARMLESS.contains(&scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_cannot_be_too_much() {
        assert!(Platform::ALL.iter().flat_map(|one| for_reading(*one)).all(|needed| !could_write(needed.scope)));
        assert!(could_write("pages_manage_posts") && could_write("pages_manage_metadata") && !could_write("email"));
    }
}

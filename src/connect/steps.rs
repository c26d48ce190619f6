//! What a person clicks at each platform before there is a credential to bring.

use crate::model::Platform;
use crate::platform::permissions;

/// The numbered steps, a sentence each.
pub fn steps(platform: Platform) -> Vec<String> {
    let words: Vec<String> = match platform {
        Platform::Facebook | Platform::Instagram => meta(platform),
        Platform::X => owned(&[
            "Counsel reads X's terms for government use; state acknowledged_by, acknowledged_on and plan in [platform.x].",
            "developer.x.com › Projects & Apps: make a project and an app in it, in the district's account and not a person's.",
            "The app › Keys and tokens › Bearer Token › Generate. It reads only; the keys for writing are not wanted.",
            "Bring the bearer token here.",
        ]),
        Platform::Youtube => owned(&[
            "console.cloud.google.com: make a project in the district's organization.",
            "APIs & Services › Library › YouTube Data API v3 › Enable.",
            "APIs & Services › Credentials › Create credentials › API key; restrict it to the YouTube Data API v3 and to this server's address.",
            "Bring the key here. A project may spend 10,000 units a day; more is asked for at APIs & Services › YouTube Data API v3 › Quotas.",
        ]),
        Platform::Bluesky => owned(&[
            "Nothing is to be made: what stands on Bluesky is public and is read without a credential. Handles are resolved and tried.",
        ]),
    };
    words.into_iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)).collect()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A system user of the portfolio, so that nobody's personal login is behind the token.
fn meta(platform: Platform) -> Vec<String> {
    let scopes: Vec<&str> = permissions::for_reading(platform).iter().map(|needed| needed.scope).collect();
    let scopes = scopes.join(", ");
    let mut steps = owned(&[
        "business.facebook.com › Settings: the district's business portfolio. Every page is in it (Accounts › Pages › Add); a page that \
         somebody else made is requested there, and its owner accepts.",
        "developers.facebook.com › My Apps › Create App, type Business, tied to that portfolio. Its id and secret (App settings › Basic) go to \
         app_id and app_secret_file.",
    ]);
    steps.push(format!(
        "The app's permissions: {scopes}, business_management. For the district's own pages standard access is enough, without App Review; \
         commenters' names may ask for advanced access to them and Business Asset User Profile Access (App Review and business verification)."
    ));
    steps.extend(owned(&[
        "Business settings › Users › System users › Add: an Employee system user, named for the archive. It is nobody's login, so the token \
         outlives whoever made it.",
        "The system user › Assign assets: the app, and each page with Content, Community activity and Insights (Facebook's tasks \
         CREATE_CONTENT, MODERATE, ANALYZE: without MODERATE comments come without ids).",
    ]));
    if platform == Platform::Instagram {
        steps.push(
            "Each Instagram account is a professional one, linked to one of these pages (Page settings › Linked accounts), and assigned too."
                .to_owned(),
        );
    }
    steps.push(format!(
        "The system user › Generate new token: that app, expiration Never, the permissions {scopes}, business_management and none beside \
         them. Bring it here."
    ));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_numbered_steps_and_metas_name_every_permission() {
        for platform in Platform::ALL.iter().copied() {
            let text = steps(platform).join("\n");
            assert!(text.starts_with("1. "), "{text}");
            assert!(permissions::for_reading(platform).iter().all(|needed| text.contains(needed.scope)), "{text}");
        }
    }
}

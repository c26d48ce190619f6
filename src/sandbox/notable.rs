//! What the rule pass is there for, and what only looks like it; and the odd texts that break readers.

use jiff::SignedDuration;

use super::ids::Dice;
use super::seed::{later, talk};
use super::state::person;
use super::world::{Form, Item, Language, Link, Medium, Note, Origin, State};
use crate::model::{Category, Platform, Timestamp};
use Category::{
    ChildAbuseDisclosure, HarassmentBullying, Obscenity, PhishingMalware, PiiAddress, PiiPhone, PiiSsnDob,
    PoliticalAdvocacy, SelfHarm, SexualExploitation, ThreatViolence,
};
use Note::{Flag, Harmless};

/// Where a notable text stands: under the so-many-newest own post of an account, or as a post of its own.
enum Place {
    Under(usize),
    /// As a reply to the first comment of that post.
    Reply(usize),
    /// A post of the account's, so many hours ago.
    Post(i64),
    /// A visitor's post, so many hours ago.
    Visitor(i64),
}
use Place::{Post, Reply, Under, Visitor};

const NOTABLE: &[(&str, Place, &str, &str, Note)] = &[
    (
        "mesa-vista-high",
        Under(1),
        "Cody Renner",
        "I'm bringing a gun to school tomorrow and you will all be sorry",
        Flag(ThreatViolence),
    ),
    (
        "mesa-vista-usd",
        Under(3),
        "Dwayne Kessler",
        "Somebody should put a bullet in that superintendent. I know where she parks.",
        Flag(ThreatViolence),
    ),
    (
        "familias-mesa-vista",
        Under(2),
        "Anónimo Uno",
        "Voy a llevar una pistola a la escuela y los voy a matar a todos",
        Flag(ThreatViolence),
    ),
    ("mesa-vista-usd-x", Under(2), "b4d d4y", "gonna sh00t up the school friday dont come", Flag(ThreatViolence)),
    (
        "mesa-vista-usd-youtube",
        Under(1),
        "RedLine77",
        "that teacher is dead if I see him. not joking",
        Flag(ThreatViolence),
    ),
    (
        "condor-athletics",
        Under(1),
        "Ty Ferris",
        "We are going to kill them on Friday! Condors by 40!!",
        Harmless(ThreatViolence),
    ),
    (
        "condor-athletics",
        Under(2),
        "Coach Adair",
        "Great shooting tonight, and that last bomb from half court 💣🏀",
        Harmless(ThreatViolence),
    ),
    (
        "mesa-vista-usd",
        Post(52),
        "",
        "Today all campuses held a lockdown drill. There was no threat and no weapon; this was practice only.",
        Harmless(ThreatViolence),
    ),
    (
        "familias-mesa-vista",
        Post(75),
        "",
        "El jueves haremos un simulacro de tirador activo con la policía. Es solo una práctica.",
        Harmless(ThreatViolence),
    ),
    (
        "mesa-vista-high-instagram",
        Under(1),
        "quiet.kid.07",
        "i dont want to be alive anymore and nobody here would even notice",
        Flag(SelfHarm),
    ),
    (
        "mesa-vista-high",
        Reply(2),
        "Aubrey L",
        "I tried to kill myself last night. I don't know who to tell",
        Flag(SelfHarm),
    ),
    ("ballet-folklorico-instagram", Under(1), "luna_triste", "ya no quiero vivir, me quiero matar", Flag(SelfHarm)),
    (
        "mesa-vista-usd-bluesky",
        Under(1),
        "nightowl",
        "been cutting myself again since january. kms honestly",
        Flag(SelfHarm),
    ),
    (
        "mesa-vista-high",
        Post(96),
        "",
        "September is Suicide Prevention Month. If you or a friend need help, call or text 988, any hour.",
        Harmless(SelfHarm),
    ),
    (
        "mesa-vista-high",
        Under(4),
        "Megan Ott",
        "I'm dying of laughter at that skit, this homework is killing me 😂",
        Harmless(SelfHarm),
    ),
    (
        "ocotillo-elementary",
        Under(1),
        "Worried Neighbor",
        "My niece says her stepdad hits her with a belt every night and she is scared to go home",
        Flag(ChildAbuseDisclosure),
    ),
    (
        "mesa-vista-high-instagram",
        Under(2),
        "anon.throwaway",
        "my dad touches me and my mom won't believe me",
        Flag(ChildAbuseDisclosure),
    ),
    (
        "familias-mesa-vista",
        Under(3),
        "Vecina Preocupada",
        "Mi papá me pega todas las noches y tengo miedo de volver a casa",
        Flag(ChildAbuseDisclosure),
    ),
    (
        "mesa-vista-usd",
        Post(130),
        "",
        "April is Child Abuse Prevention Month. Wear blue on Friday and learn the signs at mesavista.example.org/safe.",
        Harmless(ChildAbuseDisclosure),
    ),
    (
        "mesa-vista-high-instagram",
        Under(3),
        "coolguy_2319",
        "ur cute how old are u? send me pics on snap, dont tell ur parents",
        Flag(SexualExploitation),
    ),
    (
        "mesa-vista-high",
        Under(5),
        "Concerned Parent 22",
        "Someone is selling nudes of sophomore girls from this school in a group chat",
        Flag(SexualExploitation),
    ),
    (
        "ballet-folklorico-instagram",
        Under(2),
        "el_amigo_99",
        "mándame fotos sin ropa y no le digas a tu mamá, tienes 14 verdad?",
        Flag(SexualExploitation),
    ),
    (
        "mesa-vista-usd",
        Post(160),
        "",
        "Online safety night: how to talk with your child about sextortion and strangers who ask for pictures.",
        Harmless(SexualExploitation),
    ),
    (
        "mesa-vista-usd",
        Under(1),
        "Gloria Pinkham",
        "Call me about the carpool, my cell is (760) 555-0163",
        Flag(PiiPhone),
    ),
    (
        "ocotillo-elementary",
        Under(2),
        "Becky Sorrell",
        "text seven six zero 555 0171 if you found a pink jacket",
        Flag(PiiPhone),
    ),
    (
        "familias-mesa-vista",
        Under(1),
        "Nora Campos",
        "Llámeme al 760.555.0158 para el transporte de los niños",
        Flag(PiiPhone),
    ),
    (
        "mesa-vista-usd",
        Under(2),
        "Alan Reese",
        "The front office is 760-555-0100, they told me to ask there",
        Harmless(PiiPhone),
    ),
    (
        "mesa-vista-high",
        Under(3),
        "Tasha Brill",
        "The Hendricks boy lives at 1482 Saguaro Court, Mesa Vista, everybody knows it",
        Flag(PiiAddress),
    ),
    (
        "familias-mesa-vista",
        Under(4),
        "Doña Chela",
        "La maestra vive en 917 Calle Palo Verde, vayan a tocarle la puerta",
        Flag(PiiAddress),
    ),
    (
        "mesa-vista-usd",
        Post(30),
        "",
        "The enrollment center has moved to 4100 Ocotillo Way, Mesa Vista.",
        Harmless(PiiAddress),
    ),
    (
        "ocotillo-elementary",
        Under(3),
        "Grandma Jo",
        "For the form: Emma Sorrell, DOB 03/14/2017, SSN 078-05-1120. Thanks!",
        Flag(PiiSsnDob),
    ),
    ("mesa-vista-usd", Under(4), "Paul Yount", "Case number 2026-05-1120 is on the agenda again", Harmless(PiiSsnDob)),
    (
        "condor-athletics",
        Under(3),
        "Gary Dunlop",
        "this ref is a fucking joke, what a piece of shit call",
        Flag(Obscenity),
    ),
    ("familias-mesa-vista", Under(5), "Beto R", "qué pinche mierda de servicio, no mamen", Flag(Obscenity)),
    (
        "condor-athletics",
        Under(4),
        "Ms. Cumming",
        "Scunthorpe Assistant Coach Dick Cumming says hello from England",
        Harmless(Obscenity),
    ),
    (
        "mesa-vista-high",
        Under(6),
        "Kylee P",
        "Madison Trujillo is a fat ugly loser and everyone hates her, go cry about it",
        Flag(HarassmentBullying),
    ),
    (
        "mesa-vista-usd",
        Post(200),
        "",
        "Vote YES on Measure R this November! Your yes vote keeps our classrooms strong.",
        Flag(PoliticalAdvocacy),
    ),
    (
        "familias-mesa-vista",
        Post(220),
        "",
        "¡Vote SÍ por la Medida R! Elija a los candidatos que apoyan a nuestras escuelas.",
        Flag(PoliticalAdvocacy),
    ),
    (
        "mesa-vista-usd-x",
        Post(40),
        "",
        "Re-elect Trustee Harold Beamish for Area 3. Donate today at beamish.example.com",
        Flag(PoliticalAdvocacy),
    ),
    (
        "mesa-vista-usd",
        Post(240),
        "",
        "Measure R is on the November ballot. Facts about it, and where to vote, are at mesavista.example.org/measure-r.",
        Harmless(PoliticalAdvocacy),
    ),
    ("mesa-vista-usd", Under(6), "Measure Fan", "Vote yes on R everybody!!", Harmless(PoliticalAdvocacy)),
    (
        "mesa-vista-usd",
        Under(5),
        "Page Support Center",
        "Your page will be disabled! Verify your account now: http://faceb00k-support.example.net/login",
        Flag(PhishingMalware),
    ),
    (
        "ocotillo-elementary",
        Visitor(60),
        "Prize Desk",
        "You won a free laptop! Claim your prize here bit.ly/mv-claim and enter your password",
        Flag(PhishingMalware),
    ),
    (
        "mesa-vista-usd-youtube",
        Under(2),
        "Crypto Tina",
        "I earned $9,000 a week with Mr. Barlow on WhatsApp, click http://quick-profit.example.net",
        Flag(PhishingMalware),
    ),
    (
        "mesa-vista-usd",
        Under(7),
        "Ellen Farrow",
        "The real login page is https://portal.mesavista.example.org, don't click anything else",
        Harmless(PhishingMalware),
    ),
];

/// Texts that break readers, each under a district post.
const ODD: &[&str] = &[
    "Our family 👨‍👩‍👧‍👦 says thanks 👍🏽 and 🏳️‍🌈 and 🇲🇽🇺🇸",
    "مبروك لكل الطلاب! \u{202E}txet desrever\u{202C} شكرا",
    "תודה רבה לכולם",
    "=HYPERLINK(\"http://evil.example.net\",\"Click\")",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3",
    "<script>alert('hi')</script> & \"quotes\" 'too'",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
    "e\u{301}cole vs \u{e9}cole, ﬁne print, ｆｕｌｌｗｉｄｔｈ",
    "line one\r\nline two\n\n\tline four",
    "   ",
    "zero\u{200B}width\u{FEFF}joiner",
    "子どもたちの発表、素晴らしかったです。先生方ありがとうございます。",
    "\u{1F9D1}\u{200D}\u{1F3EB}\u{1F9D1}\u{200D}\u{1F3EB}",
];

/// Puts everything notable and odd into a filled world.
pub fn place(state: &mut State) {
    let mut dice = Dice::of("notable");
    for (slug, at, author, text, note) in NOTABLE {
        one(state, &mut dice, slug, at, author, (text, *note));
    }
    crowd(state, &mut dice);
    odd_texts(state, &mut dice);
    albums(state, &mut dice);
    shimmed_link(state);
    stories(state, &mut dice);
    unanswered(state);
    silenced(state);
    chain(state);
    edits(state);
    reposts(state);
}

fn one(state: &mut State, dice: &mut Dice, slug: &str, place: &Place, author: &str, (text, note): (&str, Note)) {
    let Some(account) = state.account(slug).cloned() else { return };
    let public = person(account.platform, author);
    let hours = |ago: i64| whole(state.now - SignedDuration::from_hours(ago));
    let id = match place {
        Post(ago) => state.post(&account, account.as_person(), text, (Origin::Own, Form::Status), hours(*ago)),
        Visitor(ago) => state.post(&account, public, text, (Origin::Visitor, Form::Status), hours(*ago)),
        Under(number) | Reply(number) => {
            let Some(root) = newest(state, &account.id, *number) else { return };
            let first = state.thread(&root.id).into_iter().find(|item| item.parent.as_ref() == Some(&root.id)).cloned();
            let under = if matches!(place, Reply(_)) { first.unwrap_or(root) } else { root };
            let at = later(dice, under.created_at, state.now, 30);
            state.comment(&under, public, text, at)
        }
    };
    state.change(&id, |item| item.note = Some(note));
    if text.is_ascii() || !matches!(account.language, Language::English) {
        return;
    }
    state.change(&id, |item| item.reactions = 3);
}

/// The so-many-newest commentable post of an account's own that is at least a few hours old.
fn newest(state: &State, account: &str, number: usize) -> Option<Item> {
    let own = |item: &&Item| {
        item.account == account
            && item.parent.is_none()
            && item.origin == Origin::Own
            && item.note.is_none()
            && !item.comments_off
            && !matches!(item.form, Form::Story | Form::Repost | Form::LoosePhoto)
    };
    let mut roots: Vec<&Item> = state.items.iter().filter(own).collect();
    roots.sort_by_key(|item| std::cmp::Reverse(item.created_at));
    roots.get(number).copied().cloned()
}

fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// One post that everybody has an opinion on: more comments than fit on a page, and more counted than given.
fn crowd(state: &mut State, dice: &mut Dice) {
    for (slug, count) in [("mesa-vista-usd", 130), ("mesa-vista-usd-instagram", 70), ("mesa-vista-usd-youtube", 115)] {
        let Some(root) = state.account(slug).map(|account| account.id.clone()).and_then(|id| newest(state, &id, 9))
        else {
            continue;
        };
        talk(state, &root.id, count, dice);
        state.change(&root.id, |item| {
            item.text = "Starting next fall all high schools begin at 8:30 a.m. and all elementary schools at 7:50. The new bell schedule is on our website. Tell us what you think.".to_owned();
            (item.shares, item.reactions) = (312, 1_187);
            item.lost_comments = 17;
        });
    }
}

fn odd_texts(state: &mut State, dice: &mut Dice) {
    for slug in ["mesa-vista-usd", "mesa-vista-usd-instagram", "mesa-vista-usd-youtube", "mesa-vista-usd-bluesky"] {
        let Some(root) = state.account(slug).map(|account| account.id.clone()).and_then(|id| newest(state, &id, 5))
        else {
            continue;
        };
        let long = format!("{}!", "Goooo".to_owned() + &"o".repeat(900));
        for text in ODD.iter().copied().chain([long.as_str()]) {
            if root.platform == Platform::Bluesky && text.chars().count() > 300 {
                continue;
            }
            let at = later(dice, root.created_at, state.now, 40);
            state.comment(&root, person(root.platform, dice.pick(super::texts::PEOPLE)), text, at);
        }
    }
    // A sticker has no words; its picture is all there is.
    if let Some(root) = state.account("mesa-vista-usd").map(|page| page.id.clone()).and_then(|id| newest(state, &id, 5))
    {
        let at = later(dice, root.created_at, state.now, 40);
        let id = state.comment(&root, person(root.platform, "Sunny Vale"), "", at);
        let sticker = super::seed::media(Form::Photo, root.platform, dice);
        state.attach(&id, sticker);
        state.change(&id, |item| item.hidden = true);
    }
}

/// Albums that do not fit into one answer.
fn albums(state: &mut State, dice: &mut Dice) {
    for (slug, ago, count) in [("mesa-vista-high", 300, 110), ("ocotillo-elementary", 410, 31)] {
        let Some(account) = state.account(slug).cloned() else { continue };
        let at = whole(state.now - SignedDuration::from_hours(ago));
        let text = "Graduation in pictures. Congratulations, class of the year! 🎓";
        let id = state.post(&account, account.as_person(), text, (Origin::Own, Form::Album), at);
        let media: Vec<Medium> =
            (0..count).flat_map(|_| super::seed::media(Form::Photo, account.platform, dice)).collect();
        state.attach(&id, media);
        talk(state, &id, 4, dice);
    }
}

fn shimmed_link(state: &mut State) {
    let Some(account) = state.account("mesa-vista-usd").cloned() else { return };
    let at = whole(state.now - SignedDuration::from_hours(83));
    let text = "From our friends at the county library: summer reading starts now.";
    let id = state.post(&account, account.as_person(), text, (Origin::Own, Form::Link), at);
    let link = Link {
        url: "https://library.example.org/summer?utm_source=fb&list=K%2D5#signup".to_owned(),
        title: "Summer reading: ¡leer es viajar!".to_owned(),
        description: "Books, prizes & pan dulce for every reader".to_owned(),
    };
    state.change(&id, |item| (item.link, item.shares) = (Some(link), 0));
}

/// Stories of today and of last week, on Facebook and Instagram.
fn stories(state: &mut State, dice: &mut Dice) {
    for slug in ["mesa-vista-usd", "condor-athletics", "mesa-vista-usd-instagram", "mesa-vista-high-instagram"] {
        let Some(account) = state.account(slug).cloned() else { continue };
        for ago in [2, 9, 21, 160] {
            let at = whole(state.now - SignedDuration::from_hours(ago));
            let id = state.post(&account, account.as_person(), "", (Origin::Own, Form::Story), at);
            let media = super::seed::media(Form::Story, account.platform, dice);
            state.attach(&id, media);
        }
    }
}

/// A post whose every comment is counted and none given.
fn unanswered(state: &mut State) {
    let Some(account) = state.account("ocotillo-elementary").cloned() else { return };
    let at = whole(state.now - SignedDuration::from_hours(120));
    let text = "Lost and found is overflowing. Please come and claim your jackets!";
    let id = state.post(&account, account.as_person(), text, (Origin::Own, Form::Status), at);
    state.change(&id, |item| item.lost_comments = 6);
}

/// A film and a picture under which nobody may comment.
fn silenced(state: &mut State) {
    for (slug, form) in [("mesa-vista-usd-youtube", Form::Video), ("mesa-vista-usd-instagram", Form::Photo)] {
        let Some(account) = state.account(slug).cloned() else { continue };
        let at = whole(state.now - SignedDuration::from_hours(140));
        let id = state.post(&account, account.as_person(), "Special board meeting, part one.", (Origin::Own, form), at);
        let media = super::seed::media(form, account.platform, &mut Dice::of(&id));
        state.attach(&id, media);
        state.change(&id, |item| item.comments_off = true);
    }
}

/// A conversation that goes deeper than one look shows: eleven replies, each to the one before.
fn chain(state: &mut State) {
    for slug in ["mesa-vista-usd-bluesky", "mesa-vista-usd-x", "mesa-vista-usd"] {
        let Some(mut under) =
            state.account(slug).map(|account| account.id.clone()).and_then(|id| newest(state, &id, 3))
        else {
            continue;
        };
        let start = whole(under.created_at);
        for step in 1..=11_i64 {
            let name = if step % 2 == 0 { "Rosa Delgadillo" } else { "Kevin Marsh" };
            let at = (start + SignedDuration::from_mins(step * 4)).min(state.now);
            let id =
                state.comment(&under, person(under.platform, name), &format!("Point {step}: I still think so."), at);
            let Some(next) = state.item(&id).cloned() else { break };
            under = next;
        }
    }
}

/// Two posts on X that were corrected within the half hour, each correction under an id of its own.
fn edits(state: &mut State) {
    let now = state.now;
    for (slug, number) in [("mesa-vista-usd-x", 4), ("mvusd-transport-x", 2)] {
        let Some(item) =
            state.account(slug).map(|account| account.id.clone()).and_then(|id| newest(state, &id, number))
        else {
            continue;
        };
        state.now = whole(item.created_at + SignedDuration::from_mins(6));
        state.edit(&item.id, &format!("{} (corrected)", item.text));
        state.now = now;
    }
}

/// Somebody else's words passed on.
fn reposts(state: &mut State) {
    for slug in ["mesa-vista-usd-x", "mesa-vista-usd-bluesky"] {
        let Some(account) = state.account(slug).cloned() else { continue };
        let at = whole(state.now - SignedDuration::from_hours(33));
        let author = person(account.platform, "County Library");
        let text = "Story time is back on Saturdays at ten.";
        state.post(&account, author, text, (Origin::Own, Form::Repost), at);
    }
}

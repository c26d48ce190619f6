//! YouTube, by its Data API v3 with an API key: videos, comments and replies of a channel, and its facts.
//!
//! Each call costs a unit of a daily allowance, refused ones too, and YouTube never says how many are left: they are
//! counted here, by meter. Listings shrink their pages, repeat them, and break off on large threads: only a missing token
//! is the end, repetition is told by ids, and a broken listing is tried again, then begun anew, then given up in words.
//! That comments are turned off is a state of a video: nothing under it is absent because of that.

mod access;
mod films;
mod judge;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use access::probe;
pub use judge::{judge, refill};
pub use parse::{
    Channel, Entry, Listed, ThreadRead, parse_channels, parse_comments, parse_playlist, parse_threads, parse_videos,
};

use super::http::{Auth, Call, Http};
use super::listing::{Listing, Trouble};
use super::{Endpoint, Errand, Error, Failure, Known, Reached, Target};
use crate::model::{Answer, Exchange, Kind, Page, Platform, Problem, Scope, Shortfall, Timestamp};

/// The daily allowance is the key's: one unit a call.
pub const METER: &str = "youtube:key";

/// How many ids one call may name.
const LOOKUP: usize = 50;

/// One errand over one channel.
pub struct Walk {
    endpoint: Endpoint,
    target: Target,
    errand: Span,
    uploads: String,
    counted: Option<i64>,
    listed: BTreeSet<String>,
    todo: VecDeque<Step>,
    /// What the uploads page in work reaches back to.
    position: Option<Timestamp>,
    /// Videos whose comments this walk has read, and those whose comments are turned off.
    open: BTreeSet<String>,
    closed: BTreeSet<String>,
    /// The thread in work: what came of it so far.
    thread: Thread,
    /// What the end of the uploads shows once the videos on the last page have been read.
    ending: Option<Scope>,
    /// Something was left out: a backfill may not resume below it, and videos may be missing for that reason alone.
    stuck: bool,
    unfinished: Option<String>,
}

/// Which part of the uploads is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Span {
    Since(Timestamp),
    Whole,
    Before(Timestamp),
    None,
}

enum Step {
    Channel,
    Uploads(Listing),
    Videos(Vec<String>, bool),
    Threads(String, Listing),
    Replies(String, ThreadRead, Listing),
    Check(Vec<Known>),
    Root(String, Vec<String>),
    Films,
    Captions(Vec<String>),
}

/// What the comments under one video came to.
#[derive(Debug, Clone, Default)]
struct Thread {
    counted: i64,
    given: i64,
    broken: Option<String>,
}

impl Walk {
    pub fn new(target: Target, errand: Errand, endpoint: &Endpoint) -> Walk {
        let endpoint = endpoint.clone();
        let mut todo = VecDeque::new();
        let span = match errand {
            Errand::Profile => Span::None,
            Errand::Recent { since } => Span::Since(since),
            Errand::Backfill { before: None } => Span::Whole,
            Errand::Backfill { before: Some(before) } => Span::Before(before),
            Errand::Revisit { threads, check } => {
                let roots: BTreeSet<String> = threads.into_iter().map(|thread| thread.root).collect();
                todo.extend(chunks(&roots).into_iter().map(|ids| Step::Videos(ids, true)));
                let (videos, comments): (Vec<Known>, Vec<Known>) =
                    check.into_iter().partition(|known| known.kind == Kind::Video);
                let videos: BTreeSet<String> =
                    videos.into_iter().map(|video| video.native_id).filter(|id| !roots.contains(id)).collect();
                todo.extend(chunks(&videos).into_iter().map(|ids| Step::Videos(ids, false)));
                todo.extend(comments.chunks(LOOKUP).map(|chunk| Step::Check(chunk.to_vec())));
                return Walk::over(endpoint, target, Span::None, todo);
            }
        };
        todo.push_back(Step::Channel);
        Walk::over(endpoint, target, span, todo)
    }

    fn over(endpoint: Endpoint, target: Target, errand: Span, todo: VecDeque<Step>) -> Walk {
        Walk {
            endpoint,
            target,
            errand,
            uploads: String::new(),
            counted: None,
            listed: BTreeSet::new(),
            todo,
            position: None,
            open: BTreeSet::new(),
            closed: BTreeSet::new(),
            thread: Thread::default(),
            ending: None,
            stuck: false,
            unfinished: None,
        }
    }

    /// What was not read though no exchange failed, and what a person can do.
    pub fn unfinished(&self) -> Option<&str> {
        self.unfinished.as_deref()
    }

    /// The next exchange, parsed. `None`: the walk is at its end. After a failure that passes it goes on without what
    /// depended on that.
    pub async fn next(&mut self, http: &Http, _now: Timestamp) -> Option<Result<Page, Failure>> {
        let step = self.todo.pop_front()?;
        let essential = matches!(step, Step::Channel | Step::Uploads(_));
        let video = step.video().map(str::to_owned);
        let page = match step {
            Step::Channel => self.channel(http).await,
            Step::Uploads(listing) => self.uploads(http, listing).await,
            Step::Videos(ids, threads) => self.videos(http, ids, threads).await,
            Step::Threads(video, listing) => self.threads(http, video, listing).await,
            Step::Replies(video, thread, listing) => self.replies(http, video, thread, listing).await,
            Step::Check(known) => self.check(http, known).await,
            Step::Root(video, missing) => self.root(http, video, missing).await,
            Step::Films => self.films(http).await,
            Step::Captions(ids) => self.captions(http, &ids).await,
        };
        if let Err(failure) = &page {
            self.stuck = true;
            if essential || !failure.error.passes() {
                self.todo.clear();
            }
            self.todo.retain(|step| video.is_none() || step.video() != video.as_deref());
        }
        Some(page)
    }

    async fn channel(&mut self, http: &Http) -> Result<Page, Failure> {
        let exchange = http.send(&channel_call(&self.endpoint, &self.target)?).await?;
        let listed = parse_channels(&exchange);
        let Some(channel) = listed.found.into_iter().next() else { return Err(no_channel(&self.target, exchange)) };
        self.counted = channel.videos;
        // The playlist of uploads has the channel's own id but for two letters, where the answer does not name it.
        self.uploads = channel.uploads.unwrap_or_else(|| channel.id.replacen("UC", "UU", 1));
        self.target.native_id = channel.id;
        let films = if self.errand == Span::None { Step::Films } else { Step::Uploads(Listing::default()) };
        self.todo.push_back(films);
        Ok(listed.page)
    }

    async fn uploads(&mut self, http: &Http, listing: Listing) -> Result<Page, Failure> {
        let call = self
            .call("playlistItems", "videos")?
            .query("part", "snippet,contentDetails,status")
            .query("playlistId", &self.uploads)
            .query("maxResults", "50");
        let exchange = http.send(&listing.on(call, "pageToken")).await?;
        let mut read = parse_playlist(&exchange);
        // A channel without a single video has no such list.
        let none = exchange.status == 404;
        if let Some(page) = self.troubled(&exchange, &mut read.page, &listing, Step::Uploads) {
            return page;
        }
        if read.lost {
            self.leave_out("something in its list of videos could not be read; the answer is kept", UNREADABLE);
        }
        let ids: Vec<String> = read.found.iter().map(|entry| entry.video.clone()).collect();
        let after = listing.after(read.next.as_deref(), &ids);
        self.listed.extend(ids);
        let (wanted, more) = self.wanted(&read.found);
        let mut page = read.page;
        match after {
            Ok(Some(next)) if more && !none => self.todo.push_front(Step::Uploads(next)),
            Ok(_) => self.ending = self.end_of_uploads(&mut page),
            Err(repeated) => {
                self.leave_out(&format!("{repeated}: older videos were not read"), UNLISTED);
                page.shortfalls.push(self.posts_missing(repeated));
            }
        }
        let oldest = read.found.iter().filter_map(|entry| entry.published_at).min();
        self.position = oldest.filter(|_| !matches!(self.errand, Span::Since(_)));
        for ids in wanted.chunks(LOOKUP).rev() {
            self.todo.push_front(Step::Videos(ids.to_vec(), true));
        }
        self.close(&mut page);
        Ok(page)
    }

    /// Which of these uploads are in the span, and whether older ones are.
    fn wanted(&self, entries: &[Entry]) -> (Vec<String>, bool) {
        let newest = |entry: &Entry| [entry.published_at, entry.added_at].into_iter().flatten().max();
        let wanted = |entry: &&Entry| match self.errand {
            Span::Since(since) => newest(entry).is_none_or(|at| at >= since),
            // Up to and including the moment itself: two videos may share it.
            Span::Before(before) => entry.published_at.is_none_or(|at| at <= before),
            Span::Whole | Span::None => true,
        };
        let chosen: Vec<String> = entries.iter().filter(wanted).map(|entry| entry.video.clone()).collect();
        let more = !matches!(self.errand, Span::Since(_)) || entries.is_empty() || !chosen.is_empty();
        (chosen, more)
    }

    fn end_of_uploads(&self, page: &mut Page) -> Option<Scope> {
        let listed = i64::try_from(self.listed.len()).unwrap_or(i64::MAX);
        let counted = self.counted.filter(|counted| *counted > listed && self.errand == Span::Whole);
        page.shortfalls.extend(counted.map(|counted| {
            self.posts_missing(format!(
                "YouTube counts {counted} videos and lists {listed}: unlisted and private ones, or more than it lists"
            ))
        }));
        match self.errand {
            Span::Since(since) => Some(Scope::Posts { since: Some(since) }),
            Span::Whole => Some(Scope::Posts { since: None }),
            Span::Before(_) | Span::None => None,
        }
    }

    fn posts_missing(&self, cause: String) -> Shortfall {
        Shortfall { item: None, stream: "posts".to_owned(), from: None, to: None, cause }
    }

    async fn videos(&mut self, http: &Http, ids: Vec<String>, threads: bool) -> Result<Page, Failure> {
        let call = self
            .call("videos", "videos by id")?
            .query("part", "snippet,status,statistics,contentDetails,liveStreamingDetails")
            .query("id", &ids.join(","));
        let exchange = http.send(&call).await?;
        let read = parse_videos(&exchange);
        if read.lost {
            self.leave_out("a video could not be read; the answer is kept", UNREADABLE);
        }
        let mut page = read.page;
        let found: BTreeMap<&String, Option<i64>> = read.found.iter().map(|(id, counted)| (id, *counted)).collect();
        for id in &ids {
            match (found.contains_key(id), self.errand == Span::None) {
                // A video is called readable once the comments under it have been looked through.
                (true, true) => {}
                (false, _) if read.lost => {}
                (false, true) => page.answers.push(Answer::Gone(id.clone())),
                (true, false) => {}
                (false, false) => page.shortfalls.push(Shortfall {
                    item: Some(id.clone()),
                    ..self.posts_missing("listed among the uploads, but private or not ready: not given".to_owned())
                }),
            }
        }
        if threads {
            for id in ids.into_iter().filter(|id| found.contains_key(id)).rev() {
                self.todo.push_front(Step::Threads(id, Listing::default()));
            }
        }
        self.close(&mut page);
        Ok(page)
    }

    async fn threads(&mut self, http: &Http, video: String, listing: Listing) -> Result<Page, Failure> {
        if listing.first() {
            self.thread = Thread::default();
        }
        let exchange = http.send(&listing.on(self.threads_call(&video, "100")?, "pageToken")).await?;
        let mut read = parse_threads(&exchange, &video);
        if let Some(cause) = unreadable(&exchange) {
            self.closed.insert(video.clone());
            let mut page = read.page;
            page.shortfalls.push(comments_missing(&video, cause.to_owned()));
            if exchange.status == 403 {
                self.looked_through(&mut page, &video);
            }
            self.close(&mut page);
            return Ok(page);
        }
        let again = video.clone();
        if let Some(page) = self.troubled(&exchange, &mut read.page, &listing, |next| Step::Threads(again, next)) {
            return page.map(|page| self.ended(page, &video));
        }
        if read.lost {
            let what = format!("something among the comments of {video} could not be read; the answer is kept");
            self.leave_out(&what, UNREADABLE);
            self.thread.broken = Some(what);
        }
        let ids: Vec<String> = read.found.iter().map(|thread| thread.id.clone()).collect();
        match listing.after(read.next.as_deref(), &ids) {
            Ok(Some(next)) => self.todo.push_front(Step::Threads(video.clone(), next)),
            Ok(None) => {}
            Err(repeated) => self.thread.broken = Some(repeated),
        }
        for thread in read.found.into_iter().rev() {
            let given = i64::try_from(thread.given.len()).unwrap_or(0);
            self.thread.counted += thread.counted;
            if thread.counted > given {
                self.todo.push_front(Step::Replies(video.clone(), thread, Listing::default()));
            } else {
                self.thread.given += given;
            }
        }
        Ok(self.ended(read.page, &video))
    }

    async fn replies(
        &mut self,
        http: &Http,
        video: String,
        mut thread: ThreadRead,
        listing: Listing,
    ) -> Result<Page, Failure> {
        let call = self
            .call("comments", "replies")?
            .query("part", "id,snippet")
            .query("parentId", &thread.id)
            .query("maxResults", "100")
            .query("textFormat", "plainText");
        let exchange = http.send(&listing.on(call, "pageToken")).await?;
        let mut read = parse_comments(&exchange, |_| video.clone(), Some(&thread.id));
        let again = (video.clone(), thread.clone());
        let trouble = self.troubled(&exchange, &mut read.page, &listing, |next| Step::Replies(again.0, again.1, next));
        if let Some(page) = trouble {
            return page.map(|page| self.ended(page, &video));
        }
        if read.lost {
            let what = format!("something among the replies under {video} could not be read; the answer is kept");
            self.leave_out(&what, UNREADABLE);
            self.thread.broken = Some(what);
        }
        let after = listing.after(read.next.as_deref(), &read.found);
        thread.given.extend(read.found);
        match after {
            Ok(Some(next)) => self.todo.push_front(Step::Replies(video.clone(), thread, next)),
            ended => {
                let distinct: BTreeSet<&String> = thread.given.iter().collect();
                self.thread.given += i64::try_from(distinct.len()).unwrap_or(0);
                self.thread.broken = self.thread.broken.take().or(ended.err());
            }
        }
        Ok(self.ended(read.page, &video))
    }

    /// Completes a page of a video's comments: when nothing of the video is left to do, its thread has been seen in whole,
    /// and what was counted and not given is said.
    fn ended(&mut self, mut page: Page, video: &str) -> Page {
        if self.todo.front().and_then(Step::video) != Some(video) {
            self.open.insert(video.to_owned());
            self.looked_through(&mut page, video);
            let thread = std::mem::take(&mut self.thread);
            match thread.broken {
                Some(cause) => page.shortfalls.push(comments_missing(video, cause)),
                None => page.finished.push(Scope::Thread { root: video.to_owned() }),
            }
            if thread.counted > thread.given {
                page.shortfalls.push(comments_missing(
                    video,
                    format!(
                        "YouTube counts {} replies under the comments and gave {}: others are held for review or removed",
                        thread.counted, thread.given
                    ),
                ));
            }
        }
        self.close(&mut page);
        page
    }

    fn looked_through(&self, page: &mut Page, video: &str) {
        page.answers.extend((self.errand == Span::None).then(|| Answer::Readable(video.to_owned())));
    }

    /// When all of an uploads page has been walked, a backfill may resume below it; when it was the last, the videos that
    /// should have been on the way have been seen.
    fn close(&mut self, page: &mut Page) {
        let inside = matches!(self.todo.front(), Some(Step::Videos(..) | Step::Threads(..) | Step::Replies(..)));
        if !inside {
            page.position = self.position.take().filter(|_| !self.stuck);
            page.finished.extend(self.ending.take().filter(|_| !self.stuck));
        }
    }

    async fn check(&mut self, http: &Http, known: Vec<Known>) -> Result<Page, Failure> {
        let ids: Vec<&str> = known.iter().map(|known| known.native_id.as_str()).collect();
        let call = self
            .call("comments", "comments by id")?
            .query("part", "id,snippet")
            .query("id", &ids.join(","))
            .query("textFormat", "plainText");
        let exchange = http.send(&call).await?;
        let roots: BTreeMap<&str, &str> = known.iter().map(|k| (k.native_id.as_str(), k.root.as_str())).collect();
        let read = parse_comments(&exchange, |id| roots.get(id).copied().unwrap_or_default().to_owned(), None);
        let mut page = read.page;
        let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for known in &known {
            if read.found.contains(&known.native_id) {
                page.answers.push(Answer::Readable(known.native_id.clone()));
            } else {
                missing.entry(&known.root).or_default().push(known.native_id.clone());
            }
        }
        for (root, ids) in missing {
            if self.closed.contains(root) {
                page.shortfalls.push(comments_missing(root, OFF.to_owned()));
            } else if self.open.contains(root) {
                page.answers.extend(ids.into_iter().map(Answer::Gone));
            } else {
                self.todo.push_front(Step::Root(root.to_owned(), ids));
            }
        }
        Ok(page)
    }

    /// Comments that a lookup left out: are they gone, or are the video's comments turned off?
    async fn root(&mut self, http: &Http, video: String, missing: Vec<String>) -> Result<Page, Failure> {
        let exchange = http.send(&self.threads_call(&video, "1")?).await?;
        let mut page = parse_threads(&exchange, &video).page;
        match (unreadable(&exchange), exchange.status) {
            (Some(cause), 403) => page.shortfalls.push(comments_missing(&video, cause.to_owned())),
            (Some(_), _) | (None, 200..=299) => page.answers.extend(missing.into_iter().map(Answer::Gone)),
            (None, _) => page.problems.push(Problem::new("error", "the video's comments could not be read")),
        }
        Ok(page)
    }

    /// What to do about an answer that is an error: the page to give instead, or nothing when it is none.
    fn troubled(
        &mut self,
        exchange: &Exchange,
        page: &mut Page,
        listing: &Listing,
        again: impl FnOnce(Listing) -> Step,
    ) -> Option<Result<Page, Failure>> {
        let told = judge::reason(exchange);
        if matches!(exchange.status, 200..=299) || told.reason == "playlistNotFound" {
            return None;
        }
        let mut page = std::mem::take(page);
        page.problems.push(Problem::new("error", format!("HTTP {} {}", exchange.status, told.reason)));
        match listing.trouble() {
            Trouble::Again(next) => self.todo.push_front(again(next)),
            Trouble::GiveUp => {
                let cause = format!("YouTube broke off the listing ({}) each time it was tried", told.reason);
                match again(Listing::default()).video() {
                    Some(_) => self.thread.broken = Some(cause),
                    None => {
                        self.leave_out(&format!("{cause}: older videos were not read"), UNLISTED);
                        page.shortfalls.push(self.posts_missing(cause));
                    }
                }
            }
        }
        Some(Ok(page))
    }

    /// The walk goes on, but nothing rests on it that would need this.
    fn leave_out(&mut self, missing: &str, act: &str) {
        self.stuck = true;
        self.unfinished.get_or_insert_with(|| format!("{}: {missing}. {act}", who(&self.target)));
    }

    fn threads_call(&self, video: &str, results: &str) -> Result<Call, Error> {
        Ok(self
            .call("commentThreads", "comments")?
            .query("part", "id,snippet,replies")
            .query("videoId", video)
            .query("maxResults", results)
            .query("order", "time")
            .query("textFormat", "plainText"))
    }

    fn call(&self, list: &str, what: &str) -> Result<Call, Error> {
        call(&self.endpoint, &self.target, list, what)
    }
}

impl Step {
    /// The video whose comments a step reads.
    fn video(&self) -> Option<&str> {
        match self {
            Step::Threads(video, _) | Step::Replies(video, ..) => Some(video),
            _ => None,
        }
    }
}

/// What a person can do about what was left out.
const UNLISTED: &str =
    "The next run tries again; if it says so for days, compare the channel's videos in a browser with those kept";
const UNREADABLE: &str =
    "Install the newest pagekeeper; if that does not read it either, report the problem shown with the account";

const OFF: &str = "comments are turned off";

/// States in which a video's comments cannot be read.
fn unreadable(exchange: &Exchange) -> Option<&'static str> {
    match judge::reason(exchange).reason.as_str() {
        "commentsDisabled" => Some(OFF),
        "videoNotFound" => Some("the video is private or no longer there"),
        _ => None,
    }
}

fn comments_missing(video: &str, cause: String) -> Shortfall {
    Shortfall { item: Some(video.to_owned()), stream: "comments".to_owned(), from: None, to: None, cause }
}

fn chunks(ids: &BTreeSet<String>) -> Vec<Vec<String>> {
    let ids: Vec<String> = ids.iter().cloned().collect();
    ids.chunks(LOOKUP).map(<[String]>::to_vec).collect()
}

fn who(target: &Target) -> String {
    format!("YouTube {}", if target.handle.is_empty() { &target.native_id } else { &target.handle })
}

fn call(endpoint: &Endpoint, target: &Target, list: &str, what: &str) -> Result<Call, Error> {
    let what = format!("{}: {what}", who(target));
    let Some(key) = target.token.clone() else {
        return Err(Error::Unauthorized {
            say: format!("{what}: there is no API key; write it to the api_key_file of [platform.youtube]"),
        });
    };
    let call = Call::get(&endpoint.api_base, &["youtube", "v3", list], what)?;
    Ok(call.auth(Auth::Header("x-goog-api-key", key)).judge(judge).meter(METER))
}

fn channel_call(endpoint: &Endpoint, target: &Target) -> Result<Call, Error> {
    let call = call(endpoint, target, "channels", "channel")?
        .query("part", "snippet,statistics,contentDetails,brandingSettings,status");
    if target.native_id.is_empty() {
        return Ok(call.query("forHandle", &format!("@{}", target.handle.trim_start_matches('@'))));
    }
    Ok(call.query("id", &target.native_id))
}

fn no_channel(target: &Target, exchange: Exchange) -> Failure {
    let say = format!(
        "{}: there is no such channel, or it was closed; look at it in a browser and correct the register if its handle \
         has changed",
        who(target)
    );
    Failure { error: Error::Gone { say }, exchange: Some(Box::new(exchange)) }
}

/// An API key reads every public channel and owns none: what it reaches is what the register names.
pub async fn discover(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Reached>, Failure> {
    if target.native_id.is_empty() && target.handle.is_empty() {
        let say = "YouTube: an API key reads every public channel and belongs to none; put the district's channels into the register";
        return Err(Error::Unexpected { say: say.to_owned() }.into());
    }
    let exchange = http.send(&channel_call(endpoint, target)?).await?;
    let reached = parse_channels(&exchange).found.into_iter().map(|channel| Reached {
        platform: Platform::Youtube,
        native_id: channel.id,
        handle: channel.handle,
        name: channel.title,
        token: None,
    });
    Ok(reached.collect())
}

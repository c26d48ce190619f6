//! The outbox against a real mail server: every kind arrives, one address is refused, and the server is away for a while.

use jiff::SignedDuration;
use pagekeeper::audit::tickets;
use pagekeeper::config::{Config, Tls};
use pagekeeper::db::{self, Db, mails};
use pagekeeper::mail::{Kind, Mailer, Message};
use pagekeeper::model::Timestamp;
use pagekeeper::{alert, connect, outbox, weekly};

use crate::smtp::{Post, header};

const CONFIG: &str = r#"
data_dir = "data"
[district]
name = "Mesa Vista Unified School District"
[web]
public_url = "https://pages.mesavista.example.org"
[mail]
transport = "file"
dir = "mail"
from = "pages@mesavista.example.org"
"#;

/// A sample of every kind to one address.
fn samples(config: &Config, to: &str, now: Timestamp) -> Vec<Message> {
    let one = |kind: &Kind| match kind {
        Kind::Weekly => weekly::sample(to, config, now),
        Kind::Ticket => tickets::sample(to, config, now),
        Kind::Credential => connect::sample(to, config, now),
        kind => alert::sample(*kind, to, config, now).unwrap(),
    };
    Kind::ALL.iter().map(one).collect()
}

async fn store(db: &Db, message: &Message, now: Timestamp) {
    let mail = mails::New {
        kind: message.kind.as_str(),
        message_id: message.message_id.clone(),
        recipient: message.to.clone(),
        subject: message.subject.clone(),
        text: message.text.clone(),
        html: message.html.clone(),
        important: message.important,
    };
    db.writer.write_async(move |tx| mails::put(tx, &mail, now)).await.unwrap();
}

#[tokio::test]
async fn every_kind_arrives_one_is_refused_and_nothing_is_lost_while_the_server_is_away() {
    let mut post = Post::open();
    let smtp = post.smtp(Tls::Starttls);
    let mailer = Mailer::Smtp(smtp.clone());
    let dir = tempfile::tempdir().unwrap();
    let config = Config::parse(CONFIG, dir.path()).unwrap();
    let mut now: Timestamp = "2026-11-22T05:14:00Z".parse().unwrap();
    let path = dir.path().join("pagekeeper.db");
    db::create(&path, "mesavista.example.org/pagekeeper", now).unwrap();
    let db = Db::open(&path).unwrap();
    let wanted = samples(&config, "dana.okafor@mesavista.example.org", now);
    for message in wanted.iter().chain(&samples(&config, "bounce@mesavista.example.org", now)[..1]) {
        store(&db, message, now).await;
    }

    post.close();
    let started = now;
    for _ in 0..4 {
        outbox::send_due(&db, &mailer, now).await.unwrap();
        now += SignedDuration::from_mins(1);
    }
    let trouble = db.read(mails::outbox_trouble).unwrap();
    assert_eq!((trouble.waiting, trouble.away_since, trouble.refused), (7, Some(started), 0));
    assert!(trouble.answer.unwrap().contains("localhost"));

    post.reopen(smtp.port);
    now += SignedDuration::from_mins(10);
    let sent = outbox::send_due(&db, &mailer, now).await.unwrap();
    assert_eq!((sent.sent, sent.refused, sent.postponed), (6, 1, 0));
    let got: Vec<_> = (1..=6).map(|n| post.received(n)).collect();
    for message in &wanted {
        let one = got.iter().find(|one| header(one, "Message-ID") == [message.message_id.as_str()]).unwrap();
        assert_eq!(header(one, "Subject"), [message.subject.as_str()]);
        assert_eq!(header(one, "Importance").len(), usize::from(message.kind == Kind::Urgent));
        assert_eq!((one["text"].as_str(), one["html"].as_str()), (Some(&*message.text), Some(&*message.html)));
    }
    assert_eq!(header(&got[0], "X-Pagekeeper"), ["urgent"], "what is urgent goes first");
    let trouble = db.read(mails::outbox_trouble).unwrap();
    assert_eq!((trouble.waiting, trouble.refused, trouble.is_away()), (0, 1, false));
    now += SignedDuration::from_hours(1);
    assert_eq!(outbox::send_due(&db, &mailer, now).await.unwrap(), outbox::Sent::default());
    assert!(!post.has_received(7));
}
